// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's own messages: where they go and how they look. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "owner.h"

#define LINE_MAX_BYTES	1024
#define RING_LINES	64

struct line {
	time_t when;
	int level;
	char text[LINE_MAX_BYTES];	/* led by "file:line " */
	unsigned int body;		/* offset behind that */
};

static struct {
	enum { TO_STDERR, TO_STDOUT, TO_SYSLOG, TO_FILE } to;
	char *path;
	int fd;
	dev_t dev;		/* TO_FILE: which file is open */
	ino_t ino;
	atomic_int level;	/* set at a reload, while others ask for it */
	bool verbose, plain;
	bool detached;		/* nobody reads stderr */
	atomic_bool starting;
	void (*listen)(const char *text, void *arg);	/* the main thread's */
	void *listen_arg;
	int listen_level;

	uint64_t unwritten;	/* lines that the destination did not take, and why */
	int unwritten_err;
	bool torn;		/* half a line is at the end of what it took */
	bool astray;		/* the file lost its name, and that could not be opened again: said */

	/* Lines of other threads, oldest first; the lock guards these four. */
	pthread_t writer;
	pthread_mutex_t lock;
	struct line ring[RING_LINES];
	unsigned int head, count, missed;
	int wake_fd;
} lg = {
	.fd = -1,
	.level = ULOGD_NOTICE,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake_fd = -1,
};

int64_t log_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int syslog_priority(int level)
{
	switch (level) {
	case ULOGD_DEBUG:
		return LOG_DEBUG;
	case ULOGD_INFO:
		return LOG_INFO;
	case ULOGD_NOTICE:
		return LOG_NOTICE;
	case ULOGD_ERROR:
		return LOG_ERR;
	case ULOGD_FATAL:
		return LOG_CRIT;
	default:
		return LOG_WARNING;
	}
}

/* Writes all of @data, or returns the error; *ret becomes what was written in any case. */
static int write_upto(int fd, const char *data, size_t len, size_t *ret)
{
	*ret = 0;
	while (*ret < len) {
		ssize_t n = write(fd, data + *ret, len - *ret);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		*ret += (size_t)n;
	}
	return 0;
}

/* To where there is nobody to tell when it fails. */
static void write_all(int fd, const char *data, size_t len)
{
	size_t written;

	write_upto(fd, data, len, &written);
}

#define LINE_OUT_SIZE	(LINE_MAX_BYTES + 64)

/* The line with its date, and a newline. */
static size_t line_print(const struct line *l, char out[LINE_OUT_SIZE])
{
	char date[32];
	struct tm tm;

	localtime_r(&l->when, &tm);
	strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	return (size_t)snprintf(out, LINE_OUT_SIZE, "%s <%d> %s\n", date, l->level, l->text);
}

static int file_open(const char *path)
{
	bool made;
	int fd = owner_open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666, &made);

	/* If they cannot have it, opening it again fails, which is said then. */
	if (made)
		owner_give(fd);
	return fd;
}

/* Takes @fd for the file that is written. */
static void file_use(int fd)
{
	struct stat st = {};

	if (lg.fd >= 0)
		close(lg.fd);
	fstat(fd, &st);
	lg.fd = fd;
	lg.dev = st.st_dev;
	lg.ino = st.st_ino;
	lg.torn = lg.astray = false;
}

/* Writes one line whole or not at all. */
static int dest_put(const char *data, size_t len)
{
	struct stat st;
	size_t written;
	int ret;

	if (lg.torn) {	/* ends the half line that is there */
		ret = write_upto(lg.fd, "\n", 1, &written);
		if (ret < 0)
			return ret;
		lg.torn = false;
	}
	ret = write_upto(lg.fd, data, len, &written);
	if (ret == 0 || written == 0)
		return ret;
	lg.torn = fstat(lg.fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)written ||
		  ftruncate(lg.fd, st.st_size - (off_t)written) < 0;
	return ret;
}

/* The same for a line of the log about itself. */
static int __attribute__((format(printf, 2, 3))) dest_say(int level, const char *fmt, ...)
{
	struct line l = { .when = time(NULL), .level = level };
	char out[LINE_OUT_SIZE];
	va_list ap;
	int len;

	len = snprintf(l.text, sizeof(l.text), "log.c:%d ", __LINE__);
	va_start(ap, fmt);
	vsnprintf(l.text + len, sizeof(l.text) - (size_t)len, fmt, ap);
	va_end(ap);
	return dest_put(out, line_print(&l, out));
}

/*
 * Opens the file anew when it was renamed or removed.  A renamed one stays in use when that fails,
 * what goes into a removed one would be lost.
 */
static int file_follow(void)
{
	struct stat st;
	int fd;

	if (lg.to != TO_FILE || fstat(lg.fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (stat(lg.path, &st) == 0 ? st.st_dev == lg.dev && st.st_ino == lg.ino :
				      errno != ENOENT && errno != ENOTDIR)
		return 0;
	fd = file_open(lg.path);
	if (fd >= 0) {
		file_use(fd);
		return dest_say(ULOGD_NOTICE, "%s: the log was renamed or removed, opened again", lg.path);
	}
	if (fstat(lg.fd, &st) < 0 || st.st_nlink == 0)
		return fd;
	if (lg.astray)
		return 0;
	lg.astray = true;
	return dest_say(ULOGD_ERROR, "%s: the log was renamed, and cannot be opened again: %s; the old one "
			"stays in use", lg.path, strerror(-fd));
}

/* Says what is missing, before the next line. */
static int unwritten_say(void)
{
	int ret;

	if (lg.unwritten == 0)
		return 0;
	ret = dest_say(ULOGD_ERROR, "%" PRIu64 " lines of this log could not be written: %s", lg.unwritten,
		       strerror(lg.unwritten_err));
	if (ret == 0)
		lg.unwritten = 0;
	return ret;
}

/* A log that cannot be written is no reason to end: lines are counted, and elsewhere it is said once. */
static void dest_failed(int err)
{
	lg.unwritten_err = -err;
	if (lg.unwritten++ > 0)
		return;
	if (lg.detached)
		syslog(LOG_DAEMON | LOG_ERR, "the log %s cannot be written: %s; make room, or open it again "
		       "by SIGHUP", log_destination(), strerror(-err));
	else
		dprintf(STDERR_FILENO, "ulogd: the log %s cannot be written: %s; make room, or open it again by "
			"SIGHUP\n", log_destination(), strerror(-err));
}

static void dest_write(const char *data, size_t len)
{
	int ret = file_follow();

	if (ret == 0)
		ret = unwritten_say();
	if (ret == 0)
		ret = dest_put(data, len);
	if (ret < 0)
		dest_failed(ret);
}

static void line_write(const struct line *l)
{
	char out[LINE_OUT_SIZE];
	size_t len;

	if (lg.to == TO_STDERR && lg.plain) {
		len = (size_t)snprintf(out, sizeof(out), "%s\n", l->text + l->body);
		return write_all(STDERR_FILENO, out, len);
	}
	len = line_print(l, out);
	switch (lg.to) {
	case TO_SYSLOG:
		syslog(syslog_priority(l->level), "%s", l->text + l->body);
		break;
	case TO_STDERR:
		write_all(STDERR_FILENO, out, len);
		return;
	case TO_STDOUT:
	case TO_FILE:
		dest_write(out, len);
		break;
	}
	if (lg.verbose && lg.to != TO_SYSLOG) {
		write_all(STDERR_FILENO, out, len);
	} else if (lg.starting && l->level >= ULOGD_ERROR) {
		len = (size_t)snprintf(out, sizeof(out), "%s\n", l->text + l->body);
		write_all(STDERR_FILENO, out, len);
	}
}

static void line_queue(const struct line *l)
{
	static const uint64_t one = 1;
	ssize_t n;

	pthread_mutex_lock(&lg.lock);
	if (lg.count < RING_LINES)
		lg.ring[(lg.head + lg.count++) % RING_LINES] = *l;
	else
		lg.missed++;
	pthread_mutex_unlock(&lg.lock);
	n = write(lg.wake_fd, &one, sizeof(one));	/* cannot fail: the counter has 64 bits */
	(void)n;
}

void log_flush(void)
{
	struct line l;
	unsigned int count, missed;
	uint64_t wakes;
	ssize_t n;

	if (lg.wake_fd < 0)
		return;
	n = read(lg.wake_fd, &wakes, sizeof(wakes));
	(void)n;
	do {
		pthread_mutex_lock(&lg.lock);
		count = lg.count;
		missed = lg.missed;
		lg.missed = 0;
		if (count > 0) {
			l = lg.ring[lg.head];
			lg.head = (lg.head + 1) % RING_LINES;
			lg.count--;
		}
		pthread_mutex_unlock(&lg.lock);
		if (count > 0)
			line_write(&l);
		if (missed > 0)
			log_error("%u messages of this log were lost: too many at once", missed);
	} while (count > 1);
}

void log_vat(const char *file, int line, int level, const char *fmt, va_list ap)
{
	bool wanted = level >= lg.level || (lg.starting && level >= ULOGD_ERROR);
	bool ours = pthread_equal(pthread_self(), lg.writer);
	bool heard = ours && lg.listen && level >= lg.listen_level;
	const char *base = strrchr(file, '/');
	int saved_errno = errno, len;
	struct line l;

	if (!wanted && !heard)
		return;
	l.when = time(NULL);
	l.level = level;
	len = snprintf(l.text, sizeof(l.text), "%s:%d ", base ? base + 1 : file, line);
	l.body = (unsigned int)len;
	errno = saved_errno;	/* for %m */
	vsnprintf(l.text + len, sizeof(l.text) - (size_t)len, fmt, ap);

	if (ours && wanted) {
		log_flush();
		line_write(&l);
	} else if (wanted) {
		line_queue(&l);
	}
	if (heard)
		lg.listen(l.text + l.body, lg.listen_arg);
	errno = saved_errno;
}

void log_at(const char *file, int line, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vat(file, line, level, fmt, ap);
	va_end(ap);
}

int log_init(void)
{
	lg.writer = pthread_self();
	lg.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return lg.wake_fd < 0 ? -errno : 0;
}

int log_fd(void)
{
	return lg.wake_fd;
}

static void destination_close(void)
{
	if (lg.to == TO_SYSLOG)
		closelog();
	else if (lg.to != TO_STDERR)
		unwritten_say();
	if (lg.to == TO_FILE)
		close(lg.fd);
	lg.unwritten = 0;
	lg.torn = false;
	free(lg.path);
	lg.path = NULL;
	lg.fd = -1;
	lg.to = TO_STDERR;
}

void log_fini(void)
{
	log_flush();
	destination_close();
	if (lg.wake_fd >= 0)
		close(lg.wake_fd);
	lg.wake_fd = -1;
}

int log_open(const char *dest)
{
	int fd = -1;

	if (dest && strcmp(dest, "stdout") == 0)
		fd = STDOUT_FILENO;
	else if (dest && strcmp(dest, "syslog") != 0)
		fd = file_open(dest);
	if (dest && fd < 0 && strcmp(dest, "syslog") != 0)
		return fd;

	destination_close();
	if (fd == STDOUT_FILENO) {
		lg.to = TO_STDOUT;
		lg.fd = fd;
	} else if (fd >= 0) {
		lg.to = TO_FILE;
		lg.path = strdup(dest);
		file_use(fd);
	} else if (dest) {
		openlog("ulogd", LOG_PID, LOG_DAEMON);
		lg.to = TO_SYSLOG;
	}
	return 0;
}

int log_reopen(void)
{
	int fd;

	if (lg.to != TO_FILE)
		return 0;
	fd = file_open(lg.path);
	if (fd < 0)
		return fd;
	file_use(fd);
	return 0;
}

void log_detach(void)
{
	lg.detached = true;
	if (lg.to == TO_STDERR)
		log_open("syslog");
	lg.verbose = false;
	lg.starting = false;
}

const char *log_destination(void)
{
	switch (lg.to) {
	case TO_STDOUT:
		return "stdout";
	case TO_SYSLOG:
		return "syslog";
	case TO_FILE:
		return lg.path;
	case TO_STDERR:
		break;
	}
	return "stderr";
}

void log_listen(int level, void (*listen)(const char *text, void *arg), void *arg)
{
	lg.listen = listen;
	lg.listen_arg = arg;
	lg.listen_level = level;
}

void log_set_level(int level)
{
	lg.level = level;
}

void log_set_verbose(bool verbose)
{
	lg.verbose = verbose;
}

void log_set_plain(bool plain)
{
	lg.plain = plain;
}

void log_set_starting(bool starting)
{
	lg.starting = starting;
}

bool ulogd_once_a_second(struct ulogd_once *once)
{
	int64_t now = log_now_ms();

	if (once->last_ms && now - once->last_ms < 1000)
		return false;
	once->last_ms = now;
	return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's own messages: where they go and how they look. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

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
	int level;
	bool verbose, plain;
	atomic_bool starting;

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

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;	/* a log that cannot be written has nobody to tell */
		data += n;
		len -= (size_t)n;
	}
}

static void line_write(const struct line *l)
{
	char out[LINE_MAX_BYTES + 64], date[32];
	struct tm tm;
	int len;

	if (lg.to == TO_STDERR && lg.plain) {
		len = snprintf(out, sizeof(out), "%s\n", l->text + l->body);
		return write_all(STDERR_FILENO, out, (size_t)len);
	}
	localtime_r(&l->when, &tm);
	strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	len = snprintf(out, sizeof(out), "%s <%d> %s\n", date, l->level, l->text);

	switch (lg.to) {
	case TO_SYSLOG:
		syslog(syslog_priority(l->level), "%s", l->text + l->body);
		break;
	case TO_STDERR:
		write_all(STDERR_FILENO, out, (size_t)len);
		return;
	case TO_STDOUT:
	case TO_FILE:
		write_all(lg.fd, out, (size_t)len);
		break;
	}
	if (lg.verbose && lg.to != TO_SYSLOG) {
		write_all(STDERR_FILENO, out, (size_t)len);
	} else if (lg.starting && l->level >= ULOGD_ERROR) {
		len = snprintf(out, sizeof(out), "%s\n", l->text + l->body);
		write_all(STDERR_FILENO, out, (size_t)len);
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
	const char *base = strrchr(file, '/');
	int saved_errno = errno, len;
	struct line l;

	if (level < lg.level && !(lg.starting && level >= ULOGD_ERROR))
		return;
	l.when = time(NULL);
	l.level = level;
	len = snprintf(l.text, sizeof(l.text), "%s:%d ", base ? base + 1 : file, line);
	l.body = (unsigned int)len;
	errno = saved_errno;	/* for %m */
	vsnprintf(l.text + len, sizeof(l.text) - (size_t)len, fmt, ap);

	if (pthread_equal(pthread_self(), lg.writer)) {
		log_flush();
		line_write(&l);
	} else {
		line_queue(&l);
	}
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
	if (lg.to == TO_FILE)
		close(lg.fd);
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

static int file_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);

	return fd < 0 ? -errno : fd;
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
	} else if (fd >= 0) {
		lg.to = TO_FILE;
		lg.path = strdup(dest);
	} else if (dest) {
		openlog("ulogd", LOG_PID, LOG_DAEMON);
		lg.to = TO_SYSLOG;
	}
	lg.fd = fd;
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
	close(lg.fd);
	lg.fd = fd;
	return 0;
}

void log_detach(void)
{
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

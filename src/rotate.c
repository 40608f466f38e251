// SPDX-License-Identifier: GPL-2.0-or-later
/* Old files: their names, their number, compressing them in the background. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <zlib.h>

#include "log.h"
#include "rotate.h"

#define DAY_S		86400
#define BLOCK_BYTES	(64 * 1024)
#define NAME_SIZE	(PATH_MAX + 32)	/* a path, a number and suffixes */

struct rotator {
	struct rotate_options options;
	char *pattern;			/* dated: for glob(3); else NULL */
	pthread_t thread;
	bool started;			/* there is a thread to join */
	atomic_bool stop;

	pthread_mutex_t lock;		/* guards names of files, and everything below */
	char path[PATH_MAX];		/* of the current file, without symbolic links */
	dev_t dev;			/* the current file */
	ino_t ino;
	bool wanted, running;		/* something to do for the thread; the thread does it */
};

/* -------------------------------------------------------------- options */

int rotate_parse_interval(const char *text, uint32_t *ret)
{
	static const char units[] = "smhd";
	static const uint32_t values[] = { 1, 60, 3600, DAY_S };
	unsigned long long num;
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	num = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : units;
	if (errno || !unit || (*end && end[1]) || num > INT32_MAX / values[unit - units])
		return -EINVAL;
	*ret = (uint32_t)num * values[unit - units];
	return 0;
}

time_t rotate_after(uint32_t interval_s, time_t when)
{
	time_t interval = (time_t)interval_s, second, end;	/* second: of the day */
	struct tm tm;

	localtime_r(&when, &tm);
	if (interval % DAY_S == 0) {
		time_t day = (when + tm.tm_gmtoff) / DAY_S;

		tm.tm_mday += (int)(interval / DAY_S - day % (interval / DAY_S));
		second = 0;
	} else if (DAY_S % interval == 0 && interval > 3600) {
		second = tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
		second += interval - second % interval;
	} else {
		/* Within an hour the distance from UTC stays the same. */
		time_t offset = 3600 % interval == 0 ? tm.tm_gmtoff : 0;

		return when - (when + offset) % interval + interval;
	}
	tm.tm_hour = (int)(second / 3600);
	tm.tm_min = (int)(second % 3600 / 60);
	tm.tm_sec = (int)(second % 60);
	tm.tm_isdst = -1;	/* mktime() finds out which time is in force then */
	end = mktime(&tm);
	return end > when ? end : when + interval;
}

/* ---------------------------------------------------------------- names */

/* The name of old file @n; what is compressed has @suffix ".gz". */
static void name_make(const struct rotator *r, unsigned int n, const char *suffix, char *ret)
{
	snprintf(ret, NAME_SIZE, "%s.%u%s", r->path, n, suffix);
}

static const char *const suffixes[] = { "", ".gz" };
#define N_SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))

static bool old_exists(const struct rotator *r, unsigned int n)
{
	char name[NAME_SIZE];
	struct stat st;

	for (size_t i = 0; i < N_SUFFIXES; i++) {
		name_make(r, n, suffixes[i], name);
		if (lstat(name, &st) == 0)
			return true;
	}
	return false;
}

int rotator_shift(struct rotator *r)
{
	char from[NAME_SIZE], to[NAME_SIZE];
	unsigned int n = 1;

	if (r->pattern)
		return 0;
	while (n < r->options.keep && old_exists(r, n))
		n++;
	for (size_t i = 0; i < N_SUFFIXES; i++) {
		name_make(r, n, suffixes[i], to);
		if (unlink(to) < 0 && errno != ENOENT)
			return -errno;
	}
	for (; n > 1; n--) {
		for (size_t i = 0; i < N_SUFFIXES; i++) {
			name_make(r, n - 1, suffixes[i], from);
			name_make(r, n, suffixes[i], to);
			if (rename(from, to) < 0 && errno != ENOENT)
				return -errno;
		}
	}
	name_make(r, 1, "", to);
	return rename(r->path, to) < 0 ? -errno : 0;
}

void rotator_unshift(struct rotator *r)
{
	char name[NAME_SIZE];

	if (r->pattern)
		return;
	name_make(r, 1, "", name);
	if (rename(name, r->path) < 0)
		log_error("%s: cannot become %s again: %s", name, r->path, strerror(errno));
}

void rotator_set_current(struct rotator *r, const char *path, const struct stat *st)
{
	/* Old files stand beside the file itself, not beside a symbolic link to it. */
	if (!realpath(path, r->path))
		snprintf(r->path, sizeof(r->path), "%s", path);
	r->dev = st->st_dev;
	r->ino = st->st_ino;
}

/* ---------------------------------------------------------- compressing */

/* Copies @in to the new file @out, compressed. */
static int compress_copy(struct rotator *r, int in, int out)
{
	char *block = malloc(BLOCK_BYTES);
	int fd = dup(out), ret = 0;
	gzFile gz = fd < 0 ? NULL : gzdopen(fd, "wb");
	ssize_t n = 0;

	if (!block || !gz) {
		if (gz)
			gzclose(gz);
		else if (fd >= 0)
			close(fd);
		free(block);
		return -ENOMEM;
	}
	while (ret == 0 && (n = read(in, block, BLOCK_BYTES)) > 0) {
		if (atomic_load(&r->stop))
			ret = -ECANCELED;
		else if (gzwrite(gz, block, (unsigned int)n) != n)
			ret = errno ? -errno : -EIO;
	}
	if (n < 0)
		ret = -errno;
	errno = 0;
	if (gzclose(gz) != Z_OK && ret == 0)
		ret = errno ? -errno : -EIO;
	free(block);
	return ret;
}

/* Makes @tmp from @in, complete and on the disk, with owner, mode and times of @st. */
static int compress_file(struct rotator *r, int in, const struct stat *st, const char *tmp)
{
	mode_t mode = st->st_mode & 0777;
	int out, ret;

	unlink(tmp);	/* a crash may have left it */
	out = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	ret = compress_copy(r, in, out);
	/* Another group must not read what was not for it. */
	if (fchown(out, st->st_uid, st->st_gid) < 0 && fchown(out, (uid_t)-1, st->st_gid) < 0)
		mode &= 0700;
	if (ret == 0 && fchmod(out, mode) < 0)
		ret = -errno;
	if (ret == 0 && futimens(out, (struct timespec[]){ st->st_atim, st->st_mtim }) < 0)
		ret = -errno;
	if (ret == 0 && fsync(out) < 0)
		ret = -errno;
	close(out);
	if (ret < 0)
		unlink(tmp);
	return ret;
}

static void dir_sync(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	free(copy);
	if (fd < 0)
		return;
	fsync(fd);	/* where that is not possible the order of renames has to do */
	close(fd);
}

/* True when @name is a file that is not being written; lock held. */
static bool is_old(const struct rotator *r, const char *name, struct stat *st)
{
	return lstat(name, st) == 0 && S_ISREG(st->st_mode) &&
	       (st->st_dev != r->dev || st->st_ino != r->ino);
}

/* The name that old file @old has by now; lock held. */
static bool old_find(const struct rotator *r, const struct stat *old, char *name)
{
	struct stat st;

	if (r->pattern)
		return is_old(r, name, &st);
	for (unsigned int n = 1; n <= r->options.keep; n++) {
		name_make(r, n, "", name);
		if (is_old(r, name, &st) && st.st_dev == old->st_dev && st.st_ino == old->st_ino)
			return true;
	}
	return false;
}

/*
 * Replaces @name, which is open as @in, by @name.gz.  Meanwhile it may be renamed.  A crash leaves
 * the plain file, the complete compressed one, or both.
 */
static int old_compress(struct rotator *r, int in, char *name)
{
	char tmp[NAME_SIZE + 16], gz[NAME_SIZE + 16];
	struct stat st;
	int ret = 0;

	if (fstat(in, &st) < 0)
		return -errno;
	pthread_mutex_lock(&r->lock);
	snprintf(tmp, sizeof(tmp), "%s.gz.tmp", r->pattern ? name : r->path);
	pthread_mutex_unlock(&r->lock);
	ret = compress_file(r, in, &st, tmp);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&r->lock);
	if (old_find(r, &st, name)) {
		snprintf(gz, sizeof(gz), "%s.gz", name);
		ret = rename(tmp, gz) < 0 ? -errno : 0;
	} else {
		ret = -ENOENT;	/* it is too old by now */
	}
	pthread_mutex_unlock(&r->lock);
	if (ret < 0) {
		unlink(tmp);
		return ret == -ENOENT ? 0 : ret;
	}
	dir_sync(gz);
	pthread_mutex_lock(&r->lock);
	if (old_find(r, &st, name) && unlink(name) < 0)
		ret = -errno;
	pthread_mutex_unlock(&r->lock);
	return ret;
}

/* Opens the oldest numbered file that is not compressed; -ENOENT: there is none. */
static int plain_open(struct rotator *r, char *name)
{
	struct stat st;
	int fd = -ENOENT;

	pthread_mutex_lock(&r->lock);
	for (unsigned int n = r->options.keep; n > 0 && fd == -ENOENT; n--) {
		name_make(r, n, "", name);
		if (!is_old(r, name, &st))
			continue;
		fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	pthread_mutex_unlock(&r->lock);
	return fd;
}

static void numbered_tidy(struct rotator *r)
{
	char name[NAME_SIZE];
	int fd, ret = 0;

	while (ret == 0 && !atomic_load(&r->stop)) {
		fd = plain_open(r, name);
		if (fd == -ENOENT)
			return;
		ret = fd < 0 ? fd : old_compress(r, fd, name);
		if (fd >= 0)
			close(fd);
	}
	if (ret < 0 && ret != -ECANCELED)
		log_error("%s: cannot be compressed: %s; it stays as it is", name, strerror(-ret));
}

/* ---------------------------------------------------------- dated files */

/* A pattern for glob(3) that finds what strftime(3) makes of @format. */
static char *pattern_make(const char *format)
{
	char *pattern = malloc(strlen(format) * 10 + 1), *p = pattern;

	if (!pattern)
		return NULL;
	for (; *format; format++) {
		if (*format == '%' && format[1] && format[1] != '%') {
			format++;
			p = stpcpy(p, *format == 'Y' ? "[0-9][0-9][0-9][0-9]" :
				      strchr("dHmMSy", *format) ? "[0-9][0-9]" : "*");
			continue;
		}
		if (*format == '%' && format[1])
			format++;
		if (strchr("[]?*\\", *format))
			*p++ = '\\';
		*p++ = *format;
	}
	*p = '\0';
	return pattern;
}

struct dated {
	const char *name;
	struct timespec mtime;
	bool plain;
};

static int newer_first(const void *a, const void *b)
{
	const struct timespec *ta = &((const struct dated *)a)->mtime;
	const struct timespec *tb = &((const struct dated *)b)->mtime;

	if (ta->tv_sec != tb->tv_sec)
		return ta->tv_sec < tb->tv_sec ? 1 : -1;
	return (ta->tv_nsec < tb->tv_nsec) - (ta->tv_nsec > tb->tv_nsec);
}

/* Adds what matches the pattern and @suffix. */
static void names_add(const struct rotator *r, const char *suffix, glob_t *names)
{
	char pattern[PATH_MAX * 10 + 16];

	snprintf(pattern, sizeof(pattern), "%s%s", r->pattern, suffix);
	glob(pattern, GLOB_APPEND, NULL, names);
}

/* Keeps the newest dated files. */
static void dated_keep(struct rotator *r, struct dated *files, size_t n)
{
	char name[NAME_SIZE];
	int fd, ret = 0;

	qsort(files, n, sizeof(*files), newer_first);
	for (size_t i = 0; i < n && ret == 0 && !atomic_load(&r->stop); i++) {
		snprintf(name, sizeof(name), "%s", files[i].name);
		if (i >= r->options.keep) {
			ret = unlink(name) < 0 ? -errno : 0;
		} else if (files[i].plain && r->options.compress) {
			fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
			ret = fd < 0 ? -errno : old_compress(r, fd, name);
			if (fd >= 0)
				close(fd);
		}
	}
	if (ret < 0 && ret != -ECANCELED)
		log_error("%s: cannot be compressed or removed: %s; it stays as it is", name,
			  strerror(-ret));
}

static void dated_tidy(struct rotator *r)
{
	struct dated *files;
	size_t n = 0, n_plain;
	glob_t names = {};

	names_add(r, "", &names);
	n_plain = names.gl_pathc;
	names_add(r, ".gz", &names);
	files = calloc(names.gl_pathc + 1, sizeof(*files));
	/* Only now: what was found is old or the current file, whatever is opened from here on. */
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; files && i < names.gl_pathc; i++) {
		struct stat st;

		if (!is_old(r, names.gl_pathv[i], &st))
			continue;
		files[n++] = (struct dated){ names.gl_pathv[i], st.st_mtim, i < n_plain };
	}
	pthread_mutex_unlock(&r->lock);
	if (files)
		dated_keep(r, files, n);
	free(files);
	globfree(&names);
}

/* ------------------------------------------------------------ its thread */

static void *tidy_main(void *arg)
{
	struct rotator *r = arg;

	pthread_setname_np(pthread_self(), "old files");
	setpriority(PRIO_PROCESS, (id_t)gettid(), 19);	/* of this thread alone, see sched(7) */
	pthread_mutex_lock(&r->lock);
	while (r->wanted && !atomic_load(&r->stop)) {
		r->wanted = false;
		pthread_mutex_unlock(&r->lock);
		if (r->pattern)
			dated_tidy(r);
		else
			numbered_tidy(r);
		pthread_mutex_lock(&r->lock);
	}
	r->running = false;
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

void rotator_tidy(struct rotator *r)
{
	bool start;

	if (!r->options.compress && !r->pattern)
		return;
	pthread_mutex_lock(&r->lock);
	r->wanted = true;
	start = !r->running;
	r->running = true;
	pthread_mutex_unlock(&r->lock);
	if (!start)
		return;
	if (r->started)
		pthread_join(r->thread, NULL);
	r->started = pthread_create(&r->thread, NULL, tidy_main, r) == 0;
	if (!r->started) {
		pthread_mutex_lock(&r->lock);
		r->running = false;	/* the next one tries again */
		pthread_mutex_unlock(&r->lock);
	}
}

struct rotator *rotator_new(const struct rotate_options *options, const char *path, bool dated)
{
	struct rotator *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->options = *options;
	pthread_mutex_init(&r->lock, NULL);
	if (dated && !(r->pattern = pattern_make(path))) {
		rotator_free(r);
		return NULL;
	}
	return r;
}

void rotator_free(struct rotator *r)
{
	if (!r)
		return;
	atomic_store(&r->stop, true);
	if (r->started)
		pthread_join(r->thread, NULL);
	pthread_mutex_destroy(&r->lock);
	free(r->pattern);
	free(r);
}

void rotator_lock(struct rotator *r)
{
	pthread_mutex_lock(&r->lock);
}

void rotator_unlock(struct rotator *r)
{
	pthread_mutex_unlock(&r->lock);
}

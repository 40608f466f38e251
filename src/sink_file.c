// SPDX-License-Identifier: GPL-2.0-or-later
/* The sink that appends to a file, standard output or a FIFO. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "owner.h"
#include "sink_file.h"

#define FSYNC_MS	1000	/* fsync=interval */
#define ROTATE_AGAIN_MS	10000	/* after it failed */

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
}

/* True when it goes on where a daemon before has written; what stands in standard output is somebody else's. */
static bool has_contents(const char *path, const struct stat *st)
{
	return !is_stdout(path) && S_ISREG(st->st_mode) && st->st_size > 0;
}

/* What the sink knows of its file; header and trailer follow it in memory. */
struct file_dest {
	struct ulogd_file file;		/* without its path, which is the sink's name */
	struct file_options options;
	pthread_mutex_t lock;		/* guards what is … */
	struct file_options wanted;	/* … to be the options */
	struct rotator *rotator;	/* NULL: files are not rotated */
	bool regular;			/* what is open: a file, nothing that can block */
	bool header_due;		/* a FIFO has a new reader */
	int closes;			/* tells of readers that close the FIFO; -1: no FIFO with a header */
	dev_t dev;			/* … and which one */
	ino_t ino;
	uint64_t size;			/* … and its bytes, when this was last looked at */
	bool line_cut;			/* it ends in the middle of a line that an earlier daemon has begun */
	bool astray;			/* it lost its name, and that could not be opened again: said */
	bool dirty;			/* written since the last fdatasync() */
	int64_t synced_ms;		/* when that was */
	time_t rotate_at;		/* rotate_interval: when this file's time is over */
	bool tidied;			/* old files were looked after, which a crash may have prevented */
	bool rotate_failed;		/* said */
	int64_t rotate_again_ms;
	char now[PATH_MAX];		/* the name it has been opened by */
	_Alignas(max_align_t) char bytes[];
};

static void file_free(void *arg)
{
	struct file_dest *dest = arg;

	if (!dest)
		return;
	rotator_free(dest->rotator);
	pthread_mutex_destroy(&dest->lock);
	free(dest);
}

void *sink_file_dest(const struct ulogd_file *file, const struct file_options *options)
{
	struct file_dest *dest = calloc(1, sizeof(*dest) + file->header_len + file->trailer_len);

	if (!dest)
		return NULL;
	dest->file = *file;
	dest->file.path = NULL;
	dest->closes = -1;
	dest->options = dest->wanted = *options;
	pthread_mutex_init(&dest->lock, NULL);
	if (rotate_wanted(&options->rotate)) {
		dest->rotator = rotator_new(&options->rotate, file->path, file->dated);
		if (!dest->rotator) {
			file_free(dest);
			return NULL;
		}
	}
	if (file->header_len > 0)
		dest->file.header = memcpy(dest->bytes, file->header, file->header_len);
	if (file->trailer_len > 0)
		dest->file.trailer = memcpy(dest->bytes + file->header_len, file->trailer,
					    file->trailer_len);
	return dest;
}

static bool rotate_same(const struct rotate_options *a, const struct rotate_options *b)
{
	return a->size == b->size && a->interval_s == b->interval_s && a->keep == b->keep &&
	       a->compress == b->compress;
}

/* Files begin and end alike, and have names of one kind. */
static bool file_same(const void *a, const void *b)
{
	const struct ulogd_file *fa = &((const struct file_dest *)a)->file;
	const struct ulogd_file *fb = &((const struct file_dest *)b)->file;

	return fa->dated == fb->dated && fa->adopt == fb->adopt && fa->header_len == fb->header_len &&
	       fa->trailer_len == fb->trailer_len &&
	       (fa->header_len == 0 || memcmp(fa->header, fb->header, fa->header_len) == 0) &&
	       (fa->trailer_len == 0 || memcmp(fa->trailer, fb->trailer, fa->trailer_len) == 0);
}

static const struct ulogd_file *file_of(const struct sink *sink)
{
	const struct file_dest *dest = sink_dest(sink);

	return &dest->file;
}

/* Writes until offset @end of @data, from *done on; never blocks for long. */
static int write_upto(const struct sink *sink, const char *data, uint32_t *done, uint32_t end)
{
	struct file_dest *dest = sink_dest(sink);

	while (*done < end) {
		size_t len = end - *done;
		ssize_t n;

		/* A pipe or a terminal that is writable takes that much without blocking. */
		if (!dest->regular && len > PIPE_BUF)
			len = PIPE_BUF;
		if (!dest->regular && sink_wait_writable(sink) < 0)
			return -EAGAIN;
		n = write(sink_fd(sink), data + *done, len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		*done += (uint32_t)n;
		dest->size += (uint64_t)n;
		dest->dirty = true;
	}
	return 0;
}

/* The header belongs to the beginning of a file: where it cannot be written nothing may be. */
static int header_write(int fd, const struct ulogd_file *file)
{
	ssize_t n;

	if (file->header_len == 0)
		return 0;
	n = write(fd, file->header, file->header_len);
	if (n == (ssize_t)file->header_len)
		return 0;
	if (n > 0 && ftruncate(fd, 0) < 0)
		return -errno;
	return n < 0 ? -errno : -ENOSPC;
}

/*
 * A pipe does not tell its writer of a reader that went and was followed by another before the
 * next write, but inotify does.  Where that cannot be had only EPIPE is noticed.
 */
static int closes_watch(const char *path)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd >= 0 && inotify_add_watch(fd, path, IN_CLOSE_NOWRITE) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool reader_left(const struct file_dest *dest)
{
	_Alignas(struct inotify_event) char events[1024];
	bool left = false;

	while (dest->closes >= 0 && read(dest->closes, events, sizeof(events)) > 0)
		left = true;
	return left;
}

/* Closes what is open, without a trailer. */
static void fd_close(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);

	close(sink_fd(sink));
	sink_set_fd(sink, -1);
	if (dest->closes >= 0)
		close(dest->closes);
	dest->closes = -1;
}

static bool file_is_synced(const struct file_dest *dest)
{
	return dest->options.fsync != FILE_FSYNC_NONE && dest->regular;
}

static void file_close(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	const struct ulogd_file *file = &dest->file;
	int fd = sink_fd(sink);

	if (fd < 0)
		return;
	if (file->trailer_len > 0 && write(fd, file->trailer, file->trailer_len) < 0)
		log_error("%s: cannot write its last line: %s", sink_name(sink), strerror(errno));
	if (file_is_synced(dest) && fdatasync(fd) < 0)
		log_error("%s: what was written last may be lost: %s", sink_name(sink), strerror(errno));
	dest->dirty = false;
	fd_close(sink);
}

/* The name of the file to open now, at least "": dated names are made from the local time. */
static void path_make(const struct sink *sink, char *ret, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	if (!file_of(sink)->dated || strftime(ret, size, sink_name(sink), &tm) == 0)
		snprintf(ret, size, "%s", sink_name(sink));
}

/* Renames @path to the first of @path.1, @path.2, … that is free. */
static int move_aside(const char *path)
{
	char aside[PATH_MAX + 16];

	for (unsigned int i = 1; i < 10000; i++) {
		snprintf(aside, sizeof(aside), "%s.%u", path, i);
		if (access(aside, F_OK) == 0)
			continue;
		if (rename(path, aside) < 0)
			return -errno;
		log_notice("%s: it holds something else, moved to %s", path, aside);
		return 0;
	}
	return -EEXIST;
}

/* Where the trailer begins that the file of @size bytes ends with; @size without one, or a negative errno. */
static int64_t trailer_find(const struct ulogd_file *file, int fd, off_t size)
{
	off_t begin = size - (off_t)file->trailer_len;
	char *end = malloc(file->trailer_len);
	bool found;

	if (!end)
		return -ENOMEM;
	found = begin >= (off_t)file->header_len &&
		pread(fd, end, file->trailer_len, begin) == (ssize_t)file->trailer_len &&
		memcmp(end, file->trailer, file->trailer_len) == 0;
	free(end);
	return found ? begin : size;
}

/* Makes sure that what is in the file can be appended to: takes off what is behind the last whole record. */
static int file_adopt(const struct sink *sink, const char *path, off_t size)
{
	const struct ulogd_file *file = file_of(sink);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t whole;

	if (fd < 0)
		return -errno;
	whole = file->adopt ? file->adopt(file, fd) : trailer_find(file, fd, size);
	close(fd);
	if (whole == -EBADMSG)
		return move_aside(path);
	if (whole < 0)
		return (int)whole;
	if (whole >= size)
		return 0;
	if (file->adopt)
		log_notice("%s: its last record was cut, %lld bytes taken off", path,
			   (long long)(size - whole));
	return truncate(path, whole) < 0 ? -errno : 0;
}

/* Gives a new file its owner, group and mode, in this order: changing the group may take mode bits away. */
static void file_set_owner(const struct file_options *o, const char *path, int fd)
{
	int ret = owner_give(fd);

	if (ret < 0)
		log_error("%s: cannot give it to the user of -u: %s; after SIGHUP it may not be possible to "
			  "open it again", path, strerror(-ret));
	if (o->has_group && fchown(fd, (uid_t)-1, o->group) < 0)
		log_error("%s: cannot give it to group %u (file_group): %s; run as root with CAP_CHOWN, "
			  "or as a member of this group", path, o->group, strerror(errno));
	if (o->has_mode && fchmod(fd, o->mode) < 0)
		log_error("%s: cannot give it mode %04o (file_mode): %s", path, o->mode, strerror(errno));
}

static int path_open(const struct file_options *o, const char *path)
{
	int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY, fd;
	bool made = false;
	struct stat st;

	if (is_stdout(path)) {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) {
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	fd = owner_open(path, flags, o->has_mode ? o->mode : 0666, &made);
	if (made)
		file_set_owner(o, path, fd);
	return fd;
}

static bool is_open_file(const struct file_dest *dest, const struct stat *st)
{
	return st->st_dev == dest->dev && st->st_ino == dest->ino;
}

/* True when somebody was stopped in the middle of the file's last line. */
static bool ends_within_line(const struct ulogd_file *file, const char *path, const struct stat *st)
{
	char last = '\n';
	int fd;

	if (file->adopt || file->trailer_len > 0 || !has_contents(path, st))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;	/* one may be allowed to write only */
	if (pread(fd, &last, 1, st->st_size - 1) < 0)
		log_debug("%s: cannot read its end: %s", path, strerror(errno));
	close(fd);
	return last != '\n';
}

/* Ends the line that an earlier daemon has begun, so that it stays alone. */
static int line_end(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	uint32_t done = 0;
	int ret;

	if (!dest->line_cut)
		return 0;
	ret = write_upto(sink, "\n", &done, 1);
	if (ret < 0)
		return ret;
	dest->line_cut = false;
	log_notice("%s: its last line was cut, goes on in the next one", dest->now);
	return 0;
}

static bool file_is_rotated(const struct file_dest *dest)
{
	return dest->rotator && dest->regular && !is_stdout(dest->now);
}

/*
 * True when there is nothing to open again: standard output, or the same file or FIFO as before,
 * but for a file that somebody has emptied.
 */
static bool still_open(const struct sink *sink, const char *path)
{
	struct stat st;

	return is_stdout(path) || (stat(path, &st) == 0 && is_open_file(sink_dest(sink), &st) &&
				   (!S_ISREG(st.st_mode) || st.st_size > 0));
}

/* Begins to look after the file that is open now. */
static void rotation_begin(struct sink *sink, const char *path, const struct stat *st)
{
	struct file_dest *dest = sink_dest(sink);
	bool has_records = (uint64_t)st->st_size > dest->file.header_len;
	time_t now = time(NULL);

	if (!dest->rotator)
		return;
	if (!file_is_rotated(dest)) {
		log_notice("%s: this is no file to be rotated, rotate_size and rotate_interval do nothing",
			   sink_name(sink));
		return;
	}
	rotator_set_current(dest->rotator, path, st);
	/* What stands in a file belongs to the time when it was last written. */
	if (dest->options.rotate.interval_s > 0)
		dest->rotate_at = rotate_after(dest->options.rotate.interval_s,
					       has_records && st->st_mtime < now ? st->st_mtime : now);
}

/* Notes which file is open now, and until when. */
static void file_opened(struct sink *sink, const char *path, const struct stat *st)
{
	struct file_dest *dest = sink_dest(sink);

	/* What we have written into a file before need not be lines. */
	if (!is_open_file(dest, st))
		dest->line_cut = ends_within_line(&dest->file, path, st);
	dest->regular = S_ISREG(st->st_mode);
	dest->dev = st->st_dev;
	dest->ino = st->st_ino;
	dest->size = st->st_size > 0 ? (uint64_t)st->st_size : dest->file.header_len;
	dest->astray = false;
	snprintf(dest->now, sizeof(dest->now), "%s", path);
	rotation_begin(sink, path, st);
}

/* Rotates by other options from now on. */
static void rotation_change(struct sink *sink, const struct rotate_options *options)
{
	struct file_dest *dest = sink_dest(sink);
	struct rotator *rotator = NULL;
	struct stat st;

	if (rotate_wanted(options)) {
		rotator = rotator_new(options, sink_name(sink), dest->file.dated);
		if (!rotator) {
			log_error("%s: out of memory, it is rotated as before", sink_name(sink));
			return;
		}
	}
	rotator_free(dest->rotator);
	dest->rotator = rotator;
	dest->options.rotate = *options;
	dest->rotate_failed = false;
	dest->rotate_again_ms = 0;
	dest->tidied = false;
	if (sink_fd(sink) >= 0 && fstat(sink_fd(sink), &st) == 0)
		rotation_begin(sink, dest->now, &st);
}

/* Takes over what sink_file_adjust() has left; on the sink's thread. */
static void options_take(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	struct file_options wanted;

	pthread_mutex_lock(&dest->lock);
	wanted = dest->wanted;
	pthread_mutex_unlock(&dest->lock);
	if (!rotate_same(&wanted.rotate, &dest->options.rotate))
		rotation_change(sink, &wanted.rotate);
	wanted.rotate = dest->options.rotate;
	dest->options = wanted;
}

void sink_file_adjust(struct sink *sink, const struct file_options *options)
{
	struct file_dest *dest = sink_dest(sink);

	pthread_mutex_lock(&dest->lock);
	dest->wanted = *options;
	pthread_mutex_unlock(&dest->lock);
}

/* Opens it, with the rotator's lock if there is one. */
static int file_open_locked(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	char path[PATH_MAX];
	struct stat st;
	int fd, closes = -1, ret = 0;

	path_make(sink, path, sizeof(path));
	if (sink_fd(sink) >= 0 && still_open(sink, path))
		return 0;
	if ((dest->file.adopt || dest->file.trailer_len > 0) && stat(path, &st) == 0 && has_contents(path, &st))
		ret = file_adopt(sink, path, st.st_size);
	if (ret < 0)
		return ret;
	fd = path_open(&dest->options, path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		ret = -errno;
	if (ret == 0 && S_ISFIFO(st.st_mode) && dest->file.header_len > 0 && !is_stdout(path))
		closes = closes_watch(path);
	if (ret == 0 && !has_contents(path, &st))
		ret = header_write(fd, &dest->file);
	if (ret < 0) {
		close(fd);
		if (closes >= 0)
			close(closes);
		return ret;
	}
	file_close(sink);
	sink_set_fd(sink, fd);
	dest->closes = closes;
	dest->header_due = false;
	file_opened(sink, path, &st);
	return 0;
}

static int file_open(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	int ret;

	options_take(sink);
	if (dest->rotator)
		rotator_lock(dest->rotator);
	ret = file_open_locked(sink);
	if (dest->rotator)
		rotator_unlock(dest->rotator);
	return ret;
}

/*
 * Half a record stands in the file: a full disk has cut it.  Completes it if that is possible
 * now, else takes the half back, so that no file ends in a torn line.
 */
static void file_settle(struct sink *sink, struct chunk *c)
{
	uint32_t i = chunk_records_within(c, c->done), done = c->done;
	const struct file_dest *dest = sink_dest(sink);
	struct stat st;

	if (!dest->regular)
		return;
	chunk_rewind(c);
	if (c->done == done)
		return;
	if (write_upto(sink, c->data, &done, chunk_record_end(c, i)) == 0) {
		c->done = done;
		return;
	}
	if (fstat(sink_fd(sink), &st) < 0 || st.st_size < (off_t)(done - c->done) ||
	    ftruncate(sink_fd(sink), st.st_size - (off_t)(done - c->done)) < 0)
		log_error("%s: a record stays cut at the end of the old file", sink_name(sink));
}

/*
 * The open file has lost its name.  A renamed one stays in use when the name cannot be opened again;
 * but what goes into a file that was removed is lost, so that is a failure.
 */
static int file_open_again(struct sink *sink, struct chunk *c)
{
	struct file_dest *dest = sink_dest(sink);
	bool removed;
	struct stat st;
	int ret;

	removed = fstat(sink_fd(sink), &st) < 0 || st.st_nlink == 0;
	if (c->done > 0 && !removed)
		file_settle(sink, c);
	ret = file_open(sink);
	if (ret == 0) {
		chunk_rewind(c);	/* what is open now begins with a whole record */
		log_notice("%s: the file was renamed or removed, opened again", sink_name(sink));
		return 0;
	}
	if (removed)
		return ret;
	if (!dest->astray)
		log_error("%s: the file was renamed, and cannot be opened again: %s; the old one stays "
			  "in use", sink_name(sink), strerror(-ret));
	dest->astray = true;
	return 0;
}

/* Keeps up with what others do to the file: rename it, remove it, empty it. */
static int file_follow(struct sink *sink, struct chunk *c)
{
	struct file_dest *dest = sink_dest(sink);
	struct stat st;

	if (!dest->regular || is_stdout(dest->now))
		return 0;
	if (stat(dest->now, &st) < 0)
		/* A name that cannot be looked at may still be the file's. */
		return errno == ENOENT || errno == ENOTDIR ? file_open_again(sink, c) : 0;
	if (!is_open_file(dest, &st))
		return file_open_again(sink, c);
	dest->size = (uint64_t)st.st_size;
	if (dest->size > 0)
		return 0;
	chunk_rewind(c);
	dest->line_cut = false;
	dest->size = dest->file.header_len;
	return header_write(sink_fd(sink), &dest->file);
}

/* Begins a new file; false when it goes on with this one. */
static bool file_rotate(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	ino_t ino = dest->ino;
	int ret;

	rotator_lock(dest->rotator);
	ret = rotator_shift(dest->rotator);
	if (ret == 0) {
		ret = file_open_locked(sink);
		if (ret < 0)
			rotator_unshift(dest->rotator);
	}
	rotator_unlock(dest->rotator);
	if (ret < 0) {
		if (!dest->rotate_failed)
			log_error("%s: cannot be rotated: %s; it grows on%s", sink_name(sink),
				  strerror(-ret), ret == -EACCES || ret == -EPERM ?
				  ", let the daemon's user write to its directory" : "");
		dest->rotate_failed = true;
		dest->rotate_again_ms = log_now_ms() + ROTATE_AGAIN_MS;
		return false;
	}
	dest->rotate_failed = false;
	if (dest->ino == ino)
		return false;	/* a dated name lasts a second */
	log_info("%s: rotated", sink_name(sink));
	rotator_tidy(dest->rotator);
	return true;
}

/*
 * Rotates the file if it is time to, which is only between two records.
 * Returns the offset in @c up to which records belong into the file that is open then.
 */
static uint32_t file_share(struct sink *sink, const struct chunk *c)
{
	struct file_dest *dest = sink_dest(sink);
	const struct rotate_options *o = &dest->options.rotate;
	uint32_t i = chunk_records_within(c, c->done), end = chunk_record_end(c, i);
	uint64_t limit = o->size > 0 ? o->size - MIN(o->size, dest->file.trailer_len) : UINT64_MAX;
	bool empty = dest->size <= dest->file.header_len, over;
	time_t now = time(NULL);

	if (c->done != (i > 0 ? chunk_record_end(c, i - 1) : 0))
		return end;	/* this one has been begun */
	if (empty && o->interval_s > 0)
		dest->rotate_at = rotate_after(o->interval_s, now);
	over = dest->size + (end - c->done) > limit || (o->interval_s > 0 && now >= dest->rotate_at);
	if (over && !empty && (log_now_ms() < dest->rotate_again_ms || !file_rotate(sink)))
		return c->len;
	if (dest->size + (c->len - c->done) <= limit)
		return c->len;
	/* As many as there is room for, but one. */
	if (dest->size + (end - c->done) <= limit)
		end = chunk_record_end(c, chunk_records_within(c, c->done + (uint32_t)(limit - dest->size)) -
				       1);
	return end;
}

/* A FIFO's new reader gets what the first one got: the header, then whole records. */
static int reader_greet(struct sink *sink, struct chunk *c)
{
	struct file_dest *dest = sink_dest(sink);
	int ret;

	if (reader_left(dest))
		dest->header_due = true;
	if (!dest->header_due)
		return 0;
	chunk_rewind(c);
	if (sink_wait_writable(sink) < 0)
		return -EAGAIN;
	ret = header_write(sink_fd(sink), &dest->file);
	if (ret == 0)
		dest->header_due = false;
	return ret;
}

static int file_write(struct sink *sink, struct chunk *c)
{
	struct file_dest *dest = sink_dest(sink);
	int ret;

	options_take(sink);
	ret = file_follow(sink, c);
	if (ret == 0)
		ret = reader_greet(sink, c);
	if (ret == 0)
		ret = line_end(sink);
	if (file_is_rotated(dest) && !dest->tidied)
		rotator_tidy(dest->rotator);
	dest->tidied = true;
	while (ret == 0 && c->done < c->len)
		ret = write_upto(sink, c->data, &c->done,
				 file_is_rotated(dest) ? file_share(sink, c) : c->len);
	if (ret == -EPIPE) {	/* the reader went away: the next one begins with a whole record */
		chunk_rewind(c);
		fd_close(sink);
	}
	return ret;
}

static int file_flush(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	int64_t now = log_now_ms();

	if (!dest->dirty || !file_is_synced(dest))
		return 0;
	if (dest->options.fsync == FILE_FSYNC_INTERVAL && now < dest->synced_ms + FSYNC_MS) {
		sink_flush_at(sink, dest->synced_ms + FSYNC_MS);
		return 0;
	}
	if (fdatasync(sink_fd(sink)) < 0)
		return -errno;
	dest->dirty = false;
	dest->synced_ms = now;
	return 0;
}

const struct sink_ops sink_file_ops = {
	.open = file_open,
	.write = file_write,
	.flush = file_flush,
	.settle = file_settle,
	.close = file_close,
	.same = file_same,
	.free = file_free,
};

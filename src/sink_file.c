// SPDX-License-Identifier: GPL-2.0-or-later
/* The sink that appends to a file, standard output or a FIFO. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sink_file.h"

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
}

/* What the sink knows of its file; header and trailer follow it in memory. */
struct file_dest {
	struct ulogd_file file;		/* without its path, which is the sink's name */
	bool regular;			/* what is open: a file, nothing that can block */
	dev_t dev;			/* … and which one */
	ino_t ino;
	uint64_t size;			/* … and its bytes, when this was last looked at */
	bool astray;			/* it lost its name, and that could not be opened again: said */
	char now[PATH_MAX];		/* the name it has been opened by */
	_Alignas(max_align_t) char bytes[];
};

void *sink_file_dest(const struct ulogd_file *file)
{
	struct file_dest *dest = calloc(1, sizeof(*dest) + file->header_len + file->trailer_len);

	if (!dest)
		return NULL;
	dest->file = *file;
	dest->file.path = NULL;
	if (file->header_len > 0)
		dest->file.header = memcpy(dest->bytes, file->header, file->header_len);
	if (file->trailer_len > 0)
		dest->file.trailer = memcpy(dest->bytes + file->header_len, file->trailer,
					    file->trailer_len);
	return dest;
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

static void file_close(struct sink *sink)
{
	const struct ulogd_file *file = file_of(sink);
	int fd = sink_fd(sink);

	if (fd < 0)
		return;
	if (file->trailer_len > 0 && write(fd, file->trailer, file->trailer_len) < 0)
		log_error("%s: cannot write its last line: %s", sink_name(sink), strerror(errno));
	close(fd);
	sink_set_fd(sink, -1);
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

/* Makes sure that what is in the file can be appended to. */
static int file_adopt(const struct sink *sink, const char *path, off_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	int64_t whole;

	if (fd < 0)
		return -errno;
	whole = file_of(sink)->adopt(file_of(sink), fd);
	close(fd);
	if (whole == -EBADMSG)
		return move_aside(path);
	if (whole < 0)
		return (int)whole;
	if (whole < size) {
		log_notice("%s: its last record was cut, %lld bytes taken off", path,
			   (long long)(size - whole));
		ret = truncate(path, whole) < 0 ? -errno : 0;
	}
	return ret;
}

static int path_open(const char *path)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, fd;
	struct stat st;

	if (is_stdout(path))
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	else
		fd = open(path, flags, 0666);
	return fd < 0 ? -errno : fd;
}

static bool is_open_file(const struct file_dest *dest, const struct stat *st)
{
	return st->st_dev == dest->dev && st->st_ino == dest->ino;
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

static int file_open(struct sink *sink)
{
	struct file_dest *dest = sink_dest(sink);
	char path[PATH_MAX];
	struct stat st;
	int fd, ret = 0;

	path_make(sink, path, sizeof(path));
	if (sink_fd(sink) >= 0 && still_open(sink, path))
		return 0;
	if (dest->file.adopt && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		ret = file_adopt(sink, path, st.st_size);
	if (ret < 0)
		return ret;
	fd = path_open(path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		ret = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size == 0)
		ret = header_write(fd, &dest->file);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	file_close(sink);
	sink_set_fd(sink, fd);
	dest->regular = S_ISREG(st.st_mode);
	dest->dev = st.st_dev;
	dest->ino = st.st_ino;
	dest->size = st.st_size > 0 ? (uint64_t)st.st_size : dest->file.header_len;
	dest->astray = false;
	memcpy(dest->now, path, sizeof(path));
	return 0;
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
	dest->size = dest->file.header_len;
	return header_write(sink_fd(sink), &dest->file);
}

static int file_write(struct sink *sink, struct chunk *c)
{
	int ret = file_follow(sink, c);

	if (ret == 0)
		ret = write_upto(sink, c->data, &c->done, c->len);
	if (ret == -EPIPE) {	/* the reader went away: the next one begins with a whole record */
		chunk_rewind(c);
		close(sink_fd(sink));
		sink_set_fd(sink, -1);
	}
	return ret;
}

const struct sink_ops sink_file_ops = {
	.open = file_open,
	.write = file_write,
	.settle = file_settle,
	.close = file_close,
	.free = free,
};

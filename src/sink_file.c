// SPDX-License-Identifier: GPL-2.0-or-later
/* The sink that appends to a file, standard output or a FIFO. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

void *sink_file_dest(const struct ulogd_file *file)
{
	struct ulogd_file *dest = malloc(sizeof(*dest) + file->header_len + file->trailer_len);
	char *copy = (char *)(dest + 1);

	if (!dest)
		return NULL;
	*dest = *file;
	if (file->header_len > 0)
		dest->header = memcpy(copy, file->header, file->header_len);
	if (file->trailer_len > 0)
		dest->trailer = memcpy(copy + file->header_len, file->trailer, file->trailer_len);
	dest->path = NULL;	/* the sink has it as its name */
	return dest;
}

/* Writes to @fd until offset @end of @data, from *done on. */
static int write_upto(const struct sink *sink, int fd, const char *data, uint32_t *done, uint32_t end)
{
	while (*done < end) {
		ssize_t n = write(fd, data + *done, end - *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {	/* a FIFO that is full */
			if (sink_wait_writable(sink) < 0)
				return -EAGAIN;
			continue;
		}
		if (n < 0)
			return -errno;
		*done += (uint32_t)n;
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
	const struct ulogd_file *file = sink_dest(sink);
	int fd = sink_fd(sink);

	if (fd < 0)
		return;
	if (file->trailer_len > 0 && write(fd, file->trailer, file->trailer_len) < 0)
		log_error("%s: cannot write its last line: %s", sink_name(sink), strerror(errno));
	close(fd);
	sink_set_fd(sink, -1);
}

/* The name of the file to open now: dated names are made from the local time. */
static const char *path_now(const struct sink *sink, char *ret, size_t size)
{
	const struct ulogd_file *file = sink_dest(sink);
	time_t now = time(NULL);
	struct tm tm;

	if (!file->dated)
		return sink_name(sink);
	localtime_r(&now, &tm);
	return strftime(ret, size, sink_name(sink), &tm) > 0 ? ret : sink_name(sink);
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

static int file_open(struct sink *sink)
{
	const struct ulogd_file *file = sink_dest(sink);
	char dated[PATH_MAX];
	const char *path = path_now(sink, dated, sizeof(dated));
	struct stat st;
	int fd, ret;

	if (is_stdout(path) && sink_fd(sink) >= 0)
		return 0;	/* there is nothing to open again */
	fd = path_open(path);
	if (fd < 0)
		return fd;
	ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && file->adopt) {
		ret = file->adopt(path, fd);
		if (ret > 0) {	/* moved aside: what is there now is new */
			close(fd);
			fd = path_open(path);
			ret = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;
		}
	}
	if (ret == 0 && (!S_ISREG(st.st_mode) || st.st_size == 0))
		ret = header_write(fd, file);
	if (ret < 0) {
		if (fd >= 0)
			close(fd);
		return ret;
	}
	file_close(sink);
	sink_set_fd(sink, fd);
	return 0;
}

static int file_write(struct sink *sink, struct chunk *c)
{
	int ret = write_upto(sink, sink_fd(sink), c->data, &c->done, c->len);

	if (ret == -EPIPE) {	/* the reader went away: the next one begins with a whole record */
		chunk_rewind(c);
		close(sink_fd(sink));
		sink_set_fd(sink, -1);
	}
	return ret;
}

/*
 * Half a record stands in the file: a full disk has cut it.  Completes it if that is possible
 * now, else takes the half back, so that no file ends in a torn line.
 */
static void file_settle(struct sink *sink, struct chunk *c)
{
	uint32_t i = chunk_records_within(c, c->done), done = c->done;
	struct stat st;

	chunk_rewind(c);
	if (c->done == done)
		return;
	if (write_upto(sink, sink_fd(sink), c->data, &done, chunk_record_end(c, i)) == 0) {
		c->done = done;
		return;
	}
	if (fstat(sink_fd(sink), &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < (off_t)(done - c->done) ||
	    ftruncate(sink_fd(sink), st.st_size - (off_t)(done - c->done)) < 0)
		log_error("%s: a record stays cut at the end of the old file", sink_name(sink));
}

const struct sink_ops sink_file_ops = {
	.open = file_open,
	.write = file_write,
	.settle = file_settle,
	.close = file_close,
	.free = free,
};

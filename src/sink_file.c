// SPDX-License-Identifier: GPL-2.0-or-later
/* The sink that appends to a file. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink_file.h"

static void file_close(struct sink *sink)
{
	if (sink_fd(sink) >= 0)
		close(sink_fd(sink));
	sink_set_fd(sink, -1);
}

static int file_open(struct sink *sink)
{
	int fd = open(sink_name(sink), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);

	if (fd < 0)
		return -errno;
	file_close(sink);
	sink_set_fd(sink, fd);
	return 0;
}

/* Writes from c->done up to offset @end. */
static int write_upto(struct sink *sink, struct chunk *c, uint32_t end)
{
	while (c->done < end) {
		ssize_t n = write(sink_fd(sink), c->data + c->done, end - c->done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		c->done += (uint32_t)n;
	}
	return 0;
}

static int file_write(struct sink *sink, struct chunk *c)
{
	return write_upto(sink, c, c->len);
}

/*
 * Half a line stands in the file: a full disk has cut it.  Completes it if that is possible
 * now, else takes the half back, so that no file ends in a torn line.
 */
static void file_settle(struct sink *sink, struct chunk *c)
{
	uint32_t i = chunk_records_within(c, c->done);
	uint32_t begin = i > 0 ? chunk_record_end(c, i - 1) : 0;
	struct stat st;

	if (c->done == begin || write_upto(sink, c, chunk_record_end(c, i)) == 0)
		return;
	if (fstat(sink_fd(sink), &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size >= (off_t)(c->done - begin) &&
	    ftruncate(sink_fd(sink), st.st_size - (off_t)(c->done - begin)) == 0)
		c->done = begin;
}

const struct sink_ops sink_file_ops = {
	.open = file_open,
	.write = file_write,
	.settle = file_settle,
	.close = file_close,
};

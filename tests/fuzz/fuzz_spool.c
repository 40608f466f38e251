// SPDX-License-Identifier: GPL-2.0-or-later
/* The reader of a spool, whose only segment and, for odd first bytes, whose position file it gets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "log.h"
#include "spool.h"

#define POSITION_LEN 32

static char dir[64], spool_dir[128];

static void remove_all(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		abort();
}

static void init(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/ulogd-fuzz-XXXXXX");
	if (!mkdtemp(dir)) {
		snprintf(dir, sizeof(dir), "/tmp/ulogd-fuzz-XXXXXX");
		if (!mkdtemp(dir))
			abort();
	}
	snprintf(spool_dir, sizeof(spool_dir), "%s/x", dir);
	if (mkdir(spool_dir, 0700) < 0 || log_init() < 0)
		abort();
	log_set_level(ULOGD_FATAL + 1);
	atexit(remove_all);
}

static void file_write(const char *name, const uint8_t *data, size_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", spool_dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

/* Delivers everything: each chunk has whole records, and there is an end. */
static void deliver_all(struct spool *spool, uint64_t records)
{
	struct chunk *c = NULL;
	uint64_t lost = 0, seen = 0;
	int ret;

	while ((ret = spool_read(spool, &c, &lost)) == 0) {
		if (c->records == 0 || c->done > c->len ||
		    chunk_record_end(c, c->records - 1) != c->len)
			abort();
		seen += chunk_records_left(c);
		spool_pop(spool);
	}
	if (ret != -ENODATA || seen + lost < records || spool_bytes(spool) != 0)
		abort();
	free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_found found;
	struct spool *spool;
	size_t position;

	if (dir[0] == '\0')
		init();
	if (size == 0)
		return 0;
	position = data[0] & 1 ? POSITION_LEN : 0;
	data++;
	size--;
	if (position > size)
		return 0;
	file_write("position", data, position);
	file_write("0000000000000001", data + position, size - position);
	if (spool_open(dir, "x", SPOOL_SIZE_MIN, geteuid(), getegid(), &found, &spool) < 0)
		abort();
	deliver_all(spool, found.records);
	spool_close(spool);
	return 0;
}

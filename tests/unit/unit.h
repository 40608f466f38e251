/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.h - what unit tests share: cmocka, files that go away, catching the log. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A new directory; test_dir_remove() takes it away with all that is in it. */
static inline char *test_dir_new(void)
{
	const char *base = getenv("TMPDIR");
	char *path;

	assert_true(asprintf(&path, "%s/ulogd-unit-XXXXXX", base ? base : "/tmp") > 0);
	assert_non_null(mkdtemp(path));
	return path;
}

static inline void test_dir_remove(char *path)
{
	char *command;

	assert_true(asprintf(&command, "rm -rf '%s'", path) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	free(path);
}

/* DIR/NAME, to be freed. */
static inline char *test_path(const char *dir, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static inline void test_file_write(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* All of a file as a string, to be freed. */
static inline char *test_file_read(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *file = fopen(path, "r");

	assert_non_null(text);
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
	fclose(file);
	return text;
}

/* One for all files of a program: weak. */
int log_catch_fd __attribute__((weak)) = -1;

/* What the daemon says from now on can be read with log_caught(). */
static inline void log_catch(void)
{
	char path[64];

	assert_int_equal(log_init(), 0);
	log_set_level(ULOGD_DEBUG);
	log_catch_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(log_catch_fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", log_catch_fd);
	assert_int_equal(log_open(path), 0);
}

static inline void log_catch_end(void)
{
	log_fini();
	close(log_catch_fd);
	log_catch_fd = -1;
}

/* All that was said since log_catch(); in a static buffer. */
static inline const char *log_caught(void)
{
	static char text[256 * 1024];
	ssize_t len;

	log_flush();
	len = pread(log_catch_fd, text, sizeof(text) - 1, 0);
	assert_true(len >= 0);
	text[len] = '\0';
	return text;
}

static inline bool log_has(const char *text)
{
	return strstr(log_caught(), text) != NULL;
}

#define assert_log_has(text) do { \
	if (!log_has(text)) \
		fail_msg("the log lacks \"%s\": %s", (text), log_caught()); \
} while (0)

#define assert_log_lacks(text) do { \
	if (log_has(text)) \
		fail_msg("the log has \"%s\": %s", (text), log_caught()); \
} while (0)

/* Waits until @condition holds, which other threads bring about; fails after a minute. */
#define wait_until(condition) do { \
	int64_t end_ = log_now_ms() + 60000; \
	while (!(condition)) { \
		if (log_now_ms() > end_) \
			fail_msg("gave up waiting until %s", #condition); \
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL); \
	} \
} while (0)

#endif /* UNIT_H */

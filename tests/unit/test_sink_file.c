// SPDX-License-Identifier: GPL-2.0-or-later
/* Files: what others do to them, and disks that fail. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

#include "sink.h"
#include "sink_file.h"
#include "unit.h"

#define QUEUE (1 << 20)

/* ----------------------------------------------------------- a failing disk */

/* What the kernel answers instead of writing; 0: it writes. */
static atomic_int write_errno;
/* Bytes that it writes all the same. */
static atomic_int write_room;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

static bool is_file(int fd)
{
	struct stat st;

	return fd != log_catch_fd && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 0;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	int err = is_file(fd) ? atomic_load(&write_errno) : 0;
	ssize_t n;

	if (err == 0)
		return __real_write(fd, data, len);
	if (atomic_load(&write_room) == 0) {
		errno = err;
		return -1;
	}
	if (len > (size_t)atomic_load(&write_room))
		len = (size_t)atomic_load(&write_room);
	n = __real_write(fd, data, len);
	if (n > 0)
		atomic_fetch_sub(&write_room, (int)n);
	return n;
}

/* From now on files take @room bytes, then writing fails with @err. */
static void disk_fails(int err, int room)
{
	atomic_store(&write_room, room);
	atomic_store(&write_errno, err);
}

static void disk_works(void)
{
	atomic_store(&write_errno, 0);
}

/* ------------------------------------------------------------------- files */

static struct {
	char *dir, *path, *moved;
	struct outlet outlet;
} t;

static int setup(void **state)
{
	(void)state;
	disk_works();
	log_catch();
	t.dir = test_dir_new();
	t.path = test_path(t.dir, "log");
	t.moved = test_path(t.dir, "log.1");
	t.outlet = (struct outlet){};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_works();
	sink_fini_all();
	log_catch_end();
	free(t.path);
	free(t.moved);
	test_dir_remove(t.dir);
	return 0;
}

/* Opens t.path as @file says, but for its path, and starts. */
static void start(struct ulogd_file file)
{
	file.path = t.path;
	assert_int_equal(sink_get(t.path, &sink_file_ops, sink_file_dest(&file), QUEUE, SINK_FULL_DROP,
				  &t.outlet.sink), 0);
	assert_int_equal(sink_start_all(), 0);
}

/* Hands over @text, each line of which is a record. */
static void push(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n") + 1;
		struct ulogd_buf out;

		assert_true(outlet_begin(&t.outlet, 0, &out));
		ulogd_buf_mem(&out, text, len);
		assert_false(out.full);
		outlet_commit(&t.outlet, out.p);
		text += len;
	}
	outlet_flush(&t.outlet);
}

static bool file_is(const char *path, const char *want)
{
	char *text;
	bool is;

	if (access(path, F_OK) < 0)
		return false;
	text = test_file_read(path);
	is = strcmp(text, want) == 0;
	free(text);
	return is;
}

static void assert_file(const char *path, const char *want)
{
	char *text = test_file_read(path);

	assert_string_equal(text, want);
	free(text);
}

static unsigned int log_count(const char *text)
{
	unsigned int n = 0;

	for (const char *p = log_caught(); (p = strstr(p, text)); p++)
		n++;
	return n;
}

/* ------------------------------------------------ what others do to a file */

static void a_file_that_was_renamed_is_noticed_before_the_next_record(void **state)
{
	(void)state;
	start((struct ulogd_file){});
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	assert_int_equal(rename(t.path, t.moved), 0);
	push("two\n");
	wait_until(file_is(t.path, "two\n"));
	push("three\n");
	wait_until(file_is(t.path, "two\nthree\n"));
	assert_file(t.moved, "one\n");
	assert_log_has("<5> sink_file.c");
	assert_int_equal(log_count("was renamed or removed, opened again"), 1);
}

static void a_file_that_was_removed_is_made_anew(void **state)
{
	(void)state;
	start((struct ulogd_file){ .header = "head\n", .header_len = 5, .trailer = "tail\n", .trailer_len = 5 });
	push("one\n");
	wait_until(file_is(t.path, "head\none\n"));
	assert_int_equal(unlink(t.path), 0);
	push("two\n");
	wait_until(file_is(t.path, "head\ntwo\n"));
	sink_fini_all();
	assert_file(t.path, "head\ntwo\ntail\n");
}

static void a_file_that_was_replaced_is_followed(void **state)
{
	(void)state;
	start((struct ulogd_file){});
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	assert_int_equal(rename(t.path, t.moved), 0);
	test_file_write(t.path, "other\n", 6);
	push("two\n");
	wait_until(file_is(t.path, "other\ntwo\n"));
	assert_file(t.moved, "one\n");
}

static void a_file_that_was_emptied_begins_with_its_header(void **state)
{
	(void)state;
	start((struct ulogd_file){ .header = "head\n", .header_len = 5 });
	push("one\n");
	wait_until(file_is(t.path, "head\none\n"));
	assert_int_equal(truncate(t.path, 0), 0);
	push("two\n");
	wait_until(file_is(t.path, "head\ntwo\n"));
	assert_log_lacks("opened again");
}

static void records_wait_for_a_directory_that_was_removed(void **state)
{
	(void)state;
	start((struct ulogd_file){});
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(rmdir(t.dir), 0);
	push("two\n");
	wait_until(log_has("cannot write: No such file or directory; will keep trying"));
	push("three\n");
	assert_int_equal(mkdir(t.dir, 0700), 0);
	wait_until(file_is(t.path, "two\nthree\n"));
	wait_until(log_has("writes again after"));
	assert_log_has(", 0 records lost meanwhile");
}

static void a_renamed_file_stays_in_use_while_its_name_cannot_be_opened(void **state)
{
	char *gone, *old;

	(void)state;
	assert_true(asprintf(&gone, "%s.gone", t.dir) > 0);
	old = test_path(gone, "log");
	start((struct ulogd_file){});
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	assert_int_equal(rename(t.dir, gone), 0);
	push("two\n");
	wait_until(file_is(old, "one\ntwo\n"));
	push("three\n");
	wait_until(file_is(old, "one\ntwo\nthree\n"));
	assert_int_equal(log_count("the old one stays in use"), 1);
	assert_int_equal(mkdir(t.dir, 0700), 0);
	push("four\n");
	wait_until(file_is(t.path, "four\n"));
	assert_file(old, "one\ntwo\nthree\n");
	assert_int_equal(unlink(old), 0);
	assert_int_equal(rmdir(gone), 0);
	free(old);
	free(gone);
}

/* -------------------------------------------------------- disks that fail */

static const int disk_errors[] = { ENOSPC, EIO, EDQUOT, EROFS, EFBIG };

static void of_each_error_recovery_completes_the_record_that_was_cut(void **state)
{
	char want[256] = "";

	(void)state;
	start((struct ulogd_file){});
	for (size_t i = 0; i < ARRAY_SIZE(disk_errors); i++) {
		char said[64];

		snprintf(said, sizeof(said), "cannot write: %s;", strerror(disk_errors[i]));
		disk_fails(disk_errors[i], 7);
		push("one\ntwo hundred\nthree\n");
		wait_until(log_has(said));
		disk_works();
		strcat(want, "one\ntwo hundred\nthree\n");
		wait_until(file_is(t.path, want));
		wait_until(log_count("writes again after") == i + 1);
	}
}

static void a_file_renamed_while_the_disk_is_full_ends_in_a_whole_record(void **state)
{
	(void)state;
	start((struct ulogd_file){});
	disk_fails(ENOSPC, 7);
	push("one\ntwo hundred\nthree\n");
	wait_until(log_has("cannot write"));
	assert_int_equal(rename(t.path, t.moved), 0);
	/* There is no room for the other half, so the half is taken back. */
	wait_until(file_is(t.moved, "one\n"));
	disk_works();
	wait_until(file_is(t.path, "two hundred\nthree\n"));
	assert_file(t.moved, "one\n");
}

static void the_half_of_a_record_in_a_removed_file_is_written_again_whole(void **state)
{
	(void)state;
	start((struct ulogd_file){});
	disk_fails(ENOSPC, 7);
	push("one\ntwo hundred\nthree\n");
	wait_until(log_has("cannot write"));
	assert_int_equal(unlink(t.path), 0);
	disk_works();
	wait_until(file_is(t.path, "two hundred\nthree\n"));
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_file_that_was_renamed_is_noticed_before_the_next_record),
		unit(a_file_that_was_removed_is_made_anew),
		unit(a_file_that_was_replaced_is_followed),
		unit(a_file_that_was_emptied_begins_with_its_header),
		unit(records_wait_for_a_directory_that_was_removed),
		unit(a_renamed_file_stays_in_use_while_its_name_cannot_be_opened),
		unit(of_each_error_recovery_completes_the_record_that_was_cut),
		unit(a_file_renamed_while_the_disk_is_full_ends_in_a_whole_record),
		unit(the_half_of_a_record_in_a_removed_file_is_written_again_whole),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Files: what others do to them, and disks that fail. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>

#include "outlet.h"
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

static atomic_int fsync_errno;
static atomic_uint fsyncs;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	atomic_fetch_add(&fsyncs, 1);
	errno = atomic_load(&fsync_errno);
	return errno ? -1 : __real_fdatasync(fd);
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
	atomic_store(&fsync_errno, 0);
	atomic_store(&fsyncs, 0);
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
static void start_with(struct ulogd_file file, struct file_options options)
{
	file.path = t.path;
	assert_int_equal(sink_get(t.path, &sink_file_ops, sink_file_dest(&file, &options), QUEUE,
				  SINK_FULL_DROP, &t.outlet.sink), 0);
	assert_int_equal(sink_start_all(), 0);
}

static void start(struct ulogd_file file)
{
	start_with(file, (struct file_options){});
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

/* A file that is not there, as while it is rotated, is another one. */
static bool file_is(const char *path, const char *want)
{
	FILE *file = fopen(path, "re");
	char text[4096];
	size_t len = file ? fread(text, 1, sizeof(text), file) : 0;

	if (!file)
		return false;
	fclose(file);
	return len == strlen(want) && memcmp(text, want, len) == 0;
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

static void a_file_that_has_its_trailer_goes_on_without(void **state)
{
	static const char *const before[] = { "head\none\ntail\n", "head\ntail\n", "head\n", "ta\n" };
	static const char *const after[] = { "head\none\ntwo\ntail\n", "head\ntwo\ntail\n", "head\ntwo\ntail\n",
					     "ta\ntwo\ntail\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		test_file_write(t.path, before[i], strlen(before[i]));
		start((struct ulogd_file){ .header = "head\n", .header_len = 5, .trailer = "tail\n",
					   .trailer_len = 5 });
		push("two\n");
		sink_fini_all();
		assert_file(t.path, after[i]);
	}
}

static void a_line_that_was_cut_stays_alone(void **state)
{
	(void)state;
	test_file_write(t.path, "one\ntw", 6);
	start((struct ulogd_file){});
	assert_file(t.path, "one\ntw");
	disk_fails(ENOSPC, 0);
	push("three\n");
	wait_until(log_has("cannot write: No space left on device"));
	disk_works();
	push("four\n");
	sink_fini_all();
	assert_file(t.path, "one\ntw\nthree\nfour\n");
	assert_log_has("log: its last line was cut");
}

/* Hands over a record that is no line. */
static void push_without_newline(const char *text)
{
	struct ulogd_buf out;

	assert_true(outlet_begin(&t.outlet, 0, &out));
	ulogd_buf_mem(&out, text, strlen(text));
	outlet_commit(&t.outlet, out.p);
	outlet_flush(&t.outlet);
}

static void records_that_are_no_lines_get_no_ends(void **state)
{
	(void)state;
	start((struct ulogd_file){});
	push_without_newline("a");
	wait_until(file_is(t.path, "a"));
	sink_reopen_all();
	push_without_newline("b");
	wait_until(file_is(t.path, "ab"));
	assert_int_equal(rename(t.path, t.moved), 0);
	push_without_newline("c");
	wait_until(file_is(t.path, "c"));
	push_without_newline("d");
	sink_fini_all();
	assert_file(t.path, "cd");
	assert_file(t.moved, "ab");
	assert_log_lacks("was cut");
}

static void a_file_that_was_emptied_needs_no_end_of_its_line(void **state)
{
	(void)state;
	test_file_write(t.path, "tw", 2);
	start((struct ulogd_file){});
	assert_int_equal(truncate(t.path, 0), 0);
	push("three\n");
	sink_fini_all();
	assert_file(t.path, "three\n");
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

/* ------------------------------------------------------------ new files */

static unsigned int file_mode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void new_files_have_the_mode_that_the_umask_leaves(void **state)
{
	mode_t before = umask(027);

	(void)state;
	start((struct ulogd_file){});
	umask(before);
	assert_int_equal(file_mode(t.path), 0640);
}

static void new_files_have_their_mode_whatever_the_umask_is(void **state)
{
	mode_t before = umask(077);

	(void)state;
	start_with((struct ulogd_file){}, (struct file_options){ .has_mode = true, .mode = 0644 });
	assert_int_equal(file_mode(t.path), 0644);
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	assert_int_equal(rename(t.path, t.moved), 0);
	push("two\n");
	wait_until(file_is(t.path, "two\n"));
	umask(before);
	assert_int_equal(file_mode(t.path), 0644);
}

static void files_that_exist_keep_their_mode(void **state)
{
	(void)state;
	test_file_write(t.path, "", 0);
	assert_int_equal(chmod(t.path, 0600), 0);
	start_with((struct ulogd_file){}, (struct file_options){ .has_mode = true, .mode = 0644 });
	assert_int_equal(file_mode(t.path), 0600);
}

static void new_files_have_their_group(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	start_with((struct ulogd_file){}, (struct file_options){ .has_group = true, .group = 4711 });
	assert_int_equal(stat(t.path, &st), 0);
	assert_int_equal(st.st_gid, 4711);
	assert_log_lacks("cannot give it");
}

static void a_group_that_may_not_be_given_is_said_and_the_file_is_written(void **state)
{
	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(chmod(t.dir, 0777), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	start_with((struct ulogd_file){}, (struct file_options){ .has_group = true, .group = 4711 });
	assert_log_has("cannot give it to group 4711 (file_group): Operation not permitted; run as root with");
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

/* ---------------------------------------------------------------- fsync */

static void without_fsync_nothing_is_brought_to_the_disk(void **state)
{
	(void)state;
	start((struct ulogd_file){});
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	sink_fini_all();
	assert_int_equal(fsyncs, 0);
}

static void with_batch_each_turn_ends_on_the_disk(void **state)
{
	(void)state;
	start_with((struct ulogd_file){}, (struct file_options){ .fsync = FILE_FSYNC_BATCH });
	for (unsigned int n = 1; n <= 3; n++) {
		push("line\n");
		wait_until(atomic_load(&fsyncs) == n);
	}
}

static void with_interval_the_disk_is_asked_once_a_second(void **state)
{
	int64_t begun = log_now_ms();

	(void)state;
	start_with((struct ulogd_file){}, (struct file_options){ .fsync = FILE_FSYNC_INTERVAL });
	for (unsigned int n = 0; n < 20; n++) {
		push("line\n");
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	/* The last of them, too, without any further record. */
	wait_until(atomic_load(&fsyncs) >= 2);
	assert_true(log_now_ms() - begun >= 1000);
	sink_fini_all();
	assert_true(atomic_load(&fsyncs) <= 2 + (log_now_ms() - begun) / 1000);
}

static void fsync_that_fails_is_a_failure_and_tried_again_without_a_record(void **state)
{
	(void)state;
	atomic_store(&fsync_errno, EIO);
	start_with((struct ulogd_file){}, (struct file_options){ .fsync = FILE_FSYNC_BATCH });
	push("one\n");
	wait_until(atomic_load(&fsyncs) >= 3);
	/* That other records can be written is no recovery. */
	push("two\n");
	wait_until(file_is(t.path, "one\ntwo\n"));
	wait_until(atomic_load(&fsyncs) >= 5);
	assert_log_lacks("writes again");
	assert_int_equal(log_count("cannot write: Input/output error; will keep trying"), 1);
	atomic_store(&fsync_errno, 0);
	wait_until(log_has("writes again after"));
}

/* ------------------------------------------------------------- rotation */

static void a_file_is_rotated_before_the_record_that_it_has_no_room_for(void **state)
{
	char *older = test_path(t.dir, "log.2");

	(void)state;
	start_with((struct ulogd_file){},
		   (struct file_options){ .rotate = { .size = 10, .keep = 2 } });
	push("1234\n1234\n67\nmuch too long\n89\n0\n");
	sink_fini_all();
	assert_file(t.path, "89\n0\n");
	assert_file(t.moved, "much too long\n");
	assert_file(older, "67\n");
	assert_int_equal(log_count("rotated"), 3);
	free(older);
}

static void rotated_files_have_header_and_trailer_within_their_size(void **state)
{
	(void)state;
	start_with((struct ulogd_file){ .header = "head\n", .header_len = 5,
					.trailer = "tail\n", .trailer_len = 5 },
		   (struct file_options){ .rotate = { .size = 20, .keep = 2 } });
	push("1234\n6789\n1\n");
	sink_fini_all();
	assert_file(t.moved, "head\n1234\n6789\ntail\n");
	assert_file(t.path, "head\n1\ntail\n");
}

static void what_is_in_a_file_at_the_start_counts(void **state)
{
	(void)state;
	test_file_write(t.path, "12345678\n", 9);
	start_with((struct ulogd_file){}, (struct file_options){ .rotate = { .size = 10, .keep = 2 } });
	push("1\n");
	sink_fini_all();
	assert_file(t.moved, "12345678\n");
	assert_file(t.path, "1\n");
}

static void a_file_of_yesterday_is_rotated_before_the_first_record(void **state)
{
	struct timespec yesterday = { .tv_sec = time(NULL) - 86400 };

	(void)state;
	test_file_write(t.path, "old\n", 4);
	assert_int_equal(utimensat(AT_FDCWD, t.path, (struct timespec[]){ yesterday, yesterday }, 0), 0);
	start_with((struct ulogd_file){}, (struct file_options){ .rotate = { .interval_s = 86400, .keep = 2 } });
	push("new\n");
	wait_until(file_is(t.path, "new\n"));
	assert_file(t.moved, "old\n");
}

static void a_file_is_rotated_when_its_interval_is_over_but_not_without_records(void **state)
{
	struct stat st;

	(void)state;
	start_with((struct ulogd_file){}, (struct file_options){ .rotate = { .interval_s = 1, .keep = 2 } });
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 100000000 }, NULL);
	push("one\n");
	wait_until(file_is(t.path, "one\n"));
	assert_int_equal(stat(t.moved, &st), -1);
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 100000000 }, NULL);
	push("two\n");
	wait_until(file_is(t.path, "two\n"));
	assert_file(t.moved, "one\n");
}

static void a_record_that_a_full_disk_has_cut_is_completed_before_rotating(void **state)
{
	(void)state;
	start_with((struct ulogd_file){}, (struct file_options){ .rotate = { .size = 8, .keep = 2 } });
	disk_fails(ENOSPC, 6);
	push("1234\n67\n2\n");
	wait_until(log_has("cannot write"));
	disk_works();
	sink_fini_all();
	assert_file(t.moved, "1234\n67\n");
	assert_file(t.path, "2\n");
	assert_log_has("3 records written (10 bytes), 0 lost");
}

static void a_file_that_cannot_be_rotated_grows_on(void **state)
{
	(void)state;
	start_with((struct ulogd_file){}, (struct file_options){ .rotate = { .size = 8, .keep = 1 } });
	assert_int_equal(mkdir(t.moved, 0700), 0);
	push("1234\n6789\n1234\n6789\n");
	sink_fini_all();
	assert_file(t.path, "1234\n6789\n1234\n6789\n");
	assert_int_equal(log_count("cannot be rotated: Is a directory; it grows on"), 1);
	assert_int_equal(rmdir(t.moved), 0);
}

static void a_new_file_without_room_for_its_header_is_not_begun(void **state)
{
	(void)state;
	start_with((struct ulogd_file){ .header = "head\n", .header_len = 5 },
		   (struct file_options){ .rotate = { .size = 10, .keep = 2 } });
	push("1234\n");
	wait_until(file_is(t.path, "head\n1234\n"));
	disk_fails(ENOSPC, 3);
	push("6789\n");
	wait_until(log_has("cannot be rotated: No space left on device"));
	wait_until(log_has("cannot write"));
	disk_works();
	wait_until(file_is(t.path, "head\n1234\n6789\n"));
}

static void old_files_are_compressed(void **state)
{
	char *gz = test_path(t.dir, "log.1.gz"), *command;

	(void)state;
	start_with((struct ulogd_file){},
		   (struct file_options){ .rotate = { .size = 5, .keep = 2, .compress = true } });
	push("one\ntwo\n");
	assert_true(asprintf(&command, "test ! -e '%s' && test \"$(gzip -dc '%s' 2>/dev/null)\" = one",
			     t.moved, gz) > 0);
	wait_until(system(command) == 0);
	assert_file(t.path, "two\n");
	free(command);
	free(gz);
}

static void adjust(struct file_options options)
{
	sink_file_adjust(t.outlet.sink, &options);
}

static void other_options_count_from_the_next_record_on(void **state)
{
	char *older = test_path(t.dir, "log.2");
	struct stat before, after;

	(void)state;
	start((struct ulogd_file){});
	push("1234\n");
	wait_until(file_is(t.path, "1234\n"));
	assert_int_equal(stat(t.path, &before), 0);
	/* A file that stays is not opened again. */
	adjust((struct file_options){ .fsync = FILE_FSYNC_BATCH });
	push("6789\n");
	wait_until(file_is(t.path, "1234\n6789\n") && atomic_load(&fsyncs) == 1);
	assert_int_equal(stat(t.path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* What stands in it counts. */
	adjust((struct file_options){ .rotate = { .size = 12, .keep = 2 }, .has_mode = true, .mode = 0604 });
	push("new\n");
	wait_until(file_is(t.path, "new\n"));
	assert_file(t.moved, "1234\n6789\n");
	assert_int_equal(stat(t.path, &after), 0);
	assert_int_equal(after.st_mode & 0777, 0604);
	assert_int_equal(atomic_load(&fsyncs), 1);
	adjust((struct file_options){ .rotate = { .size = 5, .keep = 2 } });
	push("newer\n");
	wait_until(file_is(t.path, "newer\n"));
	assert_file(older, "1234\n6789\n");
	adjust((struct file_options){});
	push("newest\n");
	sink_fini_all();
	assert_file(t.path, "newer\nnewest\n");
	free(older);
}

static void files_that_begin_or_end_otherwise_are_of_another_format(void **state)
{
	static const struct ulogd_file files[] = {
		{ .header = "a", .header_len = 1 },
		{ .header = "b", .header_len = 1 },
		{ .header = "a", .header_len = 1, .trailer = "a", .trailer_len = 1 },
		{ .header = "a", .header_len = 1, .dated = true },
		{},
	};

	(void)state;
	start(files[0]);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct ulogd_file file = files[i];
		struct sink *sink;

		file.path = t.path;
		assert_int_equal(sink_get(t.path, &sink_file_ops, sink_file_dest(&file, &(struct file_options){}),
					  QUEUE, SINK_FULL_DROP, &sink), i == 0 ? 0 : -EEXIST);
	}
}

static void what_is_no_file_is_not_rotated(void **state)
{
	struct file_options options = { .rotate = { .size = 5, .keep = 2 } };

	(void)state;
	assert_int_equal(sink_get("/dev/null", &sink_file_ops,
				  sink_file_dest(&(struct ulogd_file){ .path = "/dev/null" }, &options), QUEUE,
				  SINK_FULL_DROP, &t.outlet.sink), 0);
	assert_int_equal(sink_start_all(), 0);
	push("one\ntwo\n");
	sink_fini_all();
	assert_log_has("/dev/null: this is no file to be rotated, rotate_size and rotate_interval do nothing");
	assert_log_has("2 records written");
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_file_that_was_renamed_is_noticed_before_the_next_record),
		unit(a_file_that_was_removed_is_made_anew),
		unit(a_file_that_has_its_trailer_goes_on_without),
		unit(a_line_that_was_cut_stays_alone),
		unit(records_that_are_no_lines_get_no_ends),
		unit(a_file_that_was_emptied_needs_no_end_of_its_line),
		unit(a_file_that_was_replaced_is_followed),
		unit(a_file_that_was_emptied_begins_with_its_header),
		unit(records_wait_for_a_directory_that_was_removed),
		unit(a_renamed_file_stays_in_use_while_its_name_cannot_be_opened),
		unit(of_each_error_recovery_completes_the_record_that_was_cut),
		unit(a_file_renamed_while_the_disk_is_full_ends_in_a_whole_record),
		unit(the_half_of_a_record_in_a_removed_file_is_written_again_whole),
		unit(new_files_have_the_mode_that_the_umask_leaves),
		unit(new_files_have_their_mode_whatever_the_umask_is),
		unit(files_that_exist_keep_their_mode),
		unit(new_files_have_their_group),
		unit(a_group_that_may_not_be_given_is_said_and_the_file_is_written),
		unit(without_fsync_nothing_is_brought_to_the_disk),
		unit(with_batch_each_turn_ends_on_the_disk),
		unit(with_interval_the_disk_is_asked_once_a_second),
		unit(fsync_that_fails_is_a_failure_and_tried_again_without_a_record),
		unit(a_file_is_rotated_before_the_record_that_it_has_no_room_for),
		unit(rotated_files_have_header_and_trailer_within_their_size),
		unit(what_is_in_a_file_at_the_start_counts),
		unit(a_file_of_yesterday_is_rotated_before_the_first_record),
		unit(a_file_is_rotated_when_its_interval_is_over_but_not_without_records),
		unit(a_record_that_a_full_disk_has_cut_is_completed_before_rotating),
		unit(a_file_that_cannot_be_rotated_grows_on),
		unit(a_new_file_without_room_for_its_header_is_not_begun),
		unit(old_files_are_compressed),
		unit(other_options_count_from_the_next_record_on),
		unit(files_that_begin_or_end_otherwise_are_of_another_format),
		unit(what_is_no_file_is_not_rotated),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

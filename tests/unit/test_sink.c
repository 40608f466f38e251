// SPDX-License-Identifier: GPL-2.0-or-later
/* A sink's thread: failing, trying again, opening again, files, its account. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "dest.h"
#include "sink_file.h"

/* ------------------------------------------------------ failing destinations */

static void a_destination_that_fails_is_tried_again_from_where_it_stopped(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	dest_fail(-ENOSPC, 2500);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int n = 0; n < 10; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(dest_len() == 2500);
	wait_until(log_has("memory: cannot write: No space left on device; will keep trying"));
	dest_fail(0, 0);
	wait_until(dest_len() == 10 * RECORD_LEN);
	wait_until(log_has("memory: writes again after"));
	assert_log_has("0 records lost meanwhile");
	sink_fini_all();
	assert_records(dest.data, dest.len, 10);
	assert_log_has("10 records written (10000 bytes), 0 lost");
}

static void a_failure_is_said_once_however_often_it_is_tried(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int writes;
	const char *said;

	(void)state;
	dest_fail(-EIO, 0);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	do {
		pthread_mutex_lock(&dest.lock);
		writes = dest.writes;
		pthread_mutex_unlock(&dest.lock);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	} while (writes < 3);
	said = strstr(log_caught(), "cannot write");
	assert_non_null(said);
	assert_null(strstr(said + 1, "cannot write"));
	dest_fail(0, 0);
}

static void records_lost_during_a_failure_are_counted_on_recovery(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n, refused = 0;
	char said[64];

	(void)state;
	dest_fail(-ENOSPC, 0);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	wait_until(log_has("cannot write"));
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	for (refused = 1; refused < 77; refused++)
		assert_false(push_record(&outlet, n));
	dest_fail(0, 0);
	wait_until(log_has("writes again after"));
	snprintf(said, sizeof(said), "%u records lost meanwhile", refused);
	assert_log_has(said);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, n);
}

static void of_each_failure_its_own_losses_are_counted(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n, refused;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	for (refused = 1; refused < 10; refused++)
		assert_false(push_record(&outlet, n));
	dest_block(false);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	/* Ten have been lost while all was well: they are none of the failure's. */
	dest_fail(-EIO, 0);
	assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(log_has("cannot write"));
	dest_fail(0, 0);
	wait_until(log_has("writes again after"));
	assert_log_has(" 0 records lost meanwhile");
	sink_fini_all();
	assert_log_has(", 10 lost");
}

static void what_cannot_be_written_before_the_end_is_counted_as_lost(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	dest_fail(-ENOSPC, 3 * RECORD_LEN + 10);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int n = 0; n < 200; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	sink_begin_stop_all(0);
	sink_fini_all();
	assert_log_has("memory: stopped while it could not be written, 197 queued records lost");
	assert_log_has("memory: 3 records written (3010 bytes), 197 lost");
	assert_int_equal(dest.closes, 1);
}

/* --------------------------------------------------------------- opening again */

static void reopening_happens_on_the_sinks_thread_also_without_records(void **state)
{
	(void)state;
	dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	assert_int_equal(sink_start_all(), 0);
	assert_int_equal(dest_opens(), 1);
	sink_reopen_all();
	wait_until(dest_opens() == 2);
	wait_until(log_has("memory: opened again"));
}

static void a_failed_reopen_is_said_and_writing_goes_on(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	pthread_mutex_lock(&dest.lock);
	dest.open_err = -EACCES;
	pthread_mutex_unlock(&dest.lock);
	sink_reopen_all();
	wait_until(log_has("memory: cannot open it again: Permission denied; the old one stays in use"));
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	wait_until(dest_len() == RECORD_LEN);
}

static void a_record_that_was_begun_is_settled_before_reopening(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	dest_fail(-ENOSPC, RECORD_LEN / 2);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	wait_until(log_has("cannot write"));
	sink_reopen_all();
	wait_until(dest_opens() == 2);
	assert_int_equal(dest.settles, 1);
	dest_fail(0, 0);
	wait_until(dest_len() == RECORD_LEN);
}

/* ------------------------------------------------------------------- files */

struct files {
	char *dir, *path, *moved;
	struct outlet outlet;
};

static int files_setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	dest_setup(NULL);
	f->dir = test_dir_new();
	f->path = test_path(f->dir, "log");
	f->moved = test_path(f->dir, "log.1");
	assert_int_equal(sink_get(f->path, &sink_file_ops,
				  sink_file_dest(&(struct ulogd_file){ .path = f->path },
						 &(struct file_options){}), QUEUE_MIN,
				  SINK_FULL_DROP, &f->outlet.sink), 0);
	*state = f;
	return 0;
}

static int files_teardown(void **state)
{
	struct files *f = *state;

	file_limit(RLIM_INFINITY);
	dest_teardown(NULL);
	free(f->path);
	free(f->moved);
	test_dir_remove(f->dir);
	free(f);
	return 0;
}

static size_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static void assert_file_records(const char *path, unsigned int n)
{
	char *text = test_file_read(path);

	assert_records(text, strlen(text), n);
	free(text);
}

static void a_file_is_appended_to(void **state)
{
	struct files *f = *state;
	char *text;

	test_file_write(f->path, "before\n", 7);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push(&f->outlet, "after\n", 6));
	outlet_flush(&f->outlet);
	sink_fini_all();
	text = test_file_read(f->path);
	assert_string_equal(text, "before\nafter\n");
	free(text);
}

static void reopening_follows_a_file_that_was_moved_away(void **state)
{
	struct files *f = *state;
	char *text;

	assert_int_equal(sink_start_all(), 0);
	assert_true(push(&f->outlet, "one\n", 4));
	outlet_flush(&f->outlet);
	wait_until(file_size(f->path) == 4);
	assert_int_equal(rename(f->path, f->moved), 0);
	sink_reopen_all();
	wait_until(log_has("opened again"));
	assert_true(push(&f->outlet, "three\n", 6));
	outlet_flush(&f->outlet);
	wait_until(file_size(f->path) == 6);
	text = test_file_read(f->moved);
	assert_string_equal(text, "one\n");
	free(text);
}

static void reopen_keeps_old_file_on_error(void **state)
{
	struct files *f = *state;
	char *gone, *old;

	assert_true(asprintf(&gone, "%s.gone", f->dir) > 0);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push(&f->outlet, "one\n", 4));
	outlet_flush(&f->outlet);
	wait_until(file_size(f->path) == 4);
	assert_int_equal(rename(f->dir, gone), 0);
	sink_reopen_all();
	wait_until(log_has("cannot open it again: No such file or directory; the old one stays in use"));
	assert_true(push(&f->outlet, "two\n", 4));
	outlet_flush(&f->outlet);
	old = test_path(gone, "log");
	wait_until(file_size(old) == 8);
	free(old);
	assert_int_equal(rename(gone, f->dir), 0);
	free(gone);
}

#define LIMIT 100500	/* bytes: in the middle of the second chunk and of a record */

/* Hands 200 records over to a file that takes LIMIT bytes. */
static void file_fill(struct files *f)
{
	file_limit(LIMIT);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int n = 0; n < 200; n++)
		assert_true(push_record(&f->outlet, n));
	outlet_flush(&f->outlet);
	wait_until(log_has("cannot write: File too large"));
	assert_int_equal(file_size(f->path), LIMIT);
}

static void a_full_disk_costs_nothing_and_tears_no_line_when_there_is_room_again(void **state)
{
	struct files *f = *state;

	file_fill(f);
	file_limit(RLIM_INFINITY);
	wait_until(file_size(f->path) == 200 * RECORD_LEN);
	sink_fini_all();
	assert_file_records(f->path, 200);
	assert_log_has("200 records written (200000 bytes), 0 lost");
}

static void a_file_moved_away_while_the_disk_is_full_ends_in_a_whole_line(void **state)
{
	struct files *f = *state;
	char *text;

	file_fill(f);
	assert_int_equal(rename(f->path, f->moved), 0);
	sink_reopen_all();
	wait_until(file_size(f->path) == LIMIT / RECORD_LEN * RECORD_LEN - 500 ||
		   file_size(f->path) == 200 * RECORD_LEN - LIMIT / RECORD_LEN * RECORD_LEN);
	file_limit(RLIM_INFINITY);
	sink_fini_all();
	assert_file_records(f->moved, LIMIT / RECORD_LEN);
	text = test_file_read(f->path);
	assert_memory_equal(text, "100 .", 5);
	assert_int_equal(strlen(text), (200 - LIMIT / RECORD_LEN) * RECORD_LEN);
	free(text);
}

static void a_file_that_is_full_at_the_end_ends_in_a_whole_line(void **state)
{
	struct files *f = *state;

	file_fill(f);
	sink_begin_stop_all(0);
	sink_fini_all();
	assert_log_has("100 records written");
	assert_log_has("100 lost");
	assert_file_records(f->path, LIMIT / RECORD_LEN);
}

/* ------------------------------------------------------------- accounting */

static void every_record_is_accounted_for(void **state)
{
	struct sink *sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	struct outlet outlet = { .sink = sink };
	struct sink_stats st;
	unsigned int n;

	(void)state;
	assert_ptr_equal(sink_next(NULL), sink);
	assert_null(sink_next(sink));
	dest_fail(-ENOSPC, 2 * RECORD_LEN + 10);
	assert_int_equal(sink_start_all(), 0);
	for (n = 0; n < 10; n++)
		assert_true(push_record(&outlet, n));
	st = stats(sink);
	assert_int_equal(st.formatted, 0);
	outlet_flush(&outlet);
	wait_until(stats(sink).failing_since != 0);
	st = stats(sink);
	assert_true(balanced(sink));
	assert_int_equal(st.formatted, 10);
	assert_int_equal(st.written, 2);
	assert_int_equal(st.written_bytes, 2 * RECORD_LEN + 10);
	assert_int_equal(st.queued, 8);
	assert_int_equal(st.queue_size, QUEUE_MIN);
	assert_int_equal(st.spool_size, 0);
	for (; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	assert_false(push_record(&outlet, n));
	assert_true(balanced(sink));
	assert_int_equal(stats(sink).dropped[SINK_DROP_QUEUE], 2);
	sink_report_all();
	assert_log_has("2 lost (queue full: 2); ");
	assert_log_has(" in the queue; failing for ");
	outlet_flush(&outlet);
	dest_fail(0, 0);
	wait_until(stats(sink).written == n);
	st = stats(sink);
	assert_true(balanced(sink));
	assert_int_equal(st.queued, 0);
	assert_int_equal(st.failing_since, 0);
}

static void opening_again_is_counted(void **state)
{
	struct sink *sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP);

	(void)state;
	assert_int_equal(stats(sink).reopens, 0);
	assert_int_equal(sink_start_all(), 0);
	sink_reopen_all();
	wait_until(stats(sink).reopens == 1);
	sink_report_all();
	assert_log_has("0 lost; opened again: 1");
}

#define unit_files(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_destination_that_fails_is_tried_again_from_where_it_stopped),
		unit(a_failure_is_said_once_however_often_it_is_tried),
		unit(records_lost_during_a_failure_are_counted_on_recovery),
		unit(of_each_failure_its_own_losses_are_counted),
		unit(what_cannot_be_written_before_the_end_is_counted_as_lost),
		unit(reopening_happens_on_the_sinks_thread_also_without_records),
		unit(a_failed_reopen_is_said_and_writing_goes_on),
		unit(a_record_that_was_begun_is_settled_before_reopening),
		unit_files(a_file_is_appended_to),
		unit_files(reopening_follows_a_file_that_was_moved_away),
		unit_files(reopen_keeps_old_file_on_error),
		unit_files(a_full_disk_costs_nothing_and_tears_no_line_when_there_is_room_again),
		unit_files(a_file_moved_away_while_the_disk_is_full_ends_in_a_whole_line),
		unit_files(a_file_that_is_full_at_the_end_ends_in_a_whole_line),
		unit(every_record_is_accounted_for),
		unit(opening_again_is_counted),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

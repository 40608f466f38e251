// SPDX-License-Identifier: GPL-2.0-or-later
/* A sink with a spool: what waits on disk, and what becomes of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "dest.h"

/* ------------------------------------------------------------------- spools */

static void what_a_failing_destination_does_not_take_waits_on_disk(void **state)
{
	struct spools *s = *state;
	struct sink_stats st;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 800);
	wait_until(stats(s->sink).queued == 0);
	st = stats(s->sink);
	assert_int_equal(st.spooled, 800);
	assert_int_equal(st.spooled_ever, 800);
	assert_true(st.spooled_bytes > 800 * RECORD_LEN);
	assert_true(balanced(s->sink));
	assert_log_has("memory: cannot write: Connection refused; will keep trying, records wait in the spool");
	dest_fail(0, 0);
	push_spooled(s, 100);
	wait_until(dest_len() == 900 * RECORD_LEN);
	wait_until(stats(s->sink).spooled_bytes == 0);
	assert_true(balanced(s->sink));
	sink_fini_all();
	assert_records(dest.data, dest.len, 900);
	assert_log_has("memory: 900 records written (900000 bytes), 0 lost; ");
	assert_log_has(" were spooled");
}

static void a_chunk_that_was_begun_goes_on_where_it_was(void **state)
{
	struct spools *s = *state;

	dest_fail(-ENOSPC, 2500);
	assert_int_equal(sink_start_all(), 0);
	for (; s->next < 10; s->next++)
		assert_true(push_record(&s->outlet, s->next));
	outlet_flush(&s->outlet);
	wait_until(stats(s->sink).spooled == 8);
	assert_true(balanced(s->sink));
	dest_fail(0, 0);
	push_spooled(s, 10);
	wait_until(dest_len() == 20 * RECORD_LEN);
	assert_records(dest.data, dest.len, 20);
	assert_true(balanced(s->sink));
}

static void a_slow_destination_is_spooled_for_as_well(void **state)
{
	struct spools *s = *state;

	dest_fail(-EAGAIN, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 600);
	wait_until(stats(s->sink).spooled == 600);
	assert_log_lacks("cannot write");
	dest_fail(0, 0);
	wait_until(dest_len() == 600 * RECORD_LEN);
	assert_records(dest.data, dest.len, 600);
}

static void a_destination_that_is_stuck_is_spooled_for_when_half_of_the_queue_is_used(void **state)
{
	struct spools *s = *state;

	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&s->outlet);
	s->next = 1;
	for (unsigned int i = 0; i < 800; i++) {
		assert_true(push_record(&s->outlet, s->next++));
		outlet_flush(&s->outlet);
		if (i % 40 == 0)
			wait_until(stats(s->sink).queued_bytes <= QUEUE_MIN / 2);
	}
	assert_true(stats(s->sink).spooled > 500);
	assert_true(balanced(s->sink));
	dest_block(false);
	wait_until(dest_len() == 801 * RECORD_LEN);
	assert_records(dest.data, dest.len, 801);
	assert_true(balanced(s->sink));
}

static void what_is_left_at_the_end_is_delivered_by_the_next_start(void **state)
{
	struct spools *s = *state;
	struct sink_stats st;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 300);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_log_has("memory: stopped with 300 records in the spool");
	assert_log_has("memory: 0 records written (0 bytes), 0 lost; 300 in the spool");
	assert_log_lacks("records lost");
	/* Nobody is there for a second time, and there is news. */
	spool_sink_new(s);
	assert_log_has("memory: 300 records of before wait in the spool");
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	wait_until(stats(s->sink).queued == 0);
	st = stats(s->sink);
	assert_int_equal(st.recovered, 300);
	assert_int_equal(st.spooled, 400);
	assert_true(balanced(s->sink));
	sink_fini_all();
	dest_fail(0, 0);
	spool_sink_new(s);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	wait_until(dest_len() == 500 * RECORD_LEN);
	assert_true(balanced(s->sink));
	sink_fini_all();
	assert_records(dest.data, dest.len, 500);
}

static void a_chunk_that_was_begun_at_the_end_goes_on_with_the_next_record(void **state)
{
	struct spools *s = *state;
	char *path = spool_file(s);

	dest_fail(-ENOSPC, 2500);
	assert_int_equal(sink_start_all(), 0);
	for (; s->next < 10; s->next++)
		assert_true(push_record(&s->outlet, s->next));
	outlet_flush(&s->outlet);
	wait_until(dest_len() == 2500);
	sink_fini_all();
	assert_log_has("stopped with 8 records in the spool");
	assert_int_equal(access(path, F_OK), 0);
	dest_reset();
	spool_sink_new(s);
	assert_int_equal(stats(s->sink).recovered, 8);
	assert_int_equal(sink_start_all(), 0);
	wait_until(dest_len() == 8 * RECORD_LEN);
	assert_memory_equal(dest.data, "2 .", 3);
	assert_true(balanced(s->sink));
	wait_until(access(path, F_OK) < 0);
	free(path);
}

static void a_destination_that_works_leaves_nothing_at_the_end(void **state)
{
	struct spools *s = *state;

	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 200);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_records(dest.data, dest.len, 200);
	assert_log_lacks("in the spool");
}

static void large_records_are_spooled(void **state)
{
	struct spools *s = *state;
	static char large[100000];

	memset(large, 'L', sizeof(large));
	dest_fail(-EIO, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 1);
	wait_until(stats(s->sink).spooled == 1);
	assert_true(push(&s->outlet, large, sizeof(large)));
	push_spooled(s, 1);
	wait_until(stats(s->sink).spooled == 3);
	dest_fail(0, 0);
	wait_until(dest_len() == 2 * RECORD_LEN + sizeof(large));
	assert_memory_equal(dest.data + RECORD_LEN, large, sizeof(large));
	assert_true(balanced(s->sink));
}

static void a_full_spool_loses_what_it_refuses_and_nothing_else(void **state)
{
	struct spools *s = *state;
	unsigned int refused = 0;
	char said[128];

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	/* The spool and the queue behind it. */
	for (unsigned int i = 0; i < 1500; i++) {
		if (push_record(&s->outlet, s->next))
			s->next++;
		else
			refused++;
		outlet_flush(&s->outlet);
		if (i % 20 == 0 && refused == 0 && !log_has("spool_size"))
			wait_until(stats(s->sink).queued < 50 || log_has("spool_size"));
	}
	assert_true(refused > 100);
	assert_true(s->next > 900);
	assert_true(stats(s->sink).spooled_bytes <= 1 << 20);
	assert_int_equal(stats(s->sink).dropped[SINK_DROP_SPOOL_FULL], refused);
	assert_true(balanced(s->sink));
	assert_log_has("memory: the spool has reached spool_size (1048576 bytes)");
	assert_log_has("memory: the spool and the queue are full");
	assert_log_has("raise spool_size (now 1048576 bytes)");
	dest_fail(0, 0);
	wait_until(dest_len() == (size_t)s->next * RECORD_LEN);
	push_spooled(s, 100);
	wait_until(dest_len() == (size_t)s->next * RECORD_LEN);
	sink_fini_all();
	assert_records(dest.data, dest.len, s->next);
	snprintf(said, sizeof(said), "%u lost (spool full: %u)", refused, refused);
	assert_log_has(said);
}

static void a_disk_that_cannot_be_spooled_to_is_said_once_and_tried_again(void **state)
{
	struct spools *s = *state;
	unsigned int refused = 0;
	const char *said;

	dest_fail(-ECONNREFUSED, 0);
	file_limit(20000);	/* of a segment; the log has room below it */
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		if (push_record(&s->outlet, s->next))
			s->next++;
		else
			refused++;
		outlet_flush(&s->outlet);
		if (!log_has("cannot spool"))
			wait_until(stats(s->sink).queued < 50 || log_has("cannot spool"));
	}
	assert_true(refused > 100);
	assert_int_equal(stats(s->sink).dropped[SINK_DROP_SPOOL_ERROR], refused);
	assert_true(balanced(s->sink));
	said = strstr(log_caught(), "cannot spool");
	assert_non_null(said);
	assert_null(strstr(said + 1, "cannot spool"));
	assert_log_has("make room there, or set spool_dir to another disk");
	file_limit(RLIM_INFINITY);
	wait_until(log_has("memory: spools again"));
	wait_until(stats(s->sink).queued == 0);
	push_spooled(s, 50);
	dest_fail(0, 0);
	wait_until(dest_len() == (size_t)s->next * RECORD_LEN);
	assert_records(dest.data, dest.len, s->next);
	assert_true(balanced(s->sink));
}

static void what_neither_destination_nor_spool_take_at_the_end_is_counted(void **state)
{
	struct spools *s = *state;
	struct sink_stats st;
	unsigned int n;

	dest_fail(-ECONNREFUSED, 0);
	file_limit(20000);
	assert_int_equal(sink_start_all(), 0);
	for (n = 0; n < 100; n++)
		assert_true(push_record(&s->outlet, n));
	outlet_flush(&s->outlet);
	wait_until(log_has("cannot spool"));
	st = stats(s->sink);
	assert_int_equal(st.queued, 100);
	sink_fini_all();
	assert_log_has("100 queued records lost");
	assert_log_has("100 lost (spool not writable: 100)");
}

static void damage_in_the_spool_is_counted_and_passed(void **state)
{
	struct spools *s = *state;
	char *path = spool_file(s), *text;
	struct sink_stats st;
	int fd;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 30; i++) {
		push_spooled(s, 1);
		wait_until(stats(s->sink).spooled == s->next);
	}
	sink_fini_all();
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	/* In the records of one chunk, and in the beginning of another one. */
	assert_int_equal(pwrite(fd, "#", 1, 10500), 1);
	assert_int_equal(pwrite(fd, "#", 1, 20 * (RECORD_LEN + 24)), 1);
	close(fd);
	free(path);
	dest_fail(0, 0);
	spool_sink_new(s);
	assert_int_equal(stats(s->sink).recovered, 29);
	assert_int_equal(sink_start_all(), 0);
	wait_until(stats(s->sink).written == 28);
	wait_until(stats(s->sink).spooled_bytes == 0);
	st = stats(s->sink);
	assert_int_equal(st.dropped[SINK_DROP_SPOOL_DAMAGED], 1);
	assert_true(balanced(s->sink));
	text = dest.data;
	for (unsigned int i = 0; i < 30; i++) {
		if (i == 10 || i == 20)
			continue;
		assert_int_equal(strtoul(text, NULL, 10), i);
		text += RECORD_LEN;
	}
}

static void two_sinks_have_two_spools(void **state)
{
	struct spools *s = *state;
	struct sink *other = sink_named("other", &dest_ops, QUEUE_MIN, SINK_FULL_SPOOL), *third;

	assert_int_equal(sink_spool(other, s->dir, 1 << 20), 0);
	/* It has one. */
	assert_int_equal(sink_spool(other, "/nonexistent", 1 << 20), 0);
	third = sink_named("other", &other_ops, QUEUE_MIN, SINK_FULL_SPOOL);
	assert_int_equal(sink_spool(third, s->dir, 1 << 20), -EBUSY);
	assert_int_equal(sink_spool(sink_named("third", &dest_ops, QUEUE_MIN, SINK_FULL_DROP), "/nonexistent", 1),
			 0);
	assert_int_equal(sink_spool(sink_named("third", &other_ops, QUEUE_MIN, SINK_FULL_SPOOL), "/nonexistent/x",
				    1 << 20), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_spools(what_a_failing_destination_does_not_take_waits_on_disk),
		unit_spools(a_chunk_that_was_begun_goes_on_where_it_was),
		unit_spools(a_slow_destination_is_spooled_for_as_well),
		unit_spools(a_destination_that_is_stuck_is_spooled_for_when_half_of_the_queue_is_used),
		unit_spools(what_is_left_at_the_end_is_delivered_by_the_next_start),
		unit_spools(a_chunk_that_was_begun_at_the_end_goes_on_with_the_next_record),
		unit_spools(a_destination_that_works_leaves_nothing_at_the_end),
		unit_spools(large_records_are_spooled),
		unit_spools(a_full_spool_loses_what_it_refuses_and_nothing_else),
		unit_spools(a_disk_that_cannot_be_spooled_to_is_said_once_and_tried_again),
		unit_spools(what_neither_destination_nor_spool_take_at_the_end_is_counted),
		unit_spools(damage_in_the_spool_is_counted_and_passed),
		unit_spools(two_sinks_have_two_spools),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

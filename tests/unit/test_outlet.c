// SPDX-License-Identifier: GPL-2.0-or-later
/* The lanes' side of a sink: order, gathering, large records, a full queue, waiting. */
#include <errno.h>

#include "dest.h"

#define STUCK_MS	2000	/* after that a lane that waits in vain goes on, and its test fails */

/* ------------------------------------------------------------------ chunks */

static void records_are_found_by_where_they_end(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	const struct chunk *c;

	(void)state;
	assert_true(push(&outlet, "one\n", 4));
	assert_true(push(&outlet, "three\n", 6));
	assert_true(push(&outlet, "x", 1));
	c = outlet.chunk;
	assert_int_equal(c->records, 3);
	assert_int_equal(chunk_record_end(c, 0), 4);
	assert_int_equal(chunk_record_end(c, 1), 10);
	assert_int_equal(chunk_record_end(c, 2), 11);
	assert_int_equal(chunk_records_within(c, 0), 0);
	assert_int_equal(chunk_records_within(c, 3), 0);
	assert_int_equal(chunk_records_within(c, 4), 1);
	assert_int_equal(chunk_records_within(c, 9), 1);
	assert_int_equal(chunk_records_within(c, 10), 2);
	assert_int_equal(chunk_records_within(c, 11), 3);
	assert_int_equal(sink_start_all(), 0);
	outlet_flush(&outlet);
}

static void a_chunk_is_filled_to_the_last_byte_its_table_leaves(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	const struct chunk *first;
	unsigned int n = 0;

	(void)state;
	assert_true(push(&outlet, "x", 1));
	for (first = outlet.chunk; outlet.chunk == first; n++)
		assert_true(push(&outlet, "x", 1));
	/* Each takes one byte and its entry of four. */
	assert_int_equal(n, (CHUNK_SIZE - sizeof(*first)) / 5);
	assert_int_equal(sink_start_all(), 0);
	outlet_flush(&outlet);
	wait_until(dest_len() == n + 1);
}

/* ------------------------------------------------------------ handing over */

static void records_arrive_whole_and_in_their_order(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_LARGE, SINK_FULL_WAIT) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 20000; i++) {
		assert_true(push_record(&outlet, i));
		if (i % 7 == 0)
			outlet_flush(&outlet);
	}
	outlet_flush(&outlet);
	wait_until(dest_len() == 20000 * RECORD_LEN);
	assert_records(dest.data, dest.len, 20000);
	sink_fini_all();
	assert_log_has("memory: 20000 records written (20000000 bytes), 0 lost");
}

static void nothing_is_written_before_it_is_handed_over(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	assert_true(outlet_pending(&outlet));
	assert_int_equal(dest_len(), 0);
	outlet_flush(&outlet);
	assert_false(outlet_pending(&outlet));
	wait_until(dest_len() == RECORD_LEN);
	outlet_flush(&outlet);
}

static void handing_over_nothing_does_nothing(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	struct ulogd_buf out;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	outlet_flush(&outlet);
	assert_true(outlet_begin(&outlet, 0, &out));
	outlet_flush(&outlet);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_int_equal(dest.writes, 0);
	assert_log_has("memory: 0 records written (0 bytes), 0 lost");
}

static void small_hand_overs_are_gathered_into_one_write(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (unsigned int i = 1; i < 60; i++) {
		assert_true(push_record(&outlet, i));
		outlet_flush(&outlet);
	}
	dest_block(false);
	outlet_flush(&outlet);
	wait_until(dest_len() == 60 * RECORD_LEN);
	assert_records(dest.data, dest.len, 60);
	assert_int_equal(dest.writes, 2);
}

static void a_queue_of_small_hand_overs_holds_what_its_size_says(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n = 0;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	/* One chunk is stuck in the destination, one may be the lane's. */
	assert_true(n * RECORD_LEN > QUEUE_MIN - 2 * CHUNK_SIZE);
	dest_block(false);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, n);
}

static void outputs_with_one_destination_share_its_sink(void **state)
{
	struct sink *a = dest_sink(QUEUE_MIN, SINK_FULL_DROP), *b;

	(void)state;
	assert_ptr_equal(a, dest_sink(QUEUE_LARGE, SINK_FULL_WAIT));
	assert_int_equal(dest_opens(), 1);
	b = sink_named("memory", &other_ops, QUEUE_MIN, SINK_FULL_DROP);
	assert_ptr_not_equal(a, b);
	b = sink_named("memory2", &dest_ops, QUEUE_MIN, SINK_FULL_DROP);
	assert_ptr_not_equal(a, b);
	assert_string_equal(sink_name(b), "memory2");
}

static void records_of_several_outlets_are_all_written(void **state)
{
	struct sink *sink = dest_sink(QUEUE_LARGE, SINK_FULL_WAIT);
	struct outlet a = { .sink = sink }, b = { .sink = sink };
	size_t na = 0, nb = 0;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 3000; i++) {
		assert_true(push(&a, "aaaa\n", 5));
		assert_true(push(&b, "bb\n", 3));
		if (i % 100 == 0)
			outlet_flush(i % 200 == 0 ? &a : &b);
	}
	outlet_flush(&a);
	outlet_flush(&b);
	sink_fini_all();
	for (const char *line = dest.data; *line; ) {
		if (strncmp(line, "aaaa\n", 5) == 0) {
			na++;
			line += 5;
		} else {
			assert_memory_equal(line, "bb\n", 3);
			nb++;
			line += 3;
		}
	}
	assert_int_equal(na, 3000);
	assert_int_equal(nb, 3000);
}

static void a_destination_that_cannot_be_opened_is_no_sink(void **state)
{
	struct sink *sink = NULL;

	(void)state;
	dest.open_err = -EACCES;
	assert_int_equal(sink_get("memory", &dest_ops, NULL, QUEUE_MIN, SINK_FULL_DROP, &sink), -EACCES);
	assert_null(sink);
	dest.open_err = 0;
	dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	assert_int_equal(dest_opens(), 2);
}

/* ---------------------------------------------------------- large records */

static void records_larger_than_a_chunk_are_written(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_LARGE, SINK_FULL_DROP) };
	static char large[300000];

	(void)state;
	memset(large, 'L', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\n';
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	assert_true(push(&outlet, large, sizeof(large)));
	assert_true(push_record(&outlet, 1));
	outlet_flush(&outlet);
	wait_until(dest_len() == 2 * RECORD_LEN + sizeof(large));
	assert_memory_equal(dest.data + RECORD_LEN, large, sizeof(large));
	assert_memory_equal(dest.data + RECORD_LEN + sizeof(large), "1 .", 3);
	assert_log_lacks("lost");
}

static void records_larger_than_the_queue_are_lost_alone(void **state)
{
	static char large[QUEUE_MIN];
	struct outlet outlet;

	(void)state;
	memset(large, 'L', sizeof(large));
	for (enum sink_full full = SINK_FULL_DROP; full <= SINK_FULL_WAIT; full++) {
		dest_reset();
		outlet = (struct outlet){ .sink = dest_sink(QUEUE_MIN, full) };
		assert_int_equal(sink_start_all(), 0);
		assert_true(push_record(&outlet, 0));
		sink_begin_stop_all(STUCK_MS);
		assert_false(push(&outlet, large, sizeof(large)));
		assert_true(push_record(&outlet, 1));
		outlet_flush(&outlet);
		sink_fini_all();
		assert_records(dest.data, dest.len, 2);
	}
	assert_log_has("memory: 2 records written (2000 bytes), 1 lost");
}

/* A record of two chunks, when all of the queue has been in use and is free again. */
static void large_record_after_full_queue(enum sink_full full)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, full) };
	static char large[100000];
	unsigned int n;

	memset(large, 'L', sizeof(large));
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; n < 100; n++) {
		assert_true(push_record(&outlet, n));
		outlet_flush(&outlet);
	}
	dest_block(false);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	sink_begin_stop_all(STUCK_MS);
	assert_true(push(&outlet, large, sizeof(large)));
	outlet_flush(&outlet);
	wait_until(dest_len() == (size_t)n * RECORD_LEN + sizeof(large));
}

static void large_records_find_room_after_the_queue_was_in_use(void **state)
{
	(void)state;
	large_record_after_full_queue(SINK_FULL_DROP);
}

static void large_records_do_not_wait_for_room_that_is_there(void **state)
{
	(void)state;
	large_record_after_full_queue(SINK_FULL_WAIT);
}

/* --------------------------------------------------------------- a full queue */

static void a_full_queue_loses_what_it_refuses_and_nothing_else(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int accepted = 1, refused = 0;
	char said[128];

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (unsigned int i = 0; i < 1000; i++) {
		if (push_record(&outlet, accepted))
			accepted++;
		else
			refused++;
		outlet_flush(&outlet);
	}
	assert_true(accepted > 100);
	assert_true(refused > 100);
	assert_log_has("memory: the queue is full");
	assert_log_has("raise queue_size (now 262144 bytes) or set queue_full=wait");
	dest_block(false);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, accepted);
	snprintf(said, sizeof(said), "memory: %u records written (%u bytes), %u lost", accepted,
		 accepted * RECORD_LEN, refused);
	assert_log_has(said);
}

static void after_a_full_queue_records_pass_again(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	dest_block(false);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	for (unsigned int end = n + 100; n < end; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	assert_records(dest.data, dest.len, n);
}

static void a_lane_hears_that_a_sink_is_far_behind(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	bool behind = false;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	assert_false(outlet_flush(&outlet));
	wait_until(dest_len() == RECORD_LEN);
	dest_occupy(&outlet);
	for (unsigned int n = 1; !behind && push_record(&outlet, n); n++)
		behind = outlet_flush(&outlet);
	assert_true(behind);
	outlet_flush(&outlet);
}

static void with_queue_full_wait_nothing_is_lost(void **state)
{
	struct producer p = { .count = 5000 };
	pthread_t thread = producer_stuck(&p);

	(void)state;
	/* It holds no more than its size. */
	assert_true(atomic_load(&p.pushed) <= QUEUE_MIN / RECORD_LEN);
	dest_block(false);
	pthread_join(thread, NULL);
	assert_int_equal(p.pushed, 5000);
	assert_int_equal(p.refused, 0);
	outlet_flush(&p.outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, 5000);
	assert_log_has("5000 records written (5000000 bytes), 0 lost");
}

static void a_lane_that_waits_goes_on_when_the_daemon_stops(void **state)
{
	struct producer p = { .count = 1000 };
	pthread_t thread = producer_stuck(&p);

	(void)state;
	sink_begin_stop_all(20);
	pthread_join(thread, NULL);
	assert_int_equal(p.pushed + p.refused, 1000);
	assert_true(p.refused > 0);
	producer_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(records_are_found_by_where_they_end),
		unit(a_chunk_is_filled_to_the_last_byte_its_table_leaves),
		unit(records_arrive_whole_and_in_their_order),
		unit(nothing_is_written_before_it_is_handed_over),
		unit(handing_over_nothing_does_nothing),
		unit(small_hand_overs_are_gathered_into_one_write),
		unit(a_queue_of_small_hand_overs_holds_what_its_size_says),
		unit(outputs_with_one_destination_share_its_sink),
		unit(records_of_several_outlets_are_all_written),
		unit(a_destination_that_cannot_be_opened_is_no_sink),
		unit(records_larger_than_a_chunk_are_written),
		unit(records_larger_than_the_queue_are_lost_alone),
		unit(large_records_find_room_after_the_queue_was_in_use),
		unit(large_records_do_not_wait_for_room_that_is_there),
		unit(a_full_queue_loses_what_it_refuses_and_nothing_else),
		unit(after_a_full_queue_records_pass_again),
		unit(a_lane_hears_that_a_sink_is_far_behind),
		unit(with_queue_full_wait_nothing_is_lost),
		unit(a_lane_that_waits_goes_on_when_the_daemon_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

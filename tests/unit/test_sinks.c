// SPDX-License-Identifier: GPL-2.0-or-later
/* Sinks whose options change, sinks that end and are wanted again, and an account that is right meanwhile. */
#include <errno.h>
#include <signal.h>

#include "dest.h"

/* ---------------------------------------------------------- other options */

static int adjust(struct sink *sink, size_t queue_size, enum sink_full full, const char *spool_dir)
{
	return sink_adjust(sink, &(struct sink_options){ .queue_size = queue_size, .full = full,
							 .spool_dir = spool_dir, .spool_size = 1 << 20 });
}

static void a_queue_that_is_made_larger_takes_more_at_once(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	assert_int_equal(adjust(outlet.sink, 4 * QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	for (unsigned int end = n + 3 * QUEUE_MIN / RECORD_LEN - 100; n < end; n++) {
		assert_true(push_record(&outlet, n));
		outlet_flush(&outlet);
	}
	assert_int_equal(stats(outlet.sink).queue_size, 4 * QUEUE_MIN);
	dest_block(false);
	sink_fini_all();
	assert_records(dest.data, dest.len, n);
}

static void a_queue_that_is_made_smaller_keeps_what_it_holds(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_LARGE, SINK_FULL_DROP) };
	unsigned int n, refused = 0;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; n < 4000; n++) {
		assert_true(push_record(&outlet, n));
		outlet_flush(&outlet);
	}
	assert_int_equal(adjust(outlet.sink, QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	for (unsigned int i = 0; i < 100; i++) {
		refused += !push_record(&outlet, n);
		outlet_flush(&outlet);
	}
	assert_true(refused > 30);	/* but for what the last chunk has room for */
	n += 100 - refused;
	dest_block(false);
	wait_until(stats(outlet.sink).queued == 0);
	/* It has shrunk. */
	dest_occupy(&outlet);
	for (refused = 0; refused == 0 && n < 8000; n++) {
		refused += !push_record(&outlet, n);
		outlet_flush(&outlet);
	}
	assert_int_equal(refused, 1);
	assert_true(stats(outlet.sink).queued_bytes <= QUEUE_MIN);
}

static void a_lane_that_waits_goes_on_when_the_queue_shall_drop(void **state)
{
	struct producer p = { .count = 1000 };
	pthread_t thread = producer_stuck(&p);

	(void)state;
	assert_int_equal(adjust(p.outlet.sink, QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	pthread_join(thread, NULL);
	assert_true(p.refused > 0);
	assert_int_equal(p.pushed + p.refused, 1000);
	producer_end(&p);
}

/* Two formats of one destination: what @dest points to. */
static bool format_same(const void *a, const void *b)
{
	return a == b;
}

static void a_destination_takes_one_format_only(void **state)
{
	static struct sink_ops format_ops;
	struct sink *sink, *same;
	char one, other;

	(void)state;
	format_ops = dest_ops;
	format_ops.same = format_same;
	assert_int_equal(sink_get("memory", &format_ops, &one, QUEUE_MIN, SINK_FULL_DROP, &sink), 0);
	assert_int_equal(sink_get("memory", &format_ops, &one, QUEUE_MIN, SINK_FULL_DROP, &same), 0);
	assert_ptr_equal(same, sink);
	assert_int_equal(sink_get("memory", &format_ops, &other, QUEUE_MIN, SINK_FULL_DROP, &same), -EEXIST);
}

static void a_spool_can_be_had_while_records_wait(void **state)
{
	struct spools *s = *state;
	struct sink *plain = sink_named("plain", &dest_ops, QUEUE_MIN, SINK_FULL_DROP);

	s->outlet.sink = plain;
	dest_fail(-ECONNREFUSED, 500);
	assert_int_equal(sink_start_all(), 0);
	for (; s->next < 100; s->next++)
		assert_true(push_record(&s->outlet, s->next));
	outlet_flush(&s->outlet);
	wait_until(dest_len() == 500);
	/* Tried only, so that a wrong directory changes nothing. */
	assert_int_equal(sink_spool(plain, "/nonexistent/x", 1 << 20), -ENOENT);
	assert_int_equal(sink_spool(plain, s->dir, 1 << 20), 0);
	assert_int_equal(stats(plain).spool_size, 0);
	assert_int_equal(adjust(plain, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	assert_int_equal(stats(plain).spool_size, 1 << 20);
	for (; s->next < 900; s->next++) {
		assert_true(push_record(&s->outlet, s->next));
		outlet_flush(&s->outlet);
		if (s->next % 50 == 0)
			wait_until(stats(plain).queued < 50);
	}
	wait_until(stats(plain).spooled == 900);
	assert_true(balanced(plain));
	dest_fail(0, 0);
	wait_until(dest_len() == 900 * RECORD_LEN);
	assert_records(dest.data, dest.len, 900);
	assert_true(balanced(plain));
}

/* Records 0 to 99 wait in the spool of a daemon before; the sink of this one has none yet. */
static void spooled_before(struct spools *s)
{
	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	sink_begin_stop_all(60000);
	sink_fini_all();
	s->sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	s->outlet = (struct outlet){ .sink = s->sink };
}

static void what_a_new_spool_holds_already_comes_behind_the_chunk_that_was_begun(void **state)
{
	struct spools *s = *state;

	/* One that has begun with record 100 when it gets the spool. */
	spooled_before(s);
	dest_fail(-ECONNREFUSED, 500);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&s->outlet, s->next++));
	outlet_flush(&s->outlet);
	wait_until(dest_len() == 500);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	push_spooled(s, 99);
	wait_until(stats(s->sink).spooled == 199);
	assert_true(balanced(s->sink));
	dest_fail(0, 0);
	wait_until(dest_len() == 200 * RECORD_LEN);
	assert_memory_equal(dest.data, "100 ", 4);
	assert_memory_equal(dest.data + RECORD_LEN, "0 ", 2);
	assert_memory_equal(dest.data + 100 * RECORD_LEN, "99 ", 3);
	assert_memory_equal(dest.data + 101 * RECORD_LEN, "101 ", 4);
	wait_until(stats(s->sink).spooled_bytes == 0);
	assert_true(balanced(s->sink));
}

static void a_chunk_that_was_begun_is_kept_at_the_end_though_the_spool_is_older(void **state)
{
	struct spools *s = *state;

	spooled_before(s);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&s->outlet, s->next++));
	outlet_flush(&s->outlet);
	wait_until(stats(s->sink).failing_since != 0);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_log_lacks("queued records lost");
	dest_fail(0, 0);
	spool_sink_new(s);
	assert_int_equal(stats(s->sink).recovered, 101);
	assert_int_equal(sink_start_all(), 0);
	wait_until(dest_len() == 101 * RECORD_LEN);
	assert_records(dest.data, dest.len, 101);
}

static void a_spool_that_is_not_wanted_any_more_is_emptied_first(void **state)
{
	struct spools *s = *state;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 300);
	wait_until(stats(s->sink).spooled == 300);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	assert_log_has("300 records wait in the spool");
	assert_log_has("stays in use until they are delivered");
	push_spooled(s, 100);
	dest_fail(0, 0);
	wait_until(dest_len() == 400 * RECORD_LEN);
	wait_until(stats(s->sink).spool_size == 0);
	dest_fail(-ECONNREFUSED, 0);
	for (unsigned int n = 0; n < 50; n++)
		assert_true(push_record(&s->outlet, s->next++));
	outlet_flush(&s->outlet);
	wait_until(stats(s->sink).failing_since != 0);
	assert_int_equal(stats(s->sink).spooled, 0);
	/* Others can have it. */
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	wait_until(stats(s->sink).spooled == 50);
	dest_fail(0, 0);
	wait_until(dest_len() == 450 * RECORD_LEN);
	assert_records(dest.data, dest.len, 450);
	assert_true(balanced(s->sink));
}

static void another_directory_for_the_spool_is_used_when_the_old_one_is_empty(void **state)
{
	struct spools *s = *state;
	char *other = test_path(s->dir, "other"), *old = spool_file(s), *new = test_path(other, "memory");

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, other), 0);
	/* Back and forth is no harm. */
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, other), 0);
	assert_int_equal(sink_spool(s->sink, other, 1 << 20), 0);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, other), 0);
	assert_int_equal(access(new, F_OK), 0);
	push_spooled(s, 100);
	assert_int_equal(access(old, F_OK), 0);
	dest_fail(0, 0);
	wait_until(dest_len() == 200 * RECORD_LEN);
	wait_until(stats(s->sink).spooled_bytes == 0);
	wait_until(access(old, F_OK) < 0);
	/* Whatever comes now lets it go over. */
	push_spooled(s, 1);
	wait_until(dest_len() == 201 * RECORD_LEN);
	dest_fail(-ECONNREFUSED, 0);
	push_spooled(s, 100);
	wait_until(stats(s->sink).spooled == 100);
	assert_int_equal(access(old, F_OK), -1);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_log_has(other);
	dest_fail(0, 0);
	s->sink = dest_sink(QUEUE_MIN, SINK_FULL_SPOOL);
	assert_int_equal(sink_spool(s->sink, other, 1 << 20), 0);
	assert_int_equal(sink_start_all(), 0);
	wait_until(dest_len() == 301 * RECORD_LEN);
	assert_records(dest.data, dest.len, 301);
	sink_fini_all();
	test_dir_remove(other);
	free(new);
	free(old);
}

static void a_spool_that_cannot_be_had_leaves_the_old_one(void **state)
{
	struct spools *s = *state;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 50);
	assert_int_equal(adjust(s->sink, 2 * QUEUE_MIN, SINK_FULL_SPOOL, "/nonexistent/x"), -ENOENT);
	assert_int_equal(stats(s->sink).queue_size, 2 * QUEUE_MIN);
	push_spooled(s, 50);
	wait_until(stats(s->sink).spooled == 100);
	dest_fail(0, 0);
	wait_until(dest_len() == 100 * RECORD_LEN);
	assert_records(dest.data, dest.len, 100);
}

static void a_sink_that_is_about_to_be_closed_goes_on_for_a_new_user(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	struct sink *sink = outlet.sink;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	assert_true(push_record(&outlet, 1));
	outlet_flush(&outlet);
	sink_put(sink);
	sink_close_unused(60000);
	assert_ptr_equal(dest_sink(QUEUE_MIN, SINK_FULL_DROP), sink);
	dest_block(false);
	wait_until(dest_len() == 2 * RECORD_LEN);
	for (unsigned int n = 2; n < 100; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(dest_len() == 100 * RECORD_LEN);
	assert_records(dest.data, dest.len, 100);
	assert_int_equal(dest_opens(), 1);
	/* It can be closed all the same. */
	sink_put(sink);
	sink_close_unused(60000);
	wait_until((sink_close_unused(0), sink_next(NULL) == NULL));
}

static void a_sink_that_has_ended_leaves_its_spool_to_the_next_one(void **state)
{
	struct spools *s = *state;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int round = 0; round < 5; round++) {
		push_spooled(s, 100);
		sink_put(s->sink);
		sink_close_unused(60000);
		/* Where it fails it ends at once, with all in the spool; or it is still about to. */
		if (round % 2 == 0)
			wait_until(strstr(log_caught(), "memory: stopped with"));
		spool_sink_new(s);
		assert_int_equal(sink_start_all(), 0);
	}
	dest_fail(0, 0);
	push_spooled(s, 100);
	wait_until(dest_len() == 600 * RECORD_LEN);
	sink_fini_all();
	assert_records(dest.data, dest.len, 600);
	assert_log_lacks("queued records lost");
}

struct sampler {
	struct sink *sink;
	atomic_bool stop;
	atomic_uint samples, unbalanced;
};

static void *sampler_main(void *arg)
{
	struct sampler *sampler = arg;

	while (!atomic_load(&sampler->stop)) {
		atomic_fetch_add(&sampler->samples, 1);
		if (!balanced(sampler->sink))
			atomic_fetch_add(&sampler->unbalanced, 1);
	}
	return NULL;
}

/* Two lanes, a destination that comes and goes, other options, and somebody who looks all the time. */
static void the_account_is_right_at_any_time(void **state)
{
	struct spools *s = *state;
	struct producer p[2] = { { .count = 3000 }, { .count = 3000 } };
	struct sampler sampler = { .sink = s->sink };
	char *other = test_path(s->dir, "other");
	pthread_t threads[2], looking;
	struct sink_stats st;

	for (unsigned int i = 0; i < 2; i++)
		p[i].outlet.sink = s->sink;
	assert_int_equal(sink_start_all(), 0);
	assert_int_equal(pthread_create(&looking, NULL, sampler_main, &sampler), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, producer_main, &p[i]), 0);
	for (unsigned int round = 0; round < 100; round++) {
		dest_fail(round % 3 == 0 ? -ECONNREFUSED : round % 3 == 1 ? -EAGAIN : 0, round * 777);
		if (round % 10 == 0)
			sink_reopen_all();
		if (round % 7 == 5)
			assert_int_equal(adjust(s->sink, QUEUE_MIN * (1 + round / 50),
						round % 2 ? SINK_FULL_SPOOL : SINK_FULL_DROP,
						round % 5 > 2 ? other : s->dir), 0);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	dest_fail(0, 0);
	for (unsigned int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		outlet_flush(&p[i].outlet);
	}
	wait_until(stats(s->sink).queued + stats(s->sink).spooled == 0);
	atomic_store(&sampler.stop, true);
	pthread_join(looking, NULL);
	st = stats(s->sink);
	assert_true(sampler.samples > 0);
	assert_int_equal(sampler.unbalanced, 0);
	assert_int_equal(st.formatted, 6000);
	assert_int_equal(st.written, p[0].pushed + p[1].pushed);
	assert_int_equal(dropped(&st), p[0].refused + p[1].refused);
	assert_int_equal(dest_len(), st.written * RECORD_LEN);
	sink_fini_all();
	test_dir_remove(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_queue_that_is_made_larger_takes_more_at_once),
		unit(a_queue_that_is_made_smaller_keeps_what_it_holds),
		unit(a_lane_that_waits_goes_on_when_the_queue_shall_drop),
		unit(a_destination_takes_one_format_only),
		unit_spools(a_spool_can_be_had_while_records_wait),
		unit_spools(what_a_new_spool_holds_already_comes_behind_the_chunk_that_was_begun),
		unit_spools(a_chunk_that_was_begun_is_kept_at_the_end_though_the_spool_is_older),
		unit_spools(a_spool_that_is_not_wanted_any_more_is_emptied_first),
		unit_spools(another_directory_for_the_spool_is_used_when_the_old_one_is_empty),
		unit_spools(a_spool_that_cannot_be_had_leaves_the_old_one),
		unit(a_sink_that_is_about_to_be_closed_goes_on_for_a_new_user),
		unit_spools(a_sink_that_has_ended_leaves_its_spool_to_the_next_one),
		unit_spools(the_account_is_right_at_any_time),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The thread of one input: watching, handing over, ending. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lane.h"
#include "unit.h"

/* ---------------------------------------- what the lane hands over, and to whom */

static atomic_uint written;	/* bytes */

static int dest_open(struct sink *sink)
{
	if (sink_fd(sink) < 0)
		sink_set_fd(sink, open("/dev/null", O_WRONLY | O_CLOEXEC));
	return 0;
}

static int dest_write(struct sink *sink, struct chunk *c)
{
	(void)sink;
	atomic_fetch_add(&written, c->len - c->done);
	c->done = c->len;
	return 0;
}

static void dest_close(struct sink *sink)
{
	if (sink_fd(sink) >= 0)
		close(sink_fd(sink));
	sink_set_fd(sink, -1);
}

static const struct sink_ops dest_ops = { .open = dest_open, .write = dest_write, .close = dest_close };

static void push(struct outlet *outlet)
{
	struct ulogd_buf out;

	assert_true(outlet_begin(outlet, 0, &out));
	ulogd_buf_char(&out, 'x');
	outlet_commit(outlet, out.p);
}

/* ---------------------------------------------------------------- the input */

/* One watched pipe: each byte that arrives is an order for ready(). */
struct ulogd_instance {
	struct lane *lane;
	struct outlet *outlet;
	int fds[2];
	atomic_uint calls, drains, reports, failures;
	atomic_int drain_byte;		/* what drain() found in the pipe; 0: nothing */
	atomic_ulong thread;
};

static int ready(struct ulogd_instance *inst)
{
	char order;

	atomic_store(&inst->thread, pthread_self());
	atomic_fetch_add(&inst->calls, 1);
	if (read(inst->fds[0], &order, 1) != 1)
		return 0;
	switch (order) {
	case 'p':	/* a record, and all is read */
		push(inst->outlet);
		return 0;
	case 'm':	/* a record, and there may be more */
		push(inst->outlet);
		return 1;
	case 'r':
		lane_rest(inst->lane, 1000);
		return 0;
	default:
		return -EIO;
	}
}

static void drain(void *arg)
{
	struct ulogd_instance *inst = arg;
	char order;

	atomic_fetch_add(&inst->drains, 1);
	if (read(inst->fds[0], &order, 1) == 1) {
		atomic_store(&inst->drain_byte, order);
		push(inst->outlet);
	}
}

static void report(void *arg)
{
	struct ulogd_instance *inst = arg;

	atomic_fetch_add(&inst->reports, 1);
}

static void failed(void *arg, const struct ulogd_instance *which)
{
	struct ulogd_instance *inst = arg;

	if (inst == which)
		atomic_fetch_add(&inst->failures, 1);
}

static const struct lane_ops ops = { .drain = drain, .report = report, .failed = failed };

static int setup_lane(void **state, bool sync)
{
	struct ulogd_instance *inst = calloc(1, sizeof(*inst));
	struct sink *sink;

	if (!inst)
		return -1;
	log_catch();
	atomic_store(&written, 0);
	assert_int_equal(pipe2(inst->fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(sink_get("dest", &dest_ops, NULL, 256 * 1024, SINK_FULL_DROP, &sink), 0);
	assert_int_equal(sink_start_all(), 0);
	inst->lane = lane_new("a-lane-with-a-long-name", &ops, inst);
	assert_non_null(inst->lane);
	inst->outlet = lane_outlet(inst->lane, sink, sync);
	assert_non_null(inst->outlet);
	assert_int_equal(lane_watch(inst->lane, inst->fds[0], ready, inst), 0);
	*state = inst;
	return 0;
}

static int setup(void **state)
{
	return setup_lane(state, true);
}

static int setup_lazy(void **state)
{
	return setup_lane(state, false);
}

static int teardown(void **state)
{
	struct ulogd_instance *inst = *state;

	lane_ask_stop(inst->lane);
	lane_join(inst->lane);
	close(inst->fds[0]);
	close(inst->fds[1]);
	lane_free(inst->lane);
	sink_fini_all();
	free(inst);
	log_catch_end();
	return 0;
}

static void order(const struct ulogd_instance *inst, char what)
{
	assert_int_equal(write(inst->fds[1], &what, 1), 1);
}

/* ------------------------------------------------------------------- tests */

static void a_readable_descriptor_is_handled_on_the_lanes_thread(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_int_equal(lane_start(inst->lane), 0);
	order(inst, 'p');
	wait_until(atomic_load(&inst->calls) == 1);
	assert_true(atomic_load(&inst->thread) != pthread_self());
}

static void nothing_is_called_before_the_start(void **state)
{
	struct ulogd_instance *inst = *state;

	order(inst, 'p');
	assert_int_equal(atomic_load(&inst->calls), 0);
	assert_int_equal(lane_start(inst->lane), 0);
	wait_until(atomic_load(&written) == 1);
}

static void with_sync_records_are_handed_over_when_the_input_is_drained(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_int_equal(lane_start(inst->lane), 0);
	for (unsigned int i = 1; i <= 5; i++) {
		order(inst, 'p');
		wait_until(atomic_load(&written) == i);
	}
}

static void while_there_is_more_the_watcher_is_called_again(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_int_equal(lane_start(inst->lane), 0);
	order(inst, 'm');
	/* Nothing makes the descriptor readable again: the record must not wait for that. */
	wait_until(atomic_load(&written) == 1);
	assert_int_equal(atomic_load(&inst->calls), 2);
}

static void without_sync_records_are_handed_over_by_the_clock(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_int_equal(lane_start(inst->lane), 0);
	for (unsigned int i = 1; i <= 5; i++) {
		/* The first at once; the second gathers, and nothing but the clock hands it over. */
		order(inst, 'p');
		wait_until(atomic_load(&written) == i);
	}
}

static void one_user_with_sync_is_enough(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_ptr_equal(lane_outlet(inst->lane, inst->outlet->sink, true), inst->outlet);
	assert_ptr_equal(lane_outlet(inst->lane, inst->outlet->sink, false), inst->outlet);
	assert_true(inst->outlet->sync);
}

static void records_of_the_start_are_handed_over_too(void **state)
{
	struct ulogd_instance *inst = *state;

	push(inst->outlet);
	assert_int_equal(lane_start(inst->lane), 0);
	wait_until(atomic_load(&written) == 1);
}

static void a_descriptor_that_fails_is_said_told_and_watched_no_longer(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_int_equal(lane_start(inst->lane), 0);
	order(inst, 'e');
	order(inst, 'p');
	wait_until(log_has("a-lane-with-a-long-name: a descriptor cannot be read any more: Input/output error"));
	lane_ask_report(inst->lane);
	wait_until(atomic_load(&inst->reports) == 1);
	assert_int_equal(atomic_load(&inst->calls), 1);
	assert_int_equal(atomic_load(&inst->failures), 1);
}

static void after_a_rest_the_lane_goes_on(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_int_equal(lane_start(inst->lane), 0);
	order(inst, 'r');
	order(inst, 'p');
	wait_until(atomic_load(&written) == 1);
}

static void a_report_is_made_on_request(void **state)
{
	struct ulogd_instance *inst = *state;

	assert_int_equal(lane_start(inst->lane), 0);
	lane_ask_report(inst->lane);
	wait_until(atomic_load(&inst->reports) == 1);
	lane_ask_report(inst->lane);
	wait_until(atomic_load(&inst->reports) == 2);
	assert_int_equal(atomic_load(&inst->drains), 0);
}

static void stopping_drains_the_input_once_and_hands_everything_over(void **state)
{
	struct ulogd_instance *inst = *state;

	push(inst->outlet);
	order(inst, 'p');
	lane_ask_stop(inst->lane);
	assert_int_equal(lane_start(inst->lane), 0);
	lane_join(inst->lane);
	assert_int_equal(atomic_load(&inst->drains), 1);
	/* The order in the pipe was read by ready() or by drain(), but it was read. */
	assert_int_equal(atomic_load(&inst->calls) + (atomic_load(&inst->drain_byte) == 'p'), 1);
	wait_until(atomic_load(&written) == 2);
}

static void a_lane_that_never_ran_can_be_freed(void **state)
{
	struct lane *lane = lane_new("idle", &ops, *state);

	assert_non_null(lane);
	lane_join(lane);
	lane_free(lane);
	lane_free(NULL);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define unit_lazy(test) cmocka_unit_test_setup_teardown(test, setup_lazy, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_readable_descriptor_is_handled_on_the_lanes_thread),
		unit(nothing_is_called_before_the_start),
		unit(with_sync_records_are_handed_over_when_the_input_is_drained),
		unit(while_there_is_more_the_watcher_is_called_again),
		unit_lazy(without_sync_records_are_handed_over_by_the_clock),
		unit_lazy(one_user_with_sync_is_enough),
		unit(records_of_the_start_are_handed_over_too),
		unit(a_descriptor_that_fails_is_said_told_and_watched_no_longer),
		unit(after_a_rest_the_lane_goes_on),
		unit(a_report_is_made_on_request),
		unit(stopping_drains_the_input_once_and_hands_everything_over),
		unit(a_lane_that_never_ran_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

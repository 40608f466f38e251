// SPDX-License-Identifier: GPL-2.0-or-later
/* All stacks: starting, stopping, exchanging, attaching. */
#include <errno.h>
#include <poll.h>

#include "sink.h"
#include "sink_file.h"
#include "stacks.h"

/* ------------------------------------------------------------ start and stop */

static void outputs_start_before_what_feeds_them_and_the_input_last(void **state)
{
	(void)state;
	start("s:TSRC,p:TPRINT,o1:TOUT", "s:TSRC,o2:TOUT");
	assert_string_equal(t.order, "start o1;start p;start o2;start s;");
}

static void a_stack_whose_output_cannot_start_is_left_out(void **state)
{
	(void)state;
	t.fail_id = "o1";
	start("s:TSRC,p:TPRINT,o1:TOUT", "s:TSRC,o2:TOUT");
	assert_int_equal(stack_count(), 1);
	assert_log_has("x.conf:7: o1 (TOUT): not today: Permission denied");
	assert_log_has("error starting `o1'");
	/* A filter without an output has nothing to do. */
	assert_string_equal(t.order, "start o1;start o2;start s;");
	event("s", 5);
	assert_written("o2=5,-\n");
}

static void an_input_without_outputs_is_not_started(void **state)
{
	(void)state;
	t.fail_id = "o";
	start("s:TSRC,o:TOUT");
	assert_int_equal(stack_count(), 0);
	assert_string_equal(t.order, "start o;");
}

static void an_input_that_cannot_start_stops_what_it_feeds(void **state)
{
	(void)state;
	t.fail_id = "s1";
	start("s1:TSRC,p:TPRINT,o1:TOUT", "s2:TSRC,o2:TOUT");
	assert_int_equal(stack_count(), 1);
	assert_non_null(strstr(t.order, "start s1;"));
	assert_non_null(strstr(t.order, "stop p;"));
	assert_non_null(strstr(t.order, "stop o1;"));
	assert_null(strstr(t.order, "stop s1;"));
	assert_null(strstr(t.order, "stop o2;"));
	event("s2", 5);
	assert_written("o2=5,-\n");
}

static void stopping_stops_every_instance_once(void **state)
{
	static const char *const want[] = { "stop s1;", "stop s2;", "stop p;", "stop o1;", "stop o2;", "stop o3;" };

	(void)state;
	start("s1:TSRC,p:TPRINT,o1:TOUT", "s2:TSRC,o2:TOUT", "s1:TSRC,o3:TOUT");
	assert_int_equal(t.n_started, 6);
	assert_int_equal(stack_run(), 0);
	t.order[0] = '\0';
	stack_stop();
	assert_int_equal(t.n_started, 0);
	assert_int_equal(strlen(t.order), strlen("stop s1;stop s2;stop p;stop o1;stop o2;stop o3;"));
	for (unsigned int i = 0; i < ARRAY_SIZE(want); i++)
		assert_non_null(strstr(t.order, want[i]));
}

static bool done_fd_readable(void)
{
	struct pollfd pfd = { .fd = stack_done_fd(), .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

static void the_daemon_is_done_when_all_inputs_are(void **state)
{
	(void)state;
	start("s1:TSRC,o1:TOUT", "s2:TSRC,o2:TOUT");
	assert_int_equal(stack_run(), 0);
	assert_false(done_fd_readable());
	ulogd_input_done(started("s1"));
	ulogd_input_done(started("s1"));
	assert_false(done_fd_readable());
	ulogd_input_done(started("s2"));
	assert_true(done_fd_readable());
	stack_stop();
}

/* -------------------------------------------------------------- exchanging */

/* On the lane's thread: one event with the mark that was sent, then an answer. */
static int ordered_ready(struct ulogd_instance *inst)
{
	struct ulogd_record *rec = ulogd_record_begin(inst);
	uint8_t mark;

	assert_int_equal(read(t.orders[0], &mark, 1), 1);
	ulogd_set_num(rec, 2, mark);
	ulogd_record_run(inst, rec);
	assert_int_equal(write(t.answers[1], "", 1), 1);
	return 0;
}

/* One event of the input "s1" while its lane runs. */
static void order(uint8_t mark)
{
	char answer;

	assert_int_equal(write(t.orders[1], &mark, 1), 1);
	assert_int_equal(read(t.answers[0], &answer, 1), 1);
}

static void start_and_run_all(const char *const *stacks)
{
	assert_int_equal(pipe(t.orders), 0);
	assert_int_equal(pipe(t.answers), 0);
	start_all(stacks);
	assert_int_equal(ulogd_watch(started("s1"), t.orders[0], ordered_ready), 0);
	assert_int_equal(stack_run(), 0);
}

#define start_and_run(...) start_and_run_all((const char *const[]){ __VA_ARGS__, NULL })

static void stop_and_close(void)
{
	stack_stop();
	for (unsigned int i = 0; i < 2; i++) {
		close(t.orders[i]);
		close(t.answers[i]);
	}
}

/* Goes over to the stacks, NULL at the end. */
static int exchange(const char *const *stacks)
{
	int ret;

	stack_set_aside();
	for (; *stacks; stacks++)
		add(*stacks);
	t.order[0] = '\0';
	ret = stack_exchange();
	if (ret < 0)
		stack_keep_old();
	return ret;
}

#define exchange(...) exchange((const char *const[]){ __VA_ARGS__, NULL })

static void stacks_that_stay_the_same_are_not_touched(void **state)
{
	struct ulogd_instance *s1, *o1;

	(void)state;
	start_and_run("s1:TSRC,m1:TMARK,o1:TOUT", "s2:TSRC,o2:TOUT");
	s1 = started("s1");
	o1 = started("o1");
	assert_int_equal(exchange("s2:TSRC,o2:TOUT", "s1:TSRC,m1:TMARK,o1:TOUT"), 0);
	assert_string_equal(t.order, "");
	assert_ptr_equal(started("s1"), s1);
	assert_ptr_equal(started("o1"), o1);
	assert_int_equal(stack_count(), 2);
	order(5);
	stop_and_close();
	assert_written("o1=1,-\n");
}

static void an_input_stays_when_what_follows_it_changes(void **state)
{
	struct ulogd_instance *input;

	(void)state;
	start_and_run("s1:TSRC,m1:TMARK,o1:TOUT", "s1:TSRC,o3:TOUT");
	input = started("s1");
	order(5);
	assert_int_equal(exchange("s1:TSRC,m2:TMARK,p1:TPRINT,o2:TOUT"), 0);
	assert_string_equal(t.order, "start o2;start p1;stop o1;stop o3;relink s1;");
	assert_ptr_equal(started("s1"), input);
	order(5);
	stop_and_close();
	assert_written("o1=1,-\no3=5,-\no2=2,mark2\n");
}

static void inputs_come_and_go(void **state)
{
	(void)state;
	start_and_run("s1:TSRC,o1:TOUT", "s2:TSRC,o2:TOUT");
	order(1);
	assert_int_equal(exchange("s2:TSRC,o2:TOUT", "s3:TSRC,o3:TOUT"), 0);
	assert_string_equal(t.order, "stop s1;stop o1;start o3;start s3;");
	assert_int_equal(stack_count(), 2);
	stop_and_close();
	assert_written("o1=1,-\n");
}

static void what_follows_an_input_and_cannot_start_changes_nothing(void **state)
{
	(void)state;
	start_and_run("s1:TSRC,o1:TOUT", "s2:TSRC,o2:TOUT");
	t.fail_id = "o9";
	assert_int_equal(exchange("s2:TSRC,m2:TMARK,o2:TOUT", "s1:TSRC,o8:TOUT", "s1:TSRC,o9:TOUT"), -EIO);
	assert_log_has("o9 (TOUT): not today: Permission denied");
	assert_int_equal(stack_count(), 2);
	order(1);
	assert_int_equal(exchange("s1:TSRC,o7:TOUT"), 0);
	order(3);
	stop_and_close();
	assert_written("o1=1,-\no7=3,-\n");
}

static void an_output_far_from_its_input_that_cannot_start_changes_nothing(void **state)
{
	(void)state;
	start_and_run("s1:TSRC,m1:TMARK,o1:TOUT", "s1:TSRC,m1:TMARK,o2:TOUT");
	t.fail_id = "o9";
	assert_int_equal(exchange("s1:TSRC,m1:TMARK,o9:TOUT", "s1:TSRC,m1:TMARK,o2:TOUT"), -EIO);
	assert_int_equal(stack_count(), 2);
	order(5);
	stop_and_close();
	assert_written("o1=1,-\no2=1,-\n");
}

static void a_new_input_that_cannot_start_is_left_out(void **state)
{
	(void)state;
	start_and_run("s1:TSRC,o1:TOUT");
	t.fail_id = "s2";
	assert_int_equal(exchange("s1:TSRC,o1:TOUT", "s2:TSRC,o2:TOUT"), 1);
	assert_int_equal(stack_count(), 1);
	order(1);
	stop_and_close();
	assert_written("o1=1,-\n");
}

static void a_daemon_that_is_left_without_stacks_waits_for_others(void **state)
{
	(void)state;
	start_and_run("s1:TSRC,o1:TOUT");
	t.fail_id = "s2";
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(exchange("s2:TSRC,o2:TOUT"), 1);
		assert_int_equal(stack_count(), 0);
		assert_log_has("no stack is left");
		assert_false(done_fd_readable());
	}
	t.fail_id = NULL;
	assert_int_equal(exchange("s2:TSRC,o2:TOUT"), 0);
	assert_int_equal(stack_count(), 1);
	assert_false(done_fd_readable());
	ulogd_input_done(started("s2"));
	assert_true(done_fd_readable());
	stop_and_close();
}

static void inputs_that_are_exchanged_do_not_end_the_daemon(void **state)
{
	(void)state;
	start_and_run("s1:TSRC,o1:TOUT", "s2:TSRC,o2:TOUT");
	ulogd_input_done(started("s2"));
	assert_int_equal(exchange("s2:TSRC,o9:TOUT", "s3:TSRC,o3:TOUT"), 0);
	assert_false(done_fd_readable());
	ulogd_input_done(started("s3"));
	assert_true(done_fd_readable());
	stop_and_close();
}

#undef exchange
/* ---------------------------------------------------------------- attaching */

#define OUT_MARK 2	/* of TSRC */

static struct sink *live_sink(const char *path)
{
	struct ulogd_file file = { .path = path, .sync = true };
	struct file_options options = {};
	struct sink *sink;

	assert_int_equal(sink_get(path, &sink_file_ops, sink_file_dest(&file, &options), 1 << 20,
				  SINK_FULL_DROP, &sink), 0);
	return sink;
}

static struct ulogd_instance *attach(struct ulogd_instance *parent, struct sink *sink)
{
	struct ulogd_instance *inst;

	t.order[0] = '\0';
	assert_int_equal(stack_attach(&t.conf, plugin_find("TOUT"), parent, sink, &inst), 0);
	assert_non_null(strstr(t.order, "start ulogctl;relink s1;"));
	return inst;
}

static void detach(struct ulogd_instance *inst)
{
	t.order[0] = '\0';
	assert_int_equal(stack_detach(inst), 0);
	assert_string_equal(t.order, "stop ulogctl;relink s1;");
}

static void assert_live(char *path, const char *want)
{
	char *text = test_file_read(path);

	assert_string_equal(text, want);
	free(text);
	free(path);
}

static void an_output_is_attached_and_sees_what_nobody_else_reads(void **state)
{
	char *path = test_path(t.dir, "live");
	struct ulogd_instance *inst;
	struct sink *sink;

	(void)state;
	start_and_run("s1:TSRC,m3:TMARK,o1:TOUT");
	sink = live_sink(path);
	order(5);
	assert_false(ulogd_out_wanted(started("s1"), OUT_MARK));
	inst = attach(started("s1"), sink);
	assert_true(ulogd_out_wanted(started("s1"), OUT_MARK));
	assert_int_equal(stack_count(), 1);
	order(6);
	detach(inst);
	assert_false(ulogd_out_wanted(started("s1"), OUT_MARK));
	order(7);
	sink_put(sink);
	stop_and_close();
	assert_written("o1=3,-\no1=3,-\no1=3,-\n");
	assert_live(path, "ulogctl=6,-\n");
}

static void of_two_that_are_attached_one_goes_first(void **state)
{
	char *path = test_path(t.dir, "live");
	struct ulogd_instance *first, *second;
	struct sink *sink;

	(void)state;
	start_and_run("s1:TSRC,m3:TMARK,o1:TOUT");
	sink = live_sink(path);
	first = attach(started("s1"), sink);
	second = attach(started("s1"), sink);
	order(1);
	detach(first);
	assert_true(ulogd_out_wanted(started("s1"), OUT_MARK));
	order(2);
	detach(second);
	assert_false(ulogd_out_wanted(started("s1"), OUT_MARK));
	sink_put(sink);
	stop_and_close();
	assert_written("o1=3,-\no1=3,-\n");
	assert_live(path, "ulogctl=1,-\nulogctl=1,-\nulogctl=2,-\n");
}

static void what_is_attached_and_cannot_start_changes_nothing(void **state)
{
	char *path = test_path(t.dir, "live");
	struct ulogd_instance *inst;
	struct sink *sink;

	(void)state;
	start_and_run("s1:TSRC,m3:TMARK,o1:TOUT");
	sink = live_sink(path);
	t.fail_id = "ulogctl";
	assert_int_equal(stack_attach(&t.conf, plugin_find("TOUT"), started("s1"), sink, &inst), -EIO);
	assert_false(ulogd_out_wanted(started("s1"), OUT_MARK));
	order(1);
	sink_put(sink);
	stop_and_close();
	assert_written("o1=3,-\n");
	assert_live(path, "");
}

static void number_note(struct ulogd_instance *inst, unsigned int first, unsigned int last, void *arg)
{
	char *text = arg;

	snprintf(text + strlen(text), 256 - strlen(text), "%s %u-%u;", ulogd_id(inst), first, last);
}

static void stacks_are_numbered_tree_by_tree(void **state)
{
	char text[256] = "";

	(void)state;
	start("s1:TSRC,m1:TMARK,o1:TOUT", "s2:TSRC,o2:TOUT", "s1:TSRC,o3:TOUT", "s1:TSRC,m1:TMARK,o4:TOUT");
	stack_walk(number_note, text);
	assert_string_equal(text, "s1 1-3;m1 1-2;o1 1-1;o4 2-2;o3 3-3;s2 4-4;o2 4-4;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(outputs_start_before_what_feeds_them_and_the_input_last),
		unit(a_stack_whose_output_cannot_start_is_left_out),
		unit(an_input_without_outputs_is_not_started),
		unit(an_input_that_cannot_start_stops_what_it_feeds),
		unit(stopping_stops_every_instance_once),
		unit(the_daemon_is_done_when_all_inputs_are),
		unit(stacks_that_stay_the_same_are_not_touched),
		unit(an_input_stays_when_what_follows_it_changes),
		unit(inputs_come_and_go),
		unit(what_follows_an_input_and_cannot_start_changes_nothing),
		unit(an_output_far_from_its_input_that_cannot_start_changes_nothing),
		unit(a_new_input_that_cannot_start_is_left_out),
		unit(a_daemon_that_is_left_without_stacks_waits_for_others),
		unit(inputs_that_are_exchanged_do_not_end_the_daemon),
		unit(an_output_is_attached_and_sees_what_nobody_else_reads),
		unit(of_two_that_are_attached_one_goes_first),
		unit(what_is_attached_and_cannot_start_changes_nothing),
		unit(stacks_are_numbered_tree_by_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

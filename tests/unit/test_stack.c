// SPDX-License-Identifier: GPL-2.0-or-later
/* Joining inputs to outputs, with the plugins of unit/module.c, which are in the directory $STAGE/modules. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "plugin.h"
#include "sink.h"
#include "sink_file.h"
#include "stack.h"
#include "unit.h"

/* What module.c calls. */
int module_start(struct ulogd_instance *inst);
int module_run(struct ulogd_instance *inst, struct ulogd_record *rec);
int module_format(struct ulogd_instance *inst, const struct ulogd_record *rec, struct ulogd_buf *out);
void module_stop(struct ulogd_instance *inst);
void module_relink(struct ulogd_instance *inst);

#define MAX_INSTANCES 8

static struct {
	struct conf conf;
	char *modules, *dir, *out;
	/* The instances that have been started, in this order. */
	struct ulogd_instance *started[MAX_INSTANCES];
	unsigned int n_started;
	char order[256];	/* "start id;", "run id;", "stop id;" */
	const char *fail_id;	/* whose start() fails */
	const char *stop_id, *err_id;	/* whose run() ends the record */
	bool wanted[2];		/* of TPRINT's outputs */
	int orders[2], answers[2];	/* pipes, for events while lanes run */
} t;

static void note(const char *what, const struct ulogd_instance *inst)
{
	size_t len = strlen(t.order);

	snprintf(t.order + len, sizeof(t.order) - len, "%s %s;", what, ulogd_id(inst));
}

static bool is(const struct ulogd_instance *inst, const char *id)
{
	return id && strcmp(ulogd_id(inst), id) == 0;
}

/* Ids tell what an instance is: an output's begins with "o", that of an attached one with "u". */
int module_start(struct ulogd_instance *inst)
{
	note("start", inst);
	if (is(inst, t.fail_id))
		return ulogd_fail(inst, -EACCES, "not today: %m");
	if (t.n_started < MAX_INSTANCES)
		t.started[t.n_started++] = inst;
	if (ulogd_id(inst)[0] == 'p')
		for (unsigned int i = 0; i < 2; i++)
			t.wanted[i] = ulogd_out_wanted(inst, i);
	if (ulogd_id(inst)[0] == 'o' || ulogd_id(inst)[0] == 'u')
		return ulogd_output_file(inst, &(struct ulogd_file){ .path = t.out, .sync = true });
	return 0;
}

void module_relink(struct ulogd_instance *inst)
{
	note("relink", inst);
}

void module_stop(struct ulogd_instance *inst)
{
	note("stop", inst);
	for (unsigned int i = 0; i < t.n_started; i++)
		if (t.started[i] == inst)
			t.started[i] = t.started[--t.n_started];
}

/* TMARK writes the number its id ends in; TPRINT the mark as text; others only look. */
int module_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	const char *id = ulogd_id(inst);
	struct ulogd_buf text;

	note("run", inst);
	if (is(inst, t.stop_id))
		return ULOGD_STOP;
	if (is(inst, t.err_id))
		return -EBADMSG;
	if (id[0] == 'm')
		ulogd_set_num(rec, 0, (uint64_t)atoi(id + 1));
	if (id[0] == 'p') {
		text = ulogd_text_begin(rec);
		ulogd_buf_lit(&text, "mark");
		ulogd_buf_u32(&text, ulogd_in_or_0(rec, 0));
		ulogd_set_num(rec, 1, 99);
		return ulogd_set_text(rec, 0, &text);
	}
	return ULOGD_PASS;
}

/* "id=mark,print\n", a dash for what is absent. */
int module_format(struct ulogd_instance *inst, const struct ulogd_record *rec, struct ulogd_buf *out)
{
	const char *id = ulogd_id(inst), *print;
	size_t len;

	ulogd_buf_mem(out, id, strlen(id));
	ulogd_buf_char(out, '=');
	if (ulogd_in_has(rec, 0))
		ulogd_buf_u32(out, ulogd_in_or_0(rec, 0));
	else
		ulogd_buf_char(out, '-');
	ulogd_buf_char(out, ',');
	print = ulogd_in_mem(rec, 1, &len);
	if (print)
		ulogd_buf_mem(out, print, len);
	else
		ulogd_buf_char(out, '-');
	ulogd_buf_char(out, '\n');
	return is(inst, t.err_id) ? -EBADMSG : ULOGD_PASS;
}

/* ---------------------------------------------------------------- fixture */

static int setup(void **state)
{
	(void)state;
	log_catch();
	plugin_set_dir(t.modules);
	t.dir = test_dir_new();
	t.out = test_path(t.dir, "out");
	t.n_started = 0;
	t.order[0] = '\0';
	t.fail_id = t.stop_id = t.err_id = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stack_fini();
	sink_fini_all();
	plugin_fini();
	conf_fini(&t.conf);
	t.conf = (struct conf){};
	free(t.out);
	test_dir_remove(t.dir);
	log_catch_end();
	return 0;
}

static void sections(const char *text)
{
	char *path = test_path(t.dir, "ulogd.conf");

	test_file_write(path, text, strlen(text));
	assert_int_equal(conf_read(&t.conf, path), 0);
	free(path);
}

static void add(const char *stack)
{
	stack_add(&t.conf, (struct conf_place){ "x.conf", 7 }, stack, false);
}

/* Adds a stack that must be refused with @why. */
static void add_fails(const char *stack, const char *why)
{
	unsigned int errors = t.conf.errors, n = stack_count();

	add(stack);
	assert_int_equal(t.conf.errors, errors + 1);
	assert_int_equal(stack_count(), n);
	assert_log_has("x.conf:7: global: stack: ");
	assert_log_has(why);
}

static struct ulogd_instance *started(const char *id)
{
	for (unsigned int i = 0; i < t.n_started; i++)
		if (is(t.started[i], id))
			return t.started[i];
	fail_msg("%s was not started: %s", id, log_caught());
	return NULL;
}

/* One event of the input @id, with a mark unless that is negative. */
static void event(const char *id, int mark)
{
	struct ulogd_instance *inst = started(id);
	struct ulogd_record *rec = ulogd_record_begin(inst);

	if (mark >= 0)
		ulogd_set_num(rec, 2, (uint64_t)mark);
	ulogd_record_run(inst, rec);
}

/* Adds the stacks, NULL at the end, and starts them. */
static void start(const char *const *stacks)
{
	for (; *stacks; stacks++)
		add(*stacks);
	assert_int_equal(t.conf.errors, 0);
	stack_start();
}

#define start(...) start((const char *const[]){ __VA_ARGS__, NULL })

/* Ends everything and compares what was written. */
static void assert_written(const char *want)
{
	char *text;

	assert_int_equal(sink_start_all(), 0);
	stack_fini();
	sink_fini_all();
	text = test_file_read(t.out);
	assert_string_equal(text, want);
	free(text);
}

/* ------------------------------------------------------------- which writer */

static void a_field_comes_from_the_input(void **state)
{
	(void)state;
	start("s:TSRC,o:TOUT");
	event("s", 5);
	assert_written("o=5,-\n");
}

static void the_nearest_writer_above_wins(void **state)
{
	(void)state;
	start("s:TSRC,m1:TMARK,m2:TMARK,o:TOUT");
	event("s", 5);
	assert_written("o=2,-\n");
}

static void a_reader_between_two_writers_sees_the_one_above_it(void **state)
{
	(void)state;
	start("s:TSRC,m1:TMARK,p:TPRINT,m2:TMARK,o:TOUT");
	event("s", 5);
	assert_written("o=2,mark1\n");
}

static void a_branch_never_sees_what_its_sibling_wrote(void **state)
{
	(void)state;
	start("s:TSRC,m1:TMARK,p1:TPRINT,o1:TOUT", "s:TSRC,o2:TOUT", "s:TSRC,m3:TMARK,o3:TOUT", "s:TSRC,o4:TOUT");
	event("s", 5);
	assert_written("o1=1,mark1\no2=5,-\no3=3,-\no4=5,-\n");
}

static void stacks_that_begin_alike_run_their_beginning_once(void **state)
{
	(void)state;
	start("s:TSRC,m1:TMARK,p1:TPRINT,o1:TOUT", "s:TSRC,m1:TMARK,p1:TPRINT,o2:TOUT", "s:TSRC,m1:TMARK,o3:TOUT");
	t.order[0] = '\0';
	event("s", 5);
	assert_string_equal(t.order, "run m1;run p1;");
	assert_written("o1=1,mark1\no2=1,mark1\no3=1,-\n");
}

static void an_output_that_is_named_twice_writes_twice(void **state)
{
	(void)state;
	start("s:TSRC,o1:TOUT", "s:TSRC,o1:TOUT");
	assert_int_equal(stack_count(), 2);
	event("s", 5);
	assert_written("o1=5,-\no1=5,-\n");
}

static void an_output_may_stand_in_the_middle(void **state)
{
	(void)state;
	start("s:TSRC,o1:TOUT,m2:TMARK,o2:TOUT");
	event("s", 5);
	assert_written("o1=5,-\no2=2,-\n");
}

static void inputs_with_different_names_do_not_meet(void **state)
{
	(void)state;
	start("s1:TSRC,m1:TMARK,o1:TOUT", "s2:TSRC,o2:TOUT");
	event("s2", 7);
	event("s1", 5);
	/* Each has a lane of its own; here the first one's hands over first. */
	assert_written("o1=1,-\no2=7,-\n");
}

static void one_name_for_two_kinds_of_input_is_two_inputs(void **state)
{
	(void)state;
	start("s:TSRC,o1:TOUT", "s:TSRC2,o2:TOUT");
	assert_int_equal(t.n_started, 4);
	ulogd_record_run(t.started[1], ulogd_record_begin(t.started[1]));
	ulogd_record_run(t.started[3], ulogd_record_begin(t.started[3]));
	assert_written("o1=-,-\no2=-,-\n");
}

static void what_was_written_for_one_event_is_absent_in_the_next(void **state)
{
	(void)state;
	start("s:TSRC,o:TOUT");
	event("s", 5);
	event("s", -1);
	event("s", 6);
	assert_written("o=5,-\no=-,-\no=6,-\n");
}

static void old_values_stay_absent_when_the_stamps_begin_anew(void **state)
{
	struct ulogd_record *rec;

	(void)state;
	start("s:TSRC,o:TOUT");
	event("s", 5);
	rec = ulogd_record_begin(started("s"));
	rec->stamp = UINT32_MAX;
	/* One of these has the stamp that the first event had. */
	event("s", -1);
	event("s", -1);
	assert_written("o=5,-\no=-,-\no=-,-\n");
}

static void fields_that_nobody_reads_are_not_wanted(void **state)
{
	(void)state;
	start("s:TSRC,p:TPRINT,o:TOUT");
	assert_true(t.wanted[0]);
	assert_false(t.wanted[1]);
	event("s", 5);
	assert_written("o=5,mark5\n");
}

static void a_field_that_only_a_branch_of_others_reads_is_wanted_there_alone(void **state)
{
	(void)state;
	/* p2's text is covered by that of p3 before anybody reads it. */
	start("s:TSRC,p2:TPRINT,m1:TMARK,p3:TPRINT,o:TOUT");
	assert_int_equal(t.n_started, 4);
	assert_true(is(t.started[1], "p3"));
	assert_true(ulogd_out_wanted(t.started[1], 0));
	assert_true(is(t.started[2], "p2"));
	assert_false(ulogd_out_wanted(t.started[2], 0));
	event("s", 5);
	assert_written("o=1,mark1\n");
}

static void a_filter_that_stops_a_record_stops_only_its_branch(void **state)
{
	(void)state;
	start("s:TSRC,m1:TMARK,o1:TOUT", "s:TSRC,m2:TMARK,o2:TOUT");
	t.stop_id = "m1";
	event("s", 5);
	assert_written("o2=2,-\n");
}

static void a_filter_that_fails_is_said_and_ends_only_its_branch(void **state)
{
	(void)state;
	start("s:TSRC,m1:TMARK,o1:TOUT", "s:TSRC,m2:TMARK,o2:TOUT");
	t.err_id = "m1";
	event("s", 5);
	assert_log_has("m1 (TMARK): a record was given up: Bad message; 1 so far");
	assert_written("o2=2,-\n");
}

static void an_output_that_fails_writes_nothing(void **state)
{
	(void)state;
	start("s:TSRC,o1:TOUT", "s:TSRC,o2:TOUT");
	t.err_id = "o1";
	event("s", 5);
	assert_log_has("o1 (TOUT): a record was given up");
	assert_written("o2=5,-\n");
}

/* ----------------------------------------------------------------- refusing */

static void a_missing_key_names_the_plugin_that_would_provide_it(void **state)
{
	(void)state;
	add_fails("s:TSRC,n:TNEEDY,o:TOUT",
		  "n:TNEEDY needs print, which TPRINT provides: put tprint1:TPRINT before it");
}

static void a_provider_behind_its_reader_does_not_count(void **state)
{
	(void)state;
	add_fails("s:TSRC,n:TNEEDY,p:TPRINT,o:TOUT", "n:TNEEDY needs print");
}

static void a_key_that_nobody_provides_is_said_to_be_such(void **state)
{
	(void)state;
	add_fails("s:TSRC,x:TSTRANGE,o:TOUT", "x:TSTRANGE needs strange.field, which no installed plugin provides");
}

static void keys_of_outputs_are_checked_too(void **state)
{
	(void)state;
	add_fails("s:TSRC,o:TREQ", "o:TREQ needs print");
}

static void a_key_of_another_type_is_refused(void **state)
{
	(void)state;
	add_fails("s:TSRC,w:TWRONGTYPE,o:TOUT",
		  "w:TWRONGTYPE needs tsrc.num as string, but before it it is unsigned int 64");
}

static void a_stack_begins_with_an_input(void **state)
{
	(void)state;
	add_fails("m1:TMARK,o:TOUT", "m1:TMARK stands first, but it is no input");
	add_fails("o:TOUT", "o:TOUT stands first");
}

static void an_input_stands_first_only(void **state)
{
	(void)state;
	add_fails("s:TSRC,s2:TSRC,o:TOUT", "s2:TSRC is an input and can only stand first");
}

static void a_stack_ends_with_an_output(void **state)
{
	(void)state;
	add_fails("s:TSRC,m1:TMARK", "it ends with m1:TMARK, but has to end with an output");
	add_fails("s:TSRC", "it ends with s:TSRC");
}

static void one_name_for_two_plugins_of_a_stack_is_refused(void **state)
{
	(void)state;
	add_fails("s:TSRC,a:TMARK,a:TOUT", "the name a is used for TMARK and for TOUT");
}

static void an_empty_stack_is_refused(void **state)
{
	(void)state;
	add_fails("", "it is empty");
	add_fails(",,", "it is empty");
}

static void empty_members_are_skipped(void **state)
{
	(void)state;
	start(",s:TSRC,,o:TOUT,");
	event("s", 5);
	assert_written("o=5,-\n");
}

static void a_member_without_its_plugin_is_refused(void **state)
{
	(void)state;
	add_fails("s:TSRC,o", "`o' lacks its plugin; write id:PLUGIN");
}

static void a_plugin_nobody_has_is_refused_with_a_suggestion(void **state)
{
	(void)state;
	add_fails("s:TSRK,o:TOUT", "can't find requested plugin TSRK in ");
	assert_log_has("did you mean \"TSRC\"?");
	add_fails("s:TSRC,x:QQQQQQQQ,o:TOUT", "can't find requested plugin QQQQQQQQ");
}

static void with_plugin_lines_only_these_plugins_are_there(void **state)
{
	const struct ulogd_plugin *plugin;
	const char *why;

	(void)state;
	assert_int_equal(plugin_load("ulogd_inppkt_TSRC.so", &plugin, &why), 0);
	stack_add(&t.conf, (struct conf_place){ "x.conf", 7 }, "s:TSRC,o:TOUT", true);
	assert_int_equal(t.conf.errors, 1);
	assert_log_has("plugin TOUT is not among the plugin= lines");
}

static void a_stack_of_too_many_plugins_is_refused(void **state)
{
	char text[2048] = "s:TSRC";

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		strcat(text, ",m1:TMARK");
	add_fails(text, "more than 64 plugins");
}

static void lenient_leaves_a_bad_stack_out_and_goes_on(void **state)
{
	(void)state;
	t.conf.lenient = true;
	add("s:TSRC,n:TNEEDY,o1:TOUT");
	start("s:TSRC,o2:TOUT");
	assert_int_equal(stack_count(), 1);
	assert_log_has("n:TNEEDY needs print");
	event("s", 5);
	assert_written("o2=5,-\n");
}

/* ---------------------------------------------------------------- sections */

static void a_section_becomes_the_options_of_its_instance(void **state)
{
	const struct module {
		const char *text;
		int32_t num;
	} *priv;

	(void)state;
	sections("[s1]\ntext=one\n[s2]\nnum=2\n");
	start("s1:TSRC,o1:TOUT", "s2:TSRC,o2:TOUT");
	priv = ulogd_priv(started("s1"));
	assert_string_equal(priv->text, "one");
	assert_int_equal(priv->num, 7);
	priv = ulogd_priv(started("s2"));
	assert_string_equal(priv->text, "none");
	assert_int_equal(priv->num, 2);
}

static void an_error_in_a_section_is_counted(void **state)
{
	(void)state;
	sections("[s]\nnum=11\n[o]\nqueue_full=loose\n");
	add("s:TSRC,o:TOUT");
	assert_int_equal(t.conf.errors, 2);
	assert_log_has("s: num: 11 is out of range");
	assert_log_has("o: queue_full: unknown way \"loose\"; write ");
}

static void a_section_that_no_stack_uses_but_is_nearly_right_is_said(void **state)
{
	(void)state;
	sections("[output]\ntext=x\n[zzzzzzzzzz]\ntext=y\n");
	add("s:TSRC,outpt:TOUT");
	stack_warn_unused(&t.conf);
	assert_log_has("output: no stack uses this section, and outpt has none; did you mean \"outpt\"?");
	assert_log_lacks("zzzzzzzzzz");
	assert_int_equal(t.conf.errors, 0);
}

static void the_configuration_is_printed_with_values_and_origins(void **state)
{
	char *text, *found;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	sections("[s]\ntext=\"a b\"\n");
	add("s:TSRC,o:TOUT");
	stack_print_config(out);
	fclose(out);
	found = strstr(text, "[s]");
	assert_non_null(found);
	assert_non_null(strstr(found, "# TSRC, x.conf:7\n"));
	found = strstr(found, "text=\"a b\"");
	assert_non_null(found);
	assert_non_null(strstr(found, "ulogd.conf:2\n"));
	found = strstr(found, "num=7");
	assert_non_null(found);
	assert_non_null(strstr(found, "# default\n"));
	assert_non_null(strstr(found, "queue_full=\"drop\""));
	free(text);
}

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

static void start_and_run(const char *const *stacks)
{
	assert_int_equal(pipe(t.orders), 0);
	assert_int_equal(pipe(t.answers), 0);
	(start)(stacks);
	assert_int_equal(ulogd_watch(started("s1"), t.orders[0], ordered_ready), 0);
	assert_int_equal(stack_run(), 0);
}

#define start_and_run(...) start_and_run((const char *const[]){ __VA_ARGS__, NULL })

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

#undef start_and_run
#undef start
#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_field_comes_from_the_input),
		unit(the_nearest_writer_above_wins),
		unit(a_reader_between_two_writers_sees_the_one_above_it),
		unit(a_branch_never_sees_what_its_sibling_wrote),
		unit(stacks_that_begin_alike_run_their_beginning_once),
		unit(an_output_that_is_named_twice_writes_twice),
		unit(an_output_may_stand_in_the_middle),
		unit(inputs_with_different_names_do_not_meet),
		unit(one_name_for_two_kinds_of_input_is_two_inputs),
		unit(what_was_written_for_one_event_is_absent_in_the_next),
		unit(old_values_stay_absent_when_the_stamps_begin_anew),
		unit(fields_that_nobody_reads_are_not_wanted),
		unit(a_field_that_only_a_branch_of_others_reads_is_wanted_there_alone),
		unit(a_filter_that_stops_a_record_stops_only_its_branch),
		unit(a_filter_that_fails_is_said_and_ends_only_its_branch),
		unit(an_output_that_fails_writes_nothing),
		unit(a_missing_key_names_the_plugin_that_would_provide_it),
		unit(a_provider_behind_its_reader_does_not_count),
		unit(a_key_that_nobody_provides_is_said_to_be_such),
		unit(keys_of_outputs_are_checked_too),
		unit(a_key_of_another_type_is_refused),
		unit(a_stack_begins_with_an_input),
		unit(an_input_stands_first_only),
		unit(a_stack_ends_with_an_output),
		unit(one_name_for_two_plugins_of_a_stack_is_refused),
		unit(an_empty_stack_is_refused),
		unit(empty_members_are_skipped),
		unit(a_member_without_its_plugin_is_refused),
		unit(a_plugin_nobody_has_is_refused_with_a_suggestion),
		unit(with_plugin_lines_only_these_plugins_are_there),
		unit(a_stack_of_too_many_plugins_is_refused),
		unit(lenient_leaves_a_bad_stack_out_and_goes_on),
		unit(a_section_becomes_the_options_of_its_instance),
		unit(an_error_in_a_section_is_counted),
		unit(a_section_that_no_stack_uses_but_is_nearly_right_is_said),
		unit(the_configuration_is_printed_with_values_and_origins),
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
		unit(a_new_input_that_cannot_start_is_left_out),
		unit(inputs_that_are_exchanged_do_not_end_the_daemon),
		unit(an_output_is_attached_and_sees_what_nobody_else_reads),
		unit(of_two_that_are_attached_one_goes_first),
		unit(what_is_attached_and_cannot_start_changes_nothing),
		unit(stacks_are_numbered_tree_by_tree),
	};
	const char *stage = getenv("STAGE");

	t.modules = test_path(stage ? stage : "stage", "modules");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

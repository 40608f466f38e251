// SPDX-License-Identifier: GPL-2.0-or-later
/* One tree: which writer a reader gets, what an event leaves behind, who ends a record. */
#include "stacks.h"

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

static void what_a_filter_wrote_for_one_event_is_absent_in_the_next(void **state)
{
	(void)state;
	start("s:TSRC,m1:TMARK,p1:TPRINT,o:TOUT");
	event("s", 5);
	t.silent_id = "m1";
	event("s", 6);
	t.silent_id = "p1";
	event("s", 7);
	assert_written("o=1,mark1\no=-,mark0\no=1,-\n");
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
		unit(what_a_filter_wrote_for_one_event_is_absent_in_the_next),
		unit(fields_that_nobody_reads_are_not_wanted),
		unit(a_field_that_only_a_branch_of_others_reads_is_wanted_there_alone),
		unit(a_filter_that_stops_a_record_stops_only_its_branch),
		unit(a_filter_that_fails_is_said_and_ends_only_its_branch),
		unit(an_output_that_fails_writes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* stack= lines: what is refused and why, sections, what is printed of them. */
#include "plugin.h"
#include "stacks.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

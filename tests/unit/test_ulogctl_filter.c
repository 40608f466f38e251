// SPDX-License-Identifier: GPL-2.0-or-later
/* Expressions of `ulogctl tail --filter': what fits, and where an expression is wrong. */
#include "unit.h"

#include <jansson.h>

#include "ulogctl_filter.h"

static const char event_text[] =
	"{\"src_ip\": \"192.0.2.1\", \"dest_port\": 22, \"oob.prefix\": \"drop in: \", \"ip.totlen\": 60,"
	" \"oob.out\": \"\", \"flag\": true, \"order\": \"and\"}";

static bool matches(const char *expression)
{
	json_t *event = json_loads(event_text, 0, NULL);
	const char *why;
	size_t position;
	struct filter *f = filter_parse(expression, &why, &position);
	bool ret;

	assert_non_null(event);
	if (!f)
		fail_msg("%s: %s at %zu", expression, why, position);
	ret = filter_match(f, event);
	filter_free(f);
	json_decref(event);
	return ret;
}

static void expressions_fit_or_not(void **state)
{
	static const struct {
		const char *text;
		bool fits;
	} cases[] = {
		{ "src_ip=192.0.2.1", true },
		{ "src_ip = \"192.0.2.1\"", true },
		{ "src_ip=192.0.2.10", false },
		{ "src_ip!=192.0.2.10", true },
		{ "dest_port=22", true },
		{ "dest_port=022", true },
		{ "dest_port<22", false },
		{ "dest_port<=22", true },
		{ "dest_port>9", true },	/* as numbers: as text "22" is less than "9" */
		{ "dest_port>=23", false },
		{ "oob.prefix~drop", true },
		{ "oob.prefix~\"drop in\"", true },
		{ "oob.prefix~DROP", false },
		{ "dest_port~2", true },
		{ "oob.out=\"\"", true },
		{ "flag=true", true },
		{ "order=and", true },
		{ "nothing=1", false },
		{ "nothing!=1", true },
		{ "nothing<1", false },
		{ "not nothing=1", true },
		{ "not not dest_port=22", true },
		{ "src_ip=x or dest_port=22", true },
		{ "src_ip=x and dest_port=22", false },
		{ "dest_port=22 or src_ip=x and src_ip=x", true },	/* and binds more tightly */
		{ "(dest_port=22 or src_ip=x) and src_ip=x", false },
		{ "not dest_port=22 or src_ip=192.0.2.1", true },	/* not binds most tightly */
		{ "NOT (dest_port=22 AND src_ip=192.0.2.1)", false },
		{ "  ( ( dest_port = 22 ) )  ", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (matches(cases[i].text) != cases[i].fits)
			fail_msg("%s: %s", cases[i].text, cases[i].fits ? "does not fit" : "fits");
}

static void errors_are_named_with_their_place(void **state)
{
	static const struct {
		const char *text, *why;
		size_t position;
	} cases[] = {
		{ "", "a key is missing", 0 },
		{ "src_ip", "an operator is missing", 6 },
		{ "src_ip=", "a value is missing", 7 },
		{ "src_ip=1 dest_port=2", "\"and\" or \"or\" is missing", 9 },
		{ "src_ip=1 and", "a key is missing", 12 },
		{ "(src_ip=1", "a closing parenthesis is missing", 9 },
		{ "src_ip=1)", "\"and\" or \"or\" is missing", 8 },
		{ "src_ip=\"1", "the quote is not closed", 7 },
		{ "a=b or (c", "an operator is missing", 9 },
		{ "=1", "a key is missing", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = NULL;
		size_t position = 0;

		assert_null(filter_parse(cases[i].text, &why, &position));
		assert_non_null(strstr(why, cases[i].why));
		if (position != cases[i].position)
			fail_msg("%s: at %zu", cases[i].text, position);
	}
}

static void deep_expressions_are_refused(void **state)
{
	char text[100000];
	const char *why;
	size_t position;

	(void)state;
	memset(text, '(', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_null(filter_parse(text, &why, &position));
	assert_string_equal(why, "too many parentheses");
	assert_int_equal(position, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_fit_or_not),
		cmocka_unit_test(errors_are_named_with_their_place),
		cmocka_unit_test(deep_expressions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The dialect of ulogd.conf, and how sections become options. */
#include <errno.h>

#include "conf.h"
#include "unit.h"

/* A directory with an ulogd.conf, and what was read from it. */
struct fixture {
	struct conf conf;
	char *dir, *path;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	log_catch();
	f->dir = test_dir_new();
	f->path = test_path(f->dir, "ulogd.conf");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	conf_fini(&f->conf);
	free(f->path);
	test_dir_remove(f->dir);
	free(f);
	log_catch_end();
	return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	char *path = test_path(f->dir, name);

	test_file_write(path, text, strlen(text));
	free(path);
}

static void read_text(struct fixture *f, const char *text)
{
	write_file(f, "ulogd.conf", text);
	assert_int_equal(conf_read(&f->conf, f->path), 0);
}

/* The value of @key in @section; NULL when it is not there. */
static const char *value_of(struct fixture *f, const char *section, const char *key)
{
	const struct conf_section *s = conf_find(&f->conf, section);

	for (const struct conf_line *l = s ? s->lines : NULL; l; l = l->next)
		if (strcmp(l->key, key) == 0)
			return l->value;
	return NULL;
}

#define assert_value(f, section, key, want) do { \
	const char *value_ = value_of(f, section, key); \
	assert_non_null(value_); \
	assert_string_equal(value_, want); \
} while (0)

/* --------------------------------------------------------------- reading */

static void key_and_value_are_separated_by_blanks_and_equal_signs(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk1=v1\nk2 = v2\nk3 v3\nk4==v4\n\tk5\t=\tv5\n = k6 v6\n");
	assert_value(f, "a", "k1", "v1");
	assert_value(f, "a", "k2", "v2");
	assert_value(f, "a", "k3", "v3");
	assert_value(f, "a", "k4", "v4");
	assert_value(f, "a", "k5", "v5");
	assert_value(f, "a", "k6", "v6");
	assert_int_equal(f->conf.errors, 0);
}

static void quotes_keep_blanks_and_are_removed(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk1=\"two words = one\"\nk2=\"\"\n\"k3\"=v3\nk4=\"v\"rest\n");
	assert_value(f, "a", "k1", "two words = one");
	assert_value(f, "a", "k2", "");
	assert_value(f, "a", "k3", "v3");
	assert_value(f, "a", "k4", "v");
}

static void a_quote_inside_a_word_is_a_character(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk=ro\"ot\"\n");
	assert_value(f, "a", "k", "ro\"ot\"");
}

static void what_follows_the_value_is_ignored(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\ngroup=1 # the first group\n");
	assert_value(f, "a", "group", "1");
	assert_int_equal(f->conf.errors, 0);
}

static void comments_may_be_indented(void **state)
{
	struct fixture *f = *state;

	read_text(f, "# one\n[a]\n  # two\n\t#three=3\n#\nk=v\n");
	assert_value(f, "a", "k", "v");
	assert_null(conf_find(&f->conf, "a")->lines->next);
	assert_string_equal(log_caught(), "");
}

static void the_last_line_needs_no_newline(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk=v");
	assert_value(f, "a", "k", "v");
	assert_string_equal(log_caught(), "");
}

static void lines_may_end_in_cr_and_lf(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\r\nk=v\r\n\r\n# comment\r\n[b]\r\nk=\"w\"\r\n");
	assert_value(f, "a", "k", "v");
	assert_value(f, "b", "k", "w");
	assert_string_equal(log_caught(), "");
}

static void lines_may_be_of_any_length(void **state)
{
	struct fixture *f = *state;
	static char text[100000], want[60001];

	memset(want, 'x', sizeof(want) - 1);
	snprintf(text, sizeof(text), "#%.30000s\n[a]\nk=%s\nl=w\n", want, want);
	read_text(f, text);
	assert_value(f, "a", "k", want);
	assert_value(f, "a", "l", "w");
	assert_null(conf_find(&f->conf, "a")->lines->next->next);
}

static void a_missing_quote_is_said_and_the_line_left_out(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk=\"v\nl=w\n");
	assert_null(value_of(f, "a", "k"));
	assert_value(f, "a", "l", "w");
	assert_log_has("ulogd.conf:2: a: ignoring malformed config directive \"k\" on line 2: the closing "
		       "quote is missing");
	assert_int_equal(f->conf.errors, 0);
}

static void a_key_without_value_is_said_and_left_out(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk\nl=\nm=v\n");
	assert_null(value_of(f, "a", "k"));
	assert_null(value_of(f, "a", "l"));
	assert_value(f, "a", "m", "v");
	assert_log_has("ulogd.conf:2: a: ignoring malformed config directive \"k\" on line 2: it has no value");
	assert_log_has("ulogd.conf:3: a: ignoring malformed config directive \"l\" on line 3: it has no value");
}

static void lines_before_the_first_section_are_said_and_left_out(void **state)
{
	struct fixture *f = *state;

	read_text(f, "k=v\n[a]\nl=w\n");
	assert_log_has("ulogd.conf:1: ");
	assert_value(f, "a", "l", "w");
}

static void a_section_header_may_hold_blanks_and_text_behind_it(void **state)
{
	struct fixture *f = *state;

	read_text(f, "  [ a ]  # text\nk=v\n[b]text\nk=w\n[[c]]\nk=x\n");
	assert_value(f, "a", "k", "v");
	assert_value(f, "b", "k", "w");
	assert_value(f, "c", "k", "x");
}

static void a_word_like_a_section_is_no_section(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[mark]\nmark=1\n[b]\nmark = 2\n");
	assert_value(f, "mark", "mark", "1");
	assert_value(f, "b", "mark", "2");
}

static void section_names_are_case_sensitive(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[A]\nk=v\n");
	assert_null(conf_find(&f->conf, "a"));
}

static void of_sections_with_one_name_the_first_counts(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk=v\n[b]\nk=w\n[a]\nk=x\nl=y\n[b]\nk=z\n");
	assert_value(f, "a", "k", "v");
	assert_null(value_of(f, "a", "l"));
	assert_value(f, "b", "k", "w");
	assert_log_has("ulogd.conf:5: a: this section is ignored, the one at ");
	assert_log_has("ulogd.conf:1 counts");
	assert_log_has("ulogd.conf:8: b: ");
}

static void a_nul_byte_is_an_error(void **state)
{
	struct fixture *f = *state;

	test_file_write(f->path, "[a]\nk=v\0w\nl=x\n", 14);
	assert_int_equal(conf_read(&f->conf, f->path), 0);
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("ulogd.conf:2: ");
	assert_value(f, "a", "l", "x");
}

static void a_file_that_cannot_be_read_is_an_errno(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(conf_read(&f->conf, f->path), -ENOENT);
	assert_int_equal(conf_read(&f->conf, f->dir), -EISDIR);
}

static void an_empty_file_has_no_sections(void **state)
{
	struct fixture *f = *state;

	read_text(f, "");
	assert_null(f->conf.sections);
	assert_int_equal(f->conf.errors, 0);
}

/* -------------------------------------------------------------- includes */

static void include_reads_files_relative_to_the_one_that_says_so(void **state)
{
	struct fixture *f = *state;
	char *sub = test_path(f->dir, "sub");

	assert_int_equal(mkdir(sub, 0700), 0);
	free(sub);
	write_file(f, "sub/one.conf", "[global]\ninclude=two.conf\n[b]\nk=b\n");
	write_file(f, "sub/two.conf", "[c]\nk=c\n");
	read_text(f, "[global]\ninclude=sub/one.conf\n[a]\nk=a\n");
	assert_value(f, "a", "k", "a");
	assert_value(f, "b", "k", "b");
	assert_value(f, "c", "k", "c");
	assert_int_equal(f->conf.errors, 0);
}

static void include_takes_absolute_names(void **state)
{
	struct fixture *f = *state;
	char *text;

	write_file(f, "one.conf", "[b]\nk=b\n");
	assert_true(asprintf(&text, "[global]\ninclude=\"%s/one.conf\"\n", f->dir) > 0);
	read_text(f, text);
	free(text);
	assert_value(f, "b", "k", "b");
}

static void include_takes_patterns_in_the_order_of_names(void **state)
{
	struct fixture *f = *state;

	write_file(f, "2.inc", "[a]\nk=2\n");
	write_file(f, "1.inc", "[a]\nk=1\n[b]\nk=1\n");
	write_file(f, "3.other", "[c]\nk=3\n");
	read_text(f, "[global]\ninclude=*.inc\n");
	assert_value(f, "a", "k", "1");
	assert_value(f, "b", "k", "1");
	assert_null(conf_find(&f->conf, "c"));
}

static void a_pattern_may_match_nothing(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[global]\ninclude=*.inc\n");
	assert_int_equal(f->conf.errors, 0);
	assert_string_equal(log_caught(), "");
}

static void a_missing_include_is_an_error(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[global]\ninclude=none.conf\n[a]\nk=v\n");
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("ulogd.conf:2: global: include=none.conf: ");
	assert_value(f, "a", "k", "v");
}

static void an_include_that_cannot_be_read_is_an_error(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[global]\ninclude=.\n");
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("Is a directory");
}

static void included_files_add_to_global(void **state)
{
	struct fixture *f = *state;
	unsigned int n = 0;

	write_file(f, "one.conf", "[global]\nstack=s2\n");
	read_text(f, "[global]\nstack=s1\ninclude=one.conf\nstack=s3\n");
	for (const struct conf_line *l = conf_find(&f->conf, "global")->lines; l; l = l->next) {
		static const char *const want[] = { "s1", "s2", "s3" };

		assert_true(n < ARRAY_SIZE(want));
		assert_string_equal(l->value, want[n++]);
	}
	assert_int_equal(n, 3);
}

static void lines_remember_the_file_they_stand_in(void **state)
{
	struct fixture *f = *state;
	const struct conf_section *b;

	write_file(f, "one.conf", "\n[b]\n\nk=b\n");
	read_text(f, "[global]\ninclude=one.conf\n");
	b = conf_find(&f->conf, "b");
	assert_non_null(strstr(b->at.file, "/one.conf"));
	assert_int_equal(b->at.line, 2);
	assert_int_equal(b->lines->at.line, 4);
}

static void files_that_include_one_another_are_an_error_not_the_end(void **state)
{
	struct fixture *f = *state;

	write_file(f, "one.conf", "[global]\ninclude=ulogd.conf\n");
	read_text(f, "[global]\ninclude=one.conf\n[a]\nk=v\n");
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("a circle");
	assert_value(f, "a", "k", "v");
}

static void include_outside_of_global_is_an_option(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\ninclude=none.conf\n");
	assert_value(f, "a", "include", "none.conf");
	assert_int_equal(f->conf.errors, 0);
}

/* -------------------------------------------------------------- applying */

struct opts {
	int32_t num, ranged, large;
	uint32_t mask;
	bool flag;
	const char *text;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_INT(struct opts, num, 7, INT32_MIN, INT32_MAX, ""),
	ULOGD_OPT_INT(struct opts, ranged, 5, 0, 10, ""),
	ULOGD_OPT_INT(struct opts, large, 5, 0, INT32_MAX, ""),
	ULOGD_OPT_U32(struct opts, mask, UINT32_MAX, ""),
	ULOGD_OPT_BOOL(struct opts, flag, true, ""),
	ULOGD_OPT_STRING(struct opts, text, "default", ""),
	{}
};

enum { O_NUM, O_RANGED, O_LARGE, O_MASK, O_FLAG, O_TEXT, N_OPTS };

/* Reads @body as section [a] and applies it. */
static struct opts apply(struct fixture *f, const char *body)
{
	struct opts opts = {};
	char *text;

	assert_true(asprintf(&text, "[a]\n%s", body) > 0);
	read_text(f, text);
	free(text);
	conf_apply(&f->conf, conf_find(&f->conf, "a"), &(struct conf_target){ options, &opts }, 1, NULL,
		   NULL);
	return opts;
}

static void options_that_are_not_given_have_their_defaults(void **state)
{
	struct fixture *f = *state;
	struct opts opts = {};
	conf_origin origins[N_OPTS];

	conf_apply(&f->conf, NULL, &(struct conf_target){ options, &opts }, 1, NULL, origins);
	assert_int_equal(opts.num, 7);
	assert_int_equal(opts.ranged, 5);
	assert_int_equal(opts.mask, UINT32_MAX);
	assert_true(opts.flag);
	assert_string_equal(opts.text, "default");
	for (unsigned int i = 0; i < N_OPTS; i++)
		assert_null(origins[i]);
}

static void numbers_are_decimal_hexadecimal_or_octal(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f, "num=10\n").num, 10);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "num=0x1f\n").num, 31);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "num=0660\n").num, 0660);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "num=-12\n").num, -12);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "num=+12\n").num, 12);
	assert_int_equal(f->conf.errors, 0);
}

static void what_is_no_number_is_an_error_and_leaves_the_default(void **state)
{
	static const char *const bad[] = { "12abc", "abc", "08", "0x", "\"\"", "\"1 \"", "1.5", "--1" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char body[32];

		snprintf(body, sizeof(body), "num=%s\n", bad[i]);
		assert_int_equal(apply(f, body).num, 7);
		if (f->conf.errors != 1)
			fail_msg("num=%s gives %u errors: %s", bad[i], f->conf.errors, log_caught());
		conf_fini(&f->conf);
	}
	assert_log_has("ulogd.conf:2: a: ");
	assert_log_has("\"12abc\"");
}

static void numbers_out_of_range_are_errors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f, "ranged=11\n").ranged, 5);
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("a: ranged: 11 is out of range; write a number from 0 to 10");
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "ranged=-1\n").ranged, 5);
	assert_int_equal(f->conf.errors, 1);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "ranged=10\n").ranged, 10);
	assert_int_equal(f->conf.errors, 0);
}

static void where_the_type_is_the_limit_larger_numbers_mean_the_limit(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f, "large=4294967296\n").large, INT32_MAX);
	assert_int_equal(f->conf.errors, 0);
	assert_log_has("4294967296 is more than fits");
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "large=-1\n").large, 5);
	assert_int_equal(f->conf.errors, 1);
}

static void numbers_beyond_64_bits_are_errors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f, "ranged=99999999999999999999999\n").ranged, 5);
	assert_int_equal(f->conf.errors, 1);
}

static void numbers_of_32_bits_are_written_with_and_without_sign(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f, "mask=0xffffffff\n").mask, UINT32_MAX);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "mask=4294967295\n").mask, UINT32_MAX);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "mask=-1\n").mask, UINT32_MAX);
	conf_fini(&f->conf);
	assert_int_equal(apply(f, "mask=-2147483648\n").mask, 0x80000000u);
	assert_int_equal(f->conf.errors, 0);
	conf_fini(&f->conf);
	apply(f, "mask=-2147483649\n");
	assert_int_equal(f->conf.errors, 1);
}

static void every_number_but_0_is_true(void **state)
{
	struct fixture *f = *state;

	assert_false(apply(f, "flag=0\n").flag);
	conf_fini(&f->conf);
	assert_true(apply(f, "flag=2\n").flag);
	conf_fini(&f->conf);
	assert_true(apply(f, "flag=-1\n").flag);
	assert_int_equal(f->conf.errors, 0);
}

static void text_is_taken_as_it_stands(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(apply(f, "text=\"a b # c\"\n").text, "a b # c");
	conf_fini(&f->conf);
	assert_string_equal(apply(f, "text=\"\"\n").text, "");
	conf_fini(&f->conf);
	assert_string_equal(apply(f, "text=${HOME}\\n'\n").text, "${HOME}\\n'");
	assert_int_equal(f->conf.errors, 0);
}

static void text_may_be_longer_than_ulogd2_allows(void **state)
{
	struct fixture *f = *state;
	char body[1024], want[501];

	memset(want, 'x', sizeof(want) - 1);
	want[sizeof(want) - 1] = '\0';
	snprintf(body, sizeof(body), "text=%s\n", want);
	assert_string_equal(apply(f, body).text, want);
	assert_int_equal(f->conf.errors, 0);
}

static void an_unknown_key_is_an_error_that_knows_what_was_meant(void **state)
{
	struct fixture *f = *state;

	apply(f, "rangd=3\n");
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("ulogd.conf:2: a: ");
	assert_log_has("unknown config key \"rangd\"");
	assert_log_has("did you mean \"ranged\"?");
}

static void an_unknown_key_like_no_other_gets_no_suggestion(void **state)
{
	struct fixture *f = *state;

	apply(f, "completely=3\n");
	assert_int_equal(f->conf.errors, 1);
	assert_log_lacks("did you mean");
}

static void of_a_key_given_twice_the_first_counts_and_it_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f, "num=1\nflag=1\nnum=2\n").num, 1);
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("ulogd.conf:4: a: option \"num\" occurred more than once");
	assert_log_has("ulogd.conf:2 counts");
}

static void all_errors_are_said_in_one_go(void **state)
{
	struct fixture *f = *state;

	apply(f, "num=x\nranged=12\nunknown=1\nflag=y\nmask=z\n");
	assert_int_equal(f->conf.errors, 5);
	assert_log_has("ulogd.conf:2: ");
	assert_log_has("ulogd.conf:3: ");
	assert_log_has("ulogd.conf:4: ");
	assert_log_has("ulogd.conf:5: ");
	assert_log_has("ulogd.conf:6: ");
}

static void lenient_says_the_same_without_counting_errors(void **state)
{
	struct fixture *f = *state;
	struct opts opts;

	f->conf.lenient = true;
	opts = apply(f, "num=x\nunknown=1\nranged=12\nranged=4\nmask=3\nmask=4\n");
	assert_int_equal(f->conf.errors, 0);
	assert_int_equal(opts.num, 7);
	assert_int_equal(opts.ranged, 4);
	assert_int_equal(opts.mask, 3);
	assert_log_has("unknown config key \"unknown\"");
	assert_log_has("occurred more than once");
}

static void origins_tell_the_line_of_each_value(void **state)
{
	struct fixture *f = *state;
	conf_origin origins[N_OPTS];
	struct opts opts = {};

	read_text(f, "[a]\nmask=1\n\nnum=2\nflag=bad\n");
	conf_apply(&f->conf, conf_find(&f->conf, "a"), &(struct conf_target){ options, &opts }, 1, NULL,
		   origins);
	assert_int_equal(origins[O_MASK]->at.line, 2);
	assert_int_equal(origins[O_NUM]->at.line, 4);
	assert_null(origins[O_FLAG]);
	assert_null(origins[O_TEXT]);
}

static void keys_the_caller_handles_are_left_to_it(void **state)
{
	static const char *const skip[] = { "stack", "plugin", NULL };
	struct fixture *f = *state;
	struct opts opts = {};

	read_text(f, "[a]\nstack=x\nnum=2\nstack=y\nplugin=z\n");
	conf_apply(&f->conf, conf_find(&f->conf, "a"), &(struct conf_target){ options, &opts }, 1, skip,
		   NULL);
	assert_int_equal(f->conf.errors, 0);
	assert_int_equal(opts.num, 2);
}

static void the_tables_of_a_section_go_to_different_structs(void **state)
{
	static const struct ulogd_option more[] = {
		ULOGD_OPT_INT(struct { int32_t other; }, other, 3, 0, 10, ""),
		{}
	};
	struct fixture *f = *state;
	conf_origin origins[N_OPTS + 1];
	struct opts opts = {};
	int32_t other;

	read_text(f, "[a]\nother=4\nnum=2\n");
	conf_apply(&f->conf, conf_find(&f->conf, "a"),
		   (struct conf_target[]){ { options, &opts }, { NULL, NULL }, { more, &other } }, 3, NULL,
		   origins);
	assert_int_equal(f->conf.errors, 0);
	assert_int_equal(opts.num, 2);
	assert_int_equal(other, 4);
	assert_int_equal(origins[N_OPTS]->at.line, 2);
}

static void a_section_without_options_must_be_empty(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nfoo=1\n");
	conf_apply(&f->conf, conf_find(&f->conf, "a"), &(struct conf_target){ NULL, NULL }, 1, NULL, NULL);
	assert_int_equal(f->conf.errors, 1);
	assert_log_has("unknown config key \"foo\"");
}

static void instances_that_share_a_section_say_its_errors_once(void **state)
{
	struct fixture *f = *state;
	struct opts opts = {};

	read_text(f, "[a]\nnum=x\nunknown=1\nranged=12\nflag=0\nflag=1\ntext=t\n");
	for (unsigned int i = 0; i < 2; i++) {
		opts = (struct opts){};
		conf_apply(&f->conf, conf_find(&f->conf, "a"), &(struct conf_target){ options, &opts }, 1,
			   NULL, NULL);
		assert_int_equal(f->conf.errors, 4);
		assert_int_equal(opts.num, 7);
		assert_false(opts.flag);
		assert_string_equal(opts.text, "t");
	}
}

static void sizes_have_suffixes(void **state)
{
	static const char *const wrong[] = {
		"", "k", "-1", "+1", " 1", "1 ", "1kk", "1T", "1.5M", "0x10", "99999999999999999999",
		"18014398509481984k",
	};
	uint64_t size = 7;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		if (conf_size(wrong[i], &size) != -EINVAL || size != 7)
			fail_msg("\"%s\" is a size", wrong[i]);
	assert_int_equal(conf_size("0", &size), 0);
	assert_int_equal(size, 0);
	assert_int_equal(conf_size("1000", &size), 0);
	assert_int_equal(size, 1000);
	assert_int_equal(conf_size("3k", &size), 0);
	assert_int_equal(size, 3072);
	assert_int_equal(conf_size("3K", &size), 0);
	assert_int_equal(size, 3072);
	assert_int_equal(conf_size("2M", &size), 0);
	assert_int_equal(size, 2 << 20);
	assert_int_equal(conf_size("5G", &size), 0);
	assert_true(size == 5ull << 30);
}

static void the_nearest_word_is_guessed(void **state)
{
	struct conf_guess guess = {};

	(void)state;
	conf_guess(&guess, "NFLGO", "NFCT");
	conf_guess(&guess, "NFLGO", "NFLOG");
	conf_guess(&guess, "NFLGO", "LOGEMU");
	assert_string_equal(guess.best, "NFLOG");
	assert_non_null(strstr(conf_guess_text(&guess), "did you mean \"NFLOG\"?"));
	guess = (struct conf_guess){};
	conf_guess(&guess, "x", "y");
	assert_null(guess.best);
	assert_string_equal(conf_guess_text(&guess), "");
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(key_and_value_are_separated_by_blanks_and_equal_signs),
		unit(quotes_keep_blanks_and_are_removed),
		unit(a_quote_inside_a_word_is_a_character),
		unit(what_follows_the_value_is_ignored),
		unit(comments_may_be_indented),
		unit(the_last_line_needs_no_newline),
		unit(lines_may_end_in_cr_and_lf),
		unit(lines_may_be_of_any_length),
		unit(a_missing_quote_is_said_and_the_line_left_out),
		unit(a_key_without_value_is_said_and_left_out),
		unit(lines_before_the_first_section_are_said_and_left_out),
		unit(a_section_header_may_hold_blanks_and_text_behind_it),
		unit(a_word_like_a_section_is_no_section),
		unit(section_names_are_case_sensitive),
		unit(of_sections_with_one_name_the_first_counts),
		unit(a_nul_byte_is_an_error),
		unit(a_file_that_cannot_be_read_is_an_errno),
		unit(an_empty_file_has_no_sections),
		unit(include_reads_files_relative_to_the_one_that_says_so),
		unit(include_takes_absolute_names),
		unit(include_takes_patterns_in_the_order_of_names),
		unit(a_pattern_may_match_nothing),
		unit(a_missing_include_is_an_error),
		unit(an_include_that_cannot_be_read_is_an_error),
		unit(included_files_add_to_global),
		unit(lines_remember_the_file_they_stand_in),
		unit(files_that_include_one_another_are_an_error_not_the_end),
		unit(include_outside_of_global_is_an_option),
		unit(options_that_are_not_given_have_their_defaults),
		unit(numbers_are_decimal_hexadecimal_or_octal),
		unit(what_is_no_number_is_an_error_and_leaves_the_default),
		unit(numbers_out_of_range_are_errors),
		unit(where_the_type_is_the_limit_larger_numbers_mean_the_limit),
		unit(numbers_beyond_64_bits_are_errors),
		unit(numbers_of_32_bits_are_written_with_and_without_sign),
		unit(every_number_but_0_is_true),
		unit(text_is_taken_as_it_stands),
		unit(text_may_be_longer_than_ulogd2_allows),
		unit(an_unknown_key_is_an_error_that_knows_what_was_meant),
		unit(an_unknown_key_like_no_other_gets_no_suggestion),
		unit(of_a_key_given_twice_the_first_counts_and_it_is_an_error),
		unit(all_errors_are_said_in_one_go),
		unit(lenient_says_the_same_without_counting_errors),
		unit(origins_tell_the_line_of_each_value),
		unit(keys_the_caller_handles_are_left_to_it),
		unit(the_tables_of_a_section_go_to_different_structs),
		unit(a_section_without_options_must_be_empty),
		unit(instances_that_share_a_section_say_its_errors_once),
		unit(sizes_have_suffixes),
		unit(the_nearest_word_is_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What the plugins of unit/module.c do, and stacks of them. */
#include <errno.h>

#include "plugin.h"
#include "sink.h"
#include "stacks.h"

struct stacks t;

/* -------------------------------------------------------- what module.c calls */

int module_start(struct ulogd_instance *inst);
int module_run(struct ulogd_instance *inst, struct ulogd_record *rec);
int module_format(struct ulogd_instance *inst, const struct ulogd_record *rec, struct ulogd_buf *out);
void module_stop(struct ulogd_instance *inst);
void module_relink(struct ulogd_instance *inst);

static void note(const char *what, const struct ulogd_instance *inst)
{
	size_t len = strlen(t.order);

	snprintf(t.order + len, sizeof(t.order) - len, "%s %s;", what, ulogd_id(inst));
}

bool is(const struct ulogd_instance *inst, const char *id)
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
	if (is(inst, t.silent_id))
		return ULOGD_PASS;
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

int stacks_setup(void **state)
{
	const char *stage = getenv("STAGE");

	(void)state;
	log_catch();
	t.modules = test_path(stage ? stage : "stage", "modules");
	plugin_set_dir(t.modules);
	t.dir = test_dir_new();
	t.out = test_path(t.dir, "out");
	t.n_started = 0;
	t.order[0] = '\0';
	t.fail_id = t.stop_id = t.err_id = t.silent_id = NULL;
	return 0;
}

int stacks_teardown(void **state)
{
	(void)state;
	stack_fini();
	sink_fini_all();
	plugin_fini();
	conf_fini(&t.conf);
	t.conf = (struct conf){};
	free(t.out);
	free(t.modules);
	test_dir_remove(t.dir);
	log_catch_end();
	return 0;
}

void sections(const char *text)
{
	char *path = test_path(t.dir, "ulogd.conf");

	test_file_write(path, text, strlen(text));
	assert_int_equal(conf_read(&t.conf, path), 0);
	free(path);
}

void add(const char *stack)
{
	stack_add(&t.conf, (struct conf_place){ "x.conf", 7 }, stack, false);
}

void add_fails(const char *stack, const char *why)
{
	unsigned int errors = t.conf.errors, n = stack_count();

	add(stack);
	assert_int_equal(t.conf.errors, errors + 1);
	assert_int_equal(stack_count(), n);
	assert_log_has("x.conf:7: global: stack: ");
	assert_log_has(why);
}

struct ulogd_instance *started(const char *id)
{
	for (unsigned int i = 0; i < t.n_started; i++)
		if (is(t.started[i], id))
			return t.started[i];
	fail_msg("%s was not started: %s", id, log_caught());
	return NULL;
}

void event(const char *id, int mark)
{
	struct ulogd_instance *inst = started(id);
	struct ulogd_record *rec = ulogd_record_begin(inst);

	if (mark >= 0)
		ulogd_set_num(rec, 2, (uint64_t)mark);
	ulogd_record_run(inst, rec);
}

void start_all(const char *const *stacks)
{
	for (; *stacks; stacks++)
		add(*stacks);
	assert_int_equal(t.conf.errors, 0);
	stack_start();
}

void assert_written(const char *want)
{
	char *text;

	assert_int_equal(sink_start_all(), 0);
	stack_fini();
	sink_fini_all();
	text = test_file_read(t.out);
	assert_string_equal(text, want);
	free(text);
}

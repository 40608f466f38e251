// SPDX-License-Identifier: GPL-2.0-or-later
/* One tree of instances: tying readers to writers, running a record down. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "tree.h"

/* --------------------------------------------------------------- linking */

static const uint64_t nothing_present;

/* The place of the field @want above @inst, made if nobody asked for it before. */
static struct ulogd_place writer_find(struct ulogd_instance *inst, const char *want)
{
	struct tree *tree = inst->tree;

	for (inst = inst->parent; inst; inst = inst->parent) {
		const struct ulogd_field *outputs = inst->plugin->outputs;

		for (unsigned int o = 0; o < record_count(outputs); o++) {
			if (strcmp(record_field(&outputs[o]).name, want) != 0)
				continue;
			if (!inst->out[o] || inst->out[o] == &tree->unread)
				inst->out[o] = &tree->values[tree->n_values++];
			return (struct ulogd_place){ inst->out[o], &inst->present[o / 64],
						     UINT64_C(1) << o % 64 };
		}
	}
	return (struct ulogd_place){ &tree->absent, &nothing_present, 1 };
}

void tree_link_instance(struct ulogd_instance *inst, void *arg)
{
	const struct ulogd_field *inputs = inst->inputs;

	(void)arg;
	for (unsigned int i = 0; i < record_count(inputs); i++)
		inst->in[i] = writer_find(inst, record_field(&inputs[i]).name);
}

void tree_link_unread(struct ulogd_instance *inst, void *arg)
{
	(void)arg;
	for (unsigned int o = 0; o < record_count(inst->plugin->outputs); o++)
		if (!inst->out[o])
			inst->out[o] = &inst->tree->unread;
}

void tree_unlink_instance(struct ulogd_instance *inst, void *arg)
{
	struct tree *tree = inst->tree;

	(void)arg;
	for (unsigned int o = 0; o < record_count(inst->plugin->outputs); o++)
		if (inst->out[o] >= tree->values + tree->n_own &&
		    inst->out[o] < tree->values + tree->n_values)
			inst->out[o] = &tree->unread;
}

static void count_values(struct ulogd_instance *inst, void *arg)
{
	*(unsigned int *)arg += record_count(inst->plugin->outputs);
}

int tree_link(struct tree *tree)
{
	unsigned int n = 0;

	instance_walk(tree->input, count_values, &n);
	tree->values = calloc(n + 1, sizeof(*tree->values));
	tree->arena = malloc(RECORD_ARENA_SIZE);
	if (!tree->values || !tree->arena)
		return -ENOMEM;
	tree->record.arena_end = tree->arena + RECORD_ARENA_SIZE;
	instance_walk(tree->input, tree_link_instance, NULL);
	instance_walk(tree->input, tree_link_unread, NULL);
	return 0;
}

/* --------------------------------------------------------------- running */

static void instance_failed(struct ulogd_instance *inst, int err)
{
	ulogd_count(&inst->failed, 1);
	if (ulogd_once_a_second(&inst->complained))
		ulogd_error(inst, "a record was given up: %s; %" PRIu64 " so far", strerror(-err),
			    inst->failed);
}

/* Formats the record into the outlet's chunk, as large as it takes. */
static int output_run(struct ulogd_instance *inst, const struct ulogd_record *rec)
{
	struct ulogd_buf out;

	for (unsigned int attempt = 0; outlet_begin(inst->outlet, attempt, &out); attempt++) {
		const char *begin = out.p;
		int ret = inst->plugin->format(inst, rec, &out);

		if (out.full)
			continue;
		if (ret == ULOGD_PASS && out.p > begin)
			outlet_commit(inst->outlet, out.p);
		return ret;
	}
	return ULOGD_PASS;	/* lost here, but instances behind may still have it */
}

/* The record is the instance's to write. */
static void record_give(struct ulogd_record *rec, struct ulogd_instance *inst)
{
	rec->in = inst->in;
	rec->out = inst->out;
	rec->present = inst->present;
	/* Most have a word or none, which is there nevertheless: no call of memset() for these. */
	inst->present[0] = 0;
	for (unsigned int i = 1; i < inst->n_present; i++)
		inst->present[i] = 0;
}

static void instance_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	int ret;

	record_give(rec, inst);
	if (inst->plugin->kind == ULOGD_OUTPUT)
		ret = output_run(inst, rec);
	else
		ret = inst->plugin->run(inst, rec);
	if (ret == ULOGD_PASS) {
		ulogd_count(&inst->passed, 1);
		for (struct ulogd_instance *c = inst->child; c; c = c->sibling)
			instance_run(c, rec);
	} else if (ret == ULOGD_STOP) {
		ulogd_count(&inst->stopped, 1);
	} else {
		instance_failed(inst, ret);
	}
}

struct ulogd_record *ulogd_record_begin(struct ulogd_instance *inst)
{
	struct tree *tree = inst->tree;
	struct ulogd_record *rec = &tree->record;

	record_give(rec, inst);
	rec->arena = tree->arena;
	return rec;
}

void ulogd_record_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	ulogd_count(&inst->passed, 1);
	for (struct ulogd_instance *c = inst->child; c; c = c->sibling)
		instance_run(c, rec);
}

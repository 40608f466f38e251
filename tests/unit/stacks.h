/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stacks.h - stacks of the plugins of unit/module.c, which are in the directory $STAGE/modules. */
#ifndef STACKS_H
#define STACKS_H

#include "stack.h"
#include "unit.h"

#define MAX_INSTANCES 8

extern struct stacks {
	struct conf conf;
	char *modules, *dir, *out;
	/* The instances that have been started, in this order. */
	struct ulogd_instance *started[MAX_INSTANCES];
	unsigned int n_started;
	char order[256];	/* "start id;", "run id;", "stop id;" */
	const char *fail_id;	/* whose start() fails */
	const char *stop_id, *err_id;	/* whose run() ends the record */
	const char *silent_id;	/* whose run() writes nothing */
	bool wanted[2];		/* of TPRINT's outputs */
	int orders[2], answers[2];	/* pipes, for events while lanes run */
} t;

int stacks_setup(void **state);
int stacks_teardown(void **state);

/* Reads the configuration that the stacks belong to. */
void sections(const char *text);

/* Adds a stack, at x.conf:7. */
void add(const char *stack);

/* Adds a stack that must be refused with @why. */
void add_fails(const char *stack, const char *why);

/* Adds the stacks, NULL at the end, and starts them. */
void start_all(const char *const *stacks);
#define start(...) start_all((const char *const[]){ __VA_ARGS__, NULL })

/* True when @id is the instance's. */
bool is(const struct ulogd_instance *inst, const char *id);

/* The instance @id, which must have been started. */
struct ulogd_instance *started(const char *id);

/* One event of the input @id, with a mark unless that is negative. */
void event(const char *id, int mark);

/* Ends everything and compares what was written. */
void assert_written(const char *want);

#define unit(test) cmocka_unit_test_setup_teardown(test, stacks_setup, stacks_teardown)

#endif /* STACKS_H */

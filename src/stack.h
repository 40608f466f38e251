/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h - joining inputs to outputs, running a record down.
 *
 * Stacks that begin alike share their beginning: all stacks of an input are one
 * tree of instances, run by one lane.  Every instance that writes a field has a
 * place of its own for it, and every reader is tied at start to the nearest
 * writer above it, so a branch never sees what its sibling wrote.
 */
#ifndef STACK_H
#define STACK_H

#include <stdio.h>

#include "conf.h"
#include "plugin.h"

/**
 * Adds the stack @text, `id:NAME,id:NAME,…`, that stands at @at: loads its plugins unless
 * @listed_only, checks its order and keys, applies the sections.  Errors are said and
 * counted in @conf, and the stack is left out.
 */
void stack_add(struct conf *conf, struct conf_place at, const char *text, bool listed_only);

/** The number of stacks: of those added, or after stack_start() of those that run. */
unsigned int stack_count(void);

/**
 * Calls @visit for every instance that the configuration has, parents before children, with the
 * numbers of the first and the last stack it is part of.  Stacks are counted from 1, tree by tree.
 */
void stack_walk(void (*visit)(struct ulogd_instance *inst, unsigned int first, unsigned int last,
			      void *arg), void *arg);

/** True when all inputs end by themselves. */
bool stack_ends(void);

/** Calls @visit for the input of each tree, in the order of the configuration. */
void stack_walk_inputs(void (*visit)(struct ulogd_instance *inst, void *arg), void *arg);

/** Warns of sections that no instance uses but that look misspelt. */
void stack_warn_unused(struct conf *conf);

/** Prints a line with the sections that no instance uses, if there are any; @path: the file that is read first. */
void stack_print_unused(const struct conf *conf, const char *path, FILE *out);

/** Prints which inputs have several lanes, and so more stacks than the file has lines for them. */
void stack_print_lanes(FILE *out);

/** Prints every instance's options, their values and where these come from. */
void stack_print_config(FILE *out);

/**
 * Ties readers to writers and starts all instances that do not run yet.  A stack that fails is
 * said and left out.
 */
int stack_start(void);

/** Starts the threads of sinks and lanes that have none. */
int stack_run(void);

/** Sets the stacks that run aside: what is added from now on is to follow them. */
void stack_set_aside(void);

/** Drops what was added since stack_set_aside(); the stacks set aside are all there is again. */
void stack_keep_old(void);

/**
 * Goes over from the stacks set aside to those added since.  What is the same in both goes on
 * untouched; an input that is the same goes on with what follows it exchanged; sockets of the
 * others are handed over where the group, or the path, is the same.
 * Returns 0, 1 when something that follows a new input, or this itself, could not be opened, which is
 * said and left out; or a negative errno when what follows an input that goes on could not be started,
 * and then nothing has changed.
 */
int stack_exchange(void);

struct sink;

/**
 * Makes @plugin, an output that takes what is there, one more end of the stacks that run: behind
 * @parent.  Its lane pauses between two events meanwhile.
 * @conf: has its section, if any
 * @sink: where its records go, whatever its options say
 * @ret: for stack_detach(), which has to come before stack_exchange() and stack_stop()
 * -ETIMEDOUT when the lane does not answer.
 */
int stack_attach(struct conf *conf, const struct ulogd_plugin *plugin, struct ulogd_instance *parent,
		 struct sink *sink, struct ulogd_instance **ret);

/** Takes it away again.  -ETIMEDOUT, with nothing done, when the lane does not answer. */
int stack_detach(struct ulogd_instance *inst);

/** True while an instance is alive that was made from @conf. */
bool stack_uses(const struct conf *conf);

/** A descriptor that becomes readable when all inputs have ended of themselves, or -1. */
int stack_done_fd(void);

/** True when an input has ended because it could not be read any more. */
bool stack_failed(void);

/** Asks every lane for a line of counters of each of its instances. */
void stack_report(void);

/** Drains and ends the lanes, stops the instances. */
void stack_stop(void);

/** Frees everything.  Before sink_fini_all(). */
void stack_fini(void);

#endif /* STACK_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_private.h - the list of trees, which stack_conf.c fills from stack= lines, and stack.c runs.
 *
 * The list is the main thread's.  Others see stack.h.
 */
#ifndef STACK_PRIVATE_H
#define STACK_PRIVATE_H

#include "instance.h"

/** All trees but those set aside, in the order of the configuration. */
extern struct tree *stack_trees;

/** Calls @visit for every instance of all trees, parents before children, attached ones too. */
void stack_walk_all(void (*visit)(struct ulogd_instance *inst, void *arg), void *arg);

#endif /* STACK_PRIVATE_H */

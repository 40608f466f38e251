/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - one tree of instances: its places for values, and a record's way down.
 *
 * Running is what plugins call, ulogd_record_begin() and ulogd_record_run(), on the lane's thread.
 * Linking is the main thread's, before the lane runs or while it pauses.
 */
#ifndef TREE_H
#define TREE_H

#include "instance.h"

/**
 * Makes the places for the values of all fields that somebody reads, and ties readers to the nearest
 * writers above them.  -ENOMEM: the tree can only be freed.
 */
int tree_link(struct tree *tree);

/** Ties one instance that joins a linked tree to the writers above it; for instance_walk(), as the others. */
void tree_link_instance(struct ulogd_instance *inst, void *arg);

/** Gives the outputs of an instance that nobody reads the place that is never read. */
void tree_link_unread(struct ulogd_instance *inst, void *arg);

/** Takes the places of an instance's outputs back that only attached instances have read. */
void tree_unlink_instance(struct ulogd_instance *inst, void *arg);

#endif /* TREE_H */

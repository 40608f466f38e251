/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tail.h - what happens in the stacks, live, for a client of the control socket.
 *
 * For as long as it watches, the JSON output stands at the end of its stacks once more, with the
 * client's connection for a destination.  What the client does not take in time is skipped, and told.
 * Main thread only.
 */
#ifndef TAIL_H
#define TAIL_H

#include <stddef.h>

struct tail;

/**
 * Answers the client at @fd, a socket, and shows it from now on the events that reach the end of stacks.
 * @which: the number of a stack, or the id of one of its instances; NULL: all stacks
 * @why: becomes what is wrong, in words
 * Returns 0 or a negative errno.  From then until tail_end() others write to @fd.
 */
int tail_begin(int fd, const char *which, struct tail **ret, char *why, size_t size);

/** Ends it, before @fd is closed; NULL is fine. */
void tail_end(struct tail *tail);

/** How many there are. */
unsigned int tail_count(void);

/**
 * Takes all tails out of the stacks, which are about to be exchanged, until tail_resume_all().
 * -ETIMEDOUT, with nothing done, when a lane does not answer.
 */
int tail_pause_all(void);

/** Puts them in again; those whose stacks are gone end. */
void tail_resume_all(void);

#endif /* TAIL_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lane.h - the thread and event base of one input.
 *
 * A lane runs watchers when their descriptors are readable, hands the chunks of
 * its outlets over when the input is drained, and never blocks on anything else.
 */
#ifndef LANE_H
#define LANE_H

#include "sink.h"

struct lane;
struct ulogd_instance;

/** What a lane asks its owner to do; on the lane's thread. */
struct lane_ops {
	void (*drain)(void *arg);	/* stopping: read what is left */
	void (*report)(void *arg);	/* write counters to the log */
};

/** @name: for messages and the thread's name; borrowed for the lane's life. NULL: no memory. */
struct lane *lane_new(const char *name, const struct lane_ops *ops, void *arg);

/** Frees a lane that was never started or has been joined, before its sinks; NULL is fine. */
void lane_free(struct lane *lane);

/**
 * Calls @ready with @inst, opaque to a lane, whenever @fd is readable.  It answers 0 when all is read, a positive
 * number when there may be more, or a negative errno, which ends the watching.
 */
int lane_watch(struct lane *lane, int fd, int (*ready)(struct ulogd_instance *inst),
	       struct ulogd_instance *inst);

/** After the watcher that runs now, the lane sleeps for @usec. */
void lane_rest(struct lane *lane, unsigned int usec);

/** The lane's outlet of a sink, made unless it exists; @sync if any of its users wants it. */
struct outlet *lane_outlet(struct lane *lane, struct sink *sink, bool sync);

/** Starts the thread. */
int lane_start(struct lane *lane);

/** Asks for a report; returns at once. */
void lane_ask_report(struct lane *lane);

/** Asks the lane to drain and end; returns at once. */
void lane_ask_stop(struct lane *lane);

/** Waits for the thread to end. */
void lane_join(struct lane *lane);

#endif /* LANE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lane.h - the thread and event base of one input.
 *
 * A lane runs watchers when their descriptors are readable, hands the chunks of
 * its outlets over when the input is drained, and waits for nothing else but what a watcher
 * asked for (lane_rest()), a sink that is far behind, and queue_full=wait.
 */
#ifndef LANE_H
#define LANE_H

#include "outlet.h"

struct lane;
struct ulogd_instance;
struct ulogd_watch;

/** What a lane asks its owner to do; on the lane's thread. */
struct lane_ops {
	void (*drain)(void *arg);	/* stopping: read what is left */
	void (*report)(void *arg);	/* write counters to the log */
	/** A descriptor of @inst cannot be read any more; that has been said. */
	void (*failed)(void *arg, const struct ulogd_instance *inst);
};

/** @name: for messages and the thread's name; borrowed for the lane's life. NULL: no memory. */
struct lane *lane_new(const char *name, const struct lane_ops *ops, void *arg);

/** Frees a lane that was never started or has been joined, before its sinks; NULL is fine. */
void lane_free(struct lane *lane);

/**
 * Calls @ready with @inst, opaque to a lane, whenever @fd is readable.  It answers 0 when all
 * is read, a positive number when there may be more, or a negative errno, which ends the watching.
 */
int lane_watch(struct lane *lane, int fd, int (*ready)(struct ulogd_instance *inst),
	       struct ulogd_instance *inst);

/** The same, and @ready is given @data.  Ended by lane_watch_free().  NULL: no memory. */
struct ulogd_watch *lane_watch_new(struct lane *lane, int fd,
				   int (*ready)(struct ulogd_instance *inst, void *data),
				   struct ulogd_instance *inst, void *data);

/** Ends the watching; by a watcher that runs, too.  NULL is fine. */
void lane_watch_free(struct ulogd_watch *w);

/** Ends what lane_watch() began for @inst, whose descriptors are closed next. */
void lane_unwatch(struct lane *lane, const struct ulogd_instance *inst);

/** True once lane_ask_stop() was called. */
bool lane_stopping(const struct lane *lane);

/** After the watcher that runs now, the lane sleeps for @usec. */
void lane_rest(struct lane *lane, unsigned int usec);

/**
 * The lane's outlet of a sink, made unless it exists, for one more user, who gives it back by
 * lane_outlet_put().  It is handed over early if any of its users wants @sync.
 */
struct outlet *lane_outlet(struct lane *lane, struct sink *sink, bool sync);

/** Takes one user, who wanted @sync, from an outlet; the last one's records go to the sink, which is put. */
void lane_outlet_put(struct lane *lane, struct outlet *outlet, bool sync);

/** Starts the thread. */
int lane_start(struct lane *lane);

/** True while it has a thread: from lane_start() to lane_join() or lane_pause(). */
bool lane_running(const struct lane *lane);

/** Makes @arg what the lane's operations are called with; while no thread runs. */
void lane_set_arg(struct lane *lane, void *arg);

/**
 * Ends the thread between two turns, with all watchers as they are; lane_start() goes on.
 * -ETIMEDOUT when it does not answer within @timeout_ms, and goes on as if not asked.
 */
int lane_pause(struct lane *lane, unsigned int timeout_ms);

/** Asks for a report; returns at once. */
void lane_ask_report(struct lane *lane);

/** Asks the lane to drain and end; returns at once. */
void lane_ask_stop(struct lane *lane);

/** Waits for the thread to end. */
void lane_join(struct lane *lane);

#endif /* LANE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_private.h - what a sink is, for the three files that make one up, one for each side of it:
 *
 *   outlet.c  the lanes' threads, which touch what the lock guards
 *   sink.c    the sink's thread and its spooler, and what they share with the lanes
 *   sinks.c   the main thread, which makes, changes and ends sinks; any thread may ask for numbers
 *
 * outlet.c and sinks.c call sink.c, and it calls neither.  Others see sink.h and outlet.h.
 */
#ifndef SINK_PRIVATE_H
#define SINK_PRIVATE_H

#include <pthread.h>

#include <ulogd/plugin.h>

#include "sink.h"
#include "spool.h"

/** Chunks in the order they came. */
struct chunk_list {
	struct chunk *first, **tail;
};

struct sink {
	struct sink *next;
	char *name;
	const struct sink_ops *ops;
	void *dest;
	int fd;
	pthread_t thread, spooler;
	bool started, spooler_started;
	unsigned int users;		/* the main thread's */
	bool leaving;			/* nobody used it any more: its thread ends by itself */

	pthread_mutex_t lock;
	pthread_cond_t wake;		/* for the thread: something to do */
	pthread_cond_t space;		/* for waiting lanes: a chunk is free */
	pthread_cond_t spool_wake;	/* for the spooler */

	/* The lock guards everything below. */
	struct chunk_list queue;
	struct chunk *free;		/* last used first, so that few pages are touched */
	size_t queue_size, allocated;	/* bytes of chunks: may exist, exist */
	size_t queued;			/* bytes of chunks in the queue or being written */
	bool stalled;			/* a lane has waited for the spooler in vain */
	enum sink_full full;
	bool idle;			/* the thread waits for work */
	bool failing;			/* the destination cannot be written */
	bool slow;			/* it takes nothing at the moment */
	bool reopen;
	bool closing;			/* no lane is left: end when the queue is empty */
	int64_t deadline_ms;		/* not 0: nobody waits longer */
	bool wait_said;			/* the end waits for it: said */

	/*
	 * Order: `current', the spool, `saving' if it is another one, the queue.  While the spool
	 * is in use the current chunk is its oldest one, hence is saved; but for one that was begun
	 * before a spool was opened that held something: it stays apart.
	 */
	struct chunk *current;		/* being delivered by the thread */
	uint32_t current_done;		/* c->done when it was counted last */
	bool current_saved;		/* it is in the spool as well */
	bool current_apart;		/* it stands before the spool, and is not to be saved */
	struct chunk *saving;		/* on its way to the spool */
	struct spool *spool;		/* NULL: none; exchanged while it is not in use only */
	struct spool *spool_next;	/* what takes its place then, or NULL, when … */
	struct spool_found spool_next_found;
	bool spool_leaves;		/* … it is not wanted any more */
	bool spool_used;		/* the spool may hold chunks */
	uint64_t spool_appends;
	int spool_err;			/* why nothing can be appended now, or 0 */
	bool spool_err_said;
	bool ending;			/* the spooler ends */

	uint64_t formatted, recovered;	/* records */
	uint64_t written, bytes;	/* records and bytes that c->done has passed */
	uint64_t skipped, skipped_bytes;	/* of these what was not delivered after all */
	uint64_t waiting;		/* records in the queue and in a current one not saved */
	int64_t spooled;		/* in the spool; below 0 when read before they are counted */
	uint64_t spooled_ever;		/* that were put there */
	uint64_t dropped[SINK_DROPS];
	uint64_t refused, refused_said;	/* dropped at the door; what the log knows of */
	struct ulogd_once dropping;
	uint64_t opens;
	time_t failing_since;

	/* The thread's own. */
	struct chunk *replay;		/* where the spool is read to */
	int64_t woken_ms;
	int64_t flush_ms;		/* not 0: when flush() wants to be called */
	bool unflushed;			/* it failed */
	int64_t failing_since_ms;
	uint64_t failing_dropped;	/* dropped when it began */
	unsigned int retry_ms;
};

/** Makes the list an empty one. */
static inline void chunk_list_init(struct chunk_list *list)
{
	list->first = NULL;
	list->tail = &list->first;
}

static inline void chunk_list_append(struct chunk_list *list, struct chunk *c)
{
	c->next = NULL;
	*list->tail = c;
	list->tail = &c->next;
}

static inline void chunk_list_prepend(struct chunk_list *list, struct chunk *c)
{
	c->next = list->first;
	if (!list->first)
		list->tail = &c->next;
	list->first = c;
}

/** Takes the first chunk off; NULL: there is none. */
static inline struct chunk *chunk_list_pop(struct chunk_list *list)
{
	struct chunk *c = list->first;

	if (c) {
		list->first = c->next;
		if (!list->first)
			chunk_list_init(list);
	}
	return c;
}

/** A time of log_now_ms() as timed waits want it. */
static inline struct timespec sink_at_ms(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

/** True when half of the queue is in use: then nobody rests.  Lock held. */
static inline bool sink_half_full(const struct sink *sink)
{
	return sink->queued > sink->queue_size / 2;
}

/** Frees chunks that nobody uses until @size more bytes of chunks may exist, or none is left.  Lock held. */
void sink_trim(struct sink *sink, size_t size);

/** Gives a chunk back.  Lock held. */
void sink_chunk_free(struct sink *sink, struct chunk *c);

/** Counts a record that no room was found for, and says so at most once a second.  Lock held. */
void sink_record_lost(struct sink *sink);

/** True when a chunk should go to disk; one that follows others there has to.  Lock held. */
bool sink_spool_wanted(const struct sink *sink);

/** Opens the destination, and counts that: before the thread is started, or on it. */
int sink_open(struct sink *sink);

/** Takes @spool, or none, in place of none or of an empty one.  Lock held, or no thread started. */
void sink_spool_set(struct sink *sink, struct spool *spool, const struct spool_found *found);

/** Starts the sink's thread, and with a spool its spooler; the main thread joins both. */
int sink_start(struct sink *sink);

/** Starts the spooler of a sink that is given its spool when it works already. */
int sink_spooler_start(struct sink *sink);

#endif /* SINK_PRIVATE_H */

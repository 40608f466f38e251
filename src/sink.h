/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.h - a destination, its queue and its thread.
 *
 * Outputs format records into chunks; a lane hands its chunk over and goes on with
 * a fresh one; the sink's thread writes chunks in the order they came.  What a
 * kind of destination is (file, socket, database) is a struct sink_ops; queueing,
 * losing, retrying, reopening and counting are here, once.
 *
 * A chunk belongs to one party at a time: a lane (its outlet), the queue, or one of
 * the sink's threads.  All of a sink's chunks together are its queue_size.
 *
 * A sink that spools has a second thread, which moves chunks from the queue to the
 * spool while the destination does not take them; no lane ever waits for a disk.
 * Then the first thread delivers the spool from the oldest on before the queue.
 */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "chunk.h"

struct sink;

/** A kind of destination.  Its callbacks run on the sink's thread, open() once before that. */
struct sink_ops {
	/** What open() may have to wait for, like a name server, must not hold up the start. */
	bool open_later;
	/** It comes and goes with somebody who watches: nothing is said in the log about it. */
	bool transient;
	/** Opens the destination; what was open before is replaced only on success. */
	int (*open)(struct sink *sink);
	/**
	 * Delivers @c from c->done on, and moves c->done.
	 * 0 when all of it is delivered; -EAGAIN when the other side is slow and the call has waited
	 * for it a while; another error when the destination fails.  A destination that cannot go
	 * on where it was has closed itself and moved c->done back between two records.
	 */
	int (*write)(struct sink *sink, struct chunk *c);
	/**
	 * When everything that waited has been written, and at the time sink_flush_at() has asked for.
	 * 0, or why what was written may be lost all the same: it is called again, as after a failed
	 * write().  NULL: nothing to do.
	 */
	int (*flush)(struct sink *sink);
	/**
	 * Before a reopen or the end, when @c was delivered in part: ends the record that has been
	 * begun, or takes it back, so that c->done stands between two records.  NULL, or where it
	 * cannot: the record is sent again if another destination is opened.
	 */
	void (*settle)(struct sink *sink, struct chunk *c);
	/** Closes it, if it is open; sink_fd() is -1 afterwards. */
	void (*close)(struct sink *sink);
	/**
	 * True when records for the destination @b may go to @a, which is in use and has the same name:
	 * both are of the same kind and format.  On any thread.  NULL: always.
	 */
	bool (*same)(const void *a, const void *b);
	/** Frees what sink_dest() points to; NULL: nothing. */
	void (*free)(void *dest);
};

/** What to do with a record when the queue is full. */
enum sink_full {
	SINK_FULL_DROP,		/* lose it, count it, say so */
	SINK_FULL_WAIT,		/* the lane waits; the kernel's buffer absorbs */
	SINK_FULL_SPOOL,	/* keep it from getting full: chunks go to disk, see sink_spool() */
};

/** Why records were dropped. */
enum sink_drop {
	SINK_DROP_QUEUE,	/* no room in the queue */
	SINK_DROP_SPOOL_FULL,	/* nor in the spool: spool_size */
	SINK_DROP_SPOOL_ERROR,	/* nor could the spool be written */
	SINK_DROP_SPOOL_DAMAGED,	/* what the spool gave back was not what had been put in */
	SINK_DROP_UNDELIVERABLE,	/* the destination can never take it */
	SINK_DROP_STOP,		/* the daemon stopped before the destination took it */
	SINK_DROPS
};

/**
 * What became of a sink's records.  At any time
 * formatted + recovered = written + queued + spooled + the sum of dropped.
 */
struct sink_stats {
	uint64_t formatted;	/* handed over by lanes, or dropped for want of room */
	uint64_t recovered;	/* found in the spool when it was opened */
	uint64_t written, written_bytes;
	uint64_t queued;	/* in memory now */
	uint64_t queued_bytes;	/* of memory in use by the queue; more than queue_size only after that was lowered */
	uint64_t queue_size;
	uint64_t spooled;	/* on disk now */
	uint64_t spooled_bytes;	/* of files, see queued_bytes and spool_size */
	uint64_t spool_size;	/* 0: no spool */
	uint64_t spooled_ever;	/* written to disk since the start */
	uint64_t dropped[SINK_DROPS];
	uint64_t reopens;	/* times it was opened after the first, reconnects too */
	time_t failing_since;	/* 0: it works */
};

/**
 * The sink for the destination called @name, made and opened unless it exists, for one more
 * user, who gives it back by sink_put().  One that exists stays as it is, see sink_adjust(); one that
 * is about to be closed goes on.
 * @ops: its kind; @dest: what the ops know of it, the sink's from now on, error or not
 * @queue_size: bytes of all its chunks together
 * @ret: the sink, which sink_fini_all() frees
 * Returns 0, -EEXIST when the one that exists is not the same, or what open() returned.  A FIFO
 * without a reader (-ENXIO) is opened later.
 */
int sink_get(const char *name, const struct sink_ops *ops, void *dest, size_t queue_size,
	     enum sink_full full, struct sink **ret);

/** One more user of a sink that the caller uses already. */
void sink_use(struct sink *sink);

/** What may be changed while a sink works. */
struct sink_options {
	size_t queue_size;
	enum sink_full full;
	const char *spool_dir;	/* for SINK_FULL_SPOOL, see sink_spool() */
	uint64_t spool_size;
};

/**
 * Gives a sink other options.  What is queued or spooled stays: a queue that is larger now shrinks as
 * it is written, and a spool that is not wanted any more, or elsewhere, is used until it is empty.
 * Returns 0, or what spool_open() returned: then there is no other spool, but all else holds.
 */
int sink_adjust(struct sink *sink, const struct sink_options *options);

/** Takes one user from the sink; without users it lives on until sink_close_unused(). */
void sink_put(struct sink *sink);

/** Ends sinks without users when their queues are written, or after @timeout_ms; does not wait. */
void sink_close_unused(unsigned int timeout_ms);

/** True when it is none of the configuration's, see struct sink_ops. */
bool sink_transient(const struct sink *sink);

/** Its kind. */
const struct sink_ops *sink_ops(const struct sink *sink);

/** The destination's name, what the ops know of it, and its descriptor; -1: not open. */
const char *sink_name(const struct sink *sink);
void *sink_dest(const struct sink *sink);
int sink_fd(const struct sink *sink);
void sink_set_fd(struct sink *sink, int fd);

/**
 * Opens the spool of a sink that was made with SINK_FULL_SPOOL; nothing for others, and where one
 * is open.  Of a sink that works already it is only tried whether sink_adjust() could open it.
 * @dir: where the directories of all sinks are; @size: bytes that this one may take
 * Returns 0 or what spool_open() returned.
 */
int sink_spool(struct sink *sink, const char *dir, uint64_t size);

/** For open() and write(): the daemon ends, and the time for that is over. */
bool sink_out_of_time(struct sink *sink);
/** For flush(): asks to be called at @ms of log_now_ms(), also when there is nothing to write. */
void sink_flush_at(struct sink *sink, int64_t ms);

/** For write(): waits a moment until the descriptor takes more.  0, or -EAGAIN. */
int sink_wait_writable(const struct sink *sink);

/** For write(): the record at c->done cannot be delivered at all; skips it, counts it, says @why. */
void sink_skip_record(struct sink *sink, struct chunk *c, int why);

/** Starts the threads of all sinks that have none. */
int sink_start_all(void);

/** Asks all sinks to open their destinations again: after what is being written now. */
void sink_reopen_all(void);

/** The sink after @sink, the first one after NULL; NULL at the end.  For the main thread. */
struct sink *sink_next(const struct sink *sink);

/** What became of its records until now; any thread may ask. */
void sink_stats(struct sink *sink, struct sink_stats *ret);

/** Why records are dropped, in words for the log and for metrics: "queue full". */
const char *sink_drop_name(enum sink_drop why);

/** Writes a line of counters per sink to the log. */
void sink_report_all(void);

/** From now on lanes wait no longer than @timeout_ms for room, and sinks try no longer. */
void sink_begin_stop_all(unsigned int timeout_ms);

/** Says which destinations fail that the end is going to wait for. */
void sink_say_failing(void);

/**
 * Ends all threads when everything is written or the time is over; what is left goes to the
 * spools.  sink_begin_stop_all() may be called meanwhile, by another thread, to make the time shorter.
 */
void sink_stop_all(void);

/** The same, and frees all sinks. */
void sink_fini_all(void);

#endif /* SINK_H */

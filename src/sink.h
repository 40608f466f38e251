/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.h - a destination, its queue and its thread.
 *
 * Outputs format records into chunks; a lane hands its chunk over and goes on with
 * a fresh one; the sink's thread writes chunks in the order they came.  What a
 * kind of destination is (file, socket, database) is a struct sink_ops; queueing,
 * losing, retrying, reopening and counting are here, once.
 *
 * A chunk belongs to one party at a time: a lane (its outlet), the queue, or the
 * sink's thread.  All of a sink's chunks together are its queue_size.
 */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ulogd/buf.h>

/** Bytes of a chunk, its record table included; a record that is larger gets one of its own. */
#define SINK_CHUNK_SIZE (64 * 1024)

/**
 * Whole records, one behind the other.  Where each of them ends is in a table that grows
 * from the end of `data` towards its beginning, see chunk_record_end().
 */
struct chunk {
	struct chunk *next;
	uint32_t size;		/* bytes of data[], a multiple of 4 */
	uint32_t len;		/* bytes of data[] in use by records */
	uint32_t records;
	uint32_t done;		/* bytes already delivered; a sink's write() moves it on */
	bool oversized;		/* allocated for one large record */
	char data[];
};

/** Offset behind record @i, counted from 0. */
static inline uint32_t chunk_record_end(const struct chunk *c, uint32_t i)
{
	uint32_t end;

	memcpy(&end, c->data + c->size - (i + 1) * sizeof(end), sizeof(end));
	return end;
}

/** The number of records of which the last byte lies within the first @len bytes. */
uint32_t chunk_records_within(const struct chunk *c, uint32_t len);

struct sink;

/** A kind of destination.  Its callbacks run on the sink's thread, open() once before that. */
struct sink_ops {
	/** What open() may have to wait for, like a name server, must not hold up the start. */
	bool open_later;
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
	 * Before a reopen or the end, when @c was delivered in part: ends the record that has been
	 * begun, or takes it back, so that c->done stands between two records.  NULL, or where it
	 * cannot: the record is sent again if another destination is opened.
	 */
	void (*settle)(struct sink *sink, struct chunk *c);
	/** Closes it, if it is open; sink_fd() is -1 afterwards. */
	void (*close)(struct sink *sink);
	/** Frees what sink_dest() points to; NULL: nothing. */
	void (*free)(void *dest);
};

/** What to do with a record when the queue is full. */
enum sink_full {
	SINK_FULL_DROP,		/* lose it, count it, say so */
	SINK_FULL_WAIT,		/* the lane waits; the kernel's buffer absorbs */
};

/**
 * The sink for the destination called @name, made and opened unless it exists, for one more
 * user, who gives it back by sink_put().
 * @ops: its kind; @dest: what the ops know of it, the sink's from now on, error or not
 * @queue_size: bytes of all its chunks together
 * @ret: the sink, which sink_fini_all() frees
 * Returns 0 or what open() returned.  A FIFO without a reader (-ENXIO) is opened later.
 */
int sink_get(const char *name, const struct sink_ops *ops, void *dest, size_t queue_size,
	     enum sink_full full, struct sink **ret);

/** Takes one user from the sink; without users it lives on until sink_close_unused(). */
void sink_put(struct sink *sink);

/** Ends sinks without users when their queues are written, or after @timeout_ms; does not wait. */
void sink_close_unused(unsigned int timeout_ms);

/** The destination's name, what the ops know of it, and its descriptor; -1: not open. */
const char *sink_name(const struct sink *sink);
void *sink_dest(const struct sink *sink);
int sink_fd(const struct sink *sink);
void sink_set_fd(struct sink *sink, int fd);

/** For write(): waits a moment until the descriptor takes more.  0, or -EAGAIN. */
int sink_wait_writable(const struct sink *sink);

/** For write(): the record at c->done cannot be delivered at all; skips it, counts it, says @why. */
void sink_skip_record(struct sink *sink, struct chunk *c, int why);

/** Moves c->done back to the beginning of the record it is in. */
void chunk_rewind(struct chunk *c);

/** Starts the threads of all sinks that have none. */
int sink_start_all(void);

/** Asks all sinks to open their destinations again: after what is being written now. */
void sink_reopen_all(void);

/** Writes a line of counters per sink to the log. */
void sink_report_all(void);

/** From now on lanes wait no longer than @timeout_ms for room, and sinks try no longer. */
void sink_begin_stop_all(unsigned int timeout_ms);

/** Ends all threads when everything is written or the time is over; frees all sinks. */
void sink_fini_all(void);

/** Where one lane appends for one sink: its chunk. */
struct outlet {
	struct sink *sink;
	struct chunk *chunk;	/* NULL when the last one was handed over */
	bool sync;		/* hand over as soon as the input is drained */
};

/**
 * Opens room for one record in the outlet's chunk.
 * @attempt: 0 at first; then one more each time the record did not fit
 * @ret: where to append
 * False when there is no room: the record is lost, which has been counted and said.
 */
bool outlet_begin(struct outlet *outlet, unsigned int attempt, struct ulogd_buf *ret);

/** Takes over what was appended since outlet_begin(), up to @end, as one record. */
static inline void outlet_commit(struct outlet *outlet, const char *end)
{
	struct chunk *c = outlet->chunk;

	c->len = (uint32_t)(end - c->data);
	c->records++;
	memcpy(c->data + c->size - c->records * sizeof(c->len), &c->len, sizeof(c->len));
}

/** True when the outlet holds records. */
static inline bool outlet_pending(const struct outlet *outlet)
{
	return outlet->chunk && outlet->chunk->records > 0;
}

/**
 * Hands the outlet's chunk over to the sink, or back when it is empty.
 * True when the sink works but is far behind: a lane that gives it a moment loses nothing as
 * long as the kernel's buffer absorbs.
 */
bool outlet_flush(struct outlet *outlet);

#endif /* SINK_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outlet.h - where a lane appends for a sink, and hands over.
 *
 * An outlet is its lane's alone: appending takes no lock.  The sink's lock is taken once per chunk.
 */
#ifndef OUTLET_H
#define OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include <ulogd/buf.h>

#include "chunk.h"
#include "sink.h"

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
	chunk_record_add(outlet->chunk, (uint32_t)(end - outlet->chunk->data));
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

#endif /* OUTLET_H */

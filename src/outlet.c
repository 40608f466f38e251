// SPDX-License-Identifier: GPL-2.0-or-later
/* The lanes' side of a sink: room for records, and handing them over. */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "outlet.h"
#include "sink_private.h"

#define STALL_MS	50	/* how long a lane waits for the spooler to make room, once */

static struct chunk *chunk_new(struct sink *sink, size_t size)
{
	struct chunk *c;

	/* Free chunks make room for one that is larger. */
	sink_trim(sink, size);
	if (sink->allocated + size > sink->queue_size)
		return NULL;
	c = malloc(size);
	if (!c)
		return NULL;
	sink->allocated += size;
	c->size = (uint32_t)(size - sizeof(*c));
	c->oversized = size > CHUNK_SIZE;
	return c;
}

/* Waits until a chunk is free, if so configured; false when that is not worth it.  Lock held. */
static bool space_wait(struct sink *sink)
{
	int64_t end_ms = sink->deadline_ms;
	struct timespec end;

	/* A burst is faster than the spooler wakes up, but a disk that is stuck stops no lane. */
	if (sink->spool && sink->spool_err == 0 && !sink->stalled)
		end_ms = log_now_ms() + STALL_MS;
	else if (sink->full != SINK_FULL_WAIT)
		return false;
	if (end_ms == 0) {
		pthread_cond_wait(&sink->space, &sink->lock);
		return true;
	}
	end = sink_at_ms(end_ms);
	if (pthread_cond_timedwait(&sink->space, &sink->lock, &end) != ETIMEDOUT)
		return true;
	sink->stalled = true;
	return false;
}

/* An empty chunk of @size bytes, waiting for one if so configured, or NULL.  Lock held. */
static struct chunk *chunk_take(struct sink *sink, size_t size)
{
	struct chunk *c;

	for (;;) {
		if (size == CHUNK_SIZE && sink->free) {
			c = sink->free;
			sink->free = c->next;
			break;
		}
		c = chunk_new(sink, size);
		if (c)
			break;
		if (size > sink->queue_size || !space_wait(sink))
			return NULL;
	}
	c->next = NULL;
	c->len = c->records = c->done = 0;
	return c;
}

bool outlet_begin(struct outlet *outlet, unsigned int attempt, struct ulogd_buf *ret)
{
	struct sink *sink = outlet->sink;
	struct chunk *c = outlet->chunk;
	size_t size = CHUNK_SIZE, table;

	if (attempt > 0 && c) {
		/* It did not fit into what was left, or not even into a whole chunk. */
		if (c->records == 0) {
			size = 2 * (c->size + sizeof(*c));
			pthread_mutex_lock(&sink->lock);
			sink_chunk_free(sink, c);
			pthread_mutex_unlock(&sink->lock);
			outlet->chunk = NULL;
		} else {
			outlet_flush(outlet);
		}
		c = outlet->chunk;
	}
	if (!c) {
		pthread_mutex_lock(&sink->lock);
		if (size <= CHUNK_MAX)
			c = chunk_take(sink, size);
		if (!c)
			sink_record_lost(sink);
		pthread_mutex_unlock(&sink->lock);
		if (!c)
			return false;
		outlet->chunk = c;
	}
	/* The record's entry of the table must fit as well. */
	table = (c->records + 1) * sizeof(c->len);
	ret->p = c->data + c->len;
	ret->end = c->len + table <= c->size ? c->data + c->size - table : ret->p;
	ret->full = false;
	return true;
}

/* Adds small hand-overs to the last chunk of the queue, so that a queue holds what its size says. */
static bool chunk_merge(struct sink *sink, const struct chunk *c)
{
	struct chunk *last;
	uint32_t start;

	if (!sink->queue.first)
		return false;
	last = (struct chunk *)((char *)sink->queue.tail - offsetof(struct chunk, next));
	if ((size_t)last->len + c->len + (last->records + c->records) * sizeof(c->len) > last->size)
		return false;
	memcpy(last->data + last->len, c->data, c->len);
	start = last->len;
	for (uint32_t i = 0; i < c->records; i++)
		chunk_record_add(last, start + chunk_record_end(c, i));
	return true;
}

bool outlet_flush(struct outlet *outlet)
{
	struct sink *sink = outlet->sink;
	struct chunk *c = outlet->chunk;
	bool wake, spool, behind;

	if (!c)
		return false;
	/* An empty chunk is given back as well: others may have none. */
	outlet->chunk = NULL;
	pthread_mutex_lock(&sink->lock);
	sink->formatted += c->records;
	sink->waiting += c->records;
	if (c->records == 0 || chunk_merge(sink, c)) {
		sink_chunk_free(sink, c);
	} else {
		chunk_list_append(&sink->queue, c);
		sink->queued += c->size;
	}
	/* A sink that rests is left alone, unless the queue fills up. */
	wake = sink->queue.first && (sink->idle || (!sink->failing && sink_half_full(sink)));
	spool = sink->spool_err == 0 && sink_spool_wanted(sink);
	behind = (sink->spool ? sink->spool_err == 0 : !sink->failing) &&
		 sink->queued > sink->queue_size / 4 * 3;
	pthread_mutex_unlock(&sink->lock);
	if (wake)
		pthread_cond_signal(&sink->wake);
	if (spool)
		pthread_cond_signal(&sink->spool_wake);
	return behind;
}

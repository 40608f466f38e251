// SPDX-License-Identifier: GPL-2.0-or-later
/* A destination's queue and thread: handing over, losing, retrying, reopening, counting. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "sink.h"

#define REST_MS		10	/* after a wake-up a sink gathers that long before it writes again */
#define RETRY_MIN_MS	100	/* first pause after a failure; doubles … */
#define RETRY_MAX_MS	5000	/* … up to this */
#define SLOW_MS		100	/* how long a write waits for the other side at a time */
#define OVERSIZED_MAX	(16u << 20)	/* no record is larger */

struct chunk_list {
	struct chunk *first, **tail;
};

struct sink {
	struct sink *next;
	char *name;
	const struct sink_ops *ops;
	void *dest;
	int fd;
	pthread_t thread;
	bool started;
	unsigned int users;		/* the main thread's */
	bool leaving;			/* nobody used it any more: its thread ends by itself */

	pthread_mutex_t lock;
	pthread_cond_t wake;		/* for the thread: something to do */
	pthread_cond_t space;		/* for waiting lanes: a chunk is free */

	/* The lock guards everything below. */
	struct chunk_list queue;
	struct chunk *free;		/* last used first, so that few pages are touched */
	size_t queue_size, allocated;	/* bytes of chunks: may exist, exist */
	size_t queued;			/* bytes of chunks in the queue or being written */
	enum sink_full full;
	bool idle;			/* the thread waits for work */
	bool failing;			/* the destination cannot be written */
	bool reopen;
	bool closing;			/* no lane is left: end when the queue is empty */
	int64_t deadline_ms;		/* not 0: nobody waits longer */
	uint64_t written, bytes;	/* records and bytes that c->done has passed */
	uint64_t skipped, skipped_bytes;	/* of these what was not delivered after all */
	uint64_t dropped;		/* records */
	uint64_t dropped_said;		/* part of dropped that the log knows of */
	struct ulogd_once dropping;

	/* The thread's own. */
	struct chunk_list work;
	int64_t woken_ms;
	int64_t failing_since_ms;
	uint64_t failing_dropped;	/* dropped when it began */
	unsigned int retry_ms;
};

static struct sink *sinks;

static void list_init(struct chunk_list *list)
{
	list->first = NULL;
	list->tail = &list->first;
}

static void list_append(struct chunk_list *list, struct chunk *c)
{
	c->next = NULL;
	*list->tail = c;
	list->tail = &c->next;
}

static void list_move(struct chunk_list *to, struct chunk_list *from)
{
	if (!from->first)
		return;
	*to->tail = from->first;
	to->tail = from->tail;
	list_init(from);
}

uint32_t chunk_records_within(const struct chunk *c, uint32_t len)
{
	uint32_t low = 0, high = c->records;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (chunk_record_end(c, mid) <= len)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void chunk_rewind(struct chunk *c)
{
	uint32_t i = chunk_records_within(c, c->done);

	c->done = i > 0 ? chunk_record_end(c, i - 1) : 0;
}

void *sink_dest(const struct sink *sink)
{
	return sink->dest;
}

const char *sink_name(const struct sink *sink)
{
	return sink->name;
}

int sink_fd(const struct sink *sink)
{
	return sink->fd;
}

void sink_set_fd(struct sink *sink, int fd)
{
	sink->fd = fd;
}

static struct timespec at_ms(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

/* -------------------------------------------------------- the lanes' side */

static struct chunk *chunk_new(struct sink *sink, size_t size)
{
	struct chunk *c;

	/* Free chunks make room for one that is larger. */
	while (sink->allocated + size > sink->queue_size && (c = sink->free)) {
		sink->free = c->next;
		sink->allocated -= SINK_CHUNK_SIZE;
		free(c);
	}
	if (sink->allocated + size > sink->queue_size)
		return NULL;
	c = malloc(size);
	if (!c)
		return NULL;
	sink->allocated += size;
	c->size = (uint32_t)(size - sizeof(*c));
	c->oversized = size > SINK_CHUNK_SIZE;
	return c;
}

/* Gives a chunk back.  Lock held. */
static void chunk_free(struct sink *sink, struct chunk *c)
{
	if (c->oversized) {
		sink->allocated -= c->size + sizeof(*c);
		free(c);
	} else {
		c->next = sink->free;
		sink->free = c;
	}
	pthread_cond_broadcast(&sink->space);
}

/* An empty chunk of @size bytes, waiting for one if so configured, or NULL.  Lock held. */
static struct chunk *chunk_take(struct sink *sink, size_t size)
{
	struct chunk *c;

	for (;;) {
		if (size == SINK_CHUNK_SIZE && sink->free) {
			c = sink->free;
			sink->free = c->next;
			break;
		}
		c = chunk_new(sink, size);
		if (c)
			break;
		if (sink->full != SINK_FULL_WAIT || size > sink->queue_size)
			return NULL;
		if (sink->deadline_ms) {
			struct timespec end = at_ms(sink->deadline_ms);

			if (pthread_cond_timedwait(&sink->space, &sink->lock, &end) == ETIMEDOUT)
				return NULL;
		} else {
			pthread_cond_wait(&sink->space, &sink->lock);
		}
	}
	c->next = NULL;
	c->len = c->records = c->done = 0;
	return c;
}

int sink_wait_writable(const struct sink *sink)
{
	struct pollfd pfd = { .fd = sink->fd, .events = POLLOUT };

	return poll(&pfd, 1, SLOW_MS) > 0 ? 0 : -EAGAIN;
}

void sink_skip_record(struct sink *sink, struct chunk *c, int why)
{
	uint32_t end = chunk_record_end(c, chunk_records_within(c, c->done));

	pthread_mutex_lock(&sink->lock);
	sink->dropped++;
	sink->skipped++;
	sink->skipped_bytes += end - c->done;
	c->done = end;
	if (ulogd_once_a_second(&sink->dropping))
		log_error("%s: a record cannot be delivered and is lost: %s", sink->name,
			  strerror(-why));
	pthread_mutex_unlock(&sink->lock);
}

/* Says how many records were lost since it was said before.  Lock held. */
static void losses_say(struct sink *sink)
{
	log_error("%s: the queue is full, %" PRIu64 " records lost since the last message; raise "
		  "queue_size (now %zu bytes) or set queue_full=wait", sink->name,
		  sink->dropped - sink->dropped_said, sink->queue_size);
	sink->dropped_said = sink->dropped;
}

/* Counts a lost record, and says so at most once a second: sink_wait() says the rest. */
static void record_lost(struct sink *sink)
{
	sink->dropped++;
	if (ulogd_once_a_second(&sink->dropping))
		losses_say(sink);
}

bool outlet_begin(struct outlet *outlet, unsigned int attempt, struct ulogd_buf *ret)
{
	struct sink *sink = outlet->sink;
	struct chunk *c = outlet->chunk;
	size_t size = SINK_CHUNK_SIZE, table;

	if (attempt > 0 && c) {
		/* It did not fit into what was left, or not even into a whole chunk. */
		if (c->records == 0) {
			size = 2 * (c->size + sizeof(*c));
			pthread_mutex_lock(&sink->lock);
			chunk_free(sink, c);
			pthread_mutex_unlock(&sink->lock);
			outlet->chunk = NULL;
		} else {
			outlet_flush(outlet);
		}
		c = outlet->chunk;
	}
	if (!c) {
		pthread_mutex_lock(&sink->lock);
		if (size <= OVERSIZED_MAX)
			c = chunk_take(sink, size);
		if (!c)
			record_lost(sink);
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

	if (!sink->queue.first)
		return false;
	last = (struct chunk *)((char *)sink->queue.tail - offsetof(struct chunk, next));
	if ((size_t)last->len + c->len + (last->records + c->records) * sizeof(c->len) > last->size)
		return false;
	memcpy(last->data + last->len, c->data, c->len);
	for (uint32_t i = 0; i < c->records; i++) {
		uint32_t end = last->len + chunk_record_end(c, i);

		last->records++;
		memcpy(last->data + last->size - last->records * sizeof(end), &end, sizeof(end));
	}
	last->len += c->len;
	return true;
}

bool outlet_flush(struct outlet *outlet)
{
	struct sink *sink = outlet->sink;
	struct chunk *c = outlet->chunk;
	bool wake, behind;

	if (!c)
		return false;
	/* An empty chunk is given back as well: others may have none. */
	outlet->chunk = NULL;
	pthread_mutex_lock(&sink->lock);
	if (c->records == 0 || chunk_merge(sink, c)) {
		chunk_free(sink, c);
	} else {
		list_append(&sink->queue, c);
		sink->queued += c->size;
	}
	/* A sink that rests is left alone, unless the queue fills up. */
	wake = sink->queue.first &&
	       (sink->idle || (!sink->failing && sink->queued > sink->queue_size / 2));
	behind = !sink->failing && sink->queued > sink->queue_size / 4 * 3;
	pthread_mutex_unlock(&sink->lock);
	if (wake)
		pthread_cond_signal(&sink->wake);
	return behind;
}

/* --------------------------------------------------------- the sink's side */

static bool sink_has_work(const struct sink *sink)
{
	return sink->queue.first || sink->work.first || sink->reopen || sink->closing;
}

/* Somewhere around @ms, so that many daemons do not come back to a server all at once. */
static unsigned int jitter(unsigned int ms)
{
	return ms - ms / 4 + (unsigned int)random() % (ms / 2 + 1);
}

/*
 * Waits until there is something to do.  Then waits a little longer: after a failure so as
 * not to try in vain, after a recent wake-up so as to gather more for the next write.
 */
static void sink_wait(struct sink *sink)
{
	bool was_closing = sink->closing;
	struct timespec end;

	while (!sink_has_work(sink)) {
		sink->idle = true;
		if (sink->dropped == sink->dropped_said) {
			pthread_cond_wait(&sink->wake, &sink->lock);
		} else {
			end = at_ms(sink->dropping.last_ms + 1000);
			if (pthread_cond_timedwait(&sink->wake, &sink->lock, &end) == ETIMEDOUT)
				losses_say(sink);
		}
		sink->idle = false;
	}
	if (sink->failing)
		end = at_ms(log_now_ms() + (sink->closing ? RETRY_MIN_MS : jitter(sink->retry_ms)));
	else
		end = at_ms(sink->woken_ms + REST_MS);
	while (!sink->reopen && sink->closing == was_closing) {
		if (!sink->failing &&
		    (sink->closing || sink->queued > sink->queue_size / 2))
			break;
		if (pthread_cond_timedwait(&sink->wake, &sink->lock, &end) == ETIMEDOUT)
			break;
	}
	sink->woken_ms = log_now_ms();
}

static void sink_failed(struct sink *sink, int err)
{
	if (!sink->failing) {
		sink->failing = true;
		sink->failing_since_ms = log_now_ms();
		sink->failing_dropped = sink->dropped;
		sink->retry_ms = RETRY_MIN_MS;
		log_error("%s: cannot write: %s; will keep trying, records wait in the queue",
			  sink->name, strerror(-err));
	} else if (sink->retry_ms < RETRY_MAX_MS) {
		sink->retry_ms *= 2;
	}
}

static void sink_recovered(struct sink *sink)
{
	int64_t seconds;

	if (!sink->failing)
		return;
	seconds = (log_now_ms() - sink->failing_since_ms + 999) / 1000;
	sink->failing = false;
	log_notice("%s: writes again after %" PRId64 " s, %" PRIu64 " records lost meanwhile",
		   sink->name, seconds, sink->dropped - sink->failing_dropped);
	sink->dropped_said = sink->dropped;
}

/* Counts what the move of c->done since @before has delivered. */
static void delivered_count(struct sink *sink, const struct chunk *c, uint32_t before)
{
	pthread_mutex_lock(&sink->lock);
	/* A rewind moves back: these sums are right in modular arithmetic, too. */
	sink->bytes += (uint64_t)c->done - before;
	sink->written += (uint64_t)chunk_records_within(c, c->done) -
			 chunk_records_within(c, before);
	pthread_mutex_unlock(&sink->lock);
}

static void sink_do_reopen(struct sink *sink)
{
	uint32_t done = sink->work.first ? sink->work.first->done : 0;
	struct chunk *c = sink->work.first;
	int fd = sink->fd, ret;

	if (sink->fd < 0)
		return;	/* the next write opens it anyway */
	if (c && c->done > 0 && sink->ops->settle)
		sink->ops->settle(sink, c);
	ret = sink->ops->open(sink);
	/* What is open now begins with a whole record. */
	if (c && sink->fd != fd)
		chunk_rewind(c);
	if (c)
		delivered_count(sink, c, done);
	if (ret < 0)
		log_error("%s: cannot open it again: %s; the old one stays in use", sink->name,
			  strerror(-ret));
	else
		log_info("%s: opened again", sink->name);
}

/* Writes the work list.  Returns 0 or the error that stopped it; without the lock. */
static int sink_write(struct sink *sink)
{
	struct chunk *c;

	if (sink->work.first && sink->fd < 0) {
		int ret = sink->ops->open(sink);

		if (ret < 0)
			return ret;
	}
	while ((c = sink->work.first)) {
		uint32_t before = c->done;
		int ret = sink->ops->write(sink, c);

		delivered_count(sink, c, before);
		if (ret < 0)
			return ret;
		pthread_mutex_lock(&sink->lock);
		sink->work.first = c->next;
		if (!sink->work.first)
			list_init(&sink->work);
		sink->queued -= c->size;
		chunk_free(sink, c);
		pthread_mutex_unlock(&sink->lock);
	}
	return 0;
}

/* Stopping with a destination that fails: what is left is lost.  Lock held. */
static void sink_give_up(struct sink *sink)
{
	struct chunk *c = sink->work.first;
	uint64_t lost = 0;

	if (sink->fd >= 0 && c->done > 0 && sink->ops->settle)
		sink->ops->settle(sink, c);
	list_move(&sink->work, &sink->queue);
	while ((c = sink->work.first)) {
		lost += c->records - chunk_records_within(c, c->done);
		sink->work.first = c->next;
		chunk_free(sink, c);
	}
	list_init(&sink->work);
	sink->dropped += lost;
	log_error("%s: stopped while it could not be written, %" PRIu64 " queued records lost",
		  sink->name, lost);
}

static void *sink_main(void *arg)
{
	struct sink *sink = arg;

	pthread_mutex_lock(&sink->lock);
	for (;;) {
		bool reopen;
		int ret;

		sink_wait(sink);
		list_move(&sink->work, &sink->queue);
		reopen = sink->reopen;
		sink->reopen = false;
		if (sink->closing && !sink->work.first)
			break;
		pthread_mutex_unlock(&sink->lock);

		if (reopen)
			sink_do_reopen(sink);
		ret = sink_write(sink);

		pthread_mutex_lock(&sink->lock);
		if (ret == 0)
			sink_recovered(sink);
		if (ret < 0 && ret != -EAGAIN)
			sink_failed(sink, ret);
		if (ret == 0 || !sink->work.first)
			continue;
		if (sink->closing && log_now_ms() >= sink->deadline_ms) {
			sink_give_up(sink);
			break;
		}
	}
	pthread_mutex_unlock(&sink->lock);
	return NULL;
}

/* ------------------------------------------------------------ all of them */

static struct sink *sink_new(const char *name, const struct sink_ops *ops, void *dest)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	pthread_condattr_t attr;

	if (!sink || !(sink->name = strdup(name))) {
		free(sink);
		if (ops->free)
			ops->free(dest);
		return NULL;
	}
	sink->ops = ops;
	sink->dest = dest;
	sink->fd = -1;
	list_init(&sink->queue);
	list_init(&sink->work);
	pthread_mutex_init(&sink->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sink->wake, &attr);
	pthread_cond_init(&sink->space, &attr);
	pthread_condattr_destroy(&attr);
	return sink;
}

static void sink_free(struct sink *sink)
{
	struct chunk *c;

	sink->ops->close(sink);
	list_move(&sink->work, &sink->queue);
	while ((c = sink->work.first)) {
		sink->work.first = c->next;
		free(c);
	}
	if (sink->ops->free)
		sink->ops->free(sink->dest);
	while ((c = sink->free)) {
		sink->free = c->next;
		free(c);
	}
	pthread_mutex_destroy(&sink->lock);
	pthread_cond_destroy(&sink->wake);
	pthread_cond_destroy(&sink->space);
	free(sink->name);
	free(sink);
}

int sink_get(const char *name, const struct sink_ops *ops, void *dest, size_t queue_size,
	     enum sink_full full, struct sink **ret)
{
	struct sink *sink;
	int err = 0;

	for (sink = sinks; sink; sink = sink->next) {
		if (sink->ops == ops && !sink->leaving && strcmp(sink->name, name) == 0) {
			if (ops->free)
				ops->free(dest);
			sink->users++;
			*ret = sink;
			return 0;
		}
	}
	sink = sink_new(name, ops, dest);
	if (!sink)
		return -ENOMEM;
	sink->queue_size = queue_size;
	sink->full = full;
	if (!ops->open_later)
		err = ops->open(sink);
	if (err < 0 && err != -ENXIO) {
		sink_free(sink);
		return err;
	}
	sink->users = 1;
	sink->next = sinks;
	sinks = sink;
	*ret = sink;
	return 0;
}

int sink_start_all(void)
{
	for (struct sink *sink = sinks; sink; sink = sink->next) {
		int ret;

		if (sink->started)
			continue;
		ret = pthread_create(&sink->thread, NULL, sink_main, sink);
		if (ret)
			return -ret;
		sink->started = true;
	}
	return 0;
}

void sink_reopen_all(void)
{
	for (struct sink *sink = sinks; sink; sink = sink->next) {
		pthread_mutex_lock(&sink->lock);
		sink->reopen = true;
		pthread_mutex_unlock(&sink->lock);
		pthread_cond_signal(&sink->wake);
	}
}

static void sink_report(struct sink *sink)
{
	uint64_t records, bytes, dropped;

	pthread_mutex_lock(&sink->lock);
	records = sink->written - sink->skipped;
	bytes = sink->bytes - sink->skipped_bytes;
	dropped = sink->dropped;
	pthread_mutex_unlock(&sink->lock);
	log_notice("%s: %" PRIu64 " records written (%" PRIu64 " bytes), %" PRIu64 " lost",
		   sink->name, records, bytes, dropped);
}

void sink_report_all(void)
{
	for (struct sink *sink = sinks; sink; sink = sink->next)
		sink_report(sink);
}

void sink_put(struct sink *sink)
{
	sink->users--;
}

/* Asks the thread to end when its queue is written. */
static void sink_close(struct sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	sink->closing = true;
	pthread_mutex_unlock(&sink->lock);
	pthread_cond_signal(&sink->wake);
}

static void sink_begin_stop(struct sink *sink, unsigned int timeout_ms)
{
	pthread_mutex_lock(&sink->lock);
	sink->deadline_ms = log_now_ms() + timeout_ms;
	pthread_mutex_unlock(&sink->lock);
	pthread_cond_broadcast(&sink->space);
}

void sink_close_unused(unsigned int timeout_ms)
{
	struct sink **at = &sinks, *sink;

	while ((sink = *at)) {
		if (sink->users == 0 && !sink->leaving) {
			sink->leaving = true;
			sink_begin_stop(sink, timeout_ms);
			sink_close(sink);
		}
		if (!sink->leaving || (sink->started && pthread_tryjoin_np(sink->thread, NULL) != 0)) {
			at = &sink->next;
			continue;
		}
		sink_report(sink);
		*at = sink->next;
		sink_free(sink);
	}
}

void sink_begin_stop_all(unsigned int timeout_ms)
{
	for (struct sink *sink = sinks; sink; sink = sink->next)
		sink_begin_stop(sink, timeout_ms);
}

void sink_fini_all(void)
{
	struct sink *sink;

	for (sink = sinks; sink; sink = sink->next)
		sink_close(sink);
	for (sink = sinks; sink; sink = sink->next)
		if (sink->started)
			pthread_join(sink->thread, NULL);
	sink_report_all();
	while ((sink = sinks)) {
		sinks = sink->next;
		sink_free(sink);
	}
}

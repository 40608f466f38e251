// SPDX-License-Identifier: GPL-2.0-or-later
/* A destination's queue and thread: handing over, losing, retrying, reopening, counting. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "owner.h"
#include "sink.h"
#include "spool.h"

#define REST_MS		10	/* after a wake-up a sink gathers that long before it writes again */
#define RETRY_MIN_MS	100	/* first pause after a failure; doubles … */
#define RETRY_MAX_MS	5000	/* … up to this */
#define STALL_MS	50	/* how long a lane waits for the spooler to make room, once */
#define SPOOL_RETRY_MS	1000	/* pause after the spool could not be written */
#define SLOW_MS		100	/* how long a write waits for the other side at a time */
#define PATIENCE_MS	200	/* an end that takes no longer needs no words */

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

static void list_prepend(struct chunk_list *list, struct chunk *c)
{
	c->next = list->first;
	if (!list->first)
		list->tail = &c->next;
	list->first = c;
}

static struct chunk *list_pop(struct chunk_list *list)
{
	struct chunk *c = list->first;

	if (c) {
		list->first = c->next;
		if (!list->first)
			list_init(list);
	}
	return c;
}

const struct sink_ops *sink_ops(const struct sink *sink)
{
	return sink->ops;
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
		sink->allocated -= CHUNK_SIZE;
		free(c);
	}
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

/* Gives a chunk back.  Lock held. */
static void chunk_free(struct sink *sink, struct chunk *c)
{
	if (c->oversized || sink->allocated > sink->queue_size) {
		sink->allocated -= c->size + sizeof(*c);
		free(c);
	} else {
		c->next = sink->free;
		sink->free = c;
	}
	sink->stalled = false;
	pthread_cond_broadcast(&sink->space);
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
	end = at_ms(end_ms);
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

void sink_flush_at(struct sink *sink, int64_t ms)
{
	sink->flush_ms = ms;
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
	sink->dropped[SINK_DROP_UNDELIVERABLE]++;
	sink->skipped++;
	sink->skipped_bytes += end - c->done;
	c->done = end;
	if (ulogd_once_a_second(&sink->dropping))
		log_error("%s: a record cannot be delivered and is lost: %s", sink->name,
			  strerror(-why));
	pthread_mutex_unlock(&sink->lock);
}

static uint64_t dropped_sum(const struct sink *sink)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SINK_DROPS; i++)
		sum += sink->dropped[i];
	return sum;
}

/* Why there is no room: nothing could be moved to the spool, or not fast enough.  Lock held. */
static enum sink_drop refuse_reason(const struct sink *sink)
{
	if (sink->spool_err == 0)
		return SINK_DROP_QUEUE;
	return sink->spool_err == -EDQUOT ? SINK_DROP_SPOOL_FULL : SINK_DROP_SPOOL_ERROR;
}

/* Says how many records were lost since it was said before.  Lock held. */
static void losses_say(struct sink *sink)
{
	uint64_t lost = sink->refused - sink->refused_said;

	sink->refused_said = sink->refused;
	if (sink->ops->transient)
		return;
	switch (refuse_reason(sink)) {
	case SINK_DROP_SPOOL_FULL:
		log_error("%s: the spool and the queue are full, %" PRIu64 " records lost since the "
			  "last message; raise spool_size (now %" PRIu64 " bytes)", sink->name, lost,
			  spool_limit(sink->spool));
		break;
	case SINK_DROP_SPOOL_ERROR:
		log_error("%s: the queue is full and the spool %s cannot be written: %s, %" PRIu64
			  " records lost since the last message; make room there, or set spool_dir "
			  "to another disk", sink->name, spool_path(sink->spool),
			  strerror(-sink->spool_err), lost);
		break;
	default:
		log_error("%s: the queue is full, %" PRIu64 " records lost since the last message; "
			  "raise queue_size (now %zu bytes)%s", sink->name, lost, sink->queue_size,
			  sink->spool ? ": the spool's disk is slower than they come" :
					" or set queue_full=wait or spool");
		break;
	}
}

/* Says so at most once a second: what is left to be said, sink_wait() says.  Lock held. */
static void losses_check(struct sink *sink)
{
	if (sink->refused != sink->refused_said && ulogd_once_a_second(&sink->dropping))
		losses_say(sink);
}

/* Counts a lost record. */
static void record_lost(struct sink *sink)
{
	sink->formatted++;
	sink->refused++;
	sink->dropped[refuse_reason(sink)]++;
	losses_check(sink);
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
		if (size <= CHUNK_MAX)
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

static bool half_full(const struct sink *sink)
{
	return sink->queued > sink->queue_size / 2;
}

/* The chunk to be spooled next: whatever is not in the spool yet, the oldest first. */
static struct chunk *spool_candidate(const struct sink *sink)
{
	if (sink->current && !sink->current_saved && !sink->current_apart)
		return sink->current;
	return sink->queue.first;
}

/* True when a chunk should go to disk; one that follows others there has to.  Lock held. */
static bool spool_wanted(const struct sink *sink)
{
	return sink->spool && spool_candidate(sink) &&
	       (sink->spool_used || sink->failing || sink->slow || half_full(sink));
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
		chunk_free(sink, c);
	} else {
		list_append(&sink->queue, c);
		sink->queued += c->size;
	}
	/* A sink that rests is left alone, unless the queue fills up. */
	wake = sink->queue.first && (sink->idle || (!sink->failing && half_full(sink)));
	spool = sink->spool_err == 0 && spool_wanted(sink);
	behind = (sink->spool ? sink->spool_err == 0 : !sink->failing) &&
		 sink->queued > sink->queue_size / 4 * 3;
	pthread_mutex_unlock(&sink->lock);
	if (wake)
		pthread_cond_signal(&sink->wake);
	if (spool)
		pthread_cond_signal(&sink->spool_wake);
	return behind;
}

/* --------------------------------------------------------- the sink's side */

/* Lock held. */
static bool time_over(const struct sink *sink)
{
	return sink->closing && log_now_ms() >= sink->deadline_ms;
}

/* True when the spool is to be exchanged and nothing is in it, or on its way there. */
static bool spool_may_leave(const struct sink *sink)
{
	return sink->spool_leaves && !sink->spool_used && !sink->saving &&
	       !(sink->current && sink->current_saved);
}

/* A chunk that is being spooled comes before the queue. */
static bool sink_has_work(const struct sink *sink)
{
	return sink->current || spool_may_leave(sink) || sink->spool_used || (sink->queue.first && !sink->saving) ||
	       sink->reopen || sink->closing ||
	       (sink->flush_ms && log_now_ms() >= sink->flush_ms);
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
		int64_t until = sink->refused == sink->refused_said ? 0 : sink->dropping.last_ms + 1000;

		if (sink->flush_ms && (!until || sink->flush_ms < until))
			until = sink->flush_ms;
		sink->idle = true;
		if (!until) {
			pthread_cond_wait(&sink->wake, &sink->lock);
		} else {
			end = at_ms(until);
			pthread_cond_timedwait(&sink->wake, &sink->lock, &end);
			losses_check(sink);
		}
		sink->idle = false;
	}
	losses_check(sink);
	if (sink->failing && !sink->slow)
		end = at_ms(log_now_ms() + (sink->closing ? RETRY_MIN_MS : jitter(sink->retry_ms)));
	else
		end = at_ms(sink->woken_ms + REST_MS);
	while (!sink->reopen && sink->closing == was_closing) {
		if (!sink->failing && (sink->closing || half_full(sink)))
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
		sink->failing_since = time(NULL);
		sink->failing_since_ms = log_now_ms();
		sink->failing_dropped = dropped_sum(sink);
		sink->retry_ms = RETRY_MIN_MS;
		log_error("%s: cannot write: %s; will keep trying, records wait in the %s", sink->name,
			  strerror(-err), sink->spool ? "spool" : "queue");
	} else if (sink->retry_ms < RETRY_MAX_MS) {
		sink->retry_ms *= 2;
	}
}

/* It takes chunks again.  Lock held. */
static void sink_recovered(struct sink *sink)
{
	int64_t seconds;

	if (!sink->failing)
		return;
	seconds = (log_now_ms() - sink->failing_since_ms + 999) / 1000;
	sink->failing = false;
	sink->failing_since = 0;
	log_notice("%s: writes again after %" PRId64 " s, %" PRIu64 " records lost meanwhile",
		   sink->name, seconds, dropped_sum(sink) - sink->failing_dropped);
	sink->refused_said = sink->refused;
}

/* Counts what the move of c->done since @before has delivered. */
static void delivered_count(struct sink *sink, const struct chunk *c, uint32_t before)
{
	uint32_t passed = chunk_records_within(c, c->done);
	uint64_t records = passed - chunk_records_within(c, before);
	bool saved;

	pthread_mutex_lock(&sink->lock);
	/* A rewind moves back: this sum is right in modular arithmetic, too. */
	sink->bytes += (uint64_t)c->done - before;
	sink->written += records;
	saved = sink->current_saved;
	if (saved)
		sink->spooled -= (int64_t)records;
	else
		sink->waiting -= records;
	sink->current_done = c->done;
	pthread_mutex_unlock(&sink->lock);
	/* Also when nothing has moved: it may have been saved since. */
	if (saved && c->done > 0 && c->done < c->len)
		spool_progress(sink->spool, c->done, passed);
}

static int sink_open(struct sink *sink)
{
	int ret = sink->ops->open(sink);

	if (ret == 0) {
		pthread_mutex_lock(&sink->lock);
		sink->opens++;
		pthread_mutex_unlock(&sink->lock);
	}
	return ret;
}

static void sink_do_reopen(struct sink *sink)
{
	struct chunk *c = sink->current;
	uint32_t done = c ? c->done : 0;
	int fd = sink->fd, ret;

	if (sink->fd < 0)
		return;	/* the next write opens it anyway */
	if (c && c->done > 0 && sink->ops->settle)
		sink->ops->settle(sink, c);
	ret = sink_open(sink);
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

/*
 * Takes the spool as empty, unless the spooler has put something there since @appends.  Damage
 * that hid how many records there are shows here.  Lock held.
 */
static void spool_emptied(struct sink *sink, uint64_t appends)
{
	if (sink->saving || sink->spool_appends != appends)
		return;
	sink->spool_used = false;
	sink->spool_err_said = false;
	if (sink->spooled > 0)
		sink->dropped[SINK_DROP_SPOOL_DAMAGED] += (uint64_t)sink->spooled;
	else
		sink->recovered += (uint64_t)-sink->spooled;
	sink->spooled = 0;
	log_info("%s: the spool is empty again", sink->name);
}

/* Takes @spool, or none, in place of none or of an empty one.  Lock held. */
static void spool_set(struct sink *sink, struct spool *spool, const struct spool_found *found)
{
	sink->spool = spool;
	sink->spool_err = 0;
	sink->spool_err_said = false;
	sink->stalled = false;
	sink->recovered += found->records + found->cut;
	sink->spooled += (int64_t)found->records;
	sink->dropped[SINK_DROP_SPOOL_DAMAGED] += found->cut;
	sink->spool_used = spool && spool_bytes(spool) > 0;
	sink->current_apart = sink->current && sink->spool_used;
	if (found->records > 0)
		log_notice("%s: %" PRIu64 " records of before wait in the spool %s", sink->name,
			   found->records, spool_path(spool));
}

/* Goes over to the spool that is wanted now, once the one in use is empty. */
static void spool_exchange(struct sink *sink)
{
	struct spool *old = NULL;

	pthread_mutex_lock(&sink->lock);
	if (spool_may_leave(sink)) {
		old = sink->spool;
		spool_set(sink, sink->spool_next, &sink->spool_next_found);
		sink->spool_next = NULL;
		sink->spool_leaves = false;
	}
	pthread_mutex_unlock(&sink->lock);
	spool_close(old);
}

/* Makes the oldest chunk the current one, if there is any.  0 or an error of the spool. */
static int current_take(struct sink *sink)
{
	int ret = 0;

	pthread_mutex_lock(&sink->lock);
	while (!sink->current && (sink->spool_used || sink->saving || sink->queue.first)) {
		uint64_t appends = sink->spool_appends, lost = 0;

		if (!sink->spool_used && !sink->saving) {
			sink->current = list_pop(&sink->queue);
			sink->current_saved = false;
			sink->current_done = 0;
			break;
		}
		pthread_mutex_unlock(&sink->lock);
		ret = spool_read(sink->spool, &sink->replay, &lost);
		pthread_mutex_lock(&sink->lock);
		sink->dropped[SINK_DROP_SPOOL_DAMAGED] += lost;
		sink->spooled -= (int64_t)lost;
		if (ret == 0) {
			sink->current = sink->replay;
			sink->current_saved = true;
			sink->current_done = sink->replay->done;
		} else if (ret == -ENODATA) {
			ret = 0;
			spool_emptied(sink, appends);
			/* What is being spooled now is next. */
			if (sink->saving)
				pthread_cond_wait(&sink->wake, &sink->lock);
		} else {
			break;
		}
	}
	pthread_mutex_unlock(&sink->lock);
	return ret;
}

/* All of the current chunk has been delivered. */
static void current_finish(struct sink *sink)
{
	struct chunk *c = sink->current;
	bool saved, full;

	pthread_mutex_lock(&sink->lock);
	while (sink->saving == c)
		pthread_cond_wait(&sink->wake, &sink->lock);
	saved = sink->current_saved;
	full = sink->spool_err == -EDQUOT;
	sink->current = NULL;
	sink->current_apart = false;
	if (c != sink->replay) {
		sink->queued -= c->size;
		chunk_free(sink, c);
	}
	if (!sink->unflushed)
		sink_recovered(sink);
	pthread_mutex_unlock(&sink->lock);
	if (saved)
		spool_pop(sink->spool);
	if (full)
		pthread_cond_signal(&sink->spool_wake);
}

/* True when the time is over and what is left can stay in the spool. */
static bool sink_may_leave(struct sink *sink)
{
	bool may;

	pthread_mutex_lock(&sink->lock);
	may = sink->spool && time_over(sink);
	pthread_mutex_unlock(&sink->lock);
	return may;
}

/* Calls flush(), and again later if it fails: until then the destination has not recovered. */
static int sink_flush(struct sink *sink)
{
	int ret = 0;

	sink->flush_ms = 0;
	if (sink->ops->flush && sink->fd >= 0)
		ret = sink->ops->flush(sink);
	sink->unflushed = ret < 0;
	if (ret < 0) {
		sink->flush_ms = log_now_ms();
		return ret;
	}
	pthread_mutex_lock(&sink->lock);
	if (sink->fd >= 0)
		sink_recovered(sink);
	pthread_mutex_unlock(&sink->lock);
	return 0;
}

/*
 * Delivers until nothing is left; what is in a spool can stay there when the time is over.
 * Returns 0 or the error that stopped it; without the lock.
 */
static int sink_deliver(struct sink *sink)
{
	struct chunk *c;
	int ret;

	while ((ret = current_take(sink)) == 0 && (c = sink->current)) {
		uint32_t before = c->done;

		spool_exchange(sink);
		if (sink->fd < 0)
			ret = sink_open(sink);
		if (ret < 0)
			return ret;
		ret = sink->ops->write(sink, c);
		delivered_count(sink, c, before);
		if (ret < 0)
			return ret;
		current_finish(sink);
		if (sink_may_leave(sink))
			return 0;
	}
	return ret < 0 ? ret : sink_flush(sink);
}

/* Says what became of the spool's state.  Lock held. */
static void spool_state(struct sink *sink, int err)
{
	int before = sink->spool_err;

	sink->spool_err = err;
	if (err == 0 && before < 0 && before != -EDQUOT) {
		log_notice("%s: spools again, %" PRIu64 " records lost for this reason until now",
			   sink->name, sink->dropped[SINK_DROP_SPOOL_ERROR]);
		sink->spool_err_said = false;
	}
	if (err == 0 || sink->spool_err_said)
		return;
	sink->spool_err_said = true;
	if (err == -EDQUOT)
		log_error("%s: the spool has reached spool_size (%" PRIu64 " bytes), records wait in "
			  "the queue", sink->name, spool_limit(sink->spool));
	else
		log_error("%s: cannot spool to %s: %s; will keep trying, records wait in the queue",
			  sink->name, spool_path(sink->spool), strerror(-err));
}

/*
 * Moves the oldest chunk that is not in the spool there; the current one stays current as well.
 * Lock held, but for the writing.  Returns 0 or what the spool said.
 */
static int spool_one(struct sink *sink)
{
	struct chunk *c = spool_candidate(sink);
	uint64_t records = c->records;
	int ret;

	if (c != sink->current)
		list_pop(&sink->queue);
	sink->saving = c;
	pthread_mutex_unlock(&sink->lock);
	ret = spool_append(sink->spool, c);
	pthread_mutex_lock(&sink->lock);
	sink->saving = NULL;
	if (ret == 0) {
		if (c == sink->current) {
			sink->current_saved = true;
			records -= chunk_records_within(c, sink->current_done);
		} else {
			sink->queued -= c->size;
			chunk_free(sink, c);
		}
		sink->waiting -= records;
		sink->spooled += (int64_t)records;
		sink->spooled_ever += records;
		sink->spool_used = true;
		sink->spool_appends++;
	} else if (c != sink->current) {
		list_prepend(&sink->queue, c);
	}
	spool_state(sink, ret);
	pthread_cond_signal(&sink->wake);
	return ret;
}

/* Waits until then; while the spool takes chunks only as long as the queue has room. */
static void spooler_rest(struct sink *sink, int64_t until_ms)
{
	struct timespec end = at_ms(until_ms);

	while (!sink->ending && (sink->spool_err < 0 || !half_full(sink)))
		if (pthread_cond_timedwait(&sink->spool_wake, &sink->lock, &end) == ETIMEDOUT ||
		    sink->spool_err < 0)
			break;
}

/* The thread that spools; as a sink does it gathers a little before it writes. */
static void *spooler_main(void *arg)
{
	struct sink *sink = arg;
	int64_t woken_ms = 0;

	pthread_mutex_lock(&sink->lock);
	while (!sink->ending) {
		if (!spool_wanted(sink)) {
			pthread_cond_wait(&sink->spool_wake, &sink->lock);
			continue;
		}
		spooler_rest(sink, woken_ms + REST_MS);
		woken_ms = log_now_ms();
		while (!sink->ending && spool_wanted(sink)) {
			if (spool_one(sink) == 0)
				continue;
			spooler_rest(sink, log_now_ms() + SPOOL_RETRY_MS);
		}
	}
	pthread_mutex_unlock(&sink->lock);
	return NULL;
}

/* The end comes with the destination failing or slow: what is left is spooled, or lost.  Lock held. */
static void sink_leave(struct sink *sink)
{
	struct chunk *c = sink->current;
	bool apart = sink->current_apart;
	uint64_t lost;

	sink->ending = true;
	pthread_cond_signal(&sink->spool_wake);
	while (sink->saving)
		pthread_cond_wait(&sink->wake, &sink->lock);
	if (c && c->done > 0 && sink->fd >= 0 && sink->ops->settle) {
		uint32_t before = c->done;

		pthread_mutex_unlock(&sink->lock);
		sink->ops->settle(sink, c);
		delivered_count(sink, c, before);
		pthread_mutex_lock(&sink->lock);
	}
	while (sink->spool && spool_candidate(sink))
		if (spool_one(sink) < 0)
			break;
	/* Behind what is newer, and with what was delivered of it, but it is not lost. */
	sink->current_apart = false;
	if (apart && sink->spool && !sink->current_saved)
		spool_one(sink);
	if (c && sink->current_saved && !apart)
		spool_progress(sink->spool, c->done, chunk_records_within(c, c->done));
	lost = sink->waiting;
	sink->waiting = 0;
	sink->dropped[sink->spool ? refuse_reason(sink) : SINK_DROP_STOP] += lost;
	if (sink->spooled > 0)
		log_notice("%s: stopped with %" PRId64 " records in the spool %s, which the next start "
			   "delivers%s", sink->name, sink->spooled, spool_path(sink->spool),
			   sink->spool_leaves ? " if queue_full and spool_dir are what they were" : "");
	if (lost > 0)
		log_error("%s: stopped while it could not be written, %" PRIu64
			  " queued records lost", sink->name, lost);
}

static void *sink_main(void *arg)
{
	struct sink *sink = arg;

	pthread_mutex_lock(&sink->lock);
	for (;;) {
		bool reopen, over;
		int ret;

		sink_wait(sink);
		reopen = sink->reopen;
		sink->reopen = false;
		pthread_mutex_unlock(&sink->lock);

		spool_exchange(sink);
		if (reopen)
			sink_do_reopen(sink);
		ret = sink_deliver(sink);

		pthread_mutex_lock(&sink->lock);
		sink->slow = ret == -EAGAIN;
		if (ret < 0 && ret != -EAGAIN)
			sink_failed(sink, ret);
		if (spool_wanted(sink))
			pthread_cond_signal(&sink->spool_wake);
		if (!sink->closing)
			continue;
		if (!sink->current && !sink->spool_used && !sink->saving && !sink->queue.first)
			break;
		/* Where the spool keeps it there is no reason to wait for what fails. */
		over = time_over(sink) || (sink->spool && sink->failing);
		if (over && (ret < 0 || sink->spool)) {
			sink_leave(sink);
			break;
		}
	}
	sink->ending = true;
	pthread_cond_signal(&sink->spool_wake);
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
	pthread_mutex_init(&sink->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sink->wake, &attr);
	pthread_cond_init(&sink->space, &attr);
	pthread_cond_init(&sink->spool_wake, &attr);
	pthread_condattr_destroy(&attr);
	return sink;
}

static void sink_free(struct sink *sink)
{
	struct chunk *c;

	sink->ops->close(sink);
	spool_close(sink->spool);
	spool_close(sink->spool_next);
	if (sink->current != sink->replay)
		free(sink->current);
	free(sink->replay);
	while ((c = list_pop(&sink->queue)))
		free(c);
	if (sink->ops->free)
		sink->ops->free(sink->dest);
	while ((c = sink->free)) {
		sink->free = c->next;
		free(c);
	}
	pthread_mutex_destroy(&sink->lock);
	pthread_cond_destroy(&sink->wake);
	pthread_cond_destroy(&sink->space);
	pthread_cond_destroy(&sink->spool_wake);
	free(sink->name);
	free(sink);
}

static int spooler_start(struct sink *sink)
{
	int ret = pthread_create(&sink->spooler, NULL, spooler_main, sink);

	sink->spooler_started = ret == 0;
	return -ret;
}

/* Opens a spool for the sink. */
static int spool_get(const struct sink *sink, const char *dir, uint64_t size, struct spool_found *found,
		     struct spool **ret)
{
	return spool_open(dir, sink->name, size, owner_uid(), owner_gid(), found, ret);
}

int sink_spool(struct sink *sink, const char *dir, uint64_t size)
{
	struct spool_found found;
	struct spool *spool;
	struct stat st;
	bool there;
	int ret;

	if (!sink->started && (sink->full != SINK_FULL_SPOOL || sink->spool))
		return 0;
	there = spool_stat(dir, sink->name, &st) == 0;
	pthread_mutex_lock(&sink->lock);
	there = there && ((sink->spool && spool_is_at(sink->spool, &st)) ||
			  (sink->spool_next && spool_is_at(sink->spool_next, &st)));
	pthread_mutex_unlock(&sink->lock);
	if (there)
		return 0;
	ret = spool_get(sink, dir, size, &found, &spool);
	if (ret < 0)
		return ret;
	if (sink->started) {
		spool_close(spool);
		return 0;
	}
	spool_set(sink, spool, &found);
	return 0;
}

static int sink_start(struct sink *sink)
{
	int ret = pthread_create(&sink->thread, NULL, sink_main, sink);

	if (ret)
		return -ret;
	sink->started = true;
	return sink->spool ? spooler_start(sink) : 0;
}

int sink_start_all(void)
{
	for (struct sink *sink = sinks; sink; sink = sink->next) {
		int ret = sink->started ? 0 : sink_start(sink);

		if (ret < 0)
			return ret;
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

struct sink *sink_next(const struct sink *sink)
{
	return sink ? sink->next : sinks;
}

void sink_stats(struct sink *sink, struct sink_stats *ret)
{
	pthread_mutex_lock(&sink->lock);
	*ret = (struct sink_stats){
		.formatted = sink->formatted,
		.recovered = sink->recovered,
		.written = sink->written - sink->skipped,
		.written_bytes = sink->bytes - sink->skipped_bytes,
		.queued = sink->waiting + (uint64_t)(sink->spooled < 0 ? sink->spooled : 0),
		.queued_bytes = sink->queued,
		.queue_size = sink->queue_size,
		.spooled = sink->spooled > 0 ? (uint64_t)sink->spooled : 0,
		.spooled_bytes = sink->spool ? spool_bytes(sink->spool) : 0,
		.spool_size = sink->spool ? spool_limit(sink->spool) : 0,
		.spooled_ever = sink->spooled_ever,
		.reopens = sink->opens > 0 ? sink->opens - 1 : 0,
		.failing_since = sink->failing_since,
	};
	memcpy(ret->dropped, sink->dropped, sizeof(ret->dropped));
	pthread_mutex_unlock(&sink->lock);
}

const char *sink_drop_name(enum sink_drop why)
{
	static const char *const names[SINK_DROPS] = {
		[SINK_DROP_QUEUE] = "queue full",
		[SINK_DROP_SPOOL_FULL] = "spool full",
		[SINK_DROP_SPOOL_ERROR] = "spool not writable",
		[SINK_DROP_SPOOL_DAMAGED] = "spool damaged",
		[SINK_DROP_UNDELIVERABLE] = "undeliverable",
		[SINK_DROP_STOP] = "stopped",
	};

	return names[why];
}

/* Appends to a line of the log, which is cut where it is full. */
static void line_add(char *line, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void line_add(char *line, size_t size, const char *fmt, ...)
{
	size_t len = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + len, size - len, fmt, ap);
	va_end(ap);
}

static void sink_report(struct sink *sink)
{
	const char *separator = " (";
	struct sink_stats st;
	char more[512] = "";
	uint64_t lost = 0;

	if (sink->ops->transient)
		return;
	sink_stats(sink, &st);
	for (unsigned int i = 0; i < SINK_DROPS; i++) {
		lost += st.dropped[i];
		if (st.dropped[i] == 0)
			continue;
		line_add(more, sizeof(more), "%s%s: %" PRIu64, separator, sink_drop_name(i),
			 st.dropped[i]);
		separator = ", ";
	}
	if (lost > 0)
		line_add(more, sizeof(more), ")");
	if (st.queued > 0)
		line_add(more, sizeof(more), "; %" PRIu64 " in the queue", st.queued);
	if (st.spooled > 0)
		line_add(more, sizeof(more), "; %" PRIu64 " in the spool (%" PRIu64 " bytes)",
			 st.spooled, st.spooled_bytes);
	if (st.recovered > 0)
		line_add(more, sizeof(more), "; %" PRIu64 " found in the spool", st.recovered);
	if (st.spooled_ever > 0)
		line_add(more, sizeof(more), "; %" PRIu64 " were spooled", st.spooled_ever);
	if (st.reopens > 0)
		line_add(more, sizeof(more), "; opened again: %" PRIu64, st.reopens);
	if (st.failing_since != 0)
		line_add(more, sizeof(more), "; failing for %lld s",
			 (long long)(time(NULL) - st.failing_since));
	log_notice("%s: %" PRIu64 " records written (%" PRIu64 " bytes), %" PRIu64 " lost%s",
		   sink->name, st.written, st.written_bytes, lost, more);
}

void sink_report_all(void)
{
	for (struct sink *sink = sinks; sink; sink = sink->next)
		sink_report(sink);
}

/* -------------------------------------------------------- users, changes */

/* Joins the threads of a sink that ends, and frees it; @at: where it stands in the list. */
static void sink_end(struct sink **at)
{
	struct sink *sink = *at;

	if (sink->started)
		pthread_join(sink->thread, NULL);
	if (sink->spooler_started)
		pthread_join(sink->spooler, NULL);
	sink_report(sink);
	*at = sink->next;
	sink_free(sink);
}

/* Lets a sink that was about to be closed go on; false when it is too late for that. */
static bool sink_stay(struct sink *sink)
{
	bool stays;

	pthread_mutex_lock(&sink->lock);
	stays = !sink->ending;
	if (stays) {
		sink->closing = false;
		sink->deadline_ms = 0;
	}
	pthread_mutex_unlock(&sink->lock);
	sink->leaving = !stays;
	return stays;
}

/* The sink of that name that can be used, or NULL. */
static struct sink *sink_find(const char *name, const struct sink_ops *ops)
{
	for (struct sink **at = &sinks; *at; at = &(*at)->next) {
		if ((*at)->ops != ops || strcmp((*at)->name, name) != 0)
			continue;
		if (!(*at)->leaving || sink_stay(*at))
			return *at;
		/* What it has not delivered is in its spool, which the next one opens. */
		sink_end(at);
		return NULL;
	}
	return NULL;
}

int sink_get(const char *name, const struct sink_ops *ops, void *dest, size_t queue_size,
	     enum sink_full full, struct sink **ret)
{
	struct sink *sink = sink_find(name, ops);
	int err = 0;

	if (sink) {
		if (ops->same && !ops->same(sink->dest, dest))
			err = -EEXIST;
		if (ops->free)
			ops->free(dest);
		if (err == 0) {
			sink->users++;
			*ret = sink;
		}
		return err;
	}
	sink = sink_new(name, ops, dest);
	if (!sink)
		return -ENOMEM;
	sink->queue_size = queue_size;
	sink->full = full;
	if (!ops->open_later)
		err = sink_open(sink);
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

/* Sees to it that the spool is the one that @o says.  Returns 0 or what spool_open() returned. */
static int spool_adjust(struct sink *sink, const struct sink_options *o)
{
	bool wanted = o->full == SINK_FULL_SPOOL, open = wanted;
	struct spool *unused = NULL, *spool = NULL;
	struct spool_found found = {};
	struct stat st = {};
	int ret = 0;

	if (wanted)
		spool_stat(o->spool_dir, sink->name, &st);
	pthread_mutex_lock(&sink->lock);
	if (wanted && sink->spool && spool_is_at(sink->spool, &st)) {
		open = false;
		spool_set_limit(sink->spool, o->spool_size);
	} else if (wanted && sink->spool_next && spool_is_at(sink->spool_next, &st)) {
		spool_set_limit(sink->spool_next, o->spool_size);
		pthread_mutex_unlock(&sink->lock);
		return 0;
	}
	if (!open) {
		unused = sink->spool_next;
		sink->spool_next = NULL;
		sink->spool_next_found = (struct spool_found){};
		sink->spool_leaves = !wanted && sink->spool;
	}
	pthread_mutex_unlock(&sink->lock);
	if (open)
		ret = spool_get(sink, o->spool_dir, o->spool_size, &found, &spool);
	if (spool) {
		pthread_mutex_lock(&sink->lock);
		if (!sink->spool) {
			spool_set(sink, spool, &found);
		} else {
			unused = sink->spool_next;
			sink->spool_next = spool;
			sink->spool_next_found = found;
			sink->spool_leaves = true;
		}
		pthread_mutex_unlock(&sink->lock);
	}
	spool_close(unused);
	return ret;
}

int sink_adjust(struct sink *sink, const struct sink_options *o)
{
	struct chunk *c;
	int ret;

	pthread_mutex_lock(&sink->lock);
	sink->queue_size = o->queue_size;
	sink->full = o->full;
	while (sink->allocated > sink->queue_size && (c = sink->free)) {
		sink->free = c->next;
		sink->allocated -= CHUNK_SIZE;
		free(c);
	}
	pthread_mutex_unlock(&sink->lock);
	ret = spool_adjust(sink, o);
	pthread_mutex_lock(&sink->lock);
	if (sink->spool_leaves && sink->spooled > 0)
		log_notice("%s: %" PRId64 " records wait in the spool %s, which stays in use until they "
			   "are delivered", sink->name, sink->spooled, spool_path(sink->spool));
	pthread_mutex_unlock(&sink->lock);
	/* Lanes that wait for room may have it now, or need not wait any more. */
	pthread_cond_broadcast(&sink->space);
	pthread_cond_signal(&sink->wake);
	pthread_cond_signal(&sink->spool_wake);
	if (ret == 0 && o->full == SINK_FULL_SPOOL && sink->started && !sink->spooler_started)
		ret = spooler_start(sink);
	return ret;
}

bool sink_transient(const struct sink *sink)
{
	return sink->ops->transient;
}

void sink_use(struct sink *sink)
{
	sink->users++;
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
		sink->started = false;
		sink_end(at);
	}
}

bool sink_out_of_time(struct sink *sink)
{
	bool over;

	pthread_mutex_lock(&sink->lock);
	over = time_over(sink);
	pthread_mutex_unlock(&sink->lock);
	return over;
}

void sink_begin_stop_all(unsigned int timeout_ms)
{
	for (struct sink *sink = sinks; sink; sink = sink->next)
		sink_begin_stop(sink, timeout_ms);
}

/* Says that the end waits for it, if so. */
static void wait_say(struct sink *sink)
{
	int64_t left_ms, records;

	pthread_mutex_lock(&sink->lock);
	left_ms = sink->deadline_ms - log_now_ms();
	records = (int64_t)sink->waiting + sink->spooled;
	if (!sink->wait_said && !sink->ops->transient && records > 0 && left_ms > 0) {
		log_notice("stopping: %" PRId64 " records still wait for %s, up to %" PRId64
			   " s; a second signal ends at once", records, sink->name, (left_ms + 999) / 1000);
		sink->wait_said = true;
	}
	pthread_mutex_unlock(&sink->lock);
}

void sink_say_failing(void)
{
	for (struct sink *sink = sinks; sink; sink = sink->next) {
		bool failing;

		pthread_mutex_lock(&sink->lock);
		failing = (sink->failing || sink->slow) && !sink->spool;
		pthread_mutex_unlock(&sink->lock);
		if (failing)
			wait_say(sink);
	}
}

/* Waits for the threads of a sink that ends; says so if that is not over at @patience. */
static void sink_join(struct sink *sink, const struct timespec *patience)
{
	if (sink->started && pthread_timedjoin_np(sink->thread, NULL, patience) != 0) {
		wait_say(sink);
		pthread_join(sink->thread, NULL);
	}
	if (sink->spooler_started)
		pthread_join(sink->spooler, NULL);
	sink->started = sink->spooler_started = false;
}

void sink_stop_all(void)
{
	struct timespec patience;

	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_nsec += PATIENCE_MS * 1000000;
	patience.tv_sec += patience.tv_nsec / 1000000000;
	patience.tv_nsec %= 1000000000;
	for (struct sink *sink = sinks; sink; sink = sink->next)
		sink_close(sink);
	for (struct sink *sink = sinks; sink; sink = sink->next)
		sink_join(sink, &patience);
}

void sink_fini_all(void)
{
	struct sink *sink;

	sink_stop_all();
	sink_report_all();
	while ((sink = sinks)) {
		sinks = sink->next;
		sink_free(sink);
	}
}

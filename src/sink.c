// SPDX-License-Identifier: GPL-2.0-or-later
/* A sink's own threads, delivering and spooling: waiting, failing, retrying, reopening, counting. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "sink_private.h"

#define REST_MS		10	/* after a wake-up a sink gathers that long before it writes again */
#define RETRY_MIN_MS	100	/* first pause after a failure; doubles … */
#define RETRY_MAX_MS	5000	/* … up to this */
#define SPOOL_RETRY_MS	1000	/* pause after the spool could not be written */
#define SLOW_MS		100	/* how long a write waits for the other side at a time */

/* --------------------------------------------------- for the destination */

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

bool sink_transient(const struct sink *sink)
{
	return sink->ops->transient;
}

/* Lock held. */
static bool time_over(const struct sink *sink)
{
	return sink->closing && log_now_ms() >= sink->deadline_ms;
}

bool sink_out_of_time(struct sink *sink)
{
	bool over;

	pthread_mutex_lock(&sink->lock);
	over = time_over(sink);
	pthread_mutex_unlock(&sink->lock);
	return over;
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

/* ------------------------------------------------------ for the lanes, too */

void sink_trim(struct sink *sink, size_t size)
{
	struct chunk *c;

	while (sink->allocated + size > sink->queue_size && (c = sink->free)) {
		sink->free = c->next;
		sink->allocated -= CHUNK_SIZE;
		free(c);
	}
}

void sink_chunk_free(struct sink *sink, struct chunk *c)
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

void sink_record_lost(struct sink *sink)
{
	sink->formatted++;
	sink->refused++;
	sink->dropped[refuse_reason(sink)]++;
	losses_check(sink);
}

/* The chunk to be spooled next: whatever is not in the spool yet, the oldest first. */
static struct chunk *spool_candidate(const struct sink *sink)
{
	if (sink->current && !sink->current_saved && !sink->current_apart)
		return sink->current;
	return sink->queue.first;
}

bool sink_spool_wanted(const struct sink *sink)
{
	return sink->spool && spool_candidate(sink) &&
	       (sink->spool_used || sink->failing || sink->slow || sink_half_full(sink));
}

/* ------------------------------------------------------------- delivering */

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
			end = sink_at_ms(until);
			pthread_cond_timedwait(&sink->wake, &sink->lock, &end);
			losses_check(sink);
		}
		sink->idle = false;
	}
	losses_check(sink);
	if (sink->failing && !sink->slow)
		end = sink_at_ms(log_now_ms() + (sink->closing ? RETRY_MIN_MS : jitter(sink->retry_ms)));
	else
		end = sink_at_ms(sink->woken_ms + REST_MS);
	while (!sink->reopen && sink->closing == was_closing) {
		if (!sink->failing && (sink->closing || sink_half_full(sink)))
			break;
		if (pthread_cond_timedwait(&sink->wake, &sink->lock, &end) == ETIMEDOUT)
			break;
	}
	sink->woken_ms = log_now_ms();
}

static uint64_t dropped_sum(const struct sink *sink)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SINK_DROPS; i++)
		sum += sink->dropped[i];
	return sum;
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

int sink_open(struct sink *sink)
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

void sink_spool_set(struct sink *sink, struct spool *spool, const struct spool_found *found)
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
		sink_spool_set(sink, sink->spool_next, &sink->spool_next_found);
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
			sink->current = chunk_list_pop(&sink->queue);
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
		sink_chunk_free(sink, c);
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

/* --------------------------------------------------------------- spooling */

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
		chunk_list_pop(&sink->queue);
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
			sink_chunk_free(sink, c);
		}
		sink->waiting -= records;
		sink->spooled += (int64_t)records;
		sink->spooled_ever += records;
		sink->spool_used = true;
		sink->spool_appends++;
	} else if (c != sink->current) {
		chunk_list_prepend(&sink->queue, c);
	}
	spool_state(sink, ret);
	pthread_cond_signal(&sink->wake);
	return ret;
}

/* Waits until then; while the spool takes chunks only as long as the queue has room. */
static void spooler_rest(struct sink *sink, int64_t until_ms)
{
	struct timespec end = sink_at_ms(until_ms);

	while (!sink->ending && (sink->spool_err < 0 || !sink_half_full(sink)))
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
		if (!sink_spool_wanted(sink)) {
			pthread_cond_wait(&sink->spool_wake, &sink->lock);
			continue;
		}
		spooler_rest(sink, woken_ms + REST_MS);
		woken_ms = log_now_ms();
		while (!sink->ending && sink_spool_wanted(sink)) {
			if (spool_one(sink) == 0)
				continue;
			spooler_rest(sink, log_now_ms() + SPOOL_RETRY_MS);
		}
	}
	pthread_mutex_unlock(&sink->lock);
	return NULL;
}

int sink_spooler_start(struct sink *sink)
{
	int ret = pthread_create(&sink->spooler, NULL, spooler_main, sink);

	sink->spooler_started = ret == 0;
	return -ret;
}

/* ------------------------------------------------------------- the thread */

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
		if (sink_spool_wanted(sink))
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

int sink_start(struct sink *sink)
{
	int ret = pthread_create(&sink->thread, NULL, sink_main, sink);

	if (ret)
		return -ret;
	sink->started = true;
	return sink->spool ? sink_spooler_start(sink) : 0;
}

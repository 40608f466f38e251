// SPDX-License-Identifier: GPL-2.0-or-later
/* All sinks: making, finding, adjusting, ending them, and what became of their records. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "log.h"
#include "owner.h"
#include "sink_private.h"

#define PATIENCE_MS	200	/* an end that takes no longer needs no words */

static struct sink *sinks;

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
	chunk_list_init(&sink->queue);
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
	while ((c = chunk_list_pop(&sink->queue)))
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
	sink_spool_set(sink, spool, &found);
	return 0;
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
			sink_spool_set(sink, spool, &found);
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
	int ret;

	pthread_mutex_lock(&sink->lock);
	sink->queue_size = o->queue_size;
	sink->full = o->full;
	sink_trim(sink, 0);
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
		ret = sink_spooler_start(sink);
	return ret;
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

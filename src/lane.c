// SPDX-License-Identifier: GPL-2.0-or-later
/* The thread and event base of one input. */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lane.h"
#include "log.h"

struct ulogd_watch {
	struct ulogd_watch *next;
	struct lane *lane;
	struct event *event;
	int (*ready)(struct ulogd_instance *inst);	/* or */
	int (*ready_data)(struct ulogd_instance *inst, void *data);
	struct ulogd_instance *inst;
	void *data;
};

/* An outlet stays where it is: outputs point to it. */
struct lane_outlet {
	struct lane_outlet *next;
	struct outlet outlet;
	unsigned int users, sync_users;
};

struct lane {
	const char *name;
	const struct lane_ops *ops;
	void *arg;
	struct event_base *base;
	struct ulogd_watch *watchers;
	struct ulogd_watch *running;	/* the watcher whose turn it is, unless it has freed itself */
	struct lane_outlet *outlets;
	struct event *flush_timer;	/* for outlets without sync */
	unsigned int rest_us;

	struct event *wake;
	int wake_fd;
	atomic_bool want_report, want_stop, want_pause;

	pthread_t thread;
	bool started;
};

#define GATHER_MS	100	/* how long records wait without sync */
#define BEHIND_REST_US	1000	/* what a lane gives a sink that is far behind */

static void outlets_flush(struct lane *lane, bool all)
{
	bool behind = false;

	for (struct lane_outlet *o = lane->outlets; o; o = o->next)
		if (all || o->outlet.sync || !outlet_pending(&o->outlet))
			behind |= outlet_flush(&o->outlet);
	if (behind && lane->rest_us < BEHIND_REST_US)
		lane->rest_us = BEHIND_REST_US;
}

static void flush_timer_fired(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	outlets_flush(arg, true);
}

/*
 * After each turn of a watcher: what has been formatted goes to the sinks in time.  Without sync a
 * lane that was quiet does so at once, and then gathers.
 */
static void lane_settle(struct lane *lane, bool drained)
{
	static const struct timeval gather = { .tv_usec = GATHER_MS * 1000 };
	bool gathers = evtimer_pending(lane->flush_timer, NULL), unsynced = false;

	for (struct lane_outlet *o = lane->outlets; o; o = o->next)
		unsynced |= outlet_pending(&o->outlet) && !o->outlet.sync;
	if (drained)
		outlets_flush(lane, !gathers);
	if (unsynced && !gathers)
		evtimer_add(lane->flush_timer, &gather);
}

/* Whoever asks something of the lane wakes it up. */
static void lane_sleep(struct lane *lane)
{
	struct timespec rest = { .tv_nsec = (long)lane->rest_us * 1000 };
	struct pollfd wake = { .fd = lane->wake_fd, .events = POLLIN };

	lane->rest_us = 0;
	ppoll(&wake, 1, &rest, NULL);
}

static void watcher_ready(evutil_socket_t fd, short what, void *arg)
{
	struct ulogd_watch *w = arg;
	struct lane *lane = w->lane;
	int ret;

	(void)fd;
	(void)what;
	lane->running = w;
	ret = w->ready ? w->ready(w->inst) : w->ready_data(w->inst, w->data);
	if (ret < 0 && lane->running) {
		lane->ops->failed(lane->arg, w->inst);
		log_error("%s: a descriptor cannot be read any more: %s", lane->name,
			  strerror(-ret));
		event_del(w->event);
	}
	/* What is left need not make the descriptor readable again. */
	if (ret > 0 && lane->running)
		event_active(w->event, EV_READ, 0);
	lane->running = NULL;
	lane_settle(lane, ret <= 0);
	if (lane->rest_us > 0)
		lane_sleep(lane);
}

static void lane_woken(evutil_socket_t fd, short what, void *arg)
{
	struct lane *lane = arg;
	uint64_t wakes;
	ssize_t n = read(fd, &wakes, sizeof(wakes));

	(void)n;
	(void)what;
	if (atomic_exchange(&lane->want_report, false))
		lane->ops->report(lane->arg);
	if (atomic_exchange(&lane->want_pause, false)) {
		outlets_flush(lane, true);
		event_base_loopbreak(lane->base);
	} else if (atomic_load(&lane->want_stop)) {
		lane->ops->drain(lane->arg);
		outlets_flush(lane, true);
		event_base_loopbreak(lane->base);
	}
}

struct lane *lane_new(const char *name, const struct lane_ops *ops, void *arg)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	struct event_config *config = event_config_new();

	if (!lane || !config)
		goto err_free;
	lane->name = name;
	lane->ops = ops;
	lane->arg = arg;
	lane->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lane->wake_fd < 0)
		goto err_free;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	lane->base = event_base_new_with_config(config);
	if (!lane->base)
		goto err_close;
	lane->flush_timer = evtimer_new(lane->base, flush_timer_fired, lane);
	lane->wake = event_new(lane->base, lane->wake_fd, EV_READ | EV_PERSIST, lane_woken, lane);
	if (!lane->flush_timer || !lane->wake || event_add(lane->wake, NULL) < 0)
		goto err_events;
	event_config_free(config);
	return lane;

err_events:
	if (lane->flush_timer)
		event_free(lane->flush_timer);
	if (lane->wake)
		event_free(lane->wake);
	event_base_free(lane->base);
err_close:
	close(lane->wake_fd);
err_free:
	if (config)
		event_config_free(config);
	free(lane);
	return NULL;
}

void lane_free(struct lane *lane)
{
	struct lane_outlet *o;

	if (!lane)
		return;
	while (lane->watchers)
		lane_watch_free(lane->watchers);
	while ((o = lane->outlets)) {
		lane->outlets = o->next;
		outlet_flush(&o->outlet);
		free(o);
	}
	event_free(lane->flush_timer);
	event_free(lane->wake);
	event_base_free(lane->base);
	close(lane->wake_fd);
	free(lane);
}

struct ulogd_watch *lane_watch_new(struct lane *lane, int fd,
				   int (*ready)(struct ulogd_instance *inst, void *data),
				   struct ulogd_instance *inst, void *data)
{
	struct ulogd_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->lane = lane;
	w->ready_data = ready;
	w->inst = inst;
	w->data = data;
	w->event = event_new(lane->base, fd, EV_READ | EV_PERSIST, watcher_ready, w);
	if (!w->event || event_add(w->event, NULL) < 0) {
		if (w->event)
			event_free(w->event);
		free(w);
		return NULL;
	}
	w->next = lane->watchers;
	lane->watchers = w;
	return w;
}

int lane_watch(struct lane *lane, int fd, int (*ready)(struct ulogd_instance *inst),
	       struct ulogd_instance *inst)
{
	struct ulogd_watch *w = lane_watch_new(lane, fd, NULL, inst, NULL);

	if (!w)
		return -ENOMEM;
	w->ready = ready;
	return 0;
}

void lane_watch_free(struct ulogd_watch *w)
{
	struct ulogd_watch **at;

	if (!w)
		return;
	for (at = &w->lane->watchers; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	if (w->lane->running == w)
		w->lane->running = NULL;
	event_free(w->event);
	free(w);
}

void lane_unwatch(struct lane *lane, const struct ulogd_instance *inst)
{
	struct ulogd_watch *w, *next;

	for (w = lane->watchers; w; w = next) {
		next = w->next;
		if (w->inst == inst && w->ready)
			lane_watch_free(w);
	}
}

bool lane_stopping(const struct lane *lane)
{
	return atomic_load(&lane->want_stop);
}

void lane_rest(struct lane *lane, unsigned int usec)
{
	lane->rest_us = usec;
}

struct outlet *lane_outlet(struct lane *lane, struct sink *sink, bool sync)
{
	struct lane_outlet *o;

	for (o = lane->outlets; o && o->outlet.sink != sink; o = o->next)
		;
	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return NULL;
		o->outlet.sink = sink;
		o->next = lane->outlets;
		lane->outlets = o;
	}
	o->users++;
	o->sync_users += sync;
	o->outlet.sync = o->sync_users > 0;
	return &o->outlet;
}

void lane_outlet_put(struct lane *lane, struct outlet *outlet, bool sync)
{
	struct lane_outlet **at = &lane->outlets, *o;

	while (&(*at)->outlet != outlet)
		at = &(*at)->next;
	o = *at;
	o->sync_users -= sync;
	o->outlet.sync = o->sync_users > 0;
	if (--o->users == 0) {
		outlet_flush(outlet);
		*at = o->next;
	}
	sink_put(outlet->sink);
	if (o->users == 0)
		free(o);
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;

	lane_settle(lane, true);	/* records that the start brought */
	event_base_dispatch(lane->base);
	return NULL;
}

int lane_start(struct lane *lane)
{
	char name[16];
	int ret = pthread_create(&lane->thread, NULL, lane_main, lane);

	if (ret)
		return -ret;
	lane->started = true;
	strncpy(name, lane->name, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	pthread_setname_np(lane->thread, name);
	return 0;
}

static void lane_ask(struct lane *lane, atomic_bool *what)
{
	static const uint64_t one = 1;
	ssize_t n;

	atomic_store(what, true);
	n = write(lane->wake_fd, &one, sizeof(one));	/* cannot fail: the counter has 64 bits */
	(void)n;
}

void lane_ask_report(struct lane *lane)
{
	lane_ask(lane, &lane->want_report);
}

void lane_ask_stop(struct lane *lane)
{
	lane_ask(lane, &lane->want_stop);
}

bool lane_running(const struct lane *lane)
{
	return lane->started;
}

void lane_set_arg(struct lane *lane, void *arg)
{
	lane->arg = arg;
}

int lane_pause(struct lane *lane, unsigned int timeout_ms)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += timeout_ms / 1000;
	lane_ask(lane, &lane->want_pause);
	if (pthread_timedjoin_np(lane->thread, NULL, &end) == 0) {
		lane->started = false;
		return 0;
	}
	/* Unless it has begun to answer this very moment. */
	if (atomic_exchange(&lane->want_pause, false))
		return -ETIMEDOUT;
	lane_join(lane);
	return 0;
}

void lane_join(struct lane *lane)
{
	if (lane->started)
		pthread_join(lane->thread, NULL);
	lane->started = false;
}

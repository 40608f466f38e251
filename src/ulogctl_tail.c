// SPDX-License-Identifier: GPL-2.0-or-later
/* ulogctl tail and top: events as they come. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ulogctl_filter.h"
#include "ulogctl_print.h"
#include "ulogctl_tail.h"

#define LINE_BYTES_MIN	65536
#define LINE_BYTES_MAX	(64u << 20)	/* no record of the daemon is longer */
#define KEYS_MAX	100000		/* that top counts one by one; the rest is counted as one */
#define TOP_ROWS	8
#define REST		"(others)"

int stream_line(struct stream *s, int timeout_ms, char **ret)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
	size_t looked = 0;

	if (s->taken > 0)
		memmove(s->buf, s->buf + s->taken, s->len -= s->taken);
	s->taken = 0;
	for (;;) {
		char *end = s->len > looked ? memchr(s->buf + looked, '\n', s->len - looked) : NULL;
		ssize_t n;

		if (end) {
			*end = '\0';
			*ret = s->buf;
			s->taken = (size_t)(end - s->buf) + 1;
			return 1;
		}
		looked = s->len;
		if (s->len == s->size) {
			size_t size = s->size ? 2 * s->size : LINE_BYTES_MIN;
			char *buf = size <= LINE_BYTES_MAX ? realloc(s->buf, size) : NULL;

			if (!buf)
				return -1;
			s->buf = buf;
			s->size = size;
		}
		if (poll(&pfd, 1, timeout_ms) == 0)
			return 0;
		n = read(s->fd, s->buf + s->len, s->size - s->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s->len += (size_t)n;
	}
}

/* An event that is to be shown, or NULL; a message of the daemon is said, and counted in *@skipped. */
static json_t *event_read(const char *line, const struct watch *w, json_int_t *skipped)
{
	json_t *event = json_loads(line, JSON_ALLOW_NUL, NULL);
	json_int_t n;

	/* Numbers from 2^63 on are no integers for jansson. */
	if (!event)
		event = json_loads(line, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	n = json_integer_value(json_object_get(event, "skipped"));
	*skipped += n;
	if (n == 0 && json_is_object(event) && (!w->filter || filter_match(w->filter, event)))
		return event;
	json_decref(event);
	return NULL;
}

bool tail_run(struct stream *s, const struct watch *w)
{
	long left = w->count;
	char *line;

	while (stream_line(s, -1, &line) > 0) {
		json_int_t skipped = 0;
		json_t *event = event_read(line, w, &skipped);

		if (skipped > 0)
			fprintf(stderr, "ulogctl: %" JSON_INTEGER_FORMAT " events skipped\n", skipped);
		if (!event)
			continue;
		if (w->json)
			puts(line);
		else
			print_event(event, stdout);
		json_decref(event);
		if (fflush(stdout) < 0 || (left > 0 && --left == 0))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------- top */

/* One thing of which there may be more or less: counts by its text. */
struct ranking {
	const char *title;
	json_t *counts, *before;	/* objects; before: at the last round */
};

enum { PREFIX, SOURCE, DESTINATION, SERVICE, N_RANKINGS };

static void ranking_count(struct ranking *r, const char *key)
{
	json_t *count = json_object_get(r->counts, key);

	if (!count && json_object_size(r->counts) >= KEYS_MAX) {
		key = REST;
		count = json_object_get(r->counts, key);
	}
	if (count)
		json_integer_set(count, json_integer_value(count) + 1);
	else
		json_object_set_new(r->counts, key, json_integer(1));
}

struct row {
	const char *key;
	json_int_t count;
};

static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->key, y->key);
}

static void ranking_print(struct ranking *r, double seconds)
{
	struct row *rows = calloc(json_object_size(r->counts) + 1, sizeof(*rows));
	json_t *value;
	const char *key;
	size_t n = 0;

	if (!rows)
		return;
	json_object_foreach(r->counts, key, value)
		rows[n++] = (struct row){ key, json_integer_value(value) };
	qsort(rows, n, sizeof(*rows), row_compare);
	printf("\n%10s %10s  %s\n", "EVENTS", "PER SECOND", r->title);
	for (size_t i = 0; i < n && i < TOP_ROWS; i++) {
		json_int_t before = json_integer_value(json_object_get(r->before, rows[i].key));

		printf("%10" JSON_INTEGER_FORMAT " %10.1f  ", rows[i].count,
		       (double)(rows[i].count - before) / seconds);
		print_safe(rows[i].key, stdout);
		putchar('\n');
	}
	free(rows);
	json_decref(r->before);
	r->before = json_deep_copy(r->counts);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool top_run(struct stream *s, const struct watch *w)
{
	struct ranking rankings[N_RANKINGS] = {
		[PREFIX] = { .title = "PREFIX" }, [SOURCE] = { .title = "SOURCE" },
		[DESTINATION] = { .title = "DESTINATION" }, [SERVICE] = { .title = "SERVICE" },
	};
	json_int_t events = 0, events_before = 0, skipped = 0;
	double begin = now();
	long round = 0;
	int ret = 1;

	for (int i = 0; i < N_RANKINGS; i++) {
		rankings[i].counts = json_object();
		rankings[i].before = json_object();
	}
	while (ret >= 0 && (w->count == 0 || round < w->count)) {
		double left = begin + w->seconds - now();
		char *line, buf[128];
		json_t *event;

		ret = left > 0 ? stream_line(s, (int)(left * 1000) + 1, &line) : 0;
		if (ret > 0) {
			event = event_read(line, w, &skipped);
			if (!event)
				continue;
			events++;
			ranking_count(&rankings[PREFIX], event_prefix(event));
			ranking_count(&rankings[SOURCE], event_source(event, buf, sizeof(buf)));
			ranking_count(&rankings[DESTINATION], event_destination(event, buf, sizeof(buf)));
			ranking_count(&rankings[SERVICE], event_service(event, buf, sizeof(buf)));
			json_decref(event);
			continue;
		}
		if (ret < 0)
			break;
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		else if (round > 0)
			fputs("\n", stdout);
		printf("%" JSON_INTEGER_FORMAT " events, %.1f per second, %" JSON_INTEGER_FORMAT " skipped\n",
		       events, (double)(events - events_before) / (now() - begin), skipped);
		for (int i = 0; i < N_RANKINGS; i++)
			ranking_print(&rankings[i], now() - begin);
		fflush(stdout);
		events_before = events;
		begin = now();
		round++;
	}
	for (int i = 0; i < N_RANKINGS; i++) {
		json_decref(rankings[i].counts);
		json_decref(rankings[i].before);
	}
	return ret >= 0;
}

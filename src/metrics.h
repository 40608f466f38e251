/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.h - counters as text for monitoring: on request, by HTTP, in a file.
 *
 * OpenMetrics 1.0 for those who ask for it, else the text format of Prometheus 0.0.4, which
 * differs in that the head of a counter's family has the name of its samples.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct ulogd_buf;

/** Options of [global]. */
struct metrics_options {
	const char *metrics_listen;
	bool metrics_listen_any;
	const char *metrics_file;
	int32_t metrics_interval;
};

/** Notes when the daemon began. */
void metrics_init(void);

/** That time in microseconds since 1970: no two daemons have the same. */
int64_t metrics_started_us(void);

/** All metrics as text, to be freed; NULL: no memory. */
char *metrics_text(bool openmetrics);

/** Opens what the options say, while we are privileged; what cannot be opened is said. */
void metrics_open(const struct metrics_options *options);

/**
 * Serves what is open, and writes the file, from now on.  16 clients are served at a time, each for five
 * seconds at most; more wait for their turn.
 */
void metrics_run(struct event_base *base);

/**
 * Goes over to other options; after metrics_run().  When it cannot listen where they say, which is said,
 * it stays where it is; a negative errno then.
 */
int metrics_change(struct event_base *base, const struct metrics_options *options);

/** Ends it, before the event base. */
void metrics_fini(void);

/** Appends text, of which bytes that are no UTF-8 become question marks. */
void metrics_put_utf8(struct ulogd_buf *b, const char *text);

#endif /* METRICS_H */

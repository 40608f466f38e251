/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ulogctl_tail.h - reading what the daemon sends: answers, and events as they come.
 */
#ifndef ULOGCTL_TAIL_H
#define ULOGCTL_TAIL_H

#include <stdbool.h>
#include <stddef.h>

struct filter;

/** A connection, and what came that is no whole line yet.  Begins as { .fd = … }. */
struct stream {
	int fd;
	char *buf;
	size_t len, size;
	size_t taken;		/* bytes at the beginning that were returned already */
};

/**
 * The next line, without its end, valid until the next call.
 * @timeout_ms: -1 waits without end
 * Returns 1; 0 when the time is over; -1 at the end.
 */
int stream_line(struct stream *s, int timeout_ms, char **ret);

/** What the command line says about events. */
struct watch {
	const struct filter *filter;	/* NULL: all */
	bool json;
	double seconds;		/* of a round of top */
	long count;		/* events of tail, rounds of top; 0: without end */
};

/** Prints events as they come.  False when the daemon ended it. */
bool tail_run(struct stream *s, const struct watch *w);

/** Prints what there is most of, round by round.  False when the daemon ended it. */
bool top_run(struct stream *s, const struct watch *w);

#endif /* ULOGCTL_TAIL_H */

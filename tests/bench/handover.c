// SPDX-License-Identifier: GPL-2.0-or-later
/* handover - what it costs lanes and a sink to pass chunks on: full ones, and one for each record. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "outlet.h"
#include "sink.h"

#define RECORD_BYTES	170		/* a line */
#define PRODUCERS_MAX	256

static struct {
	struct sink *sink;
	unsigned int records;		/* to a chunk */
	unsigned int chunks;		/* by each producer */
	pthread_barrier_t begin;
} run;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int null_open(struct sink *sink)
{
	sink_set_fd(sink, open("/dev/null", O_WRONLY | O_CLOEXEC));
	return sink_fd(sink) < 0 ? -1 : 0;
}

/* The destination takes everything at no cost, so that only the passing on is left. */
static int null_write(struct sink *sink, struct chunk *c)
{
	(void)sink;
	c->done = c->len;
	return 0;
}

static void null_close(struct sink *sink)
{
	close(sink_fd(sink));
	sink_set_fd(sink, -1);
}

static const struct sink_ops null_ops = { .open = null_open, .write = null_write, .close = null_close };

/* A lane without an input; the CPU time that one chunk took it. */
static void *producer_main(void *arg)
{
	struct outlet outlet = { .sink = run.sink };
	double *ret_ns = arg;
	struct ulogd_buf buf;
	uint64_t begin;

	pthread_barrier_wait(&run.begin);
	begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (unsigned int i = 0; i < run.chunks; i++) {
		for (unsigned int r = 0; r < run.records && outlet_begin(&outlet, 0, &buf); r++)
			outlet_commit(&outlet, buf.p + RECORD_BYTES);
		outlet_flush(&outlet);
	}
	*ret_ns = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / run.chunks;
	return NULL;
}

/* Prints: producers, records to a chunk, ns of a producer for a chunk, ns of the sink for one. */
static void measure(unsigned int producers, unsigned int records)
{
	double ns[PRODUCERS_MAX], sum = 0;
	pthread_t threads[PRODUCERS_MAX];
	uint64_t begin, all;

	run.records = records;
	run.chunks = 200000 / producers;
	if (sink_get("null", &null_ops, NULL, 8 << 20, SINK_FULL_WAIT, &run.sink) < 0 || sink_start_all() < 0)
		exit(EXIT_FAILURE);
	pthread_barrier_init(&run.begin, NULL, producers);
	begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned int i = 0; i < producers; i++)
		if (pthread_create(&threads[i], NULL, producer_main, &ns[i]) != 0)
			exit(EXIT_FAILURE);
	for (unsigned int i = 0; i < producers; i++) {
		pthread_join(threads[i], NULL);
		sum += ns[i];
	}
	sink_put(run.sink);
	sink_begin_stop_all(1000);
	sink_fini_all();
	all = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
	pthread_barrier_destroy(&run.begin);
	printf("%u %u %.0f %.0f\n", producers, records, sum / producers,
	       (double)all / (run.chunks * producers) - sum / producers);
}

int main(int argc, char **argv)
{
	unsigned int producers = argc == 2 ? (unsigned int)atoi(argv[1]) : 0;

	if (producers < 1 || producers > PRODUCERS_MAX) {
		fprintf(stderr, "usage: handover LANES\n");
		return EXIT_FAILURE;
	}
	measure(producers, (64 * 1024 - 256) / (RECORD_BYTES + 4));
	measure(producers, 1);
	return EXIT_SUCCESS;
}

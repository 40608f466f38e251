/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dest.h - a destination in memory, that blocks and fails as it is told, for tests of both sides of a sink. */
#ifndef DEST_H
#define DEST_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "outlet.h"
#include "sink.h"
#include "unit.h"

#define QUEUE_MIN	(256 * 1024)	/* four chunks */
#define QUEUE_LARGE	(8 << 20)
#define RECORD_LEN	1000

extern struct memory {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool blocked;		/* write() waits */
	bool writing;		/* write() waits now */
	int open_err, write_err;	/* 0 or what they return */
	size_t take;		/* bytes that write() takes before it fails */
	unsigned int opens, writes, settles, closes;
	char *data;
	size_t len;
} dest;

extern const struct sink_ops dest_ops;
/* Another kind: without settle(). */
extern const struct sink_ops other_ops;

/* As it was at first, nothing written. */
void dest_reset(void);

/* From now on write() waits, or does not. */
void dest_block(bool blocked);

/* From now on write() takes @take bytes and fails; @err 0: it takes all. */
void dest_fail(int err, size_t take);

size_t dest_len(void);
bool dest_is_writing(void);
unsigned int dest_opens(void);

/* Made with sink_get(), or found. */
struct sink *sink_named(const char *name, const struct sink_ops *ops, size_t queue_size, enum sink_full full);
struct sink *dest_sink(size_t queue_size, enum sink_full full);

/* What an output does for a record; false: it is lost. */
bool push(struct outlet *outlet, const char *data, size_t len);

/* Record @n: a line of RECORD_LEN bytes. */
bool push_record(struct outlet *outlet, unsigned int n);

/* @data is the records 0 to @n - 1. */
void assert_records(const char *data, size_t len, unsigned int n);

/* Hands one record over and waits until the sink's thread is stuck with it. */
void dest_occupy(struct outlet *outlet);

/* A thread that pushes @count records, handing ten over at a time. */
struct producer {
	struct outlet outlet;
	unsigned int count;
	atomic_uint pushed, refused;
};

void *producer_main(void *arg);

/* Starts it at a destination that is stuck, and returns when records have been handed over. */
pthread_t producer_stuck(struct producer *p);

/* Lets the destination go on, and ends everything: what was pushed is written. */
void producer_end(struct producer *p);

struct sink_stats stats(struct sink *sink);
uint64_t dropped(const struct sink_stats *st);

/* Each record is in one place. */
bool balanced(struct sink *sink);

/* No file can be larger. */
void file_limit(rlim_t bytes);

/* Fixtures: the destination reset, the log caught. */
int dest_setup(void **state);
int dest_teardown(void **state);

/* The same, with a sink that has a spool. */
struct spools {
	char *dir;
	struct sink *sink;
	struct outlet outlet;
	unsigned int next;	/* record */
};

int spools_setup(void **state);
int spools_teardown(void **state);

/* The sink again, after it has ended. */
void spool_sink_new(struct spools *s);

/* Hands over the next @n records, no faster than the spool takes them. */
void push_spooled(struct spools *s, unsigned int n);

/* The path of its first segment, to be freed. */
char *spool_file(const struct spools *s);

#define unit(test) cmocka_unit_test_setup_teardown(test, dest_setup, dest_teardown)
#define unit_spools(test) cmocka_unit_test_setup_teardown(test, spools_setup, spools_teardown)

#endif /* DEST_H */

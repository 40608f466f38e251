// SPDX-License-Identifier: GPL-2.0-or-later
/* Destinations: order, gathering, losing, waiting, failing, opening again; with one in memory and with files. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "outlet.h"
#include "sink.h"
#include "sink_file.h"
#include "unit.h"

#define QUEUE_MIN	(256 * 1024)	/* four chunks */
#define QUEUE_LARGE	(8 << 20)
#define STUCK_MS	2000	/* after that a lane that waits in vain goes on, and its test fails */

/* ------------------------------------------------- a destination in memory */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool blocked;		/* write() waits */
	bool writing;		/* write() waits now */
	int open_err, write_err;	/* 0 or what they return */
	size_t take;		/* bytes that write() takes before it fails */
	unsigned int opens, writes, settles, closes;
	char *data;
	size_t len;
} dest = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static void dest_reset(void)
{
	free(dest.data);
	dest.blocked = dest.writing = false;
	dest.open_err = dest.write_err = 0;
	dest.take = 0;
	dest.opens = dest.writes = dest.settles = dest.closes = 0;
	dest.data = NULL;
	dest.len = 0;
}

static int dest_open(struct sink *sink)
{
	int ret;

	pthread_mutex_lock(&dest.lock);
	dest.opens++;
	ret = dest.open_err;
	pthread_mutex_unlock(&dest.lock);
	if (ret == 0 && sink_fd(sink) < 0)
		sink_set_fd(sink, open("/dev/null", O_WRONLY | O_CLOEXEC));
	return ret;
}

static void dest_append(const char *data, size_t len)
{
	char *grown = realloc(dest.data, dest.len + len + 1);

	if (!grown)
		abort();
	dest.data = grown;
	memcpy(dest.data + dest.len, data, len);
	dest.len += len;
	dest.data[dest.len] = '\0';
}

static int dest_write(struct sink *sink, struct chunk *c)
{
	size_t len;
	int ret;

	(void)sink;
	pthread_mutex_lock(&dest.lock);
	dest.writes++;
	dest.writing = true;
	pthread_cond_broadcast(&dest.changed);
	while (dest.blocked)
		pthread_cond_wait(&dest.changed, &dest.lock);
	dest.writing = false;
	len = c->len - c->done;
	ret = dest.write_err;
	if (ret < 0 && len > dest.take)
		len = dest.take;
	dest.take -= ret < 0 ? len : 0;
	dest_append(c->data + c->done, len);
	c->done += (uint32_t)len;
	pthread_mutex_unlock(&dest.lock);
	return c->done == c->len ? 0 : ret;
}

static void dest_settle(struct sink *sink, struct chunk *c)
{
	(void)sink;
	(void)c;
	dest.settles++;
}

static void dest_close(struct sink *sink)
{
	dest.closes++;
	if (sink_fd(sink) >= 0)
		close(sink_fd(sink));
	sink_set_fd(sink, -1);
}

static const struct sink_ops dest_ops = {
	.open = dest_open, .write = dest_write, .settle = dest_settle, .close = dest_close,
};

static const struct sink_ops other_ops = {
	.open = dest_open, .write = dest_write, .close = dest_close,
};

static void dest_block(bool blocked)
{
	pthread_mutex_lock(&dest.lock);
	dest.blocked = blocked;
	pthread_cond_broadcast(&dest.changed);
	pthread_mutex_unlock(&dest.lock);
}

static void dest_fail(int err, size_t take)
{
	pthread_mutex_lock(&dest.lock);
	dest.write_err = err;
	dest.take = take;
	pthread_mutex_unlock(&dest.lock);
}

static size_t dest_len(void)
{
	size_t len;

	pthread_mutex_lock(&dest.lock);
	len = dest.len;
	pthread_mutex_unlock(&dest.lock);
	return len;
}

static bool dest_is_writing(void)
{
	bool writing;

	pthread_mutex_lock(&dest.lock);
	writing = dest.writing;
	pthread_mutex_unlock(&dest.lock);
	return writing;
}

static unsigned int dest_opens(void)
{
	unsigned int opens;

	pthread_mutex_lock(&dest.lock);
	opens = dest.opens;
	pthread_mutex_unlock(&dest.lock);
	return opens;
}

/* ---------------------------------------------------------------- records */

static bool push(struct outlet *outlet, const char *data, size_t len)
{
	struct ulogd_buf out;

	for (unsigned int attempt = 0; outlet_begin(outlet, attempt, &out); attempt++) {
		ulogd_buf_mem(&out, data, len);
		if (out.full)
			continue;
		outlet_commit(outlet, out.p);
		return true;
	}
	return false;
}

#define RECORD_LEN 1000

/* Record @n: a line of RECORD_LEN bytes. */
static void record_make(char *ret, unsigned int n)
{
	memset(ret, '.', RECORD_LEN);
	ret[snprintf(ret, RECORD_LEN, "%u ", n)] = '.';
	ret[RECORD_LEN - 1] = '\n';
}

static bool push_record(struct outlet *outlet, unsigned int n)
{
	char record[RECORD_LEN];

	record_make(record, n);
	return push(outlet, record, sizeof(record));
}

/* @data is the records 0 to @n - 1. */
static void assert_records(const char *data, size_t len, unsigned int n)
{
	char record[RECORD_LEN];

	assert_int_equal(len, (size_t)n * RECORD_LEN);
	for (unsigned int i = 0; i < n; i++) {
		record_make(record, i);
		if (memcmp(data + (size_t)i * RECORD_LEN, record, RECORD_LEN) != 0)
			fail_msg("record %u is \"%.20s\"", i, data + (size_t)i * RECORD_LEN);
	}
}

static struct sink *sink_named(const char *name, const struct sink_ops *ops, size_t queue_size,
			       enum sink_full full)
{
	struct sink *sink;

	assert_int_equal(sink_get(name, ops, NULL, queue_size, full, &sink), 0);
	return sink;
}

static struct sink *dest_sink(size_t queue_size, enum sink_full full)
{
	return sink_named("memory", &dest_ops, queue_size, full);
}

/* Hands one record over and waits until the sink's thread is stuck with it. */
static void dest_occupy(struct outlet *outlet)
{
	dest_block(true);
	assert_true(push_record(outlet, 0));
	outlet_flush(outlet);
	wait_until(dest_is_writing());
}

static int setup(void **state)
{
	(void)state;
	dest_reset();
	log_catch();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dest_block(false);
	sink_fini_all();
	log_catch_end();
	dest_reset();
	return 0;
}

/* ------------------------------------------------------------------ chunks */

static void records_are_found_by_where_they_end(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	const struct chunk *c;

	(void)state;
	assert_true(push(&outlet, "one\n", 4));
	assert_true(push(&outlet, "three\n", 6));
	assert_true(push(&outlet, "x", 1));
	c = outlet.chunk;
	assert_int_equal(c->records, 3);
	assert_int_equal(chunk_record_end(c, 0), 4);
	assert_int_equal(chunk_record_end(c, 1), 10);
	assert_int_equal(chunk_record_end(c, 2), 11);
	assert_int_equal(chunk_records_within(c, 0), 0);
	assert_int_equal(chunk_records_within(c, 3), 0);
	assert_int_equal(chunk_records_within(c, 4), 1);
	assert_int_equal(chunk_records_within(c, 9), 1);
	assert_int_equal(chunk_records_within(c, 10), 2);
	assert_int_equal(chunk_records_within(c, 11), 3);
	assert_int_equal(sink_start_all(), 0);
	outlet_flush(&outlet);
}

static void a_chunk_is_filled_to_the_last_byte_its_table_leaves(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	const struct chunk *first;
	unsigned int n = 0;

	(void)state;
	assert_true(push(&outlet, "x", 1));
	for (first = outlet.chunk; outlet.chunk == first; n++)
		assert_true(push(&outlet, "x", 1));
	/* Each takes one byte and its entry of four. */
	assert_int_equal(n, (CHUNK_SIZE - sizeof(*first)) / 5);
	assert_int_equal(sink_start_all(), 0);
	outlet_flush(&outlet);
	wait_until(dest_len() == n + 1);
}

/* ------------------------------------------------------------ handing over */

static void records_arrive_whole_and_in_their_order(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_LARGE, SINK_FULL_WAIT) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 20000; i++) {
		assert_true(push_record(&outlet, i));
		if (i % 7 == 0)
			outlet_flush(&outlet);
	}
	outlet_flush(&outlet);
	wait_until(dest_len() == 20000 * RECORD_LEN);
	assert_records(dest.data, dest.len, 20000);
	sink_fini_all();
	assert_log_has("memory: 20000 records written (20000000 bytes), 0 lost");
}

static void nothing_is_written_before_it_is_handed_over(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	assert_true(outlet_pending(&outlet));
	assert_int_equal(dest_len(), 0);
	outlet_flush(&outlet);
	assert_false(outlet_pending(&outlet));
	wait_until(dest_len() == RECORD_LEN);
	outlet_flush(&outlet);
}

static void handing_over_nothing_does_nothing(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	struct ulogd_buf out;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	outlet_flush(&outlet);
	assert_true(outlet_begin(&outlet, 0, &out));
	outlet_flush(&outlet);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_int_equal(dest.writes, 0);
	assert_log_has("memory: 0 records written (0 bytes), 0 lost");
}

static void small_hand_overs_are_gathered_into_one_write(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (unsigned int i = 1; i < 60; i++) {
		assert_true(push_record(&outlet, i));
		outlet_flush(&outlet);
	}
	dest_block(false);
	outlet_flush(&outlet);
	wait_until(dest_len() == 60 * RECORD_LEN);
	assert_records(dest.data, dest.len, 60);
	assert_int_equal(dest.writes, 2);
}

static void a_queue_of_small_hand_overs_holds_what_its_size_says(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n = 0;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	/* One chunk is stuck in the destination, one may be the lane's. */
	assert_true(n * RECORD_LEN > QUEUE_MIN - 2 * CHUNK_SIZE);
	dest_block(false);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, n);
}

static void outputs_with_one_destination_share_its_sink(void **state)
{
	struct sink *a = dest_sink(QUEUE_MIN, SINK_FULL_DROP), *b;

	(void)state;
	assert_ptr_equal(a, dest_sink(QUEUE_LARGE, SINK_FULL_WAIT));
	assert_int_equal(dest_opens(), 1);
	b = sink_named("memory", &other_ops, QUEUE_MIN, SINK_FULL_DROP);
	assert_ptr_not_equal(a, b);
	b = sink_named("memory2", &dest_ops, QUEUE_MIN, SINK_FULL_DROP);
	assert_ptr_not_equal(a, b);
	assert_string_equal(sink_name(b), "memory2");
}

static void records_of_several_outlets_are_all_written(void **state)
{
	struct sink *sink = dest_sink(QUEUE_LARGE, SINK_FULL_WAIT);
	struct outlet a = { .sink = sink }, b = { .sink = sink };
	size_t na = 0, nb = 0;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 3000; i++) {
		assert_true(push(&a, "aaaa\n", 5));
		assert_true(push(&b, "bb\n", 3));
		if (i % 100 == 0)
			outlet_flush(i % 200 == 0 ? &a : &b);
	}
	outlet_flush(&a);
	outlet_flush(&b);
	sink_fini_all();
	for (const char *line = dest.data; *line; ) {
		if (strncmp(line, "aaaa\n", 5) == 0) {
			na++;
			line += 5;
		} else {
			assert_memory_equal(line, "bb\n", 3);
			nb++;
			line += 3;
		}
	}
	assert_int_equal(na, 3000);
	assert_int_equal(nb, 3000);
}

static void a_destination_that_cannot_be_opened_is_no_sink(void **state)
{
	struct sink *sink = NULL;

	(void)state;
	dest.open_err = -EACCES;
	assert_int_equal(sink_get("memory", &dest_ops, NULL, QUEUE_MIN, SINK_FULL_DROP, &sink), -EACCES);
	assert_null(sink);
	dest.open_err = 0;
	dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	assert_int_equal(dest_opens(), 2);
}

/* ---------------------------------------------------------- large records */

static void records_larger_than_a_chunk_are_written(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_LARGE, SINK_FULL_DROP) };
	static char large[300000];

	(void)state;
	memset(large, 'L', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\n';
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	assert_true(push(&outlet, large, sizeof(large)));
	assert_true(push_record(&outlet, 1));
	outlet_flush(&outlet);
	wait_until(dest_len() == 2 * RECORD_LEN + sizeof(large));
	assert_memory_equal(dest.data + RECORD_LEN, large, sizeof(large));
	assert_memory_equal(dest.data + RECORD_LEN + sizeof(large), "1 .", 3);
	assert_log_lacks("lost");
}

static void records_larger_than_the_queue_are_lost_alone(void **state)
{
	static char large[QUEUE_MIN];
	struct outlet outlet;

	(void)state;
	memset(large, 'L', sizeof(large));
	for (enum sink_full full = SINK_FULL_DROP; full <= SINK_FULL_WAIT; full++) {
		dest_reset();
		outlet = (struct outlet){ .sink = dest_sink(QUEUE_MIN, full) };
		assert_int_equal(sink_start_all(), 0);
		assert_true(push_record(&outlet, 0));
		sink_begin_stop_all(STUCK_MS);
		assert_false(push(&outlet, large, sizeof(large)));
		assert_true(push_record(&outlet, 1));
		outlet_flush(&outlet);
		sink_fini_all();
		assert_records(dest.data, dest.len, 2);
	}
	assert_log_has("memory: 2 records written (2000 bytes), 1 lost");
}

/* A record of two chunks, when all of the queue has been in use and is free again. */
static void large_record_after_full_queue(enum sink_full full)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, full) };
	static char large[100000];
	unsigned int n;

	memset(large, 'L', sizeof(large));
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; n < 100; n++) {
		assert_true(push_record(&outlet, n));
		outlet_flush(&outlet);
	}
	dest_block(false);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	sink_begin_stop_all(STUCK_MS);
	assert_true(push(&outlet, large, sizeof(large)));
	outlet_flush(&outlet);
	wait_until(dest_len() == (size_t)n * RECORD_LEN + sizeof(large));
}

static void large_records_find_room_after_the_queue_was_in_use(void **state)
{
	(void)state;
	large_record_after_full_queue(SINK_FULL_DROP);
}

static void large_records_do_not_wait_for_room_that_is_there(void **state)
{
	(void)state;
	large_record_after_full_queue(SINK_FULL_WAIT);
}

/* --------------------------------------------------------------- a full queue */

static void a_full_queue_loses_what_it_refuses_and_nothing_else(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int accepted = 1, refused = 0;
	char said[128];

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (unsigned int i = 0; i < 1000; i++) {
		if (push_record(&outlet, accepted))
			accepted++;
		else
			refused++;
		outlet_flush(&outlet);
	}
	assert_true(accepted > 100);
	assert_true(refused > 100);
	assert_log_has("memory: the queue is full");
	assert_log_has("raise queue_size (now 262144 bytes) or set queue_full=wait");
	dest_block(false);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, accepted);
	snprintf(said, sizeof(said), "memory: %u records written (%u bytes), %u lost", accepted,
		 accepted * RECORD_LEN, refused);
	assert_log_has(said);
}

static void after_a_full_queue_records_pass_again(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	dest_block(false);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	for (unsigned int end = n + 100; n < end; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	assert_records(dest.data, dest.len, n);
}

static void a_lane_hears_that_a_sink_is_far_behind(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	bool behind = false;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	assert_false(outlet_flush(&outlet));
	wait_until(dest_len() == RECORD_LEN);
	dest_occupy(&outlet);
	for (unsigned int n = 1; !behind && push_record(&outlet, n); n++)
		behind = outlet_flush(&outlet);
	assert_true(behind);
	outlet_flush(&outlet);
}

struct producer {
	struct outlet outlet;
	unsigned int count;
	atomic_uint pushed, refused;
};

static void *producer_main(void *arg)
{
	struct producer *p = arg;

	for (unsigned int n = 0; n < p->count; n++) {
		if (push_record(&p->outlet, n))
			atomic_fetch_add(&p->pushed, 1);
		else
			atomic_fetch_add(&p->refused, 1);
		if (n % 10 == 0)
			outlet_flush(&p->outlet);
	}
	return NULL;
}

static void with_queue_full_wait_nothing_is_lost(void **state)
{
	struct producer p = { .count = 5000 };
	pthread_t thread;

	(void)state;
	p.outlet.sink = dest_sink(QUEUE_MIN, SINK_FULL_WAIT);
	assert_int_equal(sink_start_all(), 0);
	dest_block(true);
	assert_int_equal(pthread_create(&thread, NULL, producer_main, &p), 0);
	wait_until(atomic_load(&p.pushed) > 100);
	/* It holds no more than its size. */
	assert_true(atomic_load(&p.pushed) <= QUEUE_MIN / RECORD_LEN);
	dest_block(false);
	pthread_join(thread, NULL);
	assert_int_equal(p.pushed, 5000);
	assert_int_equal(p.refused, 0);
	outlet_flush(&p.outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, 5000);
	assert_log_has("5000 records written (5000000 bytes), 0 lost");
}

static void a_lane_that_waits_goes_on_when_the_daemon_stops(void **state)
{
	struct producer p = { .count = 1000 };
	pthread_t thread;

	(void)state;
	p.outlet.sink = dest_sink(QUEUE_MIN, SINK_FULL_WAIT);
	assert_int_equal(sink_start_all(), 0);
	dest_block(true);
	assert_int_equal(pthread_create(&thread, NULL, producer_main, &p), 0);
	wait_until(atomic_load(&p.pushed) > 100);
	sink_begin_stop_all(20);
	pthread_join(thread, NULL);
	assert_int_equal(p.pushed + p.refused, 1000);
	assert_true(p.refused > 0);
	dest_block(false);
	outlet_flush(&p.outlet);
	sink_fini_all();
	assert_int_equal(dest.len, p.pushed * RECORD_LEN);
}

/* ------------------------------------------------------ failing destinations */

static void a_destination_that_fails_is_tried_again_from_where_it_stopped(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	dest_fail(-ENOSPC, 2500);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int n = 0; n < 10; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(dest_len() == 2500);
	wait_until(log_has("memory: cannot write: No space left on device; will keep trying"));
	dest_fail(0, 0);
	wait_until(dest_len() == 10 * RECORD_LEN);
	wait_until(log_has("memory: writes again after"));
	assert_log_has("0 records lost meanwhile");
	sink_fini_all();
	assert_records(dest.data, dest.len, 10);
	assert_log_has("10 records written (10000 bytes), 0 lost");
}

static void a_failure_is_said_once_however_often_it_is_tried(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int writes;
	const char *said;

	(void)state;
	dest_fail(-EIO, 0);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	do {
		pthread_mutex_lock(&dest.lock);
		writes = dest.writes;
		pthread_mutex_unlock(&dest.lock);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	} while (writes < 3);
	said = strstr(log_caught(), "cannot write");
	assert_non_null(said);
	assert_null(strstr(said + 1, "cannot write"));
	dest_fail(0, 0);
}

static void records_lost_during_a_failure_are_counted_on_recovery(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n, refused = 0;
	char said[64];

	(void)state;
	dest_fail(-ENOSPC, 0);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	wait_until(log_has("cannot write"));
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	for (refused = 1; refused < 77; refused++)
		assert_false(push_record(&outlet, n));
	dest_fail(0, 0);
	wait_until(log_has("writes again after"));
	snprintf(said, sizeof(said), "%u records lost meanwhile", refused);
	assert_log_has(said);
	outlet_flush(&outlet);
	sink_fini_all();
	assert_records(dest.data, dest.len, n);
}

static void of_each_failure_its_own_losses_are_counted(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n, refused;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	for (refused = 1; refused < 10; refused++)
		assert_false(push_record(&outlet, n));
	dest_block(false);
	wait_until(dest_len() == (size_t)n * RECORD_LEN);
	/* Ten have been lost while all was well: they are none of the failure's. */
	dest_fail(-EIO, 0);
	assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(log_has("cannot write"));
	dest_fail(0, 0);
	wait_until(log_has("writes again after"));
	assert_log_has(" 0 records lost meanwhile");
	sink_fini_all();
	assert_log_has(", 10 lost");
}

static void what_cannot_be_written_before_the_end_is_counted_as_lost(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	dest_fail(-ENOSPC, 3 * RECORD_LEN + 10);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int n = 0; n < 200; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	sink_begin_stop_all(0);
	sink_fini_all();
	assert_log_has("memory: stopped while it could not be written, 197 queued records lost");
	assert_log_has("memory: 3 records written (3010 bytes), 197 lost");
	assert_int_equal(dest.closes, 1);
}

/* --------------------------------------------------------------- opening again */

static void reopening_happens_on_the_sinks_thread_also_without_records(void **state)
{
	(void)state;
	dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	assert_int_equal(sink_start_all(), 0);
	assert_int_equal(dest_opens(), 1);
	sink_reopen_all();
	wait_until(dest_opens() == 2);
	wait_until(log_has("memory: opened again"));
}

static void a_failed_reopen_is_said_and_writing_goes_on(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	pthread_mutex_lock(&dest.lock);
	dest.open_err = -EACCES;
	pthread_mutex_unlock(&dest.lock);
	sink_reopen_all();
	wait_until(log_has("memory: cannot open it again: Permission denied; the old one stays in use"));
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	wait_until(dest_len() == RECORD_LEN);
}

static void a_record_that_was_begun_is_settled_before_reopening(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };

	(void)state;
	dest_fail(-ENOSPC, RECORD_LEN / 2);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&outlet, 0));
	outlet_flush(&outlet);
	wait_until(log_has("cannot write"));
	sink_reopen_all();
	wait_until(dest_opens() == 2);
	assert_int_equal(dest.settles, 1);
	dest_fail(0, 0);
	wait_until(dest_len() == RECORD_LEN);
}

/* ------------------------------------------------------------------- files */

struct files {
	char *dir, *path, *moved;
	struct outlet outlet;
};

static int files_setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	setup(NULL);
	f->dir = test_dir_new();
	f->path = test_path(f->dir, "log");
	f->moved = test_path(f->dir, "log.1");
	assert_int_equal(sink_get(f->path, &sink_file_ops,
				  sink_file_dest(&(struct ulogd_file){ .path = f->path },
						 &(struct file_options){}), QUEUE_MIN,
				  SINK_FULL_DROP, &f->outlet.sink), 0);
	*state = f;
	return 0;
}

static void file_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int files_teardown(void **state)
{
	struct files *f = *state;

	file_limit(RLIM_INFINITY);
	teardown(NULL);
	free(f->path);
	free(f->moved);
	test_dir_remove(f->dir);
	free(f);
	return 0;
}

static size_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static void assert_file_records(const char *path, unsigned int n)
{
	char *text = test_file_read(path);

	assert_records(text, strlen(text), n);
	free(text);
}

static void a_file_is_appended_to(void **state)
{
	struct files *f = *state;
	char *text;

	test_file_write(f->path, "before\n", 7);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push(&f->outlet, "after\n", 6));
	outlet_flush(&f->outlet);
	sink_fini_all();
	text = test_file_read(f->path);
	assert_string_equal(text, "before\nafter\n");
	free(text);
}

static void reopening_follows_a_file_that_was_moved_away(void **state)
{
	struct files *f = *state;
	char *text;

	assert_int_equal(sink_start_all(), 0);
	assert_true(push(&f->outlet, "one\n", 4));
	outlet_flush(&f->outlet);
	wait_until(file_size(f->path) == 4);
	assert_int_equal(rename(f->path, f->moved), 0);
	sink_reopen_all();
	wait_until(log_has("opened again"));
	assert_true(push(&f->outlet, "three\n", 6));
	outlet_flush(&f->outlet);
	wait_until(file_size(f->path) == 6);
	text = test_file_read(f->moved);
	assert_string_equal(text, "one\n");
	free(text);
}

static void reopen_keeps_old_file_on_error(void **state)
{
	struct files *f = *state;
	char *gone, *old;

	assert_true(asprintf(&gone, "%s.gone", f->dir) > 0);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push(&f->outlet, "one\n", 4));
	outlet_flush(&f->outlet);
	wait_until(file_size(f->path) == 4);
	assert_int_equal(rename(f->dir, gone), 0);
	sink_reopen_all();
	wait_until(log_has("cannot open it again: No such file or directory; the old one stays in use"));
	assert_true(push(&f->outlet, "two\n", 4));
	outlet_flush(&f->outlet);
	old = test_path(gone, "log");
	wait_until(file_size(old) == 8);
	free(old);
	assert_int_equal(rename(gone, f->dir), 0);
	free(gone);
}

#define LIMIT 100500	/* bytes: in the middle of the second chunk and of a record */

/* Hands 200 records over to a file that takes LIMIT bytes. */
static void file_fill(struct files *f)
{
	file_limit(LIMIT);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int n = 0; n < 200; n++)
		assert_true(push_record(&f->outlet, n));
	outlet_flush(&f->outlet);
	wait_until(log_has("cannot write: File too large"));
	assert_int_equal(file_size(f->path), LIMIT);
}

static void a_full_disk_costs_nothing_and_tears_no_line_when_there_is_room_again(void **state)
{
	struct files *f = *state;

	file_fill(f);
	file_limit(RLIM_INFINITY);
	wait_until(file_size(f->path) == 200 * RECORD_LEN);
	sink_fini_all();
	assert_file_records(f->path, 200);
	assert_log_has("200 records written (200000 bytes), 0 lost");
}

static void a_file_moved_away_while_the_disk_is_full_ends_in_a_whole_line(void **state)
{
	struct files *f = *state;
	char *text;

	file_fill(f);
	assert_int_equal(rename(f->path, f->moved), 0);
	sink_reopen_all();
	wait_until(file_size(f->path) == LIMIT / RECORD_LEN * RECORD_LEN - 500 ||
		   file_size(f->path) == 200 * RECORD_LEN - LIMIT / RECORD_LEN * RECORD_LEN);
	file_limit(RLIM_INFINITY);
	sink_fini_all();
	assert_file_records(f->moved, LIMIT / RECORD_LEN);
	text = test_file_read(f->path);
	assert_memory_equal(text, "100 .", 5);
	assert_int_equal(strlen(text), (200 - LIMIT / RECORD_LEN) * RECORD_LEN);
	free(text);
}

static void a_file_that_is_full_at_the_end_ends_in_a_whole_line(void **state)
{
	struct files *f = *state;

	file_fill(f);
	sink_begin_stop_all(0);
	sink_fini_all();
	assert_log_has("100 records written");
	assert_log_has("100 lost");
	assert_file_records(f->path, LIMIT / RECORD_LEN);
}

/* ------------------------------------------------------------- accounting */

static struct sink_stats stats(struct sink *sink)
{
	struct sink_stats st;

	sink_stats(sink, &st);
	return st;
}

static uint64_t dropped(const struct sink_stats *st)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SINK_DROPS; i++)
		sum += st->dropped[i];
	return sum;
}

/* Each record is in one place. */
static bool balanced(struct sink *sink)
{
	struct sink_stats st = stats(sink);

	return st.formatted + st.recovered == st.written + st.queued + st.spooled + dropped(&st) &&
	       st.queued_bytes <= st.queue_size;
}

static void every_record_is_accounted_for(void **state)
{
	struct sink *sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	struct outlet outlet = { .sink = sink };
	struct sink_stats st;
	unsigned int n;

	(void)state;
	assert_ptr_equal(sink_next(NULL), sink);
	assert_null(sink_next(sink));
	dest_fail(-ENOSPC, 2 * RECORD_LEN + 10);
	assert_int_equal(sink_start_all(), 0);
	for (n = 0; n < 10; n++)
		assert_true(push_record(&outlet, n));
	st = stats(sink);
	assert_int_equal(st.formatted, 0);
	outlet_flush(&outlet);
	wait_until(stats(sink).failing_since != 0);
	st = stats(sink);
	assert_true(balanced(sink));
	assert_int_equal(st.formatted, 10);
	assert_int_equal(st.written, 2);
	assert_int_equal(st.written_bytes, 2 * RECORD_LEN + 10);
	assert_int_equal(st.queued, 8);
	assert_int_equal(st.queue_size, QUEUE_MIN);
	assert_int_equal(st.spool_size, 0);
	for (; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	assert_false(push_record(&outlet, n));
	assert_true(balanced(sink));
	assert_int_equal(stats(sink).dropped[SINK_DROP_QUEUE], 2);
	sink_report_all();
	assert_log_has("2 lost (queue full: 2); ");
	assert_log_has(" in the queue; failing for ");
	outlet_flush(&outlet);
	dest_fail(0, 0);
	wait_until(stats(sink).written == n);
	st = stats(sink);
	assert_true(balanced(sink));
	assert_int_equal(st.queued, 0);
	assert_int_equal(st.failing_since, 0);
}

static void opening_again_is_counted(void **state)
{
	struct sink *sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP);

	(void)state;
	assert_int_equal(stats(sink).reopens, 0);
	assert_int_equal(sink_start_all(), 0);
	sink_reopen_all();
	wait_until(stats(sink).reopens == 1);
	sink_report_all();
	assert_log_has("0 lost; opened again: 1");
}

/* ------------------------------------------------------------------- spools */

struct spools {
	char *dir;
	struct sink *sink;
	struct outlet outlet;
	unsigned int next;	/* record */
};

static void spool_sink_new(struct spools *s)
{
	s->sink = dest_sink(QUEUE_MIN, SINK_FULL_SPOOL);
	assert_int_equal(sink_spool(s->sink, s->dir, 1 << 20), 0);
	s->outlet = (struct outlet){ .sink = s->sink };
}

static int spools_setup(void **state)
{
	struct spools *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	setup(NULL);
	s->dir = test_dir_new();
	spool_sink_new(s);
	*state = s;
	return 0;
}

static int spools_teardown(void **state)
{
	struct spools *s = *state;

	file_limit(RLIM_INFINITY);
	teardown(NULL);
	test_dir_remove(s->dir);
	free(s);
	return 0;
}

/* Hands over the next @n records, no faster than the spool takes them. */
static void push_spooled(struct spools *s, unsigned int n)
{
	for (; n > 0; n--) {
		assert_true(push_record(&s->outlet, s->next++));
		outlet_flush(&s->outlet);
		if (n % 50 == 0)
			wait_until(stats(s->sink).queued < 50);
	}
}

static char *spool_file(const struct spools *s)
{
	char *path;

	assert_true(asprintf(&path, "%s/memory/0000000000000001", s->dir) > 0);
	return path;
}

static void what_a_failing_destination_does_not_take_waits_on_disk(void **state)
{
	struct spools *s = *state;
	struct sink_stats st;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 800);
	wait_until(stats(s->sink).queued == 0);
	st = stats(s->sink);
	assert_int_equal(st.spooled, 800);
	assert_int_equal(st.spooled_ever, 800);
	assert_true(st.spooled_bytes > 800 * RECORD_LEN);
	assert_true(balanced(s->sink));
	assert_log_has("memory: cannot write: Connection refused; will keep trying, records wait in the spool");
	dest_fail(0, 0);
	push_spooled(s, 100);
	wait_until(dest_len() == 900 * RECORD_LEN);
	wait_until(stats(s->sink).spooled_bytes == 0);
	assert_true(balanced(s->sink));
	sink_fini_all();
	assert_records(dest.data, dest.len, 900);
	assert_log_has("memory: 900 records written (900000 bytes), 0 lost; ");
	assert_log_has(" were spooled");
}

static void a_chunk_that_was_begun_goes_on_where_it_was(void **state)
{
	struct spools *s = *state;

	dest_fail(-ENOSPC, 2500);
	assert_int_equal(sink_start_all(), 0);
	for (; s->next < 10; s->next++)
		assert_true(push_record(&s->outlet, s->next));
	outlet_flush(&s->outlet);
	wait_until(stats(s->sink).spooled == 8);
	assert_true(balanced(s->sink));
	dest_fail(0, 0);
	push_spooled(s, 10);
	wait_until(dest_len() == 20 * RECORD_LEN);
	assert_records(dest.data, dest.len, 20);
	assert_true(balanced(s->sink));
}

static void a_slow_destination_is_spooled_for_as_well(void **state)
{
	struct spools *s = *state;

	dest_fail(-EAGAIN, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 600);
	wait_until(stats(s->sink).spooled == 600);
	assert_log_lacks("cannot write");
	dest_fail(0, 0);
	wait_until(dest_len() == 600 * RECORD_LEN);
	assert_records(dest.data, dest.len, 600);
}

static void a_destination_that_is_stuck_is_spooled_for_when_half_of_the_queue_is_used(void **state)
{
	struct spools *s = *state;

	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&s->outlet);
	s->next = 1;
	for (unsigned int i = 0; i < 800; i++) {
		assert_true(push_record(&s->outlet, s->next++));
		outlet_flush(&s->outlet);
		if (i % 40 == 0)
			wait_until(stats(s->sink).queued_bytes <= QUEUE_MIN / 2);
	}
	assert_true(stats(s->sink).spooled > 500);
	assert_true(balanced(s->sink));
	dest_block(false);
	wait_until(dest_len() == 801 * RECORD_LEN);
	assert_records(dest.data, dest.len, 801);
	assert_true(balanced(s->sink));
}

static void what_is_left_at_the_end_is_delivered_by_the_next_start(void **state)
{
	struct spools *s = *state;
	struct sink_stats st;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 300);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_log_has("memory: stopped with 300 records in the spool");
	assert_log_has("memory: 0 records written (0 bytes), 0 lost; 300 in the spool");
	assert_log_lacks("records lost");
	/* Nobody is there for a second time, and there is news. */
	spool_sink_new(s);
	assert_log_has("memory: 300 records of before wait in the spool");
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	wait_until(stats(s->sink).queued == 0);
	st = stats(s->sink);
	assert_int_equal(st.recovered, 300);
	assert_int_equal(st.spooled, 400);
	assert_true(balanced(s->sink));
	sink_fini_all();
	dest_fail(0, 0);
	spool_sink_new(s);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	wait_until(dest_len() == 500 * RECORD_LEN);
	assert_true(balanced(s->sink));
	sink_fini_all();
	assert_records(dest.data, dest.len, 500);
}

static void a_chunk_that_was_begun_at_the_end_goes_on_with_the_next_record(void **state)
{
	struct spools *s = *state;
	char *path = spool_file(s);

	dest_fail(-ENOSPC, 2500);
	assert_int_equal(sink_start_all(), 0);
	for (; s->next < 10; s->next++)
		assert_true(push_record(&s->outlet, s->next));
	outlet_flush(&s->outlet);
	wait_until(dest_len() == 2500);
	sink_fini_all();
	assert_log_has("stopped with 8 records in the spool");
	assert_int_equal(access(path, F_OK), 0);
	dest_reset();
	spool_sink_new(s);
	assert_int_equal(stats(s->sink).recovered, 8);
	assert_int_equal(sink_start_all(), 0);
	wait_until(dest_len() == 8 * RECORD_LEN);
	assert_memory_equal(dest.data, "2 .", 3);
	assert_true(balanced(s->sink));
	wait_until(access(path, F_OK) < 0);
	free(path);
}

static void a_destination_that_works_leaves_nothing_at_the_end(void **state)
{
	struct spools *s = *state;

	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 200);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_records(dest.data, dest.len, 200);
	assert_log_lacks("in the spool");
}

static void large_records_are_spooled(void **state)
{
	struct spools *s = *state;
	static char large[100000];

	memset(large, 'L', sizeof(large));
	dest_fail(-EIO, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 1);
	wait_until(stats(s->sink).spooled == 1);
	assert_true(push(&s->outlet, large, sizeof(large)));
	push_spooled(s, 1);
	wait_until(stats(s->sink).spooled == 3);
	dest_fail(0, 0);
	wait_until(dest_len() == 2 * RECORD_LEN + sizeof(large));
	assert_memory_equal(dest.data + RECORD_LEN, large, sizeof(large));
	assert_true(balanced(s->sink));
}

static void a_full_spool_loses_what_it_refuses_and_nothing_else(void **state)
{
	struct spools *s = *state;
	unsigned int refused = 0;
	char said[128];

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	/* The spool and the queue behind it. */
	for (unsigned int i = 0; i < 1500; i++) {
		if (push_record(&s->outlet, s->next))
			s->next++;
		else
			refused++;
		outlet_flush(&s->outlet);
		if (i % 20 == 0 && refused == 0 && !log_has("spool_size"))
			wait_until(stats(s->sink).queued < 50 || log_has("spool_size"));
	}
	assert_true(refused > 100);
	assert_true(s->next > 900);
	assert_true(stats(s->sink).spooled_bytes <= 1 << 20);
	assert_int_equal(stats(s->sink).dropped[SINK_DROP_SPOOL_FULL], refused);
	assert_true(balanced(s->sink));
	assert_log_has("memory: the spool has reached spool_size (1048576 bytes)");
	assert_log_has("memory: the spool and the queue are full");
	assert_log_has("raise spool_size (now 1048576 bytes)");
	dest_fail(0, 0);
	wait_until(dest_len() == (size_t)s->next * RECORD_LEN);
	push_spooled(s, 100);
	wait_until(dest_len() == (size_t)s->next * RECORD_LEN);
	sink_fini_all();
	assert_records(dest.data, dest.len, s->next);
	snprintf(said, sizeof(said), "%u lost (spool full: %u)", refused, refused);
	assert_log_has(said);
}

static void a_disk_that_cannot_be_spooled_to_is_said_once_and_tried_again(void **state)
{
	struct spools *s = *state;
	unsigned int refused = 0;
	const char *said;

	dest_fail(-ECONNREFUSED, 0);
	file_limit(20000);	/* of a segment; the log has room below it */
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		if (push_record(&s->outlet, s->next))
			s->next++;
		else
			refused++;
		outlet_flush(&s->outlet);
		if (!log_has("cannot spool"))
			wait_until(stats(s->sink).queued < 50 || log_has("cannot spool"));
	}
	assert_true(refused > 100);
	assert_int_equal(stats(s->sink).dropped[SINK_DROP_SPOOL_ERROR], refused);
	assert_true(balanced(s->sink));
	said = strstr(log_caught(), "cannot spool");
	assert_non_null(said);
	assert_null(strstr(said + 1, "cannot spool"));
	assert_log_has("make room there, or set spool_dir to another disk");
	file_limit(RLIM_INFINITY);
	wait_until(log_has("memory: spools again"));
	wait_until(stats(s->sink).queued == 0);
	push_spooled(s, 50);
	dest_fail(0, 0);
	wait_until(dest_len() == (size_t)s->next * RECORD_LEN);
	assert_records(dest.data, dest.len, s->next);
	assert_true(balanced(s->sink));
}

static void what_neither_destination_nor_spool_take_at_the_end_is_counted(void **state)
{
	struct spools *s = *state;
	struct sink_stats st;
	unsigned int n;

	dest_fail(-ECONNREFUSED, 0);
	file_limit(20000);
	assert_int_equal(sink_start_all(), 0);
	for (n = 0; n < 100; n++)
		assert_true(push_record(&s->outlet, n));
	outlet_flush(&s->outlet);
	wait_until(log_has("cannot spool"));
	st = stats(s->sink);
	assert_int_equal(st.queued, 100);
	sink_fini_all();
	assert_log_has("100 queued records lost");
	assert_log_has("100 lost (spool not writable: 100)");
}

static void damage_in_the_spool_is_counted_and_passed(void **state)
{
	struct spools *s = *state;
	char *path = spool_file(s), *text;
	struct sink_stats st;
	int fd;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int i = 0; i < 30; i++) {
		push_spooled(s, 1);
		wait_until(stats(s->sink).spooled == s->next);
	}
	sink_fini_all();
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	/* In the records of one chunk, and in the beginning of another one. */
	assert_int_equal(pwrite(fd, "#", 1, 10500), 1);
	assert_int_equal(pwrite(fd, "#", 1, 20 * (RECORD_LEN + 24)), 1);
	close(fd);
	free(path);
	dest_fail(0, 0);
	spool_sink_new(s);
	assert_int_equal(stats(s->sink).recovered, 29);
	assert_int_equal(sink_start_all(), 0);
	wait_until(stats(s->sink).written == 28);
	wait_until(stats(s->sink).spooled_bytes == 0);
	st = stats(s->sink);
	assert_int_equal(st.dropped[SINK_DROP_SPOOL_DAMAGED], 1);
	assert_true(balanced(s->sink));
	text = dest.data;
	for (unsigned int i = 0; i < 30; i++) {
		if (i == 10 || i == 20)
			continue;
		assert_int_equal(strtoul(text, NULL, 10), i);
		text += RECORD_LEN;
	}
}

static void two_sinks_have_two_spools(void **state)
{
	struct spools *s = *state;
	struct sink *other = sink_named("other", &dest_ops, QUEUE_MIN, SINK_FULL_SPOOL), *third;

	assert_int_equal(sink_spool(other, s->dir, 1 << 20), 0);
	/* It has one. */
	assert_int_equal(sink_spool(other, "/nonexistent", 1 << 20), 0);
	third = sink_named("other", &other_ops, QUEUE_MIN, SINK_FULL_SPOOL);
	assert_int_equal(sink_spool(third, s->dir, 1 << 20), -EBUSY);
	assert_int_equal(sink_spool(sink_named("third", &dest_ops, QUEUE_MIN, SINK_FULL_DROP), "/nonexistent", 1),
			 0);
	assert_int_equal(sink_spool(sink_named("third", &other_ops, QUEUE_MIN, SINK_FULL_SPOOL), "/nonexistent/x",
				    1 << 20), -ENOENT);
}

/* ---------------------------------------------------------- other options */

static int adjust(struct sink *sink, size_t queue_size, enum sink_full full, const char *spool_dir)
{
	return sink_adjust(sink, &(struct sink_options){ .queue_size = queue_size, .full = full,
							 .spool_dir = spool_dir, .spool_size = 1 << 20 });
}

static void a_queue_that_is_made_larger_takes_more_at_once(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	unsigned int n;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; push_record(&outlet, n); n++)
		outlet_flush(&outlet);
	assert_int_equal(adjust(outlet.sink, 4 * QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	for (unsigned int end = n + 3 * QUEUE_MIN / RECORD_LEN - 100; n < end; n++) {
		assert_true(push_record(&outlet, n));
		outlet_flush(&outlet);
	}
	assert_int_equal(stats(outlet.sink).queue_size, 4 * QUEUE_MIN);
	dest_block(false);
	sink_fini_all();
	assert_records(dest.data, dest.len, n);
}

static void a_queue_that_is_made_smaller_keeps_what_it_holds(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_LARGE, SINK_FULL_DROP) };
	unsigned int n, refused = 0;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	for (n = 1; n < 4000; n++) {
		assert_true(push_record(&outlet, n));
		outlet_flush(&outlet);
	}
	assert_int_equal(adjust(outlet.sink, QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	for (unsigned int i = 0; i < 100; i++) {
		refused += !push_record(&outlet, n);
		outlet_flush(&outlet);
	}
	assert_true(refused > 30);	/* but for what the last chunk has room for */
	n += 100 - refused;
	dest_block(false);
	wait_until(stats(outlet.sink).queued == 0);
	/* It has shrunk. */
	dest_occupy(&outlet);
	for (refused = 0; refused == 0 && n < 8000; n++) {
		refused += !push_record(&outlet, n);
		outlet_flush(&outlet);
	}
	assert_int_equal(refused, 1);
	assert_true(stats(outlet.sink).queued_bytes <= QUEUE_MIN);
}

static void a_lane_that_waits_goes_on_when_the_queue_shall_drop(void **state)
{
	struct producer p = { .count = 1000 };
	pthread_t thread;

	(void)state;
	p.outlet.sink = dest_sink(QUEUE_MIN, SINK_FULL_WAIT);
	assert_int_equal(sink_start_all(), 0);
	dest_block(true);
	assert_int_equal(pthread_create(&thread, NULL, producer_main, &p), 0);
	wait_until(atomic_load(&p.pushed) > 100);
	assert_int_equal(adjust(p.outlet.sink, QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	pthread_join(thread, NULL);
	assert_true(p.refused > 0);
	assert_int_equal(p.pushed + p.refused, 1000);
	dest_block(false);
	outlet_flush(&p.outlet);
	sink_fini_all();
	assert_int_equal(dest.len, p.pushed * RECORD_LEN);
}

/* Two formats of one destination: what @dest points to. */
static bool format_same(const void *a, const void *b)
{
	return a == b;
}

static const struct sink_ops format_ops = {
	.open = dest_open, .write = dest_write, .close = dest_close, .same = format_same,
};

static void a_destination_takes_one_format_only(void **state)
{
	struct sink *sink, *same;
	char one, other;

	(void)state;
	assert_int_equal(sink_get("memory", &format_ops, &one, QUEUE_MIN, SINK_FULL_DROP, &sink), 0);
	assert_int_equal(sink_get("memory", &format_ops, &one, QUEUE_MIN, SINK_FULL_DROP, &same), 0);
	assert_ptr_equal(same, sink);
	assert_int_equal(sink_get("memory", &format_ops, &other, QUEUE_MIN, SINK_FULL_DROP, &same), -EEXIST);
}

static void a_spool_can_be_had_while_records_wait(void **state)
{
	struct spools *s = *state;
	struct sink *plain = sink_named("plain", &dest_ops, QUEUE_MIN, SINK_FULL_DROP);

	s->outlet.sink = plain;
	dest_fail(-ECONNREFUSED, 500);
	assert_int_equal(sink_start_all(), 0);
	for (; s->next < 100; s->next++)
		assert_true(push_record(&s->outlet, s->next));
	outlet_flush(&s->outlet);
	wait_until(dest_len() == 500);
	/* Tried only, so that a wrong directory changes nothing. */
	assert_int_equal(sink_spool(plain, "/nonexistent/x", 1 << 20), -ENOENT);
	assert_int_equal(sink_spool(plain, s->dir, 1 << 20), 0);
	assert_int_equal(stats(plain).spool_size, 0);
	assert_int_equal(adjust(plain, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	assert_int_equal(stats(plain).spool_size, 1 << 20);
	for (; s->next < 900; s->next++) {
		assert_true(push_record(&s->outlet, s->next));
		outlet_flush(&s->outlet);
		if (s->next % 50 == 0)
			wait_until(stats(plain).queued < 50);
	}
	wait_until(stats(plain).spooled == 900);
	assert_true(balanced(plain));
	dest_fail(0, 0);
	wait_until(dest_len() == 900 * RECORD_LEN);
	assert_records(dest.data, dest.len, 900);
	assert_true(balanced(plain));
}

static void what_a_new_spool_holds_already_comes_behind_the_chunk_that_was_begun(void **state)
{
	struct spools *s = *state;

	/* Records 0 to 99 of a daemon before, then one that has begun with 100 when it gets the spool. */
	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	sink_begin_stop_all(60000);
	sink_fini_all();
	s->sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	s->outlet = (struct outlet){ .sink = s->sink };
	dest_fail(-ECONNREFUSED, 500);
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&s->outlet, s->next++));
	outlet_flush(&s->outlet);
	wait_until(dest_len() == 500);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	push_spooled(s, 99);
	wait_until(stats(s->sink).spooled == 199);
	assert_true(balanced(s->sink));
	dest_fail(0, 0);
	wait_until(dest_len() == 200 * RECORD_LEN);
	assert_memory_equal(dest.data, "100 ", 4);
	assert_memory_equal(dest.data + RECORD_LEN, "0 ", 2);
	assert_memory_equal(dest.data + 100 * RECORD_LEN, "99 ", 3);
	assert_memory_equal(dest.data + 101 * RECORD_LEN, "101 ", 4);
	wait_until(stats(s->sink).spooled_bytes == 0);
	assert_true(balanced(s->sink));
}

static void a_chunk_that_was_begun_is_kept_at_the_end_though_the_spool_is_older(void **state)
{
	struct spools *s = *state;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	sink_begin_stop_all(60000);
	sink_fini_all();
	s->sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP);
	s->outlet = (struct outlet){ .sink = s->sink };
	assert_int_equal(sink_start_all(), 0);
	assert_true(push_record(&s->outlet, s->next++));
	outlet_flush(&s->outlet);
	wait_until(stats(s->sink).failing_since != 0);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_log_lacks("queued records lost");
	dest_fail(0, 0);
	spool_sink_new(s);
	assert_int_equal(stats(s->sink).recovered, 101);
	assert_int_equal(sink_start_all(), 0);
	wait_until(dest_len() == 101 * RECORD_LEN);
	assert_records(dest.data, dest.len, 101);
}

static void a_spool_that_is_not_wanted_any_more_is_emptied_first(void **state)
{
	struct spools *s = *state;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 300);
	wait_until(stats(s->sink).spooled == 300);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_DROP, NULL), 0);
	assert_log_has("300 records wait in the spool");
	assert_log_has("stays in use until they are delivered");
	push_spooled(s, 100);
	dest_fail(0, 0);
	wait_until(dest_len() == 400 * RECORD_LEN);
	wait_until(stats(s->sink).spool_size == 0);
	dest_fail(-ECONNREFUSED, 0);
	for (unsigned int n = 0; n < 50; n++)
		assert_true(push_record(&s->outlet, s->next++));
	outlet_flush(&s->outlet);
	wait_until(stats(s->sink).failing_since != 0);
	assert_int_equal(stats(s->sink).spooled, 0);
	/* Others can have it. */
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	wait_until(stats(s->sink).spooled == 50);
	dest_fail(0, 0);
	wait_until(dest_len() == 450 * RECORD_LEN);
	assert_records(dest.data, dest.len, 450);
	assert_true(balanced(s->sink));
}

static void another_directory_for_the_spool_is_used_when_the_old_one_is_empty(void **state)
{
	struct spools *s = *state;
	char *other = test_path(s->dir, "other"), *old = spool_file(s), *new = test_path(other, "memory");

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 100);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, other), 0);
	/* Back and forth is no harm. */
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, s->dir), 0);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, other), 0);
	assert_int_equal(sink_spool(s->sink, other, 1 << 20), 0);
	assert_int_equal(adjust(s->sink, QUEUE_MIN, SINK_FULL_SPOOL, other), 0);
	assert_int_equal(access(new, F_OK), 0);
	push_spooled(s, 100);
	assert_int_equal(access(old, F_OK), 0);
	dest_fail(0, 0);
	wait_until(dest_len() == 200 * RECORD_LEN);
	wait_until(stats(s->sink).spooled_bytes == 0);
	wait_until(access(old, F_OK) < 0);
	/* Whatever comes now lets it go over. */
	push_spooled(s, 1);
	wait_until(dest_len() == 201 * RECORD_LEN);
	dest_fail(-ECONNREFUSED, 0);
	push_spooled(s, 100);
	wait_until(stats(s->sink).spooled == 100);
	assert_int_equal(access(old, F_OK), -1);
	sink_begin_stop_all(60000);
	sink_fini_all();
	assert_log_has(other);
	dest_fail(0, 0);
	s->sink = dest_sink(QUEUE_MIN, SINK_FULL_SPOOL);
	assert_int_equal(sink_spool(s->sink, other, 1 << 20), 0);
	assert_int_equal(sink_start_all(), 0);
	wait_until(dest_len() == 301 * RECORD_LEN);
	assert_records(dest.data, dest.len, 301);
	sink_fini_all();
	test_dir_remove(other);
	free(new);
	free(old);
}

static void a_spool_that_cannot_be_had_leaves_the_old_one(void **state)
{
	struct spools *s = *state;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	push_spooled(s, 50);
	assert_int_equal(adjust(s->sink, 2 * QUEUE_MIN, SINK_FULL_SPOOL, "/nonexistent/x"), -ENOENT);
	assert_int_equal(stats(s->sink).queue_size, 2 * QUEUE_MIN);
	push_spooled(s, 50);
	wait_until(stats(s->sink).spooled == 100);
	dest_fail(0, 0);
	wait_until(dest_len() == 100 * RECORD_LEN);
	assert_records(dest.data, dest.len, 100);
}

static void a_sink_that_is_about_to_be_closed_goes_on_for_a_new_user(void **state)
{
	struct outlet outlet = { .sink = dest_sink(QUEUE_MIN, SINK_FULL_DROP) };
	struct sink *sink = outlet.sink;

	(void)state;
	assert_int_equal(sink_start_all(), 0);
	dest_occupy(&outlet);
	assert_true(push_record(&outlet, 1));
	outlet_flush(&outlet);
	sink_put(sink);
	sink_close_unused(60000);
	assert_ptr_equal(dest_sink(QUEUE_MIN, SINK_FULL_DROP), sink);
	dest_block(false);
	wait_until(dest_len() == 2 * RECORD_LEN);
	for (unsigned int n = 2; n < 100; n++)
		assert_true(push_record(&outlet, n));
	outlet_flush(&outlet);
	wait_until(dest_len() == 100 * RECORD_LEN);
	assert_records(dest.data, dest.len, 100);
	assert_int_equal(dest_opens(), 1);
	/* It can be closed all the same. */
	sink_put(sink);
	sink_close_unused(60000);
	wait_until((sink_close_unused(0), sink_next(NULL) == NULL));
}

static void a_sink_that_has_ended_leaves_its_spool_to_the_next_one(void **state)
{
	struct spools *s = *state;

	dest_fail(-ECONNREFUSED, 0);
	assert_int_equal(sink_start_all(), 0);
	for (unsigned int round = 0; round < 5; round++) {
		push_spooled(s, 100);
		sink_put(s->sink);
		sink_close_unused(60000);
		/* Where it fails it ends at once, with all in the spool; or it is still about to. */
		if (round % 2 == 0)
			wait_until(strstr(log_caught(), "memory: stopped with"));
		spool_sink_new(s);
		assert_int_equal(sink_start_all(), 0);
	}
	dest_fail(0, 0);
	push_spooled(s, 100);
	wait_until(dest_len() == 600 * RECORD_LEN);
	sink_fini_all();
	assert_records(dest.data, dest.len, 600);
	assert_log_lacks("queued records lost");
}

struct sampler {
	struct sink *sink;
	atomic_bool stop;
	atomic_uint samples, unbalanced;
};

static void *sampler_main(void *arg)
{
	struct sampler *sampler = arg;

	while (!atomic_load(&sampler->stop)) {
		atomic_fetch_add(&sampler->samples, 1);
		if (!balanced(sampler->sink))
			atomic_fetch_add(&sampler->unbalanced, 1);
	}
	return NULL;
}

/* Two lanes, a destination that comes and goes, other options, and somebody who looks all the time. */
static void the_account_is_right_at_any_time(void **state)
{
	struct spools *s = *state;
	struct producer p[2] = { { .count = 3000 }, { .count = 3000 } };
	struct sampler sampler = { .sink = s->sink };
	char *other = test_path(s->dir, "other");
	pthread_t threads[2], looking;
	struct sink_stats st;

	for (unsigned int i = 0; i < 2; i++)
		p[i].outlet.sink = s->sink;
	assert_int_equal(sink_start_all(), 0);
	assert_int_equal(pthread_create(&looking, NULL, sampler_main, &sampler), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, producer_main, &p[i]), 0);
	for (unsigned int round = 0; round < 100; round++) {
		dest_fail(round % 3 == 0 ? -ECONNREFUSED : round % 3 == 1 ? -EAGAIN : 0, round * 777);
		if (round % 10 == 0)
			sink_reopen_all();
		if (round % 7 == 5)
			assert_int_equal(adjust(s->sink, QUEUE_MIN * (1 + round / 50),
						round % 2 ? SINK_FULL_SPOOL : SINK_FULL_DROP,
						round % 5 > 2 ? other : s->dir), 0);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	dest_fail(0, 0);
	for (unsigned int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		outlet_flush(&p[i].outlet);
	}
	wait_until(stats(s->sink).queued + stats(s->sink).spooled == 0);
	atomic_store(&sampler.stop, true);
	pthread_join(looking, NULL);
	st = stats(s->sink);
	assert_true(sampler.samples > 0);
	assert_int_equal(sampler.unbalanced, 0);
	assert_int_equal(st.formatted, 6000);
	assert_int_equal(st.written, p[0].pushed + p[1].pushed);
	assert_int_equal(dropped(&st), p[0].refused + p[1].refused);
	assert_int_equal(dest_len(), st.written * RECORD_LEN);
	sink_fini_all();
	test_dir_remove(other);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define unit_spools(test) cmocka_unit_test_setup_teardown(test, spools_setup, spools_teardown)
#define unit_files(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(records_are_found_by_where_they_end),
		unit(a_chunk_is_filled_to_the_last_byte_its_table_leaves),
		unit(records_arrive_whole_and_in_their_order),
		unit(nothing_is_written_before_it_is_handed_over),
		unit(handing_over_nothing_does_nothing),
		unit(small_hand_overs_are_gathered_into_one_write),
		unit(a_queue_of_small_hand_overs_holds_what_its_size_says),
		unit(outputs_with_one_destination_share_its_sink),
		unit(records_of_several_outlets_are_all_written),
		unit(a_destination_that_cannot_be_opened_is_no_sink),
		unit(records_larger_than_a_chunk_are_written),
		unit(records_larger_than_the_queue_are_lost_alone),
		unit(large_records_find_room_after_the_queue_was_in_use),
		unit(large_records_do_not_wait_for_room_that_is_there),
		unit(a_full_queue_loses_what_it_refuses_and_nothing_else),
		unit(after_a_full_queue_records_pass_again),
		unit(a_lane_hears_that_a_sink_is_far_behind),
		unit(with_queue_full_wait_nothing_is_lost),
		unit(a_lane_that_waits_goes_on_when_the_daemon_stops),
		unit(a_destination_that_fails_is_tried_again_from_where_it_stopped),
		unit(a_failure_is_said_once_however_often_it_is_tried),
		unit(records_lost_during_a_failure_are_counted_on_recovery),
		unit(of_each_failure_its_own_losses_are_counted),
		unit(what_cannot_be_written_before_the_end_is_counted_as_lost),
		unit(reopening_happens_on_the_sinks_thread_also_without_records),
		unit(a_failed_reopen_is_said_and_writing_goes_on),
		unit(a_record_that_was_begun_is_settled_before_reopening),
		unit_files(a_file_is_appended_to),
		unit_files(reopening_follows_a_file_that_was_moved_away),
		unit_files(reopen_keeps_old_file_on_error),
		unit_files(a_full_disk_costs_nothing_and_tears_no_line_when_there_is_room_again),
		unit_files(a_file_moved_away_while_the_disk_is_full_ends_in_a_whole_line),
		unit_files(a_file_that_is_full_at_the_end_ends_in_a_whole_line),
		unit(every_record_is_accounted_for),
		unit(opening_again_is_counted),
		unit_spools(what_a_failing_destination_does_not_take_waits_on_disk),
		unit_spools(a_chunk_that_was_begun_goes_on_where_it_was),
		unit_spools(a_slow_destination_is_spooled_for_as_well),
		unit_spools(a_destination_that_is_stuck_is_spooled_for_when_half_of_the_queue_is_used),
		unit_spools(what_is_left_at_the_end_is_delivered_by_the_next_start),
		unit_spools(a_chunk_that_was_begun_at_the_end_goes_on_with_the_next_record),
		unit_spools(a_destination_that_works_leaves_nothing_at_the_end),
		unit_spools(large_records_are_spooled),
		unit_spools(a_full_spool_loses_what_it_refuses_and_nothing_else),
		unit_spools(a_disk_that_cannot_be_spooled_to_is_said_once_and_tried_again),
		unit_spools(what_neither_destination_nor_spool_take_at_the_end_is_counted),
		unit_spools(damage_in_the_spool_is_counted_and_passed),
		unit_spools(two_sinks_have_two_spools),
		unit(a_queue_that_is_made_larger_takes_more_at_once),
		unit(a_queue_that_is_made_smaller_keeps_what_it_holds),
		unit(a_lane_that_waits_goes_on_when_the_queue_shall_drop),
		unit(a_destination_takes_one_format_only),
		unit_spools(a_spool_can_be_had_while_records_wait),
		unit_spools(what_a_new_spool_holds_already_comes_behind_the_chunk_that_was_begun),
		unit_spools(a_chunk_that_was_begun_is_kept_at_the_end_though_the_spool_is_older),
		unit_spools(a_spool_that_is_not_wanted_any_more_is_emptied_first),
		unit_spools(another_directory_for_the_spool_is_used_when_the_old_one_is_empty),
		unit_spools(a_spool_that_cannot_be_had_leaves_the_old_one),
		unit(a_sink_that_is_about_to_be_closed_goes_on_for_a_new_user),
		unit_spools(a_sink_that_has_ended_leaves_its_spool_to_the_next_one),
		unit_spools(the_account_is_right_at_any_time),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

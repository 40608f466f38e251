// SPDX-License-Identifier: GPL-2.0-or-later
/* A destination in memory, and what tests of sinks do with it. */
#include <errno.h>
#include <fcntl.h>

#include "dest.h"

struct memory dest = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

void dest_reset(void)
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

const struct sink_ops dest_ops = {
	.open = dest_open, .write = dest_write, .settle = dest_settle, .close = dest_close,
};

const struct sink_ops other_ops = {
	.open = dest_open, .write = dest_write, .close = dest_close,
};

void dest_block(bool blocked)
{
	pthread_mutex_lock(&dest.lock);
	dest.blocked = blocked;
	pthread_cond_broadcast(&dest.changed);
	pthread_mutex_unlock(&dest.lock);
}

void dest_fail(int err, size_t take)
{
	pthread_mutex_lock(&dest.lock);
	dest.write_err = err;
	dest.take = take;
	pthread_mutex_unlock(&dest.lock);
}

size_t dest_len(void)
{
	size_t len;

	pthread_mutex_lock(&dest.lock);
	len = dest.len;
	pthread_mutex_unlock(&dest.lock);
	return len;
}

bool dest_is_writing(void)
{
	bool writing;

	pthread_mutex_lock(&dest.lock);
	writing = dest.writing;
	pthread_mutex_unlock(&dest.lock);
	return writing;
}

unsigned int dest_opens(void)
{
	unsigned int opens;

	pthread_mutex_lock(&dest.lock);
	opens = dest.opens;
	pthread_mutex_unlock(&dest.lock);
	return opens;
}

/* ---------------------------------------------------------------- records */

bool push(struct outlet *outlet, const char *data, size_t len)
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

/* Record @n: a line of RECORD_LEN bytes. */
static void record_make(char *ret, unsigned int n)
{
	memset(ret, '.', RECORD_LEN);
	ret[snprintf(ret, RECORD_LEN, "%u ", n)] = '.';
	ret[RECORD_LEN - 1] = '\n';
}

bool push_record(struct outlet *outlet, unsigned int n)
{
	char record[RECORD_LEN];

	record_make(record, n);
	return push(outlet, record, sizeof(record));
}

void assert_records(const char *data, size_t len, unsigned int n)
{
	char record[RECORD_LEN];

	assert_int_equal(len, (size_t)n * RECORD_LEN);
	for (unsigned int i = 0; i < n; i++) {
		record_make(record, i);
		if (memcmp(data + (size_t)i * RECORD_LEN, record, RECORD_LEN) != 0)
			fail_msg("record %u is \"%.20s\"", i, data + (size_t)i * RECORD_LEN);
	}
}

struct sink *sink_named(const char *name, const struct sink_ops *ops, size_t queue_size,
			       enum sink_full full)
{
	struct sink *sink;

	assert_int_equal(sink_get(name, ops, NULL, queue_size, full, &sink), 0);
	return sink;
}

struct sink *dest_sink(size_t queue_size, enum sink_full full)
{
	return sink_named("memory", &dest_ops, queue_size, full);
}

void dest_occupy(struct outlet *outlet)
{
	dest_block(true);
	assert_true(push_record(outlet, 0));
	outlet_flush(outlet);
	wait_until(dest_is_writing());
}

void *producer_main(void *arg)
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

pthread_t producer_stuck(struct producer *p)
{
	pthread_t thread;

	p->outlet.sink = dest_sink(QUEUE_MIN, SINK_FULL_WAIT);
	assert_int_equal(sink_start_all(), 0);
	dest_block(true);
	assert_int_equal(pthread_create(&thread, NULL, producer_main, p), 0);
	wait_until(atomic_load(&p->pushed) > 100);
	return thread;
}

void producer_end(struct producer *p)
{
	dest_block(false);
	outlet_flush(&p->outlet);
	sink_fini_all();
	assert_int_equal(dest.len, p->pushed * RECORD_LEN);
}

struct sink_stats stats(struct sink *sink)
{
	struct sink_stats st;

	sink_stats(sink, &st);
	return st;
}

uint64_t dropped(const struct sink_stats *st)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SINK_DROPS; i++)
		sum += st->dropped[i];
	return sum;
}

bool balanced(struct sink *sink)
{
	struct sink_stats st = stats(sink);

	return st.formatted + st.recovered == st.written + st.queued + st.spooled + dropped(&st) &&
	       st.queued_bytes <= st.queue_size;
}

void file_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* --------------------------------------------------------------- fixtures */

int dest_setup(void **state)
{
	(void)state;
	dest_reset();
	log_catch();
	return 0;
}

int dest_teardown(void **state)
{
	(void)state;
	dest_block(false);
	sink_fini_all();
	log_catch_end();
	dest_reset();
	return 0;
}

void spool_sink_new(struct spools *s)
{
	s->sink = dest_sink(QUEUE_MIN, SINK_FULL_SPOOL);
	assert_int_equal(sink_spool(s->sink, s->dir, 1 << 20), 0);
	s->outlet = (struct outlet){ .sink = s->sink };
}

int spools_setup(void **state)
{
	struct spools *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	dest_setup(NULL);
	s->dir = test_dir_new();
	spool_sink_new(s);
	*state = s;
	return 0;
}

int spools_teardown(void **state)
{
	struct spools *s = *state;

	file_limit(RLIM_INFINITY);
	dest_teardown(NULL);
	test_dir_remove(s->dir);
	free(s);
	return 0;
}

void push_spooled(struct spools *s, unsigned int n)
{
	for (; n > 0; n--) {
		assert_true(push_record(&s->outlet, s->next++));
		outlet_flush(&s->outlet);
		if (n % 50 == 0)
			wait_until(stats(s->sink).queued < 50);
	}
}

char *spool_file(const struct spools *s)
{
	char *path;

	assert_true(asprintf(&path, "%s/memory/0000000000000001", s->dir) > 0);
	return path;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What happens in the stacks, live, for a client of the control socket. */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "instance.h"
#include "log.h"
#include "plugin.h"
#include "sink.h"
#include "stack.h"
#include "tail.h"

#define OUTPUT		"JSON"		/* the plugin that makes the client's lines */
#define QUEUE_SIZE	(1u << 20)	/* bytes that may wait for the client */

/* The client's side, which lives as long as its sink. */
struct connection {
	int fd;
	pthread_mutex_t answering;	/* the main thread has not answered the request yet */
	atomic_bool gone;		/* whoever wants it: nothing is written any more */
	uint64_t skipped;		/* events that the client has been told of */
	char note[64];			/* what goes before the next record */
	size_t note_len, note_done;
};

struct tail {
	struct tail *next;
	struct sink *sink;
	char *which;
	struct attachment *attachments;
};

/* One more output in a tree. */
struct attachment {
	struct attachment *next;
	struct ulogd_instance *inst;
};

static struct tail *tails;
static struct attachment *leftover;	/* of tails that have ended, while their lanes did not answer */
static struct conf no_conf;		/* the output's options are the defaults */

/* ---------------------------------------------------------- the connection */

static int connection_open(struct sink *sink)
{
	const struct connection *conn = sink_dest(sink);

	sink_set_fd(sink, conn->fd);
	return 0;
}

/* Writes what the client takes: the bytes written, or -EAGAIN.  One that is gone takes everything. */
static ssize_t connection_send(struct sink *sink, struct connection *conn, const char *data, size_t len)
{
	ssize_t n;

	if (atomic_load(&conn->gone))
		return (ssize_t)len;
	n = send(conn->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return sink_wait_writable(sink) < 0 ? -EAGAIN : 0;
	atomic_store(&conn->gone, true);
	return (ssize_t)len;
}

/* Between two chunks: what was skipped is told where it is missing. */
static void note_make(struct sink *sink, struct connection *conn)
{
	struct sink_stats stats;

	sink_stats(sink, &stats);
	if (stats.dropped[SINK_DROP_QUEUE] == conn->skipped)
		return;
	conn->note_len = (size_t)snprintf(conn->note, sizeof(conn->note), "{\"skipped\": %" PRIu64 "}\n",
					  stats.dropped[SINK_DROP_QUEUE] - conn->skipped);
	conn->note_done = 0;
	conn->skipped = stats.dropped[SINK_DROP_QUEUE];
}

static int connection_write(struct sink *sink, struct chunk *c)
{
	struct connection *conn = sink_dest(sink);
	ssize_t n;

	pthread_mutex_lock(&conn->answering);
	pthread_mutex_unlock(&conn->answering);
	if (c->done == 0 && conn->note_done == conn->note_len)
		note_make(sink, conn);
	while (conn->note_done < conn->note_len) {
		n = connection_send(sink, conn, conn->note + conn->note_done,
				    conn->note_len - conn->note_done);
		if (n < 0)
			return (int)n;
		conn->note_done += (size_t)n;
	}
	while (c->done < c->len) {
		n = connection_send(sink, conn, c->data + c->done, c->len - c->done);
		if (n < 0)
			return (int)n;
		c->done += (uint32_t)n;
	}
	return 0;
}

static void connection_close(struct sink *sink)
{
	sink_set_fd(sink, -1);
}

static void connection_free(void *dest)
{
	struct connection *conn = dest;

	close(conn->fd);
	pthread_mutex_destroy(&conn->answering);
	free(conn);
}

static const struct sink_ops connection_ops = {
	.transient = true, .open = connection_open, .write = connection_write,
	.close = connection_close, .free = connection_free,
};

static struct sink *connection_new(int fd)
{
	static unsigned int number;
	struct connection *conn = calloc(1, sizeof(*conn));
	struct sink *sink;
	char name[32];

	if (!conn)
		return NULL;
	conn->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (conn->fd < 0) {
		free(conn);
		return NULL;
	}
	pthread_mutex_init(&conn->answering, NULL);
	snprintf(name, sizeof(name), "ulogctl %u", ++number);
	return sink_get(name, &connection_ops, conn, QUEUE_SIZE, SINK_FULL_DROP, &sink) < 0 ? NULL : sink;
}

/* ------------------------------------------------------------ in the stacks */

static int attachments_remove(struct attachment **list)
{
	struct attachment *a;

	while ((a = *list)) {
		int ret = stack_detach(a->inst);

		if (ret < 0)
			return ret;
		*list = a->next;
		free(a);
	}
	return 0;
}

/* While looking for the ends of stacks. */
struct search {
	struct ulogd_instance **parents;	/* of outputs that end a stack, each once */
	size_t n;
	const char *which;
	unsigned int first, last;	/* of the instance that was asked for */
	bool found;
};

static void search_named(struct ulogd_instance *inst, unsigned int first, unsigned int last, void *arg)
{
	struct search *s = arg;

	if (s->found || strcmp(inst->id, s->which) != 0)
		return;
	s->found = true;
	s->first = first;
	s->last = last;
}

static void search_end(struct ulogd_instance *inst, unsigned int first, unsigned int last, void *arg)
{
	struct ulogd_instance **list;
	struct search *s = arg;

	if (inst->plugin->kind != ULOGD_OUTPUT || inst->child || first < s->first || last > s->last)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->parents[i] == inst->parent)
			return;
	list = reallocarray(s->parents, s->n + 1, sizeof(*list));
	if (!list)
		return;
	s->parents = list;
	s->parents[s->n++] = inst->parent;
}

/* The number of a stack, or 0: no stack has that. */
static unsigned int stack_number(const char *text)
{
	unsigned long number;
	char *end;

	if (*text < '0' || *text > '9')
		return 0;
	number = strtoul(text, &end, 10);
	return *end || number > UINT_MAX ? 0 : (unsigned int)number;
}

/* Puts an output at the end of each stack that was asked for. */
static int tail_attach(struct tail *tail, char *why, size_t size)
{
	struct search s = { .which = tail->which, .first = 1, .last = stack_count() };
	const struct ulogd_plugin *plugin;
	const char *text = "";
	int ret = 0;

	if (plugin_load_name(OUTPUT, &plugin, &text) < 0) {
		snprintf(why, size, "the plugin " OUTPUT " is needed for that: %s", text);
		return -ENOENT;
	}
	if (s.which) {
		stack_walk(search_named, &s);
		if (!s.found)
			s.first = s.last = stack_number(s.which);
	}
	stack_walk(search_end, &s);
	if (s.n == 0) {
		snprintf(why, size, "no stack has this number or an instance of this id; see ulogctl status");
		return -ENOENT;
	}
	for (size_t i = 0; i < s.n && ret == 0; i++) {
		struct attachment *a = calloc(1, sizeof(*a));

		ret = a ? stack_attach(&no_conf, plugin, s.parents[i], tail->sink, &a->inst) : -ENOMEM;
		if (ret < 0) {
			free(a);
			snprintf(why, size, "%s", ret == -ETIMEDOUT ? "the stack waits for a destination" :
								      strerror(-ret));
			break;
		}
		a->next = tail->attachments;
		tail->attachments = a;
	}
	free(s.parents);
	return ret;
}

static struct connection *tail_connection(const struct tail *tail)
{
	return sink_dest(tail->sink);
}

static void tail_free(struct tail *tail)
{
	if (tail->sink) {
		atomic_store(&tail_connection(tail)->gone, true);
		sink_put(tail->sink);
		sink_close_unused(0);
	}
	free(tail->which);
	free(tail);
}

/* Takes a tail out of the stacks; what cannot be now does no harm, and goes with the next opportunity. */
static void tail_detach(struct tail *tail)
{
	while (attachments_remove(&tail->attachments) < 0) {
		struct attachment *a = tail->attachments;

		tail->attachments = a->next;
		a->next = leftover;
		leftover = a;
	}
	attachments_remove(&leftover);
}

int tail_begin(int fd, const char *which, struct tail **ret, char *why, size_t size)
{
	static const char yes[] = "{\"ok\":true}\n";
	struct tail *tail = calloc(1, sizeof(*tail));
	struct connection *conn;
	int err = -ENOMEM;

	snprintf(why, size, "out of memory");
	if (!tail)
		return err;
	tail->sink = connection_new(fd);
	tail->which = which ? strdup(which) : NULL;
	if (!tail->sink || (which && !tail->which))
		goto err_free;
	conn = tail_connection(tail);
	pthread_mutex_lock(&conn->answering);
	err = tail_attach(tail, why, size);
	if (err == 0 && send(fd, yes, sizeof(yes) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		err = -errno;
	if (err < 0)
		atomic_store(&conn->gone, true);
	pthread_mutex_unlock(&conn->answering);
	if (err < 0)
		goto err_detach;
	tail->next = tails;
	tails = tail;
	*ret = tail;
	return 0;

err_detach:
	tail_detach(tail);
err_free:
	tail_free(tail);
	return err;
}

void tail_end(struct tail *tail)
{
	struct tail **at;

	if (!tail)
		return;
	for (at = &tails; *at != tail; at = &(*at)->next)
		;
	*at = tail->next;
	atomic_store(&tail_connection(tail)->gone, true);
	tail_detach(tail);
	tail_free(tail);
}

unsigned int tail_count(void)
{
	unsigned int n = 0;

	for (const struct tail *tail = tails; tail; tail = tail->next)
		n++;
	return n;
}

int tail_pause_all(void)
{
	int ret = attachments_remove(&leftover);

	for (struct tail *tail = tails; tail && ret == 0; tail = tail->next)
		ret = attachments_remove(&tail->attachments);
	if (ret < 0)
		tail_resume_all();
	return ret;
}

void tail_resume_all(void)
{
	char why[256];

	/* The control socket sees the end of the connection, and ends the tail. */
	for (struct tail *tail = tails; tail; tail = tail->next)
		if (!tail->attachments && tail_attach(tail, why, sizeof(why)) < 0)
			shutdown(tail_connection(tail)->fd, SHUT_RDWR);
}

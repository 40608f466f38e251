// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters as text for monitoring: on request, by HTTP, in a file. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "instance.h"
#include "listen.h"
#include "log.h"
#include "metrics.h"
#include "plugin.h"
#include "sink.h"
#include "stack.h"

#define HTTP_CLIENTS_MAX 16
#define HTTP_TIMEOUT_S	5	/* for all of a connection */
#define HTTP_BYTES_MAX	8192	/* of the head of a request, and as much of its body */

/*
 * One page, for whoever may connect.  evhttp bounds neither the number of its connections nor their time, and
 * does not tell when one ends without an answer.  So a server has one connection: it listens until somebody
 * connects, and again when all is answered.  When the time is over before that, the server is made anew.
 */
struct http_server {
	struct evhttp *http;
	struct evconnlistener *listener;	/* of @http */
	struct event *deadline;
};

static struct {
	int64_t started_us;
	char *address, *path;		/* the options, or NULL */
	bool any;
	int32_t interval_s;
	struct listener listener;
	struct http_server servers[HTTP_CLIENTS_MAX];
	struct event *timer;
	bool file_failed;		/* which has been said */
} metrics = {
	.listener = LISTENER_NONE,
};

void metrics_init(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	metrics.started_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t metrics_started_us(void)
{
	return metrics.started_us;
}

/* ------------------------------------------------------------------ text */

void metrics_put_utf8(struct ulogd_buf *b, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t len = strlen(text), n;

	for (; len > 0; s += n, len -= n) {
		n = s[0] < 0x80 ? 1 : ulogd_utf8_len(s, len);
		if (n > 0)
			ulogd_buf_mem(b, s, n);
		else
			ulogd_buf_char(b, '?');
		n += n == 0;
	}
}

struct page {
	FILE *out;
	bool openmetrics;
};

enum metric_type { COUNTER, GAUGE };

/* The head of a family of samples; a counter's samples end in _total. */
static void family(const struct page *p, const char *name, enum metric_type type, const char *help)
{
	const char *suffix = type == COUNTER && !p->openmetrics ? "_total" : "";

	fprintf(p->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix,
		type == COUNTER ? "counter" : "gauge");
}

/* A label's value in its quotes. */
static void label_value(const struct page *p, const char *value)
{
	char clean[1024];
	struct ulogd_buf b = { .p = clean, .end = clean + sizeof(clean) };

	metrics_put_utf8(&b, value);
	fputc('"', p->out);
	for (const char *s = clean; s < b.p; s++) {
		if (*s == '\n')
			fputs("\\n", p->out);
		else
			fprintf(p->out, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
	}
	fputc('"', p->out);
}

static void gauge(const struct page *p, const char *name, const char *help, double value)
{
	family(p, name, GAUGE, help);
	fprintf(p->out, "%s %.17g\n", name, value);
}

/* An instance of the configuration, with what tells it from others of the same id. */
struct subject {
	const struct ulogd_instance *inst;
	unsigned int stack;
};

struct subjects {
	struct subject *list;
	size_t n;
	bool failed;
};

static void subject_add(struct ulogd_instance *inst, unsigned int first, unsigned int last, void *arg)
{
	struct subjects *s = arg;
	struct subject *list;

	(void)last;
	/* One stack with an id twice: the labels would be the same. */
	for (const struct ulogd_instance *above = inst->parent; above; above = above->parent)
		if (strcmp(above->id, inst->id) == 0 && above->plugin == inst->plugin)
			return;
	list = reallocarray(s->list, s->n + 1, sizeof(*list));
	if (!list) {
		s->failed = true;
		return;
	}
	list[s->n++] = (struct subject){ inst, first };
	s->list = list;
}

/* One sample of an instance, with what it counts for if it belongs to the plugin's counters. */
static void instance_sample(const struct page *p, const char *name, const struct subject *s, bool own,
			    uint64_t value)
{
	const struct ulogd_plugin *plugin = s->inst->plugin;
	char text[256];

	fprintf(p->out, "%s_total{instance=", name);
	label_value(p, s->inst->id);
	fprintf(p->out, ",plugin=\"%s\",stack=\"%u\"", plugin->name, s->stack);
	if (own && plugin->subject) {
		fprintf(p->out, ",%s=", plugin->subject);
		label_value(p, instance_option_text(s->inst, plugin->subject, text, sizeof(text)));
	}
	fprintf(p->out, "} %" PRIu64 "\n", value);
}

static const struct ulogd_counter *counter_find(const struct ulogd_plugin *plugin, const char *name)
{
	for (const struct ulogd_counter *c = plugin->counters; c && c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* True when an instance before number @n has a counter of this name and kind of plugin. */
static bool counter_seen(const struct subjects *s, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (s->list[i].inst->plugin->kind == s->list[n].inst->plugin->kind &&
		    counter_find(s->list[i].inst->plugin, name))
			return true;
	return false;
}

/* What the plugins count: a family per name and kind of plugin. */
static void plugin_counters(const struct page *p, const struct subjects *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct ulogd_plugin *plugin = s->list[i].inst->plugin;

		for (const struct ulogd_counter *c = plugin->counters; c && c->name; c++) {
			char name[96];

			if (counter_seen(s, i, c->name))
				continue;
			snprintf(name, sizeof(name), "ulogd_%s_%s", plugin_kind_name(plugin->kind), c->name);
			family(p, name, COUNTER, c->help);
			for (size_t j = i; j < s->n; j++) {
				const struct ulogd_instance *inst = s->list[j].inst;
				const struct ulogd_counter *same = counter_find(inst->plugin, c->name);

				if (inst->plugin->kind == plugin->kind && same)
					instance_sample(p, name, &s->list[j], true,
							instance_counter(inst, same));
			}
		}
	}
}

static void instance_counters(const struct page *p, const struct subjects *s)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} families[] = {
		{ "ulogd_instance_passed", "Records that an instance let pass.",
		  offsetof(struct ulogd_instance, passed) },
		{ "ulogd_instance_filtered", "Records that a filter stopped on purpose.",
		  offsetof(struct ulogd_instance, stopped) },
		{ "ulogd_instance_failed", "Records that an error stopped.",
		  offsetof(struct ulogd_instance, failed) },
	};

	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		family(p, families[f].name, COUNTER, families[f].help);
		for (size_t i = 0; i < s->n; i++)
			instance_sample(p, families[f].name, &s->list[i], false,
					ulogd_counted((const uint64_t *)((const char *)s->list[i].inst +
									 families[f].offset)));
	}
}

/* True for the sinks of the configuration; of one that leaves and its successor only the latter. */
static bool sink_shown(const struct sink *sink)
{
	if (sink_transient(sink))
		return false;
	for (const struct sink *s = sink_next(NULL); s != sink; s = sink_next(s))
		if (strcmp(sink_name(s), sink_name(sink)) == 0)
			return false;
	return true;
}

static void destination_sample(const struct page *p, const char *name, struct sink *sink, const char *more,
			       uint64_t value)
{
	fprintf(p->out, "%s{destination=", name);
	label_value(p, sink_name(sink));
	fprintf(p->out, "%s} %" PRIu64 "\n", more, value);
}

/* The words of sink_drop_name() as a label: queue_full. */
static const char *reason_label(enum sink_drop why, char *ret, size_t size)
{
	snprintf(ret, size, ",reason=\"%s\"", sink_drop_name(why));
	for (char *s = ret; *s; s++)
		if (*s == ' ')
			*s = '_';
	return ret;
}

static void destinations(const struct page *p)
{
	static const struct {
		const char *name;
		enum metric_type type;
		const char *help;
		size_t offset;
	} families[] = {
#define STAT(member, type, help) \
	{ "ulogd_destination_" #member, type, help, offsetof(struct sink_stats, member) }
		STAT(formatted, COUNTER, "Records that stacks had for a destination."),
		STAT(written, COUNTER, "Records that a destination has taken."),
		STAT(written_bytes, COUNTER, "Bytes that a destination has taken."),
		STAT(queued, GAUGE, "Records that wait in memory."),
		STAT(queued_bytes, GAUGE, "Memory in use by records that wait."),
		STAT(queue_size, GAUGE, "Memory that records may use while they wait, in bytes."),
		STAT(spooled, GAUGE, "Records that wait on disk."),
		STAT(spooled_bytes, GAUGE, "Bytes of files in which records wait."),
		STAT(spool_size, GAUGE, "Bytes that these files may take, 0 without a spool."),
		STAT(reopens, COUNTER, "Times a destination was opened or connected again."),
#undef STAT
	};
	struct sink_stats stats;
	struct sink *sink;
	char name[96], reason[64];

	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		family(p, families[f].name, families[f].type, families[f].help);
		snprintf(name, sizeof(name), "%s%s", families[f].name,
			 families[f].type == COUNTER ? "_total" : "");
		for (sink = sink_next(NULL); sink; sink = sink_next(sink)) {
			uint64_t value;

			sink_stats(sink, &stats);
			memcpy(&value, (const char *)&stats + families[f].offset, sizeof(value));
			if (sink_shown(sink))
				destination_sample(p, name, sink, "", value);
		}
	}
	family(p, "ulogd_destination_dropped", COUNTER, "Records that were lost, and why.");
	for (sink = sink_next(NULL); sink; sink = sink_next(sink)) {
		sink_stats(sink, &stats);
		for (unsigned int i = 0; i < SINK_DROPS && sink_shown(sink); i++)
			destination_sample(p, "ulogd_destination_dropped_total", sink,
					   reason_label(i, reason, sizeof(reason)), stats.dropped[i]);
	}
	family(p, "ulogd_destination_up", GAUGE, "1 while a destination takes records, 0 while it fails.");
	for (sink = sink_next(NULL); sink; sink = sink_next(sink)) {
		sink_stats(sink, &stats);
		if (sink_shown(sink))
			destination_sample(p, "ulogd_destination_up", sink, "", stats.failing_since == 0);
	}
}

/* Memory of the process that is in RAM. */
static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size, resident = 0;

	if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void process(const struct page *p)
{
	struct rusage usage;
	double seconds;

	getrusage(RUSAGE_SELF, &usage);
	seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	family(p, "process_cpu_seconds", COUNTER, "CPU time of the daemon, user and system.");
	fprintf(p->out, "process_cpu_seconds_total %.6f\n", seconds);
	gauge(p, "process_resident_memory_bytes", "Memory of the daemon that is in RAM.", resident_bytes());
	gauge(p, "process_start_time_seconds", "When the daemon started, in seconds since 1970.",
	      (double)metrics.started_us / 1e6);
}

char *metrics_text(bool openmetrics)
{
	struct subjects subjects = {};
	char *text = NULL;
	size_t size;
	struct page page = { .out = open_memstream(&text, &size), .openmetrics = openmetrics };
	bool failed;

	if (!page.out)
		return NULL;
	stack_walk(subject_add, &subjects);
	family(&page, "ulogd_build_info", GAUGE, "1, with the version of the daemon.");
	fprintf(page.out, "ulogd_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	gauge(&page, "ulogd_stacks", "Stacks that run.", stack_count());
	plugin_counters(&page, &subjects);
	instance_counters(&page, &subjects);
	destinations(&page);
	process(&page);
	if (openmetrics)
		fputs("# EOF\n", page.out);
	failed = subjects.failed;
	free(subjects.list);
	if (fclose(page.out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* ------------------------------------------------------------------ HTTP */

static void server_pause(struct http_server *s)
{
	static const struct timeval time_limit = { .tv_sec = HTTP_TIMEOUT_S };

	evconnlistener_disable(s->listener);
	event_add(s->deadline, &time_limit);
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	server_pause(arg);
	/* While evhttp writes, it leaves here what comes.  Before that it refuses more than half of this. */
	if (bev)
		bufferevent_setwatermark(bev, EV_READ, 0, 2 * HTTP_BYTES_MAX);
	return bev;
}

/* No descriptor is left, for instance, which would be told again at once. */
static void on_accept_failed(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < HTTP_CLIENTS_MAX; i++)
		if (metrics.servers[i].listener == listener)
			server_pause(&metrics.servers[i]);
}

/* All is written, and the connection ends when this returns. */
static void on_answered(struct evhttp_request *req, void *arg)
{
	struct http_server *s = arg;

	(void)req;
	event_del(s->deadline);
	evconnlistener_enable(s->listener);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const char *accept = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");
	bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	char *text;

	evhttp_request_set_on_complete_cb(req, on_answered, arg);
	if (strcmp(evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req)), "/metrics") != 0) {
		evhttp_send_error(req, HTTP_NOTFOUND, NULL);
		return;
	}
	text = metrics_text(openmetrics);
	if (!text) {
		evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "Content-Type",
			  openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" :
					"text/plain; version=0.0.4; charset=utf-8");
	if (evhttp_request_get_command(req) == EVHTTP_REQ_GET)
		evbuffer_add(evhttp_request_get_output_buffer(req), text, strlen(text));
	evhttp_send_reply(req, HTTP_OK, NULL, NULL);
	free(text);
}

/* Begins anew, or for the first time. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	struct event_base *base = event_get_base(s->deadline);

	(void)fd;
	(void)what;
	if (s->http)
		evhttp_free(s->http);
	s->http = evhttp_new(base);
	s->listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, metrics.listener.fd);
	if (!s->http || !s->listener || !evhttp_bind_listener(s->http, s->listener)) {
		if (s->listener)
			evconnlistener_free(s->listener);
		log_error("metrics_listen: out of memory");
		return;
	}
	evconnlistener_set_error_cb(s->listener, on_accept_failed);
	evhttp_set_bevcb(s->http, on_connection, s);
	evhttp_set_gencb(s->http, on_request, s);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(s->http, HTTP_BYTES_MAX);
	evhttp_set_max_body_size(s->http, HTTP_BYTES_MAX);
}

static void http_start(struct event_base *base)
{
	for (unsigned int i = 0; metrics.listener.fd >= 0 && i < HTTP_CLIENTS_MAX; i++) {
		struct http_server *s = &metrics.servers[i];

		s->deadline = evtimer_new(base, on_deadline, s);
		if (s->deadline)
			on_deadline(-1, EV_TIMEOUT, s);
		else
			log_error("metrics_listen: out of memory");
	}
}

static void http_end(void)
{
	for (unsigned int i = 0; i < HTTP_CLIENTS_MAX; i++) {
		struct http_server *s = &metrics.servers[i];

		if (s->http)
			evhttp_free(s->http);
		if (s->deadline)
			event_free(s->deadline);
		*s = (struct http_server){};
	}
	listen_close(&metrics.listener);
}

/* ------------------------------------------------------------------ file */

/* Writes @text to a file beside @path, which then takes its place: nobody reads half of it. */
static int file_replace(const char *path, const char *text)
{
	char *tmp = NULL;
	FILE *file;
	int ret = 0;

	if (asprintf(&tmp, "%s.tmp", path) < 0)
		return -ENOMEM;
	file = fopen(tmp, "we");
	if (!file) {
		ret = -errno;
		goto out;
	}
	fchmod(fileno(file), 0644);
	if (fputs(text, file) < 0 || fflush(file) < 0)
		ret = -errno;
	if (fclose(file) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0 && rename(tmp, path) < 0)
		ret = -errno;
	if (ret < 0)
		unlink(tmp);
out:
	free(tmp);
	return ret;
}

static void file_write(void)
{
	char *text = metrics_text(false);
	int ret = text ? file_replace(metrics.path, text) : -ENOMEM;

	free(text);
	if (ret < 0 && !metrics.file_failed)
		log_error("metrics_file: cannot write %s: %s; let the daemon's user write in its directory",
			  metrics.path, strerror(-ret));
	if (ret == 0 && metrics.file_failed)
		log_notice("metrics_file: %s is written again", metrics.path);
	metrics.file_failed = ret < 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	file_write();
}

/* ------------------------------------------------------- start, change, end */

/* Listens where the options say, if anywhere; what is wrong is said. */
static int listener_open(const struct metrics_options *o, struct listener *ret)
{
	const char *address = o->metrics_listen;
	char why[256];
	int err;

	if (!address[0])
		return 0;
	if (strncmp(address, "unix:", 5) == 0)
		err = listen_unix(address + 5, 0666, (uid_t)-1, (gid_t)-1, ret, why, sizeof(why));
	else
		err = listen_tcp(address, o->metrics_listen_any, ret, why, sizeof(why));
	if (err < 0)
		log_error("metrics_listen: cannot listen on %s: %s", address, why);
	return err;
}

/* Takes over the options but for where to listen. */
static void file_note(const struct metrics_options *o)
{
	metrics.path = o->metrics_file[0] ? strdup(o->metrics_file) : NULL;
	metrics.interval_s = o->metrics_interval;
}

static void listen_note(const struct metrics_options *o, struct listener listener)
{
	free(metrics.address);
	metrics.address = o->metrics_listen[0] ? strdup(o->metrics_listen) : NULL;
	metrics.any = o->metrics_listen_any;
	metrics.listener = listener;
}

void metrics_open(const struct metrics_options *o)
{
	struct listener listener = LISTENER_NONE;

	listener_open(o, &listener);
	listen_note(o, listener);
	file_note(o);
}

static void file_start(struct event_base *base)
{
	struct timeval interval = { .tv_sec = metrics.interval_s };

	if (!metrics.path)
		return;
	file_write();
	metrics.timer = event_new(base, -1, EV_PERSIST, on_timer, NULL);
	if (!metrics.timer || event_add(metrics.timer, &interval) < 0)
		log_error("metrics_file: out of memory");
}

static void file_end(void)
{
	if (metrics.timer)
		event_free(metrics.timer);
	metrics.timer = NULL;
	/* Counters of a daemon that is no more would look like one that does nothing. */
	if (metrics.path)
		unlink(metrics.path);
	free(metrics.path);
	metrics.path = NULL;
}

void metrics_run(struct event_base *base)
{
	http_start(base);
	file_start(base);
}

static bool text_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b) == 0;
}

int metrics_change(struct event_base *base, const struct metrics_options *o)
{
	struct listener listener = LISTENER_NONE;
	int ret = 0;

	if (!text_same(metrics.address, o->metrics_listen) || metrics.any != o->metrics_listen_any ||
	    (metrics.address && metrics.listener.fd < 0)) {
		ret = listener_open(o, &listener);
		if (ret == 0) {
			http_end();
			listen_note(o, listener);
			http_start(base);
		}
	}
	if (!text_same(metrics.path, o->metrics_file) || metrics.interval_s != o->metrics_interval) {
		file_end();
		file_note(o);
		file_start(base);
	}
	return ret;
}

void metrics_fini(void)
{
	file_end();
	http_end();
	free(metrics.address);
	metrics.address = NULL;
}

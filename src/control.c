// SPDX-License-Identifier: GPL-2.0-or-later
/* The socket that ulogctl talks to. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <grp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "listen.h"
#include "log.h"
#include "metrics.h"
#include "status.h"
#include "tail.h"

#define CLIENTS_MAX	16
#define REQUEST_MAX	4096
#define REQUEST_TIMEOUT_S 60
#define ANSWER_TIMEOUT_S 10
#define MESSAGES_MAX	8192	/* bytes of the log that an answer carries */

struct client {
	struct client *next;
	int fd;
	struct ucred peer;
	struct event *readable, *writable;
	struct evbuffer *in, *out;
	struct tail *tail;	/* events go to it: no more requests */
	bool last;		/* ends when its answer is written */
};

static struct {
	struct event_base *base;
	const struct control_ops *ops;
	const char *conf_path;
	char *path, *group;	/* the options */
	uid_t uid;
	struct listener listener;
	struct event *acceptable;
	struct client *clients;
	unsigned int n_clients;
	struct ulogd_once complained;
} control = {
	.listener = LISTENER_NONE,
};

/* --------------------------------------------------------------- clients */

static void client_free(struct client *c)
{
	struct client **at;

	for (at = &control.clients; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	control.n_clients--;
	tail_end(c->tail);
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	if (c->in)
		evbuffer_free(c->in);
	if (c->out)
		evbuffer_free(c->out);
	close(c->fd);
	free(c);
}

/* Says what is wrong with a client, if that was not done a moment ago. */
static void complain(const struct client *c, const char *what)
{
	if (ulogd_once_a_second(&control.complained))
		log_notice("control socket: a client, pid %d of user %u, %s", (int)c->peer.pid, c->peer.uid,
			   what);
}

/*
 * Writes what the client takes of its answer, and waits to write the rest, or for the next request.
 * False when the client is gone.
 */
static bool client_write(struct client *c)
{
	static const struct timeval answer = { .tv_sec = ANSWER_TIMEOUT_S };
	static const struct timeval request = { .tv_sec = REQUEST_TIMEOUT_S };

	while (evbuffer_get_length(c->out) > 0) {
		if (evbuffer_write(c->out, c->fd) > 0)
			continue;
		if (errno != EAGAIN && errno != EINTR)
			goto err_free;
		event_del(c->readable);
		if (event_add(c->writable, &answer) < 0)
			goto err_free;
		return true;
	}
	if (c->last)
		goto err_free;
	/* A watcher, whose request has just been read, may be silent: event_add() would leave the timer. */
	if (c->tail ? event_remove_timer(c->readable) < 0 : event_add(c->readable, &request) < 0)
		goto err_free;
	return true;

err_free:
	client_free(c);
	return false;
}

static bool answer(struct client *c, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (text)
		evbuffer_add_printf(c->out, "%s\n", text);
	else
		evbuffer_add_printf(c->out, "{\"ok\":false,\"error\":\"out of memory\"}\n");
	free(text);
	return client_write(c);
}

static bool answer_error(struct client *c, const char *error)
{
	return answer(c, json_pack("{s:b, s:s}", "ok", 0, "error", error));
}

/* -------------------------------------------------------------- requests */

static bool do_status(struct client *c, const json_t *request)
{
	(void)request;
	return answer(c, json_pack("{s:b, s:o}", "ok", 1, "status", status_json(control.conf_path)));
}

static bool do_metrics(struct client *c, const json_t *request)
{
	const char *format = json_string_value(json_object_get(request, "format"));
	char *text = metrics_text(!format || strcmp(format, "prometheus") != 0);
	json_t *json = json_pack("{s:b, s:s}", "ok", 1, "text", text);

	free(text);
	return answer(c, json);
}

static bool may_change(const struct client *c)
{
	return c->peer.uid == 0 || c->peer.uid == geteuid();
}

static bool do_reopen(struct client *c, const json_t *request)
{
	(void)request;
	control.ops->reopen();
	return answer(c, json_pack("{s:b}", "ok", 1));
}

static bool do_change(struct client *c, int (*change)(char *why, size_t size))
{
	char why[MESSAGES_MAX] = "", clean[MESSAGES_MAX];
	struct ulogd_buf b = { .p = clean, .end = clean + sizeof(clean) };
	const char *error;
	int ret;

	if (!change)
		return answer_error(c, "this daemon cannot do that");
	ret = change(why, sizeof(why));
	if (ret == 0)
		return answer(c, json_pack("{s:b}", "ok", 1));
	metrics_put_utf8(&b, why);
	if (ret > 0)
		error = "the configuration is in use, but not all of it works";
	else
		error = why[0] ? "nothing has changed" : strerror(-ret);
	return answer(c, json_pack("{s:b, s:s, s:s%}", "ok", 0, "error", error, "messages", clean,
				   (size_t)(b.p - clean)));
}

static bool do_reload(struct client *c, const json_t *request)
{
	(void)request;
	return do_change(c, control.ops->reload);
}

static bool do_restart(struct client *c, const json_t *request)
{
	(void)request;
	return do_change(c, control.ops->restart);
}

static bool do_tail(struct client *c, const json_t *request)
{
	const char *which = json_string_value(json_object_get(request, "stack"));
	char why[256];
	int n;

	/* From the moment it is attached the connection is written by the sink's thread. */
	n = tail_begin(c->fd, which, &c->tail, why, sizeof(why));
	return n < 0 ? answer_error(c, why) : client_write(c);
}

static const struct {
	const char *name;
	bool changes;		/* only for those who may_change() */
	bool (*run)(struct client *c, const json_t *request);
} commands[] = {
	{ "status", false, do_status },
	{ "metrics", false, do_metrics },
	{ "tail", false, do_tail },
	{ "reopen", true, do_reopen },
	{ "reload", true, do_reload },
	{ "restart", true, do_restart },
};

static bool request_run(struct client *c, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "command"));

	for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (commands[i].changes && !may_change(c)) {
			complain(c, "asked for what only root and the daemon's own user may do");
			return answer_error(c, "only root and the daemon's own user may do that");
		}
		return commands[i].run(c, request);
	}
	return answer_error(c, name ? "there is no such command" : "the request has no \"command\"");
}

/* Answers a client that makes no sense, and ends it. */
static bool client_refuse(struct client *c, const char *why)
{
	complain(c, why);
	c->last = true;
	return answer_error(c, why);
}

/* Runs the requests that are there, as long as the client takes their answers. */
static void requests_run(struct client *c)
{
	bool alive = true;

	while (alive && !c->tail && evbuffer_get_length(c->out) == 0) {
		size_t len;
		char *line = evbuffer_readln(c->in, &len, EVBUFFER_EOL_LF);
		json_t *request;

		if (!line) {
			if (evbuffer_get_length(c->in) >= REQUEST_MAX)
				client_refuse(c, "sent a request that is too long");
			return;
		}
		request = json_loadb(line, len, 0, NULL);
		free(line);
		if (json_is_object(request))
			alive = request_run(c, request);
		else
			alive = client_refuse(c, "sent something that is no JSON object");
		json_decref(request);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	int n;

	if (what & EV_TIMEOUT) {
		client_free(c);
		return;
	}
	n = evbuffer_read(c->in, fd, REQUEST_MAX);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		client_free(c);
	else if (c->tail)
		evbuffer_drain(c->in, evbuffer_get_length(c->in));
	else
		requests_run(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		complain(c, "does not take its answer");
		client_free(c);
	} else if (client_write(c)) {
		requests_run(c);
	}
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
	int client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	socklen_t len = sizeof(struct ucred);
	struct client *c;

	(void)what;
	(void)arg;
	if (client_fd < 0)
		return;
	c = control.n_clients < CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		send(client_fd, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(client_fd);
		return;
	}
	c->fd = client_fd;
	c->next = control.clients;
	control.clients = c;
	control.n_clients++;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->readable = event_new(control.base, client_fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(control.base, client_fd, EV_WRITE, on_writable, c);
	if (!c->in || !c->out || !c->readable || !c->writable ||
	    getsockopt(client_fd, SOL_SOCKET, SO_PEERCRED, &c->peer, &len) < 0)
		client_free(c);
	else
		client_write(c);	/* nothing yet: waits for a request */
}

/* ------------------------------------------------------- start, change, end */

/* The mode of the socket, and @gid its group or -1. */
static mode_t socket_mode(const struct control_options *o, gid_t *gid)
{
	const struct group *group = o->control_group[0] ? getgrnam(o->control_group) : NULL;

	if (o->control_group[0] && !group)
		log_error("control_group: there is no group %s", o->control_group);
	*gid = group ? group->gr_gid : (gid_t)-1;
	return group ? 0660 : 0600;
}

static void options_note(const struct control_options *o)
{
	free(control.path);
	free(control.group);
	control.path = strdup(o->control_socket);
	control.group = strdup(o->control_group);
}

void control_open(const struct control_options *o, uid_t uid)
{
	char why[256];
	mode_t mode;
	gid_t gid;

	options_note(o);
	control.uid = uid;
	if (!o->control_socket[0])
		return;
	mode = socket_mode(o, &gid);
	if (listen_unix(o->control_socket, mode, uid, gid, &control.listener, why, sizeof(why)) < 0)
		log_at(__FILE__, __LINE__, o->optional ? ULOGD_INFO : ULOGD_NOTICE,
		       "ulogctl cannot reach this daemon: cannot listen on %s: %s; see control_socket",
		       o->control_socket, why);
}

static void accept_begin(void)
{
	if (control.listener.fd < 0)
		return;
	control.acceptable = event_new(control.base, control.listener.fd, EV_READ | EV_PERSIST,
				       on_acceptable, NULL);
	if (!control.acceptable || event_add(control.acceptable, NULL) < 0)
		log_error("control_socket: out of memory");
}

static void listener_end(void)
{
	if (control.acceptable)
		event_free(control.acceptable);
	control.acceptable = NULL;
	listen_close(&control.listener);
}

void control_run(struct event_base *base, const struct control_ops *ops, const char *conf_path)
{
	control.base = base;
	control.ops = ops;
	control.conf_path = conf_path;
	accept_begin();
}

int control_change(const struct control_options *o)
{
	bool same_path = control.path && strcmp(control.path, o->control_socket) == 0;
	struct listener l = LISTENER_NONE;
	char why[256];
	mode_t mode;
	gid_t gid;
	int ret = 0;

	if (same_path && control.group && strcmp(control.group, o->control_group) == 0 &&
	    (control.listener.fd >= 0 || !o->control_socket[0]))
		return 0;
	if (o->control_socket[0]) {
		mode = socket_mode(o, &gid);
		if (same_path && control.listener.fd >= 0) {
			/* The group may have had it until now. */
			ret = listen_set_owner(&control.listener, mode, control.uid,
					       gid != (gid_t)-1 ? gid : getegid());
			snprintf(why, sizeof(why), "%s", strerror(-ret));
		} else {
			ret = listen_unix(o->control_socket, mode, control.uid, gid, &l, why, sizeof(why));
		}
	}
	if (ret < 0) {
		log_error("control_socket: cannot listen on %s as it is now wanted: %s; %s", o->control_socket,
			  why, control.listener.fd >= 0 ? "the old one stays" : "there is none");
		return ret;
	}
	options_note(o);
	if (same_path && control.listener.fd >= 0)
		return 0;
	listener_end();
	control.listener = l;
	accept_begin();
	return 0;
}

void control_fini(void)
{
	while (control.clients)
		client_free(control.clients);
	listener_end();
	free(control.path);
	free(control.group);
	control.path = control.group = NULL;
}

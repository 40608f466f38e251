// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON - write each event as one JSON object (RFC 8259) on a line, to a file or a socket. */
#include <strings.h>
#include <time.h>

#include <ulogd/plugin.h>

#include "columns.h"

/* One member of the object; the column's key is `, "name": `. */
struct member {
	struct column column;
	bool label;			/* raw.label, to be written as a word */
	const struct ulogd_value *rival;	/* has the name when both are there; NULL: nobody */
	struct ulogd_key own_key;	/* with the field's own name, for that case */
};

struct json_output {
	const char *file;
	bool sync;
	bool timestamp;
	bool eventv1;
	const char *device;
	bool boolean_label;
	const char *mode, *host, *port;

	struct column *columns;
	unsigned int n_columns;
	struct member *members;
	unsigned int n_members;
	const struct ulogd_value *time_sec, *time_usec;	/* NULL: the stack has no such field */

	char begin[64];		/* up to the time stamp's value */
	size_t begin_len;
	char *dvc;		/* `"dvc": "…"` */
	size_t dvc_len;

	time_t stamp_sec;	/* the second that the next two are written for */
	char stamp[24];		/* 2026-11-21T00:18:52 */
	char zone[8];		/* +01:00 */
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct json_output, file, "/var/log/ulogd.json",
			 "file to append to, or path of the socket (mode unix)"),
	ULOGD_OPT_BOOL(struct json_output, sync, false,
		       "write whenever the input is drained, not once a second"),
	ULOGD_OPT_BOOL(struct json_output, timestamp, true, "begin with the time of the event"),
	ULOGD_OPT_BOOL(struct json_output, eventv1, false,
		       "Logstash: \"@version\": 1, and the time is called @timestamp"),
	ULOGD_OPT_STRING(struct json_output, device, "Netfilter", "value of the member dvc"),
	ULOGD_OPT_BOOL(struct json_output, boolean_label, false,
		       "write raw.label as \"action\": \"allowed\" (not 0) or \"blocked\" (0)"),
	ULOGD_OPT_STRING(struct json_output, mode, "file", "where to: file, tcp, udp or unix"),
	ULOGD_OPT_STRING(struct json_output, host, "127.0.0.1", "peer of modes tcp and udp"),
	ULOGD_OPT_STRING(struct json_output, port, "12345", "its port, a number or a service's name"),
	{}
};

/* --------------------------------------------------------------- strings */

/* A character that cannot stand for itself; a byte that is no UTF-8 is taken for Latin-1. */
static void escape_put(struct ulogd_buf *out, uint8_t c)
{
	static const char letters[256] = {
		['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
		['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
	};

	if (letters[c]) {
		ulogd_buf_char(out, '\\');
		ulogd_buf_char(out, letters[c]);
	} else {
		ulogd_buf_lit(out, "\\u00");
		ulogd_buf_hex_upper(out, c);
	}
}

/* A string with its quotes: RFC 8259, section 7. */
static void string_put(struct ulogd_buf *out, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t run = 0;

	ulogd_buf_char(out, '"');
	for (size_t i = 0; i < len; ) {
		size_t n = 1;

		if (s[i] < 0x80 ? s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' :
				  (n = ulogd_utf8_len(s + i, len - i)) > 0) {
			i += n;
			continue;
		}
		ulogd_buf_mem(out, s + run, i - run);
		escape_put(out, s[i]);
		run = ++i;
	}
	ulogd_buf_mem(out, s + run, len - run);
	ulogd_buf_char(out, '"');
}

/* ---------------------------------------------------------------- record */

static void stamp_make(struct json_output *o, time_t sec)
{
	struct tm tm;
	long minutes;

	localtime_r(&sec, &tm);
	strftime(o->stamp, sizeof(o->stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	minutes = tm.tm_gmtoff / 60;
	snprintf(o->zone, sizeof(o->zone), "%c%02u:%02u", minutes < 0 ? '-' : '+',
		 (unsigned int)labs(minutes) / 60 % 100, (unsigned int)labs(minutes) % 60);
	o->stamp_sec = sec;
}

/* RFC 3339: 2026-11-21T00:18:52.150155+01:00; the fraction only where the event has it. */
static void timestamp_put(struct json_output *o, struct ulogd_buf *out,
			  const struct ulogd_record *rec)
{
	uint32_t sec, usec;

	if (o->time_sec && o->time_sec->stamp == rec->stamp)
		sec = (uint32_t)o->time_sec->num;
	else
		sec = (uint32_t)time(NULL);
	if ((time_t)sec != o->stamp_sec || o->stamp[0] == '\0')
		stamp_make(o, sec);
	ulogd_buf_char(out, '"');
	ulogd_buf_mem(out, o->stamp, strlen(o->stamp));
	if (o->time_usec && o->time_usec->stamp == rec->stamp) {
		usec = (uint32_t)o->time_usec->num;
		ulogd_buf_char(out, '.');
		for (uint32_t scale = 100000; scale > 0; scale /= 10)
			ulogd_buf_char(out, (char)('0' + usec / scale % 10));
	}
	ulogd_buf_mem(out, o->zone, strlen(o->zone));
	ulogd_buf_lit(out, "\", ");
}

static void member_put(struct ulogd_buf *out, const struct ulogd_record *rec, const struct member *m)
{
	const struct ulogd_value *v = m->column.value;

	if (m->rival && m->rival->stamp == rec->stamp)
		ulogd_buf_key(out, &m->own_key);
	else
		ulogd_buf_key(out, &m->column.key);
	if (m->label && v->num != 0)
		ulogd_buf_lit(out, "\"allowed\"");
	else if (m->label)
		ulogd_buf_lit(out, "\"blocked\"");
	else if (m->column.type == ULOGD_STRING)
		string_put(out, v->ptr, v->len);
	else
		column_put(out, &m->column);
}

static int json_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
		       struct ulogd_buf *out)
{
	struct json_output *o = ulogd_priv(inst);
	struct ulogd_buf line = *out;	/* in registers, as far as possible */

	ulogd_buf_mem(&line, o->begin, o->begin_len);
	if (o->timestamp)
		timestamp_put(o, &line, rec);
	ulogd_buf_mem(&line, o->dvc, o->dvc_len);
	for (const struct member *m = o->members; m < o->members + o->n_members; m++)
		if (column_present(&m->column, rec))
			member_put(&line, rec, m);
	ulogd_buf_lit(&line, "}\n");
	*out = line;
	return ULOGD_PASS;
}

/* ----------------------------------------------------------------- start */

/* Names of Splunk's common information model, which ulogd2 uses for a few fields. */
static const char *member_name(const char *field)
{
	static const struct {
		const char *field, *member;
	} names[] = {
		{ "ip.saddr.str", "src_ip" }, { "ip.daddr.str", "dest_ip" },
		{ "orig.ip.saddr.str", "src_ip" }, { "orig.ip.daddr.str", "dest_ip" },
		{ "tcp.sport", "src_port" }, { "tcp.dport", "dest_port" },
		{ "udp.sport", "src_port" }, { "udp.dport", "dest_port" },
		{ "sctp.sport", "src_port" }, { "sctp.dport", "dest_port" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].field, field) == 0)
			return names[i].member;
	return field;
}

/* A field that was listed before: both have the same value, and an object has a name once. */
static bool column_seen(const struct json_output *o, unsigned int i)
{
	for (unsigned int j = 0; j < i; j++)
		if (strcmp(o->columns[j].name, o->columns[i].name) == 0)
			return true;
	return false;
}

/* A packet that comes with its connection has addresses of both: the packet's get the name. */
static const struct ulogd_value *rival_find(const struct json_output *o, const char *field)
{
	for (unsigned int i = 0; i < o->n_columns && strncmp(field, "orig.", 5) == 0; i++)
		if (strcmp(o->columns[i].name, field + 5) == 0)
			return o->columns[i].value;
	return NULL;
}

static void members_make(struct json_output *o)
{
	for (unsigned int i = 0; i < o->n_columns; i++) {
		struct column *c = &o->columns[i];
		struct member *m = &o->members[o->n_members];

		if (strcmp(c->name, "oob.time.sec") == 0)
			o->time_sec = c->value;
		if (strcmp(c->name, "oob.time.usec") == 0)
			o->time_usec = c->value;
		/* Addresses are written as text, by IP2STR, or not at all. */
		if (!column_printable(c) || c->type == ULOGD_IPADDR || column_seen(o, i))
			continue;
		m->column = *c;
		m->label = o->boolean_label && strcmp(c->name, "raw.label") == 0;
		m->rival = rival_find(o, c->name);
		column_key(&m->column.key, ", \"", m->label ? "action" : member_name(c->name),
			   "\": ");
		column_key(&m->own_key, ", \"", c->name, "\": ");
		o->n_members++;
	}
}

static int begin_make(struct json_output *o)
{
	size_t len = strlen(o->device);
	struct ulogd_buf b;

	o->begin_len = (size_t)snprintf(o->begin, sizeof(o->begin), "{%s%s",
					o->eventv1 ? "\"@version\": 1, " : "",
					!o->timestamp ? "" : o->eventv1 ? "\"@timestamp\": " :
									  "\"timestamp\": ");
	o->dvc = malloc(6 * len + 16);	/* `\u00XX` is the longest that a byte becomes */
	if (!o->dvc)
		return -ENOMEM;
	b = (struct ulogd_buf){ .p = o->dvc, .end = o->dvc + 6 * len + 16 };
	ulogd_buf_lit(&b, "\"dvc\": ");
	string_put(&b, o->device, len);
	o->dvc_len = (size_t)(b.p - o->dvc);
	return 0;
}

static const struct {
	const char *name;
	enum ulogd_socket_kind kind;
} socket_modes[] = {
	{ "tcp", ULOGD_SOCKET_TCP }, { "udp", ULOGD_SOCKET_UDP }, { "unix", ULOGD_SOCKET_UNIX },
};

#define N_SOCKET_MODES (sizeof(socket_modes) / sizeof(socket_modes[0]))

/* The index of the socket mode, N_SOCKET_MODES for a file, or -1. */
static int mode_find(const char *mode)
{
	for (size_t i = 0; i < N_SOCKET_MODES; i++)
		if (strcasecmp(mode, socket_modes[i].name) == 0)
			return (int)i;
	return strcasecmp(mode, "file") == 0 ? (int)N_SOCKET_MODES : -1;
}

static int json_check(struct ulogd_instance *inst)
{
	const struct json_output *o = ulogd_priv(inst);

	if (mode_find(o->mode) < 0)
		return ulogd_fail_option(inst, "mode", "unknown mode '%s'; write file, tcp, udp or unix",
					 o->mode);
	return 0;
}

static int destination_open(struct ulogd_instance *inst, const struct json_output *o)
{
	struct ulogd_socket socket = { .host = o->host, .port = o->port, .sync = true };
	int mode = mode_find(o->mode);

	if (mode == N_SOCKET_MODES)
		return ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file, .sync = o->sync });
	socket.kind = socket_modes[mode].kind;
	if (socket.kind == ULOGD_SOCKET_UNIX) {
		socket.host = o->file;
		socket.port = "";
	}
	return ulogd_output_socket(inst, &socket);
}

static void json_stop(struct ulogd_instance *inst)
{
	struct json_output *o = ulogd_priv(inst);

	free(o->columns);
	free(o->members);
	free(o->dvc);
}

static int json_start(struct ulogd_instance *inst)
{
	struct json_output *o = ulogd_priv(inst);
	int ret = columns_new(inst, &o->columns, &o->n_columns);

	if (ret == 0) {
		o->members = calloc(o->n_columns + 1, sizeof(*o->members));
		ret = o->members ? begin_make(o) : -ENOMEM;
	}
	if (ret < 0) {
		ulogd_fail(inst, ret, "cannot start: %m");
		goto err_free;
	}
	members_make(o);
	ret = destination_open(inst, o);
	if (ret < 0)
		goto err_free;
	return 0;

err_free:
	json_stop(inst);
	return ret;
}

ULOGD_PLUGIN(struct json_output,
	.name = "JSON", .kind = ULOGD_OUTPUT, .inputs_all = true,
	.options = options, .check = json_check, .start = json_start, .format = json_format,
	.stop = json_stop,
);

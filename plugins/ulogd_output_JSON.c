// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON - write each event as one JSON object (RFC 8259) on a line, to a file or a socket. */
#include <strings.h>
#include <time.h>

#include <ulogd/plugin.h>

#include "columns.h"

/* What a column, with the key `, "name": `, needs besides to be a member of the object. */
struct member {
	bool label;			/* raw.label, to be written as a word */
	const struct ulogd_place *rival;	/* has the name when both are there; NULL: nobody */
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

	struct columns columns;
	struct member *members;		/* one for each of these */
	const struct ulogd_place *time_sec, *time_usec;	/* NULL: the stack has no such field */

	char begin[64];		/* up to the time stamp's value */
	size_t begin_len;
	char *dvc;		/* `"dvc": "…"` */
	size_t dvc_len;

	time_t stamp_sec;	/* the second that the next two are written for */
	struct ulogd_key stamp;	/* `"2026-11-21T00:18:52` */
	struct ulogd_key zone;	/* `+01:00", ` */
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct json_output, file, "/var/log/ulogd.json",
			 "file to append to, or path of the socket (mode unix)"),
	ULOGD_OPT_BOOL(struct json_output, sync, false,
		       "write whenever the input is drained, not ten times a second"),
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
static char *escape_put(char *p, uint8_t c)
{
	static const char letters[256] = {
		['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
		['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
	};
	static const char digits[] = "0123456789ABCDEF";

	*p++ = '\\';
	if (letters[c]) {
		*p++ = letters[c];
		return p;
	}
	p = ulogd_put_mem(p, "u00", 3);
	*p++ = digits[c >> 4];
	*p++ = digits[c & 0xf];
	return p;
}

/* True when all of 8 bytes stand for themselves: ASCII, no control character, quote or backslash. */
static bool all_plain(const char *text)
{
	const uint64_t ones = 0x0101010101010101, high = 0x80 * ones;
	uint64_t x, quote, backslash;

	memcpy(&x, text, sizeof(x));
	quote = x ^ ones * '"';
	backslash = x ^ ones * '\\';
	/* Of bytes below 0x80 the high bit of x - n is set for those below n, at least for the first. */
	return ((x | (x - ones * 0x20) | (quote - ones) | (backslash - ones)) & high) == 0;
}

/* What string_put() writes at most. */
#define STRING_ROOM(len) (6 * (len) + 2)

/* A string with its quotes: RFC 8259, section 7. */
static char *string_put(char *p, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;

	*p++ = '"';
	for (size_t i = 0, n; i < len; i += n) {
		if (len - i >= 8 && all_plain(text + i)) {
			n = 8;
			p = ulogd_put_mem(p, s + i, 8);
			continue;
		}
		n = 1;
		if (s[i] < 0x80 && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\') {
			*p++ = (char)s[i];
		} else if (s[i] >= 0x80 && (n = ulogd_utf8_len(s + i, len - i)) > 0) {
			p = ulogd_put_mem(p, s + i, n);
		} else {
			n = 1;
			p = escape_put(p, s[i]);
		}
	}
	*p++ = '"';
	return p;
}

/* ---------------------------------------------------------------- record */

static void stamp_make(struct json_output *o, time_t sec)
{
	struct tm tm;
	long minutes;

	localtime_r(&sec, &tm);
	o->stamp.len = (uint8_t)strftime(o->stamp.text, sizeof(o->stamp.text), "\"%Y-%m-%dT%H:%M:%S", &tm);
	minutes = tm.tm_gmtoff / 60;
	o->zone.len = (uint8_t)snprintf(o->zone.text, sizeof(o->zone.text), "%c%02u:%02u\", ",
					minutes < 0 ? '-' : '+', (unsigned int)labs(minutes) / 60 % 100,
					(unsigned int)labs(minutes) % 60);
	o->stamp_sec = sec;
}

/* RFC 3339: 2026-11-21T00:18:52.150155+01:00; the fraction only where the event has it. */
static char *timestamp_put(struct json_output *o, char *p)
{
	uint32_t sec, usec;

	if (o->time_sec && ulogd_place_has(o->time_sec))
		sec = (uint32_t)o->time_sec->value->num;
	else
		sec = (uint32_t)time(NULL);
	if ((time_t)sec != o->stamp_sec || o->stamp.len == 0)
		stamp_make(o, sec);
	p = ulogd_put_key(p, &o->stamp);
	if (o->time_usec && ulogd_place_has(o->time_usec)) {
		usec = (uint32_t)o->time_usec->value->num % 1000000;
		*p++ = '.';
		p = ulogd_put_mem(p, ulogd_buf_digits + 2 * (usec / 10000), 2);
		p = ulogd_put_mem(p, ulogd_buf_digits + 2 * (usec / 100 % 100), 2);
		p = ulogd_put_mem(p, ulogd_buf_digits + 2 * (usec % 100), 2);
	}
	return ulogd_put_key(p, &o->zone);
}

/* True when the column, which is present, fits between @p and @end as a member. */
static bool member_fits(const char *p, const char *end, const struct column *c)
{
	return (size_t)(end - p) >= COLUMN_ROOM + (c->type == ULOGD_STRING ? STRING_ROOM(c->value->len) : 0);
}

static char *member_put(char *p, const struct member *m, struct column *c)
{
	const struct ulogd_value *v = c->value;

	if (m->label)
		return ulogd_put_mem(column_put_key(p, c),
				     v->num != 0 ? "\"allowed\"" : "\"blocked\"", 9);
	if (c->type != ULOGD_STRING)
		return column_put(p, c);
	if (m->rival && ulogd_place_has(m->rival))
		p = ulogd_put_key(p, &m->own_key);
	else
		p = column_put_key(p, c);
	return string_put(p, v->ptr, v->len);
}

static int json_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
		       struct ulogd_buf *out)
{
	struct json_output *o = ulogd_priv(inst);
	const struct columns_word *word;
	char *p = out->p, *end = out->end;
	struct column *c;
	uint64_t bits;

	(void)rec;
	if ((size_t)(end - p) < o->begin_len + COLUMN_ROOM + o->dvc_len)
		goto full;
	p = ulogd_put_mem(p, o->begin, o->begin_len);
	if (o->timestamp)
		p = timestamp_put(o, p);
	p = ulogd_put_mem(p, o->dvc, o->dvc_len);
	columns_for_each_present(c, &o->columns, word, bits) {
		if (!member_fits(p, end, c))
			goto full;
		p = member_put(p, &o->members[c - o->columns.at], c);
	}
	out->p = p;
	ulogd_buf_lit(out, "}\n");
	return ULOGD_PASS;

full:
	out->full = true;
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
		if (strcmp(o->columns.at[j].name, o->columns.at[i].name) == 0)
			return true;
	return false;
}

/* A packet that comes with its connection has addresses of both: the packet's get the name. */
static const struct ulogd_place *rival_find(const struct ulogd_instance *inst, const struct json_output *o,
					    const char *field)
{
	for (unsigned int i = 0; i < o->columns.n && strncmp(field, "orig.", 5) == 0; i++)
		if (strcmp(o->columns.at[i].name, field + 5) == 0)
			return ulogd_in_place(inst, i);
	return NULL;
}

static void members_make(const struct ulogd_instance *inst, struct json_output *o)
{
	for (unsigned int i = 0; i < o->columns.n; i++) {
		struct column *c = &o->columns.at[i];
		struct member *m = &o->members[i];

		if (strcmp(c->name, "oob.time.sec") == 0)
			o->time_sec = ulogd_in_place(inst, i);
		if (strcmp(c->name, "oob.time.usec") == 0)
			o->time_usec = ulogd_in_place(inst, i);
		/* Addresses are written as text, by IP2STR, or not at all. */
		if (!column_printable(c) || c->type == ULOGD_IPADDR || column_seen(o, i)) {
			columns_drop(&o->columns, i);
			continue;
		}
		m->label = o->boolean_label && strcmp(c->name, "raw.label") == 0;
		m->rival = rival_find(inst, o, c->name);
		column_key(c, ", \"", m->label ? "action" : member_name(c->name), "\": ", 0);
		m->own_key.len = (uint8_t)snprintf(m->own_key.text, sizeof(m->own_key.text),
						   ", \"%.31s\": ", c->name);
	}
}

static int begin_make(struct json_output *o)
{
	size_t len = strlen(o->device);
	char *p;

	o->begin_len = (size_t)snprintf(o->begin, sizeof(o->begin), "{%s%s",
					o->eventv1 ? "\"@version\": 1, " : "",
					!o->timestamp ? "" : o->eventv1 ? "\"@timestamp\": " :
									  "\"timestamp\": ");
	o->dvc = malloc(sizeof("\"dvc\": ") + STRING_ROOM(len));
	if (!o->dvc)
		return -ENOMEM;
	p = ulogd_put_mem(o->dvc, "\"dvc\": ", 7);
	o->dvc_len = (size_t)(string_put(p, o->device, len) - o->dvc);
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

/* True for a number that is no port; a name is looked up when it is connected to. */
static bool port_out_of_range(const char *port)
{
	unsigned long number = strtoul(port, NULL, 10);

	return port[0] && strspn(port, "0123456789") == strlen(port) && (number == 0 || number > UINT16_MAX);
}

static int json_check(struct ulogd_instance *inst)
{
	const struct json_output *o = ulogd_priv(inst);

	if (port_out_of_range(o->port))
		return ulogd_fail_option(inst, "port", "%s is no port; write a number from 1 to 65535, or the name "
					 "of a service", o->port);
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

	columns_free(&o->columns);
	free(o->members);
	free(o->dvc);
}

static int json_start(struct ulogd_instance *inst)
{
	struct json_output *o = ulogd_priv(inst);
	int ret = columns_new(inst, &o->columns);

	if (ret == 0) {
		o->members = calloc(o->columns.n + 1, sizeof(*o->members));
		ret = o->members ? begin_make(o) : -ENOMEM;
	}
	if (ret < 0) {
		ulogd_fail(inst, ret, "cannot start: %m");
		goto err_free;
	}
	members_make(inst, o);
	ret = destination_open(inst, o);
	if (ret < 0)
		goto err_free;
	return 0;

err_free:
	json_stop(inst);
	return ret;
}

ULOGD_PLUGIN(struct json_output,
	.name = "JSON", .kind = ULOGD_OUTPUT, .to_file = true, .inputs_all = true,
	.options = options, .check = json_check, .start = json_start, .format = json_format,
	.stop = json_stop,
);

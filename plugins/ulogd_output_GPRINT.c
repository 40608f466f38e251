// SPDX-License-Identifier: GPL-2.0-or-later
/* GPRINT - write all fields of an event on one line: key=value,key=value. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <ulogd/plugin.h>

/* A field that can be printed. */
struct column {
	unsigned int input;
	enum ulogd_type type;
	const char *name;
	size_t name_len;
};

struct gprint_output {
	const char *file;
	bool sync;
	bool timestamp;

	struct column *columns;
	unsigned int n_columns;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct gprint_output, file, "/var/log/ulogd_gprint.log",
			 "file to append to"),
	ULOGD_OPT_BOOL(struct gprint_output, sync, false,
		       "write whenever the input is drained, not once a second"),
	ULOGD_OPT_BOOL(struct gprint_output, timestamp, false,
		       "begin the line with the time of writing"),
	{}
};

static void timestamp_put(struct ulogd_buf *out)
{
	time_t now = time(NULL);
	char text[40];
	struct tm tm;

	localtime_r(&now, &tm);
	ulogd_buf_mem(out, text, strftime(text, sizeof(text), "timestamp=%Y/%m/%d-%H:%M:%S,", &tm));
}

static void value_put(struct ulogd_buf *out, const struct ulogd_record *rec, const struct column *c)
{
	const void *data;
	size_t len;

	switch (c->type) {
	case ULOGD_I8:
	case ULOGD_I16:
	case ULOGD_I32:
	case ULOGD_I64:
		ulogd_buf_i64(out, (int64_t)rec->in[c->input]->num);
		break;
	case ULOGD_IPADDR:
		data = ulogd_in_mem(rec, c->input, &len);
		ulogd_buf_addr(out, data, len);
		break;
	case ULOGD_STRING:
		data = ulogd_in_mem(rec, c->input, &len);
		ulogd_buf_mem(out, data, len);
		break;
	default:
		ulogd_buf_u64(out, rec->in[c->input]->num);
		break;
	}
}

static int gprint_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	const struct gprint_output *o = ulogd_priv(inst);
	char *begin = out->p;
	bool any = false;

	if (o->timestamp)
		timestamp_put(out);
	for (unsigned int i = 0; i < o->n_columns; i++) {
		const struct column *c = &o->columns[i];

		if (!ulogd_in_has(rec, c->input))
			continue;
		ulogd_buf_mem(out, c->name, c->name_len);
		ulogd_buf_char(out, '=');
		value_put(out, rec, c);
		ulogd_buf_char(out, ',');
		any = true;
	}
	if (out->full)
		return ULOGD_PASS;
	if (any)
		out->p[-1] = '\n';
	else
		out->p = begin;	/* an event without a field that can be printed is no line */
	return ULOGD_PASS;
}

static void gprint_stop(struct ulogd_instance *inst)
{
	struct gprint_output *o = ulogd_priv(inst);

	free(o->columns);
}

static int gprint_start(struct ulogd_instance *inst)
{
	struct gprint_output *o = ulogd_priv(inst);
	unsigned int n = 0;
	struct column c;
	int ret;

	while (ulogd_input_at(inst, n, &c.name, &c.type))
		n++;
	o->columns = calloc(n + 1, sizeof(*o->columns));
	if (!o->columns)
		return ulogd_fail(inst, -ENOMEM, "cannot start: %m");
	for (c.input = 0; ulogd_input_at(inst, c.input, &c.name, &c.type); c.input++) {
		if (c.type == ULOGD_RAW || c.type == ULOGD_RAWSTR || c.type == ULOGD_NONE)
			continue;
		c.name_len = strlen(c.name);
		o->columns[o->n_columns++] = c;
	}
	ret = ulogd_output_file(inst, o->file, o->sync);
	if (ret < 0)
		gprint_stop(inst);
	return ret;
}

ULOGD_PLUGIN(struct gprint_output,
	.name = "GPRINT", .kind = ULOGD_OUTPUT, .inputs_all = true,
	.options = options, .start = gprint_start, .format = gprint_format, .stop = gprint_stop,
);

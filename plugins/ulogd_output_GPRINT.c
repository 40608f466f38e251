// SPDX-License-Identifier: GPL-2.0-or-later
/* GPRINT - write all fields of an event on one line: key=value,key=value. */
#include <time.h>

#include <ulogd/plugin.h>

#include "columns.h"

struct gprint_output {
	const char *file;
	bool sync;
	bool timestamp;

	struct columns columns;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct gprint_output, file, "/var/log/ulogd_gprint.log",
			 "file to append to"),
	ULOGD_OPT_BOOL(struct gprint_output, sync, false,
		       "write whenever the input is drained, not ten times a second"),
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

static int gprint_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	const struct gprint_output *o = ulogd_priv(inst);
	const struct columns_word *word;
	char *begin = out->p, *end = out->end, *fields, *p;
	struct column *c;
	uint64_t bits;

	(void)rec;
	if (o->timestamp)
		timestamp_put(out);
	fields = p = out->p;
	columns_for_each_present(c, &o->columns, word, bits) {
		if (!column_fits(p, end, c)) {
			out->full = true;
			return ULOGD_PASS;
		}
		p = column_put(p, c);
	}
	/* An event without a field that can be printed is no line. */
	if (p > fields)
		p[-1] = '\n';
	out->p = p > fields ? p : begin;
	return ULOGD_PASS;
}

static void gprint_stop(struct ulogd_instance *inst)
{
	struct gprint_output *o = ulogd_priv(inst);

	columns_free(&o->columns);
}

static int gprint_start(struct ulogd_instance *inst)
{
	struct gprint_output *o = ulogd_priv(inst);
	struct columns *cols = &o->columns;
	int ret = columns_new(inst, cols);

	if (ret < 0) {
		gprint_stop(inst);
		return ulogd_fail(inst, ret, "cannot start: %m");
	}
	for (unsigned int i = 0; i < cols->n; i++) {
		if (column_printable(&cols->at[i]))
			column_key(&cols->at[i], "", cols->at[i].name, "=", ',');
		else
			columns_drop(cols, i);
	}
	ret = ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file, .sync = o->sync });
	if (ret < 0)
		gprint_stop(inst);
	return ret;
}

ULOGD_PLUGIN(struct gprint_output,
	.name = "GPRINT", .kind = ULOGD_OUTPUT, .to_file = true, .inputs_all = true,
	.options = options, .start = gprint_start, .format = gprint_format, .stop = gprint_stop,
);

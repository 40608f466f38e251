// SPDX-License-Identifier: GPL-2.0-or-later
/* OPRINT - write all fields of an event, one line each. */
#include <ulogd/plugin.h>

#include "columns.h"

struct oprint_output {
	const char *file;
	bool sync;

	struct column *columns;
	unsigned int n_columns;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct oprint_output, file, "/var/log/ulogd_oprint.log",
			 "file to append to"),
	ULOGD_OPT_BOOL(struct oprint_output, sync, false,
		       "write whenever the input is drained, not ten times a second"),
	{}
};

static int oprint_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	const struct oprint_output *o = ulogd_priv(inst);
	struct column *c = o->columns, *last = c + o->n_columns;
	char *end = out->end, *p;
	uint32_t stamp = rec->stamp;

	ulogd_buf_lit(out, "===>PACKET BOUNDARY\n");
	p = out->p;
	for (; (c = column_next(c, last, stamp)) < last; c++) {
		if (!column_fits(p, end, c)) {
			out->full = true;
			return ULOGD_PASS;
		}
		p = column_put(p, c);
	}
	out->p = p;
	return ULOGD_PASS;
}

static void oprint_stop(struct ulogd_instance *inst)
{
	struct oprint_output *o = ulogd_priv(inst);

	free(o->columns);
}

static void key_make(struct column *c)
{
	const char *word = c->type == ULOGD_NONE ? "=<none>" : column_printable(c) ? "=" : "=default";

	column_key(c, "", c->name, word, '\n');
}

static int oprint_start(struct ulogd_instance *inst)
{
	struct oprint_output *o = ulogd_priv(inst);
	int ret = columns_new(inst, &o->columns, &o->n_columns);

	if (ret < 0)
		return ulogd_fail(inst, ret, "cannot start: %m");
	for (unsigned int i = 0; i < o->n_columns; i++)
		key_make(&o->columns[i]);
	ret = ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file, .sync = o->sync });
	if (ret < 0)
		oprint_stop(inst);
	return ret;
}

ULOGD_PLUGIN(struct oprint_output,
	.name = "OPRINT", .kind = ULOGD_OUTPUT, .to_file = true, .inputs_all = true,
	.options = options, .start = oprint_start, .format = oprint_format, .stop = oprint_stop,
);

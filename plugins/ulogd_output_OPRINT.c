// SPDX-License-Identifier: GPL-2.0-or-later
/* OPRINT - write all fields of an event, one line each. */
#include <ulogd/plugin.h>

#include "columns.h"

struct oprint_output {
	const char *file;
	bool sync;

	struct columns columns;
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
	const struct columns_word *word;
	char *end = out->end, *p;
	struct column *c;
	uint64_t bits;

	(void)rec;
	ulogd_buf_lit(out, "===>PACKET BOUNDARY\n");
	p = out->p;
	columns_for_each_present(c, &o->columns, word, bits) {
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

	columns_free(&o->columns);
}

static void key_make(struct column *c)
{
	const char *word = c->type == ULOGD_NONE ? "=<none>" : column_printable(c) ? "=" : "=default";

	column_key(c, "", c->name, word, '\n');
}

static int oprint_start(struct ulogd_instance *inst)
{
	struct oprint_output *o = ulogd_priv(inst);
	int ret = columns_new(inst, &o->columns);

	if (ret < 0) {
		oprint_stop(inst);
		return ulogd_fail(inst, ret, "cannot start: %m");
	}
	for (unsigned int i = 0; i < o->columns.n; i++)
		key_make(&o->columns.at[i]);
	ret = ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file, .sync = o->sync });
	if (ret < 0)
		oprint_stop(inst);
	return ret;
}

ULOGD_PLUGIN(struct oprint_output,
	.name = "OPRINT", .kind = ULOGD_OUTPUT, .to_file = true, .inputs_all = true,
	.options = options, .start = oprint_start, .format = oprint_format, .stop = oprint_stop,
);

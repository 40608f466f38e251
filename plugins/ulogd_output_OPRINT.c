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
		       "write whenever the input is drained, not once a second"),
	{}
};

static int oprint_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	const struct oprint_output *o = ulogd_priv(inst);

	struct ulogd_buf text = *out;	/* in registers, as far as possible */

	ulogd_buf_lit(&text, "===>PACKET BOUNDARY\n");
	for (const struct column *c = o->columns; c < o->columns + o->n_columns; c++) {
		if (!column_present(c, rec))
			continue;
		ulogd_buf_key(&text, &c->key);
		if (column_printable(c))
			column_put(&text, c);
		else if (c->type == ULOGD_NONE)
			ulogd_buf_lit(&text, "<none>");
		else
			ulogd_buf_lit(&text, "default");
		ulogd_buf_char(&text, '\n');
	}
	*out = text;
	return ULOGD_PASS;
}

static void oprint_stop(struct ulogd_instance *inst)
{
	struct oprint_output *o = ulogd_priv(inst);

	free(o->columns);
}

static int oprint_start(struct ulogd_instance *inst)
{
	struct oprint_output *o = ulogd_priv(inst);
	int ret = columns_new(inst, &o->columns, &o->n_columns);

	if (ret < 0)
		return ulogd_fail(inst, ret, "cannot start: %m");
	for (unsigned int i = 0; i < o->n_columns; i++)
		column_key(&o->columns[i].key, "", o->columns[i].name, "=");
	ret = ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file, .sync = o->sync });
	if (ret < 0)
		oprint_stop(inst);
	return ret;
}

ULOGD_PLUGIN(struct oprint_output,
	.name = "OPRINT", .kind = ULOGD_OUTPUT, .inputs_all = true,
	.options = options, .start = oprint_start, .format = oprint_format, .stop = oprint_stop,
);

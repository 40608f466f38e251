// SPDX-License-Identifier: GPL-2.0-or-later
/* LOGEMU - write events to a file in the manner of syslogd: date, host, text. */
#include <errno.h>
#include <unistd.h>

#include <ulogd/plugin.h>

#include "stamp.h"

struct logemu_output {
	const char *file;
	bool sync;
	const char *ident, *time_format;

	struct stamp stamp;
	char host[256 + IDENT_MAX + 1];
	size_t host_len;	/* of "host " or "host ident " */
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct logemu_output, file, "/var/log/ulogd_syslogemu.log",
			 "file to append to"),
	ULOGD_OPT_BOOL(struct logemu_output, sync, false,
		       "write whenever the input is drained, not ten times a second"),
	ULOGD_OPT_STRING(struct logemu_output, ident, "",
			 "text between host and packet, such as \"kernel:\""),
	ULOGD_OPT_STRING(struct logemu_output, time_format, "bsd", STAMP_HELP),
	{}
};

enum { IN_PRINT, IN_TIME, IN_TIME_USEC };
static const struct ulogd_field inputs[] = {
	[IN_PRINT]     = { .id = FIELD_PRINT },
	[IN_TIME]      = { FIELD_OOB_TIME_SEC, .optional = true },
	[IN_TIME_USEC] = { FIELD_OOB_TIME_USEC, .optional = true },
	{}
};

static int logemu_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	struct logemu_output *o = ulogd_priv(inst);
	const char *print;
	size_t len;

	print = ulogd_in_mem(rec, IN_PRINT, &len);
	if (!print)
		return ULOGD_PASS;
	stamp_put_event(&o->stamp, out, rec, IN_TIME, IN_TIME_USEC);
	ulogd_buf_mem(out, o->host, o->host_len);
	ulogd_buf_mem(out, print, len);
	return ULOGD_PASS;
}

static int logemu_check(struct ulogd_instance *inst)
{
	struct logemu_output *o = ulogd_priv(inst);
	int ret = stamp_init(inst, &o->stamp, o->time_format);

	return ident_check(inst, o->ident) < 0 ? -EINVAL : ret;
}

static int logemu_start(struct ulogd_instance *inst)
{
	struct logemu_output *o = ulogd_priv(inst);

	if (gethostname(o->host, 255) < 0)
		return ulogd_fail(inst, -errno, "cannot get the host's name: %m");
	o->host_len = strcspn(o->host, ".");
	o->host[o->host_len++] = ' ';
	if (o->ident[0] != '\0')
		o->host_len += (size_t)sprintf(o->host + o->host_len, "%s ", o->ident);
	return ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file, .sync = o->sync });
}

ULOGD_PLUGIN(struct logemu_output,
	.name = "LOGEMU", .kind = ULOGD_OUTPUT, .to_file = true,
	.options = options, .inputs = inputs,
	.check = logemu_check, .start = logemu_start, .format = logemu_format,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* LOGEMU - write events to a file in the manner of syslogd: date, host, text. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <ulogd/plugin.h>

#define STAMP_LEN 16	/* "Nov 21 00:18:52 " */

struct logemu_output {
	const char *file;
	bool sync;

	char host[256];
	size_t host_len;	/* of "host " */
	time_t stamp_sec;	/* the second that stamp[] is written for */
	char stamp[STAMP_LEN + 1];
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct logemu_output, file, "/var/log/ulogd_syslogemu.log",
			 "file to append to"),
	ULOGD_OPT_BOOL(struct logemu_output, sync, false,
		       "write whenever the input is drained, not once a second"),
	{}
};

enum { IN_PRINT, IN_TIME };
static const struct ulogd_field inputs[] = {
	[IN_PRINT] = { .id = FIELD_PRINT },
	[IN_TIME]  = { FIELD_OOB_TIME_SEC, .optional = true },
	{}
};

static void stamp_make(struct logemu_output *o, time_t sec)
{
	struct tm tm;

	localtime_r(&sec, &tm);
	strftime(o->stamp, sizeof(o->stamp), "%b %e %H:%M:%S ", &tm);
	o->stamp_sec = sec;
}

static int logemu_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	struct logemu_output *o = ulogd_priv(inst);
	const char *print;
	uint32_t sec;
	size_t len;

	print = ulogd_in_mem(rec, IN_PRINT, &len);
	if (!print)
		return ULOGD_PASS;
	if (!ulogd_in_u32(rec, IN_TIME, &sec))
		sec = (uint32_t)time(NULL);
	if ((time_t)sec != o->stamp_sec || o->stamp[0] == '\0')
		stamp_make(o, sec);
	ulogd_buf_mem(out, o->stamp, STAMP_LEN);
	ulogd_buf_mem(out, o->host, o->host_len);
	ulogd_buf_mem(out, print, len);
	return ULOGD_PASS;
}

static int logemu_start(struct ulogd_instance *inst)
{
	struct logemu_output *o = ulogd_priv(inst);

	if (gethostname(o->host, sizeof(o->host) - 2) < 0)
		return ulogd_fail(inst, -errno, "cannot get the host's name: %m");
	o->host_len = strcspn(o->host, ".");
	o->host[o->host_len++] = ' ';
	return ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file, .sync = o->sync });
}

ULOGD_PLUGIN(struct logemu_output,
	.name = "LOGEMU", .kind = ULOGD_OUTPUT,
	.options = options, .inputs = inputs, .start = logemu_start, .format = logemu_format,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* SYSLOG - send events to the local syslog daemon. */
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <ulogd/plugin.h>

#include "stamp.h"

struct syslog_output {
	const char *facility, *level;
	const char *ident, *time_format;

	struct stamp stamp;
	char priority[8];	/* "<29>" */
	size_t priority_len;
	char tag[IDENT_MAX + 16];	/* "ulogd[123]: " */
	size_t tag_len;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct syslog_output, facility, "LOG_KERN",
			 "LOG_DAEMON, LOG_KERN (which becomes daemon), LOG_USER, LOG_LOCAL0 to 7"),
	ULOGD_OPT_STRING(struct syslog_output, level, "LOG_NOTICE",
			 "LOG_EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO or DEBUG, with LOG_ before it"),
	ULOGD_OPT_STRING(struct syslog_output, ident, "ulogd",
			 "who says it: a word, which gets [PID] and a colon, or text ending in a colon"),
	ULOGD_OPT_STRING(struct syslog_output, time_format, "bsd", STAMP_HELP),
	{}
};

enum { IN_PRINT, IN_TIME, IN_TIME_USEC };
static const struct ulogd_field inputs[] = {
	[IN_PRINT]     = { .id = FIELD_PRINT },
	[IN_TIME]      = { FIELD_OOB_TIME_SEC, .optional = true },
	[IN_TIME_USEC] = { FIELD_OOB_TIME_USEC, .optional = true },
	{}
};

struct name {
	const char *text;
	int value;
};

/* Programs other than the kernel have no facility 0: like syslog(3) we say daemon then. */
static const struct name facilities[] = {
	{ "LOG_DAEMON", LOG_DAEMON }, { "LOG_KERN", LOG_DAEMON }, { "LOG_USER", LOG_USER },
	{ "LOG_LOCAL0", LOG_LOCAL0 }, { "LOG_LOCAL1", LOG_LOCAL1 }, { "LOG_LOCAL2", LOG_LOCAL2 },
	{ "LOG_LOCAL3", LOG_LOCAL3 }, { "LOG_LOCAL4", LOG_LOCAL4 }, { "LOG_LOCAL5", LOG_LOCAL5 },
	{ "LOG_LOCAL6", LOG_LOCAL6 }, { "LOG_LOCAL7", LOG_LOCAL7 },
	{}
};

static const struct name levels[] = {
	{ "LOG_EMERG", LOG_EMERG }, { "LOG_ALERT", LOG_ALERT }, { "LOG_CRIT", LOG_CRIT },
	{ "LOG_ERR", LOG_ERR }, { "LOG_WARNING", LOG_WARNING }, { "LOG_NOTICE", LOG_NOTICE },
	{ "LOG_INFO", LOG_INFO }, { "LOG_DEBUG", LOG_DEBUG },
	{}
};

static int name_find(const struct name *names, const char *text)
{
	for (; names->text; names++)
		if (strcmp(names->text, text) == 0)
			return names->value;
	return -1;
}

static int syslog_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	struct syslog_output *o = ulogd_priv(inst);
	const char *print;
	size_t len;

	print = ulogd_in_mem(rec, IN_PRINT, &len);
	if (!print)
		return ULOGD_PASS;
	ulogd_buf_mem(out, o->priority, o->priority_len);
	/* As syslog(3) does, the short form says when the message was sent. */
	if (o->stamp.format == STAMP_BSD)
		stamp_put(&o->stamp, out, time(NULL), NULL);
	else
		stamp_put_event(&o->stamp, out, rec, IN_TIME, IN_TIME_USEC);
	ulogd_buf_mem(out, o->tag, o->tag_len);
	ulogd_buf_mem(out, print, len);
	return ULOGD_PASS;
}

/* "ulogd[123]: " of the word ulogd, "kernel: " of "kernel:". */
static void tag_make(struct syslog_output *o)
{
	size_t len = strlen(o->ident);
	int ret;

	if (len == 0)
		return;
	if (o->ident[len - 1] == ':')
		ret = snprintf(o->tag, sizeof(o->tag), "%s ", o->ident);
	else
		ret = snprintf(o->tag, sizeof(o->tag), "%s[%d]: ", o->ident, (int)getpid());
	o->tag_len = (size_t)ret;
}

static int syslog_check(struct ulogd_instance *inst)
{
	struct syslog_output *o = ulogd_priv(inst);
	int facility = name_find(facilities, o->facility), level = name_find(levels, o->level);
	int ret = 0;

	if (facility < 0)
		ret = ulogd_fail_option(inst, "facility", "unknown facility '%s'; see --info SYSLOG",
					o->facility);
	if (level < 0)
		ret = ulogd_fail_option(inst, "level", "unknown level '%s'; see --info SYSLOG", o->level);
	if (stamp_init(inst, &o->stamp, o->time_format) < 0 || ident_check(inst, o->ident) < 0)
		ret = -EINVAL;
	o->priority_len = (size_t)snprintf(o->priority, sizeof(o->priority), "<%d>",
					   (facility | level) & (LOG_FACMASK | LOG_PRIMASK));
	return ret;
}

static int syslog_start(struct ulogd_instance *inst)
{
	tag_make(ulogd_priv(inst));
	return ulogd_output_socket(inst, &(struct ulogd_socket){
		.kind = ULOGD_SOCKET_UNIX_DGRAM, .host = "/dev/log", .port = "", .sync = true });
}

ULOGD_PLUGIN(struct syslog_output,
	.name = "SYSLOG", .kind = ULOGD_OUTPUT,
	.options = options, .inputs = inputs,
	.check = syslog_check, .start = syslog_start, .format = syslog_format,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* SYSLOG - send events to the local syslog daemon. */
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <ulogd/plugin.h>

struct syslog_output {
	const char *facility, *level;

	int priority;
	time_t head_sec;	/* the second that head[] is written for */
	char head[96];		/* "<29>Nov 21 01:38:49 ulogd[123]: " */
	size_t head_len;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct syslog_output, facility, "LOG_KERN",
			 "LOG_DAEMON, LOG_KERN (which becomes daemon), LOG_USER, LOG_LOCAL0 to 7"),
	ULOGD_OPT_STRING(struct syslog_output, level, "LOG_NOTICE",
			 "LOG_EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO or DEBUG, with LOG_ before it"),
	{}
};

enum { IN_PRINT };
static const struct ulogd_field inputs[] = {
	[IN_PRINT] = { .id = FIELD_PRINT },
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

static void head_make(struct syslog_output *o, time_t now)
{
	char stamp[32];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	o->head_len = (size_t)snprintf(o->head, sizeof(o->head), "<%d>%s ulogd[%d]: ", o->priority,
				       stamp, (int)getpid());
	o->head_sec = now;
}

static int syslog_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
			 struct ulogd_buf *out)
{
	struct syslog_output *o = ulogd_priv(inst);
	time_t now = time(NULL);
	const char *print;
	size_t len;

	print = ulogd_in_mem(rec, IN_PRINT, &len);
	if (!print)
		return ULOGD_PASS;
	if (now != o->head_sec)
		head_make(o, now);
	ulogd_buf_mem(out, o->head, o->head_len);
	ulogd_buf_mem(out, print, len);
	return ULOGD_PASS;
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
	o->priority = facility | level;
	return ret;
}

static int syslog_start(struct ulogd_instance *inst)
{
	return ulogd_output_socket(inst, &(struct ulogd_socket){
		.kind = ULOGD_SOCKET_UNIX_DGRAM, .host = "/dev/log", .port = "", .sync = true });
}

ULOGD_PLUGIN(struct syslog_output,
	.name = "SYSLOG", .kind = ULOGD_OUTPUT,
	.options = options, .inputs = inputs,
	.check = syslog_check, .start = syslog_start, .format = syslog_format,
);

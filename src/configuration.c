// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration file as a whole: reading it, checking it, going over to another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#include "args.h"
#include "conf.h"
#include "configuration.h"
#include "log.h"
#include "plugin.h"
#include "stack.h"

/* Options of which it matters whether they are set. */
enum { GLOBAL_LOGFILE, GLOBAL_PRIORITY, GLOBAL_CONTROL_SOCKET };

static const struct ulogd_option global_options[] = {
	[GLOBAL_LOGFILE] =
	ULOGD_OPT_STRING(struct global, logfile, "",
			 "the daemon's own messages: a file, stdout or syslog; without this line stderr"),
	[GLOBAL_PRIORITY] =
	ULOGD_OPT_INT(struct global, priority, -1, -20, 19,
		      "nice value of the daemon from its start on, see nice(1)"),
	[GLOBAL_CONTROL_SOCKET] =
	ULOGD_OPT_STRING(struct global, control_socket, RUNSTATEDIR "/ulogd/ulogd.sock",
			 "where ulogctl reaches the daemon; empty: nowhere"),
	ULOGD_OPT_INT(struct global, loglevel, ULOGD_NOTICE, INT32_MIN, INT32_MAX,
		      "least level to log: 1 debug, 3 info, 5 notice, 7 error, 8 fatal"),
	ULOGD_OPT_STRING(struct global, control_group, "", "group whose members may use it, too"),
	ULOGD_OPT_STRING(struct global, metrics_listen, "",
			 "ADDRESS:PORT or unix:/PATH where /metrics is served; empty: nowhere"),
	ULOGD_OPT_BOOL(struct global, metrics_listen_any, 0, "also at addresses that others reach"),
	ULOGD_OPT_STRING(struct global, metrics_file, "", "file to write metrics to; empty: none"),
	ULOGD_OPT_INT(struct global, metrics_interval, 15, 1, 86400, "seconds between two of these"),
	{}
};

#define N_GLOBAL_OPTIONS (sizeof(global_options) / sizeof(global_options[0]) - 1)

struct global global;

/* What the text of `global' belongs to. */
static const struct conf *global_conf;

static const char *const global_lists[] = { "plugin", "stack", NULL };

/* Puts [global] of @conf into force. */
static void global_use(const struct global *wanted, const struct conf *conf)
{
	global = *wanted;
	global_conf = conf;
	log_set_level(args.loglevel ? args.loglevel : global.loglevel);
}

/* plugin= lines: whatever cannot be loaded is only missed when a stack names it. */
static bool load_listed_plugins(const struct conf_section *section)
{
	const struct ulogd_plugin *plugin;
	bool listed = false;
	const char *why;

	for (const struct conf_line *l = section->lines; l; l = l->next) {
		if (strcmp(l->key, "plugin") != 0)
			continue;
		if (plugin_load(l->value, &plugin, &why) < 0)
			conf_warn(l->at, "global", "load_plugin: '%s': %s", l->value, why);
		else
			listed = true;
	}
	return listed;
}

int configuration_read(struct conf *conf, bool quiet)
{
	struct conf_section *section;
	conf_origin origins[N_GLOBAL_OPTIONS];
	struct global read;
	bool listed;
	int ret;

	conf->lenient = args.lenient;
	ret = conf_read(conf, args.conf_path);
	if (ret < 0) {
		log_error("unable to read configfile \"%s\": %s", args.conf_path, strerror(-ret));
		return 1;
	}
	section = conf_find(conf, "global");
	if (!section) {
		log_error("%s: section \"global\" not found; write [global] and stack= lines below it",
			  args.conf_path);
		return 1;
	}
	memset(&read, 0, sizeof(read));
	conf_apply(conf, section, &(struct conf_target){ global_options, &read }, 1,
		   global_lists, origins);
	read.has_priority = origins[GLOBAL_PRIORITY] != NULL;
	read.has_control_socket = origins[GLOBAL_CONTROL_SOCKET] != NULL;
	if (!quiet)
		global_use(&read, conf);
	if (!quiet && origins[GLOBAL_LOGFILE]) {
		ret = log_open(global.logfile);
		if (ret < 0) {
			log_error("%s:%u: global: can't open logfile '%s': %s", origins[GLOBAL_LOGFILE]->at.file,
				  origins[GLOBAL_LOGFILE]->at.line, global.logfile, strerror(-ret));
			return 2;
		}
		log_info(PACKAGE_NAME " Version " PACKAGE_VERSION " (re-)starting");
	}
	listed = load_listed_plugins(section);
	for (const struct conf_line *l = section->lines; l; l = l->next) {
		if (strcmp(l->key, "stack") != 0)
			continue;
		if (!quiet)
			log_notice("building new pluginstance stack: '%s'", l->value);
		stack_add(conf, l->at, l->value, listed);
	}
	stack_warn_unused(conf);
	if (conf->errors > 0)
		return 1;
	if (stack_count() == 0) {
		log_fatal("%s: not even a single working plugin stack; write a stack= line in [global]",
			  args.conf_path);
		return 1;
	}
	return 0;
}

int configuration_check(void)
{
	struct conf conf = {};
	int ret;

	stack_set_aside();
	ret = configuration_read(&conf, true) == 0 ? 0 : -EINVAL;
	stack_keep_old();
	conf_fini(&conf);
	return ret;
}

/* ------------------------------------------------------------ exchanging */

/* Those that instances still live by, the newest first. */
static struct configuration {
	struct conf conf;
	struct configuration *next;
} *configurations;

struct conf *configuration_new(void)
{
	struct configuration *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->next = configurations;
	configurations = c;
	return &c->conf;
}

void configuration_free_unused(void)
{
	for (struct configuration **at = &configurations, *c; (c = *at); ) {
		if (stack_uses(&c->conf) || &c->conf == global_conf) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		conf_fini(&c->conf);
		free(c);
	}
}

int configuration_use(struct conf *conf)
{
	const struct conf *old_conf = global_conf;
	char *log = strdup(log_destination());
	struct global old = global;
	int ret;

	if (!log)
		return -ENOMEM;
	stack_set_aside();
	ret = configuration_read(conf, false) == 0 ? stack_exchange() : -EINVAL;
	if (ret < 0) {
		stack_keep_old();
		global_use(&old, old_conf);
		if (strcmp(log, log_destination()) != 0)
			log_open(strcmp(log, "stderr") == 0 ? NULL : log);
	}
	free(log);
	return ret;
}

void configuration_fini(void)
{
	global_conf = NULL;
	configuration_free_unused();
}

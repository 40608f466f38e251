// SPDX-License-Identifier: GPL-2.0-or-later
/* What others ask of the running daemon: numbers, and to reopen, to reload, to restart. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#include "args.h"
#include "configuration.h"
#ifdef HAVE_JANSSON
#include "control.h"
#include "tail.h"
#endif
#include "log.h"
#include "metrics.h"
#include "restart.h"
#include "services.h"
#include "sink.h"
#include "stack.h"

static struct event_base *main_base;
static bool restarting;

bool services_restarting(void)
{
	return restarting;
}

void services_reopen(const char *why)
{
	int ret = log_reopen();

	if (ret < 0)
		log_error("can't open logfile %s: %s; the old one stays in use", log_destination(),
			  strerror(-ret));
	log_notice("%s, calling pluginstances", why);
	sink_reopen_all();
}

static struct metrics_options metrics_options(void)
{
	return (struct metrics_options){
		.metrics_listen = global.metrics_listen, .metrics_listen_any = global.metrics_listen_any,
		.metrics_file = global.metrics_file, .metrics_interval = global.metrics_interval,
	};
}

#ifdef HAVE_JANSSON
static struct control_options control_options(void)
{
	return (struct control_options){ global.control_socket, global.control_group,
					 !global.has_control_socket && stack_ends() };
}

/* ------------------------------------------------- asked through the control socket */

/* Goes over to what [global] says after a reload; a negative errno when some of it cannot be had. */
static int services_change(void)
{
	struct metrics_options metrics = metrics_options();
	struct control_options control = control_options();
	int ret = metrics_change(main_base, &metrics), err = control_change(&control);

	return ret < 0 ? ret : err;
}

/*
 * Reads the configuration anew and goes over to it.  When something is wrong with it, which is in
 * the log, everything stays as it is.  Returns 0, a negative errno, or 1 when it is in use but for
 * what could not be opened.
 */
static int reload(void)
{
	struct conf *conf = NULL;
	int ret;

	log_notice("reading %s anew", args.conf_path);
	ret = configuration_check();
	if (ret == 0 && !(conf = configuration_new()))
		ret = -ENOMEM;
	if (ret == 0)
		ret = tail_pause_all();
	if (ret == 0) {
		ret = configuration_use(conf);
		tail_resume_all();
	}
	if (ret >= 0 && services_change() < 0)
		ret = 1;
	configuration_free_unused();
	if (ret < 0)
		log_error("%s is not used, all goes on as before: %s", args.conf_path, strerror(-ret));
	else if (ret > 0)
		log_error("%s is in use, but for what could not be opened, stacks: %u; it is tried again at the "
			  "next reload", args.conf_path, stack_count());
	else
		log_notice("%s is in use, stacks: %u", args.conf_path, stack_count());
	return ret;
}

/* Ends the daemon to execute it anew, which takes its sockets over; refused when it would not start. */
static int restart(void)
{
	/* Our own look at the configuration tells what is wrong; whether the program can start is another thing. */
	int ret = configuration_check();

	if (ret == 0)
		ret = restart_check();
	if (ret < 0)
		return ret;
	log_notice("restarting");
	restarting = true;
	event_base_loopbreak(main_base);
	return 0;
}

/* Text that messages are appended to, line by line; what does not fit is left out. */
struct messages {
	char *text;
	size_t size;
};

static void message_add(const char *text, void *arg)
{
	const struct messages *m = arg;
	size_t len = strlen(m->text);

	snprintf(m->text + len, m->size - len, "%s\n", text);
}

/* Calls @request; @why becomes the errors that are logged meanwhile. */
static int answer(int (*request)(void), char *why, size_t size)
{
	struct messages messages = { why, size };
	int ret;

	log_listen(ULOGD_ERROR, message_add, &messages);
	ret = request();
	log_listen(0, NULL, NULL);
	return ret;
}

static void control_reopen(void)
{
	services_reopen("asked by ulogctl");
}

static int control_reload(char *why, size_t size)
{
	return answer(reload, why, size);
}

static int control_restart(char *why, size_t size)
{
	return answer(restart, why, size);
}

static const struct control_ops control_ops = {
	.reopen = control_reopen, .reload = control_reload, .restart = control_restart,
};
#endif

/* --------------------------------------------------------------- their life */

void services_open(void)
{
	struct metrics_options metrics = metrics_options();

	metrics_open(&metrics);
#ifdef HAVE_JANSSON
	struct control_options control = control_options();

	control_open(&control, args.user ? args.user->pw_uid : (uid_t)-1);
#else
	log_info("ulogctl cannot reach this daemon: it was built without jansson");
#endif
}

void services_run(struct event_base *base)
{
	main_base = base;
	metrics_run(base);
#ifdef HAVE_JANSSON
	control_run(base, &control_ops, args.conf_path);
#endif
}

void services_end(void)
{
#ifdef HAVE_JANSSON
	control_fini();
#endif
	metrics_fini();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* ulogd: start in order, run until a signal, stop in reverse. */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "args.h"
#include "background.h"
#include "configuration.h"
#include "diagnose.h"
#include "instance.h"
#include "keep.h"
#include "log.h"
#include "metrics.h"
#include "owner.h"
#include "pidfile.h"
#include "plugin.h"
#include "privileges.h"
#include "restart.h"
#include "services.h"
#include "sink.h"
#include "stack.h"
#include "stop.h"

/* --------------------------------------------------------------- running */

static void on_terminate(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	log_notice("Terminal signal received, exiting");
	event_base_loopbreak(arg);
}

static void on_reopen(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	services_reopen("signal received");
}

static void on_report(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	stack_report();
	sink_report_all();
}

static void on_ignored(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
}

static void on_log(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_flush();
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_info("all inputs have been read to their end");
	event_base_loopbreak(arg);
}

#ifdef HAVE_LIBSYSTEMD
static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}
#endif

static const struct {
	int signal;
	event_callback_fn callback;
} signal_table[] = {
	{ SIGTERM, on_terminate },
	{ SIGINT, on_terminate },
	{ SIGHUP, on_reopen },
	{ SIGUSR1, on_reopen },
	{ SIGUSR2, on_report },
	{ SIGALRM, on_ignored },
};

/*
 * Blocks or unblocks the signals of the table, but for TERM and INT before the daemon runs: until
 * then they simply end it.  Threads inherit the blocked state.
 */
static void signals_block(int how)
{
	static bool running;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signal_table) / sizeof(signal_table[0]); i++)
		if (running || signal_table[i].callback != on_terminate)
			sigaddset(&set, signal_table[i].signal);
	pthread_sigmask(how, &set, NULL);
	running = running || how == SIG_UNBLOCK;
}

/* The daemon runs: says so to whoever waits for it. */
static void started(void)
{
	log_set_starting(false);
	if (args.daemonize)
		background_running();
#ifdef HAVE_LIBSYSTEMD
	sd_notify(0, "READY=1");
#endif
}

#define MAX_EVENTS 9	/* the signals, the log, the inputs' end, the watchdog */

/* Runs until a signal or the end of all inputs. */
static int run(void)
{
	struct event *events[MAX_EVENTS];
	struct event_base *base = event_base_new();
	unsigned int n = 0;
	int ret = -ENOMEM;

	if (!base)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(signal_table) / sizeof(signal_table[0]); i++)
		events[n++] = evsignal_new(base, signal_table[i].signal, signal_table[i].callback,
					   base);
	events[n++] = event_new(base, log_fd(), EV_READ | EV_PERSIST, on_log, NULL);
	events[n++] = event_new(base, stack_done_fd(), EV_READ, on_done, base);
	for (unsigned int i = 0; i < n; i++)
		if (!events[i] || event_add(events[i], NULL) < 0)
			goto err_free;
#ifdef HAVE_LIBSYSTEMD
	uint64_t watchdog_us;

	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		struct timeval half = { .tv_sec = (time_t)(watchdog_us / 2000000),
					.tv_usec = (suseconds_t)(watchdog_us / 2 % 1000000) };

		events[n] = event_new(base, -1, EV_PERSIST, on_watchdog, NULL);
		if (!events[n] || event_add(events[n++], &half) < 0)
			goto err_free;
	}
#endif
	services_run(base);
	started();
	log_info("initialization finished, entering main loop");
	signals_block(SIG_UNBLOCK);
	ret = event_base_dispatch(base) < 0 ? -EIO : 0;
	/* From here on nothing may end the daemon before its queues are written. */
	signals_block(SIG_BLOCK);
#ifdef HAVE_LIBSYSTEMD
	sd_notify(0, services_restarting() ? "RELOADING=1" : "STOPPING=1");
#endif
err_free:
	services_end();
	while (n-- > 0)
		if (events[n])
			event_free(events[n]);
	event_base_free(base);
	return ret;
}

/* Sets the nice value, which threads inherit.  The default takes nothing from what others have given. */
static void priority_set(void)
{
	if (!global.has_priority && getpriority(PRIO_PROCESS, 0) < global.priority)
		return;
	if (setpriority(PRIO_PROCESS, 0, global.priority) < 0)
		log_info("Could not nice process to %d (priority): %s", global.priority, strerror(errno));
}

/* Opens and binds everything, runs, and undoes it in reverse. */
static int serve(void)
{
	int ret;

	keep_init();
	ret = stack_start();
	keep_end();
	if (ret == 0 && stack_count() == 0) {
		log_fatal("not even a single working plugin stack");
		return 1;
	}
	if (ret == 0)
		services_open();
	priority_set();
	if (ret == 0 && args.user)
		ret = privileges_drop(args.user);
	if (ret == 0)
		ret = stack_run();
	if (ret == 0)
		ret = run();
	if (ret < 0)
		log_fatal("cannot run: %s", strerror(-ret));
	services_end();

	if (services_restarting() || keep_survives())
		keep_begin();
	stop_all();
	return ret < 0 || stack_failed() ? 1 : 0;
}

/* ------------------------------------------------------- instead of running */

static int print_info(const char *what)
{
	const struct ulogd_plugin *plugin;
	const char *why;
	int ret;

	if (strchr(what, '/') || strstr(what, ".so"))
		ret = plugin_load(what, &plugin, &why);
	else
		ret = plugin_load_name(what, &plugin, &why);
	if (ret < 0) {
		fprintf(stderr, "ulogd: cannot load plugin %s: %s; see --list-plugins\n", what, why);
		return 1;
	}
	plugin_info(plugin, instance_common_options(plugin), stdout);
	return 0;
}

static int list_plugins(void)
{
	const struct ulogd_plugin *plugin;

	plugin_load_all();
	if (!plugin_at(0)) {
		fprintf(stderr, "ulogd: no plugins in %s; is it installed? see --plugin-dir\n",
			plugin_dir());
		return 1;
	}
	for (unsigned int i = 0; (plugin = plugin_at(i)); i++)
		printf("%-12s %s\n", plugin->name, plugin_kind_name(plugin->kind));
	return 0;
}

/* What -t says of a configuration that can be used. */
static void print_fine(const struct conf *conf)
{
	printf("%s: fine, stacks: %u\n", args.conf_path, stack_count());
	stack_print_lanes(stdout);
	stack_print_unused(conf, args.conf_path, stdout);
}

/* -t and --print-config. */
static int print_configuration(struct conf *conf)
{
	int status;

	log_set_plain(true);
	status = configuration_read(conf, true);
	if (status == 0 && args.print_config)
		stack_print_config(stdout);
	else if (status == 0)
		print_fine(conf);
	return status;
}

/* ------------------------------------------------------------------- main */

/* From the configuration to the end; the exit status. */
static int daemon_main(struct conf *conf)
{
	int status = 1;

	if (args.daemonize && args.verbose) {
		args.verbose = false;
		log_error("suppressing verbose output (not compatible with daemon mode).");
	}
	log_set_verbose(args.verbose);
	log_set_starting(true);
	if (args.loglevel)
		log_set_level(args.loglevel);
	args_make_absolute();
	if (args.daemonize && background_begin() < 0) {
		log_fatal("cannot daemonize: %s", strerror(errno));
		return 1;
	}
	if (args.user)
		owner_set(args.user->pw_uid, args.user->pw_gid);
	if (!args.pid_path || pidfile_create(args.pid_path) == 0)
		status = configuration_read(conf, false);
	if (status == 0)
		status = serve();
	if (status == 1 && strcmp(log_destination(), "stderr") == 0)
		fputs("Fatal error.\n", stderr);
	else if (status == 1)
		fprintf(stderr, "Fatal error, check logfile \"%s\" or use '-v' flag.\n",
			log_destination());
	return status;
}

int main(int argc, char **argv)
{
	struct conf *conf = configuration_new();
	int status;

	metrics_init();
	restart_init(argv);
	args_parse(argc, argv);
	if (!conf || log_init() < 0) {
		fprintf(stderr, "ulogd: cannot start: %s\n", strerror(errno));
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	signals_block(SIG_BLOCK);
	srandom((unsigned int)getpid() ^ (unsigned int)time(NULL));
	if (args.info) {
		status = print_info(args.info);
	} else if (args.list_plugins) {
		status = list_plugins();
	} else if (args.diagnose) {
		log_set_plain(true);
		status = diagnose(args.conf_path, configuration_read(conf, true) == 0, stdout);
	} else if (args.test || args.print_config) {
		status = print_configuration(conf);
	} else {
		status = daemon_main(conf);
	}
	stack_fini();
	sink_fini_all();
	if (!services_restarting()) {
		keep_fini();
		pidfile_remove();
	}
	log_fini();
	configuration_fini();
	plugin_fini();
	if (services_restarting() && status == 0) {
		int ret = restart_exec();

		fprintf(stderr, "ulogd: cannot execute the daemon anew: %s\n", strerror(-ret));
		status = 1;
	}
	return status;
}

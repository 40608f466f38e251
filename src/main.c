// SPDX-License-Identifier: GPL-2.0-or-later
/* ulogd: command line, start in order, run, stop in reverse. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "conf.h"
#ifdef HAVE_JANSSON
#include "control.h"
#include "tail.h"
#endif
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
#include "sink.h"
#include "stack.h"

static bool restarting;	/* the daemon ends to be executed anew */

#define STOP_TIMEOUT_MS	5000	/* a destination that fails has that long at the end */
#define SIGNAL_TWICE_MS	200	/* timeout(1) sends its signal to the process and then to its group */

/* What the command line says. */
static struct {
	const char *conf_path;
	const char *pid_path;
	const struct passwd *user;
	int loglevel;			/* 0: not given */
	bool daemonize, verbose, lenient, test, print_config, list_plugins, diagnose;
	const char *info;
} args = {
	.conf_path = SYSCONFDIR "/ulogd.conf",
};

/* [global] but for plugin= and stack=, which are lists. */
struct global {
	const char *logfile;
	int32_t loglevel;
	int32_t priority;
	bool has_priority;		/* the configuration sets it */
	const char *control_socket, *control_group;
	bool has_control_socket;	/* the configuration sets it */
	const char *metrics_listen;
	bool metrics_listen_any;
	const char *metrics_file;
	int32_t metrics_interval;
};

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

/* What is in force, and the configuration that its text belongs to. */
static struct global global;
static const struct conf *global_conf;

static const char *const global_lists[] = { "plugin", "stack", NULL };

/* ---------------------------------------------------------- command line */

static const char version_text[] =
	PACKAGE_NAME " Version " PACKAGE_VERSION "\n"
	"Netfilter packet, flow and accounting logger, successor of ulogd2.\n"
	"License GPL-2.0-or-later.\n"
	"This is free software with ABSOLUTELY NO WARRANTY.\n";

static const char usage_text[] =
	"\nParameters:\n"
	"\t-h --help\tThis help page\n"
	"\t-V --version\tPrint version information\n"
	"\t-d --daemon\tDaemonize (fork into background); returns when running\n"
	"\t-v --verbose\tCopy log messages to standard error\n"
	"\t-l --loglevel\tSet log level: 1 debug, 3 info, 5 notice, 7 error, 8 fatal\n"
	"\t-c --configfile\tUse alternative Configfile\n"
	"\t-p --pidfile\tRecord ulogd PID in file\n"
	"\t-u --uid\tChange UID/GID\n"
	"\t-i --info\tDisplay infos about plugin (its name or path)\n"
	"\t-t --test\tCheck the configuration and exit: 0 fine, 1 errors\n"
	"\t   --diagnose\tPrint why nothing may be logged, and exit: 0 everything fits, 1 not\n"
	"\t   --lenient\tWarn where ulogd 2.0.8 did not care, and go on\n"
	"\t   --print-config\tPrint all options with their values and origins, and exit\n"
	"\t   --list-plugins\tPrint the installed plugins and exit\n"
	"\t   --plugin-dir\tLook for plugins in this directory\n";

enum { OPT_LENIENT = 256, OPT_PRINT_CONFIG, OPT_LIST_PLUGINS, OPT_PLUGIN_DIR, OPT_DIAGNOSE };

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "daemon", no_argument, NULL, 'd' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "loglevel", required_argument, NULL, 'l' },
	{ "configfile", required_argument, NULL, 'c' },
	{ "pidfile", required_argument, NULL, 'p' },
	{ "uid", required_argument, NULL, 'u' },
	{ "info", required_argument, NULL, 'i' },
	{ "test", no_argument, NULL, 't' },
	{ "diagnose", no_argument, NULL, OPT_DIAGNOSE },
	{ "lenient", no_argument, NULL, OPT_LENIENT },
	{ "print-config", no_argument, NULL, OPT_PRINT_CONFIG },
	{ "list-plugins", no_argument, NULL, OPT_LIST_PLUGINS },
	{ "plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR },
	{}
};

static void __attribute__((noreturn)) usage_error(void)
{
	/* getopt has said what is wrong; these lines are what ulogd2 adds. */
	if (optopt > 0 && optopt < 256)
		fprintf(stderr, "Unknown option `-%c'.\n", optopt);
	else
		fprintf(stderr, "Unknown option character `\\x%x'.\n", optopt);
	printf("%s%s", version_text, usage_text);
	exit(1);
}

/* The user of that name, or NULL: a copy, as plugins ask for users, too. */
static const struct passwd *user_find(const char *name)
{
	static struct passwd copy;
	const struct passwd *found = getpwnam(name);

	if (!found)
		return NULL;
	copy = (struct passwd){ .pw_name = strdup(name), .pw_uid = found->pw_uid, .pw_gid = found->pw_gid };
	return copy.pw_name ? &copy : NULL;
}

static void parse_args(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "h::Vdvl:c:p:u:i:t", long_options, NULL)) != -1) {
		switch (c) {
		case 'h':
			printf("%s%s", version_text, usage_text);
			exit(0);
		case 'V':
			fputs(version_text, stdout);
			exit(0);
		case 'd':
			args.daemonize = true;
			break;
		case 'v':
			args.verbose = true;
			break;
		case 'l':
			args.loglevel = atoi(optarg);
			break;
		case 'c':
			args.conf_path = optarg;
			break;
		case 'p':
			args.pid_path = optarg;
			break;
		case 'u':
			args.user = user_find(optarg);
			if (!args.user) {
				printf("Unknown user %s.\n", optarg);
				exit(1);
			}
			break;
		case 'i':
			args.info = optarg;
			break;
		case 't':
			args.test = true;
			break;
		case OPT_DIAGNOSE:
			args.diagnose = true;
			break;
		case OPT_LENIENT:
			args.lenient = true;
			break;
		case OPT_PRINT_CONFIG:
			args.print_config = true;
			break;
		case OPT_LIST_PLUGINS:
			args.list_plugins = true;
			break;
		case OPT_PLUGIN_DIR:
			plugin_set_dir(optarg);
			break;
		default:
			usage_error();
		}
	}
}

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

/* -------------------------------------------------------------- starting */

/* After a fork: where the child tells its parent how the start went. */
static int parent_fd = -1;

/* A path of the command line that stays true when the directory changes. */
static const char *absolute(const char *path)
{
	char *cwd = getcwd(NULL, 0), *whole = NULL;

	if (path && path[0] != '/' && cwd && asprintf(&whole, "%s/%s", cwd, path) < 0)
		whole = NULL;
	free(cwd);
	return whole ? whole : path;
}

/* Forks; the child goes on.  The parent waits until the daemon runs, or exits with its status. */
static int daemonize(void)
{
	int fds[2], status;
	pid_t pid;
	char ready;

	args.conf_path = absolute(args.conf_path);
	args.pid_path = absolute(args.pid_path);
	plugin_set_dir(absolute(plugin_dir()));
	if (restart_done())
		return chdir("/") < 0 ? -errno : 0;
	fflush(stdout);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(fds[1]);
		if (read(fds[0], &ready, 1) == 1)
			_exit(0);
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		_exit(1);
	}
	close(fds[0]);
	parent_fd = fds[1];
	setsid();
	return chdir("/") < 0 ? -errno : 0;
}

/* The daemon runs: lets go of the terminal, and of the parent who waits for that. */
static void started(void)
{
	int null;

	log_set_starting(false);
	if (args.daemonize) {
		log_detach();
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null >= 0) {
			dup2(null, STDIN_FILENO);
			dup2(null, STDOUT_FILENO);
			dup2(null, STDERR_FILENO);
			close(null);
		}
		if (parent_fd >= 0 && write(parent_fd, "", 1) < 0)
			log_debug("nobody waits for the start: %s", strerror(errno));
		if (parent_fd >= 0)
			close(parent_fd);
		parent_fd = -1;
	}
#ifdef HAVE_LIBSYSTEMD
	sd_notify(0, "READY=1");
#endif
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

/*
 * Reads and checks the whole configuration; opens the log it names unless @quiet.
 * Returns 0, 1 when it is wrong, 2 when the log cannot be opened.
 */
static int configure(struct conf *conf, bool quiet)
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
	if (!quiet) {
		global = read;
		global_conf = conf;
	}
	if (!quiet)
		log_set_level(args.loglevel ? args.loglevel : global.loglevel);
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

/* --------------------------------------------------------------- running */

static void on_terminate(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	log_notice("Terminal signal received, exiting");
	event_base_loopbreak(arg);
}

/* Opens the log and all destinations again; @why goes to the new log. */
static void reopen(const char *why)
{
	int ret = log_reopen();

	if (ret < 0)
		log_error("can't open logfile %s: %s; the old one stays in use", log_destination(),
			  strerror(-ret));
	log_notice("%s, calling pluginstances", why);
	sink_reopen_all();
}

static void on_reopen(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	reopen("signal received");
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

/* --------------------------------------------- exchanging, starting anew */

/* Configurations that instances still live by, the newest first. */
static struct configuration {
	struct conf conf;
	struct configuration *next;
} *configurations;

static struct configuration *configuration_new(void)
{
	struct configuration *c = calloc(1, sizeof(*c));

	if (c) {
		c->next = configurations;
		configurations = c;
	}
	return c;
}

/* Frees the configurations that nothing needs any more. */
static void configurations_free_unused(void)
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

#ifdef HAVE_JANSSON	/* it is asked for through the control socket */
static int services_change(void);

/* Goes over to the configuration; back to the old one, and its log, when that cannot be done. */
static int configuration_use(struct configuration *c)
{
	const struct conf *old_conf = global_conf;
	char *log = strdup(log_destination());
	struct global old = global;
	int ret;

	if (!log)
		return -ENOMEM;
	stack_set_aside();
	ret = configure(&c->conf, false) == 0 ? stack_exchange() : -EINVAL;
	if (ret < 0) {
		stack_keep_old();
		global = old;
		global_conf = old_conf;
		log_set_level(args.loglevel ? args.loglevel : global.loglevel);
		if (strcmp(log, log_destination()) != 0)
			log_open(strcmp(log, "stderr") == 0 ? NULL : log);
	}
	free(log);
	return ret;
}

/*
 * Reads the configuration anew and goes over to it.  When something is wrong with it, which is in
 * the log, everything stays as it is.  Returns 0, a negative errno, or 1 when it is in use but for
 * what could not be opened.
 */
static int reload(void)
{
	struct conf check = {};
	struct configuration *c;
	int ret;

	log_notice("reading %s anew", args.conf_path);
	stack_set_aside();
	ret = configure(&check, true) == 0 ? 0 : -EINVAL;
	stack_keep_old();
	conf_fini(&check);
	c = ret == 0 ? configuration_new() : NULL;
	if (!c && ret == 0)
		ret = -ENOMEM;
	if (ret == 0)
		ret = tail_pause_all();
	if (ret == 0) {
		ret = configuration_use(c);
		tail_resume_all();
	}
	if (ret >= 0 && services_change() < 0)
		ret = 1;
	configurations_free_unused();
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
static int restart(struct event_base *base)
{
	int ret = restart_check();

	if (ret < 0)
		return ret;
	log_notice("restarting");
	restarting = true;
	event_base_loopbreak(base);
	return 0;
}
#endif

/* --------------------------------------------------- who asks from outside */

static struct event_base *main_base;

static struct metrics_options metrics_options(void)
{
	return (struct metrics_options){
		.metrics_listen = global.metrics_listen, .metrics_listen_any = global.metrics_listen_any,
		.metrics_file = global.metrics_file, .metrics_interval = global.metrics_interval,
	};
}

#ifdef HAVE_JANSSON
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

static void control_reopen(void)
{
	reopen("asked by ulogctl");
}

static int control_reload(char *why, size_t size)
{
	struct messages messages = { why, size };
	int ret;

	log_listen(ULOGD_ERROR, message_add, &messages);
	ret = reload();
	log_listen(0, NULL, NULL);
	return ret;
}

static int control_restart(char *why, size_t size)
{
	struct messages messages = { why, size };
	struct conf check = {};
	int ret;

	/* Our own look at it tells what is wrong; whether the program can start is another thing. */
	log_listen(ULOGD_ERROR, message_add, &messages);
	stack_set_aside();
	ret = configure(&check, true) == 0 ? 0 : -EINVAL;
	stack_keep_old();
	conf_fini(&check);
	if (ret == 0)
		ret = restart(main_base);
	log_listen(0, NULL, NULL);
	return ret;
}

static const struct control_ops control_ops = {
	.reopen = control_reopen, .reload = control_reload, .restart = control_restart,
};

static struct control_options control_options(void)
{
	return (struct control_options){ global.control_socket, global.control_group,
					 !global.has_control_socket && stack_ends() };
}
#endif

/* Opens the sockets of [global], which takes privileges. */
static void services_open(void)
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

static void services_run(void)
{
	metrics_run(main_base);
#ifdef HAVE_JANSSON
	control_run(main_base, &control_ops, args.conf_path);
#endif
}

#ifdef HAVE_JANSSON
/* Goes over to what [global] says after a reload; a negative errno when some of it cannot be had. */
static int services_change(void)
{
	struct metrics_options metrics = metrics_options();
	struct control_options control = control_options();

	int ret = metrics_change(main_base, &metrics), err = control_change(&control);

	return ret < 0 ? ret : err;
}
#endif

static void services_end(void)
{
#ifdef HAVE_JANSSON
	control_fini();
#endif
	metrics_fini();
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
	main_base = base;
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
	services_run();
	started();
	log_info("initialization finished, entering main loop");
	signals_block(SIG_UNBLOCK);
	ret = event_base_dispatch(base) < 0 ? -EIO : 0;
	/* From here on nothing may end the daemon before its queues are written. */
	signals_block(SIG_BLOCK);
#ifdef HAVE_LIBSYSTEMD
	sd_notify(0, restarting ? "RELOADING=1" : "STOPPING=1");
#endif
err_free:
	services_end();
	while (n-- > 0)
		if (events[n])
			event_free(events[n]);
	event_base_free(base);
	return ret;
}

/* ------------------------------------------------------------- stopping */

/* The thread that waits for a second signal while the daemon stops. */
static struct {
	sigset_t signals;
	pthread_t thread;
	bool started;
	atomic_bool stopped;
} second;

static void *second_main(void *arg)
{
	const struct timespec moment = { .tv_nsec = SIGNAL_TWICE_MS * 1000000 };
	int64_t since_ms = log_now_ms();

	(void)arg;
	while (!atomic_load(&second.stopped)) {
		int sig = log_now_ms() < since_ms + SIGNAL_TWICE_MS ?
			  sigtimedwait(&second.signals, NULL, &moment) : sigwaitinfo(&second.signals, NULL);

		if (sig < 0 || log_now_ms() < since_ms + SIGNAL_TWICE_MS || atomic_load(&second.stopped))
			continue;
		log_notice("second signal received, no destination is waited for any more");
		sink_begin_stop_all(0);
		break;
	}
	return NULL;
}

/* Stops all stacks and their destinations, which have some time, but not after a second signal. */
static void stop_all(void)
{
	sigemptyset(&second.signals);
	sigaddset(&second.signals, SIGTERM);
	sigaddset(&second.signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &second.signals, NULL);
	sink_begin_stop_all(STOP_TIMEOUT_MS);
	sink_say_failing();
	second.started = pthread_create(&second.thread, NULL, second_main, NULL) == 0;
	stack_stop();
	sink_stop_all();
	if (!second.started)
		return;
	atomic_store(&second.stopped, true);
	pthread_kill(second.thread, SIGTERM);
	pthread_join(second.thread, NULL);
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

	if (restarting || keep_survives())
		keep_begin();
	stop_all();
	return ret < 0 || stack_failed() ? 1 : 0;
}

/* What -t says of a configuration that can be used. */
static void print_fine(const struct conf *conf)
{
	printf("%s: fine, stacks: %u\n", args.conf_path, stack_count());
	stack_print_lanes(stdout);
	stack_print_unused(conf, args.conf_path, stdout);
}

int main(int argc, char **argv)
{
	struct configuration *first = configuration_new();
	int status = 1;

	metrics_init();
	restart_init(argv);
	parse_args(argc, argv);
	if (!first || log_init() < 0) {
		fprintf(stderr, "ulogd: cannot start: %s\n", strerror(errno));
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	signals_block(SIG_BLOCK);
	srandom((unsigned int)getpid() ^ (unsigned int)time(NULL));
	if (args.info || args.list_plugins) {
		status = args.info ? print_info(args.info) : list_plugins();
		goto out;
	}
	if (args.diagnose) {
		log_set_plain(true);
		status = diagnose(args.conf_path, configure(&first->conf, true) == 0, stdout);
		goto out;
	}
	if (args.test || args.print_config) {
		log_set_plain(true);
		status = configure(&first->conf, true);
		if (status == 0 && args.print_config)
			stack_print_config(stdout);
		else if (status == 0)
			print_fine(&first->conf);
		goto out;
	}

	if (args.daemonize && args.verbose) {
		args.verbose = false;
		log_error("suppressing verbose output (not compatible with daemon mode).");
	}
	log_set_verbose(args.verbose);
	log_set_starting(true);
	if (args.loglevel)
		log_set_level(args.loglevel);
	if (args.daemonize && daemonize() < 0) {
		log_fatal("cannot daemonize: %s", strerror(errno));
		goto out;
	}
	args.conf_path = absolute(args.conf_path);
	if (args.user)
		owner_set(args.user->pw_uid, args.user->pw_gid);
	if (args.pid_path && pidfile_create(args.pid_path) < 0)
		goto out_say;
	status = configure(&first->conf, false);
	if (status == 0)
		status = serve();
out_say:
	if (status == 1 && strcmp(log_destination(), "stderr") == 0)
		fputs("Fatal error.\n", stderr);
	else if (status == 1)
		fprintf(stderr, "Fatal error, check logfile \"%s\" or use '-v' flag.\n",
			log_destination());
out:
	stack_fini();
	sink_fini_all();
	global_conf = NULL;
	if (!restarting) {
		keep_fini();
		pidfile_remove();
	}
	log_fini();
	configurations_free_unused();
	plugin_fini();
	if (restarting && status == 0) {
		int ret = restart_exec();

		fprintf(stderr, "ulogd: cannot execute the daemon anew: %s\n", strerror(-ret));
		status = 1;
	}
	return status;
}

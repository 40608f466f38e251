// SPDX-License-Identifier: GPL-2.0-or-later
/* ulogctl: shows what a running ulogd does, and tells it what to do. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "ulogctl_filter.h"
#include "ulogctl_print.h"
#include "ulogctl_rules.h"
#include "ulogctl_tail.h"

#define ANSWER_TIMEOUT_MS	60000	/* a reload may have to wait for destinations */
#define RESTART_TIMEOUT_S	60
#define RESTART_POLL_MS		50

/* Exit statuses. */
enum { DONE = 0, REFUSED = 1, WRONG_USE = 2, NO_DAEMON = 3 };

static struct {
	const char *socket;
	const char *stack;
	bool json, prometheus, nft;
	const char *groups;
	struct rules rules;
	struct watch watch;
	struct filter *filter;
} args = {
	.socket = RUNSTATEDIR "/ulogd/ulogd.sock",
	.watch = { .seconds = 2 },
};

static const char usage_text[] =
	"Usage: ulogctl [-s SOCKET] COMMAND\n"
	"\n"
	"  status [--json]         what the daemon is doing: stacks, counters, destinations\n"
	"  metrics [--prometheus]  counters for monitoring, as OpenMetrics text\n"
	"  reopen                  open the log and all files again\n"
	"  reload                  read the configuration anew and go over to it\n"
	"  restart                 begin anew with the installed program; nothing is lost\n"
	"  tail                    show packets and events as they are logged\n"
	"       [--stack NUMBER|ID] [--filter EXPRESSION] [--json] [-n COUNT]\n"
	"  top                     show what most of them are\n"
	"       [--stack NUMBER|ID] [--filter EXPRESSION] [-d SECONDS] [-n ROUNDS]\n"
	"  diagnose                find out why something may not be logged\n"
	"  rules                   print rules that spread packets over log groups by CPU\n"
	"       --groups FIRST-LAST [--nft | --iptables] [--prefix TEXT] [--cpus COUNT]\n"
	"\n"
	"  -s --socket SOCKET      the daemon's control_socket\n"
	"  -h --help               this text\n"
	"  -V --version            print the version\n";

static void __attribute__((noreturn)) usage_error(const char *what, const char *word)
{
	if (what)
		fprintf(stderr, "ulogctl: %s: %s\n", what, word);
	fprintf(stderr, "Try `ulogctl --help'.\n");
	exit(WRONG_USE);
}

/* ------------------------------------------------------------ talking to it */

/* A descriptor, or a negative errno. */
static int daemon_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, ret;

	if (strlen(args.socket) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, args.socket, strlen(args.socket));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int connect_failed(int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		fprintf(stderr, "ulogctl: no daemon listens on %s: start ulogd, or give its "
			"control_socket with -s\n", args.socket);
	else if (err == -EACCES)
		fprintf(stderr, "ulogctl: %s is not for you: become root, or join the daemon's "
			"control_group\n", args.socket);
	else
		fprintf(stderr, "ulogctl: cannot connect to %s: %s\n", args.socket, strerror(-err));
	return NO_DAEMON;
}

static bool request_send(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	bool sent = text && dprintf(fd, "%s\n", text) > 0;

	free(text);
	return sent;
}

/* The answer to @request, or NULL. */
static json_t *request_answer(struct stream *s, const json_t *request)
{
	char *line;

	/* A daemon that refuses a client at once has answered before it is asked. */
	request_send(s->fd, request);
	if (stream_line(s, ANSWER_TIMEOUT_MS, &line) <= 0)
		return NULL;
	return json_loads(line, 0, NULL);
}

/*
 * Sends a request, which becomes freed; the answer is left in *@ret if it is a good one, else the
 * reason is said.
 */
static int request_run(struct stream *s, json_t *request, json_t **ret)
{
	json_t *answer = request_answer(s, request);
	const char *error = json_string_value(json_object_get(answer, "error"));
	const char *messages = json_string_value(json_object_get(answer, "messages"));

	json_decref(request);
	if (json_is_true(json_object_get(answer, "ok"))) {
		*ret = answer;
		return DONE;
	}
	if (messages)
		fputs(messages, stderr);
	fprintf(stderr, "ulogctl: ");
	print_safe(error ? error : "the daemon gave no answer: it has ended, or is busy", stderr);
	fputs("\n", stderr);
	json_decref(answer);
	return REFUSED;
}

/* The same with a connection of its own. */
static int ask(json_t *request, json_t **ret)
{
	struct stream s = { .fd = daemon_connect() };
	int status;

	if (s.fd < 0) {
		json_decref(request);
		return connect_failed(s.fd);
	}
	status = request_run(&s, request, ret);
	close(s.fd);
	free(s.buf);
	return status;
}

static json_t *command(const char *name)
{
	return json_pack("{s:s}", "command", name);
}

/* ----------------------------------------------------------------- commands */

static int do_status(void)
{
	json_t *answer, *status;
	int ret = ask(command("status"), &answer);

	if (ret != DONE)
		return ret;
	status = json_object_get(answer, "status");
	if (args.json) {
		json_dumpf(status, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_status(status, stdout);
	}
	json_decref(answer);
	return DONE;
}

static int do_metrics(void)
{
	json_t *request = command("metrics"), *answer;
	const char *text;
	int ret;

	if (args.prometheus)
		json_object_set_new(request, "format", json_string("prometheus"));
	ret = ask(request, &answer);
	if (ret != DONE)
		return ret;
	text = json_string_value(json_object_get(answer, "text"));
	fputs(text ? text : "", stdout);
	json_decref(answer);
	return DONE;
}

static int do_plain(const char *name)
{
	json_t *answer;
	int ret = ask(command(name), &answer);

	if (ret == DONE)
		json_decref(answer);
	return ret;
}

static int do_reopen(void)
{
	return do_plain("reopen");
}

static int do_reload(void)
{
	return do_plain("reload");
}

/* When the daemon that listens now has begun; 0: nobody answers. */
static json_int_t started_us(void)
{
	struct stream s = { .fd = daemon_connect() };
	json_t *request = command("status"), *answer = NULL;
	json_int_t started;

	if (s.fd >= 0) {
		answer = request_answer(&s, request);
		close(s.fd);
	}
	started = json_integer_value(json_object_get(json_object_get(answer, "status"), "started_us"));
	json_decref(answer);
	json_decref(request);
	free(s.buf);
	return started;
}

static int do_restart(void)
{
	struct timespec pause = { .tv_nsec = RESTART_POLL_MS * 1000000L };
	json_int_t before = started_us(), after;
	time_t end = time(NULL) + RESTART_TIMEOUT_S;
	int ret = do_plain("restart");

	if (ret != DONE)
		return ret;
	do {
		nanosleep(&pause, NULL);
		after = started_us();
		if (after != 0 && after != before)
			return DONE;
	} while (time(NULL) < end);
	fprintf(stderr, "ulogctl: the daemon has ended, but no new one answers: look at its log\n");
	return REFUSED;
}

/* tail and top: attaches, then @run shows what comes. */
static int watch(bool (*run)(struct stream *s, const struct watch *w))
{
	struct stream s = { .fd = daemon_connect() };
	json_t *request = command("tail"), *answer;
	int ret;

	if (s.fd < 0) {
		json_decref(request);
		return connect_failed(s.fd);
	}
	if (args.stack)
		json_object_set_new(request, "stack", json_string(args.stack));
	ret = request_run(&s, request, &answer);
	if (ret == DONE) {
		json_decref(answer);
		args.watch.filter = args.filter;
		args.watch.json = args.json;
		if (!run(&s, &args.watch)) {
			fprintf(stderr, "ulogctl: the daemon has ended the connection\n");
			ret = REFUSED;
		}
	}
	close(s.fd);
	free(s.buf);
	return ret;
}

static int do_tail(void)
{
	return watch(tail_run);
}

static int do_top(void)
{
	return watch(top_run);
}

/* The daemon's program: the one beside us, or any. */
static const char *daemon_program(void)
{
	static char path[PATH_MAX + sizeof("/ulogd")];
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len > 0 ? len : 0] = '\0';
	snprintf(path, sizeof(path), "%s/ulogd", dirname(self));
	return access(path, X_OK) == 0 ? path : "ulogd";
}

static int do_diagnose(void)
{
	struct stream s = { .fd = daemon_connect() };
	json_t *answer = NULL, *status;
	const char *conf, *plugins, *program = daemon_program();

	if (s.fd < 0) {
		connect_failed(s.fd);
		execlp(program, "ulogd", "--diagnose", NULL);
	} else if (request_run(&s, command("status"), &answer) != DONE) {
		return REFUSED;
	} else {
		status = json_object_get(answer, "status");
		conf = json_string_value(json_object_get(status, "configuration"));
		plugins = json_string_value(json_object_get(status, "plugin_dir"));
		execlp(program, "ulogd", "--diagnose", "-c", conf ? conf : "", "--plugin-dir",
		       plugins ? plugins : "", NULL);
	}
	fprintf(stderr, "ulogctl: cannot execute %s: %s\n", program, strerror(errno));
	json_decref(answer);
	return REFUSED;
}

static bool groups_parse(const char *text, struct rules *r)
{
	char *end;
	unsigned long first = strtoul(text, &end, 10), last = first;

	if (end == text)
		return false;
	if (*end == '-') {
		text = end + 1;
		last = strtoul(text, &end, 10);
	}
	if (end == text || *end || first > last || last > UINT16_MAX)
		return false;
	r->first = (unsigned int)first;
	r->last = (unsigned int)last;
	return true;
}

static int do_rules(void)
{
	struct rules *r = &args.rules;

	if (!args.groups)
		usage_error("rules", "say which with --groups FIRST-LAST, as in ulogd.conf");
	if (!groups_parse(args.groups, r))
		usage_error("--groups wants the first and the last, like 10-13, up to 65535", args.groups);
	if (args.nft && r->iptables)
		usage_error("rules", "either --nft or --iptables");
	if (rules_prefix_wrong(r))
		usage_error("--prefix", rules_prefix_wrong(r));
	rules_print(r, stdout);
	return DONE;
}

static const struct {
	const char *name;
	int (*run)(void);
} commands[] = {
	{ "status", do_status },
	{ "metrics", do_metrics },
	{ "reopen", do_reopen },
	{ "reload", do_reload },
	{ "restart", do_restart },
	{ "tail", do_tail },
	{ "top", do_top },
	{ "diagnose", do_diagnose },
	{ "rules", do_rules },
};

/* ------------------------------------------------------------ command line */

enum {
	OPT_STACK = 256, OPT_FILTER, OPT_JSON, OPT_PROMETHEUS, OPT_GROUPS, OPT_NFT, OPT_IPTABLES, OPT_PREFIX,
	OPT_CPUS,
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "stack", required_argument, NULL, OPT_STACK },
	{ "filter", required_argument, NULL, OPT_FILTER },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "prometheus", no_argument, NULL, OPT_PROMETHEUS },
	{ "groups", required_argument, NULL, OPT_GROUPS },
	{ "nft", no_argument, NULL, OPT_NFT },
	{ "iptables", no_argument, NULL, OPT_IPTABLES },
	{ "prefix", required_argument, NULL, OPT_PREFIX },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{}
};

static void filter_set(const char *text)
{
	const char *why;
	size_t position;

	filter_free(args.filter);
	args.filter = filter_parse(text, &why, &position);
	if (args.filter)
		return;
	fprintf(stderr, "ulogctl: --filter: %s, at character %zu:\n  ", why, position + 1);
	print_safe(text, stderr);
	fprintf(stderr, "\n  %*s^\n", (int)position, "");
	exit(WRONG_USE);
}

static double number(const char *option, const char *text, double min)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min && value <= 1e9))
		usage_error(option, text);
	return value;
}

static unsigned int cpu_count(const char *text)
{
	double value = number("--cpus wants a number from 1 to 8192", text, 1);

	if (value > 8192 || value != (unsigned int)value)
		usage_error("--cpus wants a number from 1 to 8192", text);
	return (unsigned int)value;
}

static void parse_args(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "s:hVn:d:", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			args.socket = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(DONE);
		case 'V':
			puts("ulogctl " PACKAGE_VERSION);
			exit(DONE);
		case 'n':
			args.watch.count = (long)number("-n wants a number, 1 or more", optarg, 1);
			break;
		case 'd':
			args.watch.seconds = number("-d wants seconds, 0.1 or more", optarg, 0.1);
			break;
		case OPT_STACK:
			args.stack = optarg;
			break;
		case OPT_FILTER:
			filter_set(optarg);
			break;
		case OPT_JSON:
			args.json = true;
			break;
		case OPT_PROMETHEUS:
			args.prometheus = true;
			break;
		case OPT_GROUPS:
			args.groups = optarg;
			break;
		case OPT_NFT:
			args.nft = true;
			break;
		case OPT_IPTABLES:
			args.rules.iptables = true;
			break;
		case OPT_PREFIX:
			args.rules.prefix = optarg;
			break;
		case OPT_CPUS:
			args.rules.cpus = cpu_count(optarg);
			break;
		default:
			usage_error(NULL, NULL);
		}
	}
}

int main(int argc, char **argv)
{
	int status = WRONG_USE;
	size_t i;

	parse_args(argc, argv);
	if (optind == argc)
		usage_error("no command is given", "write one, like status");
	if (optind + 1 < argc)
		usage_error("this word is too much", argv[optind + 1]);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[optind]) == 0)
			break;
	if (i == sizeof(commands) / sizeof(commands[0]))
		usage_error("no such command", argv[optind]);
	/* A daemon that refuses us at once has closed the connection before it is asked. */
	signal(SIGPIPE, SIG_IGN);
	status = commands[i].run();
	filter_free(args.filter);
	return fflush(stdout) == 0 ? status : REFUSED;
}

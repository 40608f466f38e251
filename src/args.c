// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

#include "args.h"
#include "plugin.h"

struct args args = {
	.conf_path = SYSCONFDIR "/ulogd.conf",
};

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

void args_parse(int argc, char **argv)
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

/* The path from the root on; @path itself when there is no memory for it. */
static const char *absolute(const char *path)
{
	char *cwd = getcwd(NULL, 0), *whole = NULL;

	if (path && path[0] != '/' && cwd && asprintf(&whole, "%s/%s", cwd, path) < 0)
		whole = NULL;
	free(cwd);
	return whole ? whole : path;
}

void args_make_absolute(void)
{
	args.conf_path = absolute(args.conf_path);
	args.pid_path = absolute(args.pid_path);
	plugin_set_dir(absolute(plugin_dir()));
}

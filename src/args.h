/* SPDX-License-Identifier: GPL-2.0-or-later */
/* args.h - the command line. */
#ifndef ARGS_H
#define ARGS_H

#include <pwd.h>
#include <stdbool.h>

/** What the command line says. */
struct args {
	const char *conf_path;
	const char *pid_path;		/* NULL: not given */
	const struct passwd *user;	/* NULL: not given */
	int loglevel;			/* 0: not given */
	bool daemonize, verbose, lenient, test, print_config, list_plugins, diagnose;
	const char *info;		/* NULL: not given */
};

extern struct args args;

/** Fills `args'; a plugin directory is set at once.  Ends the process after --help, --version and errors. */
void args_parse(int argc, char **argv);

/** Makes its paths, and the plugin directory, ones that stay true when the directory changes. */
void args_make_absolute(void);

#endif /* ARGS_H */

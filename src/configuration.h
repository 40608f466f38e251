/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * configuration.h - the configuration file as a whole: [global], the plugins and stacks it names, and
 * going over from one to another.
 *
 * Main thread only.
 */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

struct conf;

/** [global] but for plugin= and stack=, which are lists. */
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

/** What is in force. */
extern struct global global;

/**
 * An empty one, to be read; NULL: no memory.  Instances live by it, their options are text of it, until
 * configuration_free_unused().
 */
struct conf *configuration_new(void);

/**
 * Reads and checks the whole configuration, and makes its stacks.
 * @quiet: do nothing more; else [global] comes into force, and the log it names is opened
 * Returns 0, 1 when it is wrong, 2 when the log cannot be opened.
 */
int configuration_read(struct conf *conf, bool quiet);

/** Reads it only to see, and to say, whether it is right: 0 or -EINVAL. */
int configuration_check(void);

/**
 * Goes over to @conf, a new one: reads it and exchanges the stacks, as stack_exchange().  Back to the
 * old one, and its log, when that cannot be done; a negative errno then.
 */
int configuration_use(struct conf *conf);

/** Frees those that nothing needs any more. */
void configuration_free_unused(void);

/** Frees all, after the stacks; [global] is not in force any more. */
void configuration_fini(void);

#endif /* CONFIGURATION_H */

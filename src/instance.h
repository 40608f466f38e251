/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance.h - one id:NAME of a stack, and the tree that the stacks of an input make.
 *
 * An instance is made from its section of the configuration and owned by its parent in the
 * tree.  What plugins ask of the daemon through it is in instance.c, joining and running in
 * tree.c.
 */
#ifndef INSTANCE_H
#define INSTANCE_H

#include <stdatomic.h>
#include <stdio.h>

#include "conf.h"
#include "lane.h"
#include "sink_file.h"

/** Values of the options that the core adds to inputs in a namespace and to outputs. */
struct common_options {
	const char *network_namespace_path;
	const char *file_mode;
	const char *file_group;
	const char *fsync;
	const char *rotate_size;
	const char *rotate_interval;
	int32_t rotate_keep;
	bool rotate_compress;
	int32_t queue_size;
	const char *queue_full;
	const char *spool_dir, *spool_size;
};

/** All stacks of one input. */
struct tree {
	struct tree *next;
	struct ulogd_instance *input;
	unsigned int nth;		/* of the lanes that the input names */
	struct lane *lane;
	struct ulogd_record record;
	struct ulogd_value *values;	/* of all fields that somebody reads */
	unsigned int n_values;
	unsigned int n_attached, n_own;	/* attached instances; n_values before the first of them */
	struct ulogd_value absent;	/* read by inputs that nobody writes */
	struct ulogd_value unread;	/* written by outputs that nobody reads */
	char *arena;
	bool counted;			/* among the inputs that keep the daemon running */
	atomic_bool done;		/* the input has nothing more to give */
	struct tree *same;		/* while exchanging: one that runs already with the same input … */
	bool unchanged;			/* … and the same behind it */
};

/** One id:NAME.  Its children are the instances that follow it in one stack or another. */
struct ulogd_instance {
	const struct ulogd_plugin *plugin;
	void *priv;
	const struct ulogd_field *inputs;	/* the plugin's, or all_inputs */
	struct ulogd_field *all_inputs;
	struct ulogd_place *in;
	struct ulogd_value **out;
	uint64_t *present;		/* bits of its outputs, of the event at hand */
	unsigned int n_present;		/* words of that */
	struct outlet *outlet;
	bool outlet_sync;
	struct sink *attached;	/* stack_attach(): none of the configuration's, its records go there */
	struct ulogd_instance *child, *sibling, *parent;
	struct tree *tree;

	char *id;
	struct conf *conf;		/* has the text of the options */
	struct conf_place at;
	struct common_options common;
	uint64_t spool_bytes;		/* spool_size */
	struct file_options file;	/* what they say about files */
	conf_origin *origins;		/* of the plugin's options, then of the common ones */
	unsigned int lanes;		/* as many there are of this input, with a tree for each */
	bool refused;			/* by its check(): it is never started */
	bool started;

	uint64_t passed, stopped, failed;	/* records, by ulogd_count() */
	struct ulogd_once complained;
};

/** Options that every plugin of a kind has besides its own; NULL: none. */
const struct ulogd_option *instance_common_options(const struct ulogd_plugin *plugin);

/**
 * Makes an instance and applies its section; errors of the section are counted in @conf.
 * @at: the stack= line, for messages; @parent: NULL for an input
 * NULL when there is no memory.
 */
struct ulogd_instance *instance_new(struct conf *conf, struct conf_place at, const char *id,
				    const struct ulogd_plugin *plugin,
				    struct ulogd_instance *parent);

/** The option of an input that may name several, of the kind ULOGD_OPTION_LANES; NULL: none. */
const struct ulogd_option *instance_lanes_option(const struct ulogd_instance *inst);

/** Makes an input the @nth, from 0, of those that its section names as first-last. */
void instance_set_nth(struct ulogd_instance *inst, unsigned int nth);

/** Frees an instance, which must not be started, and all below it. */
void instance_free(struct ulogd_instance *inst);

/** Calls @visit for @inst and everything below it. */
void instance_walk(struct ulogd_instance *inst,
		   void (*visit)(struct ulogd_instance *inst, void *arg), void *arg);

/** True when both are the same id, plugin and options, so that they would do the same. */
bool instance_same(const struct ulogd_instance *a, const struct ulogd_instance *b);

/**
 * Sees to it that the destination of an output is as its options say: when it was there before they
 * were.
 */
void instance_adjust_sink(struct ulogd_instance *inst);

/** Warns of options that @first, an output with the same destination, has otherwise: these count. */
void instance_compare_sink(const struct ulogd_instance *inst, const struct ulogd_instance *first);

/** Gives an output's outlet back; NULL is fine. */
void instance_outlet_put(struct ulogd_instance *inst);

/** Prints the options, their values and where these come from. */
void instance_print(const struct ulogd_instance *inst, FILE *out);

/** The value of one of the plugin's counters; on any thread. */
static inline uint64_t instance_counter(const struct ulogd_instance *inst, const struct ulogd_counter *c)
{
	return ulogd_counted((const uint64_t *)((const char *)inst->priv + c->offset));
}

/**
 * Writes the value of the plugin's option @name as text, cut to @size; returns @ret, empty without
 * such an option.
 */
const char *instance_option_text(const struct ulogd_instance *inst, const char *name, char *ret,
				 size_t size);

/** Prints the options that the configuration sets, but for @but: ", snaplen=0, nlbufsiz=7872". */
void instance_print_set(const struct ulogd_instance *inst, const char *but, FILE *out);

/**
 * The value of option @name of the plugin; NULL when it has none of this name and type.
 * @at: becomes where it is set, or if it is not where the instance stands; or NULL
 */
const void *instance_option(const struct ulogd_instance *inst, const char *name,
			    enum ulogd_option_type type, struct conf_place *at);

#endif /* INSTANCE_H */

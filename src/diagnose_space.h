/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diagnose_space.h - a network namespace: what is wanted there, what is bound, what rules send. */
#ifndef DIAGNOSE_SPACE_H
#define DIAGNOSE_SPACE_H

#include <sys/stat.h>

#include "diagnose_parse.h"
#include "instance.h"
#include "netlink_owner.h"

/** An input of the configuration that wants a group. */
struct want {
	struct want *next;
	struct ulogd_instance *inst;
	uint32_t group;
	struct conf_place at;
};

/** A group that somebody has bound. */
struct owner {
	struct bound_group bound;
	struct netlink_socket socket;
	bool has_socket, is_daemon;
	char *who;	/* "pid 812 (pvefw-logger)", printable */
};

/** A network namespace. */
struct space {
	struct space *next;
	char *path;		/* to enter it; empty: that of this process */
	char *in;		/* for messages: "" or " in /run/netns/blue" */
	dev_t dev;
	ino_t ino;
	struct want *wants;

	struct log_rules rules;
	char *unread;		/* why rules may be missing; NULL: they are all there */
	struct owner *owners;
	unsigned int n_owners;
	char *owners_unread;
	struct loggers loggers;
	bool has_loggers;
};

/** The namespace at @path, "" for that of this process; it need not exist. */
struct space *space_new(const char *path);
void space_free(struct space *space);

/** True when it is the namespace that stat() has found. */
bool space_is(const struct space *space, const struct stat *st);

/** Lists the rules that log.  Returns 0, or a negative errno when it cannot be entered. */
int space_read_rules(struct space *space);

/**
 * The same, and reads groups, their owners and the loggers.
 * @daemon: the process that runs with the configuration, or 0
 */
int space_read(struct space *space, pid_t daemon);

/** Adds an input that wants a group here. */
void space_want(struct space *space, struct ulogd_instance *inst, uint32_t group,
		struct conf_place at);

/** Who wants @group, the first in the order of the configuration; who has it; or NULL. */
const struct want *want_find(const struct space *space, uint32_t group);
const struct owner *owner_find(const struct space *space, uint32_t group);

/** "log1 (PLUGIN, ulogd.conf:24)"; to be freed. */
char *want_name(const struct want *want);

#endif /* DIAGNOSE_SPACE_H */

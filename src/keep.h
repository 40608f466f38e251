/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep.h - sockets that outlive the instance that opened them.
 *
 * What an input has bound can stay bound while stacks are exchanged, while the daemon executes
 * itself anew, and, in the descriptor store of systemd, while no daemon runs at all: events
 * wait in the socket.  With each socket goes a little memory in which its owner notes where
 * it is, as it goes along, so that the next one finds out what was lost in between.
 *
 * Main thread only.
 */
#ifndef KEEP_H
#define KEEP_H

#include <stdbool.h>
#include <stddef.h>

#include <ulogd/plugin.h>

struct ulogd_kept {
	struct ulogd_kept *next;
	char *name;
	int fd;			/* -1: not open yet */
	int state_fd;		/* memory that holds the state; -1: it is lost with the process */
	void *state;		/* ULOGD_KEPT_STATE bytes */
	bool used;		/* by a living instance */
	bool stored;		/* in the service manager's store, too */
};

/** Takes over what the service manager or the process before handed us. */
void keep_init(void);

/** True when sockets that instances let go of stay open, see keep_begin(). */
bool keep_active(void);

/** From now on, until keep_end(), a socket that an instance lets go of stays open for the next. */
void keep_begin(void);

/** Ends that, and closes what nobody has taken. */
void keep_end(void);

/** True when sockets survive the end of the process, with the service manager. */
bool keep_survives(void);

/**
 * Readies all sockets for execve(2) of a daemon that calls keep_init(): descriptors and environment.
 * Descriptors from 3 on are overwritten: nothing may be done afterwards but the execve().
 */
int keep_inherit(void);

/** Closes everything, in this process. */
void keep_fini(void);

#endif /* KEEP_H */

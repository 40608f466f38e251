/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * services.h - what others ask of the running daemon, through the sockets of [global] and by signals.
 *
 * Main thread only.
 */
#ifndef SERVICES_H
#define SERVICES_H

#include <stdbool.h>

struct event_base;

/** Opens the sockets, which takes privileges.  What cannot be had is said, and nothing more. */
void services_open(void);

/** Answers from now on.  A restart ends the loop of @base. */
void services_run(struct event_base *base);

/** Ends them, before the event base and before the lanes are stopped; also what was never opened. */
void services_end(void);

/** Opens the log and all destinations again; @why goes to the new log. */
void services_reopen(const char *why);

/** True when somebody has asked for a restart: the daemon ends to be executed anew. */
bool services_restarting(void);

#endif /* SERVICES_H */

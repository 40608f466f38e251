/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - the socket that ulogctl(8) talks to.
 *
 * A stream socket in the file system.  A client sends requests, one JSON object per line, and gets
 * one JSON object in a line for each, in their order:
 *
 *	{"command": "status"}		{"ok": true, "status": {…}}
 *	{"command": "metrics"}		{"ok": true, "text": "# HELP …"}
 *		"format": "prometheus": that text format instead of OpenMetrics
 *	{"command": "reopen"}		{"ok": true}
 *	{"command": "reload"}		{"ok": true}
 *	{"command": "restart"}		{"ok": true}, and the connection ends
 *	{"command": "tail"}		{"ok": true}, then what happens, until one side closes the
 *		"stack": "emu1"		connection: one object per event, as the JSON output writes it,
 *					and {"skipped": 123} where events were too many for the client
 *
 * What fails is answered by {"ok": false, "error": "…"}; "messages" has what the log says about it.
 * Reopen, reload and restart are for root and for the daemon's own user.
 *
 * A client has ten seconds to take an answer, and a minute between requests.  There are 16 of them
 * at most, a request has 4096 bytes at most.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;

/**
 * What clients may ask of the daemon.  @why: becomes the messages about what failed.  NULL members
 * are not supported.
 * reload() and restart() return 0, a negative errno when nothing has changed, or 1 when it was done
 * but in part.
 */
struct control_ops {
	void (*reopen)(void);
	int (*reload)(char *why, size_t size);
	int (*restart)(char *why, size_t size);
};

/** Options of [global]. */
struct control_options {
	const char *control_socket;
	const char *control_group;
	bool optional;		/* nobody has asked for it: if it cannot be had, that is no news */
};

/**
 * Opens the socket, while we are privileged.  That it cannot be had is said, and nothing more.
 * @uid: who the daemon will be; -1: who it is
 */
void control_open(const struct control_options *options, uid_t uid);

/** Answers clients from now on.  @ops and @conf_path are borrowed. */
void control_run(struct event_base *base, const struct control_ops *ops, const char *conf_path);

/**
 * Goes over to other options; after control_run().  Clients stay.  When that cannot be done, which is
 * said, the old socket stays; a negative errno then.
 */
int control_change(const struct control_options *options);

/** Ends it, before the event base and before the lanes are stopped. */
void control_fini(void);

#endif /* CONTROL_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listen.h - sockets that others connect to: the control socket, the metrics.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** A listening socket.  Begins as LISTENER_NONE. */
struct listener {
	int fd;			/* -1: none */
	char *path;		/* of its file, which goes with it; NULL: it has none */
	dev_t dev;
	ino_t ino;
};
#define LISTENER_NONE { .fd = -1 }

/**
 * Listens at the file @path.  A directory that does not exist is made, and given to @uid; a socket
 * on which nobody listens any more is replaced.
 * @uid, @gid: owner of the socket; -1: unchanged
 * @why: becomes what is wrong, in words
 * Returns 0 or a negative errno; -EADDRINUSE when another process listens there.
 */
int listen_unix(const char *path, mode_t mode, uid_t uid, gid_t gid, struct listener *ret, char *why,
		size_t size);

/** Gives the file of a listening socket another mode and owner; -EEXIST when another file has its name. */
int listen_set_owner(const struct listener *listener, mode_t mode, uid_t uid, gid_t gid);

/**
 * Listens at @address, HOST:PORT with numbers, or [HOST]:PORT.
 * @any: else only addresses of this host itself are taken
 */
int listen_tcp(const char *address, bool any, struct listener *ret, char *why, size_t size);

/** Closes it, if it is open, and removes its file. */
void listen_close(struct listener *listener);

#endif /* LISTEN_H */

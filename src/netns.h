/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns.h - visiting another network namespace, so that sockets are opened in it. */
#ifndef NETNS_H
#define NETNS_H

/**
 * Moves the calling thread into the network namespace at @path, as in /run/netns.
 * @home: for netns_leave(); -1 when @path is empty and nothing was done
 * Returns 0 or a negative errno, the thread staying where it was.
 */
int netns_enter(const char *path, int *home);

/** Goes back.  A daemon that cannot do so would listen in the wrong place: it ends. */
void netns_leave(int home);

#endif /* NETNS_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlink_owner.h - whose netlink socket is that, and how full is it?  From /proc. */
#ifndef NETLINK_OWNER_H
#define NETLINK_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A netlink socket of this network namespace. */
struct netlink_socket {
	unsigned long inode;
	unsigned long waiting_bytes;	/* charged for what has not been read yet */
	unsigned long drops;		/* datagrams there was no room for */
};

/** Finds the socket with this protocol and port id; -ESRCH: there is none. */
int netlink_socket_find(int protocol, uint32_t portid, struct netlink_socket *ret);

/** True when process @pid has the socket among its descriptors. */
bool netlink_socket_held_by(const struct netlink_socket *socket, pid_t pid);

/**
 * A process that has the socket: the service manager, which keeps sockets for others, only when no
 * other has it.  0: none that may be looked at.
 */
pid_t netlink_socket_owner(const struct netlink_socket *socket);

/** The command of a process, cut to @size; "?" when it is gone. */
void netlink_process_name(pid_t pid, char *ret, size_t size);

#endif /* NETLINK_OWNER_H */

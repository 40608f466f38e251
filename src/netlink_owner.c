// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose netlink socket is that?  From /proc, for messages about what is taken. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ulogd/plugin.h>

#include "netlink_owner.h"

int netlink_socket_find(int protocol, uint32_t portid, struct netlink_socket *ret)
{
	FILE *file = fopen("/proc/net/netlink", "re");
	struct netlink_socket found;
	char line[256];
	uint32_t port;
	int proto, err = -ESRCH;

	if (!file)
		return -errno;
	/* sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode */
	while (err < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %d %" SCNu32 " %*s %lu %*s %*s %*s %lu %lu", &proto, &port,
			   &found.waiting_bytes, &found.drops, &found.inode) == 5 &&
		    proto == protocol && port == portid) {
			*ret = found;
			err = 0;
		}
	}
	fclose(file);
	return err;
}

bool netlink_socket_held_by(const struct netlink_socket *socket, pid_t pid)
{
	char path[64], link[64], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	snprintf(link, sizeof(link), "socket:[%lu]", socket->inode);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		ssize_t len;

		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		found = strcmp(target, link) == 0;
	}
	closedir(dir);
	return found;
}

void netlink_process_name(pid_t pid, char *ret, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	file = fopen(path, "re");
	if (!file || !fgets(ret, (int)size, file))
		snprintf(ret, size, "?");
	ret[strcspn(ret, "\n")] = '\0';
	if (file)
		fclose(file);
}

pid_t netlink_socket_owner(const struct netlink_socket *socket)
{
	struct dirent *entry;
	pid_t pid, found = 0;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc)
		return 0;
	while (found <= 1 && (entry = readdir(proc))) {
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 0 && netlink_socket_held_by(socket, pid))
			found = pid;
	}
	closedir(proc);
	return found;
}

int ulogd_netlink_owner(int protocol, uint32_t portid, char *ret, size_t size)
{
	struct netlink_socket socket;
	char name[32];
	pid_t pid;

	if (netlink_socket_find(protocol, portid, &socket) < 0)
		return -ESRCH;
	pid = netlink_socket_owner(&socket);
	if (pid == 0)
		return -ESRCH;
	netlink_process_name(pid, name, sizeof(name));
	snprintf(ret, size, "pid %ld (%s)", (long)pid, name);
	return 0;
}

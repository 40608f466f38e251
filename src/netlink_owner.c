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

/* The inode of the socket with this protocol and port id in /proc/net/netlink; 0: none. */
static unsigned long socket_inode(int protocol, uint32_t portid)
{
	unsigned long inode = 0, line_inode;
	FILE *file = fopen("/proc/net/netlink", "re");
	char line[256];
	uint32_t port;
	int proto;

	if (!file)
		return 0;
	/* sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode */
	while (inode == 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %d %" SCNu32 " %*s %*s %*s %*s %*s %*s %lu", &proto, &port,
			   &line_inode) == 3 && proto == protocol && port == portid)
			inode = line_inode;
	fclose(file);
	return inode;
}

/* True when process @pid has the socket among its descriptors. */
static bool process_has(const char *pid, const char *socket_link)
{
	char path[64], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		ssize_t len;

		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		found = strcmp(target, socket_link) == 0;
	}
	closedir(dir);
	return found;
}

static void process_name(const char *pid, char *ret, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(ret, (int)size, file))
		snprintf(ret, size, "?");
	ret[strcspn(ret, "\n")] = '\0';
	if (file)
		fclose(file);
}

int ulogd_netlink_owner(int protocol, uint32_t portid, char *ret, size_t size)
{
	unsigned long inode = socket_inode(protocol, portid);
	char link[64], name[32];
	struct dirent *entry;
	int err = -ESRCH;
	DIR *proc;

	if (inode == 0)
		return -ESRCH;
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	snprintf(link, sizeof(link), "socket:[%lu]", inode);
	while (err < 0 && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !process_has(entry->d_name, link))
			continue;
		process_name(entry->d_name, name, sizeof(name));
		snprintf(ret, size, "pid %.20s (%s)", entry->d_name, name);
		err = 0;
	}
	closedir(proc);
	return err;
}

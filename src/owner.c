// SPDX-License-Identifier: GPL-2.0-or-later
/* Who the daemon will be, and files for them. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "owner.h"

static struct {
	bool set;
	uid_t uid;
	gid_t gid;
} owner;

void owner_set(uid_t uid, gid_t gid)
{
	owner.set = true;
	owner.uid = uid;
	owner.gid = gid;
}

uid_t owner_uid(void)
{
	return owner.set ? owner.uid : geteuid();
}

gid_t owner_gid(void)
{
	return owner.set ? owner.gid : getegid();
}

int owner_open(const char *path, int flags, mode_t mode, bool *made)
{
	int fd = open(path, flags | O_CREAT | O_EXCL, mode);

	*made = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags | O_CREAT, mode);
	return fd < 0 ? -errno : fd;
}

int owner_give(int fd)
{
	if (!owner.set || geteuid() != 0)
		return 0;
	return fchown(fd, owner.uid, owner.gid) < 0 ? -errno : 0;
}

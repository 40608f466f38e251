/* SPDX-License-Identifier: GPL-2.0-or-later */
/* owner.h - who the daemon will be when it has started, and whose the files are that it makes before. */
#ifndef OWNER_H
#define OWNER_H

#include <stdbool.h>
#include <sys/types.h>

/** Says who that will be; until then it is who the daemon is. */
void owner_set(uid_t uid, gid_t gid);

uid_t owner_uid(void);
gid_t owner_gid(void);

/**
 * Opens the file @path, made with @mode if it is missing, like open(2) with O_CREAT.
 * @made: becomes whether it has been made now, by us and nobody else
 * Returns a descriptor or a negative errno.
 */
int owner_open(const char *path, int flags, mode_t mode, bool *made);

/** Gives the file @fd, made by us, to who the daemon will be.  Returns 0 or a negative errno. */
int owner_give(int fd);

#endif /* OWNER_H */

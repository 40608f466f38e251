/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pidfile.h - one daemon per pid file: the file is locked as long as the daemon lives. */
#ifndef PIDFILE_H
#define PIDFILE_H

/**
 * Makes @path with our pid and locks it.  A file that nobody holds is stale and replaced.
 * Says what went wrong; 0 or a negative errno.
 */
int pidfile_create(const char *path);

/** Removes the file, if pidfile_create() made one. */
void pidfile_remove(void);

#endif /* PIDFILE_H */

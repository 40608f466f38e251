/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restart.h - executing the daemon anew, in the same process.
 *
 * The program at the path we were started from, which an upgrade may have replaced, takes the
 * place of this one with the same arguments and the sockets that keep.h keeps.
 */
#ifndef RESTART_H
#define RESTART_H

#include <stdbool.h>

/** Remembers how we were started; first of all. */
void restart_init(char **argv);

/** True when this process has been a daemon already: it needs no fork to become one. */
bool restart_done(void);

/** Runs the program with -t and our arguments.  -EINVAL when it does not like them. */
int restart_check(void);

/** Becomes the program.  Returns only if that fails, with a negative errno. */
int restart_exec(void);

#endif /* RESTART_H */

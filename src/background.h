/* SPDX-License-Identifier: GPL-2.0-or-later */
/* background.h - going to the background: a parent that waits until the daemon runs. */
#ifndef BACKGROUND_H
#define BACKGROUND_H

/**
 * Forks; the child goes on, in a session of its own and in the root directory: relative paths lose
 * their meaning.  The parent waits until background_running(), or exits with the child's status.  A
 * negative errno when that cannot be done.
 */
int background_begin(void);

/** The daemon runs: lets go of the terminal, and of the parent. */
void background_running(void);

#endif /* BACKGROUND_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop.h - ending what runs. */
#ifndef STOP_H
#define STOP_H

/**
 * Stops all stacks and their destinations.  Those that fail have five seconds, which a second SIGTERM or
 * SIGINT takes away.
 */
void stop_all(void);

#endif /* STOP_H */

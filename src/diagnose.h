/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diagnose.h - why is nothing logged?  The configuration beside the kernel's state and the rules. */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include <stdbool.h>
#include <stdio.h>

/**
 * Looks at what the stacks want, what is bound, and what rules send, and prints it with what does
 * not fit.  Changes nothing; a daemon may run or not.
 * @conf_path: the configuration that was read, by which the running daemon is known
 * @conf_fine: false: it has errors, which have been said
 * Returns the exit status: 0 when everything fits, else 1.
 */
int diagnose(const char *conf_path, bool conf_fine, FILE *out);

#endif /* DIAGNOSE_H */

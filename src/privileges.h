/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * privileges.h - the user the daemon runs as, and the one right that it keeps.
 *
 * CAP_NET_ADMIN is what talking to netfilter needs, also later: to bind groups after a reload,
 * to unbind them at the end.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include <pwd.h>

/**
 * Becomes @user, unless we are already, with CAP_NET_ADMIN alone.
 * Says what went wrong, and returns a negative errno.
 */
int privileges_drop(const struct passwd *user);

/** Lets a program that is executed next have CAP_NET_ADMIN, too, if we have it. */
void privileges_pass_on(void);

#endif /* PRIVILEGES_H */

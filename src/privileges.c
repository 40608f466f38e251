// SPDX-License-Identifier: GPL-2.0-or-later
/* The user the daemon runs as, and the one right that it keeps. */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#ifdef HAVE_LIBCAP_NG
#include <cap-ng.h>
#endif

#include "log.h"
#include "privileges.h"

#ifdef HAVE_LIBCAP_NG
static bool user_set(const struct passwd *user)
{
	capng_clear(CAPNG_SELECT_BOTH);
	/* Inheritable for privileges_pass_on(): without a bounding set it cannot be added later. */
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE, CAP_NET_ADMIN);
	return capng_change_id((int)user->pw_uid, (int)user->pw_gid,
			       CAPNG_CLEAR_BOUNDING) == 0;
}

void privileges_pass_on(void)
{
	if (capng_get_caps_process() < 0 || !capng_have_capability(CAPNG_INHERITABLE, CAP_NET_ADMIN))
		return;
	capng_update(CAPNG_ADD, CAPNG_AMBIENT, CAP_NET_ADMIN);
	if (capng_apply(CAPNG_SELECT_AMBIENT) < 0)
		log_error("CAP_NET_ADMIN cannot be passed on: %s", strerror(errno));
}
#else
static bool user_set(const struct passwd *user)
{
	log_notice("built without libcap-ng: user %s cannot keep CAP_NET_ADMIN, so groups are not "
		   "unbound at the end", user->pw_name);
	return setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
}

void privileges_pass_on(void)
{
}
#endif

int privileges_drop(const struct passwd *user)
{
	if (geteuid() == user->pw_uid && user->pw_uid != 0)
		return 0;
	log_notice("Changing UID / GID");
	if (initgroups(user->pw_name, user->pw_gid) < 0) {
		log_fatal("can't set user secondary GID: %s", strerror(errno));
		return -EPERM;
	}
	if (!user_set(user)) {
		log_fatal("can't set UID %u, GID %u: %s", user->pw_uid, user->pw_gid,
			  strerror(errno));
		return -EPERM;
	}
	return 0;
}

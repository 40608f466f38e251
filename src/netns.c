// SPDX-License-Identifier: GPL-2.0-or-later
/* Visiting another network namespace. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "netns.h"

int netns_enter(const char *path, int *home)
{
	int fd, ret = 0;

	*home = -1;
	if (path[0] == '\0')
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*home < 0 || setns(fd, CLONE_NEWNET) < 0) {
		ret = -errno;
		if (*home >= 0)
			close(*home);
		*home = -1;
	}
	close(fd);
	return ret;
}

void netns_leave(int home)
{
	if (home < 0)
		return;
	if (setns(home, CLONE_NEWNET) < 0) {
		log_fatal("cannot return to the daemon's own network namespace: %s",
			  strerror(errno));
		exit(1);
	}
	close(home);
}

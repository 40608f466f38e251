// SPDX-License-Identifier: GPL-2.0-or-later
/* One daemon per pid file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pidfile.h"

static char *pid_path;
static int pid_fd = -1;

static int lock_whole(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_SETLK, &lock) < 0 ? -errno : 0;
}

/* True when the file is from before a restart of this very process, which keeps it, and its lock if it may. */
static bool adopt_own(const char *path)
{
	char text[24] = "";
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) <= 0 || strtol(text, NULL, 10) != getpid()) {
		close(fd);
		return false;
	}
	lock_whole(fd);
	pid_fd = fd;
	return true;
}

/* Removes a file that no living daemon holds; -EEXIST when one does. */
static int remove_stale(const char *path)
{
	char text[24] = "";
	long pid = -1;
	ssize_t len;
	int fd, ret;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	len = read(fd, text, sizeof(text) - 1);
	if (len > 0 && strtol(text, NULL, 10) > 0)
		pid = strtol(text, NULL, 10);
	ret = lock_whole(fd);
	if (ret < 0) {
		log_fatal("another ulogd already running with pid %ld, it holds %s", pid, path);
		ret = -EEXIST;
	} else {
		log_notice("removing stale pidfile for pid %ld", pid);
		ret = unlink(path) < 0 ? -errno : 0;
	}
	close(fd);
	return ret;
}

int pidfile_create(const char *path)
{
	int ret;

	if (adopt_own(path)) {
		pid_path = strdup(path);
		return 0;
	}
	ret = remove_stale(path);
	if (ret == -EEXIST)
		return ret;
	if (ret == 0)
		pid_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (pid_fd >= 0)
		ret = lock_whole(pid_fd);
	else if (ret == 0)
		ret = -errno;
	if (ret == 0 && dprintf(pid_fd, "%" PRIdMAX "\n", (intmax_t)getpid()) < 0)
		ret = -errno;
	if (ret < 0) {
		log_error("cannot open pid file %s: %s", path, strerror(-ret));
		if (pid_fd >= 0)
			close(pid_fd);
		pid_fd = -1;
		return ret;
	}
	pid_path = strdup(path);
	return 0;
}

void pidfile_remove(void)
{
	if (pid_fd < 0)
		return;
	if (pid_path && unlink(pid_path) < 0)
		log_error("PID file %s could not be deleted: %s", pid_path, strerror(errno));
	close(pid_fd);
	pid_fd = -1;
	free(pid_path);
	pid_path = NULL;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Going to the background. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "background.h"
#include "log.h"
#include "restart.h"

/* After a fork: where the child tells its parent how the start went. */
static int parent_fd = -1;

int background_begin(void)
{
	int fds[2], status;
	pid_t pid;
	char ready;

	if (restart_done())
		return chdir("/") < 0 ? -errno : 0;
	fflush(stdout);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(fds[1]);
		if (read(fds[0], &ready, 1) == 1)
			_exit(0);
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		_exit(1);
	}
	close(fds[0]);
	parent_fd = fds[1];
	setsid();
	return chdir("/") < 0 ? -errno : 0;
}

void background_running(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_detach();
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	if (parent_fd >= 0 && write(parent_fd, "", 1) < 0)
		log_debug("nobody waits for the start: %s", strerror(errno));
	if (parent_fd >= 0)
		close(parent_fd);
	parent_fd = -1;
}

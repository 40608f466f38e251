// SPDX-License-Identifier: GPL-2.0-or-later
/* Executing the daemon anew, in the same process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keep.h"
#include "log.h"
#include "privileges.h"
#include "restart.h"

#define MARK "ULOGD_RESTARTED"	/* in the environment: our process id */

extern char **environ;

static char program[PATH_MAX];
static char **arguments;
static int directory = -1;	/* where relative paths of the arguments begin */
static bool restarted;

void restart_init(char **argv)
{
	const char *mark = getenv(MARK);
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[len > 0 ? len : 0] = '\0';
	arguments = argv;
	directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	restarted = mark && strtol(mark, NULL, 10) == getpid();
	unsetenv(MARK);
	/* The daemon before us was deaf to signals at its end. */
	if (restarted) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
	}
}

bool restart_done(void)
{
	return restarted;
}

int restart_check(void)
{
	posix_spawn_file_actions_t actions;
	unsigned int n = 0;
	char **argv;
	int ret, status;
	pid_t pid;

	while (arguments[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	memcpy(argv, arguments, n * sizeof(*argv));
	argv[n] = "-t";
	posix_spawn_file_actions_init(&actions);
	if (directory >= 0)
		posix_spawn_file_actions_addfchdir_np(&actions, directory);
	ret = -posix_spawn(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(argv);
	if (ret < 0) {
		log_error("cannot execute %s: %s", program, strerror(-ret));
		return ret;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	log_error("%s -t does not accept the configuration: see what it says", program);
	return -EINVAL;
}

int restart_exec(void)
{
	char pid[16];
	int ret;

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (setenv(MARK, pid, 1) < 0 || (directory >= 0 && fchdir(directory) < 0))
		return -errno;
	ret = keep_inherit();
	if (ret < 0)
		return ret;
	privileges_pass_on();
	execv(program, arguments);
	return -errno;
}

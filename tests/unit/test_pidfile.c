// SPDX-License-Identifier: GPL-2.0-or-later
/* One daemon per pid file: stale ones go, held ones stay. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "pidfile.h"
#include "unit.h"

static char *dir, *path;

static int setup(void **state)
{
	(void)state;
	log_catch();
	dir = test_dir_new();
	path = test_path(dir, "ulogd.pid");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pidfile_remove();
	free(path);
	test_dir_remove(dir);
	log_catch_end();
	return 0;
}

static void assert_holds_our_pid(void)
{
	char *text = test_file_read(path), want[32];

	snprintf(want, sizeof(want), "%ld\n", (long)getpid());
	assert_string_equal(text, want);
	free(text);
}

static void the_file_holds_our_pid_until_it_is_removed(void **state)
{
	(void)state;
	assert_int_equal(pidfile_create(path), 0);
	assert_holds_our_pid();
	pidfile_remove();
	assert_int_equal(access(path, F_OK), -1);
}

static void removing_without_a_file_does_nothing(void **state)
{
	(void)state;
	pidfile_remove();
	assert_string_equal(log_caught(), "");
}

static void a_file_that_nobody_holds_is_replaced(void **state)
{
	(void)state;
	test_file_write(path, "1\n", 2);
	assert_int_equal(pidfile_create(path), 0);
	assert_log_has("removing stale pidfile for pid 1");
	assert_holds_our_pid();
}

static void a_file_without_a_pid_is_stale(void **state)
{
	static const char *const texts[] = { "", "no number\n", "-5\n", "99999999999999999999999999\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		test_file_write(path, texts[i], strlen(texts[i]));
		assert_int_equal(pidfile_create(path), 0);
		assert_holds_our_pid();
		pidfile_remove();
	}
	assert_log_has("removing stale pidfile for pid -1");
}

static void a_file_that_a_living_daemon_holds_is_left_alone(void **state)
{
	int ready[2], status;
	char *text, byte, want[64];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		byte = pidfile_create(path) == 0 ? 'y' : 'n';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(pidfile_create(path), -EEXIST);
	snprintf(want, sizeof(want), "another ulogd already running with pid %ld", (long)pid);
	assert_log_has(want);
	text = test_file_read(path);
	assert_int_equal(atol(text), pid);
	free(text);

	/* Its end makes the file stale, though nobody has removed it. */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(pidfile_create(path), 0);
	assert_holds_our_pid();
	close(ready[0]);
}

static void a_file_that_cannot_be_made_is_said(void **state)
{
	(void)state;
	assert_int_equal(pidfile_create("/nonexistent/dir/ulogd.pid"), -ENOENT);
	assert_log_has("cannot open pid file /nonexistent/dir/ulogd.pid: No such file or directory");
}

static void the_file_is_made_anew_not_written_through_a_link(void **state)
{
	char *victim = test_path(dir, "victim"), *text;
	struct stat st;

	(void)state;
	test_file_write(victim, "precious\n", 9);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(pidfile_create(path), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	text = test_file_read(victim);
	assert_string_equal(text, "precious\n");
	free(text);
	free(victim);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(the_file_holds_our_pid_until_it_is_removed),
		unit(removing_without_a_file_does_nothing),
		unit(a_file_that_nobody_holds_is_replaced),
		unit(a_file_without_a_pid_is_stale),
		unit(a_file_that_a_living_daemon_holds_is_left_alone),
		unit(a_file_that_cannot_be_made_is_said),
		unit(the_file_is_made_anew_not_written_through_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

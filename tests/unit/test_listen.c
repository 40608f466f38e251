// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that others connect to: whose the file is, also when somebody puts another one in its place. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "listen.h"
#include "unit.h"

static struct {
	char *dir, *path, *victim;
	bool replaced;		/* somebody is faster than us */
	struct listener listener;
	char why[256];
} t;

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __real_bind(int fd, const struct sockaddr *addr, socklen_t len);

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	int ret = __real_bind(fd, addr, len);

	if (ret == 0 && t.replaced) {
		assert_int_equal(unlink(t.path), 0);
		assert_int_equal(symlink(t.victim, t.path), 0);
	}
	return ret;
}

static int setup(void **state)
{
	(void)state;
	log_catch();
	t.dir = test_dir_new();
	t.path = test_path(t.dir, "sock");
	t.victim = test_path(t.dir, "victim");
	t.replaced = false;
	t.listener = (struct listener)LISTENER_NONE;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	listen_close(&t.listener);
	log_catch_end();
	free(t.path);
	free(t.victim);
	test_dir_remove(t.dir);
	return 0;
}

static int listen_at(mode_t mode)
{
	return listen_unix(t.path, mode, (uid_t)-1, (gid_t)-1, &t.listener, t.why, sizeof(t.why));
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 0777;
}

static bool connects(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), ret;

	strcpy(addr.sun_path, t.path);
	ret = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return ret == 0;
}

static void a_socket_has_its_mode_whatever_the_umask_is(void **state)
{
	mode_t before = umask(0177);

	(void)state;
	assert_int_equal(listen_at(0666), 0);
	umask(before);
	assert_int_equal(mode_of(t.path), 0666);
	assert_true(connects());
	assert_int_equal(listen_set_owner(&t.listener, 0640, geteuid(), getegid()), 0);
	assert_int_equal(mode_of(t.path), 0640);
	assert_true(connects());
	listen_close(&t.listener);
	assert_int_equal(access(t.path, F_OK), -1);
}

static void what_a_link_in_its_place_points_to_stays_as_it_is(void **state)
{
	(void)state;
	test_file_write(t.victim, "", 0);
	assert_int_equal(chmod(t.victim, 0600), 0);
	t.replaced = true;
	assert_int_equal(listen_at(0666), -EEXIST);
	assert_int_equal(mode_of(t.victim), 0600);
	assert_int_equal(t.listener.fd, -1);
	/* It is not ours to remove. */
	assert_int_equal(access(t.path, F_OK), 0);
}

static void a_file_that_took_its_name_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(listen_at(0600), 0);
	assert_int_equal(unlink(t.path), 0);
	test_file_write(t.path, "", 0);
	assert_int_equal(chmod(t.path, 0604), 0);
	assert_int_equal(listen_set_owner(&t.listener, 0666, geteuid(), getegid()), -EEXIST);
	assert_int_equal(mode_of(t.path), 0604);
	listen_close(&t.listener);
	assert_int_equal(access(t.path, F_OK), 0);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_socket_has_its_mode_whatever_the_umask_is),
		unit(what_a_link_in_its_place_points_to_stays_as_it_is),
		unit(a_file_that_took_its_name_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

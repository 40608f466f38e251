// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose netlink socket is that?  Ours, for one. */
#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <ulogd/plugin.h>

#include "netlink_owner.h"
#include "unit.h"

/* A bound socket; @portid becomes what the kernel has chosen. */
static int netlink_open(uint32_t *portid)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*portid = addr.nl_pid;
	return fd;
}

static void the_owner_is_named_by_pid_and_command(void **state)
{
	uint32_t portid;
	int fd = netlink_open(&portid);
	char owner[96], want[96];

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "a (name) x"), 0);
	assert_int_equal(ulogd_netlink_owner(NETLINK_ROUTE, portid, owner, sizeof(owner)), 0);
	snprintf(want, sizeof(want), "pid %ld (a (name) x)", (long)getpid());
	assert_string_equal(owner, want);
	close(fd);
}

static void a_closed_socket_has_no_owner(void **state)
{
	uint32_t portid;
	char owner[96];

	(void)state;
	close(netlink_open(&portid));
	assert_int_equal(ulogd_netlink_owner(NETLINK_ROUTE, portid, owner, sizeof(owner)), -ESRCH);
}

static void the_protocol_counts(void **state)
{
	uint32_t portid;
	int fd = netlink_open(&portid);
	char owner[96];

	(void)state;
	assert_int_equal(ulogd_netlink_owner(NETLINK_USERSOCK, portid, owner, sizeof(owner)), -ESRCH);
	close(fd);
}

static void a_short_buffer_cuts_the_name(void **state)
{
	uint32_t portid;
	int fd = netlink_open(&portid);
	char owner[6] = "######";

	(void)state;
	assert_int_equal(ulogd_netlink_owner(NETLINK_ROUTE, portid, owner, sizeof(owner) - 1), 0);
	assert_memory_equal(owner, "pid ", 4);
	assert_int_equal(owner[4], '\0');
	assert_int_equal(owner[5], '#');
	close(fd);
}

static void a_socket_is_held_by_who_has_it(void **state)
{
	struct netlink_socket found;
	uint32_t portid;
	int fd = netlink_open(&portid);

	(void)state;
	assert_int_equal(netlink_socket_find(NETLINK_ROUTE, portid, &found), 0);
	assert_int_equal(found.drops, 0);
	assert_int_equal(found.waiting_bytes, 0);
	assert_int_equal(netlink_socket_owner(&found), getpid());
	assert_true(netlink_socket_held_by(&found, getpid()));
	assert_false(netlink_socket_held_by(&found, 1));
	close(fd);
	assert_false(netlink_socket_held_by(&found, getpid()));
	assert_int_equal(netlink_socket_owner(&found), 0);
}

/* As process 1 that has opened a socket and passed it on: 0 when process 2 is its owner. */
static int owner_beside_process_1(void)
{
	struct netlink_socket found;
	uint32_t portid;
	int alone, shared, status = -1;
	pid_t heir;

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		return 77;
	netlink_open(&portid);
	if (netlink_socket_find(NETLINK_ROUTE, portid, &found) < 0)
		return 1;
	alone = netlink_socket_owner(&found);
	heir = fork();
	if (heir == 0) {
		pause();
		_exit(0);
	}
	shared = netlink_socket_owner(&found);
	kill(heir, SIGKILL);
	waitpid(heir, &status, 0);
	return alone == 1 && shared == heir ? 0 : 1;
}

static void the_service_manager_is_the_owner_only_when_nobody_else_is(void **state)
{
	int status = -1;
	pid_t outer;

	(void)state;
	outer = fork();
	if (outer == 0) {
		pid_t first;

		if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
			_exit(77);
		first = fork();
		if (first == 0)
			_exit(owner_beside_process_1());
		waitpid(first, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	assert_int_equal(waitpid(outer, &status, 0), outer);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_is_named_by_pid_and_command),
		cmocka_unit_test(a_closed_socket_has_no_owner),
		cmocka_unit_test(the_protocol_counts),
		cmocka_unit_test(a_short_buffer_cuts_the_name),
		cmocka_unit_test(a_socket_is_held_by_who_has_it),
		cmocka_unit_test(the_service_manager_is_the_owner_only_when_nobody_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

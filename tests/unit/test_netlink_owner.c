// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose netlink socket is that?  Ours, for one. */
#include <errno.h>
#include <linux/netlink.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <ulogd/plugin.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_is_named_by_pid_and_command),
		cmocka_unit_test(a_closed_socket_has_no_owner),
		cmocka_unit_test(the_protocol_counts),
		cmocka_unit_test(a_short_buffer_cuts_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

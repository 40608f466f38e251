// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics as text, and where they may be served. */
#include "unit.h"

#include <errno.h>

#include "listen.h"
#include "metrics.h"

static void only_openmetrics_has_an_end(void **state)
{
	char *open = metrics_text(true), *prometheus = metrics_text(false);

	(void)state;
	assert_non_null(open);
	assert_non_null(prometheus);
	assert_string_equal(open + strlen(open) - 6, "# EOF\n");
	assert_null(strstr(prometheus, "# EOF"));
	assert_non_null(strstr(open, "# TYPE process_cpu_seconds counter\n"));
	assert_non_null(strstr(prometheus, "# TYPE process_cpu_seconds_total counter\n"));
	free(open);
	free(prometheus);
}

static void bytes_that_are_no_utf8_become_question_marks(void **state)
{
	char text[64];
	struct ulogd_buf b = { .p = text, .end = text + sizeof(text) };

	(void)state;
	metrics_put_utf8(&b, "a\xff\xc3\xa4\xc3");
	assert_int_equal(b.p - text, 5);
	assert_memory_equal(text, "a?\xc3\xa4?", 5);
}

static void addresses_others_reach_are_refused_unless_asked_for(void **state)
{
	static const struct {
		const char *address;
		bool any;
		int ret;
	} cases[] = {
		{ "127.0.0.1:0", false, 0 }, { "127.1.2.3:0", false, 0 }, { "0.0.0.0:0", false, -EACCES },
		{ "0.0.0.0:0", true, 0 }, { "[::]:0", false, -EACCES }, { "localhost:0", false, -EINVAL },
		{ "127.0.0.1", false, -EINVAL }, { ":9469", false, -EINVAL }, { "127.0.0.1:x", false, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listener l = LISTENER_NONE;
		char why[256] = "";
		int ret = listen_tcp(cases[i].address, cases[i].any, &l, why, sizeof(why));

		if (ret != cases[i].ret)
			fail_msg("%s: %d, %s", cases[i].address, ret, why);
		assert_true(ret == 0 ? l.fd >= 0 : l.fd < 0 && why[0]);
		listen_close(&l);
	}
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	char *dir = test_dir_new(), *path = test_path(dir, "file"), why[256];
	struct listener l = LISTENER_NONE;

	(void)state;
	test_file_write(path, "x", 1);
	assert_int_equal(listen_unix(path, 0600, (uid_t)-1, (gid_t)-1, &l, why, sizeof(why)), -ENOTSOCK);
	assert_non_null(strstr(why, "no socket"));
	assert_int_equal(access(path, F_OK), 0);
	free(path);
	test_dir_remove(dir);
}

static void a_socket_somebody_listens_on_is_left_alone_a_left_over_one_not(void **state)
{
	char *dir = test_dir_new(), *path = test_path(dir, "new/sock"), why[256];
	struct listener l = LISTENER_NONE, second = LISTENER_NONE;
	char pid[32];

	(void)state;
	assert_int_equal(listen_unix(path, 0600, (uid_t)-1, (gid_t)-1, &l, why, sizeof(why)), 0);
	assert_int_equal(listen_unix(path, 0600, (uid_t)-1, (gid_t)-1, &second, why, sizeof(why)), -EADDRINUSE);
	snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	assert_non_null(strstr(why, pid));
	close(l.fd);
	free(l.path);
	assert_int_equal(listen_unix(path, 0660, (uid_t)-1, (gid_t)-1, &second, why, sizeof(why)), 0);
	listen_close(&second);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_openmetrics_has_an_end),
		cmocka_unit_test(bytes_that_are_no_utf8_become_question_marks),
		cmocka_unit_test(addresses_others_reach_are_refused_unless_asked_for),
		cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
		cmocka_unit_test(a_socket_somebody_listens_on_is_left_alone_a_left_over_one_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Old files: times as text, when an interval ends, names, compressing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "rotate.h"
#include "unit.h"

/* -------------------------------------------------------------- options */

static void intervals_are_seconds_or_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} intervals[] = {
		{ "0", 0 }, { "90", 90 }, { "90s", 90 }, { "15m", 900 }, { "2h", 7200 }, { "7d", 604800 },
	};
	static const char *const wrong[] = { "", "d", "1w", "1D", "-1", "1h30m", "2147483648", "24856d" };
	uint32_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(intervals); i++) {
		assert_int_equal(rotate_parse_interval(intervals[i].text, &seconds), 0);
		assert_int_equal(seconds, intervals[i].seconds);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (rotate_parse_interval(wrong[i], &seconds) != -EINVAL)
			fail_msg("\"%s\" is an interval", wrong[i]);
}

/* "2026-03-29 02:30:00" of the local clock and where it is from UTC, to compare as text. */
static const char *local(time_t when)
{
	static char text[64];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm);
	return text;
}

static void intervals_end_by_the_local_clock(void **state)
{
	/* Clocks go forward on 2026-03-29 at 01:00 UTC, back on 2026-10-25 at 01:00 UTC. */
	static const struct {
		uint32_t interval_s;
		time_t when;
		const char *end;
	} ends[] = {
		{ 86400, 1772992800, "2026-03-09 00:00:00 +0100" },	/* 03-08 19:00 */
		{ 86400, 1773010800, "2026-03-10 00:00:00 +0100" },	/* 03-09 00:00 */
		{ 86400, 1774738800, "2026-03-30 00:00:00 +0200" },	/* 03-29 00:00 */
		{ 86400, 1792882800, "2026-10-26 00:00:00 +0100" },	/* 10-25 01:00 */
		{ 3600, 1774745999, "2026-03-29 03:00:00 +0200" },	/* 03-29 01:59:59 */
		{ 3600, 1792888200, "2026-10-25 02:00:00 +0100" },	/* 10-25 02:30 summer */
		{ 3600, 1792891800, "2026-10-25 03:00:00 +0100" },	/* 10-25 02:30 winter */
		{ 900, 1772992801, "2026-03-08 19:15:00 +0100" },
		{ 1, 1772992800, "2026-03-08 19:00:01 +0100" },
		{ 6 * 3600, 1774740000, "2026-03-29 06:00:00 +0200" },	/* 03-29 00:20 */
		{ 6 * 3600, 1792881000, "2026-10-25 06:00:00 +0100" },	/* 10-25 00:30 */
		{ 7 * 86400, 1772992800, "2026-03-12 00:00:00 +0100" },	/* a Thursday, as 1970-01-01 */
		{ 7 * 86400, 1773270000, "2026-03-19 00:00:00 +0100" },	/* 03-12 00:00 */
		{ 7 * 3600, 1772992800, "2026-03-08 20:00:00 +0100" },	/* from 1970 on, UTC */
	};

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		assert_string_equal(local(rotate_after(ends[i].interval_s, ends[i].when)), ends[i].end);
	setenv("TZ", "Asia/Kathmandu", 1);	/* +0545 */
	tzset();
	assert_string_equal(local(rotate_after(3600, 1772992800)), "2026-03-09 00:00:00 +0545");
	unsetenv("TZ");
	tzset();
}

/* ---------------------------------------------------------------- names */

static struct {
	char *dir, *path;
	struct rotator *rotator;
} t;

static int setup(void **state)
{
	(void)state;
	log_catch();
	t.dir = test_dir_new();
	t.path = test_path(t.dir, "log");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rotator_free(t.rotator);
	t.rotator = NULL;
	free(t.path);
	test_dir_remove(t.dir);
	log_catch_end();
	return 0;
}

static void file_make(const char *name, const char *text)
{
	char *path = test_path(t.dir, name);

	test_file_write(path, text, strlen(text));
	free(path);
}

/* The names in the directory and, of small files, their contents: "log=new log.1=old ". */
static const char *files(void)
{
	static char text[4096];
	char *command;
	FILE *out;

	assert_true(asprintf(&command, "cd '%s' && for f in *; do case $f in *.gz) printf '%%s=%%s ' $f "
			     "$(gzip -dc $f);; *) printf '%%s=%%s ' $f $(cat $f);; esac; done 2>/dev/null", t.dir) > 0);
	out = popen(command, "r");
	assert_non_null(out);
	text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
	pclose(out);
	free(command);
	return text;
}

static void current_is(const char *name)
{
	char *path = test_path(t.dir, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	rotator_lock(t.rotator);
	rotator_set_current(t.rotator, path, &st);
	rotator_unlock(t.rotator);
	free(path);
}

static void begin(unsigned int keep, bool compress)
{
	t.rotator = rotator_new(&(struct rotate_options){ .size = 1, .keep = keep, .compress = compress },
				t.path, false);
	assert_non_null(t.rotator);
}

static int shift(void)
{
	int ret;

	current_is("log");
	rotator_lock(t.rotator);
	ret = rotator_shift(t.rotator);
	rotator_unlock(t.rotator);
	return ret;
}

static void files_move_on_by_one_and_the_oldest_goes(void **state)
{
	(void)state;
	begin(3, false);
	file_make("log", "a");
	assert_int_equal(shift(), 0);
	assert_string_equal(files(), "log.1=a ");
	file_make("log", "b");
	assert_int_equal(shift(), 0);
	file_make("log", "c");
	assert_int_equal(shift(), 0);
	assert_string_equal(files(), "log.1=c log.2=b log.3=a ");
	file_make("log", "d");
	assert_int_equal(shift(), 0);
	assert_string_equal(files(), "log.1=d log.2=c log.3=b ");
}

static void a_gap_is_closed_before_anything_goes(void **state)
{
	(void)state;
	begin(3, false);
	file_make("log", "d");
	file_make("log.1", "c");
	file_make("log.3", "a");
	assert_int_equal(shift(), 0);
	assert_string_equal(files(), "log.1=d log.2=c log.3=a ");
}

static void files_above_the_number_to_keep_are_left_alone(void **state)
{
	(void)state;
	begin(1, false);
	file_make("log", "b");
	file_make("log.1", "a");
	file_make("log.2", "other");
	assert_int_equal(shift(), 0);
	assert_string_equal(files(), "log.1=b log.2=other ");
}

static void a_file_gets_its_name_back(void **state)
{
	(void)state;
	begin(3, false);
	file_make("log", "b");
	file_make("log.1", "a");
	assert_int_equal(shift(), 0);
	rotator_lock(t.rotator);
	rotator_unshift(t.rotator);
	rotator_unlock(t.rotator);
	assert_string_equal(files(), "log=b log.2=a ");
	assert_int_equal(shift(), 0);
	assert_string_equal(files(), "log.1=b log.2=a ");
}

static void old_files_stand_beside_the_file_a_symbolic_link_leads_to(void **state)
{
	char *path = test_path(t.dir, "link");

	(void)state;
	begin(3, false);
	file_make("log", "a");
	assert_int_equal(symlink("log", path), 0);
	current_is("link");
	rotator_lock(t.rotator);
	assert_int_equal(rotator_shift(t.rotator), 0);
	rotator_unlock(t.rotator);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(files(), "log.1=a ");
	free(path);
}

/* ---------------------------------------------------------- compressing */

static void old_files_are_compressed_the_current_one_is_not(void **state)
{
	char *path = test_path(t.dir, "log.2"), *gz = test_path(t.dir, "log.2.gz");
	struct stat st, st_gz;

	(void)state;
	begin(3, true);
	file_make("log", "c");
	file_make("log.1", "b");
	file_make("log.2", "a");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(stat(path, &st), 0);
	current_is("log");
	rotator_tidy(t.rotator);
	wait_until(strcmp(files(), "log=c log.1.gz=b log.2.gz=a ") == 0);
	assert_int_equal(stat(gz, &st_gz), 0);
	assert_int_equal(st_gz.st_mode & 0777, 0640);
	assert_int_equal(st_gz.st_mtim.tv_sec, st.st_mtim.tv_sec);
	assert_int_equal(st_gz.st_gid, st.st_gid);
	free(path);
	free(gz);
}

static void what_a_crash_has_left_is_put_right(void **state)
{
	(void)state;
	begin(3, true);
	file_make("log", "c");
	file_make("log.1", "b");
	file_make("log.1.gz", "half");
	file_make("log.gz.tmp", "half");
	current_is("log");
	rotator_tidy(t.rotator);
	wait_until(strcmp(files(), "log=c log.1.gz=b ") == 0);
}

static void files_may_move_on_while_they_are_compressed(void **state)
{
	static char text[4 << 20];
	char *path = test_path(t.dir, "log"), *command;
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {	/* hard to compress, so that it takes a while */
		x = x * 1664525 + 1013904223;
		text[i] = (char)('a' + (x >> 24) % 26);
	}
	begin(9, true);
	for (unsigned int n = 0; n < 8; n++) {
		memcpy(text, &(char){ (char)('0' + n) }, 1);
		test_file_write(path, text, sizeof(text) - 1);
		assert_int_equal(shift(), 0);
		test_file_write(path, "new", 3);
		current_is("log");
		rotator_tidy(t.rotator);
	}
	/* The first bytes of what log.1.gz to log.8.gz hold, and nothing else is there. */
	assert_true(asprintf(&command, "cd '%s' && test \"$(for i in 1 2 3 4 5 6 7 8; do gzip -dc log.$i.gz | "
			     "head -c 1; done 2>/dev/null)\" = 76543210 && test $(ls | wc -l) = 9", t.dir) > 0);
	wait_until(system(command) == 0);
	free(command);
	free(path);
}

static void freeing_stops_compressing_and_leaves_the_plain_file(void **state)
{
	char *path = test_path(t.dir, "log.1"), *tmp = test_path(t.dir, "log.gz.tmp");
	struct stat st;

	(void)state;
	begin(3, true);
	file_make("log", "b");
	file_make("log.1", "a");
	assert_int_equal(truncate(path, 1LL << 40), 0);	/* more than anybody waits for */
	current_is("log");
	rotator_tidy(t.rotator);
	wait_until(stat(tmp, &st) == 0);
	rotator_free(t.rotator);
	t.rotator = NULL;
	assert_int_equal(stat(tmp, &st), -1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(files(), "log=b ");
	free(path);
	free(tmp);
}

static void compressing_that_fails_leaves_the_plain_file(void **state)
{
	struct pollfd said = { .fd = log_fd(), .events = POLLIN };
	struct rlimit limit, before;

	(void)state;
	begin(3, true);
	file_make("log", "b");
	file_make("log.1", "a");
	current_is("log");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 10;	/* no room for gzip's header */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	rotator_tidy(t.rotator);
	/* The log has no room either, but the message waits in memory. */
	wait_until(poll(&said, 1, 0) > 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_log_has("/log.1: cannot be compressed: File too large; it stays as it is");
	assert_string_equal(files(), "log=b log.1=a ");
}

static void of_dated_files_the_newest_stay(void **state)
{
	static const char *const names[] = {
		"x-01012026-000000.xml", "x-31122025-000000.xml", "x-02012026-000000.xml",
		"x-03012026-000000.xml", "x-04012026-000000.xml",
	};
	static const int hours[] = { 2, 1, 3, 4, 5 };
	char *format = test_path(t.dir, "x-%d%m%Y-%H%M%S.xml");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = test_path(t.dir, names[i]);
		struct timespec when = { .tv_sec = 1700000000 + hours[i] * 3600 };

		file_make(names[i], names[i]);
		assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){ when, when }, 0), 0);
		free(path);
	}
	file_make("x-other.xml", "other");
	t.rotator = rotator_new(&(struct rotate_options){ .size = 1, .keep = 2, .compress = true }, format,
				true);
	current_is("x-04012026-000000.xml");
	rotator_tidy(t.rotator);
	wait_until(strcmp(files(), "x-02012026-000000.xml.gz=x-02012026-000000.xml "
				   "x-03012026-000000.xml.gz=x-03012026-000000.xml "
				   "x-04012026-000000.xml=x-04012026-000000.xml x-other.xml=other ") == 0);
	free(format);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_are_seconds_or_have_a_unit),
		cmocka_unit_test(intervals_end_by_the_local_clock),
		unit(files_move_on_by_one_and_the_oldest_goes),
		unit(a_gap_is_closed_before_anything_goes),
		unit(files_above_the_number_to_keep_are_left_alone),
		unit(a_file_gets_its_name_back),
		unit(old_files_stand_beside_the_file_a_symbolic_link_leads_to),
		unit(old_files_are_compressed_the_current_one_is_not),
		unit(what_a_crash_has_left_is_put_right),
		unit(files_may_move_on_while_they_are_compressed),
		unit(freeing_stops_compressing_and_leaves_the_plain_file),
		unit(compressing_that_fails_leaves_the_plain_file),
		unit(of_dated_files_the_newest_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

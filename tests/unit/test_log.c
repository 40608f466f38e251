// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's own messages: form, threshold, other threads, opening again. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <sys/resource.h>

#include "unit.h"

static int setup(void **state)
{
	(void)state;
	log_catch();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_set_level(ULOGD_NOTICE);
	log_catch_end();
	return 0;
}

static bool matches(const char *text, const char *pattern)
{
	regex_t re;
	bool ret;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	ret = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return ret;
}

static void a_line_is_date_level_place_and_text(void **state)
{
	(void)state;
	log_error("disk %d is %s", 3, "full");
	if (!matches(log_caught(), "^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4} "
		     "<7> test_log\\.c:[0-9]+ disk 3 is full$"))
		fail_msg("%s", log_caught());
}

static void messages_below_the_threshold_are_not_written(void **state)
{
	(void)state;
	log_set_level(ULOGD_NOTICE);
	log_debug("debug");
	log_info("info");
	log_notice("notice");
	log_error("error");
	log_fatal("fatal");
	assert_log_lacks("debug");
	assert_log_lacks("info");
	assert_log_has("<5> ");
	assert_log_has("<7> ");
	assert_log_has("<8> ");
	log_set_level(-5);
	log_debug("debug");
	assert_log_has("<1> ");
	log_set_level(9);
	log_fatal("silenced");
	assert_log_lacks("silenced");
}

static void an_errno_is_spelled_and_survives(void **state)
{
	(void)state;
	errno = EACCES;
	log_error("cannot: %m");
	assert_int_equal(errno, EACCES);
	assert_log_has("cannot: Permission denied");
}

static void long_messages_are_cut_not_split(void **state)
{
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
	log_error("next");
	assert_true(matches(log_caught(), "xxxxx$"));
	assert_true(matches(log_caught(), " next$"));
	assert_non_null(strchr(log_caught(), '\n'));
	assert_string_equal(strrchr(log_caught(), ' '), " next\n");
}

static void *speak(void *arg)
{
	const unsigned int *count = arg;

	for (unsigned int i = 0; i < *count; i++)
		log_notice("message %u.", i);
	return NULL;
}

/* Lets another thread say @count messages. */
static void thread_speaks(unsigned int count)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, speak, &count), 0);
	pthread_join(thread, NULL);
}

static bool fd_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

static size_t catch_size(void)
{
	struct stat st;

	assert_int_equal(fstat(log_catch_fd, &st), 0);
	return (size_t)st.st_size;
}

static void messages_of_other_threads_wait_for_the_one_that_writes(void **state)
{
	(void)state;
	assert_false(fd_readable(log_fd()));
	thread_speaks(3);
	assert_true(fd_readable(log_fd()));
	assert_int_equal(catch_size(), 0);
	log_flush();
	assert_false(fd_readable(log_fd()));
	assert_true(catch_size() > 0);
	assert_log_has("message 0.");
	assert_log_has("message 2.");
}

static void messages_keep_their_order_across_threads(void **state)
{
	const char *first, *second;

	(void)state;
	thread_speaks(2);
	log_notice("of the writer");
	first = strstr(log_caught(), "message 1.");
	second = strstr(log_caught(), "of the writer");
	assert_non_null(first);
	assert_non_null(second);
	assert_true(first < second);
}

static void too_many_messages_of_other_threads_are_counted_not_kept(void **state)
{
	unsigned int kept = 0, lost = 0;
	const char *found;

	(void)state;
	thread_speaks(1000);
	log_flush();
	for (found = log_caught(); (found = strstr(found, "message ")); found++)
		kept++;
	found = strstr(log_caught(), " messages of this log were lost");
	assert_non_null(found);
	while (found[-1] >= '0' && found[-1] <= '9')
		found--;
	lost = (unsigned int)atoi(found);
	assert_int_equal(kept + lost, 1000);
	assert_log_has("message 0.");
}

static void a_destination_that_cannot_be_opened_leaves_the_old_one(void **state)
{
	(void)state;
	assert_int_equal(log_open("/nonexistent/dir/log"), -ENOENT);
	log_error("still here");
	assert_log_has("still here");
}

static void a_file_is_appended_to_and_named(void **state)
{
	char *dir = test_dir_new(), *path = test_path(dir, "log"), *text;

	(void)state;
	test_file_write(path, "before\n", 7);
	assert_int_equal(log_open(path), 0);
	assert_string_equal(log_destination(), path);
	log_error("after");
	text = test_file_read(path);
	assert_memory_equal(text, "before\n", 7);
	assert_non_null(strstr(text, " after\n"));
	free(text);
	assert_int_equal(log_open(NULL), 0);
	assert_string_equal(log_destination(), "stderr");
	free(path);
	test_dir_remove(dir);
}

static void reopening_follows_a_file_that_was_moved_away(void **state)
{
	char *dir = test_dir_new(), *path = test_path(dir, "log"), *moved = test_path(dir, "log.1"), *text;

	(void)state;
	assert_int_equal(log_open(path), 0);
	log_error("one");
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(log_reopen(), 0);
	log_error("three");
	text = test_file_read(moved);
	assert_non_null(strstr(text, " one\n"));
	assert_null(strstr(text, " three\n"));
	free(text);
	text = test_file_read(path);
	assert_non_null(strstr(text, " three\n"));
	free(text);
	free(path);
	free(moved);
	test_dir_remove(dir);
}

static void reopen_keeps_old_file_on_error(void **state)
{
	char *dir = test_dir_new(), *path = test_path(dir, "log"), *gone, *old, *text;

	(void)state;
	assert_true(asprintf(&gone, "%s.gone", dir) > 0);
	assert_int_equal(log_open(path), 0);
	assert_int_equal(rename(dir, gone), 0);
	assert_int_equal(log_reopen(), -ENOENT);
	log_error("still here");
	old = test_path(gone, "log");
	text = test_file_read(old);
	assert_non_null(strstr(text, " still here\n"));
	free(text);
	free(old);
	free(path);
	free(dir);
	test_dir_remove(gone);
}

static void reopening_what_is_no_file_does_nothing(void **state)
{
	(void)state;
	assert_int_equal(log_open("stdout"), 0);
	assert_string_equal(log_destination(), "stdout");
	assert_int_equal(log_reopen(), 0);
	assert_int_equal(log_open("syslog"), 0);
	assert_string_equal(log_destination(), "syslog");
	assert_int_equal(log_reopen(), 0);
}

static void assert_file_has(const char *path, const char *want)
{
	char *text = test_file_read(path);

	if (!strstr(text, want))
		fail_msg("%s lacks \"%s\": %s", path, want, text);
	free(text);
}

static void a_file_that_was_renamed_or_removed_is_opened_again_before_the_next_line(void **state)
{
	char *dir = test_dir_new(), *path = test_path(dir, "log"), *moved = test_path(dir, "log.1"), *text;

	(void)state;
	assert_int_equal(log_open(path), 0);
	log_error("one");
	assert_int_equal(rename(path, moved), 0);
	log_error("two");
	log_error("three");
	text = test_file_read(path);
	if (!matches(text, "^[A-Z][a-z]{2} .* <5> log\\.c:[0-9]+ /.*/log: the log was renamed or removed, "
			   "opened again$"))
		fail_msg("%s", text);
	assert_true(strstr(text, "opened again") < strstr(text, " two\n"));
	assert_null(strstr(strstr(text, "opened again") + 1, "opened again"));
	free(text);
	assert_int_equal(unlink(path), 0);
	log_error("four");
	assert_file_has(path, " four\n");
	text = test_file_read(moved);
	assert_null(strstr(text, "two"));
	free(text);
	free(path);
	free(moved);
	test_dir_remove(dir);
}

/* Calls @body with stderr in a file and returns what it wrote. */
static char *stderr_of(void (*body)(void))
{
	char *dir = test_dir_new(), *path = test_path(dir, "stderr"), *text;
	int saved = dup(STDERR_FILENO);

	assert_true(saved >= 0);
	assert_non_null(freopen(path, "w", stderr));
	body();
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	text = test_file_read(path);
	free(path);
	test_dir_remove(dir);
	return text;
}

static void a_renamed_file_stays_in_use_while_its_name_cannot_be_opened(void **state)
{
	char *dir = test_dir_new(), *path = test_path(dir, "log"), *gone, *old, *text;

	(void)state;
	assert_true(asprintf(&gone, "%s.gone", dir) > 0);
	old = test_path(gone, "log");
	assert_int_equal(log_open(path), 0);
	assert_int_equal(rename(dir, gone), 0);
	log_error("one");
	log_error("two");
	text = test_file_read(old);
	assert_non_null(strstr(text, "/log: the log was renamed, and cannot be opened again: No such file or "
			       "directory; the old one stays in use\n"));
	assert_null(strstr(strstr(text, "stays in use") + 1, "stays in use"));
	assert_non_null(strstr(text, " one\n"));
	assert_non_null(strstr(text, " two\n"));
	free(text);
	assert_int_equal(mkdir(dir, 0700), 0);
	log_error("three");
	assert_file_has(path, "opened again\n");
	assert_file_has(path, " three\n");
	free(path);
	free(old);
	test_dir_remove(dir);
	test_dir_remove(gone);
}

static struct {
	char *dir, *path;
} failing;

static void say_without_directory(void)
{
	assert_int_equal(log_open(failing.path), 0);
	log_error("one");
	assert_int_equal(unlink(failing.path), 0);
	assert_int_equal(rmdir(failing.dir), 0);
	log_error("two");
	log_error("three");
}

static void a_removed_directory_costs_lines_that_are_counted(void **state)
{
	char *text;

	(void)state;
	failing.dir = test_dir_new();
	failing.path = test_path(failing.dir, "log");
	text = stderr_of(say_without_directory);
	assert_non_null(strstr(text, "/log cannot be written: No such file or directory; make room"));
	assert_null(strstr(strstr(text, "cannot be written") + 1, "cannot be written"));
	free(text);
	assert_int_equal(mkdir(failing.dir, 0700), 0);
	log_error("four");
	text = test_file_read(failing.path);
	assert_non_null(strstr(text, "<7> log.c:"));
	assert_non_null(strstr(text, " 2 lines of this log could not be written: No such file or directory\n"));
	assert_true(strstr(text, " 2 lines") < strstr(text, " four\n"));
	free(text);
	log_error("five");
	text = test_file_read(failing.path);
	assert_null(strstr(strstr(text, "could not be written") + 1, "could not be written"));
	free(text);
	free(failing.path);
	test_dir_remove(failing.dir);
}

static void file_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void say_full(void)
{
	assert_int_equal(log_open(failing.path), 0);
	log_error("one");
	file_limit(100);
	log_error("two, which has a bit more to say so that it does not fit");
	log_error("three, which has a bit more to say so that it does not fit");
	file_limit(RLIM_INFINITY);
}

static void a_full_disk_costs_whole_lines_that_are_counted(void **state)
{
	char *text;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	failing.dir = test_dir_new();
	failing.path = test_path(failing.dir, "log");
	text = stderr_of(say_full);
	assert_non_null(strstr(text, "/log cannot be written: File too large"));
	free(text);
	log_error("four");
	text = test_file_read(failing.path);
	assert_true(matches(text, "^.* <7> test_log\\.c:[0-9]+ one\n.* <7> log\\.c:[0-9]+ 2 lines of this log "
			    "could not be written: File too large\n.* four\n$"));
	assert_null(strstr(text, "two"));
	free(text);
	free(failing.path);
	test_dir_remove(failing.dir);
}

static void say_to_full(void)
{
	assert_int_equal(log_open("/dev/full"), 0);
	log_set_verbose(true);
	log_error("one");
	log_error("two");
	log_set_verbose(false);
	assert_int_equal(log_open(NULL), 0);
}

static void what_the_log_does_not_take_is_on_stderr_if_so_configured(void **state)
{
	char *text = stderr_of(say_to_full);

	(void)state;
	assert_true(matches(text, "^ulogd: the log /dev/full cannot be written: No space left on device; "));
	assert_non_null(strstr(text, " one\n"));
	assert_non_null(strstr(text, " two\n"));
	free(text);
}

static void say_plain(void)
{
	assert_int_equal(log_open(NULL), 0);
	log_set_plain(true);
	log_error("for somebody who waits");
	log_set_plain(false);
}

static void plain_messages_are_the_text_alone(void **state)
{
	char *text = stderr_of(say_plain);

	(void)state;
	assert_string_equal(text, "for somebody who waits\n");
	free(text);
}

static void say_verbose(void)
{
	log_set_verbose(true);
	log_notice("copied");
	log_set_verbose(false);
	log_notice("not copied");
}

static void verbose_copies_messages_to_stderr(void **state)
{
	char *text = stderr_of(say_verbose);

	(void)state;
	assert_true(matches(text, "<5> test_log\\.c:[0-9]+ copied$"));
	assert_null(strstr(text, "not copied"));
	assert_log_has(" copied");
	assert_log_has(" not copied");
	free(text);
}

static void say_starting(void)
{
	log_set_starting(true);
	log_notice("a notice");
	log_set_level(9);
	log_error("an error");
	log_set_starting(false);
	log_error("later");
}

static void while_starting_errors_are_shown_on_stderr_whatever_the_threshold(void **state)
{
	char *text = stderr_of(say_starting);

	(void)state;
	assert_string_equal(text, "an error\n");
	free(text);
}

static void once_a_second_is_at_most_once_a_second(void **state)
{
	struct ulogd_once once = {};
	int64_t begin = log_now_ms();
	unsigned int yes = 0;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		yes += ulogd_once_a_second(&once);
	assert_true(yes >= 1);
	assert_true(yes <= 1 + (log_now_ms() - begin) / 1000);
	once.last_ms -= 1000;
	assert_true(ulogd_once_a_second(&once));
}

static void listened_append(const char *text, void *arg)
{
	char *all = arg;

	snprintf(all + strlen(all), 256 - strlen(all), "%s;", text);
}

static void who_listens_is_given_what_the_main_thread_says(void **state)
{
	char all[256] = "";

	(void)state;
	log_listen(ULOGD_ERROR, listened_append, all);
	log_notice("too quiet");
	log_error("wrong %d", 1);
	log_fatal("worse");
	log_listen(0, NULL, NULL);
	log_error("later");
	assert_string_equal(all, "wrong 1;worse;");
	assert_log_has("wrong 1");
	/* Whoever asked wants to know, also when the log is to be short. */
	all[0] = '\0';
	log_set_level(ULOGD_FATAL);
	log_listen(ULOGD_ERROR, listened_append, all);
	log_error("not written");
	log_listen(0, NULL, NULL);
	log_set_level(ULOGD_DEBUG);
	assert_string_equal(all, "not written;");
	assert_log_lacks("not written");
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_line_is_date_level_place_and_text),
		unit(messages_below_the_threshold_are_not_written),
		unit(an_errno_is_spelled_and_survives),
		unit(long_messages_are_cut_not_split),
		unit(messages_of_other_threads_wait_for_the_one_that_writes),
		unit(messages_keep_their_order_across_threads),
		unit(too_many_messages_of_other_threads_are_counted_not_kept),
		unit(a_destination_that_cannot_be_opened_leaves_the_old_one),
		unit(a_file_is_appended_to_and_named),
		unit(reopening_follows_a_file_that_was_moved_away),
		unit(reopen_keeps_old_file_on_error),
		unit(a_file_that_was_renamed_or_removed_is_opened_again_before_the_next_line),
		unit(a_renamed_file_stays_in_use_while_its_name_cannot_be_opened),
		unit(a_removed_directory_costs_lines_that_are_counted),
		unit(a_full_disk_costs_whole_lines_that_are_counted),
		unit(what_the_log_does_not_take_is_on_stderr_if_so_configured),
		unit(reopening_what_is_no_file_does_nothing),
		unit(plain_messages_are_the_text_alone),
		unit(verbose_copies_messages_to_stderr),
		unit(while_starting_errors_are_shown_on_stderr_whatever_the_threshold),
		unit(who_listens_is_given_what_the_main_thread_says),
		unit(once_a_second_is_at_most_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

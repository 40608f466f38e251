// SPDX-License-Identifier: GPL-2.0-or-later
/* Chunks on disk: order, progress, what was torn, what was damaged, the limit, who may open it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "spool.h"
#include "unit.h"

#define LIMIT SPOOL_SIZE_MIN
#define RECORDS 10		/* of a chunk that chunk_make() makes */
#define RECORD_LEN 100

struct fixture {
	char *dir, *path;
	struct spool *spool;
	struct spool_found found;
	struct chunk *chunk, *buf;
	uint64_t lost;
};

static int fixture_open(struct fixture *f, uint64_t limit)
{
	return spool_open(f->dir, "tcp:host/1", limit, geteuid(), getegid(), &f->found, &f->spool);
}

static void fixture_reopen(struct fixture *f)
{
	spool_close(f->spool);
	f->spool = NULL;
	assert_int_equal(fixture_open(f, LIMIT), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || !(f->chunk = calloc(1, CHUNK_SIZE)))
		return -1;
	f->chunk->size = CHUNK_SIZE - sizeof(*f->chunk);
	f->dir = test_dir_new();
	f->path = test_path(f->dir, "tcp:host%2F1");
	log_catch();
	assert_int_equal(fixture_open(f, LIMIT), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	spool_close(f->spool);
	log_catch_end();
	free(f->chunk);
	free(f->buf);
	free(f->path);
	test_dir_remove(f->dir);
	free(f);
	return 0;
}

/* Chunk @n: RECORDS records, the first of which begin with its number. */
static struct chunk *chunk_make(struct fixture *f, unsigned int n)
{
	struct chunk *c = f->chunk;

	c->len = c->records = c->done = 0;
	for (unsigned int i = 0; i < RECORDS; i++) {
		memset(c->data + c->len, 'a' + (int)i, RECORD_LEN);
		c->data[c->len + (unsigned int)snprintf(c->data + c->len, RECORD_LEN, "%u.%u ", n, i)] = ' ';
		chunk_record_add(c, c->len + RECORD_LEN);
	}
	return c;
}

static int append(struct fixture *f, unsigned int n)
{
	return spool_append(f->spool, chunk_make(f, n));
}

static int read_next(struct fixture *f)
{
	return spool_read(f->spool, &f->buf, &f->lost);
}

/* The oldest chunk is number @n, as it was appended. */
static void assert_oldest(struct fixture *f, unsigned int n)
{
	assert_int_equal(read_next(f), 0);
	chunk_make(f, n);
	assert_int_equal(f->buf->records, RECORDS);
	assert_int_equal(f->buf->len, f->chunk->len);
	assert_memory_equal(f->buf->data, f->chunk->data, f->chunk->len);
	for (unsigned int i = 0; i < RECORDS; i++)
		assert_int_equal(chunk_record_end(f->buf, i), (i + 1) * RECORD_LEN);
}

static void assert_empty(struct fixture *f)
{
	assert_int_equal(read_next(f), -ENODATA);
	assert_int_equal(spool_bytes(f->spool), 0);
}

/* The path of the segment that is number @n in the directory, to be freed; NULL: there are fewer. */
static char *segment_path(const struct fixture *f, unsigned int n)
{
	struct dirent **entries;
	char *path = NULL;
	int count = scandir(f->path, &entries, NULL, alphasort);

	assert_true(count >= 0);
	for (int i = 0; i < count; i++) {
		if (strlen(entries[i]->d_name) == 16 && n-- == 0)
			path = test_path(f->path, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return path;
}

static unsigned int segments(const struct fixture *f)
{
	unsigned int n = 0;
	char *path;

	while ((path = segment_path(f, n))) {
		free(path);
		n++;
	}
	return n;
}

static off_t segment_size(const struct fixture *f, unsigned int n)
{
	char *path = segment_path(f, n);
	struct stat st;

	assert_non_null(path);
	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_size;
}

static void segment_cut(const struct fixture *f, unsigned int n, off_t size)
{
	char *path = segment_path(f, n);

	assert_int_equal(truncate(path, size), 0);
	free(path);
}

/* Changes a byte of segment @n. */
static void segment_damage(const struct fixture *f, unsigned int n, off_t at)
{
	char *path = segment_path(f, n), byte;
	int fd = open(path, O_RDWR);

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte = (char)~byte;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
	free(path);
}

/* ------------------------------------------------------------------- order */

static void chunks_come_back_as_they_were_and_in_their_order(void **state)
{
	struct fixture *f = *state;

	assert_empty(f);
	for (unsigned int n = 0; n < 50; n++)
		assert_int_equal(append(f, n), 0);
	for (unsigned int n = 0; n < 50; n++) {
		assert_oldest(f, n);
		spool_pop(f->spool);
	}
	assert_empty(f);
	assert_int_equal(segments(f), 0);
}

static void the_oldest_stays_until_it_is_delivered(void **state)
{
	struct fixture *f = *state;

	append(f, 0);
	append(f, 1);
	assert_oldest(f, 0);
	assert_oldest(f, 0);
	spool_pop(f->spool);
	assert_oldest(f, 1);
}

static void appending_goes_on_while_others_are_delivered(void **state)
{
	struct fixture *f = *state;
	unsigned int in = 0, out = 0;

	for (unsigned int round = 0; round < 300; round++) {
		for (unsigned int i = 0; i < round % 5; i++)
			assert_int_equal(append(f, in++), 0);
		for (unsigned int i = 0; i < round % 4 && out < in; i++) {
			assert_oldest(f, out++);
			spool_pop(f->spool);
		}
	}
	for (; out < in; out++) {
		assert_oldest(f, out);
		spool_pop(f->spool);
	}
	assert_empty(f);
}

static void a_chunk_that_was_never_read_can_be_delivered(void **state)
{
	struct fixture *f = *state;

	append(f, 0);
	append(f, 1);
	spool_pop(f->spool);
	assert_oldest(f, 1);
	spool_pop(f->spool);
	assert_empty(f);
	spool_pop(f->spool);
	assert_empty(f);
}

static void large_chunks_and_odd_lengths_come_back(void **state)
{
	struct fixture *f = *state;
	uint32_t size = 300 * 1024;
	struct chunk *large = calloc(1, sizeof(*large) + size);

	assert_non_null(large);
	large->size = size;
	memset(large->data, 'L', size - 8);
	chunk_record_add(large, 200001);
	append(f, 0);
	assert_int_equal(spool_append(f->spool, large), 0);
	append(f, 1);
	assert_oldest(f, 0);
	spool_pop(f->spool);
	assert_int_equal(read_next(f), 0);
	assert_int_equal(f->buf->len, 200001);
	assert_memory_equal(f->buf->data, large->data, 200001);
	assert_int_equal(chunk_record_end(f->buf, 0), 200001);
	spool_pop(f->spool);
	assert_oldest(f, 1);
	free(large);
}

/* -------------------------------------------------------------- start again */

static void what_was_not_delivered_is_there_after_a_start(void **state)
{
	struct fixture *f = *state;

	for (unsigned int n = 0; n < 5; n++)
		append(f, n);
	spool_pop(f->spool);
	spool_pop(f->spool);
	fixture_reopen(f);
	assert_int_equal(f->found.records, 3 * RECORDS);
	assert_int_equal(f->found.cut, 0);
	append(f, 5);
	for (unsigned int n = 2; n < 6; n++) {
		assert_oldest(f, n);
		assert_int_equal(f->buf->done, 0);
		spool_pop(f->spool);
	}
	assert_empty(f);
	fixture_reopen(f);
	assert_int_equal(f->found.records, 0);
	append(f, 6);
	assert_oldest(f, 6);
}

static void delivery_goes_on_in_the_middle_of_a_chunk(void **state)
{
	struct fixture *f = *state;

	append(f, 0);
	append(f, 1);
	spool_progress(f->spool, 3 * RECORD_LEN, 3);
	fixture_reopen(f);
	assert_int_equal(f->found.records, 2 * RECORDS - 3);
	assert_oldest(f, 0);
	assert_int_equal(f->buf->done, 3 * RECORD_LEN);
	spool_pop(f->spool);
	assert_oldest(f, 1);
	assert_int_equal(f->buf->done, 0);
}

static void a_record_of_which_a_part_was_delivered_is_delivered_again(void **state)
{
	struct fixture *f = *state;

	append(f, 0);
	spool_progress(f->spool, 3 * RECORD_LEN + 50, 3);
	fixture_reopen(f);
	assert_oldest(f, 0);
	assert_int_equal(f->buf->done, 3 * RECORD_LEN);
}

static void a_damaged_position_costs_repetition_only(void **state)
{
	struct fixture *f = *state;
	char *path = test_path(f->path, "position");

	for (unsigned int n = 0; n < 3; n++)
		append(f, n);
	spool_pop(f->spool);
	test_file_write(path, "rubbish that is long enough to be a position", 44);
	fixture_reopen(f);
	assert_int_equal(f->found.records, 3 * RECORDS);
	assert_oldest(f, 0);
	assert_int_equal(unlink(path), 0);
	fixture_reopen(f);
	assert_oldest(f, 0);
	free(path);
}

static void segments_that_were_delivered_do_not_come_back(void **state)
{
	struct fixture *f = *state;
	char *first, *copy = test_path(f->dir, "copy"), *command;
	unsigned int n;

	for (n = 0; segments(f) < 3; n++)
		assert_int_equal(append(f, n), 0);
	first = segment_path(f, 0);
	assert_true(asprintf(&command, "cp -p '%s' '%s'", first, copy) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	while (segments(f) == 3)
		spool_pop(f->spool);
	/* As after a crash before the file was removed. */
	assert_int_equal(rename(copy, first), 0);
	assert_int_equal(read_next(f), 0);
	memcpy(f->chunk->data, f->buf->data, 8);
	fixture_reopen(f);
	assert_int_equal(segments(f), 2);
	assert_int_equal(read_next(f), 0);
	assert_memory_equal(f->chunk->data, f->buf->data, 8);
	free(first);
	free(copy);
}

/* -------------------------------------------------------------------- torn */

static void torn(struct fixture *f, off_t left, uint64_t cut)
{
	off_t size;

	append(f, 0);
	append(f, 1);
	size = segment_size(f, 0);
	append(f, 2);
	segment_cut(f, 0, size + left);
	fixture_reopen(f);
	assert_int_equal(f->found.records, 2 * RECORDS);
	assert_int_equal(f->found.cut, cut);
	assert_int_equal(segment_size(f, 0), size);
	assert_log_has("its last chunk is not whole");
	append(f, 3);
	for (unsigned int n = 0; n < 4; n++) {
		if (n == 2)
			continue;
		assert_oldest(f, n);
		spool_pop(f->spool);
	}
	assert_empty(f);
	assert_int_equal(f->lost, 0);
}

static void a_torn_last_chunk_is_cut(void **state)
{
	torn(*state, 500, RECORDS);
}

static void a_torn_beginning_of_a_chunk_is_cut(void **state)
{
	torn(*state, 7, 1);
}

static void a_last_chunk_whose_bytes_never_reached_the_disk_is_cut(void **state)
{
	struct fixture *f = *state;
	off_t size;

	append(f, 0);
	size = segment_size(f, 0);
	append(f, 1);
	segment_damage(f, 0, size + 100);
	fixture_reopen(f);
	assert_int_equal(f->found.records, RECORDS);
	assert_int_equal(f->found.cut, RECORDS);
	assert_int_equal(segment_size(f, 0), size);
}

static void a_spool_that_is_nothing_but_torn_is_empty(void **state)
{
	struct fixture *f = *state;

	append(f, 0);
	segment_cut(f, 0, 10);
	fixture_reopen(f);
	assert_int_equal(f->found.records, 0);
	assert_int_equal(f->found.cut, 1);
	assert_log_has("10 bytes cut, at least 1 records lost");
	assert_empty(f);
	append(f, 1);
	assert_oldest(f, 1);
}

static void every_length_of_a_torn_segment_can_be_opened(void **state)
{
	struct fixture *f = *state;
	off_t size;

	append(f, 0);
	append(f, 1);
	append(f, 2);
	size = segment_size(f, 0);
	for (off_t at = size - 1; at > 0; at -= 13) {
		segment_cut(f, 0, at);
		fixture_reopen(f);
		if (segments(f) == 0)
			break;
		at = segment_size(f, 0);
		assert_int_equal(f->found.records, at * 3 / size * RECORDS);
		if (at == 0)
			break;
	}
}

/* ----------------------------------------------------------------- damaged */

static void a_damaged_chunk_is_skipped_and_counted(void **state)
{
	struct fixture *f = *state;
	off_t size;

	append(f, 0);
	size = segment_size(f, 0);
	for (unsigned int n = 1; n < 4; n++)
		append(f, n);
	segment_damage(f, 0, size + 100);
	fixture_reopen(f);
	assert_int_equal(f->found.records, 4 * RECORDS);
	assert_oldest(f, 0);
	spool_pop(f->spool);
	assert_oldest(f, 2);
	assert_int_equal(f->lost, RECORDS);
	assert_log_has("is damaged behind byte");
	assert_log_has("10 records lost");
	spool_pop(f->spool);
	assert_oldest(f, 3);
}

static void behind_a_damaged_beginning_the_next_chunk_is_found(void **state)
{
	struct fixture *f = *state;
	off_t size;

	append(f, 0);
	size = segment_size(f, 0);
	for (unsigned int n = 1; n < 4; n++)
		append(f, n);
	for (off_t at = 0; at < 20; at += 4) {
		segment_damage(f, 0, size + at);
		fixture_reopen(f);
		assert_int_equal(f->found.records, 3 * RECORDS);
		assert_int_equal(f->found.cut, 0);
		segment_damage(f, 0, size + at);
	}
	segment_damage(f, 0, size);
	assert_oldest(f, 0);
	spool_pop(f->spool);
	assert_oldest(f, 2);
	assert_log_has("no chunk begins there");
	spool_pop(f->spool);
	assert_oldest(f, 3);
	spool_pop(f->spool);
	assert_empty(f);
}

static void a_chunk_copied_to_another_place_is_not_believed(void **state)
{
	struct fixture *f = *state;
	char *path, *data;
	off_t size;

	append(f, 0);
	size = segment_size(f, 0);
	append(f, 1);
	path = segment_path(f, 0);
	data = malloc((size_t)size);
	int fd = open(path, O_RDWR);

	assert_non_null(data);
	assert_int_equal(pread(fd, data, (size_t)size, 0), size);
	assert_int_equal(pwrite(fd, data, (size_t)size, size), size);
	close(fd);
	free(data);
	free(path);
	assert_oldest(f, 0);
	spool_pop(f->spool);
	assert_empty(f);
}

static void a_segment_that_is_gone_is_passed_over(void **state)
{
	struct fixture *f = *state;
	unsigned int n;
	char *path;

	for (n = 0; segments(f) < 3; n++)
		assert_int_equal(append(f, n), 0);
	assert_oldest(f, 0);
	path = segment_path(f, 1);
	assert_int_equal(unlink(path), 0);
	free(path);
	while (segments(f) == 2)
		spool_pop(f->spool);
	assert_oldest(f, n - 1);
	assert_log_has("No such file or directory; going on behind it");
}

static void damage_to_what_is_being_delivered_does_not_cost_the_next(void **state)
{
	struct fixture *f = *state;

	append(f, 0);
	append(f, 1);
	append(f, 2);
	assert_oldest(f, 0);
	segment_damage(f, 0, 0);
	spool_pop(f->spool);
	assert_oldest(f, 1);
	assert_int_equal(f->lost, 0);
}

static void what_is_no_segment_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char *path = test_path(f->path, "notes");

	test_file_write(path, "x", 1);
	append(f, 0);
	fixture_reopen(f);
	assert_oldest(f, 0);
	spool_pop(f->spool);
	assert_empty(f);
	assert_int_equal(access(path, F_OK), 0);
	free(path);
}

/* ------------------------------------------------------------------- limits */

static void no_more_than_the_limit_is_kept(void **state)
{
	struct fixture *f = *state;
	unsigned int n = 0;

	while (append(f, n) == 0)
		n++;
	assert_int_equal(append(f, n), -EDQUOT);
	assert_true(spool_bytes(f->spool) <= LIMIT);
	assert_true(spool_bytes(f->spool) > LIMIT - 2 * RECORDS * RECORD_LEN);
	assert_true(segments(f) > 8);
	/* A segment that is delivered makes room. */
	for (unsigned int before = segments(f), out = 0; segments(f) == before; out++) {
		assert_oldest(f, out);
		spool_pop(f->spool);
	}
	assert_int_equal(append(f, n), 0);
}

static void a_lower_limit_keeps_what_is_there(void **state)
{
	struct fixture *f = *state;

	spool_close(f->spool);
	assert_int_equal(fixture_open(f, 4 * LIMIT), 0);
	for (unsigned int n = 0; spool_bytes(f->spool) < 2 * LIMIT; n++)
		assert_int_equal(append(f, n), 0);
	fixture_reopen(f);
	assert_int_equal(append(f, 0), -EDQUOT);
	assert_oldest(f, 0);
}

static void an_append_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, small;
	off_t size;

	append(f, 0);
	size = segment_size(f, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = (rlim_t)size + 500;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(append(f, 1) < 0);
	assert_true(append(f, 1) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(segment_size(f, 0), size);
	assert_int_equal(append(f, 2), 0);
	assert_oldest(f, 0);
	spool_pop(f->spool);
	assert_oldest(f, 2);
	spool_pop(f->spool);
	assert_empty(f);
}

/* ----------------------------------------------------------------- opening */

static void only_one_may_have_it_open(void **state)
{
	struct fixture *f = *state;
	struct spool *other = NULL;
	struct spool_found found;

	assert_int_equal(spool_open(f->dir, "tcp:host/1", LIMIT, geteuid(), getegid(), &found, &other), -EBUSY);
	assert_null(other);
	/* Another name is another spool. */
	assert_int_equal(spool_open(f->dir, "tcp:host%2F1", LIMIT, geteuid(), getegid(), &found, &other), 0);
	spool_close(other);
}

static void names_cannot_leave_the_directory(void **state)
{
	static const char *const names[] = { ".", "..", "/", "../x", ".hidden", "a b\n", "" };
	struct fixture *f = *state;
	struct spool *other;
	struct spool_found found;

	for (unsigned int i = 0; i < ARRAY_SIZE(names) - 1; i++) {
		assert_int_equal(spool_open(f->dir, names[i], LIMIT, geteuid(), getegid(), &found, &other), 0);
		assert_null(strchr(spool_path(other) + strlen(f->dir) + 1, '/'));
		assert_int_not_equal(spool_path(other)[strlen(f->dir) + 1], '.');
		spool_close(other);
	}
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	struct spool_found found;
	struct spool *other;
	char name[300];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(spool_open(f->dir, name, LIMIT, geteuid(), getegid(), &found, &other), -ENAMETOOLONG);
}

static void its_directory_is_only_its_users(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(f->path, 0755), 0);
	fixture_reopen(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void somebody_elses_directory_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	spool_close(f->spool);
	f->spool = NULL;
	assert_int_equal(chown(f->path, 12345, 12345), 0);
	assert_int_equal(fixture_open(f, LIMIT), -EPERM);
}

static void it_becomes_the_daemons_users(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char *path;

	if (geteuid() != 0)
		skip();
	append(f, 0);
	spool_close(f->spool);
	f->spool = NULL;
	assert_int_equal(spool_open(f->dir, "tcp:host/1", LIMIT, 12345, 12346, &f->found, &f->spool), 0);
	path = segment_path(f, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 12346);
	free(path);
	/* A second start as root finds what belongs to that user. */
	spool_close(f->spool);
	f->spool = NULL;
	assert_int_equal(spool_open(f->dir, "tcp:host/1", LIMIT, 12345, 12346, &f->found, &f->spool), 0);
	assert_oldest(f, 0);
}

static void a_link_is_not_followed(void **state)
{
	struct fixture *f = *state;
	char *path = test_path(f->dir, "link");
	struct spool_found found;
	struct spool *other;

	assert_int_equal(symlink(f->path, path), 0);
	assert_true(spool_open(f->dir, "link", LIMIT, geteuid(), getegid(), &found, &other) < 0);
	free(path);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(chunks_come_back_as_they_were_and_in_their_order),
		unit(the_oldest_stays_until_it_is_delivered),
		unit(appending_goes_on_while_others_are_delivered),
		unit(a_chunk_that_was_never_read_can_be_delivered),
		unit(large_chunks_and_odd_lengths_come_back),
		unit(what_was_not_delivered_is_there_after_a_start),
		unit(delivery_goes_on_in_the_middle_of_a_chunk),
		unit(a_record_of_which_a_part_was_delivered_is_delivered_again),
		unit(a_damaged_position_costs_repetition_only),
		unit(segments_that_were_delivered_do_not_come_back),
		unit(a_torn_last_chunk_is_cut),
		unit(a_torn_beginning_of_a_chunk_is_cut),
		unit(a_last_chunk_whose_bytes_never_reached_the_disk_is_cut),
		unit(a_spool_that_is_nothing_but_torn_is_empty),
		unit(every_length_of_a_torn_segment_can_be_opened),
		unit(a_damaged_chunk_is_skipped_and_counted),
		unit(behind_a_damaged_beginning_the_next_chunk_is_found),
		unit(a_chunk_copied_to_another_place_is_not_believed),
		unit(a_segment_that_is_gone_is_passed_over),
		unit(damage_to_what_is_being_delivered_does_not_cost_the_next),
		unit(what_is_no_segment_is_left_alone),
		unit(no_more_than_the_limit_is_kept),
		unit(a_lower_limit_keeps_what_is_there),
		unit(an_append_that_fails_leaves_nothing),
		unit(only_one_may_have_it_open),
		unit(names_cannot_leave_the_directory),
		unit(a_name_that_is_too_long_is_refused),
		unit(its_directory_is_only_its_users),
		unit(somebody_elses_directory_is_refused),
		unit(it_becomes_the_daemons_users),
		unit(a_link_is_not_followed),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

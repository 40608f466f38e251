// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a fuzz target over seed files and the same mutations of them every time; TAP on stdout. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MUTATIONS	2000	/* per seed */
#define SIZE_MAX_BYTES	65536
#define GROWTH		64	/* bytes that mutations may add */

/* The generator of Numerical Recipes: what matters is that it is the same everywhere. */
static uint32_t random_next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Runs a copy that ends where memory ends, so that a sanitizer sees the first read behind it. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (!copy)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Changes @data a little, in place; returns its new size. */
static size_t mutate(uint8_t *data, size_t size, size_t room, uint32_t *state)
{
	static const uint8_t special[] = { 0, 1, 0x7f, 0x80, 0xff, '\n', '"', '[', '=' };
	size_t at = size > 0 ? random_next(state) % size : 0;

	switch (random_next(state) % 7) {
	case 0:
		return at;
	case 1:
		if (size > 0)
			data[at] ^= (uint8_t)(1 << random_next(state) % 8);
		return size;
	case 2:
		if (size > 0)
			data[at] = (uint8_t)random_next(state);
		return size;
	case 3:
		if (size > 0)
			data[at] = special[random_next(state) % sizeof(special)];
		return size;
	case 4:		/* take a byte away */
		if (size == 0)
			return 0;
		memmove(data + at, data + at + 1, size - at - 1);
		return size - 1;
	case 5:		/* put a byte in */
		if (size == room)
			return size;
		memmove(data + at + 1, data + at, size - at);
		data[at] = (uint8_t)random_next(state);
		return size + 1;
	default:	/* copy a piece to another place */
		if (size > 0) {
			size_t from = random_next(state) % size, len = random_next(state) % 16;

			len = len < size - at ? len : size - at;
			len = len < size - from ? len : size - from;
			memmove(data + at, data + from, len);
		}
		return size;
	}
}

/* Runs one file: as it is, cut at every length, and mutated.  Returns 0 or a negative errno. */
static int run_file(const char *path)
{
	static uint8_t seed[SIZE_MAX_BYTES], data[SIZE_MAX_BYTES + GROWTH];
	uint32_t state = 1;
	FILE *file = fopen(path, "re");
	size_t size;

	if (!file)
		return -errno;
	size = fread(seed, 1, sizeof(seed), file);
	fclose(file);
	run(seed, size);
	for (size_t len = 0; len < size && len < 4096; len++)
		run(seed, len);
	for (unsigned int i = 0; i < MUTATIONS; i++) {
		size_t len = size;

		memcpy(data, seed, size);
		for (unsigned int n = random_next(&state) % 4 + 1; n > 0; n--)
			len = mutate(data, len, size + GROWTH, &state);
		run(data, len);
	}
	return 0;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Without arguments: all files of $FUZZ_SEEDS/TARGET, TARGET being what the program's name ends in. */
int main(int argc, char **argv)
{
	const char *seeds = getenv("FUZZ_SEEDS"), *target = strrchr(argv[0], '_');
	struct dirent **entries = NULL;
	char dir[4096] = ".", path[8192];
	int n = argc - 1, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (n == 0) {
		snprintf(dir, sizeof(dir), "%s/%s", seeds ? seeds : "seeds", target ? target + 1 : argv[0]);
		n = scandir(dir, &entries, not_hidden, alphasort);
		if (n <= 0) {
			fprintf(stderr, "%s: no seeds in %s; name some, or set FUZZ_SEEDS\n", argv[0], dir);
			return 1;
		}
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		const char *name = entries ? entries[i]->d_name : argv[i + 1];
		int ret;

		snprintf(path, sizeof(path), "%s%s%s", entries ? dir : "", entries ? "/" : "", name);
		ret = run_file(path);
		printf("%sok %d - %s%s%s\n", ret < 0 ? "not " : "", i + 1, name, ret < 0 ? ": " : "",
		       ret < 0 ? strerror(-ret) : "");
		failed |= ret < 0;
		if (entries)
			free(entries[i]);
	}
	free(entries);
	return failed;
}

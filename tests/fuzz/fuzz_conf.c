// SPDX-License-Identifier: GPL-2.0-or-later
/* A configuration file: read, and its sections applied to options of every type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"
#include "fuzz.h"
#include "log.h"

struct options {
	int32_t num, ranged;
	uint32_t mask;
	bool flag;
	const char *text;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_INT(struct options, num, 1, INT32_MIN, INT32_MAX, "any number"),
	ULOGD_OPT_INT(struct options, ranged, 5, 0, 10, "a number of a range"),
	ULOGD_OPT_U32(struct options, mask, UINT32_MAX, "32 bits"),
	ULOGD_OPT_BOOL(struct options, flag, false, "a switch"),
	ULOGD_OPT_STRING(struct options, text, "default", "text"),
	{}
};

static const char *const lists[] = { "plugin", "stack", NULL };

/* include= would read what is none of the fuzzer's business. */
static bool includes(const uint8_t *data, size_t size)
{
	static const char word[] = "include";

	return memmem(data, size, word, sizeof(word) - 1) != NULL;
}

static void apply_all(struct conf *conf)
{
	for (struct conf_section *s = conf->sections; s; s = s->next) {
		struct options values = {};

		conf_apply(conf, s, &(struct conf_target){ options, &values }, 1, lists, NULL);
		if (values.ranged < 0 || values.ranged > 10 || !values.text)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool initialized;
	struct conf conf = {};
	char path[64];
	int fd;

	if (!initialized && log_init() < 0)
		abort();
	initialized = true;
	log_set_level(ULOGD_FATAL + 1);
	if (includes(data, size))
		return 0;

	fd = memfd_create("ulogd.conf", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (unsigned int lenient = 0; lenient <= 1; lenient++) {
		conf.lenient = lenient;
		if (conf_read(&conf, path) == 0)
			apply_all(&conf);
		conf_fini(&conf);
	}
	close(fd);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf.h - ulogd.conf: from text to options.
 *
 * The file is read once into sections of `key value` lines that remember where
 * they stand.  Later each instance's section is applied to its option tables;
 * libconfuse holds the options' types and parses their values.  Errors are said
 * at once and counted, and reading goes on, so that one run shows all of them.
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>

#include <ulogd/plugin.h>

/** A place in a configuration file; `file` lives as long as the struct conf. */
struct conf_place {
	const char *file;
	unsigned int line;
};

/** One `key value` line. */
struct conf_line {
	struct conf_place at;
	char *key, *value;
	bool bad;		/* said already; instances that share a section apply it again */
	struct conf_line *next;
};

/** One section and its lines in the order of the file. */
struct conf_section {
	struct conf_place at;
	char *name;
	struct conf_line *lines;
	bool used;
	struct conf_section *next;
};

struct conf {
	bool lenient;			/* warn where ulogd 2.0.8 did not care */
	unsigned int errors;
	struct conf_section *sections;	/* in the order of the file, each name once */
	char **files;			/* names of all files read */
	unsigned int n_files;
	/**
	 * NULL, or says where an unknown key of @section may belong: text to append to the error, which
	 * is there until the next call, or NULL.
	 */
	const char *(*elsewhere)(const struct conf_section *section, const char *key);
};

/** Options and the struct their values go to. */
struct conf_target {
	const struct ulogd_option *options;	/* NULL: none */
	void *base;
};

/** Where each option of a target got its value: NULL is the default. */
typedef const struct conf_line *conf_origin;

/**
 * Reads @path and what it includes.  The caller sets conf->lenient before and calls
 * conf_fini() in any case.  Returns 0, or a negative errno when @path cannot be read.
 */
int conf_read(struct conf *conf, const char *path);
void conf_fini(struct conf *conf);

/** The section called @name, marked as used; NULL when there is none. */
struct conf_section *conf_find(struct conf *conf, const char *name);

/**
 * Fills the members of @targets from the lines of @section (NULL: all defaults).
 * @skip: keys that the caller handles itself, NULL at the end, or NULL.
 * @origins: NULL, or room for one origin per option of all targets, in their order.
 */
void conf_apply(struct conf *conf, struct conf_section *section,
		const struct conf_target *targets, unsigned int n_targets,
		const char *const *skip, conf_origin *origins);

/** No option of the kind ULOGD_OPTION_LANES names more. */
#define CONF_LANES_MAX 256

/** Reads "10", or "10-13" with the last not before the first.  0, or -EINVAL. */
int conf_range(const char *text, int64_t *first, int64_t *last);

/** Parses a number of bytes, which may end in k, M or G: powers of 1024.  0 or -EINVAL. */
int conf_size(const char *text, uint64_t *ret);

/** Says an error, `file:line: section: text`, and counts it. */
void conf_error(struct conf *conf, struct conf_place at, const char *section, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** The same for what is wrong but does no harm. */
void conf_warn(struct conf_place at, const char *section, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** An error, or with --lenient a warning. */
void conf_complain(struct conf *conf, struct conf_place at, const char *section,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/**
 * Finds the candidate that @word was probably meant to be.  Feed the candidates one by one
 * to a struct conf_guess that begins as {}; `best` stays NULL when nothing is close.
 */
struct conf_guess {
	const char *best;
	unsigned int distance;
};
void conf_guess(struct conf_guess *guess, const char *word, const char *candidate);

/** Text to append to a message: "; did you mean "x"?" or nothing.  In a static buffer. */
const char *conf_guess_text(const struct conf_guess *guess);

#endif /* CONF_H */

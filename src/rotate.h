/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rotate.h - old files: when a file becomes one, what it is called, how many stay, compressing them.
 *
 * FILE becomes FILE.1, FILE.1 becomes FILE.2 and so on; with dated names a new name is begun
 * instead, and the old names stay.  Renaming is done by whoever writes the file.  Compressing, and
 * removing of dated files, is done by a thread of the rotator, which starts when there is something
 * to do: it never holds the lock for longer than a rename takes.
 */
#ifndef ROTATE_H
#define ROTATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/** What options say; zeroed: never. */
struct rotate_options {
	uint64_t size;		/* bytes that a file has at most, but for a larger record; 0: any */
	uint32_t interval_s;	/* seconds between two files; 0: none */
	unsigned int keep;	/* old files that stay, 1 at least */
	bool compress;
};

/** True when files are rotated at all. */
static inline bool rotate_wanted(const struct rotate_options *o)
{
	return o->size > 0 || o->interval_s > 0;
}

/** "3600", "3600s", "60m", "1h" or "7d" in seconds.  -EINVAL: something else. */
int rotate_parse_interval(const char *text, uint32_t *ret);

/**
 * When the interval ends that @when is in.  Intervals of which a day is a multiple, and those that
 * are a number of days, end by the local clock; others count from 1970 on.
 */
time_t rotate_after(uint32_t interval_s, time_t when);

struct rotator;

/**
 * For the file @path, or with @dated for all names that strftime(3) makes of it.
 * NULL: no memory.
 */
struct rotator *rotator_new(const struct rotate_options *options, const char *path, bool dated);

/** Stops compressing and frees; NULL is fine. */
void rotator_free(struct rotator *r);

/** Held while files are renamed, opened and closed. */
void rotator_lock(struct rotator *r);
void rotator_unlock(struct rotator *r);

/** Says which file is being written now, under which name; lock held. */
void rotator_set_current(struct rotator *r, const char *path, const struct stat *st);

/** Moves the current file, and all old ones, one number on; the oldest goes.  Lock held. */
int rotator_shift(struct rotator *r);

/** Gives the current file its name back, when no new one could be opened.  Lock held. */
void rotator_unshift(struct rotator *r);

/** Compresses what is not compressed, and removes dated files that are too many: in the background. */
void rotator_tidy(struct rotator *r);

#endif /* ROTATE_H */

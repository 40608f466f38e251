/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diagnose_read.h - reading what others say, for a diagnosis: files of /proc, programs, libnftables.
 *
 * All of it is bounded in size and in time, and happens in the network namespace of the caller.
 */
#ifndef DIAGNOSE_READ_H
#define DIAGNOSE_READ_H

#include <stddef.h>

/**
 * Reads a file as a string, which the caller frees.
 * Returns 0 or a negative errno; -EFBIG when it is larger than a few megabytes.
 */
int read_file(const char *path, char **ret);

/** What a program has said. */
struct said {
	char *text;		/* all of it; NULL when it failed */
	size_t len;
	char why[160];		/* then: why, printable */
};

void said_free(struct said *said);

/**
 * Runs @program, found in the directories of the system only, with one argument, without a shell.
 * Returns 0, or a negative errno with the reason in @ret->why; -ENOENT: it is not installed.
 */
int read_program(const char *program, const char *argument, struct said *ret);

/**
 * Lists the ruleset of nft as JSON.
 * Returns 0, or a negative errno with the reason in @ret->why; -EPROTONOSUPPORT: the kernel has no
 * nftables.
 */
int read_nft(struct said *ret);

#endif /* DIAGNOSE_READ_H */

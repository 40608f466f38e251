/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spool.h - chunks on disk, in the order they came, until their destination takes them.
 *
 * A spool is a directory of segments, files of numbered names that hold chunks one behind
 * the other, each with its length and checksums, and a file that says how far they have been
 * delivered.  A segment is removed when all of it has been delivered.  What was appended
 * survives the end of the process, however it came; after a crash of the machine there is
 * what the kernel had written to the disk.
 *
 * One thread may append while another reads.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "chunk.h"

/** No spool may be smaller: a few chunks. */
#define SPOOL_SIZE_MIN (1u << 20)

struct spool;

/** What a spool held when it was opened. */
struct spool_found {
	uint64_t records;	/* to be delivered */
	uint64_t cut;		/* records of a last chunk that was not whole; 1 if unknown */
};

/**
 * Opens the spool of the destination @name, made if missing, below the directory @dir, made too.
 * @limit: bytes of its files; @uid, @gid: who the daemon is, or will be: the files are theirs
 * Returns 0 or a negative errno: -EBUSY when it is open elsewhere, -EPERM when it is
 * somebody else's, -ENAMETOOLONG when there can be no directory for @name.
 */
int spool_open(const char *dir, const char *name, uint64_t limit, uid_t uid, gid_t gid,
	       struct spool_found *found, struct spool **ret);

/** Closes it; what it holds stays.  NULL is fine. */
void spool_close(struct spool *spool);

/**
 * Looks at the directory that the spool of @name below @dir has, or would have.
 * 0, or a negative errno when there is none.
 */
int spool_stat(const char *dir, const char *name, struct stat *ret);

/** True when it is the spool in the directory that spool_stat() has found. */
bool spool_is_at(const struct spool *spool, const struct stat *dir);

/** Gives it another limit; what it holds stays. */
void spool_set_limit(struct spool *spool, uint64_t limit);

/** Its directory, its limit, and the bytes of its files now: any thread may ask. */
const char *spool_path(const struct spool *spool);
uint64_t spool_limit(const struct spool *spool);
uint64_t spool_bytes(const struct spool *spool);

/** Appends all of @c.  0, -EDQUOT when the limit is reached, or what the disk said: then nothing was. */
int spool_append(struct spool *spool, const struct chunk *c);

/**
 * Reads the oldest chunk, with c->done where its delivery was.
 * @buf: where to, NULL at first; made larger when needed, to be freed by the caller
 * @lost: gets added the records of damaged chunks that were skipped on the way, which is said
 * 0, -ENODATA when there is none, or another error.
 */
int spool_read(struct spool *spool, struct chunk **buf, uint64_t *lost);

/** The oldest chunk has been delivered up to @done, where @records of its records end. */
void spool_progress(struct spool *spool, uint32_t done, uint32_t records);

/** The oldest chunk has been delivered. */
void spool_pop(struct spool *spool);

#endif /* SPOOL_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chunk.h - formatted records on their way to a destination. */
#ifndef CHUNK_H
#define CHUNK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/** Bytes of a chunk, its record table included; a record that is larger gets one of its own. */
#define CHUNK_SIZE (64 * 1024)
/** No chunk is larger, and hence no record. */
#define CHUNK_MAX (16u << 20)

/**
 * Whole records, one behind the other.  Where each of them ends is in a table that grows
 * from the end of `data` towards its beginning, see chunk_record_end().
 */
struct chunk {
	struct chunk *next;
	uint32_t size;		/* bytes of data[], a multiple of 4 */
	uint32_t len;		/* bytes of data[] in use by records */
	uint32_t records;
	uint32_t done;		/* bytes already delivered; a sink's write() moves it on */
	bool oversized;		/* allocated for one large record */
	char data[];
};

/** The table of record ends: the bytes of it, and where it begins. */
static inline uint32_t chunk_table_size(const struct chunk *c)
{
	return c->records * (uint32_t)sizeof(uint32_t);
}

static inline const char *chunk_table(const struct chunk *c)
{
	return c->data + c->size - chunk_table_size(c);
}

/** Offset behind record @i, counted from 0. */
static inline uint32_t chunk_record_end(const struct chunk *c, uint32_t i)
{
	uint32_t end;

	memcpy(&end, c->data + c->size - (i + 1) * sizeof(end), sizeof(end));
	return end;
}

/** What lies between c->len and @end becomes one more record; its entry of the table must fit. */
static inline void chunk_record_add(struct chunk *c, uint32_t end)
{
	c->len = end;
	c->records++;
	memcpy(c->data + c->size - c->records * sizeof(end), &end, sizeof(end));
}

/** The number of records of which the last byte lies within the first @len bytes. */
uint32_t chunk_records_within(const struct chunk *c, uint32_t len);

/** The number of records of which the last byte is not delivered yet. */
static inline uint32_t chunk_records_left(const struct chunk *c)
{
	return c->records - chunk_records_within(c, c->done);
}

/** Moves c->done back to the beginning of the record it is in. */
void chunk_rewind(struct chunk *c);

#endif /* CHUNK_H */

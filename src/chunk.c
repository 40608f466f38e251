// SPDX-License-Identifier: GPL-2.0-or-later
/* Where records begin and end in a chunk. */
#include "chunk.h"

uint32_t chunk_records_within(const struct chunk *c, uint32_t len)
{
	uint32_t low = 0, high = c->records;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (chunk_record_end(c, mid) <= len)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void chunk_rewind(struct chunk *c)
{
	uint32_t i = chunk_records_within(c, c->done);

	c->done = i > 0 ? chunk_record_end(c, i - 1) : 0;
}

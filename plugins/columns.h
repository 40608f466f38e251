/* SPDX-License-Identifier: GPL-2.0-or-later */
/* columns.h - what outputs that print all fields share: the list of them, and their values as text. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <errno.h>
#include <stdlib.h>

#include <ulogd/plugin.h>

/** One field that an output prints. */
struct column {
	unsigned int input;
	enum ulogd_type type;
	const char *name;
	size_t name_len;
};

/** All inputs of the instance, in order.  @ret: malloc()ed, @n: how many; -ENOMEM. */
static inline int columns_new(const struct ulogd_instance *inst, struct column **ret, unsigned int *n)
{
	struct column c;

	for (*n = 0; ulogd_input_at(inst, *n, &c.name, &c.type); ++*n)
		;
	*ret = calloc(*n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (c.input = 0; ulogd_input_at(inst, c.input, &c.name, &c.type); c.input++) {
		c.name_len = strlen(c.name);
		(*ret)[c.input] = c;
	}
	return 0;
}

/** True for types whose values column_put() can write. */
static inline bool column_printable(const struct column *c)
{
	return c->type != ULOGD_NONE && c->type != ULOGD_RAW && c->type != ULOGD_RAWSTR;
}

/** Appends the value of a column that is present and printable: numbers in decimal, text as it is. */
static inline void column_put(struct ulogd_buf *out, const struct ulogd_record *rec,
			      const struct column *c)
{
	const void *data;
	size_t len;

	switch (c->type) {
	case ULOGD_I8:
	case ULOGD_I16:
	case ULOGD_I32:
	case ULOGD_I64:
		ulogd_buf_i64(out, (int64_t)rec->in[c->input]->num);
		break;
	case ULOGD_IPADDR:
		data = ulogd_in_mem(rec, c->input, &len);
		ulogd_buf_addr(out, data, len);
		break;
	case ULOGD_STRING:
		data = ulogd_in_mem(rec, c->input, &len);
		ulogd_buf_mem(out, data, len);
		break;
	default:
		ulogd_buf_u64(out, rec->in[c->input]->num);
		break;
	}
}

#endif /* COLUMNS_H */

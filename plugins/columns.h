/* SPDX-License-Identifier: GPL-2.0-or-later */
/* columns.h - what outputs that print all fields share: the list of them, and their values as text. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <ulogd/plugin.h>

/** One field that an output prints. */
struct column {
	const struct ulogd_value *value;	/* its place in the record */
	enum ulogd_type type;
	const char *name;
	struct ulogd_key key;			/* what is written before the value */
};

/** All inputs of the instance, in order, keys empty.  @ret: malloc()ed, @n: how many; -ENOMEM. */
static inline int columns_new(const struct ulogd_instance *inst, struct column **ret, unsigned int *n)
{
	struct column c = {};

	for (*n = 0; ulogd_input_at(inst, *n, &c.name, &c.type); ++*n)
		;
	*ret = calloc(*n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (unsigned int i = 0; i < *n; i++) {
		ulogd_input_at(inst, i, &c.name, &c.type);
		c.value = ulogd_in_place(inst, i);
		(*ret)[i] = c;
	}
	return 0;
}

/** Makes the key of a column: @before, its name, @after. */
static inline void column_key(struct ulogd_key *ret, const char *before, const char *name,
			      const char *after)
{
	ret->len = (uint8_t)snprintf(ret->text, sizeof(ret->text), "%.8s%.31s%.8s", before, name, after);
}

/** True when the event has the column's field. */
static inline bool column_present(const struct column *c, const struct ulogd_record *rec)
{
	return c->value->stamp == rec->stamp;
}

/** True for types whose values column_put() can write. */
static inline bool column_printable(const struct column *c)
{
	return c->type != ULOGD_NONE && c->type != ULOGD_RAW && c->type != ULOGD_RAWSTR;
}

/** Appends the value of a column that is present and printable: numbers in decimal, text as it is. */
static inline void column_put(struct ulogd_buf *out, const struct column *c)
{
	const struct ulogd_value *v = c->value;

	switch (c->type) {
	case ULOGD_I8:
	case ULOGD_I16:
	case ULOGD_I32:
	case ULOGD_I64:
		ulogd_buf_i64(out, (int64_t)v->num);
		break;
	case ULOGD_IPADDR:
		ulogd_buf_addr(out, v->ptr, v->len);
		break;
	case ULOGD_STRING:
		ulogd_buf_mem(out, v->ptr, v->len);
		break;
	case ULOGD_U64:
		ulogd_buf_u64(out, v->num);
		break;
	default:
		ulogd_buf_u32(out, (uint32_t)v->num);
		break;
	}
}

#endif /* COLUMNS_H */

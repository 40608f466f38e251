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

/**
 * The first column from @c on whose field is present in the event of @stamp, or @end.  Most of the
 * fields that a stack can have are absent from any one event.
 */
static inline const struct column *column_next(const struct column *c, const struct column *end,
					       uint32_t stamp)
{
	while (c < end && c->value->stamp != stamp)
		c++;
	return c;
}

/** True for types whose values column_put() can write. */
static inline bool column_printable(const struct column *c)
{
	return c->type != ULOGD_NONE && c->type != ULOGD_RAW && c->type != ULOGD_RAWSTR;
}

/** Bytes that a column takes at most, with a few characters around it, but for the text of a string. */
#define COLUMN_ROOM 128

/** True when the column, which is present, fits between @p and @end. */
static inline bool column_fits(const char *p, const char *end, const struct column *c)
{
	return (size_t)(end - p) >= COLUMN_ROOM + (c->type == ULOGD_STRING ? c->value->len : 0);
}

/** Writes the value of a column that is present, printable and fits: numbers in decimal, text as it is. */
static inline char *column_put(char *p, const struct column *c)
{
	const struct ulogd_value *v = c->value;

	switch (c->type) {
	case ULOGD_I8:
	case ULOGD_I16:
	case ULOGD_I32:
	case ULOGD_I64:
		if ((int64_t)v->num >= 0)
			return ulogd_put_u64(p, v->num);
		*p = '-';
		return ulogd_put_u64(p + 1, -v->num);
	case ULOGD_IPADDR:
		return ulogd_put_addr(p, v->ptr, v->len);
	case ULOGD_STRING:
		return ulogd_put_mem(p, v->ptr, v->len);
	case ULOGD_U64:
		return ulogd_put_u64(p, v->num);
	default:
		return ulogd_put_u32(p, (uint32_t)v->num);
	}
}

#endif /* COLUMNS_H */

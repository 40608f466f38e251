/* SPDX-License-Identifier: GPL-2.0-or-later */
/* columns.h - what outputs that print all fields share: the list of them, and their values as text. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <ulogd/plugin.h>

/** Room for a key of 43 bytes, 20 digits with a sign, and what follows them. */
#define COLUMN_TEXT 64

/**
 * One field that an output prints.  Most numbers of an event are those of the event before: their
 * text is kept behind the key, so that writing the field is one copy of constant size.
 */
struct column {
	const struct ulogd_value *value;	/* its place in the record */
	enum ulogd_type type;
	uint8_t key_len, len;			/* of text[]: of the key, in all */
	char after;				/* 0: nothing */
	uint64_t num;				/* whose text is kept; of an address its 4 bytes */
	char text[COLUMN_TEXT];
	const char *name;
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

/**
 * The first column from @c on whose field is present in the event of @stamp, or @end.  Most of the
 * fields that a stack can have are absent from any one event.
 */
static inline struct column *column_next(struct column *c, const struct column *end, uint32_t stamp)
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

/* Puts the text of @num behind the key. */
static inline void column_keep(struct column *c, uint64_t num)
{
	uint32_t addr = (uint32_t)num;
	char *p = c->text + c->key_len;

	switch (c->type) {
	case ULOGD_I8:
	case ULOGD_I16:
	case ULOGD_I32:
	case ULOGD_I64:
		if ((int64_t)num < 0)
			*p++ = '-';
		p = ulogd_put_u64(p, (int64_t)num < 0 ? -num : num);
		break;
	case ULOGD_IPADDR:
		p = ulogd_put_addr(p, (const uint8_t *)&addr, sizeof(addr));
		break;
	case ULOGD_U64:
		p = ulogd_put_u64(p, num);
		break;
	default:
		p = ulogd_put_u32(p, (uint32_t)num);
		break;
	}
	if (c->after)
		*p++ = c->after;
	c->len = (uint8_t)(p - c->text);
	c->num = num;
}

/**
 * Makes the key of a column: @before, its name, @between.  What column_put() writes ends with @after,
 * if that is not 0.
 */
static inline void column_key(struct column *c, const char *before, const char *name,
			      const char *between, char after)
{
	c->key_len = (uint8_t)snprintf(c->text, sizeof(c->text), "%.4s%.31s%.8s", before, name, between);
	c->after = after;
	column_keep(c, 0);
}

/** Writes the key.  All of text[] is touched. */
static inline char *column_put_key(char *p, const struct column *c)
{
	memcpy(p, c->text, sizeof(c->text));
	return p + c->key_len;
}

/* True when the value, which is present, has a text that is kept: @num becomes what tells it. */
static inline bool column_is_kept(const struct column *c, uint64_t *num)
{
	uint32_t addr;

	switch (c->type) {
	case ULOGD_NONE:
	case ULOGD_STRING:
	case ULOGD_RAW:
	case ULOGD_RAWSTR:
		return false;
	case ULOGD_IPADDR:
		if (c->value->len != sizeof(addr))
			return false;
		memcpy(&addr, c->value->ptr, sizeof(addr));
		*num = addr;
		return true;
	default:
		*num = c->value->num;
		return true;
	}
}

/**
 * Writes a column that is present and fits: its key, numbers in decimal and text as it is; of what is
 * not printable the key alone.
 */
static inline char *column_put(char *p, struct column *c)
{
	const struct ulogd_value *v = c->value;
	uint64_t num;

	if (column_is_kept(c, &num)) {
		if (num != c->num)
			column_keep(c, num);
		memcpy(p, c->text, sizeof(c->text));
		return p + c->len;
	}
	p = column_put_key(p, c);
	if (c->type == ULOGD_IPADDR)
		p = ulogd_put_addr(p, v->ptr, v->len);
	else if (c->type == ULOGD_STRING)
		p = ulogd_put_mem(p, v->ptr, v->len);
	if (c->after)
		*p++ = c->after;
	return p;
}

#endif /* COLUMNS_H */

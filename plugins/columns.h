/* SPDX-License-Identifier: GPL-2.0-or-later */
/* columns.h - what outputs that print all fields share: the list of them, and their values as text. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <ulogd/plugin.h>

/** Room for a key of 43 bytes, 20 digits or 19 with a sign, and the character behind them. */
#define COLUMN_TEXT 64

/**
 * One field that an output prints.  Most numbers of an event are those of the event before: their
 * text is kept behind the key, so that writing the field is one copy of constant size.
 */
struct column {
	const struct ulogd_value *value;	/* in the record */
	enum ulogd_type type;
	uint8_t key_len, len;			/* of text[]: of the key, in all */
	char after;				/* 0: nothing */
	uint64_t num;				/* whose text is kept; of an address its 4 bytes */
	char text[COLUMN_TEXT];
	const char *name;
};

/**
 * All inputs of an instance.  Most of the fields that a stack can have are absent from any one event, so
 * they are not asked one by one: each word has the bits of fields that one writer has written.
 */
struct columns {
	struct column *at;			/* in the order of the inputs */
	unsigned int n;
	struct columns_word {
		const uint64_t *present;
		uint64_t wanted;		/* bits of the columns that are printed */
		unsigned int base;		/* column of bit 0, modulo 2^32 */
	} *words;
	unsigned int n_words;
};

static inline void columns_free(struct columns *cols)
{
	free(cols->at);
	free(cols->words);
}

/* The number of the lowest bit, of which there is one. */
static inline unsigned int bit_number(uint64_t bits)
{
	return (unsigned int)__builtin_ctzll(bits);
}

/* Gives column @i its bit, in the last word or, where another writer's columns begin, in a new one. */
static inline void columns_bit_add(struct columns *cols, unsigned int i, const struct ulogd_place *place)
{
	unsigned int base = i - bit_number(place->bit);
	struct columns_word *word = cols->words;

	if (cols->n_words > 0)
		word += cols->n_words - 1;
	if (cols->n_words == 0 || word->present != place->present || word->base != base) {
		word = &cols->words[cols->n_words++];
		*word = (struct columns_word){ .present = place->present, .base = base };
	}
	word->wanted |= place->bit;
}

/** Makes columns of all inputs of the instance, keys empty.  -ENOMEM; columns_free() in any case. */
static inline int columns_new(const struct ulogd_instance *inst, struct columns *ret)
{
	struct column c = {};

	*ret = (struct columns){};
	while (ulogd_input_at(inst, ret->n, &c.name, &c.type))
		ret->n++;
	ret->at = calloc(ret->n + 1, sizeof(*ret->at));
	ret->words = calloc(ret->n + 1, sizeof(*ret->words));
	if (!ret->at || !ret->words)
		return -ENOMEM;
	for (unsigned int i = 0; i < ret->n; i++) {
		const struct ulogd_place *place = ulogd_in_place(inst, i);

		ulogd_input_at(inst, i, &c.name, &c.type);
		c.value = place->value;
		ret->at[i] = c;
		columns_bit_add(ret, i, place);
	}
	return 0;
}

/** Column @i is not printed. */
static inline void columns_drop(struct columns *cols, unsigned int i)
{
	for (struct columns_word *word = cols->words; word < cols->words + cols->n_words; word++)
		if (i - word->base < 64)
			word->wanted &= ~(UINT64_C(1) << (i - word->base));
}

/**
 * Runs what follows with @c at each column that the event at hand has, in their order.
 * @word, @bits: variables it needs for that, a const struct columns_word * and a uint64_t
 */
#define columns_for_each_present(c, cols, word, bits) \
	for ((word) = (cols)->words; (word) < (cols)->words + (cols)->n_words; (word)++) \
		for ((bits) = *(word)->present & (word)->wanted; \
		     (bits) && ((c) = &(cols)->at[(word)->base + bit_number(bits)], true); \
		     (bits) &= (bits) - 1)

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

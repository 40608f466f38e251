/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buf.h - bounded append buffers: how filters and outputs write text.
 *
 * A struct ulogd_buf is a window of somebody else's memory.  Appending moves
 * `p` towards `end`; what does not fit is not written at all and sets `full`,
 * after which nothing more is appended.  So a formatter appends without
 * looking and its caller asks once, at the end, whether all of it fitted.
 * Nothing is terminated by a NUL byte.
 *
 * The ulogd_put_* functions below are for formatters that know how much room they need and ask
 * once: they take the place to write to, and return the place behind what they wrote.
 */
#ifndef ULOGD_BUF_H
#define ULOGD_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** A window to append to.  Owned by its user, the memory by whoever made it. */
struct ulogd_buf {
	char *p;	/* where the next byte goes */
	char *end;	/* one past the last byte that may be written */
	bool full;	/* something did not fit */
};

/** The longest text of an address: an IPv6 one that embeds an IPv4 one. */
#define ULOGD_ADDR_STRLEN 45

/** Two digits for every number below 100: "00" "01" … "99". */
extern const char ulogd_buf_digits[200];

/** The longest texts of numbers. */
#define ULOGD_U32_STRLEN 10
#define ULOGD_U64_STRLEN 20

/** A short text made at start, in an array of constant size: its copy is cheap. */
struct ulogd_key {
	char text[48];
	uint8_t len;
};

/* ------------------------------------------- where there is room for sure */

/** Writes @len bytes. */
static inline char *ulogd_put_mem(char *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

/** Writes a key.  All of its text[] is touched, whatever its length. */
static inline char *ulogd_put_key(char *p, const struct ulogd_key *key)
{
	memcpy(p, key->text, sizeof(key->text));
	return p + key->len;
}

/** Writes @value in decimal, at most ULOGD_U32_STRLEN digits. */
static inline char *ulogd_put_u32(char *p, uint32_t value)
{
	static const uint32_t powers[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
					   100000000, 1000000000 };
	unsigned int len;
	char *digit;

	if (value < 10) {
		*p = (char)('0' + value);
		return p + 1;
	}
	if (value < 100)
		return ulogd_put_mem(p, ulogd_buf_digits + 2 * value, 2);
	/* The logarithm to the base 2, times that of 2 to the base 10, is right or one too much. */
	len = (32 - (unsigned int)__builtin_clz(value)) * 1233 >> 12;
	len += value >= powers[len];
	digit = p + len;
	for (; value >= 100; value /= 100)
		memcpy(digit -= 2, ulogd_buf_digits + 2 * (value % 100), 2);
	if (value >= 10)
		memcpy(digit - 2, ulogd_buf_digits + 2 * value, 2);
	else
		digit[-1] = (char)('0' + value);
	return p + len;
}

/** Writes @value in decimal, at most ULOGD_U64_STRLEN digits. */
char *ulogd_put_u64(char *p, uint64_t value);

/** Writes an address like ulogd_buf_addr(); touches at most ULOGD_ADDR_STRLEN + 1 bytes. */
char *ulogd_put_addr(char *p, const uint8_t *addr, size_t len);

/* -------------------------------------------------------------- appending */

/** True when @len more bytes fit; sets `full` when they do not. */
static inline bool ulogd_buf_room(struct ulogd_buf *b, size_t len)
{
	if (__builtin_expect((size_t)(b->end - b->p) >= len && !b->full, 1))
		return true;
	b->full = true;
	return false;
}

/** Appends @len bytes. */
static inline void ulogd_buf_mem(struct ulogd_buf *b, const void *data, size_t len)
{
	if (!ulogd_buf_room(b, len))
		return;
	memcpy(b->p, data, len);
	b->p += len;
}

/** Appends a string literal, without its NUL. */
#define ulogd_buf_lit(b, literal) ulogd_buf_mem((b), "" literal, sizeof(literal) - 1)

/** Appends a key.  The copy is of constant size, which is cheaper than one of its length. */
static inline void ulogd_buf_key(struct ulogd_buf *b, const struct ulogd_key *key)
{
	if (__builtin_expect((size_t)(b->end - b->p) < sizeof(key->text) || b->full, 0))
		return ulogd_buf_mem(b, key->text, key->len);
	b->p = ulogd_put_key(b->p, key);
}

/** Appends one character. */
static inline void ulogd_buf_char(struct ulogd_buf *b, char c)
{
	if (ulogd_buf_room(b, 1))
		*b->p++ = c;
}

/** Appends @value in decimal. */
static inline void ulogd_buf_u32(struct ulogd_buf *b, uint32_t value)
{
	char text[ULOGD_U32_STRLEN];

	if (__builtin_expect(b->end - b->p >= ULOGD_U32_STRLEN && !b->full, 1))
		b->p = ulogd_put_u32(b->p, value);
	else
		ulogd_buf_mem(b, text, (size_t)(ulogd_put_u32(text, value) - text));
}

/** The same for 64 bits. */
void ulogd_buf_u64(struct ulogd_buf *b, uint64_t value);

/** The same with a sign. */
void ulogd_buf_i64(struct ulogd_buf *b, int64_t value);

/** Appends @value in lower-case hexadecimal without leading zeros, like %x. */
void ulogd_buf_hex(struct ulogd_buf *b, uint32_t value);

/** Appends @value in lower-case hexadecimal, padded with zeros to @width digits (at most 8). */
void ulogd_buf_hex_padded(struct ulogd_buf *b, uint32_t value, unsigned int width);

/** Appends @value as two upper-case hexadecimal digits, like %02X. */
void ulogd_buf_hex_upper(struct ulogd_buf *b, uint8_t value);

/** Appends @len bytes as pairs of lower-case digits: 02005e… */
void ulogd_buf_hex_bytes(struct ulogd_buf *b, const uint8_t *data, size_t len);

/** Appends @len bytes as pairs of lower-case digits joined by colons: 02:00:5e:… */
void ulogd_buf_mac(struct ulogd_buf *b, const uint8_t *mac, size_t len);

/**
 * Appends an address as inet_ntop(3) writes it (RFC 5952 style).
 * @addr: the address in network byte order, @len: 4 (IPv4) or 16 (IPv6) bytes
 */
void ulogd_buf_addr(struct ulogd_buf *b, const uint8_t *addr, size_t len);

/**
 * The bytes of the UTF-8 sequence at @s, of which @len (at least 1) may be read; 0 when there is
 * none: no surrogates, nothing overlong, nothing above U+10FFFF (RFC 3629).  Not for ASCII.
 */
size_t ulogd_utf8_len(const uint8_t *s, size_t len);

#endif /* ULOGD_BUF_H */

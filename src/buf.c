// SPDX-License-Identifier: GPL-2.0-or-later
/* Bounded append buffers: the parts that are not inline in ulogd/buf.h. */
#include <ulogd/buf.h>

const char ulogd_buf_digits[200] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

/* "00" "01" … "ff" */
#define HEX_ROW(h) h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" \
		   h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
static const char hex_pairs[] =
	HEX_ROW("0") HEX_ROW("1") HEX_ROW("2") HEX_ROW("3") HEX_ROW("4") HEX_ROW("5") HEX_ROW("6")
	HEX_ROW("7") HEX_ROW("8") HEX_ROW("9") HEX_ROW("a") HEX_ROW("b") HEX_ROW("c") HEX_ROW("d")
	HEX_ROW("e") HEX_ROW("f");
static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

char *ulogd_put_u64(char *p, uint64_t value)
{
	char text[ULOGD_U64_STRLEN], *digit = text + sizeof(text);

	if (value <= UINT32_MAX)
		return ulogd_put_u32(p, (uint32_t)value);
	for (; value > 0; value /= 10)
		*--digit = (char)('0' + value % 10);
	return ulogd_put_mem(p, digit, (size_t)(text + sizeof(text) - digit));
}

void ulogd_buf_u64(struct ulogd_buf *b, uint64_t value)
{
	char text[ULOGD_U64_STRLEN];

	ulogd_buf_mem(b, text, (size_t)(ulogd_put_u64(text, value) - text));
}

void ulogd_buf_i64(struct ulogd_buf *b, int64_t value)
{
	if (value < 0)
		ulogd_buf_char(b, '-');
	ulogd_buf_u64(b, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void ulogd_buf_hex_padded(struct ulogd_buf *b, uint32_t value, unsigned int width)
{
	if (!ulogd_buf_room(b, width))
		return;
	b->p += width;
	for (char *digit = b->p; width > 0; width--, value >>= 4)
		*--digit = hex_lower[value & 0xf];
}

void ulogd_buf_hex(struct ulogd_buf *b, uint32_t value)
{
	unsigned int bits = value ? 32 - (unsigned int)__builtin_clz(value) : 1;

	ulogd_buf_hex_padded(b, value, (bits + 3) / 4);
}

void ulogd_buf_hex_upper(struct ulogd_buf *b, uint8_t value)
{
	if (!ulogd_buf_room(b, 2))
		return;
	*b->p++ = hex_upper[value >> 4];
	*b->p++ = hex_upper[value & 0xf];
}

void ulogd_buf_hex_bytes(struct ulogd_buf *b, const uint8_t *data, size_t len)
{
	char *p = b->p;

	if (!ulogd_buf_room(b, 2 * len))
		return;
	for (size_t i = 0; i < len; i++, p += 2)
		memcpy(p, hex_pairs + 2 * data[i], 2);
	b->p = p;
}

void ulogd_buf_mac(struct ulogd_buf *b, const uint8_t *mac, size_t len)
{
	char *p = b->p;

	if (len == 0 || !ulogd_buf_room(b, 3 * len - 1))
		return;
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			*p++ = ':';
		memcpy(p, hex_pairs + 2 * mac[i], 2);
		p += 2;
	}
	b->p = p;
}

/* "0." "1." … "255.": an octet and the dot behind it. */
#define OCTETS_10(tens) tens "0.", tens "1.", tens "2.", tens "3.", tens "4.", tens "5.", tens "6.", \
			tens "7.", tens "8.", tens "9."
#define OCTETS_100(hundreds) OCTETS_10(hundreds "0"), OCTETS_10(hundreds "1"), OCTETS_10(hundreds "2"), \
			     OCTETS_10(hundreds "3"), OCTETS_10(hundreds "4"), OCTETS_10(hundreds "5"), \
			     OCTETS_10(hundreds "6"), OCTETS_10(hundreds "7"), OCTETS_10(hundreds "8"), \
			     OCTETS_10(hundreds "9")
static const char octets[256][4] = {
	OCTETS_10(""), OCTETS_10("1"), OCTETS_10("2"), OCTETS_10("3"), OCTETS_10("4"), OCTETS_10("5"),
	OCTETS_10("6"), OCTETS_10("7"), OCTETS_10("8"), OCTETS_10("9"), OCTETS_100("1"),
	OCTETS_10("20"), OCTETS_10("21"), OCTETS_10("22"), OCTETS_10("23"), OCTETS_10("24"),
	"250.", "251.", "252.", "253.", "254.", "255.",
};

static char *put_ipv4(char *p, const uint8_t *addr)
{
	for (unsigned int i = 0; i < 4; i++) {
		memcpy(p, octets[addr[i]], sizeof(octets[0]));
		p += 2 + (addr[i] >= 10) + (addr[i] >= 100);
	}
	return p - 1;
}

/* A word in hexadecimal, without leading zeros. */
static char *put_word(char *p, uint16_t word)
{
	unsigned int digits = 1 + (word > 0xf) + (word > 0xff) + (word > 0xfff);

	for (unsigned int i = digits; i-- > 0; word >>= 4)
		p[i] = hex_lower[word & 0xf];
	return p + digits;
}

/* The first of the longest runs of zero words, if it has more than one: RFC 5952, 4.2. */
static void ipv6_zeros(const uint16_t *words, unsigned int *begin, unsigned int *len)
{
	*begin = 8;
	*len = 1;
	for (unsigned int i = 0; i < 8; i++) {
		unsigned int end = i;

		while (end < 8 && words[end] == 0)
			end++;
		if (end - i > *len) {
			*begin = i;
			*len = end - i;
		}
		i = end;
	}
}

static char *put_ipv6(char *p, const uint8_t *addr)
{
	unsigned int zeros, n_zeros;
	uint16_t words[8];

	for (unsigned int i = 0; i < 8; i++)
		words[i] = (uint16_t)(addr[2 * i] << 8 | addr[2 * i + 1]);
	ipv6_zeros(words, &zeros, &n_zeros);
	for (unsigned int i = 0; i < 8; i++) {
		if (i == zeros) {
			p = ulogd_put_mem(p, "::", 2);
			i += n_zeros - 1;
			continue;
		}
		if (i > 0 && i != zeros + n_zeros)
			*p++ = ':';
		/* IPv4-mapped and IPv4-compatible addresses: RFC 4291, 2.5.5. */
		if (i == 6 && zeros == 0 &&
		    (n_zeros == 6 || (n_zeros == 5 && words[5] == 0xffff)))
			return put_ipv4(p, addr + 12);
		p = put_word(p, words[i]);
	}
	return p;
}

char *ulogd_put_addr(char *p, const uint8_t *addr, size_t len)
{
	return len == 16 ? put_ipv6(p, addr) : put_ipv4(p, addr);
}

void ulogd_buf_addr(struct ulogd_buf *b, const uint8_t *addr, size_t len)
{
	char text[ULOGD_ADDR_STRLEN + 1];	/* one more: the dot behind the last octet */

	if (__builtin_expect((size_t)(b->end - b->p) >= sizeof(text) && !b->full, 1))
		b->p = ulogd_put_addr(b->p, addr, len);
	else
		ulogd_buf_mem(b, text, (size_t)(ulogd_put_addr(text, addr, len) - text));
}

size_t ulogd_utf8_len(const uint8_t *s, size_t len)
{
	static const struct {
		uint8_t first_lo, first_hi, second_lo, second_hi, len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].first_lo || s[0] > forms[i].first_hi)
			continue;
		if (len < forms[i].len || s[1] < forms[i].second_lo || s[1] > forms[i].second_hi)
			return 0;
		for (size_t j = 2; j < forms[i].len; j++)
			if ((s[j] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

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

void ulogd_buf_u64(struct ulogd_buf *b, uint64_t value)
{
	char text[20], *digit = text + sizeof(text);

	if (value <= UINT32_MAX)
		return ulogd_buf_u32(b, (uint32_t)value);
	for (; value > 0; value /= 10)
		*--digit = (char)('0' + value % 10);
	ulogd_buf_mem(b, digit, (size_t)(text + sizeof(text) - digit));
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

static void buf_ipv4(struct ulogd_buf *b, const uint8_t *addr)
{
	char text[16], *p = text;

	for (unsigned int i = 0; i < 4; i++) {
		if (addr[i] >= 100)
			*p++ = (char)('0' + addr[i] / 100);
		if (addr[i] >= 10)
			*p++ = (char)('0' + addr[i] / 10 % 10);
		*p++ = (char)('0' + addr[i] % 10);
		*p++ = '.';
	}
	ulogd_buf_mem(b, text, (size_t)(p - text - 1));
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

static void buf_ipv6(struct ulogd_buf *b, const uint8_t *addr)
{
	unsigned int zeros, n_zeros;
	uint16_t words[8];

	for (unsigned int i = 0; i < 8; i++)
		words[i] = (uint16_t)(addr[2 * i] << 8 | addr[2 * i + 1]);
	ipv6_zeros(words, &zeros, &n_zeros);
	for (unsigned int i = 0; i < 8; i++) {
		if (i == zeros) {
			ulogd_buf_lit(b, "::");
			i += n_zeros - 1;
			continue;
		}
		if (i > 0 && i != zeros + n_zeros)
			ulogd_buf_char(b, ':');
		/* IPv4-mapped and IPv4-compatible addresses: RFC 4291, 2.5.5. */
		if (i == 6 && zeros == 0 &&
		    (n_zeros == 6 || (n_zeros == 5 && words[5] == 0xffff)))
			return buf_ipv4(b, addr + 12);
		ulogd_buf_hex(b, words[i]);
	}
}

void ulogd_buf_addr(struct ulogd_buf *b, const uint8_t *addr, size_t len)
{
	if (len == 16)
		buf_ipv6(b, addr);
	else
		buf_ipv4(b, addr);
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

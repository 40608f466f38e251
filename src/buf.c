// SPDX-License-Identifier: GPL-2.0-or-later
/* Bounded append buffers: the parts that are not inline in ulogd/buf.h. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include <ulogd/buf.h>

const char ulogd_buf_digits[200] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

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

void ulogd_buf_mac(struct ulogd_buf *b, const uint8_t *mac, size_t len)
{
	char *p = b->p;

	if (len == 0 || !ulogd_buf_room(b, 3 * len - 1))
		return;
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			*p++ = ':';
		*p++ = hex_lower[mac[i] >> 4];
		*p++ = hex_lower[mac[i] & 0xf];
	}
	b->p = p;
}

void ulogd_buf_addr(struct ulogd_buf *b, const uint8_t *addr, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if (len == 16) {
		if (inet_ntop(AF_INET6, addr, text, sizeof(text)))
			ulogd_buf_mem(b, text, strlen(text));
		return;
	}
	for (unsigned int i = 0; i < 4; i++) {
		if (i > 0)
			ulogd_buf_char(b, '.');
		ulogd_buf_u32(b, addr[i]);
	}
}

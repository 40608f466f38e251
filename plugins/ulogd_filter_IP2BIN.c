// SPDX-License-Identifier: GPL-2.0-or-later
/* IP2BIN - write addresses as numbers for SQL: 0x and the 32 digits of the IPv6 form. */
#include "addresses.h"

static const struct ulogd_field outputs[] = {
#define ADDRESS_OUTPUT(field) { .id = FIELD_##field##_BIN },
	ADDRESSES(ADDRESS_OUTPUT)
	{}
};

static void put_digits(struct ulogd_buf *b, const uint8_t *addr, size_t len)
{
	/* An IPv4 address is written in its IPv4-mapped form: RFC 4291, 2.5.5.2. */
	ulogd_buf_lit(b, "0x");
	if (len == 4)
		ulogd_buf_lit(b, "00000000000000000000ffff");
	for (size_t i = 0; i < len; i++)
		ulogd_buf_hex_padded(b, addr[i], 2);
}

static int ip2bin_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	return address_run(inst, rec, put_digits);
}

ULOGD_PLUGIN(struct address_filter,
	.name = "IP2BIN", .kind = ULOGD_FILTER,
	.inputs = address_inputs, .outputs = outputs, .start = address_start, .relink = address_relink,
	.run = ip2bin_run,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* IP2HBIN - turn IPv4 addresses into host byte order, for integer columns of databases. */
#include "addresses.h"
#include "packet.h"

static const struct ulogd_field outputs[] = {
#define ADDRESS_OUTPUT(field) { .id = FIELD_##field##_HBIN },
	ADDRESSES(ADDRESS_OUTPUT)
	{}
};

static void put_host_order(struct ulogd_buf *b, const uint8_t *addr, size_t len)
{
	uint32_t host;

	if (len != 4)
		return ulogd_buf_mem(b, addr, len);
	host = get_be32(addr);
	ulogd_buf_mem(b, &host, sizeof(host));
}

static int ip2hbin_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	return address_run(inst, rec, put_host_order);
}

ULOGD_PLUGIN(struct address_filter,
	.name = "IP2HBIN", .kind = ULOGD_FILTER,
	.inputs = address_inputs, .outputs = outputs, .start = address_start, .relink = address_relink,
	.run = ip2hbin_run,
);

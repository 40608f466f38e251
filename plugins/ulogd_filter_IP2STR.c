// SPDX-License-Identifier: GPL-2.0-or-later
/* IP2STR - write addresses as text. */
#include "addresses.h"

static const struct ulogd_field outputs[] = {
#define ADDRESS_OUTPUT(field) { .id = FIELD_##field##_STR },
	ADDRESSES(ADDRESS_OUTPUT)
	{}
};

static int ip2str_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	return address_run(inst, rec, ulogd_buf_addr);
}

ULOGD_PLUGIN(struct address_filter,
	.name = "IP2STR", .kind = ULOGD_FILTER,
	.inputs = address_inputs, .outputs = outputs, .start = address_start, .relink = address_relink,
	.run = ip2str_run,
);

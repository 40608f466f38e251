// SPDX-License-Identifier: GPL-2.0-or-later
/* IP2STR - write addresses as text. */
#include <errno.h>

#include <ulogd/plugin.h>

/* An address and its text: one line each, in ulogd2's order. */
#define ADDRESSES(X) \
	X(IP_SADDR) X(IP_DADDR) \
	X(ORIG_IP_SADDR) X(ORIG_IP_DADDR) \
	X(REPLY_IP_SADDR) X(REPLY_IP_DADDR) \
	X(ARP_SADDR) X(ARP_DADDR)

static const struct ulogd_field inputs[] = {
#define ADDRESS_INPUT(field) { FIELD_##field, .optional = true },
	ADDRESSES(ADDRESS_INPUT)
	{}
};

static const struct ulogd_field outputs[] = {
#define ADDRESS_OUTPUT(field) { .id = FIELD_##field##_STR },
	ADDRESSES(ADDRESS_OUTPUT)
	{}
};

#define N_ADDRESSES (sizeof(inputs) / sizeof(inputs[0]) - 1)

/* The pairs that a stack has: an address that somebody writes, a text that somebody reads. */
struct ip2str {
	unsigned int n;
	uint8_t pairs[N_ADDRESSES];
};

static int ip2str_start(struct ulogd_instance *inst)
{
	struct ip2str *f = ulogd_priv(inst);

	for (unsigned int i = 0; i < N_ADDRESSES; i++)
		if (ulogd_out_wanted(inst, i))
			f->pairs[f->n++] = (uint8_t)i;
	return 0;
}

static int ip2str_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	const struct ip2str *f = ulogd_priv(inst);

	for (unsigned int i = 0; i < f->n; i++) {
		const uint8_t *addr;
		struct ulogd_buf text;
		size_t len;

		addr = ulogd_in_mem(rec, f->pairs[i], &len);
		if (!addr)
			continue;
		text = ulogd_text_begin(rec);
		ulogd_buf_addr(&text, addr, len);
		if (ulogd_set_text(rec, f->pairs[i], &text) < 0)
			return -ENOSPC;
	}
	return ULOGD_PASS;
}

ULOGD_PLUGIN(struct ip2str,
	.name = "IP2STR", .kind = ULOGD_FILTER,
	.inputs = inputs, .outputs = outputs, .start = ip2str_start, .run = ip2str_run,
);

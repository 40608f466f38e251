// SPDX-License-Identifier: GPL-2.0-or-later
/* HWHDR - write the link-layer header as text. */
#include <errno.h>

#include <net/if_arp.h>

#include <ulogd/plugin.h>

#include "packet.h"

#define MAC_MAX	42	/* bytes that ulogd2 would print */

enum { IN_TYPE, IN_PROTOCOL, IN_MAC, IN_MAC_LEN, IN_SADDR, IN_ADDRLEN };
static const struct ulogd_field inputs[] = {
	[IN_TYPE]     = { FIELD_RAW_TYPE, .optional = true },
	[IN_PROTOCOL] = { .id = FIELD_OOB_PROTOCOL },
	[IN_MAC]      = { FIELD_RAW_MAC, .optional = true },
	[IN_MAC_LEN]  = { FIELD_RAW_MAC_LEN, .optional = true },
	[IN_SADDR]    = { FIELD_RAW_MAC_SADDR, .optional = true },
	[IN_ADDRLEN]  = { FIELD_RAW_MAC_ADDRLEN, .optional = true },
	{}
};

enum { OUT_TYPE, OUT_PROTOCOL, OUT_SADDR, OUT_DADDR, OUT_MAC };
static const struct ulogd_field outputs[] = {
	[OUT_TYPE]     = { .id = FIELD_RAW_TYPE },
	[OUT_PROTOCOL] = { .id = FIELD_OOB_PROTOCOL },
	[OUT_SADDR]    = { .id = FIELD_MAC_SADDR_STR },
	[OUT_DADDR]    = { .id = FIELD_MAC_DADDR_STR },
	[OUT_MAC]      = { .id = FIELD_MAC_STR },
	{}
};

static int mac_set(struct ulogd_record *rec, unsigned int out, const uint8_t *mac, size_t len)
{
	struct ulogd_buf text = ulogd_text_begin(rec);

	if (len > MAC_MAX)
		return -EMSGSIZE;
	ulogd_buf_mac(&text, mac, len);
	return ulogd_set_text(rec, out, &text);
}

static int hwhdr_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	uint32_t type = ARPHRD_VOID, num;
	const uint8_t *mac, *saddr;
	size_t len, saddr_len;

	(void)inst;
	if (ulogd_in_u32(rec, IN_PROTOCOL, &num))
		ulogd_set_num(rec, OUT_PROTOCOL, num);
	saddr = ulogd_in_mem(rec, IN_SADDR, &saddr_len);
	if (saddr) {
		if (mac_set(rec, OUT_SADDR, saddr, saddr_len) < 0)
			return -EMSGSIZE;
		ulogd_set_num(rec, OUT_TYPE, ARPHRD_VOID);
	}
	mac = ulogd_in_mem(rec, IN_MAC, &len);
	if (!mac)
		return ULOGD_PASS;
	ulogd_in_u32(rec, IN_TYPE, &type);
	ulogd_set_num(rec, OUT_TYPE, type);
	if (type == ARPHRD_ETHER && len >= 14) {
		if (!saddr)
			mac_set(rec, OUT_SADDR, mac + 6, 6);
		mac_set(rec, OUT_DADDR, mac, 6);
		ulogd_set_num(rec, OUT_PROTOCOL, get_be16(mac + 12));
	}
	return mac_set(rec, OUT_MAC, mac, len);
}

struct hwhdr_filter {
};

ULOGD_PLUGIN(struct hwhdr_filter,
	.name = "HWHDR", .kind = ULOGD_FILTER,
	.inputs = inputs, .outputs = outputs, .run = hwhdr_run,
);

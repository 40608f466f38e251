/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * addresses.h - what IP2STR, IP2BIN and IP2HBIN share: the addresses, and the loop over them.
 *
 * Each of the three writes every address in another form.  Adding an address is a line of
 * ADDRESSES here, and a line of fields.h for each form.
 */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include <ulogd/plugin.h>

/* In ulogd2's order. */
#define ADDRESSES(X) \
	X(IP_SADDR) X(IP_DADDR) \
	X(ORIG_IP_SADDR) X(ORIG_IP_DADDR) \
	X(REPLY_IP_SADDR) X(REPLY_IP_DADDR) \
	X(ARP_SADDR) X(ARP_DADDR)

#define ADDRESS_INPUT(field) { FIELD_##field, .optional = true },
static const struct ulogd_field address_inputs[] = {
	ADDRESSES(ADDRESS_INPUT)
	{}
};

#define N_ADDRESSES (sizeof(address_inputs) / sizeof(address_inputs[0]) - 1)

/** Private data: the addresses of which somebody reads the other form. */
struct address_filter {
	unsigned int n;
	uint8_t wanted[N_ADDRESSES];
};

static inline void address_relink(struct ulogd_instance *inst)
{
	struct address_filter *f = ulogd_priv(inst);

	f->n = 0;
	for (unsigned int i = 0; i < N_ADDRESSES; i++)
		if (ulogd_out_wanted(inst, i))
			f->wanted[f->n++] = (uint8_t)i;
}

static inline int address_start(struct ulogd_instance *inst)
{
	address_relink(inst);
	return 0;
}

/** Appends the form of each address that is there by @put, and sets its output. */
static inline int address_run(struct ulogd_instance *inst, struct ulogd_record *rec,
			      void (*put)(struct ulogd_buf *b, const uint8_t *addr, size_t len))
{
	const struct address_filter *f = ulogd_priv(inst);

	for (unsigned int i = 0; i < f->n; i++) {
		const uint8_t *addr;
		struct ulogd_buf form;
		size_t len;
		int ret;

		addr = ulogd_in_mem(rec, f->wanted[i], &len);
		if (!addr)
			continue;
		form = ulogd_text_begin(rec);
		put(&form, addr, len);
		ret = ulogd_set_text(rec, f->wanted[i], &form);
		if (ret < 0)
			return ret;
	}
	return ULOGD_PASS;
}

#endif /* ADDRESSES_H */

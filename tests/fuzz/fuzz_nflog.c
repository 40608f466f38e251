// SPDX-License-Identifier: GPL-2.0-or-later
/* A packet message of the kernel: decoded, and every byte that is claimed to be there is read. */
#include <stdlib.h>

#include "conntrack_entry.h"
#include "fuzz.h"
#include "nflog_packet.h"

static volatile uint8_t sum;

static void read_all(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + data[i]);
}

static void tuple_check(const struct conntrack_tuple *t)
{
	if (t->saddr)
		read_all(t->saddr, t->addr_len);
	if (t->daddr)
		read_all(t->daddr, t->addr_len);
}

/* What is attached stands in memory of its own, so that a sanitizer sees the first read behind it. */
static void conntrack_check(const uint8_t *data, size_t len)
{
	struct conntrack_entry entry;
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	conntrack_decode(copy, len, &entry);
	tuple_check(&entry.orig);
	tuple_check(&entry.reply);
	if (entry.helper)
		read_all(entry.helper, entry.helper_len);
	if (entry.secctx)
		read_all(entry.secctx, entry.secctx_len);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nflog_packet p;
	uint16_t num;

	if (nflog_decode(data, size, &p) < 0)
		return 0;
	for (unsigned int type = 0; type <= NFULA_MAX; type++) {
		if (!nflog_has(&p, type))
			continue;
		if (p.data[type] < data || p.data[type] + p.len[type] > data + size)
			abort();
		read_all(p.data[type], p.len[type]);
	}
	if (nflog_has(&p, NFULA_VLAN)) {
		nflog_nested_be16(p.data[NFULA_VLAN], p.len[NFULA_VLAN], NFULA_VLAN_PROTO, &num);
		nflog_nested_be16(p.data[NFULA_VLAN], p.len[NFULA_VLAN], NFULA_VLAN_TCI, &num);
	}
	if (nflog_has(&p, NFULA_CT))
		conntrack_check(p.data[NFULA_CT], p.len[NFULA_CT]);
	if (nflog_has(&p, NFULA_PAYLOAD) && nflog_link_len(&p) > p.len[NFULA_PAYLOAD])
		abort();
	return 0;
}

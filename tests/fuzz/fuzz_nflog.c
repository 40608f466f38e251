// SPDX-License-Identifier: GPL-2.0-or-later
/* A packet message of the kernel: decoded, and every byte that is claimed to be there is read. */
#include <stdlib.h>

#include "fuzz.h"
#include "nflog_packet.h"

static volatile uint8_t sum;

static void read_all(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + data[i]);
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
	if (nflog_has(&p, NFULA_PAYLOAD) && nflog_link_len(&p) > p.len[NFULA_PAYLOAD])
		abort();
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nflog_packet.h - decoder of NFULNL_MSG_PACKET: bytes in, a table of attributes out.
 *
 * Source: linux/netfilter/nfnetlink_log.h.
 */
#ifndef NFLOG_PACKET_H
#define NFLOG_PACKET_H

#include <errno.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "attrs.h"
#include "packet.h"

/**
 * The attributes of one packet.  data[] and len[] of a type are set only if its bit of
 * `present` is.  Payloads are in network byte order, at least as long as the type needs,
 * and part of the message.
 */
struct nflog_packet {
	uint32_t present;
	uint8_t family;			/* NFPROTO_* */
	const uint8_t *data[NFULA_MAX + 1];
	uint32_t len[NFULA_MAX + 1];	/* bytes of payload */
};

static inline bool nflog_has(const struct nflog_packet *p, unsigned int type)
{
	return p->present >> type & 1;
}

/** The value of a be32 attribute that is present. */
static inline uint32_t nflog_be32(const struct nflog_packet *p, unsigned int type)
{
	return get_be32(p->data[type]);
}

static inline uint16_t nflog_be16(const struct nflog_packet *p, unsigned int type)
{
	return get_be16(p->data[type]);
}

/**
 * Decodes what follows the nlmsghdr of a packet message.
 * Attributes of unknown types are skipped; of a repeated one the last counts.
 * Returns 0, or -EBADMSG when an attribute is cut or shorter than its type.
 */
static inline int nflog_decode(const uint8_t *msg, size_t len, struct nflog_packet *ret)
{
	static const uint8_t min_len[NFULA_MAX + 1] = {
		[NFULA_PACKET_HDR] = sizeof(struct nfulnl_msg_packet_hdr),
		[NFULA_MARK] = 4,
		[NFULA_TIMESTAMP] = sizeof(struct nfulnl_msg_packet_timestamp),
		[NFULA_IFINDEX_INDEV] = 4, [NFULA_IFINDEX_OUTDEV] = 4,
		[NFULA_IFINDEX_PHYSINDEV] = 4, [NFULA_IFINDEX_PHYSOUTDEV] = 4,
		[NFULA_HWADDR] = sizeof(struct nfulnl_msg_packet_hw),
		[NFULA_UID] = 4, [NFULA_GID] = 4, [NFULA_SEQ] = 4, [NFULA_SEQ_GLOBAL] = 4,
		[NFULA_HWTYPE] = 2, [NFULA_HWLEN] = 2, [NFULA_CT_INFO] = 4,
	};

	struct attr_walk w;

	ret->present = 0;
	if (len < sizeof(struct nfgenmsg))
		return -EBADMSG;
	ret->family = msg[0];
	w = (struct attr_walk){ .next = msg + sizeof(struct nfgenmsg),
				.left = len - sizeof(struct nfgenmsg) };
	while (attr_next(&w)) {
		if (w.type > NFULA_MAX)
			continue;
		if (w.len < min_len[w.type])
			return -EBADMSG;
		ret->present |= 1u << w.type;
		ret->data[w.type] = w.data;
		ret->len[w.type] = (uint32_t)w.len;
	}
	return w.cut ? -EBADMSG : 0;
}

/** Finds a be16 attribute inside a nested one; false when it is not there. */
static inline bool nflog_nested_be16(const uint8_t *nest, size_t len, unsigned int want,
				     uint16_t *ret)
{
	struct attr_walk w = { .next = nest, .left = len };

	while (attr_next(&w)) {
		if (w.type == want && w.len >= 2) {
			*ret = get_be16(w.data);
			return true;
		}
	}
	return false;
}

/**
 * Bytes of link-layer header that the kernel put before the network header: it does so for
 * packets that leave by the netdev egress and the ARP output hook.
 */
static inline size_t nflog_link_len(const struct nflog_packet *p)
{
	enum { NFPROTO_ARP_ = 3, NFPROTO_NETDEV_ = 5, EGRESS = 1, ETHER_LEN = 14, ARP_LEN = 28 };
	const uint8_t *pkt = p->data[NFULA_PAYLOAD];
	uint32_t len = p->len[NFULA_PAYLOAD];

	if (!nflog_has(p, NFULA_PACKET_HDR) || p->data[NFULA_PACKET_HDR][2] != EGRESS)
		return 0;
	if (p->family == NFPROTO_NETDEV_ && nflog_has(p, NFULA_L2HDR) && len >= p->len[NFULA_L2HDR])
		return p->len[NFULA_L2HDR];
	/* ARP has no L2HDR: an ARP header says that it is about Ethernet and IPv4. */
	if (p->family == NFPROTO_ARP_ && len >= ETHER_LEN + ARP_LEN &&
	    get_be32(pkt) != 0x00010800 && get_be16(pkt + 12) == 0x0806)
		return ETHER_LEN;
	return 0;
}

#endif /* NFLOG_PACKET_H */

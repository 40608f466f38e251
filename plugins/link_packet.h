/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_packet.h - decoders of link-layer headers in captures: bytes in, a struct in host byte
 * order out.
 *
 * Every decoder returns the bytes that its header takes, or -EBADMSG.  What a link layer does
 * not have is left zero.
 */
#ifndef LINK_PACKET_H
#define LINK_PACKET_H

#include <stdbool.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>

#include "packet.h"

struct link_header {
	const uint8_t *mac;	/* Ethernet header, part of the packet; its EtherType may be a tag's */
	const uint8_t *saddr;	/* source address, part of the packet */
	uint16_t saddr_len;
	uint16_t hw_type;	/* ARPHRD_* */
	uint16_t protocol;	/* EtherType of what follows; 0: none */
	bool has_vlan;		/* the outermost tag */
	uint16_t vlan_proto, vlan_tci;
	bool outgoing;		/* sent by the host that captured it */
	uint32_t ifindex;	/* on that host; 0: not known */
};

/* Skips VLAN tags; @ret->protocol is the EtherType before @pkt, and becomes that behind them. */
static inline int link_vlan_decode(const uint8_t *pkt, size_t len, struct link_header *ret)
{
	int tags = 0;

	while (ret->protocol == ETH_P_8021Q || ret->protocol == ETH_P_8021AD ||
	       ret->protocol == ETH_P_QINQ1) {
		if (len < 4)
			return -EBADMSG;
		if (!ret->has_vlan) {
			ret->has_vlan = true;
			ret->vlan_proto = ret->protocol;
			ret->vlan_tci = get_be16(pkt);
		}
		ret->protocol = get_be16(pkt + 2);
		pkt += 4;
		len -= 4;
		tags += 4;
	}
	/* A length instead of an EtherType: what the kernel calls it. */
	if (ret->protocol < ETH_P_802_3_MIN)
		ret->protocol = ETH_P_802_2;
	return tags;
}

static inline int link_ether_decode(const uint8_t *pkt, size_t len, struct link_header *ret)
{
	int tags;

	if (len < ETH_HLEN)
		return -EBADMSG;
	*ret = (struct link_header){
		.mac = pkt, .saddr = pkt + ETH_ALEN, .saddr_len = ETH_ALEN,
		.hw_type = ARPHRD_ETHER, .protocol = get_be16(pkt + 12),
	};
	tags = link_vlan_decode(pkt + ETH_HLEN, len - ETH_HLEN, ret);
	return tags < 0 ? tags : ETH_HLEN + tags;
}

/* IP packets without anything before them. */
static inline int link_raw_decode(const uint8_t *pkt, size_t len, struct link_header *ret)
{
	unsigned int version = len > 0 ? pkt[0] >> 4 : 0;

	*ret = (struct link_header){
		.hw_type = ARPHRD_NONE,
		.protocol = version == 4 ? ETH_P_IP : version == 6 ? ETH_P_IPV6 : 0,
	};
	return len > 0 ? 0 : -EBADMSG;
}

#define LINK_OUTGOING	4	/* the packet types of both cooked headers */
#define LINK_ADDR_MAX	8

/* What "any" captures: https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html */
static inline int link_sll_decode(const uint8_t *pkt, size_t len, struct link_header *ret)
{
	enum { SLL_HLEN = 16 };
	int tags;

	if (len < SLL_HLEN)
		return -EBADMSG;
	*ret = (struct link_header){
		.outgoing = get_be16(pkt) == LINK_OUTGOING, .hw_type = get_be16(pkt + 2),
		.saddr = pkt + 6, .saddr_len = get_be16(pkt + 4), .protocol = get_be16(pkt + 14),
	};
	if (ret->saddr_len > LINK_ADDR_MAX)
		ret->saddr_len = LINK_ADDR_MAX;
	tags = link_vlan_decode(pkt + SLL_HLEN, len - SLL_HLEN, ret);
	return tags < 0 ? tags : SLL_HLEN + tags;
}

/* The same of newer tcpdumps: https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html */
static inline int link_sll2_decode(const uint8_t *pkt, size_t len, struct link_header *ret)
{
	enum { SLL2_HLEN = 20 };
	int tags;

	if (len < SLL2_HLEN)
		return -EBADMSG;
	*ret = (struct link_header){
		.protocol = get_be16(pkt), .ifindex = get_be32(pkt + 4), .hw_type = get_be16(pkt + 8),
		.outgoing = pkt[10] == LINK_OUTGOING, .saddr = pkt + 12, .saddr_len = pkt[11],
	};
	if (ret->saddr_len > LINK_ADDR_MAX)
		ret->saddr_len = LINK_ADDR_MAX;
	tags = link_vlan_decode(pkt + SLL2_HLEN, len - SLL2_HLEN, ret);
	return tags < 0 ? tags : SLL2_HLEN + tags;
}

#endif /* LINK_PACKET_H */

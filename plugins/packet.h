/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet.h - decoders of packet headers: bytes in, a struct in host byte order out.
 *
 * Every decoder checks the length it needs before it reads, returns the bytes that its
 * header takes, or -EBADMSG and leaves the result alone.  Addresses stay in the packet.
 */
#ifndef PACKET_H
#define PACKET_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * How far headers are looked for when nobody wants the rest of a packet: IPv4 and TCP with all
 * options in an ICMP error take 188 bytes, the rest is for IPv6 extension headers.
 */
#define PACKET_HEADERS 512

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/** IPv4, RFC 791.  frag_off: flags and offset as they stand in the header. */
struct ipv4_header {
	const uint8_t *saddr, *daddr;
	uint16_t tot_len, id, frag_off, check;
	uint8_t ihl, tos, ttl, protocol;
};

/** The part that every header has; ihl is not checked, so options may be missing or absurd. */
static inline int ipv4_fixed_decode(const uint8_t *pkt, size_t len, struct ipv4_header *ret)
{
	if (len < 20)
		return -EBADMSG;
	*ret = (struct ipv4_header){
		.saddr = pkt + 12, .daddr = pkt + 16,
		.tot_len = get_be16(pkt + 2), .id = get_be16(pkt + 4),
		.frag_off = get_be16(pkt + 6), .check = get_be16(pkt + 10),
		.ihl = pkt[0] & 0x0f, .tos = pkt[1], .ttl = pkt[8], .protocol = pkt[9],
	};
	return 20;
}

static inline int ipv4_decode(const uint8_t *pkt, size_t len, struct ipv4_header *ret)
{
	unsigned int ihl;

	if (len < 20)
		return -EBADMSG;
	ihl = pkt[0] & 0x0f;
	if (ihl < 5 || len < 4 * ihl)
		return -EBADMSG;
	ipv4_fixed_decode(pkt, len, ret);
	return (int)(4 * ihl);
}

/** IPv6, RFC 8200; the fixed header alone. */
struct ipv6_header {
	const uint8_t *saddr, *daddr;
	uint32_t flow_label;	/* 20 bits */
	uint16_t payload_len;
	uint8_t priority;	/* the whole traffic class */
	uint8_t nexthdr, hop_limit;
};

static inline int ipv6_decode(const uint8_t *pkt, size_t len, struct ipv6_header *ret)
{
	uint32_t first;

	if (len < 40)
		return -EBADMSG;
	first = get_be32(pkt);
	*ret = (struct ipv6_header){
		.saddr = pkt + 8, .daddr = pkt + 24, .flow_label = first & 0xfffff,
		.payload_len = get_be16(pkt + 4), .priority = (uint8_t)(first >> 20),
		.nexthdr = pkt[6], .hop_limit = pkt[7],
	};
	return 40;
}

/** An IPv6 extension header of hop-by-hop, routing or destination options; AH counts otherwise. */
struct ipv6_option_header {
	uint8_t nexthdr, hdrlen;	/* hdrlen as it stands */
};

static inline int ipv6_option_decode(const uint8_t *pkt, size_t len, struct ipv6_option_header *ret)
{
	if (len < 2)
		return -EBADMSG;
	*ret = (struct ipv6_option_header){ .nexthdr = pkt[0], .hdrlen = pkt[1] };
	return 2;
}

/** The IPv6 fragment header, RFC 8200 section 4.5. */
struct ipv6_fragment_header {
	uint32_t id;
	uint16_t offset;	/* bytes */
	bool more;
	uint8_t nexthdr;
};

static inline int ipv6_fragment_decode(const uint8_t *pkt, size_t len,
				       struct ipv6_fragment_header *ret)
{
	if (len < 8)
		return -EBADMSG;
	*ret = (struct ipv6_fragment_header){
		.nexthdr = pkt[0], .offset = get_be16(pkt + 2) & 0xfff8, .more = pkt[3] & 1,
		.id = get_be32(pkt + 4),
	};
	return 8;
}

/** AH, RFC 4302, without the check value. */
struct ah_header {
	uint32_t spi, seq;
	uint8_t nexthdr, hdrlen;
};

static inline int ah_decode(const uint8_t *pkt, size_t len, struct ah_header *ret)
{
	if (len < 12)
		return -EBADMSG;
	*ret = (struct ah_header){
		.nexthdr = pkt[0], .hdrlen = pkt[1], .spi = get_be32(pkt + 4),
		.seq = get_be32(pkt + 8),
	};
	return 12;
}

/** ESP, RFC 4303: what is not encrypted. */
struct esp_header {
	uint32_t spi, seq;
};

static inline int esp_decode(const uint8_t *pkt, size_t len, struct esp_header *ret)
{
	if (len < 8)
		return -EBADMSG;
	*ret = (struct esp_header){ .spi = get_be32(pkt), .seq = get_be32(pkt + 4) };
	return 8;
}

/** TCP, RFC 9293, without options.  flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
struct tcp_header {
	uint32_t seq, ack_seq;
	uint16_t source, dest, window, check, urg_ptr;
	uint8_t doff;		/* 32-bit words, not checked */
	uint8_t reserved;	/* 4 bits */
	uint8_t flags;
};

static inline int tcp_decode(const uint8_t *pkt, size_t len, struct tcp_header *ret)
{
	if (len < 20)
		return -EBADMSG;
	*ret = (struct tcp_header){
		.source = get_be16(pkt), .dest = get_be16(pkt + 2), .seq = get_be32(pkt + 4),
		.ack_seq = get_be32(pkt + 8), .doff = pkt[12] >> 4, .reserved = pkt[12] & 0x0f,
		.flags = pkt[13], .window = get_be16(pkt + 14), .check = get_be16(pkt + 16),
		.urg_ptr = get_be16(pkt + 18),
	};
	return 20;
}

/** UDP, RFC 768. */
struct udp_header {
	uint16_t source, dest, len, check;
};

static inline int udp_decode(const uint8_t *pkt, size_t len, struct udp_header *ret)
{
	if (len < 8)
		return -EBADMSG;
	*ret = (struct udp_header){
		.source = get_be16(pkt), .dest = get_be16(pkt + 2), .len = get_be16(pkt + 4),
		.check = get_be16(pkt + 6),
	};
	return 8;
}

/** ICMP, RFC 792, and ICMPv6, RFC 4443: what they share.  rest: the second word, as it stands. */
struct icmp_header {
	const uint8_t *rest;
	uint16_t check;
	uint8_t type, code;
};

static inline int icmp_decode(const uint8_t *pkt, size_t len, struct icmp_header *ret)
{
	if (len < 8)
		return -EBADMSG;
	*ret = (struct icmp_header){
		.type = pkt[0], .code = pkt[1], .check = get_be16(pkt + 2), .rest = pkt + 4,
	};
	return 8;
}

/** SCTP, RFC 9260: the common header. */
struct sctp_header {
	uint32_t check;
	uint16_t source, dest;
};

static inline int sctp_decode(const uint8_t *pkt, size_t len, struct sctp_header *ret)
{
	if (len < 12)
		return -EBADMSG;
	*ret = (struct sctp_header){
		.source = get_be16(pkt), .dest = get_be16(pkt + 2), .check = get_be32(pkt + 8),
	};
	return 12;
}

/** ARP, RFC 826: the part that does not depend on the length of addresses. */
struct arp_fixed_header {
	uint16_t hrd, pro, op;
	uint8_t hln, pln;	/* bytes of a hardware and of a protocol address */
};

static inline int arp_fixed_decode(const uint8_t *pkt, size_t len, struct arp_fixed_header *ret)
{
	if (len < 8)
		return -EBADMSG;
	*ret = (struct arp_fixed_header){
		.hrd = get_be16(pkt), .pro = get_be16(pkt + 2), .hln = pkt[4], .pln = pkt[5],
		.op = get_be16(pkt + 6),
	};
	return 8;
}

/** ARP, RFC 826, with Ethernet and IPv4 addresses, whatever the header says. */
struct arp_header {
	const uint8_t *sha, *spa, *tha, *tpa;
	uint16_t hrd, pro, op;
};

static inline int arp_decode(const uint8_t *pkt, size_t len, struct arp_header *ret)
{
	if (len < 28)
		return -EBADMSG;
	*ret = (struct arp_header){
		.hrd = get_be16(pkt), .pro = get_be16(pkt + 2), .op = get_be16(pkt + 6),
		.sha = pkt + 8, .spa = pkt + 14, .tha = pkt + 18, .tpa = pkt + 24,
	};
	return 28;
}

#endif /* PACKET_H */

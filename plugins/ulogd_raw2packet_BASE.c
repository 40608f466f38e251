// SPDX-License-Identifier: GPL-2.0-or-later
/* BASE - decode the headers of a packet: IPv4, IPv6, ARP, TCP, UDP, ICMP, ICMPv6, SCTP. */
#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include <ulogd/plugin.h>

#include "packet.h"

enum { IN_PKT, IN_PKTLEN, IN_FAMILY, IN_PROTOCOL };
static const struct ulogd_field inputs[] = {
	[IN_PKT]      = { .id = FIELD_RAW_PKT, .bytes = PACKET_HEADERS },
	[IN_PKTLEN]   = { .id = FIELD_RAW_PKTLEN, .bytes = PACKET_HEADERS },
	[IN_FAMILY]   = { .id = FIELD_OOB_FAMILY },
	[IN_PROTOCOL] = { .id = FIELD_OOB_PROTOCOL },
	{}
};

/* The order is ulogd2's: outputs that print all fields print them like this. */
#define OUTPUTS(X) \
	X(IP_SADDR) X(IP_DADDR) X(IP_PROTOCOL) X(IP_TOS) X(IP_TTL) X(IP_TOTLEN) X(IP_IHL) \
	X(IP_CSUM) X(IP_ID) X(IP_FRAGOFF) \
	X(IP6_PAYLOADLEN) X(IP6_PRIORITY) X(IP6_FLOWLABEL) X(IP6_HOPLIMIT) X(IP6_NEXTHDR) \
	X(IP6_FRAGOFF) X(IP6_FRAGID) \
	X(TCP_SPORT) X(TCP_DPORT) X(TCP_SEQ) X(TCP_ACKSEQ) X(TCP_WINDOW) X(TCP_OFFSET) \
	X(TCP_RESERVED) X(TCP_URG) X(TCP_URGP) X(TCP_ACK) X(TCP_PSH) X(TCP_RST) X(TCP_SYN) \
	X(TCP_FIN) X(TCP_RES1) X(TCP_RES2) X(TCP_CSUM) \
	X(UDP_SPORT) X(UDP_DPORT) X(UDP_LEN) X(UDP_CSUM) \
	X(ICMP_TYPE) X(ICMP_CODE) X(ICMP_ECHOID) X(ICMP_ECHOSEQ) X(ICMP_GATEWAY) X(ICMP_FRAGMTU) \
	X(ICMP_CSUM) \
	X(ICMPV6_TYPE) X(ICMPV6_CODE) X(ICMPV6_ECHOID) X(ICMPV6_ECHOSEQ) X(ICMPV6_CSUM) \
	X(AHESP_SPI) X(OOB_PROTOCOL) \
	X(ARP_HWTYPE) X(ARP_PROTOCOLTYPE) X(ARP_OPERATION) X(ARP_SHWADDR) X(ARP_SADDR) \
	X(ARP_DHWADDR) X(ARP_DADDR) \
	X(SCTP_SPORT) X(SCTP_DPORT) X(SCTP_CSUM)

enum {
#define OUTPUT_ENUM(field) OUT_##field,
	OUTPUTS(OUTPUT_ENUM)
};

static const struct ulogd_field outputs[] = {
#define OUTPUT_FIELD(field) { .id = FIELD_##field },
	OUTPUTS(OUTPUT_FIELD)
	{}
};

static void tcp_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct tcp_header h;

	if (tcp_decode(pkt, len, &h) < 0)
		return;
	ulogd_set_num(rec, OUT_TCP_SPORT, h.source);
	ulogd_set_num(rec, OUT_TCP_DPORT, h.dest);
	ulogd_set_num(rec, OUT_TCP_SEQ, h.seq);
	ulogd_set_num(rec, OUT_TCP_ACKSEQ, h.ack_seq);
	ulogd_set_num(rec, OUT_TCP_WINDOW, h.window);
	ulogd_set_num(rec, OUT_TCP_OFFSET, h.doff);
	ulogd_set_num(rec, OUT_TCP_RESERVED, h.reserved);
	ulogd_set_num(rec, OUT_TCP_FIN, h.flags & 1);
	ulogd_set_num(rec, OUT_TCP_SYN, h.flags >> 1 & 1);
	ulogd_set_num(rec, OUT_TCP_RST, h.flags >> 2 & 1);
	ulogd_set_num(rec, OUT_TCP_PSH, h.flags >> 3 & 1);
	ulogd_set_num(rec, OUT_TCP_ACK, h.flags >> 4 & 1);
	ulogd_set_num(rec, OUT_TCP_URG, h.flags >> 5 & 1);
	if (h.flags >> 5 & 1)
		ulogd_set_num(rec, OUT_TCP_URGP, h.urg_ptr);
	ulogd_set_num(rec, OUT_TCP_RES1, h.reserved);
	ulogd_set_num(rec, OUT_TCP_RES2, h.flags >> 6);
	ulogd_set_num(rec, OUT_TCP_CSUM, h.check);
}

static void udp_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct udp_header h;

	if (udp_decode(pkt, len, &h) < 0)
		return;
	ulogd_set_num(rec, OUT_UDP_SPORT, h.source);
	ulogd_set_num(rec, OUT_UDP_DPORT, h.dest);
	ulogd_set_num(rec, OUT_UDP_LEN, h.len);
	ulogd_set_num(rec, OUT_UDP_CSUM, h.check);
}

static void sctp_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct sctp_header h;

	if (sctp_decode(pkt, len, &h) < 0)
		return;
	ulogd_set_num(rec, OUT_SCTP_SPORT, h.source);
	ulogd_set_num(rec, OUT_SCTP_DPORT, h.dest);
	ulogd_set_num(rec, OUT_SCTP_CSUM, h.check);
}

/* Types of RFC 792. */
enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_REDIRECT = 5, ICMP_ECHO = 8, ICMP_PARAMETER = 12 };
#define ICMP_CODE_FRAG_NEEDED 4

static void icmp_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct icmp_header h;

	if (icmp_decode(pkt, len, &h) < 0)
		return;
	ulogd_set_num(rec, OUT_ICMP_TYPE, h.type);
	ulogd_set_num(rec, OUT_ICMP_CODE, h.code);
	ulogd_set_num(rec, OUT_ICMP_CSUM, h.check);
	switch (h.type) {
	case ICMP_ECHO:
	case ICMP_ECHO_REPLY:
		ulogd_set_num(rec, OUT_ICMP_ECHOID, get_be16(h.rest));
		ulogd_set_num(rec, OUT_ICMP_ECHOSEQ, get_be16(h.rest + 2));
		break;
	case ICMP_REDIRECT:
	case ICMP_PARAMETER:
		ulogd_set_mem(rec, OUT_ICMP_GATEWAY, h.rest, 4);
		break;
	case ICMP_UNREACHABLE:
		if (h.code == ICMP_CODE_FRAG_NEEDED)
			ulogd_set_num(rec, OUT_ICMP_FRAGMTU, get_be16(h.rest + 2));
		break;
	}
}

/* Types of RFC 4443. */
enum { ICMPV6_ECHO = 128, ICMPV6_ECHO_REPLY = 129 };

static void icmpv6_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct icmp_header h;

	if (icmp_decode(pkt, len, &h) < 0)
		return;
	ulogd_set_num(rec, OUT_ICMPV6_TYPE, h.type);
	ulogd_set_num(rec, OUT_ICMPV6_CODE, h.code);
	ulogd_set_num(rec, OUT_ICMPV6_CSUM, h.check);
	if (h.type == ICMPV6_ECHO || h.type == ICMPV6_ECHO_REPLY) {
		ulogd_set_num(rec, OUT_ICMPV6_ECHOID, get_be16(h.rest));
		ulogd_set_num(rec, OUT_ICMPV6_ECHOSEQ, get_be16(h.rest + 2));
	}
}

static void ipv4_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct ipv4_header h;
	int header_len = ipv4_decode(pkt, len, &h);

	/* A header with nothing behind it counts as no header, as in ulogd2. */
	if (header_len < 0 || len == (size_t)header_len)
		return;
	ulogd_set_mem(rec, OUT_IP_SADDR, h.saddr, 4);
	ulogd_set_mem(rec, OUT_IP_DADDR, h.daddr, 4);
	ulogd_set_num(rec, OUT_IP_PROTOCOL, h.protocol);
	ulogd_set_num(rec, OUT_IP_TOS, h.tos);
	ulogd_set_num(rec, OUT_IP_TTL, h.ttl);
	ulogd_set_num(rec, OUT_IP_TOTLEN, h.tot_len);
	ulogd_set_num(rec, OUT_IP_IHL, h.ihl);
	ulogd_set_num(rec, OUT_IP_CSUM, h.check);
	ulogd_set_num(rec, OUT_IP_ID, h.id);
	ulogd_set_num(rec, OUT_IP_FRAGOFF, h.frag_off);

	/* Later fragments are decoded like first ones: ulogd2's text depends on it. */
	pkt += header_len;
	len -= (size_t)header_len;
	switch (h.protocol) {
	case IPPROTO_TCP:
		tcp_set(rec, pkt, len);
		break;
	case IPPROTO_UDP:
		udp_set(rec, pkt, len);
		break;
	case IPPROTO_ICMP:
		icmp_set(rec, pkt, len);
		break;
	case IPPROTO_SCTP:
		sctp_set(rec, pkt, len);
		break;
	}
}

/* What became of the chain of extension headers. */
struct ipv6_chain {
	uint8_t nexthdr;	/* the last header reached */
	bool transport;		/* pkt is the beginning of that header */
	const uint8_t *pkt;
	size_t len;
};

/* Follows the extension headers, RFC 8200 section 4; -EBADMSG when one is cut. */
static int ipv6_follow(const struct ulogd_record *rec, struct ipv6_chain *chain)
{
	for (;;) {
		size_t header_len;

		switch (chain->nexthdr) {
		case IPPROTO_ESP:
			chain->transport = false;
			return 0;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH:
		case IPPROTO_DSTOPTS:
			break;
		default:
			return 0;
		}
		/* Behind a later fragment's header there is data, not a header. */
		if (!chain->transport)
			return 0;
		if (chain->len < 2)
			return -EBADMSG;
		if (chain->nexthdr == IPPROTO_FRAGMENT)
			header_len = 8;
		else if (chain->nexthdr == IPPROTO_AH)
			header_len = (chain->pkt[1] + 2u) * 4;	/* RFC 4302 */
		else
			header_len = (chain->pkt[1] + 1u) * 8;
		if (chain->len < header_len)
			return -EBADMSG;
		if (chain->nexthdr == IPPROTO_FRAGMENT) {
			uint16_t offset = get_be16(chain->pkt + 2) & 0xfff8;

			ulogd_set_num(rec, OUT_IP6_FRAGOFF, offset);
			ulogd_set_num(rec, OUT_IP6_FRAGID, get_be32(chain->pkt + 4));
			chain->transport = offset == 0;
		}
		chain->nexthdr = chain->pkt[0];
		chain->pkt += header_len;
		chain->len -= header_len;
	}
}

static void ipv6_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct ipv6_chain chain = { .transport = true };
	struct ipv6_header h;
	int header_len = ipv6_decode(pkt, len, &h);

	if (header_len < 0)
		return;
	ulogd_set_mem(rec, OUT_IP_SADDR, h.saddr, 16);
	ulogd_set_mem(rec, OUT_IP_DADDR, h.daddr, 16);
	ulogd_set_num(rec, OUT_IP6_PAYLOADLEN, h.payload_len);
	ulogd_set_num(rec, OUT_IP6_PRIORITY, h.priority);
	ulogd_set_num(rec, OUT_IP6_FLOWLABEL, h.flow_label);
	ulogd_set_num(rec, OUT_IP6_HOPLIMIT, h.hop_limit);

	chain.nexthdr = h.nexthdr;
	chain.pkt = pkt + header_len;
	chain.len = len - (size_t)header_len;
	if (ipv6_follow(rec, &chain) < 0)
		return;
	ulogd_set_num(rec, OUT_IP6_NEXTHDR, chain.nexthdr);
	if (!chain.transport)
		return;
	ulogd_set_num(rec, OUT_IP_PROTOCOL, chain.nexthdr);
	switch (chain.nexthdr) {
	case IPPROTO_TCP:
		tcp_set(rec, chain.pkt, chain.len);
		break;
	case IPPROTO_UDP:
		udp_set(rec, chain.pkt, chain.len);
		break;
	case IPPROTO_ICMPV6:
		icmpv6_set(rec, chain.pkt, chain.len);
		break;
	}
}

static void arp_set(const struct ulogd_record *rec, const uint8_t *pkt, size_t len)
{
	struct arp_header h;

	if (arp_decode(pkt, len, &h) < 0)
		return;
	ulogd_set_num(rec, OUT_ARP_HWTYPE, h.hrd);
	ulogd_set_num(rec, OUT_ARP_PROTOCOLTYPE, h.pro);
	ulogd_set_num(rec, OUT_ARP_OPERATION, h.op);
	ulogd_set_mem(rec, OUT_ARP_SHWADDR, h.sha, 6);
	ulogd_set_mem(rec, OUT_ARP_SADDR, h.spa, 4);
	ulogd_set_mem(rec, OUT_ARP_DHWADDR, h.tha, 6);
	ulogd_set_mem(rec, OUT_ARP_DADDR, h.tpa, 4);
}

struct base_filter {
	bool wanted;	/* somebody reads what is decoded here */
};

static void base_relink(struct ulogd_instance *inst)
{
	struct base_filter *f = ulogd_priv(inst);

	f->wanted = false;
	for (unsigned int i = 0; i < sizeof(outputs) / sizeof(outputs[0]) - 1; i++)
		f->wanted |= ulogd_out_wanted(inst, i);
}

static int base_start(struct ulogd_instance *inst)
{
	base_relink(inst);
	return 0;
}

static int base_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	const struct base_filter *f = ulogd_priv(inst);
	uint32_t protocol = ulogd_in_or_0(rec, IN_PROTOCOL);
	const uint8_t *pkt;
	size_t len;

	if (!f->wanted)
		return ULOGD_PASS;
	ulogd_set_num(rec, OUT_OOB_PROTOCOL, protocol);
	pkt = ulogd_in_mem(rec, IN_PKT, &len);
	if (!pkt)
		return ULOGD_PASS;

	switch (ulogd_in_or_0(rec, IN_FAMILY)) {
	case NFPROTO_IPV4:
		protocol = ETH_P_IP;
		break;
	case NFPROTO_IPV6:
		protocol = ETH_P_IPV6;
		break;
	case NFPROTO_ARP:
		protocol = ETH_P_ARP;
		break;
	case NFPROTO_BRIDGE:
	case NFPROTO_NETDEV:
		break;
	default:
		return ULOGD_PASS;
	}
	switch (protocol) {
	case ETH_P_IP:
		ipv4_set(rec, pkt, len);
		break;
	case ETH_P_IPV6:
		ipv6_set(rec, pkt, len);
		break;
	case ETH_P_ARP:
		arp_set(rec, pkt, len);
		break;
	}
	return ULOGD_PASS;
}

ULOGD_PLUGIN(struct base_filter,
	.name = "BASE", .kind = ULOGD_FILTER,
	.inputs = inputs, .outputs = outputs, .start = base_start, .relink = base_relink, .run = base_run,
);

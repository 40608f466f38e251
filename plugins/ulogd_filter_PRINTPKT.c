// SPDX-License-Identifier: GPL-2.0-or-later
/* PRINTPKT - write a packet as one line, as ulogd2 or the kernel do: parsers know each blank. */
#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include <ulogd/plugin.h>

#include "packet.h"
#include "printpkt_kernel.h"

struct printpkt_filter {
	const char *format, *log_flags;

	void (*print)(const struct printpkt_filter *f, const struct ulogd_record *rec,
		      struct ulogd_buf *b);
	unsigned int flags;	/* of the kernel's line */
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct printpkt_filter, format, "ulogd",
			 "ulogd: the line of ulogd2; kernel: the line of the kernel's LOG"),
	ULOGD_OPT_STRING(struct printpkt_filter, log_flags, "0",
			 "what the kernel's line has besides: the sum, or a list, of " PRINTPKT_FLAG_NAMES),
	{}
};

enum {
	IN_FAMILY, IN_PREFIX, IN_IN, IN_OUT, IN_UID, IN_GID, IN_MARK, IN_MAC, IN_MAC_LEN,
	IN_SADDR, IN_DADDR,
	IN_TOTLEN, IN_TOS, IN_TTL, IN_ID, IN_FRAGOFF, IN_IP_PROTOCOL,
	IN_PAYLOADLEN, IN_PRIORITY, IN_HOPLIMIT, IN_FLOWLABEL, IN_NEXTHDR, IN_FRAGOFF6, IN_FRAGID6,
	IN_TCP_SPORT, IN_TCP_DPORT, IN_TCP_SEQ, IN_TCP_ACKSEQ, IN_TCP_WINDOW, IN_TCP_SYN, IN_TCP_ACK,
	IN_TCP_PSH, IN_TCP_RST, IN_TCP_FIN, IN_TCP_URG, IN_TCP_URGP,
	IN_UDP_SPORT, IN_UDP_DPORT, IN_UDP_LEN,
	IN_ICMP_TYPE, IN_ICMP_CODE, IN_ICMP_ECHOID, IN_ICMP_ECHOSEQ, IN_ICMP_GATEWAY, IN_ICMP_FRAGMTU,
	IN_ICMPV6_TYPE, IN_ICMPV6_CODE, IN_ICMPV6_ECHOID, IN_ICMPV6_ECHOSEQ,
	IN_SPI, IN_PROTOCOL,
	IN_ARP_HWTYPE, IN_ARP_PROTOCOLTYPE, IN_ARP_OPERATION, IN_ARP_SHWADDR, IN_ARP_SADDR,
	IN_ARP_DHWADDR, IN_ARP_DADDR,
	IN_SCTP_SPORT, IN_SCTP_DPORT,
	/* The kernel's line is made from the packet itself. */
	IN_PKT, IN_TYPE, IN_HOOK, IN_IFINDEX_IN, IN_PHYSIN, IN_PHYSOUT, IN_VLAN_PROTO, IN_VLAN_TCI,
	IN_L2HDR,
	IN_LOSS,
};

static const struct ulogd_field inputs[] = {
	[IN_FAMILY]           = { .id = FIELD_OOB_FAMILY },
	[IN_PREFIX]           = { .id = FIELD_OOB_PREFIX },
	[IN_IN]               = { .id = FIELD_OOB_IN },
	[IN_OUT]              = { .id = FIELD_OOB_OUT },
	[IN_UID]              = { FIELD_OOB_UID, .optional = true },
	[IN_GID]              = { FIELD_OOB_GID, .optional = true },
	[IN_MARK]             = { .id = FIELD_OOB_MARK },
	[IN_MAC]              = { .id = FIELD_RAW_MAC },
	[IN_MAC_LEN]          = { .id = FIELD_RAW_MAC_LEN },
	[IN_SADDR]            = { .id = FIELD_IP_SADDR_STR },
	[IN_DADDR]            = { .id = FIELD_IP_DADDR_STR },
	[IN_TOTLEN]           = { .id = FIELD_IP_TOTLEN },
	[IN_TOS]              = { .id = FIELD_IP_TOS },
	[IN_TTL]              = { .id = FIELD_IP_TTL },
	[IN_ID]               = { .id = FIELD_IP_ID },
	[IN_FRAGOFF]          = { .id = FIELD_IP_FRAGOFF },
	[IN_IP_PROTOCOL]      = { .id = FIELD_IP_PROTOCOL },
	[IN_PAYLOADLEN]       = { .id = FIELD_IP6_PAYLOADLEN },
	[IN_PRIORITY]         = { .id = FIELD_IP6_PRIORITY },
	[IN_HOPLIMIT]         = { .id = FIELD_IP6_HOPLIMIT },
	[IN_FLOWLABEL]        = { .id = FIELD_IP6_FLOWLABEL },
	[IN_NEXTHDR]          = { .id = FIELD_IP6_NEXTHDR },
	[IN_FRAGOFF6]         = { .id = FIELD_IP6_FRAGOFF },
	[IN_FRAGID6]          = { .id = FIELD_IP6_FRAGID },
	[IN_TCP_SPORT]        = { .id = FIELD_TCP_SPORT },
	[IN_TCP_DPORT]        = { .id = FIELD_TCP_DPORT },
	[IN_TCP_SEQ]          = { .id = FIELD_TCP_SEQ },
	[IN_TCP_ACKSEQ]       = { .id = FIELD_TCP_ACKSEQ },
	[IN_TCP_WINDOW]       = { .id = FIELD_TCP_WINDOW },
	[IN_TCP_SYN]          = { .id = FIELD_TCP_SYN },
	[IN_TCP_ACK]          = { .id = FIELD_TCP_ACK },
	[IN_TCP_PSH]          = { .id = FIELD_TCP_PSH },
	[IN_TCP_RST]          = { .id = FIELD_TCP_RST },
	[IN_TCP_FIN]          = { .id = FIELD_TCP_FIN },
	[IN_TCP_URG]          = { .id = FIELD_TCP_URG },
	[IN_TCP_URGP]         = { .id = FIELD_TCP_URGP },
	[IN_UDP_SPORT]        = { .id = FIELD_UDP_SPORT },
	[IN_UDP_DPORT]        = { .id = FIELD_UDP_DPORT },
	[IN_UDP_LEN]          = { .id = FIELD_UDP_LEN },
	[IN_ICMP_TYPE]        = { .id = FIELD_ICMP_TYPE },
	[IN_ICMP_CODE]        = { .id = FIELD_ICMP_CODE },
	[IN_ICMP_ECHOID]      = { .id = FIELD_ICMP_ECHOID },
	[IN_ICMP_ECHOSEQ]     = { .id = FIELD_ICMP_ECHOSEQ },
	[IN_ICMP_GATEWAY]     = { .id = FIELD_ICMP_GATEWAY },
	[IN_ICMP_FRAGMTU]     = { .id = FIELD_ICMP_FRAGMTU },
	[IN_ICMPV6_TYPE]      = { .id = FIELD_ICMPV6_TYPE },
	[IN_ICMPV6_CODE]      = { .id = FIELD_ICMPV6_CODE },
	[IN_ICMPV6_ECHOID]    = { .id = FIELD_ICMPV6_ECHOID },
	[IN_ICMPV6_ECHOSEQ]   = { .id = FIELD_ICMPV6_ECHOSEQ },
	[IN_SPI]              = { .id = FIELD_AHESP_SPI },
	[IN_PROTOCOL]         = { .id = FIELD_OOB_PROTOCOL },
	[IN_ARP_HWTYPE]       = { .id = FIELD_ARP_HWTYPE },
	[IN_ARP_PROTOCOLTYPE] = { .id = FIELD_ARP_PROTOCOLTYPE },
	[IN_ARP_OPERATION]    = { .id = FIELD_ARP_OPERATION },
	[IN_ARP_SHWADDR]      = { .id = FIELD_ARP_SHWADDR },
	[IN_ARP_SADDR]        = { .id = FIELD_ARP_SADDR_STR },
	[IN_ARP_DHWADDR]      = { .id = FIELD_ARP_DHWADDR },
	[IN_ARP_DADDR]        = { .id = FIELD_ARP_DADDR_STR },
	[IN_SCTP_SPORT]       = { .id = FIELD_SCTP_SPORT },
	[IN_SCTP_DPORT]       = { .id = FIELD_SCTP_DPORT },
	[IN_PKT]              = { FIELD_RAW_PKT, .optional = true, .bytes = PACKET_HEADERS },
	[IN_TYPE]             = { FIELD_RAW_TYPE, .optional = true },
	[IN_HOOK]             = { FIELD_OOB_HOOK, .optional = true },
	[IN_IFINDEX_IN]       = { FIELD_OOB_IFINDEX_IN, .optional = true },
	[IN_PHYSIN]           = { FIELD_OOB_PHYSIN, .optional = true },
	[IN_PHYSOUT]          = { FIELD_OOB_PHYSOUT, .optional = true },
	[IN_VLAN_PROTO]       = { FIELD_OOB_VLAN_PROTO, .optional = true },
	[IN_VLAN_TCI]         = { FIELD_OOB_VLAN_TCI, .optional = true },
	[IN_L2HDR]            = { FIELD_OOB_L2HDR, .optional = true },
	[IN_LOSS]             = { FIELD_LOSS_EVENTS, .optional = true },
	{}
};

enum { OUT_PRINT };
static const struct ulogd_field outputs[] = {
	[OUT_PRINT] = { .id = FIELD_PRINT },
	{}
};

/* "NAME=123 " */
#define print_num(b, name, num) do { \
	ulogd_buf_lit(b, name); \
	ulogd_buf_u32(b, num); \
	ulogd_buf_char(b, ' '); \
} while (0)

/* The same for input @i, when it is there. */
#define print_num_if(b, rec, name, i) do { \
	if (ulogd_in_has(rec, i)) \
		print_num(b, name, ulogd_in_or_0(rec, i)); \
} while (0)

/* "NAME=text " when input @i is there. */
#define print_text_if(b, rec, name, i) do { \
	const char *text_; \
	size_t len_; \
	text_ = ulogd_in_mem(rec, i, &len_); \
	if (text_) { \
		ulogd_buf_lit(b, name); \
		ulogd_buf_mem(b, text_, len_); \
		ulogd_buf_char(b, ' '); \
	} \
} while (0)

/* A header that was cut.  No blank follows: parsers know the next word as part of this one. */
static void print_incomplete(struct ulogd_buf *b)
{
	ulogd_buf_lit(b, "INCOMPLETE");
}

static void print_tcp(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	static const struct {
		uint8_t input, len;
		char text[5];
	} flags[] = {
		{ IN_TCP_URG, 4, "URG " }, { IN_TCP_ACK, 4, "ACK " }, { IN_TCP_PSH, 4, "PSH " },
		{ IN_TCP_RST, 4, "RST " }, { IN_TCP_SYN, 4, "SYN " }, { IN_TCP_FIN, 4, "FIN " },
	};

	ulogd_buf_lit(b, "PROTO=TCP ");
	if (!ulogd_in_has(rec, IN_TCP_SPORT))
		return print_incomplete(b);
	print_num(b, "SPT=", ulogd_in_or_0(rec, IN_TCP_SPORT));
	print_num(b, "DPT=", ulogd_in_or_0(rec, IN_TCP_DPORT));
	print_num(b, "SEQ=", ulogd_in_or_0(rec, IN_TCP_SEQ));
	print_num(b, "ACK=", ulogd_in_or_0(rec, IN_TCP_ACKSEQ));
	print_num(b, "WINDOW=", ulogd_in_or_0(rec, IN_TCP_WINDOW));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (ulogd_in_or_0(rec, flags[i].input))
			ulogd_buf_mem(b, flags[i].text, flags[i].len);
	print_num(b, "URGP=", ulogd_in_or_0(rec, IN_TCP_URGP));
}

static void print_udp(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	ulogd_buf_lit(b, "PROTO=UDP ");
	if (!ulogd_in_has(rec, IN_UDP_SPORT))
		return print_incomplete(b);
	print_num(b, "SPT=", ulogd_in_or_0(rec, IN_UDP_SPORT));
	print_num(b, "DPT=", ulogd_in_or_0(rec, IN_UDP_DPORT));
	print_num(b, "LEN=", ulogd_in_or_0(rec, IN_UDP_LEN));
}

static void print_sctp(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	ulogd_buf_lit(b, "PROTO=SCTP ");
	if (!ulogd_in_has(rec, IN_SCTP_SPORT))
		return print_incomplete(b);
	print_num(b, "SPT=", ulogd_in_or_0(rec, IN_SCTP_SPORT));
	print_num(b, "DPT=", ulogd_in_or_0(rec, IN_SCTP_DPORT));
}

static void print_ipsec(struct ulogd_buf *b, const struct ulogd_record *rec, uint32_t protocol)
{
	if (protocol == IPPROTO_ESP)
		ulogd_buf_lit(b, "PROTO=ESP ");
	else
		ulogd_buf_lit(b, "PROTO=AH ");
	if (!ulogd_in_has(rec, IN_SPI))
		return print_incomplete(b);
	ulogd_buf_lit(b, "SPI=0x");
	ulogd_buf_hex(b, ulogd_in_or_0(rec, IN_SPI));
	ulogd_buf_char(b, ' ');
}

/* The four bytes of icmp.gateway; zeros when there are none. */
static const uint8_t *icmp_gateway(const struct ulogd_record *rec)
{
	static const uint8_t none[4];
	const uint8_t *gateway;
	size_t len;

	gateway = ulogd_in_mem(rec, IN_ICMP_GATEWAY, &len);
	return gateway ? gateway : none;
}

/*
 * What follows is chosen by the code, where the type would be right: ulogd2 always did
 * so, and parsers have learned it.
 */
static void print_icmp(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	uint32_t code;

	ulogd_buf_lit(b, "PROTO=ICMP ");
	if (!ulogd_in_has(rec, IN_ICMP_TYPE))
		return print_incomplete(b);
	code = ulogd_in_or_0(rec, IN_ICMP_CODE);
	print_num(b, "TYPE=", ulogd_in_or_0(rec, IN_ICMP_TYPE));
	print_num(b, "CODE=", code);
	switch (code) {
	case 0:
	case 8:
		print_num(b, "ID=", ulogd_in_or_0(rec, IN_ICMP_ECHOID));
		print_num(b, "SEQ=", ulogd_in_or_0(rec, IN_ICMP_ECHOSEQ));
		break;
	case 12:
		print_num(b, "PARAMETER=", icmp_gateway(rec)[0]);
		break;
	case 5:
		ulogd_buf_lit(b, "GATEWAY=");
		ulogd_buf_addr(b, icmp_gateway(rec), 4);
		ulogd_buf_char(b, ' ');
		break;
	}
}

static void print_icmpv6(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	ulogd_buf_lit(b, "PROTO=ICMPv6 ");
	if (!ulogd_in_has(rec, IN_ICMPV6_TYPE))
		return print_incomplete(b);
	print_num(b, "TYPE=", ulogd_in_or_0(rec, IN_ICMPV6_TYPE));
	print_num(b, "CODE=", ulogd_in_or_0(rec, IN_ICMPV6_CODE));
	if (!ulogd_in_has(rec, IN_ICMPV6_ECHOID))
		return;
	print_num(b, "ID=", ulogd_in_or_0(rec, IN_ICMPV6_ECHOID));
	print_num(b, "SEQ=", ulogd_in_or_0(rec, IN_ICMPV6_ECHOSEQ));
}

static void print_transport(struct ulogd_buf *b, const struct ulogd_record *rec, uint32_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		print_tcp(b, rec);
		break;
	case IPPROTO_UDP:
		print_udp(b, rec);
		break;
	case IPPROTO_SCTP:
		print_sctp(b, rec);
		break;
	case IPPROTO_ESP:
	case IPPROTO_AH:
		print_ipsec(b, rec, protocol);
		break;
	default:
		print_num(b, "PROTO=", protocol);
		break;
	}
}

static void print_ipv4(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	uint32_t tos = ulogd_in_or_0(rec, IN_TOS), frag = ulogd_in_or_0(rec, IN_FRAGOFF);
	uint32_t protocol = ulogd_in_or_0(rec, IN_IP_PROTOCOL);

	print_text_if(b, rec, "SRC=", IN_SADDR);
	print_text_if(b, rec, "DST=", IN_DADDR);
	print_num(b, "LEN=", ulogd_in_or_0(rec, IN_TOTLEN));
	ulogd_buf_lit(b, "TOS=");
	ulogd_buf_hex_upper(b, tos & 0x1e);
	ulogd_buf_lit(b, " PREC=0x");
	ulogd_buf_hex_upper(b, tos & 0xe0);
	print_num(b, " TTL=", ulogd_in_or_0(rec, IN_TTL));
	print_num(b, "ID=", ulogd_in_or_0(rec, IN_ID));
	if (frag & 0x8000)
		ulogd_buf_lit(b, "CE ");
	if (frag & 0x4000)
		ulogd_buf_lit(b, "DF ");
	if (frag & 0x2000)
		ulogd_buf_lit(b, "MF ");
	if (frag & 0x1fff)
		print_num(b, "FRAG:", frag & 0x1fff);
	if (protocol == IPPROTO_ICMP)
		print_icmp(b, rec);
	else
		print_transport(b, rec, protocol);
}

static void print_ipv6(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	uint32_t nexthdr = ulogd_in_or_0(rec, IN_NEXTHDR);

	print_text_if(b, rec, "SRC=", IN_SADDR);
	print_text_if(b, rec, "DST=", IN_DADDR);
	if (ulogd_in_has(rec, IN_PAYLOADLEN))
		print_num(b, "LEN=", ulogd_in_or_0(rec, IN_PAYLOADLEN) + 40);
	print_num_if(b, rec, "TC=", IN_PRIORITY);
	print_num_if(b, rec, "HOPLIMIT=", IN_HOPLIMIT);
	print_num_if(b, rec, "FLOWLBL=", IN_FLOWLABEL);
	if (ulogd_in_has(rec, IN_FRAGOFF6) && ulogd_in_has(rec, IN_FRAGID6)) {
		print_num(b, "FRAG: ", ulogd_in_or_0(rec, IN_FRAGOFF6));
		ulogd_buf_lit(b, "ID: ");
		ulogd_buf_hex_padded(b, ulogd_in_or_0(rec, IN_FRAGID6), 8);
		ulogd_buf_char(b, ' ');
	}
	if (nexthdr == IPPROTO_ICMPV6)
		print_icmpv6(b, rec);
	else
		print_transport(b, rec, nexthdr);
}

/* Operations of RFC 826 and RFC 1577. */
enum { ARP_REQUEST = 1, ARP_REPLY = 2, ARP_NAK = 10 };

static void print_arp(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	const uint8_t *mac;
	uint32_t op;
	size_t len;

	print_text_if(b, rec, "SRC=", IN_ARP_SADDR);
	print_text_if(b, rec, "DST=", IN_ARP_DADDR);
	ulogd_buf_lit(b, "PROTO=ARP ");
	if (!ulogd_in_u32(rec, IN_ARP_OPERATION, &op))
		return;
	switch (op) {
	case ARP_REQUEST:
		ulogd_buf_lit(b, "REQUEST ");
		break;
	case ARP_REPLY:
		ulogd_buf_lit(b, "REPLY ");
		mac = ulogd_in_mem(rec, IN_ARP_SHWADDR, &len);
		if (mac) {
			ulogd_buf_lit(b, "REPLY_MAC=");
			ulogd_buf_mac(b, mac, len);
			ulogd_buf_char(b, ' ');
		}
		break;
	case ARP_NAK:
		ulogd_buf_lit(b, "NAK ");
		break;
	default:
		print_num(b, "CODE=", op);
		break;
	}
}

/* Bridge and netdev packets can be anything: the EtherType tells. */
static void print_by_ethertype(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	uint32_t protocol = ulogd_in_or_0(rec, IN_PROTOCOL);

	switch (protocol) {
	case ETH_P_IP:
		print_ipv4(b, rec);
		break;
	case ETH_P_IPV6:
		print_ipv6(b, rec);
		break;
	case ETH_P_ARP:
		print_arp(b, rec);
		break;
	default:
		print_num(b, "PROTO=", protocol);
		break;
	}
}

/* Prefix, interfaces and link-layer header. */
static void print_head(struct ulogd_buf *b, const struct ulogd_record *rec)
{
	const uint8_t *mac;
	size_t len;

	print_text_if(b, rec, "", IN_PREFIX);
	if (ulogd_in_has(rec, IN_IN) && ulogd_in_has(rec, IN_OUT)) {
		print_text_if(b, rec, "IN=", IN_IN);
		print_text_if(b, rec, "OUT=", IN_OUT);
	}
	ulogd_buf_lit(b, "MAC=");
	mac = ulogd_in_mem(rec, IN_MAC, &len);
	if (mac)
		ulogd_buf_mac(b, mac, len);
	ulogd_buf_char(b, ' ');
}

static void print_as_ulogd(const struct printpkt_filter *f, const struct ulogd_record *rec,
			   struct ulogd_buf *b)
{
	(void)f;
	print_head(b, rec);
	switch (ulogd_in_or_0(rec, IN_FAMILY)) {
	case NFPROTO_IPV4:
		print_ipv4(b, rec);
		break;
	case NFPROTO_IPV6:
		print_ipv6(b, rec);
		break;
	case NFPROTO_ARP:
		print_arp(b, rec);
		break;
	case NFPROTO_BRIDGE:
	case NFPROTO_NETDEV:
		print_by_ethertype(b, rec);
		break;
	}
	print_num_if(b, rec, "UID=", IN_UID);
	print_num_if(b, rec, "GID=", IN_GID);
	if (ulogd_in_has(rec, IN_MARK)) {
		ulogd_buf_lit(b, "MARK=0x");
		ulogd_buf_hex(b, ulogd_in_or_0(rec, IN_MARK));
		ulogd_buf_char(b, ' ');
	}
}

static struct printpkt_mem mem_in(const struct ulogd_record *rec, unsigned int i)
{
	struct printpkt_mem ret;

	ret.p = ulogd_in_mem(rec, i, &ret.len);
	return ret;
}

static void print_as_kernel(const struct printpkt_filter *f, const struct ulogd_record *rec,
			    struct ulogd_buf *b)
{
	struct printpkt_packet packet = {
		.prefix = mem_in(rec, IN_PREFIX), .in = mem_in(rec, IN_IN), .out = mem_in(rec, IN_OUT),
		.physin = mem_in(rec, IN_PHYSIN), .physout = mem_in(rec, IN_PHYSOUT),
		.mac = mem_in(rec, IN_MAC),
		.pkt = mem_in(rec, IN_PKT),
		.mark = ulogd_in_or_0(rec, IN_MARK),
		.uid = ulogd_in_or_0(rec, IN_UID), .gid = ulogd_in_or_0(rec, IN_GID),
		.hwtype = (uint16_t)ulogd_in_or_0(rec, IN_TYPE),
		.protocol = (uint16_t)ulogd_in_or_0(rec, IN_PROTOCOL),
		.vlan_proto = (uint16_t)ulogd_in_or_0(rec, IN_VLAN_PROTO),
		.vlan_tci = (uint16_t)ulogd_in_or_0(rec, IN_VLAN_TCI),
		.family = (uint8_t)ulogd_in_or_0(rec, IN_FAMILY),
		.hook = (uint8_t)ulogd_in_or_0(rec, IN_HOOK),
		.has_vlan = ulogd_in_has(rec, IN_VLAN_TCI), .has_owner = ulogd_in_has(rec, IN_UID),
	};

	/* Packets that leave have a link-layer header in the bridge and netdev families only. */
	if (!packet.mac.p) {
		packet.mac = mem_in(rec, IN_L2HDR);
		/* Its VLAN tags count as the packet's. */
		if (packet.mac.len >= ETH_HLEN) {
			packet.mac.len = ETH_HLEN;
			packet.hwtype = ARPHRD_ETHER;
		}
	}
	packet.has_in = packet.in.len > 0 || ulogd_in_has(rec, IN_IFINDEX_IN);
	printpkt_kernel(b, &packet, f->flags);
}

static int printpkt_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	const struct printpkt_filter *f = ulogd_priv(inst);
	struct ulogd_buf text = ulogd_text_begin(rec);

	if (ulogd_in_has(rec, IN_LOSS))
		print_text_if(&text, rec, "", IN_PREFIX);	/* no packet: the input's own words */
	else
		f->print(f, rec, &text);
	ulogd_buf_char(&text, '\n');
	return ulogd_set_text(rec, OUT_PRINT, &text);
}

static int printpkt_check(struct ulogd_instance *inst)
{
	struct printpkt_filter *f = ulogd_priv(inst);

	if (printpkt_flags_parse(f->log_flags, &f->flags) < 0)
		return ulogd_fail_option(inst, "log_flags", "unknown value '%s'; write names joined by "
					 "commas, or their sum: " PRINTPKT_FLAG_NAMES, f->log_flags);
	if (strcmp(f->format, "kernel") == 0) {
		f->print = print_as_kernel;
		return 0;
	}
	if (strcmp(f->format, "ulogd") != 0)
		return ulogd_fail_option(inst, "format", "unknown value '%s'; write ulogd or kernel",
					 f->format);
	if (f->flags != 0)
		return ulogd_fail_option(inst, "log_flags", "'%s' has no effect on the line of ulogd2; "
					 "write format=kernel as well", f->log_flags);
	f->print = print_as_ulogd;
	return 0;
}

ULOGD_PLUGIN(struct printpkt_filter,
	.name = "PRINTPKT", .kind = ULOGD_FILTER,
	.options = options, .inputs = inputs, .outputs = outputs,
	.check = printpkt_check, .run = printpkt_run,
);

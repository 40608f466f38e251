// SPDX-License-Identifier: GPL-2.0-or-later
/* printpkt_kernel - the line that the kernel's own LOG target writes about a packet. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include "packet.h"
#include "printpkt_kernel.h"

/* The kernel's room for a line, without its level and a NUL byte: what is longer is cut. */
#define LINE_MAX_LEN 1016

/* A line being written. */
struct line {
	struct ulogd_buf *b;
	const struct printpkt_packet *packet;
	const char *begin;
	unsigned int flags;
	bool inner4;	/* IPv4 is printed as if inside an ICMP message: see is_inner4() */
};

/* "NAME=123 " */
#define print_num(b, name, num) do { \
	ulogd_buf_lit(b, name); \
	ulogd_buf_u32(b, num); \
	ulogd_buf_char(b, ' '); \
} while (0)

static void print_name(struct ulogd_buf *b, const char *name, const struct printpkt_mem *value)
{
	ulogd_buf_mem(b, name, strlen(name));
	ulogd_buf_mem(b, value->p, value->len);
	ulogd_buf_char(b, ' ');
}

static void print_hex_upper(struct ulogd_buf *b, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ulogd_buf_hex_upper(b, data[i]);
}

/* Eight groups of four digits, nothing left out. */
static void print_addr6(struct ulogd_buf *b, const uint8_t *addr)
{
	for (unsigned int i = 0; i < 16; i += 2) {
		if (i > 0)
			ulogd_buf_char(b, ':');
		ulogd_buf_hex_padded(b, get_be16(addr + i), 4);
	}
}

/* What there is of the packet from @off on; NULL and 0 when that is nothing. */
static const uint8_t *bytes_at(const struct line *l, size_t off, size_t *len)
{
	const struct printpkt_mem *pkt = &l->packet->pkt;

	*len = off < pkt->len ? pkt->len - off : 0;
	return *len ? (const uint8_t *)pkt->p + off : NULL;
}

/*
 * A header that was cut at @off.  Where that is behind the end, because an earlier header
 * lies about its length, the kernel's number is a negative one without its sign.
 */
static void print_incomplete(const struct line *l, size_t off)
{
	ulogd_buf_lit(l->b, "INCOMPLETE [");
	ulogd_buf_u32(l->b, (uint32_t)(l->packet->pkt.len - off));
	ulogd_buf_lit(l->b, " bytes] ");
}

/*
 * The functions below that print a header answer whether the line goes on behind it:
 * after some of the cut ones it ends, without UID and MARK.
 */

static void print_tcp_flags(struct ulogd_buf *b, const struct tcp_header *h)
{
	static const struct {
		uint16_t bit;
		uint8_t len;
		char text[5];
	} flags[] = {
		{ 0x100, 3, "AE " }, { 0x80, 4, "CWR " }, { 0x40, 4, "ECE " }, { 0x20, 4, "URG " },
		{ 0x10, 4, "ACK " }, { 0x08, 4, "PSH " }, { 0x04, 4, "RST " }, { 0x02, 4, "SYN " },
		{ 0x01, 4, "FIN " },
	};
	/* The lowest of the reserved bits is the flag AE, RFC 9768. */
	unsigned int set = (h->reserved & 1u) << 8 | h->flags;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (set & flags[i].bit)
			ulogd_buf_mem(b, flags[i].text, flags[i].len);
}

static bool print_tcp(const struct line *l, size_t off, bool fragment)
{
	struct ulogd_buf *b = l->b;
	struct tcp_header h;
	const uint8_t *pkt;
	size_t len;

	ulogd_buf_lit(b, "PROTO=TCP ");
	if (fragment)
		return true;
	pkt = bytes_at(l, off, &len);
	if (tcp_decode(pkt, len, &h) < 0) {
		print_incomplete(l, off);
		return false;
	}
	print_num(b, "SPT=", h.source);
	print_num(b, "DPT=", h.dest);
	if (l->flags & PRINTPKT_TCPSEQ) {
		print_num(b, "SEQ=", h.seq);
		print_num(b, "ACK=", h.ack_seq);
	}
	print_num(b, "WINDOW=", h.window);
	ulogd_buf_lit(b, "RES=0x");
	ulogd_buf_hex_padded(b, (h.reserved & 0x0eu) << 2, 2);
	ulogd_buf_char(b, ' ');
	print_tcp_flags(b, &h);
	print_num(b, "URGP=", h.urg_ptr);
	if ((l->flags & PRINTPKT_TCPOPT) && h.doff > 5) {
		size_t opt_len = 4u * h.doff - 20u;

		ulogd_buf_lit(b, "OPT (");
		if (len < 20 + opt_len) {
			ulogd_buf_lit(b, "TRUNCATED)");
			return false;
		}
		print_hex_upper(b, pkt + 20, opt_len);
		ulogd_buf_lit(b, ") ");
	}
	return true;
}

static bool print_udp(const struct line *l, size_t off, bool fragment, uint8_t protocol)
{
	struct ulogd_buf *b = l->b;
	struct udp_header h;
	const uint8_t *pkt;
	size_t len;

	if (protocol == IPPROTO_UDP)
		ulogd_buf_lit(b, "PROTO=UDP ");
	else
		ulogd_buf_lit(b, "PROTO=UDPLITE ");
	if (fragment)
		return true;
	pkt = bytes_at(l, off, &len);
	if (udp_decode(pkt, len, &h) < 0) {
		print_incomplete(l, off);
		return false;
	}
	print_num(b, "SPT=", h.source);
	print_num(b, "DPT=", h.dest);
	print_num(b, "LEN=", h.len);
	return true;
}

static void print_spi(struct ulogd_buf *b, uint32_t spi)
{
	ulogd_buf_lit(b, "SPI=0x");
	ulogd_buf_hex(b, spi);
	ulogd_buf_char(b, ' ');
}

static void print_ah(const struct line *l, size_t off, bool fragment)
{
	struct ah_header h;
	const uint8_t *pkt;
	size_t len;

	if (fragment)
		return;
	ulogd_buf_lit(l->b, "PROTO=AH ");
	pkt = bytes_at(l, off, &len);
	if (ah_decode(pkt, len, &h) < 0)
		print_incomplete(l, off);
	else
		print_spi(l->b, h.spi);
}

static void print_esp(const struct line *l, size_t off, bool fragment)
{
	struct esp_header h;
	const uint8_t *pkt;
	size_t len;

	ulogd_buf_lit(l->b, "PROTO=ESP ");
	if (fragment)
		return;
	pkt = bytes_at(l, off, &len);
	if (esp_decode(pkt, len, &h) < 0)
		print_incomplete(l, off);
	else
		print_spi(l->b, h.spi);
}

static bool print_ipv4(const struct line *l, size_t off, bool nested);

/* Types of RFC 792. */
enum {
	ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_SOURCE_QUENCH = 4, ICMP_REDIRECT = 5,
	ICMP_ECHO = 8, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER = 12,
};
#define ICMP_CODE_FRAG_NEEDED 4

static void print_icmp(const struct line *l, size_t off, bool fragment, bool nested)
{
	/* From the ICMP header on. */
	static const uint8_t min_len[] = {
		[ICMP_ECHO_REPLY] = 4, [ICMP_UNREACHABLE] = 28, [ICMP_SOURCE_QUENCH] = 28,
		[ICMP_REDIRECT] = 28, [ICMP_ECHO] = 4, [ICMP_TIME_EXCEEDED] = 28,
		[ICMP_PARAMETER] = 28, [13] = 20, [14] = 20, [17] = 12, [18] = 12,
	};
	struct ulogd_buf *b = l->b;
	struct icmp_header h;
	const uint8_t *pkt;
	size_t len;

	ulogd_buf_lit(b, "PROTO=ICMP ");
	if (fragment)
		return;
	pkt = bytes_at(l, off, &len);
	if (icmp_decode(pkt, len, &h) < 0)
		return print_incomplete(l, off);
	print_num(b, "TYPE=", h.type);
	print_num(b, "CODE=", h.code);
	if (h.type < sizeof(min_len) && len < min_len[h.type])
		return print_incomplete(l, off);

	switch (h.type) {
	case ICMP_ECHO_REPLY:
	case ICMP_ECHO:
		print_num(b, "ID=", get_be16(h.rest));
		print_num(b, "SEQ=", get_be16(h.rest + 2));
		break;
	case ICMP_PARAMETER:
		print_num(b, "PARAMETER=", h.rest[0]);
		break;
	case ICMP_REDIRECT:
		ulogd_buf_lit(b, "GATEWAY=");
		ulogd_buf_addr(b, h.rest, 4);
		ulogd_buf_char(b, ' ');
		/* fallthrough */
	case ICMP_UNREACHABLE:
	case ICMP_SOURCE_QUENCH:
	case ICMP_TIME_EXCEEDED:
		if (!nested) {
			ulogd_buf_char(b, '[');
			print_ipv4(l, off + 8, true);
			ulogd_buf_lit(b, "] ");
		}
		if (h.type == ICMP_UNREACHABLE && h.code == ICMP_CODE_FRAG_NEEDED)
			print_num(b, "MTU=", get_be16(h.rest + 2));
		break;
	}
}

static bool print_ipv4(const struct line *l, size_t off, bool nested)
{
	struct ulogd_buf *b = l->b;
	struct ipv4_header h;
	const uint8_t *pkt;
	bool fragment;
	size_t len;

	pkt = bytes_at(l, off, &len);
	if (ipv4_fixed_decode(pkt, len, &h) < 0) {
		ulogd_buf_lit(b, "TRUNCATED");
		return false;
	}
	ulogd_buf_lit(b, "SRC=");
	ulogd_buf_addr(b, h.saddr, 4);
	ulogd_buf_lit(b, " DST=");
	ulogd_buf_addr(b, h.daddr, 4);
	print_num(b, " LEN=", h.tot_len);
	ulogd_buf_lit(b, "TOS=0x");
	ulogd_buf_hex_upper(b, h.tos & 0x1e);
	ulogd_buf_lit(b, " PREC=0x");
	ulogd_buf_hex_upper(b, h.tos & 0xe0);
	print_num(b, " TTL=", h.ttl);
	print_num(b, "ID=", h.id);
	if (h.frag_off & 0x8000)
		ulogd_buf_lit(b, "CE ");
	if (h.frag_off & 0x4000)
		ulogd_buf_lit(b, "DF ");
	if (h.frag_off & 0x2000)
		ulogd_buf_lit(b, "MF ");
	fragment = h.frag_off & 0x1fff;
	if (fragment)
		print_num(b, "FRAG:", h.frag_off & 0x1fffu);
	if ((l->flags & PRINTPKT_IPOPT) && h.ihl > 5) {
		if (len < 4u * h.ihl) {
			ulogd_buf_lit(b, "TRUNCATED");
			return false;
		}
		ulogd_buf_lit(b, "OPT (");
		print_hex_upper(b, pkt + 20, 4u * h.ihl - 20u);
		ulogd_buf_lit(b, ") ");
	}

	off += 4u * h.ihl;
	switch (h.protocol) {
	case IPPROTO_TCP:
		return print_tcp(l, off, fragment);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return print_udp(l, off, fragment, h.protocol);
	case IPPROTO_ICMP:
		print_icmp(l, off, fragment, nested);
		break;
	case IPPROTO_AH:
		print_ah(l, off, fragment);
		break;
	case IPPROTO_ESP:
		print_esp(l, off, fragment);
		break;
	default:
		print_num(b, "PROTO=", h.protocol);
		break;
	}
	return true;
}

static bool print_ipv6(const struct line *l, size_t off, bool nested);

/* Types of RFC 4443. */
enum {
	ICMPV6_UNREACHABLE = 1, ICMPV6_TOO_BIG = 2, ICMPV6_TIME_EXCEEDED = 3, ICMPV6_PARAMETER = 4,
	ICMPV6_ECHO = 128, ICMPV6_ECHO_REPLY = 129,
};

static bool print_icmpv6(const struct line *l, size_t off, bool fragment, bool nested)
{
	struct ulogd_buf *b = l->b;
	struct icmp_header h;
	const uint8_t *pkt;
	size_t len;

	ulogd_buf_lit(b, "PROTO=ICMPv6 ");
	if (fragment)
		return true;
	pkt = bytes_at(l, off, &len);
	if (icmp_decode(pkt, len, &h) < 0) {
		print_incomplete(l, off);
		return false;
	}
	print_num(b, "TYPE=", h.type);
	print_num(b, "CODE=", h.code);
	switch (h.type) {
	case ICMPV6_ECHO:
	case ICMPV6_ECHO_REPLY:
		print_num(b, "ID=", get_be16(h.rest));
		print_num(b, "SEQ=", get_be16(h.rest + 2));
		break;
	case ICMPV6_PARAMETER:
		ulogd_buf_lit(b, "POINTER=");
		ulogd_buf_hex_padded(b, get_be32(h.rest), 8);
		ulogd_buf_char(b, ' ');
		/* fallthrough */
	case ICMPV6_UNREACHABLE:
	case ICMPV6_TOO_BIG:
	case ICMPV6_TIME_EXCEEDED:
		if (!nested) {
			ulogd_buf_char(b, '[');
			print_ipv6(l, off + 8, true);
			ulogd_buf_lit(b, "] ");
		}
		if (h.type == ICMPV6_TOO_BIG)
			print_num(b, "MTU=", get_be32(h.rest));
		break;
	}
	return true;
}

/* Where the walk along the extension headers stands. */
struct chain {
	size_t off;
	uint8_t nexthdr;
	bool fragment;	/* a later one: what follows is data */
};

static bool print_fragment_header(const struct line *l, struct chain *c, const uint8_t *pkt,
				  size_t len)
{
	struct ipv6_fragment_header h;

	ulogd_buf_lit(l->b, "FRAG:");
	if (ipv6_fragment_decode(pkt, len, &h) < 0) {
		ulogd_buf_lit(l->b, "TRUNCATED ");
		return false;
	}
	ulogd_buf_u32(l->b, h.offset);
	ulogd_buf_char(l->b, ' ');
	if (h.more)
		ulogd_buf_lit(l->b, "INCOMPLETE ");
	ulogd_buf_lit(l->b, "ID:");
	ulogd_buf_hex_padded(l->b, h.id, 8);
	ulogd_buf_char(l->b, ' ');
	if (h.offset != 0)
		c->fragment = true;
	return true;
}

/* AH as an extension header, when options are asked for. */
static bool print_ah_option(const struct line *l, const struct chain *c, const uint8_t *pkt,
			    size_t len)
{
	struct ah_header h;

	ulogd_buf_lit(l->b, "AH ");
	if (c->fragment) {
		ulogd_buf_char(l->b, ')');
		return false;
	}
	if (ah_decode(pkt, len, &h) < 0) {
		print_incomplete(l, c->off);
		ulogd_buf_char(l->b, ')');
		return false;
	}
	print_spi(l->b, h.spi);
	return true;
}

/* ESP: the rest is encrypted, so the line ends in any case. */
static void print_esp_option(const struct line *l, const struct chain *c, const uint8_t *pkt,
			     size_t len)
{
	struct esp_header h;

	ulogd_buf_lit(l->b, "ESP ");
	if (c->fragment) {
		ulogd_buf_char(l->b, ')');
		return;
	}
	if (esp_decode(pkt, len, &h) < 0)
		print_incomplete(l, c->off);
	else
		print_spi(l->b, h.spi);
	ulogd_buf_char(l->b, ')');
}

static bool is_extension(uint8_t nexthdr)
{
	switch (nexthdr) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_ESP:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return true;
	}
	return false;
}

/* Prints one extension header and steps over it. */
static bool print_extension(const struct line *l, struct chain *c)
{
	bool options = l->flags & PRINTPKT_IPOPT;
	struct ipv6_option_header h;
	size_t len, header_len;
	const uint8_t *pkt;

	pkt = bytes_at(l, c->off, &len);
	if (ipv6_option_decode(pkt, len, &h) < 0) {
		ulogd_buf_lit(l->b, "TRUNCATED");
		return false;
	}
	if (options)
		ulogd_buf_lit(l->b, "OPT ( ");
	switch (c->nexthdr) {
	case IPPROTO_FRAGMENT:
		if (!print_fragment_header(l, c, pkt, len))
			return false;
		header_len = 8;
		break;
	case IPPROTO_AH:
		if (options && !print_ah_option(l, c, pkt, len))
			return false;
		header_len = (h.hdrlen + 2u) * 4;	/* RFC 4302 */
		break;
	case IPPROTO_ESP:
		if (options)
			print_esp_option(l, c, pkt, len);
		return false;
	default:
		if (c->fragment) {
			if (options)
				ulogd_buf_char(l->b, ')');
			return false;
		}
		header_len = (h.hdrlen + 1u) * 8;
		break;
	}
	if (options)
		ulogd_buf_lit(l->b, ") ");
	c->nexthdr = h.nexthdr;
	c->off += header_len;
	return true;
}

static bool print_ipv6(const struct line *l, size_t off, bool nested)
{
	struct ulogd_buf *b = l->b;
	struct ipv6_header h;
	const uint8_t *pkt;
	struct chain c;
	size_t len;

	pkt = bytes_at(l, off, &len);
	if (ipv6_decode(pkt, len, &h) < 0) {
		ulogd_buf_lit(b, "TRUNCATED");
		return false;
	}
	ulogd_buf_lit(b, "SRC=");
	print_addr6(b, h.saddr);
	ulogd_buf_lit(b, " DST=");
	print_addr6(b, h.daddr);
	print_num(b, " LEN=", h.payload_len + 40u);
	print_num(b, "TC=", h.priority);
	print_num(b, "HOPLIMIT=", h.hop_limit);
	print_num(b, "FLOWLBL=", h.flow_label);

	c = (struct chain){ .off = off + 40, .nexthdr = h.nexthdr };
	while (is_extension(c.nexthdr)) {
		/* Nobody will see what follows. */
		if (b->p - l->begin > LINE_MAX_LEN)
			return false;
		if (!print_extension(l, &c))
			return false;
	}
	switch (c.nexthdr) {
	case IPPROTO_TCP:
		return print_tcp(l, c.off, c.fragment);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return print_udp(l, c.off, c.fragment, c.nexthdr);
	case IPPROTO_ICMPV6:
		return print_icmpv6(l, c.off, c.fragment, nested);
	}
	print_num(b, "PROTO=", c.nexthdr);
	return true;
}

static void print_mac_decoded(const struct line *l)
{
	const struct printpkt_packet *packet = l->packet;
	const uint8_t *mac = packet->mac.p;

	if (packet->mac.len < ETH_HLEN)
		return;
	ulogd_buf_lit(l->b, "MACSRC=");
	ulogd_buf_mac(l->b, mac + ETH_ALEN, ETH_ALEN);
	ulogd_buf_lit(l->b, " MACDST=");
	ulogd_buf_mac(l->b, mac, ETH_ALEN);
	ulogd_buf_char(l->b, ' ');
	if (packet->has_vlan) {
		ulogd_buf_lit(l->b, "VPROTO=");
		ulogd_buf_hex_padded(l->b, packet->vlan_proto, 4);
		print_num(l->b, " VID=", packet->vlan_tci);
	}
	ulogd_buf_lit(l->b, "MACPROTO=");
	ulogd_buf_hex_padded(l->b, get_be16(mac + 2 * ETH_ALEN), 4);
	ulogd_buf_char(l->b, ' ');
}

static void print_arp(const struct line *l)
{
	struct ulogd_buf *b = l->b;
	struct arp_fixed_header fixed;
	struct arp_header h;
	const uint8_t *pkt;
	size_t len;

	pkt = bytes_at(l, 0, &len);
	if (arp_fixed_decode(pkt, len, &fixed) < 0) {
		ulogd_buf_lit(b, "TRUNCATED");
		return;
	}
	if (l->flags & PRINTPKT_MACDECODE)
		print_mac_decoded(l);
	ulogd_buf_lit(b, "ARP HTYPE=");
	ulogd_buf_u32(b, fixed.hrd);
	ulogd_buf_lit(b, " PTYPE=0x");
	ulogd_buf_hex_padded(b, fixed.pro, 4);
	ulogd_buf_lit(b, " OPCODE=");
	ulogd_buf_u32(b, fixed.op);
	if (fixed.hrd != ARPHRD_ETHER || fixed.hln != 6 || fixed.pln != 4)
		return;
	if (arp_decode(pkt, len, &h) < 0) {
		ulogd_buf_lit(b, " INCOMPLETE [");
		ulogd_buf_u32(b, (uint32_t)(len - 8));
		ulogd_buf_lit(b, " bytes]");
		return;
	}
	ulogd_buf_lit(b, " MACSRC=");
	ulogd_buf_mac(b, h.sha, 6);
	ulogd_buf_lit(b, " IPSRC=");
	ulogd_buf_addr(b, h.spa, 4);
	ulogd_buf_lit(b, " MACDST=");
	ulogd_buf_mac(b, h.tha, 6);
	ulogd_buf_lit(b, " IPDST=");
	ulogd_buf_addr(b, h.tpa, 4);
}

static void print_mac(const struct line *l)
{
	const struct printpkt_packet *packet = l->packet;

	if ((l->flags & PRINTPKT_MACDECODE) && packet->hwtype == ARPHRD_ETHER)
		return print_mac_decoded(l);
	ulogd_buf_lit(l->b, "MAC=");
	ulogd_buf_mac(l->b, packet->mac.p, packet->mac.len);
	/* IPv6 in IPv4: an Ethernet header and the outer IPv4 header. */
	if (packet->hwtype == ARPHRD_SIT && packet->mac.len >= ETH_HLEN + 20) {
		const uint8_t *outer = (const uint8_t *)packet->mac.p + ETH_HLEN;

		ulogd_buf_lit(l->b, " TUNNEL=");
		ulogd_buf_addr(l->b, outer + 12, 4);
		ulogd_buf_lit(l->b, "->");
		ulogd_buf_addr(l->b, outer + 16, 4);
	}
	ulogd_buf_char(l->b, ' ');
}

static void print_port_if(struct ulogd_buf *b, const char *name, const struct printpkt_mem *port,
			  const struct printpkt_mem *dev)
{
	if (port->len > 0 && (port->len != dev->len || memcmp(port->p, dev->p, dev->len) != 0))
		print_name(b, name, port);
}

static void print_head(const struct line *l)
{
	const struct printpkt_packet *p = l->packet;
	bool bridge = p->family == NFPROTO_BRIDGE;

	ulogd_buf_mem(l->b, p->prefix.p, p->prefix.len);
	/* For the bridge family the kernel names the ports, and NFLOG the bridge as well. */
	print_name(l->b, "IN=", bridge && p->physin.len > 0 ? &p->physin : &p->in);
	print_name(l->b, "OUT=", bridge && p->physout.len > 0 ? &p->physout : &p->out);
	if (bridge)
		return;
	print_port_if(l->b, "PHYSIN=", &p->physin, &p->in);
	print_port_if(l->b, "PHYSOUT=", &p->physout, &p->out);
}

/* The EtherType by which the kernel chooses what to print. */
static uint16_t dispatch_type(const struct printpkt_packet *packet)
{
	switch (packet->family) {
	case NFPROTO_IPV4:
		return ETH_P_IP;
	case NFPROTO_IPV6:
		return ETH_P_IPV6;
	case NFPROTO_ARP:
		return ETH_P_ARP;
	}
	return packet->protocol;
}

/*
 * By the kernel's mind an IPv4 header that does not begin its buffer is quoted by an ICMP
 * message, and gets neither a quote of its own nor UID and MARK.  At netdev egress the buffer
 * begins with the link-layer header, so that this is said of every packet there.
 */
static bool is_inner4(const struct printpkt_packet *packet)
{
	enum { NETDEV_EGRESS = 1 };

	return packet->family == NFPROTO_NETDEV && packet->hook == NETDEV_EGRESS && packet->mac.len > 0;
}

static void print_line(const struct line *l)
{
	const struct printpkt_packet *packet = l->packet;
	uint16_t type = dispatch_type(packet);
	bool more;

	print_head(l);
	switch (type) {
	case ETH_P_IP:
	case ETH_P_IPV6:
		if (packet->has_in)
			print_mac(l);
		more = type == ETH_P_IP ? print_ipv4(l, 0, l->inner4) : print_ipv6(l, 0, false);
		break;
	case ETH_P_ARP:
	case ETH_P_RARP:
		print_arp(l);
		return;
	default:
		print_mac(l);
		return;
	}
	if (!more || (type == ETH_P_IP && l->inner4))
		return;
	if ((l->flags & PRINTPKT_UID) && packet->has_owner) {
		print_num(l->b, "UID=", packet->uid);
		print_num(l->b, "GID=", packet->gid);
	}
	if (packet->mark != 0) {
		ulogd_buf_lit(l->b, "MARK=0x");
		ulogd_buf_hex(l->b, packet->mark);
		ulogd_buf_char(l->b, ' ');
	}
}

void printpkt_kernel(struct ulogd_buf *b, const struct printpkt_packet *packet, unsigned int flags)
{
	struct line line = { .b = b, .packet = packet, .begin = b->p, .flags = flags,
			     .inner4 = is_inner4(packet) };

	print_line(&line);
	if (b->p - line.begin > LINE_MAX_LEN)
		b->p += LINE_MAX_LEN - (b->p - line.begin);
}

static const struct {
	const char *name;
	unsigned int flag;
} flag_names[] = {
	{ "tcpseq", PRINTPKT_TCPSEQ }, { "tcpopt", PRINTPKT_TCPOPT }, { "ipopt", PRINTPKT_IPOPT },
	{ "uid", PRINTPKT_UID }, { "macdecode", PRINTPKT_MACDECODE }, { "all", PRINTPKT_ALL },
};

static int flag_find(const char *word, size_t len, unsigned int *ret)
{
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if (strlen(flag_names[i].name) == len && memcmp(flag_names[i].name, word, len) == 0) {
			*ret |= flag_names[i].flag;
			return 0;
		}
	}
	return -EINVAL;
}

int printpkt_flags_parse(const char *text, unsigned int *ret)
{
	static const char between[] = ", \t";
	unsigned int flags = 0;
	unsigned long num;
	char *end;
	size_t len;

	if (*text >= '0' && *text <= '9') {
		num = strtoul(text, &end, 0);
		if (*end != '\0' || (num & ~(unsigned long)PRINTPKT_ALL))
			return -EINVAL;
		*ret = (unsigned int)num;
		return 0;
	}
	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		len = strcspn(text, between);
		if (flag_find(text, len, &flags) < 0)
			return -EINVAL;
		text += len;
	}
	*ret = flags;
	return 0;
}

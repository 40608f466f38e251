/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fields.h - the vocabulary: every field that plugins share.
 *
 * One line is one field:
 *
 *   X(ID, "name", TYPE, vendor, element, "what it is: unit, byte order")
 *
 * ID becomes FIELD_ID, the name is the key of ulogd's manuals.  vendor and
 * element are the IPFIX information element (RFC 7012; vendor 0 is IETF,
 * 21373 netfilter), 0, 0 meaning that there is none.  Numbers are in host byte
 * order, addresses and raw bytes as they stand in the packet.
 *
 * A field that only one plugin produces and nobody else has to know can be
 * declared by that plugin instead, see struct ulogd_field in plugin.h.
 */
#ifndef ULOGD_FIELDS_H
#define ULOGD_FIELDS_H

#define ULOGD_VENDOR_IETF	0
#define ULOGD_VENDOR_NETFILTER	21373

#define ULOGD_FIELDS(X) \
	/* The packet as the kernel delivered it. */ \
	X(RAW_MAC, "raw.mac", RAW, 0, 0, "link-layer header of the packet as received") \
	X(RAW_PKT, "raw.pkt", RAW, 21373, 1, "packet from the network header on, as far as it was captured") \
	X(RAW_PKTLEN, "raw.pktlen", U32, 21373, 2, "captured length, bytes") \
	X(RAW_PKTCOUNT, "raw.pktcount", U32, 0, 2, "packets in this event, always 1") \
	X(RAW_MAC_LEN, "raw.mac_len", U16, 0, 0, "length of raw.mac, bytes") \
	X(RAW_LABEL, "raw.label", U8, 0, 0, "label given by the input's numeric_label") \
	X(RAW_TYPE, "raw.type", U16, 0, 0, "hardware type, ARPHRD_* of linux/if_arp.h") \
	X(RAW_MAC_SADDR, "raw.mac.saddr", RAW, 0, 56, "source link-layer address") \
	X(RAW_MAC_ADDRLEN, "raw.mac.addrlen", U16, 0, 0, "length of raw.mac.saddr, bytes") \
	X(RAW, "raw", RAW, 0, 0, "the whole netlink message of the packet") \
	X(CT, "ct", RAW, 0, 0, "attached conntrack entry, nested CTA_* attributes") \
	/* What the kernel says about the packet. */ \
	X(OOB_PREFIX, "oob.prefix", STRING, 21373, 3, "prefix of the rule") \
	X(OOB_TIME_SEC, "oob.time.sec", U32, 0, 150, "time of the packet, seconds since the epoch") \
	X(OOB_TIME_USEC, "oob.time.usec", U32, 0, 154, "microseconds part of oob.time.sec") \
	X(OOB_MARK, "oob.mark", U32, 21373, 4, "packet mark") \
	X(OOB_IFINDEX_IN, "oob.ifindex_in", U32, 0, 10, "index of the input interface") \
	X(OOB_IFINDEX_OUT, "oob.ifindex_out", U32, 0, 14, "index of the output interface") \
	X(OOB_IFINDEX_PHYSIN, "oob.ifindex_physin", U32, 0, 0, "index of the bridge port the packet came in by") \
	X(OOB_IFINDEX_PHYSOUT, "oob.ifindex_physout", U32, 0, 0, "index of the bridge port the packet leaves by") \
	X(OOB_HOOK, "oob.hook", U8, 21373, 5, "netfilter hook number") \
	X(OOB_SEQ_LOCAL, "oob.seq.local", U32, 21373, 7, "sequence number within the group") \
	X(OOB_SEQ_GLOBAL, "oob.seq.global", U32, 21373, 8, "sequence number over all groups") \
	X(OOB_FAMILY, "oob.family", U8, 0, 0, "NFPROTO_* of linux/netfilter.h: 2 IPv4, 3 ARP, 5 netdev, 7 bridge, 10 IPv6") \
	X(OOB_PROTOCOL, "oob.protocol", U16, 0, 0, "EtherType of the packet") \
	X(OOB_UID, "oob.uid", U32, 0, 0, "user who owns the packet's socket") \
	X(OOB_GID, "oob.gid", U32, 0, 0, "group who owns the packet's socket") \
	X(OOB_VLAN_TCI, "oob.vlan.tci", U16, 0, 0, "VLAN tag control information: priority, DEI, id") \
	X(OOB_VLAN_PROTO, "oob.vlan.proto", U16, 0, 0, "EtherType of the VLAN tag") \
	X(OOB_L2HDR, "oob.l2hdr", RAW, 0, 0, "link-layer header, bridge and netdev families") \
	X(OOB_IN, "oob.in", STRING, 0, 0, "name of the input interface") \
	X(OOB_OUT, "oob.out", STRING, 0, 0, "name of the output interface") \
	X(OOB_PHYSIN, "oob.physin", STRING, 0, 0, "name of the bridge port the packet came in by") \
	X(OOB_PHYSOUT, "oob.physout", STRING, 0, 0, "name of the bridge port the packet leaves by") \
	/* Network headers. */ \
	X(IP_SADDR, "ip.saddr", IPADDR, 0, 8, "source address") \
	X(IP_DADDR, "ip.daddr", IPADDR, 0, 12, "destination address") \
	X(IP_PROTOCOL, "ip.protocol", U8, 0, 4, "transport protocol") \
	X(IP_TOS, "ip.tos", U8, 0, 5, "whole type-of-service byte") \
	X(IP_TTL, "ip.ttl", U8, 0, 192, "time to live") \
	X(IP_TOTLEN, "ip.totlen", U16, 0, 190, "total length the header claims, bytes") \
	X(IP_IHL, "ip.ihl", U8, 0, 207, "header length, 32-bit words") \
	X(IP_CSUM, "ip.csum", U16, 0, 0, "header checksum") \
	X(IP_ID, "ip.id", U16, 0, 54, "identification") \
	X(IP_FRAGOFF, "ip.fragoff", U16, 0, 88, "flags 0x8000, 0x4000, 0x2000 and the offset in units of 8 bytes") \
	X(IP6_PAYLOADLEN, "ip6.payloadlen", U16, 0, 191, "payload length the header claims, bytes") \
	X(IP6_PRIORITY, "ip6.priority", U8, 0, 0, "traffic class") \
	X(IP6_FLOWLABEL, "ip6.flowlabel", U32, 0, 31, "flow label, 20 bits") \
	X(IP6_HOPLIMIT, "ip6.hoplimit", U8, 0, 0, "hop limit") \
	X(IP6_NEXTHDR, "ip6.nexthdr", U8, 0, 193, "the last header of the chain") \
	X(IP6_FRAGOFF, "ip6.fragoff", U16, 0, 0, "fragment offset, bytes") \
	X(IP6_FRAGID, "ip6.fragid", U32, 0, 0, "fragment identification") \
	/* Transport headers. */ \
	X(TCP_SPORT, "tcp.sport", U16, 0, 182, "source port") \
	X(TCP_DPORT, "tcp.dport", U16, 0, 183, "destination port") \
	X(TCP_SEQ, "tcp.seq", U32, 0, 184, "sequence number") \
	X(TCP_ACKSEQ, "tcp.ackseq", U32, 0, 185, "acknowledgement number") \
	X(TCP_WINDOW, "tcp.window", U16, 0, 186, "window, not scaled") \
	X(TCP_OFFSET, "tcp.offset", U8, 0, 0, "data offset, 32-bit words") \
	X(TCP_RESERVED, "tcp.reserved", U8, 0, 0, "the 4 reserved bits") \
	X(TCP_URG, "tcp.urg", BOOL, 0, 0, "URG flag") \
	X(TCP_URGP, "tcp.urgp", U16, 0, 187, "urgent pointer, when URG is set") \
	X(TCP_ACK, "tcp.ack", BOOL, 0, 0, "ACK flag") \
	X(TCP_PSH, "tcp.psh", BOOL, 0, 0, "PSH flag") \
	X(TCP_RST, "tcp.rst", BOOL, 0, 0, "RST flag") \
	X(TCP_SYN, "tcp.syn", BOOL, 0, 0, "SYN flag") \
	X(TCP_FIN, "tcp.fin", BOOL, 0, 0, "FIN flag") \
	X(TCP_RES1, "tcp.res1", BOOL, 0, 0, "the 4 reserved bits, 0 to 15") \
	X(TCP_RES2, "tcp.res2", BOOL, 0, 0, "ECE 1, CWR 2") \
	X(TCP_CSUM, "tcp.csum", U16, 0, 0, "checksum") \
	X(UDP_SPORT, "udp.sport", U16, 0, 180, "source port") \
	X(UDP_DPORT, "udp.dport", U16, 0, 181, "destination port") \
	X(UDP_LEN, "udp.len", U16, 0, 0, "length the header claims, bytes") \
	X(UDP_CSUM, "udp.csum", U16, 0, 0, "checksum") \
	X(ICMP_TYPE, "icmp.type", U8, 0, 176, "type") \
	X(ICMP_CODE, "icmp.code", U8, 0, 177, "code") \
	X(ICMP_ECHOID, "icmp.echoid", U16, 0, 0, "echo identifier, types 0 and 8") \
	X(ICMP_ECHOSEQ, "icmp.echoseq", U16, 0, 0, "echo sequence number, types 0 and 8") \
	X(ICMP_GATEWAY, "icmp.gateway", IPADDR, 0, 0, "gateway of a redirect; parameter problem: its four bytes") \
	X(ICMP_FRAGMTU, "icmp.fragmtu", U16, 0, 0, "next-hop MTU of fragmentation needed, bytes") \
	X(ICMP_CSUM, "icmp.csum", U16, 0, 0, "checksum") \
	X(ICMPV6_TYPE, "icmpv6.type", U8, 0, 178, "type") \
	X(ICMPV6_CODE, "icmpv6.code", U8, 0, 179, "code") \
	X(ICMPV6_ECHOID, "icmpv6.echoid", U16, 0, 0, "echo identifier, types 128 and 129") \
	X(ICMPV6_ECHOSEQ, "icmpv6.echoseq", U16, 0, 0, "echo sequence number, types 128 and 129") \
	X(ICMPV6_CSUM, "icmpv6.csum", U16, 0, 0, "checksum") \
	X(AHESP_SPI, "ahesp.spi", U32, 0, 0, "security parameter index; not set, as in ulogd2") \
	X(ARP_HWTYPE, "arp.hwtype", U16, 0, 0, "hardware type") \
	X(ARP_PROTOCOLTYPE, "arp.protocoltype", U16, 0, 0, "protocol type") \
	X(ARP_OPERATION, "arp.operation", U16, 0, 0, "operation") \
	X(ARP_SHWADDR, "arp.shwaddr", RAW, 0, 0, "sender hardware address, 6 bytes") \
	X(ARP_SADDR, "arp.saddr", IPADDR, 0, 0, "sender IPv4 address") \
	X(ARP_DHWADDR, "arp.dhwaddr", RAW, 0, 0, "target hardware address, 6 bytes") \
	X(ARP_DADDR, "arp.daddr", IPADDR, 0, 0, "target IPv4 address") \
	X(SCTP_SPORT, "sctp.sport", U16, 0, 0, "source port") \
	X(SCTP_DPORT, "sctp.dport", U16, 0, 0, "destination port") \
	X(SCTP_CSUM, "sctp.csum", U32, 0, 0, "checksum") \
	/* Flows: addresses and mark that filters share between packets and flows. */ \
	X(CT_MARK, "ct.mark", U32, 21373, 4, "connection mark") \
	X(CT_ID, "ct.id", U32, 21373, 6, "id of the connection") \
	X(CT_STATUS, "ct.status", U32, 0, 0, "IPS_* bits of linux/netfilter/nf_conntrack_common.h") \
	X(CT_INFO, "ct.info", U32, 0, 0, "enum ip_conntrack_info: 0 established, 1 related, 2 new; +3 reply") \
	X(ORIG_IP_PROTOCOL, "orig.ip.protocol", U8, 0, 4, "transport protocol, original direction") \
	X(ORIG_L4_SPORT, "orig.l4.sport", U16, 0, 7, "source port, original direction") \
	X(ORIG_L4_DPORT, "orig.l4.dport", U16, 0, 11, "destination port, original direction") \
	X(REPLY_IP_PROTOCOL, "reply.ip.protocol", U8, 0, 4, "transport protocol, reply direction") \
	X(REPLY_L4_SPORT, "reply.l4.sport", U16, 0, 7, "source port, reply direction") \
	X(REPLY_L4_DPORT, "reply.l4.dport", U16, 0, 11, "destination port, reply direction") \
	X(ORIG_IP_SADDR, "orig.ip.saddr", IPADDR, 0, 8, "source address, original direction") \
	X(ORIG_IP_DADDR, "orig.ip.daddr", IPADDR, 0, 12, "destination address, original direction") \
	X(REPLY_IP_SADDR, "reply.ip.saddr", IPADDR, 0, 8, "source address, reply direction") \
	X(REPLY_IP_DADDR, "reply.ip.daddr", IPADDR, 0, 12, "destination address, reply direction") \
	/* What an input says about itself: report_loss=1. */ \
	X(LOSS_EVENTS, "loss.events", U64, 0, 0, "events that the kernel could not deliver") \
	X(LOSS_GROUP, "loss.group", U16, 0, 0, "log group of these events") \
	X(LOSS_BEGIN, "loss.begin", U32, 0, 0, "time of the last event before them, seconds since 1970") \
	X(LOSS_END, "loss.end", U32, 0, 0, "time of the next event after them, seconds since 1970") \
	/* Text made by filters. */ \
	X(IP_SADDR_STR, "ip.saddr.str", STRING, 0, 0, "ip.saddr as text") \
	X(IP_DADDR_STR, "ip.daddr.str", STRING, 0, 0, "ip.daddr as text") \
	X(ORIG_IP_SADDR_STR, "orig.ip.saddr.str", STRING, 0, 0, "orig.ip.saddr as text") \
	X(ORIG_IP_DADDR_STR, "orig.ip.daddr.str", STRING, 0, 0, "orig.ip.daddr as text") \
	X(REPLY_IP_SADDR_STR, "reply.ip.saddr.str", STRING, 0, 0, "reply.ip.saddr as text") \
	X(REPLY_IP_DADDR_STR, "reply.ip.daddr.str", STRING, 0, 0, "reply.ip.daddr as text") \
	X(ARP_SADDR_STR, "arp.saddr.str", STRING, 0, 0, "arp.saddr as text") \
	X(ARP_DADDR_STR, "arp.daddr.str", STRING, 0, 0, "arp.daddr as text") \
	X(IP_SADDR_BIN, "ip.saddr.bin", RAWSTR, 0, 0, "ip.saddr as an SQL number, 0x and 32 digits") \
	X(IP_DADDR_BIN, "ip.daddr.bin", RAWSTR, 0, 0, "ip.daddr as an SQL number") \
	X(ORIG_IP_SADDR_BIN, "orig.ip.saddr.bin", RAWSTR, 0, 0, "orig.ip.saddr as an SQL number") \
	X(ORIG_IP_DADDR_BIN, "orig.ip.daddr.bin", RAWSTR, 0, 0, "orig.ip.daddr as an SQL number") \
	X(REPLY_IP_SADDR_BIN, "reply.ip.saddr.bin", RAWSTR, 0, 0, "reply.ip.saddr as an SQL number") \
	X(REPLY_IP_DADDR_BIN, "reply.ip.daddr.bin", RAWSTR, 0, 0, "reply.ip.daddr as an SQL number") \
	X(ARP_SADDR_BIN, "arp.saddr.bin", RAWSTR, 0, 0, "arp.saddr as an SQL number") \
	X(ARP_DADDR_BIN, "arp.daddr.bin", RAWSTR, 0, 0, "arp.daddr as an SQL number") \
	X(IP_SADDR_HBIN, "ip.hsaddr", IPADDR, 0, 0, "ip.saddr, IPv4 in host byte order") \
	X(IP_DADDR_HBIN, "ip.hdaddr", IPADDR, 0, 0, "ip.daddr, IPv4 in host byte order") \
	X(ORIG_IP_SADDR_HBIN, "orig.ip.hsaddr", IPADDR, 0, 0, "orig.ip.saddr, IPv4 in host byte order") \
	X(ORIG_IP_DADDR_HBIN, "orig.ip.hdaddr", IPADDR, 0, 0, "orig.ip.daddr, IPv4 in host byte order") \
	X(REPLY_IP_SADDR_HBIN, "reply.ip.hsaddr", IPADDR, 0, 0, "reply.ip.saddr, IPv4 in host byte order") \
	X(REPLY_IP_DADDR_HBIN, "reply.ip.hdaddr", IPADDR, 0, 0, "reply.ip.daddr, IPv4 in host byte order") \
	X(ARP_SADDR_HBIN, "arp.hsaddr", IPADDR, 0, 0, "arp.saddr, IPv4 in host byte order") \
	X(ARP_DADDR_HBIN, "arp.hdaddr", IPADDR, 0, 0, "arp.daddr, IPv4 in host byte order") \
	X(MAC_SADDR_STR, "mac.saddr.str", STRING, 0, 0, "source link-layer address as text") \
	X(MAC_DADDR_STR, "mac.daddr.str", STRING, 0, 0, "destination link-layer address as text") \
	X(MAC_STR, "mac.str", STRING, 0, 0, "whole link-layer header as text") \
	X(PRINT, "print", STRING, 0, 0, "the event as one line of text, ending in a newline")

/** The ids of the shared fields; FIELD_NONE is "declared by name". */
enum ulogd_field_id {
	FIELD_NONE,
#define ULOGD_FIELD_ENUM(id, name, type, vendor, element, help) FIELD_##id,
	ULOGD_FIELDS(ULOGD_FIELD_ENUM)
#undef ULOGD_FIELD_ENUM
	FIELD_COUNT
};

#endif /* ULOGD_FIELDS_H */

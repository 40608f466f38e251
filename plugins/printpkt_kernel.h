/* SPDX-License-Identifier: GPL-2.0-or-later */
/* printpkt_kernel.h - the line that the kernel's own LOG target writes about a packet. */
#ifndef PRINTPKT_KERNEL_H
#define PRINTPKT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ulogd/buf.h>

/** What a line has besides: NF_LOG_* of linux/netfilter/nf_log.h. */
enum {
	PRINTPKT_TCPSEQ = 0x01,
	PRINTPKT_TCPOPT = 0x02,
	PRINTPKT_IPOPT = 0x04,
	PRINTPKT_UID = 0x08,
	PRINTPKT_MACDECODE = 0x20,
	PRINTPKT_ALL = 0x2f,
};

/** Bytes or text of somebody else's. */
struct printpkt_mem {
	const void *p;
	size_t len;
};

/** What the kernel said about a packet.  What it did not say is zero. */
struct printpkt_packet {
	struct printpkt_mem prefix, in, out, physin, physout;	/* physin, physout: bridge ports */
	struct printpkt_mem mac;	/* link-layer header */
	struct printpkt_mem pkt;	/* from the network header on */
	uint32_t mark, uid, gid;
	uint16_t hwtype;		/* ARPHRD_* */
	uint16_t protocol;		/* EtherType */
	uint16_t vlan_proto, vlan_tci;
	uint8_t family;			/* NFPROTO_* */
	uint8_t hook;
	bool has_in;			/* it came in by an interface */
	bool has_vlan;			/* a tag that is not part of the packet */
	bool has_owner;			/* uid and gid */
};

/**
 * Appends the line, without a newline.
 * @flags: PRINTPKT_*
 */
void printpkt_kernel(struct ulogd_buf *b, const struct printpkt_packet *packet, unsigned int flags);

/**
 * Reads log_flags=: names joined by commas or blanks, or their sum as a number.
 * Returns 0 or -EINVAL.
 */
int printpkt_flags_parse(const char *text, unsigned int *ret);

/** The names that printpkt_flags_parse() knows. */
#define PRINTPKT_FLAG_NAMES "tcpseq (1), tcpopt (2), ipopt (4), uid (8), macdecode (32), all (47)"

#endif /* PRINTPKT_KERNEL_H */

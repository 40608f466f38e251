/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nflog_record.h - the fields of a logged packet: of plugins that read NFULNL_MSG_PACKET.
 */
#ifndef NFLOG_RECORD_H
#define NFLOG_RECORD_H

#include "conntrack_entry.h"
#include "nflog_packet.h"

#include <ulogd/plugin.h>

/* The order is ulogd2's: outputs that print all fields print them like this. */
#define NFLOG_OUTPUTS(X) \
	X(RAW_MAC) X(RAW_PKT) X(RAW_PKTLEN) X(RAW_PKTCOUNT) X(OOB_PREFIX) X(OOB_TIME_SEC) \
	X(OOB_TIME_USEC) X(OOB_MARK) X(OOB_IFINDEX_IN) X(OOB_IFINDEX_OUT) X(OOB_HOOK) \
	X(RAW_MAC_LEN) X(OOB_SEQ_LOCAL) X(OOB_SEQ_GLOBAL) X(OOB_FAMILY) X(OOB_PROTOCOL) \
	X(OOB_UID) X(OOB_GID) X(RAW_LABEL) X(RAW_TYPE) X(RAW_MAC_SADDR) X(RAW_MAC_ADDRLEN) \
	X(RAW) X(CT) \
	X(OOB_IFINDEX_PHYSIN) X(OOB_IFINDEX_PHYSOUT) X(OOB_VLAN_PROTO) X(OOB_VLAN_TCI) X(OOB_L2HDR) \
	X(ORIG_IP_SADDR) X(ORIG_IP_DADDR) X(ORIG_IP_PROTOCOL) X(ORIG_L4_SPORT) X(ORIG_L4_DPORT) \
	X(REPLY_IP_SADDR) X(REPLY_IP_DADDR) X(REPLY_IP_PROTOCOL) X(REPLY_L4_SPORT) \
	X(REPLY_L4_DPORT) X(CT_MARK) X(CT_ID) X(CT_STATUS) X(CT_INFO)

/* The places of these in a plugin's table of outputs, which begins with them. */
enum {
#define NFLOG_OUTPUT_ENUM(field) OUT_##field,
	NFLOG_OUTPUTS(NFLOG_OUTPUT_ENUM)
	N_NFLOG_OUTPUTS
};

/* Lines of such a table. */
#define NFLOG_OUTPUT_FIELD(field) [OUT_##field] = { .id = FIELD_##field },

/** The kernel's time; false and nothing set when it gave none. */
static inline bool nflog_time_set(const struct ulogd_record *rec, const struct nflog_packet *p)
{
	const uint8_t *stamp = p->data[NFULA_TIMESTAMP];
	uint32_t sec;

	/* Seconds and microseconds, be64: struct nfulnl_msg_packet_timestamp. */
	sec = nflog_has(p, NFULA_TIMESTAMP) ? get_be32(stamp + 4) : 0;
	if (sec == 0)
		return false;
	ulogd_set_num(rec, OUT_OOB_TIME_SEC, sec);
	ulogd_set_num(rec, OUT_OOB_TIME_USEC, get_be32(stamp + 12));
	return true;
}

static inline void nflog_link_layer_set(const struct ulogd_record *rec,
					const struct nflog_packet *p)
{
	uint16_t num;

	if (nflog_has(p, NFULA_HWLEN) && nflog_has(p, NFULA_HWHEADER)) {
		uint32_t len = nflog_be16(p, NFULA_HWLEN);

		if (len > p->len[NFULA_HWHEADER])
			len = p->len[NFULA_HWHEADER];
		if (len > 0) {
			ulogd_set_mem(rec, OUT_RAW_MAC, p->data[NFULA_HWHEADER], len);
			ulogd_set_num(rec, OUT_RAW_MAC_LEN, len);
			if (nflog_has(p, NFULA_HWTYPE))
				ulogd_set_num(rec, OUT_RAW_TYPE, nflog_be16(p, NFULA_HWTYPE));
		}
	}
	if (nflog_has(p, NFULA_HWADDR)) {
		/* struct nfulnl_msg_packet_hw: be16 length, pad, 8 bytes of address. */
		uint16_t len = nflog_be16(p, NFULA_HWADDR);

		len = len < 8 ? len : 8;
		ulogd_set_mem(rec, OUT_RAW_MAC_SADDR, p->data[NFULA_HWADDR] + 4, len);
		ulogd_set_num(rec, OUT_RAW_MAC_ADDRLEN, len);
	}
	if (nflog_has(p, NFULA_VLAN)) {
		const uint8_t *nest = p->data[NFULA_VLAN];
		size_t len = p->len[NFULA_VLAN];

		if (nflog_nested_be16(nest, len, NFULA_VLAN_PROTO, &num))
			ulogd_set_num(rec, OUT_OOB_VLAN_PROTO, num);
		if (nflog_nested_be16(nest, len, NFULA_VLAN_TCI, &num))
			ulogd_set_num(rec, OUT_OOB_VLAN_TCI, num);
	}
	if (nflog_has(p, NFULA_L2HDR))
		ulogd_set_mem(rec, OUT_OOB_L2HDR, p->data[NFULA_L2HDR], p->len[NFULA_L2HDR]);
}

static inline void nflog_payload_set(const struct ulogd_record *rec, const struct nflog_packet *p)
{
	size_t link_len;

	if (!nflog_has(p, NFULA_PAYLOAD))
		return;
	link_len = nflog_link_len(p);
	ulogd_set_mem(rec, OUT_RAW_PKT, p->data[NFULA_PAYLOAD] + link_len,
		      p->len[NFULA_PAYLOAD] - link_len);
	ulogd_set_num(rec, OUT_RAW_PKTLEN, p->len[NFULA_PAYLOAD] - link_len);
}

static inline void nflog_num_if(const struct ulogd_record *rec, unsigned int out,
				const struct nflog_packet *p, unsigned int type)
{
	if (nflog_has(p, type))
		ulogd_set_num(rec, out, nflog_be32(p, type));
}

/* An interface index of 0 is no interface. */
static inline void nflog_ifindex_if(const struct ulogd_record *rec, unsigned int out,
				    const struct nflog_packet *p, unsigned int type)
{
	if (nflog_has(p, type) && nflog_be32(p, type) != 0)
		ulogd_set_num(rec, out, nflog_be32(p, type));
}

/* One direction: @out is the first of its five outputs. */
static inline void nflog_tuple_set(const struct ulogd_record *rec, unsigned int out,
				   const struct conntrack_tuple *t)
{
	enum { SADDR, DADDR, PROTOCOL, SPORT, DPORT };

	if (t->saddr)
		ulogd_set_mem(rec, out + SADDR, t->saddr, t->addr_len);
	if (t->daddr)
		ulogd_set_mem(rec, out + DADDR, t->daddr, t->addr_len);
	if (t->has_protocol)
		ulogd_set_num(rec, out + PROTOCOL, t->protocol);
	if (!t->has_ports)
		return;
	ulogd_set_num(rec, out + SPORT, t->sport);
	ulogd_set_num(rec, out + DPORT, t->dport);
}

/* The connection that the kernel attached to the packet. */
static inline int nflog_conntrack_set(const struct ulogd_record *rec, const struct nflog_packet *p)
{
	struct conntrack_entry entry;
	int ret;

	ulogd_set_mem(rec, OUT_CT, p->data[NFULA_CT], p->len[NFULA_CT]);
	ret = conntrack_decode(p->data[NFULA_CT], p->len[NFULA_CT], &entry);
	nflog_tuple_set(rec, OUT_ORIG_IP_SADDR, &entry.orig);
	nflog_tuple_set(rec, OUT_REPLY_IP_SADDR, &entry.reply);
	ulogd_set_num(rec, OUT_CT_MARK, entry.mark);
	if (entry.has_id)
		ulogd_set_num(rec, OUT_CT_ID, entry.id);
	if (entry.has_status)
		ulogd_set_num(rec, OUT_CT_STATUS, entry.status);
	nflog_num_if(rec, OUT_CT_INFO, p, NFULA_CT_INFO);
	return ret;
}

/**
 * Sets what the attributes say, but for the time and the two sequence numbers.
 * Returns -EBADMSG when the attached connection is malformed; the rest is set then.
 */
static inline int nflog_record_set(const struct ulogd_record *rec, const struct nflog_packet *p)
{
	nflog_link_layer_set(rec, p);
	nflog_payload_set(rec, p);
	ulogd_set_num(rec, OUT_RAW_PKTCOUNT, 1);
	if (nflog_has(p, NFULA_PREFIX))
		ulogd_set_mem(rec, OUT_OOB_PREFIX, p->data[NFULA_PREFIX],
			      strnlen((const char *)p->data[NFULA_PREFIX], p->len[NFULA_PREFIX]));
	ulogd_set_num(rec, OUT_OOB_MARK, nflog_has(p, NFULA_MARK) ? nflog_be32(p, NFULA_MARK) : 0);
	nflog_ifindex_if(rec, OUT_OOB_IFINDEX_IN, p, NFULA_IFINDEX_INDEV);
	nflog_ifindex_if(rec, OUT_OOB_IFINDEX_OUT, p, NFULA_IFINDEX_OUTDEV);
	nflog_ifindex_if(rec, OUT_OOB_IFINDEX_PHYSIN, p, NFULA_IFINDEX_PHYSINDEV);
	nflog_ifindex_if(rec, OUT_OOB_IFINDEX_PHYSOUT, p, NFULA_IFINDEX_PHYSOUTDEV);
	if (nflog_has(p, NFULA_PACKET_HDR)) {
		/* struct nfulnl_msg_packet_hdr: be16 EtherType, u8 hook. */
		ulogd_set_num(rec, OUT_OOB_HOOK, p->data[NFULA_PACKET_HDR][2]);
		ulogd_set_num(rec, OUT_OOB_PROTOCOL, nflog_be16(p, NFULA_PACKET_HDR));
	}
	ulogd_set_num(rec, OUT_OOB_FAMILY, p->family);
	nflog_num_if(rec, OUT_OOB_UID, p, NFULA_UID);
	nflog_num_if(rec, OUT_OOB_GID, p, NFULA_GID);
	return nflog_has(p, NFULA_CT) ? nflog_conntrack_set(rec, p) : 0;
}

#endif /* NFLOG_RECORD_H */

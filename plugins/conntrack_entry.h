/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conntrack_entry.h - decoder of a conntrack entry: CTA_* attributes in, a struct out.
 *
 * Source: linux/netfilter/nfnetlink_conntrack.h.  libnetfilter_conntrack allocates for every
 * entry it parses, which an entry that is attached to each packet cannot afford.
 */
#ifndef CONNTRACK_ENTRY_H
#define CONNTRACK_ENTRY_H

#include <errno.h>

#include <linux/netfilter/nfnetlink_conntrack.h>

#include "attrs.h"
#include "packet.h"

/** One direction of a connection.  Addresses are part of the message. */
struct conntrack_tuple {
	const uint8_t *saddr, *daddr;	/* NULL: not there */
	size_t addr_len;		/* 4 or 16 bytes */
	bool has_protocol, has_ports, has_zone;
	uint8_t protocol;
	uint16_t sport, dport;		/* of GRE: keys */
	uint16_t zone;			/* of this direction alone */
};

struct conntrack_entry {
	struct conntrack_tuple orig, reply;
	bool has_id, has_status, has_mark, has_timeout, has_zone, has_state;
	uint32_t id;
	uint32_t status;	/* IPS_* of linux/netfilter/nf_conntrack_common.h */
	uint32_t mark;
	uint32_t timeout;	/* seconds */
	uint16_t zone;		/* of both directions */
	uint8_t state;		/* of TCP, SCTP or DCCP */
	/* Texts are part of the message and end with their length or a NUL; NULL: not there. */
	const uint8_t *helper, *secctx;
	size_t helper_len, secctx_len;
};

static inline void conntrack_ip_decode(struct attr_walk w, struct conntrack_tuple *ret)
{
	while (attr_next(&w)) {
		bool source = w.type == CTA_IP_V4_SRC || w.type == CTA_IP_V6_SRC;
		size_t want = w.type == CTA_IP_V4_SRC || w.type == CTA_IP_V4_DST ? 4 : 16;

		/* Both addresses are of one family. */
		if (w.type < CTA_IP_V4_SRC || w.type > CTA_IP_V6_DST || w.len < want ||
		    (ret->addr_len != 0 && ret->addr_len != want))
			continue;
		*(source ? &ret->saddr : &ret->daddr) = w.data;
		ret->addr_len = want;
	}
}

static inline void conntrack_proto_decode(struct attr_walk w, struct conntrack_tuple *ret)
{
	bool sport = false, dport = false;

	while (attr_next(&w)) {
		if (w.type == CTA_PROTO_NUM && w.len >= 1) {
			ret->protocol = w.data[0];
			ret->has_protocol = true;
		} else if (w.type == CTA_PROTO_SRC_PORT && w.len >= 2) {
			ret->sport = get_be16(w.data);
			sport = true;
		} else if (w.type == CTA_PROTO_DST_PORT && w.len >= 2) {
			ret->dport = get_be16(w.data);
			dport = true;
		}
	}
	ret->has_ports = sport && dport;
}

static inline void conntrack_tuple_decode(struct attr_walk w, struct conntrack_tuple *ret)
{
	while (attr_next(&w)) {
		struct attr_walk nest = { .next = w.data, .left = w.len };

		if (w.type == CTA_TUPLE_IP) {
			conntrack_ip_decode(nest, ret);
		} else if (w.type == CTA_TUPLE_PROTO) {
			conntrack_proto_decode(nest, ret);
		} else if (w.type == CTA_TUPLE_ZONE && w.len >= 2) {
			ret->zone = get_be16(w.data);
			ret->has_zone = true;
		}
	}
}

/* The state is the first attribute of each protocol that has one. */
static inline void conntrack_state_decode(struct attr_walk w, struct conntrack_entry *ret)
{
	while (attr_next(&w)) {
		struct attr_walk nest = { .next = w.data, .left = w.len };

		if (w.type < CTA_PROTOINFO_TCP || w.type > CTA_PROTOINFO_SCTP)
			continue;
		while (attr_next(&nest)) {
			if (nest.type != CTA_PROTOINFO_TCP_STATE || nest.len < 1)
				continue;
			ret->state = nest.data[0];
			ret->has_state = true;
		}
	}
}

/* Finds the attribute @want of a nest; leaves *@ret alone when it is not there. */
static inline void conntrack_text_decode(struct attr_walk w, unsigned int want, const uint8_t **ret,
					 size_t *ret_len)
{
	while (attr_next(&w)) {
		if (w.type != want)
			continue;
		*ret = w.data;
		*ret_len = w.len;
	}
}

/**
 * Decodes the attributes of an entry.  What is missing or too short is absent in @ret.
 * Returns 0, or -EBADMSG when the attributes themselves are cut; @ret holds what came before.
 */
static inline int conntrack_decode(const uint8_t *data, size_t len, struct conntrack_entry *ret)
{
	struct attr_walk w = { .next = data, .left = len };

	memset(ret, 0, sizeof(*ret));
	while (attr_next(&w)) {
		struct attr_walk nest = { .next = w.data, .left = w.len };

		switch (w.type) {
		case CTA_TUPLE_ORIG:
			conntrack_tuple_decode(nest, &ret->orig);
			break;
		case CTA_TUPLE_REPLY:
			conntrack_tuple_decode(nest, &ret->reply);
			break;
		case CTA_STATUS:
			ret->has_status = w.len >= 4;
			ret->status = ret->has_status ? get_be32(w.data) : 0;
			break;
		case CTA_ID:
			ret->has_id = w.len >= 4;
			ret->id = ret->has_id ? get_be32(w.data) : 0;
			break;
		case CTA_MARK:
			ret->has_mark = w.len >= 4;
			ret->mark = ret->has_mark ? get_be32(w.data) : 0;
			break;
		case CTA_TIMEOUT:
			ret->has_timeout = w.len >= 4;
			ret->timeout = ret->has_timeout ? get_be32(w.data) : 0;
			break;
		case CTA_ZONE:
			ret->has_zone = w.len >= 2;
			ret->zone = ret->has_zone ? get_be16(w.data) : 0;
			break;
		case CTA_PROTOINFO:
			conntrack_state_decode(nest, ret);
			break;
		case CTA_HELP:
			conntrack_text_decode(nest, CTA_HELP_NAME, &ret->helper, &ret->helper_len);
			break;
		case CTA_SECCTX:
			conntrack_text_decode(nest, CTA_SECCTX_NAME, &ret->secctx, &ret->secctx_len);
			break;
		}
	}
	return w.cut ? -EBADMSG : 0;
}

#endif /* CONNTRACK_ENTRY_H */

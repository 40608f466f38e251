/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attrs.h - walking netlink attributes, struct nlattr of linux/netlink.h.
 *
 * The walk is our own because it is done for every packet: libmnl's is several function
 * calls per attribute, which cost more than everything else a packet needs at its input.
 */
#ifndef ATTRS_H
#define ATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/netlink.h>

/** Begins as { .next = first attribute, .left = bytes of all of them }. */
struct attr_walk {
	const uint8_t *next;
	size_t left;
	unsigned int type;	/* of the attribute at hand, without its flags */
	const uint8_t *data;	/* its payload, part of the message */
	size_t len;		/* bytes of payload */
	bool cut;		/* the walk ended at an attribute that is not whole */
};

/** Goes on to the next attribute; false at the end. */
static inline bool attr_next(struct attr_walk *w)
{
	struct nlattr attr;
	size_t step;

	if (w->left < NLA_HDRLEN) {
		w->cut = w->left > 0;
		return false;
	}
	memcpy(&attr, w->next, sizeof(attr));
	if (attr.nla_len < NLA_HDRLEN || attr.nla_len > w->left) {
		w->cut = true;
		return false;
	}
	w->type = attr.nla_type & NLA_TYPE_MASK;
	w->data = w->next + NLA_HDRLEN;
	w->len = attr.nla_len - (size_t)NLA_HDRLEN;
	/* The last one may lack its padding. */
	step = NLA_ALIGN(attr.nla_len);
	step = step < w->left ? step : w->left;
	w->next += step;
	w->left -= step;
	return true;
}

#endif /* ATTRS_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unixsock_packet.h - decoder of the messages that programs send to UNIXSOCK.
 *
 * A message is a marker, the number of bytes behind the marker (16 bits), 32 bits that
 * nobody reads, the length of an IP packet (16 bits), the packet padded to a multiple of 8, and
 * options: id, length, value padded to a multiple of 8.  Numbers are big-endian but for two values.
 */
#ifndef UNIXSOCK_PACKET_H
#define UNIXSOCK_PACKET_H

#include <stdbool.h>
#include <string.h>

#include "packet.h"

#define UNIXSOCK_MARKER		0x41c90fd4
#define UNIXSOCK_MARKER_LEN	4
#define UNIXSOCK_HEADER_LEN	12
#define UNIXSOCK_MESSAGE_MAX	(UNIXSOCK_MARKER_LEN + UINT16_MAX)
#define UNIXSOCK_OPTION_LEN	8	/* id and length */

enum unixsock_option_id {
	UNIXSOCK_PREFIX = 1,
	UNIXSOCK_IN,
	UNIXSOCK_OUT,
	UNIXSOCK_TIME_SEC,	/* 32 bits in the sender's byte order */
	UNIXSOCK_USER_NAME = 200,
	UNIXSOCK_USER_ID,	/* 32 bits in the sender's byte order */
	UNIXSOCK_OS_NAME,
	UNIXSOCK_OS_RELEASE,
	UNIXSOCK_OS_VERSION,
	UNIXSOCK_APP_NAME,
	UNIXSOCK_STATE,		/* 8 bits */
};

/** A whole message.  Everything is part of the buffer it was decoded from. */
struct unixsock_message {
	const uint8_t *pkt;
	size_t pkt_len;
	const uint8_t *options;
	size_t options_len;
};

/**
 * Decodes the message that @data begins with.
 * Returns the bytes it takes, 0 when @len bytes are not all of it yet, or -EBADMSG.
 */
static inline int unixsock_decode(const uint8_t *data, size_t len, struct unixsock_message *ret)
{
	size_t message_len, options;

	if (len >= UNIXSOCK_MARKER_LEN && get_be32(data) != UNIXSOCK_MARKER)
		return -EBADMSG;
	if (len < UNIXSOCK_HEADER_LEN)
		return 0;
	message_len = UNIXSOCK_MARKER_LEN + (size_t)get_be16(data + 4);
	ret->pkt = data + UNIXSOCK_HEADER_LEN;
	ret->pkt_len = get_be16(data + 10);
	if (UNIXSOCK_HEADER_LEN + ret->pkt_len > message_len)
		return -EBADMSG;
	if (len < message_len)
		return 0;
	options = UNIXSOCK_HEADER_LEN + (ret->pkt_len + 7) / 8 * 8;
	if (options > message_len)
		options = message_len;
	ret->options = data + options;
	ret->options_len = message_len - options;
	return (int)message_len;
}

struct unixsock_option {
	uint32_t id;
	const uint8_t *value;
	size_t len;
};

/**
 * Takes the next option off a message.
 * Returns 1, 0 when there is none left, or -EBADMSG when its value goes beyond the message.
 */
static inline int unixsock_option_next(struct unixsock_message *m, struct unixsock_option *ret)
{
	size_t step;

	if (m->options_len < UNIXSOCK_OPTION_LEN)
		return 0;
	ret->id = get_be32(m->options);
	ret->len = get_be32(m->options + 4);
	ret->value = m->options + UNIXSOCK_OPTION_LEN;
	if (ret->len > m->options_len - UNIXSOCK_OPTION_LEN)
		return -EBADMSG;
	/* The last one may lack its padding. */
	step = UNIXSOCK_OPTION_LEN + (ret->len + 7) / 8 * 8;
	step = step < m->options_len ? step : m->options_len;
	m->options += step;
	m->options_len -= step;
	return 1;
}

#endif /* UNIXSOCK_PACKET_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/* PWSNIFF - show the user names and passwords that FTP and POP3 send in the clear. */
#include <netinet/in.h>
#include <strings.h>

#include <ulogd/plugin.h>

#include "packet.h"

#define PORT_FTP	21
#define PORT_POP3	110
#define FRAGMENT_OFFSET	0x1fff	/* bits of ipv4_header.frag_off */
#define WORD_LEN	5	/* "USER " */

enum { IN_PKT };
static const struct ulogd_field inputs[] = {
	[IN_PKT] = { .id = FIELD_RAW_PKT },
	{}
};

enum { OUT_USER, OUT_PASS, N_OUTS };
static const struct ulogd_field outputs[] = {
	[OUT_USER] = { .name = "pwsniff.user", .type = ULOGD_STRING },
	[OUT_PASS] = { .name = "pwsniff.pass", .type = ULOGD_STRING },
	{}
};

/* What the client of one of the two protocols says in this packet; false: it is none. */
static bool payload_find(const uint8_t *pkt, size_t len, const char **ret, size_t *ret_len)
{
	struct ipv4_header ip;
	struct tcp_header tcp;
	size_t begin;
	int ihl;

	if (len < 1 || pkt[0] >> 4 != 4)
		return false;
	ihl = ipv4_decode(pkt, len, &ip);
	if (ihl < 0 || ip.protocol != IPPROTO_TCP || ip.frag_off & FRAGMENT_OFFSET)
		return false;
	/* What is behind the packet's own end is padding of the link layer. */
	if (ip.tot_len >= (size_t)ihl && ip.tot_len < len)
		len = ip.tot_len;
	if (tcp_decode(pkt + ihl, len - (size_t)ihl, &tcp) < 0 || tcp.doff < 5 ||
	    (tcp.dest != PORT_FTP && tcp.dest != PORT_POP3))
		return false;
	begin = (size_t)ihl + 4u * tcp.doff;
	*ret = (const char *)pkt + (begin < len ? begin : len);
	*ret_len = begin < len ? len - begin : 0;
	return true;
}

static int pwsniff_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	static const char *const words[N_OUTS] = { [OUT_USER] = "USER ", [OUT_PASS] = "PASS " };
	const char *text;
	size_t len;
	const uint8_t *pkt = ulogd_in_mem(rec, IN_PKT, &len);

	(void)inst;
	if (!pkt || !payload_find(pkt, len, &text, &len))
		return ULOGD_STOP;
	for (; len >= WORD_LEN; text++, len--) {
		for (unsigned int i = 0; i < N_OUTS; i++) {
			size_t end = WORD_LEN;

			if (strncasecmp(text, words[i], WORD_LEN) != 0)
				continue;
			while (end < len && text[end] != ' ' && text[end] != '\r' && text[end] != '\n')
				end++;
			ulogd_set_mem(rec, i, text + WORD_LEN, end - WORD_LEN);
		}
	}
	return ULOGD_PASS;
}

struct pwsniff_filter {
};

ULOGD_PLUGIN(struct pwsniff_filter,
	.name = "PWSNIFF", .kind = ULOGD_FILTER,
	.inputs = inputs, .outputs = outputs, .run = pwsniff_run,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* XML - write each packet, and its connection, as elements into files named for the time they begin. */
#include <netinet/in.h>
#include <time.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "conntrack_entry.h"
#include "nflog_packet.h"

#include <ulogd/plugin.h>

struct xml_output {
	const char *directory;
	bool sync;
	bool stdout;

	time_t when_sec;	/* the second that when[] is written for */
	char when[160];
	size_t when_len;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct xml_output, directory, "/var/log/",
			 "directory for the files, ulogd-pkt-DDMMYYYY-HHMMSS.xml"),
	ULOGD_OPT_BOOL(struct xml_output, sync, false,
		       "write whenever the input is drained, not ten times a second"),
	ULOGD_OPT_BOOL(struct xml_output, stdout, false, "write to standard output instead"),
	{}
};

enum { IN_RAW, IN_CT };
static const struct ulogd_field inputs[] = {
	[IN_RAW] = { FIELD_RAW, .optional = true },
	[IN_CT]  = { FIELD_CT,  .optional = true },
	{}
};

#define PREAMBLE	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<packet>\n"
#define TRAILER		"</packet>\n"

/* U+FFFE and U+FFFF, which are UTF-8, but no characters of XML. */
static bool not_a_char(const uint8_t *s, size_t n)
{
	return n == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe;
}

/* Text of an element, up to a NUL: what XML 1.0 cannot write, like most control characters, becomes U+FFFD. */
static void text_put(struct ulogd_buf *out, const uint8_t *s, size_t len)
{
	len = strnlen((const char *)s, len);
	for (size_t i = 0; i < len; ) {
		size_t n = 1;

		if (s[i] >= 0x80)
			n = ulogd_utf8_len(s + i, len - i);
		if (s[i] == '&')
			ulogd_buf_lit(out, "&amp;");
		else if (s[i] == '<')
			ulogd_buf_lit(out, "&lt;");
		else if (s[i] == '>')
			ulogd_buf_lit(out, "&gt;");
		else if (n == 0 || (s[i] < 0x20 && s[i] != '\t') || not_a_char(s + i, n))
			ulogd_buf_lit(out, "\xef\xbf\xbd");
		else
			ulogd_buf_mem(out, s + i, n);
		i += n > 0 ? n : 1;
	}
}

#define element_num(out, name, num) do { \
	ulogd_buf_lit(out, "<" name ">"); \
	ulogd_buf_u32(out, num); \
	ulogd_buf_lit(out, "</" name ">"); \
} while (0)

/* The same for an attribute that is there and not 0. */
#define element_be32(out, name, p, type) do { \
	if (nflog_has(p, type) && nflog_be32(p, type) != 0) \
		element_num(out, name, nflog_be32(p, type)); \
} while (0)

static void two_digits(struct ulogd_buf *out, int num)
{
	ulogd_buf_mem(out, ulogd_buf_digits + 2 * (num % 100), 2);
}

/* The time of writing, local; wday counts from Sunday 1. */
static void when_make(struct xml_output *o, time_t now)
{
	struct ulogd_buf b = { .p = o->when, .end = o->when + sizeof(o->when) };
	struct tm tm;

	localtime_r(&now, &tm);
	ulogd_buf_lit(&b, "<when>");
	element_num(&b, "hour", (uint32_t)tm.tm_hour);
	ulogd_buf_lit(&b, "<min>");
	two_digits(&b, tm.tm_min);
	ulogd_buf_lit(&b, "</min><sec>");
	two_digits(&b, tm.tm_sec);
	ulogd_buf_lit(&b, "</sec>");
	element_num(&b, "wday", (uint32_t)tm.tm_wday + 1);
	element_num(&b, "day", (uint32_t)tm.tm_mday);
	element_num(&b, "month", (uint32_t)tm.tm_mon + 1);
	element_num(&b, "year", (uint32_t)tm.tm_year + 1900);
	ulogd_buf_lit(&b, "</when>");
	o->when_len = (size_t)(b.p - o->when);
	o->when_sec = now;
}

static void packet_put(struct ulogd_buf *out, const struct nflog_packet *p)
{
	if (nflog_has(p, NFULA_PREFIX)) {
		ulogd_buf_lit(out, "<prefix>");
		text_put(out, p->data[NFULA_PREFIX], p->len[NFULA_PREFIX]);
		ulogd_buf_lit(out, "</prefix>");
	}
	if (nflog_has(p, NFULA_PACKET_HDR)) {
		element_num(out, "hook", p->data[NFULA_PACKET_HDR][2]);
		ulogd_buf_lit(out, "<hw><proto>");
		ulogd_buf_hex_padded(out, nflog_be16(p, NFULA_PACKET_HDR), 4);
		ulogd_buf_lit(out, "</proto>");
		if (nflog_has(p, NFULA_HWADDR)) {
			/* struct nfulnl_msg_packet_hw: be16 length, pad, 8 bytes of address. */
			uint16_t len = nflog_be16(p, NFULA_HWADDR);

			ulogd_buf_lit(out, "<src>");
			ulogd_buf_hex_bytes(out, p->data[NFULA_HWADDR] + 4, len < 8 ? len : 8);
			ulogd_buf_lit(out, "</src>");
		}
		ulogd_buf_lit(out, "</hw>");
	}
	element_be32(out, "mark", p, NFULA_MARK);
	element_be32(out, "indev", p, NFULA_IFINDEX_INDEV);
	element_be32(out, "outdev", p, NFULA_IFINDEX_OUTDEV);
	element_be32(out, "physindev", p, NFULA_IFINDEX_PHYSINDEV);
	element_be32(out, "physoutdev", p, NFULA_IFINDEX_PHYSOUTDEV);
	if (nflog_has(p, NFULA_PAYLOAD)) {
		ulogd_buf_lit(out, "<payload>");
		ulogd_buf_hex_bytes(out, p->data[NFULA_PAYLOAD], p->len[NFULA_PAYLOAD]);
		ulogd_buf_lit(out, "</payload>");
	}
}

/* What an element layer4 holds. */
enum l4_kind { L4_NOTHING, L4_PORTS, L4_KEYS };

static const char *const tcp_states[] = { "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT",
	"CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2" };
static const char *const sctp_states[] = { "NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED",
	"ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT",
	"HEARTBEAT_ACKED" };
static const char *const dccp_states[] = { "NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ",
	"CLOSING", "TIMEWAIT", "IGNORE", "INVALID" };

#define STATES(table) .states = (table), .n_states = sizeof(table) / sizeof((table)[0])

static const struct l4_protocol {
	uint8_t num;
	const char *name;
	enum l4_kind kind;
	const char *const *states;	/* by number; linux/netfilter/nf_conntrack_{tcp,sctp}.h */
	size_t n_states;
} l4_protocols[] = {
	{ .num = IPPROTO_ICMP, .name = "icmp" },
	{ .num = IPPROTO_TCP, .name = "tcp", .kind = L4_PORTS, STATES(tcp_states) },
	{ .num = IPPROTO_UDP, .name = "udp", .kind = L4_PORTS },
	{ .num = IPPROTO_DCCP, .name = "dccp", .kind = L4_PORTS, STATES(dccp_states) },
	{ .num = IPPROTO_GRE, .name = "gre", .kind = L4_KEYS },
	{ .num = IPPROTO_ICMPV6, .name = "icmpv6" },
	{ .num = IPPROTO_SCTP, .name = "sctp", .kind = L4_PORTS, STATES(sctp_states) },
	{ .num = IPPROTO_UDPLITE, .name = "udplite", .kind = L4_PORTS },
};

static const struct l4_protocol *l4_protocol_find(uint8_t num)
{
	static const struct l4_protocol unknown = { .name = "unknown" };

	for (size_t i = 0; i < sizeof(l4_protocols) / sizeof(l4_protocols[0]); i++) {
		if (l4_protocols[i].num == num)
			return &l4_protocols[i];
	}
	return &unknown;
}

static void string_put(struct ulogd_buf *out, const char *s)
{
	ulogd_buf_mem(out, s, strlen(s));
}

static void address_put(struct ulogd_buf *out, const uint8_t *addr, size_t len)
{
	if (addr)
		ulogd_buf_addr(out, addr, len);
}

/* One direction of a connection, but for the end of its element. */
static void tuple_put(struct ulogd_buf *out, const struct conntrack_tuple *t)
{
	const struct l4_protocol *l4 = l4_protocol_find(t->protocol);

	ulogd_buf_lit(out, "<layer3 protonum=\"");
	if (t->addr_len == 4)
		ulogd_buf_lit(out, "2\" protoname=\"ipv4");
	else if (t->addr_len == 16)
		ulogd_buf_lit(out, "10\" protoname=\"ipv6");
	else
		ulogd_buf_lit(out, "0\" protoname=\"unknown");
	ulogd_buf_lit(out, "\"><src>");
	address_put(out, t->saddr, t->addr_len);
	ulogd_buf_lit(out, "</src><dst>");
	address_put(out, t->daddr, t->addr_len);
	ulogd_buf_lit(out, "</dst></layer3><layer4 protonum=\"");
	ulogd_buf_u32(out, t->protocol);
	ulogd_buf_lit(out, "\" protoname=\"");
	string_put(out, l4->name);
	ulogd_buf_lit(out, "\">");
	if (l4->kind == L4_PORTS) {
		element_num(out, "sport", t->sport);
		element_num(out, "dport", t->dport);
	} else if (l4->kind == L4_KEYS) {
		ulogd_buf_lit(out, "<srckey>0x");
		ulogd_buf_hex(out, t->sport);
		ulogd_buf_lit(out, "</srckey><dstkey>0x");
		ulogd_buf_hex(out, t->dport);
		ulogd_buf_lit(out, "</dstkey>");
	}
	ulogd_buf_lit(out, "</layer4>");
	if (t->has_zone)
		element_num(out, "zone", t->zone);
}

/* What belongs to both directions; no element if there is nothing. */
static void connection_put(struct ulogd_buf *out, const struct conntrack_entry *e)
{
	const struct l4_protocol *l4 = l4_protocol_find(e->orig.protocol);

	if (!e->has_state && !e->has_timeout && !e->has_mark && !e->secctx && !e->has_zone &&
	    !e->has_id && !e->has_status)
		return;
	ulogd_buf_lit(out, "<meta direction=\"independent\">");
	if (e->has_state && l4->n_states > 0) {
		ulogd_buf_lit(out, "<state>");
		string_put(out, l4->states[e->state < l4->n_states ? e->state : 0]);
		ulogd_buf_lit(out, "</state>");
	}
	if (e->has_timeout)
		element_num(out, "timeout", e->timeout);
	if (e->has_mark)
		element_num(out, "mark", e->mark);
	if (e->secctx) {
		ulogd_buf_lit(out, "<secctx>");
		text_put(out, e->secctx, e->secctx_len);
		ulogd_buf_lit(out, "</secctx>");
	}
	if (e->has_zone)
		element_num(out, "zone", e->zone);
	if (e->has_id)
		element_num(out, "id", e->id);
	if (e->has_status && e->status & IPS_ASSURED)
		ulogd_buf_lit(out, "<assured/>");
	if (e->has_status && !(e->status & IPS_SEEN_REPLY))
		ulogd_buf_lit(out, "<unreplied/>");
	ulogd_buf_lit(out, "</meta>");
}

static void flow_put(struct ulogd_buf *out, const struct xml_output *o, const struct conntrack_entry *e)
{
	ulogd_buf_lit(out, "<flow><meta direction=\"original\">");
	tuple_put(out, &e->orig);
	ulogd_buf_lit(out, "</meta><meta direction=\"reply\">");
	tuple_put(out, &e->reply);
	ulogd_buf_lit(out, "</meta>");
	connection_put(out, e);
	ulogd_buf_mem(out, o->when, o->when_len);
	if (e->helper) {
		ulogd_buf_lit(out, "<helper>");
		text_put(out, e->helper, e->helper_len);
		ulogd_buf_lit(out, "</helper>");
	}
	ulogd_buf_lit(out, "</flow>");
}

static int xml_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
		      struct ulogd_buf *out)
{
	struct xml_output *o = ulogd_priv(inst);
	time_t now = time(NULL);
	struct nflog_packet packet;
	struct conntrack_entry entry;
	const uint8_t *msg, *ct;
	size_t len;
	int ret;

	msg = ulogd_in_mem(rec, IN_RAW, &len);
	if (!msg || len < NLMSG_HDRLEN)
		return ULOGD_PASS;
	ret = nflog_decode(msg + NLMSG_HDRLEN, len - NLMSG_HDRLEN, &packet);
	if (ret < 0)
		return ret;
	if (now != o->when_sec)
		when_make(o, now);
	ulogd_buf_lit(out, "<log>");
	ulogd_buf_mem(out, o->when, o->when_len);
	packet_put(out, &packet);
	ulogd_buf_lit(out, "</log>");
	ct = ulogd_in_mem(rec, IN_CT, &len);
	if (ct && conntrack_decode(ct, len, &entry) == 0)
		flow_put(out, o, &entry);
	ulogd_buf_char(out, '\n');
	return ULOGD_PASS;
}

static int xml_start(struct ulogd_instance *inst)
{
	const struct xml_output *o = ulogd_priv(inst);
	char path[4096];
	struct ulogd_buf b = { .p = path, .end = path + sizeof(path) - 1 };

	if (o->stdout) {
		ulogd_buf_char(&b, '-');
	} else {
		/* The name is for strftime(3), the directory is not. */
		for (const char *c = o->directory; *c; c++) {
			if (*c == '%')
				ulogd_buf_char(&b, '%');
			ulogd_buf_char(&b, *c);
		}
		ulogd_buf_lit(&b, "/ulogd-pkt-%d%m%Y-%H%M%S.xml");
	}
	if (b.full)
		return ulogd_fail(inst, -ENAMETOOLONG, "directory: %m");
	*b.p = '\0';
	return ulogd_output_file(inst, &(struct ulogd_file){
		.path = path, .sync = o->sync, .dated = !o->stdout,
		.header = PREAMBLE, .header_len = sizeof(PREAMBLE) - 1,
		.trailer = TRAILER, .trailer_len = sizeof(TRAILER) - 1 });
}

ULOGD_PLUGIN(struct xml_output,
	.name = "XML", .kind = ULOGD_OUTPUT, .to_file = true,
	.options = options, .inputs = inputs, .start = xml_start, .format = xml_format,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* KEYS - write the fields of BASE that are present as a line of key=value, as GPRINT would; raw ones left out. */
#include <ulogd/plugin.h>

struct keys_output {
	const char *file;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct keys_output, file, "", "file to append to"),
	{}
};

/* BASE's outputs in its order. */
#define INPUTS(X) \
	X(IP_SADDR) X(IP_DADDR) X(IP_PROTOCOL) X(IP_TOS) X(IP_TTL) X(IP_TOTLEN) X(IP_IHL) \
	X(IP_CSUM) X(IP_ID) X(IP_FRAGOFF) \
	X(IP6_PAYLOADLEN) X(IP6_PRIORITY) X(IP6_FLOWLABEL) X(IP6_HOPLIMIT) X(IP6_NEXTHDR) \
	X(IP6_FRAGOFF) X(IP6_FRAGID) \
	X(TCP_SPORT) X(TCP_DPORT) X(TCP_SEQ) X(TCP_ACKSEQ) X(TCP_WINDOW) X(TCP_OFFSET) \
	X(TCP_RESERVED) X(TCP_URG) X(TCP_URGP) X(TCP_ACK) X(TCP_PSH) X(TCP_RST) X(TCP_SYN) \
	X(TCP_FIN) X(TCP_RES1) X(TCP_RES2) X(TCP_CSUM) \
	X(UDP_SPORT) X(UDP_DPORT) X(UDP_LEN) X(UDP_CSUM) \
	X(ICMP_TYPE) X(ICMP_CODE) X(ICMP_ECHOID) X(ICMP_ECHOSEQ) X(ICMP_GATEWAY) X(ICMP_FRAGMTU) \
	X(ICMP_CSUM) \
	X(ICMPV6_TYPE) X(ICMPV6_CODE) X(ICMPV6_ECHOID) X(ICMPV6_ECHOSEQ) X(ICMPV6_CSUM) \
	X(AHESP_SPI) X(OOB_PROTOCOL) \
	X(ARP_HWTYPE) X(ARP_PROTOCOLTYPE) X(ARP_OPERATION) X(ARP_SHWADDR) X(ARP_SADDR) \
	X(ARP_DHWADDR) X(ARP_DADDR) \
	X(SCTP_SPORT) X(SCTP_DPORT) X(SCTP_CSUM)

static const struct ulogd_field inputs[] = {
#define INPUT_FIELD(field) { .id = FIELD_##field, .optional = true },
	INPUTS(INPUT_FIELD)
	{}
};

#define N_INPUTS (sizeof(inputs) / sizeof(inputs[0]) - 1)

static const struct {
	const char *name;
	enum ulogd_type type;
} vocabulary[FIELD_COUNT] = {
#define ENTRY(id, text, kind, vendor, element, about) [FIELD_##id] = { text, ULOGD_##kind },
	ULOGD_FIELDS(ENTRY)
};

static void value_append(struct ulogd_buf *out, const struct ulogd_record *rec, unsigned int i,
			 enum ulogd_type type)
{
	const void *mem;
	size_t len;

	switch (type) {
	case ULOGD_IPADDR:
		mem = ulogd_in_mem(rec, i, &len);
		ulogd_buf_addr(out, mem, len);
		break;
	case ULOGD_STRING:
		mem = ulogd_in_mem(rec, i, &len);
		ulogd_buf_mem(out, mem, len);
		break;
	default:
		ulogd_buf_u32(out, ulogd_in_or_0(rec, i));
		break;
	}
}

static int keys_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
		       struct ulogd_buf *out)
{
	bool first = true;

	(void)inst;
	for (unsigned int i = 0; i < N_INPUTS; i++) {
		enum ulogd_field_id id = inputs[i].id;
		const char *name = vocabulary[id].name;

		if (!ulogd_in_has(rec, i) || vocabulary[id].type == ULOGD_RAW)
			continue;
		if (!first)
			ulogd_buf_char(out, ',');
		first = false;
		ulogd_buf_mem(out, name, strlen(name));
		ulogd_buf_char(out, '=');
		value_append(out, rec, i, vocabulary[id].type);
	}
	ulogd_buf_char(out, '\n');
	return ULOGD_PASS;
}

static int keys_start(struct ulogd_instance *inst)
{
	const struct keys_output *o = ulogd_priv(inst);

	return ulogd_output_file(inst, &(struct ulogd_file){ .path = o->file });
}

ULOGD_PLUGIN(struct keys_output,
	.name = "KEYS", .kind = ULOGD_OUTPUT,
	.options = options, .inputs = inputs, .start = keys_start, .format = keys_format,
);

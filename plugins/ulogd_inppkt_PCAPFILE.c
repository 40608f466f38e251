// SPDX-License-Identifier: GPL-2.0-or-later
/* PCAPFILE - packets of a capture file, as tcpdump, Wireshark and our own PCAP write it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link_packet.h"
#include "nflog_record.h"

#include <linux/netfilter.h>

#include <ulogd/plugin.h>

#define BATCH		64	/* packets per turn of the loop */
#define PIPE_BUF_LEN	65536
#define PIPE_WAIT_MS	100	/* how soon an end of the daemon is noticed in the middle of a packet */

struct pcapfile_source {
	const char *file;
	const char *indev, *outdev;
	int32_t numeric_label;

	struct ulogd_instance *inst;
	pcap_t *pcap;
	int (*decode)(const uint8_t *pkt, size_t len, struct link_header *ret);	/* NULL: NFLOG */
	struct ulogd_watch *watch, *pipe_watch;
	int fd;				/* of the file, which pcap closes */
	int wake_fd;			/* readable while there is something to read without a pipe */
	uint8_t *pipe_buf;		/* of PIPE_BUF_LEN bytes; NULL: no pipe */
	size_t pipe_pos, pipe_end;
	uint8_t *msg;			/* the netlink message of a packet, made anew */
	size_t msg_size;
	uint8_t mac[ETH_HLEN];		/* the Ethernet header without tags */
	uint64_t received, malformed;	/* packets, counters[] */
	struct ulogd_once complained;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct pcapfile_source, file, "", "capture to read; - is standard input"),
	ULOGD_OPT_STRING(struct pcapfile_source, indev, "", "name of the input interface, oob.in"),
	ULOGD_OPT_STRING(struct pcapfile_source, outdev, "", "name of the output interface, oob.out"),
	ULOGD_OPT_INT(struct pcapfile_source, numeric_label, 0, INT32_MIN, INT32_MAX,
		      "label of every packet, raw.label; its low 8 bits"),
	{}
};

enum { OUT_OOB_IN = N_NFLOG_OUTPUTS, OUT_OOB_OUT };
static const struct ulogd_field outputs[] = {
	NFLOG_OUTPUTS(NFLOG_OUTPUT_FIELD)
	[OUT_OOB_IN]  = { .id = FIELD_OOB_IN },
	[OUT_OOB_OUT] = { .id = FIELD_OOB_OUT },
	{}
};

static const struct ulogd_counter counters[] = {
	ULOGD_COUNTER(struct pcapfile_source, received, "packets of the file that were read"),
	ULOGD_COUNTER(struct pcapfile_source, malformed, "packets whose headers made no sense"),
	{}
};

static const struct {
	int dlt;
	int (*decode)(const uint8_t *pkt, size_t len, struct link_header *ret);
} link_types[] = {
	{ DLT_EN10MB, link_ether_decode }, { DLT_RAW, link_raw_decode },
	{ DLT_IPV4, link_raw_decode }, { DLT_IPV6, link_raw_decode },
	{ DLT_LINUX_SLL, link_sll_decode }, { DLT_LINUX_SLL2, link_sll2_decode },
	{ DLT_NFLOG, NULL },
};

#define N_LINK_TYPES (sizeof(link_types) / sizeof(link_types[0]))

/* --------------------------------------------------------------- packets */

static uint8_t family_of(uint16_t protocol)
{
	switch (protocol) {
	case ETH_P_IP:
		return NFPROTO_IPV4;
	case ETH_P_IPV6:
		return NFPROTO_IPV6;
	case ETH_P_ARP:
		return NFPROTO_ARP;
	case 0:
		return NFPROTO_UNSPEC;
	default:
		return NFPROTO_BRIDGE;
	}
}

/* The length without what a short frame was padded with, as the kernel cuts it, too. */
static size_t unpadded(uint16_t protocol, const uint8_t *pkt, size_t len)
{
	struct ipv4_header ip4;
	struct ipv6_header ip6;
	size_t own = 0;

	if (protocol == ETH_P_IP && ipv4_decode(pkt, len, &ip4) > 0 && ip4.tot_len >= 4u * ip4.ihl)
		own = ip4.tot_len;
	else if (protocol == ETH_P_IPV6 && ipv6_decode(pkt, len, &ip6) > 0 && ip6.payload_len > 0)
		own = 40u + ip6.payload_len;
	return own > 0 && own < len ? own : len;
}

static void mac_set(struct pcapfile_source *src, const struct ulogd_record *rec,
		    const struct link_header *h)
{
	const uint8_t *mac = h->mac;

	if (h->saddr_len > 0) {
		ulogd_set_mem(rec, OUT_RAW_MAC_SADDR, h->saddr, h->saddr_len);
		ulogd_set_num(rec, OUT_RAW_MAC_ADDRLEN, h->saddr_len);
	}
	if (h->has_vlan) {
		ulogd_set_num(rec, OUT_OOB_VLAN_PROTO, h->vlan_proto);
		ulogd_set_num(rec, OUT_OOB_VLAN_TCI, h->vlan_tci);
	}
	if (!mac)
		return;
	if (h->has_vlan) {
		/* As the kernel shows it: the tags taken out. */
		memcpy(src->mac, mac, 2 * ETH_ALEN);
		src->mac[12] = (uint8_t)(h->protocol >> 8);
		src->mac[13] = (uint8_t)h->protocol;
		mac = src->mac;
	}
	ulogd_set_mem(rec, OUT_RAW_MAC, mac, ETH_HLEN);
	ulogd_set_num(rec, OUT_RAW_MAC_LEN, ETH_HLEN);
	ulogd_set_num(rec, OUT_RAW_TYPE, h->hw_type);
}

static int link_set(struct pcapfile_source *src, const struct ulogd_record *rec,
		    const uint8_t *pkt, size_t len)
{
	struct link_header h;
	int header_len = src->decode(pkt, len, &h);

	if (header_len < 0)
		return header_len;
	pkt += header_len;
	len = unpadded(h.protocol, pkt, len - (size_t)header_len);
	mac_set(src, rec, &h);
	ulogd_set_mem(rec, OUT_RAW_PKT, pkt, len);
	ulogd_set_num(rec, OUT_RAW_PKTLEN, len);
	ulogd_set_num(rec, OUT_RAW_PKTCOUNT, 1);
	if (h.ifindex != 0)
		ulogd_set_num(rec, h.outgoing ? OUT_OOB_IFINDEX_OUT : OUT_OOB_IFINDEX_IN, h.ifindex);
	ulogd_set_num(rec, OUT_OOB_FAMILY, family_of(h.protocol));
	if (h.protocol != 0)
		ulogd_set_num(rec, OUT_OOB_PROTOCOL, h.protocol);
	return 0;
}

/* Puts the header of a netlink message before what is all of such a message but that. */
static int message_set(struct pcapfile_source *src, const struct ulogd_record *rec,
		       const uint8_t *pkt, size_t len)
{
	struct nlmsghdr nlh = {
		.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len),
		.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET,
	};

	if (src->msg_size < NLMSG_HDRLEN + len) {
		free(src->msg);
		src->msg_size = 2 * (NLMSG_HDRLEN + len);
		src->msg = malloc(src->msg_size);
		if (!src->msg) {
			src->msg_size = 0;
			return -ENOMEM;
		}
	}
	memcpy(src->msg, &nlh, sizeof(nlh));
	memcpy(src->msg + NLMSG_HDRLEN, pkt, len);
	ulogd_set_mem(rec, OUT_RAW, src->msg, NLMSG_HDRLEN + len);
	return 0;
}

/* LINKTYPE_NFLOG: what follows the nlmsghdr. */
static int nflog_set(struct ulogd_instance *inst, const struct ulogd_record *rec,
		     const uint8_t *pkt, size_t len)
{
	struct pcapfile_source *src = ulogd_priv(inst);
	struct nflog_packet p;
	int ret = nflog_decode(pkt, len, &p);

	if (ret < 0)
		return ret;
	if (nflog_record_set(rec, &p) < 0)
		ulogd_count(&src->malformed, 1);	/* its connection only: the rest is worth a line */
	nflog_time_set(rec, &p);
	nflog_num_if(rec, OUT_OOB_SEQ_LOCAL, &p, NFULA_SEQ);
	nflog_num_if(rec, OUT_OOB_SEQ_GLOBAL, &p, NFULA_SEQ_GLOBAL);
	if (!ulogd_out_wanted(inst, OUT_RAW))
		return 0;
	return message_set(src, rec, pkt, len);
}

static int packet_run(struct ulogd_instance *inst, const struct pcap_pkthdr *header,
		      const uint8_t *pkt)
{
	struct pcapfile_source *src = ulogd_priv(inst);
	struct ulogd_record *rec = ulogd_record_begin(inst);
	int ret;

	ulogd_set_num(rec, OUT_OOB_TIME_SEC, (uint64_t)header->ts.tv_sec);
	ulogd_set_num(rec, OUT_OOB_TIME_USEC, (uint64_t)header->ts.tv_usec);
	ulogd_set_num(rec, OUT_RAW_LABEL, (uint8_t)src->numeric_label);
	ulogd_set_mem(rec, OUT_OOB_IN, src->indev, strlen(src->indev));
	ulogd_set_mem(rec, OUT_OOB_OUT, src->outdev, strlen(src->outdev));
	if (src->decode)
		ret = link_set(src, rec, pkt, header->caplen);
	else
		ret = nflog_set(inst, rec, pkt, header->caplen);
	if (ret < 0)
		return ret;
	ulogd_record_run(inst, rec);
	return 0;
}

/* --------------------------------------------------------------- reading */

static bool pipe_readable(const struct pcapfile_source *src, int timeout_ms)
{
	struct pollfd pfd = { .fd = src->fd, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) > 0;
}

/*
 * Standard input and FIFOs: what is read but not yet used is ours, so that we know whether there
 * is anything.  Waits in the middle of a packet, but not beyond the end of the daemon.
 */
static ssize_t pipe_read(void *cookie, char *buf, size_t size)
{
	struct pcapfile_source *src = cookie;
	ssize_t len;

	if (src->pipe_pos == src->pipe_end) {
		while (!pipe_readable(src, PIPE_WAIT_MS))
			if (ulogd_stopping(src->inst))
				return 0;
		len = read(src->fd, src->pipe_buf, PIPE_BUF_LEN);
		if (len <= 0)
			return len;
		src->pipe_pos = 0;
		src->pipe_end = (size_t)len;
	}
	if (size > src->pipe_end - src->pipe_pos)
		size = src->pipe_end - src->pipe_pos;
	memcpy(buf, src->pipe_buf + src->pipe_pos, size);
	src->pipe_pos += size;
	return (ssize_t)size;
}

static int pipe_close(void *cookie)
{
	struct pcapfile_source *src = cookie;

	return close(src->fd);
}

static void watches_free(struct pcapfile_source *src)
{
	ulogd_watch_free(src->watch);
	ulogd_watch_free(src->pipe_watch);
	src->watch = src->pipe_watch = NULL;
}

static void capture_end(struct ulogd_instance *inst, bool cut)
{
	struct pcapfile_source *src = ulogd_priv(inst);

	if (cut && !ulogd_stopping(inst))
		ulogd_error(inst, "%s: packet %" PRIu64 ": %s; the %" PRIu64 " packets before it were "
			    "read, nothing behind it can be", src->file, src->received + 1,
			    pcap_geterr(src->pcap), src->received);
	if (src->malformed == 0)
		ulogd_info(inst, "%s: %" PRIu64 " packets were read", src->file, src->received);
	else
		ulogd_notice(inst, "%s: %" PRIu64 " packets were read, %" PRIu64 " of them malformed",
			     src->file, src->received, src->malformed);
	watches_free(src);
	ulogd_input_done(inst);
}

static int pcapfile_ready(struct ulogd_instance *inst, void *data)
{
	struct pcapfile_source *src = data;
	struct pcap_pkthdr *header;
	const uint8_t *pkt;
	uint64_t num = 1;
	ssize_t n = 0;

	if (src->pipe_buf)
		n = read(src->wake_fd, &num, sizeof(num));
	for (unsigned int i = 0; i < BATCH; i++) {
		int ret;

		if (src->pipe_buf && src->pipe_pos == src->pipe_end && !pipe_readable(src, 0))
			return 0;
		ret = pcap_next_ex(src->pcap, &header, &pkt);
		if (ret != 1) {
			capture_end(inst, ret == PCAP_ERROR);
			return 0;
		}
		ulogd_count(&src->received, 1);
		ret = packet_run(inst, header, pkt);
		if (ret == 0)
			continue;
		ulogd_count(&src->malformed, 1);
		if (ulogd_once_a_second(&src->complained))
			ulogd_error(inst, "%s: packet %" PRIu64 " was given up: %s; %" PRIu64 " so far",
				    src->file, src->received,
				    ret == -EBADMSG ? "its headers are cut or malformed" :
				    strerror(-ret), src->malformed);
	}
	/* A pipe that is empty does not wake us for what we hold of it. */
	if (src->pipe_buf)
		n = write(src->wake_fd, &num, sizeof(num));
	(void)n;
	return ULOGD_MORE;
}

/* -------------------------------------------------------- start and stop */

static int pcapfile_check(struct ulogd_instance *inst)
{
	const struct pcapfile_source *src = ulogd_priv(inst);

	if (src->file[0] == '\0')
		return ulogd_fail_option(inst, "file", "which capture is to be read? Write its name, or - "
					 "for standard input");
	return 0;
}

/* What pcap reads the open file through; a regular one by itself. */
static FILE *stream_open(struct pcapfile_source *src)
{
	static const cookie_io_functions_t pipe_ops = { .read = pipe_read, .close = pipe_close };
	struct stat st;
	FILE *stream;

	if (fstat(src->fd, &st) < 0)
		return NULL;
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !isatty(src->fd))
		return fdopen(src->fd, "rb");
	src->pipe_buf = malloc(PIPE_BUF_LEN);
	stream = src->pipe_buf ? fopencookie(src, "rb", pipe_ops) : NULL;
	if (stream)
		setvbuf(stream, NULL, _IONBF, 0);
	return stream;
}

static int capture_open(struct ulogd_instance *inst)
{
	struct pcapfile_source *src = ulogd_priv(inst);
	char why[PCAP_ERRBUF_SIZE];
	FILE *stream;
	int ret;

	src->fd = strcmp(src->file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) :
						open(src->file, O_RDONLY | O_CLOEXEC);
	if (src->fd < 0)
		return ulogd_fail(inst, -errno, "cannot open %s: %m", src->file);
	stream = stream_open(src);
	if (!stream) {
		ret = ulogd_fail(inst, -errno, "cannot read %s: %m", src->file);
		close(src->fd);
		goto err_free;
	}
	src->pcap = pcap_fopen_offline(stream, why);
	if (src->pcap)
		return 0;
	ret = ulogd_fail(inst, -EBADMSG, "cannot read %s: %s", src->file, why);
	fclose(stream);
err_free:
	free(src->pipe_buf);
	return ret;
}

/* Chooses how to decode; an error names all that could be. */
static int link_type_find(struct ulogd_instance *inst)
{
	struct pcapfile_source *src = ulogd_priv(inst);
	int dlt = pcap_datalink(src->pcap);
	const char *name = pcap_datalink_val_to_name(dlt);
	char known[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < N_LINK_TYPES; i++) {
		if (link_types[i].dlt == dlt) {
			src->decode = link_types[i].decode;
			return 0;
		}
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i > 0 ? ", " : "",
					pcap_datalink_val_to_name(link_types[i].dlt));
	}
	return ulogd_fail(inst, -EPROTONOSUPPORT, "%s: cannot read packets of link type %s (%d); those "
			  "that can be read are %s", src->file, name ? name : "unknown", dlt, known);
}

/* Files that are no pipes are readable always, and cannot be watched. */
static int capture_watch(struct ulogd_instance *inst)
{
	struct pcapfile_source *src = ulogd_priv(inst);

	src->wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (src->wake_fd < 0)
		return ulogd_fail(inst, -errno, "eventfd: %m");
	src->watch = ulogd_watch_new(inst, src->wake_fd, pcapfile_ready, src);
	if (src->pipe_buf)
		src->pipe_watch = ulogd_watch_new(inst, src->fd, pcapfile_ready, src);
	if (src->watch && (src->pipe_watch || !src->pipe_buf))
		return 0;
	watches_free(src);
	close(src->wake_fd);
	return ulogd_fail(inst, -ENOMEM, "cannot watch %s: %m", src->file);
}

static int pcapfile_start(struct ulogd_instance *inst)
{
	struct pcapfile_source *src = ulogd_priv(inst);
	int ret;

	src->inst = inst;
	ret = capture_open(inst);
	if (ret < 0)
		return ret;
	ret = link_type_find(inst);
	if (ret == 0)
		ret = capture_watch(inst);
	if (ret < 0) {
		pcap_close(src->pcap);
		free(src->pipe_buf);
	}
	return ret;
}

static void pcapfile_report(struct ulogd_instance *inst)
{
	const struct pcapfile_source *src = ulogd_priv(inst);

	ulogd_notice(inst, "%s: %" PRIu64 " packets read, %" PRIu64 " malformed", src->file,
		     src->received, src->malformed);
}

static void pcapfile_stop(struct ulogd_instance *inst)
{
	struct pcapfile_source *src = ulogd_priv(inst);

	watches_free(src);
	close(src->wake_fd);
	pcap_close(src->pcap);
	free(src->pipe_buf);
	free(src->msg);
}

ULOGD_PLUGIN(struct pcapfile_source,
	.name = "PCAPFILE", .kind = ULOGD_INPUT, .ends = true,
	.options = options, .outputs = outputs, .counters = counters, .subject = "file",
	.check = pcapfile_check,
	.start = pcapfile_start, .stop = pcapfile_stop, .report = pcapfile_report,
);

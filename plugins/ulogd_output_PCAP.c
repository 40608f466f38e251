// SPDX-License-Identifier: GPL-2.0-or-later
/* PCAP - write packets to a capture file, for tcpdump and Wireshark. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include <ulogd/plugin.h>

#include "packet.h"

/* The file format: draft-ietf-opsawg-pcap, in the host's byte order. */
#define MAGIC_USEC	0xa1b2c3d4
#define MAGIC_NSEC	0xa1b23c4d
#define SNAPLEN_RAW	65536
#define SNAPLEN_NFLOG	131072	/* the longest packet and what the kernel says of it */
#define LINKTYPE_RAW	101
#define LINKTYPE_NFLOG	239

#define BLOCK		(1 << 20)	/* bytes that are read at a time to check a file */

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t thiszone, sigfigs, snaplen, linktype;
};

struct record_header {
	uint32_t sec, fraction, caplen, len;
};

struct pcap_output {
	const char *file;
	bool sync;
	const char *linktype;
	bool nanoseconds;

	bool nflog;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct pcap_output, file, "/var/log/ulogd.pcap", "file to append to"),
	ULOGD_OPT_BOOL(struct pcap_output, sync, false,
		       "write whenever the input is drained, not ten times a second"),
	ULOGD_OPT_STRING(struct pcap_output, linktype, "raw",
			 "raw: IP packets; nflog: with prefix, uid, mark and interfaces (NFLOG input only)"),
	ULOGD_OPT_BOOL(struct pcap_output, nanoseconds, false,
		       "write the time in nanoseconds, in the file format for that"),
	{}
};

enum { IN_PKT, IN_FAMILY, IN_SEC, IN_USEC, IN_RAW };
static const struct ulogd_field inputs[] = {
	[IN_PKT]    = { .id = FIELD_RAW_PKT },
	[IN_FAMILY] = { .id = FIELD_OOB_FAMILY },
	[IN_SEC]    = { .id = FIELD_OOB_TIME_SEC },
	[IN_USEC]   = { FIELD_OOB_TIME_USEC, .optional = true },
	[IN_RAW]    = { FIELD_RAW, .optional = true },
	{}
};

/* How long the packet was before it was cut, as its IP header says. */
static size_t packet_len(uint32_t family, const uint8_t *pkt, size_t caplen)
{
	size_t len = 0;

	if (family == NFPROTO_IPV4 && caplen >= 20)
		len = get_be16(pkt + 2);
	else if (family == NFPROTO_IPV6 && caplen >= 40)
		len = get_be16(pkt + 4) + 40u;
	return len > caplen ? len : caplen;
}

static int pcap_format(struct ulogd_instance *inst, const struct ulogd_record *rec,
		       struct ulogd_buf *out)
{
	const struct pcap_output *o = ulogd_priv(inst);
	struct record_header h;
	struct timespec now;
	const uint8_t *data;
	size_t len;

	if (o->nflog) {
		/* LINKTYPE_NFLOG is what follows the nlmsghdr, as it is. */
		data = ulogd_in_mem(rec, IN_RAW, &len);
		if (!data || len < NLMSG_HDRLEN)
			return ULOGD_PASS;
		data += NLMSG_HDRLEN;
		h.caplen = h.len = (uint32_t)(len - NLMSG_HDRLEN);
	} else {
		data = ulogd_in_mem(rec, IN_PKT, &len);
		if (!data)
			return ULOGD_PASS;
		h.caplen = (uint32_t)len;
		h.len = (uint32_t)packet_len(ulogd_in_or_0(rec, IN_FAMILY), data, len);
	}
	if (ulogd_in_u32(rec, IN_SEC, &h.sec) && ulogd_in_u32(rec, IN_USEC, &h.fraction)) {
		h.fraction *= o->nanoseconds ? 1000 : 1;
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		h.sec = (uint32_t)now.tv_sec;
		h.fraction = (uint32_t)(o->nanoseconds ? now.tv_nsec : now.tv_nsec / 1000);
	}
	ulogd_buf_mem(out, &h, sizeof(h));
	ulogd_buf_mem(out, data, h.caplen);
	return ULOGD_PASS;
}

/* Walks the records of a capture, to find one that a crash has cut. */
static int64_t pcap_adopt(const struct ulogd_file *file, int fd)
{
	const struct file_header *want = file->header;
	int64_t end = sizeof(*want), begin = 0;
	char *block;			/* of the file, from begin on */
	struct file_header have;
	struct record_header h;
	ssize_t len = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (pread(fd, &have, sizeof(have), 0) != sizeof(have))
		return -EBADMSG;
	if (have.magic != want->magic || have.linktype != want->linktype ||
	    have.snaplen != want->snaplen)
		return -EBADMSG;
	block = malloc(BLOCK);
	if (!block)
		return -ENOMEM;
	for (;;) {
		if (end + (int64_t)sizeof(h) > begin + len) {
			begin = end;
			len = pread(fd, block, BLOCK, begin);
			if (len < (ssize_t)sizeof(h))
				break;
		}
		memcpy(&h, block + (end - begin), sizeof(h));
		if (h.caplen > SNAPLEN_NFLOG || end + (int64_t)sizeof(h) + h.caplen > st.st_size)
			break;
		end += (int64_t)sizeof(h) + h.caplen;
	}
	free(block);
	return end;
}

static int pcap_check(struct ulogd_instance *inst)
{
	struct pcap_output *o = ulogd_priv(inst);

	o->nflog = strcmp(o->linktype, "nflog") == 0;
	if (!o->nflog && strcmp(o->linktype, "raw") != 0)
		return ulogd_fail_option(inst, "linktype", "unknown link type '%s'; write raw or nflog",
					 o->linktype);
	return 0;
}

static int pcap_start(struct ulogd_instance *inst)
{
	const struct pcap_output *o = ulogd_priv(inst);
	const struct file_header header = {
		.magic = o->nanoseconds ? MAGIC_NSEC : MAGIC_USEC,
		.major = 2, .minor = 4,
		.snaplen = o->nflog ? SNAPLEN_NFLOG : SNAPLEN_RAW,
		.linktype = o->nflog ? LINKTYPE_NFLOG : LINKTYPE_RAW,
	};

	if (o->nflog && !ulogd_in_provided(inst, IN_RAW))
		return ulogd_fail(inst, -EINVAL, "linktype=nflog needs a stack that begins with NFLOG");
	return ulogd_output_file(inst, &(struct ulogd_file){
		.path = o->file, .sync = o->sync, .adopt = pcap_adopt,
		.header = &header, .header_len = sizeof(header) });
}

ULOGD_PLUGIN(struct pcap_output,
	.name = "PCAP", .kind = ULOGD_OUTPUT, .to_file = true,
	.options = options, .inputs = inputs,
	.check = pcap_check, .start = pcap_start, .format = pcap_format,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* NFLOG - packets that rules send to a netlink log group: iptables -j NFLOG, nft log group. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The kernel's own header comes first: the library's copy of it is older. */
#include "nflog_record.h"

#include <libmnl/libmnl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/sock_diag.h>

#include <ulogd/plugin.h>

#define BATCH		8		/* datagrams per system call */
#define RECV_MIN	(128 * 1024)	/* a datagram with one large packet is no larger */
#define NLBUFSIZ_MIN	3776		/* NLMSG_GOODSIZE with pages of 4 KiB: less is ignored */
#define SKB_OVERHEAD	320		/* struct skb_shared_info, aligned */
#define ACK_TIMEOUT_MS	2000
#define GATHER_DEFAULT_MS 1000		/* what netlink_qtimeout=0 means to the kernel */
#define GATHER_MAX_MS	2000		/* how long a stop waits for what the kernel gathers */

/* A busy lane rests between its turns, for as long as this share of the receive budget lasts. */
#define REST_SHARE	64
#define REST_MAX_NS	40000000
#define DATAGRAM_COST	1024		/* what the kernel charges the budget beside the bytes, about */

/* What the next owner of the socket has to know; all zero for a new one. */
struct nflog_state {
	uint32_t next_seq;		/* NFULA_SEQ that the next packet should have */
	/* Who logged the families before we did; "": nobody, or not asked. */
	char loggers[3][32];
};
_Static_assert(sizeof(struct nflog_state) <= ULOGD_KEPT_STATE, "the state fits");

struct nflog_source {
	int32_t bufsize;
	int32_t group;
	int32_t unbind, bind;
	bool seq_local, seq_global;
	int32_t numeric_label;
	int32_t netlink_socket_buffer_size, netlink_socket_buffer_maxsize;
	int32_t netlink_qthreshold, netlink_qtimeout;
	bool attach_conntrack;
	int32_t snaplen;
	int32_t nlbufsiz;
	int32_t wait;
	bool report_loss;

	struct ulogd_kept *kept;	/* owns fd */
	struct nflog_state *state;	/* kept with it */
	int fd;
	bool taken_over;		/* from an owner before us, with the group */
	uint8_t *recv_mem;		/* BATCH buffers of recv_len bytes */
	size_t recv_len;
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_nl from[BATCH];
	int64_t turn_ns;		/* when the turn before this one ended */
	int64_t turn_charge;		/* what this turn has given back to the budget so far */

	struct timespec now;		/* when the datagram at hand was read; 0: not asked yet */
	uint32_t requests;		/* sent so far */
	uint32_t request_seq;		/* of the request that waits for its ACK; 0: none */
	int request_err;		/* its answer */

	int logger_fds[3];		/* the families' nf_log sysctls; -1: not bound by us */
	uint32_t socket_drops;		/* datagrams refused when the last gap was seen */
	int32_t rcvbuf;			/* bytes the kernel allows */
	uint16_t flags;			/* NFULNL_CFG_F_* of the group */
	uint16_t copied;		/* bytes that it is told to copy of each packet */
	uint64_t received, lost, overruns, malformed, truncated, foreign;	/* counters[] */
	uint64_t lost_said;
	struct ulogd_once losing, complained;
	/* report_loss: what the stacks do not know of yet. */
	uint64_t unreported;
	time_t loss_begin, loss_end;
	time_t last_read;		/* when the datagram before this one was read */
	struct ulogd_once reported;
};

/* Numbers that mean "as much as fits" are limited by the kernel, not by us. */
#define SIZE_MAX_OPTION INT32_MAX

static const struct ulogd_option options[] = {
	ULOGD_OPT_INT(struct nflog_source, bufsize, 150000, 0, SIZE_MAX_OPTION,
		      "bytes of the receive buffer for one datagram; never less than the kernel can send"),
	ULOGD_OPT_LANES(struct nflog_source, group, 0, 0, UINT16_MAX,
			"netlink log group, as in nft log group and --nflog-group"),
	ULOGD_OPT_INT(struct nflog_source, unbind, 1, INT32_MIN, INT32_MAX,
		      "unbind other loggers before binding families (when families are bound)"),
	ULOGD_OPT_INT(struct nflog_source, bind, 0, INT32_MIN, INT32_MAX,
		      "bind the families IPv4, IPv6 and bridge even though the group is not 0"),
	ULOGD_OPT_BOOL(struct nflog_source, seq_local, false,
		       "output oob.seq.local, the sequence number within the group"),
	ULOGD_OPT_BOOL(struct nflog_source, seq_global, false,
		       "output oob.seq.global, the sequence number over all groups"),
	ULOGD_OPT_INT(struct nflog_source, numeric_label, 0, INT32_MIN, INT32_MAX,
		      "label of every packet, raw.label; its low 8 bits"),
	ULOGD_OPT_INT(struct nflog_source, netlink_socket_buffer_size, 16 << 20, 0, SIZE_MAX_OPTION,
		      "receive budget in bytes, which the kernel doubles; 0: the system's default"),
	ULOGD_OPT_INT(struct nflog_source, netlink_socket_buffer_maxsize, 32 << 20, 0,
		      SIZE_MAX_OPTION, "how far the budget may grow when packets are lost; 0: it does not"),
	ULOGD_OPT_INT(struct nflog_source, netlink_qthreshold, 400, 0, INT32_MAX,
		      "packets the kernel gathers before it sends them; 0: the kernel's default"),
	ULOGD_OPT_INT(struct nflog_source, netlink_qtimeout, 10, 0, INT32_MAX,
		      "how long it gathers at most, in 1/100 s; 0: the kernel's default"),
	ULOGD_OPT_BOOL(struct nflog_source, attach_conntrack, false,
		       "ask for the conntrack entry of each packet"),
	ULOGD_OPT_AUTO(struct nflog_source, snaplen, UINT16_MAX, 0, UINT16_MAX,
		       "bytes of each packet to copy; 0: none; auto: what the stacks read"),
	ULOGD_OPT_INT(struct nflog_source, nlbufsiz, 32448, 0, 131072,
		      "bytes of the datagrams the kernel gathers packets in; 0: its default"),
	ULOGD_OPT_INT(struct nflog_source, wait, 0, 0, 86400,
		      "seconds to wait at start for a group that somebody else holds"),
	ULOGD_OPT_BOOL(struct nflog_source, report_loss, false,
		       "put an event into the stacks that says how many packets were lost, and when"),
	{}
};

enum { OUT_LOSS_EVENTS = N_NFLOG_OUTPUTS, OUT_LOSS_GROUP, OUT_LOSS_BEGIN, OUT_LOSS_END };

static const struct ulogd_field outputs[] = {
	NFLOG_OUTPUTS(NFLOG_OUTPUT_FIELD)
	[OUT_LOSS_EVENTS] = { .id = FIELD_LOSS_EVENTS },
	[OUT_LOSS_GROUP]  = { .id = FIELD_LOSS_GROUP },
	[OUT_LOSS_BEGIN]  = { .id = FIELD_LOSS_BEGIN },
	[OUT_LOSS_END]    = { .id = FIELD_LOSS_END },
	{}
};

static const struct ulogd_counter counters[] = {
	ULOGD_COUNTER(struct nflog_source, received, "packets that came from the group"),
	ULOGD_COUNTER(struct nflog_source, lost, "packets of the group that the kernel could not deliver"),
	ULOGD_COUNTER(struct nflog_source, overruns,
		      "datagrams the kernel dropped because the receive buffer was full"),
	ULOGD_COUNTER(struct nflog_source, malformed, "messages that made no sense"),
	ULOGD_COUNTER(struct nflog_source, truncated, "datagrams larger than the receive buffer"),
	ULOGD_COUNTER(struct nflog_source, foreign, "datagrams that did not come from the kernel"),
	{}
};

/* ----------------------------------------------------------------- loss */

/* Datagrams that the kernel refused because the budget was used up. */
static uint32_t drops_read(const struct nflog_source *src)
{
	uint32_t info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	if (getsockopt(src->fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return src->socket_drops;
	return info[SK_MEMINFO_DROPS];
}

/*
 * Sets the receive budget; the kernel takes twice the number and tells what it took.
 * Without privilege it is limited by net.core.rmem_max, which may be less than we have.
 */
static void rcvbuf_set(struct nflog_source *src, int32_t size)
{
	int fd = src->fd;
	socklen_t len = sizeof(src->rcvbuf);

	if (size > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
	    src->rcvbuf == 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &src->rcvbuf, &len) < 0)
		src->rcvbuf = 0;
}

/* Packets were lost: grows the budget if it may, and says so. */
static void nflog_losing(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	int32_t before = src->rcvbuf;
	uint32_t drops = drops_read(src);
	uint64_t lost;

	ulogd_count(&src->overruns, drops - src->socket_drops);
	src->socket_drops = drops;
	if (!ulogd_once_a_second(&src->losing))
		return;
	/* rcvbuf is twice what was asked for: asking for it again doubles it. */
	if (before / 2 < src->netlink_socket_buffer_maxsize)
		rcvbuf_set(src, before < src->netlink_socket_buffer_maxsize ?
				before : src->netlink_socket_buffer_maxsize);
	lost = src->lost - src->lost_said;
	src->lost_said = src->lost;
	if (src->rcvbuf > before)
		ulogd_notice(inst, "We are losing events, increasing buffer size to %" PRId32 ": group "
			     "%" PRId32 ", %" PRIu64 " packets lost, %" PRIu64 " in total", src->rcvbuf,
			     src->group, lost, src->lost);
	else
		ulogd_notice(inst, "We are losing events: group %" PRId32 ", %" PRIu64 " packets lost, %"
			     PRIu64 " in total. Please, consider using the clauses "
			     "`netlink_socket_buffer_size' and `netlink_socket_buffer_maxsize', now %"
			     PRId32 " and %" PRId32, src->group, lost, src->lost,
			     src->rcvbuf / 2, src->netlink_socket_buffer_maxsize);
}

/* An event of our own: what was lost since the last one. */
static void loss_run(struct ulogd_instance *inst, struct nflog_source *src)
{
	struct ulogd_record *rec = ulogd_record_begin(inst);
	char text[128], begin[32], end[32];
	struct tm tm;
	int len;

	strftime(begin, sizeof(begin), "%FT%T%z", localtime_r(&src->loss_begin, &tm));
	strftime(end, sizeof(end), "%FT%T%z", localtime_r(&src->loss_end, &tm));
	len = snprintf(text, sizeof(text), "ulogd: %" PRIu64 " events lost on group %" PRId32
		       " between %s and %s", src->unreported, src->group, begin, end);
	ulogd_set_mem(rec, OUT_OOB_PREFIX, text, (size_t)len);
	ulogd_set_num(rec, OUT_OOB_TIME_SEC, (uint64_t)src->loss_end);
	ulogd_set_num(rec, OUT_OOB_TIME_USEC, 0);
	ulogd_set_num(rec, OUT_LOSS_EVENTS, src->unreported);
	ulogd_set_num(rec, OUT_LOSS_GROUP, (uint16_t)src->group);
	ulogd_set_num(rec, OUT_LOSS_BEGIN, (uint32_t)src->loss_begin);
	ulogd_set_num(rec, OUT_LOSS_END, (uint32_t)src->loss_end);
	src->unreported = 0;
	ulogd_record_run(inst, rec);
}

/* Notes a gap for the stacks, which hear of it at once, but not more than once a second. */
static void loss_add(struct ulogd_instance *inst, struct nflog_source *src, uint32_t gap)
{
	src->loss_end = time(NULL);
	if (src->unreported == 0)
		src->loss_begin = src->last_read ? src->last_read : src->loss_end;
	src->unreported += gap;
	if (ulogd_once_a_second(&src->reported))
		loss_run(inst, src);
}

static void seq_check(struct ulogd_instance *inst, struct nflog_source *src, uint32_t seq)
{
	uint32_t gap = seq - src->state->next_seq;

	src->state->next_seq = seq + 1;
	if (__builtin_expect(gap == 0, 1))
		return;
	ulogd_count(&src->lost, gap);
	if (src->report_loss)
		loss_add(inst, src, gap);
	nflog_losing(inst);
}

/* -------------------------------------------------------------- packets */

static void time_set(struct nflog_source *src, const struct ulogd_record *rec,
		     const struct nflog_packet *p)
{
	if (nflog_time_set(rec, p))
		return;
	/* The kernel stamps only packets seen at prerouting, input or forward: stamp the rest here. */
	if (src->now.tv_sec == 0)
		clock_gettime(CLOCK_REALTIME, &src->now);
	ulogd_set_num(rec, OUT_OOB_TIME_SEC, (uint64_t)src->now.tv_sec);
	ulogd_set_num(rec, OUT_OOB_TIME_USEC, (uint64_t)src->now.tv_nsec / 1000);
}

/* What came in cannot be used: counted, said once a second. */
static void nflog_bad(struct ulogd_instance *inst, struct nflog_source *src, uint64_t *counter)
{
	ulogd_count(counter, 1);
	if (ulogd_once_a_second(&src->complained))
		ulogd_error(inst, "group %" PRId32 ": messages that could not be used so far: %" PRIu64
			    " malformed, %" PRIu64 " truncated, %" PRIu64 " not from the kernel",
			    src->group, src->malformed, src->truncated, src->foreign);
}

static void nflog_packet_run(struct ulogd_instance *inst, struct nflog_source *src,
			     const struct nlmsghdr *nlh, const struct nflog_packet *p)
{
	struct ulogd_record *rec = ulogd_record_begin(inst);

	if (nflog_record_set(rec, p) < 0)
		nflog_bad(inst, src, &src->malformed);
	time_set(src, rec, p);
	if (src->seq_local)
		nflog_num_if(rec, OUT_OOB_SEQ_LOCAL, p, NFULA_SEQ);
	nflog_num_if(rec, OUT_OOB_SEQ_GLOBAL, p, NFULA_SEQ_GLOBAL);
	ulogd_set_num(rec, OUT_RAW_LABEL, (uint8_t)src->numeric_label);
	ulogd_set_mem(rec, OUT_RAW, nlh, nlh->nlmsg_len);
	ulogd_record_run(inst, rec);
}

/* One datagram: packets of our group, and the answer to a request. */
static void nflog_walk(struct ulogd_instance *inst, const uint8_t *data, size_t len)
{
	struct nflog_source *src = ulogd_priv(inst);
	struct nflog_packet packet;

	src->now.tv_sec = 0;
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)data;
		size_t step;

		if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > len)
			return nflog_bad(inst, src, &src->malformed);
		if (nlh->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET)) {
			if (nflog_decode(data + sizeof(*nlh), nlh->nlmsg_len - sizeof(*nlh),
					 &packet) < 0) {
				nflog_bad(inst, src, &src->malformed);
			} else {
				ulogd_count(&src->received, 1);
				if (nflog_has(&packet, NFULA_SEQ))
					seq_check(inst, src, nflog_be32(&packet, NFULA_SEQ));
				nflog_packet_run(inst, src, nlh, &packet);
			}
		} else if (nlh->nlmsg_type == NLMSG_ERROR &&
			   nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)) &&
			   nlh->nlmsg_seq == src->request_seq) {
			src->request_err = ((const struct nlmsgerr *)NLMSG_DATA(nlh))->error;
			src->request_seq = 0;
		}
		step = NLMSG_ALIGN(nlh->nlmsg_len);
		if (step >= len)
			return;
		data += step;
		len -= step;
	}
	if (len > 0)
		nflog_bad(inst, src, &src->malformed);
}

/* Reads up to BATCH datagrams.  Returns their number, 0 when there are none, or -errno. */
static int nflog_receive(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	int n;

	for (unsigned int i = 0; i < BATCH; i++)
		src->msgs[i].msg_hdr.msg_namelen = sizeof(src->from[i]);
	do {
		n = recvmmsg(src->fd, src->msgs, BATCH, MSG_DONTWAIT, NULL);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno == ENOBUFS) {	/* only where NETLINK_NO_ENOBUFS is not known */
			nflog_losing(inst);
			return 0;
		}
		return -errno;
	}
	src->turn_charge += (int64_t)n * DATAGRAM_COST;
	for (int i = 0; i < n; i++) {
		if (src->from[i].nl_pid != 0) {
			nflog_bad(inst, src, &src->foreign);
			continue;
		}
		if (src->msgs[i].msg_hdr.msg_flags & MSG_TRUNC)
			nflog_bad(inst, src, &src->truncated);
		nflog_walk(inst, src->iov[i].iov_base, src->msgs[i].msg_len);
		src->turn_charge += src->msgs[i].msg_len;
	}
	if (src->report_loss) {
		src->last_read = time(NULL);
		if (src->unreported > 0 && ulogd_once_a_second(&src->reported))
			loss_run(inst, src);
	}
	return n;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Waking up is what costs, not the packets.  So a busy lane looks only so often, as the budget allows: a
 * burst that comes while it rests has the rest of it.
 */
static void turn_end(struct ulogd_instance *inst, struct nflog_source *src)
{
	int64_t now = now_ns(), since = now - src->turn_ns, rest;

	if (src->turn_charge > 0 && since < REST_MAX_NS + REST_MAX_NS / 2) {
		rest = since * (src->rcvbuf / REST_SHARE) / src->turn_charge;
		ulogd_rest(inst, (unsigned int)((rest < REST_MAX_NS ? rest : REST_MAX_NS) / 1000));
	}
	src->turn_ns = now;
	src->turn_charge = 0;
}

static int nflog_ready(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	int n = nflog_receive(inst);

	if (src->lost != src->lost_said)
		nflog_losing(inst);
	if (n == BATCH)
		return ULOGD_MORE;
	turn_end(inst, src);
	return n < 0 ? n : 0;
}

/* ------------------------------------------------------------- requests */

/* Sends a CONFIG request and reads until it is answered; packets in between go their way. */
static int nflog_request(struct ulogd_instance *inst, struct nlmsghdr *nlh)
{
	struct nflog_source *src = ulogd_priv(inst);
	struct pollfd pfd = { .fd = src->fd, .events = POLLIN };

	nlh->nlmsg_flags |= NLM_F_ACK;
	src->request_seq = nlh->nlmsg_seq = ++src->requests;
	src->request_err = -ETIMEDOUT;
	if (send(src->fd, nlh, nlh->nlmsg_len, 0) < 0)
		return -errno;
	while (src->request_seq != 0) {
		int ret = poll(&pfd, 1, ACK_TIMEOUT_MS);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret == 0) {
			src->request_seq = 0;
			return -ETIMEDOUT;
		}
		ret = ret < 0 ? -errno : nflog_receive(inst);
		if (ret < 0)
			return ret;
	}
	return src->request_err;
}

static int nflog_command(struct ulogd_instance *inst, uint8_t family, uint8_t command)
{
	const struct nflog_source *src = ulogd_priv(inst);
	char buf[MNL_NLMSG_HDRLEN + 64];
	struct nlmsghdr *nlh;

	/* PF_* commands are about a family, the others about the group. */
	nlh = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, family,
				     family == AF_UNSPEC ? (uint16_t)src->group : 0);
	nflog_attr_put_cfg_cmd(nlh, command);
	return nflog_request(inst, nlh);
}

/* How much of each packet the stacks read, unless the configuration says what to copy. */
static uint16_t copy_range(const struct ulogd_instance *inst)
{
	const struct nflog_source *src = ulogd_priv(inst);
	uint32_t bytes = ulogd_out_bytes(inst, OUT_RAW_PKT), len = ulogd_out_bytes(inst, OUT_RAW_PKTLEN);

	if (src->snaplen != ULOGD_AUTO)
		return (uint16_t)src->snaplen;
	if (len > bytes)
		bytes = len;
	return bytes > UINT16_MAX || ulogd_out_wanted(inst, OUT_RAW) ? UINT16_MAX : (uint16_t)bytes;
}

/* One message that binds the group with all its settings: nothing is logged with others. */
static int group_request(struct ulogd_instance *inst, bool bind)
{
	struct nflog_source *src = ulogd_priv(inst);
	char buf[MNL_NLMSG_HDRLEN + 128];
	struct nlmsghdr *nlh;

	nlh = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, AF_UNSPEC, (uint16_t)src->group);
	if (bind)
		nflog_attr_put_cfg_cmd(nlh, NFULNL_CFG_CMD_BIND);
	src->copied = copy_range(inst);
	nflog_attr_put_cfg_mode(nlh, src->copied > 0 ? NFULNL_COPY_PACKET : NFULNL_COPY_META, src->copied);
	if (src->netlink_qtimeout > 0)
		mnl_attr_put_u32(nlh, NFULA_CFG_TIMEOUT, htobe32((uint32_t)src->netlink_qtimeout));
	if (src->nlbufsiz > 0)
		mnl_attr_put_u32(nlh, NFULA_CFG_NLBUFSIZ, htobe32((uint32_t)src->nlbufsiz));
	if (src->netlink_qthreshold > 0)
		mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htobe32((uint32_t)src->netlink_qthreshold));
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htobe16(src->flags));
	return nflog_request(inst, nlh);
}

/* "pid 812 (pvefw-logger)" for whoever holds our group; false when nobody is seen to. */
static bool nflog_group_owner(const struct nflog_source *src, char *ret, size_t size)
{
	FILE *file = fopen("/proc/net/netfilter/nfnetlink_log", "re");
	uint32_t group, portid = 0, line_portid;
	bool found = false;
	char line[128];

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		found = sscanf(line, "%" SCNu32 " %" SCNu32, &group, &line_portid) == 2 &&
			group == (uint32_t)src->group;
		if (found)
			portid = line_portid;
	}
	fclose(file);
	if (found && ulogd_netlink_owner(NETLINK_NETFILTER, portid, ret, size) < 0)
		snprintf(ret, size, "a process that cannot be seen from here, netlink port %" PRIu32,
			 portid);
	return found;
}

/* What to do about the error of a request; @otherwise when it is not that privileges are missing. */
static const char *privilege_hint(int err, const char *otherwise)
{
	return err == -EPERM ? "; run as root or grant CAP_NET_ADMIN" : otherwise;
}

/* Binds the group, without conntrack where the kernel lacks it, waiting for it if asked to. */
static int group_bind(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	/* A socket that was kept has the group already, and packets of it. */
	bool kept = src->taken_over;
	int32_t waited = 0;
	char owner[96];
	int ret;

	/* The sequence number is asked for in any case: it is how loss is found. */
	src->flags = NFULNL_CFG_F_SEQ;
	if (src->seq_global)
		src->flags |= NFULNL_CFG_F_SEQ_GLOBAL;
	if (src->attach_conntrack)
		src->flags |= NFULNL_CFG_F_CONNTRACK;
	for (;;) {
		ret = group_request(inst, !kept);
		if (ret == -ENODEV && kept) {
			src->state->next_seq = 0;
			kept = false;
			continue;
		}
		if (ret == -EOPNOTSUPP && src->flags & NFULNL_CFG_F_CONNTRACK) {
			ulogd_error(inst, "attach_conntrack: this kernel cannot attach conntrack entries, "
				    "going on without; it needs CONFIG_NETFILTER_NETLINK_GLUE_CT and "
				    "nf_conntrack_netlink");
			src->flags &= (uint16_t)~NFULNL_CFG_F_CONNTRACK;
			continue;
		}
		if (ret == 0)
			return 0;
		if (!nflog_group_owner(src, owner, sizeof(owner)))
			return ulogd_fail(inst, ret, "unable to bind to log group %" PRId32 ": %m%s", src->group,
					  privilege_hint(ret, "; does the kernel have nfnetlink_log?"));
		if (waited++ >= src->wait)
			return ulogd_fail(inst, ret, "unable to bind to log group %" PRId32 ": it is held "
					  "by %s; stop that process, use another group, or set wait=SECONDS",
					  src->group, owner);
		if (waited == 1)
			ulogd_notice(inst, "log group %" PRId32 " is held by %s, waiting for it",
				     src->group, owner);
		sleep(1);
	}
}

static const uint8_t families[] = { AF_INET, AF_INET6, AF_BRIDGE };

/* The name of the logger in a nf_log sysctl, "" when it cannot be read. */
static void logger_read(int fd, char *ret, size_t size)
{
	ssize_t len = pread(fd, ret, size - 1, 0);

	ret[len > 0 ? len : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/* Opens the sysctl of a family, and remembers the logger that we are about to replace. */
static void logger_remember(struct nflog_source *src, size_t i)
{
	char path[64], *name = src->state->loggers[i];

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/nf_log/%d", families[i]);
	src->logger_fds[i] = open(path, O_RDWR | O_CLOEXEC);
	if (src->logger_fds[i] < 0)
		src->logger_fds[i] = open(path, O_RDONLY | O_CLOEXEC);
	if (src->logger_fds[i] < 0 || name[0])
		return;
	logger_read(src->logger_fds[i], name, sizeof(src->state->loggers[i]));
	if (strcmp(name, "nfnetlink_log") == 0)
		name[0] = '\0';
}

/* Makes this daemon the logger of the families, which would outlive us: see families_restore(). */
static int families_bind(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	int ret;

	for (size_t i = 0; i < sizeof(families); i++) {
		logger_remember(src, i);
		if (src->unbind > 0) {
			ulogd_notice(inst, "forcing unbind of existing log handler for protocol %d",
				     families[i]);
			ret = nflog_command(inst, families[i], NFULNL_CFG_CMD_PF_UNBIND);
			if (ret < 0)
				return ulogd_fail(inst, ret, "unable to force-unbind existing log handler "
						  "for protocol %d: %m%s", families[i],
						  privilege_hint(ret, ""));
		}
		ulogd_debug(inst, "binding to protocol family %d", families[i]);
		ret = nflog_command(inst, families[i], NFULNL_CFG_CMD_PF_BIND);
		if (ret < 0)
			return ulogd_fail(inst, ret, "unable to bind to protocol family %d: %m%s",
					  families[i], privilege_hint(ret, ""));
	}
	return 0;
}

/* Gives the families back to who logged them before, unless somebody else has taken them since. */
static void families_restore(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);

	for (size_t i = 0; i < sizeof(families); i++) {
		char *before = src->state->loggers[i];
		char now[sizeof(src->state->loggers[i])];
		int ret = 0;

		if (src->logger_fds[i] < 0 || !before[0])
			continue;
		logger_read(src->logger_fds[i], now, sizeof(now));
		if (strcmp(now, "nfnetlink_log") != 0)
			continue;
		if (strcmp(before, "NONE") == 0)
			ret = nflog_command(inst, families[i], NFULNL_CFG_CMD_PF_UNBIND);
		else if (write(src->logger_fds[i], before, strlen(before)) < 0)
			ret = -errno;
		if (ret < 0)
			ulogd_notice(inst, "protocol family %d stays bound to nfnetlink_log: %s; write "
				     "%s to /proc/sys/net/netfilter/nf_log/%d", families[i],
				     strerror(-ret), before, families[i]);
		before[0] = '\0';
	}
}

static void loggers_close(struct nflog_source *src)
{
	for (size_t i = 0; i < sizeof(families); i++)
		if (src->logger_fds[i] >= 0)
			close(src->logger_fds[i]);
}

/* ------------------------------------------------------- start and stop */

/*
 * The largest datagram the kernel can build: it fills the whole allocation, which is rounded
 * up to a power of two.
 */
static size_t datagram_max(const struct nflog_source *src)
{
	size_t want = (size_t)(src->nlbufsiz > NLBUFSIZ_MIN ? src->nlbufsiz : NLBUFSIZ_MIN);
	size_t max = 4096;

	while (max < want + SKB_OVERHEAD)
		max *= 2;
	if (max < RECV_MIN)
		max = RECV_MIN;
	if (max < (size_t)src->bufsize)
		max = (size_t)src->bufsize;
	return (max + 4095) / 4096 * 4096;	/* each of the buffers begins aligned */
}

/* The socket of our group in the caller's network namespace, which may have been kept: src->fd. */
static int nflog_open_socket(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int on = 1, protocol = -1;
	socklen_t len = sizeof(protocol);
	struct stat netns = {};
	char name[64];

	stat("/proc/thread-self/ns/net", &netns);
	snprintf(name, sizeof(name), "nflog-%" PRId32 "-%" PRIuMAX, src->group,
		 (uintmax_t)netns.st_ino);
	src->kept = ulogd_kept_get(inst, name);
	if (!src->kept)
		return ulogd_fail(inst, -EBUSY, "log group %" PRId32 " is read by another instance already; "
				  "begin both stacks with the same input", src->group);
	src->state = ulogd_kept_state(src->kept);
	src->fd = ulogd_kept_fd(src->kept);
	src->taken_over = getsockopt(src->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
			  protocol == NETLINK_NETFILTER;
	if (src->taken_over) {
		ulogd_info(inst, "taking over the socket of log group %" PRId32, src->group);
		return 0;
	}
	ulogd_debug(inst, "opening nfnetlink socket");
	src->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (src->fd < 0)
		return ulogd_fail(inst, -errno, "cannot open a netfilter netlink socket: %m");
	if (bind(src->fd, (const struct sockaddr *)&any, sizeof(any)) < 0) {
		int ret = ulogd_fail(inst, -errno, "cannot bind the netfilter netlink socket: %m");

		close(src->fd);
		return ret;
	}
	/* Without it one overflow shuts the socket until it is completely empty. */
	setsockopt(src->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	ulogd_kept_set(src->kept, src->fd);
	return 0;
}

static void budget_set(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);

	rcvbuf_set(src, 0);
	/* One that has grown stays as it is: what waits in it would not fit any more. */
	if (!src->taken_over || src->rcvbuf / 2 < src->netlink_socket_buffer_size)
		rcvbuf_set(src, src->netlink_socket_buffer_size);
	if (src->rcvbuf / 2 < src->netlink_socket_buffer_size)
		ulogd_notice(inst, "the kernel allows a buffer of %" PRId32 " bytes only; run as root or "
			     "raise net.core.rmem_max", src->rcvbuf / 2);
	ulogd_info(inst, "NFLOG netlink buffer size has been set to %" PRId32, src->rcvbuf);
}

static int nflog_buffers_new(struct nflog_source *src)
{
	src->recv_len = datagram_max(src);
	/* Pages that no datagram reaches are never touched, and so cost nothing. */
	src->recv_mem = mmap(NULL, BATCH * src->recv_len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (src->recv_mem == MAP_FAILED)
		return -errno;
	for (unsigned int i = 0; i < BATCH; i++) {
		src->iov[i] = (struct iovec){ src->recv_mem + i * src->recv_len, src->recv_len };
		src->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &src->from[i], .msg_iov = &src->iov[i], .msg_iovlen = 1,
		};
	}
	return 0;
}

static int nflog_start(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	int ret;

	if (src->nlbufsiz > 0 && src->nlbufsiz < NLBUFSIZ_MIN)
		ulogd_notice(inst, "nlbufsiz=%" PRId32 " is ignored by the kernel: it takes %d to 131072",
			     src->nlbufsiz, NLBUFSIZ_MIN);
	if (src->netlink_socket_buffer_maxsize > 0 &&
	    src->netlink_socket_buffer_maxsize < src->netlink_socket_buffer_size)
		src->netlink_socket_buffer_maxsize = src->netlink_socket_buffer_size;

	ret = nflog_buffers_new(src);
	if (ret < 0)
		return ulogd_fail(inst, ret, "cannot get memory for receiving: %m");
	ret = nflog_open_socket(inst);
	if (ret < 0)
		goto err_put;
	budget_set(inst);
	src->socket_drops = drops_read(src);
	for (size_t i = 0; i < sizeof(families); i++)
		src->logger_fds[i] = -1;
	if (src->group == 0 || src->bind > 0) {
		ret = families_bind(inst);
		if (ret < 0)
			goto err_close;
	}
	ret = group_bind(inst);
	if (ret < 0)
		goto err_close;
	ulogd_debug(inst, "bound to log group %" PRId32, src->group);
	ret = ulogd_watch(inst, src->fd, nflog_ready);
	if (ret < 0)
		goto err_close;
	return 0;

err_close:
	loggers_close(src);
err_put:
	if (src->kept)
		ulogd_kept_put(src->kept);
	munmap(src->recv_mem, BATCH * src->recv_len);
	return ret;
}

/* The stacks read more of a packet now, or less. */
static void nflog_relink(struct ulogd_instance *inst)
{
	const struct nflog_source *src = ulogd_priv(inst);
	int ret;

	if (copy_range(inst) == src->copied)
		return;
	ret = group_request(inst, false);
	if (ret < 0)
		ulogd_error(inst, "group %" PRId32 ": cannot change how much of a packet is copied: %s; set "
			    "snaplen", src->group, strerror(-ret));
}

static void nflog_report(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	uint32_t drops = drops_read(src);
	char tail[96] = "";

	/* Datagrams refused after the last packet we saw leave no gap to count. */
	if (drops != src->socket_drops)
		snprintf(tail, sizeof(tail), "; after the last of them %" PRIu32 " datagrams were "
			 "refused", drops - src->socket_drops);
	ulogd_notice(inst, "group %" PRId32 ": %" PRIu64 " packets received, %" PRIu64 " lost, %" PRIu64
		     " malformed%s", src->group, src->received, src->lost, src->malformed, tail);
}

/* Takes what has arrived, and no more than the budget holds: a flood does not end by itself. */
static void nflog_take_arrived(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);

	src->turn_charge = 0;
	while (src->turn_charge < src->rcvbuf && nflog_receive(inst) > 0)
		;
}

/*
 * The group stays bound for whoever takes the socket next, with room for what comes in between.
 * What the kernel gathers now it sends when its timer fires: waits for that, since
 * it may be that nobody comes.
 */
static void nflog_leave(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	struct pollfd pfd = { .fd = src->fd, .events = POLLIN };
	int64_t gather = src->netlink_qtimeout > 0 ? src->netlink_qtimeout * 10 : GATHER_DEFAULT_MS;
	int64_t end = now_ns() / 1000000 + (gather < GATHER_MAX_MS ? gather : GATHER_MAX_MS) + 10, left;

	if (src->rcvbuf / 2 < src->netlink_socket_buffer_maxsize)
		rcvbuf_set(src, src->netlink_socket_buffer_maxsize);
	while ((left = end - now_ns() / 1000000) > 0 && poll(&pfd, 1, (int)left) > 0)
		nflog_take_arrived(inst);
}

/*
 * UNBIND makes the kernel send what it still gathers, before the ACK: all of that is read.
 * There has to be room for it, so what has arrived is taken before.
 */
static void nflog_drain(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);
	int ret;

	families_restore(inst);
	nflog_take_arrived(inst);
	if (ulogd_keeping(inst)) {
		nflog_leave(inst);
		goto out;
	}
	ret = nflog_command(inst, AF_UNSPEC, NFULNL_CFG_CMD_UNBIND);
	if (ret < 0) {	/* not allowed any more */
		ulogd_info(inst, "cannot unbind group %" PRId32 ": %s", src->group, strerror(-ret));
		nflog_take_arrived(inst);
	}
out:
	if (src->unreported > 0)
		loss_run(inst, src);
	nflog_report(inst);
}

static void nflog_stop(struct ulogd_instance *inst)
{
	struct nflog_source *src = ulogd_priv(inst);

	loggers_close(src);
	ulogd_kept_put(src->kept);
	munmap(src->recv_mem, BATCH * src->recv_len);
}

ULOGD_PLUGIN(struct nflog_source,
	.name = "NFLOG", .kind = ULOGD_INPUT, .in_netns = true,
	.options = options, .outputs = outputs, .counters = counters, .subject = "group",
	.start = nflog_start, .relink = nflog_relink, .drain = nflog_drain, .stop = nflog_stop,
	.report = nflog_report,
);

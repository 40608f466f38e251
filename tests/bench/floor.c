// SPDX-License-Identifier: GPL-2.0-or-later
/* floor - the null consumer: receive and count what a log group delivers. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel fills a whole allocation: with the largest nlbufsiz it accepts, 131072,
 * a datagram may have almost twice that many bytes. */
#define RECV_BYTES	(256 * 1024)

/* 0 leaves the kernel's default. */
struct settings {
	uint16_t group;
	uint32_t nlbufsiz, qthreshold;
	uint32_t qtimeout;		/* hundredths of a second */
	int rcvbuf;			/* value for SO_RCVBUFFORCE, which doubles it */
	bool seq, no_enobufs;
};

struct counters {
	unsigned long long packets, lost, datagrams, overruns;
	uint32_t next_seq;
};

static int sock_fd;

static int group_bind(struct mnl_socket *nl, const struct settings *set, char *buf)
{
	const struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(0xffff),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	ssize_t len;

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(set->group);
	mnl_attr_put_u8(nlh, NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	if (set->qtimeout)
		mnl_attr_put_u32(nlh, NFULA_CFG_TIMEOUT, htonl(set->qtimeout));
	if (set->nlbufsiz)
		mnl_attr_put_u32(nlh, NFULA_CFG_NLBUFSIZ, htonl(set->nlbufsiz));
	if (set->qthreshold)
		mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(set->qthreshold));
	if (set->seq)
		mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(nl, buf, RECV_BYTES);
	if (len < 0 || mnl_cb_run(buf, (size_t)len, 0, 0, NULL, NULL) < 0)
		return -errno;
	return 0;
}

static int socket_tune(struct mnl_socket *nl, const struct settings *set)
{
	int one = 1;

	if (set->rcvbuf && setsockopt(sock_fd, SOL_SOCKET, SO_RCVBUFFORCE, &set->rcvbuf,
				      sizeof(set->rcvbuf)) < 0)
		return -errno;
	if (set->no_enobufs && mnl_socket_setsockopt(nl, NETLINK_NO_ENOBUFS, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

static void count_gap(struct counters *cnt, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	uint32_t seq;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != NFULA_SEQ)
			continue;
		seq = ntohl(mnl_attr_get_u32(attr));
		cnt->lost += seq - cnt->next_seq;	/* modulo 2^32, as the kernel counts */
		cnt->next_seq = seq + 1;
		return;
	}
}

static void count_datagram(struct counters *cnt, const char *buf, int len, bool seq)
{
	const struct nlmsghdr *nlh = (const void *)buf;

	cnt->datagrams++;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
			continue;
		cnt->packets++;
		if (seq)
			count_gap(cnt, nlh);
	}
}

/* From here on recv() fails where it would wait, so the loop ends when the queue is
 * empty, even if the signal came between two calls. */
static void stop(int signum)
{
	(void)signum;
	fcntl(sock_fd, F_SETFL, O_NONBLOCK);
}

static int receive(struct mnl_socket *nl, struct counters *cnt, char *buf, bool seq)
{
	for (;;) {
		ssize_t len = mnl_socket_recvfrom(nl, buf, RECV_BYTES);

		if (len >= 0)
			count_datagram(cnt, buf, (int)len, seq);
		else if (errno == ENOBUFS)
			cnt->overruns++;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
}

static unsigned int number(const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value > max) {
		fprintf(stderr, "floor: '%s' is not a number from 0 to %lu\n", text, max);
		exit(EXIT_FAILURE);
	}
	return (unsigned int)value;
}

static void usage(FILE *out)
{
	fprintf(out,
		"usage: floor [-g GROUP] [-n NLBUFSIZ] [-q QTHRESHOLD] [-t QTIMEOUT] [-r RCVBUF] [-s] [-e]\n"
		"  -g  log group (0)\n"
		"  -n  bytes the kernel gathers per datagram (0: kernel default)\n"
		"  -q  packets the kernel gathers per datagram (0: kernel default)\n"
		"  -t  longest wait of a packet in hundredths of a second (0: kernel default)\n"
		"  -r  receive buffer for SO_RCVBUFFORCE, the kernel doubles it (0: kernel default)\n"
		"  -s  ask for sequence numbers and count their gaps\n"
		"  -e  NETLINK_NO_ENOBUFS: an overrun does not shut the socket\n"
		"Stops on SIGTERM or SIGINT and prints what it counted.\n");
}

int main(int argc, char *argv[])
{
	const struct sigaction act = { .sa_handler = stop };	/* no SA_RESTART */
	struct settings set = { 0 };
	struct counters cnt = { 0 };
	struct mnl_socket *nl;
	char *buf;
	int opt, ret;

	while ((opt = getopt(argc, argv, "g:n:q:t:r:seh")) != -1) {
		switch (opt) {
		case 'g':
			set.group = (uint16_t)number(optarg, UINT16_MAX);
			break;
		case 'n':
			set.nlbufsiz = number(optarg, UINT32_MAX);
			break;
		case 'q':
			set.qthreshold = number(optarg, UINT32_MAX);
			break;
		case 't':
			set.qtimeout = number(optarg, UINT32_MAX);
			break;
		case 'r':
			set.rcvbuf = (int)number(optarg, INT32_MAX);
			break;
		case 's':
			set.seq = true;
			break;
		case 'e':
			set.no_enobufs = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_FAILURE;
		}
	}

	buf = malloc(RECV_BYTES);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!buf || !nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		fprintf(stderr, "floor: cannot open a netfilter socket: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	sock_fd = mnl_socket_get_fd(nl);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);

	ret = socket_tune(nl, &set);
	if (!ret)
		ret = group_bind(nl, &set, buf);
	if (!ret)
		ret = receive(nl, &cnt, buf, set.seq);
	mnl_socket_close(nl);
	free(buf);
	if (ret < 0) {
		fprintf(stderr, "floor: group %u: %s\n", set.group, strerror(-ret));
		return EXIT_FAILURE;
	}

	printf("group %u: %llu packets received", set.group, cnt.packets);
	if (set.seq)
		printf(", %llu lost", cnt.lost);
	printf(" (%llu datagrams, %llu overruns)\n", cnt.datagrams, cnt.overruns);
	return EXIT_SUCCESS;
}

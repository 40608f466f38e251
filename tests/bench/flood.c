// SPDX-License-Identifier: GPL-2.0-or-later
/* flood - send UDP datagrams to a logging rule, flat out or at an even pace. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC	1000000000ULL
/* A paced sender sleeps this long between bursts: about a millisecond, but no divisor of the
 * clock tick, at which the kernel samples whether a reader is in user or in system mode. */
#define BURST_NS	1030000ULL
#define SOCKETS_MAX	10000		/* more flows than that have several addresses */
#define SIZE_MAX_BYTES	65507		/* the largest UDP payload over IPv4 */

struct flood {
	unsigned long long count, rate;		/* datagrams, datagrams/s; rate 0: flat out */
	unsigned int size_bytes, flows;
	const char *addr;
	unsigned int port;

	char *payload;
	struct sockaddr_in to;
	int *socks;				/* connected, one per flow up to SOCKETS_MAX */
	unsigned int turn;			/* the flow whose turn it is */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t when_ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(when_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(when_ns % NSEC_PER_SEC),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static int flood_open(struct flood *flood)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)flood->port),
	};
	struct rlimit files;

	if (inet_pton(AF_INET, flood->addr, &to.sin_addr) != 1)
		return -EINVAL;
	flood->to = to;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}

	flood->socks = calloc(flood->flows, sizeof(*flood->socks));
	flood->payload = malloc(flood->size_bytes + 1);
	if (!flood->socks || !flood->payload)
		return -ENOMEM;
	memset(flood->payload, 'x', flood->size_bytes);

	/* connect() picks the source port, and a connected socket keeps its route. */
	for (unsigned int i = 0; i < flood->flows && i < SOCKETS_MAX; i++) {
		flood->socks[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (flood->socks[i] < 0 ||
		    connect(flood->socks[i], (const struct sockaddr *)&to, sizeof(to)) < 0)
			return -errno;
	}
	return 0;
}

/* Send one datagram of the next flow; return how many reached the rule.  A drop in the
 * output hook comes back as EPERM, which is the normal case here.  It would also end
 * sendmmsg() after every datagram: a plain send() is the cheaper way to be told. */
static int flood_send(struct flood *flood)
{
	ssize_t ret;

	if (flood->turn < SOCKETS_MAX) {
		ret = send(flood->socks[flood->turn], flood->payload, flood->size_bytes, 0);
	} else {
		struct sockaddr_in to = flood->to;

		to.sin_addr.s_addr = htonl(ntohl(to.sin_addr.s_addr) + flood->turn / SOCKETS_MAX);
		ret = sendto(flood->socks[flood->turn % SOCKETS_MAX], flood->payload, flood->size_bytes, 0,
			     (const struct sockaddr *)&to, sizeof(to));
	}
	if (++flood->turn == flood->flows)
		flood->turn = 0;
	if (ret >= 0)
		return 1;

	switch (errno) {
	case EPERM:
		return 1;
	case ECONNREFUSED:	/* news of an earlier datagram, this one was not sent */
	case EINTR:
		return 0;
	default:
		return -errno;
	}
}

static int flood_run(struct flood *flood, unsigned long long *ret_sent)
{
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
	unsigned long long sent = 0;
	int ret;

	for (uint64_t due_ns = BURST_NS; sent < flood->count; due_ns += BURST_NS) {
		unsigned long long goal = flood->count;

		/* Time sets the goal, so a late wake-up is made good by a larger burst
		 * and the rate holds. */
		if (flood->rate) {
			goal = (unsigned long long)((double)due_ns / NSEC_PER_SEC * (double)flood->rate);
			if (goal > flood->count)
				goal = flood->count;
		}
		while (sent < goal) {
			ret = flood_send(flood);
			if (ret < 0)
				return ret;
			sent += (unsigned int)ret;
		}
		if (flood->rate && sent < flood->count)
			sleep_until(start_ns + due_ns);
	}
	*ret_sent = sent;
	return 0;
}

static void flood_close(struct flood *flood)
{
	for (unsigned int i = 0; flood->socks && i < flood->flows; i++)
		if (flood->socks[i] > 0)
			close(flood->socks[i]);
	free(flood->socks);
	free(flood->payload);
}

static unsigned long long number(const char *text, unsigned long long min,
				 unsigned long long max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max) {
		fprintf(stderr, "flood: '%s' is not a number from %llu to %llu\n",
			text, min, max);
		exit(EXIT_FAILURE);
	}
	return value;
}

static void usage(FILE *out)
{
	fprintf(out,
		"usage: flood [-n COUNT] [-r RATE] [-s SIZE] [-f FLOWS] [-a ADDRESS] [-p PORT]\n"
		"  -n  datagrams to send (1000000)\n"
		"  -r  datagrams per second, evenly in bursts of about 1 ms; 0: flat out (0)\n"
		"  -s  bytes of UDP payload (64)\n"
		"  -f  flows, that is source ports, then addresses, taken in turn (1)\n"
		"  -a  IPv4 address to send to (127.0.0.1)\n"
		"  -p  UDP port to send to (9)\n");
}

int main(int argc, char *argv[])
{
	struct flood flood = {
		.count = 1000000, .size_bytes = 64, .flows = 1,
		.addr = "127.0.0.1", .port = 9,
	};
	unsigned long long sent = 0;
	uint64_t start_ns, wall_ns;
	int opt, ret;

	while ((opt = getopt(argc, argv, "n:r:s:f:a:p:h")) != -1) {
		switch (opt) {
		case 'n':
			flood.count = number(optarg, 1, UINT32_MAX);
			break;
		case 'r':
			flood.rate = number(optarg, 0, UINT32_MAX);
			break;
		case 's':
			flood.size_bytes = (unsigned int)number(optarg, 0, SIZE_MAX_BYTES);
			break;
		case 'f':
			flood.flows = (unsigned int)number(optarg, 1, 1 << 20);
			break;
		case 'a':
			flood.addr = optarg;
			break;
		case 'p':
			flood.port = (unsigned int)number(optarg, 1, UINT16_MAX);
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_FAILURE;
		}
	}

	ret = flood_open(&flood);
	start_ns = clock_ns(CLOCK_MONOTONIC);
	if (!ret)
		ret = flood_run(&flood, &sent);
	wall_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;
	flood_close(&flood);
	if (ret < 0) {
		fprintf(stderr, "flood: cannot send to %s port %u: %s\n",
			flood.addr, flood.port, strerror(-ret));
		return EXIT_FAILURE;
	}
	printf("%llu packets sent in %.3f s, %.0f ns of CPU each\n", sent,
	       (double)wall_ns / NSEC_PER_SEC,
	       (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / (double)sent);
	return EXIT_SUCCESS;
}

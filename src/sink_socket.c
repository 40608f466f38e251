// SPDX-License-Identifier: GPL-2.0-or-later
/* The sink that sends to a socket; its thread resolves and connects. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sink_socket.h"

#define CONNECT_MS	3000	/* for each address of a name */
#define SLICE_MS	100	/* how long is waited at a time until the end is noticed */
#define REFUSED_MS	1000	/* a host tells of no more than one refused datagram in that time: icmp(7) */
#define ANSWER_MS	500	/* what is not refused until then has arrived */
#define PIECES		64	/* of a chunk, per system call */

/* What the sink knows of its peer; the names follow it in memory. */
struct socket_dest {
	struct ulogd_socket to;
	int refused;		/* UDP: why the last datagram was refused, an errno; 0: it was not */
	int64_t refused_ms;	/* when that was */
};

void *sink_socket_dest(const struct ulogd_socket *socket)
{
	size_t host_len = strlen(socket->host) + 1, port_len = strlen(socket->port) + 1;
	struct socket_dest *dest = calloc(1, sizeof(*dest) + host_len + port_len);
	char *copy = (char *)(dest + 1);

	if (!dest)
		return NULL;
	dest->to = *socket;
	dest->to.host = memcpy(copy, socket->host, host_len);
	dest->to.port = memcpy(copy + host_len, socket->port, port_len);
	return dest;
}

static bool socket_same(const void *a, const void *b)
{
	return ((const struct socket_dest *)a)->to.kind == ((const struct socket_dest *)b)->to.kind;
}

static bool is_datagram(const struct ulogd_socket *to)
{
	return to->kind == ULOGD_SOCKET_UDP || to->kind == ULOGD_SOCKET_UNIX_DGRAM;
}

static void socket_close(struct sink *sink)
{
	if (sink_fd(sink) >= 0)
		close(sink_fd(sink));
	sink_set_fd(sink, -1);
}

/* Waits until the connection is there or refused, not longer than CONNECT_MS. */
static bool connect_wait(struct sink *sink, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	for (int ms = 0; ms < CONNECT_MS && !sink_out_of_time(sink); ms += SLICE_MS)
		if (poll(&pfd, 1, SLICE_MS) > 0)
			return true;
	return false;
}

/* Connects within CONNECT_MS.  A non-blocking descriptor or a negative errno. */
static int connect_within(struct sink *sink, int family, int type, const struct sockaddr *addr,
			  socklen_t len)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	socklen_t err_len = sizeof(err);

	if (fd < 0)
		return -errno;
	if (connect(fd, addr, len) == 0)
		return fd;
	if (errno == EAGAIN)	/* a unix socket whose backlog is full */
		err = EBUSY;
	else if (errno != EINPROGRESS)
		err = errno;
	else if (!connect_wait(sink, fd))
		err = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len) < 0)
		err = errno;
	if (err == 0)
		return fd;
	close(fd);
	return -err;
}

static int connect_unix(struct sink *sink, const struct ulogd_socket *to)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(to->host) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, to->host);
	if (to->kind == ULOGD_SOCKET_UNIX)
		return connect_within(sink, AF_UNIX, SOCK_STREAM, (struct sockaddr *)&addr,
				      sizeof(addr));
	fd = connect_within(sink, AF_UNIX, SOCK_DGRAM, (struct sockaddr *)&addr, sizeof(addr));
	/* Some syslog daemons listen on /dev/log with a stream socket. */
	if (fd == -EPROTOTYPE)
		fd = connect_within(sink, AF_UNIX, SOCK_STREAM, (struct sockaddr *)&addr,
				    sizeof(addr));
	return fd;
}

/*
 * A name being resolved by a thread of its own, because getaddrinfo() takes as long as it takes.
 * Freed by whoever of the two is done with it last.
 */
struct resolution {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	bool done;		/* by the thread */
	bool abandoned;		/* by the sink */
	int ret, err;		/* of getaddrinfo() and errno */
	struct addrinfo hints, *found;
	char *port;
	char host[];
};

static void resolution_free(struct resolution *r)
{
	if (r->found)
		freeaddrinfo(r->found);
	pthread_cond_destroy(&r->finished);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void *resolution_main(void *arg)
{
	struct resolution *r = arg;
	struct addrinfo *found = NULL;
	int ret = getaddrinfo(r->host, r->port, &r->hints, &found), err = errno;
	bool abandoned;

	pthread_mutex_lock(&r->lock);
	r->ret = ret;
	r->err = err;
	r->found = ret == 0 ? found : NULL;
	r->done = true;
	abandoned = r->abandoned;
	pthread_cond_signal(&r->finished);
	pthread_mutex_unlock(&r->lock);
	if (abandoned)
		resolution_free(r);
	return NULL;
}

static struct resolution *resolution_start(const struct ulogd_socket *to)
{
	size_t host_len = strlen(to->host) + 1, port_len = strlen(to->port) + 1;
	struct resolution *r = calloc(1, sizeof(*r) + host_len + port_len);
	pthread_condattr_t cond;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	if (!r)
		return NULL;
	memcpy(r->host, to->host, host_len);
	r->port = memcpy(r->host + host_len, to->port, port_len);
	r->hints.ai_socktype = to->kind == ULOGD_SOCKET_UDP ? SOCK_DGRAM : SOCK_STREAM;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&r->finished, &cond);
	pthread_condattr_destroy(&cond);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ret = pthread_create(&thread, &attr, resolution_main, r);
	pthread_attr_destroy(&attr);
	if (ret == 0)
		return r;
	resolution_free(r);
	return NULL;
}

/* The addresses of @to, to be freed; waits for them until the daemon's time is over. */
static int resolve(struct sink *sink, const struct ulogd_socket *to, struct addrinfo **ret)
{
	struct resolution *r = resolution_start(to);
	int err = 0;
	bool done;

	if (!r)
		return -ENOMEM;
	pthread_mutex_lock(&r->lock);
	while (!r->done && !sink_out_of_time(sink)) {
		int64_t end_ms = log_now_ms() + SLICE_MS;
		struct timespec end = { .tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000 };

		pthread_cond_timedwait(&r->finished, &r->lock, &end);
	}
	done = r->done;
	r->abandoned = !done;
	pthread_mutex_unlock(&r->lock);
	if (!done)
		return -ETIMEDOUT;
	if (r->ret == 0) {
		*ret = r->found;
		r->found = NULL;
	} else {
		log_info("%s: getaddrinfo: %s", sink_name(sink), gai_strerror(r->ret));
		err = r->ret == EAI_SYSTEM ? -r->err : -EHOSTUNREACH;
	}
	resolution_free(r);
	return err;
}

static int connect_inet(struct sink *sink, const struct ulogd_socket *to)
{
	int fd = -EADDRNOTAVAIL, ret;
	struct addrinfo *found = NULL, *ai;

	ret = resolve(sink, to, &found);
	if (ret < 0)
		return ret;
	for (ai = found; ai && fd < 0; ai = ai->ai_next)
		fd = connect_within(sink, ai->ai_family, ai->ai_socktype, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(found);
	return fd;
}

static int socket_open(struct sink *sink)
{
	const struct ulogd_socket *to = &((const struct socket_dest *)sink_dest(sink))->to;
	int fd;

	if (to->kind == ULOGD_SOCKET_TCP || to->kind == ULOGD_SOCKET_UDP)
		fd = connect_inet(sink, to);
	else
		fd = connect_unix(sink, to);
	if (fd < 0)
		return fd;
	socket_close(sink);
	sink_set_fd(sink, fd);
	return 0;
}

/* True when the other side has closed a stream: what we send now would be lost silently. */
static bool peer_gone(int fd)
{
	char rubbish[256];
	ssize_t n;

	/* Whatever it has said to us nobody wants to know. */
	do {
		n = recv(fd, rubbish, sizeof(rubbish), MSG_DONTWAIT);
	} while (n > 0);
	return n == 0;
}

/* The next pieces to send, no more than PIECES: a record each on a datagram socket, else all that is left. */
static unsigned int pieces_gather(const struct ulogd_socket *to, const struct chunk *c,
				  struct mmsghdr *msgs, struct iovec *iov)
{
	uint32_t i = chunk_records_within(c, c->done), at = c->done;
	unsigned int n = 0;

	do {
		uint32_t end = is_datagram(to) ? chunk_record_end(c, i++) : c->len;

		iov[n] = (struct iovec){ (char *)(uintptr_t)c->data + at, end - at };
		msgs[n] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[n], .msg_iovlen = 1 } };
		n++;
		at = end;
	} while (at < c->len && n < PIECES);
	return n;
}

/* Waits for what the other side has to say against a datagram: a positive errno, or 0 when it is silent. */
static int answer_wait(struct sink *sink, int err)
{
	struct pollfd pfd = { .fd = sink_fd(sink), .events = 0 };
	socklen_t len = sizeof(err);

	for (int ms = 0; ms < ANSWER_MS; ms += SLICE_MS) {
		if (poll(&pfd, 1, SLICE_MS) > 0)
			return getsockopt(pfd.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
		if (sink_out_of_time(sink))
			return err;
	}
	return 0;
}

/*
 * Sends what is next; where the last datagram was refused only one, to see whether that has changed: it is sent
 * again until it is not refused.
 */
static int pieces_send(struct sink *sink, struct chunk *c)
{
	struct socket_dest *dest = sink_dest(sink);
	struct mmsghdr msgs[PIECES];
	struct iovec iov[PIECES];
	unsigned int pieces = pieces_gather(&dest->to, c, msgs, iov);
	int n = sendmmsg(sink_fd(sink), msgs, dest->refused ? 1 : pieces, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno;
	if (dest->refused)
		dest->refused = answer_wait(sink, dest->refused);
	for (int i = 0; i < n && !dest->refused; i++)
		c->done += msgs[i].msg_len;
	return dest->refused;
}

static int socket_write(struct sink *sink, struct chunk *c)
{
	struct socket_dest *dest = sink_dest(sink);
	bool udp = dest->to.kind == ULOGD_SOCKET_UDP;
	int err = 0;

	if (dest->refused && log_now_ms() < dest->refused_ms + REFUSED_MS)
		return -dest->refused;
	if (!is_datagram(&dest->to) && peer_gone(sink_fd(sink)))
		err = EPIPE;
	while (!err && c->done < c->len) {
		err = pieces_send(sink, c);
		if (err == ENOBUFS)
			return -EAGAIN;
		if (err == EAGAIN && sink_wait_writable(sink) < 0)
			return -EAGAIN;
		if (err == EMSGSIZE)
			sink_skip_record(sink, c, -EMSGSIZE);
		if (err == EAGAIN || err == EMSGSIZE || err == EINTR)
			err = 0;
	}
	if (!err)
		return 0;
	/* The next connection begins with a whole record. */
	chunk_rewind(c);
	dest->refused = udp ? err : 0;
	dest->refused_ms = log_now_ms();
	/* A socket that has told of a refusal is as good as before. */
	if (!udp || err != ECONNREFUSED)
		socket_close(sink);
	return -err;
}

const struct sink_ops sink_socket_ops = {
	.open_later = true,
	.open = socket_open,
	.write = socket_write,
	.close = socket_close,
	.same = socket_same,
	.free = free,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* The sink that sends to a socket; resolving and connecting happen on the sink's thread. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "sink_socket.h"

#define CONNECT_MS	3000	/* for each address of a name */

void *sink_socket_dest(const struct ulogd_socket *socket)
{
	size_t host_len = strlen(socket->host) + 1, port_len = strlen(socket->port) + 1;
	struct ulogd_socket *dest = malloc(sizeof(*dest) + host_len + port_len);
	char *copy = (char *)(dest + 1);

	if (!dest)
		return NULL;
	*dest = *socket;
	dest->host = memcpy(copy, socket->host, host_len);
	dest->port = memcpy(copy + host_len, socket->port, port_len);
	return dest;
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

/* Connects within CONNECT_MS.  A non-blocking descriptor or a negative errno. */
static int connect_within(int family, int type, const struct sockaddr *addr, socklen_t len)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	socklen_t err_len = sizeof(err);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (fd < 0)
		return -errno;
	if (connect(fd, addr, len) == 0)
		return fd;
	if (errno == EAGAIN)	/* a unix socket whose backlog is full */
		err = EBUSY;
	else if (errno != EINPROGRESS)
		err = errno;
	else if (poll(&pfd, 1, CONNECT_MS) <= 0)
		err = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len) < 0)
		err = errno;
	if (err == 0)
		return fd;
	close(fd);
	return -err;
}

static int connect_unix(const struct ulogd_socket *to)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(to->host) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, to->host);
	if (to->kind == ULOGD_SOCKET_UNIX)
		return connect_within(AF_UNIX, SOCK_STREAM, (struct sockaddr *)&addr, sizeof(addr));
	fd = connect_within(AF_UNIX, SOCK_DGRAM, (struct sockaddr *)&addr, sizeof(addr));
	/* Some syslog daemons listen on /dev/log with a stream socket. */
	if (fd == -EPROTOTYPE)
		fd = connect_within(AF_UNIX, SOCK_STREAM, (struct sockaddr *)&addr, sizeof(addr));
	return fd;
}

static int connect_inet(const struct sink *sink, const struct ulogd_socket *to)
{
	struct addrinfo hints = {
		.ai_socktype = to->kind == ULOGD_SOCKET_UDP ? SOCK_DGRAM : SOCK_STREAM,
	};
	struct addrinfo *found, *ai;
	int fd = -EADDRNOTAVAIL, ret;

	ret = getaddrinfo(to->host, to->port, &hints, &found);
	if (ret != 0) {
		log_info("%s: getaddrinfo: %s", sink_name(sink), gai_strerror(ret));
		return ret == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
	}
	for (ai = found; ai && fd < 0; ai = ai->ai_next)
		fd = connect_within(ai->ai_family, ai->ai_socktype, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(found);
	return fd;
}

static int socket_open(struct sink *sink)
{
	const struct ulogd_socket *to = sink_dest(sink);
	int fd;

	if (to->kind == ULOGD_SOCKET_TCP || to->kind == ULOGD_SOCKET_UDP)
		fd = connect_inet(sink, to);
	else
		fd = connect_unix(to);
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

/* The next piece to send: all that is left on a stream, one record on a datagram socket. */
static uint32_t piece_end(const struct ulogd_socket *to, const struct chunk *c)
{
	return is_datagram(to) ? chunk_record_end(c, chunk_records_within(c, c->done)) : c->len;
}

static int socket_write(struct sink *sink, struct chunk *c)
{
	const struct ulogd_socket *to = sink_dest(sink);
	int err = 0;

	if (!is_datagram(to) && peer_gone(sink_fd(sink)))
		err = EPIPE;
	while (!err && c->done < c->len) {
		ssize_t n = send(sink_fd(sink), c->data + c->done, piece_end(to, c) - c->done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			c->done += (uint32_t)n;
		} else if (errno == ENOBUFS) {
			return -EAGAIN;
		} else if (errno == EAGAIN) {
			if (sink_wait_writable(sink) < 0)
				return -EAGAIN;
		} else if (errno == EMSGSIZE) {
			sink_skip_record(sink, c, -EMSGSIZE);
		} else if (errno != EINTR) {
			err = errno;
		}
	}
	if (!err)
		return 0;
	/* The next connection begins with a whole record. */
	chunk_rewind(c);
	socket_close(sink);
	return -err;
}

const struct sink_ops sink_socket_ops = {
	.open_later = true,
	.open = socket_open,
	.write = socket_write,
	.close = socket_close,
	.free = free,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that others connect to. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ulogd/plugin.h>

#include "listen.h"
#include "log.h"

#define BACKLOG 16

/* Makes the directory of @path; that it is there is fine. */
static void directory_make(const char *path, uid_t uid)
{
	char *copy = strdup(path);
	const char *dir = copy ? dirname(copy) : "";

	if (copy && mkdir(dir, 0755) == 0 && uid != (uid_t)-1 && chown(dir, uid, (gid_t)-1) < 0)
		log_info("cannot give %s to user %u: %s", dir, uid, strerror(errno));
	free(copy);
}

int ulogd_leftover_remove(const struct sockaddr_un *addr, struct ucred *holder)
{
	socklen_t len = sizeof(*holder);
	struct stat st;
	int fd, ret = 0;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Without its privileges we would not be told: only "refused" says that nobody is there. */
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno != ECONNREFUSED) {
		ret = -EADDRINUSE;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, holder, &len) < 0)
			*holder = (struct ucred){};
	} else if (unlink(addr->sun_path) < 0) {
		ret = -errno;
	}
	close(fd);
	return ret;
}

/* Notes which file bind() has made: a socket of ours that nobody can use yet, and not what took its place. */
static int socket_file_find(struct listener *l)
{
	struct stat st;

	if (lstat(l->path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode) || (st.st_mode & 0777) != 0 || st.st_uid != geteuid() || st.st_nlink != 1)
		return -EEXIST;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int listen_set_owner(const struct listener *l, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = open(l->path, O_PATH | O_NOFOLLOW | O_CLOEXEC), ret = 0;
	char path[64];
	struct stat st;

	if (fd < 0)
		return -errno;
	/* This file and no other: the name may be somebody else's by now.  Nobody has it in between. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0)
		ret = -errno;
	else if (st.st_dev != l->dev || st.st_ino != l->ino)
		ret = -EEXIST;
	else if (chmod(path, 0) < 0 || fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ||
		 chmod(path, mode) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int listen_unix(const char *path, mode_t mode, uid_t uid, gid_t gid, struct listener *ret, char *why,
		size_t size)
{
	struct listener l = LISTENER_NONE;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred holder;
	int err;

	why[0] = '\0';
	if (strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(why, size, "the path is longer than %zu characters", sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path));
	directory_make(path, uid);
	err = ulogd_leftover_remove(&addr, &holder);
	if (err == -ENOTSOCK)
		snprintf(why, size, "this file is no socket; move it away");
	else if (err == -EADDRINUSE && holder.pid > 0)
		snprintf(why, size, "pid %d listens there", (int)holder.pid);
	else if (err == -EADDRINUSE)
		snprintf(why, size, "another process listens there");
	if (err < 0)
		goto err_why;
	l.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l.fd < 0) {
		err = -errno;
		goto err_why;
	}
	/* Nobody may connect before the owner is right.  The file takes the socket's mode. */
	fchmod(l.fd, 0);
	if (bind(l.fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = -errno;
		goto err_close;
	}
	l.path = strdup(path);
	err = l.path ? socket_file_find(&l) : -ENOMEM;
	if (err == 0)
		err = listen_set_owner(&l, mode, uid, gid);
	if (err == 0 && listen(l.fd, BACKLOG) < 0)
		err = -errno;
	if (err < 0) {
		listen_close(&l);
		goto err_why;
	}
	*ret = l;
	return 0;

err_close:
	close(l.fd);
err_why:
	if (!why[0])
		snprintf(why, size, "%s", strerror(-err));
	return err;
}

/* True for addresses that only this host reaches. */
static bool is_loopback(const struct sockaddr *addr)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	if (addr->sa_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

int listen_tcp(const char *address, bool any, struct listener *ret, char *why, size_t size)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				  .ai_socktype = SOCK_STREAM }, *info;
	struct listener l = LISTENER_NONE;
	const char *colon = strrchr(address, ':');
	char host[64];
	int err, one = 1;

	if (!colon || colon == address || (size_t)(colon - address) >= sizeof(host)) {
		snprintf(why, size, "write ADDRESS:PORT or unix:/PATH");
		return -EINVAL;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	err = getaddrinfo(host, colon + 1, &hints, &info);
	if (err) {
		snprintf(why, size, "%s; write ADDRESS:PORT with numbers, or unix:/PATH", gai_strerror(err));
		return -EINVAL;
	}
	err = -EACCES;
	if (!any && !is_loopback(info->ai_addr)) {
		snprintf(why, size, "others could read it there; use 127.0.0.1 or [::1], or set "
			 "metrics_listen_any=1");
		goto out;
	}
	l.fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l.fd < 0 || setsockopt(l.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(l.fd, info->ai_addr, info->ai_addrlen) < 0 || listen(l.fd, BACKLOG) < 0) {
		err = -errno;
		snprintf(why, size, "%s", strerror(errno));
		listen_close(&l);
		goto out;
	}
	err = 0;
	*ret = l;
out:
	freeaddrinfo(info);
	return err;
}

void listen_close(struct listener *l)
{
	struct stat st;

	if (l->fd >= 0)
		close(l->fd);
	if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	*l = (struct listener)LISTENER_NONE;
}

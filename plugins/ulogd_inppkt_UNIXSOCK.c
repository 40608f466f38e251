// SPDX-License-Identifier: GPL-2.0-or-later
/* UNIXSOCK - packets that local programs send through a unix stream socket. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include <ulogd/plugin.h>

#include "unixsock_packet.h"

#define BACKLOG		10	/* connections that may wait to be taken */
#define ACCEPT_BATCH	16
#define ACCEPT_REST_US	10000	/* when the kernel has no memory for a connection */

/* One connection. */
struct client {
	struct client *next, **at;	/* at: the pointer to this one */
	struct unixsock_source *src;
	struct ulogd_watch *watch;
	int fd;
	struct ucred peer;
	size_t have;			/* bytes in buf[] */
	uint8_t buf[];			/* of buf_len bytes */
};

/* The socket's file, which is removed only if it is ours. */
struct unixsock_file {
	dev_t dev;
	ino_t ino;
};
_Static_assert(sizeof(struct unixsock_file) <= ULOGD_KEPT_STATE, "the state fits");

struct unixsock_source {
	const char *socket_path;
	int32_t bufsize;
	int32_t perms;
	const char *owner, *group;

	uid_t uid;			/* of owner, -1: unchanged */
	gid_t gid;
	struct ulogd_kept *kept;	/* owns listen_fd */
	struct unixsock_file *file;	/* kept with it */
	int listen_fd;
	int spare_fd;			/* lets us take and refuse a client when there are no more */
	size_t buf_len;
	struct client *clients;
	uint64_t received, malformed;	/* messages, counters[] */
	pid_t complained_pid;		/* who was complained about last */
	struct ulogd_once complained, unknown, accept_failed;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct unixsock_source, socket_path, "/var/run/ulogd/ulogd2.sock",
			 "where to listen"),
	ULOGD_OPT_INT(struct unixsock_source, bufsize, 0, 0, INT32_MAX,
		      "bytes of the buffer of a connection, never less than the longest message; "
		      "0: as the socket's own"),
	ULOGD_OPT_INT(struct unixsock_source, perms, 0600, 0, 07777,
		      "mode of the socket, in octal: 0660"),
	ULOGD_OPT_STRING(struct unixsock_source, owner, "", "owner of the socket; empty: unchanged"),
	ULOGD_OPT_STRING(struct unixsock_source, group, "", "group of the socket; empty: unchanged"),
	{}
};

/* The order is ulogd2's: outputs that print all fields print them like this. */
#define OUTPUTS(X) \
	X(RAW_MAC) X(RAW_PKT) X(RAW_PKTLEN) X(RAW_PKTCOUNT) X(OOB_PREFIX) X(OOB_TIME_SEC) \
	X(OOB_TIME_USEC) X(OOB_MARK) X(OOB_IN) X(OOB_OUT) X(OOB_HOOK) X(RAW_MAC_LEN) \
	X(OOB_SEQ_LOCAL) X(OOB_SEQ_GLOBAL) X(OOB_FAMILY) X(OOB_PROTOCOL) X(OOB_UID) X(OOB_GID) \
	X(RAW_LABEL) X(RAW_TYPE) X(RAW_MAC_SADDR) X(RAW_MAC_ADDRLEN)

enum {
#define OUTPUT_ENUM(field) OUT_##field,
	OUTPUTS(OUTPUT_ENUM)
	OUT_USER_NAME, OUT_USER_ID, OUT_OS_NAME, OUT_OS_RELEASE, OUT_OS_VERSION, OUT_APP_NAME,
};

static const struct ulogd_field outputs[] = {
#define OUTPUT_FIELD(field) [OUT_##field] = { .id = FIELD_##field },
	OUTPUTS(OUTPUT_FIELD)
	[OUT_USER_NAME]  = { .name = "nufw.user.name", .type = ULOGD_STRING },
	[OUT_USER_ID]    = { .name = "nufw.user.id", .type = ULOGD_U32 },
	[OUT_OS_NAME]    = { .name = "nufw.os.name", .type = ULOGD_STRING },
	[OUT_OS_RELEASE] = { .name = "nufw.os.rel", .type = ULOGD_STRING },
	[OUT_OS_VERSION] = { .name = "nufw.os.vers", .type = ULOGD_STRING },
	[OUT_APP_NAME]   = { .name = "nufw.app.name", .type = ULOGD_STRING },
	{}
};

static const struct ulogd_counter counters[] = {
	ULOGD_COUNTER(struct unixsock_source, received, "packets that clients sent"),
	ULOGD_COUNTER(struct unixsock_source, malformed, "messages that made no sense"),
	{}
};

/* -------------------------------------------------------------- messages */

static const struct {
	enum unixsock_option_id id;
	enum { TEXT, U8, U32_HOST } type;
	unsigned int out;
} option_table[] = {
	{ UNIXSOCK_PREFIX, TEXT, OUT_OOB_PREFIX },
	{ UNIXSOCK_IN, TEXT, OUT_OOB_IN },
	{ UNIXSOCK_OUT, TEXT, OUT_OOB_OUT },
	{ UNIXSOCK_TIME_SEC, U32_HOST, OUT_OOB_TIME_SEC },
	{ UNIXSOCK_USER_NAME, TEXT, OUT_USER_NAME },
	{ UNIXSOCK_USER_ID, U32_HOST, OUT_USER_ID },
	{ UNIXSOCK_OS_NAME, TEXT, OUT_OS_NAME },
	{ UNIXSOCK_OS_RELEASE, TEXT, OUT_OS_RELEASE },
	{ UNIXSOCK_OS_VERSION, TEXT, OUT_OS_VERSION },
	{ UNIXSOCK_APP_NAME, TEXT, OUT_APP_NAME },
	{ UNIXSOCK_STATE, U8, OUT_RAW_LABEL },
};

#define N_OPTIONS (sizeof(option_table) / sizeof(option_table[0]))

/* Returns -EBADMSG when the value is shorter than its type. */
static int option_set(struct ulogd_instance *inst, const struct ulogd_record *rec,
		      const struct unixsock_option *o)
{
	struct unixsock_source *src = ulogd_priv(inst);
	uint32_t num;
	size_t i;

	for (i = 0; i < N_OPTIONS && option_table[i].id != o->id; i++)
		;
	if (i == N_OPTIONS) {
		if (ulogd_once_a_second(&src->unknown))
			ulogd_notice(inst, "unknown option %" PRIu32, o->id);
		return 0;
	}
	switch (option_table[i].type) {
	case TEXT:
		ulogd_set_mem(rec, option_table[i].out, o->value,
			      strnlen((const char *)o->value, o->len));
		break;
	case U8:
		if (o->len < 1)
			return -EBADMSG;
		ulogd_set_num(rec, option_table[i].out, o->value[0]);
		break;
	case U32_HOST:
		if (o->len < sizeof(num))
			return -EBADMSG;
		memcpy(&num, o->value, sizeof(num));
		ulogd_set_num(rec, option_table[i].out, num);
		break;
	}
	return 0;
}

static uint8_t family_of(const struct unixsock_message *m)
{
	unsigned int version = m->pkt_len > 0 ? m->pkt[0] >> 4 : 0;

	return version == 4 ? NFPROTO_IPV4 : version == 6 ? NFPROTO_IPV6 : NFPROTO_UNSPEC;
}

static int message_run(struct ulogd_instance *inst, struct unixsock_message *m)
{
	struct ulogd_record *rec = ulogd_record_begin(inst);
	struct unixsock_option option;
	int ret;

	while ((ret = unixsock_option_next(m, &option)) > 0) {
		ret = option_set(inst, rec, &option);
		if (ret < 0)
			break;
	}
	if (ret < 0)
		return ret;
	ulogd_set_mem(rec, OUT_RAW_PKT, m->pkt, m->pkt_len);
	ulogd_set_num(rec, OUT_RAW_PKTLEN, m->pkt_len);
	ulogd_set_num(rec, OUT_RAW_PKTCOUNT, 1);
	ulogd_set_num(rec, OUT_OOB_FAMILY, family_of(m));
	ulogd_record_run(inst, rec);
	return 0;
}

/* --------------------------------------------------------------- clients */

/* "pid 812 (nufw), uid 0": who is at the other end. */
static const char *peer_name(const struct ucred *peer, char *ret, size_t size)
{
	char path[32], name[32] = "gone";
	FILE *file;

	if (peer->pid == 0) {	/* in a pid namespace that is not ours */
		snprintf(ret, size, "a process that cannot be seen from here, uid %u", peer->uid);
		return ret;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)peer->pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	snprintf(ret, size, "pid %d (%s), uid %u", (int)peer->pid, name, peer->uid);
	return ret;
}

/* One message about each client, unless the same process comes again and again. */
static bool may_complain(const struct client *c)
{
	struct unixsock_source *src = c->src;
	bool once = ulogd_once_a_second(&src->complained);

	if (c->peer.pid == src->complained_pid && !once)
		return false;
	src->complained_pid = c->peer.pid;
	return true;
}

static void client_free(struct client *c)
{
	if (c->next)
		c->next->at = c->at;
	*c->at = c->next;
	ulogd_watch_free(c->watch);
	close(c->fd);
	free(c);
}

static void client_malformed(struct ulogd_instance *inst, const struct client *c,
			     const uint8_t *data, size_t len)
{
	char peer[96];

	ulogd_count(&c->src->malformed, 1);
	if (!may_complain(c))
		return;
	peer_name(&c->peer, peer, sizeof(peer));
	if (len >= UNIXSOCK_MARKER_LEN && get_be32(data) != UNIXSOCK_MARKER)
		ulogd_error(inst, "invalid packet marked received (read %" PRIx32 ", expected %x), "
			    "closing socket of %s", get_be32(data), UNIXSOCK_MARKER, peer);
	else
		ulogd_error(inst, "malformed packet received (lengths that do not fit each other), "
			    "closing socket of %s", peer);
}

/* Runs the messages that are whole.  Returns -EBADMSG at one that is none. */
static int client_walk(struct ulogd_instance *inst, struct client *c)
{
	struct unixsock_message m;
	size_t done = 0;
	int ret;

	while ((ret = unixsock_decode(c->buf + done, c->have - done, &m)) > 0) {
		int len = ret;

		ret = message_run(inst, &m);
		if (ret < 0)
			break;
		ulogd_count(&c->src->received, 1);
		done += (size_t)len;
	}
	if (ret < 0) {
		client_malformed(inst, c, c->buf + done, c->have - done);
		return ret;
	}
	c->have -= done;
	memmove(c->buf, c->buf + done, c->have);
	return 0;
}

/* The client has closed, or cannot be read. */
static void client_ended(struct ulogd_instance *inst, const struct client *c, int err)
{
	char peer[96];

	if (err && may_complain(c))
		ulogd_notice(inst, "cannot read from %s: %s, closing its socket",
			     peer_name(&c->peer, peer, sizeof(peer)), strerror(err));
	else if (c->have > 0 && may_complain(c))
		ulogd_notice(inst, "the last packet of %s is not whole: there are only %zu bytes of it",
			     peer_name(&c->peer, peer, sizeof(peer)), c->have);
}

/*
 * Reads once.  The buffer always has room: it is larger than a message, and all messages that
 * were whole have left it.  Returns 0 or ULOGD_MORE; a negative errno when the client is done for.
 */
static int client_read(struct ulogd_instance *inst, struct client *c)
{
	size_t room = c->src->buf_len - c->have;
	ssize_t len = recv(c->fd, c->buf + c->have, room, MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len <= 0) {
		int err = len < 0 ? errno : 0;

		client_ended(inst, c, err);
		return err ? -err : -ENOTCONN;
	}
	c->have += (size_t)len;
	if (client_walk(inst, c) < 0)
		return -EBADMSG;
	return (size_t)len == room ? ULOGD_MORE : 0;
}

static int client_ready(struct ulogd_instance *inst, void *data)
{
	struct client *c = data;
	int ret = client_read(inst, c);

	if (ret < 0)
		client_free(c);
	return ret < 0 ? 0 : ret;
}

static void client_new(struct ulogd_instance *inst, int fd)
{
	struct unixsock_source *src = ulogd_priv(inst);
	struct client *c = malloc(sizeof(*c) + src->buf_len);
	socklen_t len = sizeof(c->peer);

	if (!c)
		goto err_close;
	*c = (struct client){ .src = src, .fd = fd, .at = &src->clients, .next = src->clients };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->peer, &len) < 0)
		c->peer = (struct ucred){};
	c->watch = ulogd_watch_new(inst, fd, client_ready, c);
	if (!c->watch)
		goto err_free;
	if (c->next)
		c->next->at = &c->next;
	src->clients = c;
	ulogd_debug(inst, "pid %d has connected", (int)c->peer.pid);
	return;

err_free:
	free(c);
err_close:
	close(fd);
	if (ulogd_once_a_second(&src->accept_failed))
		ulogd_error(inst, "a client was refused: out of memory");
}

/* There is no descriptor left for a client: better it knows than that it waits. */
static void client_refuse(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	int fd;

	close(src->spare_fd);
	fd = accept(src->listen_fd, NULL, NULL);
	if (fd >= 0)
		close(fd);
	src->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (ulogd_once_a_second(&src->accept_failed))
		ulogd_error(inst, "a client was refused: too many files are open; raise the limit, "
			    "LimitNOFILE= of systemd or ulimit -n");
}

/* Takes clients that wait.  Returns their number. */
static unsigned int clients_accept(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	unsigned int n;

	for (n = 0; n < ACCEPT_BATCH; n++) {
		int fd = accept4(src->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			client_new(inst, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			client_refuse(inst);
		else if (errno == ENOMEM || errno == ENOBUFS)
			ulogd_rest(inst, ACCEPT_REST_US);
		break;
	}
	return n;
}

static int unixsock_ready(struct ulogd_instance *inst)
{
	clients_accept(inst);
	return 0;
}

/* -------------------------------------------------------- start and stop */

static int unixsock_check(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	const struct sockaddr_un *addr = NULL;
	const struct passwd *pw;
	const struct group *gr;
	int ret = 0;

	src->uid = (uid_t)-1;
	src->gid = (gid_t)-1;
	if (src->socket_path[0] == '\0')
		ret = ulogd_fail_option(inst, "socket_path", "it is empty; write the name of a socket");
	if (strlen(src->socket_path) >= sizeof(addr->sun_path))
		ret = ulogd_fail_option(inst, "socket_path", "unix socket path '%s' too long; it may "
					"have %zu characters", src->socket_path,
					sizeof(addr->sun_path) - 1);
	if (src->owner[0]) {
		pw = getpwnam(src->owner);
		if (pw)
			src->uid = pw->pw_uid;
		else
			ret = ulogd_fail_option(inst, "owner", "Invalid owner specified for unix socket "
						"(%s): there is no such user", src->owner);
	}
	if (src->group[0]) {
		gr = getgrnam(src->group);
		if (gr)
			src->gid = gr->gr_gid;
		else
			ret = ulogd_fail_option(inst, "group", "Invalid group specified for unix socket "
						"(%s): there is no such group", src->group);
	}
	return ret;
}

static int unixsock_bind(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred peer;
	char holder[96];
	int ret;

	memcpy(addr.sun_path, src->socket_path, strlen(src->socket_path));
	/* Nobody else may connect before the owner is right.  The file takes the socket's mode. */
	fchmod(src->listen_fd, (mode_t)src->perms & 0600);
	if (bind(src->listen_fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return ulogd_fail(inst, -errno, "could not bind to unix socket '%s': %m; create its "
				  "directory, and let the daemon write there", src->socket_path);
	ret = ulogd_leftover_remove(&addr, &peer);
	if (ret == -EADDRINUSE)
		return ulogd_fail(inst, ret, "could not bind to unix socket '%s': %s listens there; "
				  "stop that process, or use another socket_path", src->socket_path,
				  peer.pid > 0 ? peer_name(&peer, holder, sizeof(holder)) :
				  "another process");
	if (ret == -ENOTSOCK)
		return ulogd_fail(inst, ret, "could not bind to unix socket '%s': this file is no "
				  "socket; move it away, or use another socket_path", src->socket_path);
	if (ret < 0)
		return ulogd_fail(inst, ret, "could not bind to unix socket '%s', nor remove what is "
				  "left of an old one: %m", src->socket_path);
	ulogd_notice(inst, "removed the socket '%s', on which nobody listened any more",
		     src->socket_path);
	if (bind(src->listen_fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return ulogd_fail(inst, -errno, "could not bind to unix socket '%s': %m",
				  src->socket_path);
	return 0;
}

/*
 * Gives the socket's file @fd its owner and mode, where it has others: one that was taken over may be
 * root's, and we not root any more.
 */
static int file_set_owner(struct ulogd_instance *inst, int fd, const struct stat *st)
{
	const struct unixsock_source *src = ulogd_priv(inst);
	char path[64];

	if (((src->uid != (uid_t)-1 && src->uid != st->st_uid) ||
	     (src->gid != (gid_t)-1 && src->gid != st->st_gid)) &&
	    fchownat(fd, "", src->uid, src->gid, AT_EMPTY_PATH) < 0)
		return ulogd_fail(inst, -errno, "Could not set owner/group of unix socket: %m");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((st->st_mode & 07777) != (mode_t)src->perms && chmod(path, (mode_t)src->perms) < 0)
		return ulogd_fail(inst, -errno, "Could not set permissions on unix socket: %m");
	return 0;
}

/* Notes which file the socket has, and gives it its owner and mode: this one, whatever has its name later. */
static int file_own(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	int fd = open(src->socket_path, O_PATH | O_NOFOLLOW | O_CLOEXEC), ret;
	struct stat st;

	if (fd < 0)
		return ulogd_fail(inst, -errno, "cannot look at '%s': %m", src->socket_path);
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		ret = ulogd_fail(inst, -EEXIST, "something else has taken the place of the socket '%s'",
				 src->socket_path);
	} else {
		src->file->dev = st.st_dev;
		src->file->ino = st.st_ino;
		ret = file_set_owner(inst, fd, &st);
	}
	close(fd);
	return ret;
}

/* Lets clients come to the bound socket. */
static int unixsock_open(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	socklen_t len = sizeof(int);
	int rcvbuf = 0, ret = file_own(inst);

	if (ret < 0)
		return ret;
	if (listen(src->listen_fd, BACKLOG) < 0)
		return ulogd_fail(inst, -errno, "could not listen to unix socket '%s': %m",
				  src->socket_path);
	getsockopt(src->listen_fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, &len);
	src->buf_len = (size_t)(src->bufsize > 0 ? src->bufsize : rcvbuf);
	if (src->buf_len < UNIXSOCK_MESSAGE_MAX)
		src->buf_len = UNIXSOCK_MESSAGE_MAX;
	return 0;
}

static void file_remove(const struct unixsock_source *src)
{
	struct stat st;

	if (lstat(src->socket_path, &st) == 0 && st.st_dev == src->file->dev &&
	    st.st_ino == src->file->ino)
		unlink(src->socket_path);
}

/* A socket that was kept for us and is still to be reached by its path: src->listen_fd. */
static bool unixsock_take_over(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	int fd = ulogd_kept_fd(src->kept), listens = 0;
	socklen_t len = sizeof(listens);
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens ||
	    lstat(src->socket_path, &st) < 0 || st.st_dev != src->file->dev ||
	    st.st_ino != src->file->ino)
		return false;
	src->listen_fd = fd;
	ulogd_info(inst, "taking over the socket '%s'", src->socket_path);
	return true;
}

static int unixsock_new(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	int ret;

	src->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (src->listen_fd < 0)
		return ulogd_fail(inst, -errno, "Unable to create unix socket on `%s': %m",
				  src->socket_path);
	ret = unixsock_bind(inst);
	if (ret < 0)
		close(src->listen_fd);
	else
		ulogd_kept_set(src->kept, src->listen_fd);
	return ret;
}

static int unixsock_start(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);
	char name[sizeof("unixsock-") + sizeof(((struct sockaddr_un *)0)->sun_path)];
	int ret;

	snprintf(name, sizeof(name), "unixsock-%s", src->socket_path);
	src->kept = ulogd_kept_get(inst, name);
	if (!src->kept)
		return ulogd_fail(inst, -EADDRINUSE, "could not bind to unix socket '%s': another instance "
				  "has it; begin both stacks with the same input", src->socket_path);
	src->file = ulogd_kept_state(src->kept);
	if (!unixsock_take_over(inst)) {
		ret = unixsock_new(inst);
		if (ret < 0)
			goto err_put;
	}
	ret = unixsock_open(inst);
	if (ret < 0)
		goto err_remove;
	src->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ret = ulogd_watch(inst, src->listen_fd, unixsock_ready);
	if (ret < 0)
		goto err_spare;
	return 0;

err_spare:
	close(src->spare_fd);
err_remove:
	file_remove(src);
err_put:
	ulogd_kept_put(src->kept);
	return ret;
}

static void unixsock_report(struct ulogd_instance *inst)
{
	const struct unixsock_source *src = ulogd_priv(inst);
	unsigned int n = 0;

	for (const struct client *c = src->clients; c; c = c->next)
		n++;
	ulogd_notice(inst, "%u clients, %" PRIu64 " packets received, %" PRIu64 " malformed", n,
		     src->received, src->malformed);
}

/*
 * From the shutdown on nobody can send, and what was sent before can still be read: whatever a
 * client managed to write is in the outputs.
 */
static void unixsock_drain(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);

	/* Who comes now waits for the next daemon, if the socket stays. */
	if (!ulogd_keeping(inst)) {
		shutdown(src->listen_fd, SHUT_RD);
		while (clients_accept(inst) > 0)
			;
	}
	for (struct client *c = src->clients; c; c = c->next)
		shutdown(c->fd, SHUT_RD);
	while (src->clients) {
		while (client_read(inst, src->clients) >= 0)
			;	/* its end comes for sure */
		client_free(src->clients);
	}
	unixsock_report(inst);
}

static void unixsock_stop(struct ulogd_instance *inst)
{
	struct unixsock_source *src = ulogd_priv(inst);

	while (src->clients)
		client_free(src->clients);
	if (!ulogd_keeping(inst))
		file_remove(src);
	close(src->spare_fd);
	ulogd_kept_put(src->kept);
}

ULOGD_PLUGIN(struct unixsock_source,
	.name = "UNIXSOCK", .kind = ULOGD_INPUT,
	.options = options, .outputs = outputs, .counters = counters, .subject = "socket_path",
	.check = unixsock_check,
	.start = unixsock_start, .drain = unixsock_drain, .stop = unixsock_stop,
	.report = unixsock_report,
);

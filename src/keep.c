// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that outlive the instance that opened them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "instance.h"
#include "keep.h"
#include "log.h"

#define FIRST_FD	3	/* SD_LISTEN_FDS_START */
#define NAME_MAX_LEN	255	/* of a descriptor for systemd */

static struct ulogd_kept *kept_list;
static bool active;

/* Descriptors' names are printable ASCII without colons, see sd_listen_fds_with_names(3). */
static void name_make(char *ret, size_t size, const char *name)
{
	snprintf(ret, size, "%s", name);
	for (; *ret; ret++)
		if (*ret <= ' ' || *ret > '~' || *ret == ':')
			*ret = '_';
}

/* The entry called @name, made unless it exists; NULL: no memory. */
static struct ulogd_kept *kept_get(const char *name)
{
	struct ulogd_kept *k;

	for (k = kept_list; k; k = k->next)
		if (strcmp(k->name, name) == 0)
			return k;
	k = calloc(1, sizeof(*k));
	if (!k || !(k->name = strdup(name))) {
		free(k);
		return NULL;
	}
	k->fd = k->state_fd = -1;
	k->next = kept_list;
	kept_list = k;
	return k;
}

static void kept_close(struct ulogd_kept *k)
{
	if (k->fd >= 0)
		close(k->fd);
	if (k->state_fd >= 0) {
		munmap(k->state, ULOGD_KEPT_STATE);
		close(k->state_fd);
	} else {
		free(k->state);
	}
	k->fd = k->state_fd = -1;
	k->state = NULL;
}

/* Takes the entry off the list, and its descriptors out of the service manager's store. */
static void kept_drop(struct ulogd_kept *k)
{
	struct ulogd_kept **at;

	for (at = &kept_list; *at != k; at = &(*at)->next)
		;
	*at = k->next;
#ifdef HAVE_LIBSYSTEMD
	if (k->stored)
		sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", k->name);
#endif
	kept_close(k);
	free(k->name);
	free(k);
}

static int state_map(struct ulogd_kept *k, int fd)
{
	void *state = mmap(NULL, ULOGD_KEPT_STATE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (state == MAP_FAILED)
		return -errno;
	k->state = state;
	k->state_fd = fd;
	return 0;
}

/* Memory for the state, zeroed; in a descriptor of its own where that is possible. */
static int state_new(struct ulogd_kept *k)
{
	int fd = memfd_create(k->name, MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, ULOGD_KEPT_STATE) == 0 && state_map(k, fd) == 0)
		return 0;
	if (fd >= 0)
		close(fd);
	k->state = calloc(1, ULOGD_KEPT_STATE);
	return k->state ? 0 : -ENOMEM;
}

#ifdef HAVE_LIBSYSTEMD
/* One descriptor that was handed to us: a socket, or the memory that goes with one. */
static void adopt(int fd, const char *name)
{
	struct ulogd_kept *k = kept_get(name);
	struct stat st;

	if (k && fstat(fd, &st) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
		k->stored = getenv("NOTIFY_SOCKET") != NULL;
		if (S_ISSOCK(st.st_mode) && k->fd < 0) {
			k->fd = fd;
			return;
		}
		if (S_ISREG(st.st_mode) && st.st_size >= ULOGD_KEPT_STATE && !k->state &&
		    state_map(k, fd) == 0)
			return;
	}
	log_notice("descriptor %d (%s), which was handed over at start, is of no use here", fd, name);
	close(fd);
}

void keep_init(void)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	if (n < 0)
		log_error("cannot take over what the last daemon kept open: %s", strerror(-n));
	for (int i = 0; i < n; i++) {
		adopt(FIRST_FD + i, names[i]);
		free(names[i]);
	}
	free(names);
	active = true;	/* what the stacks do not take is closed by keep_end() */
}

bool keep_survives(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

/* Gives the socket to the service manager, who keeps it over our end if FileDescriptorStoreMax= says so. */
static void kept_store(struct ulogd_kept *k)
{
	char text[sizeof("FDSTORE=1\nFDPOLL=0\nFDNAME=") + NAME_MAX_LEN];
	int fds[] = { k->fd, k->state_fd };

	if (!keep_survives() || k->stored)
		return;
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", k->name);
	k->stored = sd_pid_notify_with_fds(0, 0, text, fds, k->state_fd < 0 ? 1 : 2) > 0;
}
#else
void keep_init(void)
{
	active = true;
}

bool keep_survives(void)
{
	return false;
}

static void kept_store(struct ulogd_kept *k)
{
	(void)k;
}
#endif

bool keep_active(void)
{
	return active;
}

void keep_begin(void)
{
	active = true;
}

void keep_end(void)
{
	struct ulogd_kept *next;

	active = false;
	for (struct ulogd_kept *k = kept_list; k; k = next) {
		next = k->next;
		if (!k->used)
			kept_drop(k);
	}
}

/* Makes @fd descriptor @to, without close-on-exec. */
static int fd_place(int fd, int to)
{
	return dup2(fd, to) < 0 ? -errno : 0;
}

int keep_inherit(void)
{
	char names[4096] = "", number[16];
	size_t len = 0;
	int n = 0, first_free = FIRST_FD, ret = 0;

	for (struct ulogd_kept *k = kept_list; k; k = k->next)
		first_free += 2;
	/* First out of the way, then into place. */
	for (struct ulogd_kept *k = kept_list; k && ret == 0; k = k->next) {
		k->fd = fcntl(k->fd, F_DUPFD_CLOEXEC, first_free);
		if (k->state_fd >= 0)
			k->state_fd = fcntl(k->state_fd, F_DUPFD_CLOEXEC, first_free);
	}
	for (struct ulogd_kept *k = kept_list; k && ret == 0; k = k->next) {
		int fds[] = { k->fd, k->state_fd };

		for (int i = 0; i < 2 && ret == 0; i++) {
			if (fds[i] < 0)
				continue;
			ret = fd_place(fds[i], FIRST_FD + n++);
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ":" : "",
						k->name);
			if (len >= sizeof(names))
				return -ENAMETOOLONG;
		}
	}
	if (n == 0)
		return 0;	/* to sd_listen_fds(3) a number of 0 is an error */
	snprintf(number, sizeof(number), "%d", n);
	if (ret < 0 || setenv("LISTEN_FDS", number, 1) < 0 || setenv("LISTEN_FDNAMES", names, 1) < 0)
		return ret < 0 ? ret : -errno;
	snprintf(number, sizeof(number), "%ld", (long)getpid());
	return setenv("LISTEN_PID", number, 1) < 0 ? -errno : 0;
}

void keep_fini(void)
{
	struct ulogd_kept *k;

	while ((k = kept_list)) {
		kept_list = k->next;
		kept_close(k);
		free(k->name);
		free(k);
	}
}

/* ------------------------------------------------- what plugins may call */

struct ulogd_kept *ulogd_kept_get(struct ulogd_instance *inst, const char *name)
{
	char clean[NAME_MAX_LEN + 1];
	struct ulogd_kept *k;

	(void)inst;
	name_make(clean, sizeof(clean), name);
	k = kept_get(clean);
	if (!k || k->used)
		return NULL;
	if (!k->state && state_new(k) < 0) {
		kept_drop(k);
		return NULL;
	}
	k->used = true;
	return k;
}

int ulogd_kept_fd(const struct ulogd_kept *kept)
{
	return kept->fd;
}

void *ulogd_kept_state(const struct ulogd_kept *kept)
{
	return kept->state;
}

void ulogd_kept_set(struct ulogd_kept *kept, int fd)
{
	if (kept->fd >= 0)
		close(kept->fd);
	kept->fd = fd;
	memset(kept->state, 0, ULOGD_KEPT_STATE);
	kept_store(kept);
}

bool ulogd_keeping(const struct ulogd_instance *inst)
{
	(void)inst;
	return active;
}

void ulogd_kept_put(struct ulogd_kept *kept)
{
	kept->used = false;
	if (!active)
		kept_drop(kept);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading what others say, for a diagnosis: files of /proc, programs, libnftables. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#ifdef HAVE_LIBNFTABLES
#include <dlfcn.h>
#include <nftables/libnftables.h>
#endif

#include "diagnose_parse.h"
#include "diagnose_read.h"
#include "log.h"

#define FILE_MAX	(4 << 20)
#define TEXT_MAX	(64 << 20)	/* a ruleset of a large firewall has some megabytes */
#define ERRORS_MAX	4096
#define PROGRAM_MS	60000		/* nobody waits longer for a listing */

/* Bytes that arrive, a NUL behind them, up to a limit. */
struct gathered {
	char *text;
	size_t len, size, max;
};

/* Makes room for at least one byte and the NUL; -EFBIG when the limit is reached. */
static int gathered_grow(struct gathered *g)
{
	size_t size = g->size ? 2 * g->size : 4096;
	char *text;

	if (g->len + 1 < g->size)
		return 0;
	if (g->len >= g->max)
		return -EFBIG;
	text = realloc(g->text, size);
	if (!text)
		return -ENOMEM;
	g->text = text;
	g->size = size;
	return 0;
}

/* Reads once.  Returns the number of bytes, 0 at the end, or a negative errno. */
static ssize_t gathered_read(struct gathered *g, int fd)
{
	ssize_t len;
	int ret = gathered_grow(g);

	if (ret < 0)
		return ret;
	do {
		len = read(fd, g->text + g->len, g->size - g->len - 1);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	g->len += (size_t)len;
	g->text[g->len] = '\0';
	return len;
}

int read_file(const char *path, char **ret)
{
	struct gathered g = { .max = FILE_MAX };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	do {
		len = gathered_read(&g, fd);
	} while (len > 0);
	close(fd);
	if (len < 0) {
		free(g.text);
		return (int)len;
	}
	*ret = g.text;
	return 0;
}

void said_free(struct said *said)
{
	free(said->text);
	*said = (struct said){};
}

/* Says why there is no text: @what, or its first line if it has several. */
static int said_fail(struct said *ret, int err, const char *what)
{
	char line[sizeof(ret->why)], *clean;

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(what, "\n"), what);
	clean = text_clean(line, false);
	snprintf(ret->why, sizeof(ret->why), "%s", clean);
	free(clean);
	return err;
}

/* A child whose output and errors can be read. */
struct child {
	pid_t pid;
	int out, err;		/* the ends to read; closed by child_read() */
};

/* Reads both ends until they are closed; -ETIMEDOUT, -EFBIG or another error when that fails. */
static int child_drain(const struct child *child, struct gathered *out, struct gathered *err)
{
	struct pollfd fds[2] = { { .fd = child->out, .events = POLLIN },
				 { .fd = child->err, .events = POLLIN } };
	struct gathered *into[2] = { out, err };
	int64_t end = log_now_ms() + PROGRAM_MS;
	char waste[512];

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int64_t left = end - log_now_ms();
		int n = poll(fds, 2, left > 0 ? (int)left : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ETIMEDOUT;
		for (unsigned int i = 0; i < 2; i++) {
			ssize_t len;

			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			len = gathered_read(into[i], fds[i].fd);
			if (len == -EFBIG && into[i] == err)	/* nobody needs that many */
				len = read(fds[i].fd, waste, sizeof(waste));
			if (len < 0)
				return (int)len;
			if (len == 0)
				fds[i].fd = -1;
		}
	}
	return 0;
}

/* Reads all the child says and waits for its end, which it is helped to if need be. */
static int child_read(const struct child *child, struct said *ret)
{
	struct gathered out = { .max = TEXT_MAX }, err = { .max = ERRORS_MAX };
	int drained = child_drain(child, &out, &err), status = 0;

	if (drained < 0)
		kill(child->pid, SIGKILL);
	close(child->out);
	close(child->err);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (drained == -ETIMEDOUT)
		said_fail(ret, drained, "it did not come to an end");
	else if (drained == -EFBIG)
		said_fail(ret, drained, "it said too much");
	else if (drained < 0)
		said_fail(ret, drained, strerror(-drained));
	else if (WIFSIGNALED(status))
		drained = said_fail(ret, -EIO, "it crashed");
	else if (WEXITSTATUS(status) != 0)
		drained = said_fail(ret, -EIO, err.len ? err.text : "it failed and did not say why");
	free(err.text);
	if (drained == 0) {
		ret->text = out.text;
		ret->len = out.len;
	} else {
		free(out.text);
	}
	return drained;
}

/* Two pipes; @there: the ends that the child writes to. */
static int child_pipes(struct child *child, int there[2])
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) < 0) {
		int ret = -errno;

		close(out[0]);
		close(out[1]);
		return ret;
	}
	child->out = out[0];
	child->err = err[0];
	there[0] = out[1];
	there[1] = err[1];
	return 0;
}

/* Starts @path; signals are as a program expects them, nothing of the environment is passed on. */
static int child_spawn(struct child *child, const char *path, const char *argument, int there[2])
{
	char *const argv[] = { (char *)path, (char *)argument, NULL };
	char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int ret;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, there[0], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, there[1], STDERR_FILENO);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	ret = -posix_spawn(&child->pid, path, &actions, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

int read_program(const char *program, const char *argument, struct said *ret)
{
	static const char *const dirs[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin",
					    "/usr/local/sbin" };
	struct child child;
	char path[128];
	int there[2], err;
	size_t i;

	*ret = (struct said){};
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], program);
		if (access(path, X_OK) == 0)
			break;
	}
	if (i == sizeof(dirs) / sizeof(dirs[0]))
		return said_fail(ret, -ENOENT, "it is not installed");
	err = child_pipes(&child, there);
	if (err < 0)
		return said_fail(ret, err, strerror(-err));
	err = child_spawn(&child, path, argument, there);
	close(there[0]);
	close(there[1]);
	if (err < 0) {
		close(child.out);
		close(child.err);
		return said_fail(ret, err, strerror(-err));
	}
	return child_read(&child, ret);
}

#ifdef HAVE_LIBNFTABLES

#define NFT_LIBRARY	"libnftables.so.1"

/* The library, loaded where it is needed only: the daemon has no use for it. */
struct nft_library {
	__typeof__(nft_ctx_new) *ctx_new;
	__typeof__(nft_ctx_output_set_flags) *output_set_flags;
	__typeof__(nft_ctx_buffer_output) *buffer_output;
	__typeof__(nft_ctx_get_output_buffer) *get_output;
	__typeof__(nft_ctx_buffer_error) *buffer_error;
	__typeof__(nft_ctx_get_error_buffer) *get_error;
	__typeof__(nft_run_cmd_from_buffer) *run_cmd;
};

static bool nft_load(struct nft_library *nft)
{
	static const struct {
		const char *name;
		size_t offset;
	} symbols[] = {
		{ "nft_ctx_new", offsetof(struct nft_library, ctx_new) },
		{ "nft_ctx_output_set_flags", offsetof(struct nft_library, output_set_flags) },
		{ "nft_ctx_buffer_output", offsetof(struct nft_library, buffer_output) },
		{ "nft_ctx_get_output_buffer", offsetof(struct nft_library, get_output) },
		{ "nft_ctx_buffer_error", offsetof(struct nft_library, buffer_error) },
		{ "nft_ctx_get_error_buffer", offsetof(struct nft_library, get_error) },
		{ "nft_run_cmd_from_buffer", offsetof(struct nft_library, run_cmd) },
	};
	void *library = dlopen(NFT_LIBRARY, RTLD_NOW | RTLD_LOCAL), *symbol;

	for (size_t i = 0; library && i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		symbol = dlsym(library, symbols[i].name);
		if (!symbol)
			return false;
		memcpy((char *)nft + symbols[i].offset, &symbol, sizeof(symbol));
	}
	return library;
}

static void write_all(int fd, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* In a child of its own: the library ends the program when something is wrong with netlink. */
static void __attribute__((noreturn)) nft_list(const int there[2])
{
	struct nft_library nft;
	struct nft_ctx *ctx;
	int ret;

	dup2(there[1], STDERR_FILENO);	/* what it says on its own */
	if (!nft_load(&nft)) {
		write_all(there[1], dlerror());
		_exit(1);
	}
	ctx = nft.ctx_new(NFT_CTX_DEFAULT);
	if (!ctx || nft.buffer_output(ctx) != 0 || nft.buffer_error(ctx) != 0)
		_exit(1);
	/* Terse: elements of sets can be millions. */
	nft.output_set_flags(ctx, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_TERSE);
	ret = nft.run_cmd(ctx, "list ruleset");
	write_all(ret == 0 ? there[0] : there[1],
		  ret == 0 ? nft.get_output(ctx) : nft.get_error(ctx));
	_exit(ret == 0 ? 0 : 1);
}

int read_nft(struct said *ret)
{
	struct child child;
	int there[2], err;

	*ret = (struct said){};
	err = child_pipes(&child, there);
	if (err < 0)
		return said_fail(ret, err, strerror(-err));
	fflush(NULL);
	child.pid = fork();
	if (child.pid == 0)
		nft_list(there);
	err = child.pid < 0 ? -errno : 0;
	close(there[0]);
	close(there[1]);
	if (err < 0) {
		close(child.out);
		close(child.err);
		return said_fail(ret, err, strerror(-err));
	}
	err = child_read(&child, ret);
	/* nfnetlink answers EINVAL for a subsystem that it does not have. */
	if (err < 0 && (strstr(ret->why, strerror(EPROTONOSUPPORT)) ||
			strstr(ret->why, "cache initialization failed: Invalid argument")))
		return -EPROTONOSUPPORT;
	return err;
}

#else

int read_nft(struct said *ret)
{
	*ret = (struct said){};
	return said_fail(ret, -ENOSYS, "this ulogd was built without libnftables");
}

#endif

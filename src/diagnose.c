// SPDX-License-Identifier: GPL-2.0-or-later
/* Why is nothing logged?  The configuration beside the kernel's state and the rules. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "diagnose.h"
#include "diagnose_find.h"
#include "diagnose_read.h"
#include "stack.h"

/* ------------------------------------------------------------ the daemon */

/*
 * The configuration that a command line of ulogd, @len bytes with a NUL behind each word, names; NULL
 * when that is a command that ends by itself, like this one.
 */
static const char *conf_of_command(const char *words, size_t len)
{
	static const char *const commands[] = { "--diagnose", "--test", "-t", "--print-config" };
	const char *end = words + len, *path = SYSCONFDIR "/ulogd.conf", *next;

	for (; words < end; words = next) {
		next = words + strlen(words) + 1;
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (strcmp(words, commands[i]) == 0)
				return NULL;
		if (strncmp(words, "--configfile=", 13) == 0)
			path = words + 13;
		else if (strncmp(words, "-c", 2) == 0 && words[2] != '\0')
			path = words + 2;
		else if ((strcmp(words, "-c") == 0 || strcmp(words, "--configfile") == 0) &&
			 next < end)
			path = next;
	}
	return path;
}

/* The program of a process, also when its file has been replaced since; "" when that cannot be seen. */
static void program_name(const char *pid, char ret[PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
	len = readlink(path, ret, PATH_MAX - 1);
	ret[len > 0 ? len : 0] = '\0';
	if (len >= (ssize_t)sizeof(deleted) && strcmp(ret + len - (sizeof(deleted) - 1), deleted) == 0)
		ret[len - (ssize_t)(sizeof(deleted) - 1)] = '\0';
}

/* True when process @pid is a daemon that runs @program with the configuration at @conf_path. */
static bool is_daemon(const char *pid, const char *program, const char *conf_path,
		      const struct stat *conf)
{
	char path[PATH_MAX + 64], words[4096];
	const char *name;
	struct stat st;
	FILE *file;
	size_t len;

	program_name(pid, path);
	if (path[0] == '\0' || strcmp(path, program) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(words, 1, sizeof(words) - 1, file);
	fclose(file);
	words[len] = '\0';
	name = conf_of_command(words, len);
	if (!name)
		return false;
	snprintf(path, sizeof(path), "/proc/%.20s/%s/%s", pid, name[0] == '/' ? "root" : "cwd", name);
	if (stat(path, &st) == 0)
		return st.st_dev == conf->st_dev && st.st_ino == conf->st_ino;
	/* With -d a relative name was meant from where nobody knows any more. */
	return name[0] != '/' && strcmp(basename(name), basename(conf_path)) == 0;
}

/* The process that runs with our configuration, 0 when there is none. */
static pid_t daemon_find(const char *conf_path)
{
	char program[PATH_MAX];
	struct dirent *entry;
	pid_t pid, found = 0;
	struct stat conf;
	DIR *proc;

	program_name("self", program);
	if (stat(conf_path, &conf) < 0)
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return 0;
	while (found == 0 && (entry = readdir(proc))) {
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 0 && pid != getpid() && is_daemon(entry->d_name, program, conf_path, &conf))
			found = pid;
	}
	closedir(proc);
	return found;
}

/* ------------------------------------------------------- what is wanted */

/* The namespace at @path, "" for the daemon's own, one for all names that it has. */
static struct space *space_get(struct diagnosis *d, const char *path)
{
	struct space **tail = &d->spaces;
	struct stat st = {};
	bool there = stat(path[0] ? path : "/proc/self/ns/net", &st) == 0;

	for (; *tail; tail = &(*tail)->next)
		if (there ? space_is(*tail, &st) : strcmp((*tail)->path, path) == 0)
			return *tail;
	return *tail = space_new(path);
}

/* An input whose packets are counted by group is one that binds it. */
static void want_add(struct ulogd_instance *inst, void *arg)
{
	struct diagnosis *d = arg;
	const char *path = inst->common.network_namespace_path;
	struct conf_place at;
	const int32_t *group;

	if (!inst->plugin->subject || strcmp(inst->plugin->subject, "group") != 0)
		return;
	group = instance_option(inst, "group", ULOGD_OPTION_LANES, &at);
	if (!group)
		return;
	space_want(path && path[0] ? space_get(d, path) : d->spaces, inst, (uint32_t)*group, at);
}

/* The namespace that the configuration calls the daemon's own: the daemon's, if it runs. */
static void own_space_add(struct diagnosis *d)
{
	char *path = text_new("/proc/%ld/ns/net", (long)d->daemon);
	struct stat here, there;

	if (d->daemon == 0 || stat(path, &there) < 0 || stat("/proc/self/ns/net", &here) < 0 ||
	    (here.st_dev == there.st_dev && here.st_ino == there.st_ino))
		path[0] = '\0';
	space_get(d, path);
	free(path);
}

/* ------------------------------------------------------------- printing */

static void print_wants(const struct space *space, FILE *out)
{
	fprintf(out, "  Wanted groups:\n");
	if (!space->wants)
		fprintf(out, "    none\n");
	for (const struct want *w = space->wants; w; w = w->next) {
		fprintf(out, "    group %-5" PRIu32 " %s (%s), %s:%u", w->group, w->inst->id,
			w->inst->plugin->name, w->at.file, w->at.line);
		instance_print_set(w->inst, "group", out);
		fputc('\n', out);
	}
}

static void print_owners(const struct space *space, FILE *out)
{
	fprintf(out, "  Bound groups:\n");
	if (space->owners_unread)
		fprintf(out, "    cannot be read: %s\n", space->owners_unread);
	else if (space->n_owners == 0)
		fprintf(out, "    none\n");
	for (unsigned int i = 0; i < space->n_owners; i++) {
		const struct owner *o = &space->owners[i];

		fprintf(out, "    group %-5" PRIu32 " %s%s\n", o->bound.group, o->who,
			want_find(space, o->bound.group) ? "" : "; not in this configuration");
		fprintf(out, "                copies %" PRIu32 " bytes of a packet, waits %" PRIu32
			" ms for more, %" PRIu32 " packets gathered", o->bound.copy_mode ==
			NFULNL_COPY_PACKET ? o->bound.copy_range : 0, o->bound.timeout_10ms * 10,
			o->bound.gathered);
		if (o->has_socket)
			fprintf(out, "; %lu bytes wait to be read, %lu datagrams dropped",
				o->socket.waiting_bytes, o->socket.drops);
		fputc('\n', out);
	}
}

static void print_loggers(const struct space *space, FILE *out)
{
	fprintf(out, "  Loggers of what names no group (nf_conntrack_log_invalid, TRACE):\n");
	if (!space->has_loggers) {
		fprintf(out, "    cannot be read\n");
		return;
	}
	for (unsigned int i = 0; i < LOGGER_FAMILIES; i++)
		if (loggers_family(i))
			fprintf(out, "    %-7s %s\n", loggers_family(i),
				space->loggers.bound[i][0] ? space->loggers.bound[i] : "none");
}

static void print_rule(const struct log_rule *rule, FILE *out)
{
	char *name = rule_name(rule);

	switch (rule->target) {
	case RULE_GROUP:
		fprintf(out, "    group %-5u %s", rule->group, name);
		break;
	case RULE_KERNEL:
		fprintf(out, "    kernel log  %s", name);
		break;
	case RULE_ULOG:
		fprintf(out, "    ULOG        %s", name);
		break;
	case RULE_OPAQUE:
		fprintf(out, "    unknown     %s", name);
		break;
	}
	if (rule->prefix[0])
		fprintf(out, ", prefix \"%s\"", rule->prefix);
	if (rule->has_snaplen)
		fprintf(out, ", snaplen %" PRIu32, rule->snaplen);
	if (rule->target == RULE_GROUP && rule->threshold)
		fprintf(out, ", queue-threshold %" PRIu32, rule->threshold);
	if (rule->has_packets)
		fprintf(out, ", %" PRIu64 " packets seen\n", rule->packets);
	else
		fprintf(out, ", no counter\n");
	free(name);
}

static void print_rules(const struct space *space, FILE *out)
{
	fprintf(out, "  Rules that log:\n");
	if (space->unread)
		fprintf(out, "    %s\n", space->unread);
	else if (!space->rules.first)
		fprintf(out, "    none\n");
	for (const struct log_rule *r = space->rules.first; r; r = r->next)
		print_rule(r, out);
}

static void space_print(const struct diagnosis *d, const struct space *space, FILE *out)
{
	fprintf(out, "\nNetwork namespace: %s\n", space->path[0] != '\0' ? space->path :
		d->daemon > 0 ? "that of the daemon" : "that of this command, as no daemon runs");
	print_wants(space, out);
	print_owners(space, out);
	print_loggers(space, out);
	print_rules(space, out);
}

/* Whether a module is there, as far as can be told. */
static const char *module_state(const char *name)
{
	char *text, *line, path[sizeof(((struct utsname *)0)->release) + 64], wanted[64];
	struct utsname uts;
	bool found = false;
	size_t len = strlen(name);

	if (read_file("/proc/modules", &text) < 0)
		return "the kernel loads no modules, so it is built in or missing";
	for (line = text; line && !found; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		found = strncmp(line, name, len) == 0 && line[len] == ' ';
	free(text);
	if (found)
		return "loaded";
	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", uts.release);
	if (read_file(path, &text) < 0)
		return "not loaded, or built in";
	snprintf(wanted, sizeof(wanted), "/%s.ko", name);
	found = strstr(text, wanted);
	free(text);
	return found ? "built in" : "not loaded; a rule that needs it loads it";
}

static void kernel_print(const struct space *own, FILE *out)
{
	struct utsname uts;

	uname(&uts);
	fprintf(out, "\nKernel: %s\n", uts.release);
	fprintf(out, "  nfnetlink_log (log groups):     %s\n", !own->has_loggers ?
		"cannot be told" : own->loggers.has_netlink ? "there" : "not loaded");
	fprintf(out, "  nf_log_syslog (the kernel log): %s\n", !own->has_loggers ?
		"cannot be told" : own->loggers.has_syslog ? "there" : "not loaded");
	fprintf(out, "  nft_log (nft log):              %s\n", module_state("nft_log"));
	fprintf(out, "  xt_NFLOG (iptables -j NFLOG):   %s\n", module_state("xt_NFLOG"));
}

static void findings_print(struct findings *list, const char *title, FILE *out)
{
	unsigned int n = 0;
	struct finding *f;

	if (list->first)
		fprintf(out, "\n%s:\n", title);
	while ((f = list->first)) {
		list->first = f->next;
		fprintf(out, "%2u. %s\n    To do: %s\n", ++n, f->text, f->todo);
		free(f->text);
		free(f->todo);
		free(f);
	}
}

/* ------------------------------------------------------------- the whole */

int diagnose(const char *conf_path, bool conf_fine, FILE *out)
{
	struct diagnosis d = { .conf_path = conf_path };
	struct space *space;
	int ret, status;

	d.daemon = daemon_find(conf_path);
	own_space_add(&d);
	stack_walk_inputs(want_add, &d);

	fprintf(out, "Configuration: %s: %s, stacks: %u\n", conf_path,
		conf_fine ? "fine" : "not fine", stack_count());
	if (d.daemon > 0)
		fprintf(out, "Daemon: pid %ld runs with this configuration\n", (long)d.daemon);
	else
		fprintf(out, "Daemon: none runs with this configuration\n");
	for (space = d.spaces; space; space = space->next) {
		ret = space_read(space, d.daemon);
		if (ret == 0) {
			space_print(&d, space, out);
			continue;
		}
		fprintf(out, "\nNetwork namespace: %s\n  cannot be entered: %s\n", space->path,
			strerror(-ret));
		diagnosis_problem(&d, text_new("the network namespace %s cannot be entered: %s",
					       space->path, strerror(-ret)),
				  text_new("see ip-netns(8); run ulogd --diagnose as root"));
	}
	kernel_print(d.spaces, out);
	diagnosis_find(&d, conf_fine);

	status = d.problems.first ? 1 : 0;
	findings_print(&d.problems, "Findings", out);
	findings_print(&d.advice, "Advice", out);
	if (status == 0 && d.has_packets)
		fprintf(out, "\nEverything fits; %" PRIu64 " packets seen by the rules%s.\n", d.packets,
			d.uncounted ? " that have counters" : "");
	else if (status == 0)
		fprintf(out, "\nEverything fits; the rules have no counters: put `counter` before `log` "
			"to see whether they match.\n");
	while ((space = d.spaces)) {
		d.spaces = space->next;
		space_free(space);
	}
	return status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What does not fit, each with what to do about it. */
#include <dirent.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnose_find.h"
#include "diagnose_read.h"
#include "netns.h"
#include "record.h"

#define NAMESPACES_MAX	256	/* other namespaces that are searched for rules */
#define HEADERS_MIN	28	/* bytes of a packet that hold IPv4 addresses and ports */

/* Keeps a finding; both texts become its own. */
static void finding_add(struct findings *list, char *text, char *todo)
{
	struct finding *f = memory_new(sizeof(*f));

	f->text = text;
	f->todo = todo;
	if (!list->tail)
		list->tail = &list->first;
	*list->tail = f;
	list->tail = &f->next;
}

void diagnosis_problem(struct diagnosis *d, char *text, char *todo)
{
	finding_add(&d->problems, text, todo);
}

/* CapEff of /proc/self/status. */
static bool has_net_admin(void)
{
	const char *line;
	bool has = false;
	char *text;

	if (read_file("/proc/self/status", &text) < 0)
		return geteuid() == 0;
	line = strstr(text, "\nCapEff:");
	if (line)
		has = strtoull(line + 8, NULL, 16) >> CAP_NET_ADMIN & 1;
	free(text);
	return has;
}

#define PROBLEM(d, text, ...)	finding_add(&(d)->problems, text, text_new(__VA_ARGS__))
#define ADVICE(d, text, ...)	finding_add(&(d)->advice, text, text_new(__VA_ARGS__))

static void find_in_process(struct diagnosis *d, bool conf_fine)
{
	bool wants = false;

	for (const struct space *s = d->spaces; s; s = s->next)
		wants = wants || s->wants;
	if (!conf_fine)
		PROBLEM(d, text_new("the configuration has errors, so the daemon does not start with it"),
			"correct them; ulogd -t shows them again");
	if (!wants)
		PROBLEM(d, text_new("no stack begins with an input that reads a log group"),
			"add a stack to [global], like those in ulogd.conf(5)");
	else if (d->daemon == 0)
		PROBLEM(d, text_new("no ulogd%s runs with the configuration %s",
				   geteuid() == 0 ? "" : " that this user can see", d->conf_path),
			"start it; if it ends at once, its log says why");
	if (!has_net_admin())
		PROBLEM(d, text_new("this command lacks CAP_NET_ADMIN, so it cannot see all rules and owners"),
			"run ulogd --diagnose as root");
	if (d->daemon > 0 && d->spaces->path[0])
		ADVICE(d, text_new("the daemon, pid %ld, runs in another network namespace than this "
				  "command", (long)d->daemon),
		       "nothing, if that is meant: its namespace was looked at as well");
}

static void find_unread(struct diagnosis *d, const struct space *space)
{
	bool allowed = has_net_admin();

	if (space->unread)
		PROBLEM(d, text_new("rules may be missing from this report%s: %s", space->in, space->unread),
			"%s", allowed ? "install the tool that is missing, or look at its rules by hand" :
			"run ulogd --diagnose as root");
	if (space->owners_unread)
		PROBLEM(d, text_new("who has bound which group%s cannot be read: %s", space->in,
				   space->owners_unread),
			"%s", allowed ? "modprobe nfnetlink_log; the kernel needs CONFIG_NETFILTER_NETLINK_LOG" :
			"run ulogd --diagnose as root");
}

/* A rule that names the group in its prefix, as --nflog-prefix 5 for --nflog-group 5 does. */
static const struct log_rule *rule_misnamed(const struct space *space, uint32_t group)
{
	char number[16];

	snprintf(number, sizeof(number), "%" PRIu32, group);
	for (const struct log_rule *r = space->rules.first; r; r = r->next)
		if (!rule_sends_to(r, group) && strcmp(r->prefix, number) == 0)
			return r;
	return NULL;
}

/* True when the kernel itself sends to group 0: invalid packets of the connection tracking. */
static bool kernel_sends(const struct space *space, uint32_t group)
{
	bool sends = false;
	char *text;

	for (size_t i = 0; i < LOGGER_FAMILIES; i++)
		sends = sends || strcmp(space->loggers.bound[i], "nfnetlink_log") == 0;
	if (group != 0 || !sends ||
	    read_file("/proc/sys/net/netfilter/nf_conntrack_log_invalid", &text) < 0)
		return false;
	sends = atoi(text) != 0;
	free(text);
	return sends;
}

static void find_without_rule(struct diagnosis *d, const struct space *space,
			      const struct want *want)
{
	const struct log_rule *rule = rule_misnamed(space, want->group);
	char *name = want_name(want), *hint = text_new("%s", ""), *there;

	if (rule) {
		there = rule_name(rule);
		free(hint);
		if (rule->target == RULE_GROUP)
			hint = text_new("; one rule sends to group %u with prefix \"%s\": %s",
				       rule->group, rule->prefix, there);
		else
			hint = text_new("; one rule without a group has prefix \"%s\": %s",
				       rule->prefix, there);
		free(there);
	}
	PROBLEM(d, text_new("group %" PRIu32 " is wanted by %s, but no rule%s%s sends to it%s", want->group,
			   name, space->unread ? " that can be seen" : "", space->in, hint),
		"let a rule send to it: `log group %" PRIu32 "` in nft, `-j NFLOG --nflog-group %" PRIu32
		"` in iptables", want->group, want->group);
	free(hint);
	free(name);
}

/* Adds up what the rules of a wanted group have counted. */
static void find_uncounted(struct diagnosis *d, const struct space *space, const struct want *want)
{
	unsigned int n = 0, counting = 0;
	uint64_t packets = 0;
	char *name;

	for (const struct log_rule *r = space->rules.first; r; r = r->next) {
		if (!rule_sends_to(r, want->group))
			continue;
		n++;
		counting += r->has_packets;
		packets += r->packets;
	}
	d->packets += packets;
	d->has_packets = d->has_packets || counting > 0;
	d->uncounted = d->uncounted || counting < n;
	if (counting < n || packets > 0)
		return;
	name = want_name(want);
	PROBLEM(d, text_new("%u %s%s to group %" PRIu32 ", wanted by %s, but %s seen 0 packets", n,
			   n == 1 ? "rule sends" : "rules send", space->in, want->group, name,
			   n == 1 ? "it has" : "they have"),
		"see whether packets reach the chain and match the rule: another rule may decide before "
		"it, or none have come yet");
	free(name);
}

/* An instance below an input that needs the packet itself. */
static void find_reader(struct ulogd_instance *inst, void *arg)
{
	const struct ulogd_instance **ret = arg;

	for (unsigned int i = 0; i < record_count(inst->plugin->inputs); i++)
		if (inst->plugin->inputs[i].id == FIELD_RAW_PKT && !inst->plugin->inputs[i].optional &&
		    !*ret)
			*ret = inst;
}

static void find_short(struct diagnosis *d, const struct space *space, const struct want *want)
{
	const int32_t *snaplen = instance_option(want->inst, "snaplen", ULOGD_OPTION_AUTO, NULL);
	struct ulogd_instance *reader = NULL;
	char *name;

	instance_walk(want->inst, find_reader, &reader);
	if (!reader)
		return;
	if (snaplen && *snaplen != ULOGD_AUTO && *snaplen < HEADERS_MIN) {
		name = want_name(want);
		PROBLEM(d, text_new("%s copies %" PRId32 " bytes of each packet, too few for addresses and "
				   "ports, which %s (%s) reads", name, *snaplen, reader->id,
				   reader->plugin->name), "leave out snaplen, or set it to 128");
		free(name);
	}
	for (const struct log_rule *r = space->rules.first; r; r = r->next) {
		if (!rule_sends_to(r, want->group) || !r->has_snaplen || r->snaplen >= HEADERS_MIN)
			continue;
		name = rule_name(r);
		PROBLEM(d, text_new("a rule%s gives group %" PRIu32 " only %" PRIu32 " bytes of each "
				   "packet, too few for addresses and ports, which %s (%s) reads: %s",
				   space->in, want->group, r->snaplen, reader->id,
				   reader->plugin->name, name),
			"leave out snaplen or --nflog-size there, or set it to 128");
		free(name);
	}
}

/* Who has a wanted group, if it is not the daemon. */
static void find_held(struct diagnosis *d, const struct space *space, const struct want *want)
{
	const struct owner *owner = owner_find(space, want->group);
	char *name = want_name(want);

	if (owner && !owner->is_daemon)
		PROBLEM(d, text_new("group %" PRIu32 "%s is held by %s: %s cannot have it", want->group,
				   space->in, owner->who, name),
			"stop that process, use another group here and in the rules, or set wait=SECONDS");
	else if (!owner && d->daemon > 0 && !space->owners_unread)
		PROBLEM(d, text_new("the daemon, pid %ld, runs, but has not bound group %" PRIu32 "%s for %s",
				   (long)d->daemon, want->group, space->in, name),
			"restart it, if the configuration has changed since it was started; else its log "
			"says why");
	if (owner && owner->is_daemon && owner->has_socket && owner->socket.drops > 0)
		ADVICE(d, text_new("%lu datagrams for group %" PRIu32 "%s were dropped, as %s was too slow",
				  owner->socket.drops, want->group, space->in, name),
		       "see TUNING in ulogd.conf(5)");
	free(name);
}

static void find_of_want(struct diagnosis *d, const struct space *space, const struct want *want)
{
	const int32_t *threshold = instance_option(want->inst, "netlink_qthreshold",
						   ULOGD_OPTION_INT, NULL);
	const struct want *first = want_find(space, want->group);
	char *name = want_name(want), *other;

	if (threshold && *threshold == 1)
		ADVICE(d, text_new("%s has the kernel wake it up for each packet: netlink_qthreshold=1", name),
		       "leave it out, if packets come at a high rate");
	find_short(d, space, want);
	if (first != want) {
		other = want_name(first);
		PROBLEM(d, text_new("group %" PRIu32 "%s is wanted by %s and by %s, but only one can have it",
				   want->group, space->in, other, name),
			"begin both stacks with the same input, %s:%s", first->inst->id,
			first->inst->plugin->name);
		free(other);
		free(name);
		return;
	}
	find_held(d, space, want);
	if (rules_sending(&space->rules, want->group) > 0)
		find_uncounted(d, space, want);
	else if (!kernel_sends(space, want->group))
		find_without_rule(d, space, want);
	free(name);
}

/* Groups that rules send to, or the daemon has, and the configuration does not want. */
static void find_unwanted(struct diagnosis *d, const struct space *space)
{
	for (const struct log_rule *r = space->rules.first; r; r = r->next) {
		const struct log_rule *before = space->rules.first;
		unsigned int n;

		if (r->target != RULE_GROUP || want_find(space, r->group) ||
		    owner_find(space, r->group))
			continue;
		while (before != r && !rule_sends_to(before, r->group))
			before = before->next;
		if (before != r)
			continue;	/* said already */
		n = rules_sending(&space->rules, r->group);
		PROBLEM(d, text_new("group %u%s receives from %u %s, but nobody listens", r->group, space->in,
				   n, n == 1 ? "rule" : "rules"),
			"add a stack whose input has group=%u, or let the rules send to a group that is "
			"wanted", r->group);
	}
	for (unsigned int i = 0; i < space->n_owners; i++) {
		const struct owner *o = &space->owners[i];

		if (o->is_daemon && !want_find(space, o->bound.group))
			PROBLEM(d, text_new("the running daemon has group %" PRIu32 "%s, which the "
					   "configuration does not want: it was started with an older one",
					   o->bound.group, space->in), "restart it");
	}
}

/* A packet that the kernel itself logs and that goes to group 0, which nobody has. */
static void find_orphaned(struct diagnosis *d, const struct space *space)
{
	if (owner_find(space, 0) || space->owners_unread)
		return;
	for (unsigned int i = 0; i < LOGGER_FAMILIES; i++) {
		if (!loggers_family(i) || strcmp(space->loggers.bound[i], "nfnetlink_log") != 0)
			continue;
		ADVICE(d, text_new("%s%s is bound to nfnetlink_log, so what names no group "
				  "(nf_conntrack_log_invalid, TRACE) goes to group 0, and nobody listens "
				  "there", loggers_family(i), space->in),
		       "let a stack read group 0, or give it back to the kernel's log: write the name of "
		       "its logger into /proc/sys/net/netfilter/nf_log/%u", i);
	}
}

/* Rules that log, but to no group. */
static void find_kernel_log(struct diagnosis *d, const struct space *space)
{
	unsigned int n = rules_with(&space->rules, RULE_KERNEL);
	bool starving = false;
	char *text;

	if (n == 0)
		return;
	for (const struct want *w = space->wants; w; w = w->next)
		starving = starving || rules_sending(&space->rules, w->group) == 0;
	text = text_new("%u %s%s without a group: ulogd sees nothing of them, they go to the kernel's log%s%s",
		       n, n == 1 ? "rule logs" : "rules log", space->in,
		       access("/proc/sys/net/netfilter/nf_log_all_netns", F_OK) == 0 ? "" :
		       ", which says nothing of namespaces like this one unless "
		       "net.netfilter.nf_log_all_netns is 1",
		       space->has_loggers && !space->loggers.has_syslog ?
		       "; and nf_log_syslog is not loaded" : "");
	finding_add(starving ? &d->problems : &d->advice, text,
		    text_new("write `log group N` in nft, `-j NFLOG --nflog-group N` in iptables, if ulogd "
			    "is to have them"));
}

static void find_in_rules(struct diagnosis *d, const struct space *space)
{
	unsigned int n = rules_with(&space->rules, RULE_ULOG);

	if (n > 0)
		PROBLEM(d, text_new("%u %s%s to ULOG, which Linux 3.17 removed", n,
				   n == 1 ? "rule logs" : "rules log", space->in),
			"write -j NFLOG --nflog-group N instead, and an input of that group");
	for (const struct log_rule *r = space->rules.first; r; r = r->next) {
		char *name = rule_name(r);

		if (r->unreached)
			PROBLEM(d, text_new("a rule%s is never reached, as its chain has no hook and no "
					   "rule jumps there: %s", space->in, name),
				"jump to the chain, or give it a hook: type filter hook input priority 0");
		if (r->target == RULE_GROUP && r->threshold == 1 && want_find(space, r->group))
			ADVICE(d, text_new("a rule%s has each packet sent at once, with all that has "
					  "gathered: %s", space->in, name),
			       "leave out queue-threshold 1 (ebtables: set --nflog-threshold 100), if "
			       "packets come at a high rate");
		free(name);
	}
}

/* Rules in the namespace at @path, where nobody listens, for groups that get nothing elsewhere. */
static void find_elsewhere(struct diagnosis *d, const char *path, const char *called)
{
	struct space *other;
	struct stat st;

	if (stat(path[0] ? path : "/proc/self/ns/net", &st) < 0)
		return;
	for (const struct space *s = d->spaces; s; s = s->next)
		if (space_is(s, &st))
			return;
	other = space_new(path);
	if (space_read_rules(other) < 0)
		goto out;
	for (const struct space *s = d->spaces; s; s = s->next) {
		for (const struct want *w = s->wants; w; w = w->next) {
			unsigned int n = rules_sending(&other->rules, w->group);
			char *name;

			if (n == 0 || rules_sending(&s->rules, w->group) > 0)
				continue;
			name = want_name(w);
			PROBLEM(d, text_new("%u %s to group %" PRIu32 " in %s, but %s listens in %s",
					   n, n == 1 ? "rule sends" : "rules send", w->group, called,
					   name, s->path[0] ? s->path : "its own namespace"),
				"a group belongs to the namespace of the rule: set "
				"network_namespace_path=\"%s\" in [%s]", path[0] ? path : "FILE",
				w->inst->id);
			free(name);
		}
	}
out:
	space_free(other);
}

/* Looks for rules of groups that get nothing in the namespaces that have a name, and in this one. */
static void find_in_namespaces(struct diagnosis *d)
{
	static const char *const dirs[] = { "/run/netns", "/run/docker/netns" };
	unsigned int searched = 0;
	bool starving = false;

	for (const struct space *s = d->spaces; s; s = s->next)
		for (const struct want *w = s->wants; w; w = w->next)
			starving = starving || rules_sending(&s->rules, w->group) == 0;
	if (!starving)
		return;
	find_elsewhere(d, "", "the namespace of this command");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		DIR *dir = opendir(dirs[i]);
		struct dirent *entry;

		while (dir && (entry = readdir(dir)) && searched < NAMESPACES_MAX) {
			char *path;

			if (entry->d_name[0] == '.')
				continue;
			path = text_new("%s/%s", dirs[i], entry->d_name);
			find_elsewhere(d, path, path);
			free(path);
			searched++;
		}
		if (dir)
			closedir(dir);
	}
}

static void find_in_space(struct diagnosis *d, const struct space *space)
{
	int home;

	/* What some of these ask of /proc is about the namespace they are in. */
	if (netns_enter(space->path, &home) < 0)
		return;
	find_unread(d, space);
	for (const struct want *w = space->wants; w; w = w->next)
		find_of_want(d, space, w);
	find_unwanted(d, space);
	find_kernel_log(d, space);
	find_in_rules(d, space);
	find_orphaned(d, space);
	netns_leave(home);
}

void diagnosis_find(struct diagnosis *d, bool conf_fine)
{
	find_in_process(d, conf_fine);
	for (const struct space *s = d->spaces; s; s = s->next)
		find_in_space(d, s);
	find_in_namespaces(d);
}

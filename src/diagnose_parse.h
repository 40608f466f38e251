/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diagnose_parse.h - what the kernel and the firewall's tools say about logging: text to structs.
 *
 * All functions are pure and expect anything: what makes no sense is left out and counted.  Text
 * that comes from rules is kept printable, as text_clean() makes it.
 */
#ifndef DIAGNOSE_PARSE_H
#define DIAGNOSE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Zeroed memory; never NULL: without memory there is no diagnosis, and nothing is lost with it. */
void *memory_new(size_t size);

/** Text, to be freed; never NULL. */
char *text_new(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * A copy of @text that a terminal can take: control characters and invalid UTF-8 become \xNN.
 * @quoted: it is to stand in quotes, so a backslash comes before these and before backslashes
 */
char *text_clean(const char *text, bool quoted);

/** Where a rule sends what it logs. */
enum rule_target {
	RULE_GROUP,	/* a netlink log group */
	RULE_KERNEL,	/* the kernel's own log: nft log without a group, -j LOG */
	RULE_ULOG,	/* -j ULOG, which Linux 3.17 removed */
	RULE_OPAQUE,	/* an extension of iptables in an nft table: only iptables-save knows */
};

/** One rule that logs; a rule with several log statements is there several times. */
struct log_rule {
	struct log_rule *next;
	const char *tool;	/* who has listed it: "nft", "iptables-legacy", … */
	const char *family;	/* as nft says it: "ip", "inet", … */
	char *table, *chain;
	uint64_t number;	/* nft: the handle; else which of the chain's rules, from 1 */
	enum rule_target target;
	uint16_t group;
	char *prefix;		/* never NULL */
	bool has_snaplen, has_packets;
	uint32_t snaplen;
	uint32_t threshold;	/* 0: that of the group */
	uint64_t packets;	/* that have reached it, by its counter */
	bool unreached;		/* nft: its chain has no hook, and no rule jumps there */
};

/** Rules in the order in which they were listed; begins as {}. */
struct log_rules {
	struct log_rule *first, *last;
	unsigned int strange;	/* lines or objects that were not understood */
};

void rules_free(struct log_rules *rules);

/**
 * Appends the rules that log from nft's JSON listing of a ruleset.
 * @why: becomes what is wrong with it
 * Returns 0, or -EINVAL when it is no such listing; -ENOSYS: built without jansson.
 */
int rules_parse_nft(struct log_rules *rules, const char *json, size_t len, const char **why);

/**
 * Appends the rules that log from the output of iptables-save -c and its kin.
 * @tool, @family: for the rules, which point to them
 */
void rules_parse_save(struct log_rules *rules, const char *tool, const char *family,
		      const char *text);

/**
 * Replaces what @rules has of chains with opaque rules of @family by what @save has of them, and
 * drops the rest of @save: nft has listed that.
 */
void rules_resolve(struct log_rules *rules, struct log_rules *save, const char *family);

/** Moves all of @more behind @rules. */
void rules_append(struct log_rules *rules, struct log_rules *more);

bool rule_sends_to(const struct log_rule *rule, uint32_t group);

/** How many rules send to @group, or to @target. */
unsigned int rules_sending(const struct log_rules *rules, uint32_t group);
unsigned int rules_with(const struct log_rules *rules, enum rule_target target);

/** "nft inet filter input, handle 7", "iptables-legacy filter INPUT, rule 1"; to be freed. */
char *rule_name(const struct log_rule *rule);

/** True when @rules has opaque rules of @family. */
bool rules_opaque(const struct log_rules *rules, const char *family);

/** One line of /proc/net/netfilter/nfnetlink_log: a group that somebody has bound. */
struct bound_group {
	uint32_t group, portid, gathered, copy_mode, copy_range, timeout_10ms;
};

/** Parses at most @max groups; returns their number. */
unsigned int groups_parse(const char *text, struct bound_group *ret, unsigned int max);

#define LOGGER_FAMILIES 11	/* NFPROTO_NUMPROTO of linux/netfilter.h */

/** /proc/net/netfilter/nf_log: the logger of each family, "" when there is none. */
struct loggers {
	char bound[LOGGER_FAMILIES][32];
	bool has_syslog, has_netlink;	/* some family could be bound to nf_log_*, nfnetlink_log */
};

/** "IPv4" for NFPROTO_IPV4; NULL for what has no loggers. */
const char *loggers_family(unsigned int family);

void loggers_parse(const char *text, struct loggers *ret);

#endif /* DIAGNOSE_PARSE_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel and the firewall's tools say about logging: text to structs. */
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ulogd/buf.h>

#include "config.h"
#ifdef HAVE_JANSSON
#include <jansson.h>
#endif

#include "diagnose_parse.h"

/* ebtables leaves out of its listing what is default: linux/netfilter_bridge/ebt_nflog.h. */
#define EBTABLES_DEFAULT_GROUP		1
#define EBTABLES_DEFAULT_THRESHOLD	1

void *memory_new(size_t size)
{
	void *mem = calloc(1, size);

	if (!mem)
		abort();
	return mem;
}

char *text_new(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

char *text_clean(const char *text, bool quoted)
{
	size_t len = strlen(text), step;
	char *ret = memory_new(4 * len + 1), *p = ret;

	for (; len > 0; text += step, len -= step) {
		const uint8_t c = (uint8_t)*text;

		step = 1;
		if (c >= 0x80)
			step = ulogd_utf8_len((const uint8_t *)text, len);
		/* U+0080 to U+009F are control characters, too. */
		if (c < 0x20 || c == 0x7f || step == 0 || (c == 0xc2 && (uint8_t)text[1] < 0xa0)) {
			p += sprintf(p, "\\x%02x", c);
			step = 1;
			continue;
		}
		if (quoted && (c == '"' || c == '\\'))
			*p++ = '\\';
		memcpy(p, text, step);
		p += step;
	}
	return ret;
}

/* ----------------------------------------------------------------- rules */

static void rule_free(struct log_rule *rule)
{
	free(rule->table);
	free(rule->chain);
	free(rule->prefix);
	free(rule);
}

void rules_free(struct log_rules *rules)
{
	struct log_rule *rule;

	while ((rule = rules->first)) {
		rules->first = rule->next;
		rule_free(rule);
	}
	rules->last = NULL;
}

static void rule_append(struct log_rules *rules, struct log_rule *rule)
{
	rule->next = NULL;
	if (rules->last)
		rules->last->next = rule;
	else
		rules->first = rule;
	rules->last = rule;
}

/* Appends a rule that logs like @like, which has no text of its own. */
static void rule_add(struct log_rules *rules, const struct log_rule *like, const char *table,
		     const char *chain, const char *prefix)
{
	struct log_rule *rule = memory_new(sizeof(*rule));

	*rule = *like;
	rule->table = text_clean(table, false);
	rule->chain = text_clean(chain, false);
	rule->prefix = text_clean(prefix, true);
	rule_append(rules, rule);
}

static bool chain_same(const struct log_rule *a, const struct log_rule *b)
{
	return strcmp(a->family, b->family) == 0 && strcmp(a->table, b->table) == 0 &&
	       strcmp(a->chain, b->chain) == 0;
}

static bool chain_opaque(const struct log_rules *rules, const struct log_rule *of)
{
	for (const struct log_rule *r = rules->first; r; r = r->next)
		if (r->target == RULE_OPAQUE && chain_same(r, of))
			return true;
	return false;
}

bool rules_opaque(const struct log_rules *rules, const char *family)
{
	for (const struct log_rule *r = rules->first; r; r = r->next)
		if (r->target == RULE_OPAQUE && strcmp(r->family, family) == 0)
			return true;
	return false;
}

void rules_append(struct log_rules *rules, struct log_rules *more)
{
	struct log_rule *rule;

	while ((rule = more->first)) {
		more->first = rule->next;
		rule_append(rules, rule);
	}
	more->last = NULL;
	rules->strange += more->strange;
}

void rules_resolve(struct log_rules *rules, struct log_rules *save, const char *family)
{
	struct log_rules kept = {}, all = *rules;
	struct log_rule *rule, *next;

	for (rule = save->first; rule; rule = next) {
		next = rule->next;
		if (chain_opaque(&all, rule))
			rule_append(&kept, rule);
		else
			rule_free(rule);
	}
	kept.strange = save->strange;
	*save = (struct log_rules){};
	/* Unlink only when nobody asks any more what is opaque: in two passes. */
	for (rule = all.first; rule; rule = rule->next)
		if (strcmp(rule->family, family) == 0 && rule->target != RULE_OPAQUE &&
		    chain_opaque(&all, rule))
			rule->target = RULE_OPAQUE;
	*rules = (struct log_rules){ .strange = all.strange };
	for (rule = all.first; rule; rule = next) {
		next = rule->next;
		if (rule->target == RULE_OPAQUE && strcmp(rule->family, family) == 0)
			rule_free(rule);
		else
			rule_append(rules, rule);
	}
	rules_append(rules, &kept);
}

bool rule_sends_to(const struct log_rule *rule, uint32_t group)
{
	return rule->target == RULE_GROUP && rule->group == group;
}

unsigned int rules_sending(const struct log_rules *rules, uint32_t group)
{
	unsigned int n = 0;

	for (const struct log_rule *r = rules->first; r; r = r->next)
		n += rule_sends_to(r, group);
	return n;
}

unsigned int rules_with(const struct log_rules *rules, enum rule_target target)
{
	unsigned int n = 0;

	for (const struct log_rule *r = rules->first; r; r = r->next)
		n += r->target == target;
	return n;
}

char *rule_name(const struct log_rule *rule)
{
	if (strcmp(rule->tool, "nft") == 0)
		return text_new("nft %s %s %s, handle %" PRIu64, rule->family, rule->table,
			       rule->chain, rule->number);
	return text_new("%s %s %s, rule %" PRIu64, rule->tool, rule->table, rule->chain,
		       rule->number);
}

/* A whole number up to @max, all of @text. */
static bool number_parse(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || value > max)
		return false;
	*ret = value;
	return true;
}

/* ------------------------------------------------------------------- nft */

#ifdef HAVE_JANSSON

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A number up to @max; false also when there is none. */
static bool number_of(const json_t *object, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

/* The families that nft knows, so that rules need no copy. */
static const char *family_of(const json_t *object)
{
	static const char *const families[] = { "ip", "ip6", "inet", "arp", "bridge", "netdev" };
	const char *name = string_of(object, "family");

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(families[i], name) == 0)
			return families[i];
	return NULL;
}

/* What rules refer to, by "family table name"; all of it owned. */
struct nft_index {
	json_t *counters;	/* the objects of named counters */
	json_t *reached;	/* chains with a hook, or that some rule jumps to */
	json_t *guessed;	/* tables, without a name: maps whose elements may jump anywhere */
};

/* Notes @value for what is called @name, "" for the table itself, where @object is. */
static void index_set(json_t *set, const json_t *object, const char *name, json_t *value)
{
	char *key = text_new("%s %s %s", string_of(object, "family"), string_of(object, "table"), name);

	json_object_set(set, key, value);
	free(key);
}

static json_t *index_get(const json_t *set, const json_t *object, const char *name)
{
	char *key = text_new("%s %s %s", string_of(object, "family"), string_of(object, "table"), name);
	json_t *value = json_object_get(set, key);

	free(key);
	return value;
}

/* Notes the chains that @value, some part of @rule, jumps to. */
static void index_jumps(struct nft_index *index, const json_t *rule, json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_array(value)) {
		json_array_foreach(value, i, item)
			index_jumps(index, rule, item);
	} else if (json_is_object(value)) {
		json_object_foreach(value, key, item) {
			if (strcmp(key, "jump") == 0 || strcmp(key, "goto") == 0)
				index_set(index->reached, rule, string_of(item, "target"), value);
			index_jumps(index, rule, item);
		}
	}
}

static void index_fill(struct nft_index *index, const json_t *list)
{
	json_t *item, *object;
	size_t i;

	index->counters = json_object();
	index->reached = json_object();
	index->guessed = json_object();
	json_array_foreach(list, i, item) {
		object = json_object_get(item, "counter");
		if (object)
			index_set(index->counters, object, string_of(object, "name"), object);
		object = json_object_get(item, "chain");
		if (json_object_get(object, "hook"))
			index_set(index->reached, object, string_of(object, "name"), object);
		/* The elements of maps are not listed. */
		object = json_object_get(item, "map");
		if (strcmp(string_of(object, "map"), "verdict") == 0)
			index_set(index->guessed, object, "", object);
		object = json_object_get(item, "rule");
		if (object)
			index_jumps(index, object, json_object_get(object, "expr"));
	}
}

static void index_free(struct nft_index *index)
{
	json_decref(index->counters);
	json_decref(index->reached);
	json_decref(index->guessed);
}

/* The packets that a counter statement has counted: its own, or those of the counter it names. */
static bool counter_packets(const struct nft_index *index, const json_t *rule,
			    const json_t *counter, uint64_t *ret)
{
	const char *name = json_string_value(counter);

	return number_of(name ? index_get(index->counters, rule, name) : counter, "packets", INT64_MAX,
			 ret);
}

static void log_parse(struct log_rules *rules, struct log_rule *like, const json_t *rule,
		      const json_t *log)
{
	uint64_t group, value;

	if (strcmp(string_of(log, "level"), "audit") == 0)
		return;		/* neither a group nor the kernel's log */
	like->target = RULE_KERNEL;
	if (json_object_get(log, "group")) {
		if (!number_of(log, "group", UINT16_MAX, &group)) {
			rules->strange++;
			return;
		}
		like->target = RULE_GROUP;
		like->group = (uint16_t)group;
	}
	like->has_snaplen = number_of(log, "snaplen", UINT32_MAX, &value);
	like->snaplen = like->has_snaplen ? (uint32_t)value : 0;
	like->threshold = number_of(log, "queue-threshold", UINT32_MAX, &value) ? (uint32_t)value : 0;
	rule_add(rules, like, string_of(rule, "table"), string_of(rule, "chain"),
		 string_of(log, "prefix"));
}

/* True for a target or watcher of iptables that may log; old versions of nft do not name them. */
static bool xt_may_log(const json_t *xt)
{
	static const char *const names[] = { "LOG", "NFLOG", "ULOG", "log", "nflog", "ulog" };
	const char *name = string_of(xt, "name");

	if (!json_is_object(xt))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void rule_parse(struct log_rules *rules, const struct nft_index *index, const json_t *rule)
{
	struct log_rule like = { .tool = "nft", .family = family_of(rule) };
	const json_t *statements = json_object_get(rule, "expr"), *statement;
	size_t i;

	if (!like.family || !json_is_array(statements)) {
		rules->strange++;
		return;
	}
	number_of(rule, "handle", INT64_MAX, &like.number);
	like.unreached = !index_get(index->reached, rule, string_of(rule, "chain")) &&
			 !index_get(index->guessed, rule, "");
	json_array_foreach(statements, i, statement) {
		const json_t *counter = json_object_get(statement, "counter");
		const json_t *log = json_object_get(statement, "log");
		const json_t *xt = json_object_get(statement, "xt");
		/* Nothing lies between: what is counted behind was logged, too. */
		const json_t *behind = json_object_get(json_array_get(statements, i + 1), "counter");

		if (counter)
			like.has_packets = counter_packets(index, rule, counter, &like.packets);
		if (log && !like.has_packets && behind)
			like.has_packets = counter_packets(index, rule, behind, &like.packets);
		if (log) {
			log_parse(rules, &like, rule, log);
		} else if (xt && xt_may_log(xt)) {
			like.target = RULE_OPAQUE;
			rule_add(rules, &like, string_of(rule, "table"), string_of(rule, "chain"), "");
		}
	}
}

int rules_parse_nft(struct log_rules *rules, const char *json, size_t len, const char **why)
{
	const json_t *list, *item, *rule;
	struct nft_index index;
	json_error_t error;
	json_t *whole;
	size_t i;

	whole = json_loadb(json, len, 0, &error);
	list = json_object_get(whole, "nftables");
	if (!json_is_array(list)) {
		*why = whole ? "its JSON has no list \"nftables\"" : "what it lists is no JSON";
		json_decref(whole);
		return -EINVAL;
	}
	index_fill(&index, list);
	json_array_foreach(list, i, item) {
		rule = json_object_get(item, "rule");
		if (rule)
			rule_parse(rules, &index, rule);
	}
	index_free(&index);
	json_decref(whole);
	return 0;
}

#else

int rules_parse_nft(struct log_rules *rules, const char *json, size_t len, const char **why)
{
	(void)rules;
	(void)json;
	(void)len;
	*why = "this ulogd was built without jansson";
	return -ENOSYS;
}

#endif

/* --------------------------------------------------------- iptables-save */

/*
 * Cuts the next word off *@rest, in place, without its quotes: inside of them a backslash makes the
 * next character plain.  NULL at the end.
 */
static char *word_cut(char **rest)
{
	char *p = *rest + strspn(*rest, " \t"), *word = p, *end = p;
	bool quoted = false;

	if (*p == '\0')
		return NULL;
	for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *p == '\\' && p[1])
			p++;
		*end++ = *p;
	}
	*rest = *p ? p + 1 : p;
	*end = '\0';
	return word;
}

/* A rule as far as it has been read. */
struct save_rule {
	struct log_rule rule;
	const char *chain, *prefix;
	bool logs, bad;
};

static void save_number(struct save_rule *s, const char *text, uint64_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (!text || !number_parse(text, max, &value))
		s->bad = true;
	*ret = (uint32_t)value;
}

static void save_target(struct save_rule *s, enum rule_target target)
{
	s->logs = true;
	s->rule.target = target;
}

/* Looks at one option; its value is cut off *@rest. */
static void save_option(struct save_rule *s, const char *option, char **rest)
{
	static const struct {
		const char *name;
		enum rule_target target;
	} targets[] = {
		{ "NFLOG", RULE_GROUP }, { "LOG", RULE_KERNEL }, { "ULOG", RULE_ULOG },
	}, watchers[] = {	/* of ebtables, where logging is no target */
		{ "--nflog", RULE_GROUP }, { "--log", RULE_KERNEL }, { "--ulog", RULE_ULOG },
	};
	uint32_t group;
	const char *value;

	if (strcmp(option, "-j") == 0 || strcmp(option, "--jump") == 0) {
		value = word_cut(rest);
		for (size_t i = 0; value && i < sizeof(targets) / sizeof(targets[0]); i++)
			if (strcmp(value, targets[i].name) == 0)
				save_target(s, targets[i].target);
		return;
	}
	for (size_t i = 0; i < sizeof(watchers) / sizeof(watchers[0]); i++) {
		size_t len = strlen(watchers[i].name);

		if (strncmp(option, watchers[i].name, len) == 0 &&
		    (option[len] == '-' || option[len] == '\0'))
			save_target(s, watchers[i].target);
	}
	if (strcmp(option, "-A") == 0) {
		s->chain = word_cut(rest);
	} else if (strcmp(option, "--comment") == 0) {
		word_cut(rest);
	} else if (strcmp(option, "--nflog-prefix") == 0 || strcmp(option, "--log-prefix") == 0 ||
		   strcmp(option, "--ulog-prefix") == 0) {
		value = word_cut(rest);
		s->prefix = value ? value : "";
	} else if (strcmp(option, "--nflog-group") == 0) {
		save_number(s, word_cut(rest), UINT16_MAX, &group);
		s->rule.group = (uint16_t)group;
	} else if (strcmp(option, "--nflog-size") == 0) {
		save_number(s, word_cut(rest), UINT32_MAX, &s->rule.snaplen);
		s->rule.has_snaplen = true;
	} else if (strcmp(option, "--nflog-threshold") == 0) {
		save_number(s, word_cut(rest), UINT32_MAX, &s->rule.threshold);
	} else if (strcmp(option, "-c") == 0) {
		value = word_cut(rest);
		s->rule.has_packets = value && number_parse(value, UINT64_MAX, &s->rule.packets);
		word_cut(rest);
	}
}

/* The counters before a rule, "[packets:bytes] ". */
static char *save_counters(struct save_rule *s, char *line)
{
	unsigned long long packets;
	int end = 0;

	if (sscanf(line, "[%20llu:%*20u] %n", &packets, &end) != 1 || end == 0)
		return line;
	s->rule.packets = packets;
	s->rule.has_packets = true;
	return line + end;
}

void rules_parse_save(struct log_rules *rules, const char *tool, const char *family,
		      const char *text)
{
	char *copy = text_new("%s", text), *rest = copy, *line, *table = NULL, *last_chain = NULL;
	bool bridge = strcmp(family, "bridge") == 0;
	uint64_t number = 0;

	while ((line = strsep(&rest, "\n"))) {
		struct save_rule s = {
			.prefix = "",
			.rule = { .tool = tool, .family = family,
				  .group = bridge ? EBTABLES_DEFAULT_GROUP : 0,
				  .threshold = bridge ? EBTABLES_DEFAULT_THRESHOLD : 0 },
		};
		char *words = save_counters(&s, line), *word;

		if (line[0] == '*') {
			table = line + 1;
			last_chain = NULL;
			continue;
		}
		if (strncmp(words, "-A ", 3) != 0) {
			/* Chains, COMMIT, comments. */
			rules->strange += line[0] != '\0' && !strchr(":#", line[0]) &&
					  strcmp(line, "COMMIT") != 0;
			continue;
		}
		while ((word = word_cut(&words)))
			save_option(&s, word, &words);
		if (!s.chain || !table) {
			rules->strange++;
			continue;
		}
		/* The rules of a chain stand together. */
		number = last_chain && strcmp(last_chain, s.chain) == 0 ? number + 1 : 1;
		last_chain = (char *)s.chain;
		s.rule.number = number;
		if (s.logs && s.bad)
			rules->strange++;
		else if (s.logs)
			rule_add(rules, &s.rule, table, s.chain, s.prefix);
	}
	free(copy);
}

/* ----------------------------------------------------------------- /proc */

/* Copies one line of *@text, cut to @size, and goes on behind it; false at the end. */
static bool line_copy(const char **text, char *ret, size_t size)
{
	size_t len = strcspn(*text, "\n");

	if (**text == '\0')
		return false;
	snprintf(ret, size, "%.*s", (int)(len < size ? len : size), *text);
	*text += len + ((*text)[len] == '\n');
	return true;
}

unsigned int groups_parse(const char *text, struct bound_group *ret, unsigned int max)
{
	unsigned int n = 0;
	char line[128];

	while (n < max && line_copy(&text, line, sizeof(line))) {
		struct bound_group *g = &ret[n];

		/* "%5u %6u %5u %1u %5u %6u %2u" in net/netfilter/nfnetlink_log.c */
		if (sscanf(line, "%9" SCNu32 " %10" SCNu32 " %9" SCNu32 " %9" SCNu32 " %9" SCNu32
			   " %10" SCNu32, &g->group, &g->portid, &g->gathered, &g->copy_mode,
			   &g->copy_range, &g->timeout_10ms) == 6 && g->group <= UINT16_MAX)
			n++;
	}
	return n;
}

const char *loggers_family(unsigned int family)
{
	static const char *const names[LOGGER_FAMILIES] = {
		[NFPROTO_IPV4] = "IPv4", [NFPROTO_ARP] = "ARP", [NFPROTO_NETDEV] = "netdev",
		[NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "IPv6",
	};

	return family < LOGGER_FAMILIES ? names[family] : NULL;
}

void loggers_parse(const char *text, struct loggers *ret)
{
	char line[256];

	*ret = (struct loggers){};
	while (line_copy(&text, line, sizeof(line))) {
		char name[sizeof(ret->bound[0])], known[128] = "";
		unsigned int family;

		/* "%2lld %s (%s,%s)" in net/netfilter/nf_log.c */
		if (sscanf(line, "%9u %31s (%127[^)]", &family, name, known) < 2 ||
		    family >= LOGGER_FAMILIES)
			continue;
		ret->has_syslog = ret->has_syslog || strstr(known, "nf_log_");
		ret->has_netlink = ret->has_netlink || strstr(known, "nfnetlink_log");
		if (strcmp(name, "NONE") != 0)
			snprintf(ret->bound[family], sizeof(ret->bound[family]), "%s", name);
	}
}

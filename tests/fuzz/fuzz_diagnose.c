// SPDX-License-Identifier: GPL-2.0-or-later
/* What a diagnosis reads: listings of nft and of iptables-save, files of /proc. */
#include <stdlib.h>
#include <string.h>

#include "diagnose_parse.h"
#include "fuzz.h"

/* Whatever was read, a terminal can take it. */
static void check_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			abort();
}

static void check_rules(const struct log_rules *rules)
{
	const struct log_rule *last = NULL;

	for (const struct log_rule *r = rules->first; r; r = r->next) {
		char *name = rule_name(r);

		check_text(name);
		check_text(r->prefix);
		free(name);
		last = r;
	}
	if (last != rules->last)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const families[] = { "ip", "bridge" };
	struct bound_group groups[4];
	struct log_rules rules = {};
	struct loggers loggers;
	char *text = memory_new(size + 1), *clean;
	const char *why;

	memcpy(text, data, size);
	clean = text_clean(text, true);
	check_text(clean);
	free(clean);

	rules_parse_nft(&rules, text, size, &why);
	check_rules(&rules);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct log_rules save = {}, again = {};

		rules_parse_save(&save, "iptables-legacy", families[i], text);
		check_rules(&save);
		rules_append(&rules, &save);
		rules_parse_save(&again, "iptables-nft", families[i], text);
		rules_resolve(&rules, &again, families[i]);
		check_rules(&rules);
		if (rules_opaque(&rules, families[i]))
			abort();
	}
	rules_free(&rules);

	if (groups_parse(text, groups, 4) > 4)
		abort();
	loggers_parse(text, &loggers);
	free(text);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules that give each CPU a log group. */
#include <string.h>
#include <unistd.h>

#include "ulogctl_rules.h"

/* Without the terminating zero: NF_LOG_PREFIXLEN, and the field of xt_nflog_info. */
#define NFT_PREFIX_MAX		127
#define IPTABLES_PREFIX_MAX	63

const char *rules_prefix_wrong(const struct rules *r)
{
	size_t len = r->prefix ? strlen(r->prefix) : 0;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)r->prefix[i] < ' ' || strchr("\"\\", r->prefix[i]))
			return "no quotes, backslashes or control characters fit into a rule";
	if (len > (r->iptables ? IPTABLES_PREFIX_MAX : NFT_PREFIX_MAX))
		return r->iptables ? "iptables takes 63 bytes" : "nft takes 127 bytes";
	return NULL;
}

static unsigned int cpus_possible(void)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	return n > 0 ? (unsigned int)n : 1;
}

static unsigned int group_of(const struct rules *r, unsigned int cpu)
{
	return r->first + cpu % (r->last - r->first + 1);
}

static void nft_log(const struct rules *r, const char *chain, unsigned int group, FILE *out)
{
	fprintf(out, "add rule inet filter %s log", chain);
	if (r->prefix)
		fprintf(out, " prefix \"%s\"", r->prefix);
	fprintf(out, " group %u\n", group);
}

static void nft_print(const struct rules *r, unsigned int cpus, FILE *out)
{
	char chain[32];

	fputs("# For nft -f, in the table inet filter; send packets there with \"jump ulogd\".\n"
	      "add table inet filter\n", out);
	for (unsigned int group = r->first; group <= r->last; group++)
		fprintf(out, "add chain inet filter ulogd_%u\n", group);
	fputs("add chain inet filter ulogd\n"
	      "flush chain inet filter ulogd\n", out);
	for (unsigned int group = r->first; group <= r->last; group++) {
		snprintf(chain, sizeof(chain), "ulogd_%u", group);
		fprintf(out, "flush chain inet filter %s\n", chain);
		nft_log(r, chain, group, out);
	}
	fputs("add rule inet filter ulogd meta cpu vmap { ", out);
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		fprintf(out, "%s%u : goto ulogd_%u", cpu > 0 ? ", " : "", cpu, group_of(r, cpu));
	fputs(" }\n# CPUs that are added later:\n", out);
	nft_log(r, "ulogd", r->first, out);
}

static void iptables_log(const struct rules *r, const char *chain, unsigned int group, FILE *out)
{
	fprintf(out, "-A %s -j NFLOG --nflog-group %u", chain, group);
	if (r->prefix)
		fprintf(out, " --nflog-prefix \"%s\"", r->prefix);
	fputc('\n', out);
}

static void iptables_print(const struct rules *r, unsigned int cpus, FILE *out)
{
	char chain[32];

	fputs("# For iptables-restore --noflush and ip6tables-restore --noflush; send packets there\n"
	      "# with \"-j ULOGD\".\n"
	      "*filter\n"
	      ":ULOGD - [0:0]\n", out);
	for (unsigned int group = r->first; group <= r->last; group++)
		fprintf(out, ":ULOGD_%u - [0:0]\n", group);
	for (unsigned int group = r->first; group <= r->last; group++) {
		snprintf(chain, sizeof(chain), "ULOGD_%u", group);
		iptables_log(r, chain, group, out);
	}
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		fprintf(out, "-A ULOGD -m cpu --cpu %u -g ULOGD_%u\n", cpu, group_of(r, cpu));
	fputs("# CPUs that are added later:\n", out);
	iptables_log(r, "ULOGD", r->first, out);
	fputs("COMMIT\n", out);
}

void rules_print(const struct rules *r, FILE *out)
{
	unsigned int cpus = r->cpus > 0 ? r->cpus : cpus_possible();

	if (r->iptables)
		iptables_print(r, cpus, out);
	else
		nft_print(r, cpus, out);
}

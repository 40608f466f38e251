/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ulogctl_rules.h - rules that give each CPU a log group, for an input with group=first-last.
 */
#ifndef ULOGCTL_RULES_H
#define ULOGCTL_RULES_H

#include <stdbool.h>
#include <stdio.h>

struct rules {
	unsigned int first, last;	/* groups */
	unsigned int cpus;		/* 0: as many as this machine may have */
	const char *prefix;		/* of the packets, or NULL */
	bool iptables;			/* for iptables-restore instead of nft -f */
};

/** What is wrong with the prefix for these rules; NULL: nothing. */
const char *rules_prefix_wrong(const struct rules *r);

/**
 * Prints rules in a chain ulogd, which others jump to.  The CPU that handles a packet
 * chooses its group, so that a flow stays in one and the lanes share nothing.
 */
void rules_print(const struct rules *r, FILE *out);

#endif /* ULOGCTL_RULES_H */

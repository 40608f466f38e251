/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diagnose_find.h - what does not fit, each with what to do about it. */
#ifndef DIAGNOSE_FIND_H
#define DIAGNOSE_FIND_H

#include "diagnose_space.h"

/** Something to say at the end. */
struct finding {
	char *text, *todo;
	struct finding *next;
};

/** In the order they were found; begins as {}. */
struct findings {
	struct finding *first, **tail;
};

/** What is known, and what follows from it. */
struct diagnosis {
	const char *conf_path;
	pid_t daemon;			/* that runs with this configuration; 0: none */
	struct space *spaces;
	struct findings problems, advice;
	uint64_t packets;		/* counted by rules that send to wanted groups */
	bool has_packets, uncounted;	/* some of these rules count; some do not */
};

/**
 * Compares the configuration, the kernel and the rules of d->spaces, which have been read.
 * @conf_fine: false: the configuration has errors
 */
void diagnosis_find(struct diagnosis *d, bool conf_fine);

/** Adds a problem; both texts become its own. */
void diagnosis_problem(struct diagnosis *d, char *text, char *todo);

#endif /* DIAGNOSE_FIND_H */

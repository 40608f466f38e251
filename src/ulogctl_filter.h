/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ulogctl_filter.h - which events `ulogctl tail' and `top' show.
 *
 * An expression of comparisons, `KEY OP VALUE', joined by and, or, not and parentheses:
 * src_ip=192.0.2.1 and (dest_port=22 or oob.prefix~drop).  Keys are those of the JSON output.
 */
#ifndef ULOGCTL_FILTER_H
#define ULOGCTL_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct json_t;
struct filter;

/**
 * Reads an expression.
 * @why, @position: become what is wrong, and where: the offset of a character of @text
 * NULL when it is wrong, or there is no memory.
 */
struct filter *filter_parse(const char *text, const char **why, size_t *position);

/** True when @event, an object, fits. */
bool filter_match(const struct filter *filter, const struct json_t *event);

/** NULL is fine. */
void filter_free(struct filter *filter);

#endif /* ULOGCTL_FILTER_H */

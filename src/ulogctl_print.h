/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ulogctl_print.h - what ulogctl shows to people.
 */
#ifndef ULOGCTL_PRINT_H
#define ULOGCTL_PRINT_H

#include <stdio.h>

struct json_t;

/** Writes text that may hold anything: control characters and bytes that are no UTF-8 as \xNN. */
void print_safe(const char *text, FILE *out);

/** The status as tables. */
void print_status(const struct json_t *status, FILE *out);

/** One event as a line. */
void print_event(const struct json_t *event, FILE *out);

/** Text of one of an event's parts, made from what keys it has; in a buffer of the caller's. */
const char *event_source(const struct json_t *event, char *buf, size_t size);
const char *event_destination(const struct json_t *event, char *buf, size_t size);
/** Protocol and, where it has some, destination port: "TCP 22". */
const char *event_service(const struct json_t *event, char *buf, size_t size);
/** The prefix of the rule, "-" without one. */
const char *event_prefix(const struct json_t *event);

#endif /* ULOGCTL_PRINT_H */

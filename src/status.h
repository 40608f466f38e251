/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.h - what the daemon is and does at the moment, as JSON.
 */
#ifndef STATUS_H
#define STATUS_H

struct json_t;

/**
 * The object that `ulogctl status --json' prints: version, process, stacks, instances and
 * destinations with their counters.  NULL: no memory.
 * @conf_path: the file the configuration was read from
 */
struct json_t *status_json(const char *conf_path);


#endif /* STATUS_H */

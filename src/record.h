/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.h - the vocabulary at run time: what fields are called, which type they have. */
#ifndef RECORD_H
#define RECORD_H

#include <ulogd/plugin.h>

/** Bytes of text that the filters of one event may make together. */
#define RECORD_ARENA_SIZE (512 * 1024)

/** One entry of the vocabulary. */
struct record_field {
	const char *name;
	enum ulogd_type type;
	unsigned int ipfix_vendor, ipfix_element;
	const char *help;
};

/** The name, type and IPFIX element of a line of a plugin's table. */
struct record_field record_field(const struct ulogd_field *field);

/** A type as ulogd2's --info writes it, "unsigned int 32". */
const char *record_type_name(enum ulogd_type type);

/** The number of lines of a table of fields; NULL is an empty one. */
unsigned int record_count(const struct ulogd_field *fields);

#endif /* RECORD_H */

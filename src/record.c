// SPDX-License-Identifier: GPL-2.0-or-later
/* The vocabulary at run time, and text that filters leave in a record. */
#include <errno.h>

#include "record.h"

static const struct record_field vocabulary[FIELD_COUNT] = {
#define ENTRY(id, text, kind, vendor, element, about) \
	[FIELD_##id] = { text, ULOGD_##kind, vendor, element, about },
	ULOGD_FIELDS(ENTRY)
#undef ENTRY
};

static const char *const type_names[] = {
	[ULOGD_I8] = "int 8",
	[ULOGD_I16] = "int 16",
	[ULOGD_I32] = "int 32",
	[ULOGD_I64] = "int 64",
	[ULOGD_U8] = "unsigned int 8",
	[ULOGD_U16] = "unsigned int 16",
	[ULOGD_U32] = "unsigned int 32",
	[ULOGD_U64] = "unsigned int 64",
	[ULOGD_BOOL] = "boolean",
	[ULOGD_IPADDR] = "IP addr",
	[ULOGD_STRING] = "string",
	[ULOGD_RAW] = "raw data",
	[ULOGD_RAWSTR] = "raw string",
};

struct record_field record_field(const struct ulogd_field *field)
{
	if (field->id != FIELD_NONE)
		return vocabulary[field->id];
	return (struct record_field){ .name = field->name, .type = field->type };
}

const char *record_type_name(enum ulogd_type type)
{
	if (type >= sizeof(type_names) / sizeof(type_names[0]) || !type_names[type])
		return "Unknown type";
	return type_names[type];
}

unsigned int record_count(const struct ulogd_field *fields)
{
	unsigned int n = 0;

	while (fields && (fields[n].id != FIELD_NONE || fields[n].name))
		n++;
	return n;
}

int ulogd_set_text(struct ulogd_record *rec, unsigned int i, const struct ulogd_buf *text)
{
	if (text->full)
		return -ENOSPC;
	ulogd_set_mem(rec, i, rec->arena, (size_t)(text->p - rec->arena));
	rec->arena = text->p;
	return 0;
}

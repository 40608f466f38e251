// SPDX-License-Identifier: GPL-2.0-or-later
/* MARK - let through only records whose mark matches mark/mask. */
#include <ulogd/plugin.h>

struct mark_filter {
	uint32_t mark, mask;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_U32(struct mark_filter, mark, 0, "value the mark must have"),
	ULOGD_OPT_U32(struct mark_filter, mask, UINT32_MAX, "bits of the mark to compare"),
	{}
};

enum { IN_CT_MARK, IN_OOB_MARK };
static const struct ulogd_field inputs[] = {
	[IN_CT_MARK]  = { FIELD_CT_MARK,  .optional = true },
	[IN_OOB_MARK] = { FIELD_OOB_MARK, .optional = true },
	{}
};

static int mark_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	const struct mark_filter *f = ulogd_priv(inst);
	uint32_t mark;

	if (!ulogd_in_u32(rec, IN_CT_MARK, &mark) &&
	    !ulogd_in_u32(rec, IN_OOB_MARK, &mark))
		return ULOGD_PASS;
	return (mark & f->mask) == f->mark ? ULOGD_PASS : ULOGD_STOP;
}

ULOGD_PLUGIN(struct mark_filter,
	.name = "MARK", .kind = ULOGD_FILTER,
	.options = options, .inputs = inputs, .run = mark_run,
);

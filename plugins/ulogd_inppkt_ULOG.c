// SPDX-License-Identifier: GPL-2.0-or-later
/* ULOG - refuses stacks of the ULOG target, gone since Linux 3.17, and says what to write instead. */
#include <errno.h>
#include <inttypes.h>

#include <ulogd/plugin.h>

/* The options that ulogd2 had, so that there is one error and no others. */
struct ulog_source {
	int32_t bufsize, nlgroup, rmem, numeric_label;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_INT(struct ulog_source, bufsize, 150000, INT32_MIN, INT32_MAX, "not used"),
	ULOGD_OPT_INT(struct ulog_source, nlgroup, 32, INT32_MIN, INT32_MAX,
		      "group of the rules; the message shows it as NFLOG's group"),
	ULOGD_OPT_INT(struct ulog_source, rmem, 131071, INT32_MIN, INT32_MAX, "not used"),
	ULOGD_OPT_INT(struct ulog_source, numeric_label, 0, INT32_MIN, INT32_MAX, "not used"),
	{}
};

static const struct ulogd_field outputs[] = {
	{ .id = FIELD_RAW_MAC }, { .id = FIELD_RAW_PKT }, { .id = FIELD_RAW_PKTLEN },
	{ .id = FIELD_RAW_PKTCOUNT }, { .id = FIELD_OOB_PREFIX }, { .id = FIELD_OOB_TIME_SEC },
	{ .id = FIELD_OOB_TIME_USEC }, { .id = FIELD_OOB_MARK }, { .id = FIELD_OOB_IN },
	{ .id = FIELD_OOB_OUT }, { .id = FIELD_OOB_HOOK }, { .id = FIELD_RAW_MAC_LEN },
	{ .id = FIELD_OOB_FAMILY }, { .id = FIELD_OOB_PROTOCOL }, { .id = FIELD_RAW_LABEL },
	{}
};

static int ulog_refuse(struct ulogd_instance *inst)
{
	const struct ulog_source *src = ulogd_priv(inst);
	const char *id = ulogd_id(inst);

	ulogd_fail(inst, -ENOTSUP, "Linux 3.17 removed the ULOG target: nothing can come from it any "
		   "more, NFLOG has taken its place; write instead");
	ulogd_fail(inst, -ENOTSUP, "in the rules: -j NFLOG --nflog-group %" PRId32
		   " --nflog-prefix \"...\"", src->nlgroup);
	ulogd_fail(inst, -ENOTSUP, "in [global]: stack=%s:NFLOG,base1:BASE,ifi1:IFINDEX,... and the "
		   "rest as it is", id);
	return ulogd_fail(inst, -ENOTSUP, "in [%s]: group=%" PRId32 " instead of nlgroup, and neither "
			  "bufsize nor rmem", id, src->nlgroup);
}

ULOGD_PLUGIN(struct ulog_source,
	.name = "ULOG", .kind = ULOGD_INPUT,
	.options = options, .outputs = outputs,
	.check = ulog_refuse, .start = ulog_refuse,
);

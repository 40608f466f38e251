// SPDX-License-Identifier: GPL-2.0-or-later
/* MANY - write some of 130 fields, other ones for each event: more than there are bits in two words. */
#include <ulogd/plugin.h>

struct many_filter {
	int32_t every;

	int32_t events;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_INT(struct many_filter, every, 7, 1, 130,
		      "event N has the fields whose number and N add up to a multiple of this"),
	{}
};

#define FIELD(number) { .name = "many." #number, .type = ULOGD_I64 },
#define TEN(tens) \
	FIELD(tens##0) FIELD(tens##1) FIELD(tens##2) FIELD(tens##3) FIELD(tens##4) \
	FIELD(tens##5) FIELD(tens##6) FIELD(tens##7) FIELD(tens##8) FIELD(tens##9)

static const struct ulogd_field outputs[] = {
	TEN(10) TEN(11) TEN(12) TEN(13) TEN(14) TEN(15) TEN(16) TEN(17) TEN(18) TEN(19) TEN(20) TEN(21) TEN(22)
	{}
};

#define N_OUTPUTS (sizeof(outputs) / sizeof(outputs[0]) - 1)

/* A value stays for some events; of every second field it is negative, of every third it has no low bits. */
static int many_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	struct many_filter *f = ulogd_priv(inst);
	int64_t value = ++f->events / 20;

	for (unsigned int i = 0; i < N_OUTPUTS; i++) {
		int64_t num = i % 3 == 0 ? value * (INT64_C(1) << 32) : value;

		if ((100 + i + (unsigned int)f->events) % (unsigned int)f->every == 0)
			ulogd_set_num(rec, i, (uint64_t)(i % 2 ? -num : num));
	}
	return ULOGD_PASS;
}

ULOGD_PLUGIN(struct many_filter,
	.name = "MANY", .kind = ULOGD_FILTER,
	.options = options, .outputs = outputs, .run = many_run,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* Plugins for the unit tests, one per macro: their tables are here, what they do is in the test. */
#include <ulogd/plugin.h>

/* Defined by the test. */
int module_start(struct ulogd_instance *inst);
int module_run(struct ulogd_instance *inst, struct ulogd_record *rec);
int module_format(struct ulogd_instance *inst, const struct ulogd_record *rec, struct ulogd_buf *out);
void module_stop(struct ulogd_instance *inst);
void module_relink(struct ulogd_instance *inst);

struct module {
	const char *text;
	int32_t num;
};

#if defined(TSRC) || defined(TSRC2)
enum { OUT_NUM, OUT_PREFIX, OUT_MARK };
static const struct ulogd_field outputs[] = {
	[OUT_NUM]    = { .name = "tsrc.num", .type = ULOGD_U64 },
	[OUT_PREFIX] = { .id = FIELD_OOB_PREFIX },
	[OUT_MARK]   = { .id = FIELD_OOB_MARK },
	{}
};
#endif

#if defined(TSRC) || defined(TOUT)
static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct module, text, "none", "some text"),
	ULOGD_OPT_INT(struct module, num, 7, 0, 10, "some number"),
	{}
};
#endif

#if defined(TSRC)
ULOGD_PLUGIN(struct module, .name = "TSRC", .kind = ULOGD_INPUT, .options = options, .outputs = outputs,
	     .start = module_start, .stop = module_stop, .relink = module_relink);

#elif defined(TSRC2)
ULOGD_PLUGIN(struct module, .name = "TSRC2", .kind = ULOGD_INPUT, .outputs = outputs, .start = module_start);

#elif defined(TMARK) || defined(TTWIN)	/* writes oob.mark, like the inputs */
static const struct ulogd_field outputs[] = {
	{ .id = FIELD_OOB_MARK },
	{}
};
ULOGD_PLUGIN(struct module, .name = "TMARK", .kind = ULOGD_FILTER, .outputs = outputs, .run = module_run);

#elif defined(TPRINT)		/* reads oob.mark, writes print */
static const struct ulogd_field inputs[] = {
	{ .id = FIELD_OOB_MARK },
	{}
};
static const struct ulogd_field outputs[] = {
	{ .id = FIELD_PRINT },
	{ .name = "tprint.unread", .type = ULOGD_U32 },
	{}
};
ULOGD_PLUGIN(struct module, .name = "TPRINT", .kind = ULOGD_FILTER, .inputs = inputs, .outputs = outputs,
	     .start = module_start, .run = module_run, .stop = module_stop);

#elif defined(TNEEDY)		/* needs what TPRINT writes */
static const struct ulogd_field inputs[] = {
	{ .id = FIELD_PRINT },
	{}
};
ULOGD_PLUGIN(struct module, .name = "TNEEDY", .kind = ULOGD_FILTER, .inputs = inputs, .run = module_run);

#elif defined(TSTRANGE)		/* needs what nobody writes */
static const struct ulogd_field inputs[] = {
	{ .name = "strange.field", .type = ULOGD_U32 },
	{}
};
ULOGD_PLUGIN(struct module, .name = "TSTRANGE", .kind = ULOGD_FILTER, .inputs = inputs, .run = module_run);

#elif defined(TWRONGTYPE)	/* reads tsrc.num as text */
static const struct ulogd_field inputs[] = {
	{ .name = "tsrc.num", .type = ULOGD_STRING },
	{}
};
ULOGD_PLUGIN(struct module, .name = "TWRONGTYPE", .kind = ULOGD_FILTER, .inputs = inputs, .run = module_run);

#elif defined(TOUT)		/* shows what is there */
static const struct ulogd_field inputs[] = {
	{ FIELD_OOB_MARK, .optional = true },
	{ FIELD_PRINT, .optional = true },
	{ FIELD_OOB_PREFIX, .optional = true },
	{ .name = "tsrc.num", .type = ULOGD_U64, .optional = true },
	{}
};
ULOGD_PLUGIN(struct module, .name = "TOUT", .kind = ULOGD_OUTPUT, .options = options, .inputs = inputs,
	     .start = module_start, .format = module_format, .stop = module_stop);

#elif defined(TREQ)		/* shows what must be there */
static const struct ulogd_field inputs[] = {
	{ .id = FIELD_OOB_MARK },
	{ .id = FIELD_PRINT },
	{}
};
ULOGD_PLUGIN(struct module, .name = "TREQ", .kind = ULOGD_OUTPUT, .inputs = inputs,
	     .start = module_start, .format = module_format);

#elif defined(TALIEN)		/* no plugin of this daemon */
extern const int ulogd2_plugin;
const int ulogd2_plugin = 1;

#elif defined(TBARE)		/* a filter that does nothing */
ULOGD_PLUGIN(struct module, .name = "TBARE", .kind = ULOGD_FILTER);

#elif defined(TOLD)		/* built for another version of plugin.h */
static int told_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	(void)inst;
	(void)rec;
	return ULOGD_PASS;
}

extern const struct ulogd_plugin ulogd_plugin;
__attribute__((visibility("default"))) const struct ulogd_plugin ulogd_plugin = {
	.api_version = ULOGD_API_VERSION + 41, .name = "TOLD", .kind = ULOGD_FILTER, .run = told_run,
};
#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* One id:NAME of a stack: its options, and what its plugin may ask of the daemon. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "instance.h"
#include "log.h"
#include "record.h"
#include "sink_file.h"
#include "sink_socket.h"
#include "spool.h"

static const struct ulogd_option netns_options[] = {
	ULOGD_OPT_STRING(struct common_options, network_namespace_path, "",
			 "network namespace to listen in, like /run/netns/blue; empty: the daemon's"),
	{}
};

/* Outputs to files have all of these, other outputs those behind the first ones. */
enum { N_FILE_OPTIONS = 7 };
static const struct ulogd_option output_options[] = {
	ULOGD_OPT_STRING(struct common_options, file_mode, "",
			 "mode of files that are made, in octal; empty: 0666 without the umask"),
	ULOGD_OPT_STRING(struct common_options, file_group, "",
			 "group of files that are made, name or number; empty: the daemon's"),
	ULOGD_OPT_STRING(struct common_options, fsync, "none",
			 "when to bring files to the disk: none, batch or interval (once a second)"),
	ULOGD_OPT_STRING(struct common_options, rotate_size, "0",
			 "bytes after which a new file is begun, like 500k, 100M or 1G; 0: never"),
	ULOGD_OPT_STRING(struct common_options, rotate_interval, "0",
			 "time after which a new file is begun, like 3600, 15m, 1h or 1d; 0: never"),
	ULOGD_OPT_INT(struct common_options, rotate_keep, 7, 1, 9999, "old files that stay"),
	ULOGD_OPT_BOOL(struct common_options, rotate_compress, 0, "compress old files (gzip)"),
	[N_FILE_OPTIONS] =
	ULOGD_OPT_INT(struct common_options, queue_size, 8 << 20, 256 << 10, INT32_MAX,
		      "bytes that may wait for the destination"),
	ULOGD_OPT_STRING(struct common_options, queue_full, "drop",
			 "what to do when they are used up: drop (lose and count), wait, or spool to disk"),
	ULOGD_OPT_STRING(struct common_options, spool_dir, "/var/spool/ulogd",
			 "directory below which queue_full=spool has one for each destination"),
	ULOGD_OPT_STRING(struct common_options, spool_size, "1G",
			 "bytes that may be there for the destination, with k, M or G"),
	{}
};

const struct ulogd_option *instance_common_options(const struct ulogd_plugin *plugin)
{
	if (plugin->kind == ULOGD_OUTPUT)
		return plugin->to_file ? output_options : output_options + N_FILE_OPTIONS;
	return plugin->in_netns ? netns_options : NULL;
}

static unsigned int options_count(const struct ulogd_option *options)
{
	unsigned int n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

void instance_free(struct ulogd_instance *inst)
{
	struct ulogd_instance *child;

	if (!inst)
		return;
	while ((child = inst->child)) {
		inst->child = child->sibling;
		instance_free(child);
	}
	free(inst->origins);
	free(inst->all_inputs);
	free(inst->priv);
	free(inst->in);
	free(inst->out);
	free(inst->present);
	free(inst->id);
	free(inst);
}

/* Appends the outputs of @inst and all before it to @fields, if not NULL; returns their number. */
static unsigned int outputs_collect(const struct ulogd_instance *inst, struct ulogd_field *fields)
{
	unsigned int n, before;

	if (!inst)
		return 0;
	before = outputs_collect(inst->parent, fields);
	n = record_count(inst->plugin->outputs);
	if (fields && n > 0)
		memcpy(fields + before, inst->plugin->outputs, n * sizeof(*fields));
	for (unsigned int i = 0; fields && i < n; i++)
		fields[before + i].optional = true;
	return before + n;
}

/* Where common option @name has been set, or else the instance. */
static struct conf_place common_option_place(const struct ulogd_instance *inst, const char *name)
{
	const struct ulogd_option *common = instance_common_options(inst->plugin);
	const conf_origin *origin = inst->origins + options_count(inst->plugin->options);

	for (; common && common->name; common++, origin++)
		if (strcmp(common->name, name) == 0 && *origin)
			return (*origin)->at;
	return inst->at;
}

static const char *const queue_full_names[] = {
	[SINK_FULL_DROP] = "drop", [SINK_FULL_WAIT] = "wait", [SINK_FULL_SPOOL] = "spool",
};

/* What to do when the queue is full; an unknown way is the default. */
static enum sink_full queue_full(const struct ulogd_instance *inst)
{
	for (unsigned int i = 0; i < sizeof(queue_full_names) / sizeof(queue_full_names[0]); i++)
		if (strcmp(inst->common.queue_full, queue_full_names[i]) == 0)
			return i;
	return SINK_FULL_DROP;
}

/* Checks the options that all outputs have. */
static void output_check(struct conf *conf, struct ulogd_instance *inst)
{
	const struct common_options *common = &inst->common;

	if (strcmp(common->queue_full, queue_full_names[queue_full(inst)]) != 0)
		conf_complain(conf, common_option_place(inst, "queue_full"), inst->id,
			      "queue_full: unknown way \"%s\"; write drop, wait or spool",
			      common->queue_full);
	if (conf_size(common->spool_size, &inst->spool_bytes) < 0 ||
	    inst->spool_bytes < SPOOL_SIZE_MIN)
		conf_complain(conf, common_option_place(inst, "spool_size"), inst->id,
			      "spool_size: \"%s\" is no size of at least 1M; write a number and k, M or G",
			      common->spool_size);
	if (inst->spool_bytes < SPOOL_SIZE_MIN)
		inst->spool_bytes = SPOOL_SIZE_MIN;
}

static int mode_parse(const char *text, struct file_options *ret)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	ret->has_mode = *text != '\0';
	ret->mode = (mode_t)mode;
	return *end || mode > 0777 || strspn(text, "01234567") != strlen(text) ? -EINVAL : 0;
}

static int group_parse(const char *text, struct file_options *ret)
{
	const struct group *group = getgrnam(text);
	char *end;
	unsigned long num = strtoul(text, &end, 10);

	ret->has_group = *text != '\0';
	ret->group = group ? group->gr_gid : (gid_t)num;
	return group || !*text || (*text >= '0' && *text <= '9' && !*end && num < UINT_MAX) ? 0 : -EINVAL;
}

static int fsync_parse(const char *text, struct file_options *ret)
{
	static const char *const names[] = {
		[FILE_FSYNC_NONE] = "none", [FILE_FSYNC_BATCH] = "batch",
		[FILE_FSYNC_INTERVAL] = "interval",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			ret->fsync = (enum file_fsync)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int rotate_size_parse(const char *text, struct file_options *ret)
{
	return conf_size(text, &ret->rotate.size);
}

static int rotate_interval_parse(const char *text, struct file_options *ret)
{
	return rotate_parse_interval(text, &ret->rotate.interval_s);
}

/* Understands the options of files; what is wrong is said, and is as if it were not there. */
static void file_options_check(struct conf *conf, struct ulogd_instance *inst)
{
	const struct common_options *common = &inst->common;
	const struct {
		const char *name, *value;
		int (*parse)(const char *text, struct file_options *ret);
		const char *help;
	} texts[] = {
		{ "file_mode", common->file_mode, mode_parse,
		  "is no mode; write permission bits in octal, like 0640" },
		{ "file_group", common->file_group, group_parse,
		  "is no group; create it, or write the name or number of another" },
		{ "fsync", common->fsync, fsync_parse, "is unknown; write none, batch or interval" },
		{ "rotate_size", common->rotate_size, rotate_size_parse,
		  "is no size; write bytes, or a number with k, M or G behind it, like 100M" },
		{ "rotate_interval", common->rotate_interval, rotate_interval_parse,
		  "is no time; write seconds, or a number with s, m, h or d behind it, like 1d" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct file_options parsed = inst->file;

		if (texts[i].parse(texts[i].value, &parsed) == 0)
			inst->file = parsed;
		else
			conf_complain(conf, common_option_place(inst, texts[i].name), inst->id,
				      "%s: \"%s\" %s", texts[i].name, texts[i].value, texts[i].help);
	}
	inst->file.rotate.keep = (unsigned int)common->rotate_keep;
	inst->file.rotate.compress = common->rotate_compress;
}

const struct ulogd_option *instance_lanes_option(const struct ulogd_instance *inst)
{
	for (const struct ulogd_option *o = inst->plugin->options; o && o->name; o++)
		if (o->type == ULOGD_OPTION_LANES)
			return o;
	return NULL;
}

static void lanes_count(struct ulogd_instance *inst)
{
	const struct ulogd_option *o = instance_lanes_option(inst);
	conf_origin origin = o ? inst->origins[o - inst->plugin->options] : NULL;
	int64_t first, last;

	inst->lanes = 1;
	if (origin && conf_range(origin->value, &first, &last) == 0)
		inst->lanes = (unsigned int)(last - first) + 1;
}

struct ulogd_instance *instance_new(struct conf *conf, struct conf_place at, const char *id,
				    const struct ulogd_plugin *plugin,
				    struct ulogd_instance *parent)
{
	struct ulogd_instance *inst = calloc(1, sizeof(*inst));
	const struct ulogd_option *common = instance_common_options(plugin);
	unsigned int n = options_count(plugin->options);

	if (!inst)
		return NULL;
	inst->plugin = plugin;
	inst->conf = conf;
	inst->parent = parent;
	inst->at = at;
	inst->inputs = plugin->inputs;
	if (plugin->inputs_all) {
		inst->all_inputs = calloc(outputs_collect(parent, NULL) + 1,
					  sizeof(*inst->all_inputs));
		if (inst->all_inputs)
			outputs_collect(parent, inst->all_inputs);
		inst->inputs = inst->all_inputs;
	}
	inst->id = strdup(id);
	inst->priv = calloc(1, plugin->priv_size + 1);
	inst->in = calloc(record_count(inst->inputs) + 1, sizeof(*inst->in));
	inst->out = calloc(record_count(plugin->outputs) + 1, sizeof(*inst->out));
	inst->n_present = (record_count(plugin->outputs) + 63) / 64;
	inst->present = calloc(inst->n_present + 1, sizeof(*inst->present));
	inst->origins = calloc(n + options_count(common) + 1, sizeof(*inst->origins));
	if ((plugin->inputs_all && !inst->all_inputs) || !inst->id || !inst->priv || !inst->in || !inst->out ||
	    !inst->present || !inst->origins) {
		instance_free(inst);
		return NULL;
	}
	conf_apply(conf, conf_find(conf, inst->id),
		   (struct conf_target[]){ { plugin->options, inst->priv },
					   { common, &inst->common } },
		   2, NULL, inst->origins);
	lanes_count(inst);
	if (plugin->check && plugin->check(inst) < 0) {
		inst->refused = true;
		conf->errors += !conf->lenient;
	}
	if (plugin->kind == ULOGD_OUTPUT)
		output_check(conf, inst);
	if (plugin->to_file)
		file_options_check(conf, inst);
	return inst;
}

void instance_set_nth(struct ulogd_instance *inst, unsigned int nth)
{
	const struct ulogd_option *o = instance_lanes_option(inst);

	if (o)
		*(int32_t *)((char *)inst->priv + o->offset) += (int32_t)nth;
}

bool instance_same(const struct ulogd_instance *a, const struct ulogd_instance *b)
{
	unsigned int n = options_count(a->plugin->options) +
			 options_count(instance_common_options(a->plugin));

	if (a->plugin != b->plugin || strcmp(a->id, b->id) != 0 || a->refused || b->refused)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		const char *va = a->origins[i] ? a->origins[i]->value : NULL;
		const char *vb = b->origins[i] ? b->origins[i]->value : NULL;

		if (va && vb ? strcmp(va, vb) != 0 : va != vb)
			return false;
	}
	return true;
}

void instance_walk(struct ulogd_instance *inst,
		   void (*visit)(struct ulogd_instance *inst, void *arg), void *arg)
{
	visit(inst, arg);
	for (struct ulogd_instance *c = inst->child; c; c = c->sibling)
		instance_walk(c, visit, arg);
}

/* The value of an option as text; text options are not copied. */
static const char *option_text(const struct ulogd_option *o, const void *base, char *buf, size_t size)
{
	const void *member = (const char *)base + o->offset;

	switch (o->type) {
	case ULOGD_OPTION_AUTO:
		if (*(const int32_t *)member == ULOGD_AUTO)
			return "auto";
		/* fall through */
	case ULOGD_OPTION_INT:
	case ULOGD_OPTION_LANES:
		snprintf(buf, size, "%" PRId32, *(const int32_t *)member);
		break;
	case ULOGD_OPTION_U32:
		snprintf(buf, size, "%" PRIu32, *(const uint32_t *)member);
		break;
	case ULOGD_OPTION_BOOL:
		snprintf(buf, size, "%d", *(const bool *)member);
		break;
	case ULOGD_OPTION_STRING:
		return *(const char *const *)member;
	}
	return buf;
}

const char *instance_option_text(const struct ulogd_instance *inst, const char *name, char *ret,
				 size_t size)
{
	char value[32];

	ret[0] = '\0';
	for (const struct ulogd_option *o = inst->plugin->options; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			snprintf(ret, size, "%s", option_text(o, inst->priv, value, sizeof(value)));
	return ret;
}

static void options_print(const struct ulogd_option *o, const void *base,
			  const conf_origin *origin, FILE *out)
{
	for (; o && o->name; o++, origin++) {
		char value[32];
		const char *quote = o->type == ULOGD_OPTION_STRING ? "\"" : "";
		const char *text = o->type == ULOGD_OPTION_LANES && *origin ? (*origin)->value :
				   option_text(o, base, value, sizeof(value));
		int len = fprintf(out, "%s=%s%s%s", o->name, quote, text, quote);

		fprintf(out, "%*s # ", len < 40 ? 40 - len : 0, "");
		if (*origin)
			fprintf(out, "%s:%u\n", (*origin)->at.file, (*origin)->at.line);
		else
			fputs("default\n", out);
	}
}

void instance_print(const struct ulogd_instance *inst, FILE *out)
{
	const struct ulogd_option *common = instance_common_options(inst->plugin);

	fprintf(out, "\n[%s]%*s # %s, %s:%u\n", inst->id, 38 - (int)strlen(inst->id), "",
		inst->plugin->name, inst->at.file, inst->at.line);
	options_print(inst->plugin->options, inst->priv, inst->origins, out);
	options_print(common, &inst->common,
		      inst->origins + options_count(inst->plugin->options), out);
}

void instance_print_set(const struct ulogd_instance *inst, const char *but, FILE *out)
{
	unsigned int n = options_count(inst->plugin->options) +
			 options_count(instance_common_options(inst->plugin));

	for (unsigned int i = 0; i < n; i++)
		if (inst->origins[i] && strcmp(inst->origins[i]->key, but) != 0)
			fprintf(out, ", %s=%s", inst->origins[i]->key, inst->origins[i]->value);
}

const void *instance_option(const struct ulogd_instance *inst, const char *name,
			    enum ulogd_option_type type, struct conf_place *at)
{
	const struct ulogd_option *o = inst->plugin->options;

	for (unsigned int i = 0; i < options_count(o); i++) {
		if (strcmp(o[i].name, name) != 0 || o[i].type != type)
			continue;
		if (at)
			*at = inst->origins[i] ? inst->origins[i]->at : inst->at;
		return (const char *)inst->priv + o[i].offset;
	}
	return NULL;
}

/* ------------------------------------------------- what plugins may call */

void *ulogd_priv(const struct ulogd_instance *inst)
{
	return inst->priv;
}

const char *ulogd_id(const struct ulogd_instance *inst)
{
	return inst->id;
}

bool ulogd_input_at(const struct ulogd_instance *inst, unsigned int i, const char **name,
		    enum ulogd_type *type)
{
	struct record_field field;

	if (i >= record_count(inst->inputs))
		return false;
	field = record_field(&inst->inputs[i]);
	*name = field.name;
	*type = field.type;
	return true;
}

const struct ulogd_place *ulogd_in_place(const struct ulogd_instance *inst, unsigned int i)
{
	return &inst->in[i];
}

bool ulogd_in_provided(const struct ulogd_instance *inst, unsigned int i)
{
	return inst->in[i].value != &inst->tree->absent;
}

bool ulogd_out_wanted(const struct ulogd_instance *inst, unsigned int i)
{
	return inst->out[i] != &inst->tree->unread;
}

/* The most that @inst and those below it read of @value. */
static uint32_t bytes_read(const struct ulogd_instance *inst, const struct ulogd_value *value)
{
	uint32_t most = 0;

	for (unsigned int k = 0; k < record_count(inst->inputs); k++) {
		uint32_t bytes = inst->inputs[k].bytes ? inst->inputs[k].bytes : UINT32_MAX;

		if (inst->in[k].value == value && bytes > most)
			most = bytes;
	}
	for (const struct ulogd_instance *c = inst->child; c && most < UINT32_MAX; c = c->sibling) {
		uint32_t bytes = bytes_read(c, value);

		if (bytes > most)
			most = bytes;
	}
	return most;
}

uint32_t ulogd_out_bytes(const struct ulogd_instance *inst, unsigned int i)
{
	return ulogd_out_wanted(inst, i) ? bytes_read(inst, inst->out[i]) : 0;
}

int ulogd_watch(struct ulogd_instance *inst, int fd, int (*ready)(struct ulogd_instance *inst))
{
	return lane_watch(inst->tree->lane, fd, ready, inst);
}

struct ulogd_watch *ulogd_watch_new(struct ulogd_instance *inst, int fd,
				    int (*ready)(struct ulogd_instance *inst, void *data),
				    void *data)
{
	return lane_watch_new(inst->tree->lane, fd, ready, inst, data);
}

void ulogd_watch_free(struct ulogd_watch *watch)
{
	lane_watch_free(watch);
}

bool ulogd_stopping(const struct ulogd_instance *inst)
{
	return lane_stopping(inst->tree->lane);
}

void ulogd_rest(struct ulogd_instance *inst, unsigned int usec)
{
	lane_rest(inst->tree->lane, usec);
}

static const char *user_name(void)
{
	const struct passwd *pw = getpwuid(geteuid());

	return pw ? pw->pw_name : "an unnamed user";
}

/* Says why the spool of the instance's sink cannot be opened; returns @err. */
static int spool_fail(struct ulogd_instance *inst, const struct sink *sink, int err)
{
	const char *hint;

	switch (err) {
	case -EBUSY:
		hint = "another ulogd uses it: give each its own spool_dir";
		break;
	case -EPERM:
		hint = "it belongs to somebody else: remove it, or set spool_dir";
		break;
	case -ENAMETOOLONG:
		hint = "a destination with so long a name cannot have one: set queue_full to drop or "
		       "wait";
		break;
	default:
		hint = "create the directory, let this user write there, or set spool_dir";
	}
	return ulogd_fail(inst, err, "cannot open the spool of %s below %s as user %s: %m; %s",
			  sink_name(sink), inst->common.spool_dir, user_name(), hint);
}

/* Opens the spool of the instance's sink, or says why not. */
static int output_spool(struct ulogd_instance *inst, struct sink *sink)
{
	int ret = 0;

	if (!inst->attached && queue_full(inst) == SINK_FULL_SPOOL)
		ret = sink_spool(sink, inst->common.spool_dir, inst->spool_bytes);
	return ret < 0 ? spool_fail(inst, sink, ret) : 0;
}

void instance_adjust_sink(struct ulogd_instance *inst)
{
	struct sink *sink = inst->outlet->sink;
	int ret = sink_adjust(sink, &(struct sink_options){
		.queue_size = (size_t)inst->common.queue_size, .full = queue_full(inst),
		.spool_dir = inst->common.spool_dir, .spool_size = inst->spool_bytes });

	if (ret < 0)
		spool_fail(inst, sink, ret);
	if (sink_ops(sink) == &sink_file_ops)
		sink_file_adjust(sink, &inst->file);
}

void instance_compare_sink(const struct ulogd_instance *inst, const struct ulogd_instance *first)
{
	const struct ulogd_option *o = output_options;

	if (sink_ops(inst->outlet->sink) != &sink_file_ops || !inst->plugin->to_file ||
	    !first->plugin->to_file)
		o += N_FILE_OPTIONS;
	for (; o->name; o++) {
		struct conf_place at = common_option_place(first, o->name);
		char ours[32], theirs[32];

		if (strncmp(o->name, "spool_", 6) == 0 && queue_full(first) != SINK_FULL_SPOOL)
			continue;
		if (strcmp(option_text(o, &inst->common, ours, sizeof(ours)),
			   option_text(o, &first->common, theirs, sizeof(theirs))) == 0)
			continue;
		conf_warn(common_option_place(inst, o->name), inst->id, "%s: %s writes to %s, too, and its "
			  "value counts, from %s:%u; write the same in both", o->name, first->id,
			  sink_name(inst->outlet->sink), at.file, at.line);
	}
}

/* Gives the instance an outlet of the sink; @dest is the sink's from now on. */
static int output_attach(struct ulogd_instance *inst, const char *name, const struct sink_ops *ops,
			 void *dest, bool sync, struct sink **ret)
{
	int err = 0;

	if (!dest)
		return -ENOMEM;
	if (inst->attached) {
		if (ops->free)
			ops->free(dest);
		*ret = inst->attached;
		sink_use(*ret);
		sync = true;
	} else {
		err = sink_get(name, ops, dest, (size_t)inst->common.queue_size, queue_full(inst), ret);
	}
	if (err < 0)
		return err;
	inst->outlet = lane_outlet(inst->tree->lane, *ret, sync);
	inst->outlet_sync = sync;
	if (!inst->outlet)
		sink_put(*ret);
	return inst->outlet ? 0 : -ENOMEM;
}

void instance_outlet_put(struct ulogd_instance *inst)
{
	if (inst->outlet)
		lane_outlet_put(inst->tree->lane, inst->outlet, inst->outlet_sync);
	inst->outlet = NULL;
}

int ulogd_output_file(struct ulogd_instance *inst, const struct ulogd_file *file)
{
	struct sink *sink;
	int ret = output_attach(inst, file->path, &sink_file_ops, sink_file_dest(file, &inst->file),
				file->sync, &sink);

	if (ret == -EEXIST)
		return ulogd_fail(inst, ret, "cannot write to %s: it is written in another format; give "
				  "each format a file of its own, or for another format of the same "
				  "output let ulogctl restart the daemon", file->path);
	if (ret < 0)
		return ulogd_fail(inst, ret, "cannot open %s as user %s: %m; create its directory, "
				  "and let this user write there", file->path, user_name());
	return output_spool(inst, sink);
}

int ulogd_output_socket(struct ulogd_instance *inst, const struct ulogd_socket *socket)
{
	static const char *const schemes[] = {
		[ULOGD_SOCKET_TCP] = "tcp", [ULOGD_SOCKET_UDP] = "udp",
		[ULOGD_SOCKET_UNIX] = "unix", [ULOGD_SOCKET_UNIX_DGRAM] = "unix",
	};
	struct sink *sink;
	char name[512];
	int ret;

	snprintf(name, sizeof(name), "%s:%s%s%s", schemes[socket->kind], socket->host,
		 socket->port[0] ? ":" : "", socket->port);
	ret = output_attach(inst, name, &sink_socket_ops, sink_socket_dest(socket), socket->sync,
			    &sink);
	if (ret == -EEXIST)
		return ulogd_fail(inst, ret, "cannot send to %s: it is in use as a socket of another type; "
				  "write the same in all outputs, and let ulogctl restart the daemon",
				  name);
	if (ret < 0)
		return ulogd_fail(inst, ret, "cannot send to %s: %m", name);
	return output_spool(inst, sink);
}

void ulogd_log_at(const char *file, int line, const struct ulogd_instance *inst, int level,
		  const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_at(file, line, level, "%s (%s): %s", inst->id, inst->plugin->name, text);
}

int ulogd_fail_at(const char *file, int line, const struct ulogd_instance *inst, int err,
		  const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	errno = -err;	/* for %m */
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_at(file, line, ULOGD_ERROR, "%s:%u: %s (%s): %s", inst->at.file, inst->at.line,
	       inst->id, inst->plugin->name, text);
	return err;
}

int ulogd_fail_option(const struct ulogd_instance *inst, const char *option, const char *fmt, ...)
{
	const struct ulogd_option *o = inst->plugin->options;
	struct conf_place at = inst->at;
	char text[768];
	va_list ap;

	for (unsigned int i = 0; i < options_count(o); i++)
		if (strcmp(o[i].name, option) == 0 && inst->origins[i])
			at = inst->origins[i]->at;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("%s:%u: %s: %s: %s", at.file, at.line, inst->id, option, text);
	return -EINVAL;
}

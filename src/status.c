// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon is and does at the moment, as JSON. */
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "instance.h"
#include "metrics.h"
#include "plugin.h"
#include "sink.h"
#include "stack.h"
#include "status.h"
#include "tail.h"

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* Text that is not UTF-8, as names of files may be, is shown without the bytes that are not. */
static json_t *text(const char *s)
{
	json_t *json = json_string(s);
	char clean[1024];
	struct ulogd_buf b = { .p = clean, .end = clean + sizeof(clean) };

	if (json)
		return json;
	metrics_put_utf8(&b, s);
	return json_stringn(clean, (size_t)(b.p - clean));
}

static json_t *counters(const struct ulogd_instance *inst)
{
	json_t *json = json_object();

	for (const struct ulogd_counter *c = inst->plugin->counters; c && c->name; c++)
		json_object_set_new(json, c->name, number(instance_counter(inst, c)));
	return json;
}

/* Finds the stacks an instance is part of by their names, and adds its own to them. */
static void instance_add(struct ulogd_instance *inst, unsigned int first, unsigned int last, void *arg)
{
	json_t *status = arg, *stacks = json_object_get(status, "stacks"), *json, *numbers, *subject = NULL;
	char value[256];

	if (inst->plugin->subject) {
		instance_option_text(inst, inst->plugin->subject, value, sizeof(value));
		subject = json_pack("{s:o}", inst->plugin->subject, text(value));
	}
	for (unsigned int i = first; i <= last; i++) {
		json_t *stack = json_array_get(stacks, i - 1), *members;

		if (!stack) {
			stack = json_pack("{s:i, s:[]}", "number", (int)i, "instances");
			if (subject)
				json_object_set(stack, "subject", subject);
			json_array_append_new(stacks, stack);
		}
		members = json_object_get(stack, "instances");
		json_array_append_new(members, json_sprintf("%s:%s", inst->id, inst->plugin->name));
	}
	numbers = json_array();
	for (unsigned int i = first; i <= last; i++)
		json_array_append_new(numbers, json_integer(i));
	json = json_object();
	json_object_set_new(json, "id", text(inst->id));
	json_object_set_new(json, "plugin", json_string(inst->plugin->name));
	json_object_set_new(json, "kind", json_string(plugin_kind_name(inst->plugin->kind)));
	json_object_set_new(json, "stacks", numbers);
	if (subject)
		json_object_set_new(json, "subject", subject);
	json_object_set_new(json, "passed", number(ulogd_counted(&inst->passed)));
	json_object_set_new(json, "filtered", number(ulogd_counted(&inst->stopped)));
	json_object_set_new(json, "failed", number(ulogd_counted(&inst->failed)));
	if (inst->plugin->counters)
		json_object_set_new(json, "counters", counters(inst));
	if (inst->outlet)
		json_object_set_new(json, "destination", text(sink_name(inst->outlet->sink)));
	json_array_append_new(json_object_get(status, "instances"), json);
}

static json_t *destination(struct sink *sink)
{
	json_t *dropped = json_object(), *json = json_object();
	struct sink_stats s;

	sink_stats(sink, &s);
	for (unsigned int i = 0; i < SINK_DROPS; i++)
		json_object_set_new(dropped, sink_drop_name(i), number(s.dropped[i]));
	json_object_set_new(json, "name", text(sink_name(sink)));
	json_object_set_new(json, "formatted", number(s.formatted));
	json_object_set_new(json, "written", number(s.written));
	json_object_set_new(json, "written_bytes", number(s.written_bytes));
	json_object_set_new(json, "queued", number(s.queued));
	json_object_set_new(json, "queued_bytes", number(s.queued_bytes));
	json_object_set_new(json, "queue_size", number(s.queue_size));
	json_object_set_new(json, "spooled", number(s.spooled));
	json_object_set_new(json, "spooled_bytes", number(s.spooled_bytes));
	json_object_set_new(json, "spool_size", number(s.spool_size));
	json_object_set_new(json, "dropped", dropped);
	json_object_set_new(json, "reopens", number(s.reopens));
	if (s.failing_since)
		json_object_set_new(json, "failing_since", number((uint64_t)s.failing_since));
	return json;
}

json_t *status_json(const char *conf_path)
{
	json_t *status = json_pack("{s:s, s:i, s:I, s:[], s:[], s:[]}", "version", PACKAGE_VERSION, "pid",
				   (int)getpid(), "started_us", (json_int_t)metrics_started_us(), "stacks",
				   "instances", "destinations");
	json_t *destinations = json_object_get(status, "destinations");

	json_object_set_new(status, "configuration", text(conf_path));
	json_object_set_new(status, "plugin_dir", text(plugin_dir()));
	json_object_set_new(status, "watching", number(tail_count()));
	stack_walk(instance_add, status);
	for (struct sink *sink = sink_next(NULL); sink; sink = sink_next(sink))
		if (!sink_transient(sink))
			json_array_append_new(destinations, destination(sink));
	return status;
}

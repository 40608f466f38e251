// SPDX-License-Identifier: GPL-2.0-or-later
/* A packet through BASE, IP2STR and both lines of PRINTPKT: these plugins are linked in and joined here by the names of fields. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "record.h"

/* Bytes before the packet: family, EtherType, what else is known. */
#define HEAD_LEN 4
enum { KNOWS_MAC = 1, KNOWS_OWNER = 2, KNOWS_MARK = 4, KNOWS_TYPE = 8, KNOWS_VLAN = 16 };

#define ARENA_SIZE	4096
#define MAX_FIELDS	128
#define N_PLUGINS	4

extern const struct ulogd_plugin plugin_base, plugin_ip2str, plugin_printpkt;

/* An instance is its plugin, and its fields' places in the record. */
struct ulogd_instance {
	const struct ulogd_plugin *plugin;
	void *priv;
	struct ulogd_place in[MAX_FIELDS];
	struct ulogd_value *out[MAX_FIELDS];
	uint64_t present[MAX_FIELDS / 64];
};

static struct ulogd_instance chain[N_PLUGINS];
static struct ulogd_value values[FIELD_COUNT];
static uint64_t has[FIELD_COUNT];

void *ulogd_priv(const struct ulogd_instance *inst)
{
	return inst->priv;
}

const char *ulogd_id(const struct ulogd_instance *inst)
{
	return inst->plugin->name;
}

bool ulogd_out_wanted(const struct ulogd_instance *inst, unsigned int i)
{
	(void)inst;
	(void)i;
	return true;
}

int ulogd_fail_option(const struct ulogd_instance *inst, const char *option, const char *fmt, ...)
{
	(void)inst;
	(void)option;
	(void)fmt;
	return -EINVAL;
}

/* A field of a shared name has one place for all: no name is written twice but with the same value. */
static void places_set(struct ulogd_instance *inst)
{
	const struct ulogd_field *inputs = inst->plugin->inputs, *outputs = inst->plugin->outputs;

	if (record_count(inputs) > MAX_FIELDS || record_count(outputs) > MAX_FIELDS)
		abort();
	for (unsigned int i = 0; i < record_count(inputs); i++)
		inst->in[i] = (struct ulogd_place){ &values[inputs[i].id], &has[inputs[i].id], 1 };
	for (unsigned int i = 0; i < record_count(outputs); i++)
		inst->out[i] = &values[outputs[i].id];
}

/* Runs the plugin; what it writes is present. */
static void plugin_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	const struct ulogd_field *outputs = inst->plugin->outputs;

	rec->in = inst->in;
	rec->out = inst->out;
	rec->present = inst->present;
	memset(inst->present, 0, sizeof(inst->present));
	if (inst->plugin->run(inst, rec) != ULOGD_PASS)
		abort();
	for (unsigned int i = 0; i < record_count(outputs); i++)
		has[outputs[i].id] |= inst->present[i / 64] >> i % 64 & 1;
}

/* Options have their defaults, but the second PRINTPKT writes the kernel's line with all there is. */
static void options_set(struct ulogd_instance *inst, bool kernel)
{
	for (const struct ulogd_option *o = inst->plugin->options; o && o->name; o++) {
		const char **member = (const char **)((char *)inst->priv + o->offset);

		if (o->type != ULOGD_OPTION_STRING)
			continue;
		*member = o->def_str;
		if (kernel)
			*member = strcmp(o->name, "format") == 0 ? "kernel" : "all";
	}
}

static void chain_init(void)
{
	const struct ulogd_plugin *const plugins[N_PLUGINS] = {
		&plugin_base, &plugin_ip2str, &plugin_printpkt, &plugin_printpkt,
	};

	for (unsigned int i = 0; i < N_PLUGINS; i++) {
		struct ulogd_instance *inst = &chain[i];

		inst->plugin = plugins[i];
		inst->priv = calloc(1, plugins[i]->priv_size + 1);
		if (!inst->priv)
			abort();
		options_set(inst, i == N_PLUGINS - 1);
		places_set(inst);
		if (plugins[i]->check && plugins[i]->check(inst) < 0)
			abort();
		if (plugins[i]->start && plugins[i]->start(inst) < 0)
			abort();
	}
}

static void num_set(enum ulogd_field_id id, uint64_t num)
{
	values[id].num = num;
	has[id] = 1;
}

static void mem_set(enum ulogd_field_id id, const void *ptr, size_t len)
{
	values[id].ptr = ptr;
	values[id].len = (uint32_t)len;
	has[id] = 1;
}

static void record_fill(const uint8_t *head, const uint8_t *pkt, size_t len)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 8, 0 };

	num_set(FIELD_OOB_FAMILY, head[0]);
	num_set(FIELD_OOB_PROTOCOL, (uint64_t)(head[1] << 8 | head[2]));
	mem_set(FIELD_OOB_PREFIX, "prefix", 6);
	mem_set(FIELD_OOB_IN, "eth0", 4);
	mem_set(FIELD_OOB_OUT, "", 0);
	mem_set(FIELD_RAW_PKT, pkt, len);
	num_set(FIELD_RAW_PKTLEN, len);
	if (head[3] & KNOWS_MAC) {
		mem_set(FIELD_RAW_MAC, mac, sizeof(mac));
		num_set(FIELD_RAW_MAC_LEN, sizeof(mac));
	}
	if (head[3] & KNOWS_TYPE)
		num_set(FIELD_RAW_TYPE, 1);
	if (head[3] & KNOWS_VLAN) {
		num_set(FIELD_OOB_VLAN_PROTO, 0x8100);
		num_set(FIELD_OOB_VLAN_TCI, UINT16_MAX);
	}
	if (head[3] & KNOWS_OWNER) {
		num_set(FIELD_OOB_UID, UINT32_MAX);
		num_set(FIELD_OOB_GID, 0);
	}
	if (head[3] & KNOWS_MARK)
		num_set(FIELD_OOB_MARK, UINT32_MAX);
}

/* The line is whole, and of characters that a log can hold. */
static void line_check(const char *line, size_t len, const char *start)
{
	if (len == 0 || line[len - 1] != '\n' || memcmp(line, start, strlen(start)) != 0)
		abort();
	for (size_t i = 0; i < len - 1; i++)
		if (line[i] < ' ' || line[i] > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char arena[ARENA_SIZE];
	static struct ulogd_record rec;

	if (!chain[0].plugin)
		chain_init();
	if (size < HEAD_LEN)
		return 0;
	memset(has, 0, sizeof(has));
	rec.arena = arena;
	rec.arena_end = arena + sizeof(arena);
	record_fill(data, data + HEAD_LEN, size - HEAD_LEN);
	for (unsigned int i = 0; i < N_PLUGINS; i++) {
		plugin_run(&chain[i], &rec);
		if (chain[i].plugin != &plugin_printpkt)
			continue;
		if (!has[FIELD_PRINT])
			abort();
		line_check(values[FIELD_PRINT].ptr, values[FIELD_PRINT].len,
			   i == N_PLUGINS - 1 ? "prefixIN=eth0 OUT= " : "prefix IN=eth0 OUT= MAC=");
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What ulogctl shows to people. */
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "ulogctl_print.h"

void print_safe(const char *text, FILE *out)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		/* jansson gives UTF-8 only, with control characters, U+0080 to U+009F among them. */
		if (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) {
			fprintf(out, "\\x%02x\\x%02x", s[0], s[1]);
			s++;
		} else if (*s < 0x20 || *s == 0x7f || *s == '\\') {
			fprintf(out, "\\x%02x", *s);
		} else {
			fputc(*s, out);
		}
	}
}

/* ---------------------------------------------------------------- status */

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

/* The longest of a member of all elements, for a column. */
static int width(const json_t *array, const char *key, const char *head)
{
	size_t max = strlen(head), i;
	const json_t *element;

	json_array_foreach(array, i, element)
		if (strlen(string(element, key)) > max)
			max = strlen(string(element, key));
	return (int)max;
}

/* A member in a column of @w. */
static void cell(const json_t *object, const char *key, int w, FILE *out)
{
	const char *text = string(object, key);

	print_safe(text, out);
	fprintf(out, "%*s  ", w - (int)strlen(text), "");
}

static void duration_print(long long seconds, FILE *out)
{
	if (seconds >= 86400)
		fprintf(out, "%lld d %lld h", seconds / 86400, seconds / 3600 % 24);
	else if (seconds >= 3600)
		fprintf(out, "%lld h %lld min", seconds / 3600, seconds / 60 % 60);
	else if (seconds >= 60)
		fprintf(out, "%lld min %lld s", seconds / 60, seconds % 60);
	else
		fprintf(out, "%lld s", seconds);
}

static void time_print(time_t when, FILE *out)
{
	char text[64];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fputs(text, out);
}

static void head_print(const json_t *status, FILE *out)
{
	time_t since = (time_t)(number(status, "started_us") / 1000000);

	fprintf(out, "ulogd ");
	print_safe(string(status, "version"), out);
	fprintf(out, ", pid %" JSON_INTEGER_FORMAT ", since ", number(status, "pid"));
	time_print(since, out);
	fputs(" (", out);
	duration_print((long long)(time(NULL) - since), out);
	fputs(")\nconfiguration ", out);
	print_safe(string(status, "configuration"), out);
	fputs("\n", out);
}

/* What an input reads: "(group 7)". */
static void subject_print(const json_t *stack, FILE *out)
{
	const json_t *value;
	const char *key;

	json_object_foreach(json_object_get(stack, "subject"), key, value) {
		fprintf(out, "(%s ", key);
		print_safe(json_string_value(value), out);
		fputs(")", out);
	}
}

static void stacks_print(const json_t *stacks, FILE *out)
{
	const json_t *stack, *member;
	size_t i, j;

	fputs("\nSTACK\n", out);
	json_array_foreach(stacks, i, stack) {
		fprintf(out, "%5" JSON_INTEGER_FORMAT "  ", number(stack, "number"));
		json_array_foreach(json_object_get(stack, "instances"), j, member) {
			fputs(j > 0 ? "," : "", out);
			print_safe(json_string_value(member), out);
			if (j == 0)
				subject_print(stack, out);
		}
		fputs("\n", out);
	}
}

/* What the instance counts itself: "group 7: received 12, lost 0". */
static void counters_print(const json_t *instance, FILE *out)
{
	json_t *counters = json_object_get(instance, "counters"), *value;
	const char *key, *separator = "";

	json_object_foreach(json_object_get(instance, "subject"), key, value) {
		fprintf(out, "%s ", key);
		print_safe(json_string_value(value), out);
		separator = ": ";
	}
	json_object_foreach(counters, key, value) {
		fprintf(out, "%s%s %" JSON_INTEGER_FORMAT, separator, key, json_integer_value(value));
		separator = ", ";
	}
}

static void instances_print(const json_t *instances, FILE *out)
{
	int id = width(instances, "id", "INSTANCE"), plugin = width(instances, "plugin", "PLUGIN");
	const json_t *inst;
	size_t i;

	fprintf(out, "\n%-*s  %-*s  STACKS      PASSED    FILTERED      FAILED\n", id, "INSTANCE", plugin,
		"PLUGIN");
	json_array_foreach(instances, i, inst) {
		const json_t *stacks = json_object_get(inst, "stacks");
		size_t n = json_array_size(stacks);
		char range[32];

		snprintf(range, sizeof(range), n > 1 ? "%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT :
			 "%" JSON_INTEGER_FORMAT, json_integer_value(json_array_get(stacks, 0)),
			 json_integer_value(json_array_get(stacks, n - 1)));
		cell(inst, "id", id, out);
		cell(inst, "plugin", plugin, out);
		fprintf(out, "%-6s  %10" JSON_INTEGER_FORMAT "  %10" JSON_INTEGER_FORMAT "  %10"
			JSON_INTEGER_FORMAT, range, number(inst, "passed"), number(inst, "filtered"),
			number(inst, "failed"));
		if (json_object_get(inst, "subject") || json_object_get(inst, "counters")) {
			fputs("  ", out);
			counters_print(inst, out);
		}
		fputs("\n", out);
	}
}

static void destinations_print(const json_t *destinations, FILE *out)
{
	int name = width(destinations, "name", "DESTINATION");
	const json_t *dest;
	size_t i;

	fprintf(out, "\n%-*s     WRITTEN           BYTES      QUEUED  QUEUE     DROPPED  REOPENS\n", name,
		"DESTINATION");
	json_array_foreach(destinations, i, dest) {
		json_int_t dropped = 0, size = number(dest, "queue_size");
		json_t *reasons = json_object_get(dest, "dropped"), *value;
		const char *reason;

		json_object_foreach(reasons, reason, value)
			dropped += json_integer_value(value);
		cell(dest, "name", name, out);
		fprintf(out, "%10" JSON_INTEGER_FORMAT "  %14" JSON_INTEGER_FORMAT "  %10" JSON_INTEGER_FORMAT
			"  %4" JSON_INTEGER_FORMAT "%%  %10" JSON_INTEGER_FORMAT "  %7" JSON_INTEGER_FORMAT,
			number(dest, "written"), number(dest, "written_bytes"), number(dest, "queued"),
			size > 0 ? number(dest, "queued_bytes") * 100 / size : 0, dropped,
			number(dest, "reopens"));
		json_object_foreach(reasons, reason, value)
			if (json_integer_value(value) > 0)
				fprintf(out, "  %s %" JSON_INTEGER_FORMAT, reason, json_integer_value(value));
		if (number(dest, "spooled") > 0)
			fprintf(out, "  spooled %" JSON_INTEGER_FORMAT, number(dest, "spooled"));
		if (json_object_get(dest, "failing_since")) {
			fputs("  fails since ", out);
			time_print((time_t)number(dest, "failing_since"), out);
		}
		fputs("\n", out);
	}
}

void print_status(const json_t *status, FILE *out)
{
	head_print(status, out);
	stacks_print(json_object_get(status, "stacks"), out);
	instances_print(json_object_get(status, "instances"), out);
	destinations_print(json_object_get(status, "destinations"), out);
}

/* ---------------------------------------------------------------- events */

/* The first of the keys, NULL at the end, that the event has. */
static const json_t *first_of(const json_t *event, const char *const *keys)
{
	const json_t *value = NULL;

	for (; *keys && !value; keys++)
		value = json_object_get(event, *keys);
	return value;
}

static const char *const source_ports[] = { "src_port", "orig.l4.sport", NULL };
static const char *const destination_ports[] = { "dest_port", "orig.l4.dport", NULL };
static const char *const protocols[] = { "ip.protocol", "ip6.nexthdr", "orig.ip.protocol", NULL };
static const char *const lengths[] = { "raw.pktlen", "ip.totlen", "ip6.payloadlen", "orig.raw.pktlen", NULL };

static const char *address(const json_t *event, const char *key, const char *hardware, char *buf, size_t size)
{
	const char *text = json_string_value(json_object_get(event, key));

	if (!text)
		text = json_string_value(json_object_get(event, hardware));
	snprintf(buf, size, "%s", text ? text : "-");
	return buf;
}

const char *event_source(const json_t *event, char *buf, size_t size)
{
	return address(event, "src_ip", "mac.saddr.str", buf, size);
}

const char *event_destination(const json_t *event, char *buf, size_t size)
{
	return address(event, "dest_ip", "mac.daddr.str", buf, size);
}

static const char *protocol_name(const json_t *event, char *buf, size_t size)
{
	static const struct {
		json_int_t number;
		const char *name;
	} names[] = {	/* linux/in.h */
		{ 1, "ICMP" }, { 2, "IGMP" }, { 6, "TCP" }, { 17, "UDP" }, { 47, "GRE" }, { 50, "ESP" },
		{ 51, "AH" }, { 58, "ICMPv6" }, { 132, "SCTP" }, { 136, "UDPLITE" },
	};
	const json_t *protocol = first_of(event, protocols);

	if (!protocol)
		return json_object_get(event, "arp.operation") ? "ARP" : "-";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == json_integer_value(protocol))
			return names[i].name;
	snprintf(buf, size, "protocol %" JSON_INTEGER_FORMAT, json_integer_value(protocol));
	return buf;
}

const char *event_service(const json_t *event, char *buf, size_t size)
{
	const json_t *port = first_of(event, destination_ports);
	char name[32];
	const char *protocol = protocol_name(event, name, sizeof(name));

	if (port)
		snprintf(buf, size, "%s %" JSON_INTEGER_FORMAT, protocol, json_integer_value(port));
	else
		snprintf(buf, size, "%s", protocol);
	return buf;
}

const char *event_prefix(const json_t *event)
{
	const char *prefix = json_string_value(json_object_get(event, "oob.prefix"));

	return prefix && prefix[0] ? prefix : "-";
}

static void endpoint_print(const char *addr, const json_t *port, FILE *out)
{
	bool brackets = port && strchr(addr, ':');

	fputs(brackets ? "[" : "", out);
	print_safe(addr, out);
	fputs(brackets ? "]" : "", out);
	if (port)
		fprintf(out, ":%" JSON_INTEGER_FORMAT, json_integer_value(port));
}

void print_event(const json_t *event, FILE *out)
{
	const char *when = json_string_value(json_object_get(event, "timestamp"));
	const json_t *length = first_of(event, lengths);
	static const char *const devices[][2] = { { "oob.in", "in" }, { "oob.out", "out" } };
	char buf[64];

	/* 2026-11-21T00:18:52.150155+0100: the time of the day. */
	if (when && strlen(when) > 11)
		print_safe(when + 11, out);
	else
		fputs("-", out);
	fputs(" ", out);
	print_safe(event_prefix(event), out);
	for (size_t i = 0; i < 2; i++) {
		const char *device = json_string_value(json_object_get(event, devices[i][0]));

		if (!device || !device[0])
			continue;
		fprintf(out, " %s=", devices[i][1]);
		print_safe(device, out);
	}
	fprintf(out, " %s ", protocol_name(event, buf, sizeof(buf)));
	endpoint_print(event_source(event, buf, sizeof(buf)), first_of(event, source_ports), out);
	fputs(" > ", out);
	endpoint_print(event_destination(event, buf, sizeof(buf)), first_of(event, destination_ports), out);
	if (length)
		fprintf(out, " len=%" JSON_INTEGER_FORMAT, json_integer_value(length));
	fputs("\n", out);
}

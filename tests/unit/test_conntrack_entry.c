// SPDX-License-Identifier: GPL-2.0-or-later
/* The decoder of conntrack entries: every attribute, every length, nothing read from behind the end. */
#include "conntrack_entry.h"
#include "unit.h"

/* Nested attributes that are built. */
struct msg {
	uint8_t data[1024];
	size_t len;
};

static void attr_add(struct msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };

	assert_true(m->len + NLA_HDRLEN + NLA_ALIGN(len) <= sizeof(m->data));
	memcpy(m->data + m->len, &attr, sizeof(attr));
	if (len > 0)
		memcpy(m->data + m->len + NLA_HDRLEN, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
}

static void nest_add(struct msg *m, uint16_t type, const struct msg *nest)
{
	attr_add(m, type | NLA_F_NESTED, nest->data, nest->len);
}

static const uint8_t v4[2][4] = { { 192, 0, 2, 1 }, { 198, 51, 100, 2 } };
static const uint8_t v6[2][16] = { { 0x20, 1, 0xd, 0xb8, [15] = 1 }, { 0x20, 1, 0xd, 0xb8, [15] = 2 } };

static struct msg ports(void)
{
	struct msg m = {};

	attr_add(&m, CTA_PROTO_NUM, "\x06", 1);
	attr_add(&m, CTA_PROTO_SRC_PORT, "\x9c\x40", 2);
	attr_add(&m, CTA_PROTO_DST_PORT, "\x00\x50", 2);
	return m;
}

static struct msg tuple(const struct msg *ip)
{
	struct msg m = {}, proto = ports();

	nest_add(&m, CTA_TUPLE_IP, ip);
	nest_add(&m, CTA_TUPLE_PROTO, &proto);
	attr_add(&m, CTA_TUPLE_ZONE, "\x01\x02", 2);
	return m;
}

/* An attribute in a nest. */
static void nested_attr_add(struct msg *m, uint16_t outer, uint16_t type, const char *data, size_t len)
{
	struct msg nest = {};

	attr_add(&nest, type, data, len);
	nest_add(m, outer, &nest);
}

static struct msg tuple_v4(void)
{
	struct msg ip = {};

	attr_add(&ip, CTA_IP_V4_SRC, v4[0], 4);
	attr_add(&ip, CTA_IP_V4_DST, v4[1], 4);
	return tuple(&ip);
}

static struct msg tuple_v6(void)
{
	struct msg ip = {};

	attr_add(&ip, CTA_IP_V6_SRC, v6[0], 16);
	attr_add(&ip, CTA_IP_V6_DST, v6[1], 16);
	return tuple(&ip);
}

static struct msg entry(void)
{
	struct msg m = {}, orig = tuple_v4(), reply = tuple_v6(), protocol = {};

	nest_add(&m, CTA_TUPLE_ORIG, &orig);
	nest_add(&m, CTA_TUPLE_REPLY, &reply);
	attr_add(&m, CTA_ID, "\x11\x22\x33\x44", 4);
	attr_add(&m, CTA_STATUS, "\0\0\1\x8a", 4);
	attr_add(&m, CTA_MARK, "\xde\xad\xbe\xef", 4);
	attr_add(&m, CTA_TIMEOUT, "\0\0\1\2", 4);
	attr_add(&m, CTA_ZONE, "\3\4", 2);
	nested_attr_add(&protocol, CTA_PROTOINFO_SCTP, CTA_PROTOINFO_SCTP_STATE, "\5", 1);
	nest_add(&m, CTA_PROTOINFO, &protocol);
	nested_attr_add(&m, CTA_HELP, CTA_HELP_NAME, "ftp", 4);
	nested_attr_add(&m, CTA_SECCTX, CTA_SECCTX_NAME, "ctx", 3);
	return m;
}

/* Decodes a copy that ends where memory ends and reads all that the result points to. */
static int decode(const struct msg *m, size_t len, struct conntrack_entry *ret)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, m->data, len);
	err = conntrack_decode(copy, len, ret);
	for (unsigned int i = 0; i < 2; i++) {
		const struct conntrack_tuple *t = i ? &ret->reply : &ret->orig;
		const uint8_t *addrs[] = { t->saddr, t->daddr };

		for (unsigned int a = 0; a < 2; a++) {
			if (!addrs[a])
				continue;
			assert_true(t->addr_len == 4 || t->addr_len == 16);
			assert_true(addrs[a] >= copy);
			assert_true(addrs[a] + t->addr_len <= copy + len);
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		const uint8_t *text = i ? ret->helper : ret->secctx;
		size_t text_len = i ? ret->helper_len : ret->secctx_len;

		assert_true(!text || (text >= copy && text + text_len <= copy + len));
	}
	free(copy);
	return err;
}

static void every_attribute_is_found(void **state)
{
	struct msg m = entry();
	struct conntrack_entry e;

	(void)state;
	assert_int_equal(conntrack_decode(m.data, m.len, &e), 0);
	assert_int_equal(e.orig.addr_len, 4);
	assert_memory_equal(e.orig.saddr, v4[0], 4);
	assert_memory_equal(e.orig.daddr, v4[1], 4);
	assert_int_equal(e.reply.addr_len, 16);
	assert_memory_equal(e.reply.saddr, v6[0], 16);
	assert_memory_equal(e.reply.daddr, v6[1], 16);
	assert_true(e.orig.has_protocol && e.orig.has_ports);
	assert_int_equal(e.orig.protocol, 6);
	assert_int_equal(e.orig.sport, 40000);
	assert_int_equal(e.orig.dport, 80);
	assert_true(e.has_id && e.has_status && e.has_mark);
	assert_int_equal(e.id, 0x11223344);
	assert_int_equal(e.status, 0x18a);
	assert_int_equal(e.mark, 0xdeadbeef);
	assert_true(e.has_timeout && e.has_zone && e.has_state && e.orig.has_zone && e.reply.has_zone);
	assert_int_equal(e.timeout, 0x102);
	assert_int_equal(e.zone, 0x304);
	assert_int_equal(e.orig.zone, 0x102);
	assert_int_equal(e.state, 5);
	assert_int_equal(e.helper_len, 4);
	assert_string_equal((const char *)e.helper, "ftp");
	assert_int_equal(e.secctx_len, 3);
	assert_memory_equal(e.secctx, "ctx", 3);
}

static void what_is_missing_is_absent(void **state)
{
	struct msg m = {};
	struct conntrack_entry e, zero = {};

	(void)state;
	memset(&e, 0x5a, sizeof(e));
	assert_int_equal(conntrack_decode(m.data, 0, &e), 0);
	assert_memory_equal(&e, &zero, sizeof(e));
}

static void a_port_alone_is_no_ports(void **state)
{
	struct msg proto = {}, t = {}, m = {};
	struct conntrack_entry e;

	(void)state;
	attr_add(&proto, CTA_PROTO_NUM, "\x01", 1);
	attr_add(&proto, CTA_PROTO_SRC_PORT, "\x9c\x40", 2);
	nest_add(&t, CTA_TUPLE_PROTO, &proto);
	nest_add(&m, CTA_TUPLE_ORIG, &t);
	assert_int_equal(conntrack_decode(m.data, m.len, &e), 0);
	assert_true(e.orig.has_protocol);
	assert_false(e.orig.has_ports);
}

static void an_entry_cut_anywhere_stays_within_bounds(void **state)
{
	struct msg m = entry();

	(void)state;
	for (size_t len = 0; len <= m.len; len++) {
		struct conntrack_entry e;

		decode(&m, len, &e);
	}
}

static void addresses_of_any_length_stay_within_bounds(void **state)
{
	(void)state;
	for (uint16_t type = 0; type <= CTA_IP_MAX + 1; type++) {
		for (size_t len = 0; len <= 20; len++) {
			static const uint8_t zeros[20];
			struct msg ip = {}, t = {}, m = {};
			struct conntrack_entry e;

			attr_add(&ip, type, zeros, len);
			nest_add(&t, CTA_TUPLE_IP, &ip);
			nest_add(&m, CTA_TUPLE_ORIG, &t);
			assert_int_equal(decode(&m, m.len, &e), 0);
		}
	}
}

static void addresses_of_two_families_stay_within_bounds(void **state)
{
	static const struct {
		uint16_t type;
		size_t len;
	} attrs[] = {
		{ CTA_IP_V4_SRC, 4 }, { CTA_IP_V4_DST, 4 }, { CTA_IP_V6_SRC, 16 }, { CTA_IP_V6_DST, 16 },
	};

	(void)state;
	/* All pairs, each attribute in a nest of its own: the second one ends the message. */
	for (size_t pair = 0; pair < ARRAY_SIZE(attrs) * ARRAY_SIZE(attrs); pair++) {
		const size_t which[] = { pair / ARRAY_SIZE(attrs), pair % ARRAY_SIZE(attrs) };
		struct conntrack_entry e;
		struct msg m = {};

		for (size_t i = 0; i < ARRAY_SIZE(which); i++) {
			struct msg ip = {}, t = {};

			attr_add(&ip, attrs[which[i]].type, v6[0], attrs[which[i]].len);
			nest_add(&t, CTA_TUPLE_IP, &ip);
			nest_add(&m, CTA_TUPLE_ORIG, &t);
		}
		assert_int_equal(decode(&m, m.len, &e), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_is_found),
		cmocka_unit_test(what_is_missing_is_absent),
		cmocka_unit_test(a_port_alone_is_no_ports),
		cmocka_unit_test(an_entry_cut_anywhere_stays_within_bounds),
		cmocka_unit_test(addresses_of_any_length_stay_within_bounds),
		cmocka_unit_test(addresses_of_two_families_stay_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The decoder of NFULNL_MSG_PACKET: every attribute, every length, nothing read from behind the end. */
#include <errno.h>

#include "nflog_packet.h"
#include "unit.h"

/* A message that is built: struct nfgenmsg and attributes. */
struct msg {
	uint8_t data[4096];
	size_t len;
};

static struct msg msg_new(uint8_t family)
{
	struct msg m = { .len = sizeof(struct nfgenmsg) };

	m.data[0] = family;
	return m;
}

/* Appends an attribute, padded; returns where its length stands. */
static size_t attr_add(struct msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };
	size_t at = m->len;

	assert_true(at + NLA_HDRLEN + NLA_ALIGN(len) <= sizeof(m->data));
	memcpy(m->data + at, &attr, sizeof(attr));
	if (len > 0)
		memcpy(m->data + at + NLA_HDRLEN, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
	return at;
}

/* Decodes a copy that ends where memory ends; the result points to it, *copy is to be freed. */
static int decode(const struct msg *m, size_t len, struct nflog_packet *ret, uint8_t **copy)
{
	*copy = malloc(len > 0 ? len : 1);
	assert_non_null(*copy);
	if (len > 0)
		memcpy(*copy, m->data, len);
	return nflog_decode(*copy, len, ret);
}

static int decode_only(const struct msg *m)
{
	struct nflog_packet p;
	uint8_t *copy;
	int ret = decode(m, m->len, &p, &copy);

	free(copy);
	return ret;
}

/* The smallest payload of each type that has one; variable ones are 0. */
static const uint8_t min_len[NFULA_MAX + 1] = {
	[NFULA_PACKET_HDR] = 4, [NFULA_MARK] = 4, [NFULA_TIMESTAMP] = 16,
	[NFULA_IFINDEX_INDEV] = 4, [NFULA_IFINDEX_OUTDEV] = 4, [NFULA_IFINDEX_PHYSINDEV] = 4,
	[NFULA_IFINDEX_PHYSOUTDEV] = 4, [NFULA_HWADDR] = 12, [NFULA_UID] = 4, [NFULA_GID] = 4,
	[NFULA_SEQ] = 4, [NFULA_SEQ_GLOBAL] = 4, [NFULA_HWTYPE] = 2, [NFULA_HWLEN] = 2,
	[NFULA_CT_INFO] = 4,
};

static void every_attribute_is_found_with_its_payload(void **state)
{
	struct msg m = msg_new(10);
	struct nflog_packet p;
	size_t at[NFULA_MAX + 1];
	uint8_t *copy;

	(void)state;
	for (unsigned int type = 1; type <= NFULA_MAX; type++) {
		uint8_t payload[32];

		memset(payload, (int)type, sizeof(payload));
		at[type] = attr_add(&m, (uint16_t)type, payload, 16 + type % 4);
	}
	assert_int_equal(decode(&m, m.len, &p, &copy), 0);
	assert_int_equal(p.family, 10);
	for (unsigned int type = 1; type <= NFULA_MAX; type++) {
		assert_true(nflog_has(&p, type));
		assert_int_equal(p.len[type], 16 + type % 4);
		assert_ptr_equal(p.data[type], copy + at[type] + NLA_HDRLEN);
		assert_int_equal(nflog_be32(&p, type), 0x01010101u * type);
		assert_int_equal(nflog_be16(&p, type), 0x0101u * type);
	}
	assert_false(nflog_has(&p, NFULA_UNSPEC));
	free(copy);
}

static void a_message_without_attributes_is_a_packet_without_any(void **state)
{
	struct msg m = msg_new(2);
	struct nflog_packet p = { .present = UINT32_MAX };
	uint8_t *copy;

	(void)state;
	assert_int_equal(decode(&m, m.len, &p, &copy), 0);
	assert_int_equal(p.present, 0);
	assert_int_equal(p.family, 2);
	free(copy);
}

static void a_message_without_its_header_is_malformed(void **state)
{
	struct msg m = msg_new(2);

	(void)state;
	for (size_t len = 0; len < sizeof(struct nfgenmsg); len++) {
		struct nflog_packet p;
		uint8_t *copy;

		assert_int_equal(decode(&m, len, &p, &copy), -EBADMSG);
		assert_int_equal(p.present, 0);
		free(copy);
	}
}

static void attributes_shorter_than_their_type_are_malformed(void **state)
{
	static const uint8_t zeros[32];

	(void)state;
	for (unsigned int type = 0; type <= NFULA_MAX; type++) {
		for (size_t len = 0; len <= min_len[type]; len++) {
			struct msg m = msg_new(2);

			attr_add(&m, (uint16_t)type, zeros, len);
			if (decode_only(&m) != (len < min_len[type] ? -EBADMSG : 0))
				fail_msg("type %u with %zu bytes", type, len);
		}
	}
}

static void a_message_cut_anywhere_is_malformed_but_between_attributes(void **state)
{
	static const uint8_t zeros[32];
	struct msg m = msg_new(2);
	bool whole[sizeof(m.data)] = {};

	(void)state;
	whole[m.len] = true;
	for (unsigned int type = 1; type <= NFULA_MAX; type++) {
		size_t payload = min_len[type] ? min_len[type] : type % 7;
		size_t at = attr_add(&m, (uint16_t)type, zeros, payload);

		/* The padding of the last attribute may be missing. */
		for (size_t end = at + NLA_HDRLEN + payload; end <= m.len; end++)
			whole[end] = true;
	}
	for (size_t len = 0; len <= m.len; len++) {
		struct nflog_packet p;
		uint8_t *copy;

		if (decode(&m, len, &p, &copy) != (whole[len] ? 0 : -EBADMSG))
			fail_msg("%zu of %zu bytes", len, m.len);
		free(copy);
	}
}

static void attributes_that_claim_too_much_or_too_little_are_malformed(void **state)
{
	static const uint8_t payload[8];

	(void)state;
	for (unsigned int claim = 0; claim < 70000; claim += claim < 64 ? 1 : 977) {
		struct msg m = msg_new(2);
		uint16_t nla_len = (uint16_t)claim;
		size_t at = attr_add(&m, NFULA_PAYLOAD, payload, sizeof(payload));
		bool fits = nla_len >= NLA_HDRLEN && nla_len <= NLA_HDRLEN + sizeof(payload);

		memcpy(m.data + at, &nla_len, sizeof(nla_len));
		/* A smaller claim leaves bytes behind it, zeros that are no attribute, or too few for one. */
		if (fits && (size_t)NLA_ALIGN(nla_len) == m.len - at)
			assert_int_equal(decode_only(&m), 0);
		else
			assert_int_equal(decode_only(&m), -EBADMSG);
	}
}

static void unknown_types_are_skipped(void **state)
{
	struct msg m = msg_new(2);
	struct nflog_packet p;
	uint8_t *copy;

	(void)state;
	attr_add(&m, NFULA_MAX + 1, "abcd", 4);
	attr_add(&m, 0x3fff, NULL, 0);
	attr_add(&m, NFULA_PREFIX, "p", 2);
	assert_int_equal(decode(&m, m.len, &p, &copy), 0);
	assert_int_equal(p.present, 1u << NFULA_PREFIX);
	assert_string_equal((const char *)p.data[NFULA_PREFIX], "p");
	free(copy);
}

static void flags_of_a_type_do_not_hide_it(void **state)
{
	struct msg m = msg_new(2);
	struct nflog_packet p;
	uint8_t *copy;

	(void)state;
	attr_add(&m, NFULA_VLAN | NLA_F_NESTED, NULL, 0);
	attr_add(&m, NFULA_MARK | NLA_F_NET_BYTEORDER, "\0\0\0\x2a", 4);
	assert_int_equal(decode(&m, m.len, &p, &copy), 0);
	assert_int_equal(p.present, 1u << NFULA_VLAN | 1u << NFULA_MARK);
	assert_int_equal(nflog_be32(&p, NFULA_MARK), 42);
	free(copy);
}

static void of_an_attribute_that_is_repeated_the_last_counts(void **state)
{
	struct msg m = msg_new(2);
	struct nflog_packet p;
	uint8_t *copy;

	(void)state;
	attr_add(&m, NFULA_MARK, "\0\0\0\x01", 4);
	attr_add(&m, NFULA_MARK, "\0\0\0\x02", 4);
	assert_int_equal(decode(&m, m.len, &p, &copy), 0);
	assert_int_equal(nflog_be32(&p, NFULA_MARK), 2);
	free(copy);
}

/* ------------------------------------------------------------------ nested */

/* What NFULA_VLAN holds, as a message without header. */
static struct msg vlan_nest(void)
{
	struct msg m = { .len = 0 };

	attr_add(&m, NFULA_VLAN_PROTO, "\x81\x00", 2);
	attr_add(&m, NFULA_VLAN_TCI, "\x20\x05", 2);
	return m;
}

static void nested_numbers_are_found(void **state)
{
	struct msg m = vlan_nest();
	uint16_t num;

	(void)state;
	assert_true(nflog_nested_be16(m.data, m.len, NFULA_VLAN_PROTO, &num));
	assert_int_equal(num, 0x8100);
	assert_true(nflog_nested_be16(m.data, m.len, NFULA_VLAN_TCI, &num));
	assert_int_equal(num, 0x2005);
}

static void nested_numbers_that_are_not_there_leave_the_result_alone(void **state)
{
	struct msg m = vlan_nest();
	uint16_t num = 77;

	(void)state;
	assert_false(nflog_nested_be16(m.data, m.len, 3, &num));
	assert_false(nflog_nested_be16(m.data, 0, NFULA_VLAN_PROTO, &num));
	assert_int_equal(num, 77);
}

static void nested_attributes_cut_anywhere_stay_within_bounds(void **state)
{
	struct msg m = vlan_nest();

	(void)state;
	for (size_t len = 0; len <= m.len; len++) {
		uint8_t *copy = malloc(len > 0 ? len : 1);
		uint16_t num;

		assert_non_null(copy);
		memcpy(copy, m.data, len);
		assert_int_equal(nflog_nested_be16(copy, len, NFULA_VLAN_PROTO, &num), len >= 6);
		assert_int_equal(nflog_nested_be16(copy, len, NFULA_VLAN_TCI, &num), len >= 14);
		free(copy);
	}
}

static void nested_attributes_of_any_length_stay_within_bounds(void **state)
{
	(void)state;
	for (unsigned int claim = 0; claim < 32; claim++) {
		struct msg m = vlan_nest();
		uint16_t nla_len = (uint16_t)claim, num;
		uint8_t *copy;

		memcpy(m.data, &nla_len, sizeof(nla_len));
		copy = malloc(m.len);
		assert_non_null(copy);
		memcpy(copy, m.data, m.len);
		/* The first one ends the walk, swallows the second one, or leaves it where it is. */
		assert_int_equal(nflog_nested_be16(copy, m.len, NFULA_VLAN_PROTO, &num),
				 claim >= 6 && claim <= m.len);
		assert_int_equal(nflog_nested_be16(copy, m.len, NFULA_VLAN_TCI, &num),
				 claim > 4 && claim <= 8);
		free(copy);
	}
}

/* -------------------------------------------------------- link-layer header */

enum { ARP = 3, NETDEV = 5, BRIDGE = 7, HOOK_INGRESS = 0, HOOK_EGRESS = 1 };

static const uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, 1 };
static const uint8_t ether_arp[14 + 28] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0xaa, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
};

/* The link-layer bytes of a payload seen at @hook, with an L2HDR of @l2_len bytes unless that is 0. */
static size_t link_len(uint8_t family, uint8_t hook, size_t l2_len, const void *payload, size_t len)
{
	struct msg m = msg_new(family);
	struct nflog_packet p;
	uint8_t *copy;
	size_t ret;

	attr_add(&m, NFULA_PACKET_HDR, (uint8_t[4]){ 8, 6, hook }, 4);
	if (l2_len > 0)
		attr_add(&m, NFULA_L2HDR, ether_arp, l2_len);
	attr_add(&m, NFULA_PAYLOAD, payload, len);
	assert_int_equal(decode(&m, m.len, &p, &copy), 0);
	ret = nflog_link_len(&p);
	assert_true(ret <= len);
	free(copy);
	return ret;
}

static void netdev_egress_has_its_link_layer_header_before_the_packet(void **state)
{
	(void)state;
	assert_int_equal(link_len(NETDEV, HOOK_EGRESS, 14, ether_arp, sizeof(ether_arp)), 14);
	assert_int_equal(link_len(NETDEV, HOOK_EGRESS, 18, ether_arp, sizeof(ether_arp)), 18);
	assert_int_equal(link_len(NETDEV, HOOK_EGRESS, 14, ether_arp, 14), 14);
	assert_int_equal(link_len(NETDEV, HOOK_EGRESS, 0, ether_arp, sizeof(ether_arp)), 0);
}

static void a_link_layer_header_longer_than_the_packet_is_not_believed(void **state)
{
	(void)state;
	assert_int_equal(link_len(NETDEV, HOOK_EGRESS, 14, ether_arp, 13), 0);
	assert_int_equal(link_len(NETDEV, HOOK_EGRESS, 14, "", 0), 0);
}

static void netdev_ingress_has_none(void **state)
{
	(void)state;
	assert_int_equal(link_len(NETDEV, HOOK_INGRESS, 14, arp, sizeof(arp)), 0);
}

static void arp_output_has_an_ethernet_header_before_the_packet(void **state)
{
	(void)state;
	assert_int_equal(link_len(ARP, HOOK_EGRESS, 0, ether_arp, sizeof(ether_arp)), 14);
	assert_int_equal(link_len(ARP, HOOK_INGRESS, 0, ether_arp, sizeof(ether_arp)), 0);
}

static void arp_without_an_ethernet_header_is_known_by_its_own(void **state)
{
	uint8_t padded[46] = {};

	(void)state;
	memcpy(padded, arp, sizeof(arp));
	padded[12] = 8;
	padded[13] = 6;
	assert_int_equal(link_len(ARP, HOOK_EGRESS, 0, arp, sizeof(arp)), 0);
	assert_int_equal(link_len(ARP, HOOK_EGRESS, 0, padded, sizeof(padded)), 0);
	assert_int_equal(link_len(ARP, HOOK_EGRESS, 0, ether_arp, sizeof(ether_arp) - 1), 0);
}

static void other_families_have_none(void **state)
{
	static const uint8_t families[] = { 0, 2, BRIDGE, 10 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		assert_int_equal(link_len(families[i], HOOK_EGRESS, 14, ether_arp, sizeof(ether_arp)), 0);
}

static void without_a_packet_header_nothing_is_cut_off(void **state)
{
	struct msg m = msg_new(NETDEV);
	struct nflog_packet p;
	uint8_t *copy;

	(void)state;
	attr_add(&m, NFULA_L2HDR, ether_arp, 14);
	attr_add(&m, NFULA_PAYLOAD, ether_arp, sizeof(ether_arp));
	assert_int_equal(decode(&m, m.len, &p, &copy), 0);
	assert_int_equal(nflog_link_len(&p), 0);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_is_found_with_its_payload),
		cmocka_unit_test(a_message_without_attributes_is_a_packet_without_any),
		cmocka_unit_test(a_message_without_its_header_is_malformed),
		cmocka_unit_test(attributes_shorter_than_their_type_are_malformed),
		cmocka_unit_test(a_message_cut_anywhere_is_malformed_but_between_attributes),
		cmocka_unit_test(attributes_that_claim_too_much_or_too_little_are_malformed),
		cmocka_unit_test(unknown_types_are_skipped),
		cmocka_unit_test(flags_of_a_type_do_not_hide_it),
		cmocka_unit_test(of_an_attribute_that_is_repeated_the_last_counts),
		cmocka_unit_test(nested_numbers_are_found),
		cmocka_unit_test(nested_numbers_that_are_not_there_leave_the_result_alone),
		cmocka_unit_test(nested_attributes_cut_anywhere_stay_within_bounds),
		cmocka_unit_test(nested_attributes_of_any_length_stay_within_bounds),
		cmocka_unit_test(netdev_egress_has_its_link_layer_header_before_the_packet),
		cmocka_unit_test(a_link_layer_header_longer_than_the_packet_is_not_believed),
		cmocka_unit_test(netdev_ingress_has_none),
		cmocka_unit_test(arp_output_has_an_ethernet_header_before_the_packet),
		cmocka_unit_test(arp_without_an_ethernet_header_is_known_by_its_own),
		cmocka_unit_test(other_families_have_none),
		cmocka_unit_test(without_a_packet_header_nothing_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Decoders of packet headers: every field, every length, nothing read from behind the end. */
#include <errno.h>

#include "packet.h"
#include "unit.h"

/* @len bytes that end where memory ends, so that a sanitizer sees the first read behind them. */
static uint8_t *exactly(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

/* @decode refuses every length below @need, leaving the result alone, and takes every one from there on. */
#define assert_needs(decode, type, data, need) do { \
	for (size_t len_ = 0; len_ <= sizeof(data); len_++) { \
		uint8_t *pkt_ = exactly(data, len_); \
		type ret_, before_; \
		memset(&ret_, 0x5a, sizeof(ret_)); \
		before_ = ret_; \
		if (len_ < (need)) { \
			assert_int_equal(decode(pkt_, len_, &ret_), -EBADMSG); \
			assert_memory_equal(&ret_, &before_, sizeof(ret_)); \
		} else { \
			assert_int_equal(decode(pkt_, len_, &ret_), (need)); \
		} \
		free(pkt_); \
	} \
} while (0)

static const uint8_t ipv4[] = {
	0x46, 0xb9, 0x12, 0x34, 0x56, 0x78, 0xe1, 0x02, 0x40, 0x06, 0x9a, 0xbc,
	192, 0, 2, 1, 198, 51, 100, 2, 1, 1, 1, 0, 0xff,
};

static void big_endian_numbers_are_read_at_any_address(void **state)
{
	static const uint8_t data[] = { 0, 0xfe, 0xdc, 0xba, 0x98 };

	(void)state;
	assert_int_equal(get_be16(data + 1), 0xfedc);
	assert_int_equal(get_be32(data + 1), 0xfedcba98);
	assert_int_equal(get_be32(data), 0x00fedcba);
}

static void ipv4_fields_are_those_of_rfc_791(void **state)
{
	struct ipv4_header h;

	(void)state;
	assert_int_equal(ipv4_decode(ipv4, sizeof(ipv4), &h), 24);
	assert_int_equal(h.ihl, 6);
	assert_int_equal(h.tos, 0xb9);
	assert_int_equal(h.tot_len, 0x1234);
	assert_int_equal(h.id, 0x5678);
	assert_int_equal(h.frag_off, 0xe102);
	assert_int_equal(h.ttl, 64);
	assert_int_equal(h.protocol, 6);
	assert_int_equal(h.check, 0x9abc);
	assert_ptr_equal(h.saddr, ipv4 + 12);
	assert_ptr_equal(h.daddr, ipv4 + 16);
}

static void ipv4_needs_its_options_too(void **state)
{
	(void)state;
	assert_needs(ipv4_decode, struct ipv4_header, ipv4, 24);
}

static void ipv4_of_any_header_length_stays_within_the_packet(void **state)
{
	uint8_t pkt[64] = {};

	(void)state;
	for (unsigned int ihl = 0; ihl < 16; ihl++) {
		for (size_t len = 0; len <= sizeof(pkt); len++) {
			struct ipv4_header h;
			uint8_t *copy;

			pkt[0] = (uint8_t)(0x40 | ihl);
			copy = exactly(pkt, len);
			assert_int_equal(ipv4_decode(copy, len, &h),
					 ihl >= 5 && len >= 20 && len >= 4 * ihl ? (int)(4 * ihl) : -EBADMSG);
			free(copy);
		}
	}
}

static void ipv6_fields_are_those_of_rfc_8200(void **state)
{
	static const uint8_t pkt[42] = {
		0x6b, 0x8a, 0xbc, 0xde, 0x12, 0x34, 17, 255, 0x20, 0x01, 0x0d, 0xb8,
	};
	struct ipv6_header h;

	(void)state;
	assert_int_equal(ipv6_decode(pkt, sizeof(pkt), &h), 40);
	assert_int_equal(h.priority, 0xb8);
	assert_int_equal(h.flow_label, 0xabcde);
	assert_int_equal(h.payload_len, 0x1234);
	assert_int_equal(h.nexthdr, 17);
	assert_int_equal(h.hop_limit, 255);
	assert_ptr_equal(h.saddr, pkt + 8);
	assert_ptr_equal(h.daddr, pkt + 24);
	assert_needs(ipv6_decode, struct ipv6_header, pkt, 40);
}

static void tcp_fields_are_those_of_rfc_9293(void **state)
{
	static const uint8_t pkt[] = {
		0x9c, 0x40, 0x01, 0xbb, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
		0xa5, 0xc3, 0xfa, 0xf0, 0xbe, 0xef, 0x12, 0x34, 0xff,
	};
	struct tcp_header h;

	(void)state;
	assert_int_equal(tcp_decode(pkt, sizeof(pkt), &h), 20);
	assert_int_equal(h.source, 40000);
	assert_int_equal(h.dest, 443);
	assert_int_equal(h.seq, 0x11223344);
	assert_int_equal(h.ack_seq, 0x55667788);
	assert_int_equal(h.doff, 10);
	assert_int_equal(h.reserved, 5);
	assert_int_equal(h.flags, 0xc3);
	assert_int_equal(h.window, 0xfaf0);
	assert_int_equal(h.check, 0xbeef);
	assert_int_equal(h.urg_ptr, 0x1234);
	assert_needs(tcp_decode, struct tcp_header, pkt, 20);
}

static void udp_fields_are_those_of_rfc_768(void **state)
{
	static const uint8_t pkt[] = { 0x14, 0xe9, 0x00, 0x35, 0x27, 0x0f, 0xab, 0xcd, 0xff };
	struct udp_header h;

	(void)state;
	assert_int_equal(udp_decode(pkt, sizeof(pkt), &h), 8);
	assert_int_equal(h.source, 5353);
	assert_int_equal(h.dest, 53);
	assert_int_equal(h.len, 9999);
	assert_int_equal(h.check, 0xabcd);
	assert_needs(udp_decode, struct udp_header, pkt, 8);
}

static void icmp_fields_are_those_of_rfc_792(void **state)
{
	static const uint8_t pkt[] = { 8, 1, 0x12, 0x34, 0x1a, 0x2b, 0x00, 0x07, 0xff };
	struct icmp_header h;

	(void)state;
	assert_int_equal(icmp_decode(pkt, sizeof(pkt), &h), 8);
	assert_int_equal(h.type, 8);
	assert_int_equal(h.code, 1);
	assert_int_equal(h.check, 0x1234);
	assert_ptr_equal(h.rest, pkt + 4);
	assert_needs(icmp_decode, struct icmp_header, pkt, 8);
}

static void sctp_fields_are_those_of_rfc_9260(void **state)
{
	static const uint8_t pkt[] = { 0x13, 0x88, 0x13, 0x89, 1, 2, 3, 4, 0xde, 0xad, 0xbe, 0xef, 0xff };
	struct sctp_header h;

	(void)state;
	assert_int_equal(sctp_decode(pkt, sizeof(pkt), &h), 12);
	assert_int_equal(h.source, 5000);
	assert_int_equal(h.dest, 5001);
	assert_int_equal(h.check, 0xdeadbeef);
	assert_needs(sctp_decode, struct sctp_header, pkt, 12);
}

static void arp_fields_are_those_of_rfc_826(void **state)
{
	static const uint8_t pkt[] = {
		0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 0xaa, 198, 51, 100, 9, 2, 0, 0, 0, 0, 1,
		198, 51, 100, 2, 0xff,
	};
	struct arp_header h;

	(void)state;
	assert_int_equal(arp_decode(pkt, sizeof(pkt), &h), 28);
	assert_int_equal(h.hrd, 1);
	assert_int_equal(h.pro, 0x800);
	assert_int_equal(h.op, 2);
	assert_ptr_equal(h.sha, pkt + 8);
	assert_ptr_equal(h.spa, pkt + 14);
	assert_ptr_equal(h.tha, pkt + 18);
	assert_ptr_equal(h.tpa, pkt + 24);
	assert_needs(arp_decode, struct arp_header, pkt, 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(big_endian_numbers_are_read_at_any_address),
		cmocka_unit_test(ipv4_fields_are_those_of_rfc_791),
		cmocka_unit_test(ipv4_needs_its_options_too),
		cmocka_unit_test(ipv4_of_any_header_length_stays_within_the_packet),
		cmocka_unit_test(ipv6_fields_are_those_of_rfc_8200),
		cmocka_unit_test(tcp_fields_are_those_of_rfc_9293),
		cmocka_unit_test(udp_fields_are_those_of_rfc_768),
		cmocka_unit_test(icmp_fields_are_those_of_rfc_792),
		cmocka_unit_test(sctp_fields_are_those_of_rfc_9260),
		cmocka_unit_test(arp_fields_are_those_of_rfc_826),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

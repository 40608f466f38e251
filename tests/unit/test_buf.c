// SPDX-License-Identifier: GPL-2.0-or-later
/* Bounded append buffers: every formatter against the C library's, and what happens at the end. */
#include <arpa/inet.h>
#include <inttypes.h>

#include <ulogd/buf.h>

#include "unit.h"

#define CANARY '#'

/* A window of @size bytes with a canary behind it. */
static struct ulogd_buf window(char *memory, size_t size)
{
	memset(memory, CANARY, size + 1);
	return (struct ulogd_buf){ .p = memory, .end = memory + size };
}

static void assert_text(const struct ulogd_buf *b, const char *begin, const char *want)
{
	assert_false(b->full);
	if ((size_t)(b->p - begin) != strlen(want) || memcmp(begin, want, strlen(want)) != 0)
		fail_msg("\"%.*s\" instead of \"%s\"", (int)(b->p - begin), begin, want);
}

/* Calls @append with every size of window up to its text and checks that only the last has room. */
#define assert_bounded(append, want) do { \
	char memory_[256]; \
	for (size_t size_ = 0; size_ <= strlen(want); size_++) { \
		struct ulogd_buf b_ = window(memory_, size_), *b = &b_; \
		append; \
		assert_int_equal(memory_[size_], CANARY); \
		assert_int_equal(b_.full, size_ < strlen(want)); \
		assert_true(b_.p <= b_.end); \
		if (size_ == strlen(want)) \
			assert_text(&b_, memory_, want); \
	} \
} while (0)

static void what_fits_exactly_is_appended(void **state)
{
	char memory[16];
	struct ulogd_buf b = window(memory, 5);

	(void)state;
	ulogd_buf_lit(&b, "abc");
	ulogd_buf_char(&b, 'd');
	ulogd_buf_mem(&b, "e", 1);
	assert_text(&b, memory, "abcde");
	assert_int_equal(memory[5], CANARY);
}

static void after_the_first_piece_that_does_not_fit_nothing_is_appended(void **state)
{
	char memory[16];
	struct ulogd_buf b = window(memory, 5);

	(void)state;
	ulogd_buf_lit(&b, "abc");
	ulogd_buf_lit(&b, "def");
	assert_true(b.full);
	ulogd_buf_char(&b, 'g');
	ulogd_buf_u32(&b, 1);
	ulogd_buf_hex(&b, 1);
	ulogd_buf_hex_upper(&b, 1);
	ulogd_buf_mac(&b, (const uint8_t *)"x", 1);
	ulogd_buf_mem(&b, "", 0);
	assert_true(b.full);
	assert_ptr_equal(b.p, memory + 3);
	assert_int_equal(memory[3], CANARY);
}

static void pieces_larger_than_the_window_are_refused_whole(void **state)
{
	(void)state;
	assert_bounded(ulogd_buf_mem(b, "0123456789", 10), "0123456789");
	assert_bounded(ulogd_buf_u32(b, 4294967295u), "4294967295");
	assert_bounded(ulogd_buf_u64(b, UINT64_MAX), "18446744073709551615");
	assert_bounded(ulogd_buf_i64(b, INT64_MIN), "-9223372036854775808");
	assert_bounded(ulogd_buf_hex(b, 0xdeadbeef), "deadbeef");
	assert_bounded(ulogd_buf_hex_padded(b, 1, 8), "00000001");
	assert_bounded(ulogd_buf_hex_upper(b, 0xab), "AB");
	assert_bounded(ulogd_buf_mac(b, (const uint8_t *)"\x02\x00\x5e", 3), "02:00:5e");
}

static void decimals_are_those_of_printf(void **state)
{
	char memory[64], want[16];

	(void)state;
	for (unsigned int round = 0; round < 100000; round++) {
		uint32_t value = round < 20000 ? round : (uint32_t)rand() << 1 >> rand() % 32;
		struct ulogd_buf b = window(memory, 32);

		ulogd_buf_u32(&b, value);
		snprintf(want, sizeof(want), "%u", value);
		assert_text(&b, memory, want);
	}
	/* Where the number of digits changes. */
	for (uint64_t power = 10; power <= UINT32_MAX; power *= 10) {
		for (int off = -1; off <= 1; off++) {
			struct ulogd_buf b = window(memory, 32);

			ulogd_buf_u32(&b, (uint32_t)(power + (uint64_t)(int64_t)off));
			snprintf(want, sizeof(want), "%u", (uint32_t)(power + (uint64_t)(int64_t)off));
			assert_text(&b, memory, want);
		}
	}
}

static void decimals_of_64_bits_are_those_of_printf(void **state)
{
	char memory[64], want[32];

	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		for (int off = -2; off <= 2; off++) {
			uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)off;
			struct ulogd_buf b = window(memory, 32);

			ulogd_buf_u64(&b, value);
			snprintf(want, sizeof(want), "%" PRIu64, value);
			assert_text(&b, memory, want);
			b = window(memory, 32);
			ulogd_buf_i64(&b, (int64_t)value);
			snprintf(want, sizeof(want), "%" PRId64, (int64_t)value);
			assert_text(&b, memory, want);
		}
	}
}

static void hexadecimals_are_those_of_printf(void **state)
{
	char memory[64], want[16];

	(void)state;
	for (unsigned int bit = 0; bit <= 32; bit++) {
		for (int off = -1; off <= 1; off++) {
			uint32_t value = (uint32_t)((UINT64_C(1) << bit) + (uint64_t)(int64_t)off);
			struct ulogd_buf b = window(memory, 32);

			ulogd_buf_hex(&b, value);
			snprintf(want, sizeof(want), "%x", value);
			assert_text(&b, memory, want);
			b = window(memory, 32);
			ulogd_buf_hex_padded(&b, value, 8);
			snprintf(want, sizeof(want), "%08x", value);
			assert_text(&b, memory, want);
		}
	}
	for (unsigned int value = 0; value < 256; value++) {
		struct ulogd_buf b = window(memory, 32);

		ulogd_buf_hex_upper(&b, (uint8_t)value);
		snprintf(want, sizeof(want), "%02X", value);
		assert_text(&b, memory, want);
	}
}

static void link_layer_addresses_are_pairs_of_digits_joined_by_colons(void **state)
{
	static const uint8_t mac[] = { 0x02, 0x00, 0x5e, 0xff, 0xa0, 0x0b };
	char memory[64];
	struct ulogd_buf b = window(memory, 32);

	(void)state;
	ulogd_buf_mac(&b, mac, sizeof(mac));
	assert_text(&b, memory, "02:00:5e:ff:a0:0b");
	b = window(memory, 32);
	ulogd_buf_mac(&b, mac, 1);
	assert_text(&b, memory, "02");
}

static void no_link_layer_address_is_no_text(void **state)
{
	char memory[8];
	struct ulogd_buf b = window(memory, 0);

	(void)state;
	ulogd_buf_mac(&b, (const uint8_t *)"", 0);
	assert_text(&b, memory, "");
}

static void assert_addr(const uint8_t *addr, size_t len)
{
	char memory[ULOGD_ADDR_STRLEN + 1], want[INET6_ADDRSTRLEN];
	struct ulogd_buf b = window(memory, ULOGD_ADDR_STRLEN);

	assert_non_null(inet_ntop(len == 4 ? AF_INET : AF_INET6, addr, want, sizeof(want)));
	ulogd_buf_addr(&b, addr, len);
	assert_text(&b, memory, want);
}

static void ipv4_addresses_are_those_of_inet_ntop(void **state)
{
	(void)state;
	for (unsigned int value = 0; value < 256; value++) {
		for (unsigned int i = 0; i < 4; i++) {
			uint8_t addr[4] = { 10 };

			addr[i] = (uint8_t)value;
			assert_addr(addr, 4);
		}
	}
	for (unsigned int round = 0; round < 50000; round++) {
		uint32_t addr = (uint32_t)rand() << 1 ^ (uint32_t)rand();

		assert_addr((const uint8_t *)&addr, 4);
	}
}

static void special_ipv6_addresses_are_those_of_inet_ntop(void **state)
{
	static const char *const addrs[] = {
		"::", "::1", "::2", "1::", "::1:0", "::1:0:0", "1::1", "fe80::1", "ff02::1:ff00:1",
		"2001:db8::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:db8:0:0:1:0:0:1",
		"2001:0:0:1::1", "1:2:3:4:5:6:7:8", "1:0:3:0:5:0:7:0", "0:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "0:0:3:4:5:6:7:8", "1:2:3:4:5:6:0:0",
		"::ffff:1.2.3.4", "::ffff:0.0.0.0", "::ffff:255.255.255.255", "::1.2.3.4",
		"::0.1.0.0", "::0.0.1.0", "::0.0.0.1", "::fffe:1.2.3.4", "::ffff:0:1.2.3.4",
		"64:ff9b::1.2.3.4", "1::ffff:1.2.3.4", "::1:ffff:1.2.3.4", "0:0:0:0:0:1:1.2.3.4",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff::", "::ffff", "::ffff:0",
		"abcd:ef01:2345:6789:abcd:ef01:2345:6789", "a:b:c:d:e:f:0:1", "1000:200:30:4::",
		"0:1:0:1:0:1:0:1", "1:0:0:1:0:0:1:1", "1:0:0:0:1:0:0:0", "0:0:0:1:0:0:0:0",
		"0:0:1:0:0:0:1:0", "2002:c000:201::", "::5efe:1.2.3.4", "fe80::5efe:1.2.3.4",
	};
	uint8_t addr[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		assert_int_equal(inet_pton(AF_INET6, addrs[i], addr), 1);
		assert_addr(addr, 16);
	}
}

static void ipv6_addresses_with_zeros_anywhere_are_those_of_inet_ntop(void **state)
{
	(void)state;
	/* Each word is nothing, all ones, small or large: 4^8 addresses. */
	for (unsigned int pattern = 0; pattern < 1 << 16; pattern++) {
		static const uint16_t words[] = { 0, 0xffff, 0x1, 0x1234 };
		uint8_t addr[16];

		for (unsigned int i = 0; i < 8; i++) {
			uint16_t word = words[pattern >> 2 * i & 3];

			addr[2 * i] = (uint8_t)(word >> 8);
			addr[2 * i + 1] = (uint8_t)word;
		}
		assert_addr(addr, 16);
	}
}

static void random_ipv6_addresses_are_those_of_inet_ntop(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 200000; round++) {
		unsigned int zeros = (unsigned int)rand() & 0xff;
		uint8_t addr[16];

		for (unsigned int i = 0; i < 16; i++)
			addr[i] = (uint8_t)(zeros >> i / 2 & 1 ? 0 : rand() >> 7);
		assert_addr(addr, 16);
	}
}

static void addresses_never_leave_their_window(void **state)
{
	static const char *const addrs[] = {
		"abcd:ef01:2345:6789:abcd:ef01:2345:6789", "::", "::1", "2001:db8::1", "::ffff:255.255.255.255",
	};
	uint8_t addr[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		assert_int_equal(inet_pton(AF_INET6, addrs[i], addr), 1);
		assert_bounded(ulogd_buf_addr(b, addr, 16), addrs[i]);
	}
	assert_bounded(ulogd_buf_addr(b, (const uint8_t *)"\xff\xff\xff\xff", 4), "255.255.255.255");
	assert_bounded(ulogd_buf_addr(b, (const uint8_t *)"\x01\x02\x03\x04", 4), "1.2.3.4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_exactly_is_appended),
		cmocka_unit_test(after_the_first_piece_that_does_not_fit_nothing_is_appended),
		cmocka_unit_test(pieces_larger_than_the_window_are_refused_whole),
		cmocka_unit_test(decimals_are_those_of_printf),
		cmocka_unit_test(decimals_of_64_bits_are_those_of_printf),
		cmocka_unit_test(hexadecimals_are_those_of_printf),
		cmocka_unit_test(link_layer_addresses_are_pairs_of_digits_joined_by_colons),
		cmocka_unit_test(no_link_layer_address_is_no_text),
		cmocka_unit_test(ipv4_addresses_are_those_of_inet_ntop),
		cmocka_unit_test(special_ipv6_addresses_are_those_of_inet_ntop),
		cmocka_unit_test(ipv6_addresses_with_zeros_anywhere_are_those_of_inet_ntop),
		cmocka_unit_test(random_ipv6_addresses_are_those_of_inet_ntop),
		cmocka_unit_test(addresses_never_leave_their_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The vocabulary, and values of a record. */
#include <errno.h>

#include "record.h"
#include "unit.h"

static void shared_fields_have_the_name_and_type_of_the_vocabulary(void **state)
{
	struct record_field f = record_field(&(struct ulogd_field){ .id = FIELD_IP_SADDR });

	(void)state;
	assert_string_equal(f.name, "ip.saddr");
	assert_int_equal(f.type, ULOGD_IPADDR);
	assert_int_equal(f.ipfix_vendor, 0);
	assert_int_equal(f.ipfix_element, 8);
	f = record_field(&(struct ulogd_field){ .id = FIELD_OOB_MARK });
	assert_int_equal(f.ipfix_vendor, 21373);
	assert_int_equal(f.ipfix_element, 4);
}

static void a_plugins_own_fields_have_the_name_and_type_it_gives(void **state)
{
	struct record_field f = record_field(&(struct ulogd_field){ .name = "my.field", .type = ULOGD_I16 });

	(void)state;
	assert_string_equal(f.name, "my.field");
	assert_int_equal(f.type, ULOGD_I16);
	assert_int_equal(f.ipfix_element, 0);
}

static void every_shared_field_has_a_name_of_its_own_a_type_and_a_description(void **state)
{
	(void)state;
	for (int i = FIELD_NONE + 1; i < FIELD_COUNT; i++) {
		struct record_field f = record_field(&(struct ulogd_field){ .id = (enum ulogd_field_id)i });

		assert_non_null(f.name);
		assert_true(strlen(f.name) > 0 && strlen(f.name) <= 31);
		assert_true(f.type > ULOGD_NONE && f.type <= ULOGD_RAWSTR);
		assert_true(strlen(f.help) > 0);
		for (int j = i + 1; j < FIELD_COUNT; j++)
			assert_string_not_equal(f.name, record_field(&(struct ulogd_field){
							.id = (enum ulogd_field_id)j }).name);
	}
}

static void types_are_called_as_in_ulogd2(void **state)
{
	(void)state;
	assert_string_equal(record_type_name(ULOGD_I8), "int 8");
	assert_string_equal(record_type_name(ULOGD_U64), "unsigned int 64");
	assert_string_equal(record_type_name(ULOGD_BOOL), "boolean");
	assert_string_equal(record_type_name(ULOGD_IPADDR), "IP addr");
	assert_string_equal(record_type_name(ULOGD_STRING), "string");
	assert_string_equal(record_type_name(ULOGD_RAW), "raw data");
	assert_string_equal(record_type_name(ULOGD_NONE), "Unknown type");
	assert_string_equal(record_type_name((enum ulogd_type)99), "Unknown type");
}

static void tables_end_with_an_empty_line(void **state)
{
	static const struct ulogd_field none[] = { {} };
	static const struct ulogd_field two[] = { { .id = FIELD_PRINT }, { .name = "x", .type = ULOGD_U8 }, {} };

	(void)state;
	assert_int_equal(record_count(NULL), 0);
	assert_int_equal(record_count(none), 0);
	assert_int_equal(record_count(two), 2);
}

/* A record with two outputs, which are its inputs too. */
struct fixture {
	struct ulogd_record rec;
	struct ulogd_value values[2], *out[2];
	struct ulogd_place in[2];
	uint64_t present;
	char arena[16];
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){};
	for (unsigned int i = 0; i < 2; i++) {
		f->out[i] = &f->values[i];
		f->in[i] = (struct ulogd_place){ &f->values[i], &f->present, UINT64_C(1) << i };
	}
	f->rec.in = f->in;
	f->rec.out = f->out;
	f->rec.present = &f->present;
	f->rec.arena = f->arena;
	f->rec.arena_end = f->arena + sizeof(f->arena);
}

static void a_value_is_present_in_its_own_event_only(void **state)
{
	struct fixture f;
	uint64_t num = 7;
	uint32_t num32 = 7;
	size_t len = 7;

	(void)state;
	fixture_init(&f);
	assert_false(ulogd_in_has(&f.rec, 0));
	assert_false(ulogd_in_u64(&f.rec, 0, &num));
	assert_false(ulogd_in_u32(&f.rec, 0, &num32));
	assert_int_equal(num, 7);
	assert_int_equal(num32, 7);
	assert_int_equal(ulogd_in_or_0(&f.rec, 0), 0);
	assert_null(ulogd_in_mem(&f.rec, 0, &len));
	assert_int_equal(len, 0);

	ulogd_set_num(&f.rec, 0, UINT64_C(0x123456789));
	assert_true(ulogd_in_u64(&f.rec, 0, &num));
	assert_true(num == UINT64_C(0x123456789));
	assert_int_equal(ulogd_in_or_0(&f.rec, 0), 0x23456789);
	assert_false(ulogd_in_has(&f.rec, 1));

	f.present = 0;
	assert_false(ulogd_in_has(&f.rec, 0));
	assert_int_equal(ulogd_in_or_0(&f.rec, 0), 0);
}

static void bytes_stay_where_they_are(void **state)
{
	static const char bytes[] = "bytes";
	struct fixture f;
	size_t len;

	(void)state;
	fixture_init(&f);
	ulogd_set_mem(&f.rec, 1, bytes, 3);
	assert_ptr_equal(ulogd_in_mem(&f.rec, 1, &len), bytes);
	assert_int_equal(len, 3);
}

static void texts_stand_one_behind_the_other_in_the_arena(void **state)
{
	struct fixture f;
	struct ulogd_buf text;
	size_t len;

	(void)state;
	fixture_init(&f);
	text = ulogd_text_begin(&f.rec);
	ulogd_buf_lit(&text, "first");
	assert_int_equal(ulogd_set_text(&f.rec, 0, &text), 0);
	text = ulogd_text_begin(&f.rec);
	ulogd_buf_lit(&text, "second");
	assert_int_equal(ulogd_set_text(&f.rec, 1, &text), 0);
	assert_memory_equal(ulogd_in_mem(&f.rec, 0, &len), "first", 5);
	assert_int_equal(len, 5);
	assert_memory_equal(ulogd_in_mem(&f.rec, 1, &len), "second", 6);
	assert_int_equal(len, 6);
}

static void text_that_does_not_fit_is_absent_and_takes_no_room(void **state)
{
	struct fixture f;
	struct ulogd_buf text;

	(void)state;
	fixture_init(&f);
	text = ulogd_text_begin(&f.rec);
	ulogd_buf_lit(&text, "0123456789");
	ulogd_buf_lit(&text, "0123456789");
	assert_int_equal(ulogd_set_text(&f.rec, 0, &text), -ENOSPC);
	assert_false(ulogd_in_has(&f.rec, 0));
	text = ulogd_text_begin(&f.rec);
	ulogd_buf_lit(&text, "0123456789abcdef");
	assert_int_equal(ulogd_set_text(&f.rec, 1, &text), 0);
	assert_true(ulogd_in_has(&f.rec, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_fields_have_the_name_and_type_of_the_vocabulary),
		cmocka_unit_test(a_plugins_own_fields_have_the_name_and_type_it_gives),
		cmocka_unit_test(every_shared_field_has_a_name_of_its_own_a_type_and_a_description),
		cmocka_unit_test(types_are_called_as_in_ulogd2),
		cmocka_unit_test(tables_end_with_an_empty_line),
		cmocka_unit_test(a_value_is_present_in_its_own_event_only),
		cmocka_unit_test(bytes_stay_where_they_are),
		cmocka_unit_test(texts_stand_one_behind_the_other_in_the_arena),
		cmocka_unit_test(text_that_does_not_fit_is_absent_and_takes_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

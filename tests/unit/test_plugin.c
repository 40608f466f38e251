// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding, loading and checking modules; those of unit/module.c are in the directory $STAGE/modules. */
#include <errno.h>

#include "plugin.h"
#include "unit.h"

/* What module.c calls, never here. */
int module_start(struct ulogd_instance *inst);
int module_run(struct ulogd_instance *inst, struct ulogd_record *rec);
int module_format(struct ulogd_instance *inst, const struct ulogd_record *rec, struct ulogd_buf *out);
void module_stop(struct ulogd_instance *inst);
void module_relink(struct ulogd_instance *inst);

int module_start(struct ulogd_instance *inst)
{
	(void)inst;
	return -ENOSYS;
}

int module_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	(void)inst;
	(void)rec;
	return -ENOSYS;
}

int module_format(struct ulogd_instance *inst, const struct ulogd_record *rec, struct ulogd_buf *out)
{
	(void)inst;
	(void)rec;
	(void)out;
	return -ENOSYS;
}

void module_stop(struct ulogd_instance *inst)
{
	(void)inst;
}

void module_relink(struct ulogd_instance *inst)
{
	(void)inst;
}

static char *modules;		/* the directory */

static int setup(void **state)
{
	(void)state;
	log_catch();
	plugin_set_dir(modules);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plugin_fini();
	log_catch_end();
	return 0;
}

static char *module_path(const char *name)
{
	return test_path(modules, name);
}

/* Loads the module file @name, which must fail with @err, and returns why. */
static const char *load_fails(const char *name, int err)
{
	const struct ulogd_plugin *plugin = NULL;
	const char *why = NULL;
	char *path = module_path(name);

	assert_int_equal(plugin_load(path, &plugin, &why), err);
	assert_null(plugin);
	assert_non_null(why);
	free(path);
	return why;
}

static const struct ulogd_plugin *load(const char *path)
{
	const struct ulogd_plugin *plugin = NULL;
	const char *why = "";
	int ret = plugin_load(path, &plugin, &why);

	if (ret < 0)
		fail_msg("%s: %s", path, why);
	assert_non_null(plugin);
	return plugin;
}

static void a_module_is_loaded_by_its_path(void **state)
{
	const struct ulogd_plugin *plugin;
	char *path = module_path("ulogd_filter_TMARK.so");

	(void)state;
	plugin_set_dir("/nonexistent");
	plugin = load(path);
	assert_string_equal(plugin->name, "TMARK");
	assert_ptr_equal(plugin_find("TMARK"), plugin);
	assert_log_has("registering plugin `TMARK'");
	free(path);
}

static void a_path_that_does_not_exist_is_found_by_its_base_name(void **state)
{
	(void)state;
	assert_string_equal(load("/usr/lib/elsewhere/ulogd/ulogd_filter_TMARK.so")->name, "TMARK");
	assert_string_equal(load("ulogd_output_TOUT.so")->name, "TOUT");
}

static void a_foreign_module_gives_way_to_ours_of_the_same_file_name(void **state)
{
	char *dir = test_dir_new(), *alien = module_path("ulogd_refused_TALIEN.so");
	char *path = test_path(dir, "ulogd_filter_TMARK.so");

	(void)state;
	assert_int_equal(symlink(alien, path), 0);
	assert_string_equal(load(path)->name, "TMARK");
	free(path);
	free(alien);
	test_dir_remove(dir);
}

static void a_missing_module_is_said_with_its_path(void **state)
{
	const char *why = load_fails("ulogd_filter_NONE.so", -ENOENT);

	(void)state;
	assert_non_null(strstr(why, "ulogd_filter_NONE.so"));
}

static void a_module_of_another_version_is_refused_by_name_and_version(void **state)
{
	const char *why = load_fails("ulogd_refused_TOLD.so", -ENOEXEC);
	char version[64];

	(void)state;
	snprintf(version, sizeof(version), "`TOLD' has incompatible version %d", ULOGD_API_VERSION + 41);
	assert_non_null(strstr(why, version));
	snprintf(version, sizeof(version), "needs %d", ULOGD_API_VERSION);
	assert_non_null(strstr(why, version));
	assert_null(plugin_find("TOLD"));
}

static void what_is_no_plugin_of_this_daemon_is_refused(void **state)
{
	(void)state;
	assert_non_null(strstr(load_fails("ulogd_refused_TALIEN.so", -ENOEXEC), "no plugin of this daemon"));
}

static void a_plugin_without_the_callback_of_its_kind_is_refused(void **state)
{
	(void)state;
	assert_non_null(strstr(load_fails("ulogd_refused_TBARE.so", -ENOEXEC), "callback"));
	assert_null(plugin_find("TBARE"));
}

static void loading_a_module_again_is_harmless(void **state)
{
	const struct ulogd_plugin *first = load("ulogd_filter_TMARK.so");

	(void)state;
	assert_ptr_equal(load("ulogd_filter_TMARK.so"), first);
	assert_ptr_equal(plugin_at(0), first);
	assert_null(plugin_at(1));
}

static void another_module_of_a_loaded_name_is_refused(void **state)
{
	const struct ulogd_plugin *first = load("ulogd_filter_TMARK.so");

	(void)state;
	assert_non_null(strstr(load_fails("ulogd_refused_TTWIN.so", -EEXIST), "loaded already"));
	assert_ptr_equal(plugin_find("TMARK"), first);
}

static void a_plugin_is_loaded_by_its_name_whatever_its_class(void **state)
{
	const struct ulogd_plugin *plugin;
	const char *why;

	(void)state;
	assert_int_equal(plugin_load_name("TOUT", &plugin, &why), 0);
	assert_string_equal(plugin->name, "TOUT");
	assert_int_equal(plugin_load_name("TSRC", &plugin, &why), 0);
	assert_int_equal(plugin->kind, ULOGD_INPUT);
	assert_int_equal(plugin_load_name("TSRC", &plugin, &why), 0);
}

static void names_that_are_no_names_find_nothing(void **state)
{
	static const char *const names[] = { "", "NONE", "*", "TMAR?", "[T]MARK", "../modules/x", "T\\MARK", "tmark" };
	const struct ulogd_plugin *plugin;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(plugin_load_name(names[i], &plugin, &why), -ENOENT);
		assert_non_null(why);
	}
}

static void all_that_can_be_loaded_is_listed_in_the_order_of_names(void **state)
{
	static const char *const want[] = {
		"TMARK", "TNEEDY", "TOUT", "TPRINT", "TREQ", "TSRC", "TSRC2", "TSTRANGE", "TWRONGTYPE",
	};

	(void)state;
	plugin_load_all();
	for (unsigned int i = 0; i < ARRAY_SIZE(want); i++) {
		assert_non_null(plugin_at(i));
		assert_string_equal(plugin_at(i)->name, want[i]);
	}
	assert_null(plugin_at(ARRAY_SIZE(want)));
	assert_log_has("incompatible version");
}

static void a_field_names_the_plugin_that_provides_it(void **state)
{
	(void)state;
	plugin_load_all();
	assert_string_equal(plugin_providing("print")->name, "TPRINT");
	assert_string_equal(plugin_providing("tsrc.num")->name, "TSRC");
	assert_null(plugin_providing("strange.field"));
}

/* What --info prints of @name. */
static char *info(const char *name, const struct ulogd_option *common)
{
	const struct ulogd_plugin *plugin;
	const char *why;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(plugin_load_name(name, &plugin, &why), 0);
	assert_non_null(out);
	plugin_info(plugin, common, out);
	fclose(out);
	return text;
}

static void info_lists_options_and_keys_as_ulogd2_does(void **state)
{
	char *text = info("TSRC", NULL);

	(void)state;
	assert_non_null(strstr(text, "Name: TSRC\nConfig options:\n\tVar: text (String, Default: none)\n"));
	assert_non_null(strstr(text, "\tVar: num (Integer, Default: 7)\n"));
	assert_non_null(strstr(text, "Input keys:\n\tInput plugin, No keys\nOutput keys:\n"
			       "\tKey: tsrc.num (unsigned int 64)\n\tKey: oob.prefix (string)\n"
			       "\tKey: oob.mark (unsigned int 32)\n"));
	free(text);
}

static void info_marks_optional_keys(void **state)
{
	char *text = info("TOUT", NULL);

	(void)state;
	assert_non_null(strstr(text, "Input keys:\n\tKey: oob.mark (unsigned int 32, optional)\n"));
	assert_non_null(strstr(text, "Output keys:\n\tOutput plugin, No keys\n"));
	free(text);
}

static void info_shows_empty_tables_and_no_options(void **state)
{
	char *text = info("TMARK", NULL);

	(void)state;
	assert_string_equal(text, "Name: TMARK\nInput keys:\n\tNo statically defined keys\n"
			    "Output keys:\n\tKey: oob.mark (unsigned int 32)\n");
	free(text);
}

static void info_shows_the_options_the_core_adds(void **state)
{
	static const struct ulogd_option common[] = {
		ULOGD_OPT_INT(struct { int32_t queue; }, queue, 3, 1, 9, "how much"),
		{}
	};
	char *text = info("TMARK", common);

	(void)state;
	assert_non_null(strstr(text, "Config options:\n\tVar: queue (Integer, Default: 3)\n\t\thow much; 1 to 9\n"));
	free(text);
}

#define unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_module_is_loaded_by_its_path),
		unit(a_path_that_does_not_exist_is_found_by_its_base_name),
		unit(a_foreign_module_gives_way_to_ours_of_the_same_file_name),
		unit(a_missing_module_is_said_with_its_path),
		unit(a_module_of_another_version_is_refused_by_name_and_version),
		unit(what_is_no_plugin_of_this_daemon_is_refused),
		unit(a_plugin_without_the_callback_of_its_kind_is_refused),
		unit(loading_a_module_again_is_harmless),
		unit(another_module_of_a_loaded_name_is_refused),
		unit(a_plugin_is_loaded_by_its_name_whatever_its_class),
		unit(names_that_are_no_names_find_nothing),
		unit(all_that_can_be_loaded_is_listed_in_the_order_of_names),
		unit(a_field_names_the_plugin_that_provides_it),
		unit(info_lists_options_and_keys_as_ulogd2_does),
		unit(info_marks_optional_keys),
		unit(info_shows_empty_tables_and_no_options),
		unit(info_shows_the_options_the_core_adds),
	};
	const char *stage = getenv("STAGE");

	modules = test_path(stage ? stage : "stage", "modules");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

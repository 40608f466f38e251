// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding, loading and checking modules. */
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "plugin.h"
#include "record.h"

struct module {
	void *handle;
	const struct ulogd_plugin *plugin;
	struct module *next;
};

static struct module *modules;	/* sorted by the plugin's name */
static const char *module_dir = PKGLIBDIR;

void plugin_set_dir(const char *dir)
{
	module_dir = dir;
}

const char *plugin_dir(void)
{
	return module_dir;
}

static int module_check(const struct ulogd_plugin *plugin, const char *path, const char **why)
{
	static char text[PATH_MAX + 128];

	*why = text;
	if (!plugin) {
		snprintf(text, sizeof(text), "%s is no plugin of this daemon", path);
		return -ENOEXEC;
	}
	if (plugin->api_version != ULOGD_API_VERSION) {
		snprintf(text, sizeof(text), "plugin `%s' has incompatible version %" PRIu32
			 ", this daemon needs %u; build it anew", plugin->name ? plugin->name : path,
			 plugin->api_version, ULOGD_API_VERSION);
		return -ENOEXEC;
	}
	if (!plugin->name || (plugin->kind == ULOGD_FILTER && !plugin->run) ||
	    (plugin->kind == ULOGD_INPUT && !plugin->start) ||
	    (plugin->kind == ULOGD_OUTPUT && !plugin->format)) {
		snprintf(text, sizeof(text), "%s lacks a name or a callback of its kind", path);
		return -ENOEXEC;
	}
	return 0;
}

static int module_open(const char *path, const struct ulogd_plugin **ret, const char **why)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct ulogd_plugin *plugin;
	struct module **at, *module;
	int err;

	if (!handle) {
		*why = dlerror();
		return -ENOENT;
	}
	plugin = dlsym(handle, "ulogd_plugin");
	err = module_check(plugin, path, why);
	if (err < 0)
		goto err_close;
	for (at = &modules; *at && strcmp((*at)->plugin->name, plugin->name) <= 0;
	     at = &(*at)->next) {
		if ((*at)->plugin == plugin) {
			dlclose(handle);	/* the same file again */
			*ret = plugin;
			return 0;
		}
		if (strcmp((*at)->plugin->name, plugin->name) == 0) {
			*why = "another module of this name is loaded already";
			err = -EEXIST;
			goto err_close;
		}
	}
	module = malloc(sizeof(*module));
	if (!module) {
		*why = strerror(ENOMEM);
		err = -ENOMEM;
		goto err_close;
	}
	*module = (struct module){ .handle = handle, .plugin = plugin, .next = *at };
	*at = module;
	log_info("registering plugin `%s'", plugin->name);
	*ret = plugin;
	return 0;

err_close:
	dlclose(handle);
	return err;
}

int plugin_load(const char *path, const struct ulogd_plugin **ret, const char **why)
{
	const char *base = strrchr(path, '/');
	char own[PATH_MAX];
	int err;

	base = base ? base + 1 : path;
	snprintf(own, sizeof(own), "%s/%s", module_dir, base);
	if (access(path, F_OK) < 0)
		return module_open(own, ret, why);
	err = module_open(path, ret, why);
	/* A module of ulogd2 that is still installed: ours of the same name does its work. */
	if (err < 0 && err != -EEXIST && access(own, F_OK) == 0)
		err = module_open(own, ret, why);
	return err;
}

int plugin_load_name(const char *name, const struct ulogd_plugin **ret, const char **why)
{
	char pattern[PATH_MAX];
	glob_t found;
	int err;

	*ret = plugin_find(name);
	if (*ret)
		return 0;
	*why = "no such plugin";
	if (name[0] == '\0' || strpbrk(name, "*?[]/\\"))
		return -ENOENT;
	snprintf(pattern, sizeof(pattern), "%s/ulogd_*_%s.so", module_dir, name);
	if (glob(pattern, 0, NULL, &found) != 0)
		return -ENOENT;
	err = module_open(found.gl_pathv[0], ret, why);
	globfree(&found);
	return err;
}

void plugin_load_all(void)
{
	const struct ulogd_plugin *plugin;
	char pattern[PATH_MAX];
	const char *why;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/ulogd_*.so", module_dir);
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (module_open(found.gl_pathv[i], &plugin, &why) < 0)
			log_debug("%s: %s", found.gl_pathv[i], why);
	globfree(&found);
}

const struct ulogd_plugin *plugin_find(const char *name)
{
	for (struct module *m = modules; m; m = m->next)
		if (strcmp(m->plugin->name, name) == 0)
			return m->plugin;
	return NULL;
}

const struct ulogd_plugin *plugin_at(unsigned int i)
{
	struct module *m = modules;

	while (m && i-- > 0)
		m = m->next;
	return m ? m->plugin : NULL;
}

const struct ulogd_plugin *plugin_providing(const char *field)
{
	for (struct module *m = modules; m; m = m->next)
		for (unsigned int i = 0; i < record_count(m->plugin->outputs); i++)
			if (strcmp(record_field(&m->plugin->outputs[i]).name, field) == 0)
				return m->plugin;
	return NULL;
}

void plugin_fini(void)
{
	struct module *m;

	while ((m = modules)) {
		modules = m->next;
		dlclose(m->handle);
		free(m);
	}
}

const char *plugin_kind_name(enum ulogd_kind kind)
{
	static const char *const names[] = {
		[ULOGD_INPUT] = "input", [ULOGD_FILTER] = "filter", [ULOGD_OUTPUT] = "output",
	};

	return names[kind];
}

/* ----------------------------------------------------------------- info */

static void option_print(const struct ulogd_option *o, FILE *out)
{
	if (o->type == ULOGD_OPTION_STRING)
		fprintf(out, "\tVar: %s (String, Default: %s)\n", o->name, o->def_str);
	else if (o->type == ULOGD_OPTION_AUTO && o->def == ULOGD_AUTO)
		fprintf(out, "\tVar: %s (Integer, Default: auto)\n", o->name);
	else
		fprintf(out, "\tVar: %s (Integer, Default: %" PRId64 ")\n", o->name, o->def);
	switch (o->type) {
	case ULOGD_OPTION_INT:
		fprintf(out, "\t\t%s; %" PRId64 " to %" PRId64 "\n", o->help, o->min, o->max);
		break;
	case ULOGD_OPTION_AUTO:
		fprintf(out, "\t\t%s; %" PRId64 " to %" PRId64 ", or auto\n", o->help, o->min, o->max);
		break;
	case ULOGD_OPTION_LANES:
		fprintf(out, "\t\t%s; %" PRId64 " to %" PRId64 ", or several as first-last\n", o->help,
			o->min, o->max);
		break;
	case ULOGD_OPTION_U32:
		fprintf(out, "\t\t%s; 32 bits\n", o->help);
		break;
	case ULOGD_OPTION_BOOL:
		fprintf(out, "\t\t%s; 0 no, 1 yes\n", o->help);
		break;
	case ULOGD_OPTION_STRING:
		fprintf(out, "\t\t%s\n", o->help);
		break;
	}
}

static void fields_print(const struct ulogd_field *fields, FILE *out)
{
	unsigned int n = record_count(fields);

	if (n == 0)
		fputs("\tNo statically defined keys\n", out);
	for (unsigned int i = 0; i < n; i++) {
		struct record_field f = record_field(&fields[i]);

		fprintf(out, "\tKey: %s (%s%s)\n", f.name, record_type_name(f.type),
			fields[i].optional ? ", optional" : "");
	}
}

void plugin_info(const struct ulogd_plugin *plugin, const struct ulogd_option *common, FILE *out)
{
	fprintf(out, "Name: %s\n", plugin->name);
	if (plugin->options || common)
		fputs("Config options:\n", out);
	for (const struct ulogd_option *o = plugin->options; o && o->name; o++)
		option_print(o, out);
	for (const struct ulogd_option *o = common; o && o->name; o++)
		option_print(o, out);
	fputs("Input keys:\n", out);
	if (plugin->kind == ULOGD_INPUT)
		fputs("\tInput plugin, No keys\n", out);
	else
		fields_print(plugin->inputs, out);
	fputs("Output keys:\n", out);
	if (plugin->kind == ULOGD_OUTPUT)
		fputs("\tOutput plugin, No keys\n", out);
	else
		fields_print(plugin->outputs, out);
}

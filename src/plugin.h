/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin.h - finding, loading and checking modules; ulogd/plugin.h is what they see of us. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdio.h>

#include <ulogd/plugin.h>

/** Where modules are looked for; set before the first one is loaded. */
void plugin_set_dir(const char *dir);
const char *plugin_dir(void);

/**
 * Loads the module at @path, or the one of the same file name in the plugin directory.
 * @ret: the plugin, which stays loaded until plugin_fini(); loading it again is harmless
 * Returns 0, or a negative errno with the reason in @why, which is plugin.c's.
 */
int plugin_load(const char *path, const struct ulogd_plugin **ret, const char **why);

/** The same by the plugin's name: finds ulogd_*_NAME.so in the plugin directory. */
int plugin_load_name(const char *name, const struct ulogd_plugin **ret, const char **why);

/** Loads all of the plugin directory; modules that cannot be loaded are left out. */
void plugin_load_all(void);

/** The loaded plugin called @name, or NULL. */
const struct ulogd_plugin *plugin_find(const char *name);

/** The loaded plugins in the order of their names: @i counts from 0; NULL behind the last. */
const struct ulogd_plugin *plugin_at(unsigned int i);

/** The loaded plugin that has @field among its outputs, or NULL. */
const struct ulogd_plugin *plugin_providing(const char *field);

/**
 * What --info prints.
 * @common: the options that the core adds to plugins of this kind, or NULL
 */
void plugin_info(const struct ulogd_plugin *plugin, const struct ulogd_option *common, FILE *out);

/** "input", "filter" or "output". */
const char *plugin_kind_name(enum ulogd_kind kind);

/** Unloads everything: no instance may be left. */
void plugin_fini(void);

#endif /* PLUGIN_H */

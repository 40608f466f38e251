// SPDX-License-Identifier: GPL-2.0-or-later
/* From stack= lines to trees of instances; what -t says of them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "record.h"
#include "stack.h"
#include "stack_private.h"

/* One token of a stack= line. */
struct member {
	const char *id;
	const struct ulogd_plugin *plugin;
};

#define STACK_LENGTH_MAX 64

/* The stack that is being added. */
static struct {
	const struct member *members;
	unsigned int n;
} adding;

static bool plugin_has_option(const struct ulogd_plugin *plugin, const char *name)
{
	const struct ulogd_option *tables[] = { plugin->options, instance_common_options(plugin) };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct ulogd_option *o = tables[i]; o && o->name; o++)
			if (strcmp(o->name, name) == 0)
				return true;
	return false;
}

/* For struct conf: which plugin has an option that the one of @section has not. */
static const char *key_elsewhere(const struct conf_section *section, const char *key)
{
	static char text[256];

	for (unsigned int i = 0; i < adding.n; i++) {
		const struct member *m = &adding.members[i];

		if (strcmp(m->id, section->name) == 0 || !plugin_has_option(m->plugin, key))
			continue;
		snprintf(text, sizeof(text), "; %s of the same stack has it: put it into [%s]", m->plugin->name,
			 m->id);
		return text;
	}
	for (unsigned int i = 0; plugin_at(i); i++) {
		if (!plugin_has_option(plugin_at(i), key))
			continue;
		snprintf(text, sizeof(text), "; %s has it: put it into the section of its instance",
			 plugin_at(i)->name);
		return text;
	}
	return NULL;
}

/* An id for an example: "ip2str1" for IP2STR. */
static const char *example_id(const char *name)
{
	static char id[64];
	size_t i;

	for (i = 0; name[i] && i < sizeof(id) - 2; i++)
		id[i] = (char)tolower((unsigned char)name[i]);
	id[i] = '1';
	id[i + 1] = '\0';
	return id;
}

static int member_parse(struct conf *conf, struct conf_place at, char *token, bool listed_only,
			struct member *ret)
{
	size_t len = strlen(token = token + strspn(token, " \t"));
	struct conf_guess guess = {};
	char *name;
	const char *why;

	while (len > 0 && strchr(" \t", token[len - 1]))
		token[--len] = '\0';
	name = strchr(token, ':');
	if (!name) {
		conf_complain(conf, at, "global", "stack: `%s' lacks its plugin; write id:PLUGIN", token);
		return -EINVAL;
	}
	*name++ = '\0';
	ret->id = token;
	if (listed_only)
		ret->plugin = plugin_find(name);
	else if (plugin_load_name(name, &ret->plugin, &why) < 0)
		ret->plugin = NULL;
	if (ret->plugin)
		return 0;

	plugin_load_all();
	if (plugin_find(name)) {
		conf_complain(conf, at, "global", "stack: plugin %s is not among the plugin= lines; add "
			      "one for it, or remove them all: plugins are found without", name);
		return -ENOENT;
	}
	for (unsigned int i = 0; plugin_at(i); i++)
		conf_guess(&guess, name, plugin_at(i)->name);
	conf_complain(conf, at, "global", "stack: can't find requested plugin %s in %s%s", name,
		      plugin_dir(), guess.best ? conf_guess_text(&guess) :
		      "; install it, or see --list-plugins");
	return -ENOENT;
}

/* Checks that every key that member @i needs is written before it. */
static int member_check_keys(struct conf *conf, struct conf_place at, const struct member *members,
			     unsigned int i)
{
	const struct ulogd_plugin *plugin = members[i].plugin, *provider;

	for (unsigned int k = 0; k < record_count(plugin->inputs); k++) {
		struct record_field want = record_field(&plugin->inputs[k]), have = {};

		for (unsigned int j = i; j-- > 0 && !have.name; ) {
			const struct ulogd_field *outputs = members[j].plugin->outputs;

			for (unsigned int o = 0; o < record_count(outputs) && !have.name; o++)
				if (strcmp(record_field(&outputs[o]).name, want.name) == 0)
					have = record_field(&outputs[o]);
		}
		if (have.name && have.type != want.type) {
			conf_complain(conf, at, "global", "stack: %s:%s needs %s as %s, but before it it "
				      "is %s; one of the two plugins does not belong here",
				      members[i].id, plugin->name, want.name,
				      record_type_name(want.type), record_type_name(have.type));
			return -EINVAL;
		}
		if (have.name || plugin->inputs[k].optional)
			continue;
		plugin_load_all();
		provider = plugin_providing(want.name);
		if (provider)
			conf_complain(conf, at, "global", "stack: %s:%s needs %s, which %s provides: put "
				      "%s:%s before it", members[i].id, plugin->name, want.name,
				      provider->name, example_id(provider->name), provider->name);
		else
			conf_complain(conf, at, "global", "stack: %s:%s needs %s, which no installed "
				      "plugin provides", members[i].id, plugin->name, want.name);
		return -ENOENT;
	}
	return 0;
}

/* Checks that inputs come first, an output last, and that all find their keys. */
static int members_check(struct conf *conf, struct conf_place at, const struct member *members,
			 unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct member *m = &members[i];

		if (i == 0 && m->plugin->kind != ULOGD_INPUT) {
			conf_complain(conf, at, "global", "stack: %s:%s stands first, but it is no input, "
				      "it is of the kind %s; begin with an input", m->id,
				      m->plugin->name, plugin_kind_name(m->plugin->kind));
			return -EINVAL;
		}
		if (i > 0 && m->plugin->kind == ULOGD_INPUT) {
			conf_complain(conf, at, "global", "stack: %s:%s is an input and can only stand "
				      "first; give it a stack= line of its own", m->id, m->plugin->name);
			return -EINVAL;
		}
		for (unsigned int j = 0; j < i; j++) {
			if (strcmp(members[j].id, m->id) == 0 && members[j].plugin != m->plugin) {
				conf_complain(conf, at, "global", "stack: the name %s is used for %s and "
					      "for %s; give one of them another", m->id,
					      members[j].plugin->name, m->plugin->name);
				return -EINVAL;
			}
		}
		if (member_check_keys(conf, at, members, i) < 0)
			return -EINVAL;
	}
	if (members[n - 1].plugin->kind != ULOGD_OUTPUT) {
		conf_complain(conf, at, "global", "stack: it ends with %s:%s, but has to end with an "
			      "output; add one", members[n - 1].id,
			      members[n - 1].plugin->name);
		return -EINVAL;
	}
	return 0;
}

static struct tree *tree_get(struct conf *conf, struct conf_place at, const struct member *m,
			     unsigned int nth)
{
	struct tree **tail, *tree;

	for (tail = &stack_trees; *tail; tail = &(*tail)->next)
		if (strcmp((*tail)->input->id, m->id) == 0 && (*tail)->input->plugin == m->plugin &&
		    (*tail)->nth == nth)
			return *tail;
	tree = calloc(1, sizeof(*tree));
	if (!tree)
		return NULL;
	tree->input = instance_new(conf, at, m->id, m->plugin, NULL);
	if (!tree->input) {
		free(tree);
		return NULL;
	}
	tree->input->tree = tree;
	tree->nth = nth;
	instance_set_nth(tree->input, nth);
	return *tail = tree;
}

/* The child of @parent that @m is: one that exists, unless @m is an output, or a new one. */
static struct ulogd_instance *child_get(struct conf *conf, struct conf_place at,
					struct ulogd_instance *parent, const struct member *m)
{
	struct ulogd_instance **tail, *inst;

	for (tail = &parent->child; *tail; tail = &(*tail)->sibling)
		if ((*tail)->plugin == m->plugin && strcmp((*tail)->id, m->id) == 0 &&
		    m->plugin->kind != ULOGD_OUTPUT)
			return *tail;
	inst = instance_new(conf, at, m->id, m->plugin, parent);
	if (!inst)
		return NULL;
	inst->tree = parent->tree;
	return *tail = inst;
}

/* A stack that is refused: says what is wrong in its sections in the same run. */
static void sections_check(struct conf *conf, struct conf_place at, const struct member *members,
			   unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		instance_free(instance_new(conf, at, members[i].id, members[i].plugin, NULL));
}

void stack_add(struct conf *conf, struct conf_place at, const char *text, bool listed_only)
{
	struct member members[STACK_LENGTH_MAX];
	struct ulogd_instance *inst;
	char *copy = strdup(text), *rest = copy, *token;
	unsigned int n = 0;
	struct tree *tree;

	while (copy && (token = strsep(&rest, ","))) {
		if (token[0] == '\0')
			continue;
		if (n == STACK_LENGTH_MAX) {
			conf_complain(conf, at, "global", "stack: more than %d plugins; split it",
				      STACK_LENGTH_MAX);
			goto out;
		}
		if (member_parse(conf, at, token, listed_only, &members[n]) < 0)
			goto out;
		n++;
	}
	if (n == 0) {
		conf_complain(conf, at, "global", "stack: it is empty; write id:PLUGIN,id:PLUGIN,…");
		goto out;
	}
	adding.members = members;
	adding.n = n;
	conf->elsewhere = key_elsewhere;
	if (members_check(conf, at, members, n) < 0) {
		sections_check(conf, at, members, n);
		goto out;
	}
	for (unsigned int nth = 0, lanes = 1; nth < lanes; nth++) {
		tree = tree_get(conf, at, &members[0], nth);
		inst = tree ? tree->input : NULL;
		for (unsigned int i = 1; i < n && inst; i++)
			inst = child_get(conf, at, inst, &members[i]);
		if (!inst) {
			conf_error(conf, at, "global", "stack: out of memory");
			break;
		}
		lanes = tree->input->lanes;
	}
out:
	adding.n = 0;
	free(copy);
}

/* -------------------------------------------------------------- printing */

/* An instance without a section that a section without an instance may be meant for. */
struct section_search {
	const struct conf *conf;
	const char *name;
	struct conf_guess guess;
};

static void guess_instance(struct ulogd_instance *inst, void *arg)
{
	struct section_search *search = arg;

	for (const struct conf_section *s = search->conf->sections; s; s = s->next)
		if (strcmp(s->name, inst->id) == 0)
			return;	/* it has its section */
	if (inst->plugin->options || instance_common_options(inst->plugin))
		conf_guess(&search->guess, search->name, inst->id);
}

void stack_warn_unused(struct conf *conf)
{
	for (struct conf_section *s = conf->sections; s; s = s->next) {
		struct section_search search = { .conf = conf, .name = s->name };

		if (s->used)
			continue;
		stack_walk_all(guess_instance, &search);
		if (search.guess.best)
			conf_warn(s->at, s->name, "no stack uses this section, and %s has none%s",
				  search.guess.best, conf_guess_text(&search.guess));
	}
}

void stack_print_unused(const struct conf *conf, const char *path, FILE *out)
{
	bool any = false;

	for (const struct conf_section *s = conf->sections; s; s = s->next) {
		if (s->used)
			continue;
		fprintf(out, any ? ", [%s] at " : "no stack uses the sections [%s] at ", s->name);
		if (strcmp(s->at.file, path) == 0)
			fprintf(out, "line %u", s->at.line);
		else
			fprintf(out, "%s:%u", s->at.file, s->at.line);
		any = true;
	}
	if (any)
		fputs("\n", out);
}

void stack_print_lanes(FILE *out)
{
	char first[32], last[32];

	for (const struct tree *tree = stack_trees; tree; tree = tree->next) {
		const struct ulogd_instance *inst = tree->input;
		const char *option;

		if (inst->lanes < 2)
			continue;
		option = instance_lanes_option(inst)->name;
		/* The trees of one input follow one another. */
		if (tree->nth == 0)
			instance_option_text(inst, option, first, sizeof(first));
		else if (tree->nth == inst->lanes - 1)
			fprintf(out, "%s:%s: %s %s to %s, each with stacks of its own\n", inst->id,
				inst->plugin->name, option, first,
				instance_option_text(inst, option, last, sizeof(last)));
	}
}

static void print_visit(struct ulogd_instance *inst, void *arg)
{
	if (inst->tree->nth == 0)
		instance_print(inst, arg);
}

void stack_print_config(FILE *out)
{
	stack_walk_all(print_visit, out);
}

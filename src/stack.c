// SPDX-License-Identifier: GPL-2.0-or-later
/* Joining inputs to outputs, running a record down. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "instance.h"
#include "keep.h"
#include "log.h"
#include "netns.h"
#include "record.h"
#include "stack.h"

static struct tree *trees;	/* in the order of the configuration */
static struct tree *aside;	/* while exchanging: those that run until then */
static atomic_uint inputs_running;
static atomic_bool input_failed;
static unsigned int left_out;	/* branches that could not be started */
static int done_fd = -1;

/* --------------------------------------------------------------- running */

static void instance_failed(struct ulogd_instance *inst, int err)
{
	ulogd_count(&inst->failed, 1);
	if (ulogd_once_a_second(&inst->complained))
		ulogd_error(inst, "a record was given up: %s; %" PRIu64 " so far", strerror(-err),
			    inst->failed);
}

/* Formats the record into the outlet's chunk, as large as it takes. */
static int output_run(struct ulogd_instance *inst, const struct ulogd_record *rec)
{
	struct ulogd_buf out;

	for (unsigned int attempt = 0; outlet_begin(inst->outlet, attempt, &out); attempt++) {
		const char *begin = out.p;
		int ret = inst->plugin->format(inst, rec, &out);

		if (out.full)
			continue;
		if (ret == ULOGD_PASS && out.p > begin)
			outlet_commit(inst->outlet, out.p);
		return ret;
	}
	return ULOGD_PASS;	/* lost here, but instances behind may still have it */
}

static void instance_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	int ret;

	rec->in = inst->in;
	rec->out = inst->out;
	if (inst->plugin->kind == ULOGD_OUTPUT)
		ret = output_run(inst, rec);
	else
		ret = inst->plugin->run(inst, rec);
	if (ret == ULOGD_PASS) {
		ulogd_count(&inst->passed, 1);
		for (struct ulogd_instance *c = inst->child; c; c = c->sibling)
			instance_run(c, rec);
	} else if (ret == ULOGD_STOP) {
		ulogd_count(&inst->stopped, 1);
	} else {
		instance_failed(inst, ret);
	}
}

struct ulogd_record *ulogd_record_begin(struct ulogd_instance *inst)
{
	struct tree *tree = inst->tree;
	struct ulogd_record *rec = &tree->record;

	/* Stamp 0 is "never written".  After 2^32 events an old stamp could look like a new one. */
	if (++rec->stamp == 0) {
		memset(tree->values, 0, tree->n_values * sizeof(*tree->values));
		rec->stamp = 1;
	}
	rec->arena = tree->arena;
	rec->out = inst->out;
	return rec;
}

void ulogd_record_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	ulogd_count(&inst->passed, 1);
	for (struct ulogd_instance *c = inst->child; c; c = c->sibling)
		instance_run(c, rec);
}

/* The daemon ends when no input is left. */
static void input_count_down(void)
{
	static const uint64_t one = 1;
	ssize_t n;

	if (atomic_fetch_sub(&inputs_running, 1) > 1)
		return;
	n = write(done_fd, &one, sizeof(one));	/* cannot fail: the counter has 64 bits */
	(void)n;
}

static void input_ended(struct tree *tree)
{
	if (!atomic_exchange(&tree->done, true))
		input_count_down();
}

void ulogd_input_done(struct ulogd_instance *inst)
{
	input_ended(inst->tree);
}

/* -------------------------------------------------------------- building */

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

	for (tail = &trees; *tail; tail = &(*tail)->next)
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

static void walk_all(void (*visit)(struct ulogd_instance *inst, void *arg), void *arg)
{
	for (struct tree *tree = trees; tree; tree = tree->next)
		instance_walk(tree->input, visit, arg);
}

void stack_walk_inputs(void (*visit)(struct ulogd_instance *inst, void *arg), void *arg)
{
	for (struct tree *tree = trees; tree; tree = tree->next)
		visit(tree->input, arg);
}

bool stack_ends(void)
{
	for (const struct tree *tree = trees; tree; tree = tree->next)
		if (!tree->input->plugin->ends)
			return false;
	return true;
}

static void count_output(struct ulogd_instance *inst, void *arg)
{
	if (inst->plugin->kind == ULOGD_OUTPUT && !inst->child && !inst->attached)
		(*(unsigned int *)arg)++;
}

unsigned int stack_count(void)
{
	unsigned int n = 0;

	walk_all(count_output, &n);
	return n;
}

static void walk_numbered(struct ulogd_instance *inst, unsigned int before,
			  void (*visit)(struct ulogd_instance *inst, unsigned int first,
					unsigned int last, void *arg), void *arg)
{
	unsigned int n = 0;

	if (inst->attached)
		return;
	instance_walk(inst, count_output, &n);
	visit(inst, before + 1, before + n, arg);
	for (struct ulogd_instance *c = inst->child; c; c = c->sibling) {
		walk_numbered(c, before, visit, arg);
		instance_walk(c, count_output, &before);
	}
}

void stack_walk(void (*visit)(struct ulogd_instance *inst, unsigned int first, unsigned int last,
			      void *arg), void *arg)
{
	unsigned int before = 0;

	for (struct tree *tree = trees; tree; tree = tree->next) {
		walk_numbered(tree->input, before, visit, arg);
		instance_walk(tree->input, count_output, &before);
	}
}

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
		walk_all(guess_instance, &search);
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

	for (const struct tree *tree = trees; tree; tree = tree->next) {
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
	walk_all(print_visit, out);
}

/* -------------------------------------------------------- start and stop */

/* The place of the field @want above @inst, made if nobody asked for it before; NULL: no writer. */
static struct ulogd_value *writer_find(struct ulogd_instance *inst, const char *want)
{
	struct tree *tree = inst->tree;

	for (inst = inst->parent; inst; inst = inst->parent) {
		const struct ulogd_field *outputs = inst->plugin->outputs;

		for (unsigned int o = 0; o < record_count(outputs); o++) {
			if (strcmp(record_field(&outputs[o]).name, want) != 0)
				continue;
			if (!inst->out[o] || inst->out[o] == &tree->unread)
				inst->out[o] = &tree->values[tree->n_values++];
			return inst->out[o];
		}
	}
	return NULL;
}

static void instance_link(struct ulogd_instance *inst, void *arg)
{
	const struct ulogd_field *inputs = inst->inputs;

	(void)arg;
	for (unsigned int i = 0; i < record_count(inputs); i++) {
		inst->in[i] = writer_find(inst, record_field(&inputs[i]).name);
		if (!inst->in[i])
			inst->in[i] = &inst->tree->absent;
	}
}

static void instance_link_unread(struct ulogd_instance *inst, void *arg)
{
	(void)arg;
	for (unsigned int o = 0; o < record_count(inst->plugin->outputs); o++)
		if (!inst->out[o])
			inst->out[o] = &inst->tree->unread;
}

static void count_values(struct ulogd_instance *inst, void *arg)
{
	*(unsigned int *)arg += record_count(inst->plugin->outputs);
}

static int tree_link(struct tree *tree)
{
	unsigned int n = 0;

	instance_walk(tree->input, count_values, &n);
	tree->values = calloc(n + 1, sizeof(*tree->values));
	tree->arena = malloc(RECORD_ARENA_SIZE);
	if (!tree->values || !tree->arena)
		return -ENOMEM;
	tree->record.arena_end = tree->arena + RECORD_ARENA_SIZE;
	instance_walk(tree->input, instance_link, NULL);
	instance_walk(tree->input, instance_link_unread, NULL);
	return 0;
}

static void instance_stop(struct ulogd_instance *inst, void *arg)
{
	(void)arg;
	if (inst->tree->lane)
		lane_unwatch(inst->tree->lane, inst);
	if (inst->started && inst->plugin->stop) {
		ulogd_debug(inst, "calling stop for %s", inst->plugin->name);
		inst->plugin->stop(inst);
	}
	inst->started = false;
	instance_outlet_put(inst);
}

/*
 * Starts what is below @inst, then @inst itself, so that an input is opened when everything
 * behind it works.  What fails is taken out of the tree; false when nothing is left.
 */
static bool instance_start(struct ulogd_instance *inst)
{
	struct ulogd_instance **at = &inst->child, *child;
	int ret = 0;

	while ((child = *at)) {
		if (instance_start(child)) {
			at = &child->sibling;
			continue;
		}
		*at = child->sibling;
		instance_free(child);
		left_out++;
	}
	if (inst->plugin->kind != ULOGD_OUTPUT && !inst->child)
		return false;
	if (inst->refused)
		ret = -EINVAL;
	else if (inst->plugin->start)
		ret = inst->plugin->start(inst);
	if (ret == 0 && inst->plugin->kind == ULOGD_OUTPUT && !inst->outlet)
		ret = ulogd_fail(inst, -ENOTCONN, "the plugin named no destination; it is broken");
	inst->started = ret == 0;
	if (ret < 0) {
		log_error("%s:%u: error starting `%s'", inst->at.file, inst->at.line, inst->id);
		instance_walk(inst, instance_stop, NULL);
	}
	return ret == 0;
}

static void input_drain(void *arg)
{
	struct tree *tree = arg;

	if (tree->input->plugin->drain)
		tree->input->plugin->drain(tree->input);
}

static void instance_report(struct ulogd_instance *inst, void *arg)
{
	(void)arg;
	ulogd_notice(inst, "%" PRIu64 " records passed, %" PRIu64 " filtered, %" PRIu64 " failed",
		     inst->passed, inst->stopped, inst->failed);
	if (inst->plugin->report)
		inst->plugin->report(inst);
}

static void tree_report(void *arg)
{
	struct tree *tree = arg;

	instance_walk(tree->input, instance_report, NULL);
}

/* A filter can do without its news, an input cannot. */
static void watcher_failed(void *arg, const struct ulogd_instance *inst)
{
	struct tree *tree = arg;

	if (inst != tree->input)
		return;
	atomic_store(&input_failed, true);
	input_ended(tree);
}

static void tree_free(struct tree *tree)
{
	instance_free(tree->input);
	lane_free(tree->lane);
	free(tree->values);
	free(tree->arena);
	free(tree);
}

/* Goes to the network namespace of the input; netns_leave(*home) returns. */
static int tree_enter_netns(const struct tree *tree, int *home)
{
	const char *netns = tree->input->common.network_namespace_path;
	int ret = netns_enter(netns ? netns : "", home);

	if (ret < 0)
		ulogd_fail(tree->input, ret, "cannot enter the network namespace %s: %m; see "
			   "ip-netns(8), and start as root", netns);
	return ret;
}

static bool tree_start(struct tree *tree)
{
	static const struct lane_ops ops = { .drain = input_drain, .report = tree_report,
					     .failed = watcher_failed };
	bool started;
	int home;

	tree->lane = lane_new(tree->input->id, &ops, tree);
	if (!tree->lane || tree_link(tree) < 0) {
		ulogd_fail(tree->input, -ENOMEM, "cannot start: %m");
		return false;
	}
	if (tree_enter_netns(tree, &home) < 0)
		return false;
	started = instance_start(tree->input);
	netns_leave(home);
	return started;
}

/* The first output whose destination is a certain sink. */
struct first_output {
	const struct sink *sink;
	struct ulogd_instance *inst;
};

static void first_find(struct ulogd_instance *inst, void *arg)
{
	struct first_output *first = arg;

	if (!first->inst && inst->outlet && !inst->attached && inst->outlet->sink == first->sink)
		first->inst = inst;
}

/* Of the outputs with one destination the options of the first count. */
static void output_adjust(struct ulogd_instance *inst, void *arg)
{
	struct first_output first = {};

	(void)arg;
	if (!inst->outlet || inst->attached)
		return;
	first.sink = inst->outlet->sink;
	walk_all(first_find, &first);
	if (inst == first.inst)
		instance_adjust_sink(inst);
	else
		instance_compare_sink(inst, first.inst);
}

/* Starts the trees that do not run yet; those that fail are left out. */
static void trees_start(void)
{
	struct tree **at = &trees, *tree;

	while ((tree = *at)) {
		if (tree->lane || tree_start(tree)) {
			at = &tree->next;
			continue;
		}
		*at = tree->next;
		tree_free(tree);
		left_out++;
	}
	walk_all(output_adjust, NULL);
}

int stack_start(void)
{
	if (done_fd < 0)
		done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (done_fd < 0)
		return -errno;
	trees_start();
	return 0;
}

int stack_run(void)
{
	sigset_t all, before;
	int ret;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	ret = sink_start_all();
	for (struct tree *tree = trees; tree && ret == 0; tree = tree->next) {
		if (!tree->counted)
			atomic_fetch_add(&inputs_running, 1);
		tree->counted = true;
		if (!lane_running(tree->lane))
			ret = lane_start(tree->lane);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static void count_conf(struct ulogd_instance *inst, void *arg)
{
	const struct conf **conf = arg;

	if (inst->conf == *conf)
		*conf = NULL;
}

bool stack_uses(const struct conf *conf)
{
	walk_all(count_conf, &conf);
	return !conf;
}

bool stack_failed(void)
{
	return atomic_load(&input_failed);
}

int stack_done_fd(void)
{
	return done_fd;
}

void stack_report(void)
{
	for (struct tree *tree = trees; tree; tree = tree->next)
		lane_ask_report(tree->lane);
}

void stack_stop(void)
{
	for (struct tree *tree = trees; tree; tree = tree->next)
		lane_ask_stop(tree->lane);
	for (struct tree *tree = trees; tree; tree = tree->next)
		lane_join(tree->lane);
	walk_all(instance_stop, NULL);
}

/* ------------------------------------------------------------ exchanging */

#define SINK_CLOSE_MS	5000	/* a destination that fails, and that nobody uses any more, has that long */
#define ATTACH_TIMEOUT_MS 1000	/* a lane that waits longer for a destination is not held up besides */
#define PAUSE_TIMEOUT_MS 5000	/* a lane that waits longer for a destination cannot be exchanged */

void stack_set_aside(void)
{
	aside = trees;
	trees = NULL;
}

static void trees_free(struct tree **list)
{
	struct tree *tree;

	while ((tree = *list)) {
		*list = tree->next;
		tree_free(tree);
	}
}

void stack_keep_old(void)
{
	trees_free(&trees);
	trees = aside;
	aside = NULL;
}

static bool subtree_same(const struct ulogd_instance *a, const struct ulogd_instance *b)
{
	const struct ulogd_instance *ca, *cb;

	if (!instance_same(a, b))
		return false;
	for (ca = a->child, cb = b->child; ca && cb; ca = ca->sibling, cb = cb->sibling)
		if (!subtree_same(ca, cb))
			return false;
	return !ca && !cb;
}

/* Finds out which of the new trees have a running one for a beginning, or altogether. */
static void trees_match(void)
{
	for (struct tree *tree = aside; tree; tree = tree->next)
		tree->unchanged = false;
	for (struct tree *tree = trees; tree; tree = tree->next) {
		for (tree->same = aside; tree->same; tree->same = tree->same->next)
			if (tree->same->nth == tree->nth &&
			    instance_same(tree->same->input, tree->input))
				break;
		if (tree->same)
			tree->unchanged = tree->same->unchanged =
				subtree_same(tree->same->input, tree->input);
	}
}

static void set_parent(struct ulogd_instance *child, struct ulogd_instance *parent)
{
	for (; child; child = child->sibling)
		child->parent = parent;
}

/* Exchanges what follows the inputs of two trees: their inputs, equal, and lanes change places. */
static void trees_swap_inputs(struct tree *a, struct tree *b)
{
	struct ulogd_instance *input = a->input, *child = input->child;
	struct ulogd_value **out = input->out;
	struct lane *lane = a->lane;
	bool done = a->done, counted = a->counted;

	input->child = b->input->child;
	b->input->child = child;
	input->out = b->input->out;
	b->input->out = out;
	set_parent(input->child, input);
	set_parent(b->input->child, b->input);
	a->input = b->input;
	b->input = input;
	a->input->tree = a;
	b->input->tree = b;
	a->lane = b->lane;
	b->lane = lane;
	a->done = b->done;
	b->done = done;
	a->counted = b->counted;
	b->counted = counted;
	if (a->lane)
		lane_set_arg(a->lane, a);
	if (b->lane)
		lane_set_arg(b->lane, b);
}

static unsigned int children_count(const struct ulogd_instance *inst)
{
	unsigned int n = 0;

	for (const struct ulogd_instance *c = inst->child; c; c = c->sibling)
		n++;
	return n;
}

/* Starts what follows the input of @tree, which is running; all of it or nothing. */
static int children_start(struct tree *tree)
{
	unsigned int n = children_count(tree->input), started = 0;
	struct ulogd_instance **at = &tree->input->child;
	int home, ret = tree_enter_netns(tree, &home);

	if (ret < 0)
		return ret;
	for (; *at && instance_start(*at); at = &(*at)->sibling)
		started++;
	netns_leave(home);
	return started == n ? 0 : -EIO;
}

/* Stops everything that follows the input of @tree, which ran on @lane. */
static void children_stop(struct tree *tree, struct lane *lane)
{
	struct lane *own = tree->lane;

	tree->lane = lane;
	for (struct ulogd_instance *c = tree->input->child; c; c = c->sibling)
		instance_walk(c, instance_stop, NULL);
	tree->lane = own;
}

static bool adopts(const struct tree *tree)
{
	return tree->same && !tree->unchanged;
}

/* Takes the inputs back that inputs_adopt() has given to the trees before @end. */
static void inputs_return(const struct tree *end)
{
	for (struct tree *tree = trees; tree != end; tree = tree->next) {
		if (!adopts(tree))
			continue;
		children_stop(tree, tree->lane);
		trees_swap_inputs(tree, tree->same);
	}
}

/* Gives new trees the running inputs that are theirs, too, if all that follows can be started. */
static int inputs_adopt(void)
{
	for (struct tree *tree = trees; tree; tree = tree->next) {
		int ret;

		if (!adopts(tree))
			continue;
		ret = tree_link(tree);
		if (ret == 0) {
			trees_swap_inputs(tree, tree->same);
			ret = children_start(tree);
		}
		if (ret < 0) {
			if (tree->lane) {
				children_stop(tree, tree->lane);
				trees_swap_inputs(tree, tree->same);
			}
			inputs_return(tree);
			return ret;
		}
	}
	return 0;
}

static void instance_relink(struct ulogd_instance *inst, void *arg)
{
	(void)arg;
	if (inst->plugin->relink && inst->started)
		inst->plugin->relink(inst);
}

static void aside_resume(const struct tree *end)
{
	for (struct tree *tree = aside; tree != end; tree = tree->next)
		if (!tree->unchanged)
			lane_start(tree->lane);
}

/* Pauses the lanes set aside that will not go on as they are, or none. */
static int aside_pause(void)
{
	for (struct tree *tree = aside; tree; tree = tree->next) {
		int ret = tree->unchanged ? 0 : lane_pause(tree->lane, PAUSE_TIMEOUT_MS);

		if (ret == 0)
			continue;
		ulogd_fail(tree->input, ret, "its stacks cannot be exchanged while it waits for a "
			   "destination: %m");
		aside_resume(tree);
		return ret;
	}
	return 0;
}

/* Puts running trees in the places of the new ones that are no different. */
static void unchanged_take(void)
{
	for (struct tree **at = &trees, *tree; (tree = *at); at = &(*at)->next) {
		struct tree **old = &aside;

		if (!tree->unchanged)
			continue;
		while (*old != tree->same)
			old = &(*old)->next;
		*old = tree->same->next;
		*at = tree->same;
		(*at)->next = tree->next;
		tree_free(tree);
	}
}

/* Ends what is left of the trees set aside: all but the inputs that have been adopted. */
static void aside_end(void)
{
	for (struct tree *tree = aside; tree; tree = tree->next)
		if (tree->lane && lane_start(tree->lane) == 0)
			lane_ask_stop(tree->lane);
	for (struct tree *tree = aside; tree; tree = tree->next) {
		if (!tree->lane)
			continue;
		lane_join(tree->lane);
		instance_walk(tree->input, instance_stop, NULL);
		input_ended(tree);
	}
	trees_free(&aside);
}

static int trees_exchange(void)
{
	int ret;

	trees_match();
	ret = aside_pause();
	if (ret < 0)
		return ret;
	ret = inputs_adopt();
	if (ret < 0) {
		aside_resume(NULL);
		sink_close_unused(SINK_CLOSE_MS);	/* those that were opened for nothing */
		return ret;
	}
	atomic_fetch_add(&inputs_running, 1);	/* the end of old inputs is not the daemon's */
	unchanged_take();
	for (struct tree *tree = trees; tree; tree = tree->next)
		if (tree->lane && !tree->unchanged)
			children_stop(tree->same, tree->lane);
	left_out = 0;
	keep_begin();
	aside_end();
	for (struct tree *tree = trees; tree; tree = tree->next)
		if (tree->lane && !tree->unchanged)
			instance_relink(tree->input, NULL);
	trees_start();
	keep_end();
	ret = stack_run();
	if (ret == 0 && left_out > 0)
		ret = 1;
	input_count_down();
	sink_close_unused(SINK_CLOSE_MS);
	return ret;
}

int stack_exchange(void)
{
	sigset_t all, before;
	int ret;

	/* Signals are the main thread's, also those of lanes that go on. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	ret = trees_exchange();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

/* --------------------------------------------------------------- attaching */

/* Takes the places back that only attached instances have read. */
static void instance_unlink(struct ulogd_instance *inst, void *arg)
{
	struct tree *tree = inst->tree;

	(void)arg;
	for (unsigned int o = 0; o < record_count(inst->plugin->outputs); o++)
		if (inst->out[o] >= tree->values + tree->n_own &&
		    inst->out[o] < tree->values + tree->n_values)
			inst->out[o] = &tree->unread;
}

static void attached_free(struct ulogd_instance *inst)
{
	struct tree *tree = inst->tree;

	instance_stop(inst, NULL);
	instance_free(inst);
	if (--tree->n_attached == 0) {
		instance_walk(tree->input, instance_unlink, NULL);
		memset(tree->values + tree->n_own, 0,
		       (tree->n_values - tree->n_own) * sizeof(*tree->values));
		tree->n_values = tree->n_own;
	}
	instance_walk(tree->input, instance_relink, NULL);
}

static int tree_pause(struct tree *tree)
{
	return lane_running(tree->lane) ? lane_pause(tree->lane, ATTACH_TIMEOUT_MS) : 0;
}

int stack_attach(struct conf *conf, const struct ulogd_plugin *plugin, struct ulogd_instance *parent,
		 struct sink *sink, struct ulogd_instance **ret)
{
	struct ulogd_instance *inst = instance_new(conf, (struct conf_place){ "-", 0 }, "ulogctl", plugin,
						   parent), **at = &parent->child;
	struct tree *tree = parent->tree;
	int err, run;

	if (!inst)
		return -ENOMEM;
	inst->tree = tree;
	inst->attached = sink;
	err = tree_pause(tree);
	if (err < 0) {
		instance_free(inst);
		return err;
	}
	if (tree->n_attached++ == 0)
		tree->n_own = tree->n_values;
	instance_link(inst, NULL);
	instance_link_unread(inst, NULL);
	if (instance_start(inst)) {
		while (*at)
			at = &(*at)->sibling;
		*at = *ret = inst;
		instance_walk(tree->input, instance_relink, NULL);
	} else {
		attached_free(inst);
		err = -EIO;
	}
	run = stack_run();
	return err < 0 ? err : run;
}

int stack_detach(struct ulogd_instance *inst)
{
	struct ulogd_instance **at = &inst->parent->child;
	int ret = tree_pause(inst->tree);

	if (ret < 0)
		return ret;
	while (*at != inst)
		at = &(*at)->sibling;
	*at = inst->sibling;
	attached_free(inst);
	stack_run();
	return 0;
}

void stack_fini(void)
{
	trees_free(&trees);
	atomic_store(&inputs_running, 0);
	if (done_fd >= 0)
		close(done_fd);
	done_fd = -1;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* All trees of instances: start, stop, exchange, attaching. */
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
#include "stack.h"
#include "stack_private.h"
#include "tree.h"

struct tree *stack_trees;
static struct tree *aside;	/* while exchanging: those that run until then */
static atomic_uint inputs_running;
static atomic_bool input_failed;
static unsigned int left_out;	/* branches that could not be started */
static int done_fd = -1;

/* -------------------------------------------------- inputs that still run */

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

/* --------------------------------------------------------------- walking */

void stack_walk_all(void (*visit)(struct ulogd_instance *inst, void *arg), void *arg)
{
	for (struct tree *tree = stack_trees; tree; tree = tree->next)
		instance_walk(tree->input, visit, arg);
}

void stack_walk_inputs(void (*visit)(struct ulogd_instance *inst, void *arg), void *arg)
{
	for (struct tree *tree = stack_trees; tree; tree = tree->next)
		visit(tree->input, arg);
}

bool stack_ends(void)
{
	for (const struct tree *tree = stack_trees; tree; tree = tree->next)
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

	stack_walk_all(count_output, &n);
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

	for (struct tree *tree = stack_trees; tree; tree = tree->next) {
		walk_numbered(tree->input, before, visit, arg);
		instance_walk(tree->input, count_output, &before);
	}
}

/* -------------------------------------------------------- start and stop */

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
	stack_walk_all(first_find, &first);
	if (inst == first.inst)
		instance_adjust_sink(inst);
	else
		instance_compare_sink(inst, first.inst);
}

/* Starts the trees that do not run yet; those that fail are left out. */
static void trees_start(void)
{
	struct tree **at = &stack_trees, *tree;

	while ((tree = *at)) {
		if (tree->lane || tree_start(tree)) {
			at = &tree->next;
			continue;
		}
		*at = tree->next;
		tree_free(tree);
		left_out++;
	}
	stack_walk_all(output_adjust, NULL);
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
	for (struct tree *tree = stack_trees; tree && ret == 0; tree = tree->next) {
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
	stack_walk_all(count_conf, &conf);
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
	for (struct tree *tree = stack_trees; tree; tree = tree->next)
		lane_ask_report(tree->lane);
}

void stack_stop(void)
{
	for (struct tree *tree = stack_trees; tree; tree = tree->next)
		lane_ask_stop(tree->lane);
	for (struct tree *tree = stack_trees; tree; tree = tree->next)
		lane_join(tree->lane);
	stack_walk_all(instance_stop, NULL);
}

/* ------------------------------------------------------------ exchanging */

#define SINK_CLOSE_MS	5000	/* a destination that fails, and that nobody uses any more, has that long */
#define ATTACH_TIMEOUT_MS 1000	/* a lane that waits longer for a destination is not held up besides */
#define PAUSE_TIMEOUT_MS 5000	/* a lane that waits longer for a destination cannot be exchanged */

void stack_set_aside(void)
{
	aside = stack_trees;
	stack_trees = NULL;
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
	trees_free(&stack_trees);
	stack_trees = aside;
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
	for (struct tree *tree = stack_trees; tree; tree = tree->next) {
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
	uint64_t *present = input->present;
	struct lane *lane = a->lane;
	bool done = a->done, counted = a->counted;

	input->child = b->input->child;
	b->input->child = child;
	input->out = b->input->out;
	b->input->out = out;
	input->present = b->input->present;
	b->input->present = present;
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

/* Starts what follows the input of @tree, which is running; all of it or nothing. */
static int children_start(struct tree *tree)
{
	unsigned int left_out_before = left_out;
	struct ulogd_instance *child = tree->input->child;
	int home, ret = tree_enter_netns(tree, &home);

	if (ret < 0)
		return ret;
	while (child && instance_start(child))
		child = child->sibling;
	netns_leave(home);
	return !child && left_out == left_out_before ? 0 : -EIO;
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
	for (struct tree *tree = stack_trees; tree != end; tree = tree->next) {
		if (!adopts(tree))
			continue;
		children_stop(tree, tree->lane);
		trees_swap_inputs(tree, tree->same);
	}
}

/* Gives new trees the running inputs that are theirs, too, if all that follows can be started. */
static int inputs_adopt(void)
{
	for (struct tree *tree = stack_trees; tree; tree = tree->next) {
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
	for (struct tree **at = &stack_trees, *tree; (tree = *at); at = &(*at)->next) {
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
	/* The end of old inputs is not the daemon's.  Without any the reload before has left this as it is. */
	if (aside)
		atomic_fetch_add(&inputs_running, 1);
	unchanged_take();
	for (struct tree *tree = stack_trees; tree; tree = tree->next)
		if (tree->lane && !tree->unchanged)
			children_stop(tree->same, tree->lane);
	left_out = 0;
	keep_begin();
	aside_end();
	for (struct tree *tree = stack_trees; tree; tree = tree->next)
		if (tree->lane && !tree->unchanged)
			instance_relink(tree->input, NULL);
	trees_start();
	keep_end();
	ret = stack_run();
	if (ret == 0 && left_out > 0)
		ret = 1;
	/* A daemon without stacks goes on, so that it can be told better. */
	if (stack_trees)
		input_count_down();
	else
		log_error("no stack is left: nothing is logged until another configuration is read");
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

static void attached_free(struct ulogd_instance *inst)
{
	struct tree *tree = inst->tree;

	instance_stop(inst, NULL);
	instance_free(inst);
	if (--tree->n_attached == 0) {
		instance_walk(tree->input, tree_unlink_instance, NULL);
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
	tree_link_instance(inst, NULL);
	tree_link_unread(inst, NULL);
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
	trees_free(&stack_trees);
	atomic_store(&inputs_running, 0);
	if (done_fd >= 0)
		close(done_fd);
	done_fd = -1;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* IFINDEX - turn interface indices into names, in the network namespace of the input. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>

#include <libnfnetlink/libnfnetlink.h>

#include <ulogd/plugin.h>

enum { DIR_IN, DIR_OUT, N_DIRS };

enum { IN_IFINDEX_IN = DIR_IN, IN_IFINDEX_OUT = DIR_OUT };
static const struct ulogd_field inputs[] = {
	[IN_IFINDEX_IN]  = { .id = FIELD_OOB_IFINDEX_IN },
	[IN_IFINDEX_OUT] = { .id = FIELD_OOB_IFINDEX_OUT },
	{}
};

enum { OUT_IN = DIR_IN, OUT_OUT = DIR_OUT };
static const struct ulogd_field outputs[] = {
	[OUT_IN]  = { .id = FIELD_OOB_IN },
	[OUT_OUT] = { .id = FIELD_OOB_OUT },
	{}
};

/* The last name of each direction: packets come in runs. */
struct name {
	uint32_t index;
	size_t len;
	char text[IFNAMSIZ];
};

struct ifindex_filter {
	struct nlif_handle *table;	/* the kernel's interfaces, kept current by its news */
	struct name last[N_DIRS];
};

/* News about interfaces. */
static int ifindex_ready(struct ulogd_instance *inst)
{
	struct ifindex_filter *f = ulogd_priv(inst);

	for (unsigned int i = 0; i < N_DIRS; i++)
		f->last[i].index = 0;
	if (nlif_catch(f->table) >= 0)
		return 0;
	/* News were lost: ask for the whole table. */
	if (nlif_query(f->table) < 0)
		ulogd_error(inst, "cannot read the interfaces: %m; names may be old");
	return 0;
}

static bool ifindex_news_wait(const struct ifindex_filter *f)
{
	struct pollfd pfd = { .fd = nlif_fd(f->table), .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

static void name_look_up(struct ulogd_instance *inst, struct name *name, uint32_t index)
{
	struct ifindex_filter *f = ulogd_priv(inst);

	/* The packet of a new interface may be here before the news of it. */
	while (nlif_index2name(f->table, index, name->text) < 0) {
		if (!ifindex_news_wait(f)) {
			name->text[0] = '\0';
			break;
		}
		ifindex_ready(inst);
	}
	name->index = index;
	name->len = strlen(name->text);
}

static int ifindex_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	struct ifindex_filter *f = ulogd_priv(inst);

	for (unsigned int i = 0; i < N_DIRS; i++) {
		uint32_t index = ulogd_in_or_0(rec, i);
		struct name *name = &f->last[i];

		if (index == 0) {
			ulogd_set_mem(rec, i, "", 0);
			continue;
		}
		if (name->index != index)
			name_look_up(inst, name, index);
		ulogd_set_mem(rec, i, name->text, name->len);
	}
	return ULOGD_PASS;
}

static int ifindex_start(struct ulogd_instance *inst)
{
	struct ifindex_filter *f = ulogd_priv(inst);
	int ret;

	f->table = nlif_open();
	if (!f->table)
		return ulogd_fail(inst, errno ? -errno : -EIO, "cannot open rtnetlink: %m");
	if (nlif_query(f->table) < 0) {
		ret = ulogd_fail(inst, errno ? -errno : -EIO, "cannot read the interfaces: %m");
		goto err_close;
	}
	ret = ulogd_watch(inst, nlif_fd(f->table), ifindex_ready);
	if (ret < 0)
		goto err_close;
	return 0;

err_close:
	nlif_close(f->table);
	return ret;
}

static void ifindex_stop(struct ulogd_instance *inst)
{
	struct ifindex_filter *f = ulogd_priv(inst);

	nlif_close(f->table);
}

ULOGD_PLUGIN(struct ifindex_filter,
	.name = "IFINDEX", .kind = ULOGD_FILTER,
	.inputs = inputs, .outputs = outputs,
	.start = ifindex_start, .run = ifindex_run, .stop = ifindex_stop,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* IFINDEX - turn interface indices into names, in the network namespace of the input. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>

#include <libnfnetlink/libnfnetlink.h>

#include <ulogd/plugin.h>

/* Interfaces first, of which each packet has a name, then bridge ports, which are rare. */
enum { DEV_IN, DEV_OUT, DEV_PHYSIN, DEV_PHYSOUT, N_DEVS };

enum {
	IN_IFINDEX_IN = DEV_IN, IN_IFINDEX_OUT = DEV_OUT,
	IN_IFINDEX_PHYSIN = DEV_PHYSIN, IN_IFINDEX_PHYSOUT = DEV_PHYSOUT,
};
static const struct ulogd_field inputs[] = {
	[IN_IFINDEX_IN]      = { .id = FIELD_OOB_IFINDEX_IN },
	[IN_IFINDEX_OUT]     = { .id = FIELD_OOB_IFINDEX_OUT },
	[IN_IFINDEX_PHYSIN]  = { FIELD_OOB_IFINDEX_PHYSIN, .optional = true },
	[IN_IFINDEX_PHYSOUT] = { FIELD_OOB_IFINDEX_PHYSOUT, .optional = true },
	{}
};

enum { OUT_IN = DEV_IN, OUT_OUT = DEV_OUT, OUT_PHYSIN = DEV_PHYSIN, OUT_PHYSOUT = DEV_PHYSOUT };
static const struct ulogd_field outputs[] = {
	[OUT_IN]      = { .id = FIELD_OOB_IN },
	[OUT_OUT]     = { .id = FIELD_OOB_OUT },
	[OUT_PHYSIN]  = { .id = FIELD_OOB_PHYSIN },
	[OUT_PHYSOUT] = { .id = FIELD_OOB_PHYSOUT },
	{}
};

/* The last name of each: packets come in runs. */
struct name {
	uint32_t index;
	size_t len;
	char text[IFNAMSIZ];
};

struct ifindex_filter {
	struct nlif_handle *table;	/* the kernel's interfaces, kept current by its news */
	struct name last[N_DEVS];
	bool wanted[N_DEVS];
};

/* News about interfaces. */
static int ifindex_ready(struct ulogd_instance *inst)
{
	struct ifindex_filter *f = ulogd_priv(inst);

	for (unsigned int i = 0; i < N_DEVS; i++)
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

static void name_set(struct ulogd_instance *inst, struct ulogd_record *rec, unsigned int i,
		     uint32_t index)
{
	struct ifindex_filter *f = ulogd_priv(inst);
	struct name *name = &f->last[i];

	if (name->index != index)
		name_look_up(inst, name, index);
	ulogd_set_mem(rec, i, name->text, name->len);
}

static int ifindex_run(struct ulogd_instance *inst, struct ulogd_record *rec)
{
	const struct ifindex_filter *f = ulogd_priv(inst);
	uint32_t index;

	for (unsigned int i = DEV_IN; i <= DEV_OUT; i++) {
		index = ulogd_in_or_0(rec, i);
		if (index == 0)
			ulogd_set_mem(rec, i, "", 0);
		else
			name_set(inst, rec, i, index);
	}
	for (unsigned int i = DEV_PHYSIN; i <= DEV_PHYSOUT; i++)
		if (f->wanted[i] && ulogd_in_u32(rec, i, &index) && index != 0)
			name_set(inst, rec, i, index);
	return ULOGD_PASS;
}

static void ifindex_relink(struct ulogd_instance *inst)
{
	struct ifindex_filter *f = ulogd_priv(inst);

	for (unsigned int i = 0; i < N_DEVS; i++)
		f->wanted[i] = ulogd_out_wanted(inst, i);
}

static int ifindex_start(struct ulogd_instance *inst)
{
	struct ifindex_filter *f = ulogd_priv(inst);
	int ret;

	ifindex_relink(inst);
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
	.start = ifindex_start, .relink = ifindex_relink, .run = ifindex_run, .stop = ifindex_stop,
);

// SPDX-License-Identifier: GPL-2.0-or-later
/* VECTOR - packets from a file of test vectors, one block of `field: value' lines each, without a kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include <ulogd/plugin.h>

#define BATCH 64	/* packets per turn of the loop */

struct bytes {
	uint8_t *data;
	size_t len;
};

/* One block. */
struct packet {
	struct packet *next;
	bool has_pkt, has_time, has_mark, has_uid, has_gid, has_hook, has_protocol;
	uint32_t family, protocol, mark, uid, gid, time, hook;
	char *prefix, *indev, *outdev;	/* NULL: absent */
	struct bytes pkt, mac;
};

struct vector_source {
	const char *file;
	const char *prefix, *indev, *outdev;
	uint32_t time;
	bool truncate;
	bool hold;
	int32_t repeat;

	struct packet *packets;
	struct packet *at;		/* the one whose turn it is */
	size_t cut;			/* truncate: bytes of it to show */
	int32_t round;
	int wake_fd;
};

static const struct ulogd_option options[] = {
	ULOGD_OPT_STRING(struct vector_source, file, "", "file of vectors"),
	ULOGD_OPT_STRING(struct vector_source, prefix, "", "prefix of packets whose block names none"),
	ULOGD_OPT_STRING(struct vector_source, indev, "", "input interface of packets whose block names none"),
	ULOGD_OPT_STRING(struct vector_source, outdev, "", "output interface of packets whose block names none"),
	ULOGD_OPT_U32(struct vector_source, time, 0, "seconds since the epoch, of packets whose block names none"),
	ULOGD_OPT_BOOL(struct vector_source, truncate, false,
		       "each packet once for every length from 0 to its own"),
	ULOGD_OPT_BOOL(struct vector_source, hold, false, "go on after the last packet, until a signal"),
	ULOGD_OPT_INT(struct vector_source, repeat, 1, 0, INT32_MAX, "how often to go through the file"),
	{}
};

/* Those of NFLOG in its order, then the names that UNIXSOCK gives. */
#define OUTPUTS(X) \
	X(RAW_MAC) X(RAW_PKT) X(RAW_PKTLEN) X(RAW_PKTCOUNT) X(OOB_PREFIX) X(OOB_TIME_SEC) \
	X(OOB_TIME_USEC) X(OOB_MARK) X(OOB_IFINDEX_IN) X(OOB_IFINDEX_OUT) X(OOB_HOOK) \
	X(RAW_MAC_LEN) X(OOB_SEQ_LOCAL) X(OOB_SEQ_GLOBAL) X(OOB_FAMILY) X(OOB_PROTOCOL) \
	X(OOB_UID) X(OOB_GID) X(RAW_LABEL) X(RAW_TYPE) X(RAW_MAC_SADDR) X(RAW_MAC_ADDRLEN) \
	X(RAW) X(CT) X(OOB_IN) X(OOB_OUT)

enum {
#define OUTPUT_ENUM(field) OUT_##field,
	OUTPUTS(OUTPUT_ENUM)
};

static const struct ulogd_field outputs[] = {
#define OUTPUT_FIELD(field) { .id = FIELD_##field },
	OUTPUTS(OUTPUT_FIELD)
	{}
};

/* -------------------------------------------------------------- reading */

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Pairs of digits, with or without colons between them. */
static int bytes_parse(const char *text, struct bytes *ret)
{
	uint8_t *data = malloc(strlen(text) / 2 + 1);
	size_t len = 0;

	if (!data)
		return -ENOMEM;
	while (*text) {
		if (*text == ':') {
			text++;
			continue;
		}
		if (digit_value(text[0]) < 0 || digit_value(text[1]) < 0) {
			free(data);
			return -EINVAL;
		}
		data[len++] = (uint8_t)(digit_value(text[0]) << 4 | digit_value(text[1]));
		text += 2;
	}
	free(ret->data);
	*ret = (struct bytes){ data, len };
	return 0;
}

static int text_parse(const char *text, char **ret)
{
	free(*ret);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* Words that numbers have in rules. */
static const struct {
	const char *word;
	uint32_t num;
} words[] = {
	{ "ip", NFPROTO_IPV4 }, { "arp", NFPROTO_ARP }, { "netdev", NFPROTO_NETDEV },
	{ "bridge", NFPROTO_BRIDGE }, { "ip6", NFPROTO_IPV6 },
	{ "prerouting", NF_INET_PRE_ROUTING }, { "input", NF_INET_LOCAL_IN },
	{ "forward", NF_INET_FORWARD }, { "output", NF_INET_LOCAL_OUT },
	{ "postrouting", NF_INET_POST_ROUTING },
};

static int num_parse(const char *text, uint32_t *ret)
{
	char *end;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, text) == 0) {
			*ret = words[i].num;
			return 0;
		}
	}
	*ret = (uint32_t)strtoul(text, &end, 0);
	return end > text && *end == '\0' ? 0 : -EINVAL;
}

/* The field names of a block; others are somebody else's. */
enum kind { KIND_BYTES, KIND_TEXT, KIND_NUM };
static const struct {
	const char *name;
	enum kind kind;
	size_t value, has;	/* offsets; has 0: none */
} fields[] = {
#define FIELD_OF(name, kind) { #name, kind, offsetof(struct packet, name), 0 }
#define FIELD_WITH(name, kind) { #name, kind, offsetof(struct packet, name), offsetof(struct packet, has_##name) }
	FIELD_WITH(pkt, KIND_BYTES), FIELD_OF(mac, KIND_BYTES),
	FIELD_OF(prefix, KIND_TEXT), FIELD_OF(indev, KIND_TEXT), FIELD_OF(outdev, KIND_TEXT),
	FIELD_OF(family, KIND_NUM), FIELD_WITH(protocol, KIND_NUM), FIELD_WITH(mark, KIND_NUM),
	FIELD_WITH(uid, KIND_NUM), FIELD_WITH(gid, KIND_NUM), FIELD_WITH(time, KIND_NUM),
	FIELD_WITH(hook, KIND_NUM),
};

static int field_parse(struct packet *p, const char *name, const char *text)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		void *value = (char *)p + fields[i].value;
		int ret = 0;

		if (strcmp(fields[i].name, name) != 0)
			continue;
		switch (fields[i].kind) {
		case KIND_BYTES:
			ret = bytes_parse(text, value);
			break;
		case KIND_TEXT:
			ret = text_parse(text, value);
			break;
		case KIND_NUM:
			ret = num_parse(text, value);
			break;
		}
		if (fields[i].has)
			*((bool *)((char *)p + fields[i].has)) = true;
		return ret;
	}
	return 0;
}

static void packet_free(struct packet *p)
{
	free(p->prefix);
	free(p->indev);
	free(p->outdev);
	free(p->pkt.data);
	free(p->mac.data);
	free(p);
}

static void packets_free(struct vector_source *src)
{
	struct packet *p;

	while ((p = src->packets)) {
		src->packets = p->next;
		packet_free(p);
	}
}

/* The block is complete: kept if it has a packet, in any case begun anew. */
static void block_end(struct packet **block, struct packet ***tail)
{
	if (!*block)
		return;
	if ((*block)->has_pkt) {
		**tail = *block;
		*tail = &(*block)->next;
	} else {
		packet_free(*block);
	}
	*block = NULL;
}

static int file_parse(struct vector_source *src, FILE *file, unsigned int *line)
{
	struct packet *block = NULL, **tail = &src->packets;
	char *text = NULL, *value;
	size_t size = 0;
	int ret = 0;

	while (ret == 0 && getline(&text, &size, file) >= 0) {
		++*line;
		text[strcspn(text, "\n")] = '\0';
		if (text[0] == '#')
			continue;
		if (text[0] == '\0') {
			block_end(&block, &tail);
			continue;
		}
		value = strchr(text, ':');
		if (!value) {
			ret = -EINVAL;
			break;
		}
		*value++ = '\0';
		if (*value == ' ')
			value++;
		if (!block)
			block = calloc(1, sizeof(*block));
		ret = block ? field_parse(block, text, value) : -ENOMEM;
	}
	block_end(&block, &tail);
	free(text);
	return ret;
}

/* -------------------------------------------------------------- running */

/* As UNIXSOCK: from the version of the packet. */
static uint32_t family_guess(const struct packet *p)
{
	switch (p->pkt.len > 0 ? p->pkt.data[0] >> 4 : 0) {
	case 4:
		return NFPROTO_IPV4;
	case 6:
		return NFPROTO_IPV6;
	default:
		return 0;
	}
}

static void text_set(const struct ulogd_record *rec, unsigned int out, const char *text, const char *or)
{
	text = text ? text : or;
	ulogd_set_mem(rec, out, text, strlen(text));
}

static void num_if(const struct ulogd_record *rec, unsigned int out, bool has, uint32_t num)
{
	if (has)
		ulogd_set_num(rec, out, num);
}

/* Shows the first @len bytes of a packet, in memory of just that size. */
static int packet_run(struct ulogd_instance *inst, const struct packet *p, size_t len)
{
	const struct vector_source *src = ulogd_priv(inst);
	struct ulogd_record *rec;
	uint8_t *copy = malloc(len);

	if (!copy && len > 0)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, p->pkt.data, len);
	rec = ulogd_record_begin(inst);
	ulogd_set_mem(rec, OUT_RAW_PKT, copy ? copy : (const uint8_t *)"", len);
	ulogd_set_num(rec, OUT_RAW_PKTLEN, len);
	ulogd_set_num(rec, OUT_RAW_PKTCOUNT, 1);
	ulogd_set_num(rec, OUT_OOB_FAMILY, p->family ? p->family : family_guess(p));
	ulogd_set_num(rec, OUT_RAW_LABEL, 0);
	text_set(rec, OUT_OOB_PREFIX, p->prefix, src->prefix);
	text_set(rec, OUT_OOB_IN, p->indev, src->indev);
	text_set(rec, OUT_OOB_OUT, p->outdev, src->outdev);
	if (p->mac.len > 0) {
		ulogd_set_mem(rec, OUT_RAW_MAC, p->mac.data, p->mac.len);
		ulogd_set_num(rec, OUT_RAW_MAC_LEN, p->mac.len);
		ulogd_set_num(rec, OUT_RAW_TYPE, 1);
	}
	if (p->mac.len >= 12) {
		ulogd_set_mem(rec, OUT_RAW_MAC_SADDR, p->mac.data + 6, 6);
		ulogd_set_num(rec, OUT_RAW_MAC_ADDRLEN, 6);
	}
	num_if(rec, OUT_OOB_TIME_SEC, p->has_time || src->time, p->has_time ? p->time : src->time);
	num_if(rec, OUT_OOB_PROTOCOL, p->has_protocol, p->protocol);
	num_if(rec, OUT_OOB_MARK, p->has_mark, p->mark);
	num_if(rec, OUT_OOB_UID, p->has_uid, p->uid);
	num_if(rec, OUT_OOB_GID, p->has_gid, p->gid);
	num_if(rec, OUT_OOB_HOOK, p->has_hook, p->hook);
	ulogd_record_run(inst, rec);
	free(copy);
	return 0;
}

/* Moves on to the next packet or length; false behind the last one. */
static bool vector_next(struct vector_source *src)
{
	if (src->truncate && src->cut < src->at->pkt.len) {
		src->cut++;
		return true;
	}
	src->cut = 0;
	src->at = src->at->next;
	if (!src->at && ++src->round < src->repeat)
		src->at = src->packets;
	return src->at != NULL;
}

static int vector_ready(struct ulogd_instance *inst)
{
	struct vector_source *src = ulogd_priv(inst);
	uint64_t wakes;
	bool more = src->at != NULL;

	for (unsigned int i = 0; more && i < BATCH; i++) {
		int ret = packet_run(inst, src->at, src->truncate ? src->cut : src->at->pkt.len);

		if (ret < 0)
			return ret;
		more = vector_next(src);
	}
	if (more)
		return ULOGD_MORE;
	if (read(src->wake_fd, &wakes, sizeof(wakes)) < 0)
		return -errno;
	if (!src->hold)
		ulogd_input_done(inst);
	return 0;
}

static int vector_start(struct ulogd_instance *inst)
{
	struct vector_source *src = ulogd_priv(inst);
	unsigned int line = 0;
	FILE *file;
	int ret;

	if (src->file[0]) {
		file = fopen(src->file, "re");
		if (!file)
			return ulogd_fail(inst, -errno, "cannot open %s: %m", src->file);
		ret = file_parse(src, file, &line);
		fclose(file);
		if (ret < 0) {
			ulogd_fail(inst, ret, "%s:%u: %m", src->file, line);
			goto err_free;
		}
	}
	src->at = src->repeat > 0 ? src->packets : NULL;
	src->wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (src->wake_fd < 0) {
		ret = ulogd_fail(inst, -errno, "eventfd: %m");
		goto err_free;
	}
	ret = ulogd_watch(inst, src->wake_fd, vector_ready);
	if (ret < 0)
		goto err_close;
	return 0;

err_close:
	close(src->wake_fd);
err_free:
	packets_free(src);
	return ret;
}

static void vector_stop(struct ulogd_instance *inst)
{
	struct vector_source *src = ulogd_priv(inst);

	close(src->wake_fd);
	packets_free(src);
}

ULOGD_PLUGIN(struct vector_source,
	.name = "VECTOR", .kind = ULOGD_INPUT,
	.options = options, .outputs = outputs,
	.start = vector_start, .stop = vector_stop,
);

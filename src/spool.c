// SPDX-License-Identifier: GPL-2.0-or-later
/* Chunks on disk: appending, reading back, what a crash left, how far they are delivered. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "log.h"
#include "spool.h"

#define SEGMENT_SIZE	(4u << 20)	/* a segment is ended before it grows larger */
#define SEGMENTS_MIN	16	/* of a small limit: what is delivered is freed a segment at a time */
#define POSITION	"position"
#define ALIGN		4u	/* frames begin at multiples of it */

/*
 * What stands before a chunk.  Behind it: the records, zeros up to a multiple of ALIGN, and the
 * table of record ends as it is in memory.  All numbers have the byte order of the machine.
 */
struct frame {
	uint32_t magic;
	uint32_t len;		/* bytes of the records */
	uint32_t records;
	uint32_t body_crc;	/* of records and table */
	uint32_t crc;		/* of the members before, and of where the frame stands */
};
#define FRAME_MAGIC	0x636c6f67u

/* The file POSITION: what is before it has been delivered. */
struct position {
	uint32_t magic;
	uint32_t done;		/* bytes of the chunk that begins there, … */
	uint32_t records;	/* … in which so many records end */
	uint32_t crc;		/* of all other members */
	uint64_t segment, offset;
};
#define POSITION_MAGIC	0x706f7301u

struct segment {
	struct segment *next;
	uint64_t number;
	uint64_t size;		/* bytes in use: a failed append may have left more */
};

struct spool {
	pthread_mutex_t lock;		/* held during input and output: lanes never come here */
	char *path;
	int dir_fd, position_fd;
	uid_t uid;
	gid_t gid;
	dev_t dev;			/* of its directory */
	ino_t ino;
	atomic_uint_fast64_t limit;
	atomic_uint_fast64_t bytes;	/* of all segments */

	struct segment *first, *last;
	uint64_t next_number;
	int read_fd, append_fd;		/* of the first, of the last; -1: not open */
	uint64_t offset;		/* in the first: the oldest chunk */
	uint32_t done, done_records;	/* of that chunk */
	struct ulogd_once damage;
};

/* ---------------------------------------------------------------- segments */

static void segment_name(char *ret, size_t size, uint64_t number)
{
	snprintf(ret, size, "%016" PRIx64, number);
}

/* Opens segment @number; a new one belongs to the daemon's user. */
static int segment_open(const struct spool *spool, uint64_t number, int flags)
{
	char name[32];
	int fd;

	segment_name(name, sizeof(name), number);
	fd = openat(spool->dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Lets files that root makes be the daemon's, who may be somebody else later. */
static int give(const struct spool *spool, int fd)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == spool->uid)
		return 0;
	return fchown(fd, spool->uid, spool->gid) < 0 ? -errno : 0;
}

static int segment_add(struct spool *spool)
{
	struct segment *seg = calloc(1, sizeof(*seg));
	int fd;

	if (!seg)
		return -ENOMEM;
	fd = segment_open(spool, spool->next_number, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0) {
		free(seg);
		return fd;
	}
	seg->number = spool->next_number++;
	fd_close(&spool->append_fd);
	spool->append_fd = fd;
	if (spool->last)
		spool->last->next = seg;
	else
		spool->first = seg;
	spool->last = seg;
	return 0;
}

static void position_write(const struct spool *spool)
{
	struct position p = {
		.magic = POSITION_MAGIC,
		.done = spool->done,
		.records = spool->done_records,
		.segment = spool->first ? spool->first->number : spool->next_number,
		.offset = spool->offset,
	};

	p.crc = (uint32_t)crc32(0, (const Bytef *)&p, sizeof(p));
	/* What cannot be noted comes twice after a crash, no more. */
	if (pwrite(spool->position_fd, &p, sizeof(p), 0) < 0)
		log_debug("%s: cannot write its position: %s", spool->path, strerror(errno));
}

/* The first segment is delivered, or of no use. */
static void segment_drop(struct spool *spool)
{
	struct segment *seg = spool->first;
	char name[32];

	fd_close(&spool->read_fd);
	spool->first = seg->next;
	if (!spool->first) {
		spool->last = NULL;
		fd_close(&spool->append_fd);
	}
	spool->offset = 0;
	spool->done = spool->done_records = 0;
	position_write(spool);
	segment_name(name, sizeof(name), seg->number);
	if (unlinkat(spool->dir_fd, name, 0) < 0 && errno != ENOENT)
		log_error("%s: cannot remove %s: %s", spool->path, name, strerror(errno));
	atomic_fetch_sub(&spool->bytes, seg->size);
	free(seg);
}

/* ------------------------------------------------------------------ frames */

static uint32_t padded(uint32_t len)
{
	return (len + ALIGN - 1) & ~(ALIGN - 1);
}

/* Bytes from a frame's beginning to the next one's. */
static uint64_t frame_size(const struct frame *f)
{
	return sizeof(*f) + (uint64_t)padded(f->len) + (uint64_t)f->records * sizeof(uint32_t);
}

/* It holds where it stands, so that no bytes of a record can pass for a frame. */
static uint32_t frame_crc(const struct frame *f, uint64_t number, uint64_t offset)
{
	uint64_t place[2] = { number, offset };
	uLong crc = crc32(0, (const Bytef *)place, sizeof(place));

	return (uint32_t)crc32(crc, (const Bytef *)f, offsetof(struct frame, crc));
}

static uint32_t body_crc(const char *records, uint32_t len, const char *table, uint32_t table_len)
{
	uLong crc = crc32(0, (const Bytef *)records, len);

	return (uint32_t)crc32(crc, (const Bytef *)table, table_len);
}

/* True when a chunk began at @offset of @seg, be all of it there or not. */
static bool frame_intact(const struct frame *f, const struct segment *seg, uint64_t offset)
{
	return f->magic == FRAME_MAGIC && f->crc == frame_crc(f, seg->number, offset) &&
	       f->records > 0 && f->len <= CHUNK_MAX && frame_size(f) <= CHUNK_MAX;
}

static bool frame_valid(const struct frame *f, const struct segment *seg, uint64_t offset)
{
	return frame_intact(f, seg, offset) && offset + frame_size(f) <= seg->size;
}

/* Reads what stands before a chunk.  0, -EBADMSG when no whole chunk stands there, or an error. */
static int frame_read(int fd, const struct segment *seg, uint64_t offset, struct frame *ret)
{
	ssize_t n;

	*ret = (struct frame){};
	n = pread(fd, ret, sizeof(*ret), (off_t)offset);
	if (n < 0)
		return -errno;
	return frame_valid(ret, seg, offset) ? 0 : -EBADMSG;
}

/* The offset of the first frame behind @offset, or the segment's size. */
static uint64_t frame_search(int fd, const struct segment *seg, uint64_t offset)
{
	union {
		char bytes[CHUNK_SIZE];
		uint32_t align;
	} block;
	struct frame f;

	offset = (offset / ALIGN + 1) * ALIGN;
	while (offset + sizeof(f) <= seg->size) {
		ssize_t n = pread(fd, block.bytes, sizeof(block.bytes), (off_t)offset), at;

		if (n < (ssize_t)sizeof(f))
			break;
		for (at = 0; at + (ssize_t)sizeof(f) <= n; at += ALIGN) {
			memcpy(&f, block.bytes + at, sizeof(f));
			if (frame_valid(&f, seg, offset + (uint64_t)at))
				return offset + (uint64_t)at;
		}
		offset += (uint64_t)at;
	}
	return seg->size;
}

/* A chunk of which all @f says fits into @buf; what it held is gone. */
static int buf_fit(struct chunk **buf, const struct frame *f)
{
	uint32_t need = padded(f->len) + f->records * (uint32_t)sizeof(uint32_t);
	struct chunk *c = *buf;

	if (!c || c->size < need) {
		if (need < CHUNK_SIZE - sizeof(*c))
			need = CHUNK_SIZE - sizeof(*c);
		c = realloc(c, sizeof(*c) + need);
		if (!c)
			return -ENOMEM;
		c->size = need;
		c->oversized = false;
		c->next = NULL;
		*buf = c;
	}
	c->len = f->len;
	c->records = f->records;
	c->done = 0;
	return 0;
}

/* The table rises and ends where the records do. */
static bool table_valid(const struct chunk *c)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < c->records; i++) {
		uint32_t end = chunk_record_end(c, i);

		if (end < before)
			return false;
		before = end;
	}
	return before == c->len;
}

/* Reads the chunk behind @f.  0, -EBADMSG when it is damaged, or another error. */
static int body_read(int fd, const struct frame *f, uint64_t offset, struct chunk **buf)
{
	int ret = buf_fit(buf, f);
	struct chunk *c = *buf;
	struct iovec parts[3];
	char pad[ALIGN];

	if (ret < 0)
		return ret;
	parts[0] = (struct iovec){ c->data, c->len };
	parts[1] = (struct iovec){ pad, padded(c->len) - c->len };
	parts[2] = (struct iovec){ (char *)chunk_table(c), chunk_table_size(c) };
	if (preadv(fd, parts, 3, (off_t)(offset + sizeof(*f))) != (ssize_t)(frame_size(f) - sizeof(*f)))
		return -EBADMSG;
	if (body_crc(c->data, c->len, chunk_table(c), chunk_table_size(c)) != f->body_crc ||
	    !table_valid(c))
		return -EBADMSG;
	return 0;
}

int spool_append(struct spool *spool, const struct chunk *c)
{
	static const char zeros[ALIGN];
	struct frame f = {
		.magic = FRAME_MAGIC,
		.len = c->len,
		.records = c->records,
		.body_crc = body_crc(c->data, c->len, chunk_table(c), chunk_table_size(c)),
	};
	struct iovec parts[] = {
		{ &f, sizeof(f) },
		{ (char *)c->data, c->len },
		{ (char *)zeros, padded(c->len) - c->len },
		{ (char *)chunk_table(c), chunk_table_size(c) },
	};
	uint64_t size = frame_size(&f), limit = atomic_load(&spool->limit);
	uint64_t room = limit / SEGMENTS_MIN;
	struct segment *seg;
	int ret = 0;
	ssize_t n;

	if (room > SEGMENT_SIZE)
		room = SEGMENT_SIZE;
	pthread_mutex_lock(&spool->lock);
	seg = spool->last;
	if (atomic_load(&spool->bytes) + size > limit)
		ret = -EDQUOT;
	else if (!seg || (seg->size > 0 && seg->size + size > room))
		ret = segment_add(spool);
	else if (spool->append_fd < 0)
		spool->append_fd = ret = segment_open(spool, seg->number, O_RDWR);
	if (ret < 0)
		goto out;
	ret = 0;
	seg = spool->last;
	f.crc = frame_crc(&f, seg->number, seg->size);
	n = pwritev(spool->append_fd, parts, 4, (off_t)seg->size);
	if (n == (ssize_t)size) {
		seg->size += size;
		atomic_fetch_add(&spool->bytes, size);
		goto out;
	}
	/* The next one is written over it; if there is none, spool_open() cuts what stays. */
	ret = n < 0 ? -errno : -ENOSPC;
	if (ftruncate(spool->append_fd, (off_t)seg->size) < 0)
		log_debug("%s: cannot cut: %s", spool->path, strerror(errno));
out:
	pthread_mutex_unlock(&spool->lock);
	return ret;
}

/* ----------------------------------------------------------------- reading */

/* Finds the oldest chunk, passing over what is damaged.  0, -ENODATA or an error.  Lock held. */
static int oldest_find(struct spool *spool, struct frame *ret)
{
	struct segment *seg;

	while ((seg = spool->first)) {
		int err;

		if (spool->offset >= seg->size) {
			/* One that is empty is about to be appended to. */
			if (seg == spool->last && seg->size == 0)
				break;
			segment_drop(spool);
			continue;
		}
		if (spool->read_fd < 0)
			spool->read_fd = segment_open(spool, seg->number, O_RDWR);
		err = spool->read_fd < 0 ? spool->read_fd :
					   frame_read(spool->read_fd, seg, spool->offset, ret);
		if (err == 0)
			return 0;
		if (err != -EBADMSG && err != -EIO && err != -ENOENT)
			return err;
		if (ulogd_once_a_second(&spool->damage))
			log_error("%s: segment %" PRIx64 " is damaged at byte %" PRIu64 ": %s; going "
				  "on behind it", spool->path, seg->number, spool->offset,
				  err == -EBADMSG ? "no chunk begins there" : strerror(-err));
		spool->offset = spool->read_fd < 0 ? seg->size :
			frame_search(spool->read_fd, seg, spool->offset);
		spool->done = spool->done_records = 0;
	}
	return -ENODATA;
}

static void oldest_pass(struct spool *spool, const struct frame *f)
{
	spool->offset += frame_size(f);
	spool->done = spool->done_records = 0;
	if (spool->offset >= spool->first->size)
		segment_drop(spool);
	else
		position_write(spool);
}

int spool_read(struct spool *spool, struct chunk **buf, uint64_t *lost)
{
	struct frame f;
	uint32_t left;
	int ret;

	pthread_mutex_lock(&spool->lock);
	while ((ret = oldest_find(spool, &f)) == 0) {
		ret = body_read(spool->read_fd, &f, spool->offset, buf);
		if (ret != -EBADMSG)
			break;
		/* What had been delivered of it is not lost. */
		left = f.records > spool->done_records ? f.records - spool->done_records : 0;
		if (ulogd_once_a_second(&spool->damage))
			log_error("%s: segment %" PRIx64 " is damaged behind byte %" PRIu64 ": %" PRIu32
				  " records lost", spool->path, spool->first->number,
				  spool->offset, left);
		*lost += left;
		oldest_pass(spool, &f);
	}
	if (ret == 0) {
		(*buf)->done = spool->done;
		if ((*buf)->done > (*buf)->len)
			(*buf)->done = 0;
		chunk_rewind(*buf);
	}
	pthread_mutex_unlock(&spool->lock);
	return ret;
}

void spool_progress(struct spool *spool, uint32_t done, uint32_t records)
{
	pthread_mutex_lock(&spool->lock);
	spool->done = done;
	spool->done_records = records;
	position_write(spool);
	pthread_mutex_unlock(&spool->lock);
}

void spool_pop(struct spool *spool)
{
	const struct segment *first;
	struct frame f;
	uint64_t offset;

	pthread_mutex_lock(&spool->lock);
	first = spool->first;
	offset = spool->offset;
	/* If it was damaged meanwhile, it has been passed over, and the one found is the next. */
	if (oldest_find(spool, &f) == 0 && spool->first == first && spool->offset == offset)
		oldest_pass(spool, &f);
	pthread_mutex_unlock(&spool->lock);
}

/* ----------------------------------------------------------------- opening */

/* Makes a file name of @name, a different one for each. */
static int name_encode(const char *name, char *ret, size_t size)
{
	char *end = ret + size;

	for (const char *p = name; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9') || strchr("-_:@+,", *p) ||
			     (*p == '.' && p > name);

		if (end - ret < 4)
			return -ENAMETOOLONG;
		ret += sprintf(ret, plain ? "%c" : "%%%02X", (unsigned char)*p);
	}
	*ret = '\0';
	return 0;
}

/* The directory of the spool of @name below @dir, to be freed. */
static int path_make(const char *dir, const char *name, char **ret)
{
	char encoded[NAME_MAX + 1];
	int err = name_encode(name, encoded, sizeof(encoded));

	if (err == 0 && asprintf(ret, "%s/%s", dir, encoded) < 0)
		err = -ENOMEM;
	if (err < 0)
		*ret = NULL;
	return err;
}

/* The directory of all spools that we have made: its owner can make others there later. */
static int parent_give(const struct spool *spool, const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = give(spool, fd);
	close(fd);
	return ret;
}

/* Opens the spool's own directory, only for this process. */
static int dir_open(struct spool *spool, const char *dir, const char *name)
{
	struct stat st;
	int ret = path_make(dir, name, &spool->path);

	if (ret < 0)
		return ret;
	if (mkdir(dir, 0755) == 0)
		ret = parent_give(spool, dir);
	else if (errno != EEXIST)
		ret = -errno;
	if (ret < 0)
		return ret;
	if (mkdir(spool->path, 0700) < 0 && errno != EEXIST)
		return -errno;
	spool->dir_fd = open(spool->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (spool->dir_fd < 0 || fstat(spool->dir_fd, &st) < 0)
		return -errno;
	spool->dev = st.st_dev;
	spool->ino = st.st_ino;
	/* Whoever can write there decides what is delivered. */
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != spool->uid)
		return -EPERM;
	if (faccessat(spool->dir_fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) < 0)
		return -errno;
	if (flock(spool->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if ((st.st_mode & 077) != 0 && fchmod(spool->dir_fd, 0700) < 0)
		return -errno;
	return give(spool, spool->dir_fd);
}

static int position_open(struct spool *spool, struct position *ret)
{
	uint32_t crc;
	int err;

	*ret = (struct position){};
	spool->position_fd = openat(spool->dir_fd, POSITION,
				    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spool->position_fd < 0)
		return -errno;
	err = give(spool, spool->position_fd);
	if (err < 0)
		return err;
	if (pread(spool->position_fd, ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret)) {
		crc = ret->crc;
		ret->crc = 0;
		if (ret->magic == POSITION_MAGIC &&
		    crc == (uint32_t)crc32(0, (const Bytef *)ret, sizeof(*ret)))
			return 0;
	}
	*ret = (struct position){};
	return 0;
}

static int is_segment(const struct dirent *entry)
{
	return strlen(entry->d_name) == 16 && strspn(entry->d_name, "0123456789abcdef") == 16;
}

/* Makes the list of segments; those before @from have been delivered. */
static int segments_find(struct spool *spool, uint64_t from)
{
	struct dirent **entries;
	int n = scandirat(spool->dir_fd, ".", &entries, is_segment, alphasort), ret = 0;

	if (n < 0)
		return -errno;
	spool->next_number = from > 0 ? from : 1;
	for (int i = 0; i < n; i++) {
		struct segment *seg = calloc(1, sizeof(*seg));
		struct stat st;
		int fd = -1;

		if (!seg) {
			ret = -ENOMEM;
			goto next;
		}
		seg->number = strtoull(entries[i]->d_name, NULL, 16);
		fd = segment_open(spool, seg->number, O_RDWR);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
			ret = ret < 0 ? ret : fd < 0 ? fd : -EINVAL;
			goto next;
		}
		if (seg->number < from || st.st_size == 0) {
			unlinkat(spool->dir_fd, entries[i]->d_name, 0);
			goto next;
		}
		ret = ret < 0 ? ret : give(spool, fd);
		seg->size = (uint64_t)st.st_size;
		atomic_fetch_add(&spool->bytes, seg->size);
		if (spool->last)
			spool->last->next = seg;
		else
			spool->first = seg;
		spool->last = seg;
		if (seg->number >= spool->next_number)
			spool->next_number = seg->number + 1;
		seg = NULL;
next:
		fd_close(&fd);
		free(seg);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

/* Takes off what stands behind @end, where the last whole chunk ends; @records: 0 is unknown. */
static int torn_cut(struct spool *spool, int fd, uint64_t end, uint64_t records,
		    struct spool_found *found)
{
	struct segment *seg = spool->last;

	log_error("%s: its last chunk is not whole: %" PRIu64 " bytes cut, %s%" PRIu64 " records lost",
		  spool->path, seg->size - end, records > 0 ? "" : "at least ",
		  records > 0 ? records : 1);
	found->cut += records > 0 ? records : 1;
	if (ftruncate(fd, (off_t)end) < 0)
		return -errno;
	atomic_fetch_sub(&spool->bytes, seg->size - end);
	seg->size = end;
	return 0;
}

/*
 * Counts the records of @seg from @offset on.  What is damaged is counted when it is read, but
 * what stands at the very end is what a crash has torn: it is cut, so that appending can go on.
 */
static int segment_count(struct spool *spool, struct segment *seg, uint64_t offset,
			 struct spool_found *found)
{
	int fd = segment_open(spool, seg->number, O_RDWR), ret = 0;
	uint64_t last = offset, before = found->records;
	struct chunk *buf = NULL;
	struct frame f = {};

	if (fd < 0)
		return fd;
	while (offset < seg->size) {
		ret = frame_read(fd, seg, offset, &f);
		if (ret == -EBADMSG) {
			uint64_t next = frame_search(fd, seg, offset);

			if (next == seg->size && !seg->next) {
				ret = torn_cut(spool, fd, offset,
					       frame_intact(&f, seg, offset) ? f.records : 0,
					       found);
				goto out;
			}
			offset = next;
			ret = 0;
			continue;
		}
		if (ret < 0)
			goto out;
		last = offset;
		before = found->records;
		found->records += f.records;
		offset += frame_size(&f);
	}
	/* The machine's end may have kept a file's length and not its bytes. */
	if (!seg->next && last < offset) {
		ret = body_read(fd, &f, last, &buf);
		if (ret == -EBADMSG) {
			found->records = before;
			ret = torn_cut(spool, fd, last, f.records, found);
		}
	}
out:
	free(buf);
	close(fd);
	return ret;
}

static int spool_recover(struct spool *spool, struct spool_found *found)
{
	struct position p;
	int ret = position_open(spool, &p);

	if (ret == 0)
		ret = segments_find(spool, p.segment);
	if (ret < 0)
		return ret;
	if (spool->first && spool->first->number == p.segment && p.offset <= spool->first->size) {
		spool->offset = p.offset;
		spool->done = p.done;
		spool->done_records = p.records;
	}
	for (struct segment *seg = spool->first; seg; seg = seg->next) {
		ret = segment_count(spool, seg, seg == spool->first ? spool->offset : 0, found);
		if (ret < 0)
			return ret;
	}
	/* Of the chunk whose delivery had begun. */
	if (found->records >= spool->done_records)
		found->records -= spool->done_records;
	else
		spool->done = spool->done_records = 0;
	return 0;
}

int spool_open(const char *dir, const char *name, uint64_t limit, uid_t uid, gid_t gid,
	       struct spool_found *found, struct spool **ret)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int err;

	*found = (struct spool_found){};
	if (!spool)
		return -ENOMEM;
	pthread_mutex_init(&spool->lock, NULL);
	spool->dir_fd = spool->position_fd = spool->read_fd = spool->append_fd = -1;
	atomic_store(&spool->limit, limit);
	spool->uid = uid;
	spool->gid = gid;
	err = dir_open(spool, dir, name);
	if (err == 0)
		err = spool_recover(spool, found);
	if (err < 0) {
		spool_close(spool);
		return err;
	}
	*ret = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	struct segment *seg;

	if (!spool)
		return;
	while ((seg = spool->first)) {
		spool->first = seg->next;
		free(seg);
	}
	fd_close(&spool->read_fd);
	fd_close(&spool->append_fd);
	fd_close(&spool->position_fd);
	fd_close(&spool->dir_fd);
	pthread_mutex_destroy(&spool->lock);
	free(spool->path);
	free(spool);
}

const char *spool_path(const struct spool *spool)
{
	return spool->path;
}

uint64_t spool_limit(const struct spool *spool)
{
	return atomic_load(&spool->limit);
}

void spool_set_limit(struct spool *spool, uint64_t limit)
{
	atomic_store(&spool->limit, limit);
}

bool spool_is_at(const struct spool *spool, const struct stat *dir)
{
	return spool->dev == dir->st_dev && spool->ino == dir->st_ino;
}

int spool_stat(const char *dir, const char *name, struct stat *ret)
{
	char *path;
	int err = path_make(dir, name, &path);

	if (err < 0)
		return err;
	err = stat(path, ret) < 0 ? -errno : 0;
	free(path);
	return err;
}

uint64_t spool_bytes(const struct spool *spool)
{
	return atomic_load(&spool->bytes);
}

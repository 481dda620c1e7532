/* SPDX-License-Identifier: MIT */
/*
 * The output of a kept run: records in a ring in memory for as long as the host takes them
 * about as fast as they come, else all in a file without a name in the box's root, which no
 * snapshot contains.  Neither outlives the other: both end with the box.
 *
 * A record's header holds a check of its own offset, so that an offset which is not the
 * start of a record is refused instead of misread.
 */
#include "boxcore/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* Most runs print little; one that streams has up to LIMIT_STREAM_CREDIT under way. */
#define RING_SMALL (64 * LIMIT_KIB)
#define RING_LARGE (2 * LIMIT_STREAM_CREDIT)
#define RINGS_MAX (32 * LIMIT_MIB) /* of all spools; who comes later has the file */

static size_t rings_total;

void spool_start(struct spool *spool)
{
	*spool = (struct spool){.fd = -1};
}

static void ring_free(struct spool *spool)
{
	if (spool->ring)
		munmap(spool->ring, spool->ring_size);
	rings_total -= spool->ring_size;
	spool->ring = NULL;
	spool->ring_size = 0;
}

void spool_release(struct spool *spool)
{
	ring_free(spool);
	if (spool->fd >= 0)
		close(spool->fd);
	spool_start(spool);
}

size_t spool_space(const struct spool *spool)
{
	uint64_t used = spool->end - spool->first + PROTO_RECORD_HEADER;

	return used >= LIMIT_RUN_SPOOL ? 0 : (size_t)(LIMIT_RUN_SPOOL - used);
}

static void header(
	uint8_t out[PROTO_RECORD_HEADER], uint64_t offset, uint8_t kind, size_t len)
{
	uint8_t all[13];

	wire_set_u64(all, offset);
	all[8] = kind;
	wire_set_u32(all + 9, (uint32_t)len);
	wire_set_u32(out, (frame_crc(0, all, sizeof all) & 0xffffff00u) | kind);
	wire_set_u32(out + 4, (uint32_t)len);
}

/* Linux has O_TMPFILE on overlayfs only lately. */
static int open_nameless(void)
{
	int fd = open("/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	static unsigned count;

	for (int i = 0; fd < 0 && i < 100; i++) {
		char path[64];

		snprintf(path, sizeof path, "/.boxwright-spool-%u", count++);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			unlink(path);
		else if (errno != EEXIST)
			break;
	}
	return fd;
}

static bool write_all(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

/* ---- the ring -------------------------------------------------------------------------- */

/* The part of the ring that holds `offset`, of at most `len` bytes in one piece. */
static uint8_t *ring_at(const struct spool *spool, uint64_t offset, size_t *len)
{
	size_t at = (size_t)(offset % spool->ring_size);

	if (*len > spool->ring_size - at)
		*len = spool->ring_size - at;
	return spool->ring + at;
}

static void ring_put(
	struct spool *spool, uint64_t offset, const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t part = len;
		uint8_t *to = ring_at(spool, offset, &part);

		memcpy(to, data, part);
		data += part;
		offset += part;
		len -= part;
	}
}

static void ring_get(
	const struct spool *spool, uint64_t offset, uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t part = len;
		const uint8_t *from = ring_at(spool, offset, &part);

		memcpy(data, from, part);
		data += part;
		offset += part;
		len -= part;
	}
}

/* Another ring in place of what there is; false when there is no room for one. */
static bool ring_resize(struct spool *spool, size_t size)
{
	struct spool next = *spool;

	if (rings_total + size - spool->ring_size > RINGS_MAX)
		return false;
	next.ring_size = size;
	next.ring = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (next.ring == MAP_FAILED)
		return false;
	rings_total += size;
	for (uint64_t at = spool->first; spool->ring && at < spool->end;) {
		size_t part = (size_t)(spool->end - at);
		const uint8_t *from = ring_at(spool, at, &part);

		ring_put(&next, at, from, part);
		at += part;
	}
	ring_free(spool);
	*spool = next;
	return true;
}

/* Room for so much more in memory?  What lies in the file stays there until all of it has
 * been taken. */
static bool ring_room(struct spool *spool, size_t len)
{
	size_t need = (size_t)(spool->end - spool->first) + len;

	if (spool->ring && need <= spool->ring_size)
		return true;
	if (!spool->ring && spool->first != spool->end)
		return false;
	if (need <= RING_SMALL && ring_resize(spool, RING_SMALL))
		return true;
	return need <= RING_LARGE && spool->ring_size < RING_LARGE &&
	       ring_resize(spool, RING_LARGE);
}

/* Memory is full: everything moves into the file. */
static int move_to_file(struct spool *spool)
{
	if (spool->fd < 0)
		spool->fd = open_nameless();
	if (spool->fd < 0)
		return -1;
	for (uint64_t at = spool->first; spool->ring && at < spool->end;) {
		size_t part = (size_t)(spool->end - at);
		const uint8_t *from = ring_at(spool, at, &part);

		if (!write_all(spool->fd, from, part, at))
			return -1;
		at += part;
	}
	ring_free(spool);
	return 0;
}

int spool_append(struct spool *spool, uint8_t kind, const uint8_t *data, size_t len)
{
	uint8_t head[PROTO_RECORD_HEADER];

	header(head, spool->end, kind, len);
	if (ring_room(spool, sizeof head + len)) {
		ring_put(spool, spool->end, head, sizeof head);
		ring_put(spool, spool->end + sizeof head, data, len);
	} else {
		if ((spool->ring || spool->fd < 0) && move_to_file(spool) < 0)
			return -1;
		/* A torn record is simply written again. */
		if (!write_all(spool->fd, data, len, spool->end + sizeof head) ||
			!write_all(spool->fd, head, sizeof head, spool->end))
			return -1;
	}
	spool->end += sizeof head + len;
	return 0;
}

uint8_t *spool_place(struct spool *spool, size_t *most)
{
	if (!ring_room(spool, PROTO_RECORD_HEADER + *most))
		return NULL;
	return ring_at(spool, spool->end + PROTO_RECORD_HEADER, most);
}

void spool_placed(struct spool *spool, uint8_t kind, size_t len)
{
	uint8_t head[PROTO_RECORD_HEADER];

	header(head, spool->end, kind, len);
	ring_put(spool, spool->end, head, sizeof head);
	spool->end += sizeof head + len;
}

static ssize_t read_at(
	const struct spool *spool, uint64_t offset, uint8_t *buf, size_t size)
{
	if (size > spool->end - offset)
		size = (size_t)(spool->end - offset);
	if (!spool->ring)
		return pread(spool->fd, buf, size, (off_t)offset);
	/* No more than the record: its header says how long it claims to be. */
	ring_get(spool, offset, buf, PROTO_RECORD_HEADER);
	uint64_t whole = (uint64_t)wire_get_u32(buf + 4) + PROTO_RECORD_HEADER;
	if (size > whole)
		size = (size_t)whole;
	ring_get(spool, offset + PROTO_RECORD_HEADER, buf + PROTO_RECORD_HEADER,
		size - PROTO_RECORD_HEADER);
	return (ssize_t)size;
}

ssize_t spool_read(
	const struct spool *spool, uint64_t offset, uint8_t *buf, uint8_t *ret_kind)
{
	uint8_t expected[PROTO_RECORD_HEADER];

	if (offset < spool->first || offset >= spool->end)
		return -1;
	ssize_t n = read_at(spool, offset, buf, PROTO_RECORD_HEADER + PROTO_DATA_MAX);
	if (n < PROTO_RECORD_HEADER)
		return -1;
	size_t len = wire_get_u32(buf + 4);
	header(expected, offset, buf[0], len);
	if (memcmp(expected, buf, sizeof expected) != 0 || len > PROTO_DATA_MAX ||
		(size_t)n < PROTO_RECORD_HEADER + len)
		return -1;
	*ret_kind = buf[0];
	return (ssize_t)len;
}

void spool_ack(struct spool *spool, uint64_t offset)
{
	uint64_t page = 4096;

	if (offset <= spool->first || offset > spool->end)
		return;
	uint64_t from = spool->first / page * page;
	uint64_t to = offset / page * page;
	if (spool->fd >= 0 && to > from)
		fallocate(spool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)from, (off_t)(to - from));
	spool->first = offset;
}

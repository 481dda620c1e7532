/* SPDX-License-Identifier: MIT */
/*
 * The output of a kept run: records, at first in memory, then all in a file without a
 * name in the box's root, which no snapshot contains.
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
#include <sys/uio.h>
#include <unistd.h>

#define MEMORY (64 * LIMIT_KIB)

void spool_start(struct spool *spool)
{
	*spool = (struct spool){.fd = -1};
}

void spool_release(struct spool *spool)
{
	free(spool->memory);
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

/* Memory is full: everything moves into the file. */
static int move_to_file(struct spool *spool)
{
	if (spool->fd < 0)
		spool->fd = open_nameless();
	if (spool->fd < 0)
		return -1;
	if (spool->memory && !write_all(spool->fd, spool->memory, spool->end, 0))
		return -1;
	free(spool->memory);
	spool->memory = NULL;
	return 0;
}

int spool_append(struct spool *spool, uint8_t kind, const uint8_t *data, size_t len)
{
	uint8_t head[PROTO_RECORD_HEADER];

	header(head, spool->end, kind, len);
	if (spool->end == 0 && !spool->memory)
		spool->memory = init_alloc(MEMORY);
	if (spool->memory && spool->end + sizeof head + len <= MEMORY) {
		memcpy(spool->memory + spool->end, head, sizeof head);
		memcpy(spool->memory + spool->end + sizeof head, data, len);
	} else {
		if (spool->memory && move_to_file(spool) < 0)
			return -1;
		/* The data first: a torn record is simply written again. */
		if (!write_all(spool->fd, data, len, spool->end + sizeof head) ||
			!write_all(spool->fd, head, sizeof head, spool->end))
			return -1;
	}
	spool->end += sizeof head + len;
	return 0;
}

static ssize_t read_at(
	const struct spool *spool, uint64_t offset, uint8_t *buf, size_t size)
{
	if (size > spool->end - offset)
		size = (size_t)(spool->end - offset);
	if (!spool->memory)
		return pread(spool->fd, buf, size, (off_t)offset);
	memcpy(buf, spool->memory + offset, size);
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

/* SPDX-License-Identifier: MIT */
/* What the box's control group counts, of version 1 or 2. */
#include "boxcore/init/init.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUP "/sys/fs/cgroup/"

static bool read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	return true;
}

/* The first number of the first of two files that exists; 0 when neither does. */
static int64_t number(const char *v2, const char *v1)
{
	char text[64];

	if (!read_text(v2, text, sizeof text) && !read_text(v1, text, sizeof text))
		return 0;
	return strtoll(text, NULL, 10);
}

/* The number behind "key " at the start of a line; -1 when there is none. */
static int64_t keyed(const char *path, const char *key)
{
	char text[8192];
	size_t len = strlen(key);

	if (!read_text(path, text, sizeof text))
		return -1;
	for (char *line = text; line && *line;) {
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoll(line + len + 1, NULL, 10);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return -1;
}

void stats_reply(uint32_t stream)
{
	uint8_t reply[28];
	int64_t cpu_us = keyed(GROUP "cpu.stat", "usage_usec");
	int64_t idle = keyed(GROUP "memory.stat", "inactive_file");

	if (cpu_us < 0)
		cpu_us = number(GROUP "cpuacct/cpuacct.usage",
				 GROUP "cpu,cpuacct/cpuacct.usage") /
			 1000;
	if (idle < 0)
		idle = keyed(GROUP "memory/memory.stat", "total_inactive_file");
	int64_t memory =
		number(GROUP "memory.current", GROUP "memory/memory.usage_in_bytes");
	int64_t peak =
		number(GROUP "memory.peak", GROUP "memory/memory.max_usage_in_bytes");
	if (idle > 0 && idle < memory)
		memory -= idle; /* the cache of files is not the box's use */
	wire_set_u64(reply, (uint64_t)cpu_us);
	wire_set_u64(reply + 8, (uint64_t)memory);
	wire_set_u64(reply + 16, (uint64_t)(peak > memory ? peak : memory));
	wire_set_u32(reply + 24,
		(uint32_t)number(GROUP "pids.current", GROUP "pids/pids.current"));
	out_reply(stream, reply, sizeof reply);
}

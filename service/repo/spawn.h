/* SPDX-License-Identifier: MIT */
/* Starting and ending the git child's process. */
#ifndef SERVICE_REPO_SPAWN_H
#define SERVICE_REPO_SPAWN_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>

struct spawn_limits {
	size_t memory; /* address space; not applied under a sanitizer, which maps terabytes */
	size_t file_bytes;
	int cpu_s;
};

/* Our ends of its pipes, all non-blocking. */
struct spawned {
	pid_t pid;
	int pidfd; /* readable when it has died */
	int in;
	int out;
	int complaint;
};
#define SPAWNED_NONE                                                                     \
	{                                                                                \
		.pidfd = -1, .in = -1, .out = -1, .complaint = -1                        \
	}

int spawn_worker(struct spawned *ret, const char *program,
	const struct spawn_limits *limits, struct err *err);

/* Kills the whole group; not yet reaped, so its number is still ours. */
void spawn_kill(const struct spawned *child);

/* Kills the group, reaps, closes; returns the wait status.  Harmless when repeated. */
int spawn_end(struct spawned *child);
DEFINE_CLEANUP(spawned, struct spawned, spawn_end(value))

#endif

/* SPDX-License-Identifier: MIT */
/*
 * One call of a git child: start, feed, listen, end.
 *
 * The child is this program with the verb "git-worker", in a process group of its own, with
 * limits, an empty environment and no descriptors but its three pipes.  However it ends, the
 * whole group is killed and reaped before child_call() returns.
 */
#ifndef SERVICE_REPO_CHILD_H
#define SERVICE_REPO_CHILD_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/json.h"
#include "boxcore/base/secret.h"

struct child_call {
	const char *program; /* NULL: /proc/self/exe */
	const char *verb;    /* for errors: "git import" */
	const json_t *request;
	const struct secret *token; /* may be NULL */
	int64_t limit_ms;
	size_t memory;                                       /* RLIMIT_AS */
	size_t file_bytes;                                   /* RLIMIT_FSIZE */
	int cpu_s;                                           /* RLIMIT_CPU */
	void (*progress)(void *arg, const json_t *progress); /* may be NULL */
	void *progress_arg;
	struct strbuf *data; /* takes WIRE_DATA; NULL: none is expected */
};

/* *ret_result (may be NULL when the call has no result) is a new reference.  An error that
 * the child reports keeps its kind.  ERR_LIMIT: out of CPU time.  ERR_TRANSIENT: out of wall
 * time.  ERR_INTERNAL: it crashed, was killed, or said nothing. */
int child_run(const struct child_call *call, json_t **ret_result, struct cancel *cancel,
	struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Talking to the remote: connect, find a ref, fetch one branch. */
#ifndef SERVICE_REPO_JOB_FETCH_H
#define SERVICE_REPO_JOB_FETCH_H

#include "service/repo/git.h"

struct fetched {
	char branch[256];
	char commit[GIT_OID_HEXSZ + 1];
	bool changed;
	bool damaged; /* it failed because of what lies in the mirror */
	int64_t bytes;
	int64_t objects;
};

/* Connected to the request's URL.  repo may be NULL for asking only. */
int remote_open(struct job *job, git_repository *repo, git_direction direction,
	git_remote **ret, struct err *err);

/* Zeros when the remote has no such ref. */
int remote_find(git_remote *remote, const char *ref, char ret_hex[GIT_OID_HEXSZ + 1],
	struct err *err);

/* branch NULL: the default one. */
int fetch_branch(struct job *job, git_repository *repo, const char *branch,
	struct fetched *ret, struct err *err);

#endif

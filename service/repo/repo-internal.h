/* SPDX-License-Identifier: MIT */
/* What the service-side files of this folder share. */
#ifndef SERVICE_REPO_REPO_INTERNAL_H
#define SERVICE_REPO_REPO_INTERNAL_H

#include "service/repo/child.h"
#include "service/repo/repo.h"

struct repos {
	char *state;
	char *worker;
	char *ca_file;
	bool plain_http;
	int64_t silence_ms;
	int64_t fetch_ms;
	int64_t push_ms;
	int64_t verb_ms;
	size_t fetch_bytes;
	size_t memory;
};

json_t *repo_request(const struct repos *repos, const char *verb, int64_t repo_id);
void repo_request_net(
	const struct repos *repos, json_t *q, const struct repo_remote *remote);

/* Fills in the limits and runs the child. */
int repo_call(const struct repos *repos, struct child_call *call, json_t **ret,
	struct cancel *cancel, struct err *err);

int repo_take_oid(const json_t *result, const char *member, char ret[REPO_OID_SIZE],
	struct err *err);

#endif

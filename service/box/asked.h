/* SPDX-License-Identifier: MIT */
/*
 * What a client asks for when it makes a box: the body of create and from-snapshot, checked
 * member by member.  Pure: nothing of the host or the store is looked at.
 */
#ifndef SERVICE_BOX_ASKED_H
#define SERVICE_BOX_ASKED_H

#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "service/store/store_box.h"

#define AGENT_KEY_STORED "STORED_KEY" /* the account's key, kept by us */

struct asked {
	struct store_box row; /* what was asked for; runtime, size "" when it was not */
	json_t *secrets;      /* {env?, agent_key?, github_token?, mcp_headers?} */
	char *clone_repo;     /* or NULL */
	char *snapshot_id;    /* or NULL */
	int64_t ttl_s;        /* of an ephemeral one */
};

void asked_release(struct asked *asked);
DEFINE_CLEANUP(asked, struct asked, asked_release(value))

int asked_read(
	const json_t *body, bool from_snapshot, struct asked *ret, struct err *err);

/* ---- single members, for changes of a box too (asked_part.c) ---------------------------- */

/* A text member without control characters, at most `max` bytes, copied; absent or null
 * leaves *ret as it is. */
int asked_text(
	const json_t *body, const char *member, size_t max, char **ret, struct err *err);
/* As asked_text(), with line ends and tabs. */
int asked_lines(
	const json_t *body, const char *member, size_t max, char **ret, struct err *err);
int asked_bool(const json_t *body, const char *member, bool *ret, struct err *err);

int asked_label(const json_t *label, struct err *err);
int asked_skill(const char *skill, const char *member, struct err *err);
/* {command, args?, protocol?} as a text for a row. */
int asked_runner(const json_t *runner, char **ret_text, struct err *err);
/* The harness that a model's name stands for. */
const char *asked_harness(const char *model);
/* The list for a row; headers go to *ret_headers ({name: {header: value}}). */
int asked_mcp(const json_t *list, char **ret_text, json_t **ret_headers, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Keys of the API beside those of api_keys_file (which are the operator's).
 *
 * A key is "box_" and 43 characters of A-Za-z0-9-_ (256 random bits).  It is shown once, when
 * it is made; the store has its SHA-256 only.  A revoked key is refused from the very next
 * request on.  The operator manages all keys, a full key those of its own account, a key
 * that may only look none.
 */
#ifndef SERVICE_BOX_BOX_KEYS_H
#define SERVICE_BOX_BOX_KEYS_H

#include "service/box/boxes.h"

/* {name, scope?: "full" | "read", account?}: of another account for the operator only, whose
 * default is BOX_OPERATOR.  {id, name, account, scope, hint, created_at, key}. */
int boxes_key_create(struct boxes *boxes, const struct box_caller *who,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err);
/* {keys: [...]} without the keys themselves, oldest first, revoked ones with revoked_at. */
int boxes_key_list(
	struct boxes *boxes, const struct box_caller *who, json_t **ret, struct err *err);
/* `key` is its id.  Again is fine. */
int boxes_key_revoke(struct boxes *boxes, const struct box_caller *who, const char *key,
	struct cancel *cancel, struct err *err);

struct box_key_owner {
	char account[64];
	char key_id[40];
	bool write; /* scope "full" */
};

/* Whose key has this SHA-256 (64 lower-case hex digits).  ERR_DENIED: no living key has it.
 * From memory most of the time; for the door of the API, before a body is read. */
int boxes_key_owner(struct boxes *boxes, const char *sha256_hex,
	struct box_key_owner *ret, struct err *err);

#endif

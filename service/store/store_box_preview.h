/* SPDX-License-Identifier: MIT */
/*
 * Previews: ports of boxes that the world may reach.
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_BOX_PREVIEW_H
#define SERVICE_STORE_STORE_BOX_PREVIEW_H

#include "service/store/store.h"

struct store_box_preview {
	char *box_id;
	int64_t port;
	char *account;
	char *token_hash;    /* SHA-256 of the bearer token in hex, or NULL */
	char *password_hash; /* of the password of `user`, or NULL */
	int64_t listen_port; /* of ours; 0: by name */
	int64_t created_ms;
};

void store_box_preview_release(struct store_box_preview *preview);
DEFINE_CLEANUP(
	store_box_preview, struct store_box_preview, store_box_preview_release(value))

struct store_box_previews {
	struct store_box_preview *rows;
	size_t count;
};
void store_box_previews_release(struct store_box_previews *list);
DEFINE_CLEANUP(
	store_box_previews, struct store_box_previews, store_box_previews_release(value))

/* Makes or replaces the row of box_id and port.  ERR_CONFLICT when another one has the
 * listen_port, ERR_NOT_FOUND when the box has no row. */
int store_box_preview_put(struct store *store, const struct store_box_preview *preview,
	struct cancel *cancel, struct err *err);
int store_box_preview_get(struct store *store, const char *box_id, int64_t port,
	struct store_box_preview *ret, struct err *err); /* ERR_NOT_FOUND */
int store_box_preview_by_listen(struct store *store, int64_t listen_port,
	struct store_box_preview *ret, struct err *err); /* ERR_NOT_FOUND */
/* By port, all; box_id NULL: of all boxes. */
int store_box_preview_list(struct store *store, const char *box_id,
	struct store_box_previews *ret, struct err *err);
int store_box_preview_delete(struct store *store, const char *box_id, int64_t port,
	struct cancel *cancel, struct err *err); /* ERR_NOT_FOUND */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of boxes.  They belong to an account and outlive their box.
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_BOX_SNAPSHOT_H
#define SERVICE_STORE_STORE_BOX_SNAPSHOT_H

#include "service/store/store.h"

#define STORE_SNAPSHOT_STATES(X)                                                         \
	X(CREATING, "creating")                                                          \
	X(READY, "ready")                                                                \
	X(ERROR, "error")                                                                \
	X(DELETING, "deleting")

enum store_snapshot_state {
#define X(name, word) STORE_SNAPSHOT_##name,
	STORE_SNAPSHOT_STATES(X)
#undef X
};

const char *store_snapshot_state_name(enum store_snapshot_state state);

#define STORE_SNAPSHOT_IN(state) (1U << (state))
#define STORE_SNAPSHOT_ANY 0xfU

struct store_box_snapshot {
	char *id, *account;
	char *box_id; /* which may be gone */
	char *name;
	enum store_snapshot_state state;
	char *error; /* or NULL */
	char *image; /* "" until ready */
	int64_t size_bytes;
	/* What a restored box takes over; as in struct store_box */
	char *runtime, *agent, *model, *runner, *skills, *mcp, *git_name, *git_email,
		*sealed;
	int64_t created_ms;
};

void store_box_snapshot_release(struct store_box_snapshot *snapshot);
DEFINE_CLEANUP(
	store_box_snapshot, struct store_box_snapshot, store_box_snapshot_release(value))

struct store_box_snapshots {
	struct store_box_snapshot *rows;
	size_t count;
};
void store_box_snapshots_release(struct store_box_snapshots *list);
DEFINE_CLEANUP(store_box_snapshots, struct store_box_snapshots,
	store_box_snapshots_release(value))

int store_box_snapshot_add(struct store *store, const struct store_box_snapshot *snapshot,
	struct cancel *cancel, struct err *err);
int store_box_snapshot_get(struct store *store, const char *account, const char *id,
	struct store_box_snapshot *ret, struct err *err); /* ERR_NOT_FOUND */
/* Newest first, all.  box_id NULL: all of the account. */
int store_box_snapshot_list(struct store *store, const char *account, const char *box_id,
	struct store_box_snapshots *ret, struct err *err);
/* Of all accounts, those in one of the states, in no order. */
int store_box_snapshot_list_in(struct store *store, unsigned states,
	struct store_box_snapshots *ret, struct err *err);

/* Creating -> ready; ERR_CONFLICT naming the state when it is not being made any more. */
int store_box_snapshot_set_ready(struct store *store, const char *id, const char *image,
	int64_t size_bytes, struct cancel *cancel, struct err *err);
/* `from`: STORE_SNAPSHOT_IN(...); ERR_CONFLICT as above.  error NULL: none. */
int store_box_snapshot_set_state(struct store *store, const char *id, unsigned from,
	enum store_snapshot_state to, const char *error, struct cancel *cancel,
	struct err *err);
/* A missing one is fine. */
int store_box_snapshot_delete(
	struct store *store, const char *id, struct cancel *cancel, struct err *err);

/* How many boxes and snapshots stand on the image. */
int store_image_used(struct store *store, const char *image, int64_t *ret_boxes,
	int64_t *ret_snapshots, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Effects: what the service does to the outside, each at most once.
 *
 * Plan, mark as sent, do, mark as done.  After a restart an effect that is `planned` was
 * not done; one that is `sent` may have been: it is looked up outside before it is made.
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_EFFECT_H
#define SERVICE_STORE_STORE_EFFECT_H

#include "service/store/store.h"

#define STORE_EFFECT_STATES(X)                                                           \
	X(PLANNED, "planned")                                                            \
	X(SENT, "sent")                                                                  \
	X(DONE, "done")                                                                  \
	X(REFUSED, "refused")

enum store_effect_state {
#define X(name, word) STORE_EFFECT_##name,
	STORE_EFFECT_STATES(X)
#undef X
};

const char *store_effect_state_name(enum store_effect_state state);

/* Which effect; borrowed. */
struct store_effect_key {
	int64_t task_id;   /* of a command's: -(its id) */
	const char *lease; /* the writer's; NULL: not fenced (a command's answer) */
	const char *kind;  /* "comment", "branch", "pull_request", "reaction", ... */
	const char *slot;  /* tells effects of a kind apart: "status", "eyes"; NULL: "" */
};

struct store_effect {
	int64_t task_id;
	char *kind, *slot;
	enum store_effect_state state;
	char *want;       /* what it is to be, as the planner wrote it */
	int64_t sent_ms;  /* 0: never sent */
	char *remote_id;  /* (null) until done */
	char *remote_url; /* (null) */
	char *err;        /* (null); why it was refused */
};

void store_effect_release(struct store_effect *effect);
DEFINE_CLEANUP(store_effect, struct store_effect, store_effect_release(value))

struct store_effects {
	struct store_effect *rows;
	size_t count;
};
void store_effects_release(struct store_effects *list);
DEFINE_CLEANUP(store_effects, struct store_effects, store_effects_release(value))

/* Makes the row if there is none; ret (may be NULL) is the row as it is now, whose state
 * tells what is left to do.  An existing row's want stays. */
int store_effect_plan(struct store *store, const struct store_effect_key *key,
	const char *want, struct store_effect *ret, struct cancel *cancel,
	struct err *err);

/* planned or sent -> sent.  ERR_CONFLICT when it is done or refused. */
int store_effect_sent(struct store *store, const struct store_effect_key *key,
	int64_t now_ms, struct cancel *cancel, struct err *err);

/* any -> done; remote_id and remote_url may be NULL (kept as they are). */
int store_effect_done(struct store *store, const struct store_effect_key *key,
	const char *remote_id, const char *remote_url, struct cancel *cancel,
	struct err *err);

/* planned or sent -> refused: asking again is useless. */
int store_effect_refused(struct store *store, const struct store_effect_key *key,
	const char *why, struct cancel *cancel, struct err *err);

/* ERR_NOT_FOUND.  The key's lease is not looked at. */
int store_effect_get(struct store *store, const struct store_effect_key *key,
	struct store_effect *ret, struct err *err);
int store_effect_list(
	struct store *store, int64_t task_id, struct store_effects *ret, struct err *err);

#endif

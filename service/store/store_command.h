/* SPDX-License-Identifier: MIT */
/*
 * Commands for a lane: what a person asked about the lane's tasks (cancel, retry, status,
 * help) in a comment.
 *
 * They come in by store_delivery_add() and are handled by the workers' side, which asks
 * GitHub for the person's permission first: take, do, finish.  A command waits for no
 * running task.  See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_COMMAND_H
#define SERVICE_STORE_STORE_COMMAND_H

#include "service/store/store.h"

#define STORE_COMMAND_STATES(X)                                                          \
	X(READY, "ready")                                                                \
	X(TAKEN, "taken")                                                                \
	X(DONE, "done")                                                                  \
	X(FAILED, "failed")

enum store_command_state {
#define X(name, word) STORE_COMMAND_##name,
	STORE_COMMAND_STATES(X)
#undef X
};

/* All borrowed. */
struct store_command_new {
	const char *lane;
	const char *verb;  /* see trigger.h */
	const char *about; /* JSON, see STORE_ABOUT in store_task.h; NULL: "" */
	const char *word;  /* the verb as it was written */
	const char *text;
	int64_t repo_id, installation_id;
	const char *owner, *repo;
	int64_t number;
	bool is_pull;
	int64_t requester_id;
	const char *requester_login;
	int64_t comment_id; /* 0: none */
	bool only_says;     /* an answer in words is all that comes of it */
	int64_t now_ms;
};

struct store_command {
	int64_t id;
	char *lane, *verb, *word, *text;
	int64_t repo_id, installation_id;
	char *owner, *repo;
	int64_t number;
	bool is_pull;
	int64_t requester_id;
	char *requester_login;
	int64_t comment_id;
	char *about;
	bool only_says;
	char *delivery_id;
	int64_t created_ms;

	enum store_command_state state;
	char *lease; /* (null) unless taken */
	int64_t run_at_ms;
	int64_t attempt;
	int64_t finished_ms; /* 0: not finished */
	char *outcome;       /* (null); a sentence */
};

void store_command_release(struct store_command *command);
DEFINE_CLEANUP(store_command, struct store_command, store_command_release(value))

/* The oldest that is due, of those that do more than say something if there is one: 1 and the
 * row, 0 for none, -1. */
int store_command_take(struct store *store, const char *lease, int64_t now_ms,
	struct store_command *ret, struct cancel *cancel, struct err *err);

/* Ends it, fenced by the lease. */
int store_command_finish(struct store *store, const struct store_command *command,
	bool ok, const char *outcome, int64_t now_ms, struct cancel *cancel,
	struct err *err);

/* Back to ready: to be taken again at run_at_ms.  Not counted as an attempt: nothing was
 * begun. */
int store_command_put_back(struct store *store, const struct store_command *command,
	int64_t run_at_ms, bool counted, const char *error, struct cancel *cancel,
	struct err *err);

/* Whether the same person asked the same here once more since, and waits for it: 1 and the
 * newest such command, 0, -1. */
int store_command_asked_again(struct store *store, const struct store_command *command,
	int64_t *ret_id, struct err *err);

/* For tests. */
int store_command_get(
	struct store *store, int64_t id, struct store_command *ret, struct err *err);

#endif

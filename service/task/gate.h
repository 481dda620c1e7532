/* SPDX-License-Identifier: MIT */
/*
 * Who may ask for what, by the repository's configuration and by what GitHub says now.
 *
 * Payloads are only hints: a person's role is asked from GitHub at the moment of the question,
 * and doubt is a no.  Our own bot may never ask; another bot only when the configuration lists
 * its user id.  People who have no role in the repository (on a public one GitHub calls all
 * the world readers) are outsiders: they may use the read-only verbs that `allow.outsiders`
 * names, and are told nothing when they may not.
 *
 * Any thread.
 */
#ifndef SERVICE_TASK_GATE_H
#define SERVICE_TASK_GATE_H

#include "service/config/repo_config.h"
#include "service/task/task.h"

#define GATE_WHY_SIZE 400

struct gate_person {
	int64_t id; /* 0: nobody can be told apart, and nobody may */
	const char *login;
};

struct gate_answer {
	bool may;
	bool words; /* has a role here: may be answered in words; else a reaction only */
	enum github_role role; /* as GitHub told it; an outsider's is NONE */
	const char *
		code; /* "refused_role", "refused_bot", "refused_config"; NULL when may */
	char why[GATE_WHY_SIZE]; /* a sentence for people; "" when may */
};

/* Whether the person may use `verb` (of a task or command: trigger.h) under these rules. */
int gate_may(struct task_env *env, const struct github_repo *repo,
	const struct repo_config *rules, const char *verb, const struct gate_person *who,
	struct gate_answer *ret, struct cancel *cancel, struct err *err);

/* The rules of the repository's default branch as GitHub has them now (see rules.h).  For a
 * file that cannot be read they are the service's own, locked (repo_config_lock()): a mistake in
 * a push must not let anybody do more, and admins, who may repair it, can still stop things. */
int rules_now(struct task_env *env, const struct github_repo *repo,
	struct repo_config *ret, struct cancel *cancel, struct err *err);

/* gate_may() with those rules.  For commands. */
int rules_may(struct task_env *env, const struct github_repo *repo, const char *verb,
	const struct gate_person *who, struct gate_answer *ret, struct cancel *cancel,
	struct err *err);

struct task_ctx;
/* Tells the requester in a comment why nothing was started; nothing when nobody asked. */
int gate_tell(struct task_ctx *ctx, const char *why, struct err *err);

#endif

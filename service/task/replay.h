/* SPDX-License-Identifier: MIT */
/*
 * Tasks of verb "rebase": the pull request's change on the newest commit of its target.
 * Internal to service/task, but for replay_pushed().
 *
 * The change is merged with the new base on the host (repo_replay()).  Without a conflict
 * there is nothing for an agent to do: the result goes to the checks.  With one, a fresh box
 * from the newest snapshot gets the merged files with their conflict markers, and an agent
 * resolves them.  While all commits of the branch are the service's own, they become one
 * commit on the new base and the branch is replaced, with a lease.  As soon as one is a
 * person's nothing is replaced: the new base is merged into the branch.
 */
#ifndef SERVICE_TASK_REPLAY_H
#define SERVICE_TASK_REPLAY_H

#include "service/store/store_command.h"
#include "service/task/context.h"

/* What step_replay came to, kept as an effect of the task. */
struct replay {
	char *onto;   /* new head of the target */
	char *head;   /* of the pull request's branch: where the branch must stand */
	char *marked; /* commit of the merged tree, perhaps with conflict markers */
	bool clean;
	bool merge;   /* a person's commits are there: parents are head and onto */
	char *files;  /* those in conflict, a line each; "" */
	char *person; /* whose commit keeps the branch from being replaced; "" */
	int64_t nfiles;
};
void replay_release(struct replay *replay);
DEFINE_CLEANUP(replay, struct replay, replay_release(value))

/* 1 and *ret when the task is a rebase behind its step replay, 0 when not, -1. */
int replay_load(struct task_ctx *ctx, struct replay *ret, struct err *err);

/* The commit that the work of this task is compared with: the marked one, so that an agent
 * answers for what it did and not for the merge; base_oid for all other tasks.  free(). */
int replay_work_base(struct task_ctx *ctx, char **ret, struct err *err);

/* For collect, of a rebase (nothing for other tasks): ERR_INPUT when conflicts are left;
 * `result` becomes what the pull request shows, the change to its new base. */
int replay_collected(struct task_ctx *ctx, struct repo_result *result, struct err *err);

/* Appends the prompt: the files in conflict, and how to resolve them. */
int replay_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err);

/* For a command "pushed": makes one rebase task for each open pull request of ours that the
 * push put into conflict with its target, at most one for each new base.  ERR_TRANSIENT with
 * retry_after_s while GitHub does not know yet: the command is to be put back. */
int replay_pushed(struct task_env *env, const struct store_command *command,
	struct cancel *cancel, struct err *err);

#endif

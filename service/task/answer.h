/* SPDX-License-Identifier: MIT */
/*
 * How tasks end that make no pull request: ask, plan, test and review.  Their results are
 * words on GitHub.  Internal to service/task.
 */
#ifndef SERVICE_TASK_ANSWER_H
#define SERVICE_TASK_ANSWER_H

#include "service/task/context.h"

/* For step_gate(), of a person who may: 1 when the verb makes sense here, 0 when it was decided
 * that it does not ("refused_verb": one line tells why), -1. */
int answer_gate(struct task_ctx *ctx, struct err *err);

/* For step_report(), of a task that came there undecided: decides "answered" (ask),
 * "planned" (plan: its text waits in the conversation from here on) or "tested" (test).
 * Does nothing for other verbs. */
int answer_decide(struct task_ctx *ctx, struct err *err);

/* Whether the task ended in one of these words, "reviewed" or "refused_verb": answer_tell()
 * says what people are told. */
bool answer_is(const struct task_ctx *ctx);
/* The comment and the reaction; a review has been made by its own step. */
int answer_tell(struct task_ctx *ctx, struct err *err);

#endif

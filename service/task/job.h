/* SPDX-License-Identifier: MIT */
/*
 * The task of a scheduled job: what differs from one that a person asked for.  Internal to
 * service/task.
 *
 * Commands are run where an agent would work (step `job`), an offer is looked at before it is
 * checked and published (step `offer`), nobody is told of an end without a pull request, and
 * the job's row learns of each end (jobs.h).
 */
#ifndef SERVICE_TASK_JOB_H
#define SERVICE_TASK_JOB_H

#include "service/jobs/spec.h"
#include "service/task/context.h"

/* 1 and the settings of the task's job (spec_release()); 0 when it is no job's, or its job is
 * gone; -1. */
int job_spec(struct task_ctx *ctx, struct spec *ret, struct err *err);

/* Lays the job's own harness, model, limits and labels over ctx->file; nothing for other
 * tasks.  A job that is gone leaves the file as it is. */
int job_settings(struct task_ctx *ctx, struct err *err);

/* Whether an agent works for this job, so that one may repair what it did. */
bool job_has_agent(struct task_ctx *ctx);

/* The prompt of a job with an agent. */
int job_prompt(struct task_ctx *ctx, const char *dir, const char *checks,
	struct strbuf *out, struct err *err);

/* Instead of telling people how a task ended: the job's row is told, and its pull request only
 * when a person's commits stopped the job, once for each place where the branch stands. */
int job_tell(struct task_ctx *ctx, struct err *err);

int step_job(struct task_ctx *ctx, struct err *err);
int step_offer(struct task_ctx *ctx, struct err *err);

#endif

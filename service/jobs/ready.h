/* SPDX-License-Identifier: MIT */
/*
 * What a job does: the commands of one without an agent, the words of one with.
 *
 * The ready jobs are texts of prompts/ (job_<name>.md): commands stand there in a block of
 * code, and get their options as variables JOB_<OPTION>.  Pure and thread-safe.
 */
#ifndef SERVICE_JOBS_READY_H
#define SERVICE_JOBS_READY_H

#include "service/jobs/spec.h"

/* In the box: Markdown that commands write there, by the variable BOXWRIGHT_SUMMARY, stands
 * in the pull request. */
#define READY_SUMMARY "/tmp/boxwright-summary.md"

struct ready_commands {
	char **items; /* for `sh -lc`, in order */
	char **shown; /* what people read instead: one line each */
	size_t count;
	char **env; /* "JOB_HEADER=...", BOXWRIGHT_SUMMARY; ends with NULL */
	size_t nenv;
};
void ready_commands_release(struct ready_commands *commands);
DEFINE_CLEANUP(ready_commands, struct ready_commands, ready_commands_release(value))

/* ERR_INTERNAL for a job with an agent. */
int ready_commands(const struct spec *spec, struct ready_commands *ret, struct err *err);

/* What the agent is asked for; free(). */
char *ready_request(const struct spec *spec, struct err *err);

#endif

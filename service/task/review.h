/* SPDX-License-Identifier: MIT */
/*
 * The agent's findings on their way to one review.  Internal to service/task.
 *
 * For step_work() of the verb review: what the agent said is read once, as it came, and kept
 * in task->summary as JSON (review_parse.h) until step_review() has made the review.  Does
 * not save the row.
 */
#ifndef SERVICE_TASK_REVIEW_H
#define SERVICE_TASK_REVIEW_H

#include "service/store/store_task.h"

void review_keep(struct store_task *task, const char *answer);

#endif

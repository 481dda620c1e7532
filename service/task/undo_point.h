/* SPDX-License-Identifier: MIT */
/*
 * What `undo` goes back to: the box, the branch and the agent's session as they were before
 * the last run that changed something.  Internal to service/task.
 *
 * It is planned before a run (an effect of the task), becomes the conversation's when the
 * run's commit has been pushed, and is dropped when the task ends without one: what failed has
 * nothing to take back, and what was before it can still be.
 */
#ifndef SERVICE_TASK_UNDO_POINT_H
#define SERVICE_TASK_UNDO_POINT_H

#include "service/task/context.h"

#define UNDO_TAG_BEGIN "boxwright-snap:conv-"
#define UNDO_TAG_SIZE 144

/* Before a run that changes something: `has_box` the conversation's box is there, paused, with
 * its HEAD at talk.box_oid; a snapshot of it is made.  The first plan of a task stays. */
int undo_point_plan(struct task_ctx *ctx, bool has_box, struct err *err);
/* What an image for undo is called: of this conversation, made for `task`, with HEAD at `oid`. */
void undo_point_name(const struct task_ctx *ctx, int64_t task, const char *oid,
	char ret[UNDO_TAG_SIZE]);
/* Behind the push: fills the conversation's undo_* (context_keep() writes them) and tells the
 * image that they replace in *ret_old (free(), may be NULL), to be dropped after that. */
int undo_point_take(struct task_ctx *ctx, char **ret_old, struct err *err);
/* At the task's end: an image that was planned and is not the conversation's goes. */
void undo_point_drop(struct task_ctx *ctx);

/* HEAD of the box that the image is of, out of its name; false for another name.  Pure. */
bool undo_point_oid(const char *image, char ret[REPO_OID_SIZE]);
/* Whose an image of that name is: the conversation and the task that it was made for; false for
 * another name.  Pure. */
bool undo_point_owner(const char *image, int64_t *ret_talk, int64_t *ret_task);
/* Whether the name is one of these images.  Pure. */
bool undo_point_is(const char *image);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The box that a task works in: its conversation's, as it was left, or a fresh one.  Internal
 * to service/task.
 */
#ifndef SERVICE_TASK_TALK_BOX_H
#define SERVICE_TASK_TALK_BOX_H

#include "service/store/store_prepared.h"
#include "service/task/context.h"

/*
 * A running box with its work tree at task->base_oid and nothing in it that git does not
 * ignore.  The conversation's box (conv-<id>) is woken when its set-up is still the same and
 * the verb does not rebuild: then the agent's session is gone on with (task->session_id) if
 * the harness is the same.  What a run left half done is no base: the tree is reset to the
 * commit; ignored files (installed packages, build output) stay.  Else a fresh box is made
 * from `prepared`, and the session is forgotten.  What does not share the
 * conversation (context_shares()) has a fresh box of its own, task-<id>.
 * Writes row and conversation.
 */
int talk_box_open(
	struct task_ctx *ctx, const struct store_prepared *prepared, struct err *err);

/* At the end of a task: the conversation's box is paused, any other one goes. */
int talk_box_rest(struct task_ctx *ctx, struct err *err);

/* Deletes a conversation's box, with the image for undo that it may have been made from.
 * Fine when there is none. */
int talk_box_delete(
	struct boxcore *core, const char *box, struct cancel *cancel, struct err *err);
/* Likewise to make it anew from the image `keep`, which stays also when an interrupted attempt
 * has made the box from it already.  NULL: none stays. */
int talk_box_clear(struct boxcore *core, const char *box, const char *keep,
	struct cancel *cancel, struct err *err);

/* What a box must have been made with to be of use: set-up, image, network.  free(). */
char *talk_box_shape(const struct task_ctx *ctx, const struct store_prepared *prepared);
/* "conv-7"; free(). */
char *talk_box_name(int64_t conversation);
/* Makes a box of that name from an image with the service's settings for boxes. */
int talk_box_create(
	struct task_ctx *ctx, const char *name, const char *image, struct err *err);

#endif

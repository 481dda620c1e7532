/* SPDX-License-Identifier: MIT */
/*
 * Boxes of attempts.
 *
 * An Engine cannot give a container another name that is known to the box's init, so the box
 * of the best attempt is copied: a snapshot, and the conversation's box made from it.  The
 * image is named like those for undo, and so goes with the box that was made from it.
 */
#include "service/task/attempts_box.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/checks.h"
#include "service/task/effects.h"
#include "service/task/prepared.h"
#include "service/task/talk_box.h"
#include "service/task/undo_point.h"

#include <string.h>

#define ADOPT "adopt" /* kind of effect */

/* The conversation's own box, as it was before: kept for undo when it can be. */
static int keep_old(struct task_ctx *ctx, struct err *err)
{
	const struct store_conversation *talk = &ctx->talk;
	struct box_info info;
	struct err why = {0};
	bool has = !str_empty(talk->box_id) && !str_empty(talk->box_oid) &&
		   box_get(ctx->env->core, talk->box_id, &info, ctx->cancel, &why) == 0 &&
		   info.state != BOX_FAILED;

	if (has && info.state == BOX_RUNNING &&
		box_pause(ctx->env->core, talk->box_id, ctx->cancel, err) < 0)
		return err_wrap(err, "pause the box");
	return undo_point_plan(ctx, has, err);
}

static int copy_box(struct task_ctx *ctx, const char *from, const char *name,
	const char *image, struct err *err)
{
	struct boxcore *core = ctx->env->core;
	struct snapshot_info snapshot = {0};
	struct err why = {0};

	if (box_snapshot(core, from, image, &snapshot, ctx->cancel, &why) < 0) {
		/* A crash between may have left the image and not the box. */
		if (why.kind != ERR_NOT_FOUND ||
			snapshot_find(core, image, &snapshot, ctx->cancel, err) < 0) {
			*err = why;
			return -1;
		}
	}
	if (talk_box_clear(core, name, image, ctx->cancel, err) < 0)
		return -1;
	/* By its name, which talk_box_delete() knows it by. */
	return talk_box_create(ctx, name, image, err);
}

static int adopt(struct task_ctx *ctx, const struct store_task *best, struct err *err)
{
	struct store_conversation *talk = &ctx->talk;
	CLEANUP(store_prepared) struct store_prepared prepared = {0};
	CLEANUP(mem) char *name = talk_box_name(talk->id);
	char image[UNDO_TAG_SIZE];

	if (prepared_again(ctx, &prepared, err) < 0 || keep_old(ctx, err) < 0)
		return -1;
	/* Written before, so that no box is nobody's. */
	store_set(&talk->box_id, name);
	store_set(&talk->box_oid, NULL);
	store_set(&talk->session_id, NULL);
	store_set(&ctx->task->box_id, name);
	if (context_keep(ctx, err) < 0)
		return -1;
	undo_point_name(ctx, best->id, best->base_oid, image);
	if (copy_box(ctx, best->box_id, name, image, err) < 0)
		return -1;
	CLEANUP(mem) char *shape = talk_box_shape(ctx, &prepared);
	store_set(&talk->box_oid, best->base_oid);
	store_set(&talk->prepared_key, best->prepared_key);
	store_set(&talk->image, shape);
	store_set(&talk->harness, best->harness);
	store_set(&talk->session_id, best->session_id);
	store_set(&ctx->task->session_id, best->session_id);
	return context_keep(ctx, err);
}

int attempts_box_adopt(
	struct task_ctx *ctx, const struct store_task *best, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, ADOPT, NULL);
	struct err why = {0};

	if (effect_is_done(ctx, ADOPT, NULL) || ctx->talk.id == 0 ||
		str_empty(best->box_id))
		return 0;
	if (store_effect_plan(ctx->env->store, &key, "", NULL, ctx->cancel, err) < 0)
		return -1;
	if (adopt(ctx, best, &why) < 0) {
		if (why.kind == ERR_CANCELLED ||
			(why.kind == ERR_TRANSIENT &&
				ctx->task->attempt < ctx->env->config->task_attempts)) {
			*err = why;
			return -1;
		}
		/* The result does not hang on it. */
		if (context_say(ctx, "error", err,
			    "the attempt's box cannot be gone on with: %s", why.text) < 0)
			return -1;
	}
	return store_effect_done(ctx->env->store, &key, NULL, NULL, ctx->cancel, err);
}

int attempts_boxes_remove(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};

	if (ctx->task->attempts <= 1 || ctx->task->parent_id > 0)
		return 0;
	if (store_task_attempts(ctx->env->store, ctx->task->id, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		CLEANUP(mem)
		char *box = mem_printf("task-%lld", (long long)list.rows[i].id);

		if (list.rows[i].state != STORE_TASK_RUNNING &&
			talk_box_delete(ctx->env->core, box, ctx->cancel, err) < 0)
			return -1;
	}
	return 0;
}

bool attempts_box_waits(struct store *store, const struct store_task *task)
{
	CLEANUP(store_task) struct store_task parent = {0};
	struct err missing = {0};

	if (task->parent_id == 0)
		return false;
	if (store_task_get(store, task->parent_id, &parent, &missing) < 0)
		return missing.kind != ERR_NOT_FOUND;
	return !store_task_state_ended(parent.state);
}

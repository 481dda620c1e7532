/* SPDX-License-Identifier: MIT */
/* Waking, renewing and making the boxes of conversations. */
#include "service/task/talk_box.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/attempts_box.h"
#include "service/task/box_git.h"
#include "service/task/checks.h"
#include "service/task/status.h"
#include "service/task/undo_point.h"

#include <string.h>

char *talk_box_name(int64_t conversation)
{
	return mem_printf("conv-%lld", (long long)conversation);
}

static bool has_talk(const struct task_ctx *ctx)
{
	return ctx->talk.id > 0 && context_shares(ctx);
}

char *talk_box_shape(const struct task_ctx *ctx, const struct store_prepared *prepared)
{
	return mem_printf("%s %.16s %s", prepared->image, prepared->setup_hash,
		ctx->env->config->box_network);
}

int talk_box_delete(
	struct boxcore *core, const char *box, struct cancel *cancel, struct err *err)
{
	return talk_box_clear(core, box, NULL, cancel, err);
}

int talk_box_clear(struct boxcore *core, const char *box, const char *keep,
	struct cancel *cancel, struct err *err)
{
	struct box_info info;
	struct err gone = {0};

	if (box_get(core, box, &info, cancel, &gone) < 0) {
		if (gone.kind == ERR_NOT_FOUND)
			return 0;
		*err = gone;
		return -1;
	}
	if (box_delete(core, box, cancel, &gone) < 0 && gone.kind != ERR_NOT_FOUND) {
		*err = gone;
		return err_wrap(err, "delete box %s", box);
	}
	/* It could not go before, with a box on it. */
	if (undo_point_is(info.image) && !str_eq(info.image, keep))
		snapshot_delete(core, info.image, cancel, &gone);
	return 0;
}

int talk_box_create(
	struct task_ctx *ctx, const char *name, const char *image, struct err *err)
{
	const struct config *config = ctx->env->config;
	CLEANUP(mem)
	char *label = has_talk(ctx)
			      ? mem_printf("conversation=%lld", (long long)ctx->talk.id)
			      : mem_printf("task=%lld", (long long)ctx->task->id);
	const char *const labels[] = {label, NULL};
	struct box_spec spec = {
		.id = name,
		.image = image,
		.cpus = config->box_cpus,
		.memory_bytes = config->box_memory_mb * (int64_t)LIMIT_MIB,
		.pids_max = config->box_pids,
		.network = str_eq(config->box_network, "allow-all") ? BOX_NETWORK_ALL
								    : BOX_NETWORK_TUNNEL,
		.labels = labels,
	};

	if (box_create(ctx->env->core, &spec, ctx->cancel, err) < 0)
		return err_wrap(err, "start a box");
	return 0;
}

/* ---- the work tree --------------------------------------------------------------------- */

/* From the commit that the box has to the task's; `used` has been worked in. */
static int bring_forward(
	struct task_ctx *ctx, const char *from, bool used, struct err *err)
{
	CLEANUP(mem) char *dir = context_dir(ctx);
	CLEANUP(mem) char *file = context_path(ctx, "newer.pack");
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	struct box_git git = {
		.core = ctx->env->core, .box = ctx->task->box_id, .dir = dir};

	if (!used && str_eq(from, ctx->task->base_oid))
		return 0;
	if (repo_pack(ctx->env->repos, ctx->task->repo_id, ctx->task->base_oid, from,
		    file, 0, &pack, ctx->cancel, err) < 0)
		return err_wrap(err, "pack what is newer than the box");
	int rc = (used ? box_git_renew : box_git_update)(&git, ctx->task->default_branch,
		ctx->task->base_oid, file, &pack, ctx->cancel, err);
	unlink(file);
	if (rc < 0)
		return -1;
	return context_say(ctx, "prepare", err,
		"brought forward by %lld commits, %lld KiB", (long long)pack.commits,
		(long long)(pack.bytes / 1024));
}

/* No run of an earlier box or task is this task's. */
static void forget_run(struct store_task *task)
{
	store_set(&task->run_id, NULL);
	store_set(&task->run_state, NULL);
	task->run_offset = 0;
}

/* ---- the box as it was left ------------------------------------------------------------ */

/* 1: it can be gone on with, and is paused; 0: not; -1. */
static int still_good(struct task_ctx *ctx, const char *shape, struct err *err)
{
	const struct store_conversation *talk = &ctx->talk;
	struct box_info info;
	struct err why = {0};

	if (str_empty(talk->box_id) || str_empty(talk->box_oid) ||
		context_rebuilds(ctx) || !str_eq(talk->image, shape))
		return 0;
	if (box_get(ctx->env->core, talk->box_id, &info, ctx->cancel, &why) < 0) {
		if (why.kind == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	if (info.state == BOX_FAILED)
		return 0;
	/* What an earlier run left behind must not be at work beside this one. */
	if (info.state == BOX_RUNNING &&
		box_pause(ctx->env->core, talk->box_id, ctx->cancel, err) < 0)
		return err_wrap(err, "pause the box");
	return 1;
}

static int wake(struct task_ctx *ctx, struct err *err)
{
	struct store_conversation *talk = &ctx->talk;
	bool same = str_eq(talk->harness, ctx->file.harness);

	if (context_changes(ctx) && undo_point_plan(ctx, true, err) < 0)
		return -1;
	store_set(&ctx->task->box_id, talk->box_id);
	store_set(&ctx->task->session_id, same ? talk->session_id : NULL);
	forget_run(ctx->task);
	if (box_resume(ctx->env->core, talk->box_id, ctx->cancel, err) < 0)
		return err_wrap(err, "wake the box");
	if (bring_forward(ctx, talk->box_oid, true, err) < 0)
		return -1;
	store_set(&talk->box_oid, ctx->task->base_oid);
	store_set(&talk->harness, ctx->file.harness);
	store_set(&talk->session_id, ctx->task->session_id);
	if (context_keep(ctx, err) < 0)
		return -1;
	return context_say(ctx, "prepare", err, "box %s woken%s", talk->box_id,
		context_goes_on(ctx) ? ", its agent's session goes on" : "");
}

/* 1: the box is ready, 0: a fresh one is needed, -1. */
static int try_to_wake(struct task_ctx *ctx, const char *shape, struct err *err)
{
	struct err why = {0};
	int rc = still_good(ctx, shape, &why);

	if (rc == 0)
		return 0;
	if (rc > 0 && wake(ctx, &why) == 0)
		return 1;
	/* The box is an agent's: whatever it did to its repository spoils the box alone. */
	if (why.kind == ERR_INPUT || why.kind == ERR_NOT_FOUND || why.kind == ERR_LIMIT)
		return context_say(ctx, "prepare", err,
			       "the box cannot be gone on with: %s", why.text) < 0
			       ? -1
			       : 0;
	*err = why;
	return -1;
}

/* ---- a fresh one ----------------------------------------------------------------------- */

static int make_box(struct task_ctx *ctx, const struct store_prepared *prepared,
	const char *shape, struct err *err)
{
	struct store_conversation *talk = &ctx->talk;
	CLEANUP(mem)
	char *name = has_talk(ctx) ? talk_box_name(talk->id)
				   : mem_printf("task-%lld", (long long)ctx->task->id);

	if (has_talk(ctx) && context_changes(ctx) && undo_point_plan(ctx, false, err) < 0)
		return -1;
	/* Written before it is made, so that the janitor knows whose it is. */
	store_set(&ctx->task->box_id, name);
	store_set(&ctx->task->session_id, NULL);
	forget_run(ctx->task);
	if (has_talk(ctx)) {
		store_set(&talk->box_id, name);
		store_set(&talk->box_oid, NULL);
		store_set(&talk->session_id, NULL);
	}
	if (context_keep(ctx, err) < 0)
		return -1;
	if (talk_box_delete(ctx->env->core, name, ctx->cancel, err) < 0)
		return err_wrap(err, "remove an earlier box");
	if (talk_box_create(ctx, name, prepared->snapshot_image, err) < 0 ||
		bring_forward(ctx, prepared->base_oid, false, err) < 0)
		return -1;
	if (has_talk(ctx)) {
		store_set(&talk->box_oid, ctx->task->base_oid);
		store_set(&talk->prepared_key, prepared->key);
		store_set(&talk->image, shape);
		store_set(&talk->harness, ctx->file.harness);
	}
	return context_keep(ctx, err);
}

int talk_box_open(
	struct task_ctx *ctx, const struct store_prepared *prepared, struct err *err)
{
	CLEANUP(mem) char *shape = talk_box_shape(ctx, prepared);
	int64_t began = clock_mono_ms();
	int woken = has_talk(ctx) ? try_to_wake(ctx, shape, err) : 0;

	if (woken < 0 || (woken == 0 && make_box(ctx, prepared, shape, err) < 0))
		return -1;
	return context_say(ctx, "prepare", err, "box %s ready in %lld ms",
		ctx->task->box_id, (long long)(clock_mono_ms() - began));
}

int talk_box_rest(struct task_ctx *ctx, struct err *err)
{
	const char *box = ctx->task->box_id;
	struct err gone = {0};
	int rc;

	if (attempts_boxes_remove(ctx, err) < 0)
		return -1;
	/* A test has a box of checks and no other, a replay perhaps too. */
	if (!str_empty(ctx->task->commit_oid) && checks_box_remove(ctx, err) < 0)
		return -1;
	if (str_empty(box))
		return 0;
	/* An attempt's waits until its parent has chosen. */
	if (str_starts(box, "conv-") || outcome_is(ctx, "attempted"))
		rc = box_pause(ctx->env->core, box, ctx->cancel, &gone);
	else
		rc = box_delete(ctx->env->core, box, ctx->cancel, &gone);
	if (rc == 0 || gone.kind == ERR_NOT_FOUND)
		return 0;
	*err = gone;
	return err_wrap(err, "put the box to rest");
}

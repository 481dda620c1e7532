/* SPDX-License-Identifier: MIT */
/*
 * The second step: a box with the repository's newest commit, ready to work in.
 *
 * The box starts from the prepared snapshot: exactly this commit's if there is one, else the
 * newest of the same repository, image and set-up, brought forward by a pack of what is
 * newer.  Only when there is none at all is one made (prepared.c).
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/engine/engine.h"
#include "service/store/store_prepared.h"
#include "service/task/box_git.h"
#include "service/task/context.h"
#include "service/task/prepared.h"
#include "service/task/status.h"

static int update_mirror(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(secret) struct secret token = {0};
	struct repo_mirror mirror;

	if (github_token(
		    ctx->env->github, &repo, GITHUB_CLONE, &token, ctx->cancel, err) < 0)
		return err_wrap(err, "get a token to clone with");
	struct repo_remote remote = context_remote(ctx, &token);
	int64_t began = clock_mono_ms();
	if (repo_mirror_update(ctx->env->repos, &remote, ctx->repo.default_branch, NULL,
		    NULL, &mirror, ctx->cancel, err) < 0)
		return err_wrap(err, "fetch the repository");
	store_set(&ctx->task->base_oid, mirror.commit);
	store_set(&ctx->task->default_branch, mirror.branch);
	return context_say(ctx, "prepare", err,
		"mirror at %.12s of %s: %lld KiB fetched in %lld ms", mirror.commit,
		mirror.branch, (long long)(mirror.received_bytes / 1024),
		(long long)(clock_mono_ms() - began));
}

/* The box of this task, from the snapshot, freshly made: what an interrupted attempt left
 * cannot be trusted to be whole. */
static int make_box(struct task_ctx *ctx, const char *snapshot, struct err *err)
{
	const struct config *config = ctx->env->config;
	struct boxcore *core = ctx->env->core;
	CLEANUP(mem) char *id = mem_printf("task-%lld", (long long)ctx->task->id);
	CLEANUP(mem)
	char *label = mem_printf("task=%lld", (long long)ctx->task->id);
	const char *const labels[] = {label, NULL};
	struct err gone = {0};

	store_set(&ctx->task->box_id, id);
	store_set(&ctx->task->run_id, NULL); /* what ran before ran in another box */
	store_set(&ctx->task->run_state, NULL);
	ctx->task->run_offset = 0;
	if (store_task_save(ctx->env->store, ctx->task, ctx->cancel, err) < 0)
		return -1;
	if (box_delete(core, id, ctx->cancel, &gone) < 0 && gone.kind != ERR_NOT_FOUND) {
		*err = gone;
		return err_wrap(err, "remove the box of an earlier attempt");
	}
	struct box_spec spec = {
		.id = id,
		.image = snapshot,
		.cpus = config->box_cpus,
		.memory_bytes = config->box_memory_mb * (int64_t)LIMIT_MIB,
		.pids_max = config->box_pids,
		.network = str_eq(config->box_network, "allow-all") ? BOX_NETWORK_ALL
								    : BOX_NETWORK_TUNNEL,
		.labels = labels,
	};
	if (box_create(core, &spec, ctx->cancel, err) < 0)
		return err_wrap(err, "start a box");
	return 0;
}

/* From the snapshot's commit to the task's. */
static int bring_forward(struct task_ctx *ctx, const char *from, struct err *err)
{
	CLEANUP(mem) char *dir = context_dir(ctx);
	CLEANUP(mem) char *file = context_path(ctx, "newer.pack");
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	struct box_git git = {
		.core = ctx->env->core, .box = ctx->task->box_id, .dir = dir};

	if (str_eq(from, ctx->task->base_oid))
		return 0;
	if (repo_pack(ctx->env->repos, ctx->task->repo_id, ctx->task->base_oid, from,
		    file, 0, &pack, ctx->cancel, err) < 0)
		return err_wrap(err, "pack what is newer than the snapshot");
	int rc = box_git_update(&git, ctx->task->default_branch, ctx->task->base_oid,
		file, &pack, ctx->cancel, err);
	unlink(file);
	if (rc < 0)
		return -1;
	return context_say(ctx, "prepare", err,
		"brought forward by %lld commits, %lld KiB", (long long)pack.commits,
		(long long)(pack.bytes / 1024));
}

int step_prepare(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_prepared) struct store_prepared prepared = {0};

	if (update_mirror(ctx, err) < 0)
		return -1;
	if (context_file(ctx, err) < 0) {
		if (err->kind == ERR_INPUT || err->kind == ERR_LIMIT)
			return context_decide(ctx, "failed_config", err, "%s", err->text);
		return -1;
	}
	store_set(&ctx->task->harness, ctx->file.harness);
	store_set(&ctx->task->model, ctx->file.model);
	if (status_update(ctx, "prepare", false, err) < 0)
		return -1;
	int64_t began = clock_mono_ms();
	if (prepared_find(ctx, &prepared, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
	store_set(&ctx->task->prepared_key, prepared.key);
	store_set(&ctx->task->image, prepared.image);
	int64_t found = clock_mono_ms();
	if (make_box(ctx, prepared.snapshot_image, err) < 0)
		return -1;
	int64_t made = clock_mono_ms();
	if (bring_forward(ctx, prepared.base_oid, err) < 0)
		return -1;
	return context_say(ctx, "prepare", err,
		"box %s ready: snapshot %lld ms, start %lld ms, newest commit %lld ms",
		ctx->task->box_id, (long long)(found - began), (long long)(made - found),
		(long long)(clock_mono_ms() - made));
}

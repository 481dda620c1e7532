/* SPDX-License-Identifier: MIT */
/*
 * Making and finding prepared repositories.
 *
 * Identity is (repository, base commit, set-up, image digest).  They are made from the
 * default branch by this step alone, never from a box that an agent has worked in, so that
 * no run can leave a trap for the next one.
 */
#include "service/task/prepared.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/engine/engine.h"
#include "service/task/box_git.h"
#include "service/task/place.h"
#include "service/task/status.h"

#include <string.h>

/* How old a snapshot may grow, in commits' time, before a new one is worth its cost. */
#define PREPARED_FRESH_MS (7LL * 24 * 3600 * 1000)
#define SAID_MAX 1500 /* bytes of the end of what a failed set-up command said */

struct identity {
	char *image;  /* reference, as configured */
	char *digest; /* what it stands for on this engine */
	char setup[SHA256_HEX_SIZE];
	char key[SHA256_HEX_SIZE];
};

static void identity_release(struct identity *id)
{
	free(id->image);
	free(id->digest);
	*id = (struct identity){0};
}
DEFINE_CLEANUP(identity, struct identity, identity_release(value))

static int identity_of(struct task_ctx *ctx, struct identity *ret, struct err *err)
{
	CLEANUP(engine_image) struct engine_image image = {0};
	const char *name = ctx->file.image;

	if (engine_image_inspect(
		    boxcore_engine(ctx->env->core), name, &image, ctx->cancel, err) < 0)
		return err->kind == ERR_NOT_FOUND
			       ? err_wrap(err,
					 "the box image %s is not on the engine "
					 "(`boxwright doctor` tells how to make or pull "
					 "it)",
					 name)
			       : err_wrap(err, "the box image %s", name);
	ret->image = mem_strdup(name);
	ret->digest = mem_strdup(image.id);
	repo_config_setup_hash(&ctx->file, ret->digest, ret->setup);
	/* With the instance, for several services of one Engine keep apart what is theirs. */
	CLEANUP(mem)
	char *all = mem_printf("2\n%s\n%lld\n%s\n%s\n%s\n%s",
		boxcore_instance(ctx->env->core), (long long)ctx->task->repo_id,
		ctx->task->rules_oid, ret->setup, ret->digest, ctx->task->repo);
	crypto_sha256_hex(all, strlen(all), ret->key);
	return 0;
}

static int load_repository(struct task_ctx *ctx, const char *box, struct err *err)
{
	CLEANUP(mem) char *dir = context_dir(ctx);
	CLEANUP(mem) char *file = context_path(ctx, "whole.pack");
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	struct box_git git = {.core = ctx->env->core, .box = box, .dir = dir};

	if (repo_pack(ctx->env->repos, ctx->task->repo_id, ctx->task->rules_oid, NULL,
		    file, 0, &pack, ctx->cancel, err) < 0)
		return err_wrap(err, "pack the repository");
	int rc = box_git_create(&git, ctx->task->default_branch, ctx->task->rules_oid,
		file, &pack, ctx->cancel, err);
	unlink(file);
	if (rc < 0)
		return err_wrap(err, "check the repository out");
	return context_say(ctx, "prepare", err,
		"repository in the box: %lld commits, %lld KiB", (long long)pack.commits,
		(long long)(pack.bytes / 1024));
}

/* It is a line of shell, by the repository's own wish. */
int prepared_setup(struct task_ctx *ctx, const char *box, const char *step,
	const char *command, struct cancel *limit, char **ret_said, struct err *err)
{
	CLEANUP(mem) char *dir = context_dir(ctx);
	const char *const argv[] = {"sh", "-c", command, NULL};
	const char *const env[] = {"CI=true", "DEBIAN_FRONTEND=noninteractive", NULL};
	CLEANUP(run_result)
	struct run_result result = {.out = STRBUF_INIT(LIMIT_SETUP_OUTPUT),
		.err_out = STRBUF_INIT(LIMIT_SETUP_OUTPUT)};
	struct run_spec spec = {.argv = argv, .env = env, .cwd = dir};
	int64_t began = clock_mono_ms();

	*ret_said = NULL;
	if (run_capture(ctx->env->core, box, &spec, NULL, 0, &result, limit, err) < 0)
		return err_wrap(err, "set-up command `%.80s`", command);
	if (context_say(ctx, step, err, "set-up $ %.300s: exit %d in %lld ms", command,
		    result.exit_code, (long long)(clock_mono_ms() - began)) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	const char *said =
		strbuf_str(result.err_out.len > 0 ? &result.err_out : &result.out);
	size_t len = strlen(said);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(SAID_MAX * 6);
	const char *end = len > SAID_MAX ? said + len - SAID_MAX : said;
	str_clean_utf8(&clean, end, strlen(end), false);
	*ret_said = mem_printf("`%.200s` ended with %d: %s", command, result.exit_code,
		strbuf_str(&clean));
	return 0;
}

static int run_setup(struct task_ctx *ctx, const char *box, struct err *err)
{
	for (size_t i = 0; i < ctx->file.setup.count; i++) {
		CLEANUP(mem) char *said = NULL;

		if (prepared_setup(ctx, box, "prepare", ctx->file.setup.items[i],
			    ctx->cancel, &said, err) < 0)
			return -1;
		if (said)
			return context_decide(
				ctx, "failed_setup", err, "the set-up command %s", said);
	}
	return 0;
}

static int fill_and_snapshot(struct task_ctx *ctx, const char *box, const char *tag,
	struct snapshot_info *ret, struct err *err)
{
	if (load_repository(ctx, box, err) < 0 || run_setup(ctx, box, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
	if (box_snapshot(ctx->env->core, box, tag, ret, ctx->cancel, err) < 0)
		return err_wrap(err, "snapshot the prepared box");
	return 0;
}

/* One box, made, filled, kept as an image, and removed whatever happens. */
static int build(struct task_ctx *ctx, const struct identity *id, const char *tag,
	struct snapshot_info *ret, struct err *err)
{
	struct boxcore *core = ctx->env->core;
	CLEANUP(mem) char *box = mem_printf("prep-%lld", (long long)ctx->task->id);
	struct err ignored = {0};
	CLEANUP(cancel) struct cancel *limit = cancel_new(ctx->cancel);
	struct cancel *outer = ctx->cancel;
	struct box_spec spec = {.id = box,
		.image = id->digest,
		.cpus = ctx->env->config->box_cpus,
		.memory_bytes = ctx->env->config->box_memory_mb * (int64_t)LIMIT_MIB,
		.pids_max = ctx->env->config->box_pids,
		.network = BOX_NETWORK_ALL};

	cancel_deadline(limit, ctx->env->config->task_minutes * 60000,
		"the limit for preparing a box");
	box_delete(core, box, outer, &ignored);
	if (box_create(core, &spec, limit, err) < 0)
		return err_wrap(err, "start a box to prepare the repository in");
	ctx->cancel = limit;
	int rc = fill_and_snapshot(ctx, box, tag, ret, err);
	ctx->cancel = outer;
	box_delete(core, box, NULL, &ignored);
	return rc;
}

static int make(struct task_ctx *ctx, const struct identity *id, const char *tag,
	struct store_prepared *ret, struct err *err)
{
	struct snapshot_info snapshot = {0};
	struct err missing = {0};
	int64_t began = clock_mono_ms();

	if (snapshot_find(ctx->env->core, tag, &snapshot, ctx->cancel, &missing) < 0) {
		if (missing.kind != ERR_NOT_FOUND) {
			*err = missing;
			return -1;
		}
		if (build(ctx, id, tag, &snapshot, err) < 0)
			return -1;
		if (ctx->outcome)
			return 0;
	}
	ret->key = mem_strdup(id->key);
	ret->repo_id = ctx->task->repo_id;
	ret->base_oid = mem_strdup(ctx->task->rules_oid);
	ret->image = mem_strdup(id->digest);
	ret->setup_hash = mem_strdup(id->setup);
	ret->snapshot_image = mem_strdup(snapshot.image);
	ret->state = STORE_PREPARED_READY;
	ret->size_bytes = snapshot.size_bytes;
	ret->layers = snapshot.layers;
	ret->created_ms = ret->used_ms = clock_wall_ms();
	if (store_prepared_put(ctx->env->store, ret, ctx->cancel, err) < 0)
		return -1;
	return context_say(ctx, "prepare", err,
		"prepared snapshot made in %lld ms, %lld MiB",
		(long long)(clock_mono_ms() - began),
		(long long)(snapshot.size_bytes >> 20));
}

/* A row whose image somebody removed from the engine is no use. */
static bool still_there(struct task_ctx *ctx, struct store_prepared *row)
{
	CLEANUP(engine_image) struct engine_image image = {0};
	struct err gone = {0};

	if (engine_image_inspect(boxcore_engine(ctx->env->core), row->snapshot_image,
		    &image, ctx->cancel, &gone) == 0)
		return true;
	if (gone.kind == ERR_NOT_FOUND)
		store_prepared_delete(ctx->env->store, row->key, ctx->cancel, &gone);
	store_prepared_release(row);
	*row = (struct store_prepared){0};
	return false;
}

/* Exactly this commit's, or the newest of the same set-up that is fresh enough.  1, 0, -1. */
static int look(struct task_ctx *ctx, const struct identity *id,
	struct store_prepared *ret, struct err *err)
{
	struct store *store = ctx->env->store;
	struct err missing = {0};
	int64_t now = clock_wall_ms();

	bool found = store_prepared_get(store, id->key, ret, &missing) == 0 &&
		     ret->state == STORE_PREPARED_READY && still_there(ctx, ret);
	if (!found) {
		store_prepared_release(ret);
		*ret = (struct store_prepared){0};
		found = store_prepared_newest(store, ctx->task->repo_id, id->digest,
				id->setup, ret, &missing) == 0 &&
			now - ret->created_ms < PREPARED_FRESH_MS &&
			still_there(ctx, ret);
	}
	if (found)
		return store_prepared_touch(store, ret->key, now, ctx->cancel, err) < 0
			       ? -1
			       : 1;
	store_prepared_release(ret);
	*ret = (struct store_prepared){0};
	return 0;
}

/* The best snapshot to start from, made now if there is none.  A set-up command that fails
 * decides the outcome ("failed_setup") and leaves *ret empty. */
static int prepared_find(
	struct task_ctx *ctx, struct store_prepared *ret, struct err *err)
{
	struct boxcore *core = ctx->env->core;
	CLEANUP(identity) struct identity id = {0};

	if (identity_of(ctx, &id, err) < 0)
		return -1;
	int rc = look(ctx, &id, ret, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	CLEANUP(mem) char *tag = mem_printf("boxwright-snap:%.40s", id.key);
	/* Many issues may be labelled at once in a repository that is new to us. */
	if (snapshot_make_enter(core, tag, ctx->cancel, err) < 0)
		return -1;
	rc = look(ctx, &id, ret, err);
	if (rc == 0)
		rc = make(ctx, &id, tag, ret, err);
	snapshot_make_leave(core, tag);
	return rc < 0 ? -1 : 0;
}

int prepared_again(struct task_ctx *ctx, struct store_prepared *ret, struct err *err)
{
	struct err missing = {0};

	if (!str_empty(ctx->task->prepared_key) &&
		store_prepared_get(
			ctx->env->store, ctx->task->prepared_key, ret, &missing) == 0 &&
		ret->state == STORE_PREPARED_READY && still_there(ctx, ret))
		return store_prepared_touch(
			ctx->env->store, ret->key, clock_wall_ms(), ctx->cancel, err);
	store_prepared_release(ret);
	*ret = (struct store_prepared){0};
	return prepared_find(ctx, ret, err);
}

int prepared_start(struct task_ctx *ctx, struct store_prepared *ret, struct err *err)
{
	if (place_find(ctx, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
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
	if (prepared_find(ctx, ret, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
	store_set(&ctx->task->prepared_key, ret->key);
	store_set(&ctx->task->image, ret->image);
	return context_say(ctx, "prepare", err, "snapshot found in %lld ms",
		(long long)(clock_mono_ms() - began));
}

/* SPDX-License-Identifier: MIT */
/*
 * The fifth step: do the repository's own checks pass on the result?
 *
 * They run on the very commit that will be published, in a second box from the snapshot that
 * the task's was started from, without network and without a model: nothing that the agent
 * did to its box (a patched tool, a changed cache) is there.  All of them run, also behind
 * one that fails, for people read them as separate questions.
 *
 * Each check is a kept run whose name tells its result, its number and when it was begun, so
 * a service that starts again finds it; each result is a row, so none runs twice.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "service/task/box_git.h"
#include "service/task/checks.h"
#include "service/task/commit.h"
#include "service/task/context.h"
#include "service/task/kept_run.h"
#include "service/task/prepared.h"
#include "service/task/repair.h"
#include "service/task/status.h"
#include "service/task/verify_setup.h"

#include <signal.h>
#include <string.h>

#define ACK_EVERY (64 * LIMIT_MIB) /* read again after a restart; the spool holds more */
#define RUN_NAME_SIZE 64

struct verify {
	struct task_ctx *ctx;
	char *box;
	char *dir;
	char key[CHECKS_KEY_SIZE];
	struct cancel *limit;  /* the time for all checks */
	struct run_info *runs; /* that the box knew when it was taken up */
	size_t nruns;
	bool open;
};

static void verify_release(struct verify *v)
{
	cancel_free(v->limit);
	free(v->runs);
	free(v->box);
	free(v->dir);
}
DEFINE_CLEANUP(verify, struct verify, verify_release(value))

/* ---- the box --------------------------------------------------------------------------- */

static int check_out(struct verify *v, const char *from, struct err *err)
{
	struct task_ctx *ctx = v->ctx;
	struct store_task *task = ctx->task;
	CLEANUP(mem) char *file = context_path(ctx, "check.pack");
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	struct box_git git = {.core = ctx->env->core, .box = v->box, .dir = v->dir};

	if (str_eq(from, task->commit_oid)) /* of `test`: the snapshot's own commit */
		return 0;
	if (repo_pack(ctx->env->repos, task->repo_id, task->commit_oid, from, file, 0,
		    &pack, ctx->cancel, err) < 0)
		return err_wrap(err, "pack the result");
	int rc = box_git_update(&git, task->default_branch, task->commit_oid, file, &pack,
		ctx->cancel, err);
	unlink(file);
	return rc < 0 ? err_wrap(err, "check the result out") : 0;
}

/* `test` asks about what is there; everything else about what was made. */
static bool is_test(const struct task_ctx *ctx)
{
	return str_eq(ctx->task->verb, "test");
}

static int choose_commit(struct task_ctx *ctx, struct err *err)
{
	if (!is_test(ctx))
		return commit_make(ctx, err);
	store_set(&ctx->task->commit_oid, ctx->task->base_oid);
	return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
}

static int make_box(struct verify *v, struct err *err)
{
	struct task_ctx *ctx = v->ctx;
	const struct config *config = ctx->env->config;
	CLEANUP(store_prepared) struct store_prepared prepared = {0};
	CLEANUP(mem) char *label = mem_printf("task=%lld", (long long)ctx->task->id);
	const char *const labels[] = {label, NULL};
	int64_t began = clock_mono_ms();

	if (prepared_again(ctx, &prepared, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
	if (checks_box_remove(ctx, err) < 0 || choose_commit(ctx, err) < 0)
		return -1;
	const struct box_policy *setup = verify_setup_policy(ctx);
	struct box_spec spec = {
		.id = v->box,
		.image = prepared.snapshot_image,
		.cpus = config->box_cpus,
		.memory_bytes = config->box_memory_mb * (int64_t)LIMIT_MIB,
		.pids_max = config->box_pids,
		.network = setup ? BOX_NETWORK_ALL : BOX_NETWORK_TUNNEL,
		.policy = setup,
		.labels = labels,
	};
	if (box_create(ctx->env->core, &spec, ctx->cancel, err) < 0)
		return err_wrap(err, "start a box for the checks");
	if (check_out(v, prepared.base_oid, err) < 0 ||
		verify_setup_run(ctx, v->box, err) < 0)
		return -1;
	return context_say(ctx, "verify", err, "box %s ready in %lld ms, at %.12s",
		v->box, (long long)(clock_mono_ms() - began), ctx->task->commit_oid);
}

/* "check-<key>-<index>-": what the run of a check is called but for when it was begun. */
static void run_prefix(const struct verify *v, size_t index, char ret[RUN_NAME_SIZE])
{
	snprintf(ret, RUN_NAME_SIZE, "check-%s-%02zu-", v->key, index);
}

static const struct run_info *find_run(const struct verify *v, const char *prefix)
{
	for (size_t i = 0; i < v->nruns; i++)
		if (str_starts(v->runs[i].id, prefix))
			return &v->runs[i];
	return NULL;
}

static int64_t begun_ms(const struct run_info *run)
{
	const char *digits = strrchr(run->id, '-');
	int64_t ms;

	return digits && str_to_i64(digits + 1, 1, INT64_MAX, &ms) ? ms : clock_wall_ms();
}

/* The first run that was begun for this result tells when its time began. */
static void start_clock(struct verify *v)
{
	struct task_ctx *ctx = v->ctx;
	int64_t minutes = ctx->env->config->task_check_minutes;
	char prefix[RUN_NAME_SIZE];

	snprintf(prefix, sizeof prefix, "check-%s-", v->key);
	const struct run_info *first = find_run(v, prefix);
	int64_t used = first ? clock_wall_ms() - begun_ms(first) : 0;
	int64_t all = (minutes < ctx->file.minutes ? minutes : ctx->file.minutes) * 60000;

	cancel_deadline(v->limit, all - used > 1 ? all - used : 1,
		"the limit for the checks of a result (task.check_minutes)");
}

/* A box that holds a run for this result was filled to the end; any other is made anew. */
static int open_box(struct verify *v, struct err *err)
{
	struct task_ctx *ctx = v->ctx;
	char prefix[RUN_NAME_SIZE];
	struct err why = {0};

	if (v->open)
		return 0;
	snprintf(prefix, sizeof prefix, "check-%s-", v->key);
	if (run_list(ctx->env->core, v->box, &v->runs, &v->nruns, ctx->cancel, &why) <
			0 &&
		why.kind == ERR_CANCELLED) {
		*err = why;
		return -1;
	}
	if (!find_run(v, prefix)) {
		v->nruns = 0;
		if (make_box(v, err) < 0)
			return -1;
	}
	start_clock(v);
	v->open = true;
	return 0;
}

/* ---- one check ------------------------------------------------------------------------- */

struct one {
	struct kept_run kept;
	char name[RUN_NAME_SIZE];
	uint64_t offset, acked;
	int64_t begun_ms;
	struct check_output *output;
};

static void one_release(struct one *one)
{
	kept_run_release(&one->kept);
	free(one->output);
}
DEFINE_CLEANUP(one, struct one, one_release(value))

static int start(struct verify *v, size_t index, struct one *one, struct err *err)
{
	struct task_ctx *ctx = v->ctx;
	const char *const argv[] = {"sh", "-lc", ctx->file.check.items[index], NULL};
	const char *const env[] = {"CI=true", NULL};
	struct run_spec spec = {
		.id = one->name, .argv = argv, .env = env, .cwd = v->dir, .keep = true};
	char prefix[RUN_NAME_SIZE];

	one->kept = (struct kept_run){.core = ctx->env->core,
		.box = v->box,
		.name = one->name,
		.what = "the check"};
	run_prefix(v, index, prefix);
	const struct run_info *known = find_run(v, prefix);
	if (known) {
		str_copy(one->name, sizeof one->name, known->id);
		one->begun_ms = begun_ms(known);
		one->offset = one->acked = known->first;
		return kept_run_take_up(&one->kept, one->offset, v->limit, err);
	}
	one->begun_ms = clock_wall_ms();
	snprintf(one->name, sizeof one->name, "%.42s%lld", prefix,
		(long long)one->begun_ms);
	return run_start(ctx->env->core, v->box, &spec, &one->kept.run, v->limit, err);
}

static int follow(struct verify *v, struct one *one, int *ret_code, struct err *err)
{
	for (;;) {
		struct run_event event;

		if (kept_run_read(&one->kept, one->offset, &event, v->limit, err) < 0)
			return -1;
		one->offset = event.offset;
		if (event.kind == RUN_EXIT && event.exit_code < 0)
			return err_set(err, ERR_TRANSIENT,
				"the check was lost when its box stopped");
		if (event.kind == RUN_EXIT) {
			*ret_code = event.exit_code;
			return 0;
		}
		check_output_add(one->output, event.data, event.len);
		if (one->offset - one->acked < ACK_EVERY)
			continue;
		run_ack(one->kept.run, one->offset);
		one->acked = one->offset;
	}
}

/* Only the time for checks is up; nobody asked to stop. */
static bool time_is_up(struct verify *v)
{
	return cancel_fired(v->limit) && !cancel_fired(v->ctx->cancel);
}

static int keep(struct verify *v, size_t index, struct check *check, struct err *err)
{
	struct task_ctx *ctx = v->ctx;
	const char *command = ctx->file.check.items[index];
	CLEANUP(strbuf) struct strbuf told = STRBUF_INIT(LIMIT_TASK_EVENT);
	char words[100];

	secret_redact(&told, command, strlen(command));
	check->command = mem_strdup(strbuf_str(&told));
	if (checks_keep(ctx, index, check, err) < 0)
		return -1;
	check_words(check, words);
	return context_say(ctx, "verify", err, "$ %.300s: %s%s%s", check->command, words,
		str_empty(check->output) ? "" : "\n", check->output ? check->output : "");
}

static int run_one(struct verify *v, size_t index, struct err *err)
{
	struct task_ctx *ctx = v->ctx;
	CLEANUP(one) struct one one = {.output = mem_zalloc(sizeof *one.output)};
	CLEANUP(strbuf) struct strbuf said = STRBUF_INIT(LIMIT_TASK_EVENT * 2);
	CLEANUP(check) struct check check = {0};
	struct err ignored = {0};

	if (time_is_up(v)) {
		check.state = CHECK_SKIPPED;
		return keep(v, index, &check, err);
	}
	if (start(v, index, &one, err) < 0 ||
		follow(v, &one, &check.exit_code, err) < 0) {
		if (!time_is_up(v))
			return -1;
		check.state = CHECK_TIMEOUT;
	} else {
		check.state = check.exit_code == 0 ? CHECK_PASSED : CHECK_FAILED;
	}
	check.ms = clock_wall_ms() - one.begun_ms;
	/* What it left running must not be in the way of the next one. */
	run_signal(ctx->env->core, v->box, one.name, SIGKILL, ctx->cancel, &ignored);
	check_output_text(one.output, &said);
	check.output = strbuf_take(&said);
	return keep(v, index, &check, err);
}

/* ---- all of them ----------------------------------------------------------------------- */

static int run_all(struct verify *v, struct err *err)
{
	struct task_ctx *ctx = v->ctx;

	for (size_t i = 0; i < ctx->file.check.count; i++) {
		if (checks_known(ctx, i))
			continue;
		if (open_box(v, err) < 0)
			return -1;
		if (ctx->outcome)
			return 0;
		if (run_one(v, i, err) < 0 ||
			status_update(ctx, "verify", false, err) < 0)
			return -1;
	}
	return 0;
}

/* Checks that cannot be run for want of a box do not throw the work away: that stands as
 * their result.  Not before every attempt was made, and not when somebody stopped us. */
static int keep_lost(struct verify *v, const struct err *why, struct err *err)
{
	struct task_ctx *ctx = v->ctx;

	if (cancel_fired(ctx->cancel) || why->kind == ERR_CANCELLED ||
		(why->kind == ERR_TRANSIENT &&
			ctx->task->attempt < ctx->env->config->task_attempts)) {
		*err = *why;
		return -1;
	}
	for (size_t i = 0; i < ctx->file.check.count; i++) {
		CLEANUP(check) struct check check = {.state = CHECK_LOST};

		if (checks_known(ctx, i))
			continue;
		check.output = mem_strdup(why->text);
		if (keep(v, i, &check, err) < 0)
			return -1;
	}
	return 0;
}

/* What follows from the results. */
static int conclude(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(200);
	bool repair = false;

	if (checks_load(ctx, &checks, err) < 0)
		return -1;
	checks_words(&checks, &words);
	if (context_say(ctx, "verify", err, "%s", strbuf_str(&words)) < 0)
		return -1;
	store_set(&ctx->detail, strbuf_str(&words));
	if (checks.failed == 0 || is_test(ctx))
		return 0;
	if (repair_begin(ctx, &repair, err) < 0)
		return -1;
	if (repair)
		ctx->go = "work";
	else if (ctx->file.check_required)
		return context_decide(ctx, "failed_checks", err,
			"%s, and this repository wants no pull request then "
			"(check_required)",
			strbuf_str(&words));
	return 0;
}

int step_verify(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(verify) struct verify v = {.ctx = ctx};
	struct err why = {0};

	if (context_file(ctx, err) < 0)
		return -1;
	if (ctx->file.check.count == 0)
		return 0;
	if (status_update(ctx, "verify", false, err) < 0)
		return -1;
	v.box = checks_box(ctx);
	v.dir = context_dir(ctx);
	v.limit = cancel_new(ctx->cancel);
	checks_key(ctx, v.key);
	if (run_all(&v, &why) < 0 && keep_lost(&v, &why, err) < 0)
		return -1;
	if (checks_box_remove(ctx, err) < 0)
		return -1;
	return ctx->outcome ? 0 : conclude(ctx, err);
}

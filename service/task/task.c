/* SPDX-License-Identifier: MIT */
/*
 * The walk: from the step where the row stands to the end of the task.
 */
#define LOG_MODULE "task"
#include "service/task/context.h"
#include "service/task/job.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_effect.h"
#include "service/store/store_step.h"
#include "service/task/retry.h"

#include <string.h>

/* A step that ended the service this often is not begun again: the next one might too. */
#define CRASHES_MAX 3

/* How long the last words on GitHub may take, also after a cancel. */
#define REPORT_MS 120000

static const struct task_step {
	const char *name;
	int (*run)(struct task_ctx *ctx, struct err *err);
} steps[] = {
	{"gate", step_gate},
	{"attempts", step_attempts},
	{"attempted", step_attempted},
	{"prepare", step_prepare},
	{"replay", step_replay},
	{"undo", step_undo},
	{"job", step_job},
	{"work", step_work},
	{"collect", step_collect},
	{"offer", step_offer},
	{"verify", step_verify},
	{"review", step_review},
	{"publish", step_publish},
	{"report", step_report},
};

/* What a verb goes through; the one place that says so. */
#define FLOW_STEPS 9
static const struct task_flow {
	const char *verb;
	const char *steps[FLOW_STEPS]; /* NULL behind the last, which is report */
} flows[] = {
	{"fix", {"gate", "attempts", "prepare", "work", "collect", "verify", "publish",
			"report"}},
	/* One of several attempts at a fix */
	{"attempt",
		{"gate", "prepare", "work", "collect", "verify", "attempted", "report"}},
	{"repair", {"gate", "prepare", "work", "collect", "verify", "publish", "report"}},
	{"job", {"gate", "prepare", "job", "work", "collect", "offer", "verify",
			"publish", "report"}},
	{"rebase", {"gate", "prepare", "replay", "work", "collect", "verify", "publish",
			   "report"}},
	{"ask", {"gate", "prepare", "work", "report"}},
	{"plan", {"gate", "prepare", "work", "report"}},
	{"review", {"gate", "prepare", "work", "review", "report"}},
	{"test", {"gate", "prepare", "verify", "report"}},
	{"undo", {"gate", "undo", "report"}},
};

static const struct task_step *find_step(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (str_eq(steps[i].name, name))
			return &steps[i];
	return &steps[0];
}

static const struct task_flow *find_flow(const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(flows); i++)
		if (str_eq(flows[i].verb, verb))
			return &flows[i];
	return &flows[0];
}

const char *task_step_at(const char *verb, size_t i)
{
	return i < FLOW_STEPS ? find_flow(verb)->steps[i] : NULL;
}

/* NULL: report was it. */
static const char *step_after(const struct store_task *task, const char *step)
{
	const char *verb = task->parent_id > 0 ? "attempt" : task->verb;
	const struct task_flow *flow = find_flow(verb);

	for (size_t i = 0; i + 1 < FLOW_STEPS && flow->steps[i]; i++) {
		if (!str_eq(flow->steps[i], step))
			continue;
		/* Almost every fix is one attempt: there is nothing to be told of. */
		if (str_eq(flow->steps[i + 1], "attempts") && task->attempts <= 1)
			i++;
		return flow->steps[i + 1];
	}
	return str_eq(step, "report") ? NULL : "report";
}

static bool is_last(const struct task_step *step)
{
	return str_eq(step->name, "report");
}

static void context_release(struct task_ctx *ctx)
{
	repo_config_release(&ctx->file);
	store_conversation_release(&ctx->talk);
	free(ctx->detail);
	free(ctx->outcome);
}
DEFINE_CLEANUP(task_ctx, struct task_ctx, context_release(value))

/* Who we are, where the repository is now, and what was decided before a restart. */
static int context_load(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_effect) struct store_effect outcome = {0};
	CLEANUP(store_effect) struct store_effect guest = {0};
	struct store_effect_key key = {.task_id = ctx->task->id, .kind = "outcome"};
	struct store_effect_key guest_key = {
		.task_id = ctx->task->id, .kind = CONTEXT_GUEST_EFFECT};
	struct err missing = {0};

	if (store_effect_get(ctx->env->store, &key, &outcome, &missing) == 0) {
		ctx->outcome = mem_strdup(outcome.want);
	} else if (missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return err_wrap(err, "how the task ends");
	}
	if (store_effect_get(ctx->env->store, &guest_key, &guest, &missing) == 0) {
		ctx->guest = true;
	} else if (missing.kind != ERR_NOT_FOUND) { /* a doubt would share the box */
		*err = missing;
		return -1;
	}
	if (github_app_self(ctx->env->github, &ctx->app, ctx->cancel, err) < 0)
		return err_wrap(err, "ask GitHub who we are");
	struct github_repo repo = context_repo(ctx);
	if (github_repo_get(ctx->env->github, &repo, &ctx->repo, ctx->cancel, err) < 0)
		return err_wrap(err, "look up the repository");
	if (ctx->task->parent_id > 0)
		return context_open(ctx, err);
	if (ctx->task->conversation_id > 0 &&
		store_conversation_get(
			ctx->env->store, ctx->task->conversation_id, &ctx->talk, err) < 0)
		return err_wrap(err, "the conversation");
	return 0;
}

static bool stopped_by_person(const struct task_ctx *ctx)
{
	return cancel_fired(ctx->cancel) && !cancel_fired(ctx->env->stop);
}

static int give_up_if_it_kills(struct task_ctx *ctx, struct err *err)
{
	if (ctx->task->crashes < CRASHES_MAX || ctx->outcome)
		return 0;
	return context_decide(ctx, "failed_crash", err,
		"the service ended %lld times during the step %s, so it is not begun "
		"again",
		(long long)ctx->task->crashes, ctx->task->step);
}

/* Runs one step with its row around it.  *ret_next is where to go on; NULL at the end. */
static int run_step(struct task_ctx *ctx, const struct task_step *step,
	const char **ret_next, struct err *err)
{
	struct store *store = ctx->env->store;
	const char *usual = step_after(ctx->task, step->name);
	int64_t seq = 0, began = clock_mono_ms();

	if (store_step_begin(
		    store, ctx->task, step->name, clock_wall_ms(), &seq, NULL, err) < 0)
		return -1;
	log_push("step", step->name);
	int rc = step->run(ctx, err);
	*ret_next = ctx->outcome && usual ? "report"
		    : ctx->split > 0      ? step->name
		    : ctx->go             ? ctx->go
					  : usual;
	if (rc < 0) {
		const char *back = ctx->back ? "prepare" : NULL;
		struct err ignored = {0};

		store_step_end(store, ctx->task, seq, false, err->text, back,
			clock_wall_ms(), NULL, &ignored);
	} else {
		log_info("done ms=%lld", (long long)(clock_mono_ms() - began));
		rc = store_step_end(store, ctx->task, seq, true,
			ctx->detail ? ctx->detail : "", *ret_next, clock_wall_ms(), NULL,
			err);
	}
	log_pop();
	ctx->back = false;
	ctx->go = NULL;
	store_set(&ctx->detail, NULL);
	return rc;
}

/* A last write that failed is told, and perhaps repeated. */
static bool write_again(
	struct task_ctx *ctx, const char *what, const struct err *why, int64_t *wait_ms)
{
	log_error("cannot be %s: %s", what, why->text);
	return retry_write(why, wait_ms, ctx->env->stop);
}

static void finish(struct task_ctx *ctx)
{
	CLEANUP(mem) char *code = outcome_code(ctx);
	struct err err = {0};
	int64_t wait_ms = 0;

	do {
		if (store_task_finish(ctx->env->store, ctx->task, outcome_of(ctx)->state,
			    code, outcome_sentence(ctx), clock_wall_ms(), NULL,
			    &err) == 0) {
			log_info("ended outcome=%s", code);
			return;
		}
	} while (write_again(ctx, "finished", &err, &wait_ms));
}

static void put_back(
	struct task_ctx *ctx, int64_t after_ms, bool counted, const char *error)
{
	struct err err = {0};
	int64_t wait_ms = 0;

	do {
		if (store_task_put_back(ctx->env->store, ctx->task,
			    clock_wall_ms() + after_ms, counted, error, NULL, &err) == 0)
			return;
	} while (write_again(ctx, "put back", &err, &wait_ms));
}

/* The row knows who asked; the hint that fired the cancel does not. */
static char *stop_reason(struct task_ctx *ctx)
{
	struct err why = {0};
	char *reason = NULL;
	bool go_on;

	if (store_task_check(ctx->env->store, ctx->task, &go_on, &reason, &why) == 0 &&
		reason)
		return reason;
	cancel_check(ctx->cancel, &why);
	return mem_strdup(why.text);
}

/* What follows from a failed step: true when the walk goes on (to report). */
static bool go_on_after(
	struct task_ctx *ctx, const struct task_step *step, const struct err *why)
{
	const struct config *config = ctx->env->config;
	struct err err = {0};
	uint32_t spread;

	if (cancel_fired(ctx->env->stop)) {
		log_info("put back: the service stops");
		put_back(ctx, 0, false, NULL);
		return false;
	}
	if (stopped_by_person(ctx) && !is_last(step)) {
		CLEANUP(mem) char *reason = stop_reason(ctx);

		if (context_decide(ctx, "cancelled", &err, "%s", reason) == 0)
			return true;
		put_back(ctx, 0, false, err.text);
		return false;
	}
	crypto_random(&spread, sizeof spread);
	struct retry retry = retry_decide(why, ctx->task->attempt, config->task_attempts,
		config->task_retry_s * 1000, spread);
	if (retry.again) {
		/* What git was refused with may have died early: it is asked for anew. */
		github_token_forget(ctx->env->github, ctx->task->installation_id);
		log_warn("tried again in %lld s: %s", (long long)(retry.wait_ms / 1000),
			why->text);
		context_say(ctx, "error", &err, "%s; tried again in %lld s", why->text,
			(long long)(retry.wait_ms / 1000));
		put_back(ctx, retry.wait_ms, retry.counted, why->text);
		return false;
	}
	log_warn("failed: %s", why->text);
	context_say(ctx, "error", &err, "%s", why->text);
	CLEANUP(mem) char *code = mem_printf("failed_%s", step->name);
	if (context_decide(ctx, code, &err, "%s", why->text) < 0) {
		put_back(ctx, config->task_retry_s * 1000, false, err.text);
		return false;
	}
	if (!is_last(step))
		return true;
	finish(ctx); /* not even the report could be made */
	return false;
}

/* True: others go on with it; the row is not ours any more. */
static bool wait_for_attempts(struct task_ctx *ctx, struct err *err)
{
	int64_t count = ctx->split;

	ctx->split = 0;
	if (store_task_split(
		    ctx->env->store, ctx->task, count, clock_wall_ms(), NULL, err) < 0)
		return false;
	log_info("waits for attempts=%lld", (long long)count);
	return true;
}

/* The report is made even when the task was cancelled or ran out of time. */
static void walk(struct task_ctx *ctx)
{
	CLEANUP(cancel) struct cancel *closing = cancel_new(ctx->env->stop);
	const struct task_step *step =
		find_step(ctx->outcome ? "report" : ctx->task->step);

	for (;;) {
		struct err err = {0};
		const char *next = NULL;

		if (is_last(step)) {
			cancel_deadline(closing, REPORT_MS, "the limit for reporting");
			ctx->cancel = closing;
		}
		int rc = run_step(ctx, step, &next, &err);
		if (rc == 0 && ctx->split > 0 && !ctx->outcome) {
			if (wait_for_attempts(ctx, &err))
				return;
			rc = -1;
		}
		if (rc < 0) {
			if (!go_on_after(ctx, step, &err))
				return;
			next = "report";
		}
		if (!next) {
			finish(ctx);
			return;
		}
		step = find_step(next);
	}
}

void task_run(struct task_env *env, struct store_task *task, struct cancel *cancel)
{
	CLEANUP(task_ctx)
	struct task_ctx ctx = {.env = env, .task = task, .cancel = cancel};
	CLEANUP(mem) char *id = mem_printf("%lld", (long long)task->id);
	CLEANUP(mem) char *files = mem_printf("%s/tasks", store_dir(env->store));
	struct err err = {0};

	log_push("task", id);
	if (task->cancel_reason)
		cancel_fire(cancel, task->cancel_reason);
	if (file_mkdirs(files, 0700, &err) < 0 || context_load(&ctx, &err) < 0 ||
		give_up_if_it_kills(&ctx, &err) < 0) {
		if (go_on_after(&ctx, find_step(task->step), &err))
			walk(&ctx);
	} else {
		walk(&ctx);
	}
	log_pop();
}

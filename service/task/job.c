/* SPDX-License-Identifier: MIT */
/* A job's settings, its prompt and its end. */
#include "service/task/job.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/jobs/jobs.h"
#include "service/jobs/ready.h"
#include "service/task/effects.h"
#include "service/task/request_quote.h"
#include "service/task/status.h"

#include <string.h>

int job_spec(struct task_ctx *ctx, struct spec *ret, struct err *err)
{
	CLEANUP(store_job) struct store_job row = {0};
	struct err missing = {0};

	if (ctx->task->job_id == 0)
		return 0;
	if (store_job_get(ctx->env->store, ctx->task->job_id, &row, &missing) < 0) {
		if (missing.kind == ERR_NOT_FOUND)
			return 0;
		*err = missing;
		return -1;
	}
	return spec_read(ret, row.spec, err) < 0 ? -1 : 1;
}

static void set(char **field, const char *value)
{
	if (str_empty(value))
		return;
	free(*field);
	*field = mem_strdup(value);
}

static bool has_label(const struct config_list *list, const char *label)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i], label))
			return true;
	return false;
}

static void add_label(struct config_list *list, const char *label)
{
	if (!label || has_label(list, label))
		return;
	list->items = mem_grow(list->items, list->count + 2, sizeof *list->items);
	list->items[list->count++] = mem_strdup(label);
	list->items[list->count] = NULL;
}

int job_settings(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(spec) struct spec spec = {0};
	struct repo_config *file = &ctx->file;
	int found = job_spec(ctx, &spec, err);
	size_t i;
	json_t *label;

	if (found <= 0)
		return found;
	if (!str_empty(spec.harness) && !str_eq(spec.harness, file->harness)) {
		set(&file->harness, spec.harness);
		free(file->model); /* another agent's means nothing to it */
		file->model = mem_strdup("");
	}
	set(&file->model, spec.model);
	if (spec.minutes > 0 && spec.minutes < file->minutes)
		file->minutes = spec.minutes;
	if (spec.cost_usd > 0 && (file->cost_usd <= 0 || spec.cost_usd < file->cost_usd))
		file->cost_usd = spec.cost_usd;
	json_array_foreach (spec.labels, i, label)
		add_label(&file->labels, json_string_value(label));
	return 0;
}

bool job_has_agent(struct task_ctx *ctx)
{
	CLEANUP(spec) struct spec spec = {0};
	struct err err = {0};

	return job_spec(ctx, &spec, &err) == 1 && spec_has_agent(&spec);
}

int job_prompt(struct task_ctx *ctx, const char *dir, const char *checks,
	struct strbuf *out, struct err *err)
{
	CLEANUP(spec) struct spec spec = {0};
	CLEANUP(strbuf) struct strbuf quoted = STRBUF_INIT(LIMIT_PROMPT);
	struct github_repo repo = context_repo(ctx);
	CLEANUP(mem) char *name = mem_printf("%s/%s", repo.owner, repo.name);
	int found = job_spec(ctx, &spec, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(err, ERR_INPUT, "the job is gone");
	CLEANUP(mem) char *request = ready_request(&spec, err);
	if (!request || request_quote_text(
				"the job", request, REQUEST_QUOTE_MAX, &quoted, err) < 0)
		return -1;
	struct prompt_var vars[] = {
		{"repository", name},
		{"folder", dir},
		{"job", spec.name},
		{"checks", checks},
		{"request", strbuf_str(&quoted)},
	};
	return prompt_render("job", vars, ARRAY_LEN(vars), out, err);
}

/* ---- the end --------------------------------------------------------------------------- */

/* A person has pushed to the job's branch. */
static int tell_stopped(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	const struct store_task *task = ctx->task;
	char marker[128];
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);
	int64_t known;
	size_t count = 0;

	if (ctx->talk.pr_number == 0)
		return 0;
	snprintf(marker, sizeof marker, "<!-- boxwright:stopped-at-%.64s -->",
		task->head_oid ? task->head_oid : "");
	if (github_comment_find(ctx->env->github, &repo, ctx->talk.pr_number, 0,
		    ctx->app.bot.id, marker, &known, 1, &count, ctx->cancel, err) < 0)
		return -1;
	if (count > 0)
		return 0;
	strbuf_addf(&body, "%s\nScheduled maintenance stops here: ", marker);
	status_clean(&body, outcome_sentence(ctx), 2000);
	return github_comment_create(ctx->env->github, &repo, ctx->talk.pr_number,
		strbuf_str(&body), NULL, ctx->cancel, err);
}

/* A person's commits are no failure of the job's. */
static enum store_task_state end_of(const struct task_ctx *ctx)
{
	return outcome_is(ctx, "stopped_person") ? STORE_TASK_DONE
						 : outcome_of(ctx)->state;
}

int job_tell(struct task_ctx *ctx, struct err *err)
{
	struct err why = {0};

	if (outcome_is(ctx, "stopped_person") && tell_stopped(ctx, &why) < 0) {
		if (why.kind == ERR_TRANSIENT || why.kind == ERR_CANCELLED) {
			*err = why;
			return -1;
		}
		if (context_say(ctx, "error", err, "the pull request: %s", why.text) < 0)
			return -1;
	}
	if (!ctx->env->jobs)
		return 0;
	return jobs_result(ctx->env->jobs, ctx->task, end_of(ctx),
		outcome_is(ctx, "pull_request"), outcome_sentence(ctx), ctx->cancel, err);
}

/* SPDX-License-Identifier: MIT */
/* What people read: rendered from rows and prompts, cleaned before it is published. */
#include "service/task/status.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/store/store_step.h"
#include "service/task/attempts.h"
#include "service/task/check_run.h"
#include "service/task/collect.h"
#include "service/task/effects.h"
#include "service/task/replies.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *step, *label;
} shown[] = {
	{"gate", "Request accepted"},
	{"attempts", "Attempts begun"},
	{"prepare", "Box prepared"},
	{"replay", "Replayed on the base"},
	{"undo", "Branch and box brought back"},
	{"job", "Commands run"},
	{"work", "Agent's work"},
	{"collect", "Change checked"},
	{"verify", "Checks"},
	{"review", "Review written"},
	{"publish", "Pull request"},
};

/* Redacted last: what is invisible may split a secret, and is gone then. */
void status_clean(struct strbuf *out, const char *text, size_t max)
{
	CLEANUP(strbuf) struct strbuf safe = STRBUF_INIT(LIMIT_COMMENT * 8);
	CLEANUP(strbuf) struct strbuf told = STRBUF_INIT(LIMIT_COMMENT * 16);

	github_text_safe(&safe, text, str_utf8_cut(text, strnlen(text, LIMIT_COMMENT)));
	/* Behind words of ours ("@who: ") a fence is none, and what was code would act. */
	if (str_starts(strbuf_str(&safe), "```") || str_starts(strbuf_str(&safe), "~~~"))
		strbuf_addc(&told, '\n');
	secret_redact(&told, strbuf_str(&safe), safe.len);
	github_text_cut(&told, max, "(The rest is left out here.)");
	strbuf_add(out, strbuf_str(&told), told.len);
}

/* Plain words become a sentence; a name, a path or a log stays as it is. */
void status_sentence(struct strbuf *out, const char *text, size_t max)
{
	size_t from = out->len;
	const char *end;

	status_clean(out, text, max);
	char *words = out->data + from;
	size_t len = out->len - from, word = 0;

	while (word < len && words[word] >= 'a' && words[word] <= 'z')
		word++;
	if (word > 0 && word < len && strchr(" ,'", words[word]))
		words[0] = (char)(words[0] - 'a' + 'A');
	end = len > 0 ? words + len - 1 : NULL;
	if (end && !memchr(words, '\n', len) && !strchr(".!?:", *end))
		strbuf_addc(out, '.');
}

/* The newest row of that name. */
static const struct store_step *latest(const struct store_steps *list, const char *name)
{
	for (size_t i = list->count; i > 0; i--)
		if (str_eq(list->rows[i - 1].name, name))
			return &list->rows[i - 1];
	return NULL;
}

/* What the people who wait need to see: what this verb does, and in the end what was done. */
static bool is_shown(
	const struct task_ctx *ctx, const char *step, const struct store_step *row)
{
	const struct store_task *task = ctx->task;
	const char *name;

	if (outcome_begins(ctx, "refused_"))
		return row && str_eq(step, "gate");
	if (row || ctx->outcome)
		return row && !(str_eq(step, "attempts") && task->attempts <= 1);
	if (task->attempts > 1 && !str_eq(step, "attempts") && !str_eq(step, "publish"))
		return false;
	if (task->attempts <= 1 && str_eq(step, "attempts"))
		return false;
	for (size_t i = 0; (name = task_step_at(task->verb, i)); i++)
		if (str_eq(name, step))
			return true;
	return false;
}

static void add_steps(const struct task_ctx *ctx, const struct store_steps *list,
	const struct checks *checks, const char *now, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		const struct store_step *row = latest(list, shown[i].step);
		bool done = row && row->state == STORE_STEP_DONE;
		bool verify = str_eq(shown[i].step, "verify");

		if (verify && ctx->file.check.count == 0 && checks->count == 0)
			continue;
		if (!is_shown(ctx, shown[i].step, row) && !str_eq(shown[i].step, now))
			continue;
		strbuf_addf(out, "- [%c] %s", done ? 'x' : ' ', shown[i].label);
		if (done)
			strbuf_addf(out, " (%.1f s)",
				(double)(row->finished_ms - row->started_ms) / 1000);
		else if (str_eq(shown[i].step, now))
			strbuf_adds(out, " ...");
		if (verify && checks->failed > 0)
			strbuf_addf(out, ": %zu of %zu failed", checks->failed,
				checks->count);
		strbuf_addc(out, '\n');
	}
}

/* Facts of the run, a line each. */
static void add_facts(const struct task_ctx *ctx, struct strbuf *out)
{
	const struct store_task *task = ctx->task;

	if (!str_empty(task->harness) && (task->job_id == 0 || task->tokens_in > 0))
		strbuf_addf(out, "- Agent: %s%s%s\n", task->harness,
			str_empty(task->model) ? "" : ", model ",
			str_empty(task->model) ? "" : task->model);
	if (!str_empty(task->base_oid))
		strbuf_addf(out, "- Base: %.12s\n", task->base_oid);
	if (task->tokens_in + task->tokens_out > 0)
		strbuf_addf(out, "- Tokens: %lld in, %lld cached, %lld out; cost $%.4f\n",
			(long long)task->tokens_in, (long long)task->tokens_cached,
			(long long)task->tokens_out, task->cost_usd);
	else if (task->cost_usd > 0)
		strbuf_addf(out, "- Cost: $%.4f\n", task->cost_usd);
	if (!str_empty(task->pr_url))
		strbuf_addf(out, "- Pull request: %s\n", task->pr_url);
	strbuf_addf(out, "- Task: %lld, %lld s\n", (long long)task->id,
		(long long)((clock_wall_ms() - task->created_ms) / 1000));
	if (!str_empty(ctx->env->config->public_url))
		strbuf_addf(out, "- Log: %s/v1/tasks/%lld/events\n",
			ctx->env->config->public_url, (long long)task->id);
}

static const char *state_sentence(
	const struct task_ctx *ctx, const struct checks *checks, const char *step)
{
	if (!ctx->outcome)
		return str_eq(step, "gate") ? "Accepted, waiting for a box."
					    : "Working on it.";
	if (outcome_is(ctx, "pull_request") && checks->failed > 0)
		return "Done: there is a pull request, but checks fail on it.";
	if (outcome_is(ctx, "pull_request") &&
		str_starts(outcome_sentence(ctx), "opened"))
		return "Done: there is a pull request.";
	return outcome_of(ctx)->heading;
}

int status_update(struct task_ctx *ctx, const char *step, bool now, struct err *err)
{
	CLEANUP(strbuf) struct strbuf steps = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf details = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 2);
	CLEANUP(store_steps) struct store_steps list = {0};
	CLEANUP(checks) struct checks checks = {0};

	if (!now && ctx->task->comment_status_id &&
		clock_mono_ms() - ctx->commented_ms <
			ctx->env->config->github_comment_spacing_ms)
		return 0;
	if (store_step_list(ctx->env->store, ctx->task->id, &list, err) < 0 ||
		checks_load(ctx, &checks, err) < 0)
		return -1;
	add_steps(ctx, &list, &checks, step, &steps);
	if (ctx->outcome && !outcome_of(ctx)->plain) {
		status_sentence(&details, outcome_sentence(ctx), 4000);
		strbuf_adds(&details, "\n\n");
	}
	if (checks.count > 0) {
		checks_list(&checks, &details);
		strbuf_addc(&details, '\n');
	}
	if (attempts_list(ctx, &details, err) < 0)
		return -1;
	add_facts(ctx, &details);
	struct prompt_var vars[] = {
		{"state", state_sentence(ctx, &checks, step)},
		{"steps", strbuf_str(&steps)},
		{"details", strbuf_str(&details)},
	};
	if (prompt_render("comment_status", vars, ARRAY_LEN(vars), &body, err) < 0)
		return -1;
	github_text_cut(&body, LIMIT_COMMENT, NULL);
	if (effect_status(ctx, strbuf_str(&body), now, err) < 0)
		return -1;
	return check_run_update(
		ctx, state_sentence(ctx, &checks, step), strbuf_str(&body), now, err);
}

/* "fix: " before "#1" would close issue 1 once it is merged: a scope between them does not. */
static void add_kind(struct strbuf *out, const char *told)
{
	static const char *const signs[] = {"#", "gh-", "/issues/", "/pull/"};
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_KIB);
	bool refers = false;

	github_text_line(&line, told, strlen(told), 66);
	const char *text = strbuf_str(&line);
	for (size_t i = 0; i < strcspn(text, " ") && !refers; i++)
		for (size_t k = 0; k < ARRAY_LEN(signs); k++)
			refers |= strncasecmp(text + i, signs[k], strlen(signs[k])) == 0;
	strbuf_adds(out, refers ? "fix(issue): " : "fix: ");
}

char *status_title(const struct task_ctx *ctx)
{
	struct strbuf title = STRBUF_INIT(512);
	const char *told = ctx->task->title;

	/* A pull request's own title says so already; a job's is its own. */
	if (!str_starts(told, "fix: ") && !str_eq(ctx->task->verb, "job"))
		add_kind(&title, told);
	github_text_line(&title, told, strlen(told), 66);
	return strbuf_take(&title);
}

char *status_commit_title(const struct task_ctx *ctx)
{
	struct strbuf title = STRBUF_INIT(512);
	const char *asked = ctx->task->text;

	if (str_empty(ctx->task->head_oid) || context_rebuilds(ctx) || str_empty(asked))
		return status_title(ctx);
	if (!str_starts(asked, "fix: "))
		add_kind(&title, asked);
	github_text_line(&title, asked, strcspn(asked, "\r\n"), 66);
	return strbuf_take(&title);
}

/* How it was checked, in words for the pull request. */
static void add_checks(const struct checks *checks, struct strbuf *out)
{
	if (checks->count == 0) {
		strbuf_adds(out,
			"By the agent itself, as its summary says; not repeated by "
			"the service.");
		return;
	}
	strbuf_adds(out, "By the service, on this very commit, in a second, clean box "
			 "without network:\n\n");
	checks_list(checks, out);
	checks_outputs(checks, out);
}

/* The issue where it began; merging the pull request closes it. */
static char *reference_of(const struct task_ctx *ctx)
{
	bool talk = ctx->talk.id > 0;
	int64_t number = talk ? ctx->talk.number : ctx->task->number;
	bool is_pull = talk ? ctx->talk.is_pull : ctx->task->is_pull;

	return number > 0 && !is_pull ? mem_printf("Fixes #%lld", (long long)number)
				      : mem_strdup("");
}

int status_pull_body(struct task_ctx *ctx, const struct checks *checks,
	struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf) struct strbuf changes = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf facts = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf checked = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf summary = STRBUF_INIT(LIMIT_COMMENT * 4);
	CLEANUP(mem) char *reference = reference_of(ctx);
	CLEANUP(mem)
	char *requester = ctx->task->job_id > 0
				  ? mem_strdup("a scheduled job")
				  : mem_printf("@%s", ctx->task->requester_login);

	if (collect_changes(ctx, &changes, err) < 0 ||
		replies_join(ctx, &summary, err) < 0)
		return -1;
	add_facts(ctx, &facts);
	add_checks(checks, &checked);
	if (attempts_list(ctx, &checked, err) < 0)
		return -1;
	struct prompt_var vars[] = {
		{"summary", summary.len == 0 ? "The agent gave no summary."
					     : strbuf_str(&summary)},
		{"reference", reference},
		{"changes", strbuf_str(&changes)},
		{"checks", strbuf_str(&checked)},
		{"notes", checks->failed > 0 ? "**Checks fail on this change**, as told "
					       "above."
			  : checks->count == 0
				  ? "The service ran no checks on this change."
				  : "Nothing but what the summary says."},
		{"details", strbuf_str(&facts)},
		{"requester", requester},
	};
	if (prompt_render("pr_body", vars, ARRAY_LEN(vars), out, err) < 0)
		return -1;
	github_text_cut(out, LIMIT_COMMENT, NULL);
	return 0;
}

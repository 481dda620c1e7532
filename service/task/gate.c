/* SPDX-License-Identifier: MIT */
/*
 * The first step: may this be done at all?
 *
 * The payload of a delivery is only a hint here; repository, issue and the person's role are
 * asked from GitHub now.  A person without a role gets a reaction and no comment: strangers
 * must not be able to make the service talk.
 */
#include "service/task/gate.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/task/answer.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/limits.h"
#include "service/task/mend.h"
#include "service/task/quiet.h"
#include "service/task/rules.h"
#include "service/task/status.h"

#include <stdarg.h>
#include <string.h>

static int refuse(struct gate_answer *ret, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct gate_answer *ret, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *why = mem_vprintf(fmt, ap);
	va_end(ap);
	ret->may = false;
	ret->code = code;
	snprintf(ret->why, sizeof ret->why, "%.*s",
		(int)str_utf8_cut(why, strnlen(why, sizeof ret->why - 1)), why);
	return 0;
}

/* What the person may in the repository by a role of their own: GitHub says "read" of all the
 * world where a repository is public. */
static int own_role(struct task_env *env, const struct github_repo *repo,
	const struct gate_person *who, enum github_role *ret, struct cancel *cancel,
	struct err *err)
{
	bool belongs = false;

	if (github_role_get(env->github, repo, who->login, who->id, ret, cancel, err) < 0)
		return -1;
	if (*ret != GITHUB_ROLE_READ)
		return 0;
	if (github_collaborator_is(env->github, repo, who->login, &belongs, cancel, err) <
		0)
		return -1;
	if (!belongs)
		*ret = GITHUB_ROLE_NONE;
	return 0;
}

static int judge(const struct repo_config *rules, const char *verb,
	const struct gate_person *who, struct gate_answer *ret)
{
	const char *word = repo_config_role(rules, verb);
	enum github_role need = GITHUB_ROLE_ADMIN;

	ret->words = ret->role > GITHUB_ROLE_NONE;
	if (ret->role == GITHUB_ROLE_NONE && repo_config_outsider_may(rules, verb)) {
		ret->may = true;
		return 0;
	}
	bool known = github_role_parse(word, &need);
	if (rules->broken && ret->role < need)
		return refuse(ret, "refused_config",
			"the repository's rules cannot be read, and until that is "
			"repaired `%s` needs admin: %s",
			verb, rules->broken);
	if (!known)
		return refuse(ret, "refused_off",
			"`%s` is switched off in this repository", verb);
	if (ret->role < need)
		return refuse(ret, "refused_role",
			"@%s has the role %s here; `%s` needs %s", who->login,
			github_role_name(ret->role), verb, word);
	ret->may = true;
	return 0;
}

int gate_may(struct task_env *env, const struct github_repo *repo,
	const struct repo_config *rules, const char *verb, const struct gate_person *who,
	struct gate_answer *ret, struct cancel *cancel, struct err *err)
{
	struct github_app app;
	struct err why = {0};

	*ret = (struct gate_answer){0};
	if (github_app_self(env->github, &app, cancel, err) < 0)
		return err_wrap(err, "ask GitHub who we are");
	if (who->id <= 0 || str_empty(who->login))
		return refuse(ret, "refused_role", "it is not known who asked");
	if (who->id == app.bot.id)
		return refuse(ret, "refused_own",
			"the service does not answer what it wrote itself");
	if (repo_config_bot_may(rules, who->id)) {
		ret->role = GITHUB_ROLE_WRITE;
		return judge(rules, verb, who, ret);
	}
	if (str_ends(who->login, "[bot]"))
		return refuse(ret, "refused_bot",
			"@%s is a bot that may not ask here: `allow: {bots: [%lld]}` "
			"would let it in, if the service does",
			who->login, (long long)who->id);
	if (own_role(env, repo, who, &ret->role, cancel, &why) < 0) {
		if (why.kind == ERR_TRANSIENT || why.kind == ERR_CANCELLED) {
			*err = why;
			return -1;
		}
		/* Whoever cannot be asked about may not. */
		ret->role = GITHUB_ROLE_NONE;
		return refuse(ret, "refused_role",
			"the role of @%s could not be told: %s", who->login, why.text);
	}
	return judge(rules, verb, who, ret);
}

int rules_now(struct task_env *env, const struct github_repo *repo,
	struct repo_config *ret, struct cancel *cancel, struct err *err)
{
	if (rules_load(env, repo, NULL, ret, cancel, err) == 0)
		return 0;
	if (err->kind != ERR_INPUT && err->kind != ERR_LIMIT)
		return -1;
	CLEANUP(mem) char *why = mem_strdup(err->text);
	*err = (struct err){0};
	if (repo_config_parse(ret, env->config, NULL, 0, err) < 0)
		return -1;
	repo_config_lock(ret, why);
	return 0;
}

int rules_may(struct task_env *env, const struct github_repo *repo, const char *verb,
	const struct gate_person *who, struct gate_answer *ret, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(repo_config) struct repo_config rules = {0};

	if (rules_now(env, repo, &rules, cancel, err) < 0)
		return -1;
	return gate_may(env, repo, &rules, verb, who, ret, cancel, err);
}

/* ---- the step -------------------------------------------------------------------------- */

/* Tasks that no person asked for: of events, schedules and the service itself. */
static bool of_nobody(const struct store_task *task)
{
	return task->requester_id == 0 &&
	       (task->job_id > 0 || str_eq(task->verb, "repair") ||
		       str_eq(task->verb, "rebase") || str_eq(task->verb, "job"));
}

int gate_tell(struct task_ctx *ctx, const char *why, struct err *err)
{
	CLEANUP(mem) char *requester = mem_printf("@%s", ctx->task->requester_login);
	CLEANUP(strbuf) struct strbuf reason = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);

	if (ctx->task->requester_id == 0 || ctx->task->number == 0)
		return 0;
	status_sentence(&reason, why, 1000);
	struct prompt_var vars[] = {
		{"requester", requester}, {"reason", strbuf_str(&reason)}};
	if (prompt_render("refused", vars, ARRAY_LEN(vars), &body, err) < 0)
		return -1;
	return effect_answer(ctx, "answer", strbuf_str(&body), err);
}

/* Verbs whose work ends in the repository. */
static bool changes(const char *verb)
{
	static const char *const only_look[] = {"ask", "plan", "review", "test"};

	for (size_t i = 0; i < ARRAY_LEN(only_look); i++)
		if (str_eq(only_look[i], verb))
			return false;
	return true;
}

/* Whoever may have something looked at and nothing changed here.  Where `fix` is switched off
 * for all, those who write are none. */
static bool is_guest(
	const struct repo_config *rules, const char *verb, enum github_role role)
{
	enum github_role need = GITHUB_ROLE_WRITE;

	github_role_parse(repo_config_role(rules, "fix"), &need);
	return !changes(verb) && role < need;
}

/* 1: may go on, 0: decided against it, -1; so for all checks. */
static int check_role(struct task_ctx *ctx, const struct repo_config *rules,
	bool *ret_words, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct gate_person who = {ctx->task->requester_id, ctx->task->requester_login};
	struct gate_answer answer;

	*ret_words = false;
	if (of_nobody(ctx->task))
		return 1;
	if (!repo_config_outsider_may(rules, ctx->task->verb) &&
		quiet_known(ctx->env->github, repo.id, who.id, clock_mono_ms()))
		return context_decide(ctx, "refused_role", err, "%s", QUIET_STRANGER);
	if (gate_may(ctx->env, &repo, rules, ctx->task->verb, &who, &answer, ctx->cancel,
		    err) < 0)
		return -1;
	*ret_words = answer.words;
	if (answer.words)
		quiet_forget(ctx->env->github, repo.id, who.id);
	if (answer.may && is_guest(rules, ctx->task->verb, answer.role))
		return context_be_guest(ctx, err) < 0 ? -1 : 1;
	if (answer.may)
		return 1;
	if (answer.words && gate_tell(ctx, answer.why, err) < 0)
		return -1;
	return context_decide(ctx, answer.code, err, "%s", answer.why);
}

static int check_issue(struct task_ctx *ctx, bool words, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(github_issue) struct github_issue issue = {0};

	if (ctx->repo.archived)
		return context_decide(ctx, "refused_archived", err,
			"the repository is archived: nothing can be pushed to it");
	if (ctx->task->number == 0 || !changes(ctx->task->verb))
		return 1;
	if (github_issue_get(ctx->env->github, &repo, ctx->task->number, &issue,
		    ctx->cancel, err) < 0)
		return err_wrap(err, "read issue #%lld", (long long)ctx->task->number);
	if (issue.open)
		return 1;
	CLEANUP(mem)
	char *why = mem_printf("%s #%lld is closed; open it again to have it worked on",
		issue.pull_request ? "pull request" : "issue",
		(long long)ctx->task->number);
	if (words && !issue.locked && gate_tell(ctx, why, err) < 0)
		return -1;
	return context_decide(ctx, "refused_closed", err, "%s", why);
}

/* A request that would fail in prepare is told so before anything is begun. */
static int check_rules(struct task_ctx *ctx, const struct repo_config *rules, bool words,
	struct err *err)
{
	if (!rules->broken || of_nobody(ctx->task))
		return 1;
	CLEANUP(mem)
	char *why = mem_printf("the repository's rules cannot be read, and nothing is "
			       "started until that is repaired: %s",
		rules->broken);
	if (words && gate_tell(ctx, why, err) < 0)
		return -1;
	return context_decide(ctx, "refused_config", err, "%s", why);
}

/* An attempt was let in with its parent. */
static int enter(struct task_ctx *ctx, struct err *err)
{
	return context_open(ctx, err) < 0 ? -1 : 0;
}

int step_gate(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(repo_config) struct repo_config rules = {0};
	bool words = false;

	if (ctx->task->parent_id > 0)
		return enter(ctx, err);
	if (rules_now(ctx->env, &repo, &rules, ctx->cancel, err) < 0)
		return -1;
	int rc = check_role(ctx, &rules, &words, err);
	if (rc > 0)
		rc = check_rules(ctx, &rules, words, err);
	if (rc > 0)
		rc = check_issue(ctx, words, err);
	if (rc > 0)
		rc = answer_gate(ctx, err);
	if (rc > 0)
		rc = limits_gate(ctx, &rules, words, err);
	if (rc <= 0)
		return rc;
	if (enter(ctx, err) < 0)
		return -1;
	rc = mend_gate(ctx, err);
	if (rc <= 0)
		return rc;
	if (ctx->task->number == 0)
		return 0;
	if (ctx->task->requester_id > 0 && effect_react(ctx, "eyes", err) < 0)
		return -1;
	return status_update(ctx, "gate", true, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * What people ask about a lane: cancel, retry, status, help, and words that we do not know.
 *
 * The person's role is asked first.  Each command is answered once; words come only to those
 * who may write, all others get a reaction.
 */
#define LOG_MODULE "commands"
#include "service/task/task.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/store/store_command.h"
#include "service/task/retry.h"

#include <string.h>

#define COMMAND_ATTEMPTS 5
#define COMMAND_WAIT_MS 5000

struct command_ctx {
	struct task_env *env;
	const struct store_command *command;
	struct cancel *cancel;
	struct github_repo repo;
};

static int react(struct command_ctx *c, const char *content, struct err *err)
{
	if (c->command->comment_id > 0)
		return github_comment_react(c->env->github, &c->repo,
			c->command->comment_id, content, c->cancel, err);
	return github_issue_react(
		c->env->github, &c->repo, c->command->number, content, c->cancel, err);
}

/* One comment for a command, also when the answer to an earlier attempt was lost. */
static int comment(struct command_ctx *c, const char *body, struct err *err)
{
	char id[24], marker[GITHUB_MARKER_SIZE];
	struct github_marker what = {.repo_id = c->command->repo_id,
		.number = c->command->number,
		.task = id,
		.kind = "command"};
	CLEANUP(strbuf)
	struct strbuf text = STRBUF_INIT(LIMIT_COMMENT + GITHUB_MARKER_SIZE);
	struct github_app app;
	int64_t found;
	size_t count = 0;

	snprintf(id, sizeof id, "c%lld", (long long)c->command->id);
	if (!github_marker(&what, c->env->marker_key, sizeof c->env->marker_key, marker))
		return err_set(err, ERR_INTERNAL, "no marker for an answer");
	if (c->command->attempt > 1) {
		if (github_app_self(c->env->github, &app, c->cancel, err) < 0 ||
			github_comment_find(c->env->github, &c->repo, c->command->number,
				c->command->created_ms / 1000 - 60, app.bot.id, marker,
				&found, 1, &count, c->cancel, err) < 0)
			return -1;
		if (count > 0)
			return 0;
	}
	strbuf_addf(&text, "%s\n%s", marker, body);
	return github_comment_create(c->env->github, &c->repo, c->command->number,
		strbuf_str(&text), NULL, c->cancel, err);
}

static int say(struct command_ctx *c, const char *text, struct err *err)
{
	CLEANUP(mem)
	char *body = mem_printf("@%s: %s", c->command->requester_login, text);

	return comment(c, body, err);
}

static int do_cancel(struct command_ctx *c, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	CLEANUP(mem)
	char *reason = mem_printf("cancelled by @%s", c->command->requester_login);
	size_t stopped = 0;

	if (store_lane_tasks(c->env->store, c->command->lane, &tasks, err) < 0)
		return -1;
	for (size_t i = 0; i < tasks.count; i++) {
		enum store_cancelled how;

		if (store_task_cancel(c->env->store, tasks.rows[i].id, reason,
			    clock_wall_ms(), &how, c->cancel, err) < 0)
			return -1;
		stopped += how != STORE_CANCEL_LATE;
	}
	return react(c, stopped > 0 ? "+1" : "confused", err);
}

static int do_retry(struct command_ctx *c, struct err *err)
{
	struct store_task_filter filter = {.lane = c->command->lane, .limit = 1};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	int64_t id;

	if (store_task_list(c->env->store, &filter, &tasks, err) < 0)
		return -1;
	if (tasks.count == 0)
		return say(c, "there is no task here that could be tried again.", err);
	CLEANUP(mem) char *by = mem_printf("@%s", c->command->requester_login);
	if (task_again(c->env, tasks.rows[0].id, by, &id, c->cancel, err) < 0) {
		if (err->kind != ERR_CONFLICT)
			return -1;
		return say(c, "the newest task here has not ended yet.", err);
	}
	return react(c, "+1", err);
}

static int do_status(struct command_ctx *c, struct err *err)
{
	struct store_task_filter filter = {.lane = c->command->lane, .limit = 5};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT);

	if (store_task_list(c->env->store, &filter, &tasks, err) < 0)
		return -1;
	if (tasks.count == 0)
		return say(c, "there is no task for this issue yet.", err);
	strbuf_adds(&text, "tasks of this issue, newest first:\n\n");
	for (size_t i = 0; i < tasks.count; i++) {
		const struct store_task *t = &tasks.rows[i];
		strbuf_addf(&text, "- task %lld: %s", (long long)t->id,
			store_task_state_name(t->state));
		if (t->state == STORE_TASK_RUNNING)
			strbuf_addf(&text, ", step %s", t->step);
		if (!str_empty(t->pr_url))
			strbuf_addf(&text, ", %s", t->pr_url);
		strbuf_addc(&text, '\n');
	}
	return say(c, strbuf_str(&text), err);
}

static int do_help(struct command_ctx *c, struct err *err)
{
	CLEANUP(mem) char *requester = mem_printf("@%s", c->command->requester_login);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);
	struct prompt_var vars[] = {{"requester", requester}, {"app", c->env->slug}};

	if (prompt_render("help", vars, ARRAY_LEN(vars), &body, err) < 0)
		return -1;
	return comment(c, strbuf_str(&body), err);
}

static int do_unknown(struct command_ctx *c, struct err *err)
{
	if (react(c, "confused", err) < 0)
		return -1;
	return do_help(c, err);
}

static const struct {
	const char *verb;
	int (*run)(struct command_ctx *c, struct err *err);
} verbs[] = {
	{"cancel", do_cancel},
	{"retry", do_retry},
	{"status", do_status},
	{"help", do_help},
	{"unknown", do_unknown},
};

static int handle(struct command_ctx *c, struct err *err)
{
	enum github_role role = GITHUB_ROLE_NONE;
	struct err why = {0};

	if (github_role_get(c->env->github, &c->repo, c->command->requester_login,
		    c->command->requester_id, &role, c->cancel, &why) < 0 &&
		(why.kind == ERR_TRANSIENT || why.kind == ERR_CANCELLED)) {
		*err = why;
		return -1;
	}
	if (role < GITHUB_ROLE_WRITE)
		return react(c, "confused", err);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(verbs[i].verb, c->command->verb))
			return verbs[i].run(c, err);
	return do_unknown(c, err);
}

static void handle_one(
	struct task_env *env, const struct store_command *command, struct cancel *cancel)
{
	struct command_ctx c = {
		.env = env,
		.command = command,
		.cancel = cancel,
		.repo = {.installation_id = command->installation_id,
			.id = command->repo_id,
			.owner = command->owner,
			.name = command->repo},
	};
	struct err err = {0}, store_err = {0};
	int rc = handle(&c, &err);

	if (rc < 0) {
		uint32_t spread;
		crypto_random(&spread, sizeof spread);
		struct retry retry = retry_decide(&err, command->attempt,
			COMMAND_ATTEMPTS, COMMAND_WAIT_MS, spread);
		log_warn("%s of lane %s: %s", command->verb, command->lane, err.text);
		if (retry.again || cancel_fired(env->stop)) {
			store_command_put_back(env->store, command,
				clock_wall_ms() + retry.wait_ms, err.text, NULL,
				&store_err);
			return;
		}
	}
	if (store_command_finish(env->store, command, rc == 0,
		    rc == 0 ? "done" : err.text, clock_wall_ms(), NULL, &store_err) < 0)
		log_error("%s of lane %s: %s", command->verb, command->lane,
			store_err.text);
}

int task_commands_run(struct task_env *env, const char *lease, struct cancel *cancel)
{
	int handled = 0;

	while (!cancel_fired(cancel)) {
		CLEANUP(store_command) struct store_command command = {0};
		struct err err = {0};
		int found = store_command_take(
			env->store, lease, clock_wall_ms(), &command, cancel, &err);

		if (found < 0)
			log_error("commands cannot be read: %s", err.text);
		if (found <= 0)
			return handled;
		handle_one(env, &command, cancel);
		handled++;
	}
	return handled;
}

int task_again(struct task_env *env, int64_t task, const char *by, int64_t *ret_id,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_task) struct store_task old = {0};

	if (store_task_get(env->store, task, &old, err) < 0)
		return -1;
	if (old.state == STORE_TASK_READY || old.state == STORE_TASK_RUNNING)
		return err_set(err, ERR_CONFLICT,
			"task %lld is %s; only one that has ended can be tried again",
			(long long)task, store_task_state_name(old.state));
	struct store_task_new fresh = {
		.lane = old.lane,
		.verb = old.verb,
		.text = old.text,
		.repo_id = old.repo_id,
		.installation_id = old.installation_id,
		.owner = old.owner,
		.repo = old.repo,
		.number = old.number,
		.is_pull = old.is_pull,
		.title = old.title,
		.issue_body = old.issue_body,
		.issue_author_login = old.issue_author_login,
		.requester_id = old.requester_id,
		.requester_login = old.requester_login,
		.comment_id = old.comment_id,
		.comment_url = old.comment_url,
		.trigger_kind = "retry",
		.default_branch = old.default_branch,
		.now_ms = clock_wall_ms(),
	};
	if (store_task_add(env->store, &fresh, ret_id, cancel, err) < 0)
		return -1;
	log_info("task %lld is task %lld again, for %s", (long long)*ret_id,
		(long long)task, by);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* How a command is answered once, and makes a task once. */
#include "service/task/command_ctx.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"
#include "service/store/store_effect.h"
#include "service/task/about.h"
#include "service/task/check_run.h"

#include <string.h>

#define TASKS_LOOKED 100 /* newest tasks of the lane in which one is looked for */

/* ---- answering ------------------------------------------------------------------------- */

static bool has_words(const struct command_ctx *c)
{
	return !str_eq(c->command->verb, "button");
}

int command_react(struct command_ctx *c, const char *content, struct err *err)
{
	const struct store_command *command = c->command;
	struct err why = {0};
	int rc;

	if (!has_words(c))
		return 0;
	if (command->comment_id == 0)
		rc = github_issue_react(c->env->github, &c->repo, command->number,
			content, c->cancel, &why);
	else if (about_is_inline(command->about))
		rc = github_review_comment_react(c->env->github, &c->repo,
			command->comment_id, content, c->cancel, &why);
	else
		rc = github_comment_react(c->env->github, &c->repo, command->comment_id,
			content, c->cancel, &why);
	if (rc == 0 || why.kind == ERR_NOT_FOUND) /* a comment that is gone by now */
		return 0;
	*err = why;
	return err_wrap(err, "react with %s", content);
}

/* 1 when an earlier attempt answered. */
static int answered(struct command_ctx *c, const char *marker, struct err *err)
{
	struct github_app app;
	struct err missing = {0};
	int64_t found;
	size_t count = 0;

	if (c->command->attempt <= 1)
		return 0;
	if (github_app_self(c->env->github, &app, c->cancel, err) < 0)
		return -1;
	if (!about_is_inline(c->command->about)) {
		if (github_comment_find(c->env->github, &c->repo, c->command->number,
			    c->command->created_ms / 1000 - 60, app.bot.id, marker,
			    &found, 1, &count, c->cancel, err) < 0)
			return err_wrap(err, "look for our answer");
		return count > 0;
	}
	if (github_review_reply_find(c->env->github, &c->repo, c->command->number,
		    app.bot.id, marker, &found, c->cancel, &missing) == 0)
		return 1;
	if (missing.kind == ERR_NOT_FOUND)
		return 0;
	*err = missing;
	return err_wrap(err, "look for our answer");
}

static int send(struct command_ctx *c, const char *text, struct err *err)
{
	const struct store_command *command = c->command;
	int64_t thread = about_number(command->about, "in_reply_to");

	if (!about_is_inline(command->about))
		return github_comment_create(c->env->github, &c->repo, command->number,
			text, NULL, c->cancel, err);
	return github_review_reply(c->env->github, &c->repo, command->number,
		thread > 0 ? thread : command->comment_id, text, NULL, c->cancel, err);
}

int command_comment(struct command_ctx *c, const char *body, struct err *err)
{
	char id[24], marker[GITHUB_MARKER_SIZE];
	struct github_marker what = {.repo_id = c->command->repo_id,
		.number = c->command->number,
		.task = id,
		.kind = "command"};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT * 2);

	if (!has_words(c))
		return 0;
	snprintf(id, sizeof id, "c%lld", (long long)c->command->id);
	if (!github_marker(&what, c->env->marker_key, sizeof c->env->marker_key, marker))
		return err_set(err, ERR_INTERNAL, "no marker for an answer");
	int rc = answered(c, marker, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	strbuf_addf(&text, "%s\n%s", marker, body);
	github_text_cut(&text, LIMIT_COMMENT, "(The rest is left out here.)");
	return send(c, strbuf_str(&text), err) < 0 ? err_wrap(err, "answer") : 0;
}

int command_say(
	struct command_ctx *c, const char *content, const char *text, struct err *err)
{
	CLEANUP(mem)
	char *body = mem_printf("@%s: %s", c->command->requester_login, text);

	if (command_react(c, content, err) < 0)
		return -1;
	return command_comment(c, body, err);
}

/* ---- rows ------------------------------------------------------------------------------ */

/* A button's check run may not tell its pull request: then the lane's newest task knows. */
static int talk_of_lane(
	struct command_ctx *c, struct store_conversation *ret, struct err *err)
{
	struct store_task_filter filter = {.lane = c->command->lane, .limit = 1};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};

	if (store_task_list(c->env->store, &filter, &tasks, err) < 0)
		return -1;
	if (tasks.count == 0 || tasks.rows[0].conversation_id == 0)
		return 0;
	return store_conversation_get(
		       c->env->store, tasks.rows[0].conversation_id, ret, err) < 0
		       ? -1
		       : 1;
}

int command_talk(struct command_ctx *c, struct store_conversation *ret, struct err *err)
{
	struct err missing = {0};

	if (c->command->number == 0)
		return talk_of_lane(c, ret, err);
	if (store_conversation_find(c->env->store, c->command->repo_id,
		    c->command->number, ret, &missing) == 0)
		return 1;
	if (missing.kind == ERR_NOT_FOUND)
		return 0;
	*err = missing;
	return -1;
}

static int newest_tasks(struct command_ctx *c, struct store_tasks *ret, struct err *err)
{
	struct store_task_filter filter = {
		.lane = c->command->lane, .limit = TASKS_LOOKED};

	return store_task_list(c->env->store, &filter, ret, err);
}

int command_made(struct command_ctx *c, int64_t *ret_id, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks tasks = {0};

	if (newest_tasks(c, &tasks, err) < 0)
		return -1;
	for (size_t i = 0; i < tasks.count; i++) {
		if (about_number(tasks.rows[i].about, "command") != c->command->id)
			continue;
		*ret_id = tasks.rows[i].id;
		return 1;
	}
	return 0;
}

/* 1 and the lane's newest task with a check run on `head`, 0, -1. */
static int newest_on(
	struct command_ctx *c, const char *head, struct store_task *ret, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks tasks = {0};

	if (newest_tasks(c, &tasks, err) < 0)
		return -1;
	for (size_t i = 0; i < tasks.count; i++) {
		CLEANUP(store_effect) struct store_effect row = {0};
		struct store_effect_key key = {.task_id = tasks.rows[i].id,
			.kind = CHECK_RUN_EFFECT,
			.slot = head};
		struct err missing = {0};

		if (store_effect_get(c->env->store, &key, &row, &missing) < 0)
			continue;
		*ret = tasks.rows[i];
		tasks.rows[i] = (struct store_task){0};
		return 1;
	}
	return 0;
}

int command_pressed(struct command_ctx *c, struct store_task *ret, struct err *err)
{
	const char *text = c->command->about;
	struct err ignored = {0};
	CLEANUP(json)
	json_t *about = str_empty(text) ? NULL : json_parse(text, strlen(text), &ignored);
	int64_t id = check_run_task(json_or_string(about, "check.external_id", ""));
	CLEANUP(store_task) struct store_task task = {0};

	if (!str_eq(c->command->verb, "button"))
		return 0;
	if (id == 0)
		return newest_on(c, json_or_string(about, "head", ""), ret, err);
	if (store_task_get(c->env->store, id, &task, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		*err = (struct err){0};
		return 0;
	}
	if (!str_eq(task.lane, c->command->lane))
		return 0;
	*ret = task;
	task = (struct store_task){0};
	return 1;
}

/* What it was about (its thread), with the command's number and the flag. */
static int print_about(struct command_ctx *c, const char *text, const char *flag,
	struct strbuf *out, struct err *err)
{
	struct err ignored = {0};
	CLEANUP(json)
	json_t *about = str_empty(text) ? NULL : json_parse(text, strlen(text), &ignored);

	if (!json_is_object(about)) {
		json_decref(about);
		about = json_object();
	}
	json_put(about, "command", json_integer(c->command->id));
	if (flag)
		json_put(about, flag, json_true());
	return json_print(out, about, err);
}

int command_make(struct command_ctx *c, const struct store_task *from,
	const struct command_task *what, int64_t *ret_id, struct err *err)
{
	const struct store_command *command = c->command;
	CLEANUP(strbuf) struct strbuf about = STRBUF_INIT(LIMIT_TASK_ABOUT);

	if (print_about(c, what->again ? from->about : command->about, what->flag, &about,
		    err) < 0)
		return -1;
	struct store_task_new fresh = store_task_like(from, clock_wall_ms());
	fresh.lane = command->lane;
	fresh.verb = what->verb;
	fresh.text = what->text;
	fresh.requester_id = command->requester_id;
	fresh.requester_login = command->requester_login;
	fresh.trigger_kind = command->verb;
	fresh.about = strbuf_str(&about);
	if (!what->again) {
		fresh.comment_id = command->comment_id;
		fresh.comment_url = NULL;
		fresh.attempts = 1;
	}
	return store_task_add(c->env->store, &fresh, ret_id, c->cancel, err);
}

int command_stop(struct command_ctx *c, const char *reason, size_t *ret_stopped,
	size_t *ret_running, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks tasks = {0};

	*ret_stopped = *ret_running = 0;
	if (store_lane_tasks(c->env->store, c->command->lane, &tasks, err) < 0)
		return -1;
	for (size_t i = 0; i < tasks.count; i++) {
		enum store_cancelled how;

		if (store_task_cancel(c->env->store, tasks.rows[i].id, reason,
			    clock_wall_ms(), &how, c->cancel, err) < 0)
			return -1;
		*ret_stopped += how != STORE_CANCEL_LATE;
		*ret_running += how == STORE_CANCEL_ASKED;
	}
	return 0;
}

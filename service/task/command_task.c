/* SPDX-License-Identifier: MIT */
/* cancel, retry, and the buttons of our check run that mean the same. */
#define LOG_MODULE "commands"
#include "service/task/command_ctx.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_effect.h"
#include "service/store/store_step.h"
#include "service/task/about.h"

#include <string.h>

/* ---- cancel ---------------------------------------------------------------------------- */

/* Repairs come of checks and not of people: stopping means that none follows either, until a
 * person asks for work again. */
static int stop_repairs(struct command_ctx *c, bool *ret_stopped, struct err *err)
{
	CLEANUP(store_conversation) struct store_conversation talk = {0};
	int rc = command_talk(c, &talk, err);

	*ret_stopped = rc > 0 && talk.pr_number > 0 && !talk.repairs_off;
	if (rc <= 0 || !*ret_stopped)
		return rc < 0 ? -1 : 0;
	return store_conversation_repairs_off(
		c->env->store, talk.id, true, c->cancel, err);
}

int command_cancel(struct command_ctx *c, struct err *err)
{
	CLEANUP(mem)
	char *reason = mem_printf("cancelled by @%s", c->command->requester_login);
	size_t stopped, running;
	bool repairs;

	/* First, so that no repair slips in behind. */
	if (stop_repairs(c, &repairs, err) < 0 ||
		command_stop(c, reason, &stopped, &running, err) < 0)
		return -1;
	/* A second attempt finds nothing any more that it stops. */
	bool some = stopped > 0 || repairs || c->command->attempt > 1;
	return command_react(c, some ? "+1" : "confused", err);
}

/* ---- retry ----------------------------------------------------------------------------- */

/* The verbs that a step belongs to stand in task.c; a person may begin at any but the last,
 * which says how it went. */
static bool may_begin_at(const char *verb, const char *step)
{
	const char *name;

	for (size_t i = 0; (name = task_step_at(verb, i)); i++)
		if (str_eq(name, step))
			return !str_eq(name, "report");
	return false;
}

static int say_steps(
	struct command_ctx *c, const struct store_task *task, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT);
	const char *name;

	strbuf_addf(&text, "`%s` has no such step; there are", task->verb);
	for (size_t i = 0; (name = task_step_at(task->verb, i)); i++)
		if (!str_eq(name, "report"))
			strbuf_addf(&text, "%s `%s`", i > 0 ? "," : "", name);
	strbuf_addc(&text, '.');
	return command_say(c, "confused", strbuf_str(&text), err);
}

/* The step from which the row's facts carry: what is missing is made again.  The agent's run
 * is begun anew behind prepare, which makes its place ready. */
static const char *step_that_carries(const struct store_task *task, const char *step)
{
	bool result = !str_empty(task->tree_oid);
	bool words = !str_empty(task->summary);

	if (str_eq(step, "gate"))
		return step;
	if (str_eq(step, "verify") && (result || str_eq(task->verb, "test")) &&
		!str_empty(task->base_oid))
		return step;
	if (str_eq(step, "publish") && result && !str_empty(task->commit_oid))
		return step;
	if (str_eq(step, "review") && words)
		return step;
	/* The choice among several attempts stands before prepare. */
	return task->attempts > 1 ? "gate" : "prepare";
}

/* The same row again: see goes_on(). */
static int retry_row(struct command_ctx *c, const struct store_task *task,
	const char *step, struct err *err)
{
	const char *from = step_that_carries(task, step);

	if (!may_begin_at(task->verb, from)) /* undo has no prepare */
		from = "gate";
	if (store_task_retry(c->env->store, task->id, from, c->command->id,
		    clock_wall_ms(), c->cancel, err) < 0)
		return -1;
	return command_react(c, "+1", err);
}

/* The same request as a new task, by the person who asks for it now. */
static int retry_anew(
	struct command_ctx *c, const struct store_task *task, struct err *err)
{
	struct command_task what = {
		.verb = task->verb, .text = task->text, .again = true};
	int64_t id;

	if (command_make(c, task, &what, &id, err) < 0)
		return err_wrap(err, "make the task");
	return command_react(c, "+1", err);
}

/* Whether a gate let the task in: a row that was cancelled before has been asked nothing. */
static bool passed_gate(struct command_ctx *c, const struct store_task *task)
{
	CLEANUP(store_steps) struct store_steps list = {0};
	struct err ignored = {0};
	bool passed = false;

	if (store_step_list(c->env->store, task->id, &list, &ignored) < 0)
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (str_eq(list.rows[i].name, "gate"))
			passed = list.rows[i].state == STORE_STEP_DONE;
	return passed && task->state != STORE_TASK_REFUSED;
}

/* Whether the row may be gone on with as it is: a step behind the gate is for what the gate let
 * in, and an agent that runs again in a row of another day or person would spend theirs. */
static bool goes_on(
	struct command_ctx *c, const struct store_task *task, const char *step)
{
	const char *from = step_that_carries(task, step);
	bool runs = !str_eq(from, "publish") && !str_eq(from, "review");

	if (task->state == STORE_TASK_DONE || !passed_gate(c, task))
		return false;
	return !runs ||
	       (task->created_ms / CLOCK_DAY_MS == clock_wall_ms() / CLOCK_DAY_MS &&
		       task->requester_id == c->command->requester_id);
}

/* What is to be done once more: that of the button, else the lane's newest.  1, 0, -1. */
static int find_retried(struct command_ctx *c, struct store_task *ret, struct err *err)
{
	struct store_task_filter filter = {.lane = c->command->lane, .limit = 1};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	int rc = command_pressed(c, ret, err);

	if (rc != 0)
		return rc;
	if (store_task_list(c->env->store, &filter, &tasks, err) < 0)
		return -1;
	if (tasks.count == 0)
		return 0;
	*ret = tasks.rows[0];
	tasks.rows[0] = (struct store_task){0};
	return 1;
}

/* 1 when an attempt before this one did it: by a task of its own, or in the row, which may have
 * ended once more since.  0, -1. */
static int retried(struct command_ctx *c, struct err *err)
{
	struct store_effect_key key = {.task_id = -c->command->id, .kind = "retry"};
	CLEANUP(store_effect) struct store_effect row = {0};
	struct err missing = {0};
	int64_t id;

	if (store_effect_get(c->env->store, &key, &row, &missing) == 0)
		return 1;
	if (missing.kind == ERR_NOT_FOUND)
		return command_made(c, &id, err);
	*err = missing;
	return -1;
}

int command_retry(struct command_ctx *c, struct err *err)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(mem) char *step = about_text(c->command->about, "step");
	int rc = retried(c, err);

	if (rc != 0)
		return rc < 0 ? -1 : command_react(c, "+1", err);
	rc = find_retried(c, &task, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return command_say(c, "confused",
			"there is no task here that could be tried again.", err);
	if (!str_empty(step) && !may_begin_at(task.verb, step))
		return say_steps(c, &task, err);
	if (!store_task_state_ended(task.state))
		return command_say(c, "confused",
			"the newest task here has not ended yet; `/boxwright cancel` "
			"stops it.",
			err);
	return !str_empty(step) && goes_on(c, &task, step)
		       ? retry_row(c, &task, step, err)
		       : retry_anew(c, &task, err);
}

/* ---- buttons --------------------------------------------------------------------------- */

int command_button(struct command_ctx *c, struct err *err)
{
	CLEANUP(mem) char *button = about_text(c->command->about, "button");

	if (str_eq(button, "stop"))
		return command_cancel(c, err);
	if (str_eq(button, "retry") || str_eq(button, "rerun"))
		return command_retry(c, err);
	if (str_eq(button, "approve"))
		return command_approve(c, err);
	log_info("a button that is none of ours: %.40s", button);
	return 0;
}

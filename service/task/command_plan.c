/* SPDX-License-Identifier: MIT */
/*
 * approve and reject: the word that a plan waits for.
 *
 * The task is made before the plan's state is changed, and knows its command; so whichever
 * line a crash comes at, the next attempt finds what was done and does the rest.
 */
#include "service/task/command_ctx.h"

#include "boxcore/base/str.h"
#include "service/store/store_effect.h"

/* Nobody approves what they have not seen: the plan was told before the word came. */
static bool was_told(struct command_ctx *c, int64_t plan_task)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	struct store_effect_key key = {
		.task_id = plan_task, .kind = "comment", .slot = "answer"};
	struct err missing = {0};

	return store_effect_get(c->env->store, &key, &row, &missing) == 0 &&
	       row.sent_ms > 0 && row.sent_ms <= c->command->created_ms;
}

/* A button stays on the check run of an older plan: it is no word for a newer one.  1, 0, -1. */
static int is_its_button(struct command_ctx *c, int64_t plan_task, struct err *err)
{
	CLEANUP(store_task) struct store_task pressed = {0};

	if (!str_eq(c->command->verb, "button"))
		return 1;
	int rc = command_pressed(c, &pressed, err);
	return rc < 0 ? -1 : rc > 0 && pressed.id == plan_task;
}

/* 0, or -1. */
static int say_newer(struct command_ctx *c, struct err *err)
{
	str_copy(c->may.why, sizeof c->may.why, "there is a newer plan");
	return command_say(c, "confused",
		"there is a newer plan than the one that this was said of; read it and "
		"say it again.",
		err);
}

/* 1: the plan and the task that made it; 0: there is none that waits, which was answered. */
static int waiting_plan(struct command_ctx *c, const char *state,
	struct store_conversation *talk, struct store_task *task, struct err *err)
{
	struct err missing = {0};
	int rc = command_talk(c, talk, err);

	if (rc < 0)
		return -1;
	if (rc > 0 && c->command->attempt > 1 && str_eq(talk->plan_state, state))
		return command_react(c, "+1", err); /* by an attempt before this one */
	if (rc == 0 || !str_eq(talk->plan_state, "waiting"))
		return command_say(c, "confused",
			       "no plan waits for a word here; `/boxwright plan` has one "
			       "made.",
			       err) < 0
			       ? -1
			       : 0;
	rc = is_its_button(c, talk->plan_task_id, err);
	if (rc < 0)
		return -1;
	if (rc == 0 || !was_told(c, talk->plan_task_id))
		return say_newer(c, err);
	if (store_task_get(c->env->store, talk->plan_task_id, task, &missing) == 0)
		return 1;
	*err = missing;
	return err_wrap(err, "the task that made the plan");
}

/* The plan gets its new state, and the one who asked a sign. */
static int settle(struct command_ctx *c, const struct store_conversation *talk,
	const char *state, struct err *err)
{
	if (store_conversation_plan(c->env->store, talk->id, NULL, state,
		    talk->plan_task_id, c->cancel, err) < 0)
		return -1;
	return command_react(c, "+1", err);
}

/* An earlier attempt of this command made the task `id`: the plan may still stand as waiting,
 * but a plan that is younger than the task waits for another word. */
static int go_on(struct command_ctx *c, const char *state, int64_t id, struct err *err)
{
	CLEANUP(store_conversation) struct store_conversation talk = {0};
	int rc = command_talk(c, &talk, err);

	if (rc < 0)
		return -1;
	if (rc > 0 && str_eq(talk.plan_state, "waiting") && talk.plan_task_id < id)
		return settle(c, &talk, state, err);
	return command_react(c, "+1", err);
}

static int decide(struct command_ctx *c, const char *state, const char *verb,
	const char *flag, struct err *err)
{
	CLEANUP(store_conversation) struct store_conversation talk = {0};
	CLEANUP(store_task) struct store_task task = {0};
	int64_t id;
	int rc = verb ? command_made(c, &id, err) : 0;

	if (rc < 0)
		return -1;
	if (rc > 0)
		return go_on(c, state, id, err);
	rc = waiting_plan(c, state, &talk, &task, err);
	if (rc <= 0)
		return rc;
	struct command_task what = {.verb = verb, .text = c->command->text, .flag = flag};
	if (verb && command_make(c, &task, &what, &id, err) < 0)
		return err_wrap(err, "make the task");
	return settle(c, &talk, state, err);
}

int command_approve(struct command_ctx *c, struct err *err)
{
	return decide(c, "approved", "fix", "plan", err);
}

/* With a reason there is another plan, in the same session. */
int command_reject(struct command_ctx *c, struct err *err)
{
	bool again = !str_empty(c->command->text);

	return decide(c, "rejected", again ? "plan" : NULL, "rejected", err);
}

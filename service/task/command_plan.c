/* SPDX-License-Identifier: MIT */
/*
 * approve and reject: the word that a plan waits for.
 *
 * The task is made before the plan's state is changed, and knows its command; so whichever
 * line a crash comes at, the next attempt finds what was done and does the rest.
 */
#include "service/task/command_ctx.h"

#include "boxcore/base/str.h"

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

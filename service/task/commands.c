/* SPDX-License-Identifier: MIT */
/*
 * The commands' thread: each command is taken, its person asked about, done, and finished.
 *
 * The person's role is asked first.  Words come only to those who have a role in the
 * repository, all others get a reaction.  Nothing here waits for a box or for git: that is
 * for tasks.
 */
#define LOG_MODULE "commands"
#include "service/task/command_ctx.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/about.h"
#include "service/task/quiet.h"
#include "service/task/retry.h"
#include "service/task/status.h"

#include <string.h>

#define COMMAND_ATTEMPTS 6
/* Within this time of its coming no failure of a peer loses a command. */
#define COMMAND_PATIENCE_MS 3600000
#define COMMAND_WAIT_MS 5000
/* One thread answers all repositories: what takes longer goes on behind the others. */
#define COMMAND_MS 120000
#define CLOSED_MS 2000 /* GitHub's limits for longer than this: later */

/* `role`: the verb whose role the person needs; NULL: nobody asked for it. */
static const struct verb {
	const char *name, *role;
	command_fn run;
} verbs[] = {
	{"cancel", "cancel", command_cancel},
	{"retry", "retry", command_retry},
	{"status", "status", command_status},
	{"help", "help", command_help},
	{"approve", "approve", command_approve},
	{"reject", "approve", command_reject},
	{"budget", "budget", command_budget},
	{"unknown", "help", command_unknown},
	{"button", "cancel", command_button},
	{"dashboard", "dashboard", command_dashboard},
	{"pushed", NULL, command_pushed},
	{"closed", NULL, command_closed},
	{"reopened", NULL, command_reopened},
	{"installed", NULL, command_installed},
	{"removed", NULL, command_removed},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* A button is the verb that it stands for. */
static const char *role_verb(const struct command_ctx *c, const struct verb *verb)
{
	CLEANUP(mem) char *button = about_text(c->command->about, "button");

	if (!str_eq(verb->name, "button"))
		return verb->role;
	return str_eq(button, "approve")                            ? "approve"
	       : str_eq(button, "retry") || str_eq(button, "rerun") ? "retry"
								    : "cancel";
}

/* What they may not is told to those who belong here, and shown to others. */
static int refuse(struct command_ctx *c, struct err *err)
{
	/* Its beginning may name the person already. */
	CLEANUP(mem) char *self = mem_printf("@%s", c->command->requester_login);
	bool named = str_starts(c->may.why, self);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT);

	if (named)
		strbuf_addf(&text, "%s.", c->may.why);
	else {
		strbuf_addf(&text, "%s: ", self);
		status_sentence(&text, c->may.why, sizeof c->may.why);
	}
	if (!c->may.words && !quiet_stranger(c->env->github, c->repo.id,
				     c->command->requester_id, clock_mono_ms())) {
		str_copy(c->may.why, sizeof c->may.why, QUIET_STRANGER);
		return 0;
	}
	if (!c->may.words || str_eq(c->command->verb, "unknown") ||
		str_eq(c->command->verb, "dashboard"))
		return command_react(c, "confused", err);
	return command_react(c, "confused", err) < 0
		       ? -1
		       : command_comment(c, strbuf_str(&text), err);
}

/* Who asks the same several times while nobody could answer wants one answer: the last has it.
 * A thread of review comments is a place of its own.  1: it is the last one's. */
static int told_later(struct command_ctx *c, struct err *err)
{
	int64_t id;

	if (!c->command->only_says || str_eq(c->command->verb, "unknown") ||
		about_is_inline(c->command->about))
		return 0;
	int rc = store_command_asked_again(c->env->store, c->command, &id, err);
	if (rc <= 0)
		return rc;
	snprintf(c->may.why, sizeof c->may.why,
		"asked again: answered once, as command %lld", (long long)id);
	return command_react(c, "+1", err) < 0 ? -1 : 1;
}

static int handle(struct command_ctx *c, struct err *err)
{
	const struct verb *verb = find_verb(c->command->verb);
	struct gate_person who = {
		.id = c->command->requester_id, .login = c->command->requester_login};

	if (!verb)
		return err_set(err, ERR_INTERNAL, "a command %s", c->command->verb);
	if (!verb->role)
		return verb->run(c, err);
	if (quiet_known(c->env->github, c->repo.id, who.id, clock_mono_ms())) {
		str_copy(c->may.why, sizeof c->may.why, QUIET_STRANGER);
		return 0;
	}
	if (rules_may(c->env, &c->repo, role_verb(c, verb), &who, &c->may, c->cancel,
		    err) < 0)
		return err_wrap(err, "ask what @%s may", who.login);
	if (c->may.words)
		quiet_forget(c->env->github, c->repo.id, who.id);
	if (!c->may.may)
		return refuse(c, err);
	int rc = told_later(c, err);
	return rc != 0 ? (rc < 0 ? -1 : 0) : verb->run(c, err);
}

static int64_t attempt_of(const struct store_command *command)
{
	bool patient = clock_wall_ms() - command->created_ms < COMMAND_PATIENCE_MS;

	return patient && command->attempt >= COMMAND_ATTEMPTS ? COMMAND_ATTEMPTS - 1
							       : command->attempt;
}

/* What becomes of the command's row. */
struct verdict {
	bool again; /* put back, to be taken at at_ms; else finished */
	bool counted;
	bool ok;
	int64_t at_ms;
	const char *text;
};

static struct verdict judge(
	struct task_env *env, const struct store_command *command, const struct err *err)
{
	uint32_t spread;

	crypto_random(&spread, sizeof spread);
	struct retry retry = retry_decide(
		err, attempt_of(command), COMMAND_ATTEMPTS, COMMAND_WAIT_MS, spread);
	return (struct verdict){.again = retry.again || cancel_fired(env->stop),
		.counted = true,
		.at_ms = clock_wall_ms() + retry.wait_ms,
		.text = err->text};
}

static struct verdict carry_out(struct command_ctx *c, struct err *err)
{
	const struct store_command *command = c->command;
	int64_t closed_ms =
		command->only_says ? github_closed_ms(c->env->github, &c->repo) : 0;

	/* Nothing could be said: GitHub is not asked either. */
	if (closed_ms > CLOSED_MS)
		return (struct verdict){.again = true,
			.at_ms = clock_wall_ms() + closed_ms,
			.text = "what is left of this hour's changes is kept for work"};
	if (handle(c, err) == 0)
		return (struct verdict){
			.ok = true, .text = c->may.why[0] ? c->may.why : "done"};
	log_warn("%s of lane %s: %s", command->verb, command->lane, err->text);
	return judge(c->env, command, err);
}

static void settle(struct task_env *env, const struct store_command *command,
	const struct verdict *verdict)
{
	struct err err = {0};
	int64_t wait_ms = 0;

	do {
		int rc = verdict->again
				 ? store_command_put_back(env->store, command,
					   verdict->at_ms, verdict->counted,
					   verdict->text, NULL, &err)
				 : store_command_finish(env->store, command, verdict->ok,
					   verdict->text, clock_wall_ms(), NULL, &err);

		if (rc == 0)
			return;
		log_error("%s of lane %s: %s", command->verb, command->lane, err.text);
	} while (retry_write(&err, &wait_ms, env->stop));
}

static void handle_one(
	struct task_env *env, const struct store_command *command, struct cancel *cancel)
{
	CLEANUP(cancel) struct cancel *brief = cancel_new(cancel);
	struct command_ctx c = {
		.env = env,
		.command = command,
		.cancel = brief,
		.repo = {.installation_id = command->installation_id,
			.id = command->repo_id,
			.owner = command->owner,
			.name = command->repo},
	};
	struct err err = {0};

	cancel_deadline(brief, COMMAND_MS, "the time for a command");
	struct verdict verdict = carry_out(&c, &err);
	settle(env, command, &verdict);
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
	if (!store_task_state_ended(old.state))
		return err_set(err, ERR_CONFLICT,
			"task %lld is %s; only one that has ended can be tried again",
			(long long)task, store_task_state_name(old.state));
	struct store_task_new fresh = store_task_like(&old, clock_wall_ms());
	fresh.trigger_kind = "retry";
	if (store_task_add(env->store, &fresh, ret_id, cancel, err) < 0)
		return -1;
	log_info("task %lld is task %lld again, for %s", (long long)*ret_id,
		(long long)task, by);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Commands that are begun again: whichever line they died at, they have done it once. */
#include "service/task/command_ctx.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_effect.h"
#include "service/store/store_step.h"
#include "service/task/about.h"
#include "tests/lib/github_world.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LANE "9#12"
#define OK(call)                                                                         \
	do {                                                                             \
		struct err e_ = {0};                                                     \
		struct err *err = &e_;                                                   \
		if ((call) < 0)                                                          \
			fail_msg("%s", err->text);                                       \
	} while (0)

static struct github_world *github;
static struct store_world world;
static struct task_env env;
static struct store_command command;
static int64_t plan_task, talk_id;

/* A command by @mona, for the `attempt`th time. */
static struct command_ctx a_command(
	int64_t id, const char *verb, const char *text, const char *about, int attempt)
{
	command = (struct store_command){.id = id,
		.repo_id = 9,
		.installation_id = 7,
		.number = 12,
		.requester_id = 5,
		.comment_id = 77,
		.created_ms = 30,
		.attempt = attempt};
	command.lane = (char *)(uintptr_t)LANE;
	command.verb = (char *)(uintptr_t)verb;
	command.word = command.verb;
	command.text = (char *)(uintptr_t)text;
	command.about = (char *)(uintptr_t)about;
	command.owner = (char *)(uintptr_t) "octocat";
	command.repo = (char *)(uintptr_t) "hello";
	command.requester_login = (char *)(uintptr_t) "mona";
	return (struct command_ctx){
		.env = &env, .command = &command, .repo = github->repo};
}

/* The plan of `task` is told in a comment at `at_ms`. */
static void tell_plan(const struct store_task *task, int64_t at_ms)
{
	struct store_effect_key key = {.task_id = task->id,
		.lease = task->lease,
		.kind = "comment",
		.slot = "answer"};

	OK(store_effect_plan(world.store, &key, "the plan", NULL, NULL, err));
	OK(store_effect_sent(world.store, &key, at_ms, NULL, err));
}

/* A conversation whose plan waits, and the task that made it, at its end. */
static int setup(void **state)
{
	struct store_task_new fresh;
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_conversation) struct store_conversation talk = {0};

	github_world_setup(state);
	github = *state;
	github_world_options(github, (struct github_options){.write_gap_ms = 0});
	fake_github_answer(&github->fake, 201, NULL,
		"{\"id\":1,\"content\":\"+1\",\"user\":" FAKE_USER "}");
	store_world_start(&world);
	env = (struct task_env){.store = world.store, .github = github->gh};
	fresh = store_world_task(LANE, 9, 1);
	fresh.verb = "plan";
	fresh.text = "the plan's";
	fresh.number = 12;
	OK(store_task_add(world.store, &fresh, &plan_task, NULL, err));
	assert_int_equal(store_world_claim(&world, "a:1", 10, &task), plan_task);
	OK(store_conversation_open(world.store, &task, 11, &talk, NULL, err));
	talk_id = talk.id;
	OK(store_conversation_plan(
		world.store, talk_id, "1. Do it.", "waiting", plan_task, NULL, err));
	tell_plan(&task, 20);
	struct store_effect_key check = {.task_id = plan_task,
		.lease = task.lease,
		.kind = "check_run",
		.slot = "0123"};
	OK(store_effect_plan(world.store, &check, "", NULL, NULL, err));
	OK(store_effect_done(world.store, &check, "501", NULL, NULL, err));
	OK(store_task_finish(
		world.store, &task, STORE_TASK_DONE, "planned", "ok", 20, NULL, err));
	return 0;
}

static int teardown(void **state)
{
	store_world_stop(&world);
	return github_world_teardown(state);
}

static size_t tasks(void)
{
	struct store_task_filter filter = {.lane = LANE};
	CLEANUP(store_tasks) struct store_tasks list = {0};

	OK(store_task_list(world.store, &filter, &list, err));
	return list.count;
}

static void plan_is(const char *word)
{
	CLEANUP(store_conversation) struct store_conversation talk = {0};

	OK(store_conversation_get(world.store, talk_id, &talk, err));
	assert_string_equal(talk.plan_state, word);
}

static void approve_makes_one_task(void **state)
{
	struct command_ctx c = a_command(1, "approve", "but hurry", "", 1);
	CLEANUP(store_task) struct store_task made = {0};

	(void)state;
	OK(command_approve(&c, err));
	plan_is("approved");
	assert_int_equal(tasks(), 2);
	OK(store_task_get(world.store, plan_task + 1, &made, err));
	assert_string_equal(made.verb, "fix");
	assert_string_equal(made.text, "but hurry");
	assert_true(about_flag(made.about, "plan"));
	assert_int_equal(about_number(made.about, "command"), 1);
	for (int attempt = 2; attempt < 4; attempt++) { /* as after a crash */
		c = a_command(1, "approve", "but hurry", "", attempt);
		OK(command_approve(&c, err));
	}
	assert_int_equal(tasks(), 2);
	plan_is("approved");
}

static void approve_that_died_behind_its_task_goes_on(void **state)
{
	struct command_ctx c = a_command(1, "approve", "", "", 1);
	CLEANUP(store_task) struct store_task from = {0};
	struct command_task what = {.verb = "fix", .text = "", .flag = "plan"};
	int64_t id;

	(void)state;
	OK(store_task_get(world.store, plan_task, &from, err));
	OK(command_make(&c, &from, &what, &id, err));
	plan_is("waiting");
	c = a_command(1, "approve", "", "", 2);
	OK(command_approve(&c, err));
	plan_is("approved");
	assert_int_equal(tasks(), 2);
}

/* Its task made another plan before the command was begun again: that one waits on. */
static void reject_that_died_leaves_a_younger_plan_alone(void **state)
{
	struct command_ctx c = a_command(1, "reject", "too long", "", 1);

	(void)state;
	OK(command_reject(&c, err));
	plan_is("rejected");
	assert_int_equal(tasks(), 2);
	OK(store_conversation_plan(world.store, talk_id, "1. Do it well.", "waiting",
		plan_task + 1, NULL, err));
	c = a_command(1, "reject", "too long", "", 2);
	OK(command_reject(&c, err));
	plan_is("waiting");
	assert_int_equal(tasks(), 2);
}

static void reject_without_a_reason_makes_nothing(void **state)
{
	struct command_ctx c = a_command(1, "reject", "", "", 1);

	(void)state;
	OK(command_reject(&c, err));
	plan_is("rejected");
	c = a_command(1, "reject", "", "", 2);
	OK(command_reject(&c, err));
	assert_int_equal(tasks(), 1);
}

static void retry_makes_one_task_with_the_same_request(void **state)
{
	struct command_ctx c = a_command(3, "retry", "", "", 1);
	CLEANUP(store_task) struct store_task made = {0};

	(void)state;
	OK(command_retry(&c, err));
	c = a_command(3, "retry", "", "", 2);
	OK(command_retry(&c, err));
	assert_int_equal(tasks(), 2);
	OK(store_task_get(world.store, plan_task + 1, &made, err));
	assert_string_equal(made.verb, "plan");
	assert_string_equal(made.requester_login, "mona");
}

/* The word came before the plan was told: it is for an older one. */
static void approve_is_of_a_plan_that_was_read(void **state)
{
	struct command_ctx c = a_command(1, "approve", "", "", 1);

	(void)state;
	fake_github_answer(&github->fake, 201, NULL, FAKE_COMMENT);
	command.created_ms = 19;
	OK(command_approve(&c, err));
	plan_is("waiting");
	assert_int_equal(tasks(), 1);
	assert_non_null(strstr(github->fake.body, "newer plan"));
	c = a_command(2, "reject", "no", "", 1);
	command.created_ms = 19;
	OK(command_reject(&c, err));
	plan_is("waiting");
	assert_int_equal(tasks(), 1);
}

static void a_button_is_its_own_plans(void **state)
{
	CLEANUP(mem)
	char *older = mem_printf("{\"button\":\"approve\",\"check\":{\"external_id\":"
				 "\"task-%lld\"}}",
		(long long)plan_task + 1);
	CLEANUP(mem)
	char *own = mem_printf("{\"button\":\"approve\",\"check\":{\"external_id\":"
			       "\"task-%lld\"}}",
		(long long)plan_task);
	struct command_ctx c = a_command(1, "button", "", older, 1);

	(void)state;
	OK(command_button(&c, err));
	plan_is("waiting");
	assert_int_equal(tasks(), 1);
	c = a_command(2, "button", "", own, 1);
	OK(command_button(&c, err));
	plan_is("approved");
	assert_int_equal(tasks(), 2);
}

/* A task that failed or was cancelled, made at `made_ms`; whether it passed the gate. */
static int64_t an_ended_task_of(int64_t person, const char *text, int64_t made_ms,
	bool passed, enum store_task_state how)
{
	struct store_task_new fresh = store_world_task(LANE, 9, made_ms);
	CLEANUP(store_task) struct store_task task = {0};
	int64_t id, seq;

	fresh.number = 12;
	fresh.requester_id = person;
	fresh.text = text;
	fresh.now_ms = made_ms;
	OK(store_task_add(world.store, &fresh, &id, NULL, err));
	assert_int_equal(store_world_claim(&world, "a:1", made_ms + 1, &task), id);
	OK(store_step_begin(world.store, &task, "gate", made_ms + 2, &seq, NULL, err));
	OK(store_step_end(
		world.store, &task, seq, passed, "", NULL, made_ms + 3, NULL, err));
	OK(store_task_finish(
		world.store, &task, how, "failed_work", "no", made_ms + 3, NULL, err));
	return id;
}

static int64_t an_ended_task(int64_t made_ms, bool passed, enum store_task_state how)
{
	return an_ended_task_of(5, "as ever", made_ms, passed, how);
}

static size_t tasks_after_retry_from(const char *step)
{
	CLEANUP(mem) char *about = mem_printf("{\"step\":\"%s\"}", step);
	struct command_ctx c = a_command(9, "retry", "", about, 1);
	size_t before = tasks();

	OK(command_retry(&c, err));
	return tasks() - before;
}

/* `retry from` passes no gate, so it is for what has passed it, today. */
static void retry_from_a_step_avoids_no_gate(void **state)
{
	int64_t now = clock_wall_ms(), id;

	(void)state;
	id = an_ended_task(now, true, STORE_TASK_FAILED);
	assert_int_equal(tasks_after_retry_from("prepare"), 0);
	assert_string_equal(store_world_state(&world, id), "ready");
}

/* Whoever has an agent run again has it on their own account. */
static void retry_from_a_step_by_another_person_is_theirs(void **state)
{
	CLEANUP(store_task) struct store_task made = {0};
	int64_t now = clock_wall_ms(), id;

	(void)state;
	id = an_ended_task_of(8, "theirs", now, true, STORE_TASK_FAILED);
	assert_int_equal(tasks_after_retry_from("work"), 1);
	assert_string_equal(store_world_state(&world, id), "failed");
	OK(store_task_get(world.store, id + 1, &made, err));
	assert_int_equal(made.requester_id, 5);
}

/* The button of a check run is of its own task, whatever came after; that of a suite of the
 * newest task on that head. */
static void a_retry_button_is_of_its_own_task(void **state)
{
	int64_t now = clock_wall_ms();
	int64_t first = an_ended_task_of(5, "first", now, true, STORE_TASK_FAILED);
	size_t before = tasks() + 1;
	CLEANUP(mem)
	char *button = mem_printf("{\"button\":\"retry\",\"check\":{\"external_id\":"
				  "\"task-%lld\"}}",
		(long long)first);
	static const struct {
		const char *about;
		const char *text; /* of the task that is made */
	} rows[] = {
		{"{\"button\":\"rerun\",\"head\":\"4567\"}", "newest"},
		{NULL, "first"},
		{"{\"button\":\"rerun\",\"head\":\"0123\"}", "the plan's"},
	};

	(void)state;
	an_ended_task_of(5, "newest", now + 10, true, STORE_TASK_FAILED);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct store_task_filter filter = {.lane = LANE, .limit = 1};
		CLEANUP(store_tasks) struct store_tasks made = {0};
		const char *about = rows[i].about ? rows[i].about : button;
		struct command_ctx c = a_command(20 + (int64_t)i, "button", "", about, 1);

		OK(command_button(&c, err));
		OK(store_task_list(world.store, &filter, &made, err));
		assert_string_equal(made.rows[0].text, rows[i].text);
		assert_int_equal(tasks(), before + i + 1);
	}
}

static void retry_of_what_was_not_let_in_begins_anew(void **state)
{
	int64_t now = clock_wall_ms(), id;

	(void)state;
	id = an_ended_task(now, false, STORE_TASK_CANCELLED);
	assert_int_equal(tasks_after_retry_from("prepare"), 1);
	assert_string_equal(store_world_state(&world, id), "cancelled");
}

static void retry_of_what_was_refused_begins_anew(void **state)
{
	int64_t now = clock_wall_ms(), id;

	(void)state;
	id = an_ended_task(now, true, STORE_TASK_REFUSED);
	assert_int_equal(tasks_after_retry_from("prepare"), 1);
	assert_string_equal(store_world_state(&world, id), "refused");
}

static void retry_of_another_day_begins_anew(void **state)
{
	int64_t id;

	(void)state;
	id = an_ended_task(
		clock_wall_ms() - INT64_C(25) * 3600000, true, STORE_TASK_FAILED);
	assert_int_equal(tasks_after_retry_from("prepare"), 1);
	assert_string_equal(store_world_state(&world, id), "failed");
}

static double budget(void)
{
	CLEANUP(store_conversation) struct store_conversation talk = {0};

	OK(store_conversation_get(world.store, talk_id, &talk, err));
	return talk.budget_usd;
}

/* The answer fails each time: nothing is added again. */
static void budget_is_added_once(void **state)
{
	struct err err = {0};

	(void)state;
	fake_github_answer(&github->fake, 502, NULL, "{}");
	for (int attempt = 1; attempt < 4; attempt++) {
		struct command_ctx c =
			a_command(4, "budget", "", "{\"amount\": 2.5}", attempt);
		assert_int_equal(command_budget(&c, &err), -1);
		assert_true(budget() > 2.49 && budget() < 2.51);
	}
	struct command_ctx c = a_command(5, "budget", "", "{\"amount\": 1}", 1);
	assert_int_equal(command_budget(&c, &err), -1);
	assert_true(budget() > 3.49 && budget() < 3.51);
}

static void cancel_switches_nothing_twice(void **state)
{
	struct store_task_new fresh = store_world_task(LANE, 9, 1);
	int64_t id;

	(void)state;
	OK(store_task_add(world.store, &fresh, &id, NULL, err));
	for (int attempt = 1; attempt < 3; attempt++) {
		struct command_ctx c = a_command(6, "cancel", "", "", attempt);
		OK(command_cancel(&c, err));
		assert_string_equal(store_world_state(&world, id), "cancelled");
		assert_non_null(strstr(github->fake.body, "+1"));
	}
	struct command_ctx c = a_command(7, "cancel", "", "", 1);
	OK(command_cancel(&c, err));
	assert_non_null(strstr(github->fake.body, "confused"));
}

/* A clock on which time goes by quickly: ten seconds at each look. */
static _Atomic int64_t quick_us;

static int64_t quick_mono_us(void)
{
	return atomic_fetch_add(&quick_us, INT64_C(10000000));
}

/* One thread answers for all repositories: a command that takes longer than two minutes goes
 * back behind the others, and says why. */
static void a_command_that_takes_long_goes_behind_the_others(void **state)
{
	struct store_command_new asked = {.lane = LANE,
		.verb = "cancel",
		.word = "cancel",
		.text = "",
		.about = "",
		.repo_id = 9,
		.installation_id = 7,
		.owner = "octocat",
		.repo = "hello",
		.number = 12,
		.requester_id = 5,
		.requester_login = "mona",
		.comment_id = 77};
	struct store_delivery_new what = {.id = "guid-1",
		.event = "issue_comment",
		.body = "{}",
		.body_len = 2,
		.reason_code = "comment",
		.reason = "A comment asks for it.",
		.command = &asked};
	struct store_delivery_added added;
	CLEANUP(store_command) struct store_command row = {0};
	struct config config;

	(void)state;
	config_defaults(&config);
	env.config = &config;
	/* No call of its own ends before that. */
	github_world_options(github, (struct github_options){.timeout_s = 600});
	env.github = github->gh;
	fake_github_answer(&github->fake, 404, NULL, "{}");
	asked.now_ms = what.received_ms = clock_wall_ms();
	OK(store_delivery_add(world.store, &what, &added, NULL, err));
	quick_us = clock_mono_us();
	clock_set_source(quick_mono_us, NULL);
	int handled = task_commands_run(&env, "a:commands", NULL);
	clock_set_source(NULL, NULL);
	assert_int_equal(handled, 1);
	OK(store_command_get(world.store, 1, &row, err));
	assert_int_equal(row.state, STORE_COMMAND_READY);
	assert_int_equal(row.attempt, 1);
	assert_true(row.run_at_ms > asked.now_ms + 1000);
	if (!strstr(row.outcome, "the time for a command"))
		fail_msg("%s", row.outcome);
	env.config = NULL;
	config_release(&config);
}

static void steps_are_those_of_the_verb(void **state)
{
	(void)state;
	assert_string_equal(task_step_at("review", 0), "gate");
	assert_string_equal(task_step_at("review", 3), "review");
	assert_null(task_step_at("review", 5));
	assert_null(task_step_at("fix", 100));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(approve_makes_one_task),
		TEST(approve_that_died_behind_its_task_goes_on),
		TEST(reject_that_died_leaves_a_younger_plan_alone),
		TEST(reject_without_a_reason_makes_nothing),
		TEST(retry_makes_one_task_with_the_same_request),
		TEST(approve_is_of_a_plan_that_was_read),
		TEST(a_button_is_its_own_plans),
		TEST(retry_from_a_step_avoids_no_gate),
		TEST(retry_from_a_step_by_another_person_is_theirs),
		TEST(a_retry_button_is_of_its_own_task),
		TEST(retry_of_what_was_not_let_in_begins_anew),
		TEST(retry_of_what_was_refused_begins_anew),
		TEST(retry_of_another_day_begins_anew),
		TEST(budget_is_added_once),
		TEST(cancel_switches_nothing_twice),
		TEST(a_command_that_takes_long_goes_behind_the_others),
		cmocka_unit_test(steps_are_those_of_the_verb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

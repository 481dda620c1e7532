/* SPDX-License-Identifier: MIT */
/*
 * service/jobs over a real store: slots settled once by many at the same time, downtime,
 * skipping, failures, closed pull requests, ticks.  GitHub answers nothing here.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/jobs/jobs.h"
#include "service/jobs/ready.h"
#include "service/store/store_effect.h"
#include "tests/lib/github_world.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPO 9
#define HOUR 3600000LL
#define DAY (24 * HOUR)
#define START 1774915200000LL /* 2026-03-31T00:00:00Z */

static _Atomic int64_t wall_ms;

static int64_t fake_wall(void)
{
	return atomic_load(&wall_ms);
}

struct world {
	struct store_world rows;
	struct github_world *github;
	struct config config;
	struct jobs *jobs;
};

static void add_job(struct world *w, const char *name, const char *cron, const char *spec)
{
	struct store_job_new row = {.name = name,
		.spec = spec,
		.spec_hash = spec,
		.cron = cron,
		.timezone = "UTC",
		.next_ms = START + 6 * HOUR};
	struct err err = {0};

	if (store_jobs_sync(w->rows.store, REPO, 7, "octocat", "hello", "repository",
		    &row, 1, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof *w);
	struct err err = {0};
	void *github = NULL;

	atomic_store(&wall_ms, START);
	github_world_setup(&github);
	w->github = github;
	fake_github_answer(&w->github->fake, 404, NULL, "{}");
	store_world_start(&w->rows);
	config_defaults(&w->config);
	struct jobs_options options = {
		.config = &w->config, .store = w->rows.store, .github = w->github->gh};
	w->jobs = jobs_new(&options);
	assert_int_equal(store_repository_put(w->rows.store, REPO, 7, "octocat", "hello",
				 "active", NULL, &err),
		0);
	assert_int_equal(store_repository_looked(w->rows.store, REPO, NULL,
				 START + 400 * DAY, NULL, &err),
		0);
	clock_set_source(NULL, fake_wall);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	void *github = w->github;

	clock_set_source(NULL, NULL);
	jobs_free(w->jobs);
	config_release(&w->config);
	store_world_stop(&w->rows);
	github_world_teardown(&github);
	free(w);
	return 0;
}

static void tick(struct world *w, int64_t now_ms)
{
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);

	atomic_store(&wall_ms, now_ms);
	jobs_tick(w->jobs, now_ms, cancel);
}

static void get(struct world *w, struct store_job *ret)
{
	CLEANUP(store_jobs) struct store_jobs list = {0};
	struct err err = {0};

	assert_int_equal(store_job_list(w->rows.store, REPO, 0, 10, &list, &err), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(store_job_get(w->rows.store, list.rows[0].id, ret, &err), 0);
}

static size_t count_tasks(struct world *w)
{
	struct store_task_filter filter = {.lane = "9/job/tidy", .limit = 500};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	struct err err = {0};

	assert_int_equal(store_task_list(w->rows.store, &filter, &tasks, &err), 0);
	return tasks.count;
}

/* The oldest task ends; its number. */
static int64_t end_task(struct world *w, enum store_task_state state, const char *code,
	int64_t pull, const char *note)
{
	CLEANUP(store_task) struct store_task task = {0};
	struct err err = {0};

	if (store_task_claim(
		    w->rows.store, "test", fake_wall() + DAY, &task, NULL, &err) != 1)
		fail_msg("no task: %s", err.text);
	task.pr_number = pull;
	store_set(&task.tree_oid, "tree");
	assert_int_equal(
		jobs_result(w->jobs, &task, state, pull > 0, note, NULL, &err), 0);
	/* Telling it again changes nothing. */
	assert_int_equal(
		jobs_result(w->jobs, &task, state, pull > 0, note, NULL, &err), 0);
	if (pull > 0) {
		struct store_effect_key key = {.task_id = task.id,
			.lease = task.lease,
			.kind = JOBS_OFFER,
			.slot = "tree"};
		assert_int_equal(store_effect_plan(w->rows.store, &key, "what is offered",
					 NULL, NULL, &err),
			0);
	}
	assert_int_equal(store_task_finish(w->rows.store, &task, state, code, note,
				 fake_wall(), NULL, &err),
		0);
	return task.id;
}

#define RUN "{\"name\":\"tidy\",\"run\":[\"make tidy\"],\"when\":\"daily at 6:00\"}"
#define AGENT "{\"name\":\"tidy\",\"prompt\":\"Tidy.\",\"when\":\"daily at 6:00\"}"

static void test_each_slot_once(void **state)
{
	struct world *w = *state;

	add_job(w, "tidy", "0 6 * * *", RUN);
	tick(w, START + 6 * HOUR - 1);
	assert_int_equal(count_tasks(w), 0);
	tick(w, START + 6 * HOUR);
	tick(w, START + 6 * HOUR);
	tick(w, START + 5 * HOUR); /* a clock that jumps back */
	tick(w, START + 6 * HOUR + 1);
	assert_int_equal(count_tasks(w), 1);
	end_task(w, STORE_TASK_DONE, "no_change", 0, "nothing");
	tick(w, START + DAY + 6 * HOUR);
	assert_int_equal(count_tasks(w), 2);
}

static void *tick_many(void *arg)
{
	struct world *w = arg;
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct jobs_options options = {
		.config = &w->config, .store = w->rows.store, .github = w->github->gh};
	CLEANUP(jobs) struct jobs *own = jobs_new(&options);

	for (int i = 0; i < 3; i++)
		jobs_tick(own, fake_wall(), cancel);
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct world *w = *state;
	pthread_t threads[6];
	struct err err = {0};

	add_job(w, "tidy", "0 6 * * *", RUN);
	for (int day = 0; day < 5; day++) {
		atomic_store(&wall_ms, START + day * DAY + 6 * HOUR);
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			assert_int_equal(
				thread_start(&threads[i], "tick", tick_many, w, &err), 0);
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			thread_join(threads[i]);
		assert_int_equal(count_tasks(w), (size_t)day + 1);
		end_task(w, STORE_TASK_DONE, "no_change", 0, "nothing");
	}
}

static void test_downtime(void **state)
{
	CLEANUP(store_job) struct store_job job = {0};
	struct world *w = *state;

	add_job(w, "tidy", "0 6 * * *", RUN);
	tick(w, START + 8 * DAY); /* the 6:00 of eight days */
	assert_int_equal(count_tasks(w), 1);
	get(w, &job);
	assert_int_equal(job.last_slot_ms, START + 7 * DAY + 6 * HOUR);
	assert_int_equal(job.next_ms, START + 8 * DAY + 6 * HOUR);
	assert_string_equal(job.last_note, "started, after 7 times that were missed");
	/* A year: bounded work, one run. */
	end_task(w, STORE_TASK_DONE, "no_change", 0, "nothing");
	tick(w, START + 365 * DAY);
	assert_int_equal(count_tasks(w), 2);
}

static void test_still_running(void **state)
{
	CLEANUP(store_job) struct store_job job = {0};
	struct world *w = *state;

	add_job(w, "tidy", "0 6 * * *", RUN);
	tick(w, START + 6 * HOUR);
	tick(w, START + DAY + 6 * HOUR);
	assert_int_equal(count_tasks(w), 1);
	get(w, &job);
	assert_non_null(strstr(job.last_note, "still runs"));
	assert_int_equal(job.last_slot_ms, START + DAY + 6 * HOUR);
}

static void test_three_failures(void **state)
{
	struct world *w = *state;
	struct err err = {0};

	add_job(w, "tidy", "0 6 * * *", RUN);
	for (int day = 0; day < 3; day++) {
		tick(w, START + day * DAY + 6 * HOUR);
		end_task(w, STORE_TASK_FAILED, "failed_job", 0, "it broke");
	}
	CLEANUP(store_job) struct store_job job = {0};
	get(w, &job);
	assert_string_equal(job.state, "paused");
	assert_non_null(strstr(job.paused_why, "it broke"));
	tick(w, START + 3 * DAY + 6 * HOUR);
	assert_int_equal(count_tasks(w), 3);
	assert_int_equal(jobs_resume(w->jobs, job.id, NULL, &err), 0);
	tick(w, START + 4 * DAY + 6 * HOUR);
	assert_int_equal(count_tasks(w), 4);
}

static void test_away(void **state)
{
	CLEANUP(store_job) struct store_job job = {0};
	struct world *w = *state;
	struct err err = {0};

	add_job(w, "tidy", "0 6 * * *", RUN);
	assert_int_equal(store_repository_put(w->rows.store, REPO, 7, "octocat", "hello",
				 "suspended", NULL, &err),
		0);
	tick(w, START + 6 * HOUR);
	assert_int_equal(count_tasks(w), 0);
	get(w, &job);
	assert_non_null(strstr(job.last_note, "suspended"));
}

static void test_closed_and_again(void **state)
{
	struct world *w = *state;
	struct jobs_look look;
	struct err err = {0};

	add_job(w, "tidy", "0 6 * * *", RUN);
	tick(w, START + 6 * HOUR);
	struct store_task task = {0};
	end_task(w, STORE_TASK_DONE, "pull_request", 41, "opened");
	CLEANUP(store_job) struct store_job job = {0};
	get(w, &job);
	assert_int_equal(job.pr_number, 41);
	task.job_id = job.id;
	assert_int_equal(
		jobs_offer_look(w->jobs, &task, "what is offered", 10, &look, NULL, &err),
		0);
	assert_true(look.stands && !look.declined && !look.crowded);
	/* Somebody else's pull request is none of ours. */
	assert_int_equal(jobs_pull_closed(w->jobs, REPO, 40, false, NULL, &err), 0);
	assert_int_equal(jobs_pull_closed(w->jobs, REPO, 41, false, NULL, &err), 0);
	assert_int_equal(
		jobs_offer_look(w->jobs, &task, "what is offered", 10, &look, NULL, &err),
		0);
	assert_true(look.declined && !look.stands && look.pr_number == 0);
	assert_int_equal(
		jobs_offer_look(w->jobs, &task, "another", 10, &look, NULL, &err), 0);
	assert_false(look.declined);
	/* A person's word forgets it. */
	int64_t id;
	assert_int_equal(jobs_run(w->jobs, job.id, "@mona", &id, NULL, &err), 0);
	assert_int_equal(jobs_run(w->jobs, job.id, "@mona", &id, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(
		jobs_offer_look(w->jobs, &task, "what is offered", 10, &look, NULL, &err),
		0);
	assert_false(look.declined);
	/* Merged: nothing is declined. */
	end_task(w, STORE_TASK_DONE, "pull_request", 42, "opened");
	assert_int_equal(jobs_pull_closed(w->jobs, REPO, 42, true, NULL, &err), 0);
	CLEANUP(store_job) struct store_job after = {0};
	get(w, &after);
	assert_null(after.declined);
	assert_int_equal(after.pr_number, 0);
}

static void test_ticked(void **state)
{
	struct world *w = *state;
	struct err err = {0};

	add_job(w, "tidy", "0 6 * * *", RUN);
	assert_int_equal(jobs_ticked(w->jobs, REPO, "{\"ticked\":[\"nobody\"]}", "@mona",
				 NULL, &err),
		0);
	assert_int_equal(count_tasks(w), 0);
	for (int i = 0; i < 2; i++) /* the second finds it at work */
		assert_int_equal(
			jobs_ticked(w->jobs, REPO, "{\"ticked\":[\"tidy\",\"nobody\"]}",
				"@mona", NULL, &err),
			0);
	assert_int_equal(count_tasks(w), 1);
	assert_int_equal(
		jobs_ticked(w->jobs, REPO, "{\"ticked\":7}", "@mona", NULL, &err), 0);
	assert_int_equal(jobs_ticked(w->jobs, REPO, "nonsense", "@mona", NULL, &err), -1);
}

static void test_damaged_row(void **state)
{
	CLEANUP(store_job) struct store_job job = {0};
	struct world *w = *state;

	add_job(w, "tidy", "no cron", RUN);
	tick(w, START + 6 * HOUR);
	assert_int_equal(count_tasks(w), 0);
	get(w, &job);
	assert_string_equal(job.state, "paused"); /* and not looked at each second */
}

/* ---- specs ------------------------------------------------------------------------------- */

static bool has(char *const *list, const char *item)
{
	while (*list && !str_eq(*list, item))
		list++;
	return *list;
}

static void test_spec(void **state)
{
	char header[] = "header", value[] = "MIT 'x'", name[] = "tidy", when[] = "daily",
	     zone[] = "UTC", use[] = "licence-headers";
	struct schedule_option option = {header, value};
	struct config_schedule job = {.name = name,
		.when = when,
		.timezone = zone,
		.use = use,
		.options = &option,
		.noptions = 1,
		.enabled = true};
	char hash[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
	CLEANUP(mem) char *text = spec_text(&job, hash);
	CLEANUP(spec) struct spec spec = {0};
	CLEANUP(ready_commands) struct ready_commands commands = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(spec_read(&spec, text, &err), 0);
	assert_string_equal(spec_option(&spec, "header"), "MIT 'x'");
	assert_false(spec_has_agent(&spec));
	assert_int_equal(ready_commands(&spec, &commands, &err), 0);
	assert_int_equal(commands.count, 1);
	assert_true(has(commands.env, "JOB_HEADER=MIT 'x'"));
	assert_true(has(commands.env, "BOXWRIGHT_SUMMARY=/tmp/boxwright-summary.md"));
	assert_non_null(strstr(commands.items[0], "git ls-files"));
	assert_null(strstr(commands.items[0], "```"));
	job.enabled = false;
	CLEANUP(mem) char *off = spec_text(&job, other);
	assert_string_not_equal(hash, other);
	CLEANUP(mem) char *title = spec_title(&spec);
	assert_string_equal(title, "Scheduled maintenance: tidy");
}

static void test_codemod(void **state)
{
	CLEANUP(spec) struct spec spec = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		spec_read(&spec,
			"{\"name\":\"c\",\"use\":\"codemod\",\"with\":{\"change\":"
			"\"{{paths}} to b\"}}",
			&err),
		0);
	assert_true(spec_has_agent(&spec));
	CLEANUP(mem) char *text = ready_request(&spec, &err);
	assert_non_null(strstr(text, "{{paths}} to b")); /* a value is no template */
	assert_non_null(strstr(text, "all files that it applies to"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_slot_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_downtime, setup, teardown),
		cmocka_unit_test_setup_teardown(test_still_running, setup, teardown),
		cmocka_unit_test_setup_teardown(test_three_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_and_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ticked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_row, setup, teardown),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_codemod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

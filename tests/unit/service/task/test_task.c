/* SPDX-License-Identifier: MIT */
/* How a walk ends when nothing goes well: the row is always let go of. */
#include "service/task/task.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"
#include "tests/lib/github_world.h"
#include "tests/lib/store_world.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define APP "{\"id\":4242,\"slug\":\"boxwright\",\"owner\":" FAKE_USER ",\"name\":\"b\"}"
#define BOT "{\"id\":900,\"login\":\"boxwright[bot]\",\"type\":\"Bot\"}"
#define REPO                                                                             \
	"{\"id\":9,\"name\":\"hello\",\"owner\":{\"login\":\"octocat\"},"                \
	"\"default_branch\":\"main\",\"clone_url\":\"https://x/hello.git\","             \
	"\"html_url\":\"https://x/hello\"}"

static struct github_world *github;
static struct store_world world;
static struct config config;
static struct task_env env;

static int setup(void **state)
{
	github_world_setup(state);
	github = *state;
	github_world_options(github, (struct github_options){.write_gap_ms = 0});
	store_world_start(&world);
	config.task_attempts = 2;
	env = (struct task_env){.config = &config,
		.store = world.store,
		.github = github->gh,
		.stop = cancel_new(NULL)};
	return 0;
}

static int teardown(void **state)
{
	cancel_free(env.stop);
	store_world_stop(&world);
	return github_world_teardown(state);
}

/* A claimed task whose next step is `step`. */
static void claim(const char *verb, const char *step, struct store_task *ret)
{
	struct store_task_new fresh = store_world_task("9/12", 9, 1);
	struct err err = {0};
	int64_t id;

	fresh.verb = verb;
	fresh.step = step;
	assert_int_equal(store_task_add(world.store, &fresh, &id, NULL, &err), 0);
	assert_int_equal(store_world_claim(&world, "a:1", 10, ret), id);
}

/* It comes to its report undecided, and what decides there fails for good. */
static void a_report_that_cannot_be_made_ends_the_task(void **state)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_task) struct store_task after = {0};
	CLEANUP(cancel) struct cancel *cancel = cancel_new(env.stop);
	const struct fake_answer answers[] = {
		{200, NULL, APP}, {200, NULL, BOT}, {200, NULL, REPO}, {0}};
	struct err err = {0};

	(void)state;
	fake_github_answers(&github->fake, answers);
	claim("plan", "report", &task);
	store_set(&task.summary, "1. Do it."); /* its conversation is gone */
	task_run(&env, &task, cancel);
	assert_int_equal(store_task_get(world.store, task.id, &after, &err), 0);
	assert_int_equal(after.state, STORE_TASK_FAILED);
	assert_string_equal(after.outcome_code, "failed_report");
	assert_non_null(strstr(after.outcome, "keep the plan"));
}

/* ---- a full disk ------------------------------------------------------------------------ */

static void limit_files(rlim_t bytes)
{
	struct rlimit limit = {bytes, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void *make_room(void *arg)
{
	struct err err = {0};

	(void)arg;
	cancel_sleep(NULL, 900, &err);
	limit_files(RLIM_INFINITY);
	return NULL;
}

static void a_row_is_let_go_of_when_there_is_space_again(void **state)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(cancel) struct cancel *cancel = cancel_new(env.stop);
	pthread_t helper;
	struct err err = {0};

	(void)state;
	fake_github_answer(&github->fake, 502, NULL, "<html>");
	claim("fix", "gate", &task);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(1);
	assert_int_equal(thread_start(&helper, "room", make_room, NULL, &err), 0);
	task_run(&env, &task, cancel);
	thread_join(helper);
	assert_string_equal(store_world_state(&world, task.id), "ready");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_report_that_cannot_be_made_ends_the_task, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_row_is_let_go_of_when_there_is_space_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

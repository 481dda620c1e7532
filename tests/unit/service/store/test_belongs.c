/* SPDX-License-Identifier: MIT */
/* service/store/delivery.c: which conversation a delivery belongs to, and whether it counts. */
#include "boxcore/base/cleanup.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/store/store-internal.h"
#include "tests/lib/store_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A conversation of issue `number` with pull request `pr`. */
static int64_t conversation(
	int64_t number, int64_t pr, const char *branch, bool ours, bool pushed)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct err err = {0};
	char lane[32];

	snprintf(lane, sizeof lane, "1/%lld", (long long)number);
	struct store_task_new new_task = store_world_task(lane, 1, 100);
	int64_t id;
	new_task.number = number;
	OK(store_task_add(world.store, &new_task, &id, NULL, &err));
	assert_int_equal(store_world_claim(&world, lane, 100, &task), id);
	OK(store_conversation_open(world.store, &task, 100, &row, NULL, &err));
	row.pr_number = pr;
	row.ours = ours;
	store_set(&row.branch, branch);
	store_set(&row.head_oid, pushed ? "h1" : NULL);
	OK(store_conversation_save(world.store, &row, &task, 100, NULL, &err));
	OK(store_task_finish(
		world.store, &task, STORE_TASK_DONE, "x", "y", 101, NULL, &err));
	return row.id;
}

static struct store_delivery_new delivery(const char *id)
{
	return (struct store_delivery_new){
		.id = id,
		.event = "issue_comment",
		.received_ms = 1000,
		.body = "{}",
		.body_len = 2,
		.reason_code = "comment",
		.reason = "A comment asks for it.",
	};
}

static struct store_command_new command(
	const char *lane, const char *verb, int64_t number)
{
	return (struct store_command_new){.lane = lane,
		.verb = verb,
		.word = verb,
		.about = "{\"step\":\"work\"}",
		.repo_id = 1,
		.installation_id = 7,
		.owner = "octo",
		.repo = "hello",
		.number = number,
		.requester_id = 5,
		.requester_login = "octocat",
		.now_ms = 1000};
}

static struct store_delivery_added add(const struct store_delivery_new *what)
{
	struct store_delivery_added added = {0};
	struct err err = {0};

	OK(store_delivery_add(world.store, what, &added, NULL, &err));
	return added;
}

static void test_a_comment_on_the_pull_request_is_in_the_issues_lane(void **state)
{
	struct store_task_new task = store_world_task("1/13", 1, 1000);
	struct store_delivery_new what = delivery("d-1");
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t id = conversation(12, 13, "boxwright/12", true, true);

	(void)state;
	task.number = 13;
	what.task = &task;
	what.pull_number = 13;
	OK(store_task_get(world.store, add(&what).task_id, &row, &err));
	assert_string_equal(row.lane, "1/12");
	assert_int_equal(row.conversation_id, id);
	assert_int_equal(row.number, 13);
	/* Another repository's number is another pull request. */
	task.repo_id = 2;
	task.lane = "2/13";
	what.id = "d-2";
	store_task_release(&row);
	OK(store_task_get(world.store, add(&what).task_id, &row, &err));
	assert_string_equal(row.lane, "2/13");
	assert_int_equal(row.conversation_id, 0);
}

static void test_a_branch_is_enough(void **state)
{
	struct store_task_new task = store_world_task("1/0", 1, 1000);
	struct store_delivery_new what = delivery("d-1");
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t id = conversation(12, 13, "boxwright/12", true, true);

	(void)state;
	task.number = 0;
	task.verb = "repair";
	what.task = &task;
	what.branch = "boxwright/12";
	what.only_ours = true;
	OK(store_task_get(world.store, add(&what).task_id, &row, &err));
	assert_string_equal(row.lane, "1/12");
	assert_int_equal(row.conversation_id, id);
	assert_int_equal(row.number, 13);
	assert_true(row.is_pull);
	/* The number is asked first: another pull request may have a branch of this name. */
	what.id = "d-2";
	what.pull_number = 99;
	assert_string_equal(add(&what).reason_code, "not_ours");
}

static void test_a_command_goes_there_too(void **state)
{
	struct store_command_new cancel = command("1/13", "cancel", 13);
	struct store_delivery_new what = delivery("d-1");
	CLEANUP(store_command) struct store_command row = {0}, none = {0};
	struct err err = {0};

	(void)state;
	conversation(12, 13, "boxwright/12", true, true);
	what.command = &cancel;
	what.pull_number = 13;
	assert_int_equal(add(&what).state, STORE_DELIVERY_COMMAND);
	OK(store_delivery_command(world.store, "d-1", &row, &err));
	assert_string_equal(row.lane, "1/12");
	assert_string_equal(row.about, "{\"step\":\"work\"}");
	assert_string_equal(row.delivery_id, "d-1");
	assert_int_equal(store_delivery_command(world.store, "d-2", &none, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_only_ours(void **state)
{
	struct store_task_new task = store_world_task("1/30", 1, 1000);
	struct store_delivery_new what = delivery("d-1");
	CLEANUP(store_delivery) struct store_delivery row = {0};
	struct err err = {0};

	(void)state;
	conversation(12, 13, "boxwright/12", true, true);
	conversation(20, 21, "theirs", false, true);
	conversation(30, 31, "untouched", false, false);
	what.task = &task;
	what.only_ours = true;
	/* Nobody knows it. */
	what.pull_number = 99;
	struct store_delivery_added added = add(&what);
	assert_int_equal(added.state, STORE_DELIVERY_IGNORED);
	assert_int_equal(added.task_id, 0);
	assert_string_equal(added.reason_code, "not_ours");
	OK(store_delivery_get(world.store, "d-1", false, &row, &err));
	assert_int_equal(row.state, STORE_DELIVERY_IGNORED);
	assert_string_equal(row.reason_code, "not_ours");
	assert_string_equal(row.reason, added.reason);
	/* Ours; a person's that the service pushed to; a person's. */
	const struct {
		int64_t number;
		const char *verb;
		bool counts;
	} cases[] = {{13, "fix", true}, {13, "repair", true}, {21, "fix", false},
		{21, "repair", true}, {31, "fix", false}, {31, "repair", false}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char id[16];

		snprintf(id, sizeof id, "c-%zu", i);
		what.id = id;
		what.pull_number = cases[i].number;
		task.verb = cases[i].verb;
		added = add(&what);
		assert_int_equal(added.task_id > 0, cases[i].counts);
		assert_int_equal(added.reason_code == NULL, cases[i].counts);
	}
	/* A command likewise; and with only_ours off all of them count. */
	struct store_command_new closed = command("1/31", "closed", 31);
	what.task = NULL;
	what.command = &closed;
	what.pull_number = 31;
	what.id = "k-1";
	assert_string_equal(add(&what).reason_code, "not_ours");
	CLEANUP(store_command) struct store_command none = {0};
	assert_int_equal(store_delivery_command(world.store, "k-1", &none, &err), -1);
	what.only_ours = false;
	what.id = "k-2";
	assert_int_equal(add(&what).state, STORE_DELIVERY_COMMAND);
	/* The duplicate of an ignored one says what was stored, and nothing else. */
	what.id = "d-1";
	added = add(&what);
	assert_true(added.duplicate);
	assert_int_equal(added.state, STORE_DELIVERY_IGNORED);
	assert_null(added.reason_code);
}

static void test_one_waiting_task_a_head_is_enough(void **state)
{
	struct store_task_new task = store_world_task("1/13", 1, 1000);
	struct store_delivery_new what = delivery("d-1");
	CLEANUP(store_task) struct store_task row = {0};
	struct store_delivery_added added;

	(void)state;
	conversation(12, 13, "boxwright/12", true, true);
	task.verb = "repair";
	task.about = "{\"head\":\"aaa\",\"check\":{\"id\":1}}";
	what.task = &task;
	what.pull_number = 13;
	what.only_ours = what.coalesce = true;
	int64_t first = add(&what).task_id;
	assert_true(first > 0);
	what.id = "d-2";
	task.about = "{\"check\":{\"id\":2},\"head\":\"aaa\"}";
	added = add(&what);
	assert_int_equal(added.state, STORE_DELIVERY_IGNORED);
	assert_string_equal(added.reason_code, "waiting_already");
	assert_int_equal(added.task_id, 0);
	what.id = "d-3";
	task.about = "{\"head\":\"bbb\"}";
	assert_true(add(&what).task_id > 0);
	what.id = "d-4";
	task.verb = "review";
	assert_true(add(&what).task_id > 0);
	/* Once it runs, what comes is new. */
	task.verb = "repair";
	task.about = "{\"head\":\"aaa\"}";
	assert_int_equal(store_world_claim(&world, "w:1", 1000, &row), first);
	what.id = "d-5";
	assert_true(add(&what).task_id > 0);
	what.id = "d-6";
	assert_string_equal(add(&what).reason_code, "waiting_already");
	/* Without being asked to, nothing is left out; what is no JSON has no head. */
	what.id = "d-7";
	what.coalesce = false;
	assert_true(add(&what).task_id > 0);
	what.coalesce = true;
	what.id = "d-8";
	task.about = "{\"head\":";
	assert_true(add(&what).task_id > 0);
	what.id = "d-9";
	task.about = NULL;
	assert_string_equal(add(&what).reason_code, "waiting_already");
}

static void test_by_address(void **state)
{
	static const char issue[] = "https://github.com/octo/hello/issues/12";
	struct store_delivery_new what = delivery("d-1");
	CLEANUP(store_deliveries) struct store_deliveries list = {0};
	char url[LIMIT_DELIVERY_URL + 2];
	struct err err = {0};

	(void)state;
	what.url = issue;
	add(&what);
	what.id = "d-2";
	what.received_ms = 2000;
	add(&what);
	add(&what); /* the same again */
	what.id = "d-3";
	what.url = "https://github.com/octo/hello/issues/123";
	add(&what);
	what.id = "d-4";
	what.received_ms = 1500;
	what.url = "https://github.com/octo/hello/issues/12#issuecomment-1";
	add(&what);
	OK(store_delivery_list_url(world.store, issue, 0, &list, &err));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.rows[0].id, "d-2");
	assert_string_equal(list.rows[1].id, "d-4");
	assert_string_equal(list.rows[2].id, "d-1");
	store_deliveries_release(&list);
	OK(store_delivery_list_url(world.store, what.url, 0, &list, &err));
	assert_int_equal(list.count, 1);
	store_deliveries_release(&list);
	OK(store_delivery_list_url(world.store, issue, 1, &list, &err));
	assert_int_equal(list.count, 1);
	store_deliveries_release(&list);
	/* Too long for a key: the delivery is kept all the same. */
	memset(url, 'u', sizeof url - 1);
	url[sizeof url - 1] = '\0';
	what.id = "d-5";
	what.url = url;
	add(&what);
	OK(store_delivery_list_url(world.store, url, 0, &list, &err));
	assert_int_equal(list.count, 0);
	/* With its delivery, the address is forgotten. */
	int rows;
	bool more;
	OK(store_prune(world.store, 1800, 0, &rows, &more, NULL, &err));
	OK(store_delivery_list_url(world.store, issue, 0, &list, &err));
	assert_int_equal(list.count, 1);
}

static void test_about_is_bounded(void **state)
{
	struct store_task_new task = store_world_task("1/13", 1, 1000);
	struct store_delivery_new what = delivery("d-1");
	struct store_delivery_added added;
	struct err err = {0};
	CLEANUP(mem) char *about = mem_alloc(LIMIT_TASK_ABOUT + 2);

	(void)state;
	memset(about, ' ', LIMIT_TASK_ABOUT + 1);
	about[LIMIT_TASK_ABOUT + 1] = '\0';
	task.about = about;
	what.task = &task;
	assert_int_equal(store_delivery_add(world.store, &what, &added, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	struct store_command_new too = command("1/1", "help", 1);
	too.about = about;
	what.task = NULL;
	what.command = &too;
	assert_int_equal(store_delivery_add(world.store, &what, &added, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

/* ---- the form that does not wait --------------------------------------------------------- */

struct later {
	struct lock lock;
	struct cond done;
	bool over;
	struct store_delivery_added added;
};

static void on_done(
	void *arg, const struct store_delivery_added *added, const struct err *err)
{
	struct later *later = arg;

	assert_null(err);
	LOCKED(&later->lock);
	later->added = *added;
	later->over = true;
	cond_wake_one(&later->done);
}

static void test_the_same_without_waiting(void **state)
{
	struct store_task_new task = store_world_task("1/13", 1, 1000);
	struct store_delivery_new what = delivery("d-1");
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(store_deliveries) struct store_deliveries list = {0};
	struct later later = {0};
	struct err err = {0};
	char url[] = "https://x/1", branch[] = "boxwright/12";

	(void)state;
	lock_init(&later.lock);
	cond_init(&later.done);
	conversation(12, 13, "boxwright/12", true, true);
	task.number = 0;
	what.task = &task;
	what.url = url;
	what.branch = branch;
	what.only_ours = true;
	OK(store_delivery_add_async(world.store, &what, on_done, &later, &err));
	memset(url, 'x', sizeof url - 1);
	memset(branch, 'x', sizeof branch - 1);
	{
		LOCKED(&later.lock);
		while (!later.over)
			cond_wait(&later.done, &later.lock);
	}
	OK(store_task_get(world.store, later.added.task_id, &row, &err));
	assert_string_equal(row.lane, "1/12");
	assert_int_equal(row.number, 13);
	OK(store_delivery_list_url(world.store, "https://x/1", 0, &list, &err));
	assert_int_equal(list.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_comment_on_the_pull_request_is_in_the_issues_lane),
		TEST(test_a_branch_is_enough),
		TEST(test_a_command_goes_there_too),
		TEST(test_only_ours),
		TEST(test_one_waiting_task_a_head_is_enough),
		TEST(test_by_address),
		TEST(test_about_is_bounded),
		TEST(test_the_same_without_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

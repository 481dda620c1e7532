/* SPDX-License-Identifier: MIT */
/* service/store/delivery.c and command.c: stored once, with what they make. */
#include "boxcore/base/clock.h"
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

static struct store_delivery_new delivery(const char *id)
{
	return (struct store_delivery_new){
		.id = id,
		.event = "issue_comment",
		.action = "created",
		.received_ms = 1000,
		.body = "{\"a\":\"\0b\"}",
		.body_len = 10,
		.reason_code = "comment",
		.reason = "A comment asks for it.",
	};
}

static struct store_command_new command(const char *verb)
{
	return (struct store_command_new){
		.lane = "1#12",
		.verb = verb,
		.word = "Cancel",
		.text = "please",
		.repo_id = 1,
		.installation_id = 7,
		.owner = "octo",
		.repo = "hello",
		.number = 12,
		.is_pull = true,
		.requester_id = 5,
		.requester_login = "octocat",
		.comment_id = 99,
		.now_ms = 1000,
	};
}

static int64_t count_of(const char *table, const char *state)
{
	struct store_figures figures;
	struct err err = {0};

	OK(store_figures(world.store, &figures, &err));
	for (size_t i = 0; i < figures.ncounts; i++)
		if (str_eq(figures.counts[i].table, table) &&
			str_eq(figures.counts[i].state, state))
			return figures.counts[i].count;
	return 0;
}

static void test_body_and_reason_come_back(void **state)
{
	struct store_delivery_new what = delivery("guid-1");
	struct store_delivery_added added;
	CLEANUP(store_delivery) struct store_delivery row = {0};
	struct err err = {0};

	(void)state;
	OK(store_delivery_add(world.store, &what, &added, NULL, &err));
	assert_false(added.duplicate);
	assert_int_equal(added.state, STORE_DELIVERY_IGNORED);
	OK(store_delivery_get(world.store, "guid-1", true, &row, &err));
	assert_int_equal(row.body_raw_size, 10);
	assert_memory_equal(row.body, what.body, 10);
	assert_string_equal(row.reason_code, "comment");
	assert_string_equal(row.action, "created");
	assert_int_equal(row.task_id, 0);
	CLEANUP(store_delivery) struct store_delivery without = {0};
	OK(store_delivery_get(world.store, "guid-1", false, &without, &err));
	assert_null(without.body);
	assert_int_equal(
		store_delivery_get(world.store, "guid-2", true, &without, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_an_empty_and_a_large_body(void **state)
{
	struct store_delivery_new what = delivery("guid-1");
	struct store_delivery_added added;
	struct err err = {0};
	CLEANUP(mem) char *large = mem_alloc(LIMIT_DELIVERY_BODY + 1);

	(void)state;
	for (size_t i = 0; i <= LIMIT_DELIVERY_BODY; i++)
		large[i] = (char)((i * 2654435761U) >> 13); /* packs badly */
	what.body = NULL;
	what.body_len = 0;
	OK(store_delivery_add(world.store, &what, &added, NULL, &err));
	CLEANUP(store_delivery) struct store_delivery empty = {0};
	OK(store_delivery_get(world.store, "guid-1", true, &empty, &err));
	assert_string_equal(empty.body, "");

	what = delivery("guid-2");
	what.body = large;
	what.body_len = LIMIT_DELIVERY_BODY;
	OK(store_delivery_add(world.store, &what, &added, NULL, &err));
	CLEANUP(store_delivery) struct store_delivery row = {0};
	OK(store_delivery_get(world.store, "guid-2", true, &row, &err));
	assert_memory_equal(row.body, large, LIMIT_DELIVERY_BODY);

	what = delivery("guid-3");
	what.body = large;
	what.body_len = LIMIT_DELIVERY_BODY + 1;
	assert_int_equal(store_delivery_add(world.store, &what, &added, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

static void test_a_task_comes_with_it_and_only_once(void **state)
{
	struct store_task_new task = store_world_task("1#12", 1, 1000);
	struct store_delivery_new what = delivery("guid-1");
	struct store_delivery_added first, second;
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(store_delivery) struct store_delivery stored = {0};
	struct err err = {0};

	(void)state;
	what.task = &task;
	OK(store_delivery_add(world.store, &what, &first, NULL, &err));
	assert_int_equal(first.state, STORE_DELIVERY_TASK);
	assert_true(first.task_id > 0);
	OK(store_task_get(world.store, first.task_id, &row, &err));
	assert_string_equal(row.delivery_id, "guid-1");
	OK(store_delivery_get(world.store, "guid-1", false, &stored, &err));
	assert_int_equal(stored.task_id, first.task_id);

	what.reason_code = "other";
	OK(store_delivery_add(world.store, &what, &second, NULL, &err));
	assert_true(second.duplicate);
	assert_int_equal(second.state, STORE_DELIVERY_TASK);
	assert_int_equal(second.task_id, first.task_id);
	assert_int_equal(count_of("task", "ready"), 1);
	CLEANUP(store_delivery) struct store_delivery again = {0};
	OK(store_delivery_get(world.store, "guid-1", false, &again, &err));
	assert_string_equal(again.reason_code, "comment");
}

static void test_a_task_that_is_refused_stores_nothing(void **state)
{
	struct store_task_new task = store_world_task("1#12", 1, 1000);
	struct store_delivery_new what = delivery("guid-1");
	struct store_delivery_added added;
	CLEANUP(store_delivery) struct store_delivery row = {0};
	CLEANUP(mem) char *text = mem_alloc(LIMIT_STORE_TEXT + 2);
	struct err err = {0};

	(void)state;
	memset(text, 'x', LIMIT_STORE_TEXT + 1);
	text[LIMIT_STORE_TEXT + 1] = '\0';
	task.text = text; /* found out after the delivery was inserted */
	what.task = &task;
	assert_int_equal(store_delivery_add(world.store, &what, &added, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(
		store_delivery_get(world.store, "guid-1", false, &row, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(count_of("delivery", "task"), 0);
}

static void test_malformed_ids(void **state)
{
	char long_id[LIMIT_DELIVERY_ID + 2];
	struct store_delivery_added added;
	struct err err = {0};
	struct store_delivery_new what = delivery("");

	(void)state;
	assert_int_equal(store_delivery_add(world.store, &what, &added, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	memset(long_id, 'a', sizeof long_id - 1);
	long_id[sizeof long_id - 1] = '\0';
	what.id = long_id;
	assert_int_equal(store_delivery_add(world.store, &what, &added, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

/* ---- commands ----------------------------------------------------------------------------- */

static void test_a_command_is_taken_done_and_put_back(void **state)
{
	struct store_command_new asked = command("cancel");
	struct store_delivery_new what = delivery("guid-1");
	struct store_delivery_added added;
	CLEANUP(store_command) struct store_command row = {0};
	CLEANUP(store_command) struct store_command again = {0};
	struct err err = {0};

	(void)state;
	what.command = &asked;
	OK(store_delivery_add(world.store, &what, &added, NULL, &err));
	assert_int_equal(added.state, STORE_DELIVERY_COMMAND);
	assert_int_equal(
		store_command_take(world.store, "a:1", 999, &row, NULL, &err), 0);
	assert_int_equal(
		store_command_take(world.store, "a:1", 1000, &row, NULL, &err), 1);
	assert_string_equal(row.verb, "cancel");
	assert_string_equal(row.word, "Cancel");
	assert_string_equal(row.text, "please");
	assert_string_equal(row.requester_login, "octocat");
	assert_string_equal(row.delivery_id, "guid-1");
	assert_true(row.is_pull);
	assert_int_equal(row.comment_id, 99);
	assert_int_equal(
		store_command_take(world.store, "a:2", 1000, &again, NULL, &err), 0);
	OK(store_command_put_back(
		world.store, &row, 2000, true, "GitHub away", NULL, &err));
	assert_int_equal(
		store_command_finish(world.store, &row, true, "x", 1, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(
		store_command_take(world.store, "b:1", 2000, &again, NULL, &err), 1);
	assert_int_equal(again.attempt, 2);
	OK(store_command_finish(world.store, &again, true, "Cancelled.", 3, NULL, &err));
	store_command_release(&row);
	OK(store_command_get(world.store, again.id, &row, &err));
	assert_int_equal(row.state, STORE_COMMAND_DONE);
	assert_string_equal(row.outcome, "Cancelled.");
	assert_int_equal(count_of("command", "done"), 1);
}

static void test_a_taken_command_comes_back_after_a_crash(void **state)
{
	struct store_command_new asked = command("status");
	struct store_delivery_new what = delivery("guid-1");
	struct store_delivery_added added;
	struct store_recovered recovered;
	CLEANUP(store_command) struct store_command row = {0};
	struct err err = {0};

	(void)state;
	what.command = &asked;
	OK(store_delivery_add(world.store, &what, &added, NULL, &err));
	assert_int_equal(
		store_command_take(world.store, "a:1", 1000, &row, NULL, &err), 1);
	OK(store_recover(world.store, "b", 1001, &recovered, NULL, &err));
	assert_int_equal(recovered.commands, 1);
	store_command_release(&row);
	assert_int_equal(
		store_command_take(world.store, "b:1", 1001, &row, NULL, &err), 1);
}

static void add_command(const char *guid, struct store_command_new asked)
{
	struct store_delivery_new what = delivery(guid);
	struct store_delivery_added added;
	struct err err = {0};

	what.command = &asked;
	OK(store_delivery_add(world.store, &what, &added, NULL, &err));
}

static void test_words_wait_for_what_changes_something(void **state)
{
	struct store_command_new help = command("help");
	CLEANUP(store_command) struct store_command row = {0};
	struct err err = {0};

	(void)state;
	help.only_says = true;
	add_command("guid-1", help);
	add_command("guid-2", command("cancel"));
	assert_int_equal(
		store_command_take(world.store, "a:1", 1000, &row, NULL, &err), 1);
	assert_string_equal(row.verb, "cancel");
	assert_false(row.only_says);
	store_command_release(&row);
	for (int64_t now = 1000; now <= 2000; now += 1000) {
		assert_int_equal(
			store_command_take(world.store, "a:1", now, &row, NULL, &err), 1);
		assert_string_equal(row.verb, "help");
		assert_true(row.only_says);
		assert_int_equal(row.attempt, 1); /* nothing was begun */
		OK(store_command_put_back(
			world.store, &row, now + 1000, false, "later", NULL, &err));
		store_command_release(&row);
	}
}

/* Only the same question of the same person in the same place, asked later, and that waits. */
static void test_a_question_is_asked_again(void **state)
{
	struct store_command_new help = command("help"), other;
	CLEANUP(store_command) struct store_command row = {0};
	CLEANUP(store_command) struct store_command last = {0};
	struct err err = {0};
	int64_t id = 0;

	(void)state;
	help.only_says = true;
	add_command("guid-1", help);
	assert_int_equal(
		store_command_take(world.store, "a:1", 1000, &row, NULL, &err), 1);
	other = help;
	other.verb = "status";
	add_command("guid-2", other);
	other = help;
	other.requester_id = 6;
	add_command("guid-3", other);
	other = help;
	other.number = 13; /* the pull request of the same lane */
	add_command("guid-4", other);
	other = help;
	other.lane = "1#14";
	add_command("guid-5", other);
	other = help;
	other.about = "{\"in_reply_to\":3}";
	add_command("guid-6", other);
	assert_int_equal(store_command_asked_again(world.store, &row, &id, &err), 0);
	add_command("guid-7", help);
	add_command("guid-8", help);
	assert_int_equal(store_command_asked_again(world.store, &row, &id, &err), 1);
	OK(store_command_get(world.store, id, &last, &err));
	assert_string_equal(last.delivery_id, "guid-8");
	assert_int_equal(store_command_asked_again(world.store, &last, &id, &err), 0);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void test_the_list_pages_newest_first(void **state)
{
	struct store_delivery_added added;
	struct err err = {0};
	char last[65] = "";
	int64_t before = 0;
	int seen = 0;

	(void)state;
	for (int i = 0; i < 25; i++) {
		char id[32];
		struct store_delivery_new what;

		snprintf(id, sizeof id, "guid-%02d", i);
		what = delivery(id);
		what.received_ms = 1000 + i / 3; /* some at the same time */
		OK(store_delivery_add(world.store, &what, &added, NULL, &err));
	}
	for (;;) {
		CLEANUP(store_deliveries) struct store_deliveries list = {0};

		OK(store_delivery_list(
			world.store, before, *last ? last : NULL, 10, &list, &err));
		for (size_t i = 0; i < list.count; i++) {
			char expected[32];

			snprintf(expected, sizeof expected, "guid-%02d", 24 - seen++);
			assert_string_equal(list.rows[i].id, expected);
			assert_null(list.rows[i].body);
		}
		if (list.count < 10)
			break;
		before = list.rows[list.count - 1].received_ms;
		str_copy(last, sizeof last, list.rows[list.count - 1].id);
	}
	assert_int_equal(seen, 25);
}

/* ---- without waiting, and many at once ------------------------------------------------------ */

struct inbox {
	struct lock lock;
	struct cond cond;
	int done, duplicates, failed;
	int64_t task_id;
};

static void on_done(
	void *arg, const struct store_delivery_added *added, const struct err *err)
{
	struct inbox *inbox = arg;

	LOCKED(&inbox->lock);
	inbox->done++;
	if (err)
		inbox->failed++;
	else if (added->duplicate)
		inbox->duplicates++;
	if (added && added->task_id)
		inbox->task_id = added->task_id;
	cond_wake_all(&inbox->cond);
}

static void wait_done(struct inbox *inbox, int count)
{
	LOCKED(&inbox->lock);
	while (inbox->done < count)
		assert_true(cond_wait_ms(&inbox->cond, &inbox->lock, 20000));
}

static void test_async_copies_what_it_is_given(void **state)
{
	struct inbox inbox = {.lock = LOCK_INIT};
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	char id[32], lane[32], body[32];

	(void)state;
	cond_init(&inbox.cond);
	for (int i = 0; i < 100; i++) {
		struct store_task_new task = store_world_task(lane, 1, 1000);
		struct store_delivery_new what = delivery(id);

		snprintf(id, sizeof id, "async-%d", i % 50);
		snprintf(lane, sizeof lane, "1#%d", i);
		snprintf(body, sizeof body, "{\"n\":%d}", i);
		what.body = body;
		what.body_len = strlen(body);
		what.task = &task;
		OK(store_delivery_add_async(world.store, &what, on_done, &inbox, &err));
		memset(id, 'X', sizeof id); /* gone as soon as the call is back */
		memset(lane, 'X', sizeof lane);
		memset(body, 'X', sizeof body);
		task.text = NULL;
	}
	wait_done(&inbox, 100);
	assert_int_equal(inbox.failed, 0);
	assert_int_equal(inbox.duplicates, 50);
	assert_int_equal(count_of("delivery", "task"), 50);
	assert_int_equal(count_of("task", "ready"), 50);
	CLEANUP(store_delivery) struct store_delivery one = {0};
	OK(store_delivery_get(world.store, "async-7", true, &one, &err));
	assert_string_equal(one.body, "{\"n\":7}");
	OK(store_task_get(world.store, one.task_id, &row, &err));
	assert_string_equal(row.lane, "1#7");
	assert_string_equal(row.text, "make it so");
	lock_release(&inbox.lock);
	cond_release(&inbox.cond);
}

#define CALLERS 16
#define EACH 40

static void *same_deliveries(void *arg)
{
	int *made = arg;

	for (int i = 0; i < EACH; i++) {
		struct store_task_new task = store_world_task("1#1", 1, 1000);
		struct store_delivery_added added;
		struct store_delivery_new what;
		struct err err = {0};
		char id[32];

		snprintf(id, sizeof id, "same-%d", i);
		what = delivery(id);
		what.task = &task;
		if (store_delivery_add(world.store, &what, &added, NULL, &err) < 0)
			abort();
		*made += !added.duplicate;
	}
	return NULL;
}

static void test_the_same_delivery_from_all_sides_is_one(void **state)
{
	pthread_t threads[CALLERS];
	int made[CALLERS] = {0}, sum = 0;
	struct err err = {0};

	(void)state;
	for (int i = 0; i < CALLERS; i++)
		OK(thread_start(&threads[i], "caller", same_deliveries, &made[i], &err));
	for (int i = 0; i < CALLERS; i++) {
		thread_join(threads[i]);
		sum += made[i];
	}
	assert_int_equal(sum, EACH);
	assert_int_equal(count_of("delivery", "task"), EACH);
	assert_int_equal(count_of("task", "ready"), EACH);
}

/* A body like GitHub's: 13 KB of JSON with changing parts. */
static void make_body(char *body, size_t size, int caller, int n)
{
	size_t at = 0;

	for (int line = 0; at + 120 < size; line++)
		at += (size_t)snprintf(body + at, size - at,
			"\"url_%d\":\"https://api.github.com/repos/octo/hello-%d/"
			"issues/%d/events{/%d}\",\n",
			line, caller, n * 7919 + line, line * n);
}

static void *own_deliveries(void *arg)
{
	int caller = *(int *)arg;
	char body[13 * 1024];

	for (int i = 0; i < EACH * 4; i++) {
		struct store_task_new task = store_world_task("1#1", 1, 1000);
		struct store_delivery_added added;
		struct store_delivery_new what;
		struct err err = {0};
		char id[32];

		snprintf(id, sizeof id, "own-%d-%d", caller, i);
		make_body(body, sizeof body, caller, i);
		what = delivery(id);
		what.body = body;
		what.body_len = strlen(body);
		what.task = &task;
		if (store_delivery_add(world.store, &what, &added, NULL, &err) < 0 ||
			added.duplicate)
			abort();
	}
	return NULL;
}

static void test_waiting_callers_share_a_commit(void **state)
{
	pthread_t threads[CALLERS];
	int numbers[CALLERS];
	struct store_figures before, after;
	struct err err = {0};
	int64_t started;
	double seconds;

	(void)state;
	OK(store_figures(world.store, &before, &err));
	started = clock_mono_us();
	for (int i = 0; i < CALLERS; i++) {
		numbers[i] = i;
		OK(thread_start(
			&threads[i], "caller", own_deliveries, &numbers[i], &err));
	}
	for (int i = 0; i < CALLERS; i++)
		thread_join(threads[i]);
	seconds = (double)(clock_mono_us() - started) / 1e6;
	OK(store_figures(world.store, &after, &err));
	assert_int_equal(after.jobs - before.jobs, CALLERS * EACH * 4);
	/* How many share a commit depends on the disk; that they do is sure. */
	assert_true(after.batches - before.batches < after.jobs - before.jobs);
	assert_true(after.batch_max > 1);
	print_message("# %d callers, 13 KB: %.0f deliveries/s, %.1f in a commit, at most "
		      "%lld\n",
		CALLERS, (double)(after.jobs - before.jobs) / seconds,
		(double)(after.jobs - before.jobs) /
			(double)(after.batches - before.batches),
		(long long)after.batch_max);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_body_and_reason_come_back),
		TEST(test_an_empty_and_a_large_body),
		TEST(test_a_task_comes_with_it_and_only_once),
		TEST(test_a_task_that_is_refused_stores_nothing),
		TEST(test_malformed_ids),
		TEST(test_a_command_is_taken_done_and_put_back),
		TEST(test_a_taken_command_comes_back_after_a_crash),
		TEST(test_words_wait_for_what_changes_something),
		TEST(test_a_question_is_asked_again),
		TEST(test_the_list_pages_newest_first),
		TEST(test_async_copies_what_it_is_given),
		TEST(test_the_same_delivery_from_all_sides_is_one),
		TEST(test_waiting_callers_share_a_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

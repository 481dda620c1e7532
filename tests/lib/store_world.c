/* SPDX-License-Identifier: MIT */
/* A store for tests. */
#include "tests/lib/store_world.h"

#include "boxcore/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void store_world_start(struct store_world *world)
{
	struct err err = {0};

	snprintf(world->dir, sizeof world->dir, "/tmp/boxwright-store-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	if (store_open(&world->store, world->dir, &err) < 0)
		fail_msg("%s", err.text);
}

void store_world_stop(struct store_world *world)
{
	struct err err = {0};

	if (store_check(world->store, &err) < 0)
		fail_msg("%s", err.text);
	store_close(world->store);
	world->store = NULL;
	assert_int_equal(file_remove_tree(world->dir, &err), 0);
}

void store_world_again(struct store_world *world)
{
	struct err err = {0};

	store_close(world->store);
	world->store = NULL;
	if (store_open(&world->store, world->dir, &err) < 0)
		fail_msg("%s", err.text);
}

struct store_task_new store_world_task(const char *lane, int64_t repo_id, int64_t at_ms)
{
	return (struct store_task_new){
		.lane = lane,
		.verb = "fix",
		.text = "make it so",
		.repo_id = repo_id,
		.installation_id = 7,
		.owner = "octo",
		.repo = "hello",
		.number = 12,
		.title = "It fails",
		.issue_body = "It really does.",
		.issue_author_login = "monalisa",
		.requester_id = 5,
		.requester_login = "octocat",
		.comment_id = 99,
		.comment_url = "https://github.com/octo/hello/issues/12#issuecomment-99",
		.trigger_kind = "comment",
		.default_branch = "main",
		.step = "prepare",
		.now_ms = at_ms,
	};
}

int64_t store_world_add(
	struct store_world *world, const char *lane, int64_t repo_id, int64_t at_ms)
{
	struct store_task_new task = store_world_task(lane, repo_id, at_ms);
	struct err err = {0};
	int64_t id = 0;

	if (store_task_add(world->store, &task, &id, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(id > 0);
	return id;
}

int64_t store_world_claim(struct store_world *world, const char *lease, int64_t now_ms,
	struct store_task *ret)
{
	struct err err = {0};
	int rc;

	store_task_release(ret);
	rc = store_task_claim(world->store, lease, now_ms, ret, NULL, &err);
	if (rc < 0)
		fail_msg("%s", err.text);
	return rc ? ret->id : 0;
}

const char *store_world_state(struct store_world *world, int64_t id)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};

	if (store_task_get(world->store, id, &row, &err) < 0)
		fail_msg("%s", err.text);
	return store_task_state_name(row.state);
}

/* SPDX-License-Identifier: MIT */
/*
 * A store in a folder of its own below /tmp, and rows to put into it.
 *
 * Asserts with cmocka, so only for tests.  store_world_stop() checks the file and removes
 * the folder.
 */
#ifndef TESTS_LIB_STORE_WORLD_H
#define TESTS_LIB_STORE_WORLD_H

#include "service/store/store.h"
#include "service/store/store_delivery.h"
#include "service/store/store_task.h"

struct store_world {
	struct store *store;
	char dir[64];
};

void store_world_start(struct store_world *world);
void store_world_stop(struct store_world *world);
/* Closes and opens again. */
void store_world_again(struct store_world *world);

/* A task in `lane` of repository `repo_id`, due at `at_ms`; borrowed constants. */
struct store_task_new store_world_task(const char *lane, int64_t repo_id, int64_t at_ms);
/* The same, added; its id. */
int64_t store_world_add(
	struct store_world *world, const char *lane, int64_t repo_id, int64_t at_ms);
/* Claims at `now_ms` for `lease`: the id, or 0 for none. */
int64_t store_world_claim(struct store_world *world, const char *lease, int64_t now_ms,
	struct store_task *ret);
/* The word of the task's state; constant. */
const char *store_world_state(struct store_world *world, int64_t id);

#endif

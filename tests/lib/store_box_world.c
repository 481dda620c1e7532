/* SPDX-License-Identifier: MIT */
/* Rows of boxes for tests. */
#include "tests/lib/store_box_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char *constant(const char *s)
{
	return (char *)(uintptr_t)s;
}

struct store_box store_world_box(
	const char *id, const char *account, const char *name, int64_t created_ms)
{
	return (struct store_box){.id = constant(id),
		.account = constant(account),
		.name = constant(name),
		.state = STORE_BOX_READY,
		.runtime = constant("node"),
		.image = constant("boxwright/base"),
		.size = constant("small"),
		.network = constant("{}"),
		.active_ms = created_ms,
		.created_ms = created_ms,
		.updated_ms = created_ms};
}

void store_world_add_box(struct store_world *world, const char *id, const char *account,
	const char *name, int64_t created_ms)
{
	struct store_box box = store_world_box(id, account, name, created_ms);

	OK(store_box_add(world->store, &box, NULL, err));
}

struct store_box_run store_world_run(
	const char *id, const char *box_id, int64_t created_ms)
{
	return (struct store_box_run){.id = constant(id),
		.box_id = constant(box_id),
		.account = constant("a"),
		.prompt = constant("sh -c true"),
		.created_ms = created_ms};
}

void store_world_add_run(
	struct store_world *world, const char *id, const char *box_id, int64_t created_ms)
{
	struct store_box_run run = store_world_run(id, box_id, created_ms);

	OK(store_box_run_add(world->store, &run, NULL, err));
}

void store_world_flush(struct store_world *world)
{
	/* The queue keeps its order. */
	OK(store_setting_put(world->store, "flushed", "", NULL, err));
}

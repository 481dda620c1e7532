/* SPDX-License-Identifier: MIT */
/*
 * Nothing is left behind: boxes without a running task, snapshots that nobody uses.
 *
 * The names of boxes tell whose they are: task-<id>, prep-<id> and task-<id>-check.  Rows decide, not ages,
 * so that a box which is being made now is never taken for an orphan: its task is running.
 */
#define LOG_MODULE "clean"
#include "service/task/task.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/str.h"
#include "service/store/store_prepared.h"

#include <string.h>

#define SNAPSHOTS_AT_ONCE 50

int64_t task_of_box(const char *box)
{
	char number[24];
	int64_t id;

	if (!str_starts(box, "task-") && !str_starts(box, "prep-"))
		return 0;
	size_t len = strlen(box) - strlen("task-");
	if (str_starts(box, "task-") && str_ends(box, TASK_CHECK_BOX))
		len -= strlen(TASK_CHECK_BOX);
	if (len == 0 || len >= sizeof number)
		return 0;
	memcpy(number, box + strlen("task-"), len);
	number[len] = '\0';
	return str_to_i64(number, 1, INT64_MAX, &id) ? id : 0;
}

static bool orphaned(struct task_env *env, int64_t id)
{
	CLEANUP(store_task) struct store_task task = {0};
	struct err err = {0};

	if (store_task_get(env->store, id, &task, &err) < 0)
		return err.kind == ERR_NOT_FOUND;
	return task.state != STORE_TASK_RUNNING && task.state != STORE_TASK_READY;
}

static void clean_boxes(struct task_env *env, struct cancel *cancel)
{
	CLEANUP(mem) struct box_info *boxes = NULL;
	size_t count = 0;
	struct err err = {0};

	if (box_list(env->core, &boxes, &count, cancel, &err) < 0) {
		log_warn("boxes cannot be listed: %s", err.text);
		return;
	}
	for (size_t i = 0; i < count && !cancel_fired(cancel); i++) {
		int64_t owner = task_of_box(boxes[i].id);

		if (owner == 0 || !orphaned(env, owner))
			continue;
		if (box_delete(env->core, boxes[i].id, cancel, &err) < 0)
			log_warn("box %s cannot be deleted: %s", boxes[i].id, err.text);
		else
			log_info("deleted box=%s, its task has ended", boxes[i].id);
	}
}

static void clean_prepared(struct task_env *env, int64_t unused_ms, struct cancel *cancel)
{
	CLEANUP(store_prepared_rows) struct store_prepared_rows old = {0};
	struct err err = {0};

	if (store_prepared_list_old(env->store, clock_wall_ms() - unused_ms,
		    SNAPSHOTS_AT_ONCE, &old, &err) < 0) {
		log_warn("prepared repositories cannot be listed: %s", err.text);
		return;
	}
	for (size_t i = 0; i < old.count && !cancel_fired(cancel); i++) {
		const struct store_prepared *row = &old.rows[i];

		/* The image first: a row without one is found out and made anew. */
		if (!str_empty(row->snapshot_image) &&
			snapshot_delete(env->core, row->snapshot_image, cancel, &err) <
				0 &&
			err.kind != ERR_NOT_FOUND) {
			log_debug("snapshot stays: %s", err.text);
			continue;
		}
		if (store_prepared_delete(env->store, row->key, cancel, &err) < 0)
			log_warn("prepared repository cannot be forgotten: %s", err.text);
	}
}

void task_clean(struct task_env *env, int64_t unused_ms, struct cancel *cancel)
{
	clean_boxes(env, cancel);
	clean_prepared(env, unused_ms, cancel);
}

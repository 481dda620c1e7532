/* SPDX-License-Identifier: MIT */
/*
 * Nothing is left behind: boxes without a running task or an open conversation, snapshots and
 * mirrors that nobody uses.
 *
 * The names of boxes tell whose they are: task-<id>, prep-<id>, task-<id>-check and, of a
 * conversation, conv-<id>.  Rows decide, not ages, so that a box which is being made now is
 * never taken for an orphan: its task is running, its conversation names it.
 */
#define LOG_MODULE "clean"
#include "service/task/task.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_prepared.h"
#include "service/task/attempts_box.h"
#include "service/task/talk_box.h"
#include "service/task/undo_point.h"

#include <string.h>

#define SNAPSHOTS_AT_ONCE 50
#define TALKS_AT_ONCE 50
#define MIRRORS_AT_ONCE 10
#define MIRROR_UNUSED_DAYS 30

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

int64_t task_box_conversation(const char *box)
{
	int64_t id;

	return str_starts(box, "conv-") &&
			       str_to_i64(box + strlen("conv-"), 1, INT64_MAX, &id)
		       ? id
		       : 0;
}

int64_t task_box_log(struct store *store, const char *box)
{
	CLEANUP(store_conversation) struct store_conversation row = {0};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	int64_t id = task_box_conversation(box);
	struct err ignored = {0};

	if (id == 0)
		return task_of_box(box);
	if (store_conversation_get(store, id, &row, &ignored) < 0)
		return 0;
	struct store_task_filter filter = {.lane = row.lane, .limit = 1};
	if (store_task_list(store, &filter, &tasks, &ignored) < 0 || tasks.count == 0)
		return 0;
	return tasks.rows[0].id;
}

static bool orphaned(struct task_env *env, int64_t id)
{
	CLEANUP(store_task) struct store_task task = {0};
	struct err err = {0};

	if (store_task_get(env->store, id, &task, &err) < 0)
		return err.kind == ERR_NOT_FOUND;
	return store_task_state_ended(task.state) &&
	       !attempts_box_waits(env->store, &task);
}

/* ---- conversations --------------------------------------------------------------------- */

static void drop_image(struct task_env *env, const char *image, struct cancel *cancel)
{
	struct err err = {0};

	if (image && snapshot_delete(env->core, image, cancel, &err) < 0)
		log_debug("snapshot stays: %s", err.text);
}

int task_conversation_close(struct task_env *env,
	const struct store_conversation *conversation, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(mem) char *box = talk_box_name(conversation->id);

	if (talk_box_delete(env->core, box, cancel, err) < 0)
		return -1;
	drop_image(env, conversation->undo_image, cancel);
	return store_conversation_close(env->store, conversation->id, cancel, err);
}

/* The row first: nobody can take the box up any more when it goes.  A task that begins in
 * that moment finds none, or loses it and makes a fresh one. */
static bool forget_box(
	struct task_env *env, const struct store_conversation *row, struct cancel *cancel)
{
	CLEANUP(mem) char *box = talk_box_name(row->id);
	struct err err = {0};

	if (store_conversation_forget_box(env->store, row->id, cancel, &err) < 0) {
		if (err.kind != ERR_CONFLICT)
			log_warn("conversation %lld: %s", (long long)row->id, err.text);
		return false;
	}
	if (talk_box_delete(env->core, box, cancel, &err) < 0)
		log_warn("%s", err.text);
	drop_image(env, row->undo_image, cancel);
	return true;
}

static void forget_idle(
	struct task_env *env, int64_t before_ms, int limit, struct cancel *cancel)
{
	CLEANUP(store_conversations) struct store_conversations idle = {0};
	struct err err = {0};

	if (store_conversation_list_idle(env->store, before_ms, limit, &idle, &err) < 0) {
		log_warn("conversations cannot be listed: %s", err.text);
		return;
	}
	for (size_t i = 0; i < idle.count && !cancel_fired(cancel); i++)
		if (forget_box(env, &idle.rows[i], cancel))
			log_info("conversation %lld is idle, its box has gone",
				(long long)idle.rows[i].id);
}

/* A box that runs though nobody is at work in it: a task ended before it could pause it. */
static void rest_box(struct task_env *env, const struct store_conversation *row,
	const struct box_info *box, struct cancel *cancel)
{
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	struct err err = {0};

	if (box->state != BOX_RUNNING ||
		store_lane_tasks(env->store, row->lane, &tasks, &err) < 0 ||
		tasks.count > 0)
		return;
	if (box_pause(env->core, box->id, cancel, &err) < 0)
		log_warn("box %s cannot be paused: %s", box->id, err.text);
}

/* Counts the boxes that stay. */
static size_t clean_talk_box(
	struct task_env *env, const struct box_info *box, struct cancel *cancel)
{
	CLEANUP(store_conversation) struct store_conversation row = {0};
	int64_t id = task_box_conversation(box->id);
	struct err err = {0};
	int rc = store_conversation_get(env->store, id, &row, &err);

	if (rc < 0 && err.kind != ERR_NOT_FOUND)
		return 1;
	if (rc == 0 && str_eq(row.box_id, box->id)) {
		rest_box(env, &row, box, cancel);
		return 1;
	}
	if (talk_box_delete(env->core, box->id, cancel, &err) < 0)
		log_warn("%s", err.text);
	else
		log_info("deleted box=%s, no conversation has it", box->id);
	return 0;
}

/* ---- all boxes ------------------------------------------------------------------------- */

static void clean_task_box(
	struct task_env *env, const char *box, int64_t owner, struct cancel *cancel)
{
	struct err err = {0};

	if (!orphaned(env, owner))
		return;
	if (box_delete(env->core, box, cancel, &err) < 0)
		log_warn("box %s cannot be deleted: %s", box, err.text);
	else
		log_info("deleted box=%s, its task has ended", box);
}

static void clean_boxes(struct task_env *env, struct cancel *cancel)
{
	CLEANUP(mem) struct box_info *boxes = NULL;
	size_t count = 0, talks = 0;
	int64_t most = env->config->conversation_boxes;
	struct err err = {0};

	if (box_list(env->core, &boxes, &count, cancel, &err) < 0) {
		log_warn("boxes cannot be listed: %s", err.text);
		return;
	}
	for (size_t i = 0; i < count && !cancel_fired(cancel); i++) {
		int64_t owner = task_of_box(boxes[i].id);

		if (owner > 0)
			clean_task_box(env, boxes[i].id, owner, cancel);
		else if (task_box_conversation(boxes[i].id) > 0)
			talks += clean_talk_box(env, &boxes[i], cancel);
	}
	forget_idle(env,
		clock_wall_ms() - env->config->conversation_keep_days * CLOCK_DAY_MS,
		TALKS_AT_ONCE, cancel);
	if ((int64_t)talks > most)
		forget_idle(env, clock_wall_ms(), (int)((int64_t)talks - most), cancel);
}

/* ---- images for undo ------------------------------------------------------------------- */

/* A task that has not ended may have planned it, or be about to make a box from it; so may one
 * whose attempt it is of.  Asked before the conversation: a task's end comes behind what it
 * writes there. */
static bool may_be_used(struct task_env *env, const char *image)
{
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct err err = {0};
	int64_t talk, task;

	if (!undo_point_owner(image, &talk, &task) || !orphaned(env, task))
		return true;
	if (store_conversation_get(env->store, talk, &row, &err) < 0)
		return err.kind != ERR_NOT_FOUND;
	return str_eq(row.undo_image, image);
}

/* Those that lost their row to a crash.  One that a box stands on is kept by the Engine, and
 * goes with the box. */
static void clean_undo_images(struct task_env *env, struct cancel *cancel)
{
	CLEANUP(mem) char(*names)[SNAPSHOT_NAME_SIZE] = NULL;
	size_t count = 0;
	struct err err = {0};

	if (snapshot_list(env->core, UNDO_TAG_BEGIN, &names, &count, cancel, &err) < 0) {
		log_warn("snapshots cannot be listed: %s", err.text);
		return;
	}
	for (size_t i = 0; i < count && !cancel_fired(cancel); i++) {
		if (may_be_used(env, names[i]))
			continue;
		if (snapshot_delete(env->core, names[i], cancel, &err) == 0)
			log_info("deleted snapshot=%s, no conversation has it", names[i]);
		else
			log_debug("snapshot stays: %s", err.text);
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

/* The next task that needs it clones again.  Commits of ours that only the mirror has are as
 * old as the ways back (`undo`) that need them. */
static void clean_mirrors(struct task_env *env, struct cancel *cancel)
{
	int64_t days = env->config->conversation_keep_days > MIRROR_UNUSED_DAYS
			       ? env->config->conversation_keep_days
			       : MIRROR_UNUSED_DAYS;
	int64_t ids[MIRRORS_AT_ONCE];
	size_t count;
	struct err err = {0};

	if (repo_mirrors_idle(env->repos, (clock_wall_ms() - days * CLOCK_DAY_MS) / 1000,
		    ids, ARRAY_LEN(ids), &count, &err) < 0) {
		log_warn("mirrors cannot be listed: %s", err.text);
		return;
	}
	for (size_t i = 0; i < count && !cancel_fired(cancel); i++)
		if (repo_mirror_drop(env->repos, ids[i], cancel, &err) < 0)
			log_warn("mirror of repository %lld: %s", (long long)ids[i],
				err.text);
		else
			log_info("mirror of repository %lld has gone, unused for %lld "
				 "days",
				(long long)ids[i], (long long)days);
}

void task_clean(struct task_env *env, int64_t unused_ms, struct cancel *cancel)
{
	clean_boxes(env, cancel);
	clean_undo_images(env, cancel);
	clean_prepared(env, unused_ms, cancel);
	clean_mirrors(env, cancel);
}

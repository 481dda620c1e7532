/* SPDX-License-Identifier: MIT */
/* Undo points: an effect of the task at first, then fields of the conversation. */
#include "service/task/undo_point.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/effects.h"

#include <stdio.h>
#include <string.h>

#define KIND "undo_point" /* of effect */

/* Ours among the services of an Engine, this conversation's, this run's, and what it holds. */
void undo_point_name(const struct task_ctx *ctx, int64_t task, const char *oid,
	char ret[UNDO_TAG_SIZE])
{
	snprintf(ret, UNDO_TAG_SIZE, UNDO_TAG_BEGIN "%lld-t%lld-%.32s-%s",
		(long long)ctx->talk.id, (long long)task,
		boxcore_instance(ctx->env->core), oid);
}

bool undo_point_is(const char *image)
{
	return image && str_starts(image, UNDO_TAG_BEGIN);
}

/* The number that *at begins with, and what stands behind it, which is moved past. */
static bool take_number(const char **at, const char *behind, int64_t *ret)
{
	char digits[24];
	size_t len = strspn(*at, "0123456789");

	if (len == 0 || len >= sizeof digits || !str_starts(*at + len, behind))
		return false;
	memcpy(digits, *at, len);
	digits[len] = '\0';
	*at += len + strlen(behind);
	return str_to_i64(digits, 1, INT64_MAX, ret);
}

/* "...conv-7-t41-..." */
bool undo_point_owner(const char *image, int64_t *ret_talk, int64_t *ret_task)
{
	const char *at = image;
	int64_t talk, task;

	if (!undo_point_is(image))
		return false;
	at += strlen(UNDO_TAG_BEGIN);
	if (!take_number(&at, "-t", &talk) || !take_number(&at, "-", &task))
		return false;
	*ret_talk = talk;
	*ret_task = task;
	return true;
}

bool undo_point_oid(const char *image, char ret[REPO_OID_SIZE])
{
	const char *oid = undo_point_is(image) ? strrchr(image, '-') : NULL;

	if (!oid || strlen(oid + 1) != REPO_OID_SIZE - 1 ||
		strspn(oid + 1, "0123456789abcdef") != REPO_OID_SIZE - 1)
		return false;
	memcpy(ret, oid + 1, REPO_OID_SIZE);
	return true;
}

int undo_point_plan(struct task_ctx *ctx, bool has_box, struct err *err)
{
	const struct store_conversation *talk = &ctx->talk;
	struct store_effect_key key = effect_key(ctx, KIND, NULL);
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(strbuf) struct strbuf want = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(json) json_t *json = json_object();
	char image[UNDO_TAG_SIZE] = "";
	struct snapshot_info snapshot;
	int rc = effect_find(ctx, KIND, NULL, &row, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (has_box) {
		undo_point_name(ctx, ctx->task->id, talk->box_oid, image);
		if (box_snapshot(ctx->env->core, talk->box_id, image, &snapshot,
			    ctx->cancel, err) < 0)
			return err_wrap(err, "keep the box as it was for `undo`");
	}
	json_put(json, "image", json_str(image));
	json_put(json, "session",
		json_str(has_box && talk->session_id ? talk->session_id : ""));
	if (json_print(&want, json, err) < 0)
		return -1;
	return store_effect_plan(
		ctx->env->store, &key, strbuf_str(&want), NULL, ctx->cancel, err);
}

/* 1, 0 when none was planned, -1. */
static int load(struct task_ctx *ctx, json_t **ret, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	int rc = effect_find(ctx, KIND, NULL, &row, err);

	if (rc <= 0)
		return rc;
	*ret = json_parse(row.want, strlen(row.want), err);
	return *ret ? 1 : -1;
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *value = json_string_value(json_object_get(json, key));

	return str_empty(value) ? NULL : value;
}

int undo_point_take(struct task_ctx *ctx, char **ret_old, struct err *err)
{
	struct store_conversation *talk = &ctx->talk;
	CLEANUP(json) json_t *json = NULL;

	*ret_old = NULL;
	int rc = load(ctx, &json, err);
	if (rc <= 0)
		return rc;
	const char *image = text_of(json, "image");
	if (talk->undo_image && !str_eq(talk->undo_image, image))
		*ret_old = mem_strdup(talk->undo_image);
	store_set(&talk->undo_image, image);
	/* Not as it was planned: people may have pushed between two attempts at this task. */
	store_set(&talk->undo_oid, ctx->task->head_oid);
	store_set(&talk->undo_session_id, text_of(json, "session"));
	talk->undo_task_id = ctx->task->id;
	return 0;
}

void undo_point_drop(struct task_ctx *ctx)
{
	CLEANUP(json) json_t *json = NULL;
	struct err ignored = {0};

	if (load(ctx, &json, &ignored) <= 0)
		return;
	const char *image = text_of(json, "image");
	if (image && !str_eq(image, ctx->talk.undo_image))
		snapshot_delete(ctx->env->core, image, ctx->cancel, &ignored);
}

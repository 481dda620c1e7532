/* SPDX-License-Identifier: MIT */
/* Rows of the store as JSON; see rows.h. */
#include "service/http/rows.h"

#include "boxcore/base/str.h"

#include <string.h>

static void text(json_t *object, const char *key, const char *value)
{
	json_put(object, key, json_str(value));
}

static void number(json_t *object, const char *key, int64_t value)
{
	json_put(object, key, json_integer(value));
}

/* 0 stands for "not yet" or "none". */
static void known(json_t *object, const char *key, int64_t value)
{
	json_put(object, key, value ? json_integer(value) : json_null());
}

/* What a trigger was about: JSON of our own in the row, null when there is none. */
static void about(json_t *object, const char *value)
{
	struct err ignored = {0};
	json_t *json =
		str_empty(value) ? NULL : json_parse(value, strlen(value), &ignored);

	json_put(object, "about", json ? json : json_null());
}

static void task_subject(json_t *o, const struct store_task *t)
{
	number(o, "id", t->id);
	text(o, "state", store_task_state_name(t->state));
	text(o, "step", t->step);
	text(o, "lane", t->lane);
	text(o, "verb", t->verb);
	text(o, "text", t->text);
	text(o, "trigger_kind", t->trigger_kind);
	text(o, "delivery_id", t->delivery_id);
	number(o, "repo_id", t->repo_id);
	text(o, "owner", t->owner);
	text(o, "repo", t->repo);
	number(o, "number", t->number);
	json_put(o, "is_pull", json_boolean(t->is_pull));
	text(o, "title", t->title);
	number(o, "requester_id", t->requester_id);
	text(o, "requester_login", t->requester_login);
	known(o, "comment_id", t->comment_id);
	text(o, "comment_url", t->comment_url);
	about(o, t->about);
	number(o, "attempts", t->attempts);
	known(o, "parent_id", t->parent_id);
	known(o, "job_id", t->job_id);
	known(o, "conversation_id", t->conversation_id);
	known(o, "taken_by", t->taken_by);
}

static void task_course(json_t *o, const struct store_task *t)
{
	number(o, "created_ms", t->created_ms);
	number(o, "run_at_ms", t->run_at_ms);
	known(o, "started_ms", t->started_ms);
	known(o, "finished_ms", t->finished_ms);
	number(o, "attempt", t->attempt);
	number(o, "crashes", t->crashes);
	text(o, "cancel_reason", t->cancel_reason);
	text(o, "last_error", t->last_error);
	text(o, "outcome_code", t->outcome_code);
	text(o, "outcome", t->outcome);
}

static void task_result(json_t *o, const struct store_task *t)
{
	text(o, "base_oid", t->base_oid);
	text(o, "image", t->image);
	text(o, "box_id", t->box_id);
	text(o, "run_id", t->run_id);
	text(o, "harness", t->harness);
	text(o, "model", t->model);
	text(o, "commit_oid", t->commit_oid);
	text(o, "branch", t->branch);
	known(o, "pr_number", t->pr_number);
	text(o, "pr_url", t->pr_url);
	number(o, "files", t->files);
	number(o, "added", t->added);
	number(o, "deleted", t->deleted);
	number(o, "tokens_in", t->tokens_in);
	number(o, "tokens_out", t->tokens_out);
	number(o, "tokens_cached", t->tokens_cached);
	json_put(o, "cost_usd", json_real(t->cost_usd));
	text(o, "summary", t->summary);
}

json_t *row_task(const struct store_task *task)
{
	json_t *o = json_object();

	task_subject(o, task);
	task_course(o, task);
	task_result(o, task);
	return o;
}

json_t *row_step(const struct store_step *step)
{
	json_t *o = json_object();

	number(o, "seq", step->seq);
	text(o, "name", step->name);
	number(o, "attempt", step->attempt);
	text(o, "state", store_step_state_name(step->state));
	number(o, "started_ms", step->started_ms);
	known(o, "finished_ms", step->finished_ms);
	text(o, "detail", step->detail);
	return o;
}

json_t *row_effect(const struct store_effect *effect)
{
	json_t *o = json_object();

	text(o, "kind", effect->kind);
	text(o, "slot", effect->slot);
	text(o, "state", store_effect_state_name(effect->state));
	known(o, "sent_ms", effect->sent_ms);
	text(o, "remote_id", effect->remote_id);
	text(o, "remote_url", effect->remote_url);
	text(o, "error", effect->err);
	return o;
}

json_t *row_event(const struct store_event *event)
{
	json_t *o = json_object();

	number(o, "seq", event->seq);
	number(o, "at_ms", event->at_ms);
	text(o, "kind", event->kind);
	text(o, "text", event->text);
	return o;
}

json_t *row_delivery(const struct store_delivery *delivery)
{
	json_t *o = json_object();

	text(o, "id", delivery->id);
	text(o, "event", delivery->event);
	text(o, "action", delivery->action);
	number(o, "received_ms", delivery->received_ms);
	text(o, "state", store_delivery_state_name(delivery->state));
	text(o, "reason_code", delivery->reason_code);
	text(o, "reason", delivery->reason);
	known(o, "task", delivery->task_id);
	number(o, "body_size", delivery->body_raw_size);
	return o;
}

static const char *command_state(enum store_command_state state)
{
	static const char *const words[] = {
#define X(name, word) [STORE_COMMAND_##name] = word,
		STORE_COMMAND_STATES(X)
#undef X
	};

	return words[state];
}

json_t *row_command(const struct store_command *command)
{
	json_t *o = json_object();

	number(o, "id", command->id);
	text(o, "state", command_state(command->state));
	text(o, "lane", command->lane);
	text(o, "verb", command->verb);
	text(o, "word", command->word);
	text(o, "text", command->text);
	number(o, "repo_id", command->repo_id);
	text(o, "owner", command->owner);
	text(o, "repo", command->repo);
	number(o, "number", command->number);
	json_put(o, "is_pull", json_boolean(command->is_pull));
	known(o, "requester_id", command->requester_id);
	text(o, "requester_login", command->requester_login);
	known(o, "comment_id", command->comment_id);
	about(o, command->about);
	known(o, "finished_ms", command->finished_ms);
	text(o, "outcome", command->outcome);
	return o;
}

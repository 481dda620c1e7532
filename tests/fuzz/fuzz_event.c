/* SPDX-License-Identifier: MIT */
/*
 * A delivery's body: parsed as each event there is, decided on, and its texts bounded and
 * clean, what it was about JSON.  What the parser takes must also be JSON for the grammar check, and what that refuses is no event.
 */
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "webhooks/event.h"
#include "webhooks/json_shape.h"
#include "webhooks/trigger.h"

#include <string.h>

static void check_text(const char *text, size_t most)
{
	if (text && (strlen(text) > most || !str_is_utf8(text, strlen(text))))
		abort();
}

static void check_event(const struct event *event)
{
	check_text(event->action, LIMIT_EVENT_WORD);
	check_text(event->repository.full_name, LIMIT_EVENT_WORD);
	check_text(event->sender.login, LIMIT_EVENT_WORD);
	check_text(event->issue.title, LIMIT_EVENT_TITLE);
	check_text(event->issue.body, LIMIT_TASK_TEXT);
	check_text(event->issue.was_body, LIMIT_TASK_TEXT);
	check_text(event->comment.body, LIMIT_TASK_TEXT);
	check_text(event->comment.hunk, LIMIT_EVENT_HUNK);
	check_text(event->comment.path, LIMIT_EVENT_WORD);
	check_text(event->review.body, LIMIT_TASK_TEXT);
	check_text(event->pull_request.body, LIMIT_TASK_TEXT);
	check_text(event->check.name, LIMIT_EVENT_WORD);
	check_text(event->push.ref, LIMIT_EVENT_WORD);
	check_text(event->url, LIMIT_EVENT_WORD);
	if (event->repository.id < 0 || event->issue.number < 0 || event->comment.id < 0)
		abort();
}

static void check_about(const char *about)
{
	struct err err = {0};

	check_text(about, LIMIT_TASK_ABOUT);
	CLEANUP(json)
	json_t *json = *about ? json_parse(about, strlen(about), &err) : NULL;
	if (*about && !json_is_object(json))
		abort();
}

static void check_trigger(const struct event *event)
{
	static const struct trigger_config config = {.slug = "boxwright",
		.app_id = 1,
		.bot_user_id = 2,
		.label = "boxwright",
		.bare_verbs = true,
		.listen = TRIGGER_ALL,
		.branch_prefix = "boxwright/"};
	CLEANUP(trigger) struct trigger trigger = {0};

	trigger_decide(&config, event, &trigger);
	if (!trigger.reason || !trigger.sentence[0])
		abort();
	if (trigger.outcome == TRIGGER_NONE) {
		if (trigger.verb || trigger.text || trigger.about)
			abort();
		return;
	}
	if (!trigger.verb || !trigger.text || !trigger.about || !trigger.lane[0] ||
		trigger.number < 0 || trigger.attempts < 1 ||
		trigger.attempts > COMMAND_ATTEMPTS_MAX)
		abort();
	/* Nobody in person: only what needs nobody's permission. */
	if (trigger.requester.id == 0 && trigger.outcome == TRIGGER_TASK &&
		!trigger.only_ours)
		abort();
	check_text(trigger.text, LIMIT_TASK_TEXT);
	check_about(trigger.about);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"issues", "issue_comment", "pull_request",
		"pull_request_review", "pull_request_review_comment", "check_run",
		"check_suite", "workflow_run", "push", "installation",
		"installation_repositories", "fork"};
	const char *body = (const char *)data;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(event) struct event event = {0};
		struct err err = {0};
		enum event_result result =
			event_parse(names[i], body, size, &event, &err);
		if ((result == EVENT_NOT_OBJECT) == json_shape_is_object(body, size))
			abort();
		if (result != EVENT_OK) {
			if (err.kind != ERR_INPUT)
				abort();
			continue;
		}
		check_event(&event);
		check_trigger(&event);
	}
	return 0;
}

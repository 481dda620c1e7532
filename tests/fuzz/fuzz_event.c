/* SPDX-License-Identifier: MIT */
/*
 * A delivery's body: parsed, decided on, and its texts bounded and clean.  What the parser
 * takes must also be JSON for the grammar check, and what that refuses is no event.
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
	check_text(event->comment.body, LIMIT_TASK_TEXT);
	if (event->repository.id < 0 || event->issue.number < 0 || event->comment.id < 0)
		abort();
}

static void check_trigger(const struct event *event)
{
	static const struct trigger_config config = {
		.slug = "boxwright", .app_id = 1, .bot_user_id = 2, .label = "boxwright"};
	CLEANUP(trigger) struct trigger trigger = {0};

	trigger_decide(&config, event, &trigger);
	if (!trigger.reason || !trigger.sentence[0])
		abort();
	if (trigger.outcome != TRIGGER_NONE &&
		(!trigger.text || !trigger.requester.login || trigger.number <= 0))
		abort();
	check_text(trigger.text, LIMIT_TASK_TEXT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"issues", "issue_comment", "push"};
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

/* SPDX-License-Identifier: MIT */
/* Decides what an event means for us; see trigger.h. */
#include "webhooks/trigger.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

const struct trigger_reason trigger_reasons[] = {
	{"event_unused", "Events of this kind start nothing."},
	{"no_repository", "The event carries no repository."},
	{"no_installation",
		"The event carries no installation of the App: install the App on the "
		"repository, and let the App's own webhook deliver, not the "
		"repository's."},
	{"repository_archived", "The repository is archived."},
	{"no_sender", "The event does not say who caused it."},
	{"own_sender", "The event was caused by the App itself."},
	{"bot_sender", "The event was caused by a bot."},
	{"not_author", "The event's sender did not write the text."},
	{"action_unused", "This action of the event starts nothing."},
	{"edited", "Edited texts start nothing: write a new comment."},
	{"label_other", "The label is not the one that asks for a fix."},
	{"no_subject", "The event carries no issue or comment."},
	{"no_command", "The text does not begin with a command or mention."},
	{"pull_request",
		"A fix cannot be asked for on a pull request yet; ask on an issue."},
	{"issue_closed", "The issue is closed: reopen it and ask again."},
	{NULL, NULL},
};

static const char *const used_events[] = {"issues", "issue_comment"};

static void none(struct trigger *trigger, const char *word)
{
	trigger->outcome = TRIGGER_NONE;
	for (const struct trigger_reason *r = trigger_reasons; r->word; r++) {
		if (!str_eq(r->word, word))
			continue;
		trigger->reason = r->word;
		str_copy(trigger->sentence, sizeof(trigger->sentence), r->sentence);
	}
}

static bool is_used_event(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(used_events); i++)
		if (str_eq(name, used_events[i]))
			return true;
	return false;
}

/* ---- who and where
 * ------------------------------------------------------------------------ */

/* A login can be chosen to look like anything; ids cannot. */
static bool is_ours(const struct trigger_config *config, const struct event_user *user)
{
	return config->bot_user_id > 0 && user->id == config->bot_user_id;
}

static bool is_bot(const struct event_user *user)
{
	return str_eq(user->type, "Bot");
}

/* Why the event cannot count whatever it says; NULL when it can. */
static const char *refuse_origin(
	const struct trigger_config *config, const struct event *event)
{
	const struct event_comment *comment = &event->comment;

	if (!is_used_event(event->name))
		return "event_unused";
	if (event->repository.id == 0 || !event->repository.full_name)
		return "no_repository";
	if (event->installation == 0)
		return "no_installation";
	if (event->repository.archived)
		return "repository_archived";
	if (event->sender.id == 0 || !event->sender.login)
		return "no_sender";
	if (is_ours(config, &event->sender) || is_ours(config, &comment->author) ||
		(config->app_id > 0 && comment->app_id == config->app_id))
		return "own_sender";
	if (is_bot(&event->sender) || is_bot(&comment->author))
		return "bot_sender";
	return NULL;
}

/* ---- what
 * --------------------------------------------------------------------------------- */

static void fill_subject(struct trigger *trigger, const struct event *event)
{
	const struct event_issue *issue = &event->issue;

	trigger->number = issue->number;
	trigger->on_pull_request = issue->is_pull_request;
	snprintf(trigger->lane, sizeof(trigger->lane), "%lld/%lld",
		(long long)event->repository.id, (long long)issue->number);
	trigger->requester.id = event->sender.id;
	trigger->requester.login = mem_strdup(event->sender.login);
	trigger->requester.type = mem_strdup(event->sender.type);
}

/* Tasks go through steps on a worker; all else is answered without one. */
static enum trigger_outcome outcome_of(enum command_verb verb)
{
	switch (verb) {
	case COMMAND_FIX:
	case COMMAND_ASK:
	case COMMAND_PLAN:
	case COMMAND_REVIEW:
	case COMMAND_TEST:
	case COMMAND_REBASE:
	case COMMAND_UNDO: return TRIGGER_TASK;
	case COMMAND_APPROVE:
	case COMMAND_REJECT:
	case COMMAND_RETRY:
	case COMMAND_CANCEL:
	case COMMAND_STATUS:
	case COMMAND_BUDGET:
	case COMMAND_HELP:
	case COMMAND_UNKNOWN: return TRIGGER_COMMAND;
	}
	return TRIGGER_NONE;
}

static void accept(struct trigger *trigger, enum trigger_outcome outcome,
	const char *reason, const char *sentence)
{
	trigger->outcome = outcome;
	trigger->reason = reason;
	str_copy(trigger->sentence, sizeof(trigger->sentence), sentence);
}

static void decide_text(const struct trigger_config *config, const struct event *event,
	const struct event_user *author, const char *text, struct trigger *ret)
{
	struct command_names names = {
		config->slug, config->aliases, config->alias_count, config->bare_verbs};
	struct command command;

	if (!text || !command_parse(&names, text, strlen(text), &command)) {
		none(ret, "no_command");
		return;
	}
	/* Trust goes to who wrote the text, not to who caused the event. */
	if (author->id != event->sender.id) {
		none(ret, "not_author");
		return;
	}
	if (command.verb == COMMAND_FIX && event->issue.is_pull_request) {
		none(ret, "pull_request");
		return;
	}
	if (command.verb == COMMAND_FIX && event->issue.closed) {
		none(ret, "issue_closed");
		return;
	}
	fill_subject(ret, event);
	str_copy(ret->word, sizeof(ret->word), command.word);
	ret->text = mem_strndup(command.text, command.text_len);
	ret->comment_id = event->comment.id;
	ret->verb = command_verb_name(command.verb);
	ret->about = mem_strdup("");
	ret->attempts = command.attempts;
	accept(ret, outcome_of(command.verb), event->comment.id ? "comment" : "issue",
		event->comment.id ? "A comment asks for it."
				  : "The issue's text asks for it.");
}

static void decide_label(const struct trigger_config *config, const struct event *event,
	struct trigger *ret)
{
	if (!config->label || !event->label ||
		!str_eq_nocase(config->label, event->label)) {
		none(ret, "label_other");
		return;
	}
	if (event->issue.is_pull_request) {
		none(ret, "pull_request");
		return;
	}
	if (event->issue.closed) {
		none(ret, "issue_closed");
		return;
	}
	fill_subject(ret, event);
	str_copy(ret->word, sizeof(ret->word), command_verb_name(COMMAND_FIX));
	ret->text = mem_strdup("");
	ret->verb = command_verb_name(COMMAND_FIX);
	ret->about = mem_strdup("");
	ret->attempts = 1;
	accept(ret, TRIGGER_TASK, "label", "The label asks for it.");
}

static void decide_issue(const struct trigger_config *config, const struct event *event,
	struct trigger *ret)
{
	if (str_eq(event->action, "opened"))
		decide_text(config, event, &event->issue.author, event->issue.body, ret);
	else if (str_eq(event->action, "labeled"))
		decide_label(config, event, ret);
	else if (str_eq(event->action, "edited"))
		none(ret, "edited");
	else
		none(ret, "action_unused");
}

static void decide_comment(const struct trigger_config *config, const struct event *event,
	struct trigger *ret)
{
	const struct event_comment *comment = &event->comment;

	if (str_eq(event->action, "edited"))
		none(ret, "edited");
	else if (!str_eq(event->action, "created"))
		none(ret, "action_unused");
	else if (comment->id == 0)
		none(ret, "no_subject");
	else
		decide_text(config, event, &comment->author, comment->body, ret);
}

void trigger_decide(const struct trigger_config *config, const struct event *event,
	struct trigger *ret)
{
	const char *refused = refuse_origin(config, event);

	memset(ret, 0, sizeof(*ret));
	ret->url = event->comment.html_url;
	if (refused)
		none(ret, refused);
	else if (event->issue.number == 0)
		none(ret, "no_subject");
	else if (str_eq(event->name, "issues"))
		decide_issue(config, event, ret);
	else
		decide_comment(config, event, ret);
}

void trigger_release(struct trigger *trigger)
{
	free(trigger->text);
	free(trigger->about);
	free(trigger->requester.login);
	free(trigger->requester.type);
	memset(trigger, 0, sizeof(*trigger));
}

const char *trigger_outcome_name(enum trigger_outcome outcome)
{
	switch (outcome) {
	case TRIGGER_NONE: return "none";
	case TRIGGER_TASK: return "task";
	case TRIGGER_COMMAND: return "command";
	}
	return "none";
}

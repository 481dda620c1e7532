/* SPDX-License-Identifier: MIT */
/* Decides on what people write and on labels; see trigger.h for the rule of reviews. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/decide.h"

#include <string.h>

#define CENTS 100

/* A text that may hold a command, and what it stands on. */
struct asked {
	const char *text;
	int64_t app_id, comment_id, number;
	bool on_pull_request, closed;
	bool fresh; /* of what is labelled: it was opened just now, by author */
	const struct event_user *author;
	const char *reason, *sentence;
};

/* ---- commands ---------------------------------------------------------------------------- */

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

/* Whether it makes something new, which nobody waits for on what is closed. */
static bool needs_open(enum command_verb verb)
{
	return verb == COMMAND_APPROVE || verb == COMMAND_RETRY ||
	       (outcome_of(verb) == TRIGGER_TASK && verb != COMMAND_ASK);
}

static void set_subject(struct decision *d, const struct asked *asked)
{
	d->ret->number = asked->number;
	d->ret->on_pull_request = asked->on_pull_request;
	d->ret->comment_id = asked->comment_id;
}

static void set_command(struct decision *d, const struct command *command)
{
	struct trigger *ret = d->ret;

	str_copy(ret->word, sizeof(ret->word), command->word);
	ret->text = mem_strndup(command->text, command->text_len);
	ret->attempts = command->attempts;
	decide_about_text(d, "step", command->step);
	if (command->cents > 0)
		json_put(decide_about(d), "amount",
			json_real((double)command->cents / CENTS));
}

/* False when the text begins with no command, which is then for the caller to decide. */
static bool decide_command(struct decision *d, const struct asked *asked)
{
	const struct trigger_config *config = d->config;
	struct command_names names = {
		config->slug, config->aliases, config->alias_count, config->bare_verbs};
	struct command command;
	const char *text = asked->text;

	if (!text || !command_parse(&names, text, strlen(text), &command))
		return false;
	if (asked->closed && needs_open(command.verb)) {
		decide_none(d, "issue_closed");
		return true;
	}
	set_subject(d, asked);
	set_command(d, &command);
	decide_accept(d, outcome_of(command.verb), command_verb_name(command.verb),
		asked->reason, asked->sentence);
	return true;
}

/* A text without a command that counts all the same, where the pull request is ours. */
static void decide_plain(struct decision *d, const struct asked *asked)
{
	if (asked->closed) {
		decide_none(d, "issue_closed");
		return;
	}
	set_subject(d, asked);
	d->ret->text = mem_strdup(asked->text ? asked->text : "");
	d->ret->only_ours = true;
	decide_accept(d, TRIGGER_TASK, command_verb_name(COMMAND_FIX), asked->reason,
		asked->sentence);
}

/* True when it was refused and nothing is left to decide. */
static bool decide_refused(
	struct decision *d, const struct event_user *author, int64_t app_id)
{
	const char *refused = decide_refuse_person(d, author, app_id);

	if (refused)
		decide_none(d, refused);
	return refused != NULL;
}

/* ---- issues ------------------------------------------------------------------------------ */

static void decide_opened(struct decision *d)
{
	const struct event_issue *issue = &d->event->issue;
	struct asked asked = {
		.text = issue->body,
		.number = issue->number,
		.closed = issue->closed,
		.reason = "issue",
		.sentence = "The issue's text asks for it.",
	};

	if (decide_refused(d, &issue->author, issue->app_id))
		return;
	if (!decide_command(d, &asked))
		decide_none(d, "no_command");
}

/* What is opened with a command and with the label at once comes as two events and is one
 * request: that of the text, which says more. */
static bool text_asks(const struct decision *d, const struct asked *subject)
{
	const struct trigger_config *config = d->config;
	struct command_names names = {
		config->slug, config->aliases, config->alias_count, config->bare_verbs};
	struct command command;

	return subject->fresh && subject->author->id == d->event->sender.id &&
	       subject->text &&
	       command_parse(&names, subject->text, strlen(subject->text), &command) &&
	       outcome_of(command.verb) == TRIGGER_TASK;
}

static void decide_labeled(struct decision *d, const struct asked *subject)
{
	const char *label = d->config->label;

	if (!label || !d->event->label || !str_eq_nocase(label, d->event->label)) {
		decide_none(d, "label_other");
		return;
	}
	if (decide_refused(d, NULL, 0))
		return;
	if (text_asks(d, subject)) {
		decide_none(d, "text_counts");
		return;
	}
	if (subject->closed) {
		decide_none(d, "issue_closed");
		return;
	}
	set_subject(d, subject);
	decide_accept(d, TRIGGER_TASK, command_verb_name(COMMAND_FIX), "label",
		"The label asks for it.");
}

/* Bookkeeping: whoever did it, it is done. */
static void decide_closed(struct decision *d, const struct asked *subject, bool opened)
{
	set_subject(d, subject);
	if (opened)
		decide_accept_nobody(d, TRIGGER_COMMAND, "reopened", "reopened",
			"It was opened again.");
	else
		decide_accept_nobody(
			d, TRIGGER_COMMAND, "closed", "closed", "It was closed.");
}

void decide_issues(struct decision *d)
{
	const struct event_issue *issue = &d->event->issue;
	const char *action = d->event->action;
	struct asked subject = {.text = issue->body,
		.number = issue->number,
		.on_pull_request = issue->is_pull_request,
		.closed = issue->closed,
		.fresh = issue->fresh,
		.author = &issue->author};

	if (issue->number == 0)
		decide_none(d, "no_subject");
	else if (str_eq(action, "opened"))
		decide_opened(d);
	else if (str_eq(action, "labeled"))
		decide_labeled(d, &subject);
	else if (str_eq(action, "edited") && decide_is_dashboard(d))
		decide_dashboard(d);
	else if (str_eq(action, "edited"))
		decide_none(d, "edited");
	else if (str_eq(action, "closed") || str_eq(action, "deleted") ||
		 str_eq(action, "transferred"))
		decide_closed(d, &subject, false);
	else if (str_eq(action, "reopened"))
		decide_closed(d, &subject, true);
	else
		decide_none(d, "action_unused");
}

/* ---- comments ---------------------------------------------------------------------------- */

/* Somebody said something just now, by the one action that counts, where there is a subject;
 * else it is decided that it starts nothing. */
static bool is_told(struct decision *d, const char *action, bool has_subject)
{
	if (str_eq(d->event->action, "edited"))
		decide_none(d, "edited");
	else if (!str_eq(d->event->action, action))
		decide_none(d, "action_unused");
	else if (!has_subject)
		decide_none(d, "no_subject");
	else
		return true;
	return false;
}

void decide_issue_comment(struct decision *d)
{
	const struct event_comment *comment = &d->event->comment;
	const struct event_issue *issue = &d->event->issue;
	struct asked asked = {
		.text = comment->body,
		.comment_id = comment->id,
		.number = issue->number,
		.on_pull_request = issue->is_pull_request,
		.closed = issue->closed,
		.reason = "comment",
		.sentence = "A comment asks for it.",
	};

	if (!is_told(d, "created", issue->number != 0 && comment->id != 0) ||
		decide_refused(d, &comment->author, comment->app_id) ||
		decide_command(d, &asked))
		return;
	if (issue->is_pull_request && d->config->listen == TRIGGER_ALL)
		decide_plain(d, &asked);
	else
		decide_none(d, "no_command");
}

/* ---- pull requests ----------------------------------------------------------------------- */

static void set_head(struct decision *d)
{
	const struct event_pull_request *pull = &d->event->pull_request;

	decide_about_text(d, "head", pull->head_sha);
	/* A fork's branch of the same name is another one. */
	if (pull->head_repository == d->event->repository.id) {
		decide_about_text(d, "branch", pull->head_ref);
		d->ret->branch = pull->head_ref;
	}
}

static void decide_pull_opened(struct decision *d, struct asked *asked)
{
	const struct event_pull_request *pull = &d->event->pull_request;

	asked->text = pull->body;
	asked->reason = "pull_request";
	asked->sentence = "The pull request's text asks for it.";
	if (decide_refused(d, &pull->author, 0))
		return;
	if (!decide_command(d, asked))
		decide_none(d, "no_command");
}

static void decide_review_requested(struct decision *d, const struct asked *subject)
{
	if (!decide_is_ours(d, &d->event->pull_request.reviewer)) {
		decide_none(d, "reviewer_other");
		return;
	}
	if (decide_refused(d, NULL, 0))
		return;
	if (subject->closed) {
		decide_none(d, "issue_closed");
		return;
	}
	set_subject(d, subject);
	decide_accept(d, TRIGGER_TASK, command_verb_name(COMMAND_REVIEW),
		"review_requested", "A review was asked of the App.");
}

void decide_pull_request(struct decision *d)
{
	const struct event_pull_request *pull = &d->event->pull_request;
	const char *action = d->event->action;
	struct asked subject = {.text = pull->body,
		.number = pull->number,
		.on_pull_request = true,
		.closed = pull->closed,
		.fresh = pull->fresh,
		.author = &pull->author};

	set_head(d);
	if (pull->number == 0)
		decide_none(d, "no_subject");
	else if (str_eq(action, "opened"))
		decide_pull_opened(d, &subject);
	else if (str_eq(action, "labeled"))
		decide_labeled(d, &subject);
	else if (str_eq(action, "review_requested"))
		decide_review_requested(d, &subject);
	else if (str_eq(action, "synchronize"))
		decide_none(d, "noted");
	else if (str_eq(action, "edited"))
		decide_none(d, "edited");
	else if (str_eq(action, "closed")) {
		json_put(decide_about(d), "merged", json_boolean(pull->merged));
		decide_closed(d, &subject, false);
	} else if (str_eq(action, "reopened"))
		decide_closed(d, &subject, true);
	else
		decide_none(d, "action_unused");
}

/* ---- reviews ----------------------------------------------------------------------------- */

static bool review_counts(const struct decision *d, const struct event_review *review)
{
	if (str_eq(review->state, "changes_requested"))
		return d->config->listen != TRIGGER_COMMANDS;
	if (d->config->listen != TRIGGER_ALL)
		return false;
	/* "Looks good" is no work; a word with it may be. */
	return str_eq(review->state, "commented") ||
	       (str_eq(review->state, "approved") && !str_empty(review->body));
}

void decide_review(struct decision *d)
{
	const struct event_review *review = &d->event->review;
	const struct event_pull_request *pull = &d->event->pull_request;
	struct asked asked = {
		.text = review->body,
		.number = pull->number,
		.on_pull_request = true,
		.closed = pull->closed,
		.reason = "review",
		.sentence = "A review asks for it.",
	};

	if (!is_told(d, "submitted", pull->number != 0 && review->id != 0))
		return;
	set_head(d);
	json_put(decide_about(d), "review", json_integer(review->id));
	decide_about_text(d, "review_state", review->state);
	if (decide_refused(d, &review->author, 0) || decide_command(d, &asked))
		return;
	if (review_counts(d, review))
		decide_plain(d, &asked);
	else
		decide_none(d, "review_no_command");
}

static void set_place(struct decision *d, const struct event_comment *comment)
{
	decide_about_text(d, "path", comment->path);
	if (comment->line > 0)
		json_put(decide_about(d), "line", json_integer(comment->line));
	decide_about_text(d, "side", comment->side);
	decide_about_text(d, "hunk", comment->hunk);
	if (comment->in_reply_to > 0)
		json_put(decide_about(d), "in_reply_to",
			json_integer(comment->in_reply_to));
}

void decide_review_comment(struct decision *d)
{
	const struct event_comment *comment = &d->event->comment;
	const struct event_pull_request *pull = &d->event->pull_request;
	struct asked asked = {
		.text = comment->body,
		.comment_id = comment->id,
		.number = pull->number,
		.on_pull_request = true,
		.closed = pull->closed,
		.reason = "review_comment",
		.sentence = "A comment on a line asks for it.",
	};

	if (!is_told(
		    d, "created", pull->number != 0 && comment->id != 0 && comment->path))
		return;
	set_head(d);
	set_place(d, comment);
	if (!decide_refused(d, &comment->author, comment->app_id) &&
		!decide_command(d, &asked))
		decide_none(d, d->config->listen == TRIGGER_COMMANDS ? "no_command"
								     : "review_counts");
}

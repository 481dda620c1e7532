/* SPDX-License-Identifier: MIT */
/* Decides what an event means for us: who and where; see trigger.h. */
#include "webhooks/trigger.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/decide.h"

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
	{"bot_sender",
		"The event was caused by a bot that github.allow_bots does not name."},
	{"not_author", "The event's sender did not write the text."},
	{"action_unused", "This action of the event starts nothing."},
	{"edited", "Edited texts start nothing: write a new comment."},
	{"label_other", "The label is not the one that asks for a fix."},
	{"no_subject", "The event does not carry what it is about."},
	{"no_command", "The text does not begin with a command or mention."},
	{"text_counts", "The text that it was opened with asks for something already."},
	{"issue_closed", "The issue or pull request is closed: reopen it and ask again."},
	{"review_no_command",
		"The review requests no changes and begins with no command."},
	{"review_counts", "A comment of a review that begins with no command counts with "
			  "its review."},
	{"reviewer_other", "The review was asked of somebody else."},
	{"noted", "New commits are seen by the next run; by themselves they start "
		  "nothing."},
	{"check_passed", "The check did not fail."},
	{"own_check", "The check is the App's own."},
	{"other_check", "The button belongs to another App's check."},
	{"check_suite_counts_its_runs",
		"The check runs of the suite count by themselves."},
	{"fork_check", "The check ran for a fork."},
	{"check_nowhere", "The check names neither a branch nor a pull request."},
	{"not_a_branch", "The push was not to a branch."},
	{"branch_deleted", "The branch was deleted."},
	{"own_branch", "The branch is one of those that the service makes."},
	{"nothing_ticked", "No box of the dashboard was ticked."},
	{NULL, NULL},
};

/* ---- outcomes ---------------------------------------------------------------------------- */

static void set_sentence(struct trigger *trigger, const char *sentence)
{
	str_copy(trigger->sentence, sizeof(trigger->sentence), sentence);
}

void decide_none(struct decision *d, const char *word)
{
	d->ret->outcome = TRIGGER_NONE;
	for (const struct trigger_reason *r = trigger_reasons; r->word; r++) {
		if (!str_eq(r->word, word))
			continue;
		d->ret->reason = r->word;
		set_sentence(d->ret, r->sentence);
	}
}

static void set_lane(struct decision *d)
{
	struct trigger *ret = d->ret;

	if (d->event->repository.id)
		snprintf(ret->lane, sizeof(ret->lane), "%lld/%lld",
			(long long)d->event->repository.id, (long long)ret->number);
	else
		snprintf(ret->lane, sizeof(ret->lane), "installation/%lld",
			(long long)d->event->installation);
}

void decide_accept_nobody(struct decision *d, enum trigger_outcome outcome,
	const char *verb, const char *reason, const char *sentence)
{
	struct trigger *ret = d->ret;

	ret->outcome = outcome;
	ret->verb = verb;
	ret->reason = reason;
	set_sentence(ret, sentence);
	set_lane(d);
	if (!ret->word[0])
		str_copy(ret->word, sizeof(ret->word), verb);
	if (!ret->text)
		ret->text = mem_strdup("");
	if (ret->attempts == 0)
		ret->attempts = 1;
}

void decide_accept(struct decision *d, enum trigger_outcome outcome, const char *verb,
	const char *reason, const char *sentence)
{
	const struct event_user *sender = &d->event->sender;

	decide_accept_nobody(d, outcome, verb, reason, sentence);
	d->ret->requester.id = sender->id;
	d->ret->requester.login = mem_strdup(sender->login);
	d->ret->requester.type = mem_strdup(sender->type);
}

/* ---- who --------------------------------------------------------------------------------- */

/* A login can be chosen to look like anything; ids cannot. */
bool decide_is_ours(struct decision *d, const struct event_user *user)
{
	return d->config->bot_user_id > 0 && user->id == d->config->bot_user_id;
}

static bool is_refused_bot(struct decision *d, const struct event_user *user)
{
	if (!str_eq(user->type, "Bot"))
		return false;
	for (size_t i = 0; i < d->config->bot_count; i++)
		if (user->id == d->config->bots[i])
			return false;
	return true;
}

const char *decide_refuse_person(
	struct decision *d, const struct event_user *author, int64_t app_id)
{
	const struct event_user *sender = &d->event->sender;

	if ((author && decide_is_ours(d, author)) ||
		(app_id > 0 && app_id == d->config->app_id))
		return "own_sender";
	if (is_refused_bot(d, sender) || (author && is_refused_bot(d, author)))
		return "bot_sender";
	/* Trust goes to who wrote the text, not to who caused the event. */
	if (author && author->id != sender->id)
		return "not_author";
	return NULL;
}

/* ---- where ------------------------------------------------------------------------------- */

static const struct decider {
	const char *event;
	decide_fn decide;
	bool without_repository;
} deciders[] = {
	{"issues", decide_issues, false},
	{"issue_comment", decide_issue_comment, false},
	{"pull_request", decide_pull_request, false},
	{"pull_request_review", decide_review, false},
	{"pull_request_review_comment", decide_review_comment, false},
	{"check_run", decide_check, false},
	{"check_suite", decide_check, false},
	{"workflow_run", decide_check, false},
	{"push", decide_push, false},
	{"installation", decide_installation, true},
	{"installation_repositories", decide_installation, true},
};

static const struct decider *find_decider(const char *event)
{
	for (size_t i = 0; i < ARRAY_LEN(deciders); i++)
		if (str_eq(event, deciders[i].event))
			return &deciders[i];
	return NULL;
}

/* GitHub names whoever pushed as the sender of what checks say of the push: of our pull
 * requests that is the App itself, and it is these that are repaired.  The App's own checks
 * are told by their App's number. */
static bool may_be_ours(struct decision *d, const struct decider *decider)
{
	return decider->decide == decide_check && str_eq(d->event->action, "completed");
}

/* Why the event cannot count whatever it says; NULL when it can. */
static const char *refuse_origin(struct decision *d, const struct decider *decider)
{
	const struct event *event = d->event;
	const struct event_repository *repository = &event->repository;

	if (!decider)
		return "event_unused";
	if (!decider->without_repository &&
		(repository->id == 0 || !repository->full_name || !repository->name ||
			!repository->owner.login))
		return "no_repository";
	if (event->installation == 0)
		return "no_installation";
	if (repository->archived)
		return "repository_archived";
	if (event->sender.id == 0 || !event->sender.login)
		return "no_sender";
	if (decide_is_ours(d, &event->sender) && !may_be_ours(d, decider))
		return "own_sender";
	return NULL;
}

/* ---- about ------------------------------------------------------------------------------- */

json_t *decide_about(struct decision *d)
{
	if (!d->facts)
		d->facts = json_object();
	return d->facts;
}

void decide_about_text(struct decision *d, const char *key, const char *value)
{
	if (!str_empty(value))
		json_put(decide_about(d), key, json_str(value));
}

/* Every decider keeps its facts small; what is too large all the same is left out. */
static void print_about(struct decision *d)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_TASK_ABOUT);
	CLEANUP(json) json_t *facts = d->facts;
	struct err err = {0};

	if (d->ret->outcome == TRIGGER_NONE)
		return;
	if (facts && json_print(&text, facts, &err) == 0)
		d->ret->about = strbuf_take(&text);
	else
		d->ret->about = mem_strdup("");
}

void trigger_decide(const struct trigger_config *config, const struct event *event,
	struct trigger *ret)
{
	struct decision d = {.config = config, .event = event, .ret = ret};
	const struct decider *decider = find_decider(event->name);

	memset(ret, 0, sizeof(*ret));
	ret->url = event->url;
	const char *refused = refuse_origin(&d, decider);
	if (refused || !decider)
		decide_none(&d, refused);
	else
		decider->decide(&d);
	print_about(&d);
}

void trigger_release(struct trigger *trigger)
{
	free(trigger->text);
	free(trigger->about);
	free(trigger->requester.login);
	free(trigger->requester.type);
	memset(trigger, 0, sizeof(*trigger));
}

bool trigger_only_says(const char *verb)
{
	return str_eq(verb, "status") || str_eq(verb, "help") || str_eq(verb, "unknown");
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

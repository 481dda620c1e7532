/* SPDX-License-Identifier: MIT */
/*
 * What an event means for us: a task, a command about one, or nothing and why.
 *
 * Pure and thread-safe.  Whether the requester may is not decided here: the worker asks
 * GitHub, since a payload's word on roles is not to be trusted.  Nor is what only rows know:
 * whether a pull request is one that the service works on (only_ours), or whether the same
 * is waiting already (coalesce); the store decides that in the delivery's transaction.
 *
 * Tasks have the verbs fix, ask, plan, review, test, rebase, undo, repair (and job, which no
 * event makes).  Commands, answered by one thread without a box, have the verbs
 *
 *	cancel status help retry approve reject budget unknown   written by people
 *	button     a button of our check run (requested_action), or its "Re-run"
 *	dashboard  a person ticked a box in our dashboard issue
 *	pushed     a branch moved: configuration, schedules, conflicts with the base
 *	closed     an issue or pull request was closed; reopened: "reopened"
 *	installed, removed   the App came to repositories or left them
 *
 * A submitted review is delivered as one pull_request_review and, once more, each of its
 * comments as a pull_request_review_comment; a single comment or a reply on a diff comes as
 * both too.  None starts twice by this rule: a text that begins with a command counts by
 * itself, wherever it stands; everything else of a review counts through the review alone.
 * So the task of a review (about."review") is about its text and about those of its comments
 * that do not begin with a command (command_parse()); when nothing is left there is nothing
 * to do.
 */
#ifndef WEBHOOKS_TRIGGER_H
#define WEBHOOKS_TRIGGER_H

#include "webhooks/command.h"
#include "webhooks/event.h"

#include <stdint.h>

enum trigger_listen {
	TRIGGER_COMMANDS, /* on our pull requests too, only commands and mentions count */
	TRIGGER_REVIEWS,  /* and reviews that request changes */
	TRIGGER_ALL,      /* and every comment of a person */
};

struct trigger_config {
	const char *slug;           /* of the App; also the name of its mention */
	int64_t app_id;             /* 0: not known */
	int64_t bot_user_id;        /* of `<slug>[bot]`; 0: not known */
	const char *label;          /* the label that asks for a fix; NULL: none does */
	const char *const *aliases; /* further mention names */
	size_t alias_count;
	bool bare_verbs; /* "/fix" counts as "/boxwright fix" */
	enum trigger_listen listen;
	const char *branch_prefix; /* of the service's own branches; NULL: none */
	const int64_t *bots;       /* user ids of bots that may ask; all others may not */
	size_t bot_count;
};

enum trigger_outcome { TRIGGER_NONE, TRIGGER_TASK, TRIGGER_COMMAND };

#define TRIGGER_LANE_SIZE 64

struct trigger {
	enum trigger_outcome outcome;
	const char *verb; /* static; see above; NULL for NONE */
	/* Machine words, the same for ever: rows and answers hold them.  Never NULL. */
	const char *reason; /* "comment", "label", "check_failed"; for NONE why not */
	char sentence[200]; /* the reason for people */
	/* The address for people of what it was about, also for NONE; in the event; NULL */
	const char *url;
	/* All but NONE: */
	char word[COMMAND_WORD_MAX + 1]; /* the verb as written */
	char *text;       /* what was asked for; "" if nothing; at most LIMIT_TASK_TEXT */
	char *about;      /* JSON: STORE_ABOUT in store_task.h; "" if nothing */
	int64_t number;   /* of the issue or pull request; 0: only the branch is known */
	int64_t attempts; /* of `fix x3`: 1 to COMMAND_ATTEMPTS_MAX */
	/* "<repository id>/<number>", number 0: of the repository; "installation/<id>" */
	char lane[TRIGGER_LANE_SIZE];
	struct event_user
		requester;  /* who must have the permission; id 0: nobody in person */
	int64_t comment_id; /* 0: the issue's own text, a label, a check */
	bool on_pull_request;
	const char *branch;       /* in the event; NULL: unknown */
	bool only_ours, coalesce; /* see struct store_delivery_new */
};

/* Never fails; everything that is no trigger is NONE with its reason. */
void trigger_decide(const struct trigger_config *config, const struct event *event,
	struct trigger *ret);
void trigger_release(struct trigger *trigger);
DEFINE_CLEANUP(trigger, struct trigger, trigger_release(value))

/* Whether a command of this verb is answered in words and changes nothing. */
bool trigger_only_says(const char *verb);

const char *trigger_outcome_name(
	enum trigger_outcome outcome); /* "none", "task", "command" */

/* Every reason that NONE can have with its sentence, for the documentation and tests;
 * NULL word ends the list. */
struct trigger_reason {
	const char *word;
	const char *sentence;
};
extern const struct trigger_reason trigger_reasons[];

#endif

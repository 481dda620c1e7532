/* SPDX-License-Identifier: MIT */
/*
 * What an event means for us: a task, a request about one, or nothing and why.
 *
 * Pure and thread-safe.  Whether the requester may is not decided here: the worker asks
 * GitHub, since a payload's word on roles is not to be trusted.  The first rule that fits
 * decides, in this order: repository and installation known, sender is a person and not
 * ourselves, event, action, command.
 */
#ifndef WEBHOOKS_TRIGGER_H
#define WEBHOOKS_TRIGGER_H

#include "webhooks/command.h"
#include "webhooks/event.h"

#include <stdint.h>

struct trigger_config {
	const char *slug;           /* of the App; also the name of its mention */
	int64_t app_id;             /* 0: not known */
	int64_t bot_user_id;        /* of `<slug>[bot]`; 0: not known */
	const char *label;          /* the label that asks for a fix; NULL: none does */
	const char *const *aliases; /* further mention names */
	size_t alias_count;
};

enum trigger_outcome {
	TRIGGER_NONE,
	TRIGGER_TASK, /* verb fix */
	TRIGGER_CANCEL,
	TRIGGER_STATUS,
	TRIGGER_HELP,
	TRIGGER_RETRY,
	TRIGGER_UNKNOWN_VERB,
};

#define TRIGGER_LANE_SIZE 48

struct trigger {
	enum trigger_outcome outcome;
	/* Machine words, the same for ever: rows and answers hold them.  Never NULL. */
	const char *reason; /* "comment", "issue", "label"; for NONE why not */
	char sentence[200]; /* the reason for people */
	/* All but NONE: */
	char word[COMMAND_WORD_MAX + 1]; /* the verb as written */
	char *text;     /* what was asked for; "" if nothing; at most LIMIT_TASK_TEXT */
	int64_t number; /* of the issue */
	char lane[TRIGGER_LANE_SIZE]; /* "<repository id>/<number>" */
	struct event_user requester;  /* who must have the permission */
	int64_t comment_id;           /* 0: the issue's own text or a label */
	bool on_pull_request;
};

/* Never fails; everything that is no trigger is NONE with its reason. */
void trigger_decide(const struct trigger_config *config, const struct event *event,
	struct trigger *ret);
void trigger_release(struct trigger *trigger);
DEFINE_CLEANUP(trigger, struct trigger, trigger_release(value))

const char *trigger_outcome_name(enum trigger_outcome outcome); /* "none", "task", ... */

/* Every reason that NONE can have with its sentence, for the documentation and tests;
 * NULL word ends the list. */
struct trigger_reason {
	const char *word;
	const char *sentence;
};
extern const struct trigger_reason trigger_reasons[];

#endif

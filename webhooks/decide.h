/* SPDX-License-Identifier: MIT */
/* What the deciders of single events share; see trigger.h. */
#ifndef WEBHOOKS_DECIDE_H
#define WEBHOOKS_DECIDE_H

#include "boxcore/base/json.h"
#include "webhooks/trigger.h"

/* What a decider looks at and fills. */
struct decision {
	const struct trigger_config *config;
	const struct event *event;
	struct trigger *ret;
	json_t *facts; /* what becomes ret->about; decide_about() makes it */
};

typedef void (*decide_fn)(struct decision *d);

void decide_issues(struct decision *d);
void decide_issue_comment(struct decision *d);
void decide_pull_request(struct decision *d);
void decide_review(struct decision *d);
void decide_review_comment(struct decision *d);
void decide_check(struct decision *d); /* check_run, check_suite, workflow_run */
void decide_push(struct decision *d);
void decide_installation(struct decision *d);
/* An edit of an issue that the service wrote. */
void decide_dashboard(struct decision *d);
bool decide_is_dashboard(struct decision *d);

/* `word` is one of trigger_reasons. */
void decide_none(struct decision *d, const char *word);
/* verb, reason and sentence are static; outcome, lane and number follow from what was set
 * before, and the sender becomes the requester unless nobody is needed in person. */
void decide_accept(struct decision *d, enum trigger_outcome outcome, const char *verb,
	const char *reason, const char *sentence);
void decide_accept_nobody(struct decision *d, enum trigger_outcome outcome,
	const char *verb, const char *reason, const char *sentence);

/* Why the one who caused it may not ask, as a word; NULL when he may.  `author` and
 * `app_id` are of the text that counts; author NULL: none does. */
const char *decide_refuse_person(
	struct decision *d, const struct event_user *author, int64_t app_id);
bool decide_is_ours(struct decision *d, const struct event_user *user);

/* ---- about ------------------------------------------------------------------------------- */

/* The object to put facts in. */
json_t *decide_about(struct decision *d);
/* NULL and "" put nothing. */
void decide_about_text(struct decision *d, const char *key, const char *value);

#endif

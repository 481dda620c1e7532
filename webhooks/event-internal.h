/* SPDX-License-Identifier: MIT */
/*
 * What the readers of events share.  Every reader takes any JSON and leaves what it does not
 * find at NULL, 0 or false; every text is clean and bounded as event.h says.
 */
#ifndef WEBHOOKS_EVENT_INTERNAL_H
#define WEBHOOKS_EVENT_INTERNAL_H

#include "boxcore/base/json.h"
#include "webhooks/event.h"

char *event_word_at(const json_t *json, const char *path); /* LIMIT_EVENT_WORD */
int64_t event_id_at(const json_t *json, const char *path); /* 0 unless > 0 */

void event_read_user(struct event_user *user, const json_t *json);
void event_read_repository(struct event_repository *repository, const json_t *json);
void event_read_issue(struct event_issue *issue, const json_t *root);
void event_read_comment(struct event_comment *comment, const json_t *json);
void event_read_review(struct event_review *review, const json_t *json);
void event_read_pull_request(struct event_pull_request *pull, const json_t *root);

/* `name` is the event's and the member's: "check_run", "check_suite", "workflow_run". */
void event_read_check(struct event_check *check, const json_t *root, const char *name,
	int64_t repository);
void event_read_push(struct event_push *push, const json_t *root);
void event_read_installation(struct event_installation *installed, const json_t *root);

void event_user_release(struct event_user *user);
void event_check_release(struct event_check *check);
void event_push_release(struct event_push *push);
void event_installation_release(struct event_installation *installed);

#endif

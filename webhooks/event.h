/* SPDX-License-Identifier: MIT */
/*
 * The body of a delivery, read down to the fields that we act on.
 *
 * Pure; a struct event belongs to one thread.  Nothing is validated against GitHub's
 * schemas, which real deliveries break: a field that is missing or of another type is
 * NULL, 0 or false, unknown fields, events and actions are no error.  All text is valid
 * UTF-8 without control characters (but \n and \t; CRLF becomes \n; NUL becomes U+FFFD)
 * and bounded: long text is cut at a character and said to be.
 */
#ifndef WEBHOOKS_EVENT_H
#define WEBHOOKS_EVENT_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_user {
	int64_t id;
	char *login;
	char *type; /* "User", "Bot", "Organization" */
};

struct event_repository {
	int64_t id; /* 0: the event carries no repository */
	struct event_user owner;
	char *name;
	char *full_name;
	char *default_branch;
	char *clone_url;
	bool is_private;
	bool is_fork;
	bool archived;
};

#define EVENT_LABELS_MAX 100 /* GitHub's own maximum for an issue */

struct event_issue {
	int64_t number; /* 0: none */
	int64_t id;
	char *title;
	char *body; /* at most LIMIT_TASK_TEXT bytes */
	bool body_cut;
	struct event_user author;
	bool is_pull_request;
	bool closed;
	bool locked;
	char **labels; /* names */
	size_t label_count;
};

struct event_comment {
	int64_t id; /* 0: none */
	char *body; /* at most LIMIT_TASK_TEXT bytes */
	bool body_cut;
	char *html_url;
	char *created_at; /* as GitHub wrote it: 2026-11-22T20:35:01Z */
	struct event_user author;
	int64_t app_id; /* of the App that wrote it on a person's behalf, or 0 */
};

struct event_pull_request {
	int64_t number; /* 0: none */
	char *head_ref, *head_sha;
	int64_t head_repository; /* 0 when the fork is gone */
	char *base_ref, *base_sha;
	bool merged, draft, closed;
	struct event_user author;
};

struct event {
	char *name;   /* of X-GitHub-Event */
	char *action; /* NULL when the event has none */
	int64_t installation;
	struct event_repository repository;
	struct event_user sender;
	struct event_issue issue; /* issues, issue_comment */
	struct event_comment comment;
	char *label; /* the label that was put on or taken off */
	struct event_pull_request pull_request;
};

enum event_result {
	EVENT_OK,
	EVENT_NOT_OBJECT, /* not JSON at all, or JSON that is no object: the sender's
			     fault */
	EVENT_BEYOND, /* JSON, but beyond the parser: NUL in a name, an integer past 63
			 bits, nesting past JSON_DEPTH_MAX.  To be kept raw. */
};

/* `name` is the event's name from the header.  On anything but EVENT_OK err tells why and
 * *ret is left zeroed. */
enum event_result event_parse(const char *name, const char *body, size_t len,
	struct event *ret, struct err *err);
void event_release(struct event *event); /* zeroed is fine */
DEFINE_CLEANUP(event, struct event, event_release(value))

#endif

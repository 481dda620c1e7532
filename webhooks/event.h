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

#define EVENT_FRESH_S 60
#define EVENT_LABELS_MAX 100       /* GitHub's own maximum for an issue */
#define EVENT_REPOSITORIES_MAX 200 /* of an installation event; more are asked for */

struct event_issue {
	int64_t number; /* 0: none */
	int64_t id;
	char *title;
	char *body; /* at most LIMIT_TASK_TEXT bytes */
	bool body_cut;
	char *was_body; /* before an edit, likewise bounded; NULL: it was not edited */
	struct event_user author;
	int64_t app_id; /* of the App that wrote it on a person's behalf, or 0 */
	bool is_pull_request;
	bool closed;
	bool locked;
	bool fresh;    /* as event_pull_request.fresh */
	char **labels; /* names */
	size_t label_count;
};

/* Of an issue, a pull request or a line of one. */
struct event_comment {
	int64_t id; /* 0: none */
	char *body; /* at most LIMIT_TASK_TEXT bytes */
	bool body_cut;
	char *created_at; /* as GitHub wrote it: 2026-11-22T20:35:01Z */
	struct event_user author;
	int64_t app_id; /* of the App that wrote it on a person's behalf, or 0 */
	/* Of a review comment only */
	char *path;          /* NULL: it is no review comment */
	int64_t line;        /* the last one; 0: the file, or a line that is gone */
	char *side;          /* "LEFT", "RIGHT" */
	char *hunk;          /* the end of it, at most LIMIT_EVENT_HUNK bytes */
	int64_t in_reply_to; /* 0: it begins its thread */
	int64_t review;      /* the review that it is part of; 0: unknown */
};

struct event_review {
	int64_t id; /* 0: none */
	char *body; /* at most LIMIT_TASK_TEXT bytes */
	bool body_cut;
	char *state; /* "approved", "changes_requested", "commented" */
	struct event_user author;
};

struct event_pull_request {
	int64_t number; /* 0: none */
	char *title;
	char *body; /* at most LIMIT_TASK_TEXT bytes */
	bool body_cut;
	char *head_ref, *head_sha;
	int64_t head_repository; /* 0 when the fork is gone */
	char *base_ref, *base_sha;
	bool merged, draft, closed;
	bool fresh; /* it was opened at most EVENT_FRESH_S before this happened to it */
	struct event_user author;
	struct event_user reviewer; /* who is asked to review, in that event */
};

/* A check_run, check_suite or workflow_run. */
struct event_check {
	int64_t id;       /* 0: none */
	char *name;       /* of a suite its App's */
	char *url;        /* for people; NULL: it has none */
	char *conclusion; /* "failure", ...; NULL while it runs */
	char *head_sha;
	char *head_branch;       /* NULL when it is a fork's, or unknown */
	int64_t app_id;          /* whose check it is; 0: unknown */
	int64_t head_repository; /* of a workflow_run; else 0 */
	int64_t pull_number; /* when just one pull request of the repository is named */
	int64_t runs;        /* of a suite: how many check runs it has; -1: unknown */
	char *external_id;   /* of a check_run: what its App calls it */
	char *button;        /* identifier of the button that was pressed */
};

struct event_push {
	char *ref; /* "refs/heads/main" */
	char *before, *after;
	bool created, deleted;
	/* Some file that the service reads its rules from was touched, or may have been. */
	bool touches_rules;
};

struct event_installed {
	int64_t id;
	char *owner, *name;
};

struct event_installation {
	struct event_user account; /* where the App is installed */
	/* Those that came or went, the first EVENT_REPOSITORIES_MAX */
	struct event_installed *added, *removed;
	size_t added_count, removed_count;
	bool cut; /* there were more */
};

struct event {
	char *name;   /* of X-GitHub-Event */
	char *action; /* NULL when the event has none */
	char *url;    /* for people: of the comment, review, check, ...; NULL */
	int64_t installation;
	struct event_repository repository;
	struct event_user sender;
	struct event_issue issue;     /* issues, issue_comment */
	struct event_comment comment; /* issue_comment, pull_request_review_comment */
	char *label;                  /* the label that was put on or taken off */
	struct event_pull_request pull_request; /* pull_request and its reviews */
	struct event_review review;             /* pull_request_review */
	struct event_check check;               /* check_run, check_suite, workflow_run */
	struct event_push push;
	struct event_installation installed; /* installation, installation_repositories */
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

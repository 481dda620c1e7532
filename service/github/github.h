/* SPDX-License-Identifier: MIT */
/*
 * GitHub's REST API as verbs: what the service reads and does there, as the App.
 *
 * A `struct github` is made once and used by all threads.  Each verb is one question or
 * one change; it picks the credential itself (the App's JWT, or an installation token
 * narrowed to one repository and the permissions that the verb needs), keeps GitHub's
 * limits and turns every answer into a typed structure or an error:
 *
 *	ERR_TRANSIENT  no connection, cut, 5xx, a rate limit; retry_after_s is set when
 *	               GitHub or our own limiter knows the time (reschedule, do not wait)
 *	ERR_DENIED     401, 403: key wrong, App suspended, permission missing
 *	ERR_NOT_FOUND  404, 410: gone, or not visible to this installation
 *	ERR_CONFLICT   409
 *	ERR_INPUT      400, 422: refused as malformed, with GitHub's own words
 *	ERR_LIMIT      an answer above LIMIT_GITHUB_ANSWER
 *	ERR_INTERNAL   an answer that is not what GitHub documents
 *
 * After ERR_TRANSIENT a change may have been made all the same (the answer was lost):
 * look before doing it again, with github_comment_find() and github_pull_find().
 * Reactions, labels and updates may simply be repeated.
 *
 * Changes for one installation are sent one at a time, in the order in which they came, with
 * a gap between them.  No verb waits longer than two seconds for a limit before it sends, nor
 * 15 seconds for the changes before it; then it is ERR_TRANSIENT with `limited` set.  All strings in are
 * copied or sent at once; texts pass through secret_redact() on their way out.  Strings
 * in results are valid UTF-8 without control characters other than \n and \t.  All
 * functions are thread-safe, but for github_free().
 */
#ifndef SERVICE_GITHUB_GITHUB_H
#define SERVICE_GITHUB_GITHUB_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the client ------------------------------------------------------------ */

struct github;

struct github_options {
	const char *api_url; /* NULL: https://api.github.com; GHES: https://HOST/api/v3 */
	int64_t app_id;
	const struct secret *private_key; /* PEM; or: */
	const char *private_key_file;
	const char *user_agent;  /* NULL: "boxwright" */
	const char *api_version; /* X-GitHub-Api-Version; NULL: 2022-11-28 */
	const char *ca_file; /* PEM bundle for a GHES of one's own; NULL: the system's */
	bool plain_http;     /* allow http://: tests and loopback only */

	bool no_app; /* only github_pull_create_as() is called: no id, no key */

	int timeout_s; /* longest call; 0: 60 */

	/* Limits of our own for each installation, below GitHub's 80 creations a minute
	 * and 500 an hour. */
	int64_t write_gap_ms;  /* least time between two changes; 0: no limits of our own
				* at all, only GitHub's word (tests, a GHES without limits) */
	int writes_per_minute; /* 0: 60 */
	int writes_per_hour;   /* 0: 400 */
	int64_t minute_ms; /* 0: a minute; tests shorten it, and with it the hour of 60 */
};

/* Reads the key and signs once with it, so a bad key is found here (ERR_INPUT).  Sends
 * nothing. */
int github_new(
	struct github **ret_gh, const struct github_options *options, struct err *err);
/* Nobody may be inside a verb any more. */
void github_free(struct github *gh);
DEFINE_CLEANUP(github, struct github *, github_free(*value))

/* Which repository, and through which installation.  Strings are borrowed for the call.
 */
struct github_repo {
	int64_t installation_id;
	int64_t id;
	const char *owner;
	const char *name;
};

#define GITHUB_LOGIN_SIZE 128
#define GITHUB_NAME_SIZE 256 /* of a repository or a branch */
#define GITHUB_URL_SIZE 1024
#define GITHUB_OID_SIZE 72

struct github_user {
	int64_t id;
	char login[GITHUB_LOGIN_SIZE];
	bool bot;
};

/* ---- the App itself -------------------------------------------------------- */

struct github_app {
	int64_t app_id;
	char slug[GITHUB_LOGIN_SIZE];
	struct github_user bot; /* "<slug>[bot]": whose events we drop, who our commits
				 * are by; id 0 is never given */
};

/* Asked once, then remembered.  The commit address of the bot is
 * "<bot.id>+<bot.login>@users.noreply.<host>". */
int github_app_self(struct github *gh, struct github_app *ret, struct cancel *cancel,
	struct err *err);

/* Appends what the App's settings at GitHub lack of what the service uses, for people:
 * "permission checks: write (...), event check_run (...)"; nothing when nothing is missing. */
int github_app_lacks(
	struct github *gh, struct strbuf *out, struct cancel *cancel, struct err *err);

/* The installation that may see owner/name; ERR_NOT_FOUND when the App is not installed
 * there. */
int github_installation_find(struct github *gh, const char *owner, const char *name,
	int64_t *ret_installation_id, struct cancel *cancel, struct err *err);

/* Whether a change that nobody would miss (an edit of a progress comment or of a running check)
 * is in order now: they share half of an hour's changes, evenly spread, and never go while
 * answers wait.  false: leave it out.  Ask once for each. */
bool github_may_edit(struct github *gh, const struct github_repo *repo);
/* Milliseconds until a change that only says something is in order for this installation; 0:
 * now.  A quarter of an hour's changes is kept for work. */
int64_t github_closed_ms(struct github *gh, const struct github_repo *repo);

/* ---- tokens ---------------------------------------------------------------- */

enum github_purpose {
	GITHUB_READ,    /* metadata, issues, pull requests: read */
	GITHUB_CLONE,   /* contents: read */
	GITHUB_COMMENT, /* issues, pull requests: write */
	GITHUB_CHECK,   /* checks: write */
	GITHUB_LOG,     /* actions: read */
	GITHUB_PULL,    /* pull requests: write, contents: read */
	GITHUB_PUBLISH, /* contents, pull requests: write; never shared, revoke it */
};

/* A token for git: user name "x-access-token", the token as password.  For this one
 * repository only, opaque, 40 bytes to some KiB.  Valid for at least five minutes;
 * GITHUB_PUBLISH is made anew each time, the others come from memory.  Release it. */
int github_token(struct github *gh, const struct github_repo *repo,
	enum github_purpose purpose, struct secret *ret_token, struct cancel *cancel,
	struct err *err);
/* Makes a GITHUB_PUBLISH token useless at once.  A token that is dead already is fine. */
int github_token_revoke(struct github *gh, const struct secret *token,
	struct cancel *cancel, struct err *err);
/* Forgets what is held for an installation (all tokens): it was removed, or a git server
 * refused a token. */
void github_token_forget(struct github *gh, int64_t installation_id);

/* ---- repositories and people ----------------------------------------------- */

struct github_repo_info {
	int64_t id;
	char owner[GITHUB_LOGIN_SIZE];
	char name[GITHUB_NAME_SIZE];
	char default_branch[GITHUB_NAME_SIZE];
	char clone_url[GITHUB_URL_SIZE]; /* https, without credentials */
	char html_url[GITHUB_URL_SIZE];
	bool private_;
	bool archived;
	bool fork;
	int64_t size_kib;
};

/* By repo->id when it is set (survives a rename), else by owner and name. */
int github_repo_get(struct github *gh, const struct github_repo *repo,
	struct github_repo_info *ret, struct cancel *cancel, struct err *err);

enum github_role {
	GITHUB_ROLE_NONE,
	GITHUB_ROLE_READ,
	GITHUB_ROLE_TRIAGE,
	GITHUB_ROLE_WRITE,
	GITHUB_ROLE_MAINTAIN,
	GITHUB_ROLE_ADMIN,
};
const char *github_role_name(enum github_role role);
bool github_role_parse(const char *name, enum github_role *ret);

/* What `login` may do in the repository now.  A person who is no collaborator, or does
 * not exist, is GITHUB_ROLE_NONE; a custom role counts as the base that GitHub tells.
 * `user_id` (0: any) must be the id of the answer, so that a login that changed hands is
 * ERR_DENIED. */
int github_role_get(struct github *gh, const struct github_repo *repo, const char *login,
	int64_t user_id, enum github_role *ret_role, struct cancel *cancel,
	struct err *err);
/* Whether `login` is a collaborator (or a member with access): GitHub calls all the world
 * readers of a public repository. */
int github_collaborator_is(struct github *gh, const struct github_repo *repo,
	const char *login, bool *ret, struct cancel *cancel, struct err *err);

/* ---- issues and comments --------------------------------------------------- */

struct github_issue {
	int64_t id;
	int64_t number;
	struct github_user author;
	bool open;
	bool pull_request; /* GitHub lists pull requests among the issues */
	bool locked;
	char *title;
	char *body; /* "" when there is none */
	char url[GITHUB_URL_SIZE];
};
void github_issue_release(struct github_issue *issue);
DEFINE_CLEANUP(github_issue, struct github_issue, github_issue_release(value))

int github_issue_get(struct github *gh, const struct github_repo *repo, int64_t number,
	struct github_issue *ret, struct cancel *cancel, struct err *err);

struct github_comment {
	int64_t id;
	struct github_user author;
	char *body;
	int64_t created_s;
	char url[GITHUB_URL_SIZE];
};
void github_comment_release(struct github_comment *comment);
DEFINE_CLEANUP(github_comment, struct github_comment, github_comment_release(value))

/* Comments on an issue or in the conversation of a pull request. */
/* `body` at most LIMIT_COMMENT bytes (github_text_cut()); ret may be NULL. */
int github_comment_create(struct github *gh, const struct github_repo *repo,
	int64_t number, const char *body, struct github_comment *ret,
	struct cancel *cancel, struct err *err);
int github_comment_update(struct github *gh, const struct github_repo *repo, int64_t id,
	const char *body, struct cancel *cancel, struct err *err);
int github_comment_delete(struct github *gh, const struct github_repo *repo, int64_t id,
	struct cancel *cancel, struct err *err); /* missing is fine */

/* Lists are read in pages of 100, at most so many. */
#define GITHUB_PAGES_MAX 30
/* Of the comments since `since_s` (Unix seconds, 0: all), the ids of those by `author_id`
 * whose text holds `marker` (github_marker()), oldest first, at most `max`; 0 found is a
 * success.  More than one means that an answer was
 * lost: keep the first, delete the others.  ERR_LIMIT: there are more comments than pages. */
int github_comment_find(struct github *gh, const struct github_repo *repo, int64_t number,
	int64_t since_s, int64_t author_id, const char *marker, int64_t *ret_ids,
	size_t max, size_t *ret_count, struct cancel *cancel, struct err *err);

/* content: "+1" "-1" "laugh" "confused" "heart" "hooray" "rocket" "eyes".  One that
 * exists already is fine. */
int github_issue_react(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *content, struct cancel *cancel, struct err *err);
int github_comment_react(struct github *gh, const struct github_repo *repo, int64_t id,
	const char *content, struct cancel *cancel, struct err *err);

/* Labels of an issue or pull request.  Those that are on it already are fine. */
int github_labels_add(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *const *labels, size_t count, struct cancel *cancel, struct err *err);

/* ---- pull requests --------------------------------------------------------- */

struct github_pull {
	int64_t id;
	int64_t number;
	bool open;
	bool merged;
	bool draft;
	struct github_user author;
	int64_t head_repo_id;        /* 0: the fork is gone */
	char title[GITHUB_URL_SIZE]; /* cut at a character */
	char head_ref[GITHUB_NAME_SIZE];
	char head_sha[GITHUB_OID_SIZE];
	char base_ref[GITHUB_NAME_SIZE];
	char url[GITHUB_URL_SIZE]; /* for people */
};

int github_pull_get(struct github *gh, const struct github_repo *repo, int64_t number,
	struct github_pull *ret, struct cancel *cancel, struct err *err);

/* The pull request whose head is `branch` of this very repository: the open one, else the
 * newest closed one; ERR_NOT_FOUND. */
int github_pull_find(struct github *gh, const struct github_repo *repo,
	const char *branch, struct github_pull *ret, struct cancel *cancel,
	struct err *err);

struct github_pull_new {
	const char *title;
	const char *body;
	const char *head; /* branch of the same repository */
	const char *base;
	bool draft;
};
/* One that is open for the same head and base already is found and given back, with
 * *ret_adopted true (may be NULL).  A private repository without drafts gets an ordinary
 * pull request. */
int github_pull_create(struct github *gh, const struct github_repo *repo,
	const struct github_pull_new *what, struct github_pull *ret, bool *ret_adopted,
	struct cancel *cancel, struct err *err);
/* With the token of a person or program instead of the App's: the same limits of texts and
 * the same errors, and none of the App's limits of speed.  what->base NULL: the repository's
 * default branch.  A head that GitHub does not have is ERR_NOT_FOUND, one that has an open
 * pull request already ERR_INPUT.  ERR_DENIED: the token is wrong, or may not. */
int github_pull_create_as(struct github *gh, const struct secret *token,
	const char *owner, const char *name, const struct github_pull_new *what,
	struct github_pull *ret, struct cancel *cancel, struct err *err);
/* NULL leaves a field as it is. */
int github_pull_update(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *title, const char *body, struct cancel *cancel, struct err *err);

/* Closed without merging; one that is closed is fine. */
int github_pull_close(struct github *gh, const struct github_repo *repo, int64_t number,
	struct cancel *cancel, struct err *err);
/* Whether it can be merged: asked at most once, GitHub may not know yet. */
enum github_mergeable {
	GITHUB_MERGEABLE_UNKNOWN,
	GITHUB_MERGEABLE_CLEAN,
	GITHUB_MERGEABLE_CONFLICT,
};
int github_pull_mergeable(struct github *gh, const struct github_repo *repo,
	int64_t number, enum github_mergeable *ret, struct cancel *cancel,
	struct err *err);

/* ---- reviews ------------------------------------------------------------------------ */

struct github_review_comment {
	int64_t id; /* of one that is read; 0 in a new one */
	char *path;
	int64_t line;  /* in the file after the change; 0: the whole file or outdated */
	int64_t start; /* first line of several; 0: one line */
	bool left;     /* the line is of the file before the change */
	char *body;
	char *hunk; /* of one that is read; "" */
	struct github_user author;
	int64_t in_reply_to;
};
void github_review_comment_release(struct github_review_comment *comment);
#define GITHUB_REVIEW_COMMENTS_MAX 100
struct github_review_comments {
	struct github_review_comment *rows;
	size_t count;
};
void github_review_comments_release(struct github_review_comments *list);
DEFINE_CLEANUP(github_review_comments, struct github_review_comments,
	github_review_comments_release(value))

/* A review with its inline comments in one call, on the commit `head`.  `event`: "COMMENT",
 * "REQUEST_CHANGES".  A place that is not in the pull request's diff makes GitHub refuse all
 * of it (ERR_INPUT): check the places first. */
int github_review_create(struct github *gh, const struct github_repo *repo,
	int64_t number, const char *head, const char *event, const char *body,
	const struct github_review_comments *comments, int64_t *ret_id,
	char ret_url[GITHUB_URL_SIZE], struct cancel *cancel, struct err *err);
/* The id of the review by `author_id` whose body holds `marker`; ERR_NOT_FOUND. */
int github_review_find(struct github *gh, const struct github_repo *repo, int64_t number,
	int64_t author_id, const char *marker, int64_t *ret_id, struct cancel *cancel,
	struct err *err);
/* The inline comments of one review, at most GITHUB_REVIEW_COMMENTS_MAX. */
int github_review_comments_get(struct github *gh, const struct github_repo *repo,
	int64_t number, int64_t review_id, struct github_review_comments *ret,
	struct cancel *cancel, struct err *err);
/* An answer in the thread of an inline comment, which must be the thread's first (its
 * in_reply_to, when it has one); ret_id may be NULL. */
int github_review_reply(struct github *gh, const struct github_repo *repo, int64_t number,
	int64_t comment_id, const char *body, int64_t *ret_id, struct cancel *cancel,
	struct err *err);
/* The id of the inline comment (a reply) by `author_id` whose body holds `marker`, among
 * the newest GITHUB_PAGES_MAX pages; ERR_NOT_FOUND. */
int github_review_reply_find(struct github *gh, const struct github_repo *repo,
	int64_t number, int64_t author_id, const char *marker, int64_t *ret_id,
	struct cancel *cancel, struct err *err);
/* Likewise github_comment_react() for inline comments. */
int github_review_comment_react(struct github *gh, const struct github_repo *repo,
	int64_t id, const char *content, struct cancel *cancel, struct err *err);
/* The unified diff of a pull request as GitHub shows it: the places of inline comments are
 * in it.  More than `max` bytes, or than GitHub shows: ERR_LIMIT. */
int github_pull_diff(struct github *gh, const struct github_repo *repo, int64_t number,
	size_t max, struct strbuf *out, struct cancel *cancel, struct err *err);

/* ---- checks ------------------------------------------------------------------------- *
 *
 * An installation that has not agreed to "checks" (or, for logs, to "actions") gives
 * ERR_DENIED: say so in the log once and go on without. */

#define GITHUB_BUTTONS_MAX 3 /* GitHub's */
struct github_button {
	const char *label;       /* at most 20 characters */
	const char *description; /* 40 */
	const char *identifier;  /* 20 */
};
#define GITHUB_ANNOTATIONS_MAX 50 /* GitHub's, of one call */
struct github_annotation {
	const char *path, *message, *title; /* title may be NULL */
	int64_t line, column;               /* column 0: none */
	bool failure;                       /* else a warning */
};
struct github_check_new {
	const char *name;        /* "Boxwright" */
	const char *head;        /* commit */
	const char *external_id; /* ours: finds it again */
	const char *status;      /* "queued", "in_progress", "completed" */
	const char *conclusion;  /* with completed: "success", "failure", "neutral",
				  * "cancelled", "action_required", "skipped" */
	const char *details_url; /* NULL: none */
	const char *title, *summary, *text; /* text NULL: none; cut to 65,535 */
	struct github_button buttons[GITHUB_BUTTONS_MAX];
	size_t nbuttons;
	const struct github_annotation *annotations;
	size_t nannotations;
};
int github_check_create(struct github *gh, const struct github_repo *repo,
	const struct github_check_new *what, int64_t *ret_id, struct cancel *cancel,
	struct err *err);
/* head and external_id are not sent. */
int github_check_update(struct github *gh, const struct github_repo *repo, int64_t id,
	const struct github_check_new *what, struct cancel *cancel, struct err *err);
/* Ours on that commit with that external_id; ERR_NOT_FOUND. */
int github_check_find(struct github *gh, const struct github_repo *repo, const char *head,
	const char *name, const char *external_id, int64_t *ret_id, struct cancel *cancel,
	struct err *err);

struct github_check {
	int64_t id;
	int64_t app_id;
	char name[GITHUB_NAME_SIZE];
	char conclusion[24]; /* "" while it runs */
	char url[GITHUB_URL_SIZE];
	bool actions; /* a job of GitHub Actions: github_job_log() has its log */
	char *output; /* title, summary and text of its output; "" */
};
struct github_checks {
	struct github_check *rows;
	size_t count;
};
void github_checks_release(struct github_checks *list);
DEFINE_CLEANUP(github_checks, struct github_checks, github_checks_release(value))
/* The newest of each name on a commit, at most 100, without our own App's. */
int github_checks_get(struct github *gh, const struct github_repo *repo, const char *head,
	struct github_checks *ret, struct cancel *cancel, struct err *err);
/* The failing annotations of a check as lines "path:line: message", at most `max` bytes. */
int github_check_annotations(struct github *gh, const struct github_repo *repo,
	int64_t id, size_t max, struct strbuf *out, struct cancel *cancel,
	struct err *err);
/* The last `max` bytes of the log of an Actions job (its id is the check's); the address that
 * GitHub names is fetched without our token.  ERR_NOT_FOUND when it is gone. */
int github_job_log(struct github *gh, const struct github_repo *repo, int64_t id,
	size_t max, struct strbuf *out, struct cancel *cancel, struct err *err);

/* ---- files and issues ---------------------------------------------------------------- */

/* One file of a branch, tag or commit (ref NULL: the default branch), by the API: for small
 * files where no mirror is wanted.  ret_commit (may be NULL) is not told by this call. */
int github_file_get(struct github *gh, const struct github_repo *repo, const char *path,
	const char *ref, size_t max, struct strbuf *out, struct cancel *cancel,
	struct err *err);
/* The commit of a branch. */
int github_branch_head(struct github *gh, const struct github_repo *repo,
	const char *branch, char ret_oid[GITHUB_OID_SIZE], struct cancel *cancel,
	struct err *err);
int github_issue_create(struct github *gh, const struct github_repo *repo,
	const char *title, const char *body, int64_t *ret_number, struct cancel *cancel,
	struct err *err);
/* NULL leaves a field; state "open" or "closed". */
int github_issue_update(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *title, const char *body, const char *state, struct cancel *cancel,
	struct err *err);
/* The number of the open or newest issue by `author_id` whose body holds `marker`;
 * ERR_NOT_FOUND. */
int github_issue_find(struct github *gh, const struct github_repo *repo,
	int64_t author_id, const char *marker, int64_t *ret_number, struct cancel *cancel,
	struct err *err);

/* Of an installation, in pages: at most `max` from page `page` (1) on. */
int github_installation_repos(struct github *gh, int64_t installation_id, int page,
	struct github_repo_info *ret, size_t max, size_t *ret_count,
	struct cancel *cancel, struct err *err);

/* ---- deliveries that did not arrive ---------------------------------------- */

struct github_delivery {
	int64_t id;
	char guid[64]; /* X-GitHub-Delivery; a redelivery keeps it */
	char event[64];
	int64_t delivered_s;
	int status_code; /* what we answered; 0: nothing arrived */
	bool ok;
	bool redelivery;
};

#define GITHUB_CURSOR_SIZE 256
/* One page (at most `max`, 100), newest first.  `cursor` is "" at first and is set to the
 * next page's, or "" at the end. */
int github_deliveries(struct github *gh, bool failed_only,
	char cursor[GITHUB_CURSOR_SIZE], struct github_delivery *ret, size_t max,
	size_t *ret_count, struct cancel *cancel, struct err *err);
int github_redeliver(
	struct github *gh, int64_t delivery_id, struct cancel *cancel, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Inside service/github: one REST call with all that GitHub asks of a client, and the
 * state that all calls share.  Verbs build a path, say who they speak as, and read JSON.
 */
#ifndef SERVICE_GITHUB_CALL_H
#define SERVICE_GITHUB_CALL_H

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/strbuf.h"
#include "boxcore/base/thread.h"
#include "service/github/github.h"

enum call_auth {
	CALL_ANYONE,       /* no credential */
	CALL_APP,          /* the App's JWT */
	CALL_INSTALLATION, /* a token of call.repo for call.purpose */
	CALL_TOKEN,        /* the one given */
};

struct call {
	const char *method;
	struct strbuf path; /* after the API's address, with the query; STRBUF_INIT */
	const json_t *body; /* borrowed; NULL: none */
	enum call_auth auth;
	enum github_purpose purpose;
	const struct github_repo *repo; /* whose limits count too; NULL: the App's */
	const struct secret
		*token; /* counts on call.repo's installation when it has one */

	/* An answer that is not JSON: what is asked for, and where the bytes are put (behind
	 * what is there); more than max is ERR_LIMIT.  A refusal is JSON all the same. */
	const char *accept; /* NULL: JSON */
	struct strbuf *raw;
	size_t raw_max;
	/* It is asked often: the answer is kept with its ETag.  For reads. */
	bool often;
	/* A redirect to elsewhere is a success: reply.location. */
	bool elsewhere;
};
DEFINE_CLEANUP(call, struct call, strbuf_release(&value->path))

#define CALL_PATH_MAX (8 * LIMIT_KIB)
#define CALL_INIT(method_, auth_)                                                        \
	{                                                                                \
		.method = (method_), .auth = (auth_), .path = STRBUF_INIT(CALL_PATH_MAX) \
	}

struct reply {
	int status;          /* 0 when none arrived */
	json_t *json;        /* NULL when the body is empty */
	char next[2048];     /* path of the next page, "" at the end */
	int64_t date_s;      /* GitHub's clock; 0: not told */
	char location[4096]; /* with call.elsewhere: printable ASCII */
	struct {
		bool duplicate; /* 422: it exists already */
		bool no_drafts; /* 422: a draft is not possible here */
		bool no_grant;  /* 422: permissions that the installation lacks */
	} refused;
};
void reply_release(struct reply *reply);
DEFINE_CLEANUP(reply, struct reply, reply_release(value))

/* Sends, waits, retries once with a fresh credential after a 401, follows the redirect of
 * a renamed repository inside the same API.  0 for 2xx.  *reply must be zeroed; it is
 * filled as far as an answer came, also with -1. */
int call_send(struct github *gh, const struct call *call, struct reply *reply,
	struct cancel *cancel, struct err *err);

/* Path pieces.  Everything from outside goes in by call_path_text(), which encodes. */
void call_path(struct call *call, const char *literal);
void call_path_text(struct call *call, const char *text);
void call_path_number(struct call *call, int64_t number);
/* "/repos/OWNER/NAME"; ERR_INPUT for names that GitHub cannot have. */
int call_path_repo(struct call *call, const struct github_repo *repo, struct err *err);

/* Reacts to what call->path names; "/reactions" is put behind it. */
int call_react(struct github *gh, struct call *call, const char *content,
	struct cancel *cancel, struct err *err);

/* An installation token from memory or anew. */
int token_take(struct github *gh, const struct github_repo *repo,
	enum github_purpose purpose, struct secret *ret_token, struct cancel *cancel,
	struct err *err);
/* One for all repositories of an installation that may read what they are called; never
 * kept.  Release it. */
int token_wide(struct github *gh, int64_t installation_id, struct secret *ret_token,
	struct cancel *cancel, struct err *err);
/* Forgets one that GitHub refused. */
void token_drop(struct github *gh, const struct github_repo *repo,
	enum github_purpose purpose, const struct secret *token);

/* ---- shared state ---------------------------------------------------------- */

enum { CLIENTS_MAX = 10, TOKENS_MAX = 128 };

struct pool;
struct token_cache;
struct limiter;
struct etags;

struct github {
	/* fixed after github_new() */
	char *api_url; /* without a slash at the end */
	char *user_agent;
	char *api_version;
	int64_t app_id;
	int64_t timeout_ms;
	bool plain_http;
	struct secret key;
	struct pool *pool;
	struct limiter *limiter;
	struct token_cache *tokens;
	struct etags *etags;

	struct lock lock; /* of what follows */
	int64_t skew_s;   /* GitHub's clock less ours */
	struct github_app app;
};

/* GitHub's clock as seen by the last answer. */
int64_t github_now_s(struct github *gh);
void github_learn_date(struct github *gh, int64_t date_s);

#endif

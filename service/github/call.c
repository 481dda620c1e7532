/* SPDX-License-Identifier: MIT */
/* One REST call: credential, limits, exchange, answer. */
#define LOG_MODULE "github"
#include "service/github/call.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/app_jwt.h"
#include "service/github/etag.h"
#include "service/github/limiter.h"
#include "service/github/parse.h"
#include "service/github/pool.h"
#include "service/github/refuse.h"

#include <string.h>

enum {
	WAIT_MAX_MS = 2000,   /* more than this and the caller is told to come again */
	QUEUE_MAX_MS = 15000, /* the same when only other calls go first */
	LOOK_MS = 100,
	REDIRECTS_MAX = 3,
};

/* ---- paths ----------------------------------------------------------------- */

void call_path(struct call *call, const char *literal)
{
	strbuf_adds(&call->path, literal);
}

void call_path_text(struct call *call, const char *text)
{
	str_url_encode(&call->path, text, false);
}

void call_path_number(struct call *call, int64_t number)
{
	strbuf_addf(&call->path, "%lld", (long long)number);
}

/* "." and ".." survive the encoding and would climb in the path. */
static bool is_name(const char *name)
{
	return !str_empty(name) && !str_eq(name, ".") && !str_eq(name, "..") &&
	       strlen(name) < GITHUB_NAME_SIZE;
}

int call_path_repo(struct call *call, const struct github_repo *repo, struct err *err)
{
	if (!is_name(repo->owner) || !is_name(repo->name))
		return err_set(err, ERR_INPUT,
			"a repository needs an owner and a name to be asked for");
	call->repo = repo;
	call_path(call, "/repos/");
	call_path_text(call, repo->owner);
	call_path(call, "/");
	call_path_text(call, repo->name);
	return 0;
}

void reply_release(struct reply *reply)
{
	json_decref(reply->json);
	*reply = (struct reply){0};
}

/* ---- limits ---------------------------------------------------------------- */

/* Whose account a call stands on: an installation's, the App's, or nobody's. */
static int64_t account_of(const struct call *call)
{
	if (call->auth == CALL_INSTALLATION)
		return call->repo->installation_id;
	if (call->auth == CALL_TOKEN && call->repo && call->repo->installation_id > 0)
		return call->repo->installation_id;
	return call->auth == CALL_APP ? 0 : -1;
}

/* Our own limits, or GitHub's word: nothing was sent, and it is no failure. */
static int put_off(int64_t wait_ms, struct err *err)
{
	err_set(err, ERR_TRANSIENT, "GitHub's limits are used up for %lld s",
		(long long)((wait_ms + 999) / 1000));
	err->retry_after_s = (int)((wait_ms + 999) / 1000);
	err->limited = true;
	return -1;
}

static int wait_turn(struct github *gh, const struct call *call,
	struct limiter_turn *turn, struct cancel *cancel, struct err *err)
{
	int64_t start = clock_mono_ms();

	/* A token must die even while GitHub wants to hear nothing from us. */
	if (call->auth == CALL_TOKEN && account_of(call) <= 0)
		return 0;
	turn->change = account_of(call) > 0 && !str_eq(call->method, "GET");
	for (;;) {
		int64_t now = clock_mono_ms();
		int64_t wait = limiter_wait(gh->limiter, account_of(call), turn, now);

		if (wait == 0)
			return 0;
		if (now + wait > start + (turn->queued ? QUEUE_MAX_MS : WAIT_MAX_MS))
			return put_off(wait, err);
		/* The one before may give up: look from time to time. */
		if (cancel_sleep(cancel, wait < LOOK_MS ? wait : LOOK_MS, err) < 0)
			return -1;
	}
}

/* ---- one exchange ---------------------------------------------------------- */

static int credential(struct github *gh, const struct call *call, struct secret *ret,
	struct cancel *cancel, struct err *err)
{
	switch (call->auth) {
	case CALL_APP:
		return app_jwt_make(ret, gh->app_id, &gh->key, github_now_s(gh), err);
	case CALL_INSTALLATION:
		return token_take(gh, call->repo, call->purpose, ret, cancel, err);
	case CALL_TOKEN: secret_copy(ret, call->token); return 0;
	case CALL_ANYONE: break;
	}
	return 0;
}

/* A refusal must fit too, however little is asked for. */
static size_t room(size_t max)
{
	return max > LIMIT_HTTP_REFUSAL ? max : LIMIT_HTTP_REFUSAL;
}

static int exchange(struct github *gh, const struct call *call, const char *url,
	const struct secret *secret, const char *etag, struct http_answer *answer,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_GITHUB_ANSWER);
	struct http_header headers[6] = {
		{.name = "Accept",
			.value = call->accept ? call->accept
					      : "application/vnd.github+json"},
		{.name = "User-Agent", .value = gh->user_agent},
		{.name = "X-GitHub-Api-Version", .value = gh->api_version},
	};
	size_t nheaders = 3;

	if (secret_is_set(secret))
		headers[nheaders++] = (struct http_header){
			.name = "Authorization", .value = "Bearer ", .secret = secret};
	if (etag[0] != '\0')
		headers[nheaders++] =
			(struct http_header){.name = "If-None-Match", .value = etag};
	if (call->body) {
		if (json_print(&body, call->body, err) < 0)
			return -1;
		headers[nheaders++] = (struct http_header){
			.name = "Content-Type", .value = "application/json"};
	}
	struct http_request request = {.method = call->method,
		.url = url,
		.headers = headers,
		.nheaders = nheaders,
		.body = call->body ? strbuf_str(&body) : NULL,
		.body_len = body.len,
		.max_body = call->raw ? room(call->raw_max) : LIMIT_GITHUB_ANSWER,
		.silence_ms = gh->timeout_ms,
		.total_ms = gh->timeout_ms};
	struct http_client *client = pool_take(gh->pool, cancel, err);
	if (!client)
		return -1;
	int64_t start = clock_mono_ms();
	int rc = http_perform(client, &request, answer, cancel, err);
	pool_give(gh->pool, client);
	log_debug("call method=%s path=%s status=%d ms=%lld", call->method,
		strbuf_str(&call->path), answer->status,
		(long long)(clock_mono_ms() - start));
	return rc;
}

/* `link: <URL>; rel="next"`: what stands behind our own API's address in URL. */
static void next_page(
	const struct github *gh, const struct http_answer *answer, char *ret, size_t size)
{
	char link[4096];
	size_t base = strlen(gh->api_url);

	if (!http_answer_header(answer, "link", link, sizeof link))
		return;
	char *rest = link;
	for (char *part; (part = strsep(&rest, ",")) != NULL;) {
		char *open = strchr(part, '<');
		char *close = open ? strchr(open, '>') : NULL;

		if (!close || !strstr(close, "rel=\"next\""))
			continue;
		*close = '\0';
		if (strncmp(open + 1, gh->api_url, base) == 0 && open[1 + base] == '/' &&
			!str_copy(ret, size, open + 1 + base))
			ret[0] = '\0';
		return;
	}
}

/* Where an answer sends us: copied when it is a redirect to an address of plain bytes. */
static bool location_of(const struct http_answer *answer, struct reply *reply)
{
	if (answer->status != 301 && answer->status != 302 && answer->status != 307 &&
		answer->status != 308)
		return false;
	if (!http_answer_header(
		    answer, "location", reply->location, sizeof reply->location))
		return false;
	for (const char *c = reply->location; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

static int take_raw(
	const struct call *call, const struct http_answer *answer, struct err *err)
{
	if (answer->body.len > call->raw_max)
		return err_set(err, ERR_LIMIT,
			"GitHub's answer has %zu bytes, at most %zu are taken",
			answer->body.len, call->raw_max);
	if (answer->body.len > 0)
		strbuf_add(call->raw, answer->body.data, answer->body.len);
	return strbuf_check(call->raw, "GitHub's answer", err);
}

/* The page of an answer as JSON; a body that is none leaves NULL. */
static int take_answer(struct github *gh, const struct call *call,
	const struct http_answer *answer, struct reply *reply, struct err *err)
{
	char text[64];
	struct err parse = {0};

	reply->status = answer->status;
	if (http_answer_header(answer, "date", text, sizeof text)) {
		reply->date_s = parse_http_date(text);
		github_learn_date(gh, reply->date_s);
	}
	bool good = answer->status >= 200 && answer->status < 300;
	bool raw = good && call->raw;
	if (answer->body.len > 0 && !raw)
		reply->json = json_parse(answer->body.data, answer->body.len, &parse);
	int64_t now_s = reply->date_s ? reply->date_s : github_now_s(gh);
	int wait = refuse_wait_s(answer, now_s);
	if (call->elsewhere && location_of(answer, reply))
		return 0;
	if (good) {
		if (wait > 0)
			limiter_block(gh->limiter, account_of(call), (int64_t)wait * 1000,
				clock_mono_ms());
		next_page(gh, answer, reply->next, sizeof reply->next);
		if (raw)
			return take_raw(call, answer, err);
		if (answer->body.len > 0 && !reply->json)
			return err_set(err, ERR_TRANSIENT,
				"GitHub's answer is no JSON: %s", parse.text);
		return 0;
	}
	refuse_error(answer, reply, now_s, err);
	if (err->kind == ERR_TRANSIENT && err->retry_after_s > 0)
		limiter_block(gh->limiter, account_of(call),
			(int64_t)err->retry_after_s * 1000, clock_mono_ms());
	return -1;
}

/* Where a 3xx leads, when that is inside the same API; else false. */
static bool redirect(const struct github *gh, const struct http_answer *answer,
	struct reply *reply, struct strbuf *url)
{
	size_t base = strlen(gh->api_url);

	if (!location_of(answer, reply) ||
		strncmp(reply->location, gh->api_url, base) != 0 ||
		reply->location[base] != '/')
		return false;
	strbuf_reset(url);
	strbuf_adds(url, reply->location);
	return true;
}

/* What GitHub says has not changed is the answer; what it told anew is kept. */
static void recall(struct github *gh, const struct call *call, const char *kept,
	size_t kept_len, struct http_answer *answer)
{
	char name[ETAG_SIZE];

	if (answer->status == 304 && kept) {
		answer->status = 200;
		strbuf_release(&answer->body);
		answer->body = (struct strbuf)STRBUF_INIT(LIMIT_GITHUB_ANSWER);
		strbuf_add(&answer->body, kept, kept_len);
	} else if (answer->status == 200 &&
		   http_answer_header(answer, "etag", name, sizeof name)) {
		etags_keep(gh->etags, account_of(call), strbuf_str(&call->path), name,
			strbuf_str(&answer->body), answer->body.len);
	}
}

static int send_once(struct github *gh, const struct call *call,
	const struct secret *secret, struct reply *reply, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf url = STRBUF_INIT(CALL_PATH_MAX + GITHUB_URL_SIZE);
	CLEANUP(mem) char *kept = NULL;
	char name[ETAG_SIZE] = "";
	size_t kept_len = 0;

	if (call->often)
		kept = etags_get(gh->etags, account_of(call), strbuf_str(&call->path),
			name, &kept_len);
	strbuf_adds(&url, gh->api_url);
	strbuf_add(&url, strbuf_str(&call->path), call->path.len);
	for (int hop = 0;; hop++) {
		CLEANUP(http_answer) struct http_answer answer = {0};

		if (exchange(gh, call, strbuf_str(&url), secret, name, &answer, cancel,
			    err) < 0)
			return -1;
		if (hop < REDIRECTS_MAX && redirect(gh, &answer, reply, &url))
			continue;
		if (call->often)
			recall(gh, call, kept, kept_len, &answer);
		return take_answer(gh, call, &answer, reply, err);
	}
}

/* One try of a call: `turn` is given back at the end, whatever happens. */
static int try_once(struct github *gh, const struct call *call, struct secret *ret_secret,
	struct reply *reply, struct cancel *cancel, struct err *err)
{
	struct limiter_turn turn = {0};
	int rc = -1;

	/* The token first: while it is fetched, no other change need wait. */
	if (cancel_check(cancel, err) == 0 &&
		credential(gh, call, ret_secret, cancel, err) == 0 &&
		wait_turn(gh, call, &turn, cancel, err) == 0)
		rc = send_once(gh, call, ret_secret, reply, cancel, err);
	limiter_done(gh->limiter, account_of(call), &turn, clock_mono_ms());
	return rc;
}

int call_send(struct github *gh, const struct call *call, struct reply *reply,
	struct cancel *cancel, struct err *err)
{
	if (strbuf_check(&call->path, "the path of a call to GitHub", err) < 0)
		return -1;
	for (int try = 0;; try++) {
		CLEANUP(secret) struct secret secret = {0};
		bool renewable =
			call->auth == CALL_APP || call->auth == CALL_INSTALLATION;

		if (try_once(gh, call, &secret, reply, cancel, err) == 0)
			return 0;
		if (reply->status != 401 || try > 0 || !renewable)
			return -1;
		/* Once more: the token may have died early, or our clock is wrong, which
		 * the date of this very answer has just told. */
		if (call->auth == CALL_INSTALLATION)
			token_drop(gh, call->repo, call->purpose, &secret);
		reply_release(reply);
	}
}

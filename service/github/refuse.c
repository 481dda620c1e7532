/* SPDX-License-Identifier: MIT */
/* From a refusal to an error: kind, time to wait, and words. */
#include "service/github/refuse.h"

#include "boxcore/base/str.h"

#include <string.h>
#include <strings.h>

enum {
	WORDS_MAX = 300,       /* of GitHub's message in an error */
	WAIT_MAX_S = 6 * 3600, /* GitHub's windows are an hour; more is a mistake */
	WAIT_SECONDARY_S = 60, /* GitHub's advice when no time is told */
	ERRORS_MAX = 5,        /* of the errors behind a 422 that are repeated */
};

static bool number_header(
	const struct http_answer *answer, const char *name, int64_t max, int64_t *ret)
{
	char text[32];

	return http_answer_header(answer, name, text, sizeof text) &&
	       str_to_i64(text, 0, max, ret);
}

int refuse_wait_s(const struct http_answer *answer, int64_t now_s)
{
	int64_t wait = 0;
	int64_t left = 0;
	int64_t reset = 0;

	if (answer->status >= 400 &&
		number_header(answer, "retry-after", INT32_MAX, &wait) && wait > 0)
		return (int)(wait < WAIT_MAX_S ? wait : WAIT_MAX_S);
	if (!number_header(answer, "x-ratelimit-remaining", INT32_MAX, &left) || left > 0)
		return 0;
	/* One second more: the reset is a whole second of another clock. */
	if (!number_header(answer, "x-ratelimit-reset", INT64_MAX / 2, &reset))
		return WAIT_SECONDARY_S;
	wait = reset - now_s + 1;
	if (wait < 1)
		wait = 1;
	return (int)(wait < WAIT_MAX_S ? wait : WAIT_MAX_S);
}

static void add_error(struct strbuf *words, const json_t *error)
{
	const char *text = json_is_string(error) ? json_string_value(error)
						 : json_or_string(error, "message", NULL);

	strbuf_adds(words, "; ");
	if (text) {
		strbuf_adds(words, text);
		return;
	}
	strbuf_addf(words, "%s %s: %s", json_or_string(error, "resource", ""),
		json_or_string(error, "field", ""), json_or_string(error, "code", ""));
}

/* GitHub's words: clean, without our secrets, at most WORDS_MAX bytes. */
static void words_of(const json_t *json, struct strbuf *ret)
{
	CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT(LIMIT_GITHUB_ANSWER);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	const json_t *errors = json_at(json, "errors");

	strbuf_adds(&raw, json_or_string(json, "message", ""));
	for (size_t i = 0; i < json_array_size(errors) && i < ERRORS_MAX; i++)
		add_error(&raw, json_array_get(errors, i));
	str_clean_utf8(&clean, strbuf_str(&raw), raw.len, false);
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '\n' || clean.data[i] == '\t')
			clean.data[i] = ' ';
	secret_redact(ret, strbuf_str(&clean), clean.len);
	if (ret->len > WORDS_MAX) {
		ret->len = str_utf8_cut(ret->data, WORDS_MAX);
		ret->data[ret->len] = '\0';
	}
}

/* jansson's strings may hold NUL; what is searched for does not. */
static bool says(const struct strbuf *words, const char *what)
{
	return strcasestr(strbuf_str(words), what) != NULL;
}

static enum err_kind kind_of(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 451: return ERR_DENIED;
	case 404:
	case 410: return ERR_NOT_FOUND;
	case 408:
	case 429: return ERR_TRANSIENT;
	case 409: return ERR_CONFLICT;
	case 406: return ERR_LIMIT; /* a diff that GitHub does not show */
	case 400:
	case 413:
	case 422: return ERR_INPUT;
	default: return status >= 500 ? ERR_TRANSIENT : ERR_INTERNAL;
	}
}

int refuse_error(const struct http_answer *answer, struct reply *reply, int64_t now_s,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	int status = answer->status;
	int wait = refuse_wait_s(answer, now_s);
	enum err_kind kind = kind_of(status);

	words_of(reply->json, &words);
	bool limited = status == 429 ||
		       (status == 403 && (wait > 0 || says(&words, "rate limit") ||
						 says(&words, "abuse detection")));
	if (limited) {
		err_set(err, ERR_TRANSIENT, "GitHub's rate limit: %s",
			words.len ? words.data : "no words");
		err->retry_after_s = wait > 0 ? wait : WAIT_SECONDARY_S;
		err->limited = true;
		return -1;
	}
	if (status == 422) {
		reply->refused.duplicate = says(&words, "already exists");
		reply->refused.no_drafts = says(&words, "draft");
		reply->refused.no_grant = says(&words, "permission");
	}
	err_set(err, kind, "GitHub answered %d%s%s", status, words.len ? ": " : "",
		strbuf_str(&words));
	if (kind == ERR_TRANSIENT)
		err->retry_after_s = wait;
	return -1;
}

/* SPDX-License-Identifier: MIT */
/* Answers to a box: errors in the providers' shapes, and the headers that may pass. */
#include "service/relay/impl.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <string.h>

const char *reply_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {{200, "OK"}, {400, "Bad Request"}, {401, "Unauthorized"},
		{402, "Payment Required"}, {403, "Forbidden"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {408, "Request Timeout"},
		{413, "Content Too Large"}, {417, "Expectation Failed"},
		{426, "Upgrade Required"}, {429, "Too Many Requests"},
		{500, "Internal Server Error"}, {502, "Bad Gateway"},
		{503, "Service Unavailable"}, {504, "Gateway Timeout"}};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Answer";
}

/* The words that the providers' own programs know. */
static const char *anthropic_type(int status)
{
	switch (status) {
	case 401: return "authentication_error";
	case 402: return "billing_error";
	case 403: return "permission_error";
	case 404: return "not_found_error";
	case 413: return "request_too_large";
	case 429: return "rate_limit_error";
	case 503: return "overloaded_error";
	default: return status >= 500 ? "api_error" : "invalid_request_error";
	}
}

static const char *openai_code(int status)
{
	switch (status) {
	case 401:
	case 403: return "invalid_api_key";
	case 402: return "insufficient_quota"; /* the one that is not tried again */
	case 404: return "not_found";
	case 429: return "rate_limit_exceeded";
	default: return status >= 500 ? "server_error" : "invalid_request_error";
	}
}

static json_t *error_json(enum relay_provider_id provider, int status, const char *text)
{
	json_t *json = json_object();
	json_t *error = json_object();

	json_put(error, "message", json_str(text));
	if (provider == RELAY_ANTHROPIC) {
		json_put(json, "type", json_str("error"));
		json_put(error, "type", json_str(anthropic_type(status)));
	} else {
		json_put(error, "type", json_str(openai_code(status)));
		json_put(error, "code", json_str(openai_code(status)));
		json_put(error, "param", json_null());
	}
	json_put(json, "error", error);
	return json;
}

int conn_refuse(struct conn *conn, const struct call *call, int status, const char *text)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_RELAY_ERROR);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(8 * LIMIT_RELAY_ERROR);
	CLEANUP(strbuf) struct strbuf all = STRBUF_INIT(16 * LIMIT_RELAY_ERROR);
	struct err err = {0};

	secret_redact(&clean, text, strlen(text));
	CLEANUP(json)
	json_t *json = error_json(call->provider, status, strbuf_str(&clean));
	if (json_print(&body, json, &err) < 0)
		return -1;
	strbuf_addf(&all,
		"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n"
		"content-length: %zu\r\n%s%s\r\n",
		status, reply_reason(status), body.len,
		/* What will not change must not be tried again. */
		status < 500 && status != 429 && status != 408
			? "x-should-retry: false\r\n"
			: "",
		call->keep ? "" : "connection: close\r\n");
	if (!call->head.method.n || !slice_eq(call->head.method, "HEAD"))
		strbuf_add(&all, body.data, body.len);
	return conn_write(conn, strbuf_str(&all), all.len, &err);
}

static bool may_pass(const char *name)
{
	static const char *const whole[] = {"content-type", "retry-after",
		"retry-after-ms", "request-id", "x-request-id", "x-should-retry",
		"openai-processing-ms", "openai-version", "openai-model",
		"cache-control"};
	static const char *const prefixes[] = {"anthropic-ratelimit-", "x-ratelimit-"};

	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		if (str_eq(name, whole[i]))
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (str_starts(name, prefixes[i]))
			return true;
	}
	return false;
}

void reply_pass_header(struct strbuf *out, const char *name, const char *value)
{
	if (!may_pass(name))
		return;
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t')
			return;
	}
	strbuf_addf(out, "%s: ", name);
	secret_redact(out, value, strlen(value));
	strbuf_adds(out, "\r\n");
}

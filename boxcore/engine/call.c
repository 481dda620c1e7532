/* SPDX-License-Identifier: MIT */
/* One exchange with the engine over a client from the pool, and what a refusal means. */
#include "boxcore/engine/engine-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>
#include <time.h>

void engine_path_add(struct strbuf *path, const char *name)
{
	strbuf_addc(path, '/');
	str_url_encode(path, name, false);
}

void engine_path_query(struct strbuf *path, const char *key, const char *value)
{
	strbuf_addc(path, strchr(strbuf_str(path), '?') ? '&' : '?');
	strbuf_addf(path, "%s=", key);
	str_url_encode(path, value, false);
}

int engine_path_filter(
	struct strbuf *path, const char *const *labels, bool dangling, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(8 * LIMIT_KIB);
	CLEANUP(json) json_t *filter = json_object();
	json_t *list = json_array(), *yes = NULL;

	for (; labels && *labels; labels++)
		json_array_append_new(list, json_str(*labels));
	json_put(filter, "label", list);
	if (dangling) {
		yes = json_array();
		json_array_append_new(yes, json_str("true"));
		json_put(filter, "dangling", yes);
	}
	if (json_print(&text, filter, err) < 0)
		return -1;
	engine_path_query(path, "filters", strbuf_str(&text));
	return 0;
}

int64_t engine_time(const char *text)
{
	struct tm tm = {0};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	return end ? (int64_t)timegm(&tm) : 0;
}

/* ---- the pool -------------------------------------------------------------------------- */

static struct http_client *take_client(struct engine *engine)
{
	LOCKED(&engine->lock);
	if (engine->idle_count > 0)
		return engine->idle[--engine->idle_count];
	return http_client_new(&engine->peer);
}

static void give_client(struct engine *engine, struct http_client *client)
{
	lock_take(&engine->lock);
	if (engine->idle_count < ENGINE_CLIENTS)
		engine->idle[engine->idle_count++] = TAKE(client);
	lock_give(&engine->lock);
	http_client_free(client);
}

/* ---- refusals -------------------------------------------------------------------------- */

/* Causes that come as a plain 500 or a misleading 404; only these are told by their words,
 * which have stayed the same from 20.10 to 29. */
static const struct {
	const char *words;
	enum err_kind kind;
	const char *advice;
} causes[] = {
	{"max depth exceeded", ERR_LIMIT,
		"; an image can have 125 layers: prepare the snapshot anew from its base "
		"image"},
	{"non-overlapping IPv4 address pool", ERR_LIMIT,
		"; remove networks that are not used or add default-address-pools to the "
		"engine's daemon.json"},
	{"no space left on device", ERR_LIMIT,
		"; the engine's disk is full: delete boxes and images or enlarge it"},
	{"storage-opt is supported only for", ERR_INPUT,
		"; this engine cannot limit the disk of a box"},
};

static enum err_kind kind_of_status(int status)
{
	switch (status) {
	case 400: return ERR_INPUT;
	case 401:
	case 403: return ERR_DENIED;
	case 404: return ERR_NOT_FOUND;
	case 409: return ERR_CONFLICT;
	case 413: return ERR_LIMIT;
	default: return status >= 500 ? ERR_TRANSIENT : ERR_INPUT;
	}
}

static int refuse(const char *what, enum err_kind kind, int status, const char *text,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(4 * LIMIT_KIB);
	const char *advice = "";
	size_t len = strnlen(text, LIMIT_ENGINE_MESSAGE);

	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		if (strstr(text, causes[i].words)) {
			kind = causes[i].kind;
			advice = causes[i].advice;
		}
	}
	str_clean_utf8(&clean, text, str_utf8_cut(text, len), false);
	if (status)
		return err_set(err, kind, "%s: the engine answers %d: %s%s", what, status,
			strbuf_str(&clean), advice);
	return err_set(err, kind, "%s: %s%s", what, strbuf_str(&clean), advice);
}

int engine_refused(
	const struct engine_call *call, const struct http_answer *answer, struct err *err)
{
	struct err ignored = {0};
	CLEANUP(json) json_t *body = NULL;
	const char *text = strbuf_str(&answer->body);

	if (answer->body.len > 0)
		body = json_parse(answer->body.data, answer->body.len, &ignored);
	return refuse(call->what, kind_of_status(answer->status), answer->status,
		json_or_string(body, "message", text), err);
}

int engine_refused_text(const char *what, const char *text, struct err *err)
{
	bool missing = strstr(text, "not found") || strstr(text, "does not exist") ||
		       strstr(text, "manifest unknown");

	return refuse(what, missing ? ERR_NOT_FOUND : ERR_TRANSIENT, 0, text, err);
}

/* ---- exchanges ------------------------------------------------------------------------- */

static void set_bounds(struct http_request *request, const struct engine_call *call)
{
	request->max_body = call->max ? call->max : LIMIT_ENGINE_ANSWER;
	request->total_ms = call->total_ms ? call->total_ms : LIMIT_ENGINE_CALL_MS;
	if (request->total_ms < 0)
		request->total_ms = 0;
	request->silence_ms = call->silence_ms;
	if (request->silence_ms == 0)
		request->silence_ms = request->total_ms ? request->total_ms : -1;
}

int engine_exchange(struct engine *engine, const struct engine_call *call,
	struct http_answer *ret_answer, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf url = STRBUF_INIT(16 * LIMIT_KIB);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_ENGINE_ANSWER);
	const char *type = call->type ? call->type : "application/x-tar";
	struct http_header header = {
		.name = "Content-Type", .value = call->body ? "application/json" : type};
	struct http_request request = {.method = call->method,
		.sink = call->sink,
		.sink_arg = call->sink_arg,
		.source = call->source,
		.source_arg = call->source_arg,
		.body = call->bytes,
		.body_len = call->bytes_len};

	strbuf_addf(&url, "%s%s%s", engine->base, engine->prefix, strbuf_str(call->path));
	if (strbuf_failed(call->path) || strbuf_failed(&url))
		return err_set(err, ERR_LIMIT, "%s: the name is too long", call->what);
	if (call->body) {
		if (json_print(&body, call->body, err) < 0)
			return err_wrap(err, "%s", call->what);
		request.body = strbuf_str(&body);
		request.body_len = body.len;
	}
	request.url = strbuf_str(&url);
	request.headers = &header;
	request.nheaders = request.body || request.source ? 1 : 0;
	set_bounds(&request, call);
	struct http_client *client = take_client(engine);
	int rc = http_perform(client, &request, ret_answer, cancel, err);
	give_client(engine, client);
	return rc < 0 ? err_wrap(err, "%s", call->what) : 0;
}

int engine_call(struct engine *engine, const struct engine_call *call, json_t **ret_json,
	int *ret_status, struct cancel *cancel, struct err *err)
{
	CLEANUP(http_answer) struct http_answer answer = {0};

	if (engine_exchange(engine, call, &answer, cancel, err) < 0)
		return -1;
	if (ret_status)
		*ret_status = answer.status;
	/* 304 is "already so"; another redirection means a name that is none. */
	if (answer.status >= 300 && answer.status != 304)
		return engine_refused(call, &answer, err);
	if (!ret_json)
		return 0;
	json_t *json = json_parse(strbuf_str(&answer.body), answer.body.len, err);
	if (!json) {
		err_wrap(err, "%s: the engine's answer", call->what);
		err->kind = ERR_INTERNAL;
		return -1;
	}
	*ret_json = json;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Calls to a running service: JSON in, JSON out, its own words for what went wrong. */
#include "service/cli/api.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"
#include "service/cli/terminal.h"

#include <stdlib.h>
#include <string.h>

#define API_DEFAULT "http://127.0.0.1:7331"

struct api {
	char *base;
	struct secret key;
	struct http_client *client;
};

struct api *api_open(struct err *err)
{
	const char *base = getenv("BOXWRIGHT_API");
	const char *key = getenv("BOXWRIGHT_API_KEY");

	if (str_empty(base))
		base = API_DEFAULT;
	if (!str_starts(base, "http://") && !str_starts(base, "https://")) {
		err_set(err, ERR_INPUT,
			"$BOXWRIGHT_API is \"%s\"; it has to be a URL like %s", base,
			API_DEFAULT);
		return NULL;
	}
	struct api *api = mem_zalloc(sizeof *api);
	api->base = mem_strdup(base);
	size_t len = strlen(api->base);
	if (len > 0 && api->base[len - 1] == '/')
		api->base[len - 1] = '\0';
	if (!str_empty(key))
		secret_set(&api->key, key, strlen(key));
	api->client = http_client_new(&(struct http_peer){.plain_http = true});
	return api;
}

void api_close(struct api *api)
{
	if (!api)
		return;
	http_client_free(api->client);
	secret_release(&api->key);
	free(api->base);
	free(api);
}

void api_segment(struct strbuf *path, const char *segment)
{
	str_url_encode(path, segment, false);
}

static size_t headers_of(struct api *api, struct http_header *headers, const char *accept,
	const char *content_type)
{
	size_t n = 0;

	headers[n++] = (struct http_header){.name = "Accept", .value = accept};
	headers[n++] =
		(struct http_header){.name = "Content-Type", .value = content_type};
	if (secret_is_set(&api->key))
		headers[n++] = (struct http_header){
			.name = "X-Box-Api-Key", .secret = &api->key};
	return n;
}

static size_t common_headers(
	struct api *api, struct http_header *headers, const char *accept)
{
	return headers_of(api, headers, accept, "application/json");
}

static int explain_no_answer(struct api *api, struct err *err)
{
	err_wrap(err, "no answer from a service at %s", api->base);
	size_t used = strlen(err->text);
	str_copy(err->text + used, sizeof err->text - used,
		"; start one with `boxwright serve` or set $BOXWRIGHT_API");
	return -1;
}

static enum err_kind kind_of_status(int status)
{
	if (status == 401 || status == 403)
		return ERR_DENIED;
	if (status == 404)
		return ERR_NOT_FOUND;
	if (status == 409)
		return ERR_CONFLICT;
	if (status == 413)
		return ERR_LIMIT;
	if (status == 422)
		return ERR_UNABLE;
	if (status == 429)
		return ERR_QUOTA;
	if (status == 501)
		return ERR_UNSUPPORTED;
	return status >= 500 ? ERR_TRANSIENT : ERR_INPUT;
}

static int refused(const struct http_answer *answer, struct err *err)
{
	struct err ignored = {0};
	CLEANUP(json)
	json_t *json = json_parse(strbuf_str(&answer->body), answer->body.len, &ignored);
	const char *text = json_or_string(json, "error", NULL);

	if (answer->status == 401)
		return err_set(err, ERR_DENIED,
			"the service wants a key: put it into $BOXWRIGHT_API_KEY");
	return err_set(err, kind_of_status(answer->status), "%s",
		text ? text : "the service answered without saying what is wrong");
}

json_t *api_call(struct api *api, const char *method, const char *path,
	const json_t *body, struct err *err)
{
	struct http_header headers[4];
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_API_BODY);
	CLEANUP(mem) char *url = mem_printf("%s%s", api->base, path);
	CLEANUP(http_answer) struct http_answer answer = {0};

	if (body && json_print(&text, body, err) < 0)
		return NULL;
	struct http_request request = {
		.method = method,
		.url = url,
		.headers = headers,
		.nheaders = common_headers(api, headers, "application/json"),
		.body = body ? strbuf_str(&text) : "",
		.body_len = text.len,
		.max_body = LIMIT_ENGINE_ANSWER,
		.silence_ms = -1,
	};
	if (str_eq(method, "GET"))
		request.body = NULL;
	if (http_perform(api->client, &request, &answer, NULL, err) < 0) {
		explain_no_answer(api, err);
		return NULL;
	}
	if (answer.status >= 300) {
		refused(&answer, err);
		return NULL;
	}
	if (answer.body.len == 0)
		return json_object();
	json_t *json = json_parse(strbuf_str(&answer.body), answer.body.len, err);
	terminal_clean(json);
	return json;
}

int api_raw(struct api *api, const struct api_raw *call, struct err *err)
{
	struct http_header headers[4];
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_API_BODY);
	CLEANUP(mem) char *url = mem_printf("%s%s", api->base, call->path);
	CLEANUP(http_answer) struct http_answer answer = {0};

	if (call->body && json_print(&text, call->body, err) < 0)
		return -1;
	struct http_request request = {
		.method = call->method,
		.url = url,
		.headers = headers,
		.nheaders = headers_of(api, headers, "*/*",
			call->content_type ? call->content_type : "application/json"),
		.body = call->body ? strbuf_str(&text) : NULL,
		.body_len = text.len,
		.source = call->source,
		.source_arg = call->arg,
		.source_len = call->source_len,
		.sink = call->sink,
		.sink_arg = call->arg,
		.max_body = SIZE_MAX,
		.silence_ms = -1,
	};
	if (http_perform(api->client, &request, &answer, NULL, err) < 0)
		return answer.status > 0 ? -1 : explain_no_answer(api, err);
	return answer.status >= 300 ? refused(&answer, err) : 0;
}

#define NONCE_SIZE 16 /* RFC 6455, 4.1 */

struct http_duplex *api_websocket(struct api *api, const char *path, struct err *err)
{
	CLEANUP(mem) char *url = mem_printf("%s%s", api->base, path);
	CLEANUP(strbuf) struct strbuf nonce = STRBUF_INIT(64);
	struct http_peer peer = {.plain_http = true};
	struct http_duplex *duplex = NULL;
	uint8_t random[NONCE_SIZE];

	crypto_random(random, sizeof random);
	str_base64(&nonce, random, sizeof random);
	struct http_header headers[3] = {
		{.name = "Sec-WebSocket-Version", .value = "13"},
		{.name = "Sec-WebSocket-Key", .value = strbuf_str(&nonce)},
	};
	size_t n = 2;
	if (secret_is_set(&api->key))
		headers[n++] = (struct http_header){
			.name = "X-Box-Api-Key", .secret = &api->key};
	struct http_request request = {.method = "GET",
		.url = url,
		.headers = headers,
		.nheaders = n,
		.upgrade = "websocket"};
	if (http_upgrade(&peer, &request, &duplex, NULL, err) < 0)
		return NULL;
	return duplex;
}

struct follower {
	struct strbuf line;
	bool (*on_data)(void *arg, const char *data);
	void *arg;
	bool enough;
};

static int take_stream(void *arg, const void *data, size_t len, struct err *err)
{
	struct follower *f = arg;

	strbuf_add(&f->line, data, len);
	if (strbuf_check(&f->line, "a line of the stream", err) < 0)
		return -1;
	for (char *end; (end = memchr(f->line.data, '\n', f->line.len)) != NULL;) {
		*end = '\0';
		if (str_starts(f->line.data, "data: ") &&
			!f->on_data(f->arg, f->line.data + 6)) {
			f->enough = true;
			return err_set(err, ERR_CANCELLED, "enough");
		}
		strbuf_consume(&f->line, (size_t)(end - f->line.data) + 1);
	}
	return 0;
}

int api_follow(struct api *api, const char *path,
	bool (*on_data)(void *arg, const char *data), void *arg, struct err *err)
{
	struct http_header headers[4];
	CLEANUP(mem) char *url = mem_printf("%s%s", api->base, path);
	CLEANUP(http_answer) struct http_answer answer = {0};
	struct follower follower = {
		.line = STRBUF_INIT(LIMIT_AGENT_LINE), .on_data = on_data, .arg = arg};
	struct http_request request = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.nheaders = common_headers(api, headers, "text/event-stream"),
		.sink = take_stream,
		.sink_arg = &follower,
		.max_body = SIZE_MAX,
		.silence_ms = 60000,
	};
	int rc = http_perform(api->client, &request, &answer, NULL, err);

	strbuf_release(&follower.line);
	if (follower.enough)
		return 0;
	if (rc < 0)
		return explain_no_answer(api, err);
	return answer.status >= 300 ? refused(&answer, err) : 0;
}

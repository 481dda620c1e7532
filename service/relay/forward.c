/* SPDX-License-Identifier: MIT */
/* From the box's request to the provider's answer: what may pass, what it costs. */
#include "service/relay/impl.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/relay/hosted.h"
#include "service/relay/meter.h"
#include "service/relay/scan.h"

#include <stdlib.h>
#include <string.h>

/* ---- the answer on its way ------------------------------------------------------------- */

struct exchange {
	struct conn *conn;
	struct call *call;
	int status;
	struct strbuf headers; /* that pass */
	bool events;
	bool packed; /* an encoding that nobody asked for */
	bool head_sent;
	bool metered;
	struct relay_meter meter;
};

static void on_header(void *arg, int status, const char *name, const char *value)
{
	struct exchange *x = arg;

	x->status = status;
	if (str_eq(name, "content-type"))
		x->events = str_starts(value, "text/event-stream");
	if (str_eq(name, "content-encoding") && !str_eq_nocase(value, "identity"))
		x->packed = true;
	reply_pass_header(&x->headers, name, value);
}

static int send_head(struct exchange *x, struct err *err)
{
	CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(2 * LIMIT_HTTP_HEAD);

	if (x->status < 200 || x->status > 299)
		return err_set(
			err, ERR_INTERNAL, "it answered with status %d", x->status);
	if (x->packed)
		return err_set(err, ERR_INTERNAL,
			"its answer is packed, which was not asked for");
	x->head_sent = true;
	x->metered = true;
	relay_meter_init(&x->meter, x->call->provider, x->events);
	strbuf_addf(&head, "HTTP/1.1 %d %s\r\n%stransfer-encoding: chunked\r\n%s\r\n",
		x->status, reply_reason(x->status), strbuf_str(&x->headers),
		x->call->keep ? "" : "connection: close\r\n");
	return conn_write(x->conn, strbuf_str(&head), head.len, err);
}

/* Each piece goes to the box as it came, in one chunk, at once. */
static int on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct exchange *x = arg;
	CLEANUP(strbuf) struct strbuf chunk = STRBUF_INIT(LIMIT_RELAY_ANSWER);

	if (len == 0)
		return 0;
	if (!x->head_sent && send_head(x, err) < 0)
		return -1;
	relay_meter_feed(&x->meter, data, len);
	strbuf_addf(&chunk, "%zx\r\n", len);
	strbuf_add(&chunk, data, len);
	strbuf_adds(&chunk, "\r\n");
	return conn_write(x->conn, chunk.data, chunk.len, err);
}

/* ---- the request to the provider ------------------------------------------------------- */

#define HEADERS_MAX 16

struct outgoing {
	char *url;
	struct http_header headers[HEADERS_MAX];
	size_t nheaders;
	char *values[HEADERS_MAX]; /* copies that the headers point to */
};

static void outgoing_release(struct outgoing *out)
{
	free(out->url);
	for (size_t i = 0; i < HEADERS_MAX; i++)
		free(out->values[i]);
}
DEFINE_CLEANUP(outgoing, struct outgoing, outgoing_release(value))

/* Everything else that a box sends stays here: credentials, cookies, hop headers. */
static void copy_headers(struct outgoing *out, const struct relay_head *head)
{
	static const char *const passed[] = {"accept", "user-agent", "anthropic-version",
		"anthropic-beta", "openai-beta", "x-app", "x-claude-code-session-id",
		"session_id", "conversation_id", "originator"};

	for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
		const struct slice *value = relay_head_find(head, passed[i]);
		if (!value || value->n > 4096)
			continue;
		out->values[out->nheaders] = mem_strndup(value->p, value->n);
		out->headers[out->nheaders] = (struct http_header){
			.name = passed[i], .value = out->values[out->nheaders]};
		out->nheaders++;
	}
}

static void prepare(struct outgoing *out, const struct provider *provider,
	const struct secret *key, const struct call *call)
{
	bool anthropic = call->provider == RELAY_ANTHROPIC;

	out->url = mem_printf("%s/v1%s%s", provider->root, call->route->path,
		call->head.query.n ? "?beta=true" : "");
	copy_headers(out, &call->head);
	/* What was judged as JSON is read as nothing else. */
	if (call->body.len)
		out->headers[out->nheaders++] = (struct http_header){
			.name = "content-type", .value = "application/json"};
	out->headers[out->nheaders++] = (struct http_header){
		.name = anthropic ? "x-api-key" : "authorization",
		.value = anthropic ? NULL : "Bearer ",
		.secret = key,
	};
}

static struct http_client *client_of(struct conn *conn, enum relay_provider_id id)
{
	const struct provider *provider = &conn->relay->providers[id];

	if (!conn->clients[id])
		conn->clients[id] = http_client_new(&(struct http_peer){
			.ca_file = provider->ca_file,
			.plain_http = provider->plain_http,
		});
	return conn->clients[id];
}

static int perform(struct exchange *x, struct http_answer *answer, struct err *err)
{
	struct conn *conn = x->conn;
	const struct call *call = x->call;
	const struct provider *provider = &conn->relay->providers[call->provider];
	CLEANUP(outgoing) struct outgoing out = {0};

	prepare(&out, provider, relay_lease_key(conn->lease, call->provider), call);
	struct http_request request = {
		.method = call->route->method,
		.url = out.url,
		.headers = out.headers,
		.nheaders = out.nheaders,
		.body = call->body.len ? strbuf_str(&call->body) : NULL,
		.body_len = call->body.len,
		.sink = on_data,
		.sink_arg = x,
		.on_header = on_header,
		.on_header_arg = x,
		.max_body = LIMIT_RELAY_ANSWER,
		.connect_ms = conn->relay->connect_ms,
		.silence_ms = conn->relay->silence_ms,
	};
	return http_perform(client_of(conn, call->provider), &request, answer,
		conn->lease->cancel, err);
}

/* ---- how it ended ---------------------------------------------------------------------- */

static bool fail(struct exchange *x, int status, const char *text)
{
	return conn_refuse(x->conn, x->call, status, text) == 0;
}

/* No status came, or the answer was cut. */
static bool on_failure(struct exchange *x, const struct err *err)
{
	/* Half an answer cannot be taken back: without its last chunk the box sees the cut.
	 */
	if (x->head_sent || err->kind == ERR_CANCELLED)
		return false;
	x->call->keep = false;
	CLEANUP(mem)
	char *text = mem_printf("the model's provider cannot be reached: %s", err->text);
	return fail(x, err->kind == ERR_TRANSIENT ? 503 : 502, text);
}

/* A status that is no success, with its body gathered. */
static bool on_refusal(struct exchange *x, const struct http_answer *answer)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(16 * LIMIT_RELAY_ERROR);
	CLEANUP(strbuf) struct strbuf all = STRBUF_INIT(32 * LIMIT_RELAY_ERROR);
	size_t len = answer->body.len;
	struct err err = {0};

	if (answer->status == 401 || answer->status == 403) {
		/* Providers quote the ends of a wrong key: none of their words. */
		enum relay_provider_id id = x->call->provider;
		bool own = secret_is_set(&x->conn->lease->key[id]);
		CLEANUP(mem)
		char *text =
			own ? mem_printf("the provider refused the box's own key (%d); "
					 "give it another agent_api_key",
				      answer->status)
			    : mem_printf("the provider refused the service's key (%d); "
					 "the operator has to check %s",
				      answer->status,
				      x->conn->relay->providers[id].setting);
		return fail(x, answer->status, text);
	}
	if (answer->status < 400) {
		x->call->keep = false;
		return fail(x, 502, "the model's provider answered with a redirect");
	}
	if (len > LIMIT_RELAY_ERROR)
		len = str_utf8_cut(answer->body.data, LIMIT_RELAY_ERROR);
	secret_redact(&body, strbuf_str(&answer->body), len);
	strbuf_addf(&all, "HTTP/1.1 %d %s\r\n%scontent-length: %zu\r\n%s\r\n",
		answer->status, reply_reason(answer->status), strbuf_str(&x->headers),
		body.len, x->call->keep ? "" : "connection: close\r\n");
	strbuf_add(&all, strbuf_str(&body), body.len);
	return conn_write(x->conn, all.data, all.len, &err) == 0;
}

static bool on_success(struct exchange *x)
{
	struct err err = {0};

	if (!x->head_sent && send_head(x, &err) < 0)
		return fail(x, 502, err.text);
	return conn_write(x->conn, "0\r\n\r\n", 5, &err) == 0;
}

static bool finish(struct exchange *x, int rc, const struct http_answer *answer,
	const struct err *err)
{
	if (rc < 0)
		return on_failure(x, err);
	if (answer->status < 200 || answer->status > 299)
		return on_refusal(x, answer);
	return on_success(x);
}

/* ---- a call that costs ----------------------------------------------------------------- */

/* A guess before the answer: the whole request as fresh input, and a short answer. */
static int64_t estimate(
	struct conn *conn, const struct call *call, struct relay_scan *scan)
{
	bool unpriced;

	relay_scan(strbuf_str(&call->body), call->body.len, scan);
	struct relay_usage usage = {
		.input_tokens = (int64_t)(call->body.len / 4) + 1,
		.output_tokens = scan->max_tokens && scan->max_tokens < 4096
					 ? scan->max_tokens
					 : 4096,
	};
	return relay_cost(&conn->relay->prices, scan->model, &usage, &unpriced);
}

static void settle(struct exchange *x, int64_t reserved, const struct relay_scan *scan)
{
	const char *model = scan->model;
	bool unpriced = false;

	if (!x->metered) {
		relay_settle(x->conn->lease, reserved, model, NULL);
		return;
	}
	relay_meter_end(&x->meter, x->call->body.len);
	/* What the provider says it was counts, not what the box asked for. */
	if (x->meter.model[0])
		model = x->meter.model;
	x->meter.usage.cost_microusd =
		relay_cost(&x->conn->relay->prices, model, &x->meter.usage, &unpriced);
	x->meter.usage.unpriced = unpriced;
	relay_settle(x->conn->lease, reserved, model, &x->meter.usage);
}

/* 0, or the status that the request deserves. */
static int judge(const struct conn *conn, const struct call *call, struct err *err)
{
	const struct relay_lease *lease = conn->lease;

	if (!call->body.len ||
		relay_hosted_check(strbuf_str(&call->body), call->body.len, err) == 0)
		return 0;
	if (lease->reaches_all && lease->reaches_all(lease->reach_arg))
		return 0;
	return err->kind == ERR_DENIED ? 403 : 400;
}

bool relay_forward(struct conn *conn, struct call *call)
{
	static const char hello[] = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
	struct exchange x = {
		.conn = conn, .call = call, .headers = STRBUF_INIT(2 * LIMIT_HTTP_HEAD)};
	const struct provider *provider = &conn->relay->providers[call->provider];
	CLEANUP(http_answer) struct http_answer answer = {0};
	struct relay_scan scan = {0};
	int64_t reserved = 0;
	struct err err = {0};

	if (call->route->kind == ROUTE_LOCAL)
		return conn_write(conn, hello, strlen(hello), &err) == 0;
	int status = judge(conn, call, &err);
	if (status)
		return fail(&x, status, err.text);
	if (!secret_is_set(relay_lease_key(conn->lease, call->provider))) {
		CLEANUP(mem)
		char *text = mem_printf("no key for this provider is configured: the "
					"operator has to set %s",
			provider->setting);
		return fail(&x, 403, text);
	}
	if (call->route->kind == ROUTE_CALL) {
		reserved = estimate(conn, call, &scan);
		if (relay_reserve(conn->lease, reserved, &err) < 0)
			return fail(&x, 402, err.text);
	}
	int rc = perform(&x, &answer, &err);
	/* Before the last chunk: who sees the end of the answer finds it counted. */
	if (call->route->kind == ROUTE_CALL)
		settle(&x, reserved, &scan);
	bool alive = finish(&x, rc, &answer, &err);
	if (x.metered)
		relay_meter_release(&x.meter);
	strbuf_release(&x.headers);
	return alive;
}

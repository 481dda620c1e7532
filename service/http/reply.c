/* SPDX-License-Identifier: MIT */
/* Answers: building them, and handing them to the library; see request.h. */
#define LOG_MODULE "http"
#include "service/http/internal.h"
#include "service/http/stream_body.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

#define TYPE_JSON "application/json; charset=utf-8"

enum {
	STATUS_MIN = 100,
	STATUS_MAX = 599,
	STATUS_INTERNAL = 500,
	STATUS_UNAVAILABLE = 503
};

/* ---- headers ----------------------------------------------------------------------------- */

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

void reply_header(struct request *request, const char *name, const char *value)
{
	/* A line break here would let a value write headers of its own. */
	if (!is_printable(name) || !is_printable(value) ||
		request->header_count == REPLY_HEADERS_MAX)
		abort();
	struct reply_header_pair *pair = &request->headers[request->header_count++];
	pair->name = mem_strdup(name);
	pair->value = mem_strdup(value);
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		log_broken("a header was refused by the library name=%s", name);
}

static void add_headers(struct request *request, struct MHD_Response *response)
{
	cors_headers(request);
	add(response, "X-Content-Type-Options", "nosniff");
	add(response, "Cache-Control", "no-store");
	for (size_t i = 0; i < request->header_count; i++)
		add(response, request->headers[i].name, request->headers[i].value);
	if (request->close && !request->upgrade)
		add(response, "Connection", "close");
}

/* ---- giving ------------------------------------------------------------------------------ */

/* The last thing that the answering thread does with the request. */
static void give(struct request *request, int status, struct MHD_Response *response)
{
	if (request->status != 0 || status < STATUS_MIN || status > STATUS_MAX ||
		!response)
		abort();
	add_headers(request, response);
	request->response = response;
	request->status = status;
	atomic_fetch_add(&request->server->answered[status / 100], 1);
	if (request->stream_body) {
		struct server *server = request->server;
		stream_body_answered(request->stream_body);
		atomic_fetch_sub(&server->unanswered, 1);
		return;
	}
	if (!request->suspended)
		return;
	/* Resumed, the request may be gone; the library is not stopped before this is counted. */
	struct server *server = request->server;
	MHD_resume_connection(request->connection);
	atomic_fetch_sub(&server->unanswered, 1);
}

void reply_upgrade_give(struct request *request, struct MHD_Response *response)
{
	request->streams = true;
	give(request, 101, response);
}

void reply_stream_give(struct request *request, struct MHD_Response *response)
{
	request->streams = true;
	give(request, 200, response);
}

enum MHD_Result reply_queue(struct request *request)
{
	enum MHD_Result result;

	conns_phase(request->server->conns, request->conn,
		request->streams ? CONN_WORK : CONN_REPLY);
	result = MHD_queue_response(
		request->connection, (unsigned)request->status, request->response);
	MHD_destroy_response(request->response);
	request->response = NULL;
	return result;
}

bool reply_given(const struct request *request)
{
	return request->status != 0;
}

void reply_later(struct request *request)
{
	request->owed = true;
	if (request->suspended)
		return;
	request->suspended = true;
	atomic_fetch_add(&request->server->unanswered, 1);
	MHD_suspend_connection(request->connection);
}

static void reply_bytes(
	struct request *request, int status, const char *type, char *text, size_t len)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);

	if (!response)
		abort();
	add(response, "Content-Type", type);
	give(request, status, response);
}

void reply_text(struct request *request, int status, const char *type, const char *text,
	size_t len)
{
	reply_bytes(request, status, type, mem_dup(text, len), len);
}

void reply_json(struct request *request, int status, json_t *body)
{
	struct strbuf text = STRBUF_INIT(LIMIT_HTTP_ANSWER);
	struct err err = {0};

	int rc = json_print(&text, body, &err);
	json_decref(body);
	if (rc == 0) {
		strbuf_addc(&text, '\n');
		size_t len = text.len;
		reply_bytes(request, status, TYPE_JSON, strbuf_take(&text), len);
		return;
	}
	strbuf_release(&text);
	reply_err(request, &err);
}

/* ---- errors ------------------------------------------------------------------------------ */

static void reply_refusal(
	struct request *request, int status, const char *code, const char *sentence)
{
	json_t *body = json_object();

	json_put(body, "error", json_str(sentence));
	json_put(body, "code", json_str(code));
	reply_json(request, status, body);
}

void reply_error(
	struct request *request, int status, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *sentence = mem_vprintf(fmt, ap);
	va_end(ap);
	reply_refusal(request, status, code, sentence);
}

static int status_of(enum err_kind kind)
{
	switch (kind) {
	case ERR_INPUT: return 400;
	case ERR_DENIED: return 403;
	case ERR_NOT_FOUND: return 404;
	case ERR_CONFLICT: return 409;
	case ERR_LIMIT: return 413;
	case ERR_UNABLE: return 422;
	case ERR_QUOTA: return 429;
	case ERR_UNSUPPORTED: return 501;
	case ERR_TRANSIENT: return STATUS_UNAVAILABLE;
	case ERR_CANCELLED: return STATUS_UNAVAILABLE;
	case ERR_INTERNAL: return STATUS_INTERNAL;
	case ERR_NONE: break;
	}
	return STATUS_INTERNAL;
}

void reply_err(struct request *request, const struct err *err)
{
	int status = status_of(err->kind);
	char seconds[16];

	if (status == STATUS_INTERNAL) {
		log_error("a request failed method=%s target=%s error=%s",
			request->method, request->raw ? request->raw : "", err->text);
		reply_refusal(request, status, err_kind_name(ERR_INTERNAL),
			"Something went wrong here; the service's log tells what.");
		return;
	}
	if (status == STATUS_UNAVAILABLE) {
		snprintf(seconds, sizeof(seconds), "%d",
			err->retry_after_s > 0 ? err->retry_after_s : 1);
		reply_header(request, "Retry-After", seconds);
	}
	reply_refusal(request, status, err_kind_name(err->kind), err->text);
}

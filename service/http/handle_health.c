/* SPDX-License-Identifier: MIT */
/* /healthz, /metrics and /v1/version: how the service is. */
#include "service/http/handlers.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "boxcore/boxcore.h"
#include "service/http/server.h"
#include "service/store/store.h"

enum { ENGINE_MS = 5000 };

/* ---- /healthz ---------------------------------------------------------------------------- */

static bool put_health(json_t *body, const char *part, int rc, const struct err *err)
{
	json_put(body, part, rc == 0 ? json_str("ok") : json_str(err->text));
	return rc == 0;
}

static int check_engine(const struct request *request, struct err *err)
{
	const struct http_app *app = request_app(request);
	struct cancel *cancel = cancel_new(request_cancel(request));

	cancel_deadline(cancel, ENGINE_MS, "the health check's 5 seconds");
	int rc = app->engine_check(app->arg, cancel, err);
	cancel_free(cancel);
	return rc;
}

void handle_health(struct request *request)
{
	const struct http_app *app = request_app(request);
	struct store_figures figures;
	struct err err = {0};
	json_t *body = json_object();

	bool good = put_health(
		body, "store", store_figures(app->store, &figures, &err), &err);
	if (app->engine_check)
		good = put_health(body, "engine", check_engine(request, &err), &err) &&
		       good;
	json_put(body, "status", json_str(good ? "ok" : "failing"));
	reply_json(request, good ? 200 : 503, body);
}

/* ---- /metrics ---------------------------------------------------------------------------- */

static void head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out, "# HELP boxwright_%s %s\n# TYPE boxwright_%s %s\n", name, help,
		name, type);
}

static void one(struct strbuf *out, const char *name, const char *type, const char *help,
	int64_t value)
{
	head(out, name, type, help);
	strbuf_addf(out, "boxwright_%s %lld\n", name, (long long)value);
}

static void add_rows(struct strbuf *out, const struct store_figures *figures)
{
	head(out, "rows", "gauge", "Rows of the store by table and state.");
	for (size_t i = 0; i < figures->ncounts; i++)
		strbuf_addf(out, "boxwright_rows{table=\"%s\",state=\"%s\"} %lld\n",
			figures->counts[i].table, figures->counts[i].state,
			(long long)figures->counts[i].count);
}

static void add_store(struct strbuf *out, const struct store_figures *figures)
{
	one(out, "store_bytes", "gauge", "Size of the database file.",
		figures->database_bytes);
	one(out, "store_log_bytes", "gauge", "Size of its write-ahead log.",
		figures->wal_bytes);
	one(out, "store_writes_total", "counter", "Writing verbs done.", figures->jobs);
	one(out, "store_commits_total", "counter", "Transactions that they took.",
		figures->batches);
	one(out, "store_queued", "gauge", "Writing verbs that wait.", figures->queued);
	one(out, "store_failed_total", "counter", "Transactions lost to the disk.",
		figures->failed);
}

static void add_http(struct strbuf *out, const struct server_counts *counts)
{
	head(out, "http_answers_total", "counter", "Answers by class of their status.");
	for (size_t i = 2; i < ARRAY_LEN(counts->answered); i++)
		strbuf_addf(out, "boxwright_http_answers_total{class=\"%zuxx\"} %llu\n",
			i, (unsigned long long)counts->answered[i]);
	one(out, "http_refused_heads_total", "counter", "Requests of a hostile form.",
		(int64_t)counts->refused_heads);
	one(out, "http_late_total", "counter", "Connections cut by a deadline.",
		(int64_t)counts->late);
	one(out, "http_connections", "gauge", "Open connections.", counts->connections);
	one(out, "http_streams", "gauge", "Open event streams.", counts->streams);
}

static void add_boxes(struct strbuf *out, struct request *request)
{
	struct boxcore *core = request_app(request)->core;
	CLEANUP(mem) struct box_info *boxes = NULL;
	struct cancel *cancel = cancel_new(request_cancel(request));
	struct err ignored = {0};
	size_t count = 0;

	cancel_deadline(cancel, ENGINE_MS, "the 5 seconds for figures");
	if (core && box_list(core, &boxes, &count, cancel, &ignored) == 0)
		one(out, "boxes", "gauge", "Boxes on the engine.", (int64_t)count);
	cancel_free(cancel);
}

void handle_metrics(struct request *request)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_API_BODY);
	struct server_counts counts;
	struct store_figures figures;
	struct err err = {0};

	if (store_figures(request_app(request)->store, &figures, &err)) {
		reply_err(request, &err);
		return;
	}
	server_counts(request_server(request), &counts);
	add_rows(&out, &figures);
	add_store(&out, &figures);
	add_http(&out, &counts);
	add_boxes(&out, request);
	reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8",
		strbuf_str(&out), out.len);
}

/* ---- /v1/version ------------------------------------------------------------------------- */

void handle_version(struct request *request)
{
	json_t *body = json_object();

	json_put(body, "name", json_str("boxwright"));
	json_put(body, "version", json_str(request_app(request)->version));
	reply_json(request, 200, body);
}

/* SPDX-License-Identifier: MIT */
/* What the verbs of the Engine API share: one exchange, its bounds, what a refusal means. */
#ifndef BOXCORE_ENGINE_ENGINE_INTERNAL_H
#define BOXCORE_ENGINE_ENGINE_INTERNAL_H

#include "boxcore/base/thread.h"
#include "boxcore/engine/engine.h"

#define ENGINE_CLIENTS 16 /* idle connections kept; more callers than this are fine */

struct engine {
	char *url;       /* as it was given: "unix:///run/docker.sock" */
	char *base;      /* "http://engine" or "https://host:2376" */
	char prefix[16]; /* "/v1.41"; empty until negotiated */
	char api[8];
	int api_minor;
	bool local;
	char *tls_files[3];
	struct http_peer peer;
	struct lock lock; /* the idle clients */
	struct http_client *idle[ENGINE_CLIENTS];
	int idle_count;
};

/* One exchange.  Set method, what and path; the rest as needed. */
struct engine_call {
	const char *method;
	const char *what;          /* for errors: "start container box-1" */
	const struct strbuf *path; /* from ENGINE_PATH; encoded, without the version */
	const json_t *body;
	const void *bytes; /* or these */
	size_t bytes_len;
	http_source source; /* or these */
	void *source_arg;
	const char *type; /* of bytes and source; default application/x-tar */
	http_sink sink;
	void *sink_arg;
	size_t max;         /* of the answer; 0: LIMIT_ENGINE_ANSWER */
	int64_t total_ms;   /* 0: LIMIT_ENGINE_CALL_MS; -1: none */
	int64_t silence_ms; /* 0: as total; -1: none */
};

#define ENGINE_PATH STRBUF_INIT(8 * LIMIT_KIB)

/* Appends "/x" with x encoded; and "?k=v" or "&k=v" with v encoded. */
void engine_path_add(struct strbuf *path, const char *name);
void engine_path_query(struct strbuf *path, const char *key, const char *value);

/* Appends a `filters` query: these labels, and for images `dangling`. */
int engine_path_filter(
	struct strbuf *path, const char *const *labels, bool dangling, struct err *err);

/* Performs the call.  A status >= 400 is a success here: the verbs know what theirs mean. */
int engine_exchange(struct engine *engine, const struct engine_call *call,
	struct http_answer *ret_answer, struct cancel *cancel, struct err *err);
/* As engine_exchange, but a status >= 400 is the error that it stands for; the answer's JSON
 * is parsed when ret_json is given.  `*ret_status` may be NULL. */
int engine_call(struct engine *engine, const struct engine_call *call, json_t **ret_json,
	int *ret_status, struct cancel *cancel, struct err *err);

/* The error of an answer >= 400.  Always returns -1. */
int engine_refused(const struct engine_call *call, const struct http_answer *answer,
	struct err *err);
/* The error of a text that came in a stream after a 200.  Always returns -1. */
int engine_refused_text(const char *what, const char *text, struct err *err);

/* An answer of JSON lines, as pull, import and build give: told line by line.  `last` (may be
 * NULL) gets the last status.  An error in the stream is the error of the call. */
int engine_follow(struct engine *engine, struct engine_call *call,
	engine_on_progress on_progress, void *arg, char last[ENGINE_ID_SIZE],
	struct cancel *cancel, struct err *err);

/* "2026-11-22T20:35:01.123456789Z" to Unix seconds; 0 when it is not one. */
int64_t engine_time(const char *text);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the handlers of the HTTP server work with: filled in by service/app, borrowed by
 * the server from server_start() to server_stop().
 *
 * The callbacks run on a handler thread (they may block as long as their cancel allows),
 * but for task_ready, which runs on any thread and must return at once.
 */
#ifndef SERVICE_HTTP_APP_H
#define SERVICE_HTTP_APP_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"
#include "webhooks/signature.h"
#include "webhooks/trigger.h"

#include <stdint.h>

struct store;
struct boxcore;

struct http_app {
	struct store *store;
	struct boxcore *core; /* NULL: the box routes answer 503 */
	struct trigger_config triggers;

	/* Up to two webhook secrets; none set: every delivery is refused. */
	struct secret hook_secrets[SIGNATURE_SECRETS_MAX];
	/* API keys; none: access from this machine only, see server.h. */
	const struct secret *keys;
	size_t key_count;

	const char *version; /* of the program: "0.1.0" */

	void *arg; /* of the callbacks */
	/* A task became ready: a hint that may be lost or doubled.  May be NULL. */
	void (*task_ready)(void *arg);
	/* Asks the task to stop, at once when it runs here; `by` names who asked. */
	int (*task_cancel)(void *arg, int64_t task, const char *by, struct cancel *cancel,
		struct err *err);
	/* Makes a new task like a finished one and gives its id. */
	int (*task_retry)(void *arg, int64_t task, const char *by, int64_t *ret_task,
		struct cancel *cancel, struct err *err);
	/* 0 when the engine answers; NULL: boxcore's engine is not asked. */
	int (*engine_check)(void *arg, struct cancel *cancel, struct err *err);
};

#endif

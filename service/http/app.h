/* SPDX-License-Identifier: MIT */
/*
 * What the handlers of the HTTP server work with: filled in by service/app, borrowed by
 * the server from server_start() to server_stop().
 *
 * The callbacks run on handler threads and may block as long as their cancel allows; each
 * may be NULL.  New tasks are announced by the store itself (store_on_change()); who listens
 * there for events and states of tasks calls server_wake(), which makes streams live.
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
struct boxes;
struct previews;
struct jobs;

struct github;

struct http_app {
	struct store *store;
	struct github *github;     /* for /v1/why; NULL: GitHub is not asked */
	struct boxcore *core;      /* for /healthz and /metrics */
	struct boxes *boxes;       /* NULL: the box routes answer 503 */
	struct previews *previews; /* NULL: the routes of public URLs answer 503 */
	struct jobs *jobs;         /* NULL: the routes of schedules answer 503 */
	struct trigger_config triggers;

	/* Up to two webhook secrets; none set: every delivery is refused. */
	struct secret hook_secrets[SIGNATURE_SECRETS_MAX];
	/* The operator's API keys, beside those that boxes knows of accounts; none: access
	 * without a key, from this machine only, see server.h. */
	const struct secret *keys;
	size_t key_count;
	/* Origins ("https://app.example.com") whose pages a browser lets call; "*": of all.
	 * None: no page of another origin. */
	const char *const *cors_origins;
	size_t cors_count;

	const char *version; /* of the program: "0.1.0" */

	void *arg; /* of the callbacks */
	/* Asks the task to stop for `reason`; NULL: store_task_cancel(), whose change reaches
	 * the worker by the store's listeners. */
	int (*task_cancel)(void *arg, int64_t task, const char *reason,
		struct cancel *cancel, struct err *err);
	/* Makes a new task with the request of one that has ended, and gives its id; NULL:
	 * 501. */
	int (*task_retry)(void *arg, int64_t task, int64_t *ret_task,
		struct cancel *cancel, struct err *err);
	/* 0 when the engine answers; NULL: it is not asked, and not in /healthz. */
	int (*engine_check)(void *arg, struct cancel *cancel, struct err *err);
};

#endif

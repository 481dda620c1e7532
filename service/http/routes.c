/* SPDX-License-Identifier: MIT */
/*
 * Every route of the service, one line each.
 */
#include "boxcore/base/limits.h"
#include "service/http/handlers.h"
#include "service/http/route.h"

#define BODY LIMIT_API_BODY

/* clang-format off */
const struct route http_routes[] = {
	{"POST", "/hooks/github", handle_hook, ACCESS_SIGNATURE, ROUTE_INLINE, LIMIT_DELIVERY_BODY,
		head_hook, "takes a delivery of GitHub's"},

	{"GET", "/v1/tasks", handle_task_list, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"lists tasks, newest first: ?state= &lane= &limit= &before="},
	{"GET", "/v1/tasks/:id", handle_task_get, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"shows a task with its steps and effects"},
	{"GET", "/v1/tasks/:id/events", handle_task_events, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"what the task's agent did, ?after=; live with Accept: text/event-stream"},
	{"POST", "/v1/tasks/:id/cancel", handle_task_cancel, ACCESS_KEY, ROUTE_HANDLER, BODY, NULL,
		"stops a task"},
	{"POST", "/v1/tasks/:id/retry", handle_task_retry, ACCESS_KEY, ROUTE_HANDLER, BODY, NULL,
		"makes a task that has ended ready again"},
	{"GET", "/v1/deliveries", handle_delivery_list, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"lists deliveries, newest first: ?limit="},
	{"GET", "/v1/deliveries/:id", handle_delivery_get, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"why a delivery did what it did"},

	{"GET", "/v2/box", handle_box_list, ACCESS_KEY, ROUTE_HANDLER, 0, NULL, "lists boxes"},
	{"GET", "/v2/box/:id", handle_box_get, ACCESS_KEY, ROUTE_HANDLER, 0, NULL, "shows a box"},
	{"DELETE", "/v2/box/:id", handle_box_delete, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"deletes a box"},
	{"POST", "/v2/box/:id/exec", handle_box_exec, ACCESS_KEY, ROUTE_HANDLER, BODY, NULL,
		"runs a command in a box to its end"},
	{"POST", "/v2/box/:id/exec-stream", handle_box_exec_stream, ACCESS_KEY, ROUTE_HANDLER, BODY,
		NULL, "runs a command in a box, its output as it comes"},
	{"GET", "/v2/box/:id/logs", handle_box_logs, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"a box's log"},

	{"GET", "/healthz", handle_health, ACCESS_NONE, ROUTE_HANDLER, 0, NULL,
		"whether the store and the engine answer"},
	{"GET", "/metrics", handle_metrics, ACCESS_KEY, ROUTE_HANDLER, 0, NULL,
		"figures for Prometheus"},
	{"GET", "/v1/version", handle_version, ACCESS_NONE, ROUTE_INLINE, 0, NULL,
		"the program's version"},
	{NULL, NULL, NULL, ACCESS_NONE, ROUTE_INLINE, 0, NULL, NULL},
};
/* clang-format on */

/* SPDX-License-Identifier: MIT */
/*
 * The handlers of the route table, by file.  What each does stands in routes.c.
 */
#ifndef SERVICE_HTTP_HANDLERS_H
#define SERVICE_HTTP_HANDLERS_H

#include "service/http/request.h"

/* handle_hook.c */
void head_hook(struct request *request);
void handle_hook(struct request *request);

/* handle_task.c */
void handle_task_list(struct request *request);
void handle_task_get(struct request *request);
void handle_task_events(struct request *request);
void handle_task_cancel(struct request *request);
void handle_task_retry(struct request *request);

/* handle_delivery.c */
void handle_delivery_list(struct request *request);
void handle_delivery_get(struct request *request);

/* handle_box.c */
void handle_box_list(struct request *request);
void handle_box_get(struct request *request);
void handle_box_delete(struct request *request);
void handle_box_exec(struct request *request);
void handle_box_exec_stream(struct request *request);
void handle_box_logs(struct request *request);

/* handle_health.c */
void handle_health(struct request *request);
void handle_metrics(struct request *request);
void handle_version(struct request *request);

#endif

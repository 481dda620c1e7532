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

/* handle_why.c */
void handle_why(struct request *request);

/* handle_box.c */
void handle_box_create(struct request *request);
void handle_box_restore(struct request *request);
void handle_box_list(struct request *request);
void handle_box_get(struct request *request);
void handle_box_status(struct request *request);
void handle_box_pause(struct request *request);
void handle_box_resume(struct request *request);
void handle_box_delete(struct request *request);
void handle_box_delete_many(struct request *request);
void handle_box_logs(struct request *request);
void handle_box_unbuilt(struct request *request);

/* handle_box_run.c */
void handle_box_exec(struct request *request);
void handle_box_code(struct request *request);
void handle_box_exec_stream(struct request *request);
void handle_box_code_stream(struct request *request);
void handle_run_list(struct request *request);
void handle_run_get(struct request *request);
void handle_run_cancel(struct request *request);

/* handle_box_agent.c */
void handle_agent_run(struct request *request);
void handle_agent_stream(struct request *request);

/* handle_session.c */
void handle_session(struct request *request);

/* handle_box_files.c */
void handle_file_read(struct request *request);
void handle_file_write(struct request *request);
void handle_file_list(struct request *request);
void handle_file_verb(struct request *request);
void handle_file_upload(struct request *request);
void handle_file_download(struct request *request);

/* handle_box_git.c */
void handle_box_git(struct request *request);

/* handle_box_snapshot.c */
void handle_snapshot_create(struct request *request);
void handle_snapshot_list(struct request *request);
void handle_snapshot_delete(struct request *request);
void handle_snapshot_delete_many(struct request *request);

/* handle_box_schedule.c */
void handle_schedule_create(struct request *request);
void handle_schedule_list(struct request *request);
void handle_schedule_get(struct request *request);
void handle_schedule_change(struct request *request);
void handle_schedule_pause(struct request *request);
void handle_schedule_resume(struct request *request);
void handle_schedule_delete(struct request *request);

/* handle_job.c */
void handle_job_list(struct request *request);
void handle_job_get(struct request *request);
void handle_job_run(struct request *request);
void handle_job_pause(struct request *request);
void handle_job_resume(struct request *request);

/* handle_preview.c */
void handle_preview_create(struct request *request);
void handle_preview_list(struct request *request);
void handle_preview_delete(struct request *request);

/* handle_box_config.c */
void handle_box_config(struct request *request);
void handle_account_env(struct request *request);
void handle_account_key(struct request *request);

/* handle_key.c */
void handle_key_create(struct request *request);
void handle_key_list(struct request *request);
void handle_key_revoke(struct request *request);

/* handle_usage.c */
void handle_usage(struct request *request);

/* handle_health.c */
void handle_health(struct request *request);
void handle_metrics(struct request *request);
void handle_version(struct request *request);

/* assets.c */
void handle_openapi(struct request *request);

#endif

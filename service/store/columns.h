/* SPDX-License-Identifier: MIT */
/*
 * The columns of each table, once: the SQL lists and the moving of rows between
 * statements and structures both come from here.
 *
 * X(KIND, name): KIND is INT (int64_t), BOOL, REAL, TEXT (char *, never NULL) or OPT
 * (char *, may be NULL).  A column that is no plain member stands in the SQL itself.
 */
#ifndef SERVICE_STORE_COLUMNS_H
#define SERVICE_STORE_COLUMNS_H

/* What the structures of a new task and of a stored one have in common. */
#define TASK_GIVEN(X)                                                                    \
	X(TEXT, lane)                                                                    \
	TASK_COPIED(X)                                                                   \
	X(INT, attempts)                                                                 \
	X(INT, parent_id)

/* Of it, what an attempt has as its parent has it. */
#define TASK_COPIED(X)                                                                   \
	X(TEXT, verb)                                                                    \
	X(TEXT, text)                                                                    \
	X(INT, repo_id)                                                                  \
	X(INT, installation_id)                                                          \
	X(TEXT, owner)                                                                   \
	X(TEXT, repo)                                                                    \
	X(INT, number)                                                                   \
	X(BOOL, is_pull)                                                                 \
	X(TEXT, title)                                                                   \
	X(TEXT, issue_body)                                                              \
	X(TEXT, issue_author_login)                                                      \
	X(INT, requester_id)                                                             \
	X(TEXT, requester_login)                                                         \
	X(INT, comment_id)                                                               \
	X(TEXT, comment_url)                                                             \
	X(TEXT, trigger_kind)                                                            \
	X(TEXT, about)                                                                   \
	X(INT, job_id)

/* What the worker learns: store_task_save() writes these. `step` comes first, the SQL
 * counts on it. */
#define TASK_FACTS(X)                                                                    \
	X(TEXT, step)                                                                    \
	X(TEXT, default_branch)                                                          \
	X(OPT, base_oid)                                                                 \
	X(OPT, head_oid)                                                                 \
	X(OPT, rules_oid)                                                                \
	X(OPT, target)                                                                   \
	X(OPT, image)                                                                    \
	X(OPT, prepared_key)                                                             \
	X(OPT, box_id)                                                                   \
	X(OPT, run_id)                                                                   \
	X(INT, run_offset)                                                               \
	X(OPT, run_state)                                                                \
	X(OPT, harness)                                                                  \
	X(OPT, model)                                                                    \
	X(OPT, session_id)                                                               \
	X(OPT, tree_oid)                                                                 \
	X(OPT, commit_oid)                                                               \
	X(OPT, branch)                                                                   \
	X(INT, pr_number)                                                                \
	X(OPT, pr_url)                                                                   \
	X(INT, comment_status_id)                                                        \
	X(INT, files)                                                                    \
	X(INT, added)                                                                    \
	X(INT, deleted)                                                                  \
	X(OPT, summary)

#define TASK_MANAGED(X)                                                                  \
	X(INT, id)                                                                       \
	X(OPT, delivery_id)                                                              \
	X(INT, created_ms)                                                               \
	X(OPT, lease)                                                                    \
	X(INT, run_at_ms)                                                                \
	X(INT, attempt)                                                                  \
	X(INT, crashes)                                                                  \
	X(OPT, cancel_reason)                                                            \
	X(OPT, last_error)                                                               \
	X(INT, started_ms)                                                               \
	X(INT, finished_ms)                                                              \
	X(INT, tokens_in)                                                                \
	X(INT, tokens_out)                                                               \
	X(INT, tokens_cached)                                                            \
	X(REAL, cost_usd)                                                                \
	X(OPT, outcome_code)                                                             \
	X(OPT, outcome)                                                                  \
	X(INT, conversation_id)                                                          \
	X(INT, taken_by)                                                                 \
	X(BOOL, waits)

#define COMMAND_GIVEN(X)                                                                 \
	X(TEXT, lane)                                                                    \
	X(TEXT, verb)                                                                    \
	X(TEXT, word)                                                                    \
	X(TEXT, text)                                                                    \
	X(INT, repo_id)                                                                  \
	X(INT, installation_id)                                                          \
	X(TEXT, owner)                                                                   \
	X(TEXT, repo)                                                                    \
	X(INT, number)                                                                   \
	X(BOOL, is_pull)                                                                 \
	X(INT, requester_id)                                                             \
	X(TEXT, requester_login)                                                         \
	X(INT, comment_id)                                                               \
	X(TEXT, about)                                                                   \
	X(BOOL, only_says)

#define COMMAND_MANAGED(X)                                                               \
	X(INT, id)                                                                       \
	X(TEXT, delivery_id)                                                             \
	X(INT, created_ms)                                                               \
	X(OPT, lease)                                                                    \
	X(INT, run_at_ms)                                                                \
	X(INT, attempt)                                                                  \
	X(INT, finished_ms)                                                              \
	X(OPT, outcome)

#define DELIVERY_COLUMNS(X)                                                              \
	X(TEXT, id)                                                                      \
	X(TEXT, event)                                                                   \
	X(OPT, action)                                                                   \
	X(INT, received_ms)                                                              \
	X(TEXT, reason_code)                                                             \
	X(TEXT, reason)                                                                  \
	X(INT, body_raw_size)

#define STEP_COLUMNS(X)                                                                  \
	X(INT, task_id)                                                                  \
	X(INT, seq)                                                                      \
	X(TEXT, name)                                                                    \
	X(INT, attempt)                                                                  \
	X(INT, started_ms)                                                               \
	X(INT, finished_ms)                                                              \
	X(TEXT, detail)

#define EVENT_COLUMNS(X)                                                                 \
	X(INT, seq)                                                                      \
	X(INT, at_ms)                                                                    \
	X(TEXT, kind)                                                                    \
	X(TEXT, text)

#define EFFECT_COLUMNS(X)                                                                \
	X(INT, task_id)                                                                  \
	X(TEXT, kind)                                                                    \
	X(TEXT, slot)                                                                    \
	X(TEXT, want)                                                                    \
	X(INT, sent_ms)                                                                  \
	X(OPT, remote_id)                                                                \
	X(OPT, remote_url)                                                               \
	X(OPT, err)

#define PREPARED_COLUMNS(X)                                                              \
	X(TEXT, key)                                                                     \
	X(INT, repo_id)                                                                  \
	X(TEXT, base_oid)                                                                \
	X(TEXT, image)                                                                   \
	X(TEXT, setup_hash)                                                              \
	X(TEXT, snapshot_image)                                                          \
	X(INT, size_bytes)                                                               \
	X(INT, layers)                                                                   \
	X(INT, created_ms)                                                               \
	X(INT, used_ms)

#define CONVERSATION_FIXED(X)                                                            \
	X(INT, id)                                                                       \
	X(TEXT, lane)                                                                    \
	X(INT, repo_id)                                                                  \
	X(INT, number)                                                                   \
	X(BOOL, is_pull)                                                                 \
	X(TEXT, state)                                                                   \
	X(INT, created_ms)                                                               \
	X(INT, used_ms)

/* The task's: store_conversation_save() writes these. */
#define CONVERSATION_FACTS(X)                                                            \
	X(INT, pr_number)                                                                \
	X(OPT, pr_url)                                                                   \
	X(BOOL, ours)                                                                    \
	X(OPT, branch)                                                                   \
	X(OPT, target)                                                                   \
	X(OPT, base_oid)                                                                 \
	X(OPT, head_oid)                                                                 \
	X(OPT, box_id)                                                                   \
	X(OPT, box_oid)                                                                  \
	X(OPT, prepared_key)                                                             \
	X(OPT, image)                                                                    \
	X(OPT, harness)                                                                  \
	X(OPT, session_id)                                                               \
	X(OPT, undo_image)                                                               \
	X(OPT, undo_oid)                                                                 \
	X(OPT, undo_session_id)                                                          \
	X(INT, undo_task_id)

#define CONVERSATION_MANAGED(X)                                                          \
	X(OPT, plan)                                                                     \
	X(TEXT, plan_state)                                                              \
	X(INT, plan_task_id)                                                             \
	X(INT, repairs)                                                                  \
	X(BOOL, repairs_off)                                                             \
	X(REAL, budget_usd)

#define JOB_COLUMNS(X)                                                                   \
	X(INT, id)                                                                       \
	X(INT, repo_id)                                                                  \
	X(INT, installation_id)                                                          \
	X(TEXT, owner)                                                                   \
	X(TEXT, repo)                                                                    \
	X(TEXT, name)                                                                    \
	X(TEXT, source)                                                                  \
	X(TEXT, spec)                                                                    \
	X(TEXT, spec_hash)                                                               \
	X(TEXT, cron)                                                                    \
	X(TEXT, timezone)                                                                \
	X(INT, next_ms)                                                                  \
	X(INT, last_slot_ms)                                                             \
	X(TEXT, state)                                                                   \
	X(OPT, paused_why)                                                               \
	X(INT, failures)                                                                 \
	X(INT, task_id)                                                                  \
	X(OPT, last_note)                                                                \
	X(INT, last_ms)                                                                  \
	X(INT, pr_number)                                                                \
	X(OPT, declined)

#define REPOSITORY_COLUMNS(X)                                                            \
	X(INT, repo_id)                                                                  \
	X(INT, installation_id)                                                          \
	X(TEXT, owner)                                                                   \
	X(TEXT, repo)                                                                    \
	X(TEXT, state)                                                                   \
	X(OPT, rules_oid)                                                                \
	X(INT, looked_ms)                                                                \
	X(INT, dashboard)                                                                \
	X(OPT, dashboard_hash)

#define BOX_GIVEN(X)                                                                     \
	X(TEXT, id)                                                                      \
	X(TEXT, account)                                                                 \
	X(OPT, name)                                                                     \
	X(INT, active_ms)                                                                \
	X(INT, expires_ms)                                                               \
	X(BOOL, keep_alive)                                                              \
	X(BOOL, ephemeral)                                                               \
	X(INT, created_ms)                                                               \
	X(INT, updated_ms)                                                               \
	X(OPT, error)                                                                    \
	X(OPT, pause_reason)                                                             \
	X(OPT, wake_reason)                                                              \
	X(TEXT, runtime)                                                                 \
	X(TEXT, image)                                                                   \
	X(OPT, snapshot_id)                                                              \
	X(TEXT, size)                                                                    \
	X(TEXT, git_name)                                                                \
	X(TEXT, git_email)                                                               \
	X(OPT, agent)                                                                    \
	X(OPT, model)                                                                    \
	X(OPT, session_id)                                                               \
	X(OPT, runner)                                                                   \
	X(TEXT, labels)                                                                  \
	X(TEXT, network)                                                                 \
	X(TEXT, skills)                                                                  \
	X(TEXT, mcp)                                                                     \
	X(TEXT, sealed)                                                                  \
	X(TEXT, init_command)

#define BOX_METERED(X)                                                                   \
	X(OPT, boot)                                                                     \
	X(INT, boot_cpu_us)                                                              \
	X(INT, cpu_us)                                                                   \
	X(INT, run_cpu_us)                                                               \
	X(INT, memory_peak)                                                              \
	X(INT, disk_bytes)                                                               \
	X(INT, disk_ms)                                                                  \
	X(INT, tokens_in)                                                                \
	X(INT, tokens_out)                                                               \
	X(INT, tokens_cached)                                                            \
	X(INT, prompts)                                                                  \
	X(REAL, tokens_usd)                                                              \
	X(REAL, compute_usd)

#define BOX_RUN_GIVEN(X)                                                                 \
	X(TEXT, id)                                                                      \
	X(TEXT, box_id)                                                                  \
	X(TEXT, account)                                                                 \
	X(OPT, schedule_id)                                                              \
	X(INT, created_ms)                                                               \
	X(OPT, model)                                                                    \
	X(OPT, session_id)                                                               \
	X(TEXT, prompt)                                                                  \
	X(OPT, sealed)                                                                   \
	X(TEXT, detail)

#define BOX_RUN_MANAGED(X)                                                               \
	X(BOOL, settled)                                                                 \
	X(INT, completed_ms)                                                             \
	X(INT, exit_code)                                                                \
	X(INT, tokens_in)                                                                \
	X(INT, tokens_out)                                                               \
	X(INT, tokens_cached)                                                            \
	X(REAL, tokens_usd)                                                              \
	X(REAL, compute_usd)                                                             \
	X(INT, cpu_us)                                                                   \
	X(INT, memory_peak)                                                              \
	X(INT, webhook_at_ms)                                                            \
	X(INT, webhook_tries)                                                            \
	X(INT, offset)                                                                   \
	X(OPT, error)                                                                    \
	X(OPT, output)                                                                   \
	X(OPT, reader)

#define BOX_LOG_COLUMNS(X)                                                               \
	X(INT, seq)                                                                      \
	X(INT, at_ms)                                                                    \
	X(TEXT, level)                                                                   \
	X(TEXT, source)                                                                  \
	X(TEXT, message)

#define BOX_SNAPSHOT_COLUMNS(X)                                                          \
	X(TEXT, id)                                                                      \
	X(TEXT, account)                                                                 \
	X(TEXT, box_id)                                                                  \
	X(TEXT, name)                                                                    \
	X(OPT, error)                                                                    \
	X(TEXT, image)                                                                   \
	X(INT, size_bytes)                                                               \
	X(TEXT, runtime)                                                                 \
	X(OPT, agent)                                                                    \
	X(OPT, model)                                                                    \
	X(OPT, runner)                                                                   \
	X(TEXT, skills)                                                                  \
	X(TEXT, mcp)                                                                     \
	X(TEXT, git_name)                                                                \
	X(TEXT, git_email)                                                               \
	X(TEXT, sealed)                                                                  \
	X(INT, created_ms)

#define BOX_SCHEDULE_GIVEN(X)                                                            \
	X(TEXT, id)                                                                      \
	X(TEXT, box_id)                                                                  \
	X(TEXT, account)                                                                 \
	X(TEXT, cron)                                                                    \
	X(TEXT, detail)                                                                  \
	X(OPT, sealed)                                                                   \
	X(INT, next_ms)                                                                  \
	X(INT, created_ms)                                                               \
	X(INT, updated_ms)

#define BOX_SCHEDULE_MANAGED(X)                                                          \
	X(INT, last_run_ms)                                                              \
	X(OPT, last_run_id)                                                              \
	X(OPT, last_status)                                                              \
	X(INT, total_runs)                                                               \
	X(INT, total_failures)

#define BOX_PREVIEW_COLUMNS(X)                                                           \
	X(TEXT, box_id)                                                                  \
	X(INT, port)                                                                     \
	X(TEXT, account)                                                                 \
	X(OPT, token_hash)                                                               \
	X(OPT, password_hash)                                                            \
	X(INT, listen_port)                                                              \
	X(INT, created_ms)

#define KEY_COLUMNS(X)                                                                   \
	X(TEXT, id)                                                                      \
	X(TEXT, account)                                                                 \
	X(TEXT, name)                                                                    \
	X(TEXT, hash)                                                                    \
	X(TEXT, hint)                                                                    \
	X(INT, created_ms)                                                               \
	X(INT, used_ms)                                                                  \
	X(INT, revoked_ms)

#define ENV_COLUMNS(X)                                                                   \
	X(TEXT, name)                                                                    \
	X(TEXT, sealed)                                                                  \
	X(INT, updated_ms)

#define USAGE_COLUMNS(X)                                                                 \
	X(INT, cpu_us)                                                                   \
	X(INT, storage_mb_s)                                                             \
	X(INT, runs)                                                                     \
	X(INT, tokens_in)                                                                \
	X(INT, tokens_out)                                                               \
	X(REAL, compute_usd)                                                             \
	X(REAL, tokens_usd)

/* SQL out of the lists; each item ends with a comma. */
#define SQL_NAME(kind, name) #name ","
#define SQL_MARK(kind, name) "?,"
#define SQL_SET(kind, name) #name "=?,"
#define SQL_FROM_NEW(kind, name) #name "=excluded." #name ","
#define SQL_ADD_NEW(kind, name) #name "=" #name "+excluded." #name ","

#define TASK_ROW TASK_GIVEN(SQL_NAME) TASK_FACTS(SQL_NAME) TASK_MANAGED(SQL_NAME) "state"
#define CONVERSATION_ROW                                                                 \
	CONVERSATION_FIXED(SQL_NAME)                                                     \
	CONVERSATION_FACTS(SQL_NAME) CONVERSATION_MANAGED(SQL_NAME) "1"
#define JOB_ROW JOB_COLUMNS(SQL_NAME) "1"
#define REPOSITORY_ROW REPOSITORY_COLUMNS(SQL_NAME) "1"
#define COMMAND_ROW COMMAND_GIVEN(SQL_NAME) COMMAND_MANAGED(SQL_NAME) "state"
#define DELIVERY_ROW DELIVERY_COLUMNS(SQL_NAME) "state,coalesce(task_id,0)"
#define STEP_ROW STEP_COLUMNS(SQL_NAME) "state"
#define EFFECT_ROW EFFECT_COLUMNS(SQL_NAME) "state"
#define PREPARED_ROW PREPARED_COLUMNS(SQL_NAME) "state"
#define BOX_ROW BOX_GIVEN(SQL_NAME) BOX_METERED(SQL_NAME) "state"
#define BOX_RUN_ROW                                                                      \
	BOX_RUN_GIVEN(SQL_NAME) BOX_RUN_MANAGED(SQL_NAME) "type,state,webhook_state"
#define BOX_SNAPSHOT_ROW BOX_SNAPSHOT_COLUMNS(SQL_NAME) "state"
#define BOX_SCHEDULE_ROW                                                                 \
	BOX_SCHEDULE_GIVEN(SQL_NAME) BOX_SCHEDULE_MANAGED(SQL_NAME) "type,state"
#define KEY_ROW KEY_COLUMNS(SQL_NAME) "scope"
/* The commit that a trigger was about, of a text of JSON. */
#define SQL_HEAD(about)                                                                  \
	"CASE WHEN json_valid(" about ") THEN json_extract(" about ",'$.head') END"

#endif

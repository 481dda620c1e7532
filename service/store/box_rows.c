/* SPDX-License-Identifier: MIT */
/* The fields of the rows that belong to boxes, keys and accounts; see rows.c. */
#include "service/store/store-internal.h"

#include "boxcore/base/str.h"

#include <stddef.h>

#define WORD(name, word) word,
const char *const words_box_state[] = {STORE_BOX_STATES(WORD) NULL};
const char *const words_box_run_type[] = {STORE_BOX_RUN_TYPES(WORD) NULL};
const char *const words_box_run_state[] = {STORE_BOX_RUN_STATES(WORD) NULL};
const char *const words_webhook_state[] = {STORE_WEBHOOK_STATES(WORD) NULL};
const char *const words_snapshot_state[] = {STORE_SNAPSHOT_STATES(WORD) NULL};
const char *const words_schedule_type[] = {STORE_SCHEDULE_TYPES(WORD) NULL};
const char *const words_schedule_state[] = {STORE_SCHEDULE_STATES(WORD) NULL};
const char *const words_key_scope[] = {STORE_KEY_SCOPES(WORD) NULL};

#define FIELD(kind, name) {FIELD_##kind, offsetof(ROW, name), NULL},
#define WORDS(name, words)                                                               \
	{                                                                                \
		FIELD_STATE, offsetof(ROW, name), words                                  \
	}
#define TABLE(name, type)                                                                \
	const struct table name = {fields_##name, ARRAY_LEN(fields_##name), sizeof(type)}

#define ROW struct store_box
static const struct field fields_table_box_given[] = {
	BOX_GIVEN(FIELD) WORDS(state, words_box_state)};
TABLE(table_box_given, ROW);
static const struct field fields_table_box[] = {
	BOX_GIVEN(FIELD) BOX_METERED(FIELD) WORDS(state, words_box_state)};
TABLE(table_box, ROW);
#undef ROW

#define ROW struct store_box_run
static const struct field fields_table_box_run_given[] = {
	BOX_RUN_GIVEN(FIELD) WORDS(type, words_box_run_type)};
TABLE(table_box_run_given, ROW);
static const struct field fields_table_box_run[] = {
	BOX_RUN_GIVEN(FIELD) BOX_RUN_MANAGED(FIELD) WORDS(type, words_box_run_type),
	WORDS(state, words_box_run_state), WORDS(webhook_state, words_webhook_state)};
TABLE(table_box_run, ROW);
#undef ROW

#define ROW struct store_box_log
static const struct field fields_table_box_log[] = {BOX_LOG_COLUMNS(FIELD)};
TABLE(table_box_log, ROW);
#undef ROW

#define ROW struct store_box_snapshot
static const struct field fields_table_box_snapshot[] = {
	BOX_SNAPSHOT_COLUMNS(FIELD) WORDS(state, words_snapshot_state)};
TABLE(table_box_snapshot, ROW);
#undef ROW

#define ROW struct store_box_schedule
static const struct field fields_table_box_schedule_given[] = {
	BOX_SCHEDULE_GIVEN(FIELD) WORDS(type, words_schedule_type),
	WORDS(state, words_schedule_state)};
TABLE(table_box_schedule_given, ROW);
static const struct field fields_table_box_schedule[] = {
	BOX_SCHEDULE_GIVEN(FIELD) BOX_SCHEDULE_MANAGED(FIELD)
		WORDS(type, words_schedule_type),
	WORDS(state, words_schedule_state)};
TABLE(table_box_schedule, ROW);
#undef ROW

#define ROW struct store_box_preview
static const struct field fields_table_box_preview[] = {BOX_PREVIEW_COLUMNS(FIELD)};
TABLE(table_box_preview, ROW);
#undef ROW

#define ROW struct store_key
static const struct field fields_table_key[] = {
	KEY_COLUMNS(FIELD) WORDS(scope, words_key_scope)};
TABLE(table_key, ROW);
#undef ROW

#define ROW struct store_env
static const struct field fields_table_env[] = {ENV_COLUMNS(FIELD)};
TABLE(table_env, ROW);
#undef ROW

#define ROW struct store_usage
static const struct field fields_table_usage_added[] = {USAGE_COLUMNS(FIELD)};
TABLE(table_usage_added, ROW);
static const struct field fields_table_usage[] = {
	USAGE_COLUMNS(FIELD){FIELD_TEXT, offsetof(ROW, day), NULL}};
TABLE(table_usage, ROW);
#undef ROW

/* The exported names and releases of each kind of row. */

const char *store_box_state_name(enum store_box_state state)
{
	return words_box_state[state];
}

const char *store_box_run_type_name(enum store_box_run_type type)
{
	return words_box_run_type[type];
}

const char *store_box_run_state_name(enum store_box_run_state state)
{
	return words_box_run_state[state];
}

const char *store_snapshot_state_name(enum store_snapshot_state state)
{
	return words_snapshot_state[state];
}

const char *store_schedule_type_name(enum store_schedule_type type)
{
	return words_schedule_type[type];
}

const char *store_schedule_state_name(enum store_schedule_state state)
{
	return words_schedule_state[state];
}

const char *store_key_scope_name(enum store_key_scope scope)
{
	return words_key_scope[scope];
}

RELEASE_ROW(box)
RELEASE_ROW(box_run)
RELEASE_ROW(box_snapshot)
RELEASE_ROW(box_schedule)
RELEASE_ROW(box_preview)
RELEASE_ROW(key)
RELEASE_ROWS(boxes, box)
RELEASE_ROWS(box_runs, box_run)
RELEASE_ROWS(box_logs, box_log)
RELEASE_ROWS(box_snapshots, box_snapshot)
RELEASE_ROWS(box_schedules, box_schedule)
RELEASE_ROWS(box_previews, box_preview)
RELEASE_ROWS(keys, key)
RELEASE_ROWS(envs, env)
RELEASE_ROWS(usages, usage)

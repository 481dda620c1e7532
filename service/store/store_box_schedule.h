/* SPDX-License-Identifier: MIT */
/*
 * Schedules of boxes: when the next slot of each is, and what came of the last.
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_BOX_SCHEDULE_H
#define SERVICE_STORE_STORE_BOX_SCHEDULE_H

#include "service/store/store.h"

#define STORE_SCHEDULE_TYPES(X)                                                          \
	X(EXEC, "exec")                                                                  \
	X(PROMPT, "prompt")

#define STORE_SCHEDULE_STATES(X)                                                         \
	X(ACTIVE, "active")                                                              \
	X(PAUSED, "paused")

#define X(name, word) STORE_SCHEDULE_##name,
enum store_schedule_type { STORE_SCHEDULE_TYPES(X) };
enum store_schedule_state { STORE_SCHEDULE_STATES(X) };
#undef X

const char *store_schedule_type_name(enum store_schedule_type type);
const char *store_schedule_state_name(enum store_schedule_state state);

struct store_box_schedule {
	char *id, *box_id, *account;
	enum store_schedule_type type;
	enum store_schedule_state state;
	char *cron;
	char *detail;    /* JSON */
	char *sealed;    /* webhook headers, or NULL */
	int64_t next_ms; /* the next slot; 0: none */
	int64_t last_run_ms;
	char *last_run_id, *last_status; /* or NULL */
	int64_t total_runs, total_failures;
	int64_t created_ms, updated_ms;
};

void store_box_schedule_release(struct store_box_schedule *schedule);
DEFINE_CLEANUP(
	store_box_schedule, struct store_box_schedule, store_box_schedule_release(value))

struct store_box_schedules {
	struct store_box_schedule *rows;
	size_t count;
};
void store_box_schedules_release(struct store_box_schedules *list);
DEFINE_CLEANUP(store_box_schedules, struct store_box_schedules,
	store_box_schedules_release(value))

/* ERR_NOT_FOUND when the box has no row; ERR_QUOTA when it has LIMIT_BOX_SCHEDULES. */
int store_box_schedule_add(struct store *store, const struct store_box_schedule *schedule,
	struct cancel *cancel, struct err *err);
int store_box_schedule_get(struct store *store, const char *box_id, const char *id,
	struct store_box_schedule *ret, struct err *err); /* ERR_NOT_FOUND */
int store_box_schedule_list(struct store *store, const char *box_id,
	struct store_box_schedules *ret, struct err *err); /* oldest first, all */
/* Active, 0 < next_ms <= now_ms, earliest first; limit 1 to 500. */
int store_box_schedule_due(struct store *store, int64_t now_ms, int limit,
	struct store_box_schedules *ret, struct err *err);

/* Takes the slot `slot_ms` and sets the next: ERR_CONFLICT when next_ms is another by now,
 * or it is paused.  So a slot fires once, whatever happens afterwards. */
int store_box_schedule_fired(struct store *store, const char *id, int64_t slot_ms,
	int64_t next_ms, struct cancel *cancel, struct err *err);
/* What came of a slot.  status: "completed", "failed" or "skipped"; a skipped one counts
 * neither as a run nor as a failure.  A missing one is fine. */
int store_box_schedule_ran(struct store *store, const char *id, const char *run_id,
	const char *status, int64_t run_ms, struct cancel *cancel, struct err *err);

int store_box_schedule_set_state(struct store *store, const char *id,
	enum store_schedule_state state, int64_t next_ms, int64_t now_ms,
	struct cancel *cancel, struct err *err);
/* Writes cron, detail, sealed, next_ms and updated_ms of the row given. */
int store_box_schedule_change(struct store *store,
	const struct store_box_schedule *schedule, struct cancel *cancel,
	struct err *err);
int store_box_schedule_delete(struct store *store, const char *box_id, const char *id,
	struct cancel *cancel, struct err *err); /* ERR_NOT_FOUND */

#endif

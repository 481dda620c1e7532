/* SPDX-License-Identifier: MIT */
/*
 * The log of a box, line by line.
 *
 * At most LIMIT_BOX_LOG_ROWS lines a box, a few more at times: the oldest go.
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_BOX_LOG_H
#define SERVICE_STORE_STORE_BOX_LOG_H

#include "service/store/store.h"

struct store_box_log {
	int64_t seq; /* grows; gaps do not mean anything */
	int64_t at_ms;
	char *level;  /* "info", "warn", "error" */
	char *source; /* "system", "agent", "user" */
	char *message;
};

struct store_box_logs {
	struct store_box_log *rows;
	size_t count;
};
void store_box_logs_release(struct store_box_logs *list);
DEFINE_CLEANUP(store_box_logs, struct store_box_logs, store_box_logs_release(value))

/* Copies and only queues.  The message is made valid UTF-8 and cut at LIMIT_LOG_LINE.  A
 * box without a row is passed over. */
void store_box_log_append(
	struct store *store, const char *box_id, const struct store_box_log *line);

/* Oldest first, after `offset` lines of those that are still there; limit 0: all.  Ends
 * early, but not empty, when it holds LIMIT_STORE_PAGE_BYTES. */
int store_box_log_list(struct store *store, const char *box_id, int64_t offset,
	int64_t limit, struct store_box_logs *ret, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Events of a task: what its agent said and did, line by line, and the service's own
 * remarks.
 *
 * store_events_append() writes events and the offset of the run's output that they were
 * read up to in one transaction: a service that starts again goes on reading at
 * task->run_offset, and nothing is lost or doubled.  See store.h for errors, memory and
 * threads.
 */
#ifndef SERVICE_STORE_STORE_EVENT_H
#define SERVICE_STORE_STORE_EVENT_H

#include "service/store/store_task.h"

struct store_event_new {
	int64_t at_ms;
	const char *kind; /* "text", "tool", "result", "log", ... */
	const char *text; /* made valid UTF-8; cut at LIMIT_TASK_EVENT bytes */
	size_t text_len;
};

struct store_event_batch {
	const struct store_event_new *events; /* at most STORE_PAGE_MAX */
	size_t count;
	int64_t run_offset;    /* -1: stays as it is */
	const char *run_state; /* NULL: stays as it is */
	/* Added to the row's */
	int64_t tokens_in, tokens_out, tokens_cached;
	double cost_usd;
};

/* Fenced by the lease.  On success the row's run_offset, tokens and cost are brought up to
 * date; its other fields are neither written nor read.  Beyond LIMIT_TASK_EVENTS rows only
 * the offset and the figures move. */
int store_events_append(struct store *store, struct store_task *task,
	const struct store_event_batch *what, struct cancel *cancel, struct err *err);

struct store_event {
	int64_t seq; /* from 1, without a gap */
	int64_t at_ms;
	char *kind, *text;
};

struct store_events {
	struct store_event *rows;
	size_t count;
};
void store_events_release(struct store_events *list);
DEFINE_CLEANUP(store_events, struct store_events, store_events_release(value))

/* In order, those after after_seq; limit 1 to STORE_PAGE_MAX; 0: 100.  A page ends early,
 * but not empty, when it holds LIMIT_STORE_PAGE_BYTES. */
int store_events_read(struct store *store, int64_t task_id, int64_t after_seq, int limit,
	struct store_events *ret, struct err *err);

#endif

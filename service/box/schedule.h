/* SPDX-License-Identifier: MIT */
/* A schedule as clients write and read it; what schedule.c and schedules.c share. */
#ifndef SERVICE_BOX_SCHEDULE_H
#define SERVICE_BOX_SCHEDULE_H

#include "service/box/boxes-internal.h"
#include "service/store/store_box_schedule.h"

/* What a body asks for, checked: type, cron, command or prompt, folder, model,
 * agent_options, timeout, webhook_url, webhook_headers.  Pure. */
struct schedule_wish {
	enum store_schedule_type type;
	char *cron;
	int64_t next_ms; /* the first slot after `now_ms`; 0: there is none */
	json_t *detail;  /* all but type, cron and the headers */
	json_t *headers; /* NULL: none */
};
int schedule_read(
	const json_t *body, int64_t now_ms, struct schedule_wish *ret, struct err *err);
void schedule_wish_release(struct schedule_wish *wish);
DEFINE_CLEANUP(schedule_wish, struct schedule_wish, schedule_wish_release(value))

/* The members of the contract; `headers` NULL: none.  Pure. */
json_t *schedule_json(const struct store_box_schedule *row, const json_t *headers);
/* `body` over what the schedule is: what a change asks for.  Pure. */
json_t *schedule_merge(const json_t *present, const json_t *body);

#endif

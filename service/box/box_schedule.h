/* SPDX-License-Identifier: MIT */
/* Schedules of a box: a command or a prompt by a five-field cron expression, in UTC. */
#ifndef SERVICE_BOX_BOX_SCHEDULE_H
#define SERVICE_BOX_BOX_SCHEDULE_H

#include "service/box/boxes.h"

int boxes_schedule_create(struct boxes *boxes, const struct box_caller *who,
	const char *box, const json_t *body, json_t **ret, struct cancel *cancel,
	struct err *err);
int boxes_schedule_list(struct boxes *boxes, const struct box_caller *who,
	const char *box, json_t **ret, struct err *err); /* a bare array */
int boxes_schedule_get(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *schedule, json_t **ret, struct err *err);
int boxes_schedule_change(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *schedule, const json_t *body, json_t **ret,
	struct cancel *cancel, struct err *err);
int boxes_schedule_pause(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *schedule, bool pause, struct cancel *cancel,
	struct err *err);
int boxes_schedule_delete(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *schedule, struct cancel *cancel, struct err *err);

#endif

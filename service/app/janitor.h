/* SPDX-License-Identifier: MIT */
/*
 * Everything periodic: on one thread cancels whose hint was lost, orphaned boxes, old
 * snapshots, deliveries that did not arrive, old rows; on another boxes_tick().
 */
#ifndef SERVICE_APP_JANITOR_H
#define SERVICE_APP_JANITOR_H

#include "service/app/workers.h"
#include "service/box/boxes.h"

struct janitor;

/* All are borrowed.  Ends when env->stop fires. */
int janitor_start(struct janitor **ret_janitor, struct task_env *env,
	struct workers *workers, struct boxes *boxes, struct err *err);
void janitor_stop(struct janitor *janitor); /* joins; NULL is fine */
DEFINE_CLEANUP(janitor, struct janitor *, janitor_stop(*value))

#endif

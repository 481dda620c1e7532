/* SPDX-License-Identifier: MIT */
/*
 * Rows of the store as JSON: members are named as the rows' fields.  What is not known is
 * null.  The results belong to the caller.
 */
#ifndef SERVICE_HTTP_ROWS_H
#define SERVICE_HTTP_ROWS_H

#include "boxcore/base/json.h"
#include "service/store/store_command.h"
#include "service/store/store_delivery.h"
#include "service/store/store_effect.h"
#include "service/store/store_event.h"
#include "service/store/store_step.h"
#include "service/store/store_task.h"

json_t *row_task(const struct store_task *task);
json_t *row_step(const struct store_step *step);
json_t *row_effect(const struct store_effect *effect);
json_t *row_event(const struct store_event *event);
json_t *row_delivery(const struct store_delivery *delivery);
json_t *row_command(const struct store_command *command);

#endif

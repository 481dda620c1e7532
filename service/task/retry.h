/* SPDX-License-Identifier: MIT */
/*
 * What follows from an error: the one place where a task's retries are decided.  Pure.
 */
#ifndef SERVICE_TASK_RETRY_H
#define SERVICE_TASK_RETRY_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_WAIT_MAX_MS 3600000 /* an hour: GitHub's own window of limits */

struct retry {
	bool again;
	bool counted; /* false: put off by limits, which is no failure */
	int64_t wait_ms;
};

/* `attempt` counts from 1.  A peer's own word (err->retry_after_s) goes before our wait,
 * which doubles from `first_ms` and is spread by a quarter with `spread` (any number) so
 * that tasks that failed together do not come back together. */
struct retry retry_decide(const struct err *err, int64_t attempt, int64_t attempts,
	int64_t first_ms, uint32_t spread);

#endif

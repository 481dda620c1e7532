/* SPDX-License-Identifier: MIT */
/*
 * What follows from an error: the one place where retries of tasks and commands are decided.
 */
#ifndef SERVICE_TASK_RETRY_H
#define SERVICE_TASK_RETRY_H

#include "boxcore/base/cancel.h"
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
	int64_t first_ms, uint32_t spread); /* pure */

/* After the last write of a row that is at work has failed.  It has to come to pass: until
 * then nobody else takes the row up, and its lane waits.  So a store that cannot write now (a
 * full disk) is asked again: true, after a wait that grows with *wait_ms (0 at first).  False
 * for an error that stays, and when the service stops; the next start finds the row. */
bool retry_write(const struct err *err, int64_t *wait_ms, struct cancel *stop);

#endif

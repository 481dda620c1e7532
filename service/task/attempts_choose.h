/* SPDX-License-Identifier: MIT */
/* Which of several attempts is published.  Pure; internal to service/task. */
#ifndef SERVICE_TASK_ATTEMPTS_CHOOSE_H
#define SERVICE_TASK_ATTEMPTS_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attempt_facts {
	bool result;   /* there is a change that could be published */
	size_t failed; /* checks that did not pass */
	int64_t lines; /* added and deleted */
	int64_t files; /* changed */
};

/* The index of the best: fewest failed checks, then fewest lines, then fewest files, then the
 * earlier one; -1 when none has a result. */
int attempts_choose(const struct attempt_facts *facts, size_t count);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The real client before the stand-in for GitHub that tests/standin/verbs.test.mjs started;
 * alone, without one, such tests are skipped.
 */
#ifndef TESTS_LIB_STANDIN_WORLD_H
#define TESTS_LIB_STANDIN_WORLD_H

#include "boxcore/base/json.h"
#include "service/github/github.h"

/* Of the whole program; NULL without a stand-in. */
extern struct github *gh;
extern struct github_repo repo; /* octocat/sample, private */

/* cmocka's, of the group. */
int standin_setup(void **state);
int standin_teardown(void **state);

/* A fault from now on (tests/standin/README.md). */
void standin_fault(const char *json);
/* What a person does there: the method's name and its object; the answer is the caller's. */
json_t *standin_act(const char *what, const char *json);

#define NEED_STANDIN                                                                     \
	do {                                                                             \
		(void)state;                                                             \
		if (!gh)                                                                 \
			skip();                                                          \
	} while (0)

#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) != 0)                                                         \
			fail_msg("%s: %s", #call, err.text);                             \
	} while (0)

#endif

/* SPDX-License-Identifier: MIT */
/* Rows of boxes to put into a store_world.  Asserts with cmocka. */
#ifndef TESTS_LIB_STORE_BOX_WORLD_H
#define TESTS_LIB_STORE_BOX_WORLD_H

#include "service/store/store_box.h"
#include "service/store/store_box_run.h"
#include "tests/lib/store_world.h"

/* Fails the test with the error's text. */
#define OK(call)                                                                         \
	do {                                                                             \
		struct err ok_err = {0};                                                 \
		struct err *err = &ok_err;                                               \
		if ((call) < 0)                                                          \
			fail_msg("%s: %s", #call, err->text);                            \
	} while (0)
#define REFUSED(call, want, words)                                                       \
	do {                                                                             \
		struct err refused_err = {0};                                            \
		struct err *err = &refused_err;                                          \
		assert_int_equal((call), -1);                                            \
		assert_int_equal(err->kind, want);                                       \
		if (!strstr(err->text, words))                                           \
			fail_msg("%s: %s", #call, err->text);                            \
	} while (0)

/* A ready box; borrowed constants. */
struct store_box store_world_box(
	const char *id, const char *account, const char *name, int64_t created_ms);
void store_world_add_box(struct store_world *world, const char *id, const char *account,
	const char *name, int64_t created_ms);
/* A shell run; borrowed constants. */
struct store_box_run store_world_run(
	const char *id, const char *box_id, int64_t created_ms);
void store_world_add_run(struct store_world *world, const char *id, const char *box_id,
	int64_t created_ms);
/* All that was queued has been written. */
void store_world_flush(struct store_world *world);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * store_case.h, and OK() that takes a call which fills a local `err`; store_box_world.h has
 * one that brings its own.
 */
#ifndef TESTS_LIB_STORE_TEST_H
#define TESTS_LIB_STORE_TEST_H

#include "tests/lib/store_case.h"

#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s: %s", #call, err.text);                             \
	} while (0)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What tests of the store begin with: a store of its own for each case.
 *
 * To be included once, by a test program: it defines `world`, and TEST(fn) for the list of
 * cases.
 */
#ifndef TESTS_LIB_STORE_CASE_H
#define TESTS_LIB_STORE_CASE_H

#include "tests/lib/store_world.h"

static struct store_world world;

static int set_up(void **state)
{
	(void)state;
	store_world_start(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_world_stop(&world);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

#endif

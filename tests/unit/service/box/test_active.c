/* SPDX-License-Identifier: MIT */
/* Who is in which box; the crew's lanes; sizes and runtimes on offer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/box/active.h"
#include "service/box/catalog.h"
#include "service/box/crew.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* ---- holds and turns ------------------------------------------------------------------- */

static void holds_are_counted(void **state)
{
	struct boxes_active *active = active_new();
	struct err err = {0};

	(void)state;
	assert_int_equal(active_hold(active, "a", true, NULL, &err), 0);
	assert_int_equal(active_hold(active, "a", false, NULL, &err), 0);
	assert_int_equal(active_hold(active, "a", true, NULL, &err), 0);
	struct active_counts counts = active_look(active, "a");
	assert_int_equal(counts.runs, 2);
	assert_int_equal(counts.quiet, 1);
	assert_int_equal(active_look(active, "b").runs, 0);
	assert_int_equal(active_seize(active, "a", true, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	active_release(active, "a", true, 5);
	active_release(active, "a", true, 6);
	active_release(active, "a", false, 7);
	counts = active_look(active, "a");
	assert_int_equal(counts.runs + counts.quiet, 0);
	assert_int_equal(counts.active_ms, 7);
	assert_int_equal(active_seize(active, "a", true, NULL, &err), 0);
	active_yield(active, "a");
	active_free(active);
}

static void a_turn_is_seen(void **state)
{
	struct boxes_active *active = active_new();
	uint64_t before = active_turns(active);
	struct err err = {0};

	(void)state;
	assert_int_equal(active_hold(active, "a", true, NULL, &err), 0);
	assert_int_equal(active_turns(active), before);
	assert_int_equal(active_seize(active, "a", false, NULL, &err), 0);
	assert_int_not_equal(active_turns(active), before);
	before = active_turns(active);
	active_yield_to_hold(active, "a", false);
	assert_int_not_equal(active_turns(active), before);
	assert_int_equal(active_look(active, "a").quiet, 1);
	active_free(active);
}

static void a_wait_for_a_turn_can_be_cancelled(void **state)
{
	struct boxes_active *active = active_new();
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct err err = {0};

	(void)state;
	assert_int_equal(active_seize(active, "a", false, NULL, &err), 0);
	cancel_deadline(cancel, 20, "the test's patience");
	assert_int_equal(active_hold(active, "a", true, cancel, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(active_look(active, "a").runs, 0);
	active_yield(active, "a");
	active_free(active);
}

static void count_flushed(void *arg, const char *box, int64_t active_ms)
{
	int64_t *sum = arg;

	(void)box;
	*sum += active_ms;
}

static void activity_is_told_once(void **state)
{
	struct boxes_active *active = active_new();
	int64_t sum = 0;
	struct err err = {0};

	(void)state;
	active_note(active, "a", 3);
	assert_int_equal(active_hold(active, "b", false, NULL, &err), 0);
	active_flush(active, 100, count_flushed, &sum);
	assert_int_equal(sum, 103);
	active_flush(active, 100, count_flushed, &sum);
	assert_int_equal(sum, 203); /* b is still held */
	active_release(active, "b", false, 7);
	active_flush(active, 100, count_flushed, &sum);
	assert_int_equal(sum, 210);
	active_flush(active, 100, count_flushed, &sum);
	assert_int_equal(sum, 210);
	active_free(active);
}

/* Workers hold, changers seize: never both at once for one box. */
struct crowd {
	struct boxes_active *active;
	atomic_int inside[3]; /* holders of each box */
	atomic_int seizers[3];
	atomic_int wrong, seized;
};

static void *work(void *arg)
{
	struct crowd *crowd = arg;
	struct err err = {0};

	for (int i = 0; i < 2000; i++) {
		char box[2] = {(char)('a' + i % 3), '\0'};

		if (active_hold(crowd->active, box, i % 2, NULL, &err) < 0)
			atomic_fetch_add(&crowd->wrong, 1);
		atomic_fetch_add(&crowd->inside[i % 3], 1);
		if (atomic_load(&crowd->seizers[i % 3]) != 0)
			atomic_fetch_add(&crowd->wrong, 1);
		atomic_fetch_sub(&crowd->inside[i % 3], 1);
		active_release(crowd->active, box, i % 2, 1);
	}
	return NULL;
}

static void *change(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < 2000; i++) {
		char box[2] = {(char)('a' + i % 3), '\0'};
		struct err err = {0};

		if (active_seize(crowd->active, box, true, NULL, &err) < 0)
			continue;
		atomic_fetch_add(&crowd->seized, 1);
		if (atomic_fetch_add(&crowd->seizers[i % 3], 1) != 0 ||
			atomic_load(&crowd->inside[i % 3]) != 0)
			atomic_fetch_add(&crowd->wrong, 1);
		atomic_fetch_sub(&crowd->seizers[i % 3], 1);
		active_yield(crowd->active, box);
	}
	return NULL;
}

static void holders_and_seizers_never_meet(void **state)
{
	struct crowd crowd = {.active = active_new()};
	pthread_t threads[6];
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(thread_start(&threads[i], "crowd", i < 3 ? work : change,
					 &crowd, &err),
			0);
	for (int i = 0; i < 6; i++)
		thread_join(threads[i]);
	assert_int_equal(atomic_load(&crowd.wrong), 0);
	assert_int_not_equal(atomic_load(&crowd.seized), 0);
	active_free(crowd.active);
}

/* ---- the crew -------------------------------------------------------------------------- */

struct gang {
	atomic_int now, most, done;
};

static void job(void *arg)
{
	struct gang *gang = arg;
	int now = atomic_fetch_add(&gang->now, 1) + 1, most = atomic_load(&gang->most);
	struct err err = {0};

	while (now > most && !atomic_compare_exchange_weak(&gang->most, &most, now))
		;
	cancel_sleep(NULL, 2, &err);
	atomic_fetch_sub(&gang->now, 1);
	atomic_fetch_add(&gang->done, 1);
}

static void a_lane_has_its_maximum_and_ends_with_all_work_done(void **state)
{
	struct crew *crew = crew_new();
	struct gang gang = {0};
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_int_equal(crew_run(crew, CREW_MAKE, job, &gang, &err), 0);
	crew_free(crew);
	assert_int_equal(atomic_load(&gang.done), 200);
	assert_in_range(atomic_load(&gang.most), 2, LIMIT_BOX_MAKERS);
}

static void too_much_waiting_is_refused(void **state)
{
	struct crew *crew = crew_new();
	struct gang gang = {0};
	struct err err = {0};
	int taken = 0;

	(void)state;
	while (crew_run(crew, CREW_KEEP, job, &gang, &err) == 0 && taken < 100000)
		taken++;
	assert_int_equal(err.kind, ERR_QUOTA);
	crew_free(crew);
	assert_int_equal(atomic_load(&gang.done), taken);
}

/* ---- sizes and runtimes ---------------------------------------------------------------- */

static struct catalog *catalog_of(
	const char *size, const char *runtime, bool fails, struct err *err)
{
	struct config config = {0};
	char *sizes[] = {(char *)(uintptr_t)size, NULL};
	char *runtimes[] = {(char *)(uintptr_t)runtime, NULL};
	struct catalog *catalog = NULL;

	config.box_sizes = (struct config_list){sizes, size ? 1 : 0};
	config.box_runtimes = (struct config_list){runtimes, runtime ? 1 : 0};
	assert_int_equal(catalog_new(&catalog, &config, err), fails ? -1 : 0);
	return catalog;
}

static void sizes_are_those_of_the_contract_and_of_the_settings(void **state)
{
	struct err err = {0};
	struct catalog *catalog = catalog_of("medium=1.5:512m:1g", NULL, false, &err);
	struct catalog_size size;

	(void)state;
	assert_int_equal(catalog_size(catalog, "small", &size, &err), 0);
	assert_int_equal(size.memory_bytes, 4LL << 30);
	assert_int_equal(catalog_size(catalog, "large", &size, &err), 0);
	assert_int_equal(catalog_fits(&size, 8, 17LL << 30, &err), 0);
	assert_int_equal(catalog_fits(&size, 2, 64LL << 30, &err), -1);
	assert_int_equal(err.kind, ERR_UNABLE);
	assert_non_null(strstr(err.text, "this host has 2"));
	assert_int_equal(catalog_fits(&size, 64, 8LL << 30, &err), -1);
	assert_int_equal(catalog_fits(&size, 0, 0, &err), 0);
	assert_int_equal(catalog_size(catalog, "medium", &size, &err), 0);
	assert_int_equal(size.memory_bytes, 512LL << 20);
	err = (struct err){0};
	assert_int_equal(catalog_size(catalog, "vast", &size, &err), -1);
	assert_non_null(strstr(err.text, "small, medium, large"));
	catalog_free(catalog);
}

static void settings_of_sizes_are_checked(void **state)
{
	static const char *const wrong[] = {"small", "small=", "small=2", "small=2:4g",
		"=2:4g:5g", "small=0:4g:5g", "small=2:x:5g", "small=2:4g:x",
		"small=2:1m:5g", "SMALL=2:4g:5g"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err err = {0};

		assert_null(catalog_of(wrong[i], NULL, true, &err));
		assert_non_null(strstr(err.text, "box.sizes"));
	}
}

static void runtimes_are_ours_and_the_operators(void **state)
{
	struct err err = {0};
	struct catalog *catalog = catalog_of(NULL, "php=registry/php:8", false, &err);

	(void)state;
	assert_int_equal(catalog_runtime(catalog, "node", &err), 0);
	assert_int_equal(catalog_runtime(catalog, "rust-alpine", &err), 0);
	assert_int_equal(catalog_runtime(catalog, "php", &err), 0);
	assert_string_equal(catalog_image(catalog, "php"), "registry/php:8");
	assert_null(catalog_image(catalog, "node"));
	assert_int_equal(catalog_runtime(catalog, "cobol", &err), -1);
	assert_non_null(strstr(err.text, "php"));
	catalog_free(catalog);
	err = (struct err){0};
	assert_null(catalog_of(NULL, "php", true, &err));
	assert_non_null(strstr(err.text, "box.runtimes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_are_counted),
		cmocka_unit_test(a_turn_is_seen),
		cmocka_unit_test(a_wait_for_a_turn_can_be_cancelled),
		cmocka_unit_test(activity_is_told_once),
		cmocka_unit_test(holders_and_seizers_never_meet),
		cmocka_unit_test(a_lane_has_its_maximum_and_ends_with_all_work_done),
		cmocka_unit_test(too_much_waiting_is_refused),
		cmocka_unit_test(sizes_are_those_of_the_contract_and_of_the_settings),
		cmocka_unit_test(settings_of_sizes_are_checked),
		cmocka_unit_test(runtimes_are_ours_and_the_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

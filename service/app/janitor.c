/* SPDX-License-Identifier: MIT */
/* The janitor's rounds. */
#define LOG_MODULE "janitor"
#include "service/app/janitor.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"
#include "service/jobs/jobs.h"
#include "service/store/store_delivery.h"

#include <inttypes.h>

#define TICK_MS 5000
#define BOXES_MS 1000
#define CLEAN_MS 60000
#define REDELIVER_MS 300000
#define SNAPSHOT_UNUSED_MS (14LL * 24 * 3600 * 1000)
#define REDELIVER_AGE_S (3 * 24 * 3600) /* GitHub forgets them then */
#define KEEP_DAYS_MIN 4 /* longer than that: what is asked for again must be known */
#define PRUNE_MS 3600000
#define PRUNE_PAUSE_MS 20 /* between batches, for others who write */
#define DELIVERIES_PAGE 100
#define DELIVERIES_PAGES 5

struct janitor {
	struct task_env *env;
	struct workers *workers;
	struct boxes *boxes;
	pthread_t thread, boxes_thread, jobs_thread;
	struct cancel *round; /* bounds one round */
};

static bool stored(struct janitor *j, const char *guid)
{
	CLEANUP(store_delivery) struct store_delivery row = {0};
	struct err err = {0};

	return store_delivery_get(j->env->store, guid, false, &row, &err) == 0 ||
	       err.kind != ERR_NOT_FOUND;
}

static void redeliver_one(struct janitor *j, const struct github_delivery *delivery)
{
	struct err err = {0};

	/* One that was asked for again and failed again is left to people. */
	if (delivery->redelivery || stored(j, delivery->guid))
		return;
	if (github_redeliver(j->env->github, delivery->id, j->round, &err) < 0)
		log_warn("delivery %s cannot be asked for again: %s", delivery->guid,
			err.text);
	else
		log_info("asked GitHub again for delivery=%s event=%s", delivery->guid,
			delivery->event);
}

/* GitHub does not repeat what we missed; it has to be asked. */
static void redeliver(struct janitor *j)
{
	CLEANUP(mem)
	struct github_delivery *page = mem_array(DELIVERIES_PAGE, sizeof *page);
	char cursor[GITHUB_CURSOR_SIZE] = "";
	struct err err = {0};

	for (int i = 0; i < DELIVERIES_PAGES; i++) {
		size_t count = 0;

		if (github_deliveries(j->env->github, true, cursor, page, DELIVERIES_PAGE,
			    &count, j->round, &err) < 0) {
			log_debug("missed deliveries cannot be listed: %s", err.text);
			return;
		}
		for (size_t k = 0; k < count && !cancel_fired(j->round); k++) {
			if (page[k].delivered_s < clock_wall_s() - REDELIVER_AGE_S)
				return;
			redeliver_one(j, &page[k]);
		}
		if (!cursor[0])
			return;
	}
}

/* Old rows, bit by bit. */
static void prune(struct janitor *j)
{
	int64_t days = j->env->config->store_keep_days, before_ms;
	struct err err = {0};
	int64_t total = 0;
	bool more;
	int rows;

	if (days == 0)
		return;
	if (days < KEEP_DAYS_MIN)
		days = KEEP_DAYS_MIN;
	before_ms = clock_wall_ms() - days * CLOCK_DAY_MS;
	do {
		if (store_prune(j->env->store, before_ms, 0, &rows, &more, j->round,
			    &err) < 0) {
			if (err.kind != ERR_CANCELLED)
				log_warn("old rows cannot be removed: %s", err.text);
			return;
		}
		total += rows;
	} while (more && cancel_sleep(j->round, PRUNE_PAUSE_MS, &err) == 0);
	if (total > 0)
		log_info("removed %" PRId64 " rows older than %" PRId64 " days", total,
			days);
}

static void *janitor_main(void *arg)
{
	struct janitor *j = arg;
	int64_t clean_at = 0, redeliver_at = 0, prune_at = 0;
	struct err err = {0};

	do {
		int64_t now = clock_mono_ms();

		workers_check_cancels(j->workers);
		if (now >= clean_at) {
			task_clean(j->env, SNAPSHOT_UNUSED_MS, j->round);
			clean_at = now + CLEAN_MS;
		}
		if (now >= redeliver_at) {
			redeliver(j);
			redeliver_at = now + REDELIVER_MS;
		}
		if (now >= prune_at) {
			prune(j);
			prune_at = now + PRUNE_MS;
		}
	} while (cancel_sleep(j->round, TICK_MS, &err) == 0);
	return NULL;
}

/* Schedules and expiry have no time to wait for GitHub, so boxes have a thread of theirs. */
static void *boxes_main(void *arg)
{
	struct janitor *j = arg;
	struct err err = {0};

	do
		boxes_tick(j->boxes, clock_wall_ms(), j->round);
	while (cancel_sleep(j->round, BOXES_MS, &err) == 0);
	return NULL;
}

/* Nor have due jobs, while GitHub is asked for missed deliveries. */
static void *jobs_main(void *arg)
{
	struct janitor *j = arg;
	struct err err = {0};
	int64_t wait_ms;

	do {
		int64_t now = clock_wall_ms();

		wait_ms = jobs_tick(j->env->jobs, now, j->round) - now;
	} while (cancel_sleep(j->round, wait_ms, &err) == 0);
	return NULL;
}

int janitor_start(struct janitor **ret_janitor, struct task_env *env,
	struct workers *workers, struct boxes *boxes, struct err *err)
{
	struct janitor *j = mem_zalloc(sizeof *j);

	j->env = env;
	j->workers = workers;
	j->boxes = boxes;
	j->round = cancel_new(env->stop);
	if (thread_start(&j->thread, "janitor", janitor_main, j, err) < 0) {
		cancel_free(j->round);
		free(j);
		return -1;
	}
	if (thread_start(&j->boxes_thread, "box-tick", boxes_main, j, err) < 0) {
		cancel_fire(j->round, "the service cannot start");
		thread_join(j->thread);
		cancel_free(j->round);
		free(j);
		return -1;
	}
	if (thread_start(&j->jobs_thread, "jobs-tick", jobs_main, j, err) < 0) {
		cancel_fire(j->round, "the service cannot start");
		thread_join(j->thread);
		thread_join(j->boxes_thread);
		cancel_free(j->round);
		free(j);
		return -1;
	}
	*ret_janitor = j;
	return 0;
}

void janitor_stop(struct janitor *j)
{
	if (!j)
		return;
	cancel_fire(j->round, "the service stops");
	thread_join(j->thread);
	thread_join(j->boxes_thread);
	thread_join(j->jobs_thread);
	cancel_free(j->round);
	free(j);
}

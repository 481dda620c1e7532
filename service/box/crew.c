/* SPDX-License-Identifier: MIT */
/* The threads of service/box. */
#include "service/box/crew.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

#include <stdbool.h>

struct crew_job {
	crew_fn fn;
	void *arg;
	struct crew_job *next;
};

struct lane {
	struct crew *crew;
	const char *name; /* of its threads */
	int threads, threads_max;
	int waiting;
	struct crew_job *head, **tail;
};

struct crew {
	struct lock lock;
	struct cond ended;
	bool closing;
	struct lane lanes[CREW_LANES];
};

struct crew *crew_new(void)
{
	static const struct {
		const char *name;
		int threads;
	} kinds[CREW_LANES] = {
		[CREW_MAKE] = {"box-make", LIMIT_BOX_MAKERS},
		[CREW_KEEP] = {"box-keep", LIMIT_BOX_KEEPERS},
		[CREW_INIT] = {"box-init", LIMIT_BOX_INITS},
	};
	struct crew *crew = mem_zalloc(sizeof *crew);

	lock_init(&crew->lock);
	cond_init(&crew->ended);
	for (int i = 0; i < CREW_LANES; i++) {
		crew->lanes[i].crew = crew;
		crew->lanes[i].name = kinds[i].name;
		crew->lanes[i].threads_max = kinds[i].threads;
		crew->lanes[i].tail = &crew->lanes[i].head;
	}
	return crew;
}

/* The next work, or NULL after taking the thread off the books. */
static struct crew_job *next_job(struct lane *lane)
{
	struct crew *crew = lane->crew;

	LOCKED(&crew->lock);
	struct crew_job *job = lane->head;
	if (!job) {
		lane->threads--;
		cond_wake_all(&crew->ended);
		return NULL;
	}
	lane->head = job->next;
	if (!lane->head)
		lane->tail = &lane->head;
	lane->waiting--;
	return job;
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct crew_job *job;

	while ((job = next_job(lane))) {
		job->fn(job->arg);
		free(job);
	}
	return NULL;
}

/* A thread for what waits; the queue is served by the others when there is none. */
static int more_threads(struct lane *lane, struct err *err)
{
	pthread_t thread;

	if (lane->threads >= lane->threads_max)
		return 0;
	if (thread_start(&thread, lane->name, lane_main, lane, err) < 0)
		return lane->threads > 0 ? 0 : -1;
	pthread_detach(thread);
	lane->threads++;
	return 0;
}

int crew_run(
	struct crew *crew, enum crew_lane which, crew_fn fn, void *arg, struct err *err)
{
	struct lane *lane = &crew->lanes[which];

	LOCKED(&crew->lock);
	if (crew->closing)
		return err_set(err, ERR_TRANSIENT, "the service stops");
	if (lane->waiting >= LIMIT_BOX_CREW_WAITING)
		return err_set(err, ERR_QUOTA,
			"more than %d requests of this kind wait already; try again "
			"later",
			LIMIT_BOX_CREW_WAITING);
	if (more_threads(lane, err) < 0)
		return -1;
	struct crew_job *job = mem_zalloc(sizeof *job);
	job->fn = fn;
	job->arg = arg;
	*lane->tail = job;
	lane->tail = &job->next;
	lane->waiting++;
	return 0;
}

void crew_free(struct crew *crew)
{
	if (!crew)
		return;
	lock_take(&crew->lock);
	crew->closing = true;
	for (int i = 0; i < CREW_LANES; i++) {
		while (crew->lanes[i].threads > 0)
			cond_wait(&crew->ended, &crew->lock);
	}
	lock_give(&crew->lock);
	cond_release(&crew->ended);
	lock_release(&crew->lock);
	free(crew);
}

/* SPDX-License-Identifier: MIT */
/*
 * Threads of service/box for what takes longer than its caller waits.
 *
 * Work is given to a lane; a lane has a maximum of threads, and what is given beyond it waits
 * its turn.  Threads begin when there is work and end when there is none.  Work looks at
 * boxes->stop, which boxes_close() fires before it waits for the crew.
 */
#ifndef SERVICE_BOX_CREW_H
#define SERVICE_BOX_CREW_H

#include "boxcore/base/err.h"

struct crew;

enum crew_lane {
	CREW_MAKE, /* containers are made */
	CREW_KEEP, /* pauses, deletions, snapshots */
	CREW_INIT, /* init commands, some of which run as long as their box */
	CREW_LANES
};

typedef void (*crew_fn)(void *arg);

struct crew *crew_new(void);
/* No new work is taken, work that waits is begun all the same (it sees the stop); returns
 * when all has ended. */
void crew_free(struct crew *crew);
/* ERR_QUOTA when too much waits or the crew is closing; then fn is not called. */
int crew_run(
	struct crew *crew, enum crew_lane lane, crew_fn fn, void *arg, struct err *err);

#endif

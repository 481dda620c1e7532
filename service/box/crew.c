/* SPDX-License-Identifier: MIT */
/* The threads of service/box: a pool for each lane. */
#include "service/box/crew.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/pool.h"

#include <stdlib.h>

struct crew {
	struct pool *lanes[CREW_LANES];
};

struct crew *crew_new(void)
{
	struct crew *crew = mem_zalloc(sizeof *crew);

	crew->lanes[CREW_MAKE] =
		pool_new("box-make", LIMIT_BOX_MAKERS, LIMIT_BOX_CREW_WAITING, 0);
	crew->lanes[CREW_KEEP] =
		pool_new("box-keep", LIMIT_BOX_KEEPERS, LIMIT_BOX_CREW_WAITING, 0);
	crew->lanes[CREW_INIT] =
		pool_new("box-init", LIMIT_BOX_INITS, LIMIT_BOX_CREW_WAITING, 0);
	return crew;
}

int crew_run(
	struct crew *crew, enum crew_lane lane, crew_fn fn, void *arg, struct err *err)
{
	if (pool_submit(crew->lanes[lane], fn, arg))
		return 0;
	return err_set(err, ERR_QUOTA,
		"more than %d requests of this kind wait already; try again later",
		LIMIT_BOX_CREW_WAITING);
}

void crew_free(struct crew *crew)
{
	if (!crew)
		return;
	for (int i = 0; i < CREW_LANES; i++)
		pool_free(crew->lanes[i]);
	free(crew);
}

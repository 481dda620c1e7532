/* SPDX-License-Identifier: MIT */
/* Opening and closing, and taking up what a former process left. */
#define LOG_MODULE "boxes"
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/engine/engine.h"
#include "service/box/catalog.h"
#include "service/box/making.h"
#include "service/box/parts.h"

#include <string.h>

#define ASK_HOST_MS 10000

/* ---- what a former process left -------------------------------------------------------- */

static void take_up_making(struct boxes *boxes, const struct store_box *row)
{
	struct making *making = NULL;
	struct err err = {0};

	if (making_start(boxes, row->id, row->account, NULL, 0, &making, &err) < 0)
		log_warn("box %s stays unmade: %s", row->id, err.text);
	else
		making_forget(making);
}

static void take_up_box(struct boxes *boxes, const struct store_box *row)
{
	struct err err = {0};

	switch (row->state) {
	case STORE_BOX_CREATING: take_up_making(boxes, row); return;
	case STORE_BOX_DELETING:
		if (box_remove(boxes, row->id, &err) < 0)
			log_warn("box %s cannot be deleted: %s", row->id, err.text);
		return;
	case STORE_BOX_READY:
		if (box_renew_network(boxes, row->id, &err) < 0)
			log_warn("the network of box %s is not set: %s", row->id,
				err.text);
		box_init_recover(boxes, row);
		return;
	case STORE_BOX_PAUSED: /* the network is set when it wakes */
	case STORE_BOX_ERROR: break;
	}
}

/* Listed before anybody may make anything new, for what this process makes is not left. */
struct leftovers {
	struct boxes *boxes;
	struct store_boxes rows;
	struct store_box_snapshots snapshots;
};

static void leftovers_free(struct leftovers *left)
{
	store_boxes_release(&left->rows);
	store_box_snapshots_release(&left->snapshots);
	free(left);
}

static void take_up(void *arg)
{
	struct leftovers *left = arg;
	struct boxes *boxes = left->boxes;

	for (size_t i = 0; i < left->rows.count && !cancel_fired(boxes->stop); i++)
		take_up_box(boxes, &left->rows.rows[i]);
	for (size_t i = 0; i < left->snapshots.count && !cancel_fired(boxes->stop); i++)
		snapshot_recover(boxes, &left->snapshots.rows[i]);
	tick_orphans(boxes);
	leftovers_free(left);
}

static int start_take_up(struct boxes *boxes, struct err *err)
{
	struct leftovers *left = mem_zalloc(sizeof *left);

	left->boxes = boxes;
	if (store_box_list_in(boxes->options.store, STORE_BOX_ANY, &left->rows, err) ==
			0 &&
		store_box_snapshot_list_in(boxes->options.store,
			STORE_SNAPSHOT_IN(STORE_SNAPSHOT_CREATING) |
				STORE_SNAPSHOT_IN(STORE_SNAPSHOT_DELETING),
			&left->snapshots, err) == 0 &&
		crew_run(boxes->crew, CREW_KEEP, take_up, left, err) == 0)
		return 0;
	leftovers_free(left);
	return -1;
}

/* ---- open and close -------------------------------------------------------------------- */

static void ask_host(struct boxes *boxes)
{
	CLEANUP(cancel) struct cancel *patience = cancel_new(boxes->stop);
	struct engine_info info = {0};
	struct err err = {0};

	cancel_deadline(patience, ASK_HOST_MS, "the time to ask the Engine what it has");
	if (engine_info(boxcore_engine(boxes->options.core), &info, patience, &err) < 0) {
		log_warn("sizes are not checked, for the Engine does not tell what it "
			 "has: %s",
			err.text);
		return;
	}
	boxes->host_cpus = info.cpus;
	boxes->host_memory = info.memory_bytes;
}

static int open_parts(struct boxes *boxes, struct err *err)
{
	if (seal_open(boxes, err) < 0 ||
		catalog_new(&boxes->catalog, boxes->options.config, err) < 0)
		return -1;
	boxes->active = active_new();
	boxes->crew = crew_new();
	boxes->makings = makings_new();
	boxes->ticker = ticker_new();
	boxes->keys = key_cache_new();
	if (drives_open(boxes, err) < 0)
		return -1;
	ask_host(boxes);
	return 0;
}

int boxes_open(
	struct boxes **ret_boxes, const struct boxes_options *options, struct err *err)
{
	struct boxes *boxes = mem_zalloc(sizeof *boxes);

	boxes->options = *options;
	boxes->stop = cancel_new(options->stop);
	if (open_parts(boxes, err) < 0) {
		boxes_close(boxes);
		return -1;
	}
	drives_recover(boxes);
	if (start_take_up(boxes, err) < 0) {
		boxes_close(boxes);
		return -1;
	}
	*ret_boxes = boxes;
	return 0;
}

void boxes_close(struct boxes *boxes)
{
	if (!boxes)
		return;
	cancel_fire(boxes->stop, "the service stops");
	crew_free(boxes->crew);
	if (boxes->drives)
		drives_close(boxes);
	key_cache_free(boxes->keys);
	ticker_free(boxes->ticker);
	makings_free(boxes->makings);
	active_free(boxes->active);
	catalog_free(boxes->catalog);
	cancel_free(boxes->stop);
	mem_wipe(boxes->seal_key, sizeof boxes->seal_key);
	free(boxes);
}

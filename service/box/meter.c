/* SPDX-License-Identifier: MIT */
/*
 * Reading what boxes use.
 *
 * A reading is the control group's counter and the name of the boot that it belongs to; the
 * store adds what is new of it.  So readings may come late, twice, or from two threads, and
 * the sum over all boots is the control group's own.
 */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#define US_PER_HOUR 3.6e9

double boxes_compute_usd(const struct boxes *boxes, int64_t cpu_us)
{
	return (double)cpu_us / US_PER_HOUR * boxes->options.config->box_price_cpu_hour;
}

void box_meter_note(struct boxes *boxes, const char *id, const struct box_stats *stats)
{
	struct store_box_meter meter = {
		.boot = stats->boot,
		.boot_cpu_us = stats->cpu_us,
		.memory_peak = stats->memory_peak_bytes,
		.usd_per_cpu_us = boxes_compute_usd(boxes, 1),
		.now_ms = clock_wall_ms(),
	};

	if (!str_empty(stats->boot) && !box_is_of_task(id))
		store_box_meter(boxes->options.store, id, &meter);
}

void boxes_meter(struct boxes *boxes, const char *box_id, struct cancel *cancel)
{
	struct box_stats stats = {0};
	struct err ignored = {0};

	/* One that sleeps was read when it was stopped. */
	if (box_stats(boxes->options.core, box_id, &stats, cancel, &ignored) == 0)
		box_meter_note(boxes, box_id, &stats);
}

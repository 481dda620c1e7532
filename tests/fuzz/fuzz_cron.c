/* SPDX-License-Identifier: MIT */
/*
 * A cron expression.  What is accepted has a bit in each field and none outside; a slot
 * is a later whole minute within the years that are looked at, and its own next one is
 * later still.
 */
#include "service/schedule/cron.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(const struct cron *cron, int64_t after)
{
	int64_t next = cron_next(cron, after);

	if (next == 0)
		return;
	if (next <= after || next % 60 || next > after + 9LL * 366 * 86400)
		abort();
	if (cron_next(cron, next - 1) != next)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2 * CRON_TEXT_MAX];
	struct cron cron;
	struct err err = {0};
	uint32_t after = 0;

	if (size < sizeof after || size - sizeof after >= sizeof text)
		return 0;
	memcpy(&after, data, sizeof after);
	memcpy(text, data + sizeof after, size - sizeof after);
	text[size - sizeof after] = '\0';
	if (cron_parse(&cron, text, &err) < 0) {
		if (err.kind != ERR_INPUT || !err.text[0])
			abort();
		return 0;
	}
	if (!cron.minutes || cron.minutes >> 60 || !cron.hours || cron.hours >> 24 ||
		!cron.days || cron.days & 1 || !cron.months || cron.months & 1 ||
		cron.months >> 13 || !cron.weekdays || cron.weekdays >> 7)
		abort();
	check(&cron, after);
	check(&cron, (int64_t)after * 32);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Words and cron of a schedule, as a repository writes them, and names of zones.  What is read
 * is an expression that reads the same again, with slots at least the least distance apart.
 */
#include "service/schedule/when.h"
#include "service/schedule/zone.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 600
#define START_MS 1774000000000LL

static void check_slots(const struct cron *cron, const char *zone_name)
{
	CLEANUP(zone) struct zone *zone = NULL;
	struct err err = {0};
	int64_t at = START_MS, next;

	if (zone_open(&zone, zone_name, &err) < 0) {
		if (err.kind != ERR_INPUT)
			abort();
		return;
	}
	for (int i = 0; i < 20; i++) {
		if (zone_next(zone, cron, at, &next, &err) < 0 || (next && next <= at))
			abort();
		if (!next)
			return;
		at = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX], fields[CRON_TEXT_MAX + 1], again[CRON_TEXT_MAX + 1];
	struct cron cron, same;
	struct err err = {0};
	uint64_t hash;

	if (size < sizeof hash + 1 || size - sizeof hash - 1 >= sizeof text)
		return 0;
	memcpy(&hash, data, sizeof hash);
	memcpy(text, data + sizeof hash + 1, size - sizeof hash - 1);
	text[size - sizeof hash - 1] = '\0';
	/* "words|zone" */
	char *zone = strchr(text, '|');
	if (zone)
		*zone++ = '\0';
	if (when_parse(text, data[sizeof hash] & 1, hash, fields, &cron, &err) < 0) {
		if (err.kind != ERR_INPUT || !err.text[0])
			abort();
		return 0;
	}
	if (when_parse(fields, false, ~hash, again, &same, &err) < 0 ||
		strcmp(fields, again) || memcmp(&cron, &same, sizeof cron))
		abort();
	check_slots(&cron, zone ? zone : "Europe/Berlin");
	return 0;
}

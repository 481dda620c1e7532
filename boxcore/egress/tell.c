/* SPDX-License-Identifier: MIT */
/* Verdicts for the log: not the same again and again, not more than so many. */
#include "boxcore/egress/egress-internal.h"

#include "boxcore/base/clock.h"

static uint32_t add_text(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash * 16777619u; /* the end counts too */
}

static uint32_t hash_of(const struct egress_verdict *verdict)
{
	uint32_t hash = 2166136261u;

	/* A name's addresses change; the name is what people know. */
	hash = add_text(hash, verdict->name[0] ? verdict->name : verdict->address);
	hash = (hash ^ verdict->port) * 16777619u;
	return (hash ^ verdict->allowed) * 16777619u;
}

bool tell_now(struct tellings *tellings, const struct egress_verdict *verdict)
{
	int64_t now = clock_mono_ms();
	uint32_t hash = hash_of(verdict);

	for (int i = 0; i < TOLD_RECENT; i++)
		if (tellings->recent[i].at_ms > 0 && tellings->recent[i].hash == hash &&
			now - tellings->recent[i].at_ms < LIMIT_EGRESS_TOLD_MS)
			return false;
	if (now - tellings->minute_at_ms >= 60000) {
		tellings->minute_at_ms = now;
		tellings->in_minute = 0;
	}
	if (tellings->in_minute >= LIMIT_EGRESS_TOLD)
		return false;
	tellings->in_minute++;
	tellings->recent[tellings->next].hash = hash;
	tellings->recent[tellings->next].at_ms = now;
	tellings->next = (tellings->next + 1) % TOLD_RECENT;
	return true;
}

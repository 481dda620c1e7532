/* SPDX-License-Identifier: MIT */
/*
 * Reads usage out of an answer while it passes: Anthropic's and OpenAI's, as events or as
 * one document.  Pure.
 */
#ifndef SERVICE_RELAY_METER_H
#define SERVICE_RELAY_METER_H

#include "boxcore/base/strbuf.h"
#include "service/relay/relay.h"

struct relay_meter {
	enum relay_provider_id provider;
	bool events; /* text/event-stream; else one JSON document */
	struct strbuf line;
	bool skipping;   /* inside a line that is too long to be read */
	char model[128]; /* as the provider names it */
	struct relay_usage usage;
	bool told_input;
	bool final;     /* the usage is complete */
	int64_t pieces; /* events so far: each brings at least a token */
};

void relay_meter_init(
	struct relay_meter *meter, enum relay_provider_id provider, bool events);
void relay_meter_release(struct relay_meter *meter);
DEFINE_CLEANUP(relay_meter, struct relay_meter, relay_meter_release(value))

void relay_meter_feed(struct relay_meter *meter, const char *data, size_t len);
/* After the last byte.  What was not told is estimated, from the bytes of the request and
 * the events that came, and usage.estimated is 1. */
void relay_meter_end(struct relay_meter *meter, size_t request_len);

#endif

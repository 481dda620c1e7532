/* SPDX-License-Identifier: MIT */
/* Usage from an answer on its way. */
#include "service/relay/meter.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <string.h>

#define TOKENS_MAX 1000000000 /* a number above is a lie, and must not overflow a sum */

void relay_meter_init(
	struct relay_meter *meter, enum relay_provider_id provider, bool events)
{
	*meter = (struct relay_meter){.provider = provider, .events = events};
	strbuf_init(&meter->line, LIMIT_RELAY_EVENT);
}

void relay_meter_release(struct relay_meter *meter)
{
	strbuf_release(&meter->line);
}

static bool told(const json_t *usage, const char *path, int64_t *ret)
{
	const json_t *value = json_at(usage, path);

	if (!json_is_integer(value))
		return false;
	int64_t n = json_integer_value(value);
	*ret = n < 0 ? 0 : n > TOKENS_MAX ? TOKENS_MAX : n;
	return true;
}

static void take_anthropic(struct relay_meter *meter, const json_t *usage)
{
	struct relay_usage *to = &meter->usage;

	meter->told_input |= told(usage, "input_tokens", &to->input_tokens);
	told(usage, "cache_read_input_tokens", &to->cached_tokens);
	told(usage, "cache_creation_input_tokens", &to->cache_write_tokens);
	told(usage, "output_tokens", &to->output_tokens);
}

/* The input of OpenAI's figures contains what came from the cache. */
static void take_openai(struct relay_meter *meter, const json_t *usage)
{
	struct relay_usage *to = &meter->usage;
	int64_t cached = 0;

	if (told(usage, "input_tokens", &to->input_tokens)) {
		told(usage, "output_tokens", &to->output_tokens);
		told(usage, "input_tokens_details.cached_tokens", &cached);
	} else if (told(usage, "prompt_tokens", &to->input_tokens)) {
		told(usage, "completion_tokens", &to->output_tokens);
		told(usage, "prompt_tokens_details.cached_tokens", &cached);
	} else {
		return;
	}
	meter->told_input = true;
	to->cached_tokens = cached < to->input_tokens ? cached : to->input_tokens;
	to->input_tokens -= to->cached_tokens;
}

static void take_document(struct relay_meter *meter, const char *text, size_t len)
{
	struct err ignored = {0};

	/* Most events say nothing about usage; they are not worth parsing. */
	if (!memmem(text, len, "\"usage\"", 7))
		return;
	CLEANUP(json) json_t *json = json_parse(text, len, &ignored);
	const json_t *inner = json_at(json, "message");
	if (!json_is_object(inner))
		inner = json_at(json, "response");
	if (!json_is_object(inner))
		inner = json;
	const char *model = json_or_string(inner, "model", "");
	if (*model && strlen(model) < sizeof meter->model)
		str_copy(meter->model, sizeof meter->model, model);
	const json_t *usage = json_at(inner, "usage");
	if (!json_is_object(usage))
		return;
	if (meter->provider == RELAY_ANTHROPIC) {
		take_anthropic(meter, usage);
		/* message_start tells only the input; what comes last tells all. */
		meter->final = !str_eq(json_or_string(json, "type", ""), "message_start");
	} else {
		take_openai(meter, usage);
		meter->final = meter->told_input;
	}
}

static void take_line(struct relay_meter *meter)
{
	const char *line = strbuf_str(&meter->line);
	size_t len = meter->line.len;

	if (strncmp(line, "data:", 5) == 0) {
		meter->pieces++;
		take_document(meter, line + 5, len - 5);
	}
	strbuf_reset(&meter->line);
}

static void feed_events(struct relay_meter *meter, const char *data, size_t len)
{
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;
		if (!meter->skipping)
			strbuf_add(&meter->line, data, n);
		meter->skipping |= strbuf_failed(&meter->line);
		if (end && !meter->skipping)
			take_line(meter);
		if (end) {
			strbuf_reset(&meter->line);
			meter->skipping = false;
		}
		data += n + (end ? 1 : 0);
		len -= n + (end ? 1 : 0);
	}
}

void relay_meter_feed(struct relay_meter *meter, const char *data, size_t len)
{
	if (meter->events)
		feed_events(meter, data, len);
	else
		strbuf_add(&meter->line, data, len);
}

void relay_meter_end(struct relay_meter *meter, size_t request_len)
{
	struct relay_usage *usage = &meter->usage;

	if (meter->events)
		take_line(meter);
	else if (!strbuf_failed(&meter->line))
		take_document(meter, strbuf_str(&meter->line), meter->line.len);
	usage->calls = 1;
	if (meter->final)
		return;
	usage->estimated = 1;
	/* About four bytes of JSON are a token. */
	if (!meter->told_input)
		usage->input_tokens = (int64_t)(request_len / 4) + 1;
	if (usage->output_tokens < meter->pieces)
		usage->output_tokens = meter->pieces;
}

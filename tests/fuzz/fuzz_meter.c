/* SPDX-License-Identifier: MIT */
/*
 * Usage from a provider's answer: figures that a sum can bear, the same for pieces of any size.
 */
#include "service/relay/meter.h"

#include "boxcore/base/limits.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(const struct relay_usage *usage)
{
	const int64_t counts[] = {usage->input_tokens, usage->output_tokens,
		usage->cached_tokens, usage->cache_write_tokens};

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		if (counts[i] < 0 || counts[i] > 1000000000)
			abort();
	}
	if (usage->calls != 1)
		abort();
}

static void read_in(const char *data, size_t size, size_t piece, int provider,
	bool events, struct relay_usage *ret)
{
	CLEANUP(relay_meter) struct relay_meter meter;

	relay_meter_init(&meter, (enum relay_provider_id)provider, events);
	for (size_t at = 0; at < size; at += piece)
		relay_meter_feed(
			&meter, data + at, size - at < piece ? size - at : piece);
	relay_meter_end(&meter, size);
	if (strlen(meter.model) >= sizeof meter.model)
		abort();
	*ret = meter.usage;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 64 * LIMIT_KIB)
		return 0;
	for (int provider = 0; provider < RELAY_PROVIDERS; provider++) {
		for (int events = 0; events < 2; events++) {
			struct relay_usage whole = {0};
			struct relay_usage pieces = {0};
			read_in((const char *)data, size, size + 1, provider, events,
				&whole);
			read_in((const char *)data, size, 7, provider, events, &pieces);
			check(&whole);
			if (memcmp(&whole, &pieces, sizeof whole) != 0)
				abort();
		}
	}
	return 0;
}

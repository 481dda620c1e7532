/* SPDX-License-Identifier: MIT */
/* The price table. */
#include "service/relay/price.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Dollars for a million tokens: input, output, cache read, cache write (5 minutes). */
const struct relay_price relay_prices_default[] = {
	{"claude-opus-4", 5, 25, 0.5, 6.25},
	{"claude-opus-4-0", 15, 75, 1.5, 18.75},
	{"claude-opus-4-1", 15, 75, 1.5, 18.75},
	{"claude-opus-4-20250514", 15, 75, 1.5, 18.75},
	{"claude-sonnet-4", 3, 15, 0.3, 3.75},
	{"claude-haiku-4", 1, 5, 0.1, 1.25},
	{"claude-3-5-haiku", 0.8, 4, 0.08, 1},
	{"claude-3-7-sonnet", 3, 15, 0.3, 3.75},
	{"gpt-5", 1.25, 10, 0.125, 1.25},
	{"gpt-5-mini", 0.25, 2, 0.025, 0.25},
	{"gpt-5-nano", 0.05, 0.4, 0.005, 0.05},
	{"gpt-4.1", 2, 8, 0.5, 2},
	{NULL, 0, 0, 0, 0},
};

void relay_prices_init(
	struct relay_prices *prices, const struct relay_price *given, size_t n)
{
	size_t built_in = ARRAY_LEN(relay_prices_default) - 1;

	prices->rows = mem_array(n + built_in, sizeof *prices->rows);
	for (size_t i = 0; i < n + built_in; i++) {
		prices->rows[i] = i < n ? given[i] : relay_prices_default[i - n];
		prices->rows[i].model = mem_strdup(prices->rows[i].model);
	}
	prices->n = n + built_in;
}

void relay_prices_release(struct relay_prices *prices)
{
	for (size_t i = 0; i < prices->n; i++)
		free((void *)(uintptr_t)prices->rows[i].model);
	free(prices->rows);
	*prices = (struct relay_prices){0};
}

const struct relay_price *relay_price_find(
	const struct relay_prices *prices, const char *model)
{
	const struct relay_price *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < prices->n; i++) {
		size_t n = strlen(prices->rows[i].model);
		/* Not >=: of equal prefixes the first, which was given, wins. */
		if (str_starts(model, prices->rows[i].model) && (!found || n > longest)) {
			found = &prices->rows[i];
			longest = n;
		}
	}
	return found;
}

static struct relay_price dearest(const struct relay_prices *prices)
{
	struct relay_price most = {0};

	for (size_t i = 0; i < prices->n; i++) {
		const struct relay_price *row = &prices->rows[i];
		most.input = fmax(most.input, row->input);
		most.output = fmax(most.output, row->output);
		most.cache_read = fmax(most.cache_read, row->cache_read);
		most.cache_write = fmax(most.cache_write, row->cache_write);
	}
	return most;
}

int64_t relay_cost(const struct relay_prices *prices, const char *model,
	const struct relay_usage *usage, bool *ret_unpriced)
{
	const struct relay_price *row = relay_price_find(prices, model);
	struct relay_price price = row ? *row : dearest(prices);

	*ret_unpriced = !row;
	/* Dollars for a million are millionths of a dollar for one.  The small amount that
	 * is taken off keeps binary fractions from rounding a whole number up. */
	return (int64_t)ceil((double)usage->input_tokens * price.input +
			     (double)usage->output_tokens * price.output +
			     (double)usage->cached_tokens * price.cache_read +
			     (double)usage->cache_write_tokens * price.cache_write -
			     1e-6);
}

/* SPDX-License-Identifier: MIT */
/* What a call costs. */
#ifndef SERVICE_RELAY_PRICE_H
#define SERVICE_RELAY_PRICE_H

#include "service/relay/relay.h"

struct relay_prices {
	struct relay_price *rows; /* the given ones before the built-in ones */
	size_t n;
};

void relay_prices_init(
	struct relay_prices *prices, const struct relay_price *given, size_t n);
void relay_prices_release(struct relay_prices *prices);

/* The row with the longest prefix of the name; else NULL. */
const struct relay_price *relay_price_find(
	const struct relay_prices *prices, const char *model);

/* Millionths of a dollar, rounded up.  A model without a row pays the dearest price of the
 * table for each kind of token, and *ret_unpriced says so. */
int64_t relay_cost(const struct relay_prices *prices, const char *model,
	const struct relay_usage *usage, bool *ret_unpriced);

#endif

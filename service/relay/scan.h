/* SPDX-License-Identifier: MIT */
/*
 * The few members of a model request that the relay has to know, found without building a
 * tree of a document that may have 64 MiB.
 */
#ifndef SERVICE_RELAY_SCAN_H
#define SERVICE_RELAY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay_scan {
	char model[128];    /* "" when there is none, or none that fits */
	int64_t max_tokens; /* max_tokens, max_output_tokens, max_completion_tokens; 0 */
};

/* Reads the top level only; the last of equal members counts, as it does for the parsers of
 * both providers.  false when the text is no JSON object as far as this looks. */
bool relay_scan(const char *text, size_t len, struct relay_scan *ret_scan);

#endif

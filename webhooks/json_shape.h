/* SPDX-License-Identifier: MIT */
/*
 * Whether a text is JSON by its grammar alone, whatever a parser makes of its numbers,
 * escapes and depth.  Tells a delivery that was cut or garbled (refused) from one that is
 * whole but beyond the parser (kept raw).  Pure and thread-safe.
 */
#ifndef WEBHOOKS_JSON_SHAPE_H
#define WEBHOOKS_JSON_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

/* One JSON object of RFC 8259 in UTF-8, white space around it allowed, nothing else.
 * Takes time in proportion to len and a bit of memory for each level of nesting. */
bool json_shape_is_object(const char *text, size_t len);

#endif

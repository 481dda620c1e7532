/* SPDX-License-Identifier: MIT */
/*
 * A delivery's body without the members that nobody here reads: most of what GitHub sends
 * are addresses of its API and counters, and building a tree of them is half of the work of
 * taking a delivery.  Pure and thread-safe.
 *
 * A reader of events that asks for one more name has to put it into the list in slim.c.
 */
#ifndef WEBHOOKS_SLIM_H
#define WEBHOOKS_SLIM_H

#include <stddef.h>

/*
 * Copies text to `to` (len bytes) and returns how many it became.  Left out are members of
 * other names than those read whose value is a string of plain ASCII without escapes, a
 * whole number of at most 18 digits, true, false or null, where the next member follows at
 * once.  So the copy is JSON exactly when the text is, with the same depth and the same other
 * members; but columns in errors are the copy's.
 * 0: nested too deep to follow; use the text itself.
 */
size_t slim_json(char *to, const char *text, size_t len);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A delivery's body without the members that nobody here reads: two thirds of what GitHub
 * sends are addresses of its API, and building a tree of them is half of the work of taking
 * a delivery.  Pure and thread-safe.
 */
#ifndef WEBHOOKS_SLIM_H
#define WEBHOOKS_SLIM_H

#include <stddef.h>

/*
 * Copies text to `to` (len bytes) and returns how many it became.  Left out are members
 * `"..._url":"...",` of plain ASCII without escapes, but for html_url and clone_url, and only
 * where the next member follows at once.  So the copy is JSON exactly when the text is, with
 * the same depth and the same other members; but columns in errors are the copy's.
 * 0: nested too deep to follow; use the text itself.
 */
size_t slim_json(char *to, const char *text, size_t len);

#endif

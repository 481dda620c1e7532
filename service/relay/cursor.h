/* SPDX-License-Identifier: MIT */
/*
 * Steps over the text of a JSON document without building a tree of it: a model request may
 * have 64 MiB.  Texts that are JSON are walked as a parser would; what is none may be walked
 * in any way, but never past its end.
 */
#ifndef SERVICE_RELAY_CURSOR_H
#define SERVICE_RELAY_CURSOR_H

#include "service/relay/head.h"

#include <stdbool.h>

struct cursor {
	const char *p;
	const char *end;
};

/* Steps over blanks; the next byte without taking it, or NUL at the end. */
char cursor_peek(struct cursor *c);
/* The next byte behind blanks is `want`, and is taken. */
bool cursor_take(struct cursor *c, char want);
/* At a quote.  The raw text between the quotes, escapes as they are. */
bool cursor_string(struct cursor *c, struct slice *ret_text);
/* A number or a word. */
bool cursor_bare(struct cursor *c, struct slice *ret_text);
/* Over a value of any kind, however deep, without recursion. */
bool cursor_skip(struct cursor *c);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * An agent's text on its way to GitHub: it may notify, close and load nothing.
 *
 * Thread-safe.
 */
#ifndef PROMPTS_PUBLISHED_H
#define PROMPTS_PUBLISHED_H

#include "boxcore/base/strbuf.h"

#include <stddef.h>

/* Appends Markdown with known secrets replaced, HTML comments and invisible characters
 * dropped (so nobody forges our hidden markers), `<` of HTML escaped, images turned into
 * links, @name kept from mentioning, and #n behind a closing word ("fixes #3") kept from
 * closing.  Cut at `most` bytes at the end of a line, with an open code fence closed and
 * a line that says so. */
void prompt_clean_published(
	struct strbuf *out, const char *text, size_t len, size_t most);

/* Appends a fenced block that no run of backticks in the text can end; known secrets
 * replaced; cut at `most` bytes keeping the end, which is where logs tell why. */
void prompt_fence(struct strbuf *out, const char *language, const char *text, size_t len,
	size_t most);

#endif

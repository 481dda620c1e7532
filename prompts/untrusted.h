/* SPDX-License-Identifier: MIT */
/*
 * Foreign text on its way to an agent: cleaned of what people cannot see, and marked as
 * data.
 *
 * Marking does not make a text harmless; nothing that an agent may do depends on it.  It
 * keeps honest agents from mistaking a stranger's sentence for an order.  Thread-safe.
 */
#ifndef PROMPTS_UNTRUSTED_H
#define PROMPTS_UNTRUSTED_H

#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends text as valid UTF-8 without HTML comments (also unfinished ones), zero-width
 * and other invisible characters, bidi controls, tag characters and controls but \n and
 * \t; CR LF becomes LF.  What is left reads as people see it. Cleaning twice changes
 * nothing.  Returns
 * how many comments were dropped: in a code block people could see them. */
size_t prompt_clean_untrusted(struct strbuf *out, const char *text, size_t len);

struct prompt_source {
	const char *what;  /* "issue title and body", "comment", "build log" */
	const char *login; /* who wrote it; NULL: unknown */
	bool may_write;    /* may change the repository, asked from GitHub */
	bool is_request;   /* the text that the agent is asked to act on */
};

/* Appends the text, cleaned, between two lines with a delimiter that is random each time,
 * below a line that says what it is, who wrote it and whether they may write.  A text
 * longer than `most` bytes is cut there, and the block says so. */
int prompt_quote(struct strbuf *out, const struct prompt_source *source, const char *text,
	size_t len, size_t most, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Inside service/github: fenced code blocks of Markdown, line by line, as CommonMark
 * defines them outside of lists and quotes.
 */
#ifndef SERVICE_GITHUB_FENCE_H
#define SERVICE_GITHUB_FENCE_H

#include "boxcore/base/strbuf.h"

struct fence {
	char c;     /* '`' or '~' */
	size_t len; /* 0: no fence is open */
};

/* The line opens a fence when it is indented by at most `indent` spaces. */
void fence_open(struct fence *fence, const char *line, size_t len, size_t indent);
/* The line closes the open fence (indented by up to three spaces), or does nothing. */
void fence_close(struct fence *fence, const char *line, size_t len);
/* Appends what closes the open fence, on a line of its own; nothing when none is. */
void fence_end(struct fence *fence, struct strbuf *out);

#endif

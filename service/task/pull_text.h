/* SPDX-License-Identifier: MIT */
/*
 * Our part of a pull request's text: it lies between two hidden lines, and what people write
 * around them is theirs.  Pure.
 */
#ifndef SERVICE_TASK_PULL_TEXT_H
#define SERVICE_TASK_PULL_TEXT_H

#include "boxcore/base/strbuf.h"

#include <stdbool.h>

/* Appends `part` with the hidden lines around it. */
void pull_text_wrap(const char *part, struct strbuf *out);
/* Appends `body` with our part replaced.  False, and nothing appended, when it has none (any
 * more): then people have written their own. */
bool pull_text_replace(const char *body, const char *part, struct strbuf *out);

#endif

/* SPDX-License-Identifier: MIT */
/* Inside service/github: the last gate for text that leaves for GitHub. */
#ifndef SERVICE_GITHUB_PUBLISH_H
#define SERVICE_GITHUB_PUBLISH_H

#include "boxcore/base/json.h"

/* Sets json[key] to `text`: valid UTF-8, known secrets replaced, at most LIMIT_COMMENT
 * bytes (ERR_LIMIT). */
int publish_text(json_t *json, const char *key, const char *text, struct err *err);
/* The same, but cut to `max` bytes (with a word that it was) instead of an error. */
void publish_cut(json_t *json, const char *key, const char *text, size_t max);

#endif

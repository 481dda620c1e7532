/* SPDX-License-Identifier: MIT */
/*
 * Names, logs and answers that come from a box are hostile: a terminal takes escape sequences
 * in them for commands (its title, its clipboard, lines that were never there).  When stdout
 * or stderr is a terminal, control characters other than line ends and tabs become U+FFFD;
 * what goes into a file or a pipe stays as it is.
 *
 * `exec`, `shell` and `files cat` pass bytes on as they come, as such commands do.
 */
#ifndef SERVICE_CLI_TERMINAL_H
#define SERVICE_CLI_TERMINAL_H

#include "boxcore/base/json.h"

/* Every text of the answer, in place.  NULL is fine. */
void terminal_clean(json_t *answer);
/* The member as text of one line (line ends become '?'), or `fallback`.  Borrowed. */
const char *terminal_line(const json_t *row, const char *member, const char *fallback);

#endif

/* SPDX-License-Identifier: MIT */
/* Conflict markers as repo_replay() writes them.  Pure; internal to service/task. */
#ifndef SERVICE_TASK_REPLAY_MARKS_H
#define SERVICE_TASK_REPLAY_MARKS_H

#include <stdbool.h>
#include <stddef.h>

/* A line begins with one of the markers. */
bool replay_has_marks(const char *text, size_t len);

/* In a line "path: what": where the path ends, or NULL. */
char *replay_path_end(char *line);

#endif

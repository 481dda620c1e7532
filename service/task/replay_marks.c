/* SPDX-License-Identifier: MIT */
/* Conflict markers in files, and the list of files that have them. */
#include "service/task/replay_marks.h"

#include "boxcore/base/str.h"

#include <string.h>

bool replay_has_marks(const char *text, size_t len)
{
	static const char *const marks[] = {
		"<<<<<<< the new base", ">>>>>>> this pull request"};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		size_t n = strlen(marks[i]);
		const char *at = text, *end = text + len;

		while ((at = memmem(at, (size_t)(end - at), marks[i], n))) {
			if (at == text || at[-1] == '\n')
				return true;
			at += n;
		}
	}
	return false;
}

/* The words behind a path hold no ": ". */
char *replay_path_end(char *line)
{
	char *found = NULL;

	for (char *at = line; (at = strstr(at, ": ")); at += 2)
		found = at;
	return found && found > line ? found : NULL;
}

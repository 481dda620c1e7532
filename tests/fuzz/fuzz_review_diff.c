/* SPDX-License-Identifier: MIT */
/*
 * A diff's places.  What is kept as a row comes back with the same places, names are valid
 * UTF-8, hunks have lines, and counts stay within their limits.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/task/review_diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(diff) struct diff diff = {0}, again = {0};
	CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(16 * LIMIT_MIB);
	struct err err = {0};

	diff_parse((const char *)data, size, &diff);
	if (diff.count > DIFF_FILES_MAX || diff_print(&diff, &row, &err) < 0 ||
		diff_load(strbuf_str(&row), &again, &err) < 0 ||
		again.count != diff.count)
		abort();
	for (size_t i = 0; i < diff.count; i++) {
		const struct diff_file *file = &diff.files[i];

		if (!str_is_utf8(file->path, strlen(file->path)) ||
			!str_eq(file->path, again.files[i].path) ||
			file->nhunks != again.files[i].nhunks)
			abort();
		for (size_t h = 0; h < file->nhunks; h++)
			if (file->hunks[h].first < 1 ||
				file->hunks[h].last < file->hunks[h].first ||
				!diff_has(&again, file->path, file->hunks[h].first,
					file->hunks[h].last))
				abort();
	}
	return 0;
}

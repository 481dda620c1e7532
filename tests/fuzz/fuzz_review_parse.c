/* SPDX-License-Identifier: MIT */
/*
 * An agent's findings.  What is kept as a row comes back the same, texts are never empty and
 * within their limits, and lines are in order.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/task/review_parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(review) struct review review = {0}, again = {0};
	CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(64 * LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf row2 = STRBUF_INIT(64 * LIMIT_MIB);

	review_parse((const char *)data, size, &review);
	if (review.count > REVIEW_FINDINGS_MAX ||
		strlen(review.summary) > REVIEW_SUMMARY_MAX)
		abort();
	for (size_t i = 0; i < review.count; i++) {
		const struct review_finding *f = &review.rows[i];

		if (str_empty(f->text) || strlen(f->text) > REVIEW_TEXT_MAX ||
			f->line < 0 || (f->start > 0 && f->start >= f->line) ||
			(i > 0 && f->severity < f[-1].severity))
			abort();
	}
	review_print(&review, &row);
	review_parse(strbuf_str(&row), row.len, &again);
	review_print(&again, &row2);
	if (!str_eq(strbuf_str(&row), strbuf_str(&row2)))
		abort();
	return 0;
}

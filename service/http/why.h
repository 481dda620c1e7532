/* SPDX-License-Identifier: MIT */
/*
 * Why something happened, or did not: what became of a delivery, in sentences.
 *
 * Made of rows alone, in plain words for people, each with what to do next where there is
 * something.  Thread-safe.
 */
#ifndef SERVICE_HTTP_WHY_H
#define SERVICE_HTTP_WHY_H

#include "boxcore/base/json.h"
#include "service/store/store_delivery.h"

/* {"delivery", "task" or "command" when it made one, "story": [sentences]}; the caller's. */
int why_delivery(struct store *store, const struct store_delivery *delivery, json_t **ret,
	struct err *err);

/* What to do next about a delivery's reason_code or a task's outcome_code; NULL: nothing is
 * to be done, or the code is unknown. */
const char *why_next(const char *code);
/* For tests: whether the table has the word; each reason of a delivery and each refusal is
 * in it. */
bool why_known(const char *code);

/* A person's address of a comment, review, issue or pull request in the form that rows have:
 * without query, trailing slash and tab of a pull request, with the fragment that GitHub's
 * events name.  Appends; false when it is no http(s) address. */
bool why_url(struct strbuf *out, const char *url);
/* "owner" and "name" out of such an address; false: it has none. */
bool why_repository(const char *url, char owner[128], char name[128]);

#endif

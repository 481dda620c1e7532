/* SPDX-License-Identifier: MIT */
/*
 * What an agent found in a pull request, taken out of its answer.  Internal to service/task.
 *
 * The agent is asked for one JSON object as its last words:
 *
 *	{"summary": "...", "findings": [{"path": "src/x.c", "line": 12, "start_line": 10,
 *	  "severity": "error", "text": "..."}]}
 *
 * It may stand in a fence or bare, with words around it.  All of it is hostile: counts and
 * lengths are bounded, what is beyond them is left out and counted.  Pure and thread-safe.
 */
#ifndef SERVICE_TASK_REVIEW_PARSE_H
#define SERVICE_TASK_REVIEW_PARSE_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which they are shown. */
#define REVIEW_SEVERITIES(X)                                                             \
	X(ERROR, "error")                                                                \
	X(WARNING, "warning")                                                            \
	X(NOTE, "note")

enum review_severity {
#define X(name, word) REVIEW_##name,
	REVIEW_SEVERITIES(X)
#undef X
};
const char *review_severity_name(enum review_severity severity);

struct review_finding {
	char *path;    /* without ./ before it; "": of the whole change */
	int64_t line;  /* after the change; 0: of the whole file */
	int64_t start; /* the first of several; 0: one line */
	enum review_severity severity;
	char *text; /* foreign, never empty */
};

struct review {
	char *summary; /* foreign; the whole answer when it had no such form */
	struct review_finding *rows;
	size_t count;
	size_t dropped; /* findings beyond the limits or without a text */
	bool form;      /* the answer had the form */
};
#define REVIEW_FINDINGS_MAX 200 /* of one answer; 50 of them become inline comments */
#define REVIEW_TEXT_MAX 8000    /* bytes of one finding */
#define REVIEW_SUMMARY_MAX 20000

void review_release(struct review *review); /* zeroed is fine */
DEFINE_CLEANUP(review, struct review, review_release(value))

/* Never fails.  Findings are ordered by severity, otherwise as they came. */
void review_parse(const char *answer, size_t len, struct review *ret);

/* As JSON of the same form, for a row; review_parse() reads it back. */
void review_print(const struct review *review, struct strbuf *out);

#endif

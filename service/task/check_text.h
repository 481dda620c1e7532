/* SPDX-License-Identifier: MIT */
/*
 * Results of checks as values and as words.  Pure; internal to service/task.
 */
#ifndef SERVICE_TASK_CHECK_TEXT_H
#define SERVICE_TASK_CHECK_TEXT_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_STATES(X)                                                                  \
	X(PASSED, "passed")                                                              \
	X(FAILED, "failed")   /* an exit status other than 0 */                          \
	X(TIMEOUT, "timeout") /* stopped: the time for all checks was up */              \
	X(SKIPPED, "skipped") /* not begun for that reason */                            \
	X(LOST, "lost")       /* could not be run; output says why */

enum check_state {
#define X(name, word) CHECK_##name,
	CHECK_STATES(X)
#undef X
};

struct check {
	char *command;
	enum check_state state;
	int exit_code; /* PASSED and FAILED only */
	int64_t ms;
	char *output; /* hostile; the first and the last of it */
};
void check_release(struct check *check);
DEFINE_CLEANUP(check, struct check, check_release(value))

/* The results of one verification, in the order of the repository's file. */
struct checks {
	struct check *rows;
	size_t count;
	size_t failed; /* all that did not pass */
};
void checks_release(struct checks *checks);
DEFINE_CLEANUP(checks, struct checks, checks_release(value))
/* Takes the row over (zeroed). */
void checks_add(struct checks *checks, struct check *row);

/* ---- output, kept in bounded memory ---------------------------------------------------- */

struct check_output {
	char head[LIMIT_CHECK_OUTPUT];
	char tail[LIMIT_CHECK_OUTPUT]; /* a ring */
	uint64_t total;
};
void check_output_add(struct check_output *output, const char *data, size_t len);
/* Appends what is kept as plain text: valid UTF-8 without terminal sequences and controls,
 * known secrets replaced; what was left out between is told by a line. */
void check_output_text(const struct check_output *output, struct strbuf *out);
/* The length of the terminal sequence that s begins with: s[0] is ESC. */
size_t check_escape_len(const char *s, size_t len);

/* ---- rows ------------------------------------------------------------------------------ */

/* As a line of JSON and back; ERR_INPUT for a text that is none. */
int check_print(const struct check *check, struct strbuf *out, struct err *err);
int check_parse(const char *text, struct check *ret, struct err *err);

/* ---- words ----------------------------------------------------------------------------- */

/* "exit 1, 3.2 s"; at most 100 bytes with its NUL. */
void check_words(const struct check *check, char ret[100]);
/* "2 checks passed", "1 of 2 checks failed". */
void checks_words(const struct checks *checks, struct strbuf *out);
/* Markdown for GitHub, harmless: a line each. */
void checks_list(const struct checks *checks, struct strbuf *out);
/* Likewise: the ends of what the failed ones said, LIMIT_CHECKS_TEXT in all. */
void checks_outputs(const struct checks *checks, struct strbuf *out);
/* For an agent, to be quoted: the failed ones with their output. */
void checks_report(const struct checks *checks, struct strbuf *out);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Text that we publish on GitHub: made harmless, quoted, cut to size, and marked as ours.
 *
 * Words of an agent or of a person must not act when we repeat them: an @mention notifies
 * people, "fixes #1" closes an issue, an image tells a stranger who reads, an HTML
 * comment hides what it says, and a marker of ours would make a foreign comment look like
 * ours.  Pure functions over bytes; input of any kind is fine, output is valid UTF-8.
 * Thread-safe.
 */
#ifndef SERVICE_GITHUB_TEXT_H
#define SERVICE_GITHUB_TEXT_H

#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Appends Markdown by somebody else so that it reads the same and does nothing:
 *   - @name and @org/team get a zero-width space behind the @;
 *   - closing keywords (close, fix, resolve and their forms) get one inside, when a # or
 *     the address of an issue follows;
 *   - "[skip ci]" and its kin get one too: in a commit's message they switch checks off;
 *   - images become links;
 *   - raw HTML is shown, not obeyed (< becomes &lt;): with it go comments and markers;
 *   - invisible characters (bidi, zero width, tags, rows of variation selectors) go away.
 * Code in fences and spans is kept as it is, but for invisible characters and our marker.
 * Only what GitHub surely takes for code counts as code; other fences are made plain text.
 * An open fence is closed at the end, so that what follows in a comment stays itself.
 */
void github_text_safe(struct strbuf *out, const char *text, size_t len);

/* One line for a title, where Markdown and HTML are shown as they are: line breaks become
 * spaces; mentions, closing keywords, "[skip ci]" and invisible characters are treated as above, at
 * most `max` bytes (cut at a character, with an ellipsis). */
void github_text_line(struct strbuf *out, const char *text, size_t len, size_t max);

/* The same within a line of Markdown: HTML, comments, code, links and images are shown as they
 * are.  `max` counts before that. */
void github_text_inline(struct strbuf *out, const char *text, size_t len, size_t max);

/* The same as a span of code within a line: a path, a command.  Backticks become quotes; it is
 * never empty. */
void github_text_code(struct strbuf *out, const char *text, size_t len, size_t max);

/* Appends a code block whose fence is longer than any run of backticks inside.  `info` is
 * the language, letters only, may be NULL. */
void github_text_fence(
	struct strbuf *out, const char *info, const char *text, size_t len);

/* Shortens *text to at most `max` bytes, `notice` (a sentence, may be NULL) included: cut
 * at a character, an open fence and open <details> closed.  Returns whether it was cut.
 */
bool github_text_cut(struct strbuf *text, size_t max, const char *notice);

/*
 * The hidden line by which a comment is known as ours:
 *
 *	<!-- boxwright:t=<task>;k=<kind>;m=<16 hex digits> -->
 *
 * The MAC covers repository, issue, task and kind, so a copy elsewhere is not valid.
 */
struct github_marker {
	int64_t repo_id;
	int64_t number;   /* of the issue or pull request */
	const char *task; /* [A-Za-z0-9_-]{1,64} */
	const char *kind; /* "status", "result"; [a-z-]{1,16} */
};

#define GITHUB_MARKER_SIZE 160
/* false when task or kind has other characters or lengths. */
bool github_marker(const struct github_marker *marker, const void *key, size_t key_len,
	char ret[GITHUB_MARKER_SIZE]);

/* Whether `text` holds a valid marker for repository and issue; if so its task and kind
 * are copied (65 and 17 bytes).  The first valid one counts.  For tests: ours are looked for
 * by their whole line. */
bool github_marker_find(const char *text, size_t len, int64_t repo_id, int64_t number,
	const void *key, size_t key_len, char ret_task[65], char ret_kind[17]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The texts that the service gives to agents and writes on GitHub.
 *
 * Each text is a Markdown file in this folder, listed with its variables in prompts.def
 * and compiled in.  {{name}} is replaced in one pass: a value is never scanned again, so
 * braces in it stay text.  A name that the caller did not give, a variable that the text
 * does not use, and a text longer than the buffer's maximum are errors.  A line whose
 * only content is one variable vanishes whole when the value is empty.
 *
 * Foreign text must have gone through untrusted.h (towards an agent) or through
 * service/github/text.h (towards GitHub) before it becomes a value.  Everything here is thread-safe.
 */
#ifndef PROMPTS_PROMPTS_H
#define PROMPTS_PROMPTS_H

#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stddef.h>

struct prompt_var {
	const char *name;
	const char *value; /* NULL is the empty text */
};

/* Appends the text called `name` ("fix", see prompts.def) to out.  ERR_INTERNAL for a
 * wrong name or variable: that is our own mistake.  ERR_LIMIT when it does not fit. */
int prompt_render(const char *name, const struct prompt_var *vars, size_t nvars,
	struct strbuf *out, struct err *err);

/* The same with a text that is given. */
int prompt_render_text(const char *text, size_t len, const struct prompt_var *vars,
	size_t nvars, struct strbuf *out, struct err *err);

/* The list, for tests and tools; NULL behind the last. */
struct prompt_info {
	const char *name; /* "fix": the file is prompts/fix.md */
	const char *vars; /* names with a space between */
	const char *text;
};
const struct prompt_info *prompt_at(size_t i);

#endif

/* SPDX-License-Identifier: MIT */
/* Our part of a pull request's text. */
#include "service/task/pull_text.h"

#include "boxcore/base/str.h"

#include <string.h>

#define BEGIN "<!-- boxwright:begin -->"
#define END "<!-- boxwright:end -->"

#define SPLIT 4 /* behind "<!--" */
#define ZWSP "\xe2\x80\x8b"

/* The agent's words are in it, and code among them is left as it is: what looks like one of
 * the lines would end our part early, and the rest of it would stay in the text for good. */
void pull_text_wrap(const char *part, struct strbuf *out)
{
	strbuf_adds(out, BEGIN "\n");
	for (const char *s = part; *s; s++) {
		if (str_starts(s, BEGIN) || str_starts(s, END)) {
			strbuf_add(out, s, SPLIT);
			strbuf_adds(out, ZWSP);
			s += SPLIT - 1;
		} else {
			strbuf_addc(out, *s);
		}
	}
	strbuf_adds(out, "\n" END);
}

bool pull_text_replace(const char *body, const char *part, struct strbuf *out)
{
	const char *from = strstr(body, BEGIN);
	const char *to = from ? strstr(from, END) : NULL;

	if (!to)
		return false;
	strbuf_add(out, body, (size_t)(from - body));
	pull_text_wrap(part, out);
	strbuf_adds(out, to + strlen(END));
	return true;
}

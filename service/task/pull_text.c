/* SPDX-License-Identifier: MIT */
/* Our part of a pull request's text. */
#include "service/task/pull_text.h"

#include <string.h>

#define BEGIN "<!-- boxwright:begin -->"
#define END "<!-- boxwright:end -->"

void pull_text_wrap(const char *part, struct strbuf *out)
{
	strbuf_addf(out, BEGIN "\n%s\n" END, part);
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

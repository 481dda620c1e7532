/* SPDX-License-Identifier: MIT */
/*
 * A comment's command.  Its text lies within the comment, has no white space around it,
 * and no command is found where the first word begins with neither / nor @.
 */
#include "boxcore/base/cleanup.h"
#include "webhooks/command.h"

#include <stdint.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const aliases[] = {"bw"};
	static const struct command_names names = {"boxwright", aliases, 1, true};
	static const struct command_names strict = {"boxwright", aliases, 1, false};
	const char *body = (const char *)data, *end = body + size;
	struct command c, other;

	if (!command_parse(&names, body, size, &c)) {
		if (command_parse(&strict, body, size, &other))
			abort();
		return 0;
	}
	if (c.attempts < 1 || c.attempts > COMMAND_ATTEMPTS_MAX || c.cents < 0 ||
		c.cents > COMMAND_CENTS_MAX ||
		(c.cents > 0) != (c.verb == COMMAND_BUDGET) ||
		(c.step[0] && c.verb != COMMAND_RETRY))
		abort();
	if (c.text < body || c.text + c.text_len > end ||
		strlen(c.word) > COMMAND_WORD_MAX)
		abort();
	if (c.text_len > 0 && (is_space(c.text[0]) || is_space(c.text[c.text_len - 1])))
		abort();
	while (body < end && is_space(*body))
		body++;
	if (body == end || !strchr("/@<", *body))
		abort();
	return 0;
}

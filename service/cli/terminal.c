/* SPDX-License-Identifier: MIT */
/* What a box says, before a person's terminal reads it as commands; see terminal.h. */
#include "service/cli/terminal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/strbuf.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static bool somebody_reads(void)
{
	return isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
}

static void clean_text(json_t *value, bool one_line)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(SIZE_MAX);

	str_clean_utf8(&clean, text, len, false);
	for (size_t i = 0; one_line && i < clean.len; i++)
		if (clean.data[i] == '\n' || clean.data[i] == '\t')
			clean.data[i] = '?';
	if (clean.len != len || memcmp(strbuf_str(&clean), text, len) != 0)
		json_string_setn(value, strbuf_str(&clean), clean.len);
}

/* The parser has bounded the depth. */
static void clean_all(json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(value))
		clean_text(value, false);
	json_array_foreach (value, i, item)
		clean_all(item);
	json_object_foreach (value, key, item)
		clean_all(item);
}

void terminal_clean(json_t *answer)
{
	if (answer && somebody_reads())
		clean_all(answer);
}

const char *terminal_line(const json_t *row, const char *member, const char *fallback)
{
	json_t *value = json_object_get(row, member);

	if (!json_is_string(value))
		return fallback;
	if (somebody_reads())
		clean_text(value, true);
	return json_string_value(value);
}

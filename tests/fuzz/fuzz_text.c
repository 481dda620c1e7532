/* SPDX-License-Identifier: MIT */
/*
 * Text that we publish.  Whatever comes in: valid UTF-8 goes out, no marker of ours, no
 * HTML and no mention outside of code, sizes are kept, and what is made safe stays so.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/github/fence.h"
#include "service/github/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void need(bool good)
{
	if (!good)
		abort();
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A line of text, code spans left out: nothing in it acts. */
static void check_line(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\' && i + 1 < len) {
			i++;
			continue;
		}
		if (s[i] == '`') {
			size_t ticks = 0;
			while (i + ticks < len && s[i + ticks] == '`')
				ticks++;
			size_t k = i + ticks;
			for (size_t run = 0; k < len && run != ticks;) {
				for (run = 0; k < len && s[k] == '`'; k++)
					run++;
				k += run == 0;
			}
			need(ticks < 3);
			i = k - 1;
			continue;
		}
		need(s[i] != '<');
		need(len - i < 9 || strncasecmp(s + i, "[skip ci]", 9) != 0);
		need(len - i < 5 || strncasecmp(s + i, "no_ci", 5) != 0);
		need(s[i] != '!' || i + 1 >= len || s[i + 1] != '[');
		need(s[i] != '@' || i + 1 >= len || !is_word(s[i + 1]) ||
			(i > 0 && is_word(s[i - 1])));
	}
}

static void check_safe(const struct strbuf *out)
{
	struct fence fence = {0};
	char task[65], kind[17];

	need(str_is_utf8(strbuf_str(out), out->len));
	need(!strstr(strbuf_str(out), "boxwright:t="));
	need(!github_marker_find(strbuf_str(out), out->len, 1, 1, "k", 1, task, kind));
	for (size_t start = 0; start < out->len;) {
		const char *s = out->data + start;
		const char *newline = memchr(s, '\n', out->len - start);
		size_t len = newline ? (size_t)(newline - s) : out->len - start;
		bool inside = fence.len > 0;

		if (inside)
			fence_close(&fence, s, len);
		else
			fence_open(&fence, s, len, 3);
		if (!inside && fence.len == 0)
			check_line(s, len);
		start += len + 1;
	}
	need(fence.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	CLEANUP(strbuf) struct strbuf safe = STRBUF_INIT(16 * LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf fence = STRBUF_INIT(16 * LIMIT_MIB);

	if (size == 0 || size > 64 * LIMIT_KIB)
		return 0;
	size_t max = data[0];
	github_text_safe(&safe, text, size);
	check_safe(&safe);
	github_text_line(&line, text, size, max);
	need(line.len <= max && str_is_utf8(strbuf_str(&line), line.len));
	need(!memchr(strbuf_str(&line), '\n', line.len));
	github_text_fence(&fence, "c", text, size);
	need(!strstr(strbuf_str(&fence), "boxwright:t="));

	bool longer = safe.len > max;
	need(github_text_cut(&safe, max, "Cut.") == longer);
	need(safe.len <= max && str_is_utf8(strbuf_str(&safe), safe.len));
	return 0;
}

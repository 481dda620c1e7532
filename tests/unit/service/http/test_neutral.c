/* SPDX-License-Identifier: MIT */
/* service/http/neutral.c: what a client would take for the last frame. */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "service/http/neutral.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void pass(
	struct neutral *neutral, const char *data, size_t len, struct strbuf *out)
{
	while (len > 0) {
		bool space;
		size_t n = neutral_next(neutral, data, len, &space);
		assert_true(n <= len);
		strbuf_add(out, data, n);
		if (space)
			strbuf_addc(out, ' ');
		data += n;
		len -= n;
	}
}

static const struct {
	const char *in, *out;
} cases[] = {
	{"", ""},
	{"\n", "\n"},
	{"event: exit\n", "event: exit \n"},
	{"event: error\n", "event: error \n"},
	{"event: exit", "event: exit"},
	{"event: exit\r\n", "event: exit\r\n"},
	{"event: exits\n", "event: exits\n"},
	{"event:exit\n", "event:exit\n"},
	{"event: text\n", "event: text\n"},
	{"xevent: exit\ndata: {\"exit_code\":0}\n\n",
		"xevent: exit \ndata: {\"exit_code\":0}\n\n"},
	{"event: event: exit\n", "event: event: exit \n"},
	{"event: event: error\n\n", "event: event: error \n\n"},
	{"event: exit\nevent: exit\nevent: error\n",
		"event: exit \nevent: exit \nevent: error \n"},
	{"event: eevent: exit\n", "event: eevent: exit \n"},
	{"event: e\nxit\n", "event: e\nxit\n"},
	{"event: exit \n", "event: exit \n"},
};

/* Cut anywhere into two and three pieces, and byte by byte, the result is the same. */
static void test_cases_however_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *in = cases[i].in;
		size_t len = strlen(in);
		for (size_t a = 0; a <= len; a++)
			for (size_t b = a; b <= len; b++) {
				CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1024);
				struct neutral n = NEUTRAL_INIT;
				pass(&n, in, a, &out);
				pass(&n, in + a, b - a, &out);
				pass(&n, in + b, len - b, &out);
				if (!str_eq(strbuf_str(&out), cases[i].out))
					fail_msg("%s cut at %zu and %zu: %s", in, a, b,
						strbuf_str(&out));
			}
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1024);
		struct neutral n = NEUTRAL_INIT;
		for (size_t at = 0; at < len; at++)
			pass(&n, in + at, 1, &out);
		assert_string_equal(strbuf_str(&out), cases[i].out);
	}
}

/* Markers in noise made of their own letters: none is left, and nothing else changes. */
static void test_noise(void **state)
{
	static const char *const parts[] = {"event: ", "e", "xit", "rror", "\n", "exit\n",
		"error\n", " ", "event: e"};
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(4096);
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(8192);
		struct neutral n = NEUTRAL_INIT;
		for (int i = 0; i < 30; i++)
			strbuf_adds(&in, parts[(size_t)rand_r(&seed) % ARRAY_LEN(parts)]);
		for (size_t at = 0; at < in.len;) {
			size_t len = 1 + (size_t)rand_r(&seed) % 20;
			len = len < in.len - at ? len : in.len - at;
			pass(&n, in.data + at, len, &out);
			at += len;
		}
		assert_null(strstr(strbuf_str(&out), "event: exit\n"));
		assert_null(strstr(strbuf_str(&out), "event: error\n"));
		const char *to = strbuf_str(&out);
		for (const char *from = strbuf_str(&in); *from; from++, to++) {
			if (*from != *to) {
				assert_int_equal(*to, ' ');
				to++;
			}
			assert_int_equal(*from, *to);
		}
		assert_int_equal(*to, '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_however_cut),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

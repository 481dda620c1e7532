/* SPDX-License-Identifier: MIT */
/* Options and words of a command line; the frames of a session's WebSocket. */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/cli/cli.h"
#include "service/cli/options.h"
#include "service/cli/ws_client.h"
#include "service/http/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

struct seen {
	const char *text;
	struct option_list list;
	bool flag;
	struct words words;
	int rc;
};

/* `line` is cut at its blanks. */
static struct seen read_line(const char *line, int stop_after)
{
	static char copy[256];
	char *argv[32];
	int argc = 0;
	struct seen seen = {0};
	const struct option_def defs[] = {{"text", OPTION_TEXT, &seen.text},
		{"item", OPTION_LIST, &seen.list}, {"flag", OPTION_FLAG, &seen.flag},
		{NULL, OPTION_FLAG, NULL}};

	assert_true(str_copy(copy, sizeof copy, line));
	for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
		argv[argc++] = at;
	seen.rc = options_read(argc, argv, defs, stop_after, &seen.words);
	return seen;
}

static void options_and_words_in_any_order(void **state)
{
	struct seen s = read_line("a --text=x b --item 1 --flag c --item=2", -1);

	(void)state;
	assert_int_equal(s.rc, 0);
	assert_string_equal(s.text, "x");
	assert_int_equal(s.list.count, 2);
	assert_string_equal(s.list.items[0], "1");
	assert_string_equal(s.list.items[1], "2");
	assert_true(s.flag);
	assert_int_equal(s.words.count, 3);
	assert_string_equal(s.words.items[2], "c");
}

static void another_command_keeps_its_options(void **state)
{
	struct seen s = read_line("--text x box ls --flag --item", 1);

	(void)state;
	assert_int_equal(s.rc, 0);
	assert_string_equal(s.text, "x");
	assert_false(s.flag);
	assert_int_equal(s.words.count, 4);
	assert_string_equal(s.words.items[3], "--item");
	s = read_line("box -- --flag --", 1);
	assert_int_equal(s.words.count, 3);
	assert_string_equal(s.words.items[1], "--flag");
	assert_string_equal(s.words.items[2], "--");
}

static void what_is_wrong_is_usage(void **state)
{
	(void)state;
	assert_int_equal(read_line("--nothing", -1).rc, CLI_USAGE);
	assert_int_equal(read_line("--flag=1", -1).rc, CLI_USAGE);
	assert_int_equal(read_line("--text", -1).rc, CLI_USAGE);
	assert_int_equal(read_line("--tex x", -1).rc, CLI_USAGE);
}

/* What the client sends, the server reads; each length form. */
static void frames_meet_the_servers_reader(void **state)
{
	static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 200000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(strbuf) struct strbuf sent = STRBUF_INIT(LIMIT_MIB);
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);
		struct websocket server;
		struct websocket_event event = {0};
		size_t used = 0;

		websocket_init(&server, LIMIT_MIB);
		for (size_t k = 0; k < sizes[i]; k++)
			strbuf_addc(&text, (char)('a' + k % 26));
		ws_put(&sent, WS_TEXT, strbuf_str(&text), text.len);
		assert_int_equal(
			websocket_take(&server, sent.data, sent.len, &used, &event), 1);
		assert_int_equal(used, sent.len);
		assert_int_equal(event.kind, WEBSOCKET_TEXT);
		assert_int_equal(event.len, text.len);
		assert_memory_equal(event.text, strbuf_str(&text), text.len);
		websocket_release(&server);
	}
}

static void the_servers_frames_are_read_as_they_come(void **state)
{
	CLEANUP(strbuf) struct strbuf sent = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	char big[70000];
	struct ws_frame frame;
	struct err err = {0};
	int frames = 0;

	(void)state;
	memset(big, 'x', sizeof big);
	websocket_put(&sent, WEBSOCKET_TEXT, "{}", 2);
	websocket_put(&sent, WEBSOCKET_PING, "now", 3);
	websocket_put(&sent, WEBSOCKET_TEXT, big, sizeof big);
	for (size_t i = 0; i < sent.len; i++) {
		strbuf_add(&in, sent.data + i, 1);
		int rc = ws_next(&in, &frame, &err);
		assert_true(rc >= 0);
		if (rc == 0)
			continue;
		assert_int_equal(frame.kind, frames == 1 ? WS_PING : WS_TEXT);
		assert_int_equal(frame.len, frames == 0   ? 2
					    : frames == 1 ? 3
							  : sizeof big);
		ws_drop(&in, &frame);
		frames++;
	}
	assert_int_equal(frames, 3);
	assert_int_equal(in.len, 0);
}

static void a_frame_that_breaks_the_rules_is_refused(void **state)
{
	static const char *const bad[] = {"\x01\x00", "\xc1\x00", "\x81\x80",
		"\x81\x7f\x00\x00\x00\x00\x00\x20\x00\x00"};
	static const size_t sizes[] = {2, 2, 2, 10};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(64);
		struct ws_frame frame;
		struct err err = {0};

		strbuf_add(&in, bad[i], sizes[i]);
		assert_int_equal(ws_next(&in, &frame, &err), -1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_in_any_order),
		cmocka_unit_test(another_command_keeps_its_options),
		cmocka_unit_test(what_is_wrong_is_usage),
		cmocka_unit_test(frames_meet_the_servers_reader),
		cmocka_unit_test(the_servers_frames_are_read_as_they_come),
		cmocka_unit_test(a_frame_that_breaks_the_rules_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Requests that would take data of a box out through the provider, and those that agents send. */
#include "service/relay/hosted.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum err_kind judge(const char *text, struct err *err)
{
	*err = (struct err){0};
	return relay_hosted_check(text, strlen(text), err) == 0 ? ERR_NONE : err->kind;
}

static void passes(const char *text)
{
	struct err err;

	if (judge(text, &err) != ERR_NONE)
		fail_msg("%s\nfor %s", err.text, text);
}

static void is_denied(const char *text, const char *named)
{
	struct err err;

	if (judge(text, &err) != ERR_DENIED || !strstr(err.text, named))
		fail_msg("not refused as %s but \"%s\"\nfor %s", named, err.text, text);
}

static void is_unreadable(const char *text)
{
	struct err err;

	if (judge(text, &err) != ERR_INPUT)
		fail_msg("\"%s\" for %s", err.text, text);
}

static void what_agents_send_passes(void **state)
{
	(void)state;
	passes("{}");
	passes(" {\"model\":\"claude-opus-4-8\",\"max_tokens\":1,\"stream\":true}\n");
	passes("{\"model\":\"m\",\"tools\":[{\"name\":\"Bash\",\"input_schema\":{"
	       "\"type\":"
	       "\"object\",\"properties\":{\"type\":{\"type\":\"url\"},\"tools\":{},"
	       "\"image_url\":{\"type\":\"string\"}}}}],\"mcp_servers\":[],"
	       "\"container\":null}");
	passes("{\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"},{\"type\":"
	       "\"custom\"},"
	       "{\"type\":null},{\"type\":\"text_editor_20250728\"}]}");
	passes("{\"tools\":[{\"type\":\"function\",\"name\":\"exec\",\"parameters\":{"
	       "\"type\":"
	       "\"object\"}},{\"type\":\"custom\",\"format\":{\"type\":\"grammar\"}},"
	       "{\"type\":\"namespace\",\"tools\":[{\"type\":\"function\"}]}],"
	       "\"input\":[{\"type\":\"message\",\"content\":[{\"type\":\"input_image\","
	       "\"image_url\":\"data:image/"
	       "png;base64,AAAA\"}]}],\"prompt_cache_key\":\"x\"}");
	passes("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
	       "\"image_url\":{\"url\":\"data:image/png;base64,AA\",\"detail\":\"low\"}},"
	       "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AA\"}}]}]"
	       "}");
	passes("{\"input\":[{\"content\":[{\"file_data\":\"data:text/plain;base64,AA\"},"
	       "{\"file_data\":\"AA+/=\"},{\"file_data\":null}]}]}");
}

/* What a tool was called with is the agent's own: it may hold any address. */
static void calls_of_tools_pass(void **state)
{
	(void)state;
	passes("{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_"
	       "use\","
	       "\"input\":{\"type\":\"url\",\"url\":\"https://x/"
	       "\",\"image_url\":\"https://x/\","
	       "\"tools\":[{\"type\":\"web_search\"}],\"a\\u0000b\":1e999}}]},{\"role\":"
	       "\"user\","
	       "\"content\":[{\"type\":\"tool_result\",\"content\":\"see "
	       "https://x/\"}]}]}");
}

static void tools_of_the_provider_are_refused(void **state)
{
	static const char *const types[] = {"web_search_20250305", "web_fetch_20250910",
		"code_execution_20250825", "mcp_toolset", "web_search",
		"web_search_preview", "file_search", "code_interpreter",
		"image_generation", "mcp", "shell", "Web_Search", "not_known_yet", "",
		"web\\u005fsearch"};

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_KIB);
		strbuf_addf(&text,
			"{\"tools\":[{\"type\":\"function\"},{\"type\":\"%s\"}]}",
			types[i]);
		is_denied(strbuf_str(&text), types[i]);
	}
	is_denied("{\"tools\":[{\"type\":\"namespace\",\"tools\":[{\"type\":\"mcp\"}]}]}",
		"mcp");
	is_denied("{\"input\":[{\"type\":\"tool_search_output\",\"tools\":[{\"type\":"
		  "\"mcp\"}]}]}",
		"mcp");
}

static void members_of_the_provider_are_refused(void **state)
{
	(void)state;
	is_denied("{\"mcp_servers\":[{\"type\":\"url\"}]}", "mcp_servers");
	is_denied("{\"web_search_options\":{}}", "web_search_options");
	is_denied("{\"container\":\"container_1\"}", "container");
	is_denied("{\"prompt\":{\"id\":\"pmpt_1\"}}", "prompt");
	is_denied("{\"plugins\":[{\"id\":\"web\"}]}", "plugins");
	is_denied("{\"search_parameters\":{\"mode\":\"on\"}}", "search_parameters");
	is_denied("{\"model\":\"gpt-5-search-api\"}", "gpt-5-search-api");
	is_denied("{\"model\":\"a/b:online\"}", "a/b:online");
}

static void addresses_are_refused(void **state)
{
	(void)state;
	is_denied("{\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{\"url\":"
		  "\"https://evil/?x\",\"type\":\"url\"}}]}]}",
		"url");
	is_denied("{\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":[{"
		  "\"type\":"
		  "\"document\",\"source\":{\"type\":\"\\u0075rl\"}}]}]}]}",
		"u0075rl");
	is_denied("{\"input\":[{\"content\":[{\"type\":\"input_image\",\"image_url\":"
		  "\"https://evil/?x\"}]}]}",
		"https://evil/?x");
	is_denied("{\"input\":[{\"output\":[{\"type\":\"input_file\",\"file_url\":"
		  "\"http://evil/\"}]}]}",
		"http://evil/");
	is_denied("{\"messages\":[{\"content\":[{\"type\":\"file\",\"file\":{"
		  "\"file_data\":\"https://evil/\"}}]}]}",
		"https://evil/");
	is_denied("{\"file_data\":\"https\\u003a//evil/\"}", "//evil/");
	is_denied("{\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{"
		  "\"detail\":"
		  "\"low\",\"url\":\"https://evil/\"}}]}]}",
		"https://evil/");
}

/* Two parsers need not agree on which of two members counts, or on capitals in a name. */
static void every_one_of_equal_members_is_judged(void **state)
{
	(void)state;
	is_denied("{\"tools\":[],\"tools\":[{\"type\":\"mcp\"}],\"tools\":[]}", "mcp");
	is_denied("{\"tools\":[{\"type\":\"function\",\"type\":\"mcp\",\"type\":"
		  "\"custom\"}]}",
		"mcp");
	is_denied("{\"TOOLS\":[{\"Type\":\"mcp\"}]}", "mcp");
	is_unreadable("{\"t\\u006fols\":[{\"type\":\"mcp\"}]}");
}

static void what_cannot_be_judged_is_refused(void **state)
{
	CLEANUP(strbuf) struct strbuf deep = STRBUF_INIT(LIMIT_MIB);

	(void)state;
	is_unreadable("");
	is_unreadable("[]");
	is_unreadable("tools=web_search");
	is_unreadable("{\"a\":1");
	is_unreadable("{\"a\":1} {\"tools\":[{\"type\":\"mcp\"}]}");
	is_unreadable("{\"tools\":{\"type\":\"mcp\"}}");
	is_unreadable("{\"tools\":[\"mcp\"]}");
	is_unreadable("{\"image_url\":[\"https://evil/\"]}");
	is_unreadable("{\"a\":\"\\");
	strbuf_adds(&deep, "{\"messages\":");
	for (int i = 0; i < 100000; i++)
		strbuf_adds(&deep, "[");
	is_unreadable(strbuf_str(&deep));
	struct err err = {0};
	assert_int_equal(relay_hosted_check("{\0\"\0t\0", 6, &err), -1); /* UTF-16 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_agents_send_passes),
		cmocka_unit_test(calls_of_tools_pass),
		cmocka_unit_test(tools_of_the_provider_are_refused),
		cmocka_unit_test(members_of_the_provider_are_refused),
		cmocka_unit_test(addresses_are_refused),
		cmocka_unit_test(every_one_of_equal_members_is_judged),
		cmocka_unit_test(what_cannot_be_judged_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

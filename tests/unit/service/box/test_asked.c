/* SPDX-License-Identifier: MIT */
/* What a client asks for when it makes a box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/str.h"
#include "service/box/asked.h"

#include <string.h>

static int read_text(
	const char *text, bool from_snapshot, struct asked *ret, struct err *err)
{
	CLEANUP(json) json_t *body = json_parse(text, strlen(text), err);

	assert_non_null(body);
	return asked_read(body, from_snapshot, ret, err);
}

static void refused(const char *text, enum err_kind kind, const char *names)
{
	CLEANUP(asked) struct asked asked = {0};
	struct err err = {0};

	if (read_text(text, false, &asked, &err) == 0)
		fail_msg("accepted: %s", text);
	if (err.kind != kind || !strstr(err.text, names))
		fail_msg("%s: %s: %s", text, err_kind_name(err.kind), err.text);
}

static void accepted(const char *text, struct asked *ret)
{
	struct err err = {0};

	if (read_text(text, false, ret, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void nothing_is_needed(void **state)
{
	CLEANUP(asked) struct asked asked = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(asked_read(NULL, false, &asked, &err), 0);
	assert_null(asked.row.name);
	assert_null(asked.row.agent);
	assert_string_equal(asked.row.labels, "[]");
	assert_string_equal(asked.row.mcp, "[]");
	assert_string_equal(asked.row.network, "{\"mode\":\"allow-all\"}");
	assert_int_equal(json_object_size(asked.secrets), 0);
	assert_int_equal(asked.ttl_s, 0);
}

static void everything_is_read(void **state)
{
	CLEANUP(asked) struct asked asked = {0};

	(void)state;
	accepted("{\"name\":\"n\",\"labels\":[\"a\",\"a\",\"env:x\"],\"size\":\"medium\","
		 "\"keep_alive\":true,\"init_command\":\"a\\n\\tb\",\"runtime\":\"rust\","
		 "\"model\":\"openai/x\",\"agent\":\"codex\",\"agent_api_key\":\"sk-1\","
		 "\"github_token\":\"ghp\",\"git_user_name\":\"N\","
		 "\"git_user_email\":\"e\",\"env_vars\":{\"A\":\"1\"},"
		 "\"skills\":[\"o/r\",\"o/r/s\"],\"mcp_servers\":["
		 "{\"name\":\"m\",\"source\":\"url\",\"package_or_url\":\"https://m\","
		 "\"headers\":{\"X-Key\":\"secret\"}},"
		 "{\"name\":\"p\",\"source\":\"npm\",\"package_or_url\":\"@a/b\","
		 "\"args\":[\"-y\"]}],\"unheard_of\":{\"a\":[1]}}",
		&asked);
	assert_string_equal(asked.row.labels, "[\"a\",\"env:x\"]");
	assert_string_equal(asked.row.init_command, "a\n\tb");
	assert_true(asked.row.keep_alive);
	assert_string_equal(asked.row.agent, "codex");
	assert_null(strstr(asked.row.mcp, "secret"));
	assert_non_null(strstr(asked.row.mcp, "@a/b"));
	assert_string_equal(json_or_string(asked.secrets, "agent_key", ""), "sk-1");
	assert_string_equal(json_or_string(asked.secrets, "github_token", ""), "ghp");
	assert_string_equal(json_or_string(asked.secrets, "env.A", ""), "1");
	assert_string_equal(
		json_or_string(asked.secrets, "mcp_headers.m.X-Key", ""), "secret");
}

static void the_harness_follows_from_the_model(void **state)
{
	static const char *const pairs[][2] = {
		{"custom/x", "custom"},
		{"cursor/x", "cursor"},
		{"vercel/openai/gpt", "codex"},
		{"vercel/anthropic/c", "claude-code"},
		{"openrouter/openai/x", "claude-code"},
		{"opencode/x", "opencode"},
		{"openai/x", "codex"},
		{"anthropic/x", "claude-code"},
		{"claude/sonnet_4_5", "claude-code"},
		{"", "claude-code"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		assert_string_equal(asked_harness(pairs[i][0]), pairs[i][1]);
	CLEANUP(asked) struct asked asked = {0};
	accepted("{\"model\":\"openai/x\"}", &asked);
	assert_string_equal(asked.row.agent, "codex");
}

static void keys_of_the_service_are_none_of_the_box(void **state)
{
	CLEANUP(asked) struct asked ours = {0};
	CLEANUP(asked) struct asked stored = {0};

	(void)state;
	accepted("{\"agent\":\"codex\",\"agent_api_key\":\"UPSTASH_KEY\"}", &ours);
	assert_null(json_object_get(ours.secrets, "agent_key"));
	accepted("{\"agent\":\"codex\",\"agent_api_key\":\"STORED_KEY\"}", &stored);
	assert_string_equal(
		json_or_string(stored.secrets, "agent_key", ""), AGENT_KEY_STORED);
}

static void custom_runners(void **state)
{
	CLEANUP(asked) struct asked asked = {0};

	(void)state;
	accepted("{\"custom_runner\":{\"command\":\"/workspace/home/h.js\","
		 "\"args\":[\"a b\"]}}",
		&asked);
	assert_string_equal(asked.row.agent, "custom");
	assert_string_equal(asked.row.model, "custom");
	assert_non_null(strstr(asked.row.runner, "box-sse-v1"));
	refused("{\"custom_runner\":{}}", ERR_INPUT, "custom_runner.command");
	refused("{\"custom_runner\":{\"command\":\"a b\"}}", ERR_INPUT, "command");
	refused("{\"custom_runner\":{\"command\":\"-x\"}}", ERR_INPUT, "command");
	refused("{\"custom_runner\":{\"command\":\"/etc/x\"}}", ERR_INPUT, "command");
	refused("{\"custom_runner\":{\"command\":\"/workspace/home/../../x\"}}",
		ERR_INPUT, "command");
	refused("{\"custom_runner\":{\"command\":\"x\",\"protocol\":\"y\"}}", ERR_INPUT,
		"protocol");
	refused("{\"custom_runner\":{\"command\":\"x\",\"args\":[1]}}", ERR_INPUT,
		"args");
	refused("{\"agent\":\"codex\",\"custom_runner\":{\"command\":\"x\"}}", ERR_INPUT,
		"custom_runner");
	refused("{\"agent_api_key\":\"k\",\"custom_runner\":{\"command\":\"x\"}}",
		ERR_INPUT, "agent_api_key");
}

static void wrong_members_are_named(void **state)
{
	(void)state;
	refused("[]", ERR_INPUT, "object");
	refused("{\"name\":1}", ERR_INPUT, "`name`");
	refused("{\"name\":\"\"}", ERR_INPUT, "`name`");
	refused("{\"name\":\"a\\u0000b\"}", ERR_INPUT, "`name`");
	refused("{\"size\":[]}", ERR_INPUT, "`size`");
	refused("{\"runtime\":\"a\\nb\"}", ERR_INPUT, "`runtime`");
	refused("{\"labels\":\"a\"}", ERR_INPUT, "`labels`");
	refused("{\"labels\":[1]}", ERR_INPUT, "label");
	refused("{\"labels\":[\"a b\"]}", ERR_INPUT, "label");
	refused("{\"labels\":[\"aaaaaaaaaaaaaaaaaaaaa\"]}", ERR_INPUT, "20");
	refused("{\"labels\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}", ERR_INPUT, "5");
	refused("{\"keep_alive\":1}", ERR_INPUT, "`keep_alive`");
	refused("{\"ttl\":10}", ERR_INPUT, "`ttl`");
	refused("{\"ephemeral\":true,\"ttl\":0}", ERR_INPUT, "259200");
	refused("{\"ephemeral\":true,\"ttl\":259201}", ERR_INPUT, "259200");
	refused("{\"ephemeral\":true,\"ttl\":1.5}", ERR_INPUT, "`ttl`");
	refused("{\"env_vars\":[]}", ERR_INPUT, "`env_vars`");
	refused("{\"env_vars\":{\"A\":1}}", ERR_INPUT, "`env_vars`");
	refused("{\"env_vars\":{\"PATH\":\"x\"}}", ERR_INPUT, "PATH");
	refused("{\"env_vars\":{\"LD_PRELOAD\":\"x\"}}", ERR_INPUT, "LD_PRELOAD");
	refused("{\"env_vars\":{\"1A\":\"x\"}}", ERR_INPUT, "1A");
	refused("{\"env_vars\":{\"A=B\":\"x\"}}", ERR_INPUT, "A=B");
	refused("{\"env_vars\":{\"A\":\"x\\u0000\"}}", ERR_INPUT, "NUL");
	refused("{\"skills\":[\"x\"]}", ERR_INPUT, "skill");
	refused("{\"skills\":[\"a/b/c/d\"]}", ERR_INPUT, "skill");
	refused("{\"skills\":[\"../x\"]}", ERR_INPUT, "skill");
	refused("{\"network_policy\":1}", ERR_INPUT, "`network_policy`");
	refused("{\"network_policy\":{}}", ERR_INPUT, "mode");
	refused("{\"network_policy\":{\"mode\":\"custom\",\"allowed_domains\":1}}",
		ERR_INPUT, "allowed_domains");
	refused("{\"network_policy\":{\"mode\":\"custom\",\"allowed_cidrs\":[\"x\"]}}",
		ERR_INPUT, "allowed_cidrs");
	refused("{\"mcp_servers\":{}}", ERR_INPUT, "`mcp_servers`");
	refused("{\"mcp_servers\":[{\"name\":\"a\",\"source\":\"url\","
		"\"package_or_url\":\"ftp://x\"}]}",
		ERR_INPUT, "package_or_url");
	refused("{\"mcp_servers\":[{\"name\":\"a\",\"source\":\"npm\"}]}", ERR_INPUT,
		"package_or_url");
	refused("{\"mcp_servers\":[{\"name\":\"a\",\"source\":\"x\","
		"\"package_or_url\":\"y\"}]}",
		ERR_INPUT, "source");
	refused("{\"attach_headers\":{\"a\":{\"b\":\"c\"}}}", ERR_UNSUPPORTED,
		"attach_headers");
	refused("{\"browser\":true}", ERR_UNSUPPORTED, "browser");
}

static void long_members_are_refused(void **state)
{
	CLEANUP(json) json_t *body = json_object();
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1 << 20);
	CLEANUP(asked) struct asked asked = {0};
	struct err err = {0};

	(void)state;
	for (int i = 0; i < (64 << 10); i++)
		strbuf_addc(&text, 'x');
	json_put(body, "init_command", json_str(strbuf_str(&text)));
	assert_int_equal(asked_read(body, false, &asked, &err), 0);
	strbuf_addc(&text, 'x');
	json_put(body, "init_command", json_str(strbuf_str(&text)));
	CLEANUP(asked) struct asked more = {0};
	assert_int_equal(asked_read(body, false, &more, &err), -1);
	assert_non_null(strstr(err.text, "`init_command` has more than 65536"));
}

static void a_restore_needs_its_snapshot(void **state)
{
	CLEANUP(asked) struct asked asked = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(read_text("{}", true, &asked, &err), -1);
	assert_non_null(strstr(err.text, "snapshot_id"));
	assert_int_equal(read_text("{\"snapshot_id\":\"s\"}", true, &asked, &err), 0);
	assert_string_equal(asked.snapshot_id, "s");
}

static void custom_networks_keep_what_was_set(void **state)
{
	CLEANUP(asked) struct asked asked = {0};

	(void)state;
	accepted("{\"network_policy\":{\"mode\":\"custom\","
		 "\"denied_cidrs\":[\"1.2.3.0/24\"],\"x\":1}}",
		&asked);
	assert_string_equal(asked.row.network,
		"{\"mode\":\"custom\",\"denied_cidrs\":[\"1.2.3.0/24\"]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_needed),
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(the_harness_follows_from_the_model),
		cmocka_unit_test(keys_of_the_service_are_none_of_the_box),
		cmocka_unit_test(custom_runners),
		cmocka_unit_test(wrong_members_are_named),
		cmocka_unit_test(long_members_are_refused),
		cmocka_unit_test(a_restore_needs_its_snapshot),
		cmocka_unit_test(custom_networks_keep_what_was_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

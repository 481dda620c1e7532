/* SPDX-License-Identifier: MIT */
/* service/config/config.c and its siblings: file, environment, secrets, checks, texts. */
#include "service/config/config.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/config/config-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- texts alone ----------------------------------------------------------------------- */

static int parse(struct config *ret, const char *text, struct err *err)
{
	config_release(ret);
	return config_parse(ret, "b.yml", text, strlen(text), err);
}

static void test_defaults_are_there(void **state)
{
	CLEANUP(config) struct config config = {0};

	(void)state;
	config_defaults(&config);
	assert_string_equal(config.listen, "127.0.0.1:7331");
	assert_int_equal(config.task_workers, 4);
	assert_true(config.task_cost_usd > 9.9 && config.task_cost_usd < 10.1);
	assert_true(config.pr_draft);
	assert_string_equal(config.box_network, "allow-all");
	assert_string_equal(config.agent_harness, "claude-code");
	assert_null(config.pr_labels.items);
}

static void test_every_type_is_read(void **state)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};
	const char *text = "listen: 127.0.0.1:0\n"
			   "github:\n"
			   "  app_id: 4711\n"
			   "  api_url: http://127.0.0.1:9000/api/\n"
			   "  mentions: [bot, \"robo\"]\n"
			   "  label: \"\"\n"
			   "box: {cpus: 1.5, network: deny-all}\n"
			   "agent:\n"
			   "  command: [sh, -c, \"echo hi, there\"]\n"
			   "pr:\n"
			   "  draft: false\n"
			   "model:\n"
			   "  prices:\n"
			   "    - {model: tiny-, input: 1, output: 2.5}\n"
			   "    - {model: big-, input: 10, output: 20, cache_read: 0}\n"
			   "task:\n" /* all of it is commented out */
			   "#  minutes: 3\n";

	(void)state;
	if (parse(&config, text, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(config.github_app_id, 4711);
	assert_string_equal(config.github_api_url, "http://127.0.0.1:9000/api");
	assert_int_equal(config.github_mentions.count, 2);
	assert_string_equal(config.github_mentions.items[1], "robo");
	assert_null(config.github_mentions.items[2]);
	assert_string_equal(config.github_label, "");
	assert_true(config.box_cpus > 1.49 && config.box_cpus < 1.51);
	assert_string_equal(config.box_network, "deny-all");
	assert_string_equal(config.agent_command.items[2], "echo hi, there");
	assert_false(config.pr_draft);
	assert_int_equal(config.model_prices.count, 2);
	assert_string_equal(config.model_prices.items[0].model, "tiny-");
	assert_true(config.model_prices.items[0].cache_write > 1.24);
	assert_true(config.model_prices.items[1].cache_read < 0.001);
}

static void test_an_empty_file_is_the_defaults(void **state)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(parse(&config, "", &err), 0);
	assert_int_equal(parse(&config, "# nothing\n---\n", &err), 0);
	assert_int_equal(config.task_workers, 4);
}

static void test_faults_name_key_limit_and_place(void **state)
{
	static const struct {
		const char *text;
		const char *error; /* the beginning of it */
	} faults[] = {
		{"github:\n  app_idd: 3\n", "b.yml:2:3: unknown key 'github.app_idd'"},
		{"workers: 3\n", "b.yml:1:1: unknown key 'workers'"},
		{"github.app_id: 3\n", "b.yml:1:1: unknown key 'github.app_id'"},
		{"task:\n  workers: 65\n",
			"b.yml:2:12: task.workers: must be a whole number from 1 to 64"},
		{"task: {workers: 0}\n", "b.yml:1:17: task.workers: must be a whole"},
		{"task: {workers: 4.5}\n", "b.yml:1:17: task.workers: must be a whole"},
		{"task: {workers: \"4\"}\n", "b.yml:1:17: task.workers: must be a whole"},
		{"task: {workers: 0x10}\n", "b.yml:1:17: task.workers: must be a whole"},
		{"task: {workers: [4]}\n", "b.yml:1:17: task.workers: must be a whole"},
		{"task: {workers: }\n", "b.yml:1:17: task.workers: has no value"},
		{"task: {workers: ~}\n", "b.yml:1:17: task.workers: has no value"},
		{"task: 4\n", "b.yml:1:7: task: must have keys below it"},
		{"task: [4]\n", "b.yml:1:7: task: must have keys below it"},
		{"box: {cpus: nan}\n", "b.yml:1:13: box.cpus: must be a number from 0.1"},
		{"box: {cpus: 1e999}\n", "b.yml:1:13: box.cpus: must be a number from"},
		{"pr: {draft: yes}\n", "b.yml:1:13: pr.draft: must be true or false"},
		{"box: {network: open}\n",
			"b.yml:1:16: box.network: must be one of: allow-all, deny-all"},
		{"box: {network: allow-all|deny-all}\n", "b.yml:1:16: box.network: must"},
		{"github: {api_url: ftp://x}\n",
			"b.yml:1:19: github.api_url: must be an http:// or https://"},
		{"github: {api_url: \"https://u:p@x\"}\n", "b.yml:1:19: github.api_url:"},
		{"github: {api_url: \"https://\"}\n", "b.yml:1:19: github.api_url:"},
		{"github: {api_url: \"https://x/?a=b\"}\n",
			"b.yml:1:19: github.api_url:"},
		{"github: {slug: \"a\\nb\"}\n",
			"b.yml:1:16: github.slug: must be a text"},
		{"github: {slug: \"a\\0b\"}\n", "b.yml:1:16: a NUL character"},
		{"github: {mentions: bot}\n",
			"b.yml:1:20: github.mentions: must be a list"},
		{"github: {mentions: [a,b,c,d,e,f,g,h,i]}\n",
			"b.yml:1:20: github.mentions: must be a list of at most 8"},
		{"github: {mentions: [[a]]}\n", "b.yml:1:20: github.mentions: must be a"},
		{"github: {mentions: [\"\"]}\n",
			"b.yml:1:20: github.mentions: line 1: an"},
		{"pr: {branch_prefix: \"a..b\"}\n", "b.yml:1:21: pr.branch_prefix: must"},
		{"pr: {branch_prefix: -x}\n", "b.yml:1:21: pr.branch_prefix: must"},
		{"pr: {branch_prefix: \"a b\"}\n", "b.yml:1:21: pr.branch_prefix: must"},
		{"listen: a\nlisten: b\n", "b.yml:2:1: 'listen' stands here twice"},
		{"a: &x 1\n", "b.yml:1:4: anchors (&) are not allowed"},
		{"listen: *x\n", "b.yml:1:9: aliases (*) are not allowed"},
		{"listen: !!str x\n", "b.yml:1:9: tags (!) are not allowed"},
		{"listen: a\n---\nlisten: b\n", "b.yml:2:1: a second document"},
		{"? [a]\n: b\n", "b.yml:1:3: a key must be plain text"},
		{"- a\n", "b.yml:1:1: must be a list of `key: value`"},
		{"listen\n", "b.yml:1:1: must be a list of `key: value`"},
		{"listen: [\n", "b.yml:2:1: "},
		{"\tlisten: a\n", "b.yml:1:1: found character that cannot start"},
		{"listen: \xff\n", "b.yml: byte 8: "},
		{"a: [[[[[[[[[[1]]]]]]]]]]\n", "b.yml:1:11: nested more than 8 deep"},
		{"model: {prices: [{model: x}]}\n",
			"b.yml:1:17: model.prices: line 1: a price needs"},
		{"model: {prices: [{model: x, input: -1, output: 1}]}\n",
			"b.yml:1:17: model.prices: line 1: a price must be a number"},
		{"model: {prices: [{modell: x}]}\n",
			"b.yml:1:17: model.prices: line 1: 'modell' is no part"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		CLEANUP(config) struct config config = {0};
		struct err err = {0};

		if (parse(&config, faults[i].text, &err) == 0)
			fail_msg("accepted: %s", faults[i].text);
		if (!str_starts(err.text, faults[i].error))
			fail_msg("%s -> %s", faults[i].text, err.text);
		assert_true(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
		assert_null(config.listen); /* nothing on failure */
	}
}

static void test_size_and_count_are_bounded(void **state)
{
	CLEANUP(config) struct config config = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG + 100);
	struct err err = {0};

	(void)state;
	strbuf_adds(&text, "x: [");
	for (int i = 0; i < 5000; i++)
		strbuf_adds(&text, "1,");
	strbuf_adds(&text, "]\n");
	assert_int_equal(config_parse(&config, "b.yml", text.data, text.len, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "more than 4000 values"));
	while (text.len <= LIMIT_CONFIG)
		strbuf_adds(&text, "# a comment\n");
	assert_int_equal(config_parse(&config, "b.yml", text.data, text.len, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "at most 262144 are allowed"));
}

/* ---- loading ---------------------------------------------------------------------------- */

#define PEM                                                                              \
	"-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5\n-----END RSA PRIVATE KEY-----\n"

static char dir[64];

static void put(const char *name, const char *text)
{
	char path[128];
	struct err err = {0};

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (file_write(path, text, strlen(text), 0600, &err) < 0)
		fail_msg("%s", err.text);
}

static void clear_environment(void)
{
	for (size_t i = 0; i < config_settings_count; i++) {
		char name[CONFIG_VARIABLE_SIZE];

		config_variable(&config_settings[i], name);
		unsetenv(name);
		strcat(name, "_FILE");
		unsetenv(name);
	}
	unsetenv("DOCKER_HOST");
	unsetenv("DOCKER_CERT_PATH");
	unsetenv("BOXWRIGHT_CONFIG");
}

static int set_up(void **state)
{
	(void)state;
	clear_environment();
	snprintf(dir, sizeof dir, "/tmp/boxwright-config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	put("key.pem", PEM);
	put("hook", "new-webhook-secret\nold-webhook-secret\n");
	return 0;
}

static int tear_down(void **state)
{
	struct err err = {0};

	(void)state;
	clear_environment();
	assert_int_equal(file_remove_tree(dir, &err), 0);
	return 0;
}

static int load(struct config *ret, const char *text, struct err *err)
{
	char path[128];

	put("b.yml", text);
	snprintf(path, sizeof path, "%s/b.yml", dir);
	return config_load(ret, path, err);
}

#define GITHUB                                                                           \
	"github: {app_id: 12, private_key_file: key.pem, webhook_secret_file: hook}\n"

static void test_three_settings_are_enough(void **state)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};

	(void)state;
	if (load(&config, GITHUB, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(strstr(config.github_private_key.value, "PRIVATE KEY"));
	assert_int_equal(config.github_webhook_secrets.count, 2);
	assert_string_equal(
		config.github_webhook_secrets.items[0].value, "new-webhook-secret");
	assert_string_equal(
		config.github_webhook_secrets.items[1].value, "old-webhook-secret");
	assert_string_equal(config.engine_url, "unix:///var/run/docker.sock");
	assert_true(config.state_dir[0] == '/');
}

static void test_all_that_is_missing_is_told_at_once(void **state)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(load(&config, "task: {minutes: 3}\n", &err), -1);
	assert_non_null(strstr(err.text, "github.app_id (or BOXWRIGHT_GITHUB_APP_ID)"));
	assert_non_null(strstr(err.text, "github.private_key_file"));
	assert_non_null(strstr(err.text, "github.webhook_secret_file"));
}

static void test_the_environment_is_stronger(void **state)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};

	(void)state;
	setenv("BOXWRIGHT_GITHUB_APP_ID", "99", 1);
	setenv("BOXWRIGHT_TASK_WORKERS", "7", 1);
	setenv("BOXWRIGHT_PR_DRAFT", "false", 1);
	setenv("BOXWRIGHT_PR_LABELS", "bot, by machine ,", 1);
	setenv("BOXWRIGHT_AGENT_COMMAND", "node  agent.js --x", 1);
	setenv("BOXWRIGHT_GITHUB_WEBHOOK_SECRET", "from-the-environment", 1);
	setenv("DOCKER_HOST", "tcp://engine:2376", 1);
	if (load(&config, GITHUB "task: {workers: 2}\n", &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(config.github_app_id, 99);
	assert_int_equal(config.task_workers, 7);
	assert_false(config.pr_draft);
	assert_int_equal(config.pr_labels.count, 2);
	assert_string_equal(config.pr_labels.items[1], "by machine");
	assert_int_equal(config.agent_command.count, 3);
	assert_string_equal(config.agent_command.items[2], "--x");
	assert_int_equal(config.github_webhook_secrets.count, 1);
	assert_string_equal(
		config.github_webhook_secrets.items[0].value, "from-the-environment");
	assert_string_equal(config.engine_url, "tcp://engine:2376");
}

/* What /proc would show of us. */
static bool environ_holds(const char *needle)
{
	CLEANUP(strbuf) struct strbuf all = STRBUF_INIT(4 * LIMIT_MIB);
	CLEANUP(file) FILE *f = fopen("/proc/self/environ", "r");
	char chunk[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		strbuf_add(&all, chunk, n);
	return memmem(all.data, all.len, needle, strlen(needle)) != NULL;
}

/* Only what a process was started with is in its /proc/self/environ, so the test starts
 * itself again with a secret there. */
#define CANARY "sk-ant-canary-0001"

static void test_secrets_leave_the_environment(void **state)
{
	char self[256] = {0};
	char *argv[] = {self, NULL};
	char again[128];
	char key[] = "BOXWRIGHT_MODEL_ANTHROPIC_KEY=" CANARY;
	char *envp[] = {again, key, NULL};
	int status = -1;
	pid_t pid;

	(void)state;
	put("b.yml", GITHUB);
	snprintf(again, sizeof again, "BOXWRIGHT_TEST_AGAIN=%s/b.yml", dir);
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	pid = fork();
	if (pid == 0) {
		execve(self, argv, envp);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int started_again(const char *path)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};

	if (!environ_holds(CANARY))
		return 3; /* the test would prove nothing */
	if (config_load(&config, path, &err) < 0 ||
		!str_eq(config.model_anthropic_key.value, CANARY))
		return 4;
	if (environ_holds(CANARY) || getenv("BOXWRIGHT_MODEL_ANTHROPIC_KEY"))
		return 5;
	return 0;
}

static void test_a_mistyped_variable_is_told(void **state)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};

	(void)state;
	setenv("BOXWRIGHT_GITHUB_APPID", "99", 1);
	assert_int_equal(load(&config, GITHUB, &err), -1);
	assert_non_null(strstr(err.text, "BOXWRIGHT_GITHUB_APPID, which is no setting"));
	assert_null(strstr(err.text, "99"));
	unsetenv("BOXWRIGHT_GITHUB_APPID");
	setenv("BOXWRIGHT_TASK_WORKERS", "many", 1);
	assert_int_equal(load(&config, GITHUB, &err), -1);
	assert_string_equal(
		err.text, "BOXWRIGHT_TASK_WORKERS: must be a whole number from 1 to 64");
	unsetenv("BOXWRIGHT_TASK_WORKERS");
	setenv("BOXWRIGHT_GITHUB_PRIVATE_KEY", PEM, 1);
	setenv("BOXWRIGHT_GITHUB_PRIVATE_KEY_FILE", "/x", 1);
	assert_int_equal(load(&config, GITHUB, &err), -1);
	assert_non_null(strstr(err.text, "both set"));
	assert_null(getenv("BOXWRIGHT_GITHUB_PRIVATE_KEY")); /* also on failure */
}

static void test_what_does_not_fit_together(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} faults[] = {
		{GITHUB "listen: 0.0.0.0:7331\n", "set api_keys_file first"},
		{GITHUB "listen: :7331\n", "set api_keys_file first"},
		{GITHUB "listen: 7331\n", "must be address:port"},
		{GITHUB "listen: 127.0.0.1:70000\n", "must be address:port"},
		{GITHUB "listen: \"::1:80\"\n", "must be address:port"},
		{GITHUB "api_keys_file: short\n", "key 2 has 5 bytes, at least 16"},
		{GITHUB "agent: {harness: custom}\n", "agent.command is needed too"},
		{GITHUB "engine: {url: \"http://x\"}\n", "must begin with unix:///"},
		{"github: {app_id: 1, private_key_file: hook, "
		 "webhook_secret_file: hook}\n",
			"no private key in PEM"},
		{"github: {app_id: 1, private_key_file: gone.pem, "
		 "webhook_secret_file: hook}\n",
			"gone.pem"},
		{GITHUB "model: {anthropic: {key_file: /dev/zero}}\n",
			"model.anthropic.key_file: "},
		{"github: {app_id: 1, private_key_file: key.pem, "
		 "webhook_secret_file: three}\n",
			"at most 2 lines"},
	};

	(void)state;
	put("short", "long-enough-for-an-api-key\nshort\n");
	put("three", "one\ntwo\nthree\n");
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		CLEANUP(config) struct config config = {0};
		struct err err = {0};

		if (load(&config, faults[i].text, &err) == 0)
			fail_msg("accepted: %s", faults[i].text);
		if (!strstr(err.text, faults[i].error))
			fail_msg("%s -> %s", faults[i].text, err.text);
	}
}

static void test_open_listening_with_a_key(void **state)
{
	CLEANUP(config) struct config config = {0};
	struct err err = {0};

	(void)state;
	put("keys", "0123456789abcdef0123456789abcdef\n");
	if (load(&config, GITHUB "listen: \"[::]:7331\"\napi_keys_file: keys\n", &err) <
		0)
		fail_msg("%s", err.text);
	assert_int_equal(config.api_keys.count, 1);
}

/* ---- for people -------------------------------------------------------------------------- */

static void test_the_dump_hides_secrets(void **state)
{
	CLEANUP(config) struct config config = {0};
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(64 * LIMIT_KIB);
	struct err err = {0};

	(void)state;
	assert_int_equal(load(&config, GITHUB, &err), 0);
	config_dump(&config, &out);
	assert_non_null(strstr(out.data, "github.app_id: 12\n"));
	assert_non_null(strstr(out.data, "github.private_key_file: (set)\n"));
	assert_non_null(strstr(out.data, "github.webhook_secret_file: (2 set)\n"));
	assert_non_null(strstr(out.data, "model.openai.key_file: (not set)\n"));
	assert_null(strstr(out.data, "PRIVATE KEY"));
	assert_null(strstr(out.data, "webhook-secret"));
}

static void test_help_and_table_have_every_setting(void **state)
{
	CLEANUP(strbuf) struct strbuf help = STRBUF_INIT(64 * LIMIT_KIB);
	CLEANUP(strbuf) struct strbuf table = STRBUF_INIT(64 * LIMIT_KIB);
	size_t lines = 0;

	(void)state;
	config_help(&help);
	config_table(&table);
	for (size_t i = 0; i < config_settings_count; i++) {
		assert_non_null(strstr(help.data, config_settings[i].path));
		assert_non_null(strstr(table.data, config_settings[i].path));
		assert_non_null(strstr(help.data, config_settings[i].sentence));
	}
	for (const char *c = table.data; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, config_settings_count + 2);
}

/* What the README says of a setting is so. */
static void test_the_readme_names_real_settings(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);
	struct err err = {0};
	const char *at;
	int seen = 0;

	(void)state;
	assert_int_equal(file_read(&text, "README.md", &err), 0);
	at = strstr(text.data, "| setting | default | meaning |");
	assert_non_null(at);
	for (const char *line = strchr(at, '\n') + 1; *line == '|';
		line = strchr(line, '\n') + 1) {
		const char *end = strchr(line + 1, '|');

		for (const char *c = strchr(line, '`'); c && c < end;
			c = strchr(strchr(c + 1, '`') + 1, '`')) {
			size_t len = strcspn(c + 1, "`");
			bool known = false;

			for (size_t i = 0; i < config_settings_count; i++)
				known |= strlen(config_settings[i].path) == len &&
					 !memcmp(config_settings[i].path, c + 1, len);
			if (!known)
				fail_msg("README.md: no setting %.*s", (int)len, c + 1);
			seen++;
		}
	}
	assert_true(seen > 10);
}

/* The table's own rules: names follow paths, defaults are allowed values. */
static void test_the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_settings_count; i++) {
		const struct setting *setting = &config_settings[i];
		bool secret = setting->type == SETTING_SECRET ||
			      setting->type == SETTING_SECRETS;
		CLEANUP(config) struct config config = {0};
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1024);
		struct err err = {0};
		char flat[128];

		str_copy(flat, sizeof flat, setting->path);
		for (char *c = flat; *c; c++)
			if (*c == '.')
				*c = '_';
		if (secret)
			assert_true(str_ends(setting->path, "_file"));
		else
			assert_string_equal(flat, setting->field);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(config_settings[j].path, setting->path);
		settings_default_text(setting, &text);
		config_defaults(&config);
		if (text.len && !(setting->flags & CONFIG_NEEDED) &&
			settings_set(setting, &config, strbuf_str(&text), &err) < 0)
			fail_msg("%s: default %s: %s", setting->path, strbuf_str(&text),
				err.text);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const char *again = getenv("BOXWRIGHT_TEST_AGAIN");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_there),
		cmocka_unit_test(test_every_type_is_read),
		cmocka_unit_test(test_an_empty_file_is_the_defaults),
		cmocka_unit_test(test_faults_name_key_limit_and_place),
		cmocka_unit_test(test_size_and_count_are_bounded),
		TEST(test_three_settings_are_enough),
		TEST(test_all_that_is_missing_is_told_at_once),
		TEST(test_the_environment_is_stronger),
		TEST(test_secrets_leave_the_environment),
		TEST(test_a_mistyped_variable_is_told),
		TEST(test_what_does_not_fit_together),
		TEST(test_open_listening_with_a_key),
		TEST(test_the_dump_hides_secrets),
		TEST(test_help_and_table_have_every_setting),
		TEST(test_the_readme_names_real_settings),
		TEST(test_the_table_is_sound),
	};

	if (again)
		return started_again(again);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

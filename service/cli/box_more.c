/* SPDX-License-Identifier: MIT */
/* boxwright box: public URLs, schedules, variables of the account. */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/box_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *sub_path(const char *box, const char *tail, const char *id, const char *verb)
{
	struct strbuf path = STRBUF_INIT(LIMIT_PATH);
	CLEANUP(mem) char *start = box_path(box, tail);

	strbuf_adds(&path, start);
	if (id) {
		strbuf_addc(&path, '/');
		api_segment(&path, id);
	}
	strbuf_adds(&path, verb);
	return strbuf_take(&path);
}

/* ---- public URLs ----------------------------------------------------------------------- */

static int url_add(const char *box, const char *port, bool bearer, bool basic, bool json)
{
	CLEANUP(json) json_t *body = json_object();
	CLEANUP(mem) char *path = box_path(box, "/preview");
	struct err err = {0};
	uint64_t number;

	if (!str_to_u64(port, 1, 65535, &number))
		return cli_usage("\"%s\" is no port", port);
	json_put(body, "port", json_integer((json_int_t)number));
	if (bearer)
		json_put(body, "bearer_token", json_true());
	if (basic)
		json_put(body, "basic_auth", json_true());
	CLEANUP(json) json_t *answer = cli_ask("POST", path, body, &err);
	if (!answer)
		return cli_fail(&err);
	if (json)
		return cli_print_json(answer);
	printf("%s\n", json_or_string(answer, "url", "?"));
	if (bearer)
		printf("Authorization: Bearer %s\n", json_or_string(answer, "token", ""));
	if (basic)
		printf("user %s, password %s\n", json_or_string(answer, "username", ""),
			json_or_string(answer, "password", ""));
	return CLI_OK;
}

static void url_row(const json_t *p)
{
	printf("%5lld %s%s%s\n", (long long)json_or_int(p, "port", 0),
		json_or_string(p, "url", "?"),
		json_or_bool(p, "bearer_token", false) ? " bearer" : "",
		json_or_bool(p, "basic_auth", false) ? " basic" : "");
}

static int url_list(const char *box, bool json)
{
	CLEANUP(mem) char *path = box_path(box, "/preview");

	return cli_list(path, "previews", json, NULL, url_row);
}

int box_url_cmd(int argc, char **argv)
{
	bool bearer = false, basic = false, json = false;
	struct words w;
	const struct option_def defs[] = {{"bearer", OPTION_FLAG, &bearer},
		{"basic", OPTION_FLAG, &basic}, {"json", OPTION_FLAG, &json},
		{NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &w);

	if (rc != 0)
		return rc;
	const char *verb = w.count > 0 ? w.items[0] : "";
	if (str_eq(verb, "list") && w.count == 2)
		return url_list(w.items[1], json);
	if (str_eq(verb, "add") && w.count == 3)
		return url_add(w.items[1], w.items[2], bearer, basic, json);
	if (str_eq(verb, "delete") && w.count == 3) {
		CLEANUP(mem)
		char *path = sub_path(w.items[1], "/preview", w.items[2], "");
		return box_call("DELETE", path, NULL, json, "deleted", w.items[2]);
	}
	return cli_usage("box url add BOX PORT | list BOX | delete BOX PORT");
}

/* ---- schedules ------------------------------------------------------------------------- */

struct schedule {
	const char *cron, *prompt, *folder, *webhook;
	bool json;
	struct words words; /* add BOX [COMMAND...] */
};

static int schedule_add(const struct schedule *s)
{
	json_t *body = json_object();

	if (!s->cron || (s->prompt != NULL) == (s->words.count > 2)) {
		json_decref(body);
		return cli_usage("box schedule add BOX --cron \"0 6 * * 1\" with either "
				 "--prompt TEXT or -- COMMAND...");
	}
	json_put(body, "cron", json_str(s->cron));
	json_put(body, "type", json_str(s->prompt ? "prompt" : "exec"));
	if (s->prompt)
		json_put(body, "prompt", json_str(s->prompt));
	else {
		json_t *command = json_array();
		for (int i = 2; i < s->words.count; i++)
			json_array_append_new(command, json_str(s->words.items[i]));
		json_put(body, "command", command);
	}
	if (s->folder)
		json_put(body, "folder", json_str(s->folder));
	if (s->webhook)
		json_put(body, "webhook_url", json_str(s->webhook));
	CLEANUP(mem) char *path = box_path(s->words.items[1], "/schedules");
	struct err err = {0};
	CLEANUP(json) json_t *answer = cli_ask("POST", path, body, &err);
	json_decref(body);
	if (!answer)
		return cli_fail(&err);
	if (s->json)
		return cli_print_json(answer);
	printf("%s\n", json_or_string(answer, "id", "?"));
	return CLI_OK;
}

static void schedule_row(const json_t *s)
{
	CLEANUP(mem)
	char *command = json_dumps(json_object_get(s, "command"), JSON_COMPACT);

	printf("%-24s %-7s %-16s %5lld %5lld %-9s %.60s\n", json_or_string(s, "id", "?"),
		json_or_string(s, "status", "?"), json_or_string(s, "cron", "?"),
		(long long)json_or_int(s, "total_runs", 0),
		(long long)json_or_int(s, "total_failures", 0),
		json_or_string(s, "last_run_status", "-"),
		command ? command : json_or_string(s, "prompt", ""));
}

static int schedule_list(const char *box, bool json)
{
	CLEANUP(mem) char *path = box_path(box, "/schedules");

	return cli_list(path, NULL, json,
		"SCHEDULE                 STATUS  CRON (UTC)        RUNS FAIL"
		"S LAST      WHAT",
		schedule_row);
}

int box_schedule_cmd(int argc, char **argv)
{
	struct schedule s = {0};
	const struct option_def defs[] = {{"cron", OPTION_TEXT, &s.cron},
		{"prompt", OPTION_TEXT, &s.prompt}, {"folder", OPTION_TEXT, &s.folder},
		{"webhook", OPTION_TEXT, &s.webhook}, {"json", OPTION_FLAG, &s.json},
		{NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &s.words);

	if (rc != 0)
		return rc;
	const char *verb = s.words.count > 0 ? s.words.items[0] : "";
	const char *box = s.words.count > 1 ? s.words.items[1] : NULL;
	if (str_eq(verb, "add") && box)
		return schedule_add(&s);
	if (str_eq(verb, "list") && box)
		return schedule_list(box, s.json);
	if (s.words.count == 3) {
		const char *id = s.words.items[2];
		bool gone = str_eq(verb, "delete"), pause = str_eq(verb, "pause");
		if (gone || pause || str_eq(verb, "resume")) {
			CLEANUP(mem)
			char *path = sub_path(box, "/schedules", id,
				gone ? "" : (pause ? "/pause" : "/resume"));
			return box_call(gone ? "DELETE" : "POST", path, NULL, s.json,
				gone ? "deleted" : (pause ? "paused" : "resumed"), id);
		}
	}
	return cli_usage(
		"box schedule add BOX ... | list BOX | pause|resume|delete BOX ID");
}

/* ---- the account's variables ------------------------------------------------------------ */

static int env_list(bool json)
{
	struct err err = {0};
	CLEANUP(json) json_t *answer = cli_ask("GET", "/v2/box/settings/env", NULL, &err);
	const char *name;
	json_t *value;

	if (!answer)
		return cli_fail(&err);
	if (json)
		return cli_print_json(answer);
	json_object_foreach (json_object_get(answer, "env_vars"), name, value)
		printf("%s=%s\n", name, json_string_value(value));
	return CLI_OK;
}

static int env_change(const char *pair, bool set)
{
	const char *equals = strchr(pair, '=');
	CLEANUP(mem)
	char *name = mem_strndup(pair, equals ? (size_t)(equals - pair) : strlen(pair));
	const char *value = equals ? equals + 1 : getenv(name);
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH);

	if (set && !value)
		return cli_usage(
			"$%s is not set here; say %s=VALUE or set it", name, name);
	strbuf_adds(&path, "/v2/box/settings/env/");
	api_segment(&path, name);
	json_t *body = NULL;
	if (set) {
		body = json_object();
		json_put(body, "value", json_str(value));
	}
	return box_call(set ? "PUT" : "DELETE", strbuf_str(&path), body, false,
		set ? "set" : "deleted", name);
}

int box_env_cmd(int argc, char **argv)
{
	bool json = false;
	struct words w;
	const struct option_def defs[] = {
		{"json", OPTION_FLAG, &json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &w);

	if (rc != 0)
		return rc;
	const char *verb = w.count > 0 ? w.items[0] : "list";
	if (str_eq(verb, "list"))
		return env_list(json);
	bool set = str_eq(verb, "set");
	if ((!set && !str_eq(verb, "delete")) || w.count < 2)
		return cli_usage("box env list | set NAME[=VALUE]... | delete NAME...");
	for (int i = 1; i < w.count; i++) {
		int one = env_change(w.items[i], set);
		rc = one > rc ? one : rc;
	}
	return rc;
}

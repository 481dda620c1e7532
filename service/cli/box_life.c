/* SPDX-License-Identifier: MIT */
/* boxwright box: making, listing, pausing, keeping and deleting boxes, and what they cost. */
#include "boxcore/base/cancel.h"
#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/box_cmd.h"
#include "service/cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 500
#define LOG_PAGE 200

/* ---- making ---------------------------------------------------------------------------- */

struct create {
	const char *name, *runtime, *size, *ttl, *agent, *model, *network, *init;
	struct option_list labels, env, allow;
	bool keep_alive, ephemeral, github_token, json;
	struct words words;
};

static int create_options(int argc, char **argv, struct create *c)
{
	const struct option_def defs[] = {{"name", OPTION_TEXT, &c->name},
		{"runtime", OPTION_TEXT, &c->runtime}, {"size", OPTION_TEXT, &c->size},
		{"label", OPTION_LIST, &c->labels}, {"env", OPTION_LIST, &c->env},
		{"keep-alive", OPTION_FLAG, &c->keep_alive},
		{"ephemeral", OPTION_FLAG, &c->ephemeral}, {"ttl", OPTION_TEXT, &c->ttl},
		{"agent", OPTION_TEXT, &c->agent}, {"model", OPTION_TEXT, &c->model},
		{"network", OPTION_TEXT, &c->network}, {"allow", OPTION_LIST, &c->allow},
		{"init", OPTION_TEXT, &c->init},
		{"github-token", OPTION_FLAG, &c->github_token},
		{"json", OPTION_FLAG, &c->json}, {NULL, OPTION_FLAG, NULL}};

	return options_read(argc, argv, defs, -1, &c->words);
}

static void put_text(json_t *o, const char *name, const char *value)
{
	if (value)
		json_put(o, name, json_str(value));
}

static json_t *list_json(const struct option_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_str(list->items[i]));
	return array;
}

/* "K=V"; "K" alone takes the value from our own environment, so that a secret stands in no
 * command line. */
static int put_env(json_t *o, const char *pair, struct err *err)
{
	const char *equals = strchr(pair, '=');
	CLEANUP(mem)
	char *name = mem_strndup(pair, equals ? (size_t)(equals - pair) : strlen(pair));
	const char *value = equals ? equals + 1 : getenv(name);

	if (!value)
		return err_set(err, ERR_INPUT,
			"$%s is not set here; say %s=VALUE or set it", name, name);
	json_put(o, name, json_str(value));
	return 0;
}

static int put_network(json_t *body, const struct create *c)
{
	if (!c->network && c->allow.count == 0)
		return 0;
	json_t *policy = json_object();
	json_put(policy, "mode", json_str(c->allow.count > 0 ? "custom" : c->network));
	if (c->allow.count > 0)
		json_put(policy, "allowed_domains", list_json(&c->allow));
	json_put(body, "network_policy", policy);
	return 0;
}

static int put_from_outside(json_t *body, const struct create *c, struct err *err)
{
	CLEANUP(strbuf) struct strbuf script = STRBUF_INIT(64 * LIMIT_KIB);
	json_t *env = json_object();
	int64_t ttl;

	json_put(body, "env_vars", env);
	for (size_t i = 0; i < c->env.count; i++)
		if (put_env(env, c->env.items[i], err) < 0)
			return -1;
	if (c->init) {
		if (file_read(&script, c->init, err) < 0)
			return -1;
		json_put(
			body, "init_command", json_text(strbuf_str(&script), script.len));
	}
	if (c->ttl && !str_to_seconds(c->ttl, &ttl))
		return err_set(err, ERR_INPUT,
			"--ttl is \"%s\"; it has to be a time, like 90m, 6h or 2d",
			c->ttl);
	if (c->ttl)
		json_put(body, "ttl", json_integer(ttl));
	if (!c->github_token)
		return 0;
	const char *token = getenv("GITHUB_TOKEN");
	if (str_empty(token))
		return err_set(err, ERR_INPUT,
			"--github-token takes it from $GITHUB_TOKEN, "
			"which is not set");
	json_put(body, "github_token", json_str(token));
	return 0;
}

static json_t *create_body(const struct create *c, struct err *err)
{
	CLEANUP(json) json_t *body = json_object();

	put_text(body, "name", c->name);
	put_text(body, "runtime", c->runtime);
	put_text(body, "size", c->size);
	put_text(body, "agent", c->agent);
	put_text(body, "model", c->model);
	if (c->labels.count > 0)
		json_put(body, "labels", list_json(&c->labels));
	if (c->keep_alive)
		json_put(body, "keep_alive", json_true());
	if (c->ephemeral || c->ttl)
		json_put(body, "ephemeral", json_true());
	if (put_network(body, c) < 0 || put_from_outside(body, c, err) < 0)
		return NULL;
	return json_incref(body);
}

/* New lines of the box's log, as progress. */
static void show_progress(struct api *api, const char *id, int64_t *seen)
{
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH);
	CLEANUP(mem) char *start = box_path(id, "/logs");
	struct err ignored = {0};
	size_t i;
	json_t *line;

	strbuf_addf(&path, "%s?offset=%lld&limit=%d", start, (long long)*seen, LOG_PAGE);
	CLEANUP(json)
	json_t *answer = api_call(api, "GET", strbuf_str(&path), NULL, &ignored);
	json_array_foreach (json_object_get(answer, "logs"), i, line) {
		fprintf(stderr, "  %s\n", terminal_line(line, "message", ""));
		*seen += 1;
	}
}

/* Waits until it is made; the box as it is then, or NULL. */
static json_t *wait_for_box(struct api *api, json_t *box, struct err *err)
{
	CLEANUP(json) json_t *now = box;
	CLEANUP(mem) char *id = mem_strdup(json_or_string(now, "id", ""));
	CLEANUP(mem) char *path = box_path(id, "");
	int64_t seen = 0;

	while (str_eq(json_or_string(now, "status", ""), "creating")) {
		show_progress(api, id, &seen);
		if (cancel_sleep(NULL, POLL_MS, err) < 0)
			return NULL;
		json_decref(now);
		now = api_call(api, "GET", path, NULL, err);
		if (!now)
			return NULL;
	}
	if (str_eq(json_or_string(now, "status", ""), "error")) {
		err_set(err, ERR_INTERNAL,
			"box %s could not be made; `boxwright box logs %s` says why", id,
			id);
		return NULL;
	}
	return json_incref(now);
}

static int make(const struct create *c, const char *path, const char *snapshot)
{
	struct err err = {0};
	CLEANUP(json) json_t *body = create_body(c, &err);
	CLEANUP(api) struct api *api = body ? api_open(&err) : NULL;

	if (!api)
		return cli_fail(&err);
	put_text(body, "snapshot_id", snapshot);
	json_t *made = api_call(api, "POST", path, body, &err);
	CLEANUP(json) json_t *box = made ? wait_for_box(api, made, &err) : NULL;
	if (!box)
		return cli_fail(&err);
	if (c->json)
		return cli_print_json(box);
	printf("%s\n", json_or_string(box, "id", "?"));
	return CLI_OK;
}

int box_create_cmd(int argc, char **argv)
{
	struct create c = {0};
	int rc = create_options(argc, argv, &c);

	if (rc != 0)
		return rc;
	if (c.words.count > 0)
		return cli_usage(
			"box create takes options only, not \"%s\"", c.words.items[0]);
	return make(&c, "/v2/box", NULL);
}

int box_restore_cmd(int argc, char **argv)
{
	struct create c = {0};
	int rc = create_options(argc, argv, &c);

	if (rc != 0)
		return rc;
	if (c.words.count != 1)
		return cli_usage("box restore needs one snapshot");
	return make(&c, "/v2/box/from-snapshot", c.words.items[0]);
}

/* ---- looking --------------------------------------------------------------------------- */

static void print_row(const json_t *box)
{
	char created[CLOCK_ISO_SIZE];

	printf("%-28s %-9s %-7s %-9s %9.1f %s %s\n", json_or_string(box, "id", "?"),
		json_or_string(box, "status", "?"), json_or_string(box, "size", "-"),
		json_or_string(box, "runtime", "-"),
		(double)json_or_int(box, "total_cpu_ns", 0) / 1e9,
		clock_iso(json_or_int(box, "created_at", 0), created, sizeof created),
		json_or_string(box, "name", ""));
}

int box_list_cmd(int argc, char **argv)
{
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH);
	const char *label = NULL;
	bool json = false;
	struct words words;
	const struct option_def defs[] = {{"label", OPTION_TEXT, &label},
		{"json", OPTION_FLAG, &json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &words);

	if (rc != 0)
		return rc;
	strbuf_adds(&path, "/v2/box");
	if (label)
		cli_query_add(&path, "label", label);
	return cli_list(strbuf_str(&path), NULL, json,
		"BOX                          STATUS    SIZE    RUNTIME      "
		" CPU s CREATED              NAME",
		print_row);
}

int box_get_cmd(int argc, char **argv)
{
	bool json = false;
	struct words words;
	struct err err = {0};
	const char *key;
	json_t *value;
	const struct option_def defs[] = {
		{"json", OPTION_FLAG, &json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &words);

	if (rc != 0)
		return rc;
	CLEANUP(mem) char *path = box_path(words.items[0], "");
	CLEANUP(json) json_t *box = cli_ask("GET", path, NULL, &err);
	if (!box)
		return cli_fail(&err);
	if (json)
		return cli_print_json(box);
	json_object_foreach (box, key, value) {
		CLEANUP(mem)
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		if (json_is_string(value))
			printf("%-24s %s\n", key, json_string_value(value));
		else
			printf("%-24s %s\n", key, text ? text : "");
	}
	return CLI_OK;
}

/* ---- many at a time -------------------------------------------------------------------- */

/* Does it to every box; the worst result counts. */
static int each_box(
	int argc, char **argv, const char *method, const char *tail, const char *done)
{
	const struct option_def defs[] = {{NULL, OPTION_FLAG, NULL}};
	struct words words;
	int worst = options_read(argc, argv, defs, -1, &words);

	if (worst != 0)
		return worst;
	for (int i = 0; i < words.count; i++) {
		CLEANUP(mem) char *path = box_path(words.items[i], tail);
		int rc = box_call(method, path, NULL, false, done, words.items[i]);
		worst = rc > worst ? rc : worst;
	}
	return worst;
}

int box_pause_cmd(int argc, char **argv)
{
	return each_box(argc, argv, "POST", "/pause", "paused");
}

int box_resume_cmd(int argc, char **argv)
{
	return each_box(argc, argv, "POST", "/resume", "resumed");
}

int box_delete_cmd(int argc, char **argv)
{
	return each_box(argc, argv, "DELETE", "", "deleted");
}

/* ---- snapshots ------------------------------------------------------------------------- */

static void snapshot_row(const json_t *s)
{
	char created[CLOCK_ISO_SIZE];

	printf("%-28s %-9s %10.1f %-28s %s %s\n", json_or_string(s, "id", "?"),
		json_or_string(s, "status", "?"),
		(double)json_or_int(s, "size_bytes", 0) / (double)LIMIT_MIB,
		json_or_string(s, "box_id", ""),
		clock_iso(json_or_int(s, "created_at", 0), created, sizeof created),
		json_or_string(s, "name", ""));
}

static int snapshot_list(const char *box, bool json)
{
	CLEANUP(mem)
	char *path = box ? box_path(box, "/snapshots") : mem_strdup("/v2/box/snapshots");

	return cli_list(path, "snapshots", json,
		"SNAPSHOT                     STATUS           MiB BOX       "
		"                   CREATED              NAME",
		snapshot_row);
}

static int snapshot_delete(const struct words *words)
{
	json_t *ids = json_array(), *body = json_object();

	for (int i = 1; i < words->count; i++)
		json_array_append_new(ids, json_str(words->items[i]));
	json_put(body, "ids", ids);
	return box_call(
		"DELETE", "/v2/box/snapshots", body, false, "deleted", "snapshots");
}

/* The snapshot of that id in a list; NULL when it is gone. */
static const json_t *find_snapshot(const json_t *answer, const char *id)
{
	size_t i;
	json_t *s;

	json_array_foreach (json_object_get(answer, "snapshots"), i, s)
		if (str_eq(json_or_string(s, "id", ""), id))
			return s;
	return NULL;
}

/* Waits until it is ready, as the published client does. */
static int wait_for_snapshot(const char *path, const char *id, struct err *err)
{
	for (;;) {
		CLEANUP(json) json_t *answer = cli_ask("GET", path, NULL, err);
		const json_t *s = find_snapshot(answer, id);

		if (!answer)
			return -1;
		if (!s || str_eq(json_or_string(s, "status", ""), "error"))
			return err_set(err, ERR_INTERNAL,
				"snapshot %s could not be made; the box's log says why",
				id);
		if (str_eq(json_or_string(s, "status", ""), "ready"))
			return 0;
		if (cancel_sleep(NULL, POLL_MS, err) < 0)
			return -1;
	}
}

static int snapshot_make(const char *box, const char *name, bool json)
{
	struct err err = {0};
	CLEANUP(mem) char *path = box_path(box, "/snapshots");
	CLEANUP(json) json_t *body = json_object();

	json_put(body, "name", json_str(name ? name : box));
	CLEANUP(json) json_t *made = cli_ask("POST", path, body, &err);
	const char *id = json_or_string(made, "id", "?");
	if (!made || (str_eq(json_or_string(made, "status", ""), "creating") &&
			     wait_for_snapshot(path, id, &err) < 0))
		return cli_fail(&err);
	if (json)
		return cli_print_json(made);
	printf("%s\n", id);
	return CLI_OK;
}

int box_snapshot_cmd(int argc, char **argv)
{
	const char *name = NULL;
	bool json = false;
	struct words words;
	const struct option_def defs[] = {{"name", OPTION_TEXT, &name},
		{"json", OPTION_FLAG, &json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &words);

	if (rc != 0)
		return rc;
	if (words.count == 0)
		return cli_usage("box snapshot needs a box");
	if (str_eq(words.items[0], "list"))
		return snapshot_list(words.count > 1 ? words.items[1] : NULL, json);
	if (str_eq(words.items[0], "delete"))
		return snapshot_delete(&words);
	return snapshot_make(words.items[0], name, json);
}

/* ---- cost ------------------------------------------------------------------------------ */

static void usage_row(const char *name, const json_t *u)
{
	printf("%-28s %10.1f %10.1f %12lld %12lld %10.4f\n", name,
		(double)json_or_int(u, "cpu_ns", 0) / 1e9,
		(double)json_or_int(u, "storage_bytes", 0) / (double)LIMIT_MIB,
		(long long)json_or_int(u, "input_tokens", 0),
		(long long)json_or_int(u, "output_tokens", 0),
		json_or_real(u, "cost_usd", 0));
}

int box_usage_cmd(int argc, char **argv)
{
	bool json = false;
	struct words words;
	struct err err = {0};
	size_t i;
	json_t *row;
	const struct option_def defs[] = {
		{"json", OPTION_FLAG, &json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &words);

	if (rc != 0)
		return rc;
	CLEANUP(json)
	json_t *answer = cli_ask("GET", "/v1/usage", NULL, &err);
	if (!answer)
		return cli_fail(&err);
	if (json)
		return cli_print_json(answer);
	printf("%-28s %10s %10s %12s %12s %10s\n", "BOX", "CPU s", "DISK MiB",
		"TOKENS IN", "TOKENS OUT", "USD");
	json_array_foreach (json_object_get(answer, "boxes"), i, row)
		usage_row(json_or_string(row, "id", "?"), row);
	json_array_foreach (json_object_get(answer, "days"), i, row)
		usage_row(json_or_string(row, "day", "?"), row);
	usage_row("total", json_object_get(answer, "total"));
	return CLI_OK;
}

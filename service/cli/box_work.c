/* SPDX-License-Identifier: MIT */
/* boxwright box: the agent's work, runs, the log, git. */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/box_cmd.h"
#include "service/cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- run ------------------------------------------------------------------------------- */

/* Server-sent events as they come. */
struct events {
	struct strbuf line;
	char name[32];
	bool json;
	bool failed;
	bool spoke; /* text was shown already: `done` repeats it */
};

static void show_text(struct events *e, const json_t *data)
{
	const char *text = json_or_string(data, "text", "");

	fputs(text, stdout);
	fflush(stdout);
	e->spoke = e->spoke || *text;
}

static void show_done(struct events *e, const json_t *data)
{
	if (!e->spoke)
		printf("%s\n", json_or_string(data, "output", ""));
	fprintf(stderr, "\n%lld tokens in, %lld out, $%.4f\n",
		(long long)json_or_int(data, "input_tokens", 0),
		(long long)json_or_int(data, "output_tokens", 0),
		json_or_real(data, "total_cost_usd", 0));
}

static void show_tool(const json_t *data)
{
	const json_t *input = json_object_get(data, "input");
	CLEANUP(mem)
	char *text = json_dumps(input, JSON_COMPACT | JSON_ENCODE_ANY);

	fprintf(stderr, "> %s %.200s\n", json_or_string(data, "name", "?"),
		text ? text : "");
}

static void show_event(struct events *e, const char *text)
{
	struct err ignored = {0};
	CLEANUP(json) json_t *data = json_parse(text, strlen(text), &ignored);

	terminal_clean(data);
	if (e->json) {
		printf("{\"event\":\"%s\",\"data\":%s}\n", e->name, text);
		fflush(stdout);
	} else if (str_eq(e->name, "text"))
		show_text(e, data);
	else if (str_eq(e->name, "tool"))
		show_tool(data);
	else if (str_eq(e->name, "done"))
		show_done(e, data);
	else if (str_eq(e->name, "error"))
		fprintf(stderr, "boxwright: %s\n",
			json_or_string(data, "error", "failed"));
	e->failed = e->failed || str_eq(e->name, "error");
}

static int take_events(void *arg, const void *data, size_t len, struct err *err)
{
	struct events *e = arg;

	strbuf_add(&e->line, data, len);
	if (strbuf_check(&e->line, "a line of the stream", err) < 0)
		return -1;
	for (char *end; (end = memchr(e->line.data, '\n', e->line.len)) != NULL;) {
		*end = '\0';
		if (str_starts(e->line.data, "event: "))
			str_copy(e->name, sizeof e->name, e->line.data + 7);
		else if (str_starts(e->line.data, "data: "))
			show_event(e, e->line.data + 6);
		strbuf_consume(&e->line, (size_t)(end - e->line.data) + 1);
	}
	return 0;
}

static char *join(const struct words *words, int from)
{
	struct strbuf text = STRBUF_INIT(LIMIT_PROMPT);

	for (int i = from; i < words->count; i++) {
		if (i > from)
			strbuf_addc(&text, ' ');
		strbuf_adds(&text, words->items[i]);
	}
	return strbuf_take(&text);
}

int box_run_cmd(int argc, char **argv)
{
	const char *folder = NULL, *model = NULL;
	struct events events = {.line = STRBUF_INIT(LIMIT_AGENT_LINE)};
	struct words words;
	struct err err = {0};
	const struct option_def defs[] = {{"folder", OPTION_TEXT, &folder},
		{"model", OPTION_TEXT, &model}, {"json", OPTION_FLAG, &events.json},
		{NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &words);

	if (rc != 0)
		return rc;
	if (words.count < 2)
		return cli_usage("box run needs a box and a prompt");
	CLEANUP(api) struct api *api = api_open(&err);
	if (!api)
		return cli_fail(&err);
	if (model) {
		CLEANUP(mem) char *config = box_path(words.items[0], "/config/model");
		CLEANUP(json) json_t *change = json_object();
		json_put(change, "model", json_str(model));
		CLEANUP(json) json_t *done = api_call(api, "PUT", config, change, &err);
		if (!done)
			return cli_fail(&err);
	}
	CLEANUP(mem) char *prompt = join(&words, 1);
	CLEANUP(mem) char *path = box_path(words.items[0], "/run/stream");
	CLEANUP(json) json_t *body = json_object();
	json_put(body, "prompt", json_str(prompt));
	if (folder)
		json_put(body, "folder", json_str(folder));
	struct api_raw call = {.method = "POST",
		.path = path,
		.body = body,
		.sink = take_events,
		.arg = &events};
	rc = api_raw(api, &call, &err);
	strbuf_release(&events.line);
	if (rc < 0)
		return cli_fail(&err);
	return events.failed ? CLI_FAILED : CLI_OK;
}

/* ---- runs and the log ------------------------------------------------------------------ */

static int list_of_box(int argc, char **argv, const char *tail, const char *member,
	void (*show)(const json_t *row), const char *title)
{
	bool json = false;
	struct words words;
	const struct option_def defs[] = {
		{"json", OPTION_FLAG, &json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &words);

	if (rc != 0)
		return rc;
	CLEANUP(mem) char *path = box_path(words.items[0], tail);
	return cli_list(path, member, json, title, show);
}

static void show_run(const json_t *run)
{
	printf("%-28s %-6s %-10s %8lld %8.3f %.80s\n", json_or_string(run, "id", "?"),
		json_or_string(run, "type", "?"), json_or_string(run, "status", "?"),
		(long long)json_or_int(run, "duration_ms", 0),
		(double)json_or_int(run, "cpu_ns", 0) / 1e9,
		terminal_line(run, "prompt", ""));
}

int box_runs_cmd(int argc, char **argv)
{
	return list_of_box(argc, argv, "/runs", "runs", show_run,
		"RUN                          TYPE   STATUS           MS    CPU s WHAT");
}

static void show_log(const json_t *line)
{
	char at[CLOCK_ISO_SIZE];

	printf("%s %-6s %-5s %s\n",
		clock_iso(json_or_int(line, "timestamp", 0), at, sizeof at),
		json_or_string(line, "source", "?"), json_or_string(line, "level", "?"),
		terminal_line(line, "message", ""));
}

int box_logs_cmd(int argc, char **argv)
{
	return list_of_box(argc, argv, "/logs", "logs", show_log, NULL);
}

int box_cancel_cmd(int argc, char **argv)
{
	CLEANUP(strbuf) struct strbuf tail = STRBUF_INIT(LIMIT_PATH);

	if (argc < 2)
		return cli_usage("box cancel needs a box and a run");
	strbuf_adds(&tail, "/runs/");
	api_segment(&tail, argv[1]);
	strbuf_adds(&tail, "/cancel");
	CLEANUP(mem) char *path = box_path(argv[0], strbuf_str(&tail));
	return box_call("POST", path, NULL, false, "cancelled", argv[1]);
}

/* ---- git ------------------------------------------------------------------------------- */

struct git {
	const char *folder, *branch, *message, *title, *body, *base;
	bool github_token, json;
	struct words words; /* BOX VERB ... */
};

static void put_text(json_t *o, const char *name, const char *value)
{
	if (value)
		json_put(o, name, json_str(value));
}

static const char *word(const struct git *g, int n)
{
	return g->words.count > n ? g->words.items[n] : NULL;
}

/* The body of a POST; NULL when the words do not fit the verb. */
static json_t *git_body(const struct git *g, const char *verb)
{
	CLEANUP(json) json_t *body = json_object();

	put_text(body, "folder", g->folder);
	if (str_eq(verb, "clone")) {
		put_text(body, "repo", word(g, 2));
		put_text(body, "branch", g->branch);
		if (word(g, 3))
			put_text(body, "folder", word(g, 3));
		if (g->github_token)
			put_text(body, "github_token", getenv("GITHUB_TOKEN"));
		return word(g, 2) ? json_incref(body) : NULL;
	}
	if (str_eq(verb, "commit")) {
		put_text(body, "message", g->message ? g->message : word(g, 2));
		return g->message || word(g, 2) ? json_incref(body) : NULL;
	}
	if (str_eq(verb, "checkout")) {
		put_text(body, "branch", g->branch ? g->branch : word(g, 2));
		return g->branch || word(g, 2) ? json_incref(body) : NULL;
	}
	if (str_eq(verb, "create-pr")) {
		put_text(body, "title", g->title);
		put_text(body, "body", g->body);
		put_text(body, "base", g->base);
		return g->title ? json_incref(body) : NULL;
	}
	if (str_eq(verb, "push"))
		put_text(body, "branch", g->branch ? g->branch : word(g, 2));
	if (str_eq(verb, "exec")) {
		json_t *args = json_array();
		for (int i = 2; i < g->words.count; i++)
			json_array_append_new(args, json_str(g->words.items[i]));
		json_put(body, "args", args);
	}
	return json_incref(body);
}

/* What a person wants to see of the answer. */
static int git_show(const json_t *answer, const char *verb)
{
	static const char *const texts[] = {"status", "diff", "output", "url", "sha"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = json_or_string(answer, texts[i], NULL);
		if (!text)
			continue;
		fputs(text, stdout);
		if (*text && !str_ends(text, "\n"))
			putchar('\n');
		return str_eq(verb, "exec") ? (int)json_or_int(answer, "exit_code", 0)
					    : CLI_OK;
	}
	return CLI_OK;
}

static bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 0; i < argc; i++)
		if (str_eq(argv[i], word))
			return true;
	return false;
}

/* What follows `exec` is git's. */
int box_git_cmd(int argc, char **argv)
{
	static const char *const verbs[] = {"clone", "status", "diff", "commit", "push",
		"checkout", "create-pr", "exec", NULL};
	struct git g = {0};
	struct err err = {0};
	size_t i = 0;
	const struct option_def defs[] = {{"folder", OPTION_TEXT, &g.folder},
		{"branch", OPTION_TEXT, &g.branch}, {"message", OPTION_TEXT, &g.message},
		{"title", OPTION_TEXT, &g.title}, {"body", OPTION_TEXT, &g.body},
		{"base", OPTION_TEXT, &g.base},
		{"github-token", OPTION_FLAG, &g.github_token},
		{"json", OPTION_FLAG, &g.json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(
		argc, argv, defs, has_word(argc, argv, "exec") ? 1 : -1, &g.words);

	if (rc != 0)
		return rc;
	const char *verb = g.words.count > 1 ? g.words.items[1] : "";
	if (str_eq(verb, "pr"))
		verb = "create-pr";
	while (verbs[i] && !str_eq(verbs[i], verb))
		i++;
	if (!verbs[i])
		return cli_usage("box git BOX needs one of clone, status, diff, commit, "
				 "push, checkout, pr, exec");
	bool look = str_eq(verb, "status") || str_eq(verb, "diff");
	CLEANUP(json) json_t *body = look ? NULL : git_body(&g, verb);
	if (!look && !body)
		return cli_usage("box git BOX %s: a word or option is missing", verb);
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH);
	CLEANUP(mem) char *start = box_path(g.words.items[0], "/git/");
	strbuf_addf(&path, "%s%s", start, verb);
	if (look && g.folder)
		cli_query_add(&path, "folder", g.folder);
	CLEANUP(json)
	json_t *answer = cli_ask(look ? "GET" : "POST", strbuf_str(&path), body, &err);
	if (!answer)
		return cli_fail(&err);
	return g.json ? cli_print_json(answer) : git_show(answer, verb);
}

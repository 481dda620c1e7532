/* SPDX-License-Identifier: MIT */
/* boxwright task ...: what the service does and did, and how to stop it. */
#include "service/cli/cli.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/api.h"
#include "service/cli/terminal.h"

#include <stdio.h>
#include <string.h>

static bool has_flag(int argc, char **argv, const char *flag)
{
	for (int i = 0; i < argc; i++)
		if (str_eq(argv[i], flag))
			return true;
	return false;
}

static const char *option(int argc, char **argv, const char *name)
{
	for (int i = 0; i + 1 < argc; i++)
		if (str_eq(argv[i], name))
			return argv[i + 1];
	return NULL;
}

/* A task's number from the first word, as "41" or "t41". */
static bool task_id(int argc, char **argv, uint64_t *ret)
{
	const char *word = argc > 0 ? argv[0] : NULL;

	if (word && word[0] == 't')
		word++;
	return str_to_u64(word, 1, INT64_MAX, ret);
}

static void cli_print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

static const char *when(int64_t ms, char *buf, size_t size)
{
	return ms > 0 ? clock_iso(ms / 1000, buf, size) : "-";
}

static void print_row(const json_t *task)
{
	char created[CLOCK_ISO_SIZE];
	CLEANUP(mem)
	char *subject = mem_printf("%s/%s#%lld", json_or_string(task, "owner", "?"),
		json_or_string(task, "repo", "?"),
		(long long)json_or_int(task, "number", 0));
	const char *outcome = json_or_string(task, "pr_url", NULL);

	if (str_empty(outcome))
		outcome = json_or_string(task, "outcome", "");
	printf("%-6lld %-9s %-8s %-28s %-20s %s\n", (long long)json_or_int(task, "id", 0),
		json_or_string(task, "state", "?"), json_or_string(task, "step", ""),
		subject,
		when(json_or_int(task, "created_ms", 0), created, sizeof created),
		outcome);
}

static int task_list(int argc, char **argv, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH);
	const char *state = option(argc, argv, "--state");
	size_t i;
	json_t *task;

	if (!api)
		return cli_fail(err);
	strbuf_adds(&path, "/v1/tasks?limit=50");
	if (state) {
		strbuf_adds(&path, "&state=");
		api_segment(&path, state);
	}
	CLEANUP(json) json_t *answer = api_call(api, "GET", strbuf_str(&path), NULL, err);
	if (!answer)
		return cli_fail(err);
	if (has_flag(argc, argv, "--json")) {
		cli_print_json(answer);
		return CLI_OK;
	}
	printf("%-6s %-9s %-8s %-28s %-20s %s\n", "TASK", "STATE", "STEP", "ISSUE",
		"CREATED", "OUTCOME");
	json_array_foreach (json_object_get(answer, "tasks"), i, task)
		print_row(task);
	return CLI_OK;
}

static void print_steps(const json_t *task)
{
	size_t i;
	json_t *step;

	json_array_foreach (json_object_get(task, "steps"), i, step) {
		int64_t from = json_or_int(step, "started_ms", 0);
		int64_t to = json_or_int(step, "finished_ms", 0);

		printf("  %-8s %-8s %8.1f s  %s\n", json_or_string(step, "name", "?"),
			json_or_string(step, "state", "?"),
			to > from ? (double)(to - from) / 1000 : 0.0,
			json_or_string(step, "detail", ""));
	}
}

static int task_show(int argc, char **argv, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);
	uint64_t id;

	if (!api)
		return cli_fail(err);
	if (!task_id(argc, argv, &id))
		return cli_usage("task show needs a task's number");
	CLEANUP(mem) char *path = mem_printf("/v1/tasks/%llu", (unsigned long long)id);
	CLEANUP(json) json_t *task = api_call(api, "GET", path, NULL, err);
	if (!task)
		return cli_fail(err);
	if (has_flag(argc, argv, "--json")) {
		cli_print_json(task);
		return CLI_OK;
	}
	static const char *const shown[] = {"state", "outcome", "owner", "repo", "number",
		"requester_login", "text", "harness", "model", "box_id", "branch",
		"pr_url", "base_oid", "commit_oid", "files", "added", "deleted",
		"tokens_in", "tokens_out", "cost_usd"};
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		const json_t *value = json_at(task, shown[i]);
		if (json_is_string(value) && json_string_length(value) > 0)
			printf("%-16s %s\n", shown[i], json_string_value(value));
		else if (json_is_integer(value))
			printf("%-16s %lld\n", shown[i],
				(long long)json_integer_value(value));
		else if (json_is_real(value))
			printf("%-16s %.4f\n", shown[i], json_real_value(value));
	}
	print_steps(task);
	return CLI_OK;
}

static void print_event(const json_t *event)
{
	char at[CLOCK_ISO_SIZE];

	printf("%s %-11s %s\n", when(json_or_int(event, "at_ms", 0), at, sizeof at),
		json_or_string(event, "kind", "?"), json_or_string(event, "text", ""));
}

static bool follow_event(void *arg, const char *data)
{
	struct err ignored = {0};
	CLEANUP(json) json_t *event = json_parse(data, strlen(data), &ignored);

	(void)arg;
	terminal_clean(event);
	if (event && json_at(event, "kind"))
		print_event(event);
	fflush(stdout);
	return true;
}

static int task_logs_of(uint64_t id, bool follow, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);
	int64_t after = 0;
	size_t i;
	json_t *event;

	if (!api)
		return cli_fail(err);
	CLEANUP(mem)
	char *live = mem_printf("/v1/tasks/%llu/events?after=0", (unsigned long long)id);
	if (follow)
		return api_follow(api, live, follow_event, NULL, err) < 0 ? cli_fail(err)
									  : CLI_OK;
	for (;;) {
		CLEANUP(mem)
		char *path = mem_printf("/v1/tasks/%llu/events?after=%lld",
			(unsigned long long)id, (long long)after);
		CLEANUP(json) json_t *answer = api_call(api, "GET", path, NULL, err);
		if (!answer)
			return cli_fail(err);
		json_t *events = json_object_get(answer, "events");
		if (json_array_size(events) == 0)
			return CLI_OK;
		json_array_foreach (events, i, event) {
			print_event(event);
			after = json_or_int(event, "seq", after);
		}
	}
}

static int task_logs(int argc, char **argv, struct err *err)
{
	uint64_t id;

	if (!task_id(argc, argv, &id))
		return cli_usage("task logs needs a task's number");
	return task_logs_of(id, has_flag(argc, argv, "--follow"), err);
}

static int task_post(int argc, char **argv, const char *verb, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);
	uint64_t id;

	if (!api)
		return cli_fail(err);
	if (!task_id(argc, argv, &id))
		return cli_usage("task %s needs a task's number", verb);
	CLEANUP(json) json_t *body = json_object();
	if (argc > 1)
		json_put(body, "reason", json_str(argv[1]));
	CLEANUP(mem)
	char *path = mem_printf("/v1/tasks/%llu/%s", (unsigned long long)id, verb);
	CLEANUP(json) json_t *answer = api_call(api, "POST", path, body, err);
	if (!answer)
		return cli_fail(err);
	printf("task %llu: %s\n", (unsigned long long)id,
		json_or_string(answer, "state", "done"));
	return CLI_OK;
}

int cli_task(int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "list";
	struct err err = {0};

	argc = argc > 0 ? argc - 1 : 0;
	argv++;
	if (str_eq(verb, "list"))
		return task_list(argc, argv, &err);
	if (str_eq(verb, "show"))
		return task_show(argc, argv, &err);
	if (str_eq(verb, "logs"))
		return task_logs(argc, argv, &err);
	if (str_eq(verb, "cancel") || str_eq(verb, "retry"))
		return task_post(argc, argv, verb, &err);
	return cli_usage("unknown command \"task %s\"", verb);
}

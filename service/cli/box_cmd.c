/* SPDX-License-Identifier: MIT */
/* boxwright box ...: the boxes of a running service. */
#include "service/cli/cli.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/api.h"

#include <stdio.h>

static char *box_path(const char *id, const char *tail)
{
	struct strbuf path = STRBUF_INIT(LIMIT_PATH);

	strbuf_adds(&path, "/v2/box/");
	api_segment(&path, id);
	strbuf_adds(&path, tail);
	return strbuf_take(&path);
}

static int box_list_cmd(int argc, char **argv, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);
	size_t i;
	json_t *box;

	if (!api)
		return cli_fail(err);
	CLEANUP(json) json_t *answer = api_call(api, "GET", "/v2/box", NULL, err);
	if (!answer)
		return cli_fail(err);
	if (argc > 0 && str_eq(argv[0], "--json")) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
		return CLI_OK;
	}
	printf("%-32s %-9s %s\n", "BOX", "STATUS", "CREATED");
	json_array_foreach (answer, i, box) {
		char created[CLOCK_ISO_SIZE];

		printf("%-32s %-9s %s\n", json_or_string(box, "id", "?"),
			json_or_string(box, "status", "?"),
			clock_iso(json_or_int(box, "created_at", 0), created,
				sizeof created));
	}
	return CLI_OK;
}

static int box_exec_cmd(int argc, char **argv, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);
	int first = argc > 1 && str_eq(argv[1], "--") ? 2 : 1;

	if (!api)
		return cli_fail(err);
	if (argc <= first)
		return cli_usage("box exec needs a box and a command");
	CLEANUP(json) json_t *body = json_object();
	json_t *command = json_array();
	for (int i = first; i < argc; i++)
		json_array_append_new(command, json_str(argv[i]));
	json_put(body, "command", command);
	CLEANUP(mem) char *path = box_path(argv[0], "/exec");
	CLEANUP(json) json_t *answer = api_call(api, "POST", path, body, err);
	if (!answer)
		return cli_fail(err);
	fputs(json_or_string(answer, "output", ""), stdout);
	fputs(json_or_string(answer, "error", ""), stderr);
	return (int)json_or_int(answer, "exit_code", CLI_FAILED);
}

/* A task's box is called task-<id> with a suffix; its log is the task's. */
static int box_logs_cmd(int argc, char **argv, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);
	size_t i;
	json_t *line;

	if (!api)
		return cli_fail(err);
	if (argc < 1)
		return cli_usage("box logs needs a box");
	CLEANUP(mem) char *path = box_path(argv[0], "/logs");
	CLEANUP(json) json_t *answer = api_call(api, "GET", path, NULL, err);
	if (!answer)
		return cli_fail(err);
	json_array_foreach (json_object_get(answer, "logs"), i, line) {
		char at[CLOCK_ISO_SIZE];

		printf("%s %-6s %s\n",
			clock_iso(json_or_int(line, "timestamp", 0), at, sizeof at),
			json_or_string(line, "source", "?"),
			json_or_string(line, "message", ""));
	}
	return CLI_OK;
}

static int box_delete_cmd(int argc, char **argv, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);

	if (!api)
		return cli_fail(err);
	if (argc < 1)
		return cli_usage("box delete needs a box");
	CLEANUP(mem) char *path = box_path(argv[0], "");
	CLEANUP(json) json_t *answer = api_call(api, "DELETE", path, NULL, err);
	if (!answer)
		return cli_fail(err);
	printf("box %s deleted\n", argv[0]);
	return CLI_OK;
}

int cli_box(int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "list";
	struct err err = {0};

	argc = argc > 0 ? argc - 1 : 0;
	argv++;
	if (str_eq(verb, "list"))
		return box_list_cmd(argc, argv, &err);
	if (str_eq(verb, "exec"))
		return box_exec_cmd(argc, argv, &err);
	if (str_eq(verb, "logs"))
		return box_logs_cmd(argc, argv, &err);
	if (str_eq(verb, "delete"))
		return box_delete_cmd(argc, argv, &err);
	return cli_usage("unknown command \"box %s\"", verb);
}

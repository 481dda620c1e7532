/* SPDX-License-Identifier: MIT */
/* boxwright box ...: the table of its commands, and what they share. */
#include "service/cli/box_cmd.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

#define CREATE_OPTIONS                                                                   \
	"--name --runtime --size --label --env --keep-alive --ephemeral --ttl --agent "  \
	"--model --network --allow --init --github-token --json"
#define CREATE_FORM                                                                      \
	"[--name N] [--runtime R] [--size S] [--env K[=V]] [--network POLICY] [...]"

/* clang-format off */
static const struct box_command table[] = {
	{"create", box_create_cmd, CREATE_FORM, "makes a box", CREATE_OPTIONS, NULL, false},
	{"list", box_list_cmd, "[--label L] [--json]", "boxes, newest first", "--label --json", NULL, false},
	{"get", box_get_cmd, "BOX [--json]", "one box with what it used", "--json", NULL, true},
	{"exec", box_exec_cmd, "BOX [--folder DIR] [--env K=V] [--] COMMAND...", "runs a command, with stdin and signals", "--folder --env --tty", NULL, true},
	{"shell", box_shell_cmd, "BOX [--folder DIR] [COMMAND...]", "an interactive shell", "--folder --env", NULL, true},
	{"run", box_run_cmd, "BOX [--folder DIR] [--model M] PROMPT...", "lets the box's agent work, shows what it does", "--folder --model --json", NULL, true},
	{"runs", box_runs_cmd, "BOX [--json]", "commands and prompts that ran in it", "--json", NULL, true},
	{"cancel", box_cancel_cmd, "BOX RUN", "stops a run", "", NULL, true},
	{"logs", box_logs_cmd, "BOX [--json]", "what happened to it", "--json", NULL, true},
	{"pause", box_pause_cmd, "BOX...", "stops its processes, keeps its files", "", NULL, true},
	{"resume", box_resume_cmd, "BOX...", "starts it again", "", NULL, true},
	{"snapshot", box_snapshot_cmd, "BOX [--name N] | list [BOX] | delete ID...", "keeps its files to restore boxes from", "--name --json", "list delete", true},
	{"restore", box_restore_cmd, "SNAPSHOT [options of create]", "makes a box from a snapshot", CREATE_OPTIONS, NULL, false},
	{"files", box_files_cmd, "ls|cat|stat|put|get|mkdir|mv|rm BOX PATH...", "its files", "--recursive --json", "ls cat stat put get mkdir mv rm", true},
	{"git", box_git_cmd, "BOX clone|status|diff|commit|push|checkout|pr|exec ...", "git in it", "--folder --branch --message --title --body --base --github-token --json", NULL, true},
	{"url", box_url_cmd, "add BOX PORT [--bearer] [--basic] | list BOX | delete BOX PORT", "public URLs of its ports", "--bearer --basic --json", "add list delete", true},
	{"schedule", box_schedule_cmd, "add BOX --cron C [--prompt P | -- COMMAND...] | list BOX | pause|resume|delete BOX ID", "what runs by the clock", "--cron --prompt --folder --webhook --json", "add list pause resume delete", true},
	{"env", box_env_cmd, "list | set K[=V]... | delete K...", "variables of every new box", "--json", "list set delete", false},
	{"usage", box_usage_cmd, "[--json]", "processor time, storage, tokens and cost", "--json", NULL, false},
	{"delete", box_delete_cmd, "BOX...", "deletes boxes for good", "", NULL, true},
};
/* clang-format on */

const struct box_command *box_command_at(size_t i)
{
	return i < ARRAY_LEN(table) ? &table[i] : NULL;
}

char *box_path(const char *id, const char *tail)
{
	struct strbuf path = STRBUF_INIT(LIMIT_PATH);

	strbuf_adds(&path, "/v2/box/");
	api_segment(&path, id);
	strbuf_adds(&path, tail);
	return strbuf_take(&path);
}

void cli_query_add(struct strbuf *path, const char *name, const char *value)
{
	strbuf_addc(path, memchr(strbuf_str(path), '?', path->len) ? '&' : '?');
	strbuf_adds(path, name);
	strbuf_addc(path, '=');
	str_url_encode(path, value, true);
}

int cli_print_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
	return CLI_OK;
}

json_t *cli_ask(const char *method, const char *path, const json_t *body, struct err *err)
{
	CLEANUP(api) struct api *api = api_open(err);

	return api ? api_call(api, method, path, body, err) : NULL;
}

int cli_list(const char *path, const char *member, bool json, const char *title,
	void (*show)(const json_t *row))
{
	struct err err = {0};
	CLEANUP(json) json_t *answer = cli_ask("GET", path, NULL, &err);
	size_t i;
	json_t *row;

	if (!answer)
		return cli_fail(&err);
	if (json)
		return cli_print_json(answer);
	if (title)
		puts(title);
	json_array_foreach (member ? json_object_get(answer, member) : answer, i, row)
		show(row);
	return CLI_OK;
}

int box_call(const char *method, const char *path, json_t *body, bool json,
	const char *done, const char *subject)
{
	CLEANUP(json) json_t *taken = body;
	struct err err = {0};
	CLEANUP(json) json_t *answer = cli_ask(method, path, taken, &err);

	if (!answer)
		return cli_fail(&err);
	if (json)
		return cli_print_json(answer);
	if (done)
		printf("%s %s\n", subject, done);
	return CLI_OK;
}

static void print_help(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		fprintf(out, "  boxwright box %-9s %s\n  %26s%s\n", table[i].name,
			table[i].form, "", table[i].sentence);
}

int cli_box(int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "help";

	if (str_eq(verb, "help") || str_eq(verb, "--help")) {
		print_help(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!str_eq(table[i].name, verb))
			continue;
		if (argc > 1 && str_eq(argv[1], "--help")) {
			printf("boxwright box %s %s\n    %s\n", verb, table[i].form,
				table[i].sentence);
			return CLI_OK;
		}
		if (argc < 2 && table[i].takes_box)
			return cli_usage(
				"box %s %s: a box is missing", verb, table[i].form);
		return table[i].run(argc - 1, argv + 1);
	}
	return cli_usage("unknown command \"box %s\"", verb);
}

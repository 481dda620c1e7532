/* SPDX-License-Identifier: MIT */
/*
 * What the commands of `boxwright box` share.  Each command gets the words behind its name,
 * says on stdout what it did (as JSON with --json), on stderr what went wrong, and returns
 * an exit code (cli.h).
 */
#ifndef SERVICE_CLI_BOX_CMD_H
#define SERVICE_CLI_BOX_CMD_H

#include "boxcore/base/json.h"
#include "service/cli/api.h"
#include "service/cli/cli.h"
#include "service/cli/options.h"

/* One row of the table that help, usage and completion are made from (box_cmd.c). */
struct box_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *form;     /* "BOX [--folder DIR] -- COMMAND..." */
	const char *sentence; /* "runs a command in a box" */
	const char *options;  /* for completion: "--folder --json" */
	const char *verbs;    /* for completion: words of its own; or NULL */
	bool takes_box;       /* its first word is a box */
};
const struct box_command *box_command_at(size_t i); /* NULL behind the last */

/* "/v2/box/ID" and the tail; free() it. */
char *box_path(const char *id, const char *tail);
/* Appends "?name=value" or "&name=value". */
void cli_query_add(struct strbuf *path, const char *name, const char *value);
/* Prints the answer as JSON. */
int cli_print_json(const json_t *answer);
/* One call to the service that runs; NULL with err. */
json_t *cli_ask(
	const char *method, const char *path, const json_t *body, struct err *err);
/* Lists: asks for `path` and prints the answer as JSON with `json`, else `title` (may be
 * NULL) and a line for each of its `member` (NULL: of the answer itself). */
int cli_list(const char *path, const char *member, bool json, const char *title,
	void (*show)(const json_t *row));
/* One call whose answer is printed as JSON with `json`, else `done` (a sentence with one %s
 * for `subject`, or NULL for nothing). */
int box_call(const char *method, const char *path, json_t *body, bool json,
	const char *done, const char *subject);

/* box_life.c */
int box_create_cmd(int argc, char **argv);
int box_restore_cmd(int argc, char **argv);
int box_list_cmd(int argc, char **argv);
int box_get_cmd(int argc, char **argv);
int box_pause_cmd(int argc, char **argv);
int box_resume_cmd(int argc, char **argv);
int box_delete_cmd(int argc, char **argv);
int box_snapshot_cmd(int argc, char **argv);
int box_usage_cmd(int argc, char **argv);
/* box_session.c */
int box_exec_cmd(int argc, char **argv);
int box_shell_cmd(int argc, char **argv);
/* box_work.c */
int box_run_cmd(int argc, char **argv);
int box_runs_cmd(int argc, char **argv);
int box_cancel_cmd(int argc, char **argv);
int box_logs_cmd(int argc, char **argv);
int box_git_cmd(int argc, char **argv);
/* box_files.c */
int box_files_cmd(int argc, char **argv);
/* box_more.c */
int box_url_cmd(int argc, char **argv);
int box_schedule_cmd(int argc, char **argv);
int box_env_cmd(int argc, char **argv);

#endif

/* SPDX-License-Identifier: MIT */
/* The table of commands and the help that is made from it. */
#include "service/cli/cli.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "service/repo/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int cli_help(int argc, char **argv);
static int cli_version(int argc, char **argv);

/* Not for people: the service starts itself again for heavy git work. */
static int cli_git_worker(int argc, char **argv)
{
	return repo_worker_main(argc, argv);
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* one line a form; NULL: not shown */
} commands[] = {
	{"serve", cli_serve,
		"serve [--config FILE]              run the service\n"
		"serve --help                       every setting with its default\n"},
	{"task", cli_task,
		"task list [--state S] [--json]     newest tasks first\n"
		"task show ID [--json]              one task with its steps and effects\n"
		"task logs ID [--follow]            what happened, line by line\n"
		"task cancel ID [REASON]            stop it now, whatever it is doing\n"
		"task retry ID                      put a finished task back into the "
		"queue\n"},
	{"why", cli_why,
		"why URL|DELIVERY [--json]          what became of a comment, issue or "
		"delivery, and why\n"},
	{"schema", cli_schema,
		"schema                             JSON Schema of "
		".github/boxwright.yml, "
		"for editors\n"
		"schema --check FILE                whether such a file is right\n"},
	{"schedule", cli_schedule,
		"schedule list [--repository R]     maintenance jobs with their next "
		"three times\n"
		"schedule show JOB [--json]         one job; JOB is its number, name or "
		"owner/name:job\n"
		"schedule run|pause|resume JOB      now, no more, again\n"
		"schedule when WORDS [--timezone Z] what \"daily around 6:00\" comes to "
		"[--count N]\n"},
	{"box", cli_box,
		"box help                           boxes: create, exec, shell, run, "
		"files, git, ...\n"},
	{"key", cli_key,
		"key create NAME [--account A] [--read-only]   a key of the API, shown "
		"once\n"
		"key list | revoke ID               keys that exist; ends one\n"},
	{"completion", cli_completion,
		"completion bash|zsh|fish           completes commands and boxes: "
		"source <(...)\n"},
	{"complete", cli_complete, NULL},
	{"doctor", cli_doctor,
		"doctor [--config FILE]             check engine, disk, keys, image and "
		"GitHub\n"},
	{"backup", cli_backup,
		"backup FOLDER [--config FILE]      copy the state of a running "
		"service\n"},
	{"version", cli_version,
		"version                            versions of all parts\n"},
	{"help", cli_help, "help                               this text\n"},
	{"git-worker", cli_git_worker, NULL},
};

static void print_forms(const char *line)
{
	while (line && *line) {
		int n = (int)strcspn(line, "\n");

		printf("  boxwright %.*s\n", n, line);
		line += n + 1;
	}
}

/* Of commands whose own help is these lines. */
static bool asks_for_help(int argc, char **argv)
{
	return argc > 2 && (str_eq(argv[2], "--help") || str_eq(argv[2], "-h")) &&
	       !str_eq(argv[1], "serve") && !str_eq(argv[1], "box");
}

static int cli_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("Boxwright turns an issue, a comment or a schedule into a pull request: "
	       "a\n"
	       "coding agent works in a box, the service publishes what it changed.\n\n"
	       "usage: boxwright COMMAND\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		print_forms(commands[i].help);
	printf("\nFirst steps: `make demo` shows the whole way without a key or "
	       "account;\n"
	       "`boxwright doctor` tells what an installation still needs.\n"
	       "A running service is found by $BOXWRIGHT_API (http://127.0.0.1:7331) "
	       "and,\n"
	       "where it has one, the key in $BOXWRIGHT_API_KEY.  $LOG=debug says "
	       "more.\n");
	return CLI_OK;
}

int cli_fail(const struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(4 * sizeof err->text);

	/* The service's words may quote a box. */
	str_clean_utf8(&clean, err->text, strlen(err->text), false);
	fprintf(stderr, "boxwright: %s\n", strbuf_str(&clean));
	return CLI_FAILED;
}

int cli_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("boxwright: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; `boxwright help` lists the commands\n", stderr);
	return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";

	if (str_eq(name, "--help") || str_eq(name, "-h"))
		name = "help";
	if (str_eq(name, "--version"))
		name = "version";
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_eq(commands[i].name, name) && commands[i].help &&
			asks_for_help(argc, argv)) {
			print_forms(commands[i].help);
			return CLI_OK;
		} else if (str_eq(commands[i].name, name))
			return commands[i].run(argc - 2 > 0 ? argc - 2 : 0, argv + 2);
	return cli_usage("unknown command \"%s\"", name);
}

static int cli_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("boxwright %s\n", BOXWRIGHT_VERSION);
	cli_versions(stdout);
	return CLI_OK;
}

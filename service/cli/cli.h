/* SPDX-License-Identifier: MIT */
/*
 * The command line: one table of commands, each a function of argv.
 *
 * Results go to stdout, everything else to stderr.  Exit codes: 0 done, 1 failed (the
 * reason and what to do next stand on stderr), 2 wrong usage.  All but serve, doctor,
 * schema, backup, version and help speak to a running service over its API ($BOXWRIGHT_API,
 * $BOXWRIGHT_API_KEY).
 */
#ifndef SERVICE_CLI_CLI_H
#define SERVICE_CLI_CLI_H

#include "boxcore/base/err.h"

#include <stdio.h>

#define BOXWRIGHT_VERSION "0.1.0"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* argv[0] is the program.  Returns the exit code. */
int cli_main(int argc, char **argv);

/* The groups of commands; argv[0] is the word behind the group's name. */
int cli_task(int argc, char **argv);
int cli_box(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_schema(int argc, char **argv);
int cli_why(int argc, char **argv);
int cli_backup(int argc, char **argv);

int cli_schedule(int argc, char **argv);
int cli_key(int argc, char **argv);
int cli_completion(int argc, char **argv);
int cli_complete(int argc, char **argv);

/* A line a library, indented. */
void cli_versions(FILE *out);

/* Reads `--config FILE`; anything else is wrong usage. */
int cli_config_option(int argc, char **argv, const char **ret_path);

/* Prints "boxwright: text" to stderr and returns CLI_FAILED. */
int cli_fail(const struct err *err);
/* Prints the sentence and how to get help, returns CLI_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

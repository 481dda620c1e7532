/* SPDX-License-Identifier: MIT */
/*
 * Options of a command: `--name value`, `--name=value`, `--flag`, and words.
 *
 * Options and words may stand in any order; everything behind `--` is a word.  Of a command
 * that ends in another command line (exec), options are read up to the first word beyond
 * `stop_after`, so that the other command keeps its own.
 */
#ifndef SERVICE_CLI_OPTIONS_H
#define SERVICE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define OPTION_VALUES_MAX 64

struct option_list {
	const char *items[OPTION_VALUES_MAX]; /* of argv */
	size_t count;
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_LIST };

struct option_def {
	const char *name; /* without the dashes */
	enum option_kind kind;
	void *to; /* bool *, const char **, struct option_list * */
};

struct words {
	char *items[256];
	int count;
};

/* 0, or CLI_USAGE after saying what is wrong.  `defs` ends with a NULL name; stop_after < 0:
 * never. */
int options_read(int argc, char **argv, const struct option_def *defs, int stop_after,
	struct words *ret_words);

#endif

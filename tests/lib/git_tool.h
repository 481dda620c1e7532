/* SPDX-License-Identifier: MIT */
/*
 * The real git, as a tool and as a judge: run with a clean configuration and fixed names and
 * times, so that the same commands make the same objects.
 *
 * git_run() ends the test program when git fails; git_try() returns its exit status.  The last
 * argument is NULL.  Output has its last newline cut; the caller frees it.
 */
#ifndef TESTS_LIB_GIT_TOOL_H
#define TESTS_LIB_GIT_TOOL_H

#include <stddef.h>
#include <sys/types.h>

struct git_io {
	const char *folder; /* git -C */
	const void *input;  /* for standard input */
	size_t input_len;
	const char *const *env; /* further "NAME=value", NULL-terminated; may be NULL */
};

char *git_run(const char *folder, const char *arg, ...) __attribute__((sentinel));
int git_try(const char *folder, char **ret_out, const char *arg, ...)
	__attribute__((sentinel));

/* argv ends with NULL and does not hold "git".  Returns the exit status, output with length. */
int git_pipe(const struct git_io *io, const char *const *argv, char **ret_out,
	size_t *ret_len);

/* Runs any program (argv[0] is found in PATH), standard input from a file descriptor (-1: none).
 * env NULL: ours.  Returns the wait status; standard error is passed through unless
 * `quiet`. */
int tool_run(const char *const *argv, const char *const *env, int input, int quiet,
	char **ret_out, size_t *ret_len);

/* Files for a work tree: folders are made. */
void put_file(
	const char *root, const char *path, const void *data, size_t len, mode_t mode);
void put_text(const char *root, const char *path, const char *text);
void put_link(const char *root, const char *path, const char *target);

#endif

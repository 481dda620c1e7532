/* SPDX-License-Identifier: MIT */
/*
 * Scope cleanup: an object is released where its variable goes out of scope.
 *
 * Each type declares its macro beside itself:
 *
 *	DEFINE_CLEANUP(strbuf, struct strbuf, strbuf_release(value))
 *	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_PROMPT);
 *
 * `value` is a pointer to the variable.  A release accepts the zeroed state, so a
 *variable is initialised at its declaration, always.  TAKE() is the only way out of a
 *scope: it yields the pointer and leaves NULL behind.
 */
#ifndef BOXCORE_BASE_CLEANUP_H
#define BOXCORE_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFINE_CLEANUP(name, type, action)                                               \
	static inline __attribute__((unused)) void cleanup_##name(type *value)           \
	{                                                                                \
		action;                                                                  \
	}

#define CLEANUP(name) __attribute__((cleanup(cleanup_##name)))

#define TAKE(p)                                                                          \
	(__extension__({                                                                 \
		__typeof__(p) taken_ = (p);                                              \
		(p) = NULL;                                                              \
		taken_;                                                                  \
	}))

/* As TAKE for a file descriptor: leaves -1 behind. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* CLEANUP(mem) char *p = NULL; -- anything from mem.h or malloc(). */
static inline __attribute__((unused)) void cleanup_mem(void *value)
{
	free(*(void **)value);
}

/* CLEANUP(fd) int fd = -1; */
static inline __attribute__((unused)) void cleanup_fd(int *value)
{
	if (*value >= 0)
		close(*value);
}

static inline __attribute__((unused)) void cleanup_file(FILE **value)
{
	if (*value)
		fclose(*value);
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Keeps a command's output from being taken for the stream's own last frame.  Pure.
 *
 * The published client ends a stream of output at the first "event: exit\n" or
 * "event: error\n" in it, wherever that stands.  Output that holds one of them gets a space
 * before the line's end, so that the exit status told is always the command's own.  All
 * other bytes pass unchanged, and none is held back: a marker that comes in several pieces
 * is known by the end of what went before.
 */
#ifndef SERVICE_HTTP_NEUTRAL_H
#define SERVICE_HTTP_NEUTRAL_H

#include <stdbool.h>
#include <stddef.h>

struct neutral {
	char tail[16]; /* the last bytes that went out */
	size_t len;
};

#define NEUTRAL_INIT                                                                     \
	{                                                                                \
		.len = 0                                                                 \
	}

/* How many of the bytes go out as they are; behind them, when *ret_space, goes a space. Call
 * again with the rest until there is none. */
size_t neutral_next(
	struct neutral *neutral, const char *data, size_t len, bool *ret_space);

#endif

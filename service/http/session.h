/* SPDX-License-Identifier: MIT */
/*
 * An interactive command over a WebSocket: JSON objects in text frames, bytes in base64.
 *
 *	client	start {argv | cmd, cwd, tty, rows, cols, env}, then stdin {data}, stdin_close,
 *		resize {rows, cols}, signal {signal}, terminate {graceMs}
 *	server	started {pid, execId} or error {message}; stdout {data}, stderr {data};
 *		exit {code}, after which it closes
 *
 * Closing the socket kills everything that the session started.  The calling thread reads
 * the client, a second one the box, and a third, made when it is needed, feeds the
 * command's input, so that a command that does not read blocks neither a signal nor the
 * client's leaving, up to LIMIT_SESSION_MESSAGE bytes.
 */
#ifndef SERVICE_HTTP_SESSION_H
#define SERVICE_HTTP_SESSION_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/strbuf.h"
#include "service/box/box_run.h"

struct session_peer {
	int fd;              /* non-blocking; the caller's */
	struct strbuf early; /* what it has sent already */
};

/* Serves one connection to its end; the caller then closes it. */
void session_serve(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct session_peer *peer, struct cancel *cancel);

#endif

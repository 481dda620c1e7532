/* SPDX-License-Identifier: MIT */
/*
 * Bytes of one connection from a box: blocking, each wait with a limit and a cancel.  What
 * the relays of models and of git share.
 */
#ifndef SERVICE_RELAY_IO_H
#define SERVICE_RELAY_IO_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct relay_io {
	int fd;
	struct cancel *cancel;
	struct strbuf in; /* read and not yet used */
};

/* All of it, within LIMIT_RELAY_BODY_MS of silence.  -1 when the box is gone or cancelled. */
int relay_io_write(struct relay_io *io, const void *data, size_t len, struct err *err);

/* More bytes into io->in: 1, 0 at the end of the connection, -1 with err (ERR_TRANSIENT is
 * the time that is up; ERR_LIMIT: io->in is full). */
int relay_io_read(struct relay_io *io, int64_t until_ms, struct err *err);

/* Waits for a whole head in io->in and returns its length; 0 at the end of the connection or
 * of the patience between requests; -1 with the status that the box deserves (0: none can be
 * told) and err. */
ssize_t relay_io_head(struct relay_io *io, int *ret_status, struct err *err);

/* An answer is lost if the socket is closed while the box still sends: says that nothing
 * more comes and reads on for a moment. */
void relay_io_linger(struct relay_io *io);

#endif

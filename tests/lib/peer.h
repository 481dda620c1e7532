/* SPDX-License-Identifier: MIT */
/*
 * A peer that misbehaves on purpose: a server on a real socket whose answers a test
 * writes.
 *
 * Each connection is handled on a thread of its own by the test's function, which reads
 * requests with peer_request() and writes what it likes.  peer_stop() shuts every
 * connection, so a handler that hangs in a read ends, and joins all threads.
 */
#ifndef TESTS_LIB_PEER_H
#define TESTS_LIB_PEER_H

#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

struct peer;
typedef void (*peer_handler)(void *arg, struct peer *peer, int fd);

/* Listens on 127.0.0.1 (any port), or on a unix socket when path is given. */
struct peer *peer_start(const char *path, peer_handler handler, void *arg);
void peer_stop(struct peer *peer);
uint16_t peer_port(const struct peer *peer);
int peer_connections(struct peer *peer); /* how many were accepted so far */
bool peer_stopping(struct peer *peer);

struct peer_request {
	char method[16];
	char target[1024];
	char *head; /* all of it, with the request line; NUL-terminated */
	char *body; /* by Content-Length or chunked; NUL-terminated */
	size_t body_len;
};

/* Reads the next request of a kept connection; false at its end. */
bool peer_request(int fd, struct peer_request *ret_request);
void peer_request_release(struct peer_request *request);
DEFINE_CLEANUP(peer_request, struct peer_request, peer_request_release(value))

/* Copies the value of a header into buf; false when there is none. */
bool peer_header(
	const struct peer_request *request, const char *name, char *buf, size_t size);

/* Writes all; false when the connection is gone. */
bool peer_write(int fd, const void *data, size_t len);
bool peer_printf(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A whole answer with Content-Length. */
bool peer_answer(int fd, int status, const char *type, const char *body);
/* Waits until the other side closes. */
void peer_hang(int fd);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A forge on loopback: `git http-backend` behind a socket, with faults on demand.
 *
 * Serves the bare repositories of a folder as http://127.0.0.1:<port>/<name>.  With a token
 * every request needs "Basic x-access-token:<token>", as GitHub does.
 */
#ifndef TESTS_LIB_GIT_SERVER_H
#define TESTS_LIB_GIT_SERVER_H

#include "boxcore/base/cleanup.h"

#include <stddef.h>

struct git_server;

struct git_server *git_server_start(const char *root, const char *token);
void git_server_stop(struct git_server *server);

/* "http://127.0.0.1:1234/name"; the caller frees. */
char *git_server_url(const struct git_server *server, const char *name);

enum git_fault {
	GIT_FAULT_NONE,
	GIT_FAULT_REDIRECT,  /* 301 to another host */
	GIT_FAULT_SILENT,    /* takes the request and says nothing */
	GIT_FAULT_CUT,       /* half of the body, then the connection ends */
	GIT_FAULT_STALL,     /* half of the body, then nothing */
	GIT_FAULT_FLOOD,     /* a body without end */
	GIT_FAULT_BUSY,      /* 503 with retry-after: 7 */
	GIT_FAULT_FORBIDDEN, /* 403 with a sentence */
	GIT_FAULT_HTML,      /* 200 with a page */
	GIT_FAULT_GARBAGE,   /* 200, git's type, bytes that are no protocol */
	GIT_FAULT_FLIP,      /* one bit of the pack is changed */
};

/* From now on, for requests whose target holds `where` (NULL: all), at most `times` of
 * them (0: all). */
void git_server_fault(
	struct git_server *server, enum git_fault fault, const char *where, int times);

/* Called before a request whose target holds "git-receive-pack" and that has a body is
 * given to git: moves refs under the client's feet. */
void git_server_before_push(struct git_server *server, void (*fn)(void *arg), void *arg);

int git_server_requests(struct git_server *server); /* seen so far */
int git_server_refused(struct git_server *server);  /* of these without the right token */
size_t git_server_received(struct git_server *server); /* bytes of all request bodies */

#endif

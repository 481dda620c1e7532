/* SPDX-License-Identifier: MIT */
/* What git_relay.c, git_route.c and git_forward.c share.  Nobody else includes this. */
#ifndef SERVICE_RELAY_GIT_IMPL_H
#define SERVICE_RELAY_GIT_IMPL_H

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/net/http_client.h"
#include "service/relay/git_relay.h"
#include "service/relay/head.h"
#include "service/relay/io.h"

/* A connection and its thread.  Only `ended` is the thread's: the rest belongs to who accepts,
 * and at last to who frees the relay. */
struct git_slot {
	struct git_relay *relay;
	int fd;
	pthread_t thread;
	bool used;  /* there is a thread to join */
	bool ended; /* under relay->lock */
};

struct git_relay {
	char *web_url, *owner, *name, *ca_file;
	struct secret basic; /* "x-access-token:TOKEN" in base64 */
	bool push, plain_http;
	struct cancel *cancel;

	struct lock lock; /* all below */
	struct git_slot slots[LIMIT_GIT_RELAY_CONNECTIONS];
	bool closing;
	int refused;
};

struct git_conn {
	struct git_relay *relay;
	struct relay_io io;
	struct http_client *client;
};

/* The request that is being answered. */
struct git_call {
	struct relay_head head;
	const char *rest; /* of the path, as it goes out */
	bool keep;        /* the connection, afterwards */
	bool head_sent;
	int status;
	char content_type[128], cache_control[128];
	/* The body on its way to GitHub. */
	struct git_conn *conn;
	struct relay_chunks chunks;
	struct strbuf piece;
	int64_t left; /* of a body whose length is known */
	bool body_done;
};

/* Finds the route: 0, or the status that the request deserves, with why. */
int git_route_find(const struct git_relay *relay, struct git_call *call, struct err *err);

/* Serves one connection to its end; does not close its descriptor. */
void git_conn_serve(struct git_conn *conn);

#endif

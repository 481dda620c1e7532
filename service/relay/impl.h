/* SPDX-License-Identifier: MIT */
/*
 * What the files of the relay share: the relay, its leases, one connection.  Nobody else
 * includes this.
 */
#ifndef SERVICE_RELAY_IMPL_H
#define SERVICE_RELAY_IMPL_H

#include "boxcore/base/thread.h"
#include "boxcore/net/http_client.h"
#include "service/relay/head.h"
#include "service/relay/io.h"
#include "service/relay/price.h"
#include "service/relay/relay.h"

struct provider {
	char *root; /* base URL without a trailing slash and without /v1 */
	char *setting;
	char *ca_file;
	struct secret key;
	bool plain_http;
};

struct job {
	struct relay_lease *lease;
	int fd;
};

struct relay {
	struct provider providers[RELAY_PROVIDERS];
	struct relay_prices prices;
	int64_t connect_ms;
	int64_t silence_ms;

	struct lock lock; /* all below, and the counts of leases */
	struct cond work; /* a job is there, or closing */
	struct cond done; /* a connection of some lease has ended */
	struct job *jobs; /* a stack: at most max_connections wait or run */
	int njobs;
	int running; /* connections that threads are at work on */
	int max_connections;
	pthread_t *threads;
	int nthreads;
	int starting;
	int idle;
	bool closing;
	size_t held; /* bytes of request bodies */
};

struct relay_lease {
	struct relay *relay;
	char *name;
	bool allow[RELAY_PROVIDERS];
	struct secret key[RELAY_PROVIDERS]; /* the caller's own */
	relay_on_usage on_usage;
	void *arg;
	relay_reaches_all reaches_all;
	void *reach_arg;
	struct cancel *cancel;

	/* Under relay->lock. */
	int connections;
	bool closing;
	size_t held;
	int64_t budget;
	int64_t reserved; /* estimates of calls under way */
	struct relay_usage total;
};

/* One connection, on one thread. */
struct conn {
	struct relay *relay;
	struct relay_lease *lease;
	struct relay_io io;
	struct http_client **clients; /* of this thread, one a provider */
	size_t held;                  /* of relay->held */
};

/* The request that is being answered. */
struct call {
	struct relay_head head;
	const struct relay_route *route;
	enum relay_provider_id
		provider; /* whose shape errors have, even without a route */
	struct strbuf body;
	bool keep; /* the connection, afterwards */
};

/* ---- relay.c --------------------------------------------------------------------------- */

/* 0, or -1 with ERR_LIMIT when the lease's money is spent.  Takes `estimate` off it until
 * relay_settle(). */
int relay_reserve(struct relay_lease *lease, int64_t estimate, struct err *err);
/* usage NULL: nothing was consumed. */
void relay_settle(struct relay_lease *lease, int64_t estimate, const char *model,
	const struct relay_usage *usage);
/* Room for more bytes of a body; false when there is too much already. */
bool relay_hold(struct conn *conn, size_t bytes);
void relay_unhold(struct conn *conn);

/* The key that a call of this lease is made with; it may be unset. */
const struct secret *relay_lease_key(
	const struct relay_lease *lease, enum relay_provider_id id);

/* ---- conn.c ---------------------------------------------------------------------------- */

/* Serves one connection to its end; does not close fd. */
void conn_serve(struct conn *conn);
/* All of it, within LIMIT_RELAY_BODY_MS of silence.  -1 when the box is gone or cancelled. */
int conn_write(struct conn *conn, const void *data, size_t len, struct err *err);

/* ---- route.c --------------------------------------------------------------------------- */

enum route_kind { ROUTE_LOCAL, ROUTE_CALL, ROUTE_FREE };

struct relay_route {
	const char *method;
	const char *path; /* below /v1 */
	enum relay_provider_id provider;
	enum route_kind kind;
};

/* NULL with the status that the request deserves, and why. */
const struct relay_route *relay_route_find(const struct relay_lease *lease,
	struct call *call, int *ret_status, struct err *err);

/* ---- forward.c ------------------------------------------------------------------------- */

/* Answers the call; false when the connection cannot go on. */
bool relay_forward(struct conn *conn, struct call *call);

/* ---- reply.c --------------------------------------------------------------------------- */

/* An error in the provider's shape, as a whole answer. */
int conn_refuse(struct conn *conn, const struct call *call, int status, const char *text);
/* Appends "name: value" lines of an answer that may pass to the box. */
void reply_pass_header(struct strbuf *out, const char *name, const char *value);
const char *reply_reason(int status);

#endif

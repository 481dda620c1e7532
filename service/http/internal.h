/* SPDX-License-Identifier: MIT */
/*
 * What the files of the server share and handlers must not see.
 *
 * A request is made when its first line has come and freed when the library is done with
 * it and no handler runs on it any more.  Who holds what: the server's thread until the
 * request is handed over (its connection suspended), then the thread that answers it, then
 * the server's thread again.
 */
#ifndef SERVICE_HTTP_INTERNAL_H
#define SERVICE_HTTP_INTERNAL_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/strbuf.h"
#include "boxcore/base/thread.h"
#include "service/box/box_keys.h"
#include "service/http/conns.h"
#include "service/http/listen.h"
#include "service/http/multipart.h"
#include "boxcore/base/pool.h"
#include "service/http/request.h"
#include "service/http/route.h"
#include "service/http/server.h"
#include "service/http/shares.h"
#include "service/http/target.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>

struct outlets;
struct pipe;
struct stream_body;
struct upgrade;

struct server {
	struct MHD_Daemon *daemon;
	int listener;
	int port;
	bool local; /* no key: programs of this machine may */
	struct server_options options;
	const struct route *routes;
	const struct http_app *app;
	struct cancel *cancel;
	struct conns *conns;
	struct pool *pool;      /* ROUTE_HANDLER */
	struct pool *long_pool; /* ROUTE_LONG, ROUTE_STREAMED */
	struct shares *shares;  /* of it, by account */
	struct outlets *outlets;
	atomic_bool stopping;
	atomic_size_t bodies;   /* bytes of large bodies in memory */
	atomic_uint requests;   /* not yet freed */
	atomic_uint unanswered; /* handed over and not yet answered */
	atomic_uint upgrades;   /* sockets that other protocols hold */
	atomic_ullong answered[6];
	atomic_ullong refused_heads;
};

#define REPLY_HEADERS_MAX 16

struct reply_header_pair {
	char *name, *value;
};

struct request {
	struct server *server;
	struct MHD_Connection *connection;
	struct conn *conn;
	atomic_int refs;

	/* The head */
	char *raw;          /* of the target, as it came */
	const char *raw_at; /* where it stood in the library's buffer */
	const char *method; /* the library's; the route's once there is one */
	struct target target;
	struct route_found found;
	int64_t content_length; /* -1: none */
	bool begun;             /* the head was looked at */
	struct box_caller caller;
	struct box_key_owner owner; /* the caller's, when a row's key was sent */
	const char *origin; /* that is named in the answer, the setting's word; or NULL */
	char *tail;
	char boundary[MULTIPART_BOUNDARY_MAX + 1];

	/* The body */
	struct strbuf body;
	size_t counted; /* of server->bodies */
	size_t step;    /* bytes since its deadline began anew */
	struct stream_body *stream_body;
	bool came;  /* a streamed one: to its end */
	bool drain; /* read it to its end and forget it: the answer stands already */

	/* The answer */
	struct reply_header_pair headers[REPLY_HEADERS_MAX];
	size_t header_count;
	int status; /* 0: none yet */
	struct MHD_Response *response;
	struct pipe *pipe;       /* between open and close */
	struct upgrade *upgrade; /* once reply_upgrade() was called */
	bool streams;
	bool close;     /* the connection ends with the answer */
	bool suspended; /* handed over */
	bool owed;      /* reply_later() was called */
	bool shared;    /* counted in server->shares */
};

/* guard and access: reply with a refusal, or leave the request unanswered. */
void head_check(struct request *request, const char *version);
void access_check(struct request *request);

/* cors.c: what a page of another origin may.  The second answers a preflight. */
void cors_look(struct request *request);
void cors_preflight(struct request *request);
void cors_headers(struct request *request);
bool cors_names(const struct http_app *app, const char *origin); /* "*" is no name */

/* upgrade.c */
void upgrade_gone(struct upgrade *upgrade); /* before the socket was handed over */
void upgrade_free(struct upgrade *upgrade);
void reply_upgrade_give(struct request *request, struct MHD_Response *response);

/* reply.c: the answer is this response; and, on the server's thread, queues it. */
void reply_stream_give(struct request *request, struct MHD_Response *response);
enum MHD_Result reply_queue(struct request *request);

/* outlet.c: bytes on their way to a client that takes them in its own time. */
struct outlets *outlets_new(struct server *server, struct err *err);
void outlets_wake(struct outlets *outlets);
void outlets_stop(struct outlets *outlets); /* every stream ends */
void outlets_free(struct outlets *outlets); /* after the library has stopped */
unsigned outlets_count(struct outlets *outlets);

#endif

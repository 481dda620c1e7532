/* SPDX-License-Identifier: MIT */
/*
 * What the files of service/preview share: the listeners, the threads, one visit.  Nobody
 * else includes this.
 *
 * door.c accepts and hands connections to threads; visit.c is one connection in straight
 * lines; preview.c is the rows and the API's verbs.
 */
#ifndef SERVICE_PREVIEW_PREVIEW_INTERNAL_H
#define SERVICE_PREVIEW_PREVIEW_INTERNAL_H

#include "boxcore/base/pool.h"
#include "boxcore/base/thread.h"
#include "service/box/boxes-internal.h"
#include "service/preview/preview.h"
#include "service/store/store_box_preview.h"

#include <stdbool.h>
#include <stdint.h>

/* One connection from outside, from accept to its end. */
struct visit {
	struct previews *previews;
	int fd;
	int listen_port; /* of ours that it came in by */
	char peer[48];
	struct cancel *cancel;
	struct visit *next;

	/* Once the door is open; under previews->lock. */
	char box[64];
	int port;
};

struct previews {
	struct preview_options options;
	struct cancel *stop; /* child of options.stop */
	char *address;       /* to listen on */
	char *host;          /* in URLs */
	char *domain;        /* without the scheme; NULL: a port for each preview */
	char *scheme;        /* of the domain's URLs: "https" */
	int port_min, port_max;

	int epoll;
	pthread_t acceptor;

	struct pool *pool; /* a thread each, as long as it lasts */
	struct lock lock;  /* all below */
	struct listener *listeners;
	struct visit *visits; /* accepted and not yet ended */
	int count;            /* of them */
};

/* ---- door.c ---------------------------------------------------------------------------- */

int door_open(struct previews *previews, struct err *err);
void door_close(struct previews *previews);
/* Listens on a port of ours; one that is open already is fine.  ERR_CONFLICT when another
 * program has it. */
int door_listen(struct previews *previews, int port, struct err *err);
void door_unlisten(struct previews *previews, int port);
/* Ends the connections into a box's port; 0: all of the box. */
void door_cut(struct previews *previews, const char *box, int port, const char *reason);
/* The visit goes to that box; false when too many do. */
bool door_enter(struct visit *visit, const char *box, int port);

/* ---- visit.c --------------------------------------------------------------------------- */

/* Serves one connection to its end; does not close fd. */
void visit_serve(struct visit *visit);

/* ---- preview.c ------------------------------------------------------------------------- */

/* The row that a request is for; ERR_NOT_FOUND. */
int preview_of_visit(struct previews *previews, const struct visit *visit,
	const char *box, int port, struct store_box_preview *ret, struct err *err);

#endif

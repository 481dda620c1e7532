/* SPDX-License-Identifier: MIT */
/*
 * Public URLs: a port inside a box, reached by people from outside.
 *
 * No port of the container is published.  Each preview has a port of this machine (from
 * preview.ports), or, when preview.domain is set, a name below that domain
 * ("sweet-shark-26021-3000.preview.example.com", all on the first of preview.ports, behind a
 * reverse proxy that ends TLS).  A connection's first request is read strictly and its
 * credentials are checked; then the box is woken if it is paused, the connection into it is
 * made over the link, and bytes pass both ways until one side ends: bodies of any length,
 * event streams and WebSockets included.  Every connection carries one request: both sides
 * are told `Connection: close`, so nothing unchecked follows the checked request.
 *
 * Of the credentials only digests are kept.  The Authorization header that opened the door
 * is not passed on to the box, which is hostile.
 *
 * An open connection keeps the box awake.  Thread-safe; one thread a connection, at most
 * LIMIT_PREVIEW_CONNECTIONS, at most LIMIT_PREVIEW_PER_BOX of them for one box.
 */
#ifndef SERVICE_PREVIEW_PREVIEW_H
#define SERVICE_PREVIEW_PREVIEW_H

#include "service/box/boxes.h"

struct previews;

struct preview_options {
	struct boxes *boxes; /* borrowed until previews_close() */
	struct store *store;
	const struct config *config; /* preview.listen, preview.ports, preview.domain */
	struct cancel *stop;
};

/* Listens for every preview that stands in the store; one whose port is taken by another
 * program is logged and tried again when it is asked for anew.  After boxes_open(). */
int previews_open(struct previews **ret_previews, const struct preview_options *options,
	struct err *err);
/* Ends all connections; the rows stay.  NULL is fine. */
void previews_close(struct previews *previews);
DEFINE_CLEANUP(previews, struct previews *, previews_close(*value))

/* {port, bearer_token?, basic_auth?}: makes or replaces the URL of that port, and wakes the
 * box.  {url, port, token?, username?, password?}: the only time that these are told.
 * ERR_QUOTA when no port of preview.ports is free. */
int preview_create(struct previews *previews, const struct box_caller *who,
	const char *box, const json_t *body, json_t **ret, struct cancel *cancel,
	struct err *err);
/* {previews: [{id, port, url, created_at, basic_auth, bearer_token}]} */
int preview_list(struct previews *previews, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err);
int preview_delete(struct previews *previews, const struct box_caller *who,
	const char *box, int port, struct cancel *cancel, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A few HTTP clients, each with its kept connections, lent to one call at a time.
 * Thread-safe; one leaf lock.
 */
#ifndef SERVICE_GITHUB_POOL_H
#define SERVICE_GITHUB_POOL_H

#include "boxcore/net/http_client.h"

struct pool;

struct pool *client_pool_new(const struct http_peer *peer, int most);
void client_pool_free(struct pool *pool); /* all clients given back */

/* NULL with ERR_TRANSIENT when none is free within two seconds. */
struct http_client *pool_take(struct pool *pool, struct cancel *cancel, struct err *err);
void pool_give(struct pool *pool, struct http_client *client);

#endif

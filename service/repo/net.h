/* SPDX-License-Identifier: MIT */
/*
 * libgit2's smart HTTP over boxcore's HTTP client, in the git child.
 *
 * libgit2 1.5 has no timeouts of its own, follows redirects and asks a callback for the
 * credential again and again; none of that is used.  One child speaks to one URL.  A redirect
 * is an error, the token goes only into a header of requests below that URL, an answer is
 * bounded, and a server that says nothing ends the call.
 */
#ifndef SERVICE_REPO_NET_H
#define SERVICE_REPO_NET_H

#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_config {
	const char *url; /* borrowed, as the rest, for the life of the process */
	const struct secret *token;
	const char *ca_file;
	bool plain_http;
	int64_t silence_ms;
	size_t max_bytes;      /* of one answer */
	const char *spool_dir; /* for request bodies */
};

/* ERR_INPUT when the URL is no https (or, allowed, loopback http) URL or holds a user. */
int net_install(const struct net_config *config, struct err *err);

/* The URL's rules alone; pure. */
int net_check_url(const char *url, bool plain_http, struct err *err);

/* At the end: wipes the credential. */
void net_release(void);

/* Why the network failed since net_install(), or NULL: kinder words than libgit2's. */
const struct err *net_error(void);
void net_error_clear(void);

#endif

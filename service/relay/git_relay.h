/* SPDX-License-Identifier: MIT */
/*
 * The git relay: a box clones, fetches and pushes one private repository without ever
 * holding the token for it.
 *
 *	relay = git_relay_new(&spec);
 *	box_listen(core, box, GIT_RELAY_PORT, git_relay_accept, relay, cancel, &err);
 *	... git runs in the box with url.http://127.0.0.1:7333/.insteadOf=https://github.com/ ...
 *	box_unlisten(core, box, GIT_RELAY_PORT);
 *	git_relay_free(relay);
 *
 * What passes is git's smart HTTP for exactly that repository, and writing only where
 * `push` says so:
 *
 *	GET  /OWNER/NAME.git/info/refs?service=git-upload-pack | git-receive-pack
 *	POST /OWNER/NAME.git/git-upload-pack | git-receive-pack
 *
 * (".git" may be missing in the request; it goes out with it.)  Everything else is 404 or
 * 403.  Any process of the box may connect while the relay listens; it can do with the
 * repository what the command that is running may do, and no more, and never sees the token:
 * headers pass by a list in both directions, a redirect is refused, and an error's text goes
 * through secret_redact().  Bodies stream both ways.
 *
 * One relay serves one command.  A thread a connection, at most
 * LIMIT_GIT_RELAY_CONNECTIONS; further ones are closed.
 */
#ifndef SERVICE_RELAY_GIT_RELAY_H
#define SERVICE_RELAY_GIT_RELAY_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"

#include <stdbool.h>
#include <stdint.h>

#define GIT_RELAY_PORT 7333 /* of the box's loopback; the model's is 7332 */

struct git_relay;

struct git_relay_spec {
	const char *web_url;      /* "https://github.com", without a path; copied */
	const char *owner, *name; /* of the one repository, without ".git"; copied */
	const struct secret *token;
	bool push;             /* may write */
	const char *ca_file;   /* PEM; NULL: the system's */
	bool plain_http;       /* allow http:// in web_url: tests and loopback only */
	struct cancel *cancel; /* the command's; must outlive the relay */
};

struct git_relay *git_relay_new(const struct git_relay_spec *spec);
/* Ends its connections and returns when none of its threads runs any more.  After
 * box_unlisten(), never before. */
void git_relay_free(struct git_relay *relay);
DEFINE_CLEANUP(git_relay, struct git_relay *, git_relay_free(*value))

/* The status of GitHub's last refusal (401, 403, 404), 0 when there was none: git's own
 * words for it are about 127.0.0.1. */
int git_relay_refused(struct git_relay *relay);

/* A box_on_accept: `relay` is a struct git_relay.  Owns fd at once, never blocks long. */
void git_relay_accept(void *relay, const char *box, int fd);

#endif

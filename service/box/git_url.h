/* SPDX-License-Identifier: MIT */
/*
 * Addresses of repositories as people and remotes write them.  Pure.
 *
 *	https://github.com/o/r(.git)   ssh://git@github.com/o/r   git@github.com:o/r
 *	github.com/o/r                 o/r
 *
 * A path of the box, file://, and git's "helper::address" are none: what git would run or
 * open for them is more than a clone.
 */
#ifndef SERVICE_BOX_GIT_URL_H
#define SERVICE_BOX_GIT_URL_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"

#include <stdbool.h>

#define GIT_URL_MAX 2048 /* bytes */
#define GIT_URL_NAME 101 /* of an owner or a repository, with the NUL */

struct git_url {
	char *url;              /* what git is given: with a scheme, without a password */
	char dir[GIT_URL_NAME]; /* the folder that a clone makes */
	char host[256];         /* without the port, in small letters */
	/* It lies on the configured GitHub. */
	bool hosted;
	char owner[GIT_URL_NAME], name[GIT_URL_NAME];
	struct secret password; /* that stood in it, of a hosted one; not in `url` */
};

void git_url_release(struct git_url *url);
DEFINE_CLEANUP(git_url, struct git_url, git_url_release(value))

/* `member` names the text in errors.  ERR_INPUT for what is no such address, and for a
 * password in one that is not hosted: it would stay in the box. */
int git_url_parse(const char *text, const char *member, const char *web_url,
	struct git_url *ret, struct err *err);

/* The host of an address of our own making ("https://github.com"), in small letters. */
bool git_url_host(const char *web_url, char *ret_host, size_t size);

#endif

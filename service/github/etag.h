/* SPDX-License-Identifier: MIT */
/*
 * Inside service/github: answers that are asked for again and again, with GitHub's name for
 * their state (ETag).  Asking with that name costs nothing of the hourly quota while nothing has
 * changed, and is as fresh as any answer: GitHub is asked each time.
 *
 * A few answers are kept, the one used longest ago makes room.  Thread-safe; one leaf lock.
 */
#ifndef SERVICE_GITHUB_ETAG_H
#define SERVICE_GITHUB_ETAG_H

#include <stddef.h>
#include <stdint.h>

#define ETAG_SIZE 200

struct etags;
struct etags *etags_new(void);
void etags_free(struct etags *etags);

/* The answer that is kept for an installation and a path, and its name; free() it.  NULL and ""
 * when there is none. */
char *etags_get(struct etags *etags, int64_t installation, const char *path,
	char ret_name[ETAG_SIZE], size_t *ret_len);
/* Keeps one; large ones and names that do not fit are not kept. */
void etags_keep(struct etags *etags, int64_t installation, const char *path,
	const char *name, const char *body, size_t len);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * How many long requests each account has under way, so that one does not take every thread
 * from the others.  Thread-safe.
 */
#ifndef SERVICE_HTTP_SHARES_H
#define SERVICE_HTTP_SHARES_H

#include <stdbool.h>
#include <stddef.h>

struct shares;

/* `most` of one account at a time. */
struct shares *shares_new(size_t most);
void shares_free(struct shares *shares); /* NULL is fine */
/* One more of the account; false when it has as many as it may. */
bool shares_take(struct shares *shares, const char *account);
void shares_give(struct shares *shares, const char *account);

#endif

/* SPDX-License-Identifier: MIT */
/* Inside service/github: lists that GitHub tells in pages. */
#ifndef SERVICE_GITHUB_LIST_H
#define SERVICE_GITHUB_LIST_H

#include "service/github/call.h"

/* One item: 1 go on, 0 that was it, -1 with err. */
typedef int (*list_item)(void *arg, const json_t *item, struct err *err);

/* Sends `call` and then its next pages, at most `pages`.  The items are the answer itself,
 * or its member `member`.  0: to the end or ended by fn; 1: there are more pages; -1. */
int list_each(struct github *gh, struct call *call, const char *member, int pages,
	list_item fn, void *arg, struct cancel *cancel, struct err *err);

/* For list_each(): the first item by an author whose body holds a marker. */
struct list_marked {
	int64_t author_id;
	const char *marker;
	const char *id; /* the member that is wanted */
	int64_t found;
};
/* ERR_INPUT without an author or a marker. */
int list_marked_check(const struct list_marked *marked, struct err *err);
int list_marked_item(void *arg, const json_t *item, struct err *err);

#endif

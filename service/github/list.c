/* SPDX-License-Identifier: MIT */
/* Pages of a list, one call each. */
#include "service/github/list.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/parse.h"

#include <string.h>

/* 1 there is another page, 0 the end, -1. */
static int one_page(struct github *gh, struct call *call, const char *member,
	list_item fn, void *arg, struct cancel *cancel, struct err *err)
{
	CLEANUP(reply) struct reply reply = {0};
	const json_t *item;
	size_t i;

	if (call_send(gh, call, &reply, cancel, err) < 0)
		return -1;
	const json_t *list = member ? json_at(reply.json, member) : reply.json;
	if (!json_is_array(list))
		return err_set(err, ERR_INTERNAL, "GitHub's answer: %s must be a list",
			member ? member : "it");
	json_array_foreach (list, i, item) {
		int more = fn(arg, item, err);

		if (more <= 0)
			return more;
	}
	strbuf_reset(&call->path);
	call_path(call, reply.next);
	return reply.next[0] != '\0';
}

int list_each(struct github *gh, struct call *call, const char *member, int pages,
	list_item fn, void *arg, struct cancel *cancel, struct err *err)
{
	for (int page = 0; page < pages; page++) {
		int more = one_page(gh, call, member, fn, arg, cancel, err);

		if (more <= 0)
			return more;
	}
	return 1;
}

int list_marked_check(const struct list_marked *marked, struct err *err)
{
	if (marked->author_id <= 0 || str_empty(marked->marker))
		return err_set(err, ERR_INPUT,
			"looking for something of ours needs an author and a marker");
	return 0;
}

int list_marked_item(void *arg, const json_t *item, struct err *err)
{
	struct list_marked *marked = arg;
	struct github_user author = {0};
	CLEANUP(mem) char *body = parse_body(item, "body");

	if (parse_user(item, "user", &author, err) < 0)
		return -1;
	if (author.id != marked->author_id || !strstr(body, marked->marker))
		return 1;
	return parse_id(item, marked->id, &marked->found, err);
}

/* SPDX-License-Identifier: MIT */
/* Whose a box is. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <string.h>

int boxes_may_write(const struct box_caller *who, struct err *err)
{
	if (who->write)
		return 0;
	return err_set(err, ERR_DENIED,
		"this API key may only look (its scope is read); use one with the scope "
		"full");
}

bool box_is_of_task(const char *id)
{
	return str_starts(id, "task-") || str_starts(id, "prep-") ||
	       str_starts(id, "conv-");
}

static int no_box(const char *box, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no box %.80s", box);
}

/* A row for a box that a task made: it has none in the store. */
static int find_of_task(
	struct boxes *boxes, const char *box, struct store_box *ret, struct err *err)
{
	struct box_info info = {0};

	if (box_get(boxes->options.core, box, &info, boxes->stop, err) < 0)
		return -1;
	*ret = (struct store_box){
		.id = mem_strdup(info.id),
		.account = mem_strdup(BOX_OPERATOR),
		.name = mem_strdup(info.id),
		.state = info.state == BOX_RUNNING  ? STORE_BOX_READY
			 : info.state == BOX_PAUSED ? STORE_BOX_PAUSED
						    : STORE_BOX_ERROR,
		.runtime = mem_strdup("node"),
		.image = mem_strdup(info.image),
		.size = mem_strdup("small"),
		.labels = mem_strdup("[]"),
		.network = mem_strdup("{\"mode\":\"allow-all\"}"),
		.init_command = mem_strdup(""),
		.git_name = mem_strdup(""),
		.git_email = mem_strdup(""),
		.skills = mem_strdup("[]"),
		.mcp = mem_strdup("[]"),
		.sealed = mem_strdup(""),
		.active_ms = info.created_s * 1000,
		.created_ms = info.created_s * 1000,
		.updated_ms = info.created_s * 1000,
	};
	return 0;
}

int boxes_find(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct store_box *ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	struct err missing = {0};

	if (str_empty(box))
		return no_box("\"\"", err);
	if (store_box_find(boxes->options.store, who->account, box, &row, &missing) < 0) {
		if (missing.kind != ERR_NOT_FOUND) {
			*err = missing;
			return -1;
		}
		if (who->operator&& box_is_of_task(box))
			return find_of_task(boxes, box, ret, err);
		return no_box(box, err);
	}
	if (row.state == STORE_BOX_DELETING)
		return no_box(box, err);
	store_box_release(ret);
	*ret = row;
	memset(&row, 0, sizeof row);
	return 0;
}

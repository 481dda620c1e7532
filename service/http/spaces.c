/* SPDX-License-Identifier: MIT */
/* JSON answers that keep their client waiting; see spaces.h. */
#include "service/http/spaces.h"

#include "boxcore/base/limits.h"

static int spaces_write(void *arg, bool err_out, const void *data, size_t len)
{
	(void)arg;
	(void)err_out;
	(void)data;
	(void)len;
	return 0;
}

static int spaces_silent(void *arg)
{
	struct spaces *spaces = arg;
	struct err ignored = {0};

	if (!spaces->open)
		reply_pipe_open(spaces->request, "application/json; charset=utf-8", -1);
	spaces->open = true;
	return reply_pipe_write(spaces->request, " ", 1, &ignored);
}

struct box_sink spaces_sink(struct spaces *spaces)
{
	return (struct box_sink){
		.write = spaces_write,
		.silent = spaces_silent,
		.silence_ms = LIMIT_HTTP_QUIET_MS,
		.arg = spaces,
	};
}

void spaces_reply(struct spaces *spaces, json_t *body)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_HTTP_ANSWER);
	struct err err = {0};

	if (!spaces->open) {
		reply_json(spaces->request, 200, body);
		return;
	}
	int rc = json_print(&text, body, &err);
	json_decref(body);
	if (rc == 0)
		reply_pipe_write(spaces->request, strbuf_str(&text), text.len, &err);
	if (rc == 0)
		reply_pipe_close(spaces->request, NULL, 0);
	else
		reply_pipe_cut(spaces->request);
}

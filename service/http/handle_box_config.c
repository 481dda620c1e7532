/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/config/...: what a box was told to be; and the account's own variables. */
#include "service/http/box_call.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"

#include <string.h>

/* "/v2/box/:id/config/labels/:label": "config/labels". */
static char *sub_path(const struct request *request)
{
	static const char base[] = "/v2/box/:id/";
	const char *path = request_pattern(request) + sizeof(base) - 1;
	const char *end = path + strcspn(path, ":*");

	if (*end)
		end--; /* the slash before it */
	return mem_strndup(path, (size_t)(end - path));
}

static const char *rest(const struct request *request)
{
	const char *tail = request_tail(request);

	if (tail)
		return tail;
	return request_param_count(request) > 1 ? request_param(request, 1) : NULL;
}

static int config(struct box_call *call)
{
	CLEANUP(mem) char *path = sub_path(call->request);

	return boxes_config(call->boxes, call->who, call->box,
		request_method(call->request), path, rest(call->request), call->body,
		&call->answer, call->cancel, &call->err);
}

void handle_box_config(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200, config(&call));
}

void handle_account_env(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_account_env(call.boxes, call.who, request_method(request),
				call.box, call.body, &call.answer, call.cancel,
				&call.err));
}

void handle_account_key(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_account_key(call.boxes, call.who, request_method(request),
				call.box, call.body, &call.answer, call.cancel,
				&call.err));
}

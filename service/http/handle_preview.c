/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/preview: public URLs of a box's ports. */
#include "service/http/box_call.h"

#include "boxcore/base/str.h"
#include "service/preview/preview.h"

static int preview_call_begin(struct box_call *call, struct request *request)
{
	if (box_call_begin(call, request))
		return -1;
	if (request_app(request)->previews)
		return 0;
	box_call_drop(call);
	reply_header(request, "Retry-After", "5");
	reply_error(request, 503, "no_previews", "There are no public URLs here.");
	return -1;
}

void handle_preview_create(struct request *request)
{
	struct box_call call;

	if (preview_call_begin(&call, request) == 0)
		box_call_end(&call, 201,
			preview_create(request_app(request)->previews, call.who, call.box,
				call.body, &call.answer, call.cancel, &call.err));
}

void handle_preview_list(struct request *request)
{
	struct box_call call;

	if (preview_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			preview_list(request_app(request)->previews, call.who, call.box,
				&call.answer, &call.err));
}

static int delete_port(struct box_call *call)
{
	const char *text = request_param(call->request, 1);
	int64_t port;

	if (!str_to_i64(text, 1, 65535, &port))
		return err_set(&call->err, ERR_INPUT,
			"\"%.20s\" is no port: it must be a number from 1 to 65535",
			text);
	return preview_delete(request_app(call->request)->previews, call->who, call->box,
		(int)port, call->cancel, &call->err);
}

void handle_preview_delete(struct request *request)
{
	struct box_call call;

	if (preview_call_begin(&call, request) == 0)
		box_call_end(&call, 200, delete_port(&call));
}

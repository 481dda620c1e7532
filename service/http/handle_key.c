/* SPDX-License-Identifier: MIT */
/* /v1/keys: API keys of accounts. */
#include "service/http/box_call.h"

#include "service/box/box_keys.h"

void handle_key_create(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 201,
			boxes_key_create(call.boxes, call.who, call.body, &call.answer,
				call.cancel, &call.err));
}

void handle_key_list(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_key_list(call.boxes, call.who, &call.answer, &call.err));
}

void handle_key_revoke(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_key_revoke(call.boxes, call.who, request_param(request, 0),
				call.cancel, &call.err));
}

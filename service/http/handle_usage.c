/* SPDX-License-Identifier: MIT */
/* /v1/usage: what an account's boxes have used. */
#include "service/http/box_call.h"

void handle_usage(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_usage(call.boxes, call.who, &call.answer, call.cancel,
				&call.err));
}

/* SPDX-License-Identifier: MIT */
/*
 * One call of the box API, from request to answer: what every handler of /v2/box does before
 * and after its line.
 *
 *	struct box_call call;
 *	if (box_call_begin(&call, request) == 0)
 *		box_call_end(&call, 200, boxes_get(call.boxes, call.who, call.box,
 *			&call.answer, &call.err));
 */
#ifndef SERVICE_HTTP_BOX_CALL_H
#define SERVICE_HTTP_BOX_CALL_H

#include "service/box/boxes.h"
#include "service/http/handlers.h"

struct box_call {
	struct request *request;
	struct boxes *boxes;
	const struct box_caller *who;
	const char *box; /* the route's first parameter; NULL: it has none */
	struct cancel *cancel;
	json_t *body;   /* an object, empty without a body */
	json_t *answer; /* the handler's, or NULL for {} */
	struct err err;
};

/* 0, or -1 after answering: there are no boxes here (503), or the body is malformed. */
int box_call_begin(struct box_call *call, struct request *request);
/* The same without looking at the body. */
int box_call_open(struct box_call *call, struct request *request);
/* Answers, and frees what the call holds.  `rc` is what the verb returned. */
void box_call_end(struct box_call *call, int status, int rc);
/* Frees only: the answer was given in another way. */
void box_call_drop(struct box_call *call);

#endif

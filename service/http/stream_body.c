/* SPDX-License-Identifier: MIT */
/* Bodies that are read while they come; see stream_body.h. */
#include "service/http/stream_body.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"

#include <string.h>

enum { LOOK_MS = 500 }; /* how soon a waiting handler sees that the server stops */

struct stream_body {
	struct lock lock;
	struct cond moved;
	struct request *request;
	char *ring;
	size_t first, len;
	bool suspended; /* the connection is, so it exists */
	bool finished, gone, answered;
};

struct stream_body *stream_body_new(struct request *request)
{
	struct stream_body *body = mem_zalloc(sizeof(*body));

	lock_init(&body->lock);
	cond_init(&body->moved);
	body->request = request;
	body->ring = mem_alloc(LIMIT_UPLOAD_ROOM);
	return body;
}

void stream_body_free(struct stream_body *body)
{
	if (!body)
		return;
	lock_release(&body->lock);
	cond_release(&body->moved);
	free(body->ring);
	free(body);
}

/* With the lock held. */
static void suspend(struct stream_body *body)
{
	body->suspended = true;
	MHD_suspend_connection(body->request->connection);
}

static void resume(struct stream_body *body)
{
	if (!body->suspended)
		return;
	body->suspended = false;
	MHD_resume_connection(body->request->connection);
}

size_t stream_body_put(struct stream_body *body, const char *data, size_t len)
{
	LOCKED(&body->lock);
	if (body->answered)
		return len;
	size_t room = LIMIT_UPLOAD_ROOM - body->len;
	size_t take = len < room ? len : room;
	size_t at = (body->first + body->len) % LIMIT_UPLOAD_ROOM;
	size_t run = LIMIT_UPLOAD_ROOM - at;
	run = run < take ? run : take;
	memcpy(body->ring + at, data, run);
	memcpy(body->ring, data + run, take - run);
	body->len += take;
	cond_wake_all(&body->moved);
	if (take < len) {
		/* Not late: it waits for us. */
		conns_phase(body->request->server->conns, body->request->conn, CONN_WORK);
		suspend(body);
	}
	return take;
}

bool stream_body_finish(struct stream_body *body)
{
	LOCKED(&body->lock);
	body->finished = true;
	cond_wake_all(&body->moved);
	if (!body->answered)
		suspend(body);
	return body->answered;
}

void stream_body_gone(struct stream_body *body)
{
	LOCKED(&body->lock);
	body->gone = true;
	cond_wake_all(&body->moved);
}

void stream_body_answered(struct stream_body *body)
{
	LOCKED(&body->lock);
	body->answered = true;
	if (!body->finished && body->suspended)
		conns_phase(body->request->server->conns, body->request->conn, CONN_BODY);
	resume(body);
}

/* With the lock held: room again, so more may come, and in its time. */
static void go_on(struct stream_body *body)
{
	if (!body->suspended || body->finished || body->len > LIMIT_UPLOAD_ROOM / 2)
		return;
	conns_phase(body->request->server->conns, body->request->conn, CONN_BODY);
	resume(body);
}

ssize_t request_body_read(
	struct request *request, void *buf, size_t size, struct err *err)
{
	struct stream_body *body = request->stream_body;

	LOCKED(&body->lock);
	while (body->len == 0 && !body->finished) {
		if (cancel_check(request->server->cancel, err))
			return -1;
		if (body->gone)
			return err_set(err, ERR_CANCELLED,
				"The client went away in the middle of the body");
		cond_wait_ms(&body->moved, &body->lock, LOOK_MS);
	}
	size_t n = LIMIT_UPLOAD_ROOM - body->first;
	n = n < body->len ? n : body->len;
	n = n < size ? n : size;
	memcpy(buf, body->ring + body->first, n);
	body->first = (body->first + n) % LIMIT_UPLOAD_ROOM;
	body->len -= n;
	go_on(body);
	return (ssize_t)n;
}

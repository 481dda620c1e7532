/* SPDX-License-Identifier: MIT */
/* Interactive commands over WebSockets; see session.h. */
#define LOG_MODULE "http"
#include "service/http/session.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/http/websocket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	READ = 16 * 1024,
	PIECE = 32 * 1024, /* of output in one message */
	FULL_LOOK_MS = 50, /* at a client that waits for room in a full input */
	LINGER_MS = 2000,  /* for the client to answer our close */
};

struct session {
	int fd;
	struct cancel *over;    /* fires when one side has ended */
	struct cancel *sending; /* ends a wait for the client to take something */
	struct websocket ws;

	struct lock
		send_lock; /* one message at a time; nothing else is called under it */
	bool send_failed;

	bool started;
	struct box_session run;
	pthread_t out_thread;
	struct run_event last; /* of the out thread; read after it has ended */
	bool exited;

	/* The command's input */
	struct lock in_lock;
	struct cond in_moved;
	struct strbuf in;
	bool in_started, in_close, in_end;
	pthread_t in_thread;
};

/* ---- to the client ----------------------------------------------------------------------- */

/* Gives up when the client takes nothing for long, or `sending` fires. */
static int send_raw(struct session *s, const char *data, size_t len)
{
	struct err ignored = {0};

	LOCKED(&s->send_lock);
	while (len > 0 && !s->send_failed) {
		ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			continue;
		}
		struct pollfd p = {.fd = s->fd, .events = POLLOUT};
		if (n == 0 || (errno != EAGAIN && errno != EINTR) ||
			cancel_poll(s->sending, &p, 1, LIMIT_HTTP_STALL_MS, &ignored) <=
				0)
			s->send_failed = true;
	}
	return s->send_failed ? -1 : 0;
}

static int send_json(struct session *s, json_t *message)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT(LIMIT_MIB + WEBSOCKET_HEAD_MAX);
	struct err ignored = {0};
	int rc = json_print(&text, message, &ignored);

	json_decref(message);
	if (rc)
		return -1;
	websocket_put(&frame, WEBSOCKET_TEXT, strbuf_str(&text), text.len);
	return send_raw(s, strbuf_str(&frame), frame.len);
}

static json_t *message(const char *type)
{
	json_t *m = json_object();

	json_put(m, "type", json_str(type));
	return m;
}

static int send_output(struct session *s, const struct run_event *event)
{
	const char *at = event->data;
	size_t left = event->len;

	while (left > 0) {
		CLEANUP(strbuf) struct strbuf data = STRBUF_INIT(2 * PIECE);
		size_t n = left < PIECE ? left : PIECE;
		json_t *m = message(event->kind == RUN_STDERR ? "stderr" : "stdout");
		str_base64(&data, at, n);
		json_put(m, "data", json_str(strbuf_str(&data)));
		if (send_json(s, m))
			return -1;
		at += n;
		left -= n;
	}
	return 0;
}

static void send_error(struct session *s, const char *sentence)
{
	json_t *m = message("error");

	json_put(m, "message", json_str(sentence));
	send_json(s, m);
}

static void send_close(
	struct session *s, enum websocket_status status, const char *reason)
{
	CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT(256);

	websocket_put_close(&frame, status, reason);
	send_raw(s, strbuf_str(&frame), frame.len);
}

/* ---- from the box ------------------------------------------------------------------------ */

static void *out_run(void *arg)
{
	struct session *s = arg;
	struct run_event event;
	struct err err = {0};

	while (run_read(s->run.run, &event, s->over, &err) == 0) {
		if (event.kind == RUN_EXIT) {
			s->last = event;
			s->exited = true;
			break;
		}
		if (send_output(s, &event))
			break;
		run_ack(s->run.run, event.offset);
	}
	if (!s->exited && !cancel_fired(s->over)) {
		send_error(s, err.kind ? err.text : "The client takes nothing any more");
		send_close(s, WEBSOCKET_FAULT, "");
	}
	cancel_fire(s->over, "the session has ended");
	return NULL;
}

/* ---- into the box ------------------------------------------------------------------------ */

static void *in_run(void *arg)
{
	struct session *s = arg;
	struct strbuf now = STRBUF_INIT(2 * LIMIT_SESSION_MESSAGE);
	struct err err = {0};
	bool close = false;

	while (!close) {
		lock_take(&s->in_lock);
		while (s->in.len == 0 && !s->in_close && !s->in_end)
			cond_wait(&s->in_moved, &s->in_lock);
		bool end = s->in_end;
		struct strbuf swap = now;
		now = s->in;
		s->in = swap;
		close = s->in_close;
		lock_give(&s->in_lock);
		if (end || (now.len > 0 && run_write(s->run.run, strbuf_str(&now),
						   now.len, s->over, &err)))
			break; /* what ends the run is told by its output's side */
		strbuf_reset(&now);
		if (close)
			run_close_stdin(s->run.run, s->over, &err);
	}
	strbuf_release(&now);
	return NULL;
}

static bool client_left(const struct session *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Waits while the command does not read.  -1 when the session is over meanwhile. */
static int in_put(struct session *s, const char *data, size_t len, bool close)
{
	struct err ignored = {0};

	LOCKED(&s->in_lock);
	if (!s->in_started) {
		if (thread_start(&s->in_thread, "http-input", in_run, s, &ignored))
			return -1;
		s->in_started = true;
	}
	while (s->in.len > LIMIT_SESSION_MESSAGE) {
		if (cancel_fired(s->over) || client_left(s))
			return -1;
		cond_wait_ms(&s->in_moved, &s->in_lock, FULL_LOOK_MS);
	}
	if (!s->in_close && len > 0)
		strbuf_add(&s->in, data, len);
	s->in_close = s->in_close || close;
	cond_wake_all(&s->in_moved);
	return 0;
}

/* ---- what the client says ---------------------------------------------------------------- */

static int on_stdin(struct session *s, const json_t *m)
{
	CLEANUP(strbuf) struct strbuf data = STRBUF_INIT(LIMIT_SESSION_MESSAGE);
	const json_t *text = json_at(m, "data");

	if (!json_is_string(text) ||
		!str_unbase64(&data, json_string_value(text), json_string_length(text))) {
		send_error(s, "`data` must be base64");
		return 0;
	}
	return in_put(s, strbuf_str(&data), data.len, false);
}

static int on_resize(struct session *s, const json_t *m, struct err *err)
{
	int64_t rows, cols;

	if (json_need_int(m, "rows", 1, UINT16_MAX, &rows, err) ||
		json_need_int(m, "cols", 1, UINT16_MAX, &cols, err))
		return -1;
	return run_resize(s->run.run, (uint16_t)rows, (uint16_t)cols, err);
}

static int on_signal(struct session *s, const json_t *m, struct err *err)
{
	const char *name = json_need_string(m, "signal", err);

	return name ? box_session_signal(&s->run, name, s->over, err) : -1;
}

/* -1: the session is over. */
static int on_message(struct session *s, const json_t *m)
{
	const char *type = json_or_string(m, "type", "");
	struct err err = {0};
	int rc = 0;

	if (str_eq(type, "stdin"))
		return on_stdin(s, m);
	if (str_eq(type, "stdin_close"))
		return in_put(s, NULL, 0, true);
	if (str_eq(type, "resize"))
		rc = on_resize(s, m, &err);
	else if (str_eq(type, "signal"))
		rc = on_signal(s, m, &err);
	else if (str_eq(type, "terminate"))
		rc = box_session_terminate(
			&s->run, json_or_int(m, "graceMs", -1), s->over, &err);
	else if (str_eq(type, "start"))
		rc = err_set(&err, ERR_CONFLICT, "This session was started already");
	/* Unknown ones are passed over: newer clients may send them. */
	if (rc && !cancel_fired(s->over))
		send_error(s, err.text);
	return 0;
}

struct opening {
	struct boxes *boxes;
	const struct box_caller *who;
	const char *box;
};

static int on_start(struct session *s, const struct opening *opening, const json_t *m)
{
	struct err err = {0};

	if (!str_eq(json_or_string(m, "type", ""), "start")) {
		send_error(s, "The first message must be of the type \"start\"");
		send_close(s, WEBSOCKET_POLICY, "");
		return -1;
	}
	if (boxes_session(opening->boxes, opening->who, opening->box, m, &s->run, s->over,
		    &err)) {
		send_error(s, err.text);
		send_close(s, WEBSOCKET_NORMAL, "");
		return -1;
	}
	s->started = true;
	json_t *answer = message("started");
	json_put(answer, "pid", json_integer((json_int_t)s->run.pid));
	json_put(answer, "execId", json_str(s->run.run_id));
	if (send_json(s, answer) ||
		thread_start(&s->out_thread, "http-output", out_run, s, &err)) {
		box_session_end(&s->run, NULL);
		s->started = false;
		return -1;
	}
	return 0;
}

static int on_text(struct session *s, const struct opening *opening,
	const struct websocket_event *event)
{
	struct err err = {0};
	CLEANUP(json) json_t *m = json_parse_strict(event->text, event->len, &err);

	if (!m || !json_is_object(m)) {
		send_error(s, m ? "A message must be a JSON object" : err.text);
		send_close(s, WEBSOCKET_POLICY, "");
		return -1;
	}
	return s->started ? on_message(s, m) : on_start(s, opening, m);
}

static int on_event(struct session *s, const struct opening *opening,
	const struct websocket_event *event)
{
	CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT(256);

	switch (event->kind) {
	case WEBSOCKET_TEXT: return on_text(s, opening, event);
	case WEBSOCKET_PONG: return 0;
	case WEBSOCKET_PING:
		websocket_put(&frame, WEBSOCKET_PONG, event->text, event->len);
		return send_raw(s, strbuf_str(&frame), frame.len);
	case WEBSOCKET_CLOSE:
		websocket_put(
			&frame, WEBSOCKET_CLOSE, event->text, event->len >= 2 ? 2 : 0);
		send_raw(s, strbuf_str(&frame), frame.len);
		return -1;
	}
	return -1;
}

/* ---- the connection ---------------------------------------------------------------------- */

/* 0, or -1 when the session is over. */
static int take(
	struct session *s, const struct opening *opening, const char *data, size_t len)
{
	while (len > 0) {
		struct websocket_event event;
		size_t used;
		int rc = websocket_take(&s->ws, data, len, &used, &event);
		data += used;
		len -= used;
		if (rc < 0) {
			send_close(s, s->ws.fault, "");
			return -1;
		}
		if (rc > 0 && on_event(s, opening, &event))
			return -1;
	}
	return 0;
}

/* Waits for bytes; asks a silent client whether it lives.  0: there are some. */
static int wait_bytes(struct session *s, int64_t *quiet_since)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	CLEANUP(strbuf) struct strbuf ping = STRBUF_INIT(16);
	struct err ignored = {0};

	for (;;) {
		int n = cancel_poll(s->over, &p, 1, LIMIT_SESSION_PING_MS, &ignored);
		if (n < 0)
			return -1;
		if (n > 0)
			return 0;
		int64_t quiet = clock_mono_ms() - *quiet_since;
		if (quiet > (s->started ? 3 * LIMIT_SESSION_PING_MS
					: LIMIT_SESSION_START_MS)) {
			send_close(s, WEBSOCKET_POLICY, "silent for too long");
			return -1;
		}
		strbuf_reset(&ping);
		websocket_put(&ping, WEBSOCKET_PING, "", 0);
		if (send_raw(s, strbuf_str(&ping), ping.len))
			return -1;
	}
}

static void follow(
	struct session *s, const struct opening *opening, const struct strbuf *early)
{
	CLEANUP(mem) char *buf = mem_alloc(READ);
	int64_t quiet_since = clock_mono_ms();

	if (take(s, opening, strbuf_str(early), early->len))
		return;
	while (wait_bytes(s, &quiet_since) == 0) {
		ssize_t n = recv(s->fd, buf, READ, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return;
		quiet_since = clock_mono_ms();
		if (take(s, opening, buf, (size_t)n))
			return;
	}
}

/* Our close has been sent: the client's is awaited, so that it gets all of ours. */
static void linger(struct session *s, struct cancel *cancel)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	struct err ignored = {0};
	int64_t end = clock_mono_ms() + LINGER_MS;
	char buf[1024];

	shutdown(s->fd, SHUT_WR);
	while (clock_mono_ms() < end &&
		cancel_poll(cancel, &p, 1, end - clock_mono_ms(), &ignored) > 0)
		if (recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT) <= 0)
			return;
}

/* The exit is told when the run's row says it too, so that who heard it finds it there. */
static void end(struct session *s, struct cancel *cancel)
{
	bool listens = cancel_fired(s->over); /* else the client went first */

	cancel_fire(s->over, "the client has gone");
	lock_take(&s->in_lock);
	s->in_end = true;
	cond_wake_all(&s->in_moved);
	lock_give(&s->in_lock);
	if (s->in_started)
		thread_join(s->in_thread);
	if (!s->started)
		return;
	thread_join(s->out_thread);
	box_session_end(&s->run, s->exited ? &s->last : NULL);
	if (!s->exited || !listens)
		return;
	json_t *m = message("exit");
	s->sending = cancel;
	json_put(m, "code", json_integer(s->last.exit_code));
	send_json(s, m);
	send_close(s, WEBSOCKET_NORMAL, "");
}

void session_serve(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct session_peer *peer, struct cancel *cancel)
{
	const struct opening opening = {boxes, who, box};
	struct session *s = mem_zalloc(sizeof(*s));

	s->fd = peer->fd;
	s->over = s->sending = cancel_new(cancel);
	lock_init(&s->send_lock);
	lock_init(&s->in_lock);
	cond_init(&s->in_moved);
	strbuf_init(&s->in, 2 * LIMIT_SESSION_MESSAGE);
	websocket_init(&s->ws, LIMIT_SESSION_MESSAGE);
	follow(s, &opening, &peer->early);
	end(s, cancel);
	linger(s, cancel);
	websocket_release(&s->ws);
	strbuf_release(&s->in);
	cond_release(&s->in_moved);
	lock_release(&s->in_lock);
	lock_release(&s->send_lock);
	cancel_free(s->over);
	free(s);
}

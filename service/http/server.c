/* SPDX-License-Identifier: MIT */
/* The HTTP server over libmicrohttpd; see server.h. */
#define LOG_MODULE "http"
#include "service/http/internal.h"
#include "service/http/stream_body.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	SERVER_THREADS = 2,
	BODY_SMALL = 64 * 1024, /* not counted: bounded by the number of connections */
	STOP_LOOK_MS = 5,
	STOP_REPLY_MS = 2000, /* for answers under way when the server stops */
};

/* ---- requests ---------------------------------------------------------------------------- */

static void request_unref(struct request *request)
{
	if (atomic_fetch_sub(&request->refs, 1) > 1)
		return;
	if (request->response)
		MHD_destroy_response(request->response);
	for (size_t i = 0; i < request->header_count; i++) {
		free(request->headers[i].name);
		free(request->headers[i].value);
	}
	stream_body_free(request->stream_body);
	upgrade_free(request->upgrade);
	free(request->tail);
	atomic_fetch_sub(&request->server->bodies, request->counted);
	strbuf_release(&request->body);
	target_release(&request->target);
	free(request->raw);
	atomic_fetch_sub(&request->server->requests, 1);
	free(request);
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* The first line has come: the library's only word on it before the whole head. */
static void *on_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct server *server = arg;
	struct request *request = mem_zalloc(sizeof(*request));

	atomic_init(&request->refs, 1);
	atomic_fetch_add(&server->requests, 1);
	request->server = server;
	request->connection = connection;
	request->conn = conn_of(connection);
	request->raw = mem_strdup(uri);
	request->raw_at = uri;
	request->method = "";
	request->content_length = -1;
	conns_phase(server->conns, request->conn, CONN_HEAD);
	return request;
}

/* A handler may still run; it learns that there is nobody to answer. */
static void let_go(struct request *request)
{
	if (request->stream_body) {
		stream_body_gone(request->stream_body);
		return; /* an answer may be given at this moment; it is freed with the rest */
	}
	if (request->upgrade)
		upgrade_gone(request->upgrade);
	if (request->response)
		MHD_destroy_response(request->response);
	request->response = NULL;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct server *server = arg;
	struct request *request = *context;

	(void)connection;
	(void)code;
	if (!request)
		return;
	*context = NULL;
	conns_phase(server->conns, request->conn, CONN_IDLE);
	let_go(request);
	request_unref(request);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct server *server = arg;
	const union MHD_ConnectionInfo *info;

	switch (code) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		info = MHD_get_connection_info(
			connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = conns_add(server->conns, info ? info->connect_fd : -1);
		return;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		conns_remove(server->conns, *context);
		*context = NULL;
		return;
	}
}

/* ---- handing over ------------------------------------------------------------------------ */

static void give_share(struct request *request)
{
	if (request->shared)
		shares_give(request->server->shares, request->caller.account);
	request->shared = false;
}

static void run_handler(void *arg)
{
	struct request *request = arg;

	request->found.route->handle(request);
	/* An answer that is owed may come from another thread at this moment. */
	if (!request->owed && !reply_given(request)) {
		log_broken("a handler gave no answer target=%s", request->raw);
		reply_error(request, 500, "internal", "No answer was made.");
	}
	give_share(request);
	request_unref(request);
}

static bool submit(struct request *request)
{
	struct server *server = request->server;
	bool is_short = request->found.route->thread == ROUTE_HANDLER ||
			request->found.route->thread == ROUTE_INLINE;

	if (is_short)
		return pool_submit(server->pool, run_handler, request);
	/* The operator's own are as many as there are threads. */
	if (request->caller.account && !request->caller.operator) {
		if (!shares_take(server->shares, request->caller.account))
			return false;
		request->shared = true;
	}
	if (pool_submit(server->long_pool, run_handler, request))
		return true;
	give_share(request);
	return false;
}

static void refuse_busy(struct request *request)
{
	reply_header(request, "Retry-After", "1");
	if (request->found.route->thread == ROUTE_HANDLER)
		reply_error(request, 503, "busy",
			"Too many requests are under way; try again.");
	else
		reply_error(request, 429, "busy",
			"%u commands, streams and other long requests are under way, or "
			"half as many of this account alone, which is the limit; try "
			"again when one has ended.",
			request->server->options.long_handlers);
}

static void hand_over(struct request *request)
{
	/* Suspended before the handler can answer, and not counted as its own promise. */
	reply_later(request);
	request->owed = false;
	atomic_fetch_add(&request->refs, 1);
	if (submit(request))
		return;
	refuse_busy(request);
	request_unref(request);
}

/* The handler begins with the head alone.  False after a refusal. */
static bool begin_streamed(struct request *request)
{
	struct server *server = request->server;

	request->stream_body = stream_body_new(request);
	atomic_fetch_add(&server->unanswered, 1);
	atomic_fetch_add(&request->refs, 1);
	if (submit(request))
		return true;
	stream_body_free(request->stream_body);
	request->stream_body = NULL;
	atomic_fetch_sub(&server->unanswered, 1);
	atomic_fetch_sub(&request->refs, 1);
	refuse_busy(request);
	return false;
}

static void dispatch(struct request *request)
{
	const struct route *route = request->found.route;

	conns_phase(request->server->conns, request->conn, CONN_WORK);
	if (route->thread != ROUTE_INLINE || request->body.len > LIMIT_HTTP_INLINE) {
		hand_over(request);
		return;
	}
	route->handle(request);
}

/* ---- the head ---------------------------------------------------------------------------- */

static void find_route(struct request *request)
{
	CLEANUP(strbuf) struct strbuf allow = STRBUF_INIT(LIMIT_LOG_LINE);

	request->found = route_match(
		request->server->routes, request->method, &request->target, &allow);
	if (request->found.route) {
		request->method = request->found.route->method;
		if (request->found.tail > 0)
			request->tail =
				target_tail(&request->target, request->found.tail);
		return;
	}
	if (allow.len == 0) {
		reply_error(request, 404, "not_found", "There is nothing at this path.");
		return;
	}
	reply_header(request, "Allow", strbuf_str(&allow));
	reply_error(
		request, 405, "method", "This path takes %s only.", strbuf_str(&allow));
}

static void check_size(struct request *request)
{
	const struct route *route = request->found.route;

	if (request->content_length <= (int64_t)route->body_max)
		return;
	if (route->body_max == 0)
		reply_error(request, 413, "too_large", "This request takes no body.");
	else
		reply_error(request, 413, "too_large",
			"The body is larger than %zu bytes, the most that is taken here.",
			route->body_max);
}

/* Everything that can be said before the body; leaves the request unanswered when it is
 * fine so far. */
static void look_at_head(struct request *request, const char *version)
{
	if (atomic_load(&request->server->stopping)) {
		request->close = true;
		reply_header(request, "Retry-After", "5");
		reply_error(request, 503, "stopping", "The service is stopping.");
		return;
	}
	head_check(request, version);
	if (!reply_given(request)) {
		cors_look(request);
		cors_preflight(request);
	}
	if (!reply_given(request))
		find_route(request);
	if (!reply_given(request))
		access_check(request);
	if (!reply_given(request))
		check_size(request);
	if (!reply_given(request) && request->found.route->head)
		request->found.route->head(request);
}

/* An answer that is given before the body was read ends the connection, and the client may
 * then lose it to a reset.  So a small body is read to its end first. */
static bool may_drain(const struct request *request)
{
	return !request->close && request->content_length > 0 &&
	       request->content_length <= (int64_t)LIMIT_HTTP_DRAIN &&
	       !request_header(request, "Expect");
}

static enum MHD_Result refuse_early(struct request *request)
{
	if (!may_drain(request)) {
		if (request->content_length > 0)
			request->close = true;
		return reply_queue(request);
	}
	request->drain = true;
	conns_phase(request->server->conns, request->conn, CONN_BODY);
	return MHD_YES;
}

/* Large bodies get their memory at once: address space only, until the bytes come. */
static void make_room(struct request *request)
{
	strbuf_init(&request->body, request->found.route->body_max);
	if (request->content_length > BODY_SMALL)
		strbuf_room(&request->body, (size_t)request->content_length);
}

static enum MHD_Result begin(
	struct request *request, const char *method, const char *version)
{
	request->begun = true;
	request->method = method;
	look_at_head(request, version);
	if (reply_given(request))
		return refuse_early(request);
	multipart_boundary(request_header(request, "Content-Type"), request->boundary);
	conns_phase(request->server->conns, request->conn,
		request->content_length > 0 ? CONN_BODY : CONN_WORK);
	if (request->found.route->thread != ROUTE_STREAMED)
		make_room(request);
	else if (!begin_streamed(request))
		return refuse_early(request);
	return MHD_YES;
}

/* ---- the body ---------------------------------------------------------------------------- */

/* False when large bodies hold all the memory that they may. */
static bool count_body(struct request *request, size_t more)
{
	struct server *server = request->server;

	if (request->content_length <= BODY_SMALL)
		return true;
	if (atomic_fetch_add(&server->bodies, more) + more > server->options.bodies) {
		atomic_fetch_sub(&server->bodies, more);
		return false;
	}
	request->counted += more;
	return true;
}

static void take_body(struct request *request, const char *data, size_t len)
{
	if (request->drain)
		return;
	if (count_body(request, len)) {
		strbuf_add(&request->body, data, len);
		if (!strbuf_failed(&request->body))
			return;
		reply_error(request, 413, "too_large", "The body is too large.");
	} else {
		reply_header(request, "Retry-After", "10");
		reply_error(request, 503, "busy",
			"Too many large bodies are under way; try again.");
	}
	request->drain = true;
	strbuf_release(&request->body);
}

/* A body has a time for each step of its way, not for the whole: what is large may be slow,
 * and what hardly moves is late. */
static void note_progress(struct request *request, size_t came)
{
	request->step += came;
	if (request->step < LIMIT_HTTP_BODY_STEP)
		return;
	request->step = 0;
	conns_phase(request->server->conns, request->conn, CONN_BODY);
}

static enum MHD_Result take_streamed(
	struct request *request, const char *data, size_t *size)
{
	if (*size > 0) {
		note_progress(request, *size);
		*size -= stream_body_put(request->stream_body, data, *size);
		return MHD_YES;
	}
	if (!request->came) {
		request->came = true;
		conns_phase(request->server->conns, request->conn, CONN_WORK);
		if (!stream_body_finish(request->stream_body))
			return MHD_YES;
	}
	return reply_queue(request);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *data,
	size_t *size, void **context)
{
	struct request *request = *context;

	(void)arg;
	(void)connection;
	(void)url;
	if (!request->begun)
		return begin(request, method, version);
	if (request->stream_body)
		return take_streamed(request, data, size);
	if (*size > 0) {
		note_progress(request, *size);
		take_body(request, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (request->response)
		return reply_queue(request);
	if (reply_given(request) || request->suspended)
		return MHD_YES;
	dispatch(request);
	/* Given at once on this thread, or later by another one, which resumes. */
	return request->suspended || !request->response ? MHD_YES : reply_queue(request);
}

/* ---- start and stop ---------------------------------------------------------------------- */

static size_t keep_uri(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text); /* target.c decodes, once */
}

__attribute__((format(printf, 2, 0))) static void on_library_log(
	void *arg, const char *fmt, va_list ap)
{
	char line[256];

	(void)arg;
	vsnprintf(line, sizeof(line), fmt, ap);
	log_debug("library: %s", line);
}

static int start_daemon(struct server *server, struct err *err)
{
	const struct server_options *o = &server->options;
	struct MHD_OptionItem items[] = {
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)LIMIT_API_HEAD, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->connections, NULL},
		{MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)o->per_address, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(o->idle_ms / 1000 + 1), NULL},
		{MHD_OPTION_THREAD_POOL_SIZE, SERVER_THREADS, NULL},
		/* What it would refuse is refused by head_check(), with an answer. */
		{MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_line, server},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_uri, NULL},
		{MHD_OPTION_LISTEN_SOCKET, server->listener, NULL},
		{MHD_OPTION_END, 0, NULL},
	};

	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			MHD_ALLOW_UPGRADE | MHD_USE_ITC | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
		on_library_log, NULL, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
	if (!server->daemon)
		return err_errno(err, errno, "The HTTP server does not start");
	return 0;
}

static void set_defaults(struct server_options *o)
{
#define DEFAULT(field, value)                                                            \
	do {                                                                             \
		if (!o->field)                                                           \
			o->field = (value);                                              \
	} while (0)
	DEFAULT(address, "127.0.0.1");
	DEFAULT(port, LIMIT_HTTP_PORT);
	DEFAULT(head_ms, LIMIT_HEAD_MS);
	DEFAULT(body_ms, LIMIT_BODY_MS);
	DEFAULT(idle_ms, LIMIT_HTTP_IDLE_MS);
	DEFAULT(reply_ms, LIMIT_HTTP_REPLY_MS);
	DEFAULT(stream_ms, LIMIT_HTTP_STREAM_MS);
	DEFAULT(ping_ms, LIMIT_HTTP_PING_MS);
	DEFAULT(connections, LIMIT_HTTP_CONNECTIONS);
	DEFAULT(per_address, LIMIT_HTTP_PER_ADDRESS);
	DEFAULT(handlers, LIMIT_HTTP_HANDLERS);
	DEFAULT(long_handlers, LIMIT_HTTP_LONG);
	DEFAULT(bodies, LIMIT_HTTP_BODIES);
#undef DEFAULT
	o->connections = listen_connections(o->connections);
}

static int start_parts(struct server *server, struct err *err)
{
	const struct server_options *o = &server->options;
	const int64_t limits[CONN_PHASES] = {
		[CONN_HEAD] = o->head_ms,
		[CONN_BODY] = o->body_ms,
		[CONN_REPLY] = o->reply_ms,
		/* The next head has to be there soon after the idle time. */
		[CONN_IDLE] = o->idle_ms + o->head_ms,
	};

	server->listener = listen_open(o->address, o->port, &server->port, err);
	if (server->listener < 0)
		return -1;
	server->conns = conns_new(limits, err);
	if (!server->conns)
		return -1;
	server->outlets = outlets_new(server, err);
	if (!server->outlets)
		return -1;
	return start_daemon(server, err);
}

int server_start(struct server **ret_server, const struct server_options *options,
	const struct route *routes, const struct http_app *app, struct err *err)
{
	struct server *server = mem_zalloc(sizeof(*server));

	server->options = *options;
	set_defaults(&server->options);
	server->listener = -1;
	server->routes = routes;
	server->app = app;
	server->local = app->key_count == 0;
	if (server->local && !listen_is_loopback(server->options.address)) {
		err_set(err, ERR_DENIED,
			"Listening on %s needs an API key: without one only programs of "
			"this machine may call.  Configure a key or listen on 127.0.0.1",
			server->options.address);
		free(server);
		return -1;
	}
	server->cancel = cancel_new(NULL);
	server->pool = pool_new("http-short", server->options.handlers,
		LIMIT_HTTP_WAITING, LIMIT_HTTP_LONG_STACK);
	server->shares = shares_new(server->options.long_handlers / 2);
	server->long_pool = pool_new(
		"http-long", server->options.long_handlers, 0, LIMIT_HTTP_LONG_STACK);
	if (start_parts(server, err)) {
		server_stop(server);
		return -1;
	}
	server->options.address = NULL; /* the caller's */
	*ret_server = server;
	return 0;
}

static void wait_zero(atomic_uint *count, int64_t most_ms)
{
	struct err ignored = {0};
	int64_t end = clock_mono_ms() + most_ms;

	while (atomic_load(count) > 0 && (most_ms < 0 || clock_mono_ms() < end))
		cancel_sleep(NULL, STOP_LOOK_MS, &ignored);
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	atomic_store(&server->stopping, true);
	if (server->daemon) {
		MHD_quiesce_daemon(server->daemon);
		cancel_fire(server->cancel, "the service is stopping");
		outlets_stop(server->outlets);
		/* The library may not be stopped while a connection is suspended. */
		wait_zero(&server->unanswered, -1);
		wait_zero(&server->upgrades, -1);
		wait_zero(&server->requests, STOP_REPLY_MS);
	}
	pool_free(server->pool);
	pool_free(server->long_pool);
	shares_free(server->shares);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	if (server->listener >= 0)
		close(server->listener);
	outlets_free(server->outlets);
	conns_free(server->conns);
	cancel_free(server->cancel);
	free(server);
}

int server_port(const struct server *server)
{
	return server->port;
}

void server_wake(struct server *server)
{
	outlets_wake(server->outlets);
}

void server_counts(struct server *server, struct server_counts *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(ret->answered); i++)
		ret->answered[i] = atomic_load(&server->answered[i]);
	ret->refused_heads = atomic_load(&server->refused_heads);
	ret->late = conns_late(server->conns);
	ret->connections = conns_count(server->conns);
	ret->streams = outlets_count(server->outlets);
}

const char *server_library_version(void)
{
	return MHD_get_version();
}

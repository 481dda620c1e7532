/* SPDX-License-Identifier: MIT */
/*
 * The sub-transport: one request for each action.
 *
 * libgit2 writes a request and then reads the answer bit by bit.  The request is spooled to a
 * nameless file; at the first read a thread performs the exchange and writes the answer
 * into a pipe, from which libgit2 reads.  So a clone is indexed while it comes in, and no
 * more than a pipe's buffer is held in memory.
 */
#include "service/repo/net.h"

#include "service/repo/net_status.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/net/http_client.h"

#include <git2.h>
#include <git2/sys/transport.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct {
	struct net_config config;
	struct secret basic; /* base64 of x-access-token:<token> */
	struct err error;
} net;

struct sub {
	git_smart_subtransport parent;
	struct http_client *client;
};

struct stream {
	git_smart_subtransport_stream parent;
	struct sub *sub;
	git_smart_service_t service;
	char *url;
	int spool;
	int64_t spooled;
	int64_t sent;

	pthread_t thread;
	bool running;
	struct cancel *stop;
	int from; /* the pipe: libgit2's end and the thread's */
	int to;
	int status;
	bool git_answer; /* 200 and the right content type */
	char location[512];
	int retry_after_s;
	struct err err;
	bool failed;
};

const struct err *net_error(void)
{
	return net.error.kind ? &net.error : NULL;
}

void net_error_clear(void)
{
	net.error = (struct err){0};
}

/* ---- what each service is called ---- */

static const char *service_name(git_smart_service_t service)
{
	return service == GIT_SERVICE_UPLOADPACK || service == GIT_SERVICE_UPLOADPACK_LS
		       ? "git-upload-pack"
		       : "git-receive-pack";
}

static bool is_list(git_smart_service_t service)
{
	return service == GIT_SERVICE_UPLOADPACK_LS ||
	       service == GIT_SERVICE_RECEIVEPACK_LS;
}

/* ---- on the thread ---- */

static ssize_t give_spooled(void *arg, void *buf, size_t size, struct err *err)
{
	struct stream *s = arg;
	ssize_t n = pread(s->spool, buf, size, (off_t)s->sent);

	if (n < 0)
		return err_errno(err, errno, "read the spooled request");
	s->sent += n;
	return n;
}

static int take_answer(void *arg, const void *data, size_t len, struct err *err)
{
	struct stream *s = arg;

	return s->git_answer ? file_write_all(s->to, data, len, err) : 0;
}

static void see_header(void *arg, int status, const char *name, const char *value)
{
	struct stream *s = arg;
	uint64_t seconds;
	char want[64];

	s->status = status;
	snprintf(want, sizeof want, "application/x-%s-%s", service_name(s->service),
		is_list(s->service) ? "advertisement" : "result");
	if (str_eq(name, "content-type"))
		s->git_answer = status == 200 && str_eq_nocase(value, want);
	else if (str_eq(name, "location"))
		str_copy(s->location, sizeof s->location, value);
	else if (str_eq(name, "retry-after") && str_to_u64(value, 0, 86400, &seconds))
		s->retry_after_s = (int)seconds;
}

static void *perform(void *arg)
{
	struct stream *s = arg;
	CLEANUP(http_answer) struct http_answer answer = {0};
	char type[64], accept[64];
	const char *name = service_name(s->service);
	bool list = is_list(s->service);
	struct http_header headers[4] = {
		{.name = "User-Agent", .value = "git/2.0 (boxwright)"},
		{.name = "Accept", .value = list ? "*/*" : accept},
	};
	struct http_request request = {
		.method = list ? "GET" : "POST",
		.url = s->url,
		.headers = headers,
		.nheaders = 2,
		.sink = take_answer,
		.sink_arg = s,
		.on_header = see_header,
		.on_header_arg = s,
		.max_body = list ? LIMIT_REPO_REFS : net.config.max_bytes,
		.silence_ms = net.config.silence_ms,
	};

	snprintf(type, sizeof type, "application/x-%s-request", name);
	snprintf(accept, sizeof accept, "application/x-%s-result", name);
	if (!list) {
		headers[request.nheaders++] =
			(struct http_header){.name = "Content-Type", .value = type};
		request.source = give_spooled;
		request.source_arg = s;
		request.source_len = s->spooled;
	}
	if (secret_is_set(&net.basic))
		headers[request.nheaders++] = (struct http_header){
			.name = "Authorization", .value = "Basic ", .secret = &net.basic};
	if (http_perform(s->sub->client, &request, &answer, s->stop, &s->err) < 0) {
		s->failed = true;
		if (s->err.kind == ERR_LIMIT)
			err_set(&s->err, ERR_LIMIT,
				"the forge's answer is larger than %zu bytes",
				request.max_body);
	} else if (answer.status != 200)
		s->failed = net_status_error(answer.status, s->location, s->retry_after_s,
				    strbuf_str(&answer.body), &s->err) < 0;
	else if (!s->git_answer)
		s->failed =
			err_set(&s->err, ERR_INTERNAL,
				"the forge's answer is not git's: is the URL right?") < 0;
	close(s->to);
	s->to = -1;
	return NULL;
}

/* ---- libgit2's side ---- */

static int fail(const struct err *err)
{
	if (!net.error.kind)
		net.error = *err;
	git_error_set_str(GIT_ERROR_NET, err->text);
	return -1;
}

static int stream_start(struct stream *s)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		err_errno(&s->err, errno, "make a pipe");
		return fail(&s->err);
	}
	s->from = ends[0];
	s->to = ends[1];
	s->stop = cancel_new(NULL);
	if (thread_start(&s->thread, "git-http", perform, s, &s->err) < 0)
		return fail(&s->err);
	s->running = true;
	return 0;
}

static void stream_join(struct stream *s)
{
	if (s->running)
		thread_join(s->thread);
	s->running = false;
}

static int stream_read(git_smart_subtransport_stream *parent, char *buffer, size_t size,
	size_t *ret_read)
{
	struct stream *s = (struct stream *)parent;
	ssize_t n;

	*ret_read = 0;
	if (s->from < 0 && stream_start(s) < 0)
		return -1;
	do
		n = read(s->from, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		*ret_read = (size_t)n;
		return 0;
	}
	stream_join(s);
	return s->failed ? fail(&s->err) : 0;
}

static int stream_write(
	git_smart_subtransport_stream *parent, const char *buffer, size_t len)
{
	struct stream *s = (struct stream *)parent;

	if (s->spool < 0)
		s->spool =
			open(net.config.spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->spool < 0) {
		err_errno(&s->err, errno, "make a spool file");
		return fail(&s->err);
	}
	if (file_write_all(s->spool, buffer, len, &s->err) < 0)
		return fail(&s->err);
	s->spooled += (int64_t)len;
	return 0;
}

static void stream_free(git_smart_subtransport_stream *parent)
{
	struct stream *s = (struct stream *)parent;

	if (s->running)
		cancel_fire(s->stop, "not needed any more");
	if (s->from >= 0)
		close(s->from);
	stream_join(s);
	if (s->to >= 0)
		close(s->to);
	if (s->spool >= 0)
		close(s->spool);
	cancel_free(s->stop);
	free(s->url);
	free(s);
}

static int sub_action(git_smart_subtransport_stream **ret, git_smart_subtransport *parent,
	const char *url, git_smart_service_t service)
{
	struct sub *sub = (struct sub *)parent;
	struct stream *s;

	if (!str_eq(url, net.config.url)) {
		git_error_set_str(GIT_ERROR_NET, "another URL than the one asked for");
		return -1;
	}
	s = mem_zalloc(sizeof *s);
	s->sub = sub;
	s->service = service;
	s->spool = s->from = s->to = -1;
	s->parent.subtransport = parent;
	s->parent.read = stream_read;
	s->parent.write = stream_write;
	s->parent.free = stream_free;
	s->url = is_list(service) ? mem_printf("%s/info/refs?service=%s", url,
					    service_name(service))
				  : mem_printf("%s/%s", url, service_name(service));
	*ret = &s->parent;
	return 0;
}

static int sub_close(git_smart_subtransport *parent)
{
	(void)parent;
	return 0;
}

static void sub_free(git_smart_subtransport *parent)
{
	struct sub *sub = (struct sub *)parent;

	http_client_free(sub->client);
	free(sub);
}

static int sub_new(git_smart_subtransport **ret, git_transport *owner, void *param)
{
	struct sub *sub = mem_zalloc(sizeof *sub);
	struct http_peer peer = {
		.ca_file = net.config.ca_file,
		.plain_http = net.config.plain_http,
	};

	(void)owner;
	(void)param;
	sub->client = http_client_new(&peer);
	sub->parent.action = sub_action;
	sub->parent.close = sub_close;
	sub->parent.free = sub_free;
	*ret = &sub->parent;
	return 0;
}

/* ---- set-up ---- */

static bool host_is_loopback(const char *host, size_t len)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	size_t port = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);
		if (len < n || strncasecmp(host, names[i], n) != 0)
			continue;
		port = len - n;
		return port == 0 ||
		       (port >= 2 && host[n] == ':' &&
			       strspn(host + n + 1, "0123456789") >= port - 1);
	}
	return false;
}

int net_check_url(const char *url, bool plain_http, struct err *err)
{
	bool tls = str_starts(url, "https://");
	const char *host = url + (tls ? 8 : 7);

	if (!tls && !(plain_http && str_starts(url, "http://")))
		return err_set(err, ERR_INPUT, "a repository's URL must be https://");
	if (strlen(url) > 2000)
		return err_set(
			err, ERR_INPUT, "a repository's URL is longer than 2000 bytes");
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at == 0x7f || strchr("?#\\\"<>", *at))
			return err_set(err, ERR_INPUT,
				"a repository's URL holds a character that does not "
				"belong "
				"there");
	size_t len = strcspn(host, "/");
	if (len == 0 || host[len] == '\0' || memchr(host, '@', len))
		return err_set(err, ERR_INPUT,
			"a repository's URL must be scheme://host/path, without a user");
	if (!tls && !host_is_loopback(host, len))
		return err_set(err, ERR_INPUT, "http:// is only for loopback");
	return 0;
}

static void make_basic(const struct secret *token)
{
	CLEANUP(strbuf) struct strbuf plain = STRBUF_INIT(2 * LIMIT_SECRET);
	CLEANUP(strbuf) struct strbuf coded = STRBUF_INIT(4 * LIMIT_SECRET);

	if (!token || !secret_is_set(token))
		return;
	strbuf_adds(&plain, "x-access-token:");
	strbuf_add(&plain, token->value, token->len);
	str_base64(&coded, plain.data, plain.len);
	secret_set(&net.basic, coded.data, coded.len);
	mem_wipe(plain.data, plain.len);
	mem_wipe(coded.data, coded.len);
}

int net_install(const struct net_config *config, struct err *err)
{
	static git_smart_subtransport_definition definition = {
		.callback = sub_new, .rpc = 1};

	if (net_check_url(config->url, config->plain_http, err) < 0)
		return -1;
	net.config = *config;
	make_basic(config->token);
	if (http_global_init(err) < 0)
		return -1;
	if (git_transport_register("https", git_transport_smart, &definition) < 0 ||
		git_transport_register("http", git_transport_smart, &definition) < 0)
		return err_set(err, ERR_INTERNAL, "libgit2 refused our transport");
	return 0;
}

void net_release(void)
{
	secret_release(&net.basic);
	if (net.config.url)
		http_global_cleanup();
}

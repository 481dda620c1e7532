/* SPDX-License-Identifier: MIT */
/*
 * One exchange at a time over a private multi handle: curl_multi_poll() can be woken from
 * another thread, curl_easy_perform() cannot.
 */
#include "boxcore/net/http-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct http_client {
	struct http_peer peer;
	CURLM *multi;
	CURL *easy;
};

/* An exchange while it is under way; what curl's callbacks see. */
struct exchange {
	const struct http_request *request;
	struct http_answer *answer;
	struct err *err;
	bool failed;     /* a callback has set err */
	int sent;        /* how often curl has started to send the request */
	int64_t last_ms; /* when a byte last moved */
	int64_t uploaded;
	int64_t source_left; /* < 0: unknown */
	size_t received;
	bool head_done; /* curl takes a head that is cut off for a short one */
	bool in_body;
	const char *(*refuse)(const struct sockaddr *address);
	const char *refused; /* why the last address was */
	char details[CURL_ERROR_SIZE];
	char description[160];
};

static struct lock global_lock = LOCK_INIT;
static int global_users;

int http_global_init(struct err *err)
{
	struct sigaction old;

	LOCKED(&global_lock);
	if (global_users == 0) {
		CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
		if (code != CURLE_OK)
			return err_set(err, ERR_INTERNAL, "libcurl: %s",
				curl_easy_strerror(code));
		/* OpenSSL may write to a closed socket whatever NOSIGNAL says. */
		if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			signal(SIGPIPE, SIG_IGN);
	}
	global_users++;
	return 0;
}

void http_global_cleanup(void)
{
	LOCKED(&global_lock);
	if (global_users > 0 && --global_users == 0)
		curl_global_cleanup();
}

struct http_client *http_client_new(const struct http_peer *peer)
{
	struct http_client *client = mem_zalloc(sizeof *client);

	http_peer_copy(&client->peer, peer);
	client->multi = curl_multi_init();
	client->easy = curl_easy_init();
	if (!client->multi || !client->easy)
		abort();
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 4L);
	return client;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->easy);
	curl_multi_cleanup(client->multi);
	http_peer_release(&client->peer);
	free(client);
}

void http_answer_release(struct http_answer *answer)
{
	strbuf_release(&answer->body);
	strbuf_release(&answer->headers);
}

bool http_answer_header(
	const struct http_answer *answer, const char *name, char *buf, size_t size)
{
	size_t len = strlen(name);
	const char *at = strbuf_str(&answer->headers);

	while (*at) {
		size_t line = strcspn(at, "\n");
		if (line >= len + 2 && memcmp(at, name, len) == 0 &&
			memcmp(at + len, ": ", 2) == 0) {
			size_t n = line - len - 2;
			if (n >= size)
				return false;
			memcpy(buf, at + len + 2, n);
			buf[n] = '\0';
			return true;
		}
		at += line + (at[line] == '\n');
	}
	return false;
}

/* ---- what curl calls
 * ------------------------------------------------------------------- */

static void fail_limit(struct exchange *x, const char *what, size_t max)
{
	err_set(x->err, ERR_LIMIT, "%s: %s is larger than %zu bytes", x->description,
		what, max);
	x->failed = true;
}

/* curl sends a request again when a connection that it kept turns out to be closed.  For
 * a call that may have had its effect that would be twice, so the caller gets to decide.
 */
static int on_send(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct exchange *x = arg;
	const char *method = x->request->method;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	x->last_ms = clock_mono_ms();
	if (x->sent++ > 0 && (str_eq(method, "POST") || str_eq(method, "PATCH"))) {
		err_set(x->err, ERR_TRANSIENT,
			"%s: the connection was lost before an answer came",
			x->description);
		x->failed = true;
		return CURL_PREREQFUNC_ABORT;
	}
	return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_socket(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct exchange *x = arg;
	const char *why = x->refuse(&address->addr);

	(void)purpose;
	if (why) {
		x->refused = why;
		return CURL_SOCKET_BAD;
	}
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void start_of_head(struct exchange *x, const char *line)
{
	int major = 0, minor = 0, status = 0;

	/* allowed: a line that libcurl has read as HTTP */
	if (sscanf(line, "HTTP/%d.%d %3d", &major, &minor, &status) != 3)
		status = 0;
	x->answer->status = status >= 200 ? status : 0; /* 1xx: the real one follows */
	strbuf_reset(&x->answer->headers);
	x->head_done = false;
}

static void one_header(struct exchange *x, char *line)
{
	char *colon = strchr(line, ':');

	if (!colon || x->answer->status == 0)
		return;
	*colon = '\0';
	for (char *s = line; *s; s++) {
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	}
	const char *value = colon + 1 + strspn(colon + 1, " \t");
	strbuf_addf(&x->answer->headers, "%s: %s\n", line, value);
	if (x->request->on_header)
		x->request->on_header(
			x->request->on_header_arg, x->answer->status, line, value);
}

static size_t on_header_line(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * count;
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_HTTP_HEAD);

	x->last_ms = clock_mono_ms();
	if (x->in_body)
		return len; /* a trailer */
	strbuf_add(&line, data, len);
	while (line.len > 0 && strchr("\r\n \t", line.data[line.len - 1]))
		line.data[--line.len] = '\0';
	if (str_starts(strbuf_str(&line), "HTTP/"))
		start_of_head(x, line.data);
	else if (line.len > 0)
		one_header(x, line.data);
	else
		x->head_done = x->answer->status != 0;
	if (strbuf_failed(&line) || strbuf_failed(&x->answer->headers)) {
		fail_limit(x, "the head of the answer", LIMIT_HTTP_HEAD);
		return 0;
	}
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	const struct http_request *request = x->request;
	size_t len = size * count;
	bool gather =
		!request->sink || (x->answer->status >= 400 && !request->sink_errors);

	x->last_ms = clock_mono_ms();
	x->in_body = true;
	if (len > request->max_body - x->received) {
		fail_limit(x, "the answer", request->max_body);
		return 0;
	}
	x->received += len;
	if (!gather) {
		x->failed = request->sink(request->sink_arg, data, len, x->err) < 0;
		return x->failed ? 0 : len;
	}
	/* The text of a refusal is for a person: what a sink would have taken is cut. */
	if (request->sink && len > x->answer->body.max - x->answer->body.len)
		len = x->answer->body.max - x->answer->body.len;
	strbuf_add(&x->answer->body, data, len);
	return size * count;
}

static size_t on_source(char *buf, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	size_t room = size * count;

	x->last_ms = clock_mono_ms();
	if (x->source_left >= 0 && (uint64_t)x->source_left < room)
		room = (size_t)x->source_left;
	if (room == 0)
		return 0;
	ssize_t n = x->request->source(x->request->source_arg, buf, room, x->err);
	if (n == 0 && x->source_left > 0) {
		n = -1;
		err_set(x->err, ERR_INTERNAL, "%s: the body ended %lld bytes early",
			x->description, (long long)x->source_left);
	}
	x->failed = n < 0;
	if (n > 0 && x->source_left > 0)
		x->source_left -= n;
	return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

/* Only this sees that bytes of a body held in memory are on their way. */
static int on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow,
	curl_off_t ultotal, curl_off_t ulnow)
{
	struct exchange *x = arg;

	(void)dltotal, (void)dlnow, (void)ultotal;
	if (ulnow != x->uploaded)
		x->last_ms = clock_mono_ms();
	x->uploaded = ulnow;
	return 0;
}

/* ---- an exchange
 * ----------------------------------------------------------------------- */

static void set_body(CURL *easy, struct exchange *x)
{
	const struct http_request *request = x->request;
	bool may_have_body = !str_eq(request->method, "GET") &&
			     !str_eq(request->method, "HEAD") &&
			     !str_eq(request->method, "DELETE");

	x->source_left = request->source_len > 0 ? request->source_len : -1;
	if (request->source) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_source);
		curl_easy_setopt(easy, CURLOPT_READDATA, x);
		curl_easy_setopt(
			easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->source_left);
	} else if (request->body || may_have_body) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)(request->body ? request->body_len : 0));
		curl_easy_setopt(
			easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	} else if (str_eq(request->method, "HEAD")) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_request(CURL *easy, struct exchange *x, struct curl_slist *headers)
{
	const struct http_request *request = x->request;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "boxwright");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->details);
	if (x->refuse) {
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
	}
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header_line);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(request->connect_ms ? request->connect_ms : HTTP_CONNECT_MS));
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
	/* Only an early end: the count in on_body() is what holds. */
	if (request->max_body > 0 && request->max_body < INT64_MAX &&
		!str_eq(request->method, "HEAD"))
		curl_easy_setopt(
			easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_body);
	set_body(easy, x);
}

static void start_answer(const struct http_request *request, struct http_answer *answer)
{
	size_t max = request->max_body;

	if (request->sink && max > LIMIT_HTTP_REFUSAL)
		max = LIMIT_HTTP_REFUSAL;
	*answer = (struct http_answer){0};
	strbuf_init(&answer->body, max);
	strbuf_init(&answer->headers, LIMIT_HTTP_HEAD);
}

int http_perform(struct http_client *client, const struct http_request *request,
	struct http_answer *ret_answer, struct cancel *cancel, struct err *err)
{
	struct exchange x = {.request = request,
		.answer = ret_answer,
		.err = err,
		.refuse = client->peer.refuse};
	CURLcode code = CURLE_OK;

	start_answer(request, ret_answer);
	if (http_check_request(request, err) < 0)
		return -1;
	http_describe(x.description, sizeof x.description, &client->peer, request);
	CLEANUP(header_list) struct curl_slist *headers = http_header_list(request, err);
	if (!headers)
		return -1;

	curl_easy_reset(client->easy);
	http_apply_peer(client->easy, &client->peer, request->url);
	set_request(client->easy, &x, headers);
	/* Until the request is sent the bound on connecting counts, not silence. */
	x.last_ms = clock_mono_ms() +
		    (request->connect_ms ? request->connect_ms : HTTP_CONNECT_MS);
	if (curl_multi_add_handle(client->multi, client->easy) != CURLM_OK)
		return err_set(err, ERR_INTERNAL, "libcurl refuses a transfer");
	int rc = http_drive(
		client->multi, &x.last_ms, request->silence_ms, &code, cancel, err);
	curl_multi_remove_handle(client->multi, client->easy);
	curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, NULL);
	if (rc < 0)
		return err_wrap(err, "%s", x.description);
	if (x.failed)
		return -1;
	if (code == CURLE_UNSUPPORTED_PROTOCOL && x.sent > 0)
		code = CURLE_WEIRD_SERVER_REPLY; /* not our URL: what came is not HTTP */
	if (code != CURLE_OK && x.refused && x.sent == 0)
		return err_set(err, ERR_DENIED, "%s: %s", x.description, x.refused);
	if (code != CURLE_OK)
		return http_curl_error(err, client->easy, code, x.details, x.description);
	if (!x.head_done)
		return err_set(
			err, ERR_TRANSIENT, "%s: the answer was cut off", x.description);
	return 0;
}

const char *http_library_version(void)
{
	return curl_version();
}

/* SPDX-License-Identifier: MIT */
/*
 * A connection that stops being HTTP after its first exchange.
 *
 * curl makes the connection (CONNECT_ONLY: address, TLS, proxy, deadlines), the request
 * is written by hand.  Without TLS the socket is taken from curl then; with TLS curl
 * stays, for it holds the session.
 */
#include "boxcore/net/http-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct http_duplex {
	int fd; /* our own when easy is NULL, else curl's */
	CURLM *multi;
	CURL *easy;
	struct http_peer peer; /* curl keeps no copy of what NULL stood for */
	struct strbuf early;   /* came behind the head of the answer */
};

void http_duplex_free(struct http_duplex *duplex)
{
	if (!duplex)
		return;
	if (duplex->easy) {
		curl_multi_remove_handle(duplex->multi, duplex->easy);
		curl_easy_cleanup(duplex->easy);
		curl_multi_cleanup(duplex->multi);
	} else if (duplex->fd >= 0) {
		close(duplex->fd);
	}
	strbuf_release(&duplex->early);
	http_peer_release(&duplex->peer);
	free(duplex);
}

int http_duplex_fd(const struct http_duplex *duplex)
{
	return duplex->fd;
}

static ssize_t from_curl(CURLcode code, size_t n)
{
	if (code == CURLE_OK)
		return (ssize_t)n;
	errno = code == CURLE_AGAIN ? EAGAIN : EIO;
	return -1;
}

static ssize_t read_early(struct http_duplex *duplex, void *buf, size_t size)
{
	size_t n = duplex->early.len < size ? duplex->early.len : size;

	memcpy(buf, duplex->early.data, n);
	strbuf_consume(&duplex->early, n);
	if (duplex->early.len == 0)
		strbuf_release(&duplex->early);
	return (ssize_t)n;
}

ssize_t http_duplex_read(struct http_duplex *duplex, void *buf, size_t size)
{
	size_t n = 0;

	if (duplex->early.len > 0)
		return read_early(duplex, buf, size);
	if (!duplex->easy)
		return recv(duplex->fd, buf, size, MSG_DONTWAIT);
	CURLcode code = curl_easy_recv(duplex->easy, buf, size, &n);
	return from_curl(code, n);
}

ssize_t http_duplex_write(struct http_duplex *duplex, const void *data, size_t len)
{
	size_t n = 0;

	if (!duplex->easy)
		return send(duplex->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	CURLcode code = curl_easy_send(duplex->easy, data, len, &n);
	return from_curl(code, n);
}

/* ---- making one
 * ------------------------------------------------------------------------ */

static int connect_peer(struct http_duplex *duplex, const struct http_request *request,
	const char *description, struct cancel *cancel, struct err *err)
{
	char details[CURL_ERROR_SIZE] = "";
	CURLcode code = CURLE_OK;
	curl_socket_t fd = CURL_SOCKET_BAD;
	int64_t ms = request->connect_ms ? request->connect_ms : HTTP_CONNECT_MS;

	duplex->multi = curl_multi_init();
	duplex->easy = curl_easy_init();
	if (!duplex->multi || !duplex->easy)
		abort();
	http_apply_peer(duplex->easy, &duplex->peer, request->url);
	curl_easy_setopt(duplex->easy, CURLOPT_URL, request->url);
	curl_easy_setopt(duplex->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(duplex->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ms);
	curl_easy_setopt(duplex->easy, CURLOPT_ERRORBUFFER, details);
	curl_multi_add_handle(duplex->multi, duplex->easy);
	if (http_drive(duplex->multi, NULL, -1, &code, cancel, err) < 0)
		return err_wrap(err, "%s", description);
	curl_easy_setopt(duplex->easy, CURLOPT_ERRORBUFFER, NULL);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(duplex->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (code != CURLE_OK)
		return http_curl_error(err, duplex->easy, code, details, description);
	duplex->fd = fd;
	return 0;
}

/* From here on the socket is ours alone; closing curl's copy does not end the connection.
 */
static int leave_curl(struct http_duplex *duplex, struct err *err)
{
	int fd = fcntl(duplex->fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_errno(err, errno, "dup");
	curl_multi_remove_handle(duplex->multi, duplex->easy);
	curl_easy_cleanup(duplex->easy);
	curl_multi_cleanup(duplex->multi);
	duplex->easy = NULL;
	duplex->multi = NULL;
	duplex->fd = fd;
	return 0;
}

static char *url_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;

	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return NULL;
	return text;
}

static int write_head(
	struct strbuf *head, const struct http_request *request, struct err *err)
{
	CURLU *url = curl_url();

	if (curl_url_set(url, CURLUPART_URL, request->url, CURLU_PATH_AS_IS) !=
		CURLUE_OK) {
		curl_url_cleanup(url);
		return err_set(err, ERR_INPUT, "the URL of an upgrade cannot be read");
	}
	char *path = url_part(url, CURLUPART_PATH),
	     *query = url_part(url, CURLUPART_QUERY);
	char *host = url_part(url, CURLUPART_HOST), *port = url_part(url, CURLUPART_PORT);
	strbuf_addf(head, "%s %s%s%s HTTP/1.1\r\nHost: %s%s%s\r\n", request->method,
		path ? path : "/", query ? "?" : "", query ? query : "", host ? host : "",
		port ? ":" : "", port ? port : "");
	curl_free(path);
	curl_free(query);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	strbuf_addf(head,
		"User-Agent: boxwright\r\nConnection: Upgrade\r\nUpgrade: %s\r\n",
		request->upgrade ? request->upgrade : "tcp");
	for (size_t i = 0; i < request->nheaders; i++) {
		http_header_line(head, &request->headers[i]);
		strbuf_adds(head, "\r\n");
	}
	strbuf_addf(head, "Content-Length: %zu\r\n\r\n", request->body_len);
	strbuf_add(head, request->body, request->body_len);
	return strbuf_check(head, "the head of a request", err);
}

static int wait_for(struct http_duplex *duplex, short events, int64_t until_ms,
	struct cancel *cancel, struct err *err)
{
	struct pollfd pfd = {.fd = duplex->fd, .events = events};
	int64_t left = until_ms - clock_mono_ms();
	int n = cancel_poll(cancel, &pfd, 1, left < 0 ? 0 : left, err);

	if (n == 0)
		return err_set(err, ERR_TRANSIENT, "no answer to the upgrade in time");
	return n < 0 ? -1 : 0;
}

static int send_all(struct http_duplex *duplex, const struct strbuf *head,
	int64_t until_ms, struct cancel *cancel, struct err *err)
{
	size_t sent = 0;

	while (sent < head->len) {
		ssize_t n =
			http_duplex_write(duplex, head->data + sent, head->len - sent);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return err_set(err, ERR_TRANSIENT, "the connection was cut");
		else if (wait_for(duplex, POLLOUT, until_ms, cancel, err) < 0)
			return -1;
	}
	return 0;
}

/* One read into `early`: > 0, 0 at the end, -1. */
static int read_more(struct http_duplex *duplex, struct strbuf *into, int64_t until_ms,
	struct cancel *cancel, struct err *err)
{
	char buf[4096];

	for (;;) {
		ssize_t n = http_duplex_read(duplex, buf, sizeof buf);
		if (n > 0)
			strbuf_add(into, buf, (size_t)n);
		if (n > 0 && strbuf_check(into, "the head of an answer", err) < 0)
			return -1;
		if (n >= 0)
			return n > 0;
		if (errno != EAGAIN && errno != EINTR)
			return err_set(err, ERR_TRANSIENT, "the connection was cut");
		if (wait_for(duplex, POLLIN, until_ms, cancel, err) < 0)
			return -1;
	}
}

static int read_head(struct http_duplex *duplex, struct strbuf *into, size_t *ret_end,
	int64_t until_ms, struct cancel *cancel, struct err *err)
{
	for (;;) {
		int n = read_more(duplex, into, until_ms, cancel, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(err, ERR_TRANSIENT,
				"the connection was closed before an answer");
		char *end = memmem(into->data, into->len, "\r\n\r\n", 4);
		if (end) {
			*ret_end = (size_t)(end - into->data) + 4;
			return 0;
		}
	}
}

static enum err_kind kind_of_status(int status)
{
	if (status == 404)
		return ERR_NOT_FOUND;
	if (status == 409)
		return ERR_CONFLICT;
	if (status == 401 || status == 403)
		return ERR_DENIED;
	return status >= 400 && status < 500 ? ERR_INPUT : ERR_TRANSIENT;
}

/* The peer will not upgrade: take what it says as far as it says it at once. */
static int refuse(struct http_duplex *duplex, struct strbuf *answer, size_t head,
	int status, struct cancel *cancel, struct err *err)
{
	struct err ignored = {0};
	int64_t until_ms = clock_mono_ms() + 200;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_HTTP_HEAD);

	while (!memchr(answer->data + head, '}', answer->len - head) &&
		read_more(duplex, answer, until_ms, cancel, &ignored) > 0)
		continue;
	const char *from = memchr(answer->data + head, '{', answer->len - head);
	const char *to = memrchr(answer->data + head, '}', answer->len - head);
	CLEANUP(json)
	json_t *body = from && to > from
			       ? json_parse(from, (size_t)(to - from) + 1, &ignored)
			       : NULL;
	const char *message = json_or_string(body, "message", "no upgrade");
	str_clean_utf8(&text, message, strnlen(message, 300), false);
	return err_set(err, kind_of_status(status), "answered %d: %s", status,
		strbuf_str(&text));
}

static int shake_hands(struct http_duplex *duplex, const struct http_request *request,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(LIMIT_HTTP_HEAD);
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_HTTP_HEAD);
	int64_t until_ms =
		clock_mono_ms() +
		(request->silence_ms > 0 ? request->silence_ms : HTTP_SILENCE_MS);
	size_t end = 0;
	int status = 0;

	int rc = write_head(&head, request, err);
	if (rc == 0)
		rc = send_all(duplex, &head, until_ms, cancel, err);
	if (head.data)
		mem_wipe(head.data, head.cap); /* it may hold a secret */
	if (rc < 0 || read_head(duplex, &answer, &end, until_ms, cancel, err) < 0)
		return -1;
	/* allowed: one digit and three */
	if (sscanf(strbuf_str(&answer), "HTTP/1.%*1d %3d", &status) != 1)
		return err_set(err, ERR_INTERNAL, "the answer is not HTTP");
	if (status != 101)
		return refuse(duplex, &answer, end, status, cancel, err);
	strbuf_consume(&answer, end);
	if (answer.len > 0) {
		strbuf_init(&duplex->early, LIMIT_HTTP_HEAD);
		strbuf_add(&duplex->early, answer.data, answer.len);
	}
	return 0;
}

int http_upgrade(const struct http_peer *peer, const struct http_request *request,
	struct http_duplex **ret_duplex, struct cancel *cancel, struct err *err)
{
	CLEANUP(http_duplex) struct http_duplex *duplex = mem_zalloc(sizeof *duplex);
	char description[160];

	duplex->fd = -1;
	if (http_check_request(request, err) < 0)
		return -1;
	http_peer_copy(&duplex->peer, peer);
	http_describe(description, sizeof description, &duplex->peer, request);
	if (connect_peer(duplex, request, description, cancel, err) < 0)
		return -1;
	if (!http_url_is_https(request->url) && leave_curl(duplex, err) < 0)
		return -1;
	if (shake_hands(duplex, request, cancel, err) < 0)
		return err_wrap(err, "%s", description);
	*ret_duplex = TAKE(duplex);
	return 0;
}

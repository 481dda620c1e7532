/* SPDX-License-Identifier: MIT */
/* Requests into curl's terms: checked headers, the peer's address and trust, error texts.
 */
#include "boxcore/net/http-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

/* RFC 9110 "token": what a method or a header's name is made of. */
static bool is_token(const char *s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	if (str_empty(s))
		return false;
	for (; *s; s++) {
		bool alnum = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			     (*s >= '0' && *s <= '9');
		if (!alnum && !strchr(others, *s))
			return false;
	}
	return true;
}

static bool breaks_line(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\r' || s[i] == '\n' || s[i] == '\0')
			return true;
	}
	return false;
}

static int check_header(const struct http_header *header, struct err *err)
{
	if (!is_token(header->name))
		return err_set(err, ERR_INPUT, "a header's name is not a token");
	if (header->value && breaks_line(header->value, strlen(header->value)))
		return err_set(err, ERR_INPUT, "header %s: its value holds a line break",
			header->name);
	if (header->secret && header->secret->value &&
		breaks_line(header->secret->value, header->secret->len))
		return err_set(err, ERR_INPUT,
			"header %s: its secret holds a line break or NUL", header->name);
	return 0;
}

int http_check_request(const struct http_request *request, struct err *err)
{
	if (!is_token(request->method))
		return err_set(err, ERR_INPUT, "the HTTP method is not a token");
	for (const char *s = request->url; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return err_set(err, ERR_INPUT,
				"the URL holds a space or control character");
	}
	for (size_t i = 0; i < request->nheaders; i++) {
		if (check_header(&request->headers[i], err) < 0)
			return -1;
	}
	return 0;
}

void http_header_line(struct strbuf *sb, const struct http_header *header)
{
	const char *value = header->value ? header->value : "";
	bool secret = header->secret && secret_is_set(header->secret);

	strbuf_addf(sb, "%s: %s", header->name, value);
	if (secret)
		strbuf_add(sb, header->secret->value, header->secret->len);
}

/* curl takes "Name: value"; "Name;" stands for an empty value, "Name:" for none at all.
 */
static int append_header(
	struct curl_slist **list, const struct http_header *header, struct err *err)
{
	struct strbuf line = STRBUF_INIT(LIMIT_HTTP_HEAD);

	http_header_line(&line, header);
	if (str_ends(strbuf_str(&line), ": ")) {
		strbuf_reset(&line);
		strbuf_addf(&line, "%s;", header->name);
	}
	int rc = strbuf_check(&line, "a header of a request", err);
	if (rc == 0) {
		struct curl_slist *longer = curl_slist_append(*list, strbuf_str(&line));
		if (!longer)
			abort();
		*list = longer;
	}
	if (line.data)
		mem_wipe(line.data, line.cap);
	strbuf_release(&line);
	return rc;
}

static bool has_header(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->nheaders; i++) {
		if (str_eq_nocase(request->headers[i].name, name))
			return true;
	}
	return false;
}

struct curl_slist *http_header_list(const struct http_request *request, struct err *err)
{
	CLEANUP(header_list) struct curl_slist *list = NULL;

	/* Without this curl waits a second for a 100 that many peers never send. */
	list = curl_slist_append(NULL, "Expect:");
	if (!list)
		abort();
	if (!has_header(request, "Content-Type")) /* curl would claim a form */
		list = curl_slist_append(list, "Content-Type:");
	for (size_t i = 0; i < request->nheaders; i++) {
		if (append_header(&list, &request->headers[i], err) < 0)
			return NULL;
	}
	return TAKE(list);
}

void http_header_list_free(struct curl_slist *list)
{
	for (struct curl_slist *at = list; at; at = at->next)
		mem_wipe(at->data, strlen(at->data));
	curl_slist_free_all(list);
}

void http_peer_copy(struct http_peer *copy, const struct http_peer *peer)
{
	*copy = (struct http_peer){0};
	if (!peer)
		return;
	copy->unix_socket = mem_strdup(peer->unix_socket);
	copy->ca_file = mem_strdup(peer->ca_file);
	copy->cert_file = mem_strdup(peer->cert_file);
	copy->key_file = mem_strdup(peer->key_file);
	copy->plain_http = peer->plain_http;
	copy->refuse = peer->refuse;
}

static void free_const(const char *s)
{
	free((void *)(uintptr_t)s); /* our own copy, const only for its readers */
}

void http_peer_release(struct http_peer *copy)
{
	free_const(copy->unix_socket);
	free_const(copy->ca_file);
	free_const(copy->cert_file);
	free_const(copy->key_file);
	*copy = (struct http_peer){0};
}

bool http_url_is_https(const char *url)
{
	char scheme[9] = "";

	str_copy(scheme, sizeof scheme, url);
	return str_eq_nocase(scheme, "https://");
}

void http_apply_peer(CURL *easy, const struct http_peer *peer, const char *url)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(
		easy, CURLOPT_PROTOCOLS_STR, peer->plain_http ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	/* One exchange at a time per client: HTTP/2 would bring only its own ways to
	 * fail. */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* A resolver that hangs must not hold up a cancel: its thread is left to itself.
	 */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	if (peer->unix_socket)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, peer->unix_socket);
	if (peer->unix_socket || peer->refuse || !http_url_is_https(url))
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (peer->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, peer->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (peer->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, peer->cert_file);
	if (peer->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, peer->key_file);
}

void http_describe(char *buf, size_t size, const struct http_peer *peer,
	const struct http_request *request)
{
	const char *rest = strstr(request->url, "://");
	size_t host = rest ? (size_t)(rest - request->url) + 3 : 0;

	host += strcspn(request->url + host, "/?#");
	if (peer->unix_socket)
		snprintf(buf, size, "%s %s", request->method, peer->unix_socket);
	else
		snprintf(buf, size, "%s %.*s", request->method, (int)host, request->url);
}

int http_curl_error(struct err *err, CURL *easy, CURLcode code, const char *details,
	const char *description)
{
	const char *text = str_empty(details) ? curl_easy_strerror(code) : details;
	enum err_kind kind = ERR_TRANSIENT;
	long os_errno = 0;

	/* curl's own words speak of a port even where there is a socket's path. */
	if (code == CURLE_COULDNT_CONNECT &&
		curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK &&
		os_errno != 0)
		return err_set(err, ERR_TRANSIENT, "%s: cannot connect: %s", description,
			strerror((int)os_errno));
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
		kind = ERR_INPUT;
	else if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
		kind = ERR_INPUT; /* one of our own files */
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		kind = ERR_DENIED;
	else if (code == CURLE_FILESIZE_EXCEEDED)
		kind = ERR_LIMIT;
	return err_set(err, kind, "%s: %s", description, text);
}

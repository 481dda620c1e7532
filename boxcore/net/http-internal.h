/* SPDX-License-Identifier: MIT */
/* What the files of boxcore/net share: checking a request, setting up a curl handle,
 * waiting for one under a cancel, and telling what went wrong. */
#ifndef BOXCORE_NET_HTTP_INTERNAL_H
#define BOXCORE_NET_HTTP_INTERNAL_H

#include "boxcore/net/http_client.h"

#include <curl/curl.h>

/* Refuses a method, URL or header that would break out of its line. */
int http_check_request(const struct http_request *request, struct err *err);

/* The request's headers and our own as curl takes them; wiped when freed.  NULL with err.
 */
struct curl_slist *http_header_list(const struct http_request *request, struct err *err);
void http_header_list_free(struct curl_slist *list);
DEFINE_CLEANUP(header_list, struct curl_slist *, http_header_list_free(*value))

/* One header as "name: value" + secret, appended. */
void http_header_line(struct strbuf *sb, const struct http_header *header);

void http_peer_copy(struct http_peer *copy, const struct http_peer *peer);
void http_peer_release(struct http_peer *copy);

/* What every handle gets: the peer, the bounds on connecting, and the shut doors. */
void http_apply_peer(CURL *easy, const struct http_peer *peer, const char *url);

bool http_url_is_https(const char *url);

/* "GET https://api.example.com" or "GET /run/x.sock": for errors; never path or query,
 * which may hold what is not for a log. */
void http_describe(char *buf, size_t size, const struct http_peer *peer,
	const struct http_request *request);

/* Runs the multi handle until its one transfer has ended.  `last_ms` is written by the
 * transfer's callbacks whenever a byte moves; NULL: silence is not watched.  0 with
 * *ret_code, or -1 when cancelled or silent. */
int http_drive(CURLM *multi, const int64_t *last_ms, int64_t silence_ms,
	CURLcode *ret_code, struct cancel *cancel, struct err *err);

/* Always returns -1. */
int http_curl_error(struct err *err, CURL *easy, CURLcode code, const char *details,
	const char *description);

#define HTTP_CONNECT_MS 10000
#define HTTP_SILENCE_MS 60000

#endif

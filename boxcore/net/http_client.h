/* SPDX-License-Identifier: MIT */
/*
 * HTTP as a client, over libcurl (http_client.c is its only user).
 *
 * A client keeps its connections, so a thread that talks to one peer pays for TCP and TLS
 * once.  One client belongs to one thread at a time; nothing is shared between clients.
 * Every call is bounded: connecting, silence, the size of the answer, and the caller's
 * cancel, which ends a stuck call in under a millisecond.
 *
 * The environment's proxies (https_proxy, no_proxy) are used for https; never for a unix
 * socket or plain http.
 *
 * A request that went out on a kept connection which the peer had closed is sent again,
 * but for POST and PATCH: those end as ERR_TRANSIENT, and the caller finds out whether
 * they had their effect.
 *
 * Redirects are never followed (a token must not travel): a 3xx is an answer like
 * another. An HTTP status of any kind is a success of the call; err is for what came
 * before a status (ERR_TRANSIENT: no connection, silence, cut; ERR_LIMIT: answer too
 * large; ERR_CANCELLED).
 */
#ifndef BOXCORE_NET_HTTP_CLIENT_H
#define BOXCORE_NET_HTTP_CLIENT_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Once in main, before threads start; and at the end.  Counted, so a library may call
 * them again.  SIGPIPE is ignored from then on unless the program handles it. */
int http_global_init(struct err *err);
void http_global_cleanup(void);

/* Of libcurl and its TLS library, as they run.  Constant. */
const char *http_library_version(void);

/* Where a client connects; all members optional, strings copied by http_client_new(). */
struct http_peer {
	const char *unix_socket; /* path: connect there, whatever host the URL names */
	const char *ca_file;     /* PEM bundle; NULL: the system's */
	const char *cert_file;   /* client certificate for mutual TLS, PEM */
	const char *key_file;
	bool plain_http; /* allow http:// (unix sockets, loopback, tests); else https only
			  */
	/* Asked for each address before it is connected to, so that a name cannot lead
	 * elsewhere between a look and the connection: why not, or NULL.  A call that reaches
	 * no other address is ERR_DENIED with that reason.  With it no proxy is used.
	 * Not for http_upgrade(). */
	const char *(*refuse)(const struct sockaddr *address);
};

struct http_client *http_client_new(const struct http_peer *peer);
void http_client_free(struct http_client *client);
DEFINE_CLEANUP(http_client, struct http_client *, http_client_free(*value))

struct http_header {
	const char *name;
	const char *value; /* CR, LF or NUL in it is ERR_INPUT */
	const struct secret
		*secret; /* instead of value, or behind it ("Bearer " + secret) */
};

/* Gives the next bytes of a request body: returns how many, 0 at the end, -1 with err. */
typedef ssize_t (*http_source)(void *arg, void *buf, size_t size, struct err *err);
/* Takes bytes of an answer's body as they come; -1 with err ends the call. */
typedef int (*http_sink)(void *arg, const void *data, size_t len, struct err *err);
/* Told the status and, before the first byte of the body, each header (name lower-case).
 */
typedef void (*http_on_header)(
	void *arg, int status, const char *name, const char *value);

struct http_request {
	const char *method; /* "GET" */
	const char *url;
	const struct http_header *headers;
	size_t nheaders;

	const void *body; /* NULL: no body */
	size_t body_len;
	http_source source; /* instead of body */
	void *source_arg;
	int64_t source_len; /* > 0: announced, and all of it must come; else sent chunked
			     */

	http_sink sink; /* NULL: the body is gathered in http_answer.body */
	void *sink_arg;
	bool sink_errors; /* else a body with status >= 400 is gathered even with a sink
			   */
	http_on_header on_header; /* may be NULL */
	void *on_header_arg;

	size_t max_body; /* of the answer; 0 means no body is accepted; SIZE_MAX: any */
	int64_t connect_ms;  /* 0: 10 s */
	int64_t silence_ms;  /* no byte in either direction; 0: 60 s; -1: no limit */
	int64_t total_ms;    /* 0: no limit beyond the cancel's */
	const char *upgrade; /* http_upgrade() alone: the protocol; NULL: "tcp" */
};

struct http_answer {
	int status;
	struct strbuf body;
	struct strbuf headers; /* "name: value\n" each, name lower-case */
};
void http_answer_release(struct http_answer *answer);
DEFINE_CLEANUP(http_answer, struct http_answer, http_answer_release(value))

/* The first header of that name (lower-case), copied into buf; false when there is none
 * or it does not fit. */
bool http_answer_header(
	const struct http_answer *answer, const char *name, char *buf, size_t size);

/* Performs one exchange.  *ret_answer is written whenever a status arrived; release it.
 */
int http_perform(struct http_client *client, const struct http_request *request,
	struct http_answer *ret_answer, struct cancel *cancel, struct err *err);

/*
 * An upgraded connection (the Engine's attach, 101): bytes both ways, non-blocking.
 * http_duplex_fd() is for poll()/epoll only; the bytes go through read and write.  Both
 * return a count, 0 at the end (read), -1 with errno EAGAIN or another.  Bytes may lie
 * ready without the descriptor being readable (they came with the head, or in a TLS
 * record that was read in part): read until EAGAIN, also before waiting for the first
 * time.  A duplex may be used from another thread than the one that opened it, one at a
 * time.
 *
 * Any status but 101 is an error (404 not found, 409 conflict, other 4xx input, else
 * transient) with the `message` of a JSON answer in its text.
 */
struct http_duplex;
int http_upgrade(const struct http_peer *peer, const struct http_request *request,
	struct http_duplex **ret_duplex, struct cancel *cancel, struct err *err);
int http_duplex_fd(const struct http_duplex *duplex);
ssize_t http_duplex_read(struct http_duplex *duplex, void *buf, size_t size);
ssize_t http_duplex_write(struct http_duplex *duplex, const void *data, size_t len);
void http_duplex_free(struct http_duplex *duplex);
DEFINE_CLEANUP(http_duplex, struct http_duplex *, http_duplex_free(*value))

#endif

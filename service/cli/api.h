/* SPDX-License-Identifier: MIT */
/*
 * The API of a running service, for the commands that need one.
 *
 * The address is $BOXWRIGHT_API, by default http://127.0.0.1:7331; the key, where the
 * service has one, $BOXWRIGHT_API_KEY.  Every failure comes with what to do next.
 */
#ifndef SERVICE_CLI_API_H
#define SERVICE_CLI_API_H

#include "boxcore/base/json.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct api;

struct api *api_open(struct err *err);
void api_close(struct api *api);
DEFINE_CLEANUP(api, struct api *, api_close(*value))

/* One call; `body` may be NULL.  The answer's JSON, which the caller releases, or NULL
 * with the service's own sentence as the error. */
json_t *api_call(struct api *api, const char *method, const char *path,
	const json_t *body, struct err *err);

/* One call whose answer's bytes go to `sink` as they come. */
struct api_raw {
	const char *method, *path;
	const json_t *body;       /* or NULL */
	const char *content_type; /* with source: of its bytes */
	ssize_t (*source)(void *arg, void *buf, size_t size, struct err *err);
	int64_t source_len;
	int (*sink)(void *arg, const void *data, size_t len, struct err *err);
	void *arg; /* of both */
};
int api_raw(struct api *api, const struct api_raw *call, struct err *err);

/* A WebSocket's connection after its handshake, see websocket.h; NULL with err. */
struct http_duplex;
struct http_duplex *api_websocket(struct api *api, const char *path, struct err *err);

/* Follows a stream of server-sent events; on_data gets each event's data until it returns
 * false or the stream ends. */
int api_follow(struct api *api, const char *path,
	bool (*on_data)(void *arg, const char *data), void *arg, struct err *err);

/* Appends one percent-encoded path segment. */
void api_segment(struct strbuf *path, const char *segment);

#endif

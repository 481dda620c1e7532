/* SPDX-License-Identifier: MIT */
/* GET /v2/box/{id}/exec-session: the handshake of a WebSocket; session.c does the rest. */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "service/http/box_call.h"
#include "service/http/session.h"
#include "service/http/websocket.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

static atomic_uint sessions_open;

/* Whether a list of words, "keep-alive, Upgrade", has this one. */
static bool has_word(const char *list, const char *word)
{
	size_t size = strlen(word);

	while (list && *list) {
		list += strspn(list, ", \t");
		size_t len = strcspn(list, ", \t");
		if (len == size && strncasecmp(list, word, size) == 0)
			return true;
		list += len;
	}
	return false;
}

static int check_handshake(
	struct request *request, char accept[WEBSOCKET_ACCEPT_SIZE], struct err *err)
{
	if (!has_word(request_header(request, "Connection"), "Upgrade") ||
		!has_word(request_header(request, "Upgrade"), "websocket"))
		return err_set(err, ERR_INPUT,
			"This is a WebSocket: send Connection: Upgrade and Upgrade: "
			"websocket");
	if (!websocket_accept(request_header(request, "Sec-WebSocket-Key"), accept))
		return err_set(
			err, ERR_INPUT, "Sec-WebSocket-Key must be 16 bytes in base64");
	return 0;
}

static void serve(struct box_call *call)
{
	struct session_peer peer = {.early = STRBUF_INIT(LIMIT_API_HEAD)};

	if (reply_upgrade(
		    call->request, "websocket", &peer.fd, &peer.early, &call->err) == 0) {
		session_serve(call->boxes, call->who, call->box, &peer, call->cancel);
		reply_upgrade_end(call->request);
	}
	strbuf_release(&peer.early);
}

void handle_session(struct request *request)
{
	char accept[WEBSOCKET_ACCEPT_SIZE];
	struct box_call call;

	if (box_call_open(&call, request))
		return;
	if (!str_eq(request_header(request, "Sec-WebSocket-Version"),
		    WEBSOCKET_VERSION)) {
		reply_header(request, "Sec-WebSocket-Version", WEBSOCKET_VERSION);
		reply_error(request, 426, "websocket",
			"Only version 13 of WebSockets is spoken here.");
		return;
	}
	if (check_handshake(request, accept, &call.err)) {
		box_call_end(&call, 200, -1);
		return;
	}
	if (!call.who->write) {
		reply_error(request, 403, "denied",
			"This key may only look: its scope is \"read\".");
		return;
	}
	if (atomic_fetch_add(&sessions_open, 1) >= LIMIT_SESSIONS) {
		reply_error(request, 429, "sessions",
			"%d sessions are open, which is the limit.", LIMIT_SESSIONS);
	} else {
		reply_header(request, "Sec-WebSocket-Accept", accept);
		serve(&call);
	}
	atomic_fetch_sub(&sessions_open, 1);
}

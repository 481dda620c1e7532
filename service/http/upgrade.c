/* SPDX-License-Identifier: MIT */
/* Handing a connection's socket over to another protocol; see request.h. */
#define LOG_MODULE "http"
#include "service/http/internal.h"

#include "boxcore/base/mem.h"

#include <fcntl.h>

enum { LOOK_MS = 500 };

struct upgrade {
	struct lock lock;
	struct cond moved;
	bool ready, gone;
	int fd;
	struct MHD_UpgradeResponseHandle *handle;
	struct strbuf early;
};

/* On the server's thread, once the 101 has been sent. */
static void upgraded(void *arg, struct MHD_Connection *connection, void *context,
	const char *extra, size_t extra_len, MHD_socket fd,
	struct MHD_UpgradeResponseHandle *handle)
{
	struct upgrade *upgrade = arg;

	(void)connection;
	(void)context;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	LOCKED(&upgrade->lock);
	upgrade->fd = fd;
	upgrade->handle = handle;
	strbuf_add(&upgrade->early, extra, extra_len);
	upgrade->ready = true;
	cond_wake_all(&upgrade->moved);
}

void upgrade_gone(struct upgrade *upgrade)
{
	LOCKED(&upgrade->lock);
	upgrade->gone = true;
	cond_wake_all(&upgrade->moved);
}

void upgrade_free(struct upgrade *upgrade)
{
	if (!upgrade)
		return;
	strbuf_release(&upgrade->early);
	lock_release(&upgrade->lock);
	cond_release(&upgrade->moved);
	free(upgrade);
}

int reply_upgrade(struct request *request, const char *protocol, int *ret_fd,
	struct strbuf *early, struct err *err)
{
	struct upgrade *upgrade = mem_zalloc(sizeof(*upgrade));

	lock_init(&upgrade->lock);
	cond_init(&upgrade->moved);
	strbuf_init(&upgrade->early, early->max);
	request->upgrade = upgrade;
	struct MHD_Response *response =
		MHD_create_response_for_upgrade(upgraded, upgrade);
	if (!response ||
		MHD_add_response_header(response, "Upgrade", protocol) != MHD_YES)
		abort();
	atomic_fetch_add(&request->server->upgrades, 1);
	reply_upgrade_give(request, response);
	lock_take(&upgrade->lock);
	while (!upgrade->ready && !upgrade->gone)
		cond_wait_ms(&upgrade->moved, &upgrade->lock, LOOK_MS);
	bool ready = upgrade->ready;
	strbuf_reset(early);
	strbuf_add(early, strbuf_str(&upgrade->early), upgrade->early.len);
	lock_give(&upgrade->lock);
	if (!ready) {
		atomic_fetch_sub(&request->server->upgrades, 1);
		return err_set(err, ERR_CANCELLED, "The client has gone");
	}
	*ret_fd = upgrade->fd;
	return 0;
}

void reply_upgrade_end(struct request *request)
{
	struct upgrade *upgrade = request->upgrade;
	struct server *server = request->server;

	MHD_upgrade_action(upgrade->handle, MHD_UPGRADE_ACTION_CLOSE);
	atomic_fetch_sub(&server->upgrades, 1);
}

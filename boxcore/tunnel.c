/* SPDX-License-Identifier: MIT */
/*
 * Connections over the link: into a box, and out of it to handlers that stay over lost
 * links.
 *
 * A tunnel is a handler for a port of a box.  For each link on which the box listens for
 * it there is an attachment; it holds the link's stream and is closed before the link is.
 */
#include "boxcore/boxcore.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/boxcore-internal.h"
#include "boxcore/link/link.h"
#include "boxcore/tunnel-internal.h"

#include <stdlib.h>
#include <unistd.h>

struct tunnel {
	struct tunnel *next;
	struct tunnels *tunnels;
	char box[64];
	uint16_t port;
	box_on_accept on_accept;
	void *arg;
	bool busy; /* an attachment is being made */
};

struct attachment {
	struct attachment *next;
	struct tunnel *tunnel;
	struct link *link;
	struct stream *stream;
};

struct tunnels {
	struct lock lock;
	struct cond changed;
	struct tunnel *list;
	struct attachment *attachments;
	int closing; /* streams that are being closed with the lock dropped */
};

struct tunnels *tunnels_new(void)
{
	struct tunnels *tunnels = mem_zalloc(sizeof *tunnels);

	lock_init(&tunnels->lock);
	cond_init(&tunnels->changed);
	return tunnels;
}

void tunnels_free(struct tunnels *tunnels)
{
	if (!tunnels)
		return;
	while (tunnels->list) {
		struct tunnel *tunnel = tunnels->list;

		tunnels->list = tunnel->next;
		free(tunnel);
	}
	cond_release(&tunnels->changed);
	lock_release(&tunnels->lock);
	free(tunnels);
}

/* ---- into the box ---------------------------------------------------------------------- */

static int connect_stream(struct link *link, uint16_t port, int *ret_fd,
	struct cancel *cancel, struct err *err)
{
	struct stream *stream;
	struct stream_event event;
	uint8_t payload[2];

	wire_set_u16(payload, port);
	if (stream_open(link, PROTO_CONNECT, payload, sizeof payload, &stream, err) < 0)
		return -1;
	if (stream_read(stream, &event, cancel, err) < 0) {
		stream_close(stream);
		return -1;
	}
	if (event.type != PROTO_OPENED) {
		stream_close(stream);
		return err_set(err, ERR_INTERNAL,
			"the box answers a connection with message %u", event.type);
	}
	if (stream_socket(stream, ret_fd, err) == 0)
		return 0;
	stream_close(stream);
	return -1;
}

int box_connect(struct boxcore *core, const char *box, uint16_t port, int *ret_fd,
	struct cancel *cancel, struct err *err)
{
	struct link *link;

	if (core_link_get(core, box, true, &link, cancel, err) < 0)
		return -1;
	int rc = connect_stream(link, port, ret_fd, cancel, err);
	core_link_put(core, link);
	return rc;
}

/* ---- attachments ----------------------------------------------------------------------- */

/* On the link's thread.  The tunnel lives: its end waits for this call. */
static void on_link_accept(void *arg, int fd)
{
	struct tunnel *tunnel = arg;

	lock_take(&tunnel->tunnels->lock);
	box_on_accept on_accept = tunnel->on_accept;
	void *on_accept_arg = tunnel->arg;
	lock_give(&tunnel->tunnels->lock);
	on_accept(on_accept_arg, tunnel->box, fd);
}

static struct attachment *find_attachment(
	struct tunnels *tunnels, const struct tunnel *tunnel, const struct link *link)
{
	struct attachment *at = tunnels->attachments;

	while (at && ((tunnel && at->tunnel != tunnel) || (link && at->link != link)))
		at = at->next;
	return at;
}

/* Lock held; dropped while a stream is being closed. */
static void close_attachments(
	struct tunnels *tunnels, const struct tunnel *tunnel, const struct link *link)
{
	struct attachment *attachment;

	while ((attachment = find_attachment(tunnels, tunnel, link))) {
		struct attachment **at = &tunnels->attachments;

		while (*at != attachment)
			at = &(*at)->next;
		*at = attachment->next;
		tunnels->closing++;
		lock_give(&tunnels->lock);
		stream_close(attachment->stream);
		free(attachment);
		lock_take(&tunnels->lock);
		tunnels->closing--;
		cond_wake_all(&tunnels->changed);
	}
}

static struct tunnel *find_tunnel(struct tunnels *tunnels, const char *box, int port)
{
	struct tunnel *at = tunnels->list;

	while (at && (!str_eq(at->box, box) || (port >= 0 && at->port != port)))
		at = at->next;
	return at;
}

/* Makes the box listen for that tunnel on this link, unless it does; no such tunnel any
 * more is fine.  Lock held; dropped meanwhile, when `busy` keeps the tunnel alive. */
static int attach(struct tunnels *tunnels, const char *box, uint16_t port,
	struct link *link, struct cancel *cancel, struct err *err)
{
	struct stream *stream = NULL;
	struct tunnel *tunnel;

	while ((tunnel = find_tunnel(tunnels, box, port)) && tunnel->busy)
		cond_wait(&tunnels->changed, &tunnels->lock);
	if (!tunnel || find_attachment(tunnels, tunnel, link))
		return 0;
	tunnel->busy = true;
	lock_give(&tunnels->lock);
	int rc = stream_listen(link, port, on_link_accept, tunnel, &stream, cancel, err);
	lock_take(&tunnels->lock);
	tunnel->busy = false;
	cond_wake_all(&tunnels->changed);
	if (rc < 0)
		return err_wrap(err, "listen on port %u in box %s", port, box);
	struct attachment *attachment = mem_zalloc(sizeof *attachment);
	*attachment = (struct attachment){.next = tunnels->attachments,
		.tunnel = tunnel,
		.link = link,
		.stream = stream};
	tunnels->attachments = attachment;
	return 0;
}

/* ---- out of the box -------------------------------------------------------------------- */

/* Takes the tunnel off the list and ends it.  Lock held; dropped meanwhile. */
static void end_tunnel(struct tunnels *tunnels, struct tunnel *tunnel)
{
	struct tunnel **at = &tunnels->list;

	while (*at != tunnel)
		at = &(*at)->next;
	*at = tunnel->next;
	while (tunnel->busy)
		cond_wait(&tunnels->changed, &tunnels->lock);
	close_attachments(tunnels, tunnel, NULL);
	while (tunnels->closing > 0) /* perhaps one of ours, by tunnel_detach() */
		cond_wait(&tunnels->changed, &tunnels->lock);
	free(tunnel);
}

/* The tunnel for that port with this handler; *ret_new when there was none. */
static struct tunnel *put_tunnel(struct tunnels *tunnels, const char *box, uint16_t port,
	box_on_accept on_accept, void *arg, bool *ret_new)
{
	struct tunnel *tunnel = find_tunnel(tunnels, box, port);

	*ret_new = !tunnel;
	if (!tunnel) {
		tunnel = mem_zalloc(sizeof *tunnel);
		tunnel->tunnels = tunnels;
		str_copy(tunnel->box, sizeof tunnel->box, box);
		tunnel->port = port;
		tunnel->next = tunnels->list;
		tunnels->list = tunnel;
	}
	tunnel->on_accept = on_accept;
	tunnel->arg = arg;
	return tunnel;
}

int box_listen(struct boxcore *core, const char *box, uint16_t port,
	box_on_accept on_accept, void *arg, struct cancel *cancel, struct err *err)
{
	struct tunnels *tunnels = core_tunnels(core);
	struct link *link = NULL;
	bool is_new;

	if (core_check_id(box, "the id of a box", err) < 0)
		return -1;
	lock_take(&tunnels->lock);
	put_tunnel(tunnels, box, port, on_accept, arg, &is_new);
	lock_give(&tunnels->lock);
	/* A link that is made for this has tunnel_restore() done already. */
	int rc = core_link_get(core, box, true, &link, cancel, err);
	LOCKED(&tunnels->lock);
	if (rc == 0)
		rc = attach(tunnels, box, port, link, cancel, err);
	struct tunnel *tunnel = find_tunnel(tunnels, box, port);
	if (rc < 0 && is_new && tunnel)
		end_tunnel(tunnels, tunnel);
	if (link) {
		lock_give(&tunnels->lock);
		core_link_put(core, link);
		lock_take(&tunnels->lock);
	}
	return rc;
}

void box_unlisten(struct boxcore *core, const char *box, uint16_t port)
{
	struct tunnels *tunnels = core_tunnels(core);

	LOCKED(&tunnels->lock);
	struct tunnel *tunnel = find_tunnel(tunnels, box, port);
	if (tunnel)
		end_tunnel(tunnels, tunnel);
}

/* ---- for boxcore.c --------------------------------------------------------------------- */

int tunnel_restore(struct boxcore *core, const char *box, struct link *link,
	struct cancel *cancel, struct err *err)
{
	struct tunnels *tunnels = core_tunnels(core);
	uint16_t ports[LIMIT_BOX_LISTENS];
	size_t count = 0;

	LOCKED(&tunnels->lock);
	for (struct tunnel *at = tunnels->list; at && count < ARRAY_LEN(ports);
		at = at->next)
		if (str_eq(at->box, box))
			ports[count++] = at->port;
	for (size_t i = 0; i < count; i++)
		if (attach(tunnels, box, ports[i], link, cancel, err) < 0)
			return -1;
	return 0;
}

void tunnel_detach(struct boxcore *core, const char *box, struct link *link)
{
	struct tunnels *tunnels = core_tunnels(core);

	(void)box;
	/* On a link that has ended nothing is said to the box, so its ports stay open and
	 * whoever connects waits for the next link. */
	link_fail(link, "closed");
	LOCKED(&tunnels->lock);
	close_attachments(tunnels, NULL, link);
	while (tunnels->closing > 0)
		cond_wait(&tunnels->changed, &tunnels->lock);
}

void tunnel_forget(struct boxcore *core, const char *box)
{
	struct tunnels *tunnels = core_tunnels(core);
	struct tunnel *tunnel;

	LOCKED(&tunnels->lock);
	while ((tunnel = find_tunnel(tunnels, box, -1)))
		end_tunnel(tunnels, tunnel);
}

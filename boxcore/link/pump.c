/* SPDX-License-Identifier: MIT */
/*
 * Streams that are sockets: one end of a pair belongs to the user, the link's thread
 * copies between the other and the box, with half-close both ways; and connections that
 * were made in the box.
 */
#include "boxcore/link/link-internal.h"

#include "boxcore/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct pump {
	struct loop_item item;
	struct pump *next;
	struct link *link;
	struct stream *stream; /* NULL: over, waits to be freed */
	int fd;
	bool readable;
	bool sent_eof;  /* the user writes no more */
	bool write_eof; /* the box writes no more: shut down when the queue is empty */
	bool asked_close;
};

/* The pump's part is over; the loop may still name its item in this round. */
static void retire(struct pump *pump)
{
	struct link *link = pump->link;

	for (struct pump **at = &link->pumps; *at; at = &(*at)->next) {
		if (*at == pump) {
			*at = pump->next;
			break;
		}
	}
	loop_remove(link->loop, &pump->item);
	close(pump->fd);
	loop_free_item(link->loop, &pump->item); /* its first member: frees all of it */
}

/* Nobody reads what the box sends, or something broke: asks it to end the stream. */
static void ask_close(struct pump *pump)
{
	if (pump->asked_close)
		return;
	pump->asked_close = true;
	wire_queue(pump->link, PROTO_CLOSE, 0, pump->stream->id, NULL, 0);
}

/* ---- from the box to the user ---------------------------------------------------------- */

static size_t try_send(struct pump *pump, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len && !pump->asked_close) {
		ssize_t n = send(
			pump->fd, data + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			return done;
		else if (errno != EINTR)
			ask_close(pump);
	}
	return pump->asked_close ? len : done;
}

static void drain_queue(struct pump *pump)
{
	struct stream *stream = pump->stream;

	while (stream->head) {
		struct node *node = stream->head;

		node->at += try_send(pump, node->data + node->at, node->len - node->at);
		if (node->at < node->len)
			return;
		stream->head = node->next;
		if (!stream->head)
			stream->tail = &stream->head;
		stream_granted(stream, node->len);
		free(node);
	}
	if (pump->write_eof)
		shutdown(pump->fd, SHUT_WR);
}

static void enqueue(struct stream *stream, const uint8_t *data, size_t len, size_t at)
{
	struct node *node = mem_alloc(sizeof *node + len);

	*node = (struct node){.type = PROTO_DATA, .len = len, .at = at};
	memcpy(node->data, data, len);
	*stream->tail = node;
	stream->tail = &node->next;
}

void pump_receive(struct stream *stream, const struct frame *frame)
{
	struct pump *pump = stream->pump;

	if (frame->type == PROTO_EOF) {
		pump->write_eof = true;
		drain_queue(pump);
	} else if (frame->type == PROTO_DATA) {
		size_t done =
			stream->head ? 0 : try_send(pump, frame->payload, frame->len);

		if (done < frame->len)
			enqueue(stream, frame->payload, frame->len, done);
		else
			stream_granted(stream, frame->len);
	} else if (frame->type != PROTO_OPENED) {
		link_die(stream->link, "the box sent message %u on a connection",
			frame->type);
	}
}

/* ---- from the user to the box ---------------------------------------------------------- */

static bool may_send(const struct pump *pump)
{
	return pump->readable && !pump->sent_eof && !pump->asked_close &&
	       pump->stream->credit > FRAME_HEADER_SIZE &&
	       wire_queued(pump->link) < LINK_QUEUE_LOW;
}

static void read_user(struct pump *pump)
{
	uint8_t *buf = loop_buffer(pump->link->loop) + LOOP_BUFFER;

	while (may_send(pump)) {
		size_t most = (size_t)pump->stream->credit - FRAME_HEADER_SIZE;
		ssize_t n = recv(pump->fd, buf,
			most < PROTO_DATA_MAX ? most : PROTO_DATA_MAX, MSG_DONTWAIT);

		if (n > 0) {
			pump->stream->credit -= n + FRAME_HEADER_SIZE;
			wire_queue(pump->link, PROTO_DATA, 0, pump->stream->id, buf,
				(size_t)n);
			wire_flush(pump->link);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			pump->readable = false;
		} else {
			pump->sent_eof = true;
			wire_queue(pump->link, PROTO_EOF, 0, pump->stream->id, NULL, 0);
		}
	}
	if (pump->readable && !pump->sent_eof)
		pump->link->out.pumps_waiting = true;
}

/* The box has ended the stream.  What it sent before still belongs to the user, so the
 * socket stays until that is taken. */
static void end_if_drained(struct pump *pump)
{
	if (!pump->stream->ended || pump->stream->head)
		return;
	stream_delete(pump->stream);
	pump->stream = NULL;
	retire(pump);
}

static void on_socket(struct loop_item *item, uint32_t events)
{
	struct pump *pump = (struct pump *)(void *)item; /* its first member */
	struct link *link = pump->link;

	LOCKED(&link->lock);
	if (link->dead || !pump->stream)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		pump->readable = true;
		if (!pump->stream->ended)
			read_user(pump);
	}
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		drain_queue(pump);
	wire_flush(link);
	end_if_drained(pump);
}

void pump_retry(struct link *link)
{
	if (!link->out.pumps_waiting || link->dead)
		return;
	link->out.pumps_waiting = false;
	for (struct pump *at = link->pumps; at; at = at->next)
		if (!at->stream->ended)
			read_user(at);
	wire_flush(link);
}

void pump_ended(struct stream *stream)
{
	stream->pump->write_eof = true;
	drain_queue(stream->pump);
	end_if_drained(stream->pump);
}

/* ---- start and end --------------------------------------------------------------------- */

static int pump_start(struct stream *stream, int *ret_fd, struct err *err)
{
	struct link *link = stream->link;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_errno(err, errno, "make a socket for a box's connection");
	struct pump *pump = mem_zalloc(sizeof *pump);
	pump->link = link;
	pump->fd = fds[0];
	pump->stream = stream;
	pump->readable = true;
	stream->pump = pump;
	pump->next = link->pumps;
	link->pumps = pump;
	/* Reports both directions as ready at once, which starts the copying. */
	if (loop_add(link->loop, &pump->item, fds[0], on_socket, err) < 0) {
		link->pumps = pump->next;
		stream->pump = NULL;
		close(fds[0]);
		close(fds[1]);
		free(pump);
		return -1;
	}
	*ret_fd = fds[1];
	return 0;
}

int stream_socket(struct stream *stream, int *ret_fd, struct err *err)
{
	struct link *link = stream->link;

	LOCKED(&link->lock);
	if (link->dead)
		return link_error(link, err);
	free(stream->current);
	stream->current = NULL;
	if (pump_start(stream, ret_fd, err) < 0)
		return -1;
	link->used--;
	/* What came before the change: an end is a flag, not data. */
	for (struct node **at = &stream->head; *at;) {
		struct node *node = *at;

		if (node->type == PROTO_DATA) {
			at = &node->next;
			continue;
		}
		stream->pump->write_eof = true;
		*at = node->next;
		free(node);
	}
	stream->tail = &stream->head;
	while (*stream->tail)
		stream->tail = &(*stream->tail)->next;
	return 0;
}

void pump_cut_all(struct link *link)
{
	for (struct pump *at = link->pumps; at; at = at->next)
		shutdown(at->fd, SHUT_RDWR);
}

void pump_remove_all(struct link *link)
{
	for (struct pump *at = link->pumps; at; at = at->next)
		loop_remove(link->loop, &at->item);
}

void pump_free_all(struct link *link)
{
	while (link->pumps) {
		struct pump *pump = link->pumps;

		link->pumps = pump->next;
		close(pump->fd);
		free(pump);
	}
}

/* ---- accepted connections -------------------------------------------------------------- */

void pump_accept(struct link *link, uint32_t listener_id, uint32_t id,
	const struct link_target *target)
{
	struct stream *listener = stream_find(link, listener_id);
	struct stream *stream = stream_add(link, id);
	struct err ignored = {0};
	int fd;

	if (!listener || listener->closed ||
		(target ? !listener->on_gate : !listener->on_accept) ||
		pump_start(stream, &fd, &ignored) < 0) {
		stream->closed = true;
		wire_queue(link, PROTO_CLOSE, 0, id, NULL, 0);
		return;
	}
	wire_queue(link, PROTO_OPENED, 0, id, NULL, 0);
	struct accepted *accepted = mem_zalloc(sizeof *accepted);
	*accepted = (struct accepted){.listener = listener_id, .fd = fd};
	if (target)
		accepted->target = *target;
	*link->accepted_tail = accepted;
	link->accepted_tail = &accepted->next;
}

void pump_call_accepted(struct link *link)
{
	while (link->accepted) {
		struct accepted *accepted = link->accepted;
		struct stream *listener = stream_find(link, accepted->listener);

		link->accepted = accepted->next;
		if (!link->accepted)
			link->accepted_tail = &link->accepted;
		if (!listener || listener->closed) {
			close(accepted->fd);
		} else {
			listener->calling = true;
			lock_give(&link->lock);
			if (listener->on_gate)
				listener->on_gate(listener->on_accept_arg, accepted->fd,
					&accepted->target);
			else
				listener->on_accept(
					listener->on_accept_arg, accepted->fd);
			lock_take(&link->lock);
			listener->calling = false;
			cond_wake_all(&listener->cond);
		}
		free(accepted);
	}
}

/* Asks for connections, to the handlers of `model`. */
static int open_listener(struct link *link, enum proto_type type, const uint8_t *payload,
	size_t len, const struct stream *model, struct stream **ret_stream,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(stream) struct stream *stream = NULL;
	struct stream_event event;

	lock_take(&link->lock);
	stream = stream_begin(link, err);
	if (stream) { /* before the first connection can come */
		stream->on_accept = model->on_accept;
		stream->on_gate = model->on_gate;
		stream->on_accept_arg = model->on_accept_arg;
		stream_send_opening(stream, type, payload, len);
	}
	lock_give(&link->lock);
	if (!stream)
		return -1;
	if (stream_read(stream, &event, cancel, err) < 0)
		return -1;
	if (event.type != PROTO_OPENED)
		return err_set(err, ERR_INTERNAL,
			"the box answers a request to listen with message %u",
			event.type);
	*ret_stream = TAKE(stream);
	return 0;
}

int stream_listen(struct link *link, uint16_t port, stream_on_accept on_accept, void *arg,
	struct stream **ret_stream, struct cancel *cancel, struct err *err)
{
	struct stream model = {.on_accept = on_accept, .on_accept_arg = arg};
	uint8_t payload[2];

	wire_set_u16(payload, port);
	return open_listener(link, PROTO_LISTEN, payload, sizeof payload, &model,
		ret_stream, cancel, err);
}

int stream_gate(struct link *link, stream_on_gate on_gate, void *arg,
	struct stream **ret_stream, struct cancel *cancel, struct err *err)
{
	struct stream model = {.on_gate = on_gate, .on_accept_arg = arg};
	uint8_t nothing[1] = {0};

	return open_listener(
		link, PROTO_GATE, nothing, 0, &model, ret_stream, cancel, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * The host's end of the link to a box: one byte stream, many streams on it.
 *
 * A struct link_loop is one epoll thread that moves the bytes of all links; any thread
 * may call the functions here, which block on a condition and are woken by that thread or
 * by their cancel.  A frame that a caller sends is written by the caller itself when
 * nothing is queued before it.
 *
 * What comes from a box is hostile.  A malformed frame, one for a stream that is not
 * open, more data than was granted, or a queue that the box does not empty ends the link
 * with an error that says so; memory is bounded by LIMIT_STREAM_CREDIT for each of
 * LIMIT_LINK_STREAMS.
 *
 * A link that has ended stays as it is: every waiter and every later call gets
 * ERR_TRANSIENT "link to box lost: why".  The owner closes it and opens another.
 */
#ifndef BOXCORE_LINK_LINK_H
#define BOXCORE_LINK_LINK_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"
#include "boxcore/link/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct link_loop;
int link_loop_new(struct link_loop **ret_loop, struct err *err);
void link_loop_free(struct link_loop *loop); /* all links must be closed */
DEFINE_CLEANUP(link_loop, struct link_loop *, link_loop_free(*value))

/* ---- links
 * ----------------------------------------------------------------------------- */

/* The connection beneath: non-blocking.  read and write return a count, 0 at the end
 * (read), -1 with errno.  They are called under the link's lock, from any thread, never
 * two at a time; close ends it and frees arg.  fd is for epoll (edge-triggered: reads go
 * on until EAGAIN). */
struct link_io {
	void *arg;
	int fd;
	ssize_t (*read)(void *arg, void *buf, size_t size);
	ssize_t (*write)(void *arg, const void *data, size_t len);
	void (*close)(void *arg);
};

struct link_options {
	const char *name; /* the box's id, for texts */
	bool stdcopy;     /* the Engine's 8-byte headers are around what the box writes */
	int64_t hello_ms; /* how long the box may take to answer; 0: 10 s */
};

struct link;

/* Attaches: takes over `io` in any case (closes it on failure) and returns when the box
 * has answered. */
int link_open(struct link_loop *loop, const struct link_io *io,
	const struct link_options *options, struct link **ret_link, struct cancel *cancel,
	struct err *err);
/* Ends the link and frees it.  All its streams must be closed; sockets that were made by
 * stream_socket() and accepted connections are ended here.  Not from the link's thread.
 */
void link_close(struct link *link);
DEFINE_CLEANUP(link, struct link *, if (*value) link_close(*value))

bool link_lost(struct link *link); /* it has ended */
/* Ends it with a reason, waking all who wait; link_close() must follow. */
void link_fail(struct link *link, const char *reason);

/* From HELLO_ACK: changes when the box was started anew. */
#define LINK_BOOT_HEX 33
void link_boot_id(const struct link *link, char ret_hex[LINK_BOOT_HEX]);
uint32_t link_init_crc(const struct link *link); /* frame_crc() of the running boxinit */
bool link_network_ready(const struct link *link);
bool link_network_gated(const struct link *link); /* the mode it is in */

/* The box's network, before anything else runs in it: once after each start of the box
 * (when link_network_ready() is false; again is harmless), and when it is to change from
 * ALL to GATED or back.  `cidrs`, NULL-ended ("10.0.0.0/8", "fc00::/7"), become unreachable;
 * only PROTO_NETWORK_ALL has any. */
int link_network_setup(struct link *link, enum proto_network mode,
	const char *const *cidrs, struct cancel *cancel, struct err *err);

/* One request and its REPLY, which is appended to `reply` (may be NULL). */
int link_call(struct link *link, enum proto_type type, const void *payload, size_t len,
	struct strbuf *reply, struct cancel *cancel, struct err *err);

/* ---- streams
 * --------------------------------------------------------------------------- */

struct stream;

struct stream_event {
	enum proto_type type; /* OPENED, OUT, ERR, DATA, EOF, EXIT, REPLY or CLOSE */
	bool more;            /* FRAME_MORE */
	const uint8_t *data;  /* borrowed until the next stream_read() or the close */
	size_t len;
};

/* Sends an opening message (of any length up to LIMIT_RUN_ARGS); does not wait. */
int stream_open(struct link *link, enum proto_type type, const void *payload, size_t len,
	struct stream **ret_stream, struct err *err);
/* The next message.  FAIL is returned as the error it carries.  After a final message
 * ERR_INTERNAL.  One thread reads at a time. */
int stream_read(struct stream *stream, struct stream_event *ret_event,
	struct cancel *cancel, struct err *err);
/* Sends DATA as the box grants it; blocks. */
int stream_write(struct stream *stream, const void *data, size_t len,
	struct cancel *cancel, struct err *err);
/* For one thread that does both: waits until a message is there or, if `write`, data may be
 * sent.  What may be done now is returned; both false never. */
struct stream_turn {
	bool readable, writable;
};
int stream_wait(struct stream *stream, bool write, struct stream_turn *ret_turn,
	struct cancel *cancel, struct err *err);
/* Sends what is allowed now, without waiting: how much of it. */
size_t stream_write_now(struct stream *stream, const void *data, size_t len);
/* Sends another small message: EOF, RESIZE, ACK. */
int stream_send(struct stream *stream, enum proto_type type, const void *payload,
	size_t len, struct err *err);
/* Ends and frees it; tells the box unless it has ended there. */
void stream_close(struct stream *stream);
DEFINE_CLEANUP(stream, struct stream *, if (*value) stream_close(*value))

/* Turns an OPENED stream of CONNECT into a stream socket that the caller owns; the link
 * moves its bytes from now on, with half-close both ways.  The stream is taken. */
int stream_socket(struct stream *stream, int *ret_fd, struct err *err);

/* For a stream of LISTEN, before the first event of it is read: accepted connections
 * become sockets that on_accept owns; it runs on the link's thread and must not block.
 * stream_close() returns when on_accept is not running. */
typedef void (*stream_on_accept)(void *arg, int fd);
int stream_listen(struct link *link, uint16_t port, stream_on_accept on_accept, void *arg,
	struct stream **ret_stream, struct cancel *cancel, struct err *err);

/* The same for the gate of a gated box: the connections that it makes to elsewhere. */
struct link_target {
	char name[LIMIT_EGRESS_NAME + 1]; /* "": none; printable, but not judged */
	uint32_t address;                 /* host byte order; 0 with a name */
	uint16_t port;
};
typedef void (*stream_on_gate)(void *arg, int fd, const struct link_target *target);
int stream_gate(struct link *link, stream_on_gate on_gate, void *arg,
	struct stream **ret_stream, struct cancel *cancel, struct err *err);

#endif

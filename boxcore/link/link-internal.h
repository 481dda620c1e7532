/* SPDX-License-Identifier: MIT */
/*
 * What the files of the host's end of a link share.
 *
 *	loop.c      the epoll thread
 *	link.c      attach, end, waiting
 *	wire.c      bytes in and out, the Engine's headers
 *	dispatch.c  frames of the box to their streams
 *	stream.c    streams as their users see them
 *	pump.c      streams that are sockets, accepted connections
 *
 * One lock a link guards all of it, also the calls of its io (a TLS connection allows no
 * two at a time).  It is a leaf but for these.
 */
#ifndef BOXCORE_LINK_LINK_INTERNAL_H
#define BOXCORE_LINK_LINK_INTERNAL_H

#include "boxcore/base/limits.h"
#include "boxcore/base/thread.h"
#include "boxcore/link/link.h"

#include <pthread.h>

#define LINK_BUCKETS 64
#define LINK_QUEUE_LOW (256 * LIMIT_KIB) /* data waits while more than this is queued */

/* ---- loop.c ---------------------------------------------------------------------------- */

struct loop_item {
	void (*fn)(struct loop_item *item, uint32_t events);
	int fd;
	bool again; /* call fn in the next round whatever epoll says */
	bool removed;
	struct loop_item *next_again, *next_dead;
};

/* Edge-triggered for both directions.  Any thread. */
int loop_add(struct link_loop *loop, struct loop_item *item, int fd,
	void (*fn)(struct loop_item *, uint32_t), struct err *err);
/* No call of fn begins after the present round; loop_settle() waits for its end. */
void loop_remove(struct link_loop *loop, struct loop_item *item);
void loop_settle(struct link_loop *loop);
void loop_again(struct link_loop *loop, struct loop_item *item);     /* loop's thread */
void loop_free_item(struct link_loop *loop, struct loop_item *item); /* loop's thread */
void loop_enlist(struct link_loop *loop, struct link *link);         /* to be pinged */
void loop_delist(struct link_loop *loop, struct link *link);
/* Of the loop's thread: LOOP_BUFFER bytes for reading links, LIMIT_FRAME behind for pumps. */
uint8_t *loop_buffer(struct link_loop *loop);
#define LOOP_BUFFER (256 * LIMIT_KIB)

/* ---- state ----------------------------------------------------------------------------- */

struct node { /* a message that waits for its reader */
	struct node *next;
	enum proto_type type;
	bool more;
	size_t len, at;
	uint8_t data[];
};

struct pump;

struct stream {
	struct stream *next; /* of its bucket */
	struct link *link;
	uint32_t id;
	bool ended;        /* the box's final message has come */
	bool read_up;      /* and its reader has seen it */
	bool closed;       /* its user is gone: waits for the final message */
	bool opened, eof;  /* seen */
	int64_t credit;    /* what we may send */
	int64_t window;    /* what the box may send */
	uint32_t consumed; /* not granted again yet */
	size_t free_bytes; /* of messages that need no credit */
	struct node *head, **tail, *current;
	struct cond cond;
	struct pump *pump;
	stream_on_accept on_accept; /* LISTEN */
	stream_on_gate on_gate;     /* GATE */
	void *on_accept_arg;
	bool calling;
};

struct accepted { /* to be handed out without the lock */
	struct accepted *next;
	uint32_t listener;
	int fd;
	struct link_target target; /* of a gate's */
};

struct link {
	struct loop_item item;
	struct link_loop *loop;
	struct link *next_in_loop;
	struct link_io io;
	char name[64];
	bool stdcopy;

	struct lock lock;
	struct cond changed; /* attached or dead */
	bool attached, dead;
	char why[240];
	uint8_t nonce[PROTO_NONCE_SIZE];
	uint32_t session;
	uint8_t boot_id[16];
	uint32_t init_crc;
	bool network_ready, network_gated;

	struct {
		uint8_t *buf;
		size_t cap, start, end;
		bool blocked;
		int waiting; /* threads in stream_write() */
		bool pumps_waiting;
	} out;
	struct {
		struct frame_decoder decoder;
		uint8_t *buf;
		uint8_t head[8]; /* of the Engine's header */
		size_t head_len;
		size_t body_left;
	} in;

	struct stream *buckets[LINK_BUCKETS];
	size_t stream_count, used; /* used: not closed by their users */
	uint32_t next_id;
	struct pump *pumps;
	struct accepted *accepted, **accepted_tail;
};

/* ---- link.c (lock held for those marked *) --------------------------------------------- */

void link_die(struct link *link, const char *fmt, ...) /* * */
	__attribute__((format(printf, 2, 3)));
int link_error(struct link *link, struct err *err); /* * always -1 */
/* * Waits, with the lock dropped, until ready(arg), the link is dead (both 1), most_ms has
 * passed (0; < 0: no limit) or the cancel fires (-1). */
int link_wait(struct link *link, struct cond *cond, bool (*ready)(void *), void *arg,
	int64_t most_ms, struct cancel *cancel, struct err *err);
void link_ping(struct link *link);

/* ---- wire.c * -------------------------------------------------------------------------- */

void wire_queue(struct link *link, enum proto_type type, uint8_t flags, uint32_t stream,
	const void *payload, size_t len);
void wire_queue_hello(struct link *link);
void wire_flush(struct link *link);
size_t wire_queued(const struct link *link);
/* Reads what there is; true when there may be more. */
bool wire_read(struct link *link);

/* ---- dispatch.c * ---------------------------------------------------------------------- */

void dispatch_frame(struct link *link, const struct frame *frame);

/* ---- stream.c * ------------------------------------------------------------------------ */

struct stream *stream_add(struct link *link, uint32_t id);
struct stream *stream_find(struct link *link, uint32_t id);
struct stream *stream_begin(struct link *link, struct err *err); /* a user's new one */
void stream_send_opening(
	struct stream *stream, enum proto_type type, const uint8_t *payload, size_t len);
void stream_delete(struct stream *stream);
void stream_granted(struct stream *stream, size_t payload); /* its user took it */

/* ---- pump.c * -------------------------------------------------------------------------- */

void pump_receive(struct stream *stream, const struct frame *frame); /* DATA, EOF */
void pump_ended(struct stream *stream);  /* the box's CLOSE: deletes the stream */
void pump_retry(struct link *link);      /* the queue has room again */
void pump_cut_all(struct link *link);    /* the link is dead */
void pump_remove_all(struct link *link); /* before loop_settle() */
void pump_free_all(struct link *link);   /* after it */
/* target: NULL for a connection to a port. */
void pump_accept(struct link *link, uint32_t listener, uint32_t id,
	const struct link_target *target);
void pump_call_accepted(struct link *link); /* drops the lock meanwhile */

#endif

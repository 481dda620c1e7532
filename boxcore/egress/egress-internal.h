/* SPDX-License-Identifier: MIT */
/*
 * What the files of the gate share.
 *
 *	egress.c   the table of boxes, what others call, the thread
 *	conn.c     a connection from its first bytes to its end
 *	carry.c    bytes both ways
 *	lookup.c   names, on threads of their own
 *	tell.c     verdicts, not too many
 *
 * A connection belongs to the gate's thread.  The lock guards the table of boxes, the
 * queues between threads and the counts; it is a leaf.
 */
#ifndef BOXCORE_EGRESS_EGRESS_INTERNAL_H
#define BOXCORE_EGRESS_EGRESS_INTERNAL_H

#include "boxcore/base/thread.h"
#include "boxcore/egress/egress.h"
#include "boxcore/egress/hello.h"
#include "boxcore/egress/requests.h"

#include <stdatomic.h>

/* ---- tell.c ---------------------------------------------------------------------------- */

#define TOLD_RECENT 32
struct tellings {
	struct {
		uint32_t hash;
		int64_t at_ms;
	} recent[TOLD_RECENT];
	int next;
	int64_t minute_at_ms;
	int in_minute;
};
/* The gate's thread.  Not told when it was a moment ago, or too many were. */
bool tell_now(struct tellings *tellings, const struct egress_verdict *verdict);

/* ---- lookup.c -------------------------------------------------------------------------- */

enum lookup_state { LOOKUP_WAITS, LOOKUP_RUNS, LOOKUP_DONE };
struct lookup {
	struct lookup *next;
	char box[64]; /* so that one does not take all threads */
	char name[LIMIT_EGRESS_NAME + 1];
	enum lookup_state state;
	bool abandoned; /* its connection is gone: freed by whoever is last */
	struct conn *conn;
	struct egress_address addresses[LIMIT_EGRESS_ADDRESSES];
	size_t count; /* 0: none */
};

struct lookups {
	struct lock lock;
	struct cond changed;
	struct lookup *waiting, *running, *done;
	pthread_t threads[LIMIT_EGRESS_RESOLVERS];
	int thread_count, live, idle;
	bool stop;
	void (*wake)(void *arg); /* something is done */
	void *wake_arg;
};
void lookups_start(struct lookups *lookups, void (*wake)(void *), void *arg);
/* false: a thread hangs, and `lookups` must stay. */
bool lookups_stop(struct lookups *lookups);
struct lookup *lookup_begin(
	struct lookups *lookups, const char *box, const char *name, struct conn *conn);
void lookup_abandon(struct lookups *lookups, struct lookup *lookup);
struct lookup *lookup_next_done(struct lookups *lookups); /* free() it */

/* ---- egress.c -------------------------------------------------------------------------- */

struct box {
	struct box *next;
	char id[64];
	struct egress_policy *policy; /* lock; NULL: nothing is let through */
	unsigned generation;          /* lock; of the policy */
	int conns;                    /* lock; with those that wait to be taken up */
	struct tellings tellings;     /* the gate's thread */
};

struct pretence {
	char name[LIMIT_EGRESS_NAME + 1];
	struct egress_address address;
	uint16_t port;
};

struct conn;
struct egress {
	struct egress_options options;
	pthread_t thread;
	bool started;
	int epoll_fd, event_fd;
	struct lookups *lookups;

	struct lock lock;
	struct cond changed;
	bool stop;
	struct box *boxes;
	struct conn *arrived; /* taken, not seen by the thread yet */
	unsigned wanted, cut; /* rounds of cutting: asked for, done */
	int total;
	struct pretence pretences[8];
	int pretence_count;

	/* the gate's thread */
	struct conn *conns, *dead, *again;
	int timed; /* connections with a deadline */
	int64_t ticked_ms;
	struct egress_address host[128];
	size_t host_count;
	int64_t host_at_ms;
	uint8_t *buffer; /* LIMIT_EGRESS_BUFFER */
};

/* ---- conn.c, carry.c: the gate's thread ------------------------------------------------ */

enum { BOX, SERVER };

struct end {
	struct conn *conn;
	int fd;                  /* -1: none */
	bool readable, writable; /* since epoll said so (edge-triggered) */
	bool hup;                /* nobody is at the other side any more */
	uint8_t *held;           /* bytes for this end that it did not take yet */
	size_t held_len, held_at;
	bool eof;    /* it sends no more */
	bool finish; /* it gets no more: shut when what is held is gone */
	bool shut;
};

struct conn {
	struct conn *next, **link; /* of egress->conns */
	struct conn *next_again;
	bool again; /* has more to do, after the others */
	struct egress *egress;
	struct box *box;
	struct egress_policy *policy;
	unsigned generation;
	struct egress_target target;
	enum {
		CONN_FIRST,   /* reads the first bytes */
		CONN_LOOKUP,  /* waits for the addresses */
		CONN_CONNECT, /* to one of them */
		CONN_CARRY,   /* bytes both ways */
		CONN_LINGER,  /* was answered, waits for the box to end it */
		CONN_DEAD,
	} state;
	int64_t deadline_ms; /* 0: none */
	struct end ends[2];
	/* From the box, not judged or not sent yet. */
	uint8_t *first;
	size_t first_len;
	bool judged;       /* its first bytes were */
	bool server_spoke; /* what comes from the box now needs no reading */
	bool http;
	struct requests requests;
	enum judge judge;
	struct lookup *lookup;
	struct egress_address addresses[LIMIT_EGRESS_ADDRESSES];
	uint16_t port;
	size_t address_count, address_at;
};

void conn_start(struct conn *conn);
void conn_end(struct conn *conn); /* at any time; freed later */
void conn_looked_up(struct conn *conn, struct lookup *lookup);
void conn_tick(struct conn *conn, int64_t now_ms);
void conn_deadline(struct conn *conn, int64_t ms); /* from now; 0: none */
/* Judges what lies in `first` and passes on what may go; while the connection is carried. */
void conn_read_more(struct conn *conn);

void conn_step(struct conn *conn); /* does what can be done now */

void carry_step(struct conn *conn);
/* Reads from the box into `first`; false when nothing is there or there is no room. */
bool carry_read_first(struct conn *conn);
/* Sends to that end, keeping what it does not take. */
void carry_send(struct conn *conn, int which, const uint8_t *data, size_t len);
void carry_flush(struct conn *conn, int which);

struct egress_host egress_host(struct egress *egress);
const struct pretence *egress_pretence(struct egress *egress, const char *name);
void egress_tell(struct conn *conn, const struct egress_address *address, bool allowed,
	const char *reason);
void egress_ended(struct conn *conn); /* takes it off the counts */

#endif

/* SPDX-License-Identifier: MIT */
/* Connections and the thread that cuts the late ones; see conns.h. */
#include "service/http/conns.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { TICK_MIN_MS = 20, TICK_MAX_MS = 1000 };

static const char late_answer[] = "HTTP/1.1 408 Request Timeout\r\n"
				  "Connection: close\r\n"
				  "Content-Type: application/json; charset=utf-8\r\n"
				  "Content-Length: 76\r\n"
				  "\r\n"
				  "{\"error\":\"The request did not arrive whole in "
				  "time.\",\"code\":\"request_late\"}\n";

struct conn {
	struct conn *next, *prev;
	int fd;
	enum conn_phase phase;
	int64_t until; /* 0: none */
	bool cut;
};

struct conns {
	struct lock lock;
	struct cond wake;
	struct conn *first;
	unsigned count;
	uint64_t late;
	int64_t limits[CONN_PHASES];
	int64_t tick;
	bool stop;
	pthread_t thread;
};

static bool in_request(enum conn_phase phase)
{
	return phase == CONN_HEAD || phase == CONN_BODY;
}

/* With the lock held, so that the descriptor is still this connection's. */
static void cut(struct conns *conns, struct conn *conn)
{
	conn->cut = true;
	conn->until = 0;
	conns->late++;
	if (in_request(conn->phase) &&
		send(conn->fd, late_answer, sizeof(late_answer) - 1,
			MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* Its buffer is full: then it was not waiting for this answer. */
	}
	shutdown(conn->fd, SHUT_RDWR);
}

static void *conns_run(void *arg)
{
	struct conns *conns = arg;

	LOCKED(&conns->lock);
	while (!conns->stop) {
		if (!conns->first) {
			cond_wait(&conns->wake, &conns->lock);
			continue;
		}
		cond_wait_ms(&conns->wake, &conns->lock, conns->tick);
		int64_t now = clock_mono_ms();
		for (struct conn *c = conns->first; c; c = c->next)
			if (c->until > 0 && c->until <= now)
				cut(conns, c);
	}
	return NULL;
}

/* A tenth of the shortest deadline is close enough to it. */
static int64_t tick_for(const int64_t limits[CONN_PHASES])
{
	int64_t tick = TICK_MAX_MS;

	for (int i = 0; i < CONN_PHASES; i++)
		if (limits[i] > 0 && limits[i] / 10 < tick)
			tick = limits[i] / 10;
	return tick < TICK_MIN_MS ? TICK_MIN_MS : tick;
}

struct conns *conns_new(const int64_t limits[CONN_PHASES], struct err *err)
{
	struct conns *conns = mem_zalloc(sizeof(*conns));

	lock_init(&conns->lock);
	cond_init(&conns->wake);
	memcpy(conns->limits, limits, sizeof(conns->limits));
	conns->tick = tick_for(limits);
	if (thread_start(&conns->thread, "http-deadlines", conns_run, conns, err) == 0)
		return conns;
	lock_release(&conns->lock);
	cond_release(&conns->wake);
	free(conns);
	return NULL;
}

void conns_free(struct conns *conns)
{
	if (!conns)
		return;
	lock_take(&conns->lock);
	conns->stop = true;
	cond_wake_all(&conns->wake);
	lock_give(&conns->lock);
	thread_join(conns->thread);
	lock_release(&conns->lock);
	cond_release(&conns->wake);
	free(conns);
}

static void set_phase(struct conns *conns, struct conn *conn, enum conn_phase phase)
{
	conn->phase = phase;
	if (conn->cut)
		return;
	int64_t limit = conns->limits[phase];
	conn->until = limit > 0 ? clock_mono_ms() + limit : 0;
}

struct conn *conns_add(struct conns *conns, int fd)
{
	struct conn *conn = mem_zalloc(sizeof(*conn));

	conn->fd = fd;
	LOCKED(&conns->lock);
	set_phase(conns, conn, CONN_HEAD);
	conn->next = conns->first;
	if (conn->next)
		conn->next->prev = conn;
	else
		cond_wake_all(&conns->wake);
	conns->first = conn;
	conns->count++;
	return conn;
}

void conns_remove(struct conns *conns, struct conn *conn)
{
	lock_take(&conns->lock);
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		conns->first = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	conns->count--;
	lock_give(&conns->lock);
	free(conn);
}

void conns_phase(struct conns *conns, struct conn *conn, enum conn_phase phase)
{
	LOCKED(&conns->lock);
	set_phase(conns, conn, phase);
}

int conn_fd(const struct conn *conn)
{
	return conn->fd;
}

unsigned conns_count(struct conns *conns)
{
	LOCKED(&conns->lock);
	return conns->count;
}

uint64_t conns_late(struct conns *conns)
{
	LOCKED(&conns->lock);
	return conns->late;
}

/* SPDX-License-Identifier: MIT */
/*
 * Event streams: answers that grow with what the store tells.
 *
 * An outlet is a bounded buffer between who makes the bytes and the library, which asks for
 * them when its socket has room.  When there are none the connection is suspended; the
 * maker resumes it.  A suspended connection does not notice that its client has gone, so
 * a comment is written in silence.
 */
#define LOG_MODULE "http"
#include "service/http/internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"

#include <string.h>

enum {
	BLOCK = 32 * 1024, /* what the library asks for at once */
	TURN_MS = 1000,    /* the longest that changed rows wait to be seen */
};

#define PING ": ping\n\n"

struct outlet {
	struct lock lock;
	struct strbuf out;
	struct MHD_Connection *connection;
	bool suspended, ended, gone;
	atomic_int refs; /* the maker's and the library's */

	struct outlet *next;
	struct stream_source source;
	int64_t wrote_ms, until_ms;
};

struct outlets {
	struct server *server;
	struct lock lock;
	struct cond wake;
	struct outlet *first; /* grows at the head; only the thread takes off */
	unsigned count;
	bool woken, ending, stop;
	pthread_t thread;
};

/* ---- an outlet --------------------------------------------------------------------------- */

static struct outlet *outlet_new(struct request *request)
{
	struct outlet *outlet = mem_zalloc(sizeof(*outlet));

	lock_init(&outlet->lock);
	strbuf_init(&outlet->out, 4 * LIMIT_HTTP_STREAM_ROOM);
	outlet->connection = request->connection;
	atomic_init(&outlet->refs, 2);
	return outlet;
}

static void outlet_unref(struct outlet *outlet)
{
	if (atomic_fetch_sub(&outlet->refs, 1) > 1)
		return;
	strbuf_release(&outlet->out);
	lock_release(&outlet->lock);
	free(outlet);
}

/* With the lock held.  Suspended means that the connection still exists. */
static void outlet_resume(struct outlet *outlet)
{
	if (!outlet->suspended)
		return;
	outlet->suspended = false;
	MHD_resume_connection(outlet->connection);
}

static ssize_t outlet_read(void *arg, uint64_t pos, char *buf, size_t size)
{
	struct outlet *outlet = arg;
	size_t n;

	(void)pos;
	LOCKED(&outlet->lock);
	n = outlet->out.len < size ? outlet->out.len : size;
	if (n > 0) {
		memcpy(buf, outlet->out.data, n);
		strbuf_consume(&outlet->out, n);
		return (ssize_t)n;
	}
	if (outlet->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	outlet->suspended = true;
	MHD_suspend_connection(outlet->connection);
	return 0;
}

static void outlet_gone(void *arg)
{
	struct outlet *outlet = arg;

	lock_take(&outlet->lock);
	outlet->gone = true;
	lock_give(&outlet->lock);
	outlet_unref(outlet);
}

static struct MHD_Response *outlet_response(struct outlet *outlet, const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, outlet_read, outlet, outlet_gone);

	if (!response ||
		MHD_add_response_header(response, "Content-Type", type) != MHD_YES)
		abort();
	return response;
}

/* ---- event streams ----------------------------------------------------------------------- */

static void outlet_take(
	struct outlet *outlet, struct strbuf *fresh, bool end, int64_t ping_ms)
{
	int64_t now = clock_mono_ms();

	LOCKED(&outlet->lock);
	if (fresh->len == 0 && now - outlet->wrote_ms >= ping_ms)
		strbuf_adds(fresh, PING);
	if (fresh->len > 0) {
		strbuf_add(&outlet->out, fresh->data, fresh->len);
		outlet->wrote_ms = now;
	}
	if (end || now >= outlet->until_ms || strbuf_failed(&outlet->out))
		outlet->ended = true;
	if (outlet->out.len > 0 || outlet->ended)
		outlet_resume(outlet);
}

/* False when its client has gone. */
static bool outlet_turn(struct outlets *outlets, struct outlet *outlet, bool ending)
{
	CLEANUP(strbuf) struct strbuf fresh = STRBUF_INIT(3 * LIMIT_HTTP_STREAM_ROOM);
	bool gone, ended, room;

	lock_take(&outlet->lock);
	gone = outlet->gone;
	ended = outlet->ended;
	room = outlet->out.len == 0;
	lock_give(&outlet->lock);
	if (gone || ended)
		return !gone;
	if (room || ending) {
		int rc = ending ? -1 : outlet->source.next(outlet->source.arg, &fresh);
		outlet_take(outlet, &fresh, rc < 0, outlets->server->options.ping_ms);
	}
	return true;
}

static void outlets_drop(struct outlets *outlets, struct outlet *outlet)
{
	struct outlet **at;

	lock_take(&outlets->lock);
	for (at = &outlets->first; *at != outlet; at = &(*at)->next)
		;
	*at = outlet->next;
	outlets->count--;
	lock_give(&outlets->lock);
	outlet->source.close(outlet->source.arg);
	outlet_unref(outlet);
}

/* Sleeps until there may be something to do; false when all is over. */
static bool outlets_wait(
	struct outlets *outlets, struct outlet **ret_first, bool *ret_ending)
{
	LOCKED(&outlets->lock);

	while (!outlets->first && !outlets->stop)
		cond_wait(&outlets->wake, &outlets->lock);
	int64_t ping_ms = outlets->server->options.ping_ms;
	if (outlets->first && !outlets->woken)
		cond_wait_ms(&outlets->wake, &outlets->lock,
			ping_ms < TURN_MS ? ping_ms : TURN_MS);
	outlets->woken = false;
	*ret_first = outlets->first;
	*ret_ending = outlets->ending;
	return outlets->first || !outlets->stop;
}

static void *outlets_run(void *arg)
{
	struct outlets *outlets = arg;
	struct outlet *at, *next;
	bool ending;

	while (outlets_wait(outlets, &at, &ending)) {
		for (; at; at = next) {
			next = at->next;
			if (!outlet_turn(outlets, at, ending))
				outlets_drop(outlets, at);
		}
	}
	return NULL;
}

struct outlets *outlets_new(struct server *server, struct err *err)
{
	struct outlets *outlets = mem_zalloc(sizeof(*outlets));

	lock_init(&outlets->lock);
	cond_init(&outlets->wake);
	outlets->server = server;
	if (thread_start(&outlets->thread, "http-streams", outlets_run, outlets, err) ==
		0)
		return outlets;
	lock_release(&outlets->lock);
	cond_release(&outlets->wake);
	free(outlets);
	return NULL;
}

static void outlets_signal(struct outlets *outlets, bool ending, bool stop)
{
	LOCKED(&outlets->lock);
	outlets->ending = outlets->ending || ending;
	outlets->stop = outlets->stop || stop;
	outlets->woken = true;
	cond_wake_all(&outlets->wake);
}

void outlets_wake(struct outlets *outlets)
{
	outlets_signal(outlets, false, false);
}

void outlets_stop(struct outlets *outlets)
{
	outlets_signal(outlets, true, false);
}

void outlets_free(struct outlets *outlets)
{
	if (!outlets)
		return;
	outlets_signal(outlets, true, true);
	thread_join(outlets->thread);
	lock_release(&outlets->lock);
	cond_release(&outlets->wake);
	free(outlets);
}

unsigned outlets_count(struct outlets *outlets)
{
	LOCKED(&outlets->lock);
	return outlets->count;
}

static bool outlets_add(struct outlets *outlets, struct outlet *outlet)
{
	LOCKED(&outlets->lock);
	if (outlets->count >= LIMIT_HTTP_STREAMS || outlets->ending)
		return false;
	outlet->next = outlets->first;
	outlets->first = outlet;
	outlets->count++;
	outlets->woken = true;
	cond_wake_all(&outlets->wake);
	return true;
}

void reply_events(struct request *request, const struct stream_source *source)
{
	struct server *server = request->server;
	struct outlet *outlet = outlet_new(request);
	struct MHD_Response *response = outlet_response(outlet, "text/event-stream");

	outlet->source = *source;
	outlet->wrote_ms = clock_mono_ms();
	outlet->until_ms = outlet->wrote_ms + server->options.stream_ms;
	if (!outlets_add(server->outlets, outlet)) {
		MHD_destroy_response(response);
		outlet_unref(outlet);
		source->close(source->arg);
		reply_header(request, "Retry-After", "10");
		reply_error(request, 503, "streams", "Too many streams are open.");
		return;
	}
	reply_header(request, "X-Accel-Buffering", "no");
	reply_stream_give(request, response);
}

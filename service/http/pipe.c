/* SPDX-License-Identifier: MIT */
/*
 * Answers whose bytes a handler thread writes itself; see request.h.
 *
 * When the library has sent the head it asks for the first bytes of the body.  There the
 * connection is suspended, and from then on the socket is the handler's: it writes chunk
 * after chunk from its own memory, with no copy and no other thread between.  At the end the
 * connection is given back, and the library writes the last, empty chunk.
 */
#define LOG_MODULE "http"
#include "service/http/internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	BLOCK = 1024,      /* what the library would ask for at once */
	LOOK_MS = 500,     /* how soon a waiting handler sees a cancel */
	TAKEN_LOOK_MS = 1, /* how often the far side is looked at before the last send */
	RESTS_MS = 10,     /* a nearly open window that stays so is open */
	SLOW_MS = 300,     /* the same of a narrow one */
	TAKEN_WAIT_MS = 5000, /* for it to take what was sent */
	UNREAD_MAX =
		32 * 1024, /* what may lie unread there: half of one read of Node's */
	LAST_MAX = 4096,
};

struct pipe {
	struct lock lock;
	struct cond moved;
	struct MHD_Connection *connection;
	int fd;
	bool ready; /* suspended: the socket is ours */
	bool ended, cut, gone;
	atomic_int refs; /* the handler's and the library's */

	/* The handler's own */
	bool chunked, prompt, failed;
	uint32_t window; /* widest that the client's side has offered */
};

static void pipe_unref(struct pipe *pipe)
{
	if (atomic_fetch_sub(&pipe->refs, 1) > 1)
		return;
	lock_release(&pipe->lock);
	cond_release(&pipe->moved);
	free(pipe);
}

/* ---- the library's side ------------------------------------------------------------------ */

static ssize_t pipe_asked(void *arg, uint64_t pos, char *buf, size_t size)
{
	struct pipe *pipe = arg;

	(void)pos;
	(void)buf;
	(void)size;
	LOCKED(&pipe->lock);
	if (pipe->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (pipe->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	pipe->ready = true;
	MHD_suspend_connection(pipe->connection);
	cond_wake_all(&pipe->moved);
	return 0;
}

static void pipe_gone(void *arg)
{
	struct pipe *pipe = arg;

	lock_take(&pipe->lock);
	pipe->gone = true;
	cond_wake_all(&pipe->moved);
	lock_give(&pipe->lock);
	pipe_unref(pipe);
}

/* ---- the handler's side ------------------------------------------------------------------ */

void reply_pipe_open(struct request *request, const char *type, int64_t size)
{
	struct pipe *pipe = mem_zalloc(sizeof(*pipe));
	struct MHD_Response *response;

	lock_init(&pipe->lock);
	cond_init(&pipe->moved);
	pipe->connection = request->connection;
	pipe->fd = conn_fd(request->conn);
	pipe->chunked = size < 0;
	atomic_init(&pipe->refs, 2);
	response = MHD_create_response_from_callback(
		size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)size, BLOCK, pipe_asked, pipe,
		pipe_gone);
	if (!response ||
		MHD_add_response_header(response, "Content-Type", type) != MHD_YES)
		abort();
	request->pipe = pipe;
	/* The library counts only what it writes itself, so it cannot go on after these. */
	request->close = request->close || size >= 0;
	reply_header(request, "X-Accel-Buffering", "no");
	reply_stream_give(request, response);
}

/* Waits until the head has been sent and the socket is ours. */
static int pipe_ready(struct pipe *pipe, struct cancel *cancel, struct err *err)
{
	LOCKED(&pipe->lock);
	while (!pipe->ready && !pipe->gone) {
		if (cancel_check(cancel, err))
			return -1;
		cond_wait_ms(&pipe->moved, &pipe->lock, LOOK_MS);
	}
	if (pipe->gone)
		return err_set(err, ERR_CANCELLED, "The client has gone");
	if (!pipe->prompt) {
		int on = 1; /* a small piece does not wait for the last one's receipt */
		setsockopt(pipe->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		pipe->prompt = true;
	}
	return 0;
}

static uint32_t window_of(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return 0;
	return info.tcpi_snd_wnd;
}

static int wait_writable(struct pipe *pipe, struct cancel *cancel, struct err *err)
{
	struct pollfd p = {.fd = pipe->fd, .events = POLLOUT};
	int n = cancel_poll(cancel, &p, 1, LIMIT_HTTP_STALL_MS, err);

	if (n < 0)
		return -1;
	if (n == 0)
		return err_set(err, ERR_CANCELLED, "The client takes nothing any more");
	return 0;
}

/* All of them; the vectors are used up. */
static int send_all(struct pipe *pipe, struct iovec *at, size_t count,
	struct cancel *cancel, struct err *err)
{
	while (count > 0) {
		struct msghdr msg = {.msg_iov = at, .msg_iovlen = count};
		ssize_t n = sendmsg(pipe->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (wait_writable(pipe, cancel, err))
				return -1;
			continue;
		}
		if (n < 0)
			return err_set(err, ERR_CANCELLED, "The client has gone");
		while (count > 0 && (size_t)n >= at->iov_len) {
			n -= (ssize_t)at->iov_len;
			at++;
			count--;
		}
		if (count > 0) {
			at->iov_base = (char *)at->iov_base + n;
			at->iov_len -= (size_t)n;
		}
	}
	return 0;
}

static int send_bytes(struct pipe *pipe, const void *data, size_t len,
	struct cancel *cancel, struct err *err)
{
	char head[24];
	union {
		const void *from;
		void *to;
	} bytes = {.from = data};
	struct iovec all[3] = {
		{head, (size_t)snprintf(head, sizeof(head), "%zx\r\n", len)},
		{bytes.to, len},
		{head + sizeof(head) - 2, 2},
	};

	memcpy(head + sizeof(head) - 2, "\r\n", 2);
	return pipe->chunked ? send_all(pipe, all, 3, cancel, err)
			     : send_all(pipe, all + 1, 1, cancel, err);
}

int reply_pipe_write(
	struct request *request, const void *data, size_t len, struct err *err)
{
	struct pipe *pipe = request->pipe;

	if (pipe->failed)
		return err_set(err, ERR_CANCELLED, "The client has gone");
	if (len == 0)
		return 0;
	if (pipe_ready(pipe, request->server->cancel, err) == 0) {
		uint32_t window = window_of(pipe->fd);
		pipe->window = window > pipe->window ? window : pipe->window;
		if (send_bytes(pipe, data, len, request->server->cancel, err) == 0)
			return 0;
	}
	pipe->failed = true;
	return -1;
}

/* What the client's program may not have read yet, as far as that shows from here. */
struct unread {
	bool unsent;     /* bytes that have not left this machine */
	uint32_t window; /* that it offers now */
	uint64_t most;   /* not acknowledged, and by how much its window was wider once */
};

static struct unread look(const struct pipe *pipe)
{
	int unsent = 0, unacknowledged = 0;
	struct unread now = {.window = window_of(pipe->fd)};

	if (ioctl(pipe->fd, SIOCOUTQNSD, &unsent) < 0 ||
		ioctl(pipe->fd, SIOCOUTQ, &unacknowledged) < 0)
		return now;
	now.unsent = unsent > 0;
	now.most = (uint64_t)unacknowledged;
	if (now.window < pipe->window)
		now.most += pipe->window - now.window;
	return now;
}

/* Until what follows will be read whole: a frame that shares a read with much that came
 * before it may be cut in two by the size of that read.  A window need not become as wide
 * again as it was; one that is nearly so and rests is taken for open, one that is far from
 * it belongs to a slow reader, who is given longer. */
static void wait_taken(struct pipe *pipe, struct cancel *cancel)
{
	int64_t start = clock_mono_ms(), moved = start;
	struct unread now = look(pipe);
	struct err ignored = {0};

	while (now.unsent || now.most > UNREAD_MAX) {
		uint32_t before = now.window;
		if (cancel_sleep(cancel, TAKEN_LOOK_MS, &ignored))
			return;
		now = look(pipe);
		int64_t at = clock_mono_ms();
		int64_t rest = now.window >= pipe->window / 4 * 3 ? RESTS_MS : SLOW_MS;
		if (now.unsent || now.window != before)
			moved = at;
		if (at - moved >= rest || at - start >= TAKEN_WAIT_MS)
			return;
	}
}

static void pipe_finish(struct request *request, bool cut)
{
	struct pipe *pipe = request->pipe;

	lock_take(&pipe->lock);
	pipe->ended = true;
	pipe->cut = cut;
	if (pipe->ready && !pipe->gone) {
		if (cut)
			shutdown(pipe->fd, SHUT_RDWR);
		MHD_resume_connection(pipe->connection);
	}
	lock_give(&pipe->lock);
	request->pipe = NULL;
	pipe_unref(pipe);
}

void reply_pipe_close(struct request *request, const void *last, size_t len)
{
	struct pipe *pipe = request->pipe;
	struct cancel *cancel = request->server->cancel;
	struct err ignored = {0};

	if (len > LAST_MAX)
		abort();
	if (len > 0 && !pipe->failed && pipe_ready(pipe, NULL, &ignored) == 0) {
		wait_taken(pipe, cancel);
		if (send_bytes(pipe, last, len, cancel, &ignored))
			pipe->failed = true;
	}
	pipe_finish(request, pipe->failed);
}

void reply_pipe_cut(struct request *request)
{
	pipe_finish(request, true);
}

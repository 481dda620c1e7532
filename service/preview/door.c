/* SPDX-License-Identifier: MIT */
/* Listening for visitors, and the threads that serve them. */
#define LOG_MODULE "preview"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/preview/preview-internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128
#define EVENTS_AT_ONCE 32
#define FULL_WAIT_MS 200 /* when descriptors have run out */

struct listener {
	int fd, port;
	struct listener *next;
};

/* ---- listening ------------------------------------------------------------------------- */

static int open_socket(const char *address, int port, struct err *err)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
	int yes = 1;

	if (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1)
		return err_set(err, ERR_INPUT,
			"preview.listen is \"%s\"; it has to be a numeric address, like "
			"127.0.0.1",
			address);
	int fd = socket(is_v6 ? AF_INET6 : AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, errno, "a socket for public URLs");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	const struct sockaddr *to = is_v6 ? (const void *)&v6 : (const void *)&v4;
	if (bind(fd, to, is_v6 ? sizeof v6 : sizeof v4) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	if (errno == EADDRINUSE)
		err_set(err, ERR_CONFLICT, "port %d belongs to another program", port);
	else
		err_errno(err, errno, "listen on port %d of %s", port, address);
	close(fd);
	return -1;
}

/* Under the lock. */
static struct listener **find_listener(struct previews *p, int port)
{
	struct listener **at = &p->listeners;

	while (*at && (*at)->port != port)
		at = &(*at)->next;
	return at;
}

int door_listen(struct previews *p, int port, struct err *err)
{
	LOCKED(&p->lock);
	if (*find_listener(p, port))
		return 0;
	int fd = open_socket(p->address, port, err);
	if (fd < 0)
		return -1;
	/* The event names the port, not the listener, which may go before it is read. */
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)port};
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return err_errno(err, errno, "watch port %d", port);
	}
	struct listener *l = mem_zalloc(sizeof *l);
	*l = (struct listener){.fd = fd, .port = port, .next = p->listeners};
	p->listeners = l;
	return 0;
}

void door_unlisten(struct previews *p, int port)
{
	LOCKED(&p->lock);
	struct listener **at = find_listener(p, port);
	struct listener *l = *at;

	if (!l)
		return;
	*at = l->next;
	close(l->fd);
	free(l);
}

/* ---- visits ---------------------------------------------------------------------------- */

static void visit_free(struct visit *v)
{
	close(v->fd);
	cancel_free(v->cancel);
	free(v);
}

static void visit_done(struct visit *v)
{
	struct previews *p = v->previews;
	struct visit **at = &p->visits;

	lock_take(&p->lock);
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	p->count--;
	lock_give(&p->lock);
	visit_free(v);
}

static void visit_run(void *arg)
{
	visit_serve(arg);
	visit_done(arg);
}

bool door_enter(struct visit *visit, const char *box, int port)
{
	struct previews *p = visit->previews;
	int there = 0;

	LOCKED(&p->lock);
	for (const struct visit *v = p->visits; v; v = v->next)
		there += str_eq(v->box, box);
	if (there >= LIMIT_PREVIEW_PER_BOX)
		return false;
	str_copy(visit->box, sizeof visit->box, box);
	visit->port = port;
	return true;
}

void door_cut(struct previews *p, const char *box, int port, const char *reason)
{
	LOCKED(&p->lock);
	for (struct visit *v = p->visits; v; v = v->next)
		if (str_eq(v->box, box) && (port == 0 || v->port == port))
			cancel_fire(v->cancel, reason); /* watched by poll alone */
}

/* ---- accepting ------------------------------------------------------------------------- */

static void peer_text(const struct sockaddr_storage *from, char *buf, size_t size)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;
	const void *at = from->ss_family == AF_INET ? (const void *)&v4->sin_addr
						    : (const void *)&v6->sin6_addr;

	if (!inet_ntop(from->ss_family, at, buf, (socklen_t)size))
		str_copy(buf, size, "unknown");
}

/* false when there are too many. */
static bool enlist(struct previews *p, struct visit *visit)
{
	LOCKED(&p->lock);
	if (p->count >= LIMIT_PREVIEW_CONNECTIONS)
		return false;
	visit->next = p->visits;
	p->visits = visit;
	p->count++;
	return true;
}

/* -1 when no connection waits. */
static int accept_one(struct previews *p, int listener, int port)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	int yes = 1;
	int fd = accept4(
		listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED ? 0 : -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	struct visit *v = mem_zalloc(sizeof *v);
	*v = (struct visit){.previews = p,
		.fd = fd,
		.listen_port = port,
		.cancel = cancel_new(p->stop)};
	peer_text(&from, v->peer, sizeof v->peer);
	if (!enlist(p, v))
		visit_free(v);
	else if (!pool_submit(p->pool, visit_run, v))
		visit_done(v);
	return 0;
}

/* The listener may be closed by now; its number may even be another's, so it is dup'ed
 * under the lock. */
static int listener_of(struct previews *p, int port)
{
	LOCKED(&p->lock);
	const struct listener *l = *find_listener(p, port);

	return l ? fcntl(l->fd, F_DUPFD_CLOEXEC, 0) : -1;
}

static void accept_all(struct previews *p, int port)
{
	int fd = listener_of(p, port);
	struct err err = {0};

	if (fd < 0)
		return;
	while (accept_one(p, fd, port) == 0)
		;
	if (errno == EMFILE || errno == ENFILE) {
		log_warn("no descriptor is left for visitors of public URLs");
		cancel_sleep(p->stop, FULL_WAIT_MS, &err);
	}
	close(fd);
}

static void *acceptor_run(void *arg)
{
	struct previews *p = arg;
	struct epoll_event events[EVENTS_AT_ONCE];
	struct err err = {0};

	for (;;) {
		struct pollfd pfd = {.fd = p->epoll, .events = POLLIN};

		if (cancel_poll(p->stop, &pfd, 1, -1, &err) < 0)
			return NULL;
		int n = epoll_wait(p->epoll, events, EVENTS_AT_ONCE, 0);
		for (int i = 0; i < n; i++)
			accept_all(p, (int)events[i].data.u64);
	}
}

/* ---- opening and closing --------------------------------------------------------------- */

int door_open(struct previews *p, struct err *err)
{
	lock_init(&p->lock);
	p->pool = pool_new("preview", LIMIT_PREVIEW_CONNECTIONS, 0, 0);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0)
		return err_errno(err, errno, "epoll for public URLs");
	if (thread_start(&p->acceptor, "previews", acceptor_run, p, err) == 0)
		return 0;
	close(p->epoll);
	p->epoll = -1;
	return -1;
}

void door_close(struct previews *p)
{
	if (p->epoll >= 0) {
		thread_join(p->acceptor);
		close(p->epoll);
	}
	pool_free(p->pool);
	while (p->listeners)
		door_unlisten(p, p->listeners->port);
	lock_release(&p->lock);
}

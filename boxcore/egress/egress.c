/* SPDX-License-Identifier: MIT */
/* The table of boxes, what others call, the thread. */
#include "boxcore/egress/egress-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 50
#define HOST_MS 5000 /* addresses of this machine are read again after that */

static void wake(void *arg)
{
	struct egress *egress = arg;
	uint64_t one = 1;

	if (write(egress->event_fd, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

/* ---- this machine ---------------------------------------------------------------------- */

static void add_host(struct egress *egress, const struct sockaddr *from)
{
	struct egress_address address;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (egress->host_count == ARRAY_LEN(egress->host))
		return;
	if (from->sa_family == AF_INET) {
		memcpy(&in, from, sizeof in);
		address = egress_address_v4(ntohl(in.sin_addr.s_addr));
	} else {
		memcpy(&in6, from, sizeof in6);
		memcpy(address.bytes, &in6.sin6_addr, sizeof address.bytes);
	}
	egress->host[egress->host_count++] = address;
}

struct egress_host egress_host(struct egress *egress)
{
	int64_t now = clock_mono_ms();
	struct ifaddrs *all = NULL;

	if ((egress->host_at_ms == 0 || now - egress->host_at_ms > HOST_MS) &&
		getifaddrs(&all) == 0) {
		egress->host_count = 0;
		egress->host_at_ms = now;
		for (struct ifaddrs *at = all; at; at = at->ifa_next)
			if (at->ifa_addr && (at->ifa_addr->sa_family == AF_INET ||
						    at->ifa_addr->sa_family == AF_INET6))
				add_host(egress, at->ifa_addr);
		freeifaddrs(all);
	}
	return (struct egress_host){egress->host, egress->host_count};
}

void egress_pretend(
	struct egress *egress, const char *name, const char *address, uint16_t port)
{
	LOCKED(&egress->lock);
	struct pretence *pretence = &egress->pretences[egress->pretence_count];
	if (egress->pretence_count == (int)ARRAY_LEN(egress->pretences) ||
		!egress_address_parse(address, &pretence->address))
		abort(); /* a mistake of the test */
	str_copy(pretence->name, sizeof pretence->name, name);
	pretence->port = port;
	egress->pretence_count++;
}

const struct pretence *egress_pretence(struct egress *egress, const char *name)
{
	LOCKED(&egress->lock);
	for (int i = 0; i < egress->pretence_count; i++)
		if (str_eq(egress->pretences[i].name, name))
			return &egress->pretences[i];
	return NULL;
}

/* ---- boxes ----------------------------------------------------------------------------- */

/* Lock held. */
static struct box *find_box(struct egress *egress, const char *id)
{
	struct box *box = egress->boxes;

	while (box && !str_eq(box->id, id))
		box = box->next;
	return box;
}

static void drop_box_if_unused(struct egress *egress, struct box *box)
{
	struct box **at = &egress->boxes;

	if (box->policy || box->conns > 0)
		return;
	while (*at != box)
		at = &(*at)->next;
	*at = box->next;
	free(box);
}

void egress_set(struct egress *egress, const char *id, struct egress_policy *policy)
{
	LOCKED(&egress->lock);
	struct box *box = find_box(egress, id);
	if (!box && !policy)
		return;
	if (!box) {
		box = mem_zalloc(sizeof *box);
		str_copy(box->id, sizeof box->id, id);
		box->next = egress->boxes;
		egress->boxes = box;
	}
	if (policy && box->policy && egress_policy_equal(policy, box->policy))
		return;
	egress_policy_drop(box->policy);
	box->policy = egress_policy_take(policy);
	box->generation++;
	bool open = box->conns > 0;
	drop_box_if_unused(egress, box);
	if (!open)
		return;
	unsigned round = ++egress->wanted;
	wake(egress);
	while ((int)(egress->cut - round) < 0 && !egress->stop)
		cond_wait(&egress->changed, &egress->lock);
}

void egress_accept(
	struct egress *egress, const char *id, int fd, const struct egress_target *target)
{
	lock_take(&egress->lock);
	struct box *box = find_box(egress, id);
	bool fine = box && box->policy && !egress->stop &&
		    box->conns < LIMIT_EGRESS_CONNECTIONS &&
		    egress->total < LIMIT_EGRESS_TOTAL &&
		    fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
	if (fine) {
		struct conn *conn = mem_zalloc(sizeof *conn);

		conn->egress = egress;
		conn->box = box;
		conn->policy = egress_policy_take(box->policy);
		conn->generation = box->generation;
		conn->target = *target;
		conn->ends[BOX].fd = fd;
		conn->next = egress->arrived;
		egress->arrived = conn;
		box->conns++;
		egress->total++;
	}
	lock_give(&egress->lock);
	if (fine)
		wake(egress);
	else
		close(fd);
}

int egress_open_connections(struct egress *egress)
{
	LOCKED(&egress->lock);
	return egress->total;
}

void egress_ended(struct conn *conn)
{
	struct egress *egress = conn->egress;

	LOCKED(&egress->lock);
	egress->total--;
	conn->box->conns--;
	drop_box_if_unused(egress, conn->box);
	conn->box = NULL;
}

void egress_tell(struct conn *conn, const struct egress_address *address, bool allowed,
	const char *reason)
{
	char text[EGRESS_ADDRESS_TEXT] = "";
	struct egress_verdict verdict = {.name = conn->target.name,
		.address = text,
		.port = conn->target.port,
		.allowed = allowed,
		.reason = reason};
	struct egress *egress = conn->egress;

	if (address != &conn->target.address || !conn->target.name[0])
		egress_address_print(address, text);
	if (egress->options.on_verdict && tell_now(&conn->box->tellings, &verdict))
		egress->options.on_verdict(egress->options.arg, conn->box->id, &verdict);
}

/* ---- the thread ------------------------------------------------------------------------ */

static void on_end_event(struct end *end, uint32_t events)
{
	if (end->fd < 0)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		end->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		end->writable = true;
	if (events & (EPOLLHUP | EPOLLERR))
		end->hup = true;
	conn_step(end->conn);
}

static void take_arrived(struct egress *egress)
{
	lock_take(&egress->lock);
	struct conn *list = egress->arrived;
	egress->arrived = NULL;
	lock_give(&egress->lock);
	while (list) {
		struct conn *conn = list;

		list = conn->next;
		conn->next = egress->conns;
		conn->link = &egress->conns;
		if (conn->next)
			conn->next->link = &conn->next;
		egress->conns = conn;
		conn_start(conn);
	}
}

static bool is_outdated(struct egress *egress, const struct conn *conn)
{
	LOCKED(&egress->lock);
	return conn->generation != conn->box->generation;
}

/* Ends what was opened under another policy than the present one of its box. */
static void cut_outdated(struct egress *egress)
{
	lock_take(&egress->lock);
	unsigned round = egress->wanted;
	bool needed = round != egress->cut;
	lock_give(&egress->lock);
	if (!needed)
		return;
	for (struct conn *next, *conn = egress->conns; conn; conn = next) {
		next = conn->next;
		if (is_outdated(egress, conn))
			conn_end(conn);
	}
	LOCKED(&egress->lock);
	egress->cut = round;
	cond_wake_all(&egress->changed);
}

static void take_lookups(struct egress *egress)
{
	struct lookup *lookup;

	while ((lookup = lookup_next_done(egress->lookups))) {
		conn_looked_up(lookup->conn, lookup);
		free(lookup);
	}
}

static void run_again(struct egress *egress)
{
	struct conn *list = egress->again;

	egress->again = NULL;
	while (list) {
		struct conn *conn = list;

		list = conn->next_again;
		conn->again = false;
		conn_step(conn);
	}
}

static void tick(struct egress *egress)
{
	int64_t now = clock_mono_ms();

	if (egress->timed == 0 || now - egress->ticked_ms < TICK_MS)
		return;
	egress->ticked_ms = now;
	for (struct conn *next, *conn = egress->conns; conn; conn = next) {
		next = conn->next;
		conn_tick(conn, now);
	}
}

static void free_dead(struct egress *egress)
{
	struct conn **at = &egress->dead;

	while (*at) {
		struct conn *conn = *at;

		if (conn->again) { /* still on that list */
			at = &conn->next;
			continue;
		}
		*at = conn->next;
		egress_policy_drop(conn->policy);
		free(conn->first);
		free(conn);
	}
}

static bool stopped(struct egress *egress)
{
	LOCKED(&egress->lock);
	return egress->stop;
}

static void round_of_events(struct egress *egress)
{
	struct epoll_event events[64];
	int wait = egress->again ? 0 : egress->timed > 0 ? TICK_MS : -1;
	int n = epoll_wait(egress->epoll_fd, events, ARRAY_LEN(events), wait);
	uint64_t count;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			on_end_event(events[i].data.ptr, events[i].events);
		else if (read(egress->event_fd, &count, sizeof count) < 0)
			continue;
	}
	take_arrived(egress);
	cut_outdated(egress);
	take_lookups(egress);
	run_again(egress);
	tick(egress);
	free_dead(egress);
}

static void *run(void *arg)
{
	struct egress *egress = arg;

	while (!stopped(egress))
		round_of_events(egress);
	take_arrived(egress);
	while (egress->conns)
		conn_end(egress->conns);
	run_again(egress);
	free_dead(egress);
	return NULL;
}

/* ---- start and end --------------------------------------------------------------------- */

static int start(struct egress *egress, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (egress->epoll_fd < 0 || egress->event_fd < 0 ||
		epoll_ctl(egress->epoll_fd, EPOLL_CTL_ADD, egress->event_fd, &event) < 0)
		return err_errno(err, errno, "start the gate of boxes");
	if (thread_start(&egress->thread, "gate", run, egress, err) < 0)
		return -1;
	egress->started = true;
	return 0;
}

int egress_new(
	struct egress **ret_egress, const struct egress_options *options, struct err *err)
{
	struct egress *egress = mem_zalloc(sizeof *egress);

	egress->options = *options;
	egress->buffer = mem_alloc(LIMIT_EGRESS_BUFFER);
	lock_init(&egress->lock);
	cond_init(&egress->changed);
	egress->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	egress->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	egress->lookups = mem_zalloc(sizeof *egress->lookups);
	lookups_start(egress->lookups, wake, egress);
	if (start(egress, err) < 0) {
		egress_free(egress);
		return -1;
	}
	*ret_egress = egress;
	return 0;
}

void egress_free(struct egress *egress)
{
	if (!egress)
		return;
	lock_take(&egress->lock);
	egress->stop = true;
	cond_wake_all(&egress->changed);
	lock_give(&egress->lock);
	wake(egress);
	if (egress->started)
		thread_join(egress->thread);
	if (lookups_stop(egress->lookups))
		free(egress->lookups);
	while (egress->boxes) {
		struct box *box = egress->boxes;

		egress->boxes = box->next;
		egress_policy_drop(box->policy);
		free(box);
	}
	close(egress->epoll_fd);
	close(egress->event_fd);
	cond_release(&egress->changed);
	lock_release(&egress->lock);
	free(egress->buffer);
	free(egress);
}

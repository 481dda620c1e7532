/* SPDX-License-Identifier: MIT */
/* The one epoll thread of all links. */
#include "boxcore/link/link-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct link_loop {
	int epoll, wake;
	pthread_t thread;
	struct lock lock; /* guards what follows */
	struct cond round_over;
	uint64_t round;
	bool stopping;
	struct link *links;
	/* Of the thread alone: */
	struct loop_item *again, *dead;
	int64_t ping_at;
	uint8_t *buffer;
};

static void drain_wake(struct link_loop *loop)
{
	eventfd_t ignored;

	eventfd_read(loop->wake, &ignored);
}

/* Pings without the loop's lock: link_close() delists, then waits for the round to end,
 * so the links of this list live at least as long. */
static void ping_all(struct link_loop *loop)
{
	int64_t now = clock_mono_ms();
	struct link **all = NULL;
	size_t count = 0;

	if (now < loop->ping_at)
		return;
	loop->ping_at = now + PROTO_PING_MS;
	lock_take(&loop->lock);
	for (struct link *at = loop->links; at; at = at->next_in_loop)
		count++;
	all = mem_array(count + 1, sizeof(struct link *));
	count = 0;
	for (struct link *at = loop->links; at; at = at->next_in_loop)
		all[count++] = at;
	lock_give(&loop->lock);
	for (size_t i = 0; i < count; i++)
		link_ping(all[i]);
	free(all);
}

static void call_again(struct link_loop *loop)
{
	struct loop_item *list = loop->again;

	loop->again = NULL;
	while (list) {
		struct loop_item *item = list;

		list = item->next_again;
		item->again = false;
		if (!__atomic_load_n(&item->removed, __ATOMIC_ACQUIRE))
			item->fn(item, EPOLLIN | EPOLLOUT);
	}
}

/* An item that was put on the list for another turn and then removed from outside must not
 * stay there beyond the round. */
static void forget_removed(struct link_loop *loop)
{
	for (struct loop_item **at = &loop->again; *at;) {
		if (__atomic_load_n(&(*at)->removed, __ATOMIC_ACQUIRE))
			*at = (*at)->next_again;
		else
			at = &(*at)->next_again;
	}
	while (loop->dead) {
		struct loop_item *item = loop->dead;

		loop->dead = item->next_dead;
		free(item);
	}
}

static bool end_round(struct link_loop *loop)
{
	forget_removed(loop);
	LOCKED(&loop->lock);
	loop->round++;
	cond_wake_all(&loop->round_over);
	return !loop->stopping;
}

static void *loop_main(void *arg)
{
	struct link_loop *loop = arg;
	struct epoll_event events[64];

	do {
		int64_t left = loop->ping_at - clock_mono_ms();
		int timeout = loop->again || left < 0 ? 0 : (int)left;
		int n = epoll_wait(loop->epoll, events, 64, timeout);

		call_again(loop);
		for (int i = 0; i < n; i++) {
			struct loop_item *item = events[i].data.ptr;

			if (!item)
				drain_wake(loop);
			else if (!__atomic_load_n(&item->removed, __ATOMIC_ACQUIRE))
				item->fn(item, events[i].events);
		}
		ping_all(loop);
	} while (end_round(loop));
	return NULL;
}

int link_loop_new(struct link_loop **ret_loop, struct err *err)
{
	struct link_loop *loop = mem_zalloc(sizeof *loop);
	struct epoll_event event = {.events = EPOLLIN};

	lock_init(&loop->lock);
	cond_init(&loop->round_over);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->buffer = mem_alloc(LOOP_BUFFER + LIMIT_FRAME);
	loop->ping_at = clock_mono_ms() + PROTO_PING_MS;
	if (loop->epoll < 0 || loop->wake < 0 ||
		epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) < 0)
		err_errno(err, errno, "make the loop of the links");
	else if (thread_start(&loop->thread, "links", loop_main, loop, err) == 0) {
		*ret_loop = loop;
		return 0;
	}
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->wake >= 0)
		close(loop->wake);
	free(loop->buffer);
	free(loop);
	return -1;
}

void link_loop_free(struct link_loop *loop)
{
	if (!loop)
		return;
	lock_take(&loop->lock);
	loop->stopping = true;
	lock_give(&loop->lock);
	eventfd_write(loop->wake, 1);
	thread_join(loop->thread);
	close(loop->epoll);
	close(loop->wake);
	cond_release(&loop->round_over);
	lock_release(&loop->lock);
	free(loop->buffer);
	free(loop);
}

int loop_add(struct link_loop *loop, struct loop_item *item, int fd,
	void (*fn)(struct loop_item *, uint32_t), struct err *err)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = item};

	*item = (struct loop_item){.fn = fn, .fd = fd};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_errno(err, errno, "watch a connection");
	return 0;
}

void loop_remove(struct link_loop *loop, struct loop_item *item)
{
	__atomic_store_n(&item->removed, true, __ATOMIC_RELEASE);
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, item->fd, NULL);
}

void loop_settle(struct link_loop *loop)
{
	LOCKED(&loop->lock);
	/* Two: the present round may be past the point where it forgets removed items. */
	uint64_t until = loop->round + 2;

	while (loop->round < until) {
		eventfd_write(loop->wake, 1);
		cond_wait(&loop->round_over, &loop->lock);
	}
}

void loop_again(struct link_loop *loop, struct loop_item *item)
{
	if (item->again)
		return;
	item->again = true;
	item->next_again = loop->again;
	loop->again = item;
}

void loop_free_item(struct link_loop *loop, struct loop_item *item)
{
	item->next_dead = loop->dead;
	loop->dead = item;
}

void loop_enlist(struct link_loop *loop, struct link *link)
{
	LOCKED(&loop->lock);
	link->next_in_loop = loop->links;
	loop->links = link;
}

void loop_delist(struct link_loop *loop, struct link *link)
{
	LOCKED(&loop->lock);
	for (struct link **at = &loop->links; *at; at = &(*at)->next_in_loop) {
		if (*at == link) {
			*at = link->next_in_loop;
			return;
		}
	}
}

uint8_t *loop_buffer(struct link_loop *loop)
{
	return loop->buffer;
}

/* SPDX-License-Identifier: MIT */
/*
 * Names, looked up by the C library on threads of their own: it cannot be cancelled, so a
 * connection that ends meanwhile leaves its lookup behind, which is thrown away when done.
 */
#include "boxcore/egress/egress-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STOP_MS 500
#define OF_ONE_BOX (LIMIT_EGRESS_RESOLVERS / 2) /* threads that it may hold */

static void add_address(struct lookup *lookup, const struct sockaddr *from)
{
	struct egress_address address = {{0}};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (from->sa_family == AF_INET) {
		memcpy(&in, from, sizeof in);
		address = egress_address_v4(ntohl(in.sin_addr.s_addr));
	} else if (from->sa_family == AF_INET6) {
		memcpy(&in6, from, sizeof in6);
		memcpy(address.bytes, &in6.sin6_addr, sizeof address.bytes);
	} else {
		return;
	}
	if (lookup->count < LIMIT_EGRESS_ADDRESSES)
		lookup->addresses[lookup->count++] = address;
}

static void look_up(struct lookup *lookup)
{
	struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	/* With the last dot: never one of this host's search domains. */
	char name[LIMIT_EGRESS_NAME + 2];

	str_copy(name, sizeof name - 1, lookup->name);
	strcat(name, "."); /* allowed: one byte was kept for it */
	if (getaddrinfo(name, NULL, &hints, &list) != 0)
		return;
	for (struct addrinfo *at = list; at; at = at->ai_next)
		add_address(lookup, at->ai_addr);
	freeaddrinfo(list);
}

/* ---- the queue ------------------------------------------------------------------------- */

static void unlist(struct lookup **list, struct lookup *lookup)
{
	while (*list != lookup)
		list = &(*list)->next;
	*list = lookup->next;
}

static int running_of(const struct lookups *lookups, const char *box)
{
	int count = 0;

	for (const struct lookup *at = lookups->running; at; at = at->next)
		count += str_eq(at->box, box);
	return count;
}

/* The oldest whose box does not hold its share; lock held. */
static struct lookup *take(struct lookups *lookups)
{
	for (struct lookup *at = lookups->waiting; at; at = at->next) {
		if (running_of(lookups, at->box) >= OF_ONE_BOX)
			continue;
		unlist(&lookups->waiting, at);
		at->state = LOOKUP_RUNS;
		at->next = lookups->running;
		lookups->running = at;
		return at;
	}
	return NULL;
}

static void done(struct lookups *lookups, struct lookup *lookup)
{
	unlist(&lookups->running, lookup);
	cond_wake_all(&lookups->changed); /* one of the same box may go now */
	if (lookup->abandoned) {
		free(lookup);
		return;
	}
	lookup->state = LOOKUP_DONE;
	lookup->next = lookups->done;
	lookups->done = lookup;
}

static void *run(void *arg)
{
	struct lookups *lookups = arg;

	lock_take(&lookups->lock);
	while (!lookups->stop) {
		struct lookup *lookup = take(lookups);

		if (!lookup) {
			lookups->idle++;
			cond_wait(&lookups->changed, &lookups->lock);
			lookups->idle--;
			continue;
		}
		lock_give(&lookups->lock);
		look_up(lookup);
		lock_take(&lookups->lock);
		done(lookups, lookup);
		if (lookups->wake)
			lookups->wake(lookups->wake_arg); /* a write, no lock */
	}
	lookups->live--;
	cond_wake_all(&lookups->changed);
	lock_give(&lookups->lock);
	return NULL;
}

/* Without any the lookup ends by its connection's deadline. */
static void add_thread(struct lookups *lookups)
{
	struct err ignored = {0};

	if (thread_start(&lookups->threads[lookups->thread_count], "gate-names", run,
		    lookups, &ignored) < 0)
		return;
	lookups->thread_count++;
	lookups->live++;
}

/* ---- for the gate's thread ------------------------------------------------------------- */

struct lookup *lookup_begin(
	struct lookups *lookups, const char *box, const char *name, struct conn *conn)
{
	struct lookup *lookup = mem_zalloc(sizeof *lookup);
	struct lookup **at = &lookups->waiting;

	str_copy(lookup->box, sizeof lookup->box, box);
	str_copy(lookup->name, sizeof lookup->name, name);
	lookup->conn = conn;
	LOCKED(&lookups->lock);
	while (*at)
		at = &(*at)->next;
	*at = lookup;
	cond_wake_one(&lookups->changed);
	if (lookups->idle == 0 && lookups->thread_count < LIMIT_EGRESS_RESOLVERS)
		add_thread(lookups);
	return lookup;
}

void lookup_abandon(struct lookups *lookups, struct lookup *lookup)
{
	LOCKED(&lookups->lock);
	if (lookup->state == LOOKUP_RUNS) {
		lookup->abandoned = true;
		return;
	}
	unlist(lookup->state == LOOKUP_DONE ? &lookups->done : &lookups->waiting, lookup);
	free(lookup);
}

struct lookup *lookup_next_done(struct lookups *lookups)
{
	LOCKED(&lookups->lock);
	struct lookup *lookup = lookups->done;
	if (lookup)
		lookups->done = lookup->next;
	return lookup;
}

void lookups_start(struct lookups *lookups, void (*wake)(void *), void *arg)
{
	lock_init(&lookups->lock);
	cond_init(&lookups->changed);
	lookups->wake = wake;
	lookups->wake_arg = arg;
}

/* One that hangs in the C library would hold up the end of the process: it is left alone,
 * with what it uses. */
bool lookups_stop(struct lookups *lookups)
{
	int64_t until = clock_mono_ms() + STOP_MS, left = STOP_MS;

	lock_take(&lookups->lock);
	lookups->stop = true;
	lookups->wake = NULL;
	cond_wake_all(&lookups->changed);
	while (lookups->live > 0 && left > 0) {
		cond_wait_ms(&lookups->changed, &lookups->lock, left);
		left = until - clock_mono_ms();
	}
	bool all = lookups->live == 0;
	lock_give(&lookups->lock);
	for (int i = 0; i < lookups->thread_count; i++) {
		if (all)
			thread_join(lookups->threads[i]);
		else
			pthread_detach(lookups->threads[i]);
	}
	if (!all)
		return false;
	while (lookups->waiting) {
		struct lookup *lookup = lookups->waiting;

		lookups->waiting = lookup->next;
		free(lookup);
	}
	cond_release(&lookups->changed);
	lock_release(&lookups->lock);
	return true;
}

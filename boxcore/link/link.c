/* SPDX-License-Identifier: MIT */
/* A link: attach, waiting, end, single requests. */
#include "boxcore/link/link-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define HELLO_MS 10000
#define HELLO_AGAIN_MS 1000 /* what a former host left in the Engine may have spoilt it */
#define WAIT_LOOK_MS 5000   /* a deadline may have been set meanwhile */

/* ---- waiting --------------------------------------------------------------------------- */

struct waiter {
	struct link *link;
	struct cond *cond;
	bool fired;
};

static void on_cancel(void *arg)
{
	struct waiter *waiter = arg;

	LOCKED(&waiter->link->lock);
	waiter->fired = true;
	cond_wake_all(waiter->cond);
}

int link_wait(struct link *link, struct cond *cond, bool (*ready)(void *), void *arg,
	int64_t most_ms, struct cancel *cancel, struct err *err)
{
	struct waiter waiter = {.link = link, .cond = cond};
	struct cancel_watch watch;
	int64_t until = most_ms < 0 ? -1 : clock_mono_ms() + most_ms;
	int rc = 0;

	if (ready(arg) || link->dead)
		return 1;
	lock_give(&link->lock);
	cancel_watch(cancel, &watch, on_cancel, &waiter);
	for (;;) {
		int64_t left = until < 0 ? WAIT_LOOK_MS : until - clock_mono_ms();

		if (cancel_check(cancel, err) < 0) {
			rc = -1;
			break;
		}
		if (until >= 0 && left <= 0)
			break;
		left = cancel_remaining_ms(
			cancel, left < WAIT_LOOK_MS ? left : WAIT_LOOK_MS);
		lock_take(&link->lock);
		if (!ready(arg) && !link->dead && !waiter.fired)
			cond_wait_ms(cond, &link->lock, left);
		rc = ready(arg) || link->dead;
		lock_give(&link->lock);
		if (rc)
			break;
	}
	cancel_unwatch(&watch);
	lock_take(&link->lock);
	return rc;
}

/* ---- end ------------------------------------------------------------------------------- */

void link_die(struct link *link, const char *fmt, ...)
{
	va_list ap;

	if (link->dead)
		return;
	link->dead = true;
	va_start(ap, fmt);
	if (vsnprintf(link->why, sizeof link->why, fmt, ap) < 0)
		link->why[0] = '\0';
	va_end(ap);
	cond_wake_all(&link->changed);
	for (int i = 0; i < LINK_BUCKETS; i++)
		for (struct stream *at = link->buckets[i]; at; at = at->next)
			cond_wake_all(&at->cond);
	pump_cut_all(link);
}

int link_error(struct link *link, struct err *err)
{
	return err_set(err, ERR_TRANSIENT, "link to box lost: %s", link->why);
}

void link_fail(struct link *link, const char *reason)
{
	LOCKED(&link->lock);
	link_die(link, "%s", reason);
}

bool link_lost(struct link *link)
{
	LOCKED(&link->lock);
	return link->dead;
}

static void on_io(struct loop_item *item, uint32_t events)
{
	struct link *link = (struct link *)(void *)item; /* its first member */

	LOCKED(&link->lock);
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		if (wire_read(link))
			loop_again(link->loop, item);
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		link->out.blocked = false;
	wire_flush(link);
	pump_retry(link);
	pump_call_accepted(link);
}

void link_ping(struct link *link)
{
	uint8_t payload[8];

	LOCKED(&link->lock);
	if (!link->attached || link->dead || wire_queued(link) > LINK_QUEUE_LOW)
		return;
	wire_set_u64(payload, (uint64_t)clock_mono_ms());
	wire_queue(link, PROTO_PING, 0, 0, payload, sizeof payload);
	wire_flush(link);
}

void link_close(struct link *link)
{
	lock_take(&link->lock);
	link_die(link, "closed");
	if (link->used > 0)
		abort(); /* a stream's user would touch freed memory */
	pump_remove_all(link);
	lock_give(&link->lock);
	loop_delist(link->loop, link);
	loop_remove(link->loop, &link->item);
	loop_settle(link->loop);
	pump_free_all(link);
	for (int i = 0; i < LINK_BUCKETS; i++)
		while (link->buckets[i])
			stream_delete(link->buckets[i]);
	link->io.close(link->io.arg);
	cond_release(&link->changed);
	lock_release(&link->lock);
	free(link->out.buf);
	free(link->in.buf);
	free(link);
}

/* ---- attach ---------------------------------------------------------------------------- */

static struct link *link_new(struct link_loop *loop, const struct link_io *io,
	const struct link_options *options)
{
	struct link *link = mem_zalloc(sizeof *link);

	link->loop = loop;
	link->io = *io;
	str_copy(link->name, sizeof link->name, options->name ? options->name : "");
	link->stdcopy = options->stdcopy;
	lock_init(&link->lock);
	cond_init(&link->changed);
	link->in.buf = mem_alloc(FRAME_SIZE_MAX);
	frame_decoder_init(&link->in.decoder, link->in.buf, PROTO_HELLO_ACK);
	link->next_id = 1;
	link->accepted_tail = &link->accepted;
	return link;
}

static bool is_attached(void *arg)
{
	return ((struct link *)arg)->attached;
}

/* HELLO until it is answered, each with a nonce of its own: only the answer to the last
 * one counts, since the box drops all streams at each. */
static int attach(
	struct link *link, int64_t hello_ms, struct cancel *cancel, struct err *err)
{
	int64_t until = clock_mono_ms() + hello_ms;

	LOCKED(&link->lock);
	while (!link->attached && !link->dead) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0)
			return err_set(err, ERR_TRANSIENT,
				"box %s does not answer on its link within %lld ms",
				link->name, (long long)hello_ms);
		if (wire_queued(link) == 0) {
			crypto_random(link->nonce, sizeof link->nonce);
			link->session = wire_get_u32(link->nonce);
			wire_queue_hello(link);
			wire_flush(link);
		}
		if (link_wait(link, &link->changed, is_attached, link,
			    left < HELLO_AGAIN_MS ? left : HELLO_AGAIN_MS, cancel,
			    err) < 0)
			return -1;
	}
	return link->dead ? link_error(link, err) : 0;
}

int link_open(struct link_loop *loop, const struct link_io *io,
	const struct link_options *options, struct link **ret_link, struct cancel *cancel,
	struct err *err)
{
	struct link *link = link_new(loop, io, options);
	int64_t hello_ms = options->hello_ms > 0 ? options->hello_ms : HELLO_MS;

	loop_enlist(loop, link);
	if (loop_add(loop, &link->item, io->fd, on_io, err) < 0 ||
		attach(link, hello_ms, cancel, err) < 0) {
		link_close(link);
		return -1;
	}
	*ret_link = link;
	return 0;
}

/* ---- what HELLO_ACK said --------------------------------------------------------------- */

void link_boot_id(const struct link *link, char ret_hex[LINK_BOOT_HEX])
{
	str_hex(link->boot_id, sizeof link->boot_id, ret_hex);
}

uint32_t link_init_crc(const struct link *link)
{
	return link->init_crc;
}

bool link_network_ready(const struct link *link)
{
	return __atomic_load_n(&link->network_ready, __ATOMIC_ACQUIRE);
}

bool link_network_gated(const struct link *link)
{
	return __atomic_load_n(&link->network_gated, __ATOMIC_ACQUIRE);
}

/* ---- requests -------------------------------------------------------------------------- */

int link_call(struct link *link, enum proto_type type, const void *payload, size_t len,
	struct strbuf *reply, struct cancel *cancel, struct err *err)
{
	CLEANUP(stream) struct stream *stream = NULL;
	struct stream_event event;

	if (stream_open(link, type, payload, len, &stream, err) < 0)
		return -1;
	do {
		if (stream_read(stream, &event, cancel, err) < 0)
			return -1;
		if (event.type != PROTO_REPLY)
			return err_set(err, ERR_INTERNAL,
				"the box answers a request with message %u", event.type);
		if (reply)
			strbuf_add(reply, event.data, event.len);
	} while (event.more);
	return reply ? strbuf_check(reply, "the box's reply", err) : 0;
}

int link_network_setup(struct link *link, enum proto_network mode,
	const char *const *cidrs, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf request = STRBUF_INIT(LIMIT_FRAME);
	uint8_t head[5] = {(uint8_t)mode};
	uint32_t count = 0;

	strbuf_add(&request, head, sizeof head);
	for (; cidrs && cidrs[count]; count++) {
		uint8_t size[4];

		wire_set_u32(size, (uint32_t)strlen(cidrs[count]));
		strbuf_add(&request, size, sizeof size);
		strbuf_adds(&request, cidrs[count]);
	}
	if (strbuf_check(&request, "the list of ranges", err) < 0)
		return -1;
	wire_set_u32((uint8_t *)request.data + 1, count);
	if (link_call(link, PROTO_NETWORK, request.data, request.len, NULL, cancel, err) <
		0)
		return err_wrap(err, "set up the box's network");
	__atomic_store_n(
		&link->network_gated, mode == PROTO_NETWORK_GATED, __ATOMIC_RELEASE);
	__atomic_store_n(&link->network_ready, true, __ATOMIC_RELEASE);
	return 0;
}

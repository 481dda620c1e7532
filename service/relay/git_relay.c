/* SPDX-License-Identifier: MIT */
/* The git relay: its connections, one thread each; git_forward.c answers requests. */
#include "service/relay/git_relay.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "service/relay/git_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct git_relay *git_relay_new(const struct git_relay_spec *spec)
{
	struct git_relay *relay = mem_zalloc(sizeof *relay);
	CLEANUP(strbuf) struct strbuf plain = STRBUF_INIT(2 * LIMIT_SECRET);
	CLEANUP(strbuf) struct strbuf basic = STRBUF_INIT(4 * LIMIT_SECRET);

	relay->web_url = mem_strdup(spec->web_url);
	relay->owner = mem_strdup(spec->owner);
	relay->name = mem_strdup(spec->name);
	relay->ca_file = mem_strdup(spec->ca_file);
	relay->push = spec->push;
	relay->plain_http = spec->plain_http;
	relay->cancel = cancel_new(spec->cancel);
	strbuf_adds(&plain, "x-access-token:");
	strbuf_add(&plain, spec->token->value, spec->token->len);
	str_base64(&basic, plain.data, plain.len);
	secret_set(&relay->basic, basic.data, basic.len);
	mem_wipe(plain.data, plain.len);
	mem_wipe(basic.data, basic.len);
	lock_init(&relay->lock);
	return relay;
}

void git_relay_free(struct git_relay *relay)
{
	if (!relay)
		return;
	lock_take(&relay->lock);
	relay->closing = true;
	lock_give(&relay->lock);
	cancel_fire(relay->cancel, "the git command has ended");
	/* Nobody starts or joins threads any more. */
	for (size_t i = 0; i < ARRAY_LEN(relay->slots); i++) {
		if (relay->slots[i].used)
			thread_join(relay->slots[i].thread);
	}
	cancel_free(relay->cancel);
	secret_release(&relay->basic);
	lock_release(&relay->lock);
	free(relay->web_url);
	free(relay->owner);
	free(relay->name);
	free(relay->ca_file);
	free(relay);
}

int git_relay_refused(struct git_relay *relay)
{
	LOCKED(&relay->lock);
	return relay->refused;
}

/* ---- connections ----------------------------------------------------------------------- */

static void *slot_run(void *arg)
{
	struct git_slot *slot = arg;
	struct git_relay *relay = slot->relay;
	struct git_conn conn = {
		.relay = relay,
		.io = {.fd = slot->fd,
			.cancel = relay->cancel,
			.in = STRBUF_INIT(LIMIT_RELAY_HEAD + 2 * LIMIT_RELAY_READ)},
		.client = http_client_new(&(struct http_peer){
			.ca_file = relay->ca_file, .plain_http = relay->plain_http}),
	};

	git_conn_serve(&conn);
	http_client_free(conn.client);
	strbuf_release(&conn.io.in);
	close(slot->fd);
	LOCKED(&relay->lock);
	slot->ended = true;
	return NULL;
}

static struct git_slot *find_slot(struct git_relay *relay)
{
	LOCKED(&relay->lock);
	for (size_t i = 0; i < ARRAY_LEN(relay->slots) && !relay->closing; i++) {
		struct git_slot *slot = &relay->slots[i];

		if (!slot->used || slot->ended)
			return slot;
	}
	return NULL;
}

/* A place for one more connection, or NULL.  A thread that has ended is joined, which takes
 * no time. */
static struct git_slot *take_slot(struct git_relay *relay)
{
	struct git_slot *slot = find_slot(relay);

	if (slot && slot->used)
		thread_join(slot->thread);
	return slot;
}

void git_relay_accept(void *arg, const char *box, int fd)
{
	struct git_relay *relay = arg;
	struct git_slot *slot = take_slot(relay);
	struct err err = {0};

	(void)box; /* the relay is of one command in one box */
	if (!slot) {
		close(fd);
		return;
	}
	*slot = (struct git_slot){.relay = relay, .fd = fd};
	slot->used = thread_start(&slot->thread, "git relay", slot_run, slot, &err) == 0;
	if (!slot->used)
		close(fd);
}

/* SPDX-License-Identifier: MIT */
/*
 * The model relay: boxes reach a model without ever holding a key.
 *
 * A connection that is made inside a box to 127.0.0.1:<port> arrives here as a stream
 * socket over the link (box_listen), together with the lease of the task that owns the
 * box: who is calling is known, so there is no token to present.  The relay reads HTTP/1.1
 * from it, strictly, as from an enemy; allows a handful of paths of the Anthropic and
 * OpenAI APIs; drops every header that is not on a short list; adds the real key; and
 * passes the answer through as it comes, counting tokens and money on the way.
 *
 *	relay_open(&relay, &options, &err);
 *	lease = relay_lease_new(relay, &spec);
 *	box_listen(core, box, port, relay_accept, lease, cancel, &err);
 *	... the agent runs ...
 *	box_unlisten(core, box, port);
 *	relay_lease_free(lease);
 *
 * Money: before a call the lease's budget is asked; a spent budget is answered at once
 * with an error in the provider's own shape that says so.  Calls under way are reserved
 * with an estimate, so that many at a time do not pass together; each is settled by the
 * usage that the provider reports, or, when the answer was cut short, by an estimate.  A
 * budget is therefore overrun by at most about one call.
 *
 * The key appears in no answer, log line or error: answers with an error status are
 * passed through secret_redact(), headers come from a list.  Errors of the relay itself
 * and of the way to the provider have the provider's shape too, because that is what
 * agents can show.
 *
 * Thread-safe.  One thread a connection, at most options.max_connections, at most
 * LIMIT_RELAY_LEASE_CONNECTIONS of them for one lease; further ones wait for none: they
 * are closed.  A cancel of the lease ends its calls within milliseconds.
 */
#ifndef SERVICE_RELAY_RELAY_H
#define SERVICE_RELAY_RELAY_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prices in US dollars for a million tokens.  The longest prefix of the model's name
 * counts; a model without a row is charged at the dearest row, never at nothing. */
struct relay_price {
	const char *model; /* prefix: "claude-opus-4" */
	double input;
	double output;
	double cache_read;
	double cache_write;
};

/* Published prices at the time of writing; ends with model NULL. */
extern const struct relay_price relay_prices_default[];

enum relay_provider_id { RELAY_ANTHROPIC, RELAY_OPENAI, RELAY_PROVIDERS };

struct relay_provider {
	const char
		*base_url; /* NULL: https://api.anthropic.com, https://api.openai.com */
	const struct secret
		*key;        /* NULL or not set: calls are refused, naming `setting` */
	const char *setting; /* what a person has to set: "model.anthropic.key_file" */
	const char *ca_file; /* PEM; NULL: the system's */
	bool plain_http;     /* allow http:// in base_url: tests, gateways on loopback */
};

struct relay_options {
	struct relay_provider providers[RELAY_PROVIDERS];
	const struct relay_price *prices; /* win over relay_prices_default; may be NULL */
	size_t nprices;
	int max_connections; /* 0: 256 */
	int64_t connect_ms;  /* to the provider; 0: 10 s */
	int64_t silence_ms;  /* no byte from the provider; 0: 10 minutes (thinking is
			       silent) */
};

struct relay;

/* Everything given is copied.  relay_close() cancels what is under way and returns when
 * all threads have ended; leases must have been freed before. */
int relay_open(
	struct relay **ret_relay, const struct relay_options *options, struct err *err);
void relay_close(struct relay *relay);
DEFINE_CLEANUP(relay, struct relay *, relay_close(*value))

struct relay_usage {
	int64_t calls;
	int64_t input_tokens; /* without the cached ones */
	int64_t output_tokens;
	int64_t cached_tokens;
	int64_t cache_write_tokens;
	int64_t cost_microusd; /* millionths of a dollar, rounded up for each call */
	int64_t estimated;     /* calls whose answer told no usage, or not all of it */
	int64_t unpriced;      /* calls of a model that has no row in the price table */
};

/* After each call, on a relay thread with no lock held; it may block for a while (a write
 * to the store), not call relay_lease_free().  `total` contains `call` and what the lease
 * started with. */
typedef void (*relay_on_usage)(void *arg, const char *model,
	const struct relay_usage *call, const struct relay_usage *total);

/* Whether the box may reach all of the network at this moment.  Asked, as above, when a request
 * makes the provider go there for the box: by web search, remote MCP servers, code execution
 * or an address that it is to fetch (hosted.h).  Else such a request is refused. */
typedef bool (*relay_reaches_all)(void *arg);

struct relay_lease_spec {
	const char *name;        /* "task-41", for messages */
	int64_t budget_microusd; /* 0: no limit; below 0: nothing at all */
	struct relay_usage
		spent; /* by earlier runs of the task, counts against the budget */
	bool allow[RELAY_PROVIDERS];
	/* The caller's own key instead of the relay's; NULL or not set: the relay's.  Copied. */
	const struct secret *key[RELAY_PROVIDERS];
	relay_on_usage on_usage; /* may be NULL */
	void *arg;
	relay_reaches_all reaches_all; /* NULL: it may not */
	void *reach_arg;
	struct cancel *cancel; /* the task's; must outlive the lease; may be NULL */
};

struct relay_lease;

struct relay_lease *relay_lease_new(
	struct relay *relay, const struct relay_lease_spec *spec);
/* Ends its connections and returns when none of its threads runs any more: the last on_usage
 * has come then.  After box_unlisten(), never before. */
void relay_lease_free(struct relay_lease *lease);
DEFINE_CLEANUP(relay_lease, struct relay_lease *, relay_lease_free(*value))

/* Whether the relay has a key of its own for this provider; else what has to be set. */
bool relay_has_key(const struct relay *relay, enum relay_provider_id id);
const char *relay_key_setting(const struct relay *relay, enum relay_provider_id id);

void relay_lease_usage(struct relay_lease *lease, struct relay_usage *ret_usage);
/* More money for a running task. */
void relay_lease_budget(struct relay_lease *lease, int64_t budget_microusd);

/* A box_on_accept: `lease` is a struct relay_lease.  Owns fd at once, never blocks. */
void relay_accept(void *lease, const char *box, int fd);

#endif

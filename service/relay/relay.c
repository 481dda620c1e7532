/* SPDX-License-Identifier: MIT */
/* The relay's threads, its leases and their money. */
#include "service/relay/relay.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/relay/impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_DEFAULT 256
#define SILENCE_MS_DEFAULT 600000

/* ---- threads --------------------------------------------------------------------------- */

/* Waits for a connection; false when the relay closes. */
static bool take_job(struct relay *relay, struct job *ret_job)
{
	LOCKED(&relay->lock);
	relay->idle++;
	while (relay->njobs == 0 && !relay->closing)
		cond_wait(&relay->work, &relay->lock);
	relay->idle--;
	if (relay->njobs == 0)
		return false;
	*ret_job = relay->jobs[--relay->njobs];
	relay->running++;
	return true;
}

static void job_done(struct relay *relay, struct relay_lease *lease)
{
	LOCKED(&relay->lock);
	relay->running--;
	lease->connections--;
	cond_wake_all(&relay->done);
}

static void *thread_run(void *arg)
{
	struct relay *relay = arg;
	struct http_client *clients[RELAY_PROVIDERS] = {0};
	struct job job;

	while (take_job(relay, &job)) {
		struct conn conn = {
			.relay = relay,
			.lease = job.lease,
			.io = {.fd = job.fd,
				.cancel = job.lease->cancel,
				.in = STRBUF_INIT(
					LIMIT_RELAY_HEAD + 2 * LIMIT_RELAY_READ)},
			.clients = clients,
		};
		conn_serve(&conn);
		strbuf_release(&conn.io.in);
		close(job.fd);
		job_done(relay, job.lease);
	}
	for (int i = 0; i < RELAY_PROVIDERS; i++)
		http_client_free(clients[i]);
	return NULL;
}

/* Under the lock: a place on the list, or false. */
static bool push_job(
	struct relay *relay, struct relay_lease *lease, int fd, bool *ret_spawn)
{
	if (lease->closing || relay->closing ||
		lease->connections >= LIMIT_RELAY_LEASE_CONNECTIONS ||
		relay->running + relay->njobs >= relay->max_connections)
		return false;
	lease->connections++;
	relay->jobs[relay->njobs++] = (struct job){.lease = lease, .fd = fd};
	*ret_spawn =
		relay->idle < relay->njobs && relay->nthreads < relay->max_connections;
	cond_wake_one(&relay->work);
	return true;
}

/* A thread that cannot be started leaves the job to the others. */
static void spawn(struct relay *relay)
{
	struct err err = {0};
	pthread_t thread;

	int rc = thread_start(&thread, "relay", thread_run, relay, &err);
	LOCKED(&relay->lock);
	relay->starting--;
	if (rc == 0)
		relay->threads[relay->nthreads++] = thread;
}

void relay_accept(void *arg, const char *box, int fd)
{
	struct relay_lease *lease = arg;
	struct relay *relay = lease->relay;
	bool want_thread = false;
	bool taken;

	(void)box; /* the lease says who is calling */
	lock_take(&relay->lock);
	taken = push_job(relay, lease, fd, &want_thread);
	lock_give(&relay->lock);
	if (!taken)
		close(fd);
	else if (want_thread)
		spawn(relay);
}

/* ---- opening and closing --------------------------------------------------------------- */

static void provider_init(struct provider *provider, const struct relay_provider *from,
	enum relay_provider_id id)
{
	static const char *const urls[] = {
		[RELAY_ANTHROPIC] = "https://api.anthropic.com",
		[RELAY_OPENAI] = "https://api.openai.com"};
	static const char *const settings[] = {
		[RELAY_ANTHROPIC] = "model.anthropic.key_file",
		[RELAY_OPENAI] = "model.openai.key_file"};
	const char *url = str_empty(from->base_url) ? urls[id] : from->base_url;
	size_t n = strlen(url);

	while (n && url[n - 1] == '/')
		n--;
	/* People write the address of OpenAI's API with /v1 and Anthropic's without. */
	if (n > 3 && strncmp(url + n - 3, "/v1", 3) == 0)
		n -= 3;
	provider->root = mem_strndup(url, n);
	provider->setting = mem_strdup(from->setting ? from->setting : settings[id]);
	provider->ca_file = mem_strdup(from->ca_file);
	provider->plain_http = from->plain_http;
	if (from->key && secret_is_set(from->key))
		secret_copy(&provider->key, from->key);
}

int relay_open(
	struct relay **ret_relay, const struct relay_options *options, struct err *err)
{
	struct relay *relay = mem_zalloc(sizeof *relay);

	(void)err; /* nothing can fail yet; a thread that cannot be started is no end */
	for (int i = 0; i < RELAY_PROVIDERS; i++)
		provider_init(&relay->providers[i], &options->providers[i],
			(enum relay_provider_id)i);
	relay_prices_init(&relay->prices, options->prices, options->nprices);
	relay->connect_ms = options->connect_ms;
	relay->silence_ms =
		options->silence_ms ? options->silence_ms : SILENCE_MS_DEFAULT;
	relay->max_connections = options->max_connections > 0 ? options->max_connections
							      : CONNECTIONS_DEFAULT;
	relay->jobs = mem_array((size_t)relay->max_connections, sizeof *relay->jobs);
	relay->threads =
		mem_array((size_t)relay->max_connections, sizeof *relay->threads);
	lock_init(&relay->lock);
	cond_init(&relay->work);
	cond_init(&relay->done);
	*ret_relay = relay;
	return 0;
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	lock_take(&relay->lock);
	relay->closing = true;
	cond_wake_all(&relay->work);
	lock_give(&relay->lock);
	for (int i = 0; i < relay->nthreads; i++)
		thread_join(relay->threads[i]);
	for (int i = 0; i < RELAY_PROVIDERS; i++) {
		free(relay->providers[i].root);
		free(relay->providers[i].setting);
		free(relay->providers[i].ca_file);
		secret_release(&relay->providers[i].key);
	}
	relay_prices_release(&relay->prices);
	cond_release(&relay->work);
	cond_release(&relay->done);
	lock_release(&relay->lock);
	free(relay->jobs);
	free(relay->threads);
	free(relay);
}

/* ---- leases ---------------------------------------------------------------------------- */

struct relay_lease *relay_lease_new(
	struct relay *relay, const struct relay_lease_spec *spec)
{
	struct relay_lease *lease = mem_zalloc(sizeof *lease);

	lease->relay = relay;
	lease->name = mem_strdup(spec->name ? spec->name : "task");
	memcpy(lease->allow, spec->allow, sizeof lease->allow);
	for (int i = 0; i < RELAY_PROVIDERS; i++)
		if (spec->key[i] && secret_is_set(spec->key[i]))
			secret_copy(&lease->key[i], spec->key[i]);
	lease->on_usage = spec->on_usage;
	lease->arg = spec->arg;
	lease->reaches_all = spec->reaches_all;
	lease->reach_arg = spec->reach_arg;
	lease->cancel = cancel_new(spec->cancel);
	lease->budget = spec->budget_microusd;
	lease->total = spec->spent;
	return lease;
}

void relay_lease_free(struct relay_lease *lease)
{
	if (!lease)
		return;
	struct relay *relay = lease->relay;

	lock_take(&relay->lock);
	lease->closing = true;
	lock_give(&relay->lock);
	cancel_fire(lease->cancel, "the task has ended");
	lock_take(&relay->lock);
	while (lease->connections > 0)
		cond_wait(&relay->done, &relay->lock);
	lock_give(&relay->lock);
	cancel_free(lease->cancel);
	for (int i = 0; i < RELAY_PROVIDERS; i++)
		secret_release(&lease->key[i]);
	free(lease->name);
	free(lease);
}

bool relay_has_key(const struct relay *relay, enum relay_provider_id id)
{
	return secret_is_set(&relay->providers[id].key);
}

const char *relay_key_setting(const struct relay *relay, enum relay_provider_id id)
{
	return relay->providers[id].setting;
}

const struct secret *relay_lease_key(
	const struct relay_lease *lease, enum relay_provider_id id)
{
	return secret_is_set(&lease->key[id]) ? &lease->key[id]
					      : &lease->relay->providers[id].key;
}

void relay_lease_usage(struct relay_lease *lease, struct relay_usage *ret_usage)
{
	LOCKED(&lease->relay->lock);
	*ret_usage = lease->total;
}

void relay_lease_budget(struct relay_lease *lease, int64_t budget_microusd)
{
	LOCKED(&lease->relay->lock);
	lease->budget = budget_microusd;
}

/* ---- money ----------------------------------------------------------------------------- */

int relay_reserve(struct relay_lease *lease, int64_t estimate, struct err *err)
{
	LOCKED(&lease->relay->lock);
	int64_t spent = lease->total.cost_microusd;

	/* Its own estimate does not count: a budget smaller than it would be no budget. */
	if (lease->budget != 0 && spent + lease->reserved >= lease->budget)
		return err_set(err, ERR_LIMIT,
			"the budget of %s is spent: $%.4f of $%.4f%s", lease->name,
			(double)spent / 1e6,
			(double)(lease->budget > 0 ? lease->budget : 0) / 1e6,
			lease->reserved ? ", with calls still under way" : "");
	lease->reserved += estimate;
	return 0;
}

static void add_usage(struct relay_usage *to, const struct relay_usage *usage)
{
	to->calls += usage->calls;
	to->input_tokens += usage->input_tokens;
	to->output_tokens += usage->output_tokens;
	to->cached_tokens += usage->cached_tokens;
	to->cache_write_tokens += usage->cache_write_tokens;
	to->cost_microusd += usage->cost_microusd;
	to->estimated += usage->estimated;
	to->unpriced += usage->unpriced;
}

void relay_settle(struct relay_lease *lease, int64_t estimate, const char *model,
	const struct relay_usage *usage)
{
	struct relay_usage total;

	lock_take(&lease->relay->lock);
	lease->reserved -= estimate;
	if (usage)
		add_usage(&lease->total, usage);
	total = lease->total;
	lock_give(&lease->relay->lock);
	if (usage && lease->on_usage)
		lease->on_usage(lease->arg, model, usage, &total);
}

bool relay_hold(struct conn *conn, size_t bytes)
{
	LOCKED(&conn->relay->lock);
	if (conn->relay->held + bytes > LIMIT_RELAY_MEMORY ||
		conn->lease->held + bytes > LIMIT_RELAY_LEASE_MEMORY)
		return false;
	conn->relay->held += bytes;
	conn->lease->held += bytes;
	conn->held += bytes;
	return true;
}

void relay_unhold(struct conn *conn)
{
	LOCKED(&conn->relay->lock);
	conn->relay->held -= conn->held;
	conn->lease->held -= conn->held;
	conn->held = 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Webhooks of runs: after its end a run is posted to the address that its caller gave.
 *
 * What is due stands in the rows, so a restart loses none.  A delivery that fails is tried
 * again with growing waits; any status from 200 to 299 is a success, a redirect is none.
 * Addresses of the house are for the operator's account alone, unless box.webhook_private says
 * otherwise: see webhook_reach.c.  Nothing of the answer is passed on but its status.
 */
#include "service/box/drive.h"

#include "boxcore/base/log.h"
#include "boxcore/net/http_client.h"

#include <string.h>

/* ---- the request ----------------------------------------------------------------------- */

static bool is_token(const char *s)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789!#$%&'*+-.^_`|~";

	return *s && strspn(s, allowed) == strlen(s);
}

/* What the transport sets by itself. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {"host", "content-length", "transfer-encoding",
		"connection", "expect", "upgrade", "te", "trailer", "keep-alive"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(name, names[i]))
			return true;
	return false;
}

static int check_header(
	const char *name, const json_t *value, const char *member, struct err *err)
{
	const char *text = json_string_value(value);

	if (!is_token(name) || strlen(name) > 200)
		return err_set(err, ERR_INPUT, "`%s`: %.60s is no name of a header",
			member, name);
	if (!text || strlen(text) != json_string_length(value) || strpbrk(text, "\r\n"))
		return err_set(err, ERR_INPUT,
			"`%s`: the header %.60s must be a text of one line", member,
			name);
	if (strlen(name) + strlen(text) > LIMIT_WEBHOOK_HEADER)
		return err_set(err, ERR_LIMIT,
			"`%s`: the header %.60s has more than %lu bytes", member, name,
			LIMIT_WEBHOOK_HEADER);
	if (is_ours(name))
		return err_set(err, ERR_INPUT, "`%s`: the header %.60s cannot be set",
			member, name);
	return 0;
}

static bool is_url(const char *url)
{
	const char *host = str_starts(url, "https://")  ? url + 8
			   : str_starts(url, "http://") ? url + 7
							: NULL;

	if (!host || !*host || strchr("/:?#@", *host))
		return false;
	size_t authority = strcspn(host, "/?#");
	if (memchr(host, '@', authority))
		return false; /* a name and password in it would stand in logs */
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127 || *p == '\\')
			return false;
	return true;
}

int webhook_check(
	const char *url, const json_t *headers, const char *member, struct err *err)
{
	if (!url || !is_url(url))
		return err_set(err, ERR_INPUT,
			"`%s`: the url must be an http:// or https:// address", member);
	if (strlen(url) > LIMIT_WEBHOOK_URL)
		return err_set(err, ERR_LIMIT, "`%s`: the url has more than %lu bytes",
			member, LIMIT_WEBHOOK_URL);
	if (!headers || json_is_null(headers))
		return 0;
	if (!json_is_object(headers))
		return err_set(
			err, ERR_INPUT, "`%s`: the headers must be an object", member);
	if (json_object_size(headers) > LIMIT_WEBHOOK_HEADERS)
		return err_set(err, ERR_LIMIT, "`%s`: more than %d headers", member,
			LIMIT_WEBHOOK_HEADERS);
	void *at = json_object_iter((json_t *)(uintptr_t)headers);
	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)headers, at))
		if (check_header(json_object_iter_key(at), json_object_iter_value(at),
			    member, err) < 0)
			return -1;
	return 0;
}

char *webhook_seal(
	struct boxes *boxes, const json_t *webhook, const char *member, struct err *err)
{
	CLEANUP(json) json_t *kept = json_object();
	const char *url = json_or_string(webhook, "url", NULL);
	json_t *headers = json_object_get(webhook, "headers");

	if (webhook_check(url, headers, member, err) < 0)
		return NULL;
	json_put(kept, "url", json_str(url));
	if (json_is_object(headers))
		json_put(kept, "headers", json_incref(headers));
	return boxes_seal(boxes, kept);
}

/* ---- a delivery ------------------------------------------------------------------------ */

static json_t *body_of(const struct store_box_run *run)
{
	json_t *body = json_object(), *metadata = json_object();
	bool good = run->state == STORE_BOX_RUN_COMPLETED;

	json_put(metadata, "input_tokens", json_integer(run->tokens_in));
	json_put(metadata, "output_tokens", json_integer(run->tokens_out));
	json_put(metadata, "cached_input_tokens", json_integer(run->tokens_cached));
	json_put(metadata, "cost_usd", json_real(run->tokens_usd + run->compute_usd));
	json_put(metadata, "duration_ms",
		json_integer(run->completed_ms - run->created_ms));
	if (run->type == STORE_BOX_RUN_SHELL)
		json_put(metadata, "exit_code", json_integer(run->exit_code));
	json_put(body, "box_id", json_str(run->box_id));
	json_put(body, "run_id", json_str(run->id));
	json_put(body, "status", json_str(good ? "completed" : "failed"));
	if (run->schedule_id)
		json_put(body, "schedule_id", json_str(run->schedule_id));
	if (run->output)
		json_put(body, "output", json_str(run->output));
	json_put(body, "metadata", metadata);
	if (run->error)
		json_put(body, "error", json_str(run->error));
	else if (!good)
		json_put(body, "error", json_str("the command's exit code was not 0"));
	return body;
}

static int post(struct boxes *boxes, const struct store_box_run *run, const json_t *hook,
	struct err *err)
{
	struct http_header headers[LIMIT_WEBHOOK_HEADERS + 2];
	size_t count = 0;
	json_t *given = json_object_get(hook, "headers");
	CLEANUP(json) json_t *body = body_of(run);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(8 * LIMIT_STORE_TEXT);
	CLEANUP(http_answer) struct http_answer answer = {0};
	struct http_peer peer = {.plain_http = true,
		.ca_file = str_empty(boxes->options.config->ca_bundle)
				   ? NULL
				   : boxes->options.config->ca_bundle,
		.refuse = webhook_goes_anywhere(boxes, run->account) ? NULL
								     : webhook_refuse};
	CLEANUP(http_client) struct http_client *client = http_client_new(&peer);
	bool typed = false;

	void *at = json_object_iter(given);
	for (; at && count < LIMIT_WEBHOOK_HEADERS;
		at = json_object_iter_next(given, at)) {
		typed |= str_eq_nocase(json_object_iter_key(at), "content-type");
		headers[count++] = (struct http_header){.name = json_object_iter_key(at),
			.value = json_string_value(json_object_iter_value(at))};
	}
	if (!typed)
		headers[count++] = (struct http_header){
			.name = "content-type", .value = "application/json"};
	if (json_print(&text, body, err) < 0)
		return -1;
	struct http_request request = {
		.method = "POST",
		.url = json_or_string(hook, "url", ""),
		.headers = headers,
		.nheaders = count,
		.body = text.data,
		.body_len = text.len,
		.max_body = LIMIT_WEBHOOK_ANSWER,
		.silence_ms = LIMIT_WEBHOOK_MS,
		.total_ms = LIMIT_WEBHOOK_MS,
	};
	if (http_perform(client, &request, &answer, boxes->stop, err) < 0 &&
		answer.status == 0)
		return -1;
	if (answer.status >= 200 && answer.status <= 299)
		return 0;
	return err_set(err, ERR_TRANSIENT, "the answer's status was %d", answer.status);
}

/* Together a little over an hour. */
static int64_t wait_ms(int64_t tries)
{
	static const int64_t waits[] = {
		5000, 20000, 60000, 180000, 480000, 900000, 1800000};

	return waits[tries < (int64_t)ARRAY_LEN(waits) ? tries
						       : (int64_t)ARRAY_LEN(waits) - 1];
}

static void deliver(struct boxes *boxes, const struct store_box_run *run)
{
	struct err err = {0}, lost = {0};
	CLEANUP(json) json_t *hook = boxes_unseal(boxes, run->sealed, &err);
	int rc = hook ? post(boxes, run, hook, &err) : -1;
	bool last = run->webhook_tries + 1 >= LIMIT_WEBHOOK_TRIES || !hook;
	enum store_webhook_state state = rc == 0 ? STORE_WEBHOOK_SENT
					 : last  ? STORE_WEBHOOK_FAILED
						 : STORE_WEBHOOK_DUE;

	if (rc < 0 && cancel_fired(boxes->stop))
		return; /* as if it had not been tried */
	if (rc < 0)
		boxes_log(boxes, run->box_id, last ? "error" : "warn", "system",
			"the webhook of run %s failed, try %lld of %d: %s", run->id,
			(long long)run->webhook_tries + 1, LIMIT_WEBHOOK_TRIES, err.text);
	if (store_box_run_set_webhook(boxes->options.store, run->id, state,
		    clock_wall_ms() + wait_ms(run->webhook_tries), NULL, &lost) < 0 &&
		lost.kind != ERR_NOT_FOUND)
		log_line(LOG_WARN, "webhooks", "run %s: %s", run->id, lost.text);
}

/* ---- who delivers ---------------------------------------------------------------------- */

struct delivery {
	struct boxes *boxes;
	struct store_box_run run;
};

static void deliver_one(struct boxes *boxes, void *arg)
{
	struct delivery *delivery = arg;

	deliver(boxes, &delivery->run);
	drives_posted(boxes, delivery->run.id);
	store_box_run_release(&delivery->run);
	free(delivery);
}

/* Each on a thread of its own, at most LIMIT_WEBHOOKS_AT_ONCE; one that is on its way
 * already is passed over. */
static void send_due(struct boxes *boxes, int64_t now_ms)
{
	CLEANUP(store_box_runs) struct store_box_runs due = {0};
	struct err err = {0};

	if (store_box_run_list_webhooks(boxes->options.store, now_ms,
		    4 * LIMIT_WEBHOOKS_AT_ONCE, &due, &err) < 0) {
		log_line(LOG_WARN, "webhooks", "%s", err.text);
		return;
	}
	for (size_t i = 0; i < due.count; i++) {
		if (!drives_posting(boxes, due.rows[i].id))
			continue;
		struct delivery *delivery = mem_zalloc(sizeof *delivery);

		*delivery = (struct delivery){.boxes = boxes, .run = due.rows[i]};
		due.rows[i] = (struct store_box_run){0};
		if (drives_spawn(boxes, false, deliver_one, delivery, &err) == 0)
			continue;
		drives_posted(boxes, delivery->run.id);
		store_box_run_release(&delivery->run);
		free(delivery);
		return;
	}
}

void webhooks_kick(struct boxes *boxes)
{
	if (!cancel_fired(boxes->stop))
		send_due(boxes, clock_wall_ms());
}

void webhooks_tick(struct boxes *boxes, int64_t now_ms, struct cancel *cancel)
{
	if (!cancel_fired(cancel))
		send_due(boxes, now_ms);
}

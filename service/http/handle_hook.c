/* SPDX-License-Identifier: MIT */
/*
 * POST /hooks/github: a delivery comes in.
 *
 * In this order: content type, headers and the form of the signature, before the body is
 * read; the signature over the raw bytes, before anything in them is looked at; then what
 * it means (webhooks/, pure); then one transaction of the store.  The answer 202 is given
 * when that has reached the disk, never before.  GitHub does not send again by itself, so
 * what is signed and whole is kept even when we make nothing of it.
 */
#define LOG_MODULE "hook"
#include "service/http/handlers.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_delivery.h"
#include "webhooks/delivery.h"
#include "webhooks/event.h"
#include "webhooks/signature.h"
#include "webhooks/trigger.h"

#include <stdatomic.h>
#include <string.h>

/* Anybody may send wrong signatures, so the log tells of one at most this often. */
#define WRONG_TOLD_MS 600000

/* What the answer tells, kept while the store writes. */
struct hook {
	struct request *request;
	char id[LIMIT_DELIVERY_ID + 1];
	const char *outcome;
	char reason_code[32];
	char reason[sizeof(((struct err *)0)->text)];
};

/* ---- before the body --------------------------------------------------------------------- */

static void read_headers(const struct request *request, struct delivery_headers *ret)
{
	*ret = (struct delivery_headers){
		.id = request_header(request, "X-GitHub-Delivery"),
		.event = request_header(request, "X-GitHub-Event"),
		.target_type =
			request_header(request, "X-GitHub-Hook-Installation-Target-Type"),
		.target_id =
			request_header(request, "X-GitHub-Hook-Installation-Target-ID"),
		.content_type = request_header(request, "Content-Type"),
	};
}

static void refuse_content(struct request *request, enum delivery_content content)
{
	if (content == DELIVERY_FORM)
		reply_error(request, 415, "content_type",
			"The delivery is form-encoded: in the App's settings under "
			"Webhook, set the content type to application/json.");
	else
		reply_error(request, 415, "content_type",
			"The content type must be application/json.");
}

static void refuse_signature(struct request *request, enum signature_result result)
{
	reply_error(
		request, 401, signature_word(result), "%s", signature_sentence(result));
}

/* The operator's only hint at a secret that differs, besides GitHub's own page. */
static void tell_wrong(const struct request *request)
{
	static _Atomic int64_t next_ms;
	int64_t now = clock_mono_ms(), due = atomic_load(&next_ms);

	if (now < due ||
		!atomic_compare_exchange_strong(&next_ms, &due, now + WRONG_TOLD_MS))
		return;
	log_warn(
		"a delivery was refused: its signature is of another webhook secret than "
		"github.webhook_secret_file has, or it is not GitHub's; `boxwright "
		"doctor` "
		"asks GitHub which event=%s",
		request_header(request, "X-GitHub-Event"));
}

static enum signature_result check_signature(
	const struct request *request, const char *body, size_t len, bool with_secrets)
{
	const struct http_app *app = request_app(request);

	return signature_check(request_header(request, "X-Hub-Signature-256"),
		request_header(request, "X-Hub-Signature"), body, len, app->hook_secrets,
		with_secrets ? SIGNATURE_SECRETS_MAX : 0);
}

void head_hook(struct request *request)
{
	struct delivery_headers headers;
	struct delivery delivery;
	struct err err = {0};

	read_headers(request, &headers);
	enum delivery_content content = delivery_content(headers.content_type);
	if (content != DELIVERY_JSON) {
		refuse_content(request, content);
		return;
	}
	if (delivery_parse(&headers, &delivery, &err)) {
		reply_error(request, 400, "header", "%s.", err.text);
		return;
	}
	/* The form alone, without any secret: a right one is "wrong" here. */
	enum signature_result form = check_signature(request, "", 0, false);
	if (form != SIGNATURE_WRONG)
		refuse_signature(request, form);
}

/* ---- the answer -------------------------------------------------------------------------- */

/* On the store's thread, after the commit. */
static void on_stored(
	void *arg, const struct store_delivery_added *added, const struct err *err)
{
	CLEANUP(mem) struct hook *hook = arg;
	json_t *body;

	if (!added) {
		/* Whatever it was: not stored, and GitHub may be told to try again. */
		reply_header(hook->request, "Retry-After", "5");
		reply_error(hook->request, 503, "not_stored",
			"The delivery could not be stored: %s", err->text);
		return;
	}
	body = json_object();
	json_put(body, "delivery", json_str(hook->id));
	json_put(body, "task",
		added->task_id ? json_integer(added->task_id) : json_null());
	json_put(body, "outcome",
		json_str(added->reason_code ? trigger_outcome_name(TRIGGER_NONE)
					    : hook->outcome));
	/* What only rows know may have made something else of it. */
	json_put(body, "reason_code",
		json_str(added->reason_code ? added->reason_code : hook->reason_code));
	json_put(body, "reason",
		json_str(added->reason_code ? added->reason : hook->reason));
	if (added->duplicate)
		json_put(body, "duplicate", json_true());
	reply_json(hook->request, 202, body);
}

static void store(
	struct request *request, struct store_delivery_new *row, const char *outcome)
{
	struct hook *hook = mem_zalloc(sizeof(*hook));
	struct err err = {0};

	hook->request = request;
	hook->outcome = outcome;
	str_copy(hook->id, sizeof(hook->id), row->id);
	str_copy(hook->reason_code, sizeof(hook->reason_code), row->reason_code);
	str_copy(hook->reason, sizeof(hook->reason), row->reason);
	reply_later(request);
	if (store_delivery_add_async(
		    request_app(request)->store, row, on_stored, hook, &err))
		on_stored(hook, NULL, &err);
}

/* ---- what is stored ---------------------------------------------------------------------- */

static void fill_task(struct store_task_new *task, const struct event *event,
	const struct trigger *trigger, int64_t now_ms)
{
	const struct event_repository *repository = &event->repository;
	const struct event_pull_request *pull = &event->pull_request;

	*task = (struct store_task_new){
		.lane = trigger->lane,
		.verb = trigger->verb,
		.text = trigger->text,
		.repo_id = repository->id,
		.installation_id = event->installation,
		.owner = repository->owner.login,
		.repo = repository->name,
		.number = trigger->number,
		.is_pull = trigger->on_pull_request,
		.title = event->issue.number ? event->issue.title : pull->title,
		.issue_body = event->issue.number ? event->issue.body : pull->body,
		.issue_author_login = event->issue.number ? event->issue.author.login
							  : pull->author.login,
		.requester_id = trigger->requester.id,
		.requester_login = trigger->requester.login,
		.comment_id = trigger->comment_id,
		.comment_url = trigger->url,
		.trigger_kind = trigger->reason,
		.default_branch = repository->default_branch,
		.about = trigger->about,
		.attempts = trigger->attempts,
		.now_ms = now_ms,
	};
}

static void fill_command(struct store_command_new *command, const struct event *event,
	const struct trigger *trigger, int64_t now_ms)
{
	*command = (struct store_command_new){
		.lane = trigger->lane,
		.verb = trigger->verb,
		.about = trigger->about,
		.word = trigger->word,
		.text = trigger->text,
		.repo_id = event->repository.id,
		.installation_id = event->installation,
		.owner = event->repository.id ? event->repository.owner.login
					      : event->installed.account.login,
		.repo = event->repository.id ? event->repository.name : "",
		.number = trigger->number,
		.is_pull = trigger->on_pull_request,
		.requester_id = trigger->requester.id,
		.requester_login = trigger->requester.login,
		.comment_id = trigger->comment_id,
		.only_says = trigger_only_says(trigger->verb),
		.now_ms = now_ms,
	};
}

static void store_event_row(struct request *request, struct store_delivery_new *row,
	const struct event *event)
{
	CLEANUP(trigger) struct trigger trigger = {0};
	struct store_task_new task;
	struct store_command_new command;

	trigger_decide(&request_app(request)->triggers, event, &trigger);
	row->action = event->action;
	row->reason_code = trigger.reason;
	row->reason = trigger.sentence;
	row->url = trigger.url;
	row->pull_number = trigger.on_pull_request ? trigger.number : 0;
	row->branch = trigger.branch;
	row->only_ours = trigger.only_ours;
	row->coalesce = trigger.coalesce;
	if (trigger.outcome == TRIGGER_TASK) {
		fill_task(&task, event, &trigger, row->received_ms);
		row->task = &task;
	} else if (trigger.outcome == TRIGGER_COMMAND) {
		fill_command(&command, event, &trigger, row->received_ms);
		row->command = &command;
	}
	store(request, row, trigger_outcome_name(trigger.outcome));
}

static void store_body(struct request *request, struct store_delivery_new *row)
{
	CLEANUP(event) struct event event = {0};
	struct err err = {0};

	switch (event_parse(row->event, row->body, row->body_len, &event, &err)) {
	case EVENT_OK: store_event_row(request, row, &event); return;
	case EVENT_NOT_OBJECT:
		reply_error(
			request, 400, "body", "The body is no JSON object: %s", err.text);
		return;
	case EVENT_BEYOND:
		row->unparsed = true;
		row->reason_code = "unparsed";
		row->reason = err.text;
		store(request, row, trigger_outcome_name(TRIGGER_NONE));
		return;
	}
}

static bool is_for_another_app(
	const struct http_app *app, const struct delivery *delivery)
{
	return app->triggers.app_id > 0 && delivery->target_id > 0 &&
	       delivery->target_id != app->triggers.app_id;
}

void handle_hook(struct request *request)
{
	struct delivery_headers headers;
	struct delivery delivery;
	struct err err = {0};
	size_t len;
	const char *body = request_body(request, &len);

	enum signature_result signature = check_signature(request, body, len, true);
	if (signature != SIGNATURE_OK) {
		if (signature == SIGNATURE_WRONG)
			tell_wrong(request);
		refuse_signature(request, signature);
		return;
	}
	read_headers(request, &headers);
	if (delivery_parse(&headers, &delivery, &err)) {
		reply_err(request, &err);
		return;
	}
	if (is_for_another_app(request_app(request), &delivery)) {
		reply_error(request, 400, "other_app",
			"The delivery is for the App %lld; this service is another one.",
			(long long)delivery.target_id);
		return;
	}
	struct store_delivery_new row = {
		.id = delivery.id,
		.event = delivery.event,
		.received_ms = clock_wall_ms(),
		.body = body,
		.body_len = len,
	};
	store_body(request, &row);
}

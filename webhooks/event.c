/* SPDX-License-Identifier: MIT */
/* Reads the fields that we act on out of a delivery's body; see event.h. */
#include "webhooks/event.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/json_shape.h"
#include "webhooks/slim.h"

#include <string.h>

#define CLEAN_GROWTH 3 /* U+FFFD for one byte */

/* ---- text
 * -------------------------------------------------------------------------------- */

/* A copy of at most `most` bytes with CRLF as LF; *ret_cut tells whether it was longer.
 */
static char *clean_text(const char *s, size_t len, size_t most, bool *ret_cut)
{
	CLEANUP(strbuf) struct strbuf lines = STRBUF_INIT(LIMIT_DELIVERY_BODY);
	CLEANUP(strbuf)
	struct strbuf text = STRBUF_INIT(CLEAN_GROWTH * LIMIT_DELIVERY_BODY);
	bool cut = false;

	/* Cleaning never shortens, so nothing past `most` bytes and their CRs counts. */
	if (len > 2 * most) {
		len = str_utf8_cut(s, 2 * most);
		cut = true;
	}
	for (size_t i = 0; i < len; i++)
		if (s[i] != '\r' || i + 1 >= len || s[i + 1] != '\n')
			strbuf_addc(&lines, s[i]);
	str_clean_utf8(&text, strbuf_str(&lines), lines.len, false);
	if (text.len > most) {
		cut = true;
		text.len = str_utf8_cut(strbuf_str(&text), most);
		text.data[text.len] = '\0';
	}
	if (ret_cut)
		*ret_cut = cut;
	return text.data ? strbuf_take(&text) : mem_strdup("");
}

/* NULL when the member is missing or no string. */
static char *text_at(const json_t *json, const char *path, size_t most, bool *ret_cut)
{
	const json_t *value = json_at(json, path);

	if (!json_is_string(value))
		return NULL;
	return clean_text(
		json_string_value(value), json_string_length(value), most, ret_cut);
}

static char *word_at(const json_t *json, const char *path)
{
	return text_at(json, path, LIMIT_EVENT_WORD, NULL);
}

static int64_t id_at(const json_t *json, const char *path)
{
	int64_t id = json_or_int(json, path, 0);

	return id > 0 ? id : 0;
}

/* ---- the parts
 * --------------------------------------------------------------------------- */

static void read_user(struct event_user *user, const json_t *json)
{
	user->id = id_at(json, "id");
	user->login = word_at(json, "login");
	user->type = word_at(json, "type");
}

static void read_repository(struct event_repository *repository, const json_t *json)
{
	repository->id = id_at(json, "id");
	read_user(&repository->owner, json_at(json, "owner"));
	repository->name = word_at(json, "name");
	repository->full_name = word_at(json, "full_name");
	repository->default_branch = word_at(json, "default_branch");
	repository->clone_url = word_at(json, "clone_url");
	repository->is_private = json_or_bool(json, "private", false);
	repository->is_fork = json_or_bool(json, "fork", false);
	repository->archived = json_or_bool(json, "archived", false);
}

static void read_labels(struct event_issue *issue, const json_t *labels)
{
	size_t count = json_array_size(labels);

	if (count == 0)
		return;
	if (count > EVENT_LABELS_MAX)
		count = EVENT_LABELS_MAX;
	issue->labels = mem_array(count, sizeof(*issue->labels));
	for (size_t i = 0; i < count; i++) {
		char *name = word_at(json_array_get(labels, i), "name");
		if (name)
			issue->labels[issue->label_count++] = name;
	}
}

static bool is_closed(const json_t *json)
{
	return str_eq(json_or_string(json, "state", ""), "closed");
}

static void read_issue(struct event_issue *issue, const json_t *json)
{
	issue->number = id_at(json, "number");
	issue->id = id_at(json, "id");
	issue->title = text_at(json, "title", LIMIT_EVENT_TITLE, NULL);
	issue->body = text_at(json, "body", LIMIT_TASK_TEXT, &issue->body_cut);
	read_user(&issue->author, json_at(json, "user"));
	issue->is_pull_request = json_is_object(json_at(json, "pull_request"));
	issue->closed = is_closed(json);
	issue->locked = json_or_bool(json, "locked", false);
	read_labels(issue, json_at(json, "labels"));
}

static void read_comment(struct event_comment *comment, const json_t *json)
{
	comment->id = id_at(json, "id");
	comment->body = text_at(json, "body", LIMIT_TASK_TEXT, &comment->body_cut);
	comment->html_url = word_at(json, "html_url");
	comment->created_at = word_at(json, "created_at");
	read_user(&comment->author, json_at(json, "user"));
	comment->app_id = id_at(json, "performed_via_github_app.id");
}

static void read_pull_request(struct event_pull_request *pull, const json_t *json)
{
	pull->number = id_at(json, "number");
	pull->head_ref = word_at(json, "head.ref");
	pull->head_sha = word_at(json, "head.sha");
	pull->head_repository = id_at(json, "head.repo.id");
	pull->base_ref = word_at(json, "base.ref");
	pull->base_sha = word_at(json, "base.sha");
	pull->merged = json_or_bool(json, "merged", false);
	pull->draft = json_or_bool(json, "draft", false);
	pull->closed = is_closed(json);
	read_user(&pull->author, json_at(json, "user"));
}

/* ---- the whole
 * --------------------------------------------------------------------------- */

/* As json_parse(); a text that the parser refuses is told of as it came. */
static json_t *parse_slim(const char *body, size_t len, struct err *err)
{
	CLEANUP(mem) char *slim = mem_alloc(len ? len : 1);
	struct err ignored = {0};
	size_t n = slim_json(slim, body, len);
	json_t *root = n > 0 ? json_parse(slim, n, &ignored) : NULL;

	return root ? root : json_parse(body, len, err);
}

enum event_result event_parse(const char *name, const char *body, size_t len,
	struct event *ret, struct err *err)
{
	CLEANUP(json) json_t *root = NULL;

	memset(ret, 0, sizeof(*ret));
	root = parse_slim(body, len, err);
	if (!root)
		return json_shape_is_object(body, len) ? EVENT_BEYOND : EVENT_NOT_OBJECT;
	if (!json_is_object(root)) {
		err_set(err, ERR_INPUT, "The body must be a JSON object");
		return EVENT_NOT_OBJECT;
	}
	ret->name = mem_strdup(name);
	ret->action = word_at(root, "action");
	ret->installation = id_at(root, "installation.id");
	read_repository(&ret->repository, json_at(root, "repository"));
	read_user(&ret->sender, json_at(root, "sender"));
	read_issue(&ret->issue, json_at(root, "issue"));
	read_comment(&ret->comment, json_at(root, "comment"));
	ret->label = word_at(root, "label.name");
	read_pull_request(&ret->pull_request, json_at(root, "pull_request"));
	return EVENT_OK;
}

static void user_release(struct event_user *user)
{
	free(user->login);
	free(user->type);
}

static void issue_release(struct event_issue *issue)
{
	free(issue->title);
	free(issue->body);
	user_release(&issue->author);
	for (size_t i = 0; i < issue->label_count; i++)
		free(issue->labels[i]);
	free(issue->labels);
}

static void repository_release(struct event_repository *repository)
{
	user_release(&repository->owner);
	free(repository->name);
	free(repository->full_name);
	free(repository->default_branch);
	free(repository->clone_url);
}

static void pull_request_release(struct event_pull_request *pull)
{
	free(pull->head_ref);
	free(pull->head_sha);
	free(pull->base_ref);
	free(pull->base_sha);
	user_release(&pull->author);
}

void event_release(struct event *event)
{
	free(event->name);
	free(event->action);
	repository_release(&event->repository);
	user_release(&event->sender);
	issue_release(&event->issue);
	free(event->comment.body);
	free(event->comment.html_url);
	free(event->comment.created_at);
	user_release(&event->comment.author);
	free(event->label);
	pull_request_release(&event->pull_request);
	memset(event, 0, sizeof(*event));
}

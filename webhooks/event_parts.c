/* SPDX-License-Identifier: MIT */
/* Reads users, repositories, issues, pull requests and what people write there. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/event-internal.h"

#include <string.h>
#include <time.h>

#define CLEAN_GROWTH 3 /* U+FFFD for one byte */

/* ---- text -------------------------------------------------------------------------------- */

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
static char *event_text_at(
	const json_t *json, const char *path, size_t most, bool *ret_cut)
{
	const json_t *value = json_at(json, path);

	if (!json_is_string(value))
		return NULL;
	return clean_text(
		json_string_value(value), json_string_length(value), most, ret_cut);
}

char *event_word_at(const json_t *json, const char *path)
{
	return event_text_at(json, path, LIMIT_EVENT_WORD, NULL);
}

int64_t event_id_at(const json_t *json, const char *path)
{
	int64_t id = json_or_int(json, path, 0);

	return id > 0 ? id : 0;
}

/* ---- the parts --------------------------------------------------------------------------- */

void event_read_user(struct event_user *user, const json_t *json)
{
	user->id = event_id_at(json, "id");
	user->login = event_word_at(json, "login");
	user->type = event_word_at(json, "type");
}

void event_user_release(struct event_user *user)
{
	free(user->login);
	free(user->type);
}

void event_read_repository(struct event_repository *repository, const json_t *json)
{
	repository->id = event_id_at(json, "id");
	event_read_user(&repository->owner, json_at(json, "owner"));
	if (!repository->owner.login) /* a push to an organisation's */
		repository->owner.login = event_word_at(json, "owner.name");
	repository->name = event_word_at(json, "name");
	repository->full_name = event_word_at(json, "full_name");
	repository->default_branch = event_word_at(json, "default_branch");
	repository->clone_url = event_word_at(json, "clone_url");
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
		char *name = event_word_at(json_array_get(labels, i), "name");
		if (name)
			issue->labels[issue->label_count++] = name;
	}
}

static bool is_closed(const json_t *json)
{
	return str_eq(json_or_string(json, "state", ""), "closed");
}

/* In seconds; false for what is no time. */
static bool read_time(const json_t *json, const char *path, int64_t *ret)
{
	struct tm tm = {0};

	if (!strptime(json_or_string(json, path, ""), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

static bool is_fresh(const json_t *json)
{
	int64_t made, now;

	return read_time(json, "created_at", &made) &&
	       read_time(json, "updated_at", &now) && now - made <= EVENT_FRESH_S;
}

void event_read_issue(struct event_issue *issue, const json_t *root)
{
	const json_t *json = json_at(root, "issue");

	issue->number = event_id_at(json, "number");
	issue->id = event_id_at(json, "id");
	issue->title = event_text_at(json, "title", LIMIT_EVENT_TITLE, NULL);
	issue->body = event_text_at(json, "body", LIMIT_TASK_TEXT, &issue->body_cut);
	issue->was_body = event_text_at(root, "changes.body.from", LIMIT_TASK_TEXT, NULL);
	event_read_user(&issue->author, json_at(json, "user"));
	issue->app_id = event_id_at(json, "performed_via_github_app.id");
	issue->is_pull_request = json_is_object(json_at(json, "pull_request"));
	issue->closed = is_closed(json);
	issue->locked = json_or_bool(json, "locked", false);
	issue->fresh = is_fresh(json);
	read_labels(issue, json_at(json, "labels"));
}

/* The comment is about the last lines of its hunk. */
static char *hunk_at(const json_t *json)
{
	const json_t *value = json_at(json, "diff_hunk");
	const char *s = json_string_value(value);
	size_t len = json_string_length(value);

	if (!s)
		return NULL;
	if (len > LIMIT_EVENT_HUNK) {
		s += len - LIMIT_EVENT_HUNK;
		len = LIMIT_EVENT_HUNK;
		/* From the next whole line on, when there is one. */
		const char *line = memchr(s, '\n', len);
		if (line && line[1]) {
			len -= (size_t)(line + 1 - s);
			s = line + 1;
		}
	}
	return clean_text(s, len, LIMIT_EVENT_HUNK, NULL);
}

void event_read_comment(struct event_comment *comment, const json_t *json)
{
	comment->id = event_id_at(json, "id");
	comment->body = event_text_at(json, "body", LIMIT_TASK_TEXT, &comment->body_cut);
	comment->created_at = event_word_at(json, "created_at");
	event_read_user(&comment->author, json_at(json, "user"));
	comment->app_id = event_id_at(json, "performed_via_github_app.id");
	comment->path = event_word_at(json, "path");
	if (!comment->path)
		return;
	comment->line = event_id_at(json, "line");
	comment->side = event_word_at(json, "side");
	comment->hunk = hunk_at(json);
	comment->in_reply_to = event_id_at(json, "in_reply_to_id");
	comment->review = event_id_at(json, "pull_request_review_id");
}

void event_read_review(struct event_review *review, const json_t *json)
{
	review->id = event_id_at(json, "id");
	review->body = event_text_at(json, "body", LIMIT_TASK_TEXT, &review->body_cut);
	review->state = event_word_at(json, "state");
	event_read_user(&review->author, json_at(json, "user"));
	/* Capitals in the API, small letters in events, both on older servers. */
	for (char *at = review->state; at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
}

void event_read_pull_request(struct event_pull_request *pull, const json_t *root)
{
	const json_t *json = json_at(root, "pull_request");

	pull->number = event_id_at(json, "number");
	pull->title = event_text_at(json, "title", LIMIT_EVENT_TITLE, NULL);
	pull->body = event_text_at(json, "body", LIMIT_TASK_TEXT, &pull->body_cut);
	pull->head_ref = event_word_at(json, "head.ref");
	pull->head_sha = event_word_at(json, "head.sha");
	pull->head_repository = event_id_at(json, "head.repo.id");
	pull->base_ref = event_word_at(json, "base.ref");
	pull->base_sha = event_word_at(json, "base.sha");
	pull->merged = json_or_bool(json, "merged", false);
	pull->draft = json_or_bool(json, "draft", false);
	pull->closed = is_closed(json);
	pull->fresh = is_fresh(json);
	event_read_user(&pull->author, json_at(json, "user"));
	event_read_user(&pull->reviewer, json_at(root, "requested_reviewer"));
}

/* SPDX-License-Identifier: MIT */
/* A delivery's body, read as far as its event's name makes it worth; see event.h. */
#include "webhooks/event.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/event-internal.h"
#include "webhooks/json_shape.h"
#include "webhooks/slim.h"

#include <string.h>

/* ---- by name ----------------------------------------------------------------------------- */

static void read_issues(struct event *event, const json_t *root)
{
	event_read_issue(&event->issue, root);
	event->label = event_word_at(root, "label.name");
}

static void read_issue_comment(struct event *event, const json_t *root)
{
	event_read_issue(&event->issue, root);
	event_read_comment(&event->comment, json_at(root, "comment"));
}

static void read_pull(struct event *event, const json_t *root)
{
	event_read_pull_request(&event->pull_request, root);
	event->label = event_word_at(root, "label.name");
}

static void read_review(struct event *event, const json_t *root)
{
	event_read_pull_request(&event->pull_request, root);
	event_read_review(&event->review, json_at(root, "review"));
}

static void read_review_comment(struct event *event, const json_t *root)
{
	event_read_pull_request(&event->pull_request, root);
	event_read_comment(&event->comment, json_at(root, "comment"));
}

static void read_check(struct event *event, const json_t *root)
{
	event_read_check(&event->check, root, event->name, event->repository.id);
}

static void read_push(struct event *event, const json_t *root)
{
	event_read_push(&event->push, root);
}

static void read_installation(struct event *event, const json_t *root)
{
	event_read_installation(&event->installed, root);
}

/* The one list of events that may mean something. */
static const struct {
	const char *name;
	void (*read)(struct event *event, const json_t *root);
} readers[] = {
	{"issues", read_issues},
	{"issue_comment", read_issue_comment},
	{"pull_request", read_pull},
	{"pull_request_review", read_review},
	{"pull_request_review_comment", read_review_comment},
	{"check_run", read_check},
	{"check_suite", read_check},
	{"workflow_run", read_check},
	{"push", read_push},
	{"installation", read_installation},
	{"installation_repositories", read_installation},
};

static size_t reader_of(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(readers) && !str_eq(name, readers[i].name))
		i++;
	return i;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* What people ask about by its address: the most particular thing that has one. */
static char *read_url(const json_t *root)
{
	static const char *const places[] = {"comment.html_url", "review.html_url",
		"check_run.html_url", "workflow_run.html_url", "pull_request.html_url",
		"issue.html_url", "discussion.html_url", "compare",
		"installation.html_url"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char *url = event_word_at(root, places[i]);
		if (url && *url)
			return url;
		free(url);
	}
	return NULL;
}

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
	size_t reader = reader_of(name);

	memset(ret, 0, sizeof(*ret));
	root = parse_slim(body, len, err);
	if (!root)
		return json_shape_is_object(body, len) ? EVENT_BEYOND : EVENT_NOT_OBJECT;
	if (!json_is_object(root)) {
		err_set(err, ERR_INPUT, "The body must be a JSON object");
		return EVENT_NOT_OBJECT;
	}
	ret->name = mem_strdup(name);
	ret->action = event_word_at(root, "action");
	ret->url = read_url(root);
	ret->installation = event_id_at(root, "installation.id");
	event_read_repository(&ret->repository, json_at(root, "repository"));
	event_read_user(&ret->sender, json_at(root, "sender"));
	if (reader < ARRAY_LEN(readers))
		readers[reader].read(ret, root);
	return EVENT_OK;
}

static void issue_release(struct event_issue *issue)
{
	free(issue->title);
	free(issue->body);
	free(issue->was_body);
	event_user_release(&issue->author);
	for (size_t i = 0; i < issue->label_count; i++)
		free(issue->labels[i]);
	free(issue->labels);
}

static void comment_release(struct event_comment *comment)
{
	free(comment->body);
	free(comment->created_at);
	event_user_release(&comment->author);
	free(comment->path);
	free(comment->side);
	free(comment->hunk);
}

static void repository_release(struct event_repository *repository)
{
	event_user_release(&repository->owner);
	free(repository->name);
	free(repository->full_name);
	free(repository->default_branch);
	free(repository->clone_url);
}

static void pull_request_release(struct event_pull_request *pull)
{
	free(pull->title);
	free(pull->body);
	free(pull->head_ref);
	free(pull->head_sha);
	free(pull->base_ref);
	free(pull->base_sha);
	event_user_release(&pull->author);
	event_user_release(&pull->reviewer);
}

static void review_release(struct event_review *review)
{
	free(review->body);
	free(review->state);
	event_user_release(&review->author);
}

void event_release(struct event *event)
{
	free(event->name);
	free(event->action);
	free(event->url);
	repository_release(&event->repository);
	event_user_release(&event->sender);
	issue_release(&event->issue);
	comment_release(&event->comment);
	free(event->label);
	pull_request_release(&event->pull_request);
	review_release(&event->review);
	event_check_release(&event->check);
	event_push_release(&event->push);
	event_installation_release(&event->installed);
	memset(event, 0, sizeof(*event));
}

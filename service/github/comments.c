/* SPDX-License-Identifier: MIT */
/* Issues, their comments and labels, and reactions. */
#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/list.h"
#include "service/github/parse.h"
#include "service/github/publish.h"

#include <string.h>

/* "/repos/O/N/issues/NUMBER" */
static int issue_path(struct call *call, const struct github_repo *repo,
	enum github_purpose purpose, int64_t number, struct err *err)
{
	call->purpose = purpose;
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, "/issues/");
	call_path_number(call, number);
	return 0;
}

/* "/repos/O/N/issues/comments/ID" */
static int comment_path(struct call *call, const struct github_repo *repo,
	enum github_purpose purpose, int64_t id, struct err *err)
{
	call->purpose = purpose;
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, "/issues/comments/");
	call_path_number(call, id);
	return 0;
}

int github_issue_get(struct github *gh, const struct github_repo *repo, int64_t number,
	struct github_issue *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	*ret = (struct github_issue){0};
	if (issue_path(&call, repo, GITHUB_READ, number, err) < 0)
		return -1;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_issue(reply.json, ret, err) < 0)
		return err_wrap(err, "issue %lld", (long long)number);
	return 0;
}

int github_comment_create(struct github *gh, const struct github_repo *repo,
	int64_t number, const char *body, struct github_comment *ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();
	CLEANUP(github_comment) struct github_comment made = {0};

	if (ret)
		*ret = (struct github_comment){0};
	if (publish_text(json, "body", body, err) < 0 ||
		issue_path(&call, repo, GITHUB_COMMENT, number, err) < 0)
		return -1;
	call_path(&call, "/comments");
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_comment(reply.json, &made, err) < 0)
		return err_wrap(err, "commenting on issue %lld", (long long)number);
	if (ret) {
		*ret = made;
		made = (struct github_comment){0};
	}
	return 0;
}

int github_comment_update(struct github *gh, const struct github_repo *repo, int64_t id,
	const char *body, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("PATCH", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();

	if (publish_text(json, "body", body, err) < 0 ||
		comment_path(&call, repo, GITHUB_COMMENT, id, err) < 0)
		return -1;
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "changing comment %lld", (long long)id);
	return 0;
}

int github_comment_delete(struct github *gh, const struct github_repo *repo, int64_t id,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("DELETE", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	struct err failed = {0};

	if (comment_path(&call, repo, GITHUB_COMMENT, id, err) < 0)
		return -1;
	if (call_send(gh, &call, &reply, cancel, &failed) == 0 ||
		failed.kind == ERR_NOT_FOUND)
		return 0;
	*err = failed;
	return err_wrap(err, "deleting comment %lld", (long long)id);
}

/* ---- lists ----------------------------------------------------------------- */

struct finding {
	int64_t author_id;
	const char *marker;
	int64_t *ids;
	size_t max;
	size_t count;
};

static int find_comment(void *arg, const json_t *item, struct err *err)
{
	struct finding *finding = arg;
	CLEANUP(github_comment) struct github_comment comment = {0};

	if (parse_comment(item, &comment, err) < 0)
		return -1;
	if (comment.author.id == finding->author_id &&
		strstr(comment.body, finding->marker))
		finding->ids[finding->count++] = comment.id;
	return finding->count < finding->max;
}

int github_comment_find(struct github *gh, const struct github_repo *repo, int64_t number,
	int64_t since_s, int64_t author_id, const char *marker, int64_t *ret_ids,
	size_t max, size_t *ret_count, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	struct finding finding = {
		.author_id = author_id, .marker = marker, .ids = ret_ids, .max = max};
	char since[CLOCK_ISO_SIZE];

	*ret_count = 0;
	if (author_id <= 0 || str_empty(marker) || max == 0)
		return err_set(err, ERR_INPUT,
			"looking for a comment needs an author and a marker");
	if (issue_path(&call, repo, GITHUB_READ, number, err) < 0)
		return -1;
	call_path(&call, "/comments?per_page=100");
	if (since_s > 0) {
		call_path(&call, "&since=");
		call_path_text(&call, clock_iso(since_s, since, sizeof since));
	}
	int more = list_each(
		gh, &call, NULL, GITHUB_PAGES_MAX, find_comment, &finding, cancel, err);
	if (more < 0)
		return err_wrap(err, "comments of issue %lld", (long long)number);
	if (more > 0)
		return err_set(err, ERR_LIMIT, "issue %lld has more than %d comments",
			(long long)number, GITHUB_PAGES_MAX * 100);
	*ret_count = finding.count;
	return 0;
}

/* ---- reactions and labels -------------------------------------------------- */

int call_react(struct github *gh, struct call *call, const char *content,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();

	json_put(json, "content", json_str(content));
	call_path(call, "/reactions");
	call->body = json;
	/* 201 is a new one, 200 one that was there: both as wanted. */
	if (call_send(gh, call, &reply, cancel, err) < 0)
		return err_wrap(err, "reacting with %s", content);
	return 0;
}

int github_issue_react(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *content, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);

	if (issue_path(&call, repo, GITHUB_COMMENT, number, err) < 0)
		return -1;
	return call_react(gh, &call, content, cancel, err);
}

int github_comment_react(struct github *gh, const struct github_repo *repo, int64_t id,
	const char *content, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);

	if (comment_path(&call, repo, GITHUB_COMMENT, id, err) < 0)
		return -1;
	return call_react(gh, &call, content, cancel, err);
}

int github_labels_add(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *const *labels, size_t count, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();
	json_t *names = json_array();

	json_put(json, "labels", names);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(names, json_str(labels[i]));
	if (issue_path(&call, repo, GITHUB_COMMENT, number, err) < 0)
		return -1;
	call_path(&call, "/labels");
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "labels of issue %lld", (long long)number);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Reviews of pull requests: ours with its inline comments, those of people, and answers. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/list.h"
#include "service/github/parse.h"
#include "service/github/publish.h"

#include <string.h>

/* "/repos/O/N/pulls/NUMBER<rest>" */
static int pull_path(struct call *call, const struct github_repo *repo,
	enum github_purpose purpose, int64_t number, const char *rest, struct err *err)
{
	call->purpose = purpose;
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, "/pulls/");
	call_path_number(call, number);
	call_path(call, rest);
	return 0;
}

void github_review_comment_release(struct github_review_comment *comment)
{
	free(comment->path);
	free(comment->body);
	free(comment->hunk);
	*comment = (struct github_review_comment){0};
}

void github_review_comments_release(struct github_review_comments *list)
{
	for (size_t i = 0; i < list->count; i++)
		github_review_comment_release(&list->rows[i]);
	free(list->rows);
	*list = (struct github_review_comments){0};
}

/* ---- ours --------------------------------------------------------------------------- */

static int comment_json(
	const struct github_review_comment *comment, json_t *list, struct err *err)
{
	json_t *one = json_object();
	const char *side = comment->left ? "LEFT" : "RIGHT";

	json_array_append_new(list, one);
	if (str_empty(comment->path) || comment->line <= 0)
		return err_set(
			err, ERR_INPUT, "an inline comment needs a path and a line");
	json_put(one, "path", json_str(comment->path));
	json_put(one, "line", json_integer(comment->line));
	json_put(one, "side", json_str(side));
	if (comment->start > 0 && comment->start < comment->line) {
		json_put(one, "start_line", json_integer(comment->start));
		json_put(one, "start_side", json_str(side));
	}
	return publish_text(one, "body", comment->body, err);
}

int github_review_create(struct github *gh, const struct github_repo *repo,
	int64_t number, const char *head, const char *event, const char *body,
	const struct github_review_comments *comments, int64_t *ret_id,
	char ret_url[GITHUB_URL_SIZE], struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();
	json_t *list = json_array();

	*ret_id = 0;
	ret_url[0] = '\0';
	json_put(json, "comments", list);
	json_put(json, "commit_id", json_str(head));
	json_put(json, "event", json_str(event));
	if (comments && comments->count > GITHUB_REVIEW_COMMENTS_MAX)
		return err_set(err, ERR_LIMIT,
			"a review has at most %d inline comments, not %zu",
			GITHUB_REVIEW_COMMENTS_MAX, comments->count);
	for (size_t i = 0; comments && i < comments->count; i++)
		if (comment_json(&comments->rows[i], list, err) < 0)
			return -1;
	if (publish_text(json, "body", body, err) < 0 ||
		pull_path(&call, repo, GITHUB_COMMENT, number, "/reviews", err) < 0)
		return -1;
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_id(reply.json, "id", ret_id, err) < 0 ||
		parse_text(reply.json, "html_url", ret_url, GITHUB_URL_SIZE, err) < 0)
		return err_wrap(
			err, "the review of pull request %lld", (long long)number);
	return 0;
}

/* The id of the one by an author with a marker, in what the call lists. */
static int find_marked(struct github *gh, struct call *call, struct list_marked *marked,
	int64_t *ret_id, struct cancel *cancel, struct err *err)
{
	if (list_each(gh, call, NULL, GITHUB_PAGES_MAX, list_marked_item, marked, cancel,
		    err) < 0)
		return -1;
	if (marked->found == 0)
		return err_set(err, ERR_NOT_FOUND, "there is none of ours");
	*ret_id = marked->found;
	return 0;
}

int github_review_find(struct github *gh, const struct github_repo *repo, int64_t number,
	int64_t author_id, const char *marker, int64_t *ret_id, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	struct list_marked marked = {
		.author_id = author_id, .marker = marker, .id = "id"};

	*ret_id = 0;
	if (list_marked_check(&marked, err) < 0 ||
		pull_path(&call, repo, GITHUB_READ, number, "/reviews?per_page=100",
			err) < 0)
		return -1;
	if (find_marked(gh, &call, &marked, ret_id, cancel, err) < 0)
		return err_wrap(err, "reviews of pull request %lld", (long long)number);
	return 0;
}

int github_review_reply(struct github *gh, const struct github_repo *repo, int64_t number,
	int64_t comment_id, const char *body, int64_t *ret_id, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();
	int64_t id = 0;

	if (ret_id)
		*ret_id = 0;
	if (publish_text(json, "body", body, err) < 0 ||
		pull_path(&call, repo, GITHUB_COMMENT, number, "/comments/", err) < 0)
		return -1;
	call_path_number(&call, comment_id);
	call_path(&call, "/replies");
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_id(reply.json, "id", &id, err) < 0)
		return err_wrap(
			err, "answering inline comment %lld", (long long)comment_id);
	if (ret_id)
		*ret_id = id;
	return 0;
}

int github_review_reply_find(struct github *gh, const struct github_repo *repo,
	int64_t number, int64_t author_id, const char *marker, int64_t *ret_id,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	struct list_marked marked = {
		.author_id = author_id, .marker = marker, .id = "id"};

	*ret_id = 0;
	if (list_marked_check(&marked, err) < 0 ||
		pull_path(&call, repo, GITHUB_READ, number,
			"/comments?sort=created&direction=desc&per_page=100", err) < 0)
		return -1;
	if (find_marked(gh, &call, &marked, ret_id, cancel, err) < 0)
		return err_wrap(
			err, "inline comments of pull request %lld", (long long)number);
	return 0;
}

int github_review_comment_react(struct github *gh, const struct github_repo *repo,
	int64_t id, const char *content, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);

	call.purpose = GITHUB_COMMENT;
	if (call_path_repo(&call, repo, err) < 0)
		return -1;
	call_path(&call, "/pulls/comments/");
	call_path_number(&call, id);
	return call_react(gh, &call, content, cancel, err);
}

/* ---- those of people ------------------------------------------------------------------ */

/* The number behind `mark` in a hunk's first line. */
static bool hunk_number(const char *hunk, const char *mark, int64_t *ret)
{
	const char *at = strstr(hunk, mark);
	char digits[10];

	if (!at || at >= hunk + strcspn(hunk, "\n"))
		return false;
	at += strlen(mark);
	size_t len = strspn(at, "0123456789");
	if (len >= sizeof digits)
		return false;
	memcpy(digits, at, len);
	digits[len] = '\0';
	return str_to_i64(digits, 0, INT32_MAX, ret);
}

/* The line that a hunk ends at, on the side that is asked for: where its comment stands,
 * for answers that leave `line` out. */
static int64_t hunk_end(const char *hunk, bool left)
{
	int64_t line[2] = {0, 0};

	if (!hunk_number(hunk, "@@ -", &line[0]) || !hunk_number(hunk, " +", &line[1]))
		return 0;
	line[0]--;
	line[1]--;
	for (const char *at = strchr(hunk, '\n'); at; at = strchr(at + 1, '\n')) {
		if (at[1] != '+' && at[1] != '\\')
			line[0]++;
		if (at[1] != '-' && at[1] != '\\')
			line[1]++;
	}
	int64_t end = line[left ? 0 : 1];
	return end > 0 ? end : 0;
}

int parse_review_comment(
	const json_t *item, struct github_review_comment *ret, struct err *err)
{
	*ret = (struct github_review_comment){0};
	if (parse_id(item, "id", &ret->id, err) < 0 ||
		parse_user(item, "user", &ret->author, err) < 0)
		return -1;
	ret->left = str_eq(json_or_string(item, "side", ""), "LEFT");
	ret->in_reply_to = json_or_int(item, "in_reply_to_id", 0);
	ret->path = parse_body(item, "path");
	ret->body = parse_body(item, "body");
	ret->hunk = parse_body(item, "diff_hunk");
	ret->start = json_or_int(item, "start_line", 0);
	ret->line = json_or_int(item, "line", 0);
	/* The list of one review leaves out side and lines; left out is not null, which says
	 * outdated. */
	if (!json_object_get(item, "line") &&
		json_is_integer(json_at(item, "position"))) {
		const char *last = strrchr(ret->hunk, '\n');

		if (!json_object_get(item, "side"))
			ret->left = last && last[1] == '-';
		ret->line = hunk_end(ret->hunk, ret->left);
	}
	if (ret->line < 0 || ret->start < 0 || ret->start >= ret->line)
		ret->start = 0;
	if (ret->line < 0)
		ret->line = 0;
	return 0;
}

static int gather_item(void *arg, const json_t *item, struct err *err)
{
	struct github_review_comments *list = arg;

	if (list->count == GITHUB_REVIEW_COMMENTS_MAX)
		return 0;
	list->rows = mem_grow(list->rows, list->count + 1, sizeof *list->rows);
	if (parse_review_comment(item, &list->rows[list->count], err) < 0)
		return -1;
	list->count++;
	return 1;
}

int github_review_comments_get(struct github *gh, const struct github_repo *repo,
	int64_t number, int64_t review_id, struct github_review_comments *ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);

	*ret = (struct github_review_comments){0};
	if (pull_path(&call, repo, GITHUB_READ, number, "/reviews/", err) < 0)
		return -1;
	call_path_number(&call, review_id);
	call_path(&call, "/comments?per_page=100");
	if (list_each(gh, &call, NULL, 1, gather_item, ret, cancel, err) < 0) {
		github_review_comments_release(ret);
		return err_wrap(
			err, "inline comments of review %lld", (long long)review_id);
	}
	return 0;
}

int github_pull_diff(struct github *gh, const struct github_repo *repo, int64_t number,
	size_t max, struct strbuf *out, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	if (pull_path(&call, repo, GITHUB_READ, number, "", err) < 0)
		return -1;
	call.accept = "application/vnd.github.diff";
	call.raw = out;
	call.raw_max = max;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "the diff of pull request %lld", (long long)number);
	return 0;
}

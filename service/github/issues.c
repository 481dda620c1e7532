/* SPDX-License-Identifier: MIT */
/* Issues of our own (a dashboard), and what an installation holds. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/list.h"
#include "service/github/parse.h"
#include "service/github/publish.h"

#include <string.h>

static int issues_path(struct call *call, const struct github_repo *repo,
	enum github_purpose purpose, struct err *err)
{
	call->purpose = purpose;
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, "/issues");
	return 0;
}

int github_issue_create(struct github *gh, const struct github_repo *repo,
	const char *title, const char *body, int64_t *ret_number, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();

	*ret_number = 0;
	if (publish_text(json, "title", title, err) < 0 ||
		publish_text(json, "body", body, err) < 0 ||
		issues_path(&call, repo, GITHUB_COMMENT, err) < 0)
		return -1;
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_id(reply.json, "number", ret_number, err) < 0)
		return err_wrap(err, "opening an issue");
	return 0;
}

int github_issue_update(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *title, const char *body, const char *state, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("PATCH", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();

	if ((title && publish_text(json, "title", title, err) < 0) ||
		(body && publish_text(json, "body", body, err) < 0) ||
		issues_path(&call, repo, GITHUB_COMMENT, err) < 0)
		return -1;
	if (state)
		json_put(json, "state", json_str(state));
	call_path(&call, "/");
	call_path_number(&call, number);
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "changing issue %lld", (long long)number);
	return 0;
}

struct finding {
	struct list_marked marked;
	int64_t newest; /* 0: none yet */
};

/* Newest first: the first open one is it, else the first of all. */
static int find_item(void *arg, const json_t *item, struct err *err)
{
	struct finding *finding = arg;

	finding->marked.found = 0;
	if (json_is_object(json_at(item, "pull_request")))
		return 1;
	if (list_marked_item(&finding->marked, item, err) < 0)
		return -1;
	if (finding->marked.found == 0)
		return 1;
	bool open = str_eq(json_or_string(item, "state", ""), "open");
	if (finding->newest == 0 || open)
		finding->newest = finding->marked.found;
	return !open;
}

int github_issue_find(struct github *gh, const struct github_repo *repo,
	int64_t author_id, const char *marker, int64_t *ret_number, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	struct finding finding = {
		.marked = {.author_id = author_id, .marker = marker, .id = "number"}};
	struct github_app app = {0};

	*ret_number = 0;
	if (list_marked_check(&finding.marked, err) < 0 ||
		github_app_self(gh, &app, cancel, err) < 0 ||
		issues_path(&call, repo, GITHUB_READ, err) < 0)
		return -1;
	call_path(&call, "?state=all&sort=created&direction=desc&per_page=100");
	if (author_id == app.bot.id) {
		call_path(&call, "&creator=");
		call_path_text(&call, app.bot.login);
	}
	int more = list_each(
		gh, &call, NULL, GITHUB_PAGES_MAX, find_item, &finding, cancel, err);
	if (more < 0)
		return err_wrap(err, "looking for an issue of ours");
	if (finding.newest == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such issue of ours");
	*ret_number = finding.newest;
	return 0;
}

/* ---- an installation ------------------------------------------------------------------ */

struct gathering {
	struct github_repo_info *rows;
	size_t max;
	size_t count;
};

static int gather_item(void *arg, const json_t *item, struct err *err)
{
	struct gathering *gathering = arg;

	if (gathering->count == gathering->max)
		return 0;
	if (parse_repo(item, &gathering->rows[gathering->count], err) < 0)
		return -1;
	gathering->count++;
	return 1;
}

int github_installation_repos(struct github *gh, int64_t installation_id, int page,
	struct github_repo_info *ret, size_t max, size_t *ret_count,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_TOKEN);
	CLEANUP(secret) struct secret token = {0};
	struct gathering gathering = {.rows = ret, .max = max};
	struct github_repo whose = {.installation_id = installation_id};

	*ret_count = 0;
	if (installation_id <= 0 || page < 1 || max == 0 || max > 100)
		return err_set(err, ERR_INPUT,
			"an installation's repositories are asked for in pages of 1 to "
			"100, from page 1 on");
	if (token_wide(gh, installation_id, &token, cancel, err) < 0)
		return -1;
	call.token = &token;
	call.repo = &whose;
	call_path(&call, "/installation/repositories?per_page=");
	call_path_number(&call, (int64_t)max);
	call_path(&call, "&page=");
	call_path_number(&call, page);
	if (list_each(gh, &call, "repositories", 1, gather_item, &gathering, cancel,
		    err) < 0)
		return err_wrap(err, "the repositories of installation %lld",
			(long long)installation_id);
	*ret_count = gathering.count;
	return 0;
}

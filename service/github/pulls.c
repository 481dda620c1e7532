/* SPDX-License-Identifier: MIT */
/* Pull requests: looked for before they are made, found again when an answer was lost. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/parse.h"
#include "service/github/publish.h"

static int pulls_path(struct call *call, const struct github_repo *repo,
	enum github_purpose purpose, struct err *err)
{
	call->purpose = purpose;
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, "/pulls");
	return 0;
}

int github_pull_get(struct github *gh, const struct github_repo *repo, int64_t number,
	struct github_pull *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	call.often = true;
	if (pulls_path(&call, repo, GITHUB_READ, err) < 0)
		return -1;
	call_path(&call, "/");
	call_path_number(&call, number);
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_pull(reply.json, ret, err) < 0)
		return err_wrap(err, "pull request %lld", (long long)number);
	return 0;
}

/* The best match in one page: an open one, else the first, which is the newest.  GitHub
 * ignores a head in a form that it does not like and lists other pull requests, so each
 * is checked.  base may be NULL. */
static int pick(const json_t *list, const struct github_repo *repo, const char *branch,
	const char *base, struct github_pull *ret, bool *ret_found, struct err *err)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list))
		return err_set(err, ERR_INTERNAL,
			"GitHub's answer: pull requests must be a list");
	*ret_found = false;
	json_array_foreach (list, i, item) {
		struct github_pull pull = {0};

		if (parse_pull(item, &pull, err) < 0)
			return -1;
		if (!str_eq(pull.head_ref, branch) || pull.head_repo_id != repo->id ||
			(base && !str_eq(pull.base_ref, base)))
			continue;
		if (!*ret_found || (pull.open && !ret->open))
			*ret = pull;
		*ret_found = true;
	}
	return 0;
}

static int find(struct github *gh, const struct github_repo *repo, const char *branch,
	const char *base, struct github_pull *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	bool found = false;

	if (repo->id <= 0 || str_empty(branch))
		return err_set(err, ERR_INPUT,
			"looking for a pull request needs the repository's id and a "
			"branch");
	if (pulls_path(&call, repo, GITHUB_READ, err) < 0)
		return -1;
	call_path(&call, "?state=all&sort=created&direction=desc&per_page=100&head=");
	call_path_text(&call, repo->owner);
	call_path(&call, "%3A");
	call_path_text(&call, branch);
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		pick(reply.json, repo, branch, base, ret, &found, err) < 0)
		return err_wrap(err, "the pull request of branch %s", branch);
	if (!found)
		return err_set(
			err, ERR_NOT_FOUND, "branch %s has no pull request", branch);
	return 0;
}

int github_pull_find(struct github *gh, const struct github_repo *repo,
	const char *branch, struct github_pull *ret, struct cancel *cancel,
	struct err *err)
{
	return find(gh, repo, branch, NULL, ret, cancel, err);
}

/* One attempt; `reply` tells the caller why GitHub refused. */
static int create(struct github *gh, const struct github_repo *repo,
	const struct github_pull_new *what, bool draft, struct github_pull *ret,
	struct reply *reply, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);
	CLEANUP(json) json_t *json = json_object();

	if (publish_text(json, "title", what->title, err) < 0 ||
		publish_text(json, "body", what->body, err) < 0 ||
		pulls_path(&call, repo, GITHUB_PULL, err) < 0)
		return -1;
	json_put(json, "head", json_str(what->head));
	json_put(json, "base", json_str(what->base));
	json_put(json, "draft", json_boolean(draft));
	call.body = json;
	if (call_send(gh, &call, reply, cancel, err) < 0)
		return -1;
	return parse_pull(reply->json, ret, err);
}

int github_pull_create(struct github *gh, const struct github_repo *repo,
	const struct github_pull_new *what, struct github_pull *ret, bool *ret_adopted,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(reply) struct reply reply = {0};
	struct err failed = {0};

	if (ret_adopted)
		*ret_adopted = false;
	if (create(gh, repo, what, what->draft, ret, &reply, cancel, &failed) == 0)
		return 0;
	if (what->draft && reply.refused.no_drafts && !reply.refused.duplicate) {
		reply_release(&reply);
		failed = (struct err){0};
		if (create(gh, repo, what, false, ret, &reply, cancel, &failed) == 0)
			return 0;
	}
	if (reply.refused.duplicate) {
		struct err lost = {0};

		if (find(gh, repo, what->head, what->base, ret, cancel, &lost) < 0) {
			*err = lost;
			return -1;
		}
		if (ret->open) {
			if (ret_adopted)
				*ret_adopted = true;
			return 0;
		}
	}
	*err = failed;
	return err_wrap(err, "opening a pull request for %s", what->head);
}

/* ---- by another's token ----------------------------------------------------------------- */

static int as_path(struct call *call, const struct github_repo *repo,
	const struct secret *token, const char *rest, struct err *err)
{
	call->token = token;
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, rest);
	return 0;
}

static int default_branch(struct github *gh, const struct github_repo *repo,
	const struct secret *token, char *ret, size_t size, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_TOKEN);
	CLEANUP(reply) struct reply reply = {0};

	if (as_path(&call, repo, token, "", err) < 0)
		return -1;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "repository %s/%s", repo->owner, repo->name);
	const char *branch = json_need_string(reply.json, "default_branch", err);
	if (!branch)
		return -1;
	if (!str_copy(ret, size, branch))
		return err_set(
			err, ERR_INTERNAL, "GitHub's answer: a branch is too long");
	return 0;
}

/* GitHub itself only says that `head` is invalid. */
static int need_head(struct github *gh, const struct github_repo *repo,
	const struct secret *token, const char *head, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_TOKEN);
	CLEANUP(reply) struct reply reply = {0};

	if (as_path(&call, repo, token, "/git/ref/heads/", err) < 0)
		return -1;
	str_url_encode(&call.path, head, true);
	if (call_send(gh, &call, &reply, cancel, err) == 0)
		return 0;
	if (err->kind == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND,
			"GitHub shows no branch %s in %s/%s: push it first", head,
			repo->owner, repo->name);
	return err_wrap(err, "branch %s", head);
}

int github_pull_create_as(struct github *gh, const struct secret *token,
	const char *owner, const char *name, const struct github_pull_new *what,
	struct github_pull *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_TOKEN);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *json = json_object();
	struct github_repo repo = {.owner = owner, .name = name};
	char base[GITHUB_NAME_SIZE];

	if (publish_text(json, "title", what->title, err) < 0 ||
		publish_text(json, "body", what->body, err) < 0 ||
		need_head(gh, &repo, token, what->head, cancel, err) < 0)
		return -1;
	if (what->base)
		str_copy(base, sizeof base, what->base);
	else if (default_branch(gh, &repo, token, base, sizeof base, cancel, err) < 0)
		return -1;
	json_put(json, "head", json_str(what->head));
	json_put(json, "base", json_str(base));
	json_put(json, "draft", json_boolean(what->draft));
	call.body = json;
	if (as_path(&call, &repo, token, "/pulls", err) < 0 ||
		call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_pull(reply.json, ret, err) < 0)
		return err_wrap(err, "opening a pull request for %s", what->head);
	return 0;
}

static int change(struct github *gh, const struct github_repo *repo, int64_t number,
	const json_t *json, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("PATCH", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	if (pulls_path(&call, repo, GITHUB_PULL, err) < 0)
		return -1;
	call_path(&call, "/");
	call_path_number(&call, number);
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "changing pull request %lld", (long long)number);
	return 0;
}

int github_pull_update(struct github *gh, const struct github_repo *repo, int64_t number,
	const char *title, const char *body, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *json = json_object();

	if ((title && publish_text(json, "title", title, err) < 0) ||
		(body && publish_text(json, "body", body, err) < 0))
		return -1;
	return change(gh, repo, number, json, cancel, err);
}

int github_pull_close(struct github *gh, const struct github_repo *repo, int64_t number,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *json = json_object();

	json_put(json, "state", json_str("closed"));
	return change(gh, repo, number, json, cancel, err);
}

int github_pull_mergeable(struct github *gh, const struct github_repo *repo,
	int64_t number, enum github_mergeable *ret, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	*ret = GITHUB_MERGEABLE_UNKNOWN;
	if (pulls_path(&call, repo, GITHUB_READ, err) < 0)
		return -1;
	call_path(&call, "/");
	call_path_number(&call, number);
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "pull request %lld", (long long)number);
	const json_t *told = json_at(reply.json, "mergeable");
	if (json_is_boolean(told))
		*ret = json_is_true(told) ? GITHUB_MERGEABLE_CLEAN
					  : GITHUB_MERGEABLE_CONFLICT;
	return 0;
}

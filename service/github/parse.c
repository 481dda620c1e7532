/* SPDX-License-Identifier: MIT */
/* GitHub's JSON into structures, field by field. */
#include "service/github/parse.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"

#include <string.h>
#include <time.h>

static int missing(const char *path, const char *what, struct err *err)
{
	return err_set(err, ERR_INTERNAL, "GitHub's answer: %s must be %s", path, what);
}

int parse_text(
	const json_t *json, const char *path, char *buf, size_t size, struct err *err)
{
	const json_t *value = json_at(json, path);

	if (!json_is_string(value))
		return missing(path, "a string", err);
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	if (strlen(text) != len || len == 0)
		return missing(path, "plain text", err);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return missing(path, "text without control characters", err);
	if (!str_copy(buf, size, text))
		return err_set(err, ERR_INTERNAL,
			"GitHub's answer: %s is longer than %zu bytes", path, size - 1);
	return 0;
}

int parse_text_or_empty(
	const json_t *json, const char *path, char *buf, size_t size, struct err *err)
{
	const json_t *value = json_at(json, path);

	buf[0] = '\0';
	if (!value || (json_is_string(value) && json_string_length(value) == 0))
		return 0;
	return parse_text(json, path, buf, size, err);
}

int parse_id(const json_t *json, const char *path, int64_t *ret, struct err *err)
{
	const json_t *value = json_at(json, path);

	if (!json_is_integer(value) || json_integer_value(value) <= 0)
		return missing(path, "a number above 0", err);
	*ret = json_integer_value(value);
	return 0;
}

char *parse_body(const json_t *json, const char *path)
{
	struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	const json_t *value = json_at(json, path);

	strbuf_adds(&clean, "");
	if (json_is_string(value))
		str_clean_utf8(&clean, json_string_value(value),
			json_string_length(value), false);
	return strbuf_take(&clean);
}

int parse_time(const json_t *json, const char *path, int64_t *ret, struct err *err)
{
	struct tm tm = {0};
	const char *rest =
		strptime(json_or_string(json, path, ""), "%Y-%m-%dT%H:%M:%S", &tm);

	if (rest && *rest == '.') /* some lists tell milliseconds */
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!rest || !str_eq(rest, "Z"))
		return missing(path, "a time such as 2026-11-22T20:35:01Z", err);
	*ret = (int64_t)timegm(&tm);
	return 0;
}

int64_t parse_http_date(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!rest || *rest != '\0')
		return 0;
	int64_t value = (int64_t)timegm(&tm);
	return value > 0 ? value : 0;
}

int parse_user(
	const json_t *json, const char *path, struct github_user *ret, struct err *err)
{
	const json_t *user = path ? json_at(json, path) : json;

	*ret = (struct github_user){0};
	if (!user) {
		str_copy(ret->login, sizeof ret->login, "ghost");
		return 0;
	}
	ret->bot = str_eq(json_or_string(user, "type", ""), "Bot");
	if (parse_id(user, "id", &ret->id, err) < 0 ||
		parse_text(user, "login", ret->login, sizeof ret->login, err) < 0)
		return err_wrap(err, "%s", path ? path : "user");
	return 0;
}

int parse_issue(const json_t *json, struct github_issue *ret, struct err *err)
{
	if (parse_id(json, "id", &ret->id, err) < 0 ||
		parse_id(json, "number", &ret->number, err) < 0 ||
		parse_user(json, "user", &ret->author, err) < 0 ||
		parse_text(json, "html_url", ret->url, sizeof ret->url, err) < 0)
		return -1;
	ret->open = str_eq(json_or_string(json, "state", ""), "open");
	ret->pull_request = json_is_object(json_at(json, "pull_request"));
	ret->locked = json_or_bool(json, "locked", false);
	ret->title = parse_body(json, "title");
	ret->body = parse_body(json, "body");
	return 0;
}

void github_issue_release(struct github_issue *issue)
{
	free(issue->title);
	free(issue->body);
	*issue = (struct github_issue){0};
}

int parse_comment(const json_t *json, struct github_comment *ret, struct err *err)
{
	if (parse_id(json, "id", &ret->id, err) < 0 ||
		parse_user(json, "user", &ret->author, err) < 0 ||
		parse_time(json, "created_at", &ret->created_s, err) < 0 ||
		parse_text(json, "html_url", ret->url, sizeof ret->url, err) < 0)
		return -1;
	ret->body = parse_body(json, "body");
	return 0;
}

void github_comment_release(struct github_comment *comment)
{
	free(comment->body);
	*comment = (struct github_comment){0};
}

/* As much of people's words as there is room for. */
static void parse_title(const json_t *json, char *buf, size_t size)
{
	CLEANUP(mem) char *title = parse_body(json, "title");
	size_t len = str_utf8_cut(title, strnlen(title, size - 1));

	memcpy(buf, title, len);
	buf[len] = '\0';
}

int parse_pull(const json_t *json, struct github_pull *ret, struct err *err)
{
	*ret = (struct github_pull){0};
	if (parse_id(json, "id", &ret->id, err) < 0 ||
		parse_id(json, "number", &ret->number, err) < 0 ||
		parse_user(json, "user", &ret->author, err) < 0 ||
		parse_text(json, "head.ref", ret->head_ref, sizeof ret->head_ref, err) <
			0 ||
		parse_text(json, "head.sha", ret->head_sha, sizeof ret->head_sha, err) <
			0 ||
		parse_text(json, "base.ref", ret->base_ref, sizeof ret->base_ref, err) <
			0 ||
		parse_text(json, "html_url", ret->url, sizeof ret->url, err) < 0)
		return -1;
	parse_title(json, ret->title, sizeof ret->title);
	ret->head_repo_id = json_or_int(json, "head.repo.id", 0);
	ret->open = str_eq(json_or_string(json, "state", ""), "open");
	/* A list has merged_at only, a single pull request both. */
	ret->merged = json_or_bool(json, "merged", false) ||
		      json_is_string(json_at(json, "merged_at"));
	ret->draft = json_or_bool(json, "draft", false);
	return 0;
}

int parse_repo(const json_t *json, struct github_repo_info *ret, struct err *err)
{
	*ret = (struct github_repo_info){0};
	if (parse_id(json, "id", &ret->id, err) < 0 ||
		parse_text(json, "owner.login", ret->owner, sizeof ret->owner, err) < 0 ||
		parse_text(json, "name", ret->name, sizeof ret->name, err) < 0 ||
		parse_text(json, "default_branch", ret->default_branch,
			sizeof ret->default_branch, err) < 0 ||
		parse_text(json, "clone_url", ret->clone_url, sizeof ret->clone_url,
			err) < 0 ||
		parse_text(json, "html_url", ret->html_url, sizeof ret->html_url, err) <
			0)
		return -1;
	/* Unknown visibility counts as private. */
	ret->private_ = json_or_bool(json, "private", true);
	ret->archived = json_or_bool(json, "archived", false);
	ret->fork = json_or_bool(json, "fork", false);
	ret->size_kib = json_or_int(json, "size", 0);
	return 0;
}

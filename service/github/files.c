/* SPDX-License-Identifier: MIT */
/* Small files and branches by the API, where no mirror is wanted. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/parse.h"

#include <string.h>

/* Pieces of a path: none empty, none that climbs. */
static int check_file_path(const char *path, struct err *err)
{
	const char *at = path;

	for (;;) {
		size_t len = strcspn(at, "/");

		if (len == 0 || (len == 1 && at[0] == '.') ||
			(len == 2 && at[0] == '.' && at[1] == '.'))
			return err_set(err, ERR_INPUT,
				"a file's path goes down from the repository's root");
		if (at[len] == '\0')
			return 0;
		at += len + 1;
	}
}

int parse_file(const json_t *json, size_t max, struct strbuf *out, struct err *err)
{
	const char *encoding = json_or_string(json, "encoding", "");
	const json_t *content = json_at(json, "content");
	int64_t size = json_or_int(json, "size", -1);

	if (!json_is_array(json) && !json_is_string(json_at(json, "type")))
		return err_set(
			err, ERR_INTERNAL, "GitHub's answer: type must be a string");
	if (!str_eq(json_or_string(json, "type", ""), "file"))
		return err_set(err, ERR_NOT_FOUND, "it is no file");
	/* Above 1 MiB GitHub tells the size and no content. */
	if (size < 0 || (uint64_t)size > max || !str_eq(encoding, "base64"))
		return err_set(err, ERR_LIMIT, "it has %lld bytes, at most %zu are read",
			(long long)size, max);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_GITHUB_ANSWER);
	CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT(LIMIT_GITHUB_ANSWER);
	const char *from = json_string_value(content);

	/* In lines of 60. */
	for (size_t i = 0; i < json_string_length(content); i++)
		if (from[i] != '\n')
			strbuf_addc(&text, from[i]);
	if (!json_is_string(content) ||
		!str_unbase64(&bytes, strbuf_str(&text), text.len))
		return err_set(
			err, ERR_INTERNAL, "GitHub's answer: content must be base64");
	if (bytes.len > max)
		return err_set(err, ERR_LIMIT, "it has %zu bytes, at most %zu are read",
			bytes.len, max);
	strbuf_add(out, strbuf_str(&bytes), bytes.len);
	return strbuf_check(out, "the file", err);
}

int github_file_get(struct github *gh, const struct github_repo *repo, const char *path,
	const char *ref, size_t max, struct strbuf *out, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	call.often = true;
	call.purpose = GITHUB_CLONE;
	if (check_file_path(path, err) < 0 || call_path_repo(&call, repo, err) < 0)
		return -1;
	call_path(&call, "/contents/");
	str_url_encode(&call.path, path, true);
	if (ref) {
		call_path(&call, "?ref=");
		call_path_text(&call, ref);
	}
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_file(reply.json, max, out, err) < 0)
		return err_wrap(err, "file %.200s", path);
	return 0;
}

/* "/repos/O/N/git/<ref>/heads/BRANCH" */
static int branch_path(struct call *call, const struct github_repo *repo, const char *ref,
	const char *branch, struct err *err)
{
	if (str_empty(branch) || strstr(branch, "..") || branch[0] == '/' ||
		strstr(branch, "//") || strstr(branch, "/./"))
		return err_set(err, ERR_INPUT, "that is no name of a branch");
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, ref);
	str_url_encode(&call->path, branch, true);
	return 0;
}

int github_branch_head(struct github *gh, const struct github_repo *repo,
	const char *branch, char ret_oid[GITHUB_OID_SIZE], struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	call.purpose = GITHUB_CLONE;
	if (branch_path(&call, repo, "/git/ref/heads/", branch, err) < 0)
		return -1;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_text(reply.json, "object.sha", ret_oid, GITHUB_OID_SIZE, err) < 0)
		return err_wrap(err, "branch %.200s", branch);
	return 0;
}

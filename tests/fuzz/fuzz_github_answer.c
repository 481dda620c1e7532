/* SPDX-License-Identifier: MIT */
/* Answers of GitHub: any JSON becomes a structure whose texts are clean, or an error. */
#include "boxcore/base/str.h"
#include "service/github/parse.h"
#include "service/github/refuse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void clean(const char *text)
{
	if (!text || !str_is_utf8(text, strlen(text)))
		abort();
	for (; *text; text++)
		if ((unsigned char)*text < ' ' && *text != '\n' && *text != '\t')
			abort();
}

static void check_more(const json_t *json)
{
	CLEANUP(strbuf) struct strbuf file = STRBUF_INIT(LIMIT_GITHUB_ANSWER);
	struct github_review_comment comment = {0};
	struct github_check check = {0};
	struct err err = {0};

	if (parse_review_comment(json, &comment, &err) == 0) {
		clean(comment.path);
		clean(comment.hunk);
		if (comment.line < 0 || comment.start < 0 ||
			(comment.start > 0 && comment.start >= comment.line))
			abort();
	}
	github_review_comment_release(&comment);
	if (parse_check(json, &check, &err) == 0)
		clean(check.output);
	free(check.output);
	if (parse_file(json, 100, &file, &err) == 0 ? file.len > 100 : file.len > 0)
		abort();
}

static void check_objects(const json_t *json)
{
	CLEANUP(github_issue) struct github_issue issue = {0};
	CLEANUP(github_comment) struct github_comment comment = {0};
	struct github_pull pull = {0};
	struct github_repo_info repo = {0};
	struct err err = {0};

	if (parse_issue(json, &issue, &err) == 0) {
		clean(issue.title);
		clean(issue.body);
		clean(issue.author.login);
		if (issue.id <= 0 || issue.number <= 0)
			abort();
	}
	if (parse_comment(json, &comment, &err) == 0)
		clean(comment.body);
	if (parse_pull(json, &pull, &err) == 0)
		clean(pull.head_ref);
	check_more(json);
	if (parse_repo(json, &repo, &err) == 0)
		clean(repo.clone_url);
}

/* The first line stands for headers, the rest for the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *newline = memchr(text, '\n', size);
	size_t head = newline ? (size_t)(newline - text) + 1 : 0;
	struct err err = {0};
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(http_answer) struct http_answer answer = {.status = 403};

	answer.headers.max = LIMIT_HTTP_HEAD;
	strbuf_add(&answer.headers, text, head);
	reply.json = json_parse(text + head, size - head, &err);
	check_objects(reply.json);
	if (size > 0)
		answer.status = 300 + data[0];
	refuse_error(&answer, &reply, 1700000000, &err);
	if (err.kind == ERR_NONE || err.retry_after_s < 0 || err.retry_after_s > 21600)
		abort();
	clean(err.text);
	return 0;
}

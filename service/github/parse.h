/* SPDX-License-Identifier: MIT */
/*
 * Inside service/github: fields of GitHub's answers into structures.
 *
 * Whatever a verb relies on must be there and of its type, else ERR_INTERNAL names the
 * field.  Text is cleaned on the way in.
 */
#ifndef SERVICE_GITHUB_PARSE_H
#define SERVICE_GITHUB_PARSE_H

#include "boxcore/base/json.h"
#include "service/github/github.h"

/* A fixed field: must be a string that fits, without control characters. */
int parse_text(
	const json_t *json, const char *path, char *buf, size_t size, struct err *err);
/* As parse_text, "" when missing or null. */
int parse_text_or_empty(
	const json_t *json, const char *path, char *buf, size_t size, struct err *err);
int parse_id(const json_t *json, const char *path, int64_t *ret, struct err *err);
/* Text by people, cleaned; "" when missing or null.  free() it. */
char *parse_body(const json_t *json, const char *path);
/* "2026-11-22T20:35:01Z" -> Unix seconds. */
int parse_time(const json_t *json, const char *path, int64_t *ret, struct err *err);
/* "Sun, 22 Nov 2026 20:35:01 GMT" -> Unix seconds, 0 when it is none. */
int64_t parse_http_date(const char *text);

/* A user object; null (a deleted account) gives id 0 and "ghost". */
int parse_user(
	const json_t *json, const char *path, struct github_user *ret, struct err *err);
int parse_issue(const json_t *json, struct github_issue *ret, struct err *err);
int parse_comment(const json_t *json, struct github_comment *ret, struct err *err);
int parse_pull(const json_t *json, struct github_pull *ret, struct err *err);
int parse_repo(const json_t *json, struct github_repo_info *ret, struct err *err);
int parse_review_comment(
	const json_t *json, struct github_review_comment *ret, struct err *err);
/* free() its output. */
int parse_check(const json_t *json, struct github_check *ret, struct err *err);
/* Appends what an answer about a file's content holds. */
int parse_file(const json_t *json, size_t max, struct strbuf *out, struct err *err);

#endif

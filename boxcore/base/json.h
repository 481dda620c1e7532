/* SPDX-License-Identifier: MIT */
/*
 * JSON by jansson, with getters that cannot mistake a missing value for zero.
 *
 * The only includer of <jansson.h>; everything that handles JSON includes this file.  A
 * tree belongs to one thread.  Parse with json_parse(): it allows \u0000 in text
 * (people's text holds it), so use json_string_length() on text from outside, never
 * strlen().
 *
 * `path` in the getters is dotted, "repository.owner.id", at most 8 parts; array elements
 * are not addressed.  Pointers are borrowed from the tree.
 */
#ifndef BOXCORE_BASE_JSON_H
#define BOXCORE_BASE_JSON_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

DEFINE_CLEANUP(json, json_t *, json_decref(*value))

/* Parses an untrusted document whose size the caller has bounded; nesting is bounded at
 * JSON_DEPTH_MAX before the parser sees it.  ERR_INPUT tells line and column. */
#define JSON_DEPTH_MAX 128
json_t *json_parse(const char *text, size_t len, struct err *err);
/* As json_parse, but a member that stands twice is an error: for our own API. */
json_t *json_parse_strict(const char *text, size_t len, struct err *err);

/* Compact text, appended.  ERR_LIMIT when it does not fit. */
int json_print(struct strbuf *sb, const json_t *json, struct err *err);

/* NULL when a part is missing, null or not an object. */
json_t *json_at(const json_t *json, const char *path);

/* The value or ERR_INPUT naming the path and what was expected. */
const char *json_need_string(const json_t *json, const char *path, struct err *err);
int json_need_id(
	const json_t *json, const char *path, int64_t *ret, struct err *err); /* > 0 */
int json_need_int(const json_t *json, const char *path, int64_t min, int64_t max,
	int64_t *ret, struct err *err);

/* The value, or the fallback when it is missing or of another type. */
const char *json_or_string(const json_t *json, const char *path, const char *fallback);
int64_t json_or_int(const json_t *json, const char *path, int64_t fallback);
double json_or_real(const json_t *json, const char *path, double fallback);
bool json_or_bool(const json_t *json, const char *path, bool fallback);

/* A JSON string of any bytes: invalid UTF-8 becomes U+FFFD.  Never NULL. */
json_t *json_text(const char *s, size_t len);
json_t *json_str(const char *s); /* as json_text for a C string; NULL gives null */

/* Sets a member (takes the value's reference; a key is made valid UTF-8 as text is);
 * aborts on a NULL value. */
void json_put(json_t *object, const char *key, json_t *value);

#endif

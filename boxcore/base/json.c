/* SPDX-License-Identifier: MIT */
/* Typed access to jansson trees; depth is bounded before the recursive parser runs. */
#include "boxcore/base/json.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

/* Counts brackets outside strings; cheap, and immune to a stack overflow in the parser.
 */
static bool too_deep(const char *text, size_t len)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static json_t *parse(const char *text, size_t len, size_t flags, struct err *err)
{
	json_error_t where;

	/* jansson ends a number at a NUL byte and goes on behind it. */
	if (memchr(text, '\0', len)) {
		err_set(err, ERR_INPUT, "JSON holds a NUL byte");
		return NULL;
	}
	if (too_deep(text, len)) {
		err_set(err, ERR_INPUT, "JSON is nested deeper than %d", JSON_DEPTH_MAX);
		return NULL;
	}
	json_t *json = json_loadb(text, len, flags | JSON_ALLOW_NUL, &where);
	if (!json)
		err_set(err, ERR_INPUT, "JSON, line %d, column %d: %s", where.line,
			where.column, where.text);
	return json;
}

json_t *json_parse(const char *text, size_t len, struct err *err)
{
	return parse(text, len, 0, err);
}

json_t *json_parse_strict(const char *text, size_t len, struct err *err)
{
	return parse(text, len, JSON_REJECT_DUPLICATES, err);
}

static int append_text(const char *buffer, size_t size, void *data)
{
	struct strbuf *sb = data;

	strbuf_add(sb, buffer, size);
	return strbuf_failed(sb) ? -1 : 0;
}

int json_print(struct strbuf *sb, const json_t *json, struct err *err)
{
	if (json_dump_callback(json, append_text, sb, JSON_COMPACT | JSON_ENCODE_ANY) ==
		0)
		return 0;
	if (strbuf_check(sb, "JSON text", err) < 0)
		return -1;
	return err_set(err, ERR_INTERNAL, "JSON tree cannot be printed");
}

json_t *json_at(const json_t *json, const char *path)
{
	char part[64];

	for (int i = 0; i < 8; i++) {
		size_t n = strcspn(path, ".");
		if (n >= sizeof part || !json_is_object(json))
			return NULL;
		memcpy(part, path, n);
		part[n] = '\0';
		json = json_object_get(json, part);
		if (!path[n])
			return json_is_null(json) ? NULL : (json_t *)(uintptr_t)json;
		path += n + 1;
	}
	return NULL;
}

const char *json_need_string(const json_t *json, const char *path, struct err *err)
{
	const json_t *value = json_at(json, path);

	if (json_is_string(value))
		return json_string_value(value);
	err_set(err, ERR_INPUT, "`%s` is missing or not a string", path);
	return NULL;
}

int json_need_int(const json_t *json, const char *path, int64_t min, int64_t max,
	int64_t *ret, struct err *err)
{
	const json_t *value = json_at(json, path);

	if (!json_is_integer(value))
		return err_set(err, ERR_INPUT, "`%s` is missing or not an integer", path);
	int64_t n = json_integer_value(value);
	if (n < min || n > max)
		return err_set(err, ERR_INPUT, "`%s` is %lld, outside %lld to %lld", path,
			(long long)n, (long long)min, (long long)max);
	*ret = n;
	return 0;
}

int json_need_id(const json_t *json, const char *path, int64_t *ret, struct err *err)
{
	return json_need_int(json, path, 1, INT64_MAX, ret, err);
}

const char *json_or_string(const json_t *json, const char *path, const char *fallback)
{
	const json_t *value = json_at(json, path);

	return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t json_or_int(const json_t *json, const char *path, int64_t fallback)
{
	const json_t *value = json_at(json, path);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double json_or_real(const json_t *json, const char *path, double fallback)
{
	const json_t *value = json_at(json, path);

	return json_is_number(value) ? json_number_value(value) : fallback;
}

bool json_or_bool(const json_t *json, const char *path, bool fallback)
{
	const json_t *value = json_at(json, path);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

json_t *json_text(const char *s, size_t len)
{
	json_t *value = json_stringn(s, len);

	if (value)
		return value;
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	str_clean_utf8(&clean, s, len, true);
	value = json_stringn(strbuf_str(&clean), clean.len);
	if (!value)
		abort();
	return value;
}

json_t *json_str(const char *s)
{
	return s ? json_text(s, strlen(s)) : json_null();
}

void json_put(json_t *object, const char *key, json_t *value)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	if (!str_is_utf8(key, strlen(key))) {
		str_clean_utf8(&clean, key, strlen(key), true);
		key = strbuf_str(&clean);
	}
	if (!value || json_object_set_new(object, key, value) < 0)
		abort();
}

/* SPDX-License-Identifier: MIT */
/*
 * Whether an agent's answer is the JSON that was asked for.
 *
 * The schema is the caller's and the client checks the answer once more with its own; this
 * looks at what agents get wrong: no JSON at all, a wrong type, a member that is missing.
 * Words of JSON Schema that are not known here forbid nothing.
 */
#include "service/box/agent.h"

#include <string.h>

#define DEPTH_MAX 64
#define STEPS_MAX 200000

/* ---- the check ------------------------------------------------------------------------- */

struct check {
	const json_t *root;
	struct strbuf path; /* "items.3.name" */
	int depth;
	int steps; /* a schema that refers to itself may be walked without end */
};

static int check(
	struct check *c, const json_t *value, const json_t *schema, struct err *err);

static const char *place(const struct check *c)
{
	return c->path.len ? strbuf_str(&c->path) : "the answer";
}

static bool is_type(const json_t *value, const char *type)
{
	if (str_eq(type, "integer"))
		return json_is_integer(value) ||
		       (json_is_real(value) &&
			       json_real_value(value) ==
				       (double)(long long)json_real_value(value));
	return (str_eq(type, "object") && json_is_object(value)) ||
	       (str_eq(type, "array") && json_is_array(value)) ||
	       (str_eq(type, "string") && json_is_string(value)) ||
	       (str_eq(type, "number") && json_is_number(value)) ||
	       (str_eq(type, "boolean") && json_is_boolean(value)) ||
	       (str_eq(type, "null") && json_is_null(value));
}

static int check_type(
	struct check *c, const json_t *value, const json_t *type, struct err *err)
{
	size_t i;
	json_t *one;

	if (json_is_string(type) && !is_type(value, json_string_value(type)))
		return err_set(err, ERR_INPUT, "%s is no %.40s", place(c),
			json_string_value(type));
	if (!json_is_array(type) || json_array_size(type) == 0)
		return 0;
	json_array_foreach (type, i, one) {
		if (json_is_string(one) && is_type(value, json_string_value(one)))
			return 0;
	}
	return err_set(err, ERR_INPUT, "%s has none of its types", place(c));
}

/* With the path longer by a part. */
static int check_below(struct check *c, const char *part, const json_t *value,
	const json_t *schema, struct err *err)
{
	size_t was = c->path.len;

	strbuf_addf(&c->path, "%s%.100s", was ? "." : "", part);
	int rc = check(c, value, schema, err);
	if (c->path.len > was) {
		c->path.len = was;
		c->path.data[was] = '\0';
	}
	c->path.failed = false;
	return rc;
}

static int check_members(
	struct check *c, const json_t *value, const json_t *schema, struct err *err)
{
	const json_t *required = json_object_get(schema, "required");
	json_t *properties = json_object_get(schema, "properties");
	const json_t *more = json_object_get(schema, "additionalProperties");
	const char *key;
	json_t *member, *name;
	size_t i;

	json_array_foreach (required, i, name) {
		if (json_is_string(name) &&
			!json_object_get(value, json_string_value(name)))
			return err_set(err, ERR_INPUT, "%s lacks \"%.100s\"", place(c),
				json_string_value(name));
	}
	void *at = json_object_iter((json_t *)(uintptr_t)value);
	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
		key = json_object_iter_key(at);
		member = json_object_iter_value(at);
		const json_t *its = json_object_get(properties, key);
		if (!its && json_is_false(more))
			return err_set(
				err, ERR_INPUT, "%s has \"%.100s\" too", place(c), key);
		if (!its && json_is_object(more))
			its = more;
		if (its && check_below(c, key, member, its, err) < 0)
			return -1;
	}
	return 0;
}

static int check_items(
	struct check *c, const json_t *value, const json_t *schema, struct err *err)
{
	const json_t *items = json_object_get(schema, "items");
	size_t i;
	json_t *item;

	if (!json_is_object(items))
		return 0;
	json_array_foreach (value, i, item) {
		char part[24];

		snprintf(part, sizeof part, "%zu", i);
		if (check_below(c, part, item, items, err) < 0)
			return -1;
	}
	return 0;
}

static int check_enum(
	struct check *c, const json_t *value, const json_t *schema, struct err *err)
{
	const json_t *words = json_object_get(schema, "enum");
	const json_t *constant = json_object_get(schema, "const");
	size_t i;
	json_t *word;

	if (constant && !json_equal(constant, value))
		return err_set(err, ERR_INPUT, "%s has another value", place(c));
	if (!json_is_array(words))
		return 0;
	json_array_foreach (words, i, word) {
		if (json_equal(word, value))
			return 0;
	}
	return err_set(err, ERR_INPUT, "%s is none of its values", place(c));
}

static int check_any(
	struct check *c, const json_t *value, const json_t *list, struct err *err)
{
	struct err last = {0};
	size_t i;
	json_t *schema;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return 0;
	json_array_foreach (list, i, schema) {
		if (check(c, value, schema, &last) == 0)
			return 0;
	}
	*err = last;
	return -1;
}

static int check_all(
	struct check *c, const json_t *value, const json_t *list, struct err *err)
{
	size_t i;
	json_t *schema;

	json_array_foreach (list, i, schema) {
		if (check(c, value, schema, err) < 0)
			return -1;
	}
	return 0;
}

/* "#/$defs/name"; NULL for any other. */
static const json_t *referred(const struct check *c, const char *ref)
{
	static const char *const folders[] = {"$defs", "definitions"};

	if (str_eq(ref, "#"))
		return c->root;
	for (size_t i = 0; ref && i < ARRAY_LEN(folders); i++) {
		size_t len = strlen(folders[i]);

		if (strncmp(ref, "#/", 2) == 0 &&
			strncmp(ref + 2, folders[i], len) == 0 && ref[2 + len] == '/')
			return json_object_get(
				json_object_get(c->root, folders[i]), ref + 3 + len);
	}
	return NULL;
}

static int check_one(
	struct check *c, const json_t *value, const json_t *schema, struct err *err)
{
	const json_t *ref =
		referred(c, json_string_value(json_object_get(schema, "$ref")));

	if (ref && check(c, value, ref, err) < 0)
		return -1;
	if (check_type(c, value, json_object_get(schema, "type"), err) < 0 ||
		check_enum(c, value, schema, err) < 0 ||
		check_any(c, value, json_object_get(schema, "anyOf"), err) < 0 ||
		check_any(c, value, json_object_get(schema, "oneOf"), err) < 0 ||
		check_all(c, value, json_object_get(schema, "allOf"), err) < 0)
		return -1;
	if (json_is_object(value))
		return check_members(c, value, schema, err);
	return json_is_array(value) ? check_items(c, value, schema, err) : 0;
}

static int check(
	struct check *c, const json_t *value, const json_t *schema, struct err *err)
{
	if (c->depth >= DEPTH_MAX || ++c->steps > STEPS_MAX || !json_is_object(schema))
		return 0;
	c->depth++;
	int rc = check_one(c, value, schema, err);
	c->depth--;
	return rc;
}

int agent_schema_check(const json_t *value, const json_t *schema, struct err *err)
{
	struct check c = {.root = schema, .path = STRBUF_INIT(300)};
	int rc = check(&c, value, schema, err);

	strbuf_release(&c.path);
	return rc;
}

/* ---- the answer ------------------------------------------------------------------------ */

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && strchr(" \t\r\n", **text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && strchr(" \t\r\n", (*text)[*len - 1]))
		(*len)--;
}

/* Inside the first code fence, if there is one. */
static bool unfence(const char **text, size_t *len)
{
	const char *open = memmem(*text, *len, "```", 3);
	const char *end = *text + *len;
	const char *line = open ? memchr(open, '\n', (size_t)(end - open)) : NULL;
	const char *close = line ? memmem(line, (size_t)(end - line), "\n```", 4) : NULL;

	if (!close)
		return false;
	*text = line + 1;
	*len = close > line ? (size_t)(close - line - 1) : 0;
	trim(text, len);
	return true;
}

/* From the first bracket to the last that may close it. */
static bool between(const char **text, size_t *len)
{
	size_t from = 0, to = *len;

	while (from < *len && (*text)[from] != '{' && (*text)[from] != '[')
		from++;
	if (from == *len)
		return false;
	char close = (*text)[from] == '{' ? '}' : ']';
	while (to > from && (*text)[to - 1] != close)
		to--;
	if (to <= from + 1)
		return false;
	*text += from;
	*len = to - from;
	return true;
}

/* Any value, also a plain string or number: as one element of a list. */
static json_t *parse_any(const char *text, size_t len)
{
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_STORE_TEXT);
	struct err ignored = {0};

	strbuf_addc(&list, '[');
	strbuf_add(&list, text, len);
	strbuf_addc(&list, ']');
	if (len == 0 || strbuf_failed(&list))
		return NULL;
	CLEANUP(json) json_t *parsed = json_parse(list.data, list.len, &ignored);
	return json_array_size(parsed) == 1 ? json_incref(json_array_get(parsed, 0))
					    : NULL;
}

char *agent_schema_answer(const char *answer, const json_t *schema, struct err *err)
{
	const char *text = answer;
	size_t len = strlen(answer);

	trim(&text, &len);
	CLEANUP(json) json_t *value = parse_any(text, len);
	if (!value && unfence(&text, &len))
		value = parse_any(text, len);
	if (!value && between(&text, &len))
		value = parse_any(text, len);
	if (!value) {
		err_set(err, ERR_INPUT, "it holds no JSON");
		return NULL;
	}
	if (agent_schema_check(value, schema, err) < 0)
		return NULL;
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_STORE_TEXT);
	/* json_print() is for documents; a bare value is one of a list here. */
	CLEANUP(json) json_t *list = json_array();
	json_array_append(list, value);
	if (json_print(&out, list, err) < 0)
		return NULL;
	return mem_strndup(out.data + 1, out.len - 2);
}

/* SPDX-License-Identifier: MIT */
/* One member at a time out of a task's `about`. */
#include "service/task/about.h"

#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"

#include <string.h>

static json_t *parse(const char *about)
{
	struct err ignored = {0};
	json_t *json =
		about && *about ? json_parse(about, strlen(about), &ignored) : NULL;

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

char *about_text(const char *about, const char *key)
{
	CLEANUP(json) json_t *json = parse(about);
	const char *value = json_string_value(json_object_get(json, key));

	return mem_strdup(value ? value : "");
}

int64_t about_number(const char *about, const char *key)
{
	CLEANUP(json) json_t *json = parse(about);
	json_int_t value = json_integer_value(json_object_get(json, key));

	return value > 0 ? (int64_t)value : 0;
}

bool about_flag(const char *about, const char *key)
{
	CLEANUP(json) json_t *json = parse(about);

	return json_is_true(json_object_get(json, key));
}

bool about_is_inline(const char *about)
{
	CLEANUP(json) json_t *json = parse(about);

	return json_is_string(json_object_get(json, "path")) ||
	       json_is_integer(json_object_get(json, "in_reply_to"));
}

/* SPDX-License-Identifier: MIT */
/*
 * The JSON Schema of a repository's file, made from the same table as its parser.
 *
 * It says no more than the parser does: lengths count characters where the parser counts
 * bytes, and a text may look like a number, because YAML's plain words do.
 */
#include "service/config/repo_config-internal.h"

#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

static json_t *text_type(void)
{
	return json_pack("[sss]", "string", "number", "boolean");
}

static json_t *words(const char *list)
{
	json_t *array = json_array();

	for (;;) {
		size_t len = strcspn(list, "|");

		if (len > 0)
			json_array_append_new(array, json_stringn(list, len));
		if (!list[len])
			return array;
		list += len + 1;
	}
}

static json_t *number(double value)
{
	return (double)(int64_t)value == value ? json_integer((int64_t)value)
					       : json_real(value);
}

/* Of texts alone: a number has no length. */
static void put_length(json_t *schema, double min, double max)
{
	json_put(schema, "minLength", number(min));
	json_put(schema, "maxLength", number(max));
}

static json_t *item_schema(const struct setting *setting)
{
	json_t *item = json_object();

	if (setting->flags & CONFIG_ID) {
		json_put(item, "type", json_pack("[ss]", "integer", "string"));
		json_put(item, "minimum", json_integer(1));
		json_put(item, "pattern", json_str("^[0-9]+$"));
	} else if (!str_empty(setting->text)) {
		json_put(item, "enum", words(setting->text));
	} else {
		json_put(item, "type", text_type());
		put_length(item, 1,
			setting->flags & CONFIG_LINES ? SETTING_LINES_MAX
						      : SETTING_ITEM_MAX);
	}
	return item;
}

/* ---- schedules -------------------------------------------------------------------------- */

static json_t *ready_names(void)
{
	json_t *names = json_array();

	for (const struct schedule_ready *r = schedule_ready; r->name; r++)
		json_array_append_new(names, json_str(r->name));
	return names;
}

/* As schedule_config.c reads them. */
static json_t *job_schema(void)
{
	static const char text[] =
		"{\"type\":\"object\",\"additionalProperties\":false,"
		"\"required\":[\"name\",\"when\"],"
		"\"oneOf\":[{\"required\":[\"run\"]},{\"required\":[\"prompt\"]},"
		"{\"required\":[\"use\"]}],"
		"\"properties\":{"
		"\"name\":{\"type\":[\"string\",\"number\"],"
		"\"pattern\":\"^[a-z0-9][a-z0-9-]*$\",\"maxLength\":40,"
		"\"description\":\"names the job, its branch and its pull request\"},"
		"\"when\":{\"type\":\"string\",\"minLength\":1,\"description\":"
		"\"five fields of cron, or words: daily around 6:00, weekly on monday\"},"
		"\"timezone\":{\"type\":\"string\",\"minLength\":1,"
		"\"description\":\"IANA name; else UTC\"},"
		"\"scatter\":{\"type\":\"boolean\"},"
		"\"enabled\":{\"type\":\"boolean\"},"
		"\"run\":{\"$ref\":\"#/$defs/texts\",\"description\":"
		"\"commands; no model\"},"
		"\"prompt\":{\"$ref\":\"#/$defs/text\",\"description\":"
		"\"what an agent is to do\"},"
		"\"use\":{\"description\":\"a ready job\"},"
		"\"with\":{\"type\":\"object\",\"maxProperties\":8,"
		"\"additionalProperties\":{\"$ref\":\"#/$defs/text\"},"
		"\"description\":\"options of the ready job\"},"
		"\"title\":{\"$ref\":\"#/$defs/text\",\"description\":"
		"\"of the pull request\"},"
		"\"labels\":{\"$ref\":\"#/$defs/texts\"},"
		"\"harness\":{\"enum\":[\"claude-code\",\"codex\",\"custom\"]},"
		"\"model\":{\"$ref\":\"#/$defs/text\"},"
		"\"minutes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1440},"
		"\"cost_usd\":{\"type\":\"number\",\"minimum\":0.01,\"maximum\":10000}}}";
	struct err err = {0};
	json_t *job = json_parse(text, strlen(text), &err);

	json_put(json_object_get(json_object_get(job, "properties"), "use"), "enum",
		ready_names());
	return job;
}

static json_t *definitions(void)
{
	json_t *text = json_object(), *texts = json_object(), *all = json_object();

	json_put(text, "type", text_type());
	json_put(text, "minLength", json_integer(1));
	json_put(texts, "anyOf",
		json_pack("[{ss}, {sss{ss}sisi}]", "$ref", "#/$defs/text", "type",
			"array", "items", "$ref", "#/$defs/text", "minItems", 1,
			"maxItems", SCHEDULE_COMMANDS_MAX));
	json_put(all, "text", text);
	json_put(all, "texts", texts);
	json_put(all, "job", job_schema());
	return all;
}

/* ---- settings --------------------------------------------------------------------------- */

static void put_list(json_t *schema, const struct setting *setting, json_t *item)
{
	json_put(schema, "type", json_str("array"));
	json_put(schema, "maxItems", number(setting->max));
	json_put(schema, "items", item);
}

static void put_text(json_t *schema, const struct setting *setting)
{
	json_put(schema, "type", text_type());
	put_length(schema, setting->min, setting->max);
	if (setting->flags & CONFIG_REF)
		json_put(schema, "pattern", json_str("^[A-Za-z0-9_][A-Za-z0-9._/-]*$"));
	if (setting->flags & CONFIG_IMAGE)
		json_put(schema, "pattern", json_str("^[A-Za-z0-9][A-Za-z0-9_./:@-]*$"));
}

static void put_number(json_t *schema, const struct setting *setting, const char *type)
{
	json_put(schema, "type", json_str(type));
	json_put(schema, "minimum", number(setting->min));
	json_put(schema, "maximum", number(setting->max));
}

static json_t *setting_schema(const struct setting *setting)
{
	json_t *schema = json_object();

	json_put(schema, "description", json_str(setting->sentence));
	switch (setting->type) {
	case SETTING_TEXT: put_text(schema, setting); break;
	case SETTING_CHOICE: json_put(schema, "enum", words(setting->text)); break;
	case SETTING_INT: put_number(schema, setting, "integer"); break;
	case SETTING_REAL: put_number(schema, setting, "number"); break;
	case SETTING_BOOL: json_put(schema, "type", json_str("boolean")); break;
	case SETTING_LIST:
	case SETTING_ARGV: put_list(schema, setting, item_schema(setting)); break;
	case SETTING_SCHEDULES:
		put_list(schema, setting, json_pack("{ss}", "$ref", "#/$defs/job"));
		break;
	case SETTING_SECRET:
	case SETTING_SECRETS:
	case SETTING_PRICES: break; /* a repository has none */
	}
	return schema;
}

/* ---- the tree of keys ------------------------------------------------------------------- */

/* The group that a row's key goes into, made by its first row.  What is in a group may all be
 * commented out. */
static json_t *group_of(json_t *keys, const char *path, const char **ret_name)
{
	const char *dot = strchr(path, '.');

	*ret_name = dot ? dot + 1 : path;
	if (!dot)
		return keys;
	CLEANUP(mem) char *name = mem_strndup(path, (size_t)(dot - path));
	json_t *group = json_object_get(keys, name);
	if (!group) {
		group = json_object();
		json_put(group, "type", json_pack("[ss]", "object", "null"));
		json_put(group, "additionalProperties", json_false());
		json_put(group, "properties", json_object());
		json_put(keys, name, group);
	}
	return json_object_get(group, "properties");
}

void repo_config_schema(struct strbuf *out)
{
	json_t *keys = json_object();
	CLEANUP(json) json_t *schema = json_object();

	for (size_t i = 0; i < REPO_ROWS; i++) {
		const char *name;
		json_t *into = group_of(keys, repo_rows[i].path, &name);

		json_put(into, name, setting_schema(&repo_rows[i]));
	}
	json_put(schema, "$schema",
		json_str("https://json-schema.org/draft/2020-12/schema"));
	json_put(schema, "title", json_str(".github/boxwright.yml"));
	json_put(schema, "description",
		json_str("What a repository says about itself to Boxwright"));
	json_put(schema, "type", json_str("object"));
	json_put(schema, "required", json_pack("[s]", "version"));
	json_put(schema, "additionalProperties", json_false());
	/* The box has one image: check_file() in repo_config.c. */
	json_put(schema, "not", json_pack("{s:[s,s]}", "required", "image", "runtime"));
	json_put(schema, "properties", keys);
	json_put(schema, "$defs", definitions());
	char *text = json_dumps(schema, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	strbuf_adds(out, text);
	strbuf_addc(out, '\n');
	free(text);
}

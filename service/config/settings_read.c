/* SPDX-License-Identifier: MIT */
/* From a YAML tree into a structure: each key is looked up in the table. */
#include "service/config/settings.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/config/yaml_tree.h"

#include <stdio.h>
#include <string.h>

#define PATH_SIZE 128

struct read {
	const struct settings *settings;
	void *base;
	const char *name;
	struct setting_place *places;
};

/* Puts "name:line:column: path: " before what err says. */
static int at_node(const struct read *read, const struct yaml_node *node,
	const char *path, struct err *err)
{
	return err_wrap(err, "%s:%d:%d: %s", read->name, node->line, node->column, path);
}

static const struct setting *find(const struct read *read, const char *path)
{
	for (size_t i = 0; i < read->settings->count; i++)
		if (str_eq(read->settings->rows[i].path, path))
			return &read->settings->rows[i];
	return NULL;
}

static bool is_group(const struct read *read, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < read->settings->count; i++) {
		const char *row = read->settings->rows[i].path;

		if (str_starts(row, path) && row[len] == '.')
			return true;
	}
	return false;
}

static bool is_nothing(const struct yaml_node *node)
{
	return node->kind == YAML_TEXT && !node->quoted &&
	       (str_empty(node->text) || str_eq(node->text, "~") ||
		       str_eq(node->text, "null"));
}

static int wrong(const struct setting *setting, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_LOG_LINE);

	settings_expected(setting, &text);
	return err_set(err, ERR_INPUT, "must be %s", strbuf_str(&text));
}

static void *member(const struct read *read, const struct setting *setting)
{
	return (char *)read->base + setting->offset;
}

/* ---- values by type ------------------------------------------------------------------- */

static int read_list(const struct read *read, const struct setting *setting,
	const struct yaml_node *node, struct err *err)
{
	struct config_list *list = member(read, setting);

	if (node->kind != YAML_LIST || node->count > (size_t)setting->max)
		return wrong(setting, err);
	settings_list_release(list);
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *item = &node->children[i];

		if (item->kind != YAML_TEXT || is_nothing(item))
			return wrong(setting, err);
		if (settings_add_item(
			    setting, list, item->text, strlen(item->text), err) < 0)
			return err_wrap(err, "line %d", item->line);
	}
	return 0;
}

static int read_price_number(const struct yaml_node *node, double *ret, struct err *err)
{
	if (node->kind != YAML_TEXT || node->quoted ||
		!str_to_double(node->text, 0, 10000, ret))
		return err_set(err, ERR_INPUT,
			"line %d: a price must be a number from 0 to 10000", node->line);
	return 0;
}

static int read_price_key(struct config_price *price, const char *key,
	const struct yaml_node *value, struct err *err)
{
	if (str_eq(key, "model")) {
		if (value->kind != YAML_TEXT || str_empty(value->text) ||
			strlen(value->text) > 128)
			return err_set(err, ERR_INPUT,
				"line %d: model must be a text of 1 to 128 bytes",
				value->line);
		free(price->model);
		price->model = mem_strdup(value->text);
		return 0;
	}
	if (str_eq(key, "input"))
		return read_price_number(value, &price->input, err);
	if (str_eq(key, "output"))
		return read_price_number(value, &price->output, err);
	if (str_eq(key, "cache_read"))
		return read_price_number(value, &price->cache_read, err);
	if (str_eq(key, "cache_write"))
		return read_price_number(value, &price->cache_write, err);
	return err_set(err, ERR_INPUT,
		"line %d: '%.64s' is no part of a price (model, input, output, "
		"cache_read, cache_write)",
		value->line, key);
}

static int read_price(
	const struct yaml_node *node, struct config_price *price, struct err *err)
{
	price->input = price->output = price->cache_read = price->cache_write = -1;
	if (node->kind != YAML_MAP)
		return err_set(err, ERR_INPUT,
			"line %d: a price must be {model, input, output}", node->line);
	for (size_t i = 0; i + 1 < node->count; i += 2)
		if (read_price_key(price, node->children[i].text, &node->children[i + 1],
			    err) < 0)
			return -1;
	if (!price->model || price->input < 0 || price->output < 0)
		return err_set(err, ERR_INPUT,
			"line %d: a price needs model, input and output", node->line);
	if (price->cache_read < 0)
		price->cache_read = price->input / 10;
	if (price->cache_write < 0)
		price->cache_write = price->input * 1.25;
	return 0;
}

static int read_prices(const struct read *read, const struct setting *setting,
	const struct yaml_node *node, struct err *err)
{
	struct config_prices *prices = member(read, setting);

	if (node->kind != YAML_LIST || node->count > (size_t)setting->max)
		return wrong(setting, err);
	settings_release(setting, 1, read->base);
	prices->items = mem_array(node->count, sizeof *prices->items);
	prices->count = node->count;
	for (size_t i = 0; i < node->count; i++)
		if (read_price(&node->children[i], &prices->items[i], err) < 0)
			return -1;
	return 0;
}

static int read_schedules(const struct read *read, const struct setting *setting,
	const struct yaml_node *node, struct err *err)
{
	settings_release(setting, 1, read->base);
	return schedules_read(member(read, setting), node, (size_t)setting->max,
		setting->flags & CONFIG_OPERATOR, err);
}

static int read_file(const struct read *read, const struct setting *setting,
	const struct yaml_node *node, struct err *err)
{
	if (node->kind != YAML_TEXT || strlen(node->text) > LIMIT_PATH)
		return wrong(setting, err);
	if (!read->settings->on_file)
		return err_set(err, ERR_INPUT, "secrets have no place here");
	return read->settings->on_file(read->settings->arg, setting, node->text, err);
}

static int read_value(const struct read *read, const struct setting *setting,
	const struct yaml_node *node, struct err *err)
{
	switch (setting->type) {
	case SETTING_LIST:
	case SETTING_ARGV: return read_list(read, setting, node, err);
	case SETTING_PRICES: return read_prices(read, setting, node, err);
	case SETTING_SCHEDULES: return read_schedules(read, setting, node, err);
	case SETTING_SECRET:
	case SETTING_SECRETS: return read_file(read, setting, node, err);
	case SETTING_INT:
	case SETTING_REAL:
	case SETTING_BOOL:
		if (node->kind != YAML_TEXT || node->quoted)
			return wrong(setting, err);
		return settings_set(setting, read->base, node->text, err);
	case SETTING_CHOICE: /* "" stands in a table for "not said" */
		if (node->kind != YAML_TEXT || str_empty(node->text))
			return wrong(setting, err);
		return settings_set(setting, read->base, node->text, err);
	case SETTING_TEXT:
		if (node->kind != YAML_TEXT)
			return wrong(setting, err);
		return settings_set(setting, read->base, node->text, err);
	}
	return wrong(setting, err);
}

/* ---- keys ----------------------------------------------------------------------------- */

static int read_map(const struct read *read, const struct yaml_node *map,
	const char *prefix, struct err *err);

static int read_setting(const struct read *read, const struct setting *setting,
	const struct yaml_node *key, const struct yaml_node *value, struct err *err)
{
	if (read->places)
		read->places[setting - read->settings->rows] =
			(struct setting_place){key->line, key->column};
	if (is_nothing(value)) {
		err_set(err, ERR_INPUT, "has no value: give one or leave the key out");
		return at_node(read, value, setting->path, err);
	}
	if (read_value(read, setting, value, err) < 0)
		return at_node(read, value, setting->path, err);
	return 0;
}

static int read_key(const struct read *read, const struct yaml_node *key,
	const struct yaml_node *value, const char *prefix, struct err *err)
{
	const struct setting *setting;
	char path[PATH_SIZE];
	int n = snprintf(
		path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key->text);

	/* A dot in a key would reach into a group from outside of it. */
	if (n < 0 || n >= PATH_SIZE || strchr(key->text, '.'))
		return err_set(err, ERR_INPUT, "%s:%d:%d: unknown key '%.64s'",
			read->name, key->line, key->column, key->text);
	setting = find(read, path);
	if (setting)
		return read_setting(read, setting, key, value, err);
	if (!is_group(read, path))
		return err_set(err, ERR_INPUT, "%s:%d:%d: unknown key '%s'", read->name,
			key->line, key->column, path);
	if (is_nothing(value))
		return 0; /* everything in it is commented out */
	if (value->kind != YAML_MAP) {
		err_set(err, ERR_INPUT, "must have keys below it");
		return at_node(read, value, path, err);
	}
	return read_map(read, value, path, err);
}

static int read_map(const struct read *read, const struct yaml_node *map,
	const char *prefix, struct err *err)
{
	for (size_t i = 0; i + 1 < map->count; i += 2)
		if (read_key(read, &map->children[i], &map->children[i + 1], prefix,
			    err) < 0)
			return -1;
	return 0;
}

int settings_read(const struct settings *settings, void *base, const char *name,
	const char *text, size_t len, struct setting_place *places, struct err *err)
{
	struct read read = {settings, base, name, places};
	CLEANUP(yaml_tree) struct yaml_node *root = NULL;

	if (yaml_tree_read(&root, name, text, len, err) < 0)
		return -1;
	if (!root || is_nothing(root))
		return 0;
	if (root->kind != YAML_MAP)
		return err_set(err, ERR_INPUT, "%s:%d:%d: must be a list of `key: value`",
			name, root->line, root->column);
	return read_map(&read, root, "", err);
}

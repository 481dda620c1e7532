/* SPDX-License-Identifier: MIT */
/* From libyaml's events to a bounded tree; a stack of open nodes instead of recursion. */
#include "service/config/yaml_tree.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>
#include <yaml.h>

DEFINE_CLEANUP(event, yaml_event_t, yaml_event_delete(value))
DEFINE_CLEANUP(parser, yaml_parser_t, yaml_parser_delete(value))

struct reader {
	const char *name;
	struct yaml_node *root;
	struct yaml_node *open[YAML_DEPTH_MAX]; /* from the root to the innermost */
	int depth;
	int nodes;
	int documents;
	bool end;
};

static int refuse(const struct reader *reader, const yaml_event_t *event, const char *why,
	struct err *err)
{
	return err_set(err, ERR_INPUT, "%s:%zu:%zu: %s", reader->name,
		event->start_mark.line + 1, event->start_mark.column + 1, why);
}

/* Children move when the array grows; only the innermost open node ever gets a child,
 * and its own address stays meanwhile. */
static struct yaml_node *add_child(struct yaml_node *parent)
{
	if (parent->count == parent->capacity) {
		parent->capacity = parent->capacity ? parent->capacity * 2 : 4;
		parent->children = mem_grow(
			parent->children, parent->capacity, sizeof *parent->children);
	}
	struct yaml_node *node = &parent->children[parent->count++];
	memset(node, 0, sizeof *node);
	return node;
}

static bool is_key(const struct reader *reader)
{
	const struct yaml_node *top;

	if (!reader->depth)
		return false;
	top = reader->open[reader->depth - 1];
	return top->kind == YAML_MAP && top->count % 2 == 0;
}

static struct yaml_node *new_node(struct reader *reader, const yaml_event_t *event,
	enum yaml_kind kind, struct err *err)
{
	struct yaml_node *node;

	if (++reader->nodes > YAML_NODES_MAX) {
		err_set(err, ERR_LIMIT, "%s: more than %d values", reader->name,
			YAML_NODES_MAX);
		return NULL;
	}
	if (kind != YAML_TEXT && is_key(reader)) {
		refuse(reader, event, "a key must be plain text", err);
		return NULL;
	}
	if (reader->depth) {
		node = add_child(reader->open[reader->depth - 1]);
	} else {
		node = mem_zalloc(sizeof *node);
		reader->root = node;
	}
	node->kind = kind;
	node->line = (int)event->start_mark.line + 1;
	node->column = (int)event->start_mark.column + 1;
	return node;
}

static int on_open(struct reader *reader, const yaml_event_t *event, enum yaml_kind kind,
	struct err *err)
{
	struct yaml_node *node;

	if (reader->depth == YAML_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s:%zu:%zu: nested more than %d deep",
			reader->name, event->start_mark.line + 1,
			event->start_mark.column + 1, YAML_DEPTH_MAX);
	node = new_node(reader, event, kind, err);
	if (!node)
		return -1;
	reader->open[reader->depth++] = node;
	return 0;
}

static int refuse_twice(
	const struct reader *reader, const yaml_event_t *event, struct err *err)
{
	const struct yaml_node *map = reader->open[reader->depth - 1];
	const char *key = map->children[map->count - 1].text;

	for (size_t i = 0; i + 2 < map->count; i += 2)
		if (str_eq(map->children[i].text, key)) {
			char why[128];

			snprintf(why, sizeof why, "'%.64s' stands here twice", key);
			return refuse(reader, event, why, err);
		}
	return 0;
}

static int on_text(struct reader *reader, const yaml_event_t *event, struct err *err)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	bool key = is_key(reader);
	struct yaml_node *node;

	if (memchr(value, 0, len))
		return refuse(reader, event, "a NUL character is not allowed", err);
	node = new_node(reader, event, YAML_TEXT, err);
	if (!node)
		return -1;
	node->text = mem_strndup(value, len);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return key ? refuse_twice(reader, event, err) : 0;
}

/* libyaml gives each kind of node its anchor and tag in another place. */
static int refuse_extras(
	const struct reader *reader, const yaml_event_t *event, struct err *err)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		return refuse(reader, event, "anchors (&) are not allowed", err);
	if (tag)
		return refuse(reader, event, "tags (!) are not allowed", err);
	return 0;
}

static int on_event(struct reader *reader, const yaml_event_t *event, struct err *err)
{
	if (refuse_extras(reader, event, err) < 0)
		return -1;
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT: return 0;
	case YAML_STREAM_END_EVENT: reader->end = true; return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (++reader->documents > 1)
			return refuse(
				reader, event, "a second document is not allowed", err);
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(reader, event, "aliases (*) are not allowed", err);
	case YAML_SCALAR_EVENT: return on_text(reader, event, err);
	case YAML_SEQUENCE_START_EVENT: return on_open(reader, event, YAML_LIST, err);
	case YAML_MAPPING_START_EVENT: return on_open(reader, event, YAML_MAP, err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: reader->depth--; return 0;
	}
	return refuse(reader, event, "not understood", err);
}

/* libyaml's problem is a constant ASCII sentence; where it stands depends on its kind. */
static int refuse_syntax(
	const struct reader *reader, const yaml_parser_t *parser, struct err *err)
{
	if (parser->error == YAML_READER_ERROR)
		return err_set(err, ERR_INPUT, "%s: byte %zu: %s", reader->name,
			parser->problem_offset, parser->problem);
	return err_set(err, ERR_INPUT, "%s:%zu:%zu: %s", reader->name,
		parser->problem_mark.line + 1, parser->problem_mark.column + 1,
		parser->problem ? parser->problem : "not understood");
}

static int read_all(struct reader *reader, yaml_parser_t *parser, struct err *err)
{
	while (!reader->end) {
		CLEANUP(event) yaml_event_t event = {0};

		if (!yaml_parser_parse(parser, &event))
			return refuse_syntax(reader, parser, err);
		if (on_event(reader, &event, err) < 0)
			return -1;
	}
	return 0;
}

int yaml_tree_read(struct yaml_node **ret, const char *name, const char *text, size_t len,
	struct err *err)
{
	struct reader reader = {.name = name};
	CLEANUP(parser) yaml_parser_t parser = {0};

	if (len > LIMIT_CONFIG)
		return err_set(err, ERR_LIMIT, "%s: %zu bytes, at most %lu are allowed",
			name, len, LIMIT_CONFIG);
	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (read_all(&reader, &parser, err) < 0) {
		yaml_tree_free(reader.root);
		return -1;
	}
	*ret = reader.root;
	return 0;
}

static void release(struct yaml_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		release(&node->children[i]); /* at most YAML_DEPTH_MAX deep */
	free(node->children);
	free(node->text);
}

void yaml_tree_free(struct yaml_node *node)
{
	if (!node)
		return;
	release(node);
	free(node);
}

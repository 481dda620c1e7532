/* SPDX-License-Identifier: MIT */
/* Scheduled jobs out of YAML: each key by its place, each list and text within its bounds. */
#include "service/config/schedule_config.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/config/yaml_tree.h"
#include "service/schedule/when.h"
#include "service/schedule/zone.h"

#include <string.h>

#define TITLE_MAX 200
#define LABEL_MAX 50
#define LABELS_MAX 20
#define COMMAND_MAX 8192
#define PROMPT_MAX (32 * LIMIT_KIB)
#define VALUE_MAX 8192
#define REPOSITORY_MAX 200

const struct schedule_ready schedule_ready[] = {
	{"dependencies", "ecosystem command", false,
		"newer versions of what the project depends on: npm, pip, go, cargo"},
	{"format", "command", false, "the project's own formatter over all files"},
	{"codemod", "change! paths", true, "one change everywhere that it applies"},
	{"licence-headers", "header! paths", false,
		"a line about the licence on top of every source file"},
	{NULL, NULL, false, NULL},
};

static void release_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void release(struct config_schedule *job)
{
	free(job->repository);
	free(job->name);
	free(job->when);
	free(job->timezone);
	free(job->prompt);
	free(job->use);
	release_texts(job->run, job->nrun);
	for (size_t i = 0; i < job->noptions; i++) {
		free(job->options[i].name);
		free(job->options[i].value);
	}
	free(job->options);
	free(job->title);
	release_texts(job->labels, job->nlabels);
	free(job->harness);
	free(job->model);
}

void config_schedules_release(struct config_schedules *list)
{
	for (size_t i = 0; i < list->count; i++)
		release(&list->items[i]);
	free(list->items);
	*list = (struct config_schedules){0};
}

static int at(const struct yaml_node *node, struct err *err)
{
	return err_wrap(err, "line %d, column %d", node->line, node->column);
}

static int refuse(const struct yaml_node *node, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(const struct yaml_node *node, struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	err_set(err, ERR_INPUT, "%s", text);
	return at(node, err);
}

/* ---- values ---------------------------------------------------------------------------- */

static bool is_clean(const char *text, bool lines)
{
	for (const char *c = text; *c; c++)
		if (*c == 0x7f || ((unsigned char)*c < ' ' &&
					  !(lines && (*c == '\n' || *c == '\t'))))
			return false;
	return str_is_utf8(text, strlen(text));
}

static int read_text(const struct yaml_node *node, const char *key, size_t max,
	bool lines, char **ret, struct err *err)
{
	if (node->kind != YAML_TEXT || str_empty(node->text) ||
		strlen(node->text) > max || !is_clean(node->text, lines))
		return refuse(node, err, "%s must be a text of 1 to %zu bytes%s", key,
			max, lines ? "" : " in one line");
	free(*ret);
	*ret = mem_strdup(node->text);
	return 0;
}

static int read_bool(
	const struct yaml_node *node, const char *key, bool *ret, struct err *err)
{
	bool plain = node->kind == YAML_TEXT && !node->quoted;

	*ret = plain && str_eq(node->text, "true");
	if (*ret || (plain && str_eq(node->text, "false")))
		return 0;
	return refuse(node, err, "%s must be true or false", key);
}

/* A list of texts, or one text alone. */
static int read_texts(const struct yaml_node *node, const char *key, size_t max,
	size_t each, bool lines, char ***ret, size_t *ret_count, struct err *err)
{
	const struct yaml_node *items = node->kind == YAML_LIST ? node->children : node;
	size_t count = node->kind == YAML_LIST ? node->count : 1;

	if (node->kind == YAML_MAP || count == 0 || count > max)
		return refuse(node, err, "%s must be a list of 1 to %zu texts", key, max);
	*ret = mem_array(count, sizeof **ret);
	for (size_t i = 0; i < count; i++) {
		if (read_text(&items[i], key, each, lines, &(*ret)[i], err) < 0)
			return -1;
		*ret_count = i + 1;
	}
	return 0;
}

static int read_name(const struct yaml_node *node, char **ret, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (node->kind != YAML_TEXT || str_empty(node->text) ||
		strlen(node->text) > SCHEDULE_NAME_MAX || node->text[0] == '-' ||
		node->text[strspn(node->text, allowed)])
		return refuse(node, err,
			"name must be 1 to %d of a-z, 0-9 and -, not - first",
			SCHEDULE_NAME_MAX);
	return read_text(node, "name", SCHEDULE_NAME_MAX, false, ret, err);
}

/* "owner/name" or "owner/" and an asterisk. */
static int read_repository(const struct yaml_node *node, char **ret, struct err *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.";
	const char *text = node->kind == YAML_TEXT ? node->text : "";
	size_t owner = strspn(text, allowed);
	const char *name = text[owner] == '/' ? text + owner + 1 : "";

	if (owner == 0 || !*name || (!str_eq(name, "*") && name[strspn(name, allowed)]))
		return refuse(node, err,
			"repository must be owner/name, or owner/* for all of an owner");
	return read_text(node, "repository", REPOSITORY_MAX, false, ret, err);
}

static int read_when(const struct yaml_node *node, char **ret, struct err *err)
{
	char cron[CRON_TEXT_MAX + 1];

	if (read_text(node, "when", CRON_TEXT_MAX, false, ret, err) < 0)
		return -1;
	/* Whether it may be scattered is looked at when all of the job is known. */
	if (when_parse(*ret, false, 0, cron, NULL, err) < 0)
		return at(node, err);
	return 0;
}

static int read_zone(const struct yaml_node *node, char **ret, struct err *err)
{
	CLEANUP(zone) struct zone *zone = NULL;

	if (read_text(node, "timezone", ZONE_NAME_MAX, false, ret, err) < 0)
		return -1;
	if (zone_open(&zone, *ret, err) < 0)
		return at(node, err);
	return 0;
}

static int read_options(
	const struct yaml_node *node, struct config_schedule *job, struct err *err)
{
	if (node->kind != YAML_MAP || node->count / 2 > SCHEDULE_OPTIONS_MAX)
		return refuse(node, err, "with must be at most %d options",
			SCHEDULE_OPTIONS_MAX);
	job->options = mem_array(node->count / 2 + 1, sizeof *job->options);
	for (size_t i = 0; i + 1 < node->count; i += 2) {
		struct schedule_option *option = &job->options[job->noptions++];

		option->name = mem_strdup(node->children[i].text);
		if (read_text(&node->children[i + 1], option->name, VALUE_MAX, true,
			    &option->value, err) < 0)
			return -1;
	}
	return 0;
}

static int read_number(const struct yaml_node *node, const char *key, double min,
	double max, double *ret, struct err *err)
{
	if (node->kind != YAML_TEXT || node->quoted ||
		!str_to_double(node->text, min, max, ret))
		return refuse(
			node, err, "%s must be a number from %g to %g", key, min, max);
	return 0;
}

static int read_minutes(const struct yaml_node *node, int64_t *ret, struct err *err)
{
	if (node->kind != YAML_TEXT || node->quoted ||
		!str_to_i64(node->text, 1, 1440, ret))
		return refuse(node, err, "minutes must be a whole number from 1 to 1440");
	return 0;
}

static int read_harness(const struct yaml_node *node, char **ret, struct err *err)
{
	if (read_text(node, "harness", 32, false, ret, err) < 0)
		return -1;
	if (!str_eq(*ret, "claude-code") && !str_eq(*ret, "codex") &&
		!str_eq(*ret, "custom"))
		return refuse(
			node, err, "harness must be one of: claude-code, codex, custom");
	return 0;
}

/* ---- one job --------------------------------------------------------------------------- */

static int read_key(struct config_schedule *job, const char *key,
	const struct yaml_node *value, struct err *err)
{
	if (str_eq(key, "name"))
		return read_name(value, &job->name, err);
	if (str_eq(key, "repository"))
		return read_repository(value, &job->repository, err);
	if (str_eq(key, "when"))
		return read_when(value, &job->when, err);
	if (str_eq(key, "timezone"))
		return read_zone(value, &job->timezone, err);
	if (str_eq(key, "scatter"))
		return read_bool(value, key, &job->scatter, err);
	if (str_eq(key, "enabled"))
		return read_bool(value, key, &job->enabled, err);
	if (str_eq(key, "run"))
		return read_texts(value, key, SCHEDULE_COMMANDS_MAX, COMMAND_MAX, true,
			&job->run, &job->nrun, err);
	if (str_eq(key, "prompt"))
		return read_text(value, key, PROMPT_MAX, true, &job->prompt, err);
	if (str_eq(key, "use"))
		return read_text(value, key, SCHEDULE_NAME_MAX, false, &job->use, err);
	if (str_eq(key, "with"))
		return read_options(value, job, err);
	if (str_eq(key, "title"))
		return read_text(value, key, TITLE_MAX, false, &job->title, err);
	if (str_eq(key, "labels"))
		return read_texts(value, key, LABELS_MAX, LABEL_MAX, false, &job->labels,
			&job->nlabels, err);
	if (str_eq(key, "harness"))
		return read_harness(value, &job->harness, err);
	if (str_eq(key, "model"))
		return read_text(value, key, 128, false, &job->model, err);
	if (str_eq(key, "minutes"))
		return read_minutes(value, &job->minutes, err);
	if (str_eq(key, "cost_usd"))
		return read_number(value, key, 0.01, 10000, &job->cost_usd, err);
	return refuse(value, err,
		"'%.64s' is no part of a job (name, when, timezone, scatter, run, "
		"prompt, "
		"use, with, title, labels, enabled, harness, model, minutes, cost_usd)",
		key);
}

static const struct schedule_ready *find_ready(const char *name)
{
	for (const struct schedule_ready *r = schedule_ready; r->name; r++)
		if (str_eq(r->name, name))
			return r;
	return NULL;
}

static bool has_option(const struct config_schedule *job, const char *name, size_t len)
{
	for (size_t i = 0; i < job->noptions; i++)
		if (strlen(job->options[i].name) == len &&
			!memcmp(job->options[i].name, name, len))
			return true;
	return false;
}

/* What is needed is there, and nothing that the ready job does not know. */
static int check_options(const struct yaml_node *node, const struct config_schedule *job,
	const struct schedule_ready *ready, struct err *err)
{
	size_t known = 0;

	for (const char *at_word = ready->options; *at_word;) {
		size_t all = strcspn(at_word, " ");
		bool needed = at_word[all - 1] == '!';
		size_t len = needed ? all - 1 : all;
		bool given = has_option(job, at_word, len);

		known += given;
		if (needed && !given)
			return refuse(node, err, "%s needs `with: {%.*s: ...}`",
				ready->name, (int)len, at_word);
		at_word += all + (at_word[all] == ' ');
	}
	if (known < job->noptions)
		return refuse(node, err, "%s knows no other options than: %s",
			ready->name, ready->options);
	return 0;
}

static int check_work(
	const struct yaml_node *node, const struct config_schedule *job, struct err *err)
{
	const struct schedule_ready *ready;

	if ((job->prompt != NULL) + (job->use != NULL) + (job->nrun > 0) != 1)
		return refuse(node, err,
			"a job needs exactly one of run (commands), prompt (an agent's "
			"work) and use (a ready job)");
	if (!job->use && job->noptions > 0)
		return refuse(node, err, "with belongs to a ready job (use)");
	if (!job->use)
		return 0;
	ready = find_ready(job->use);
	if (!ready)
		return refuse(node, err,
			"there is no ready job '%s': dependencies, format, codemod, "
			"licence-headers",
			job->use);
	return check_options(node, job, ready, err);
}

static int check(const struct yaml_node *node, const struct config_schedule *job,
	bool operators, struct err *err)
{
	char cron[CRON_TEXT_MAX + 1];

	if (!job->name || !job->when)
		return refuse(node, err, "a job needs name and when");
	if (operators && !job->repository)
		return refuse(node, err, "a job of the operator needs its repository");
	if (!operators && job->repository)
		return refuse(node, err, "repository is not said here: it is this one");
	if (when_parse(job->when, job->scatter, 0, cron, NULL, err) < 0)
		return at(node, err);
	return check_work(node, job, err);
}

static int read_job(const struct yaml_node *node, bool operators,
	struct config_schedule *job, struct err *err)
{
	job->enabled = true;
	if (node->kind != YAML_MAP)
		return refuse(node, err,
			"a job must be {name, when, and one of run, prompt and use}");
	for (size_t i = 0; i + 1 < node->count; i += 2)
		if (read_key(job, node->children[i].text, &node->children[i + 1], err) <
			0)
			return -1;
	if (!job->timezone)
		job->timezone = mem_strdup(ZONE_UTC);
	return check(node, job, operators, err);
}

static bool same_place(const struct config_schedule *a, const struct config_schedule *b)
{
	return str_eq(a->name, b->name) && str_eq_nocase(a->repository, b->repository);
}

int schedules_read(struct config_schedules *ret, const struct yaml_node *node, size_t max,
	bool operators, struct err *err)
{
	if (node->kind != YAML_LIST || node->count > max)
		return refuse(node, err, "must be a list of at most %zu jobs", max);
	ret->items = mem_array(node->count ? node->count : 1, sizeof *ret->items);
	for (size_t i = 0; i < node->count; i++) {
		ret->count = i + 1;
		if (read_job(&node->children[i], operators, &ret->items[i], err) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (same_place(&ret->items[k], &ret->items[i]))
				return refuse(&node->children[i], err,
					"there is a job %s already", ret->items[i].name);
	}
	return 0;
}

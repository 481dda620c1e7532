/* SPDX-License-Identifier: MIT */
/* A repository's own configuration over its owner's defaults, within the service's bounds. */
#include "service/config/repo_config-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const struct setting repo_rows[REPO_ROWS] = {
#define PARAM(field, path, type, def, min, max, flags, sentence)                         \
	SETTING_ROW(repo_said, field, path, type, def, min, max, flags, sentence)
#include "service/config/repo_config.def"
#undef PARAM
};

/* One file, or two that were merged. */
struct layer {
	struct repo_said said;
	struct setting_place places[REPO_ROWS]; /* line 0: not said */
	const char *names[REPO_ROWS];           /* of the file that said it */
};

static void layer_release(struct layer *layer)
{
	settings_release(repo_rows, REPO_ROWS, &layer->said);
}
DEFINE_CLEANUP(layer, struct layer, layer_release(value))

static void *member(struct layer *layer, size_t row)
{
	return (char *)&layer->said + repo_rows[row].offset;
}

void repo_config_release(struct repo_config *rc)
{
	free(rc->broken);
	free(rc->image);
	free(rc->runtime);
	settings_list_release(&rc->setup);
	settings_list_release(&rc->check);
	settings_list_release(&rc->protect);
	free(rc->harness);
	free(rc->model);
	settings_list_release(&rc->command);
	settings_list_release(&rc->labels);
	free(rc->branch_prefix);
	for (size_t i = 0; i < ARRAY_LEN(rc->roles); i++)
		free(rc->roles[i]);
	settings_list_release(&rc->outsiders);
	settings_list_release(&rc->bots);
	config_schedules_release(&rc->schedules);
	memset(rc, 0, sizeof *rc);
}

static void from_service(struct repo_config *rc, const struct config *service)
{
	rc->image = mem_strdup(service->box_image);
	rc->harness = mem_strdup(service->agent_harness);
	rc->model = mem_strdup(service->agent_model);
	settings_list_copy(&rc->command, &service->agent_command);
	rc->minutes = service->task_minutes;
	rc->cost_usd = service->task_cost_usd;
	rc->files = service->task_files;
	rc->draft = service->pr_draft;
	settings_list_copy(&rc->labels, &service->pr_labels);
	rc->branch_prefix = mem_strdup(service->pr_branch_prefix);
	settings_list_copy(&rc->bots, &service->github_allow_bots);
	rc->runs_per_person_day = service->limits_runs_per_person_day;
	rc->runs_per_day = service->limits_runs_per_day;
	rc->cost_usd_per_person_day = service->limits_cost_usd_per_person_day;
	rc->cost_usd_per_day = service->limits_cost_usd_per_day;
	rc->open_prs = REPO_CONFIG_OPEN_PRS;
	rc->repair_checks = true;
	rc->repair_conflicts = true;
	rc->repair_tries = service->repair_tries;
	rc->check_run = true;
	rc->dashboard = true;
	for (size_t i = 0; i < REPO_CONFIG_VERBS; i++)
		rc->roles[i] = mem_strdup(
			repo_config_least_role((enum repo_config_verb)i, service));
}

/* ---- what does not fit together -------------------------------------------------------- */

static int at_place(
	const struct layer *layer, enum repo_row row, const char *why, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s:%d:%d: %s: %s", layer->names[row],
		layer->places[row].line, layer->places[row].column, repo_rows[row].path,
		why);
}

/* What must be right in each file by itself. */
static int check_file(const struct layer *layer, const char *name,
	const struct config *service, struct err *err)
{
	if (!layer->places[ROW_version].line)
		return err_set(err, ERR_INPUT,
			"%s:1:1: version is missing: write `version: 1`", name);
	if (layer->places[ROW_image].line && layer->places[ROW_runtime].line)
		return at_place(layer, ROW_runtime,
			"stands beside image: leave one of them out", err);
	if (layer->places[ROW_image].line && !service->box_repository_images)
		return at_place(layer, ROW_image,
			"this service lets no repository name an image "
			"(box.repository_images)",
			err);
	return 0;
}

static int check_whole(
	const struct layer *layer, const struct config *service, struct err *err)
{
	if (layer->places[ROW_harness].line && str_eq(layer->said.harness, "custom") &&
		!layer->said.command.count && !service->agent_command.count)
		return at_place(
			layer, ROW_harness, "custom needs agent.command too", err);
	return 0;
}

/* ---- two files ------------------------------------------------------------------------- */

static int read_layer(struct layer *layer, const struct config *service,
	const struct repo_config_source *source, struct err *err)
{
	const struct settings settings = {.rows = repo_rows, .count = REPO_ROWS};

	for (size_t i = 0; i < REPO_ROWS; i++) {
		settings_default(&repo_rows[i], &layer->said);
		layer->names[i] = source->name;
	}
	if (settings_read(&settings, &layer->said, source->name, source->text,
		    source->len, layer->places, err) < 0)
		return -1;
	return check_file(layer, source->name, service, err);
}

static void drop(struct layer *layer, size_t row)
{
	settings_release(&repo_rows[row], 1, &layer->said);
	settings_default(&repo_rows[row], &layer->said);
	layer->places[row] = (struct setting_place){0};
}

static size_t size_of(enum setting_type type)
{
	switch (type) {
	case SETTING_TEXT:
	case SETTING_CHOICE: return sizeof(char *);
	case SETTING_INT: return sizeof(int64_t);
	case SETTING_REAL: return sizeof(double);
	case SETTING_BOOL: return sizeof(bool);
	case SETTING_LIST:
	case SETTING_ARGV: return sizeof(struct config_list);
	case SETTING_SECRET: return sizeof(struct secret);
	case SETTING_SECRETS: return sizeof(struct config_secrets);
	case SETTING_PRICES: return sizeof(struct config_prices);
	case SETTING_SCHEDULES: return sizeof(struct config_schedules);
	}
	return 0;
}

/* What `over` says goes into `under`, whose value goes back to be released. */
static void take_row(struct layer *under, struct layer *over, size_t row)
{
	char kept[64];
	size_t size = size_of(repo_rows[row].type);

	_Static_assert(sizeof(struct secret) <= sizeof kept, "room for one value");
	memcpy(kept, member(under, row), size);
	memcpy(member(under, row), member(over, row), size);
	memcpy(member(over, row), kept, size);
	under->places[row] = over->places[row];
	under->names[row] = over->names[row];
}

static void merge(struct layer *under, struct layer *over)
{
	const struct setting_place *said = over->places;

	/* An image and a runtime are two words for one thing. */
	if (said[ROW_image].line || said[ROW_runtime].line) {
		drop(under, ROW_image);
		drop(under, ROW_runtime);
	}
	/* A model and a command of one agent mean nothing to another. */
	if (said[ROW_harness].line && !str_eq(over->said.harness, under->said.harness)) {
		drop(under, ROW_model);
		drop(under, ROW_command);
	}
	for (size_t i = 0; i < REPO_ROWS; i++)
		if (said[i].line)
			take_row(under, over, i);
}

/* ---- laying over ----------------------------------------------------------------------- */

static void lay_text(char **dst, const char *src)
{
	free(*dst);
	*dst = mem_strdup(src);
}

/* A repository may ask for less than the service gives, never for more. */
static int64_t lower(int64_t service, int64_t said)
{
	return said < service ? said : service;
}

static void lay_box(struct repo_config *rc, const struct layer *layer)
{
	const struct repo_said *said = &layer->said;

	if (layer->places[ROW_image].line)
		lay_text(&rc->image, said->image);
	if (layer->places[ROW_runtime].line) {
		rc->runtime = mem_strdup(said->runtime);
		free(rc->image);
		rc->image = mem_printf("boxwright/%s", said->runtime);
	}
	settings_list_copy(&rc->setup, &said->setup);
	settings_list_copy(&rc->check, &said->check);
	rc->check_required = said->check_required;
	rc->check_setup = said->check_setup;
	settings_list_copy(&rc->protect, &said->protect);
}

static void lay_agent(struct repo_config *rc, const struct layer *layer)
{
	const struct setting_place *places = layer->places;

	/* A model of the service's agent means nothing to another one. */
	if (places[ROW_harness].line && !str_eq(rc->harness, layer->said.harness)) {
		lay_text(&rc->harness, layer->said.harness);
		lay_text(&rc->model, "");
	}
	if (places[ROW_model].line)
		lay_text(&rc->model, layer->said.model);
	if (places[ROW_command].line)
		settings_list_copy(&rc->command, &layer->said.command);
}

/* 0 of the service's is no limit. */
static void lay_limit(
	int64_t *at, const struct layer *layer, enum repo_row row, int64_t said)
{
	if (layer->places[row].line && (*at <= 0 || said < *at))
		*at = said;
}

static void lay_money(
	double *at, const struct layer *layer, enum repo_row row, double said)
{
	if (layer->places[row].line && (*at <= 0 || said < *at))
		*at = said;
}

static void lay_limits(struct repo_config *rc, const struct layer *layer)
{
	const struct repo_said *said = &layer->said;

	if (layer->places[ROW_minutes].line)
		rc->minutes = lower(rc->minutes, said->minutes);
	if (layer->places[ROW_files].line)
		rc->files = lower(rc->files, said->files);
	lay_money(&rc->cost_usd, layer, ROW_cost_usd, said->cost_usd);
	lay_limit(&rc->runs_per_person_day, layer, ROW_runs_per_person_day,
		said->runs_per_person_day);
	lay_limit(&rc->runs_per_day, layer, ROW_runs_per_day, said->runs_per_day);
	lay_money(&rc->cost_usd_per_person_day, layer, ROW_cost_usd_per_person_day,
		said->cost_usd_per_person_day);
	lay_money(&rc->cost_usd_per_day, layer, ROW_cost_usd_per_day,
		said->cost_usd_per_day);
	rc->open_prs = said->open_prs;
	if (layer->places[ROW_repair_tries].line)
		rc->repair_tries = lower(rc->repair_tries, said->repair_tries);
}

static void lay_pr(struct repo_config *rc, const struct layer *layer)
{
	const struct repo_said *said = &layer->said;

	if (layer->places[ROW_draft].line)
		rc->draft = said->draft;
	if (layer->places[ROW_labels].line)
		settings_list_copy(&rc->labels, &said->labels);
	if (layer->places[ROW_branch_prefix].line)
		lay_text(&rc->branch_prefix, said->branch_prefix);
	rc->repair_checks = said->repair_checks;
	rc->repair_conflicts = said->repair_conflicts;
	rc->check_run = said->check_run;
	rc->dashboard = said->dashboard;
}

static void lay_allow(
	struct repo_config *rc, struct layer *layer, const struct config *service)
{
	for (size_t i = 0; i < REPO_CONFIG_VERBS; i++) {
		size_t row = ROW_allow_fix + i;
		const char *said = *(char **)member(layer, row);

		if (layer->places[row].line)
			lay_text(&rc->roles[i],
				repo_config_bounded(
					(enum repo_config_verb)i, said, service));
	}
	if (service->allow_outsiders)
		settings_list_copy(&rc->outsiders, &layer->said.outsiders);
	if (layer->places[ROW_bots].line) {
		settings_list_release(&rc->bots);
		for (size_t i = 0; i < layer->said.bots.count; i++)
			repo_config_let_bot(rc, service, layer->said.bots.items[i]);
	}
}

static int lay(struct repo_config *rc, struct layer *layer, const struct config *service,
	struct err *err)
{
	if (check_whole(layer, service, err) < 0)
		return -1;
	rc->present = true;
	lay_box(rc, layer);
	lay_agent(rc, layer);
	lay_limits(rc, layer);
	lay_pr(rc, layer);
	lay_allow(rc, layer, service);
	/* Its owner now; the layer's is empty. */
	rc->schedules = layer->said.schedules;
	layer->said.schedules = (struct config_schedules){0};
	return 0;
}

int repo_config_merge(struct repo_config *ret, const struct config *service,
	const struct repo_config_source *owner, const struct repo_config_source *own,
	struct err *err)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	CLEANUP(layer) struct layer under = {0};
	CLEANUP(layer) struct layer over = {0};

	from_service(&rc, service);
	if (owner && owner->text && read_layer(&under, service, owner, err) < 0)
		return -1;
	if (own && own->text && read_layer(&over, service, own, err) < 0)
		return -1;
	if (owner && owner->text && own && own->text)
		merge(&under, &over);
	struct layer *said = owner && owner->text ? &under : &over;
	if (((owner && owner->text) || (own && own->text)) &&
		lay(&rc, said, service, err) < 0)
		return -1;
	*ret = rc;
	memset(&rc, 0, sizeof rc);
	return 0;
}

int repo_config_parse(struct repo_config *ret, const struct config *service,
	const char *text, size_t len, struct err *err)
{
	struct repo_config_source own = {REPO_CONFIG_PATH, text, len};

	return repo_config_merge(ret, service, NULL, &own, err);
}

/* "7:13" or, of a list's item, "line 7, column 13". */
static bool take_place(
	const char **at, const char *between, int *ret_line, int *ret_column)
{
	int64_t line, column;

	if (!str_take_i64(at, INT_MAX, &line) || !str_take(at, between) ||
		!str_take_i64(at, INT_MAX, &column) || line < 1 || column < 1)
		return false;
	*ret_line = (int)line;
	*ret_column = (int)column;
	return true;
}

bool repo_config_error_place(const char *text, const char *name, int *ret_line,
	int *ret_column, const char **ret_text)
{
	const char *at = text;

	if (!str_take(&at, name) || !str_take(&at, ":") ||
		!take_place(&at, ":", ret_line, ret_column) || !str_take(&at, ": "))
		return false;
	*ret_text = at;
	at = strstr(at, ": line ");
	if (at && str_take(&at, ": line "))
		take_place(&at, ", column ", ret_line, ret_column);
	return true;
}

void repo_config_setup_hash(
	const struct repo_config *rc, const char *image, char ret_hex[SHA256_HEX_SIZE])
{
	CLEANUP(strbuf)
	struct strbuf text = STRBUF_INIT(
		REPO_CONFIG_COMMANDS_MAX * (REPO_CONFIG_COMMAND_SIZE + 32) + LIMIT_PATH);

	strbuf_addf(&text, "boxwright setup 1\n%zu:%s\n", strlen(image), image);
	for (size_t i = 0; i < rc->setup.count; i++)
		strbuf_addf(&text, "%zu:%s\n", strlen(rc->setup.items[i]),
			rc->setup.items[i]);
	crypto_sha256_hex(strbuf_str(&text), text.len, ret_hex);
}

/* SPDX-License-Identifier: MIT */
/* A repository's own configuration, laid over the service's. */
#include "service/config/repo_config.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/config/settings.h"

#include <string.h>

/* What the file says, before the service's part is put in. */
struct said {
#define PARAM(field, path, type, def, min, max, flags, sentence) config_type_##type field;
#include "service/config/repo_config.def"
#undef PARAM
};

static const struct setting rows[] = {
#define PARAM(field, path, type, def, min, max, flags, sentence)                         \
	SETTING_ROW(said, field, path, type, def, min, max, flags, sentence)
#include "service/config/repo_config.def"
#undef PARAM
};
#define COUNT ARRAY_LEN(rows)

enum row {
#define PARAM(field, path, type, def, min, max, flags, sentence) ROW_##field,
#include "service/config/repo_config.def"
#undef PARAM
};

DEFINE_CLEANUP(said, struct said, settings_release(rows, COUNT, value))

void repo_config_release(struct repo_config *rc)
{
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
}

/* ---- what does not fit together -------------------------------------------------------- */

static int at_place(const struct setting_place *places, enum row row, const char *why,
	struct err *err)
{
	return err_set(err, ERR_INPUT, "%s:%d:%d: %s: %s", REPO_CONFIG_PATH,
		places[row].line, places[row].column, rows[row].path, why);
}

static int check(const struct said *said, const struct setting_place *places,
	const struct config *service, struct err *err)
{
	if (!places[ROW_version].line)
		return err_set(err, ERR_INPUT,
			"%s: version is missing: write `version: 1`", REPO_CONFIG_PATH);
	if (places[ROW_image].line && places[ROW_runtime].line)
		return at_place(places, ROW_runtime,
			"stands beside image: leave one of them out", err);
	if (places[ROW_image].line && !service->box_repository_images)
		return at_place(places, ROW_image,
			"this service lets no repository name an image "
			"(box.repository_images)",
			err);
	if (places[ROW_harness].line && str_eq(said->harness, "custom") &&
		!said->command.count && !service->agent_command.count)
		return at_place(
			places, ROW_harness, "custom needs agent.command too", err);
	return 0;
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

static void lay_box(struct repo_config *rc, const struct said *said,
	const struct setting_place *places)
{
	if (places[ROW_image].line)
		lay_text(&rc->image, said->image);
	if (places[ROW_runtime].line && !str_empty(said->runtime)) {
		rc->runtime = mem_strdup(said->runtime);
		free(rc->image);
		rc->image = mem_printf("boxwright/%s", said->runtime);
	}
	settings_list_copy(&rc->setup, &said->setup);
	settings_list_copy(&rc->check, &said->check);
	rc->check_required = said->check_required;
	settings_list_copy(&rc->protect, &said->protect);
}

static void lay_agent(struct repo_config *rc, const struct said *said,
	const struct setting_place *places)
{
	/* A model of the service's agent means nothing to another one. */
	if (places[ROW_harness].line && !str_eq(rc->harness, said->harness)) {
		lay_text(&rc->harness, said->harness);
		lay_text(&rc->model, "");
	}
	if (places[ROW_model].line)
		lay_text(&rc->model, said->model);
	if (places[ROW_command].line)
		settings_list_copy(&rc->command, &said->command);
}

static void lay_limits(struct repo_config *rc, const struct said *said,
	const struct setting_place *places)
{
	if (places[ROW_minutes].line)
		rc->minutes = lower(rc->minutes, said->minutes);
	if (places[ROW_files].line)
		rc->files = lower(rc->files, said->files);
	if (places[ROW_cost_usd].line &&
		(rc->cost_usd <= 0 || said->cost_usd < rc->cost_usd))
		rc->cost_usd = said->cost_usd;
}

static void lay_pr(struct repo_config *rc, const struct said *said,
	const struct setting_place *places)
{
	if (places[ROW_draft].line)
		rc->draft = said->draft;
	if (places[ROW_labels].line)
		settings_list_copy(&rc->labels, &said->labels);
	if (places[ROW_branch_prefix].line)
		lay_text(&rc->branch_prefix, said->branch_prefix);
}

int repo_config_parse(struct repo_config *ret, const struct config *service,
	const char *text, size_t len, struct err *err)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	CLEANUP(said) struct said said = {0};
	struct setting_place places[COUNT] = {0};
	const struct settings settings = {rows, COUNT, NULL, NULL};

	from_service(&rc, service);
	if (text) {
		rc.present = true;
		for (size_t i = 0; i < COUNT; i++)
			settings_default(&rows[i], &said);
		if (settings_read(&settings, &said, REPO_CONFIG_PATH, text, len, places,
			    err) < 0 ||
			check(&said, places, service, err) < 0)
			return -1;
		lay_box(&rc, &said, places);
		lay_agent(&rc, &said, places);
		lay_limits(&rc, &said, places);
		lay_pr(&rc, &said, places);
	}
	*ret = rc;
	memset(&rc, 0, sizeof rc);
	return 0;
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

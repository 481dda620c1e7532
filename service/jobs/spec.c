/* SPDX-License-Identifier: MIT */
/* A job's settings as JSON and back. */
#include "service/jobs/spec.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

void spec_release(struct spec *spec)
{
	json_decref(spec->json);
	memset(spec, 0, sizeof *spec);
}

static json_t *texts(char **items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_str(items[i]));
	return list;
}

static void put_text(json_t *json, const char *key, const char *text)
{
	if (text)
		json_put(json, key, json_str(text));
}

static void put_work(json_t *json, const struct config_schedule *job)
{
	put_text(json, "prompt", job->prompt);
	put_text(json, "use", job->use);
	if (job->nrun > 0)
		json_put(json, "run", texts(job->run, job->nrun));
	if (job->noptions == 0)
		return;
	json_t *options = json_object();
	for (size_t i = 0; i < job->noptions; i++)
		put_text(options, job->options[i].name, job->options[i].value);
	json_put(json, "with", options);
}

char *spec_text(const struct config_schedule *job, char ret_hash[SHA256_HEX_SIZE])
{
	CLEANUP(json) json_t *json = json_object();

	put_text(json, "name", job->name);
	put_text(json, "when", job->when);
	put_text(json, "timezone", job->timezone);
	if (job->scatter)
		json_put(json, "scatter", json_true());
	if (!job->enabled)
		json_put(json, "enabled", json_false());
	put_work(json, job);
	put_text(json, "title", job->title);
	if (job->nlabels > 0)
		json_put(json, "labels", texts(job->labels, job->nlabels));
	put_text(json, "harness", job->harness);
	put_text(json, "model", job->model);
	if (job->minutes > 0)
		json_put(json, "minutes", json_integer(job->minutes));
	if (job->cost_usd > 0)
		json_put(json, "cost_usd", json_real(job->cost_usd));
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	crypto_sha256_hex(text, strlen(text), ret_hash);
	return text;
}

int spec_read(struct spec *ret, const char *text, struct err *err)
{
	json_t *json = json_parse(text, strlen(text), err);

	if (!json)
		return err_set(
			err, ERR_INTERNAL, "the stored settings of a job are damaged");
	*ret = (struct spec){
		.json = json,
		.name = json_or_string(json, "name", ""),
		.when = json_or_string(json, "when", ""),
		.prompt = json_or_string(json, "prompt", NULL),
		.use = json_or_string(json, "use", NULL),
		.run = json_at(json, "run"),
		.options = json_at(json, "with"),
		.labels = json_at(json, "labels"),
		.title = json_or_string(json, "title", ""),
		.harness = json_or_string(json, "harness", ""),
		.model = json_or_string(json, "model", ""),
		.minutes = json_or_int(json, "minutes", 0),
		.cost_usd = json_or_real(json, "cost_usd", 0),
		.enabled = json_or_bool(json, "enabled", true),
	};
	return 0;
}

const char *spec_option(const struct spec *spec, const char *name)
{
	return spec->options ? json_or_string(spec->options, name, NULL) : NULL;
}

bool spec_has_agent(const struct spec *spec)
{
	for (const struct schedule_ready *r = schedule_ready; spec->use && r->name; r++)
		if (str_eq(r->name, spec->use))
			return r->prompt;
	return spec->prompt != NULL;
}

char *spec_title(const struct spec *spec)
{
	if (!str_empty(spec->title))
		return mem_strdup(spec->title);
	return mem_printf("Scheduled maintenance: %s", spec->name);
}

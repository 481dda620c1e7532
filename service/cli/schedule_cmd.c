/* SPDX-License-Identifier: MIT */
/* boxwright schedule ...: maintenance jobs of all repositories, and when words are due. */
#include "service/cli/cli.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/api.h"
#include "service/cli/options.h"
#include "service/schedule/when.h"
#include "service/schedule/zone.h"

#include <stdio.h>
#include <string.h>

#define COUNT_MAX 10000

/* ---- asking ---------------------------------------------------------------------------- */

/* One page of jobs behind an id; NULL after saying why. */
static json_t *page(
	struct api *api, const char *repository, int64_t after, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH);

	strbuf_addf(&path, "/v1/schedules?limit=500&after=%lld", (long long)after);
	if (repository) {
		strbuf_adds(&path, "&repository=");
		api_segment(&path, repository);
	}
	return api_call(api, "GET", strbuf_str(&path), NULL, err);
}

/* All jobs in one list; NULL and the reason. */
static json_t *all_jobs(struct api *api, const char *repository, struct err *err)
{
	json_t *all = json_array();
	int64_t after = 0;

	for (;;) {
		CLEANUP(json) json_t *answer = page(api, repository, after, err);
		json_t *rows = answer ? json_object_get(answer, "schedules") : NULL;
		size_t count = json_array_size(rows);

		if (!answer) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, rows);
		if (count == 0)
			return all;
		after = json_or_int(json_array_get(rows, count - 1), "id", INT64_MAX);
	}
}

/* "12", "tidy" or "owner/name:tidy". */
static bool is_meant(const json_t *job, const char *word)
{
	const char *name = json_or_string(job, "name", "");
	CLEANUP(mem)
	char *full = mem_printf("%s:%s", json_or_string(job, "repository", ""), name);
	uint64_t id;

	if (str_to_u64(word, 1, INT64_MAX, &id))
		return json_or_int(job, "id", 0) == (int64_t)id;
	return str_eq(word, name) || str_eq(word, full);
}

/* The number of the job that the word means; 0 after saying why there is none. */
static int64_t find(struct api *api, const char *word, struct err *err)
{
	CLEANUP(json) json_t *all = all_jobs(api, NULL, err);
	int64_t found = 0;
	size_t i;
	json_t *job;

	if (!all) {
		cli_fail(err);
		return 0;
	}
	json_array_foreach (all, i, job) {
		if (!is_meant(job, word))
			continue;
		if (found) {
			cli_usage("several repositories have a job \"%s\": say "
				  "owner/name:%s",
				word, word);
			return 0;
		}
		found = json_or_int(job, "id", 0);
	}
	if (!found)
		cli_usage("there is no job \"%s\"; `boxwright schedule list` has them",
			word);
	return found;
}

/* ---- showing --------------------------------------------------------------------------- */

static void print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

static void print_next(const json_t *job, const char *before, const char *between)
{
	const json_t *next = json_object_get(job, "next");
	size_t i;
	json_t *time;

	json_array_foreach (next, i, time)
		printf("%s%s", i ? between : before, json_string_value(time));
}

static void print_row(const json_t *job)
{
	CLEANUP(mem)
	char *name = mem_printf("%s:%s", json_or_string(job, "repository", "?"),
		json_or_string(job, "name", "?"));

	printf("%-5lld %-34s %-7s %s (%s)\n", (long long)json_or_int(job, "id", 0), name,
		json_or_string(job, "state", "?"), json_or_string(job, "when", "?"),
		json_or_string(job, "timezone", "?"));
	print_next(job, "      next: ", ", ");
	if (json_array_size(json_object_get(job, "next")) > 0)
		putchar('\n');
	if (json_or_string(job, "paused_why", NULL))
		printf("      paused: %s\n", json_or_string(job, "paused_why", ""));
	if (json_or_string(job, "last_note", NULL))
		printf("      last: %.*s\n",
			(int)strcspn(json_or_string(job, "last_note", ""), "\n"),
			json_or_string(job, "last_note", ""));
}

static int show_list(struct api *api, const char *repository, bool json, struct err *err)
{
	CLEANUP(json) json_t *all = all_jobs(api, repository, err);
	size_t i;
	json_t *job;

	if (!all)
		return cli_fail(err);
	if (json) {
		print_json(all);
		return CLI_OK;
	}
	json_array_foreach (all, i, job)
		print_row(job);
	if (json_array_size(all) == 0)
		puts("no scheduled jobs; they stand in .github/boxwright.yml under "
		     "`schedules:`");
	return CLI_OK;
}

static void show_job(const json_t *job)
{
	static const char *const shown[] = {"repository", "name", "source", "when",
		"cron", "timezone", "work", "state", "paused_why", "failures", "task_id",
		"pr_number", "last_note"};

	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		const json_t *value = json_at(job, shown[i]);

		if (json_is_string(value) && json_string_length(value) > 0)
			printf("%-12s %s\n", shown[i], json_string_value(value));
		else if (json_is_integer(value) && json_integer_value(value) > 0)
			printf("%-12s %lld\n", shown[i],
				(long long)json_integer_value(value));
	}
	print_next(job, "next         ", "\n             ");
	if (json_array_size(json_object_get(job, "next")) > 0)
		putchar('\n');
}

/* show, run, pause, resume: of one job. */
static int one_job(
	struct api *api, const char *verb, const char *word, bool json, struct err *err)
{
	bool look = str_eq(verb, "show");
	int64_t id = find(api, word, err);

	if (id == 0)
		return err->kind ? CLI_FAILED : CLI_USAGE;
	CLEANUP(json) json_t *body = look ? NULL : json_object();
	CLEANUP(mem)
	char *path = mem_printf("/v1/schedules/%lld%s%s", (long long)id, look ? "" : "/",
		look ? "" : verb);
	CLEANUP(json)
	json_t *job = api_call(api, look ? "GET" : "POST", path, body, err);
	if (!job)
		return cli_fail(err);
	if (json)
		print_json(job);
	else if (str_eq(verb, "run"))
		printf("%s: task %lld\n", json_or_string(job, "name", "?"),
			(long long)json_or_int(job, "task_id", 0));
	else if (look)
		show_job(job);
	else
		print_row(job);
	return CLI_OK;
}

/* ---- when: without a service ----------------------------------------------------------- */

struct when_options {
	const char *timezone, *after, *count, *repository, *name;
	bool json, scatter;
};

static int print_when(const struct when_options *o, const struct cron *cron,
	const char *fields, int64_t after_ms, uint64_t count, struct err *err)
{
	CLEANUP(zone) struct zone *zone = NULL;
	char shown[ZONE_SHOWN_SIZE];

	if (zone_open(&zone, o->timezone ? o->timezone : ZONE_UTC, err) < 0)
		return -1;
	if (!o->json)
		printf("%s\n", fields);
	for (uint64_t i = 0; i < count; i++) {
		if (zone_next(zone, cron, after_ms, &after_ms, err) < 0)
			return -1;
		if (after_ms == 0)
			break;
		if (zone_show(zone, after_ms, shown, err) < 0)
			return -1;
		if (o->json)
			printf("%lld %s\n", (long long)after_ms, shown);
		else
			printf("%s\n", shown);
	}
	return 0;
}

/* What a `when` means, before it is written into a file. */
static int schedule_when(const char *text, const struct when_options *o, struct err *err)
{
	char fields[CRON_TEXT_MAX + 1];
	uint64_t count = 3, repo_id = 0;
	uint64_t after_s = (uint64_t)clock_wall_s();
	struct cron cron;

	if ((o->count && !str_to_u64(o->count, 1, COUNT_MAX, &count)) ||
		(o->after && !str_to_u64(o->after, 0, INT64_MAX / 1000, &after_s)))
		return cli_usage("--count is a number up to 10000, --after Unix "
				 "seconds");
	if (o->repository && !str_to_u64(o->repository, 1, INT64_MAX, &repo_id))
		return cli_usage("--repository-id is a number");
	if (when_parse(text, o->scatter,
		    when_hash((int64_t)repo_id, o->name ? o->name : "job"), fields, &cron,
		    err) < 0 ||
		print_when(o, &cron, fields, (int64_t)after_s * 1000, count, err) < 0)
		return cli_fail(err);
	return CLI_OK;
}

/* ---- the command ----------------------------------------------------------------------- */

int cli_schedule(int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "list", *repository = NULL;
	struct when_options o = {0};
	struct words words = {0};
	struct err err = {0};
	const struct option_def defs[] = {
		{"json", OPTION_FLAG, &o.json},
		{"scatter", OPTION_FLAG, &o.scatter},
		{"repository", OPTION_TEXT, &repository},
		{"repository-id", OPTION_TEXT, &o.repository},
		{"name", OPTION_TEXT, &o.name},
		{"timezone", OPTION_TEXT, &o.timezone},
		{"after", OPTION_TEXT, &o.after},
		{"count", OPTION_TEXT, &o.count},
		{NULL, OPTION_FLAG, NULL},
	};

	if (argc > 1 && options_read(argc - 1, argv + 1, defs, -1, &words) != 0)
		return CLI_USAGE;
	bool list = str_eq(verb, "list");
	if (!list && !str_eq(verb, "show") && !str_eq(verb, "run") &&
		!str_eq(verb, "pause") && !str_eq(verb, "resume") &&
		!str_eq(verb, "when"))
		return cli_usage("unknown command \"schedule %s\"", verb);
	if (words.count != (list ? 0 : 1))
		return cli_usage(
			list ? "schedule list takes no words"
			: str_eq(verb, "when")
				? "schedule when needs a time in quotes, like "
				  "\"daily around 6:00\""
				: "schedule %s needs a job: its number, its name "
				  "or owner/name:job",
			verb);
	if (str_eq(verb, "when"))
		return schedule_when(words.items[0], &o, &err);
	CLEANUP(api) struct api *api = api_open(&err);
	if (!api)
		return cli_fail(&err);
	return list ? show_list(api, repository, o.json, &err)
		    : one_job(api, verb, words.items[0], o.json, &err);
}

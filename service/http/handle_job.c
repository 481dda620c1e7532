/* SPDX-License-Identifier: MIT */
/* /v1/schedules: scheduled maintenance jobs, looked at, started and paused. */
#include "service/http/handlers.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/http/rows.h"
#include "service/jobs/jobs.h"
#include "service/jobs/spec.h"

#include <string.h>

enum { PAGE = 50, TIMES = 3 };

/* ---- as JSON --------------------------------------------------------------------------- */

/* The next times, as people there read them and as Unix milliseconds. */
static void put_next(json_t *json, const struct store_job *job)
{
	json_t *shown = json_array(), *ms = json_array();
	int64_t times[TIMES] = {0};
	char text[JOBS_SHOWN_SIZE];
	struct err err = {0};

	if (str_eq(job->state, "active") &&
		jobs_next(job, clock_wall_ms(), times, TIMES, &err) == 0)
		for (size_t i = 0; i < TIMES && times[i] > 0; i++) {
			if (jobs_shown(job, times[i], text, &err) < 0)
				break;
			json_array_append_new(shown, json_str(text));
			json_array_append_new(ms, json_integer(times[i]));
		}
	json_put(json, "next", shown);
	json_put(json, "next_ms", ms);
}

static void put_spec(json_t *json, const struct store_job *job)
{
	CLEANUP(spec) struct spec spec = {0};
	struct err err = {0};

	if (spec_read(&spec, job->spec, &err) < 0)
		return;
	json_put(json, "when", json_str(spec.when));
	json_put(json, "enabled", json_boolean(spec.enabled));
	json_put(json, "work", json_str(spec_has_agent(&spec) ? "agent" : "commands"));
	json_put(json, "settings", json_incref(spec.json));
}

static json_t *job_json(const struct store_job *job)
{
	json_t *json = json_object();
	CLEANUP(mem) char *repository = mem_printf("%s/%s", job->owner, job->repo);

	json_put(json, "id", json_integer(job->id));
	json_put(json, "repository", json_str(repository));
	json_put(json, "name", json_str(job->name));
	json_put(json, "source", json_str(job->source));
	json_put(json, "cron", json_str(job->cron));
	json_put(json, "timezone", json_str(job->timezone));
	json_put(json, "state", json_str(job->state));
	json_put(json, "paused_why", json_str(job->paused_why));
	json_put(json, "failures", json_integer(job->failures));
	json_put(json, "task_id", json_integer(job->task_id));
	json_put(json, "last_note", json_str(job->last_note));
	json_put(json, "last_ms", json_integer(job->last_ms));
	json_put(json, "pr_number", json_integer(job->pr_number));
	json_put(json, "declined", json_boolean(job->declined != NULL));
	put_spec(json, job);
	put_next(json, job);
	return json;
}

/* ---- looking --------------------------------------------------------------------------- */

/* The repository's id; 0: of all; -1: there is none of that name, so it has no jobs. */
static int find_repository(struct request *request, int64_t *ret, struct err *err)
{
	CLEANUP(store_repository) struct store_repository row = {0};
	const char *name = request_query(request, "repository");
	const char *slash = name ? strchr(name, '/') : NULL;
	struct err missing = {0};

	*ret = 0;
	if (!name)
		return 0;
	if (!slash)
		return err_set(err, ERR_INPUT, "`repository` must be owner/name");
	CLEANUP(mem) char *owner = mem_strndup(name, (size_t)(slash - name));
	if (store_repository_find(
		    request_app(request)->store, owner, slash + 1, &row, &missing) == 0)
		*ret = row.repo_id;
	else if (missing.kind == ERR_NOT_FOUND)
		*ret = -1;
	else {
		*err = missing;
		return -1;
	}
	return 0;
}

void handle_job_list(struct request *request)
{
	CLEANUP(store_jobs) struct store_jobs jobs = {0};
	struct err err = {0};
	int64_t repo_id, after, limit;

	if (find_repository(request, &repo_id, &err) < 0 ||
		request_query_int(request, "after", 0, INT64_MAX, 0, &after, &err) < 0 ||
		request_query_int(
			request, "limit", 1, STORE_PAGE_MAX, PAGE, &limit, &err) < 0 ||
		(repo_id >= 0 && store_job_list(request_app(request)->store, repo_id,
					 after, (int)limit, &jobs, &err) < 0)) {
		reply_err(request, &err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < jobs.count; i++)
		json_array_append_new(list, job_json(&jobs.rows[i]));
	json_t *body = json_object();
	json_put(body, "schedules", list);
	reply_json(request, 200, body);
}

static void reply_job(struct request *request, int64_t id, int64_t task)
{
	CLEANUP(store_job) struct store_job job = {0};
	struct err err = {0};

	if (store_job_get(request_app(request)->store, id, &job, &err) < 0) {
		reply_err(request, &err);
		return;
	}
	json_t *body = job_json(&job);
	if (task > 0)
		json_put(body, "task_id", json_integer(task));
	reply_json(request, task > 0 ? 201 : 200, body);
}

void handle_job_get(struct request *request)
{
	struct err err = {0};
	int64_t id;

	if (request_param_id(request, 0, &id, &err) < 0)
		reply_err(request, &err);
	else
		reply_job(request, id, 0);
}

/* ---- changing -------------------------------------------------------------------------- */

/* The job's number; false when the request was answered already. */
static bool begin(struct request *request, int64_t *ret_id)
{
	struct err err = {0};

	if (!request_app(request)->jobs) {
		reply_error(request, 503, "unavailable", "this server runs no jobs");
		return false;
	}
	if (request_param_id(request, 0, ret_id, &err) == 0)
		return true;
	reply_err(request, &err);
	return false;
}

void handle_job_run(struct request *request)
{
	struct err err = {0};
	int64_t id, task;

	if (!begin(request, &id))
		return;
	if (jobs_run(request_app(request)->jobs, id, "the API", &task,
		    request_cancel(request), &err) < 0)
		reply_err(request, &err);
	else
		reply_job(request, id, task);
}

void handle_job_pause(struct request *request)
{
	struct err err = {0};
	int64_t id;

	if (!begin(request, &id))
		return;
	if (jobs_pause(request_app(request)->jobs, id, "the API", request_cancel(request),
		    &err) < 0)
		reply_err(request, &err);
	else
		reply_job(request, id, 0);
}

void handle_job_resume(struct request *request)
{
	struct err err = {0};
	int64_t id;

	if (!begin(request, &id))
		return;
	if (jobs_resume(request_app(request)->jobs, id, request_cancel(request), &err) <
		0)
		reply_err(request, &err);
	else
		reply_job(request, id, 0);
}

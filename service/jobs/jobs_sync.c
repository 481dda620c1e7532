/* SPDX-License-Identifier: MIT */
/* From what the default branch and the operator say to rows. */
#define LOG_MODULE "jobs"
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs-internal.h"
#include "service/jobs/spec.h"
#include "service/rules/rules.h"
#include "service/schedule/when.h"

#include <string.h>

int jobs_config(struct jobs *jobs, const struct github_repo *repo, const char *commit,
	struct repo_config *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);
	struct err missing = {0};
	int rc = github_file_get(jobs->to.github, repo, REPO_CONFIG_PATH, commit,
		LIMIT_CONFIG, &text, cancel, &missing);

	if (rc < 0 && missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return err_wrap(err, "read %s", REPO_CONFIG_PATH);
	}
	struct rules_from from = {.config = jobs->to.config, .github = jobs->to.github};
	return rules_over_owner(&from, repo, rc == 0 ? strbuf_str(&text) : NULL, text.len,
		ret, cancel, err);
}

/* ---- one source ------------------------------------------------------------------------ */

/* Rows to be, with what they point to. */
struct wanted {
	struct store_job_new rows[STORE_JOBS_MAX];
	char *specs[STORE_JOBS_MAX];
	char hashes[STORE_JOBS_MAX][SHA256_HEX_SIZE];
	char crons[STORE_JOBS_MAX][CRON_TEXT_MAX + 1];
	size_t count;
};

static void wanted_release(struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		free(wanted->specs[i]);
}
DEFINE_CLEANUP(wanted, struct wanted, wanted_release(value))

static int want(struct wanted *wanted, int64_t repo_id, const struct config_schedule *job,
	struct err *err)
{
	size_t i = wanted->count;
	struct store_job timing = {.timezone = job->timezone};
	int64_t next_ms;

	if (i == STORE_JOBS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d jobs", STORE_JOBS_MAX);
	if (when_parse(job->when, job->scatter, when_hash(repo_id, job->name),
		    wanted->crons[i], NULL, err) < 0)
		return -1;
	timing.cron = wanted->crons[i];
	if (jobs_slot_after(&timing, clock_wall_ms(), &next_ms, err) < 0)
		return -1;
	wanted->specs[i] = spec_text(job, wanted->hashes[i]);
	wanted->rows[i] = (struct store_job_new){.name = job->name,
		.spec = wanted->specs[i],
		.spec_hash = wanted->hashes[i],
		.cron = wanted->crons[i],
		.timezone = job->timezone,
		.next_ms = job->enabled ? next_ms : 0};
	wanted->count++;
	return 0;
}

static bool is_named(const struct config_schedules *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i].name, name))
			return true;
	return false;
}

/* "owner/name" or all of an owner. */
static bool covers(const char *pattern, const struct store_repository *row)
{
	const char *slash = pattern ? strchr(pattern, '/') : NULL;

	if (!slash)
		return false;
	CLEANUP(mem) char *owner = mem_strndup(pattern, (size_t)(slash - pattern));
	return str_eq_nocase(owner, row->owner) &&
	       (str_eq(slash + 1, "*") || str_eq_nocase(slash + 1, row->repo));
}

static int sync_source(struct jobs *jobs, const struct store_repository *row,
	const char *source, const struct wanted *wanted, struct cancel *cancel,
	struct err *err)
{
	return store_jobs_sync(jobs->to.store, row->repo_id, row->installation_id,
		row->owner, row->repo, source, wanted->rows, wanted->count, cancel, err);
}

/* The operator's jobs for the repository, but for those in whose place it has its own. */
static int sync_operator(struct jobs *jobs, const struct store_repository *row,
	const struct config_schedules *own, struct cancel *cancel, struct err *err)
{
	const struct config_schedules *all = &jobs->to.config->jobs;
	CLEANUP(wanted) struct wanted wanted = {0};

	for (size_t i = 0; i < all->count; i++) {
		const struct config_schedule *job = &all->items[i];

		if (covers(job->repository, row) && !is_named(own, job->name) &&
			want(&wanted, row->repo_id, job, err) < 0)
			return -1;
	}
	return sync_source(jobs, row, "operator", &wanted, cancel, err);
}

static int sync_own(struct jobs *jobs, const struct store_repository *row,
	const struct config_schedules *own, struct cancel *cancel, struct err *err)
{
	CLEANUP(wanted) struct wanted wanted = {0};

	for (size_t i = 0; i < own->count; i++)
		if (want(&wanted, row->repo_id, &own->items[i], err) < 0)
			return -1;
	return sync_source(jobs, row, "repository", &wanted, cancel, err);
}

/* ---- a repository ---------------------------------------------------------------------- */

/* The head of the default branch, "" for a repository without a commit or an archived one:
 * it has no jobs. */
static int find_head(struct jobs *jobs, const struct github_repo *repo,
	char ret[GITHUB_OID_SIZE], struct cancel *cancel, struct err *err)
{
	struct github_repo_info info;
	struct err missing = {0};

	ret[0] = '\0';
	if (github_repo_get(jobs->to.github, repo, &info, cancel, err) < 0)
		return err_wrap(err, "look up the repository");
	if (info.archived)
		return 0;
	if (github_branch_head(jobs->to.github, repo, info.default_branch, ret, cancel,
		    &missing) == 0)
		return 0;
	ret[0] = '\0';
	if (missing.kind == ERR_NOT_FOUND || missing.kind == ERR_CONFLICT)
		return 0;
	*err = missing;
	return err_wrap(err, "look up %s", info.default_branch);
}

static int sync_row(struct jobs *jobs, const struct store_repository *row,
	char head[GITHUB_OID_SIZE], struct cancel *cancel, struct err *err)
{
	struct github_repo repo = jobs_repo_of(row);
	CLEANUP(repo_config) struct repo_config file = {0};
	const struct config_schedules none = {0};
	const struct config_schedules *own = &none;

	if (find_head(jobs, &repo, head, cancel, err) < 0)
		return -1;
	if (head[0]) {
		if (jobs_config(jobs, &repo, head, &file, cancel, err) < 0)
			return -1;
		own = &file.schedules;
		if (sync_operator(jobs, row, own, cancel, err) < 0)
			return -1;
	} else {
		CLEANUP(wanted) struct wanted nothing = {0};

		if (sync_source(jobs, row, "operator", &nothing, cancel, err) < 0)
			return -1;
	}
	return sync_own(jobs, row, own, cancel, err);
}

int jobs_sync_repo(
	struct jobs *jobs, int64_t repo_id, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_repository) struct store_repository row = {0};
	char head[GITHUB_OID_SIZE] = "";
	struct err looked = {0};

	if (store_repository_get(jobs->to.store, repo_id, &row, err) < 0)
		return -1;
	if (!str_eq(row.state, "active"))
		return 0;
	int rc = sync_row(jobs, &row, head, cancel, err);
	/* Also when it failed: a broken file is not read again every second. */
	if (store_repository_looked(jobs->to.store, repo_id,
		    head[0] ? head : row.rules_oid, clock_wall_ms(), cancel,
		    &looked) < 0 &&
		rc == 0) {
		*err = looked;
		return -1;
	}
	if (rc == 0) { /* what it says of the dashboard may be new */
		jobs_touch(jobs, repo_id, false);
		if (row.dashboard_hash && row.dashboard_hash[0] == '-')
			rc = store_repository_dashboard(jobs->to.store, repo_id,
				row.dashboard, NULL, cancel, err);
	}
	return rc;
}

int jobs_pushed(struct jobs *jobs, const struct github_repo *repo, const char *branch,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_repository) struct store_repository row = {0};
	struct github_repo_info info;
	struct err missing = {0};

	if (github_repo_get(jobs->to.github, repo, &info, cancel, err) < 0)
		return -1;
	if (!str_eq(branch, info.default_branch))
		return 0;
	if (store_repository_get(jobs->to.store, info.id, &row, &missing) < 0 ||
		!str_eq(row.state, "active"))
		if (store_repository_put(jobs->to.store, info.id, repo->installation_id,
			    info.owner, info.name, "active", cancel, err) < 0)
			return -1;
	return jobs_sync_repo(jobs, info.id, cancel, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * The one issue of a repository that lists its jobs.  Its text is made of rows alone, and its
 * hash is kept: GitHub hears of it only when it is another.
 */
#define LOG_MODULE "jobs"
#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/jobs/jobs-internal.h"
#include "service/jobs/spec.h"
#include "service/schedule/zone.h"

#include <string.h>

#define TITLE "Scheduled maintenance"
#define TIMES 3
#define SHOWN_MAX 300 /* of a text that others wrote */
#define HASH_SIZE (SHA256_HEX_SIZE + 1)

/* ---- text ------------------------------------------------------------------------------ */

static void add_line(struct strbuf *out, const char *text)
{
	github_text_inline(out, text, strlen(text), SHOWN_MAX);
}

static void add_times(struct strbuf *out, const struct store_job *job, int64_t now_ms)
{
	CLEANUP(zone) struct zone *zone = NULL;
	int64_t times[TIMES];
	char shown[ZONE_SHOWN_SIZE];
	struct err err = {0};

	if (job->next_ms == 0) {
		strbuf_adds(out, "\n  - never by itself");
		return;
	}
	strbuf_adds(out, "\n  - next: ");
	if (zone_open(&zone, job->timezone, &err) < 0 ||
		jobs_next(job, now_ms, times, TIMES, &err) < 0 || times[0] == 0) {
		strbuf_adds(out, "never");
		return;
	}
	for (size_t i = 0; i < TIMES && times[i] > 0; i++)
		if (zone_show(zone, times[i], shown, &err) == 0)
			strbuf_addf(out, "%s%s", i ? ", " : "", shown);
}

static void add_last(struct strbuf *out, const struct store_job *job)
{
	CLEANUP(zone) struct zone *zone = NULL;
	char shown[ZONE_SHOWN_SIZE];
	struct err err = {0};

	if (job->last_ms == 0 || str_empty(job->last_note) ||
		zone_open(&zone, job->timezone, &err) < 0 ||
		zone_show(zone, job->last_ms, shown, &err) < 0)
		return;
	strbuf_addf(out, "\n  - last: %s, ", shown);
	add_line(out, job->last_note);
}

static int add_job(
	struct strbuf *out, const struct store_job *job, int64_t now_ms, struct err *err)
{
	CLEANUP(spec) struct spec spec = {0};

	if (spec_read(&spec, job->spec, err) < 0)
		return -1;
	strbuf_addf(out, "- [ ] <!-- job:%s --> **%s**: ", job->name, job->name);
	add_line(out, spec.when);
	strbuf_addf(out, " (%s)", job->timezone);
	if (str_eq(job->source, "operator"))
		strbuf_adds(out, ", by the operator");
	if (str_eq(job->state, "paused")) {
		strbuf_adds(out, "\n  - **paused**: ");
		add_line(out, str_empty(job->paused_why) ? "?" : job->paused_why);
	} else {
		add_times(out, job, now_ms);
	}
	add_last(out, job);
	if (job->pr_number > 0)
		strbuf_addf(out, "\n  - pull request: #%lld", (long long)job->pr_number);
	else if (job->declined)
		strbuf_adds(out, "\n  - its pull request was closed: nothing until "
				 "something changes");
	strbuf_addc(out, '\n');
	return 0;
}

static int make_text(const struct store_jobs *list, int64_t now_ms, struct strbuf *out,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf rows = STRBUF_INIT(LIMIT_COMMENT);

	for (size_t i = 0; i < list->count; i++)
		if (add_job(&rows, &list->rows[i], now_ms, err) < 0)
			return -1;
	if (list->count == 0)
		strbuf_adds(&rows, "There are no jobs now.");
	if (strbuf_failed(&rows)) /* very long texts: the names at least */
		strbuf_reset(&rows);
	struct prompt_var vars[] = {
		{"marker", JOBS_DASHBOARD_MARKER}, {"jobs", strbuf_str(&rows)}};
	return prompt_render("job_dashboard", vars, ARRAY_LEN(vars), out, err);
}

/* ---- writing --------------------------------------------------------------------------- */

struct board {
	struct jobs *jobs;
	struct store_repository row;
	struct github_repo repo;
	const char *text;
	struct cancel *cancel;
};

/* The repository's own word on it, which only counts when something is to be written. */
static int is_wanted(struct board *b, bool *ret, struct err *err)
{
	CLEANUP(repo_config) struct repo_config file = {0};
	struct err why = {0};

	*ret = true;
	if (jobs_config(b->jobs, &b->repo, NULL, &file, b->cancel, &why) == 0) {
		*ret = file.dashboard;
		return 0;
	}
	if (why.kind == ERR_INPUT || why.kind == ERR_LIMIT)
		return 0; /* a broken file switches nothing off */
	*err = why;
	return -1;
}

/* The issue, made unless an earlier process has. */
static int make_issue(struct board *b, struct err *err)
{
	struct github *github = b->jobs->to.github;
	struct github_app app;
	struct err missing = {0};

	if (github_app_self(github, &app, b->cancel, err) < 0)
		return -1;
	if (github_issue_find(github, &b->repo, app.bot.id, JOBS_DASHBOARD_MARKER,
		    &b->row.dashboard, b->cancel, &missing) == 0)
		return github_issue_update(github, &b->repo, b->row.dashboard, TITLE,
			b->text, NULL, b->cancel, err);
	if (missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return -1;
	}
	return github_issue_create(
		github, &b->repo, TITLE, b->text, &b->row.dashboard, b->cancel, err);
}

static int write_issue(struct board *b, struct err *err)
{
	struct err gone = {0};

	if (b->row.dashboard == 0)
		return make_issue(b, err);
	if (github_issue_update(b->jobs->to.github, &b->repo, b->row.dashboard, NULL,
		    b->text, NULL, b->cancel, &gone) == 0)
		return 0;
	if (gone.kind == ERR_NOT_FOUND) /* somebody deleted it */
		return make_issue(b, err);
	*err = gone;
	return -1;
}

/* A hash that begins with '-' is of a text that is not wanted. */
static int bring_up_to_date(struct board *b, struct err *err)
{
	char hash[HASH_SIZE] = "";
	bool wanted;

	crypto_sha256_hex(b->text, strlen(b->text), hash);
	if (str_eq(b->row.dashboard_hash, hash) ||
		(b->row.dashboard_hash && b->row.dashboard_hash[0] == '-'))
		return 0;
	if (is_wanted(b, &wanted, err) < 0)
		return -1;
	if (!wanted)
		str_copy(hash, sizeof hash, "-");
	else if (write_issue(b, err) < 0)
		return err_wrap(err, "write the dashboard");
	return store_repository_dashboard(b->jobs->to.store, b->row.repo_id,
		b->row.dashboard, hash, b->cancel, err);
}

static void board_release(struct board *b)
{
	store_repository_release(&b->row);
}
DEFINE_CLEANUP(board, struct board, board_release(value))

/* Made when there is a job, edited when its text is another than the one that stands there,
 * left alone when the repository has switched it off. */
static int jobs_dashboard(struct jobs *jobs, int64_t repo_id, int64_t now_ms,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(board) struct board b = {.jobs = jobs, .cancel = cancel};
	CLEANUP(store_jobs) struct store_jobs list = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT + LIMIT_KIB);

	if (store_repository_get(jobs->to.store, repo_id, &b.row, err) < 0 ||
		store_job_list(
			jobs->to.store, repo_id, 0, 2 * STORE_JOBS_MAX, &list, err) < 0)
		return -1;
	if (!str_eq(b.row.state, "active") || (list.count == 0 && b.row.dashboard == 0))
		return 0;
	if (make_text(&list, now_ms, &text, err) < 0)
		return -1;
	b.repo = jobs_repo_of(&b.row);
	b.text = strbuf_str(&text);
	return bring_up_to_date(&b, err);
}

/* ---- which and when -------------------------------------------------------------------- */

/* The next one that is dirty and may be written; 0: none. */
static int64_t take_board(struct jobs *jobs)
{
	LOCKED(&jobs->lock);
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < jobs->nboards; i++) {
		struct jobs_board *board = &jobs->boards[i];

		if (!board->dirty || board->after_ms > now)
			continue;
		board->dirty = false;
		board->after_ms = now + jobs->to.config->github_dashboard_spacing_ms;
		return board->repo_id;
	}
	return 0;
}

void jobs_boards(struct jobs *jobs, int64_t now_ms, struct cancel *cancel)
{
	int64_t repo_id;

	while (!cancel_fired(cancel) && (repo_id = take_board(jobs)) > 0) {
		struct err err = {0};

		if (jobs_dashboard(jobs, repo_id, now_ms, cancel, &err) == 0 ||
			err.kind == ERR_CANCELLED)
			continue;
		log_warn(
			"dashboard of repository %lld: %s", (long long)repo_id, err.text);
		if (err.kind == ERR_TRANSIENT)
			jobs_touch(jobs, repo_id, false);
	}
}

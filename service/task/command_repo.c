/* SPDX-License-Identifier: MIT */
/*
 * What happened to a conversation or a repository: closed, opened again, pushed to, App
 * installed or removed, boxes of the dashboard ticked.
 *
 * Nobody waits for an answer.  All of it may be repeated, and the slow part of each is in a
 * task or at GitHub; git on the host is not used here, but for dropping a mirror.
 */
#define LOG_MODULE "commands"
#include "service/task/command_ctx.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs.h"
#include "service/store/store_job.h"
#include "service/task/about.h"
#include "service/task/config_check.h"
#include "service/task/replay.h"
#include "service/task/rules.h"

#include <string.h>

#define STOPPING_S 2    /* after which is looked again whether what ran has ended */
#define MIRROR_MS 10000 /* for removing one */
#define REPOS_A_PAGE 100
#define PAGES_MAX 30 /* of an installation's repositories: 3,000 */

/* ---- closed, reopened ------------------------------------------------------------------ */

/* 1: the conversation has an open pull request besides the issue that was closed. */
static int pull_is_open(
	struct command_ctx *c, const struct store_conversation *talk, struct err *err)
{
	struct github_pull pull;
	struct err gone = {0};

	if (talk->pr_number == 0 || talk->pr_number == c->command->number)
		return 0;
	if (github_pull_get(c->env->github, &c->repo, talk->pr_number, &pull, c->cancel,
		    &gone) == 0)
		return pull.open;
	if (gone.kind == ERR_NOT_FOUND)
		return 0;
	*err = gone;
	return err_wrap(err, "read pull request #%lld", (long long)talk->pr_number);
}

/* Jobs ask whether it was merged: a closed one means no. */
static int tell_jobs(struct command_ctx *c, bool *ret_merged, struct err *err)
{
	struct github_pull pull = {0};
	struct err gone = {0};

	*ret_merged = false;
	if (!c->command->is_pull)
		return 0;
	if (github_pull_get(c->env->github, &c->repo, c->command->number, &pull,
		    c->cancel, &gone) < 0 &&
		gone.kind != ERR_NOT_FOUND) {
		*err = gone;
		return err_wrap(
			err, "read pull request #%lld", (long long)c->command->number);
	}
	if (pull.open) { /* and opened again meanwhile */
		*ret_merged = true;
		return 0;
	}
	*ret_merged = pull.merged;
	if (!c->env->jobs)
		return 0;
	return jobs_pull_closed(c->env->jobs, c->command->repo_id, c->command->number,
		pull.merged, c->cancel, err);
}

static int end_talk(struct command_ctx *c, const struct store_conversation *talk,
	const char *what, struct err *err)
{
	CLEANUP(mem)
	char *reason = mem_printf("%s #%lld was %s",
		c->command->is_pull ? "pull request" : "issue",
		(long long)c->command->number, what);
	size_t stopped, running;

	if (command_stop(c, reason, &stopped, &running, err) < 0)
		return -1;
	if (running > 0) {
		err_set(err, ERR_TRANSIENT, "%zu tasks are being stopped", running);
		err->retry_after_s = STOPPING_S;
		return -1;
	}
	return task_conversation_close(c->env, talk, c->cancel, err);
}

int command_closed(struct command_ctx *c, struct err *err)
{
	CLEANUP(store_conversation) struct store_conversation talk = {0};
	CLEANUP(github_issue) struct github_issue issue = {0};
	struct err gone = {0};
	bool merged;
	int rc;

	/* Most of what is closed was never ours: that costs no call. */
	rc = command_talk(c, &talk, err);
	if (rc <= 0)
		return rc;
	if (tell_jobs(c, &merged, err) < 0)
		return -1;
	/* Opened again before this was looked at: that is the newer word. */
	if (github_issue_get(c->env->github, &c->repo, c->command->number, &issue,
		    c->cancel, &gone) == 0) {
		if (issue.open)
			return 0;
	} else if (gone.kind != ERR_NOT_FOUND) {
		*err = gone;
		return err_wrap(err, "read issue #%lld", (long long)c->command->number);
	}
	rc = pull_is_open(c, &talk, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return end_talk(c, &talk, merged ? "merged" : "closed", err);
}

/* The next task of the lane opens the conversation. */
int command_reopened(struct command_ctx *c, struct err *err)
{
	(void)c;
	(void)err;
	return 0;
}

/* ---- pushed ---------------------------------------------------------------------------- */

/* What failed for good is told, and what may be tried again is an error at the end: one that
 * fails keeps the others from nothing. */
static void keep_worst(struct err *worst, const struct err *why)
{
	if (worst->kind == ERR_NONE || why->kind == ERR_TRANSIENT)
		*worst = *why;
}

static void forget_rules(struct command_ctx *c)
{
	rules_forget(c->repo.owner, c->repo.name);
}

static int tell_schedules(struct command_ctx *c, struct err *err)
{
	CLEANUP(mem) char *branch = about_text(c->command->about, "branch");

	return c->env->jobs ? jobs_pushed(c->env->jobs, &c->repo, branch, c->cancel, err)
			    : 0;
}

int command_pushed(struct command_ctx *c, struct err *err)
{
	struct err worst = {0}, why = {0};

	forget_rules(c);
	if (config_check_pushed(c->env, c->command, c->cancel, &why) < 0)
		keep_worst(&worst, &why);
	why = (struct err){0};
	if (tell_schedules(c, &why) < 0)
		keep_worst(&worst, &why);
	why = (struct err){0};
	if (replay_pushed(c->env, c->command, c->cancel, &why) < 0)
		keep_worst(&worst, &why);
	if (worst.kind == ERR_NONE)
		return 0;
	*err = worst;
	return -1;
}

/* ---- installed ------------------------------------------------------------------------- */

/* Its schedules are read by the next look at repositories that nobody has looked at. */
static int put_repository(struct command_ctx *c, int64_t id, const char *owner,
	const char *name, struct err *err)
{
	return store_repository_put(c->env->store, id, c->command->installation_id, owner,
		name, "active", c->cancel, err);
}

/* Too many for a delivery, or not named in it. */
static int put_all(struct command_ctx *c, struct err *err)
{
	CLEANUP(mem)
	struct github_repo_info *page = mem_array(REPOS_A_PAGE, sizeof *page);

	for (int number = 1; number <= PAGES_MAX; number++) {
		size_t count = 0;

		if (github_installation_repos(c->env->github, c->command->installation_id,
			    number, page, REPOS_A_PAGE, &count, c->cancel, err) < 0)
			return err_wrap(err, "list the installation's repositories");
		for (size_t i = 0; i < count; i++)
			if (put_repository(
				    c, page[i].id, page[i].owner, page[i].name, err) < 0)
				return -1;
		if (count < REPOS_A_PAGE)
			return 0;
	}
	return 0;
}

/* ---- removed --------------------------------------------------------------------------- */

/* Tasks of a repository that are ready or running. */
static int stop_tasks(
	struct command_ctx *c, int64_t repo_id, const char *state, struct err *err)
{
	struct store_task_filter filter = {.state = state, .limit = STORE_PAGE_MAX};

	for (;;) {
		CLEANUP(store_tasks) struct store_tasks page = {0};

		if (store_task_list(c->env->store, &filter, &page, err) < 0)
			return -1;
		for (size_t i = 0; i < page.count; i++) {
			enum store_cancelled how;

			if (page.rows[i].repo_id == repo_id &&
				store_task_cancel(c->env->store, page.rows[i].id,
					"the App was removed from the repository",
					c->command->created_ms, &how, c->cancel, err) < 0)
				return -1;
		}
		if (page.count < STORE_PAGE_MAX)
			return 0;
		filter.before_id = page.rows[page.count - 1].id;
	}
}

static int drop_repository(struct command_ctx *c, int64_t id, const char *owner,
	const char *name, struct err *err)
{
	CLEANUP(cancel) struct cancel *brief = cancel_new(c->cancel);
	struct err why = {0};

	rules_forget(owner, name);
	if (store_repository_put(c->env->store, id, c->command->installation_id, owner,
		    name, "gone", c->cancel, err) < 0 ||
		stop_tasks(c, id, "ready", err) < 0 ||
		stop_tasks(c, id, "running", err) < 0)
		return -1;
	/* One that is in use is left: nothing depends on it, and others wait for us. */
	cancel_deadline(brief, MIRROR_MS, "the time to remove a mirror");
	if (repo_mirror_drop(c->env->repos, id, brief, &why) < 0 &&
		why.kind != ERR_NOT_FOUND)
		log_warn("mirror of %s/%s: %s", owner, name, why.text);
	return 0;
}

/* A page at a time: what was dropped is not listed again. */
static int drop_all(struct command_ctx *c, struct err *err)
{
	for (;;) {
		CLEANUP(store_repositories) struct store_repositories list = {0};

		if (store_repository_list(c->env->store, c->command->installation_id,
			    STORE_PAGE_MAX, &list, err) < 0)
			return -1;
		for (size_t i = 0; i < list.count; i++)
			if (drop_repository(c, list.rows[i].repo_id, list.rows[i].owner,
				    list.rows[i].repo, err) < 0)
				return -1;
		if (list.count < STORE_PAGE_MAX)
			return 0;
	}
}

/* ---- both ------------------------------------------------------------------------------ */

typedef int (*each_fn)(struct command_ctx *c, int64_t id, const char *owner,
	const char *name, struct err *err);

static int each(struct command_ctx *c, const json_t *list, each_fn fn, struct err *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		int64_t id = json_or_int(o, "id", 0);
		const char *owner = json_or_string(o, "owner", "");
		const char *name = json_or_string(o, "name", "");

		if (id > 0 && !str_empty(owner) && !str_empty(name) &&
			fn(c, id, owner, name, err) < 0)
			return -1;
	}
	return 0;
}

static json_t *parse_about(struct command_ctx *c)
{
	const char *about = c->command->about;
	struct err ignored = {0};

	return json_parse(about, strlen(about), &ignored);
}

int command_installed(struct command_ctx *c, struct err *err)
{
	CLEANUP(json) json_t *about = parse_about(c);

	github_token_forget(c->env->github, c->command->installation_id);
	if (each(c, json_at(about, "removed"), drop_repository, err) < 0 ||
		each(c, json_at(about, "repositories"), put_repository, err) < 0)
		return -1;
	return json_or_bool(about, "more", false) ? put_all(c, err) : 0;
}

int command_removed(struct command_ctx *c, struct err *err)
{
	CLEANUP(json) json_t *about = parse_about(c);
	bool all = json_or_bool(about, "all", false);

	github_token_forget(c->env->github, c->command->installation_id);
	if (each(c, json_at(about, "removed"), drop_repository, err) < 0)
		return -1;
	return all ? drop_all(c, err) : 0;
}

/* ---- dashboard ------------------------------------------------------------------------- */

int command_dashboard(struct command_ctx *c, struct err *err)
{
	CLEANUP(mem) char *by = mem_printf("@%s", c->command->requester_login);

	return c->env->jobs ? jobs_ticked(c->env->jobs, c->command->repo_id,
				      c->command->about, by, c->cancel, err)
			    : 0;
}

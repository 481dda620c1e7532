/* SPDX-License-Identifier: MIT */
/*
 * Decides on what happens without a person's word: checks, pushes, installations.
 *
 * One failure comes as several events: GitHub Actions sends check_run, check_suite and
 * workflow_run, others the first two.  All ask for the same repair of one commit, which the
 * store makes one waiting task of (coalesce); a suite that has runs leaves it to them.
 */
#include "boxcore/base/str.h"
#include "webhooks/decide.h"

#include <string.h>

#define BRANCHES "refs/heads/"
/* Of one repository in `about`, with room for the longest names; see LIMIT_TASK_ABOUT */
#define REPOSITORIES_MAX 60

/* ---- checks ------------------------------------------------------------------------------ */

static void set_check(struct decision *d)
{
	const struct event_check *check = &d->event->check;
	json_t *o = json_object();

	json_put(o, "kind", json_str(d->event->name));
	json_put(o, "id", json_integer(check->id));
	if (check->name)
		json_put(o, "name", json_str(check->name));
	if (check->url)
		json_put(o, "url", json_str(check->url));
	if (check->app_id)
		json_put(o, "app", json_integer(check->app_id));
	if (check->conclusion)
		json_put(o, "conclusion", json_str(check->conclusion));
	if (d->config->app_id > 0 && check->app_id == d->config->app_id &&
		check->external_id)
		json_put(o, "external_id", json_str(check->external_id));
	json_put(decide_about(d), "check", o);
	decide_about_text(d, "head", check->head_sha);
	decide_about_text(d, "branch", check->head_branch);
	d->ret->number = check->pull_number;
	d->ret->on_pull_request = true;
	d->ret->branch = check->head_branch;
}

static bool is_failure(const char *conclusion)
{
	return str_eq(conclusion, "failure") || str_eq(conclusion, "timed_out");
}

/* Why a finished check starts no repair; NULL when it does. */
static const char *refuse_check(const struct decision *d)
{
	const struct event *event = d->event;
	const struct event_check *check = &event->check;

	if (d->config->app_id > 0 && check->app_id == d->config->app_id)
		return "own_check";
	if (!is_failure(check->conclusion))
		return "check_passed";
	if (str_eq(event->name, "check_suite") && check->runs > 0)
		return "check_suite_counts_its_runs";
	if (check->head_repository > 0 && check->head_repository != event->repository.id)
		return "fork_check";
	if (check->pull_number == 0 && str_empty(check->head_branch))
		return "check_nowhere";
	return NULL;
}

static void decide_completed(struct decision *d)
{
	const char *refused = refuse_check(d);

	if (refused) {
		decide_none(d, refused);
		return;
	}
	set_check(d);
	d->ret->only_ours = true;
	d->ret->coalesce = true;
	decide_accept_nobody(
		d, TRIGGER_TASK, "repair", "check_failed", "A check failed.");
}

/* A button of our check run, or its "Re-run": GitHub tells only the App that made it. */
static void decide_button(struct decision *d, const char *button)
{
	const char *refused = decide_refuse_person(d, NULL, 0);
	int64_t app_id = d->config->app_id;

	if (!refused && app_id > 0 && d->event->check.app_id != app_id)
		refused = "other_check";
	if (refused) {
		decide_none(d, refused);
		return;
	}
	set_check(d);
	decide_about_text(d, "button", button);
	decide_accept(d, TRIGGER_COMMAND, "button", "button",
		"A button of the check was pressed.");
}

void decide_check(struct decision *d)
{
	const struct event *event = d->event;

	if (event->check.id == 0 || str_empty(event->check.head_sha))
		decide_none(d, "no_subject");
	else if (str_eq(event->action, "completed"))
		decide_completed(d);
	else if (str_eq(event->action, "rerequested"))
		decide_button(d, "rerun");
	else if (str_eq(event->action, "requested_action") &&
		 !str_empty(event->check.button))
		decide_button(d, event->check.button);
	else
		decide_none(d, "action_unused");
}

/* ---- pushes ------------------------------------------------------------------------------ */

void decide_push(struct decision *d)
{
	const struct event_push *push = &d->event->push;
	const char *prefix = d->config->branch_prefix;

	if (!push->ref || !push->after) {
		decide_none(d, "no_subject");
		return;
	}
	if (!str_starts(push->ref, BRANCHES)) {
		decide_none(d, "not_a_branch");
		return;
	}
	const char *branch = push->ref + strlen(BRANCHES);
	if (push->deleted) {
		decide_none(d, "branch_deleted");
		return;
	}
	if (!str_empty(prefix) && str_starts(branch, prefix)) {
		decide_none(d, "own_branch");
		return;
	}
	decide_about_text(d, "branch", branch);
	decide_about_text(d, "head", push->after);
	decide_about_text(d, "before", push->before);
	json_put(decide_about(d), "rules", json_boolean(push->touches_rules));
	d->ret->coalesce = true;
	decide_accept_nobody(d, TRIGGER_COMMAND, "pushed", "push", "A branch moved.");
}

/* ---- installations ----------------------------------------------------------------------- */

static void put_list(struct decision *d, const char *key,
	const struct event_installed *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count && i < REPOSITORIES_MAX; i++) {
		json_t *o = json_object();
		json_put(o, "id", json_integer(list[i].id));
		json_put(o, "owner", json_str(list[i].owner));
		json_put(o, "name", json_str(list[i].name));
		json_array_append_new(array, o);
	}
	json_put(decide_about(d), key, array);
	if (count > REPOSITORIES_MAX)
		json_put(decide_about(d), "more", json_true());
}

static void decide_installed(struct decision *d)
{
	const struct event_installation *installed = &d->event->installed;

	put_list(d, "repositories", installed->added, installed->added_count);
	put_list(d, "removed", installed->removed, installed->removed_count);
	/* Who comes back from suspension is named without repositories. */
	if (installed->cut || installed->added_count == 0)
		json_put(decide_about(d), "more", json_true());
	decide_accept_nobody(d, TRIGGER_COMMAND, "installed", "installed",
		"The App came to repositories.");
}

static void decide_removed(struct decision *d)
{
	const struct event_installation *installed = &d->event->installed;
	bool whole = str_eq(d->event->name, "installation");

	/* The lists of an installation that goes tell what it had. */
	put_list(d, "removed", whole ? installed->added : installed->removed,
		whole ? installed->added_count : installed->removed_count);
	if (whole)
		json_put(decide_about(d), "all", json_true());
	if (installed->cut)
		json_put(decide_about(d), "more", json_true());
	decide_accept_nobody(
		d, TRIGGER_COMMAND, "removed", "removed", "The App left repositories.");
}

void decide_installation(struct decision *d)
{
	static const char *const came[] = {
		"created", "unsuspend", "new_permissions_accepted", "added"};
	static const char *const went[] = {"deleted", "suspend", "removed"};
	const char *action = d->event->action;

	if (!d->event->installed.account.login) {
		decide_none(d, "no_subject");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(came); i++)
		if (str_eq(action, came[i])) {
			decide_installed(d);
			return;
		}
	for (size_t i = 0; i < ARRAY_LEN(went); i++)
		if (str_eq(action, went[i])) {
			decide_removed(d);
			return;
		}
	decide_none(d, "action_unused");
}

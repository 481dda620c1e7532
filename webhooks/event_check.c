/* SPDX-License-Identifier: MIT */
/* Reads what has no text of people: checks, pushes and installations. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/event-internal.h"

#include <string.h>

#define PUSH_COMMITS_MAX 2048 /* GitHub's: further ones are not told */
#define PUSH_PATHS_MAX 100000 /* looked at; beyond, any file may have been touched */

/* ---- checks ------------------------------------------------------------------------------ */

static bool is_of(const json_t *pull, int64_t repository)
{
	int64_t base = event_id_at(pull, "base.repo.id");

	return base == 0 || base == repository;
}

/* The number when one pull request alone is named: of several the branch tells better. */
static int64_t pull_number(const json_t *pulls, int64_t repository)
{
	int64_t number = 0;

	for (size_t i = 0; i < json_array_size(pulls); i++) {
		const json_t *pull = json_array_get(pulls, i);
		if (!is_of(pull, repository))
			continue;
		if (number != 0)
			return 0;
		number = event_id_at(pull, "number");
	}
	return number;
}

static void read_run(struct event_check *check, const json_t *json, int64_t repository)
{
	check->id = event_id_at(json, "id");
	check->url = event_word_at(json, "html_url");
	check->conclusion = event_word_at(json, "conclusion");
	check->head_sha = event_word_at(json, "head_sha");
	check->head_repository = event_id_at(json, "head_repository.id");
	check->app_id = event_id_at(json, "app.id");
	check->pull_number = pull_number(json_at(json, "pull_requests"), repository);
	check->runs = json_or_int(json, "latest_check_runs_count", -1);
}

void event_read_check(struct event_check *check, const json_t *root, const char *name,
	int64_t repository)
{
	const json_t *json = json_at(root, name);
	bool is_run = str_eq(name, "check_run"), is_suite = str_eq(name, "check_suite");

	read_run(check, json, repository);
	check->name = event_word_at(json, is_suite ? "app.name" : "name");
	check->head_branch =
		event_word_at(json, is_run ? "check_suite.head_branch" : "head_branch");
	if (!is_run)
		return;
	check->external_id = event_word_at(json, "external_id");
	check->button = event_word_at(root, "requested_action.identifier");
}

void event_check_release(struct event_check *check)
{
	free(check->name);
	free(check->url);
	free(check->conclusion);
	free(check->head_sha);
	free(check->head_branch);
	free(check->external_id);
	free(check->button);
}

/* ---- pushes ------------------------------------------------------------------------------ */

static bool is_rules(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	return str_eq(name, "boxwright.yml") || str_eq(name, "boxwright.yaml");
}

static bool touches(const json_t *commit, size_t *budget)
{
	static const char *const lists[] = {"added", "modified", "removed"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *paths = json_at(commit, lists[i]);
		for (size_t j = 0; j < json_array_size(paths); j++) {
			if (*budget == 0 ||
				is_rules(json_string_value(json_array_get(paths, j))))
				return true;
			(*budget)--;
		}
	}
	return false;
}

/* What the event does not tell may have touched anything. */
static bool touches_rules(const struct event_push *push, const json_t *root)
{
	const json_t *commits = json_at(root, "commits");
	size_t count = json_array_size(commits), budget = PUSH_PATHS_MAX;

	if (push->created || json_or_bool(root, "forced", false) || count == 0 ||
		count >= PUSH_COMMITS_MAX)
		return true;
	for (size_t i = 0; i < count; i++)
		if (touches(json_array_get(commits, i), &budget))
			return true;
	return false;
}

void event_read_push(struct event_push *push, const json_t *root)
{
	push->ref = event_word_at(root, "ref");
	push->before = event_word_at(root, "before");
	push->after = event_word_at(root, "after");
	push->created = json_or_bool(root, "created", false);
	push->deleted = json_or_bool(root, "deleted", false);
	push->touches_rules = touches_rules(push, root);
}

void event_push_release(struct event_push *push)
{
	free(push->ref);
	free(push->before);
	free(push->after);
}

/* ---- installations ----------------------------------------------------------------------- */

static size_t read_list(struct event_installed **ret, const json_t *list, bool *ret_cut)
{
	size_t count = json_array_size(list), n = 0;

	if (count > EVENT_REPOSITORIES_MAX) {
		*ret_cut = true;
		count = EVENT_REPOSITORIES_MAX;
	}
	*ret = mem_array(count ? count : 1, sizeof(**ret));
	for (size_t i = 0; i < count; i++) {
		const json_t *json = json_array_get(list, i);
		char *full_name = event_word_at(json, "full_name");
		char *slash = full_name ? strchr(full_name, '/') : NULL;
		int64_t id = event_id_at(json, "id");

		if (slash && id > 0) {
			*slash = '\0';
			(*ret)[n++] = (struct event_installed){
				id, mem_strdup(full_name), mem_strdup(slash + 1)};
		}
		free(full_name);
	}
	return n;
}

void event_read_installation(struct event_installation *installed, const json_t *root)
{
	const json_t *added = json_at(root, "repositories_added");

	event_read_user(&installed->account, json_at(root, "installation.account"));
	installed->added_count = read_list(&installed->added,
		added ? added : json_at(root, "repositories"), &installed->cut);
	installed->removed_count = read_list(&installed->removed,
		json_at(root, "repositories_removed"), &installed->cut);
}

static void list_release(struct event_installed *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].owner);
		free(list[i].name);
	}
	free(list);
}

void event_installation_release(struct event_installation *installed)
{
	event_user_release(&installed->account);
	list_release(installed->added, installed->added_count);
	list_release(installed->removed, installed->removed_count);
}

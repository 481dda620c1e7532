/* SPDX-License-Identifier: MIT */
/*
 * A branch was pushed: which pull requests of ours are in conflict with it now.
 *
 * GitHub works that out when it is asked, some time later; until then the command comes back.
 * A rebase names the base that it was made for, so that no base makes two.
 */
#include "service/task/replay.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_conversation.h"
#include "service/task/about.h"
#include "service/task/mend.h"
#include "service/task/rules.h"

#include <string.h>

#define LOOK_BACK 100 /* tasks of a lane among which one for this base is looked for */

struct pushed {
	struct task_env *env;
	const struct store_command *command;
	struct github_repo repo;
	char *branch, *head;
	struct cancel *cancel;
	size_t unknown; /* pull requests that GitHub cannot tell about yet */
};

static void pushed_release(struct pushed *p)
{
	free(p->branch);
	free(p->head);
}
DEFINE_CLEANUP(pushed, struct pushed, pushed_release(value))

/* One was made for this base, or one waits. */
static int made_already(struct pushed *p, const struct store_conversation *talk,
	bool *ret, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct store_task_filter filter = {.lane = talk->lane, .limit = LOOK_BACK};

	*ret = false;
	if (store_task_list(p->env->store, &filter, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count && !*ret; i++) {
		const struct store_task *task = &list.rows[i];
		CLEANUP(mem) char *base = about_text(task->about, "base");

		*ret = str_eq(task->verb, "rebase") &&
		       (str_eq(base, p->head) || task->state == STORE_TASK_READY);
	}
	return 0;
}

static int make_task(struct pushed *p, const struct store_conversation *talk,
	const struct github_pull *pull, struct err *err)
{
	const struct store_command *command = p->command;
	CLEANUP(json) json_t *json = json_object();
	CLEANUP(strbuf) struct strbuf about = STRBUF_INIT(LIMIT_TASK_ABOUT);
	int64_t id;

	json_put(json, "head", json_str(pull->head_sha));
	json_put(json, "base", json_str(p->head));
	json_put(json, "branch", json_str(p->branch));
	if (json_print(&about, json, err) < 0)
		return -1;
	struct store_task_new task = {
		.lane = talk->lane,
		.verb = "rebase",
		.text = "",
		.repo_id = command->repo_id,
		.installation_id = command->installation_id,
		.owner = command->owner,
		.repo = command->repo,
		.number = talk->pr_number,
		.is_pull = true,
		.title = pull->title,
		.issue_author_login = pull->author.login,
		.requester_login = "",
		.trigger_kind = MEND_BASE_MOVED,
		.about = strbuf_str(&about),
		.now_ms = clock_wall_ms(),
	};
	return store_task_add(p->env->store, &task, &id, p->cancel, err);
}

static int look_at(
	struct pushed *p, const struct store_conversation *talk, struct err *err)
{
	enum github_mergeable mergeable = GITHUB_MERGEABLE_UNKNOWN;
	struct github_pull pull = {0};
	struct err why = {0};
	bool made;

	if (!talk->ours || str_empty(talk->head_oid) || talk->repairs_off)
		return 0;
	if (made_already(p, talk, &made, err) < 0)
		return -1;
	if (made)
		return 0;
	if (github_pull_mergeable(p->env->github, &p->repo, talk->pr_number, &mergeable,
		    p->cancel, &why) < 0 ||
		(mergeable == GITHUB_MERGEABLE_CONFLICT &&
			github_pull_get(p->env->github, &p->repo, talk->pr_number, &pull,
				p->cancel, &why) < 0)) {
		if (why.kind == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	p->unknown += mergeable == GITHUB_MERGEABLE_UNKNOWN;
	if (mergeable != GITHUB_MERGEABLE_CONFLICT || !pull.open)
		return 0;
	return make_task(p, talk, &pull, err);
}

static bool is_wanted(struct pushed *p, struct err *err)
{
	CLEANUP(repo_config) struct repo_config rules = {0};

	return rules_load(p->env, &p->repo, NULL, &rules, p->cancel, err) == 0 &&
	       rules.repair_conflicts && rules.repair_tries > 0;
}

int replay_pushed(struct task_env *env, const struct store_command *command,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_conversations) struct store_conversations list = {0};
	CLEANUP(pushed)
	struct pushed p = {
		.env = env,
		.command = command,
		.repo = {.installation_id = command->installation_id,
			.id = command->repo_id,
			.owner = command->owner,
			.name = command->repo},
		.branch = about_text(command->about, "branch"),
		.head = about_text(command->about, "head"),
		.cancel = cancel,
	};
	struct err why = {0};

	if (str_empty(p.branch) || str_empty(p.head) || str_eq(p.head, REPO_OID_ZERO))
		return 0;
	if (store_conversation_list_target(
		    env->store, command->repo_id, p.branch, &list, err) < 0)
		return -1;
	if (list.count == 0)
		return 0;
	if (!is_wanted(&p, &why)) {
		if (why.kind != ERR_TRANSIENT && why.kind != ERR_CANCELLED)
			return 0; /* a file that is wrong is told by others */
		*err = why;
		return -1;
	}
	for (size_t i = 0; i < list.count; i++)
		if (look_at(&p, &list.rows[i], err) < 0)
			return -1;
	if (p.unknown == 0)
		return 0;
	err_set(err, ERR_TRANSIENT,
		"GitHub does not know yet whether %zu pull requests fit", p.unknown);
	err->retry_after_s = (int)env->config->task_retry_s;
	return -1;
}

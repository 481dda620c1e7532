/* SPDX-License-Identifier: MIT */
/*
 * The configuration of a pushed commit: broken and repaired are told, fine is silent.
 *
 * The setting "config/<repository>" holds how it stood last.  It is written after the check
 * run is there, and a check run is looked for before it is made: so each head has one at most,
 * whatever is repeated.
 */
#define LOG_MODULE "config"
#include "service/task/config_check.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/config/repo_config.h"
#include "service/task/rules.h"

#include <inttypes.h>
#include <string.h>

#define CHECK_NAME "Boxwright configuration"
#define EXTERNAL_ID "configuration"

struct pushed {
	struct task_env *env;
	struct github_repo repo;
	struct cancel *cancel;
	const char *head;
	bool broken;
	struct err why; /* of the parser, when broken */
};

static char *key_of(const struct pushed *p)
{
	return mem_printf("config/%" PRId64, p->repo.id);
}

static int was_broken(const struct pushed *p, bool *ret, struct err *err)
{
	CLEANUP(mem) char *key = key_of(p);
	CLEANUP(strbuf) struct strbuf value = STRBUF_INIT(LIMIT_STORE_SETTING);

	*ret = false;
	if (store_setting_get(p->env->store, key, &value, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		*err = (struct err){0};
		return 0;
	}
	*ret = str_eq(strbuf_str(&value), "broken");
	return 0;
}

/* No file, or none at a commit that is gone by now, is a fine one. */
static int look(struct pushed *p, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);
	CLEANUP(repo_config) struct repo_config parsed = {0};
	bool there = true;

	if (github_file_get(p->env->github, &p->repo, REPO_CONFIG_PATH, p->head,
		    LIMIT_CONFIG, &text, p->cancel, err) < 0) {
		if (err->kind == ERR_LIMIT) {
			p->broken = true;
			p->why = *err;
		} else if (err->kind != ERR_NOT_FOUND) {
			return err_wrap(err, "read %s", REPO_CONFIG_PATH);
		}
		*err = (struct err){0};
		there = false;
	}
	if (there && repo_config_parse(&parsed, p->env->config, strbuf_str(&text),
			     text.len, &p->why) < 0)
		p->broken = true;
	return 0;
}

static void describe_broken(
	const struct pushed *p, struct github_annotation *place, struct strbuf *summary)
{
	int line = 1, column = 0;
	const char *message = p->why.text;

	repo_config_error_place(p->why.text, REPO_CONFIG_PATH, &line, &column, &message);
	*place = (struct github_annotation){.path = REPO_CONFIG_PATH,
		.message = message,
		.title = "not valid",
		.line = line,
		.column = column,
		.failure = true};
	strbuf_addf(summary,
		"`%s` cannot be used: line %d, column %d.\n\n```\n%s\n```\n\nUntil it is "
		"repaired no task is started in this repository, and commands need the "
		"role admin.\n",
		REPO_CONFIG_PATH, line, column > 0 ? column : 1, message);
}

/* 1: there is one on this head, 0, -1. */
static int found(const struct pushed *p, struct err *err)
{
	int64_t id;

	if (github_check_find(p->env->github, &p->repo, p->head, CHECK_NAME, EXTERNAL_ID,
		    &id, p->cancel, err) == 0)
		return 1;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	*err = (struct err){0};
	return 0;
}

static int tell(const struct pushed *p, struct err *err)
{
	CLEANUP(strbuf) struct strbuf summary = STRBUF_INIT(LIMIT_COMMENT);
	struct github_annotation place;
	struct github_check_new what = {.name = CHECK_NAME,
		.head = p->head,
		.external_id = EXTERNAL_ID,
		.status = "completed",
		.conclusion = "success",
		.title = "The configuration is valid again"};

	if (p->broken) {
		describe_broken(p, &place, &summary);
		what.conclusion = "failure";
		what.title = "The configuration is not valid";
		what.annotations = &place;
		what.nannotations = 1;
	} else {
		strbuf_addf(&summary, "`%s` can be used again.\n", REPO_CONFIG_PATH);
	}
	what.summary = strbuf_str(&summary);
	int64_t id;
	int rc = found(p, err);
	if (rc == 0)
		rc = github_check_create(
			p->env->github, &p->repo, &what, &id, p->cancel, err);
	if (rc >= 0)
		return 0;
	if (err->kind != ERR_DENIED && err->kind != ERR_NOT_FOUND &&
		err->kind != ERR_INPUT)
		return err_wrap(err, "tell about the configuration");
	log_warn("no check run for the configuration of repository %" PRId64 ": %s",
		p->repo.id, err->text);
	*err = (struct err){0};
	return 0;
}

static int check(struct pushed *p, struct err *err)
{
	CLEANUP(mem) char *key = key_of(p);
	bool before = false;

	if (look(p, err) < 0 || was_broken(p, &before, err) < 0)
		return -1;
	if (!p->broken && !before)
		return 0;
	if (tell(p, err) < 0)
		return -1;
	return store_setting_put(
		p->env->store, key, p->broken ? "broken" : "fine", p->cancel, err);
}

int config_check_pushed(struct task_env *env, const struct store_command *command,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(json)
	json_t *about = json_parse(command->about, strlen(command->about), err);
	struct github_repo_info info;
	struct pushed p = {
		.env = env,
		.repo = {.installation_id = command->installation_id,
			.id = command->repo_id,
			.owner = command->owner,
			.name = command->repo},
		.cancel = cancel,
	};

	if (!about)
		return err_wrap(err, "what was pushed");
	p.head = json_or_string(about, "head", "");
	const char *branch = json_or_string(about, "branch", "");
	if (str_empty(p.head) || str_empty(branch))
		return 0;
	if (github_repo_get(env->github, &p.repo, &info, cancel, err) < 0)
		return err_wrap(err, "look up the repository");
	p.repo.owner = info.owner;
	p.repo.name = info.name;
	if (!str_eq(branch, info.default_branch))
		return 0;
	rules_forget(info.owner, info.name);
	return check(&p, err);
}

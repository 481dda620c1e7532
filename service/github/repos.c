/* SPDX-License-Identifier: MIT */
/* Repositories, and what a person may do in one. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/parse.h"

int github_repo_get(struct github *gh, const struct github_repo *repo,
	struct github_repo_info *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	call.purpose = GITHUB_READ;
	call.often = true;
	call.repo = repo;
	if (repo->id > 0) {
		call_path(&call, "/repositories/");
		call_path_number(&call, repo->id);
	} else if (call_path_repo(&call, repo, err) < 0) {
		return -1;
	}
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_repo(reply.json, ret, err) < 0)
		return err_wrap(err, "the repository");
	if (repo->id > 0 && ret->id != repo->id)
		return err_set(err, ERR_INTERNAL,
			"GitHub answered about repository %lld instead of %lld",
			(long long)ret->id, (long long)repo->id);
	return 0;
}

static const char *const role_names[] = {
	[GITHUB_ROLE_NONE] = "none",
	[GITHUB_ROLE_READ] = "read",
	[GITHUB_ROLE_TRIAGE] = "triage",
	[GITHUB_ROLE_WRITE] = "write",
	[GITHUB_ROLE_MAINTAIN] = "maintain",
	[GITHUB_ROLE_ADMIN] = "admin",
};

const char *github_role_name(enum github_role role)
{
	return role_names[role];
}

bool github_role_parse(const char *name, enum github_role *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(role_names); i++) {
		if (str_eq(name, role_names[i])) {
			*ret = (enum github_role)i;
			return true;
		}
	}
	return false;
}

static int role_read(const json_t *json, const char *login, int64_t user_id,
	enum github_role *ret, struct err *err)
{
	struct github_user user = {0};
	enum github_role base = GITHUB_ROLE_NONE;

	if (parse_user(json, "user", &user, err) < 0)
		return -1;
	if (user.id <= 0 || !str_eq_nocase(user.login, login) ||
		(user_id > 0 && user.id != user_id))
		return err_set(err, ERR_DENIED,
			"%s is not the person that it was (the login changed hands)",
			login);
	/* `permission` knows four levels; role_name is finer, or a custom role's name,
	 * which then counts as its base. */
	if (!github_role_parse(json_or_string(json, "permission", ""), &base))
		return err_set(err, ERR_INTERNAL,
			"GitHub's answer: permission must be a known level");
	*ret = base;
	enum github_role fine = base;
	if (!github_role_parse(json_or_string(json, "role_name", ""), &fine))
		return 0;
	/* triage is told as read and maintain as write; nothing else may differ. */
	if ((fine == GITHUB_ROLE_TRIAGE && base == GITHUB_ROLE_READ) ||
		(fine == GITHUB_ROLE_MAINTAIN && base == GITHUB_ROLE_WRITE))
		*ret = fine;
	return 0;
}

int github_role_get(struct github *gh, const struct github_repo *repo, const char *login,
	int64_t user_id, enum github_role *ret_role, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	*ret_role = GITHUB_ROLE_NONE;
	if (str_empty(login) || str_eq(login, ".") || str_eq(login, ".."))
		return err_set(err, ERR_INPUT, "a person needs a login");
	call.often = true;
	call.purpose = GITHUB_READ;
	if (call_path_repo(&call, repo, err) < 0)
		return -1;
	call_path(&call, "/collaborators/");
	call_path_text(&call, login);
	call_path(&call, "/permission");
	if (call_send(gh, &call, &reply, cancel, err) < 0) {
		if (reply.status != 404)
			return err_wrap(err, "the permission of %.40s", login);
		*err = (struct err){0};
		return 0;
	}
	return role_read(reply.json, login, user_id, ret_role, err);
}

int github_collaborator_is(struct github *gh, const struct github_repo *repo,
	const char *login, bool *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	*ret = false;
	if (str_empty(login) || str_eq(login, ".") || str_eq(login, ".."))
		return err_set(err, ERR_INPUT, "a person needs a login");
	call.purpose = GITHUB_READ;
	if (call_path_repo(&call, repo, err) < 0)
		return -1;
	call_path(&call, "/collaborators/");
	call_path_text(&call, login);
	if (call_send(gh, &call, &reply, cancel, err) < 0) {
		if (reply.status != 404)
			return err_wrap(err, "whether %.40s is a collaborator", login);
		*err = (struct err){0};
		return 0;
	}
	*ret = true;
	return 0;
}

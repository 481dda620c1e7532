/* SPDX-License-Identifier: MIT */
/* The verbs of git: what the work tree says, what is recorded, what is checked out. */
#include "service/box/box_git.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/git-internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- looking --------------------------------------------------------------------------- */

/* Runs and answers {member: stdout}. */
static int show(struct git_job *job, const char *what, const char *const *args,
	const char *member, json_t **ret, struct err *err)
{
	CLEANUP(git_said) struct git_said said = {0};
	struct git_command command = {.args = args};

	if (git_must(job, what, &command, &said, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, member, json_text(strbuf_str(&said.out), said.out.len));
	return 0;
}

static int git_status(struct git_job *job, json_t **ret, struct err *err)
{
	static const char *const args[] = {"status", "--porcelain", NULL};

	return show(job, "git status", args, "status", ret, err);
}

static int git_diff(struct git_job *job, json_t **ret, struct err *err)
{
	static const char *const head[] = {
		"rev-parse", "--verify", "--quiet", "HEAD^{commit}", NULL};
	CLEANUP(git_said) struct git_said said = {0};
	struct git_command command = {.args = head};

	if (git_job_run(job, &command, &said, err) < 0)
		return -1;
	/* Before the first commit there is nothing to compare with but the index. */
	const char *args[] = {"diff", said.exit_code == 0 ? "HEAD" : NULL, NULL};
	return show(job, "git diff", args, "diff", ret, err);
}

/* ---- commit ---------------------------------------------------------------------------- */

struct commit {
	const char *message, *name, *email;
};

static int read_person(const json_t *args, struct commit *commit, struct err *err)
{
	if (git_arg(args, "author_name", LIMIT_GIT_NAME, false, &commit->name, err) < 0 ||
		git_arg(args, "author_email", LIMIT_GIT_NAME, false, &commit->email,
			err) < 0)
		return -1;
	if ((commit->name && strpbrk(commit->name, "<>")) ||
		(commit->email && strpbrk(commit->email, "<>")))
		return err_set(err, ERR_INPUT,
			"`author_name` and `author_email` hold no < or >");
	return 0;
}

static int read_commit(const json_t *args, struct commit *commit, struct err *err)
{
	if (git_arg(args, "message", LIMIT_GIT_MESSAGE, true, &commit->message, err) < 0)
		return -1;
	if (str_empty(commit->message) ||
		strspn(commit->message, " \t\r\n") == strlen(commit->message))
		return err_set(err, ERR_INPUT, "`message` must say something");
	return read_person(args, commit, err);
}

static int run_commit(struct git_job *job, const struct commit *commit, struct err *err)
{
	static const char *const args[] = {"commit", "--quiet", "--file=-", NULL};
	CLEANUP(git_said) struct git_said said = {0};
	CLEANUP(mem) char *name = NULL;
	CLEANUP(mem) char *email = NULL;
	const char *env[3] = {0};
	size_t n = 0;

	if (!str_empty(commit->name))
		env[n++] = name = mem_printf("GIT_AUTHOR_NAME=%s", commit->name);
	if (!str_empty(commit->email))
		env[n++] = email = mem_printf("GIT_AUTHOR_EMAIL=%s", commit->email);
	struct git_command command = {.args = args, .input = commit->message, .env = env};
	return git_must(job, "git commit", &command, &said, err);
}

static int git_commit(struct git_job *job, json_t **ret, struct err *err)
{
	static const char *const add[] = {"add", "--all", NULL};
	static const char *const head[] = {"rev-parse", "HEAD", NULL};
	struct commit commit = {0};
	CLEANUP(mem) char *ignored = NULL;
	CLEANUP(mem) char *sha = NULL;

	if (read_commit(job->args, &commit, err) < 0 ||
		git_ask(job, "git add", add, &ignored, err) < 0 ||
		run_commit(job, &commit, err) < 0 ||
		git_ask(job, "git commit", head, &sha, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "sha", json_str(sha));
	json_put(*ret, "message", json_str(commit.message));
	return 0;
}

/* ---- checkout -------------------------------------------------------------------------- */

static int git_checkout(struct git_job *job, json_t **ret, struct err *err)
{
	CLEANUP(git_said) struct git_said said = {0};
	const char *branch;

	if (git_arg_branch(job->args, "branch", &branch, err) < 0)
		return -1;
	if (!branch)
		return err_set(err, ERR_INPUT, "`branch` must be the name of a branch");
	/* The last word says that it is no file. */
	const char *args[] = {"checkout", branch, "--", NULL};
	struct git_command command = {.args = args};
	if (git_must(job, "git checkout", &command, &said, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "branch", json_str(branch));
	return 0;
}

/* ---- by name --------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool write;
	enum box_work_kind kind;
	int (*run)(struct git_job *job, json_t **ret, struct err *err);
} verbs[] = {
	{"clone", true, BOX_WORK_RUN, git_clone},
	{"status", false, BOX_WORK_QUIET, git_status},
	{"diff", false, BOX_WORK_QUIET, git_diff},
	{"commit", true, BOX_WORK_RUN, git_commit},
	{"push", true, BOX_WORK_RUN, git_push},
	{"create-pr", true, BOX_WORK_RUN, git_create_pr},
	{"exec", true, BOX_WORK_RUN, git_exec},
	{"checkout", true, BOX_WORK_RUN, git_checkout},
};

int boxes_git(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *verb, const json_t *args, json_t **ret, struct cancel *cancel,
	struct err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		CLEANUP(git_job) struct git_job job = {0};

		if (!str_eq(verbs[i].name, verb))
			continue;
		if (verbs[i].write && boxes_may_write(who, err) < 0)
			return -1;
		if (git_job_begin(
			    &job, boxes, who, box, verbs[i].kind, args, cancel, err) < 0)
			return -1;
		return verbs[i].run(&job, ret, err);
	}
	return err_set(err, ERR_NOT_FOUND, "git has no verb %.40s here", verb);
}

/* SPDX-License-Identifier: MIT */
/* git/push: the branch that is checked out, or the one that is named. */
#include "service/box/git-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>

/* What to push: a branch of that name, else what is checked out, under that name. */
static int make_refspec(
	struct git_job *job, const char *branch, char **ret_refspec, struct err *err)
{
	CLEANUP(git_said) struct git_said said = {0};
	CLEANUP(mem) char *ref = mem_printf("refs/heads/%s", branch);
	const char *args[] = {"show-ref", "--verify", "--quiet", ref, NULL};
	struct git_command command = {.args = args};

	if (git_job_run(job, &command, &said, err) < 0)
		return -1;
	*ret_refspec = mem_printf("%s:%s", said.exit_code == 0 ? ref : "HEAD", ref);
	return 0;
}

static int run_push(struct git_job *job, const char *refspec, struct err *err)
{
	CLEANUP(git_said) struct git_said said = {0};
	const char *args[] = {
		"push", "--progress", "--set-upstream", "origin", refspec, NULL};
	struct git_command command = {.args = args, .progress = true};

	return git_must(job, "git push", &command, &said, err);
}

int git_push(struct git_job *job, json_t **ret, struct err *err)
{
	CLEANUP(git_url) struct git_url url = {0};
	CLEANUP(secret) struct secret token = {0};
	CLEANUP(mem) char *current = NULL;
	CLEANUP(mem) char *refspec = NULL;
	CLEANUP(mem) char *spelled = NULL;
	const char *branch;

	if (git_arg_branch(job->args, "branch", &branch, err) < 0)
		return -1;
	if (!branch && git_branch(job, &current, err) < 0)
		return -1;
	branch = branch ? branch : current;
	if (git_origin(job, true, &spelled, &url, err) < 0 ||
		make_refspec(job, branch, &refspec, err) < 0 ||
		git_token(job, &url, &token, err) < 0)
		return -1;
	if (url.hosted && secret_is_set(&token) &&
		git_job_relay(job, &url, spelled, &token, true, err) < 0)
		return -1;
	if (run_push(job, refspec, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "branch", json_str(branch));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* git/create-pr: by GitHub's REST API from the host, with the caller's token. */
#include "service/box/git-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/github.h"

#include <stdlib.h>

struct pull {
	const char *title, *body, *base;
	struct git_url url;
	struct secret token;
	char *branch;
};

static void pull_release(struct pull *pull)
{
	git_url_release(&pull->url);
	secret_release(&pull->token);
	free(pull->branch);
}
DEFINE_CLEANUP(pull, struct pull, pull_release(value))

static int read_texts(const json_t *args, struct pull *pull, struct err *err)
{
	if (git_arg(args, "title", LIMIT_GIT_NAME, false, &pull->title, err) < 0 ||
		git_arg(args, "body", LIMIT_COMMENT, true, &pull->body, err) < 0 ||
		git_arg_branch(args, "base", &pull->base, err) < 0)
		return -1;
	if (str_empty(pull->title))
		return err_set(err, ERR_INPUT, "`title` must say something");
	return 0;
}

/* What the box's remote says is hostile text: git_url_parse() takes owner and name strictly. */
static int find_repository(struct git_job *job, struct pull *pull, struct err *err)
{
	const char *web = job->boxes->options.config->github_web_url;
	CLEANUP(mem) char *spelled = NULL;

	if (git_origin(job, true, &spelled, &pull->url, err) < 0)
		return -1;
	if (!pull->url.hosted)
		return err_set(err, ERR_INPUT,
			"the remote origin in %.200s is no repository on %s", job->folder,
			web);
	if (git_token(job, &pull->url, &pull->token, err) < 0)
		return -1;
	if (!secret_is_set(&pull->token))
		return err_set(err, ERR_INPUT,
			"a pull request needs a GitHub token: give github_token when the "
			"box is made, or with a clone");
	return 0;
}

/* The service's own client where there is one, so that connections are shared. */
static int create(struct git_job *job, const struct pull *pull, struct github_pull *ret,
	struct err *err)
{
	const struct config *config = job->boxes->options.config;
	struct github_options options = {
		.api_url = config->github_api_url,
		.ca_file = str_empty(config->ca_bundle) ? NULL : config->ca_bundle,
		.plain_http = str_starts(config->github_api_url, "http://"),
		.no_app = true,
	};
	struct github_pull_new what = {
		.title = pull->title,
		.body = pull->body ? pull->body : "",
		.head = pull->branch,
		.base = pull->base,
	};
	CLEANUP(github) struct github *own = NULL;
	struct github *gh = job->boxes->options.github;

	if (!gh && github_new(&own, &options, err) < 0)
		return -1;
	return github_pull_create_as(gh ? gh : own, &pull->token, pull->url.owner,
		pull->url.name, &what, ret, job->cancel, err);
}

int git_create_pr(struct git_job *job, json_t **ret, struct err *err)
{
	CLEANUP(pull) struct pull pull = {0};
	struct github_pull made = {0};

	if (read_texts(job->args, &pull, err) < 0 ||
		git_branch(job, &pull.branch, err) < 0 ||
		find_repository(job, &pull, err) < 0)
		return -1;
	if (str_eq(pull.base, pull.branch))
		return err_set(err, ERR_INPUT,
			"`base` is the branch that is checked out: check out another "
			"one, "
			"commit and push it first");
	if (create(job, &pull, &made, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "url", json_str(made.url));
	json_put(*ret, "number", json_integer(made.number));
	json_put(*ret, "title", json_str(pull.title));
	json_put(*ret, "base", json_str(made.base_ref));
	return 0;
}

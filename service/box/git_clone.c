/* SPDX-License-Identifier: MIT */
/* git/clone: where to, with whose token, and what becomes of a failure. */
#include "service/box/git-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct clone {
	struct git_url url;
	const char *branch;
	char depth[32]; /* "" for all of the history */
	char *target;
};

static void clone_release(struct clone *clone)
{
	git_url_release(&clone->url);
	free(clone->target);
}
DEFINE_CLEANUP(clone, struct clone, clone_release(value))

static int read_depth(const json_t *args, struct clone *clone, struct err *err)
{
	int64_t depth = 0;

	if (json_at(args, "depth") == NULL)
		return 0;
	if (json_need_int(args, "depth", 1, INT32_MAX, &depth, err) < 0)
		return -1;
	snprintf(clone->depth, sizeof clone->depth, "--depth=%lld", (long long)depth);
	return 0;
}

/* A folder that exists gets the repository as a folder in it; one that does not becomes the
 * repository. */
static int find_target(struct git_job *job, struct clone *clone, struct err *err)
{
	struct file_info info;
	struct err none = {0};
	bool is_folder = false;

	if (box_file_stat(job->boxes->options.core, job->work.row.id, job->folder, &info,
		    job->cancel, &none) == 0) {
		is_folder = S_ISDIR(info.mode);
		file_info_release(&info);
	} else if (none.kind != ERR_NOT_FOUND) {
		*err = none;
		return -1;
	}
	clone->target = is_folder ? mem_printf("%s/%s", job->folder, clone->url.dir)
				  : mem_strdup(job->folder);
	return 0;
}

/* Returns 1 when the token is used, and thereby worth keeping. */
static int open_relay(struct git_job *job, const struct clone *clone,
	struct secret *token, struct err *err)
{
	const char *given = json_string_value(json_object_get(job->args, "github_token"));

	if (!clone->url.hosted && !str_empty(given))
		return err_set(err, ERR_INPUT,
			"`github_token` is for repositories on %s; this one is elsewhere",
			job->boxes->options.config->github_web_url);
	if (!clone->url.hosted)
		return 0;
	if (git_token(job, &clone->url, token, err) < 0)
		return -1;
	if (!secret_is_set(token))
		return 0;
	return git_job_relay(job, &clone->url, clone->url.url, token, false, err) < 0 ? -1
										      : 1;
}

static int run_clone(struct git_job *job, const struct clone *clone, struct err *err)
{
	CLEANUP(git_said) struct git_said said = {0};
	const char *args[16] = {"-c", "protocol.file.allow=never", "clone", "--progress"};
	size_t n = 4;

	if (clone->depth[0])
		args[n++] = clone->depth;
	if (clone->branch) {
		args[n++] = "--branch";
		args[n++] = clone->branch;
	}
	args[n++] = "--";
	args[n++] = clone->url.url;
	args[n++] = clone->target;
	struct git_command command = {.args = args, .folder = "/", .progress = true};
	return git_must(job, "git clone", &command, &said, err);
}

int git_clone(struct git_job *job, json_t **ret, struct err *err)
{
	const char *web = job->boxes->options.config->github_web_url;
	CLEANUP(clone) struct clone clone = {0};
	CLEANUP(secret) struct secret token = {0};
	const char *repo;

	if (git_arg(job->args, "repo", GIT_URL_MAX, false, &repo, err) < 0 ||
		git_url_parse(repo, "repo", web, &clone.url, err) < 0 ||
		git_arg_branch(job->args, "branch", &clone.branch, err) < 0 ||
		read_depth(job->args, &clone, err) < 0 ||
		find_target(job, &clone, err) < 0)
		return -1;
	int relayed = open_relay(job, &clone, &token, err);
	if (relayed < 0)
		return -1;
	boxes_log(job->boxes, job->work.row.id, "info", "system", "git clone %s into %s",
		clone.url.url, clone.target);
	if (run_clone(job, &clone, err) < 0 ||
		(relayed && git_token_keep(job, &token, err) < 0))
		return -1;
	*ret = json_object();
	json_put(*ret, "folder", json_str(clone.target));
	return 0;
}

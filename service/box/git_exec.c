/* SPDX-License-Identifier: MIT */
/* git/exec: any command of git; one that talks to the origin does so through the relay. */
#include "service/box/git-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

static int read_args(const json_t *args, const char ***ret_list, struct err *err)
{
	const json_t *list = json_object_get(args, "args");
	size_t count = json_array_size(list);

	if (!json_is_array(list) || count == 0)
		return err_set(err, ERR_INPUT,
			"`args` must be a list of texts: the arguments of git");
	if (count > LIMIT_GIT_ARGS)
		return err_set(
			err, ERR_LIMIT, "`args` has more than %d texts", LIMIT_GIT_ARGS);
	const char **texts = mem_array(count + 1, sizeof *texts);
	*ret_list = texts;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);

		texts[i] = json_string_value(item);
		if (!texts[i] || strlen(texts[i]) != json_string_length(item))
			return err_set(err, ERR_INPUT, "`args` must be a list of texts");
	}
	return 0;
}

/* Its subcommand, behind options of git itself. */
static const char *subcommand(const char *const *args)
{
	for (; *args; args++) {
		if ((*args)[0] != '-')
			return *args;
		if ((str_eq(*args, "-c") || str_eq(*args, "-C")) && args[1])
			args++;
	}
	return "";
}

/* Whatever cannot be found out here git will say itself. */
static int open_relay(struct git_job *job, bool push, struct err *err)
{
	CLEANUP(git_url) struct git_url url = {0};
	CLEANUP(secret) struct secret token = {0};
	CLEANUP(mem) char *spelled = NULL;
	struct err ignored = {0};

	if (git_token(job, NULL, &token, err) < 0)
		return -1;
	if (!secret_is_set(&token) ||
		git_origin(job, push, &spelled, &url, &ignored) < 0 || !url.hosted)
		return cancel_check(job->cancel, err);
	return git_job_relay(job, &url, spelled, &token, push, err);
}

static int prepare(struct git_job *job, const char *const *args, struct err *err)
{
	static const char *const talking[] = {"fetch", "pull", "ls-remote", "push"};
	const char *verb = subcommand(args);

	for (size_t i = 0; i < ARRAY_LEN(talking); i++) {
		if (str_eq(verb, talking[i]))
			return open_relay(job, str_eq(verb, "push"), err);
	}
	return 0;
}

int git_exec(struct git_job *job, json_t **ret, struct err *err)
{
	CLEANUP(mem) const char **args = NULL;
	CLEANUP(git_said) struct git_said said = {0};

	if (read_args(job->args, &args, err) < 0 || prepare(job, args, err) < 0)
		return -1;
	struct git_command command = {.args = args};
	if (git_job_run(job, &command, &said, err) < 0)
		return -1;
	/* An address of people may be longer than the relay's. */
	CLEANUP(strbuf) struct strbuf named = STRBUF_INIT(2 * LIMIT_GIT_OUTPUT);
	git_named(job, &named, strbuf_str(&said.all), said.all.len);
	if (strbuf_check(&named, "what git says", err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "output", json_text(strbuf_str(&named), named.len));
	json_put(*ret, "exit_code", json_integer(said.exit_code));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Commands of git in a box: started with argv, read to the end, their words told on. */
#include "service/box/git-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

#define STOP_GRACE_MS 2000
#define PROGRESS_MS 5000

/* ---- the job --------------------------------------------------------------------------- */

/* The box's own variables, and that nobody answers questions. */
static char **make_env(struct git_job *job, struct err *err)
{
	CLEANUP(json) json_t *own = boxes_env(job->boxes, &job->work.row, err);
	CLEANUP(json) json_t *env = own ? json_copy(own) : NULL;

	if (!env)
		return NULL;
	json_put(env, "GIT_TERMINAL_PROMPT", json_str("0"));
	json_put(env, "GIT_PAGER", json_str("cat"));
	if (!json_object_get(env, "GIT_SSH_COMMAND"))
		json_put(env, "GIT_SSH_COMMAND",
			json_str("ssh -o BatchMode=yes -o "
				 "StrictHostKeyChecking=accept-new"));
	return boxes_env_list(env);
}

int git_job_begin(struct git_job *job, struct boxes *boxes, const struct box_caller *who,
	const char *box, enum box_work_kind kind, const json_t *args,
	struct cancel *cancel, struct err *err)
{
	const char *folder;

	*job = (struct git_job){.boxes = boxes, .args = args};
	if (git_arg(args, "folder", LIMIT_PATH, false, &folder, err) < 0)
		return -1;
	job->folder = boxes_path(folder, "folder", err);
	if (!job->folder)
		return -1;
	job->cancel = cancel_new(cancel);
	cancel_deadline(job->cancel, LIMIT_GIT_MS, "git's limit of one hour");
	if (box_work_begin(boxes, who, box, kind, "git was asked for", &job->work,
		    job->cancel, err) < 0)
		return -1;
	job->env = make_env(job, err);
	return job->env ? 0 : -1;
}

void git_job_end(struct git_job *job)
{
	git_job_unrelay(job);
	box_work_release(&job->work);
	cancel_free(job->cancel);
	free(job->folder);
	free(job->env);
	*job = (struct git_job){0};
}

void git_said_release(struct git_said *said)
{
	strbuf_release(&said->out);
	strbuf_release(&said->all);
}

/* ---- argv and environment -------------------------------------------------------------- */

struct list {
	const char **items;
	size_t count;
};

static void list_add(struct list *list, const char *item)
{
	list->items = mem_grow(list->items, list->count + 2, sizeof *list->items);
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
}

static void list_add_all(struct list *list, const char *const *items)
{
	for (; items && *items; items++)
		list_add(list, *items);
}

static void list_setting(struct list *list, const char *setting)
{
	if (!setting)
		return;
	list_add(list, "-c");
	list_add(list, setting);
}

/* ---- progress -------------------------------------------------------------------------- */

struct progress {
	char line[200];
	size_t len;
	int64_t told_ms;
};

static void tell(struct git_job *job, struct progress *progress)
{
	progress->line[progress->len] = '\0';
	if (progress->len > 0)
		boxes_log(job->boxes, job->work.row.id, "info", "system", "git: %s",
			progress->line);
	progress->told_ms = clock_mono_ms();
}

/* Lines that end are told; those that a later one overwrites every few seconds. */
static void follow(
	struct git_job *job, struct progress *progress, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n' ||
			(data[i] == '\r' &&
				clock_mono_ms() - progress->told_ms >= PROGRESS_MS))
			tell(job, progress);
		if (data[i] == '\n' || data[i] == '\r')
			progress->len = 0;
		else if (progress->len < sizeof progress->line - 1)
			progress->line[progress->len++] = data[i];
	}
}

/* ---- running --------------------------------------------------------------------------- */

static int take(struct git_said *said, const struct run_event *event, struct err *err)
{
	if (event->kind == RUN_STDOUT)
		strbuf_add(&said->out, event->data, event->len);
	strbuf_add(&said->all, event->data, event->len);
	return strbuf_check(&said->all, "what git says", err);
}

static int read_all(struct git_job *job, struct run *run, bool progress,
	struct git_said *said, struct err *err)
{
	struct progress lines = {.told_ms = clock_mono_ms()};
	struct run_event event;

	for (;;) {
		if (run_read(run, &event, job->cancel, err) < 0)
			return -1;
		if (event.kind == RUN_EXIT) {
			said->exit_code = event.exit_code;
			return 0;
		}
		if (progress && event.kind == RUN_STDERR)
			follow(job, &lines, event.data, event.len);
		if (take(said, &event, err) < 0)
			return -1;
	}
}

/* So that git takes away what is half done; the run's end does the rest. */
static void stop(struct git_job *job, struct run *run)
{
	CLEANUP(cancel) struct cancel *patience = cancel_new(job->boxes->stop);
	struct err ignored = {0};

	cancel_deadline(patience, 3L * STOP_GRACE_MS, "git's end");
	run_stop(job->boxes->options.core, job->work.row.id, run_id(run), STOP_GRACE_MS,
		patience, &ignored);
}

static int run_with(struct git_job *job, const struct git_command *command,
	const struct run_spec *spec, struct git_said *said, struct err *err)
{
	CLEANUP(run) struct run *run = NULL;
	const char *input = command->input;

	if (run_start(job->boxes->options.core, job->work.row.id, spec, &run, job->cancel,
		    err) < 0)
		return err_wrap(err, "git in %.200s", spec->cwd);
	int rc = 0;
	if (input && *input)
		rc = run_write(run, input, strlen(input), job->cancel, err);
	if (rc == 0 && input)
		rc = run_close_stdin(run, job->cancel, err);
	if (rc == 0 || err->kind == ERR_CONFLICT) /* git may have ended before it read */
		rc = read_all(job, run, command->progress, said, err);
	if (rc < 0)
		stop(job, run);
	return rc;
}

int git_job_run(struct git_job *job, const struct git_command *command,
	struct git_said *ret_said, struct err *err)
{
	const struct store_box *row = &job->work.row;
	CLEANUP(mem) char *name = NULL;
	CLEANUP(mem) char *email = NULL;
	struct list argv = {0}, env = {0};

	list_add(&argv, "git");
	if (!str_empty(row->git_name))
		list_setting(&argv, name = mem_printf("user.name=%s", row->git_name));
	if (!str_empty(row->git_email))
		list_setting(&argv, email = mem_printf("user.email=%s", row->git_email));
	list_setting(&argv, "protocol.ext.allow=never");
	for (size_t i = 0; i < ARRAY_LEN(job->config); i++)
		list_setting(&argv, job->config[i]);
	list_add_all(&argv, command->args);
	list_add_all(&env, (const char *const *)job->env);
	list_add_all(&env, command->env);
	*ret_said = (struct git_said){.out = STRBUF_INIT(LIMIT_GIT_OUTPUT),
		.all = STRBUF_INIT(LIMIT_GIT_OUTPUT)};
	struct run_spec spec = {
		.argv = argv.items,
		.cwd = command->folder ? command->folder : job->folder,
		.env = env.items,
		.stdin_open = command->input != NULL,
	};
	int rc = run_with(job, command, &spec, ret_said, err);
	free(argv.items);
	free(env.items);
	return rc;
}

/* ---- its words ------------------------------------------------------------------------- */

/* Lines as a person last saw them: what a carriage return wrote over is left out. */
static void add_seen(struct strbuf *out, const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;
		size_t start = n;

		while (start > 0 && text[start - 1] != '\r')
			start--;
		if (n > start)
			strbuf_add(out, text + start, n - start);
		if (end && n > start)
			strbuf_addc(out, '\n');
		text += end ? n + 1 : n;
		len -= end ? n + 1 : n;
	}
}

void git_named(
	const struct git_job *job, struct strbuf *out, const char *text, size_t len)
{
	const char *url = job->relay_url;
	const char *found;

	while (url && (found = memmem(text, len, url, strlen(url)))) {
		strbuf_add(out, text, (size_t)(found - text));
		strbuf_adds(out, job->spelled);
		len -= (size_t)(found - text) + strlen(url);
		text = found + strlen(url);
	}
	strbuf_add(out, text, len);
}

/* ERR_UNABLE with git's own words, or what GitHub said to the relay. */
static int git_failed(struct git_job *job, const char *what, const struct git_said *said,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf seen = STRBUF_INIT(LIMIT_GIT_OUTPUT);
	CLEANUP(strbuf) struct strbuf named = STRBUF_INIT(2 * LIMIT_GIT_OUTPUT);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(8 * LIMIT_GIT_OUTPUT);
	int refused = job->relay ? git_relay_refused(job->relay) : 0;

	if (refused == 401 || refused == 403)
		return err_set(err, ERR_DENIED,
			"%s: GitHub refused the token (%d) for %.200s", what, refused,
			job->spelled);
	if (refused == 404)
		return err_set(err, ERR_NOT_FOUND,
			"%s: GitHub shows the token no repository %.200s", what,
			job->spelled);
	add_seen(&seen, strbuf_str(&said->all), said->all.len);
	git_named(job, &named, strbuf_str(&seen), seen.len);
	str_clean_utf8(&clean, strbuf_str(&named), named.len, false);
	while (clean.len > 0 && clean.data[clean.len - 1] == '\n')
		clean.data[--clean.len] = '\0';
	const char *text = strbuf_str(&clean);
	/* The reason stands at the end. */
	if (clean.len > 400) {
		const char *line = strchr(text + clean.len - 400, '\n');
		text = line ? line + 1 : text + clean.len - 400;
	}
	return err_set(err, ERR_UNABLE, "%s: %s", what,
		*text ? text : "git ended without a word");
}

int git_must(struct git_job *job, const char *what, const struct git_command *command,
	struct git_said *ret_said, struct err *err)
{
	if (git_job_run(job, command, ret_said, err) < 0)
		return -1;
	return ret_said->exit_code == 0 ? 0 : git_failed(job, what, ret_said, err);
}

int git_ask(struct git_job *job, const char *what, const char *const *args,
	char **ret_text, struct err *err)
{
	CLEANUP(git_said) struct git_said said = {0};
	struct git_command command = {.args = args};

	if (git_must(job, what, &command, &said, err) < 0)
		return -1;
	if (said.out.len > 0 && said.out.data[said.out.len - 1] == '\n')
		said.out.data[--said.out.len] = '\0';
	*ret_text = mem_strdup(strbuf_str(&said.out));
	return 0;
}

int git_branch(struct git_job *job, char **ret_branch, struct err *err)
{
	static const char *const inside[] = {"rev-parse", "--git-dir", NULL};
	static const char *const args[] = {
		"symbolic-ref", "--quiet", "--short", "HEAD", NULL};
	CLEANUP(git_said) struct git_said said = {0};
	struct git_command command = {.args = args};
	CLEANUP(mem) char *dir = NULL;

	if (git_ask(job, "git", inside, &dir, err) < 0 ||
		git_job_run(job, &command, &said, err) < 0)
		return -1;
	while (said.out.len > 0 && said.out.data[said.out.len - 1] == '\n')
		said.out.data[--said.out.len] = '\0';
	if (said.exit_code != 0 || said.out.len == 0)
		return err_set(err, ERR_INPUT,
			"no branch is checked out in %.200s (HEAD is detached): check "
			"one "
			"out first, or name one as `branch`",
			job->folder);
	*ret_branch = mem_strdup(strbuf_str(&said.out));
	return 0;
}

int git_origin(struct git_job *job, bool push, char **ret_spelled,
	struct git_url *ret_url, struct err *err)
{
	const char *args[] = {"remote", "get-url", push ? "--push" : "origin",
		push ? "origin" : NULL, NULL};
	const char *web = job->boxes->options.config->github_web_url;
	struct err ignored = {0};

	if (git_ask(job, "the remote origin", args, ret_spelled, err) < 0)
		return -1;
	/* A folder of the box, or a form that we do not know: git goes on without us. */
	git_url_parse(*ret_spelled, "origin", web, ret_url, &ignored);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The work of a job without an agent: its commands, one after the other, in the task's box.
 *
 * Each is a kept run whose name tells task and number.  The row names the one that runs, so a
 * service that starts again goes on there; its output becomes events in one transaction with
 * the offset behind them.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "service/jobs/ready.h"
#include "service/jobs/jobs.h"
#include "service/store/store_event.h"
#include "service/task/check_text.h"
#include "service/task/job.h"
#include "service/task/kept_run.h"
#include "service/task/status.h"

#include <string.h>

#define TAIL_MAX 3000 /* of a failed command's output that people are told */
#define RUN_NAME_SIZE 48
#define SUMMARY_MAX (16 * LIMIT_KIB) /* of what commands write for people */

struct job_work {
	struct task_ctx *ctx;
	struct ready_commands commands;
	struct cancel *limit;
	struct kept_run kept;
	struct check_output *output; /* of the present command */
	char *dir;
};

static void work_release(struct job_work *w)
{
	kept_run_release(&w->kept);
	ready_commands_release(&w->commands);
	cancel_free(w->limit);
	free(w->output);
	free(w->dir);
}
DEFINE_CLEANUP(job_work, struct job_work, work_release(value))

static void run_name(const struct job_work *w, size_t index, char ret[RUN_NAME_SIZE])
{
	snprintf(ret, RUN_NAME_SIZE, "job-%lld-%zu", (long long)w->ctx->task->id, index);
}

/* The command that the row names; the first when it names none. */
static size_t begun(const struct job_work *w)
{
	char name[RUN_NAME_SIZE];

	for (size_t i = 0; i < w->commands.count; i++) {
		run_name(w, i, name);
		if (str_eq(w->ctx->task->run_id, name))
			return i;
	}
	return 0;
}

/* ---- output ---------------------------------------------------------------------------- */

static int keep_output(struct job_work *w, const struct run_event *event, struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TASK_EVENT * 4);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_TASK_EVENT * 4);
	size_t len = event->len < LIMIT_TASK_EVENT ? event->len : LIMIT_TASK_EVENT;

	check_output_add(w->output, event->data, event->len);
	str_clean_utf8(&clean, event->data, len, false);
	secret_redact(&text, strbuf_str(&clean), clean.len);
	struct store_event_new line = {.at_ms = clock_wall_ms(),
		.kind = "output",
		.text = strbuf_str(&text),
		.text_len = text.len};
	struct store_event_batch batch = {
		.events = &line, .count = 1, .run_offset = (int64_t)event->offset};
	return store_events_append(w->ctx->env->store, w->ctx->task, &batch, NULL, err);
}

/* ---- a run ----------------------------------------------------------------------------- */

/* No link to the run that the row names yet. */
static struct kept_run unlinked(const struct task_ctx *ctx)
{
	return (struct kept_run){.core = ctx->env->core,
		.box = ctx->task->box_id,
		.name = ctx->task->run_id,
		.what = "the job's command"};
}

/* The run's name is stored before it begins, so that a crash in between finds it. */
static int start(struct job_work *w, size_t index, struct err *err)
{
	struct task_ctx *ctx = w->ctx;
	const char *const argv[] = {"sh", "-lc", w->commands.items[index], NULL};
	struct run_spec spec = {.argv = argv,
		.env = (const char *const *)w->commands.env,
		.cwd = w->dir,
		.keep = true};
	char name[RUN_NAME_SIZE];

	run_name(w, index, name);
	store_set(&ctx->task->run_id, name);
	ctx->task->run_offset = 0;
	w->kept = unlinked(ctx);
	if (store_task_save(ctx->env->store, ctx->task, w->limit, err) < 0)
		return -1;
	spec.id = ctx->task->run_id;
	if (run_start(ctx->env->core, ctx->task->box_id, &spec, &w->kept.run, w->limit,
		    err) < 0)
		return err_wrap(err, "start a command");
	return context_say(ctx, "work", err, "$ %.300s", w->commands.shown[index]);
}

/* Takes up what the row names, or begins the command. */
static int open_run(struct job_work *w, size_t index, struct err *err)
{
	struct task_ctx *ctx = w->ctx;
	char name[RUN_NAME_SIZE];
	struct err why = {0};

	run_name(w, index, name);
	if (!str_eq(ctx->task->run_id, name))
		return start(w, index, err);
	w->kept = unlinked(ctx);
	if (kept_run_take_up(&w->kept, (uint64_t)ctx->task->run_offset, w->limit, &why) ==
		0)
		return 0;
	if (why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	if (ctx->task->run_offset > 0 || index > 0) { /* the box is another */
		ctx->back = true;
		return err_set(err, ERR_TRANSIENT,
			"the job's commands were lost when their box stopped");
	}
	return start(w, index, err);
}

/* Reads once, behind what the rows have. */
static int read_on(struct job_work *w, struct run_event *event, struct err *err)
{
	int rc = kept_run_read(
		&w->kept, (uint64_t)w->ctx->task->run_offset, event, w->limit, err);

	w->ctx->back = w->ctx->back || (rc < 0 && w->kept.gone);
	return rc;
}

static int follow(struct job_work *w, int *ret_code, struct err *err)
{
	for (;;) {
		struct run_event event;

		if (read_on(w, &event, err) < 0)
			return -1;
		if (event.kind == RUN_EXIT && event.exit_code < 0) {
			w->ctx->back = true;
			return err_set(err, ERR_TRANSIENT,
				"the job's command was lost when its box stopped");
		}
		if (event.kind == RUN_EXIT) {
			*ret_code = event.exit_code;
			return 0;
		}
		if (keep_output(w, &event, err) < 0)
			return -1;
		run_ack(w->kept.run, (uint64_t)w->ctx->task->run_offset);
	}
}

/* ---- all of them ----------------------------------------------------------------------- */

static int failed(struct job_work *w, size_t index, int code, struct err *err)
{
	CLEANUP(strbuf) struct strbuf said = STRBUF_INIT(LIMIT_TASK_EVENT * 2);
	CLEANUP(strbuf) struct strbuf told = STRBUF_INIT(LIMIT_TASK_EVENT * 2);
	size_t from;

	check_output_text(w->output, &said);
	from = said.len > TAIL_MAX ? said.len - TAIL_MAX : 0;
	while (from > 0 && from < said.len && (said.data[from] & 0xc0) == 0x80)
		from++;
	secret_redact(&told, strbuf_str(&said) + from, said.len - from);
	return context_decide(w->ctx, "failed_job", err,
		"`%.200s` ended with exit status %d%s%s", w->commands.shown[index], code,
		told.len ? ":\n" : "", strbuf_str(&told));
}

static int run_all(struct job_work *w, struct err *err)
{
	for (size_t i = begun(w); i < w->commands.count; i++) {
		int code = 0;

		memset(w->output, 0, sizeof *w->output);
		if (open_run(w, i, err) < 0 || follow(w, &code, err) < 0)
			return -1;
		kept_run_release(&w->kept);
		if (code != 0)
			return failed(w, i, code, err);
	}
	return 0;
}

/* The run is ended unless the service only stops: then it goes on without us. */
static int interrupted(struct job_work *w, struct err *err)
{
	struct task_ctx *ctx = w->ctx;
	bool person = cancel_fired(ctx->cancel);

	if (cancel_fired(ctx->env->stop) || (!person && !cancel_fired(w->limit)))
		return -1;
	kept_run_end(&w->kept, ctx->env->stop);
	if (person)
		return -1;
	return context_decide(
		ctx, "failed_time", err, "the job was stopped: %s", err->text);
}

static int add_piece(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	strbuf_add(arg, data, len);
	return 0;
}

/* What the commands say of their work themselves; few do. */
static void add_own_words(struct job_work *w, struct strbuf *out)
{
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(SUMMARY_MAX);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(SUMMARY_MAX * 4);
	struct err none = {0};

	if (box_file_read(w->ctx->env->core, w->ctx->task->box_id, READY_SUMMARY, 0,
		    SUMMARY_MAX, add_piece, &words, w->limit, &none) < 0 ||
		words.len == 0)
		return;
	str_clean_utf8(&clean, strbuf_str(&words), words.len, false);
	strbuf_addf(out, "\n%s\n", strbuf_str(&clean));
}

/* What the pull request says was done. */
static void sum_up(struct job_work *w, const struct spec *spec)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_COMMENT);

	strbuf_addf(&text, "The scheduled job `%s` ran without a model:\n\n", spec->name);
	for (size_t i = 0; i < w->commands.count; i++)
		strbuf_addf(&text, "- `%.200s`\n", w->commands.shown[i]);
	add_own_words(w, &text);
	status_clean(&clean, strbuf_str(&text), 10000);
	store_set(&w->ctx->task->summary, strbuf_str(&clean));
}

int step_job(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(job_work) struct job_work w = {.ctx = ctx};
	CLEANUP(spec) struct spec spec = {0};

	if (ctx->task->job_id == 0)
		return 0;
	if (context_file(ctx, err) < 0)
		return -1;
	int found = job_spec(ctx, &spec, err);
	if (found <= 0)
		return found < 0 ? -1 : err_set(err, ERR_NOT_FOUND, "the job is gone");
	if (spec_has_agent(&spec))
		return 0; /* `work` is next */
	if (ready_commands(&spec, &w.commands, err) < 0)
		return -1;
	w.dir = context_dir(ctx);
	w.output = mem_zalloc(sizeof *w.output);
	w.limit = cancel_new(ctx->cancel);
	cancel_deadline(w.limit, ctx->file.minutes * 60000,
		"the limit for a task's work (limits.minutes)");
	if (run_all(&w, err) < 0)
		return interrupted(&w, err);
	if (ctx->outcome)
		return 0;
	sum_up(&w, &spec);
	ctx->go = "collect";
	return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * The third step: the agent's run.
 *
 * The run belongs to the box, not to this process: its output is spooled there and read by
 * offset.  Each piece is turned into events, and the events are stored in one transaction
 * with the offset behind them; so after a restart, or a lost link, the run is taken up
 * exactly where the rows end.
 */
#include "boxcore/agent/harness.h"
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_event.h"
#include "service/task/context.h"
#include "service/task/kept_run.h"
#include "service/task/limits.h"
#include "service/task/repair.h"
#include "service/task/request.h"
#include "service/task/review.h"
#include "service/task/rounds.h"
#include "service/task/status.h"

#include <string.h>

#define RELAY_PORT 7332            /* in the box, on its own loopback */
#define EVENTS_AT_ONCE 400         /* STORE_PAGE_MAX is more */
#define FEED_PIECE 4096            /* bytes fed at once */
#define SHOWN_MAX (16 * LIMIT_KIB) /* of one event's text that is kept */
#define STDERR_MAX 200             /* lines of stderr that become events */
#define SAVE_MS 1000               /* output that says nothing is noted that often */

struct work {
	struct task_ctx *ctx;
	const struct harness *harness;
	struct agent_reader *reader;
	struct relay_lease *lease;
	struct kept_run kept;
	struct cancel *limit; /* the task's time */
	struct cancel *quiet; /* the agent's silence */
	bool listening;
	bool resumed; /* another process began this run */
	bool spoke;   /* the agent said or did something in this run */
	int stderr_lines;
	int64_t stored_ms;
	/* Events of the piece of output that is being fed */
	struct store_event_new events[EVENTS_AT_ONCE];
	size_t nevents;
};

static void work_release(struct work *w)
{
	kept_run_release(&w->kept);
	if (w->listening)
		box_unlisten(w->ctx->env->core, w->ctx->task->box_id, RELAY_PORT);
	relay_lease_free(w->lease);
	agent_reader_free(w->reader);
	for (size_t i = 0; i < w->nevents; i++)
		free((void *)(uintptr_t)w->events[i].text);
	cancel_free(w->quiet);
	cancel_free(w->limit);
}
DEFINE_CLEANUP(work, struct work, work_release(value))

/* ---- events ---- */

static void add_event(struct work *w, const char *kind, const char *told)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_EVENT * 4);
	size_t len = strlen(told);

	if (w->nevents == EVENTS_AT_ONCE)
		return;
	while (len > 0 && told[len - 1] == '\n')
		len--;
	secret_redact(&text, told, str_utf8_cut(told, len < SHOWN_MAX ? len : SHOWN_MAX));
	struct store_event_new *kept = &w->events[w->nevents++];
	*kept = (struct store_event_new){
		.at_ms = clock_wall_ms(), .kind = kind, .text_len = text.len};
	kept->text = strbuf_take(&text);
}

static void on_event(void *arg, const struct agent_event *event)
{
	struct work *w = arg;

	w->spoke |= event->kind == AGENT_TEXT || event->kind == AGENT_TOOL ||
		    event->kind == AGENT_THINKING;
	if (event->kind == AGENT_START && *event->session_id)
		store_set(&w->ctx->task->session_id, event->session_id);
	if (event->kind != AGENT_USAGE && event->kind != AGENT_OTHER)
		add_event(w, agent_event_name(event->kind), event->text);
}

static void on_stderr(void *arg, const char *line)
{
	struct work *w = arg;

	if (w->stderr_lines < STDERR_MAX)
		add_event(w, "stderr",
			++w->stderr_lines == STDERR_MAX ? "further lines are not kept"
							: line);
}

static int store_piece(struct work *w, struct err *err)
{
	CLEANUP(strbuf) struct strbuf state = STRBUF_INIT(LIMIT_AGENT_STATE);
	struct store_event_batch batch = {.events = w->events, .count = w->nevents};

	agent_reader_save(w->reader, &state);
	batch.run_offset = (int64_t)agent_reader_offset(w->reader);
	batch.run_state = strbuf_str(&state);
	int rc = store_events_append(w->ctx->env->store, w->ctx->task, &batch, NULL, err);
	for (size_t i = 0; i < w->nevents; i++)
		free((void *)(uintptr_t)w->events[i].text);
	w->nevents = 0;
	w->stored_ms = clock_mono_ms();
	return rc;
}

/* On a relay thread: its own view of the row, since the worker's belongs to the worker. */
static void on_usage(void *arg, const char *model, const struct relay_usage *call,
	const struct relay_usage *total)
{
	struct work *w = arg;
	const struct task_ctx *ctx = w->ctx;
	struct store_task fenced = {.id = ctx->task->id, .lease = ctx->task->lease};
	struct store_event_batch batch = {
		.run_offset = -1,
		.tokens_in = call->input_tokens + call->cache_write_tokens,
		.tokens_out = call->output_tokens,
		.tokens_cached = call->cached_tokens,
		.cost_usd = (double)call->cost_microusd / 1e6,
	};
	struct err err = {0};

	(void)model;
	if (store_events_append(ctx->env->store, &fenced, &batch, NULL, &err) < 0)
		log_line(LOG_WARN, "task", "usage of a call is not stored: %s", err.text);
	limits_usage(ctx, w->lease, total);
}

/* ---- beginning ---- */

/* Each request that the task works on has its share, and what people added is for all but
 * guests; never more than the day has left. */
static int budget(struct task_ctx *ctx, int64_t *ret, struct err *err)
{
	int64_t requests;

	if (rounds_count(ctx, &requests, err) < 0)
		return -1;
	double usd = ctx->file.cost_usd * (double)requests;
	double added = ctx->guest ? 0 : ctx->talk.budget_usd;
	*ret = limits_budget(ctx, (int64_t)((usd > 0 ? usd + added : 0) * 1e6));
	return 0;
}

static bool reaches_all(void *arg)
{
	const struct config *config = arg;

	if (str_eq(config->model_hosted_tools, "as-network"))
		return str_eq(config->box_network, "allow-all");
	return str_eq(config->model_hosted_tools, "always");
}

static int open_relay(struct work *w, struct err *err)
{
	struct task_ctx *ctx = w->ctx;
	CLEANUP(mem) char *name = mem_printf("task-%lld", (long long)ctx->task->id);
	const char *provider = harness_provider(w->harness);
	int64_t money;

	if (budget(ctx, &money, err) < 0)
		return -1;
	struct relay_lease_spec spec = {
		.name = name,
		.budget_microusd = money,
		.spent = {.cost_microusd = (int64_t)(ctx->task->cost_usd * 1e6)},
		.allow = {[RELAY_ANTHROPIC] = !str_eq(provider, "openai"),
			[RELAY_OPENAI] = !str_eq(provider, "anthropic")},
		.on_usage = on_usage,
		.arg = w,
		.reaches_all = reaches_all,
		.reach_arg = (void *)(uintptr_t)ctx->env->config,
		.cancel = w->limit,
	};

	w->lease = relay_lease_new(ctx->env->relay, &spec);
	if (box_listen(ctx->env->core, ctx->task->box_id, RELAY_PORT, relay_accept,
		    w->lease, w->limit, err) < 0)
		return err_wrap(err, "offer the model to the box");
	w->listening = true;
	return 0;
}

/* What the agent is told: the request, a further one, or what failed. */
static int say_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err)
{
	CLEANUP(store_task) struct store_task request = {0};

	if (repair_round(ctx) > 0)
		return request_repair(ctx, dir, out, err);
	if (rounds_request(ctx) == 0)
		return request_prompt(ctx, dir, out, err);
	if (rounds_load(ctx, &request, err) < 0)
		return -1;
	return request_more(ctx, &request, dir, out, err);
}

static const char *round_words(const struct task_ctx *ctx)
{
	return repair_round(ctx) > 0     ? " again, to repair what failed"
	       : rounds_request(ctx) > 0 ? " again, for the next request"
	       : context_goes_on(ctx)    ? " again, in its session"
					 : "";
}

/* The run that the row names; there is no link to it yet. */
static void name_run(struct work *w)
{
	const struct store_task *task = w->ctx->task;

	w->kept = (struct kept_run){.core = w->ctx->env->core,
		.box = task->box_id,
		.name = task->run_id,
		.what = "the agent's run"};
}

/* Plans the agent's command, writes its files, starts the run.  The run's name is stored
 * before, so that a crash in between finds it. */
static int start_agent(struct work *w, struct err *err)
{
	struct task_ctx *ctx = w->ctx;
	struct boxcore *core = ctx->env->core;
	CLEANUP(mem) char *dir = context_dir(ctx);
	CLEANUP(strbuf) struct strbuf prompt = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(strbuf) struct strbuf rules = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(agent_plan) struct agent_plan plan = {0};

	int64_t money;
	if (budget(ctx, &money, err) < 0 || say_prompt(ctx, dir, &prompt, err) < 0 ||
		request_instructions(ctx, &rules, err) < 0)
		return -1;
	name_run(w);
	struct agent_request request = {
		.prompt = strbuf_str(&prompt),
		.model = str_empty(ctx->file.model) ? NULL : ctx->file.model,
		.session_id = context_goes_on(ctx) ? ctx->task->session_id : NULL,
		.folder = dir,
		.relay_port = RELAY_PORT,
		.max_cost_usd = money > 0 ? (double)money / 1e6 : 0,
		.instructions = strbuf_str(&rules),
		.command = (const char *const *)ctx->file.command.items,
	};
	if (harness_plan(w->harness, &request, &plan, err) < 0)
		return -1;
	for (size_t i = 0; i < plan.nfiles; i++)
		if (box_file_put(core, ctx->task->box_id, plan.files[i].path,
			    plan.files[i].mode, plan.files[i].content, plan.files[i].len,
			    w->limit, err) < 0)
			return err_wrap(err, "write %s into the box", plan.files[i].path);
	struct run_spec spec = {
		.id = ctx->task->run_id,
		.argv = (const char *const *)plan.argv,
		.env = (const char *const *)plan.env,
		.cwd = plan.cwd,
		.stdin_open = plan.input != NULL,
		.keep = true,
	};
	if (run_start(core, ctx->task->box_id, &spec, &w->kept.run, w->limit, err) < 0)
		return err_wrap(err, "start the agent");
	if (plan.input &&
		(run_write(w->kept.run, plan.input, plan.input_len, w->limit, err) < 0 ||
			run_close_stdin(w->kept.run, w->limit, err) < 0))
		return err_wrap(err, "give the agent its prompt");
	return context_say(ctx, "work", err, "%s started%s", harness_name(w->harness),
		round_words(ctx));
}

/* What earlier runs of the same session used, also those of earlier tasks: some programs
 * count from a session's beginning. */
static int used_before(
	const struct task_ctx *ctx, struct agent_usage *ret, struct err *err)
{
	struct store_task_filter filter = {
		.lane = ctx->task->lane, .limit = STORE_PAGE_MAX};
	CLEANUP(store_tasks) struct store_tasks lane = {0};

	if (!context_goes_on(ctx))
		return 0;
	if (store_task_list(ctx->env->store, &filter, &lane, err) < 0)
		return -1;
	for (size_t i = 0; i < lane.count; i++) {
		const struct store_task *row = &lane.rows[i];

		if (row->id != ctx->task->id &&
			!str_eq(row->session_id, ctx->task->session_id))
			continue;
		ret->input_tokens += row->tokens_in;
		ret->output_tokens += row->tokens_out;
		ret->cached_tokens += row->tokens_cached;
		ret->cost_usd += row->cost_usd;
	}
	return 0;
}

static int make_reader(struct work *w, struct err *err)
{
	const char *saved = w->ctx->task->run_state;
	struct agent_usage earlier = {0};

	if (str_empty(saved)) {
		if (used_before(w->ctx, &earlier, err) < 0)
			return -1;
		w->reader = agent_reader_new(
			w->harness, context_goes_on(w->ctx) ? &earlier : NULL);
	} else {
		w->reader = agent_reader_load(w->harness, saved, err);
	}
	return w->reader ? 0 : -1;
}

/* Starts the run, or goes on with the one that an earlier process started. */
static int begin(struct work *w, struct err *err)
{
	struct task_ctx *ctx = w->ctx;
	struct box_info info;

	name_run(w);
	if (box_get(ctx->env->core, ctx->task->box_id, &info, w->limit, err) < 0) {
		ctx->back = err->kind == ERR_NOT_FOUND;
		if (ctx->back)
			err->kind = ERR_TRANSIENT; /* a fresh box will do */
		return -1;
	}
	if (make_reader(w, err) < 0 || open_relay(w, err) < 0)
		return -1;
	if (!str_empty(ctx->task->run_id)) {
		if (kept_run_take_up(&w->kept, (uint64_t)ctx->task->run_offset, w->limit,
			    err) == 0) {
			w->resumed = true;
			return context_say(ctx, "work", err,
				"the run goes on, taken up at byte %lld",
				(long long)ctx->task->run_offset);
		}
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		if (ctx->task->run_offset > 0) { /* it ran, and died with its box */
			ctx->back = true;
			return err_set(err, ERR_TRANSIENT,
				"the agent's run was lost when its box stopped");
		}
		return start_agent(w, err);
	}
	store_set(&ctx->task->run_id, "agent");
	ctx->task->run_offset = 0;
	if (store_task_save(ctx->env->store, ctx->task, w->limit, err) < 0)
		return -1;
	return start_agent(w, err);
}

/* ---- reading ---- */

/* Reads once; a lost link is made again where the reader stands: the row may be behind it. */
static int read_on(struct work *w, struct run_event *event, struct err *err)
{
	const struct task_ctx *ctx = w->ctx;

	cancel_deadline(w->quiet,
		agent_ended(w->reader) ? LIMIT_AGENT_LINGER_MS
				       : ctx->env->config->task_no_output_minutes * 60000,
		"the limit for an agent that says nothing (task.no_output_minutes)");
	int rc = kept_run_read(
		&w->kept, agent_reader_offset(w->reader), event, w->quiet, err);

	if (w->kept.anew)
		agent_reader_rewind(w->reader); /* half a line comes again */
	w->ctx->back = w->ctx->back || (rc < 0 && w->kept.gone);
	return rc;
}

/* In pieces that cannot hold more events than fit: the shortest line that is one has more
 * than FEED_PIECE / EVENTS_AT_ONCE bytes. */
static int feed(struct work *w, const struct run_event *event, struct err *err)
{
	size_t len = event->kind == RUN_STDOUT ? event->len : 0;

	if (event->kind == RUN_STDERR)
		agent_feed_stderr(w->reader, event->data, event->len, on_stderr, w);
	for (size_t at = 0; at < len || at == 0;) {
		size_t n = len - at < FEED_PIECE ? len - at : FEED_PIECE;

		agent_feed(w->reader, len > 0 ? event->data + at : NULL, n,
			event->offset - (len - at - n), on_event, w);
		at += n;
		if ((w->nevents > (at >= len ? 0 : EVENTS_AT_ONCE / 2) ||
			    (at >= len && clock_mono_ms() - w->stored_ms > SAVE_MS)) &&
			store_piece(w, err) < 0)
			return -1;
		if (n == 0)
			break;
	}
	return 0;
}

/* ---- stopping ---- */

/* It has given its last word and does not go: its work is done all the same. */
static bool lingers(const struct work *w)
{
	return agent_ended(w->reader) && cancel_fired(w->quiet) &&
	       !cancel_fired(w->limit);
}

/* Until the end of the run; *ret_code is its exit status. */
static int follow(struct work *w, int *ret_code, struct err *err)
{
	for (;;) {
		struct run_event event;

		if (read_on(w, &event, err) < 0) {
			if (!lingers(w))
				return -1;
			kept_run_end(&w->kept, w->ctx->env->stop);
			*ret_code = 0;
			return 0;
		}
		if (event.kind == RUN_EXIT) {
			/* By the process before this one, when it lingered. */
			bool stopped = w->resumed && agent_ended(w->reader) &&
				       event.exit_code >= 128;
			*ret_code = stopped ? 0 : event.exit_code;
			return 0;
		}
		if (feed(w, &event, err) < 0)
			return -1;
		run_ack(w->kept.run, (uint64_t)w->ctx->task->run_offset);
		if (status_update(w->ctx, "work", false, err) < 0)
			return -1;
	}
}

/* ---- ending ---- */

static int keep_result(
	struct work *w, const struct agent_result *result, bool good, struct err *err)
{
	struct store_task *task = w->ctx->task;
	CLEANUP(strbuf) struct strbuf summary = STRBUF_INIT(LIMIT_COMMENT);
	struct relay_usage used;

	status_clean(&summary, result->answer, 20000);
	if (str_eq(task->verb, "review"))
		review_keep(task, result->answer);
	else if (rounds_request(w->ctx) == 0)
		store_set(&task->summary, strbuf_str(&summary));
	else if (good && rounds_keep_reply(w->ctx, strbuf_str(&summary), false, err) < 0)
		return -1;
	if (!str_empty(result->session_id))
		store_set(&task->session_id, result->session_id);
	if (good && context_shares(w->ctx))
		store_set(&w->ctx->talk.session_id, task->session_id);
	relay_lease_usage(w->lease, &used);
	if (used.calls == 0 && !w->resumed) { /* an agent that brings its own figures */
		struct store_event_batch batch = {
			.run_offset = -1,
			.tokens_in = result->usage.input_tokens,
			.tokens_out = result->usage.output_tokens,
			.tokens_cached = result->usage.cached_tokens,
			.cost_usd = result->usage.cost_usd,
		};
		if (store_events_append(w->ctx->env->store, task, &batch, NULL, err) < 0)
			return -1;
	}
	return context_keep(w->ctx, err);
}

/* A session that the program cannot go on with must not fail every request to come. */
static bool lost_its_session(struct work *w, const struct err *why)
{
	return context_goes_on(w->ctx) && !w->spoke && !w->resumed &&
	       (why->kind == ERR_INPUT || why->kind == ERR_INTERNAL);
}

static int begin_session_anew(struct work *w, const struct err *why, struct err *err)
{
	store_set(&w->ctx->talk.session_id, NULL);
	if (context_keep(w->ctx, err) < 0)
		return -1;
	w->ctx->back = true;
	return err_set(err, ERR_TRANSIENT,
		"the agent's session cannot be gone on with: %s", why->text);
}

static int finish(struct work *w, int exit_code, struct err *err)
{
	CLEANUP(agent_result) struct agent_result result = {0};
	struct err why = {0};
	int rc = agent_finish(w->reader, exit_code, &result, &why);

	if (keep_result(w, &result, rc == 0, err) < 0)
		return -1;
	if (rc == 0)
		return context_say(w->ctx, "work", err, "the agent has finished");
	if (repair_round(w->ctx) > 0)
		return err_set(err, why.kind, "the agent: %s", why.text);
	if (lost_its_session(w, &why))
		return begin_session_anew(w, &why, err);
	if (exit_code < 0 || why.kind == ERR_TRANSIENT) {
		w->ctx->back =
			true; /* what it left half done is no base for another try */
		return err_set(err, ERR_TRANSIENT, "the agent: %s", why.text);
	}
	if (rounds_request(w->ctx) > 0)
		return err_set(err, why.kind, "the agent: %s", why.text);
	return context_decide(w->ctx, "failed_agent", err, "%s%s",
		str_starts(why.text, "the agent") ? "" : "the agent gave up: ", why.text);
}

/* The run is ended unless the service only stops: then it goes on without us. */
static int interrupted(struct work *w, struct err *err)
{
	struct task_ctx *ctx = w->ctx;

	if (cancel_fired(ctx->env->stop))
		return -1;
	bool person = cancel_fired(ctx->cancel);
	if (!person && !cancel_fired(w->quiet))
		return -1;
	kept_run_end(&w->kept, w->ctx->env->stop);
	if (person || repair_round(ctx) > 0 || rounds_request(ctx) > 0)
		return -1;
	return context_decide(
		ctx, "failed_time", err, "the agent was stopped: %s", err->text);
}

static int run_agent(struct work *w, struct err *err)
{
	int exit_code = 0;

	if (begin(w, err) < 0 || follow(w, &exit_code, err) < 0)
		return interrupted(w, err);
	return finish(w, exit_code, err);
}

static bool tried_again(const struct task_ctx *ctx, const struct err *why)
{
	return why->kind == ERR_TRANSIENT &&
	       ctx->task->attempt < ctx->env->config->task_attempts;
}

int step_work(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(work) struct work w = {.ctx = ctx};
	int64_t ms;

	if (context_file(ctx, err) < 0 || status_update(ctx, "work", false, err) < 0)
		return -1;
	w.harness = harness_find(ctx->file.harness);
	if (!w.harness)
		return context_decide(ctx, "failed_config", err,
			"there is no agent called %s; use claude-code, codex or custom",
			ctx->file.harness);
	ms = ctx->file.minutes * 60000;
	if (repair_round(ctx) > 0)
		ms = repair_left_ms(ctx) > 1 ? repair_left_ms(ctx) : 1;
	w.limit = cancel_new(ctx->cancel);
	cancel_deadline(w.limit, ms, "the limit for a task's work (limits.minutes)");
	w.quiet = cancel_new(w.limit);
	if (run_agent(&w, err) == 0)
		return 0;
	CLEANUP(mem) char *why = mem_strdup(err->text);
	if (cancel_fired(ctx->cancel))
		return -1;
	if (repair_round(ctx) > 0)
		return repair_give_up(ctx, why, err);
	if (rounds_request(ctx) > 0 && !tried_again(ctx, err))
		return rounds_give_up(ctx, why, err);
	return -1;
}

/* SPDX-License-Identifier: MIT */
/*
 * An agent run from its first frame to its last.
 *
 * How far its output was read is stored every now and then together with what its reader
 * knows: a restarted service goes on from there, without a client.
 */
#include "service/box/agent.h"

#include "boxcore/base/log.h"

#include <string.h>

#define SAVE_MS 2000
#define CLAIM_TOKENS 1000000000 /* of one run: as in the relay, a number above is a lie */
#define CLAIM_USD 10000.0

void agent_drive_free(struct agent_drive *agent)
{
	if (!agent)
		return;
	agent_reader_free(agent->reader);
	json_decref(agent->detail);
	strbuf_release(&agent->said);
	free(agent->fail);
	free(agent->prompt);
	free(agent->session);
	free(agent);
}

/* ---- frames ---------------------------------------------------------------------------- */

static void send_frame(struct box_drive *drive, const char *name, const json_t *data)
{
	CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT(8 * LIMIT_STORE_TEXT);

	agent_frame(&frame, name, data);
	drive_sink_write(drive->agent->sink, false, strbuf_str(&frame), frame.len);
}

static void send_start(struct box_drive *drive)
{
	CLEANUP(json) json_t *data = json_object();

	json_put(data, "run_id", json_str(drive->row.id));
	send_frame(drive, "run_start", data);
}

static void put_usage(json_t *data, const struct store_box_run_end *row)
{
	json_put(data, "input_tokens", json_integer(row->tokens_in));
	json_put(data, "output_tokens", json_integer(row->tokens_out));
	json_put(data, "cached_input_tokens", json_integer(row->tokens_cached));
	json_put(data, "total_cost_usd", json_real(row->tokens_usd));
}

static void send_stats(struct box_drive *drive, const struct store_box_run_end *row)
{
	CLEANUP(json) json_t *data = json_object();

	json_put(data, "cpu_ns", json_integer(row->cpu_us * 1000));
	json_put(data, "memory_peak_bytes", json_integer(row->memory_peak));
	send_frame(drive, "stats", data);
}

/* `error` is the last event of a run, `stats` that of one that went well. */
static void send_end(struct box_drive *drive, const struct store_box_run_end *row,
	const char *error, const char *session)
{
	CLEANUP(json) json_t *data = json_object();

	if (error) {
		send_stats(drive, row);
		json_put(data, "error", json_str(error));
		put_usage(data, row);
		send_frame(drive, "error", data);
		return;
	}
	json_put(data, "output", json_str(row->output ? row->output : ""));
	put_usage(data, row);
	json_put(data, "session_id", json_str(session ? session : ""));
	send_frame(drive, "done", data);
	send_stats(drive, row);
}

/* ---- events ---------------------------------------------------------------------------- */

static void log_event(struct box_drive *drive, const struct agent_event *event)
{
	const char *level =
		event->kind == AGENT_ERROR || event->is_error ? "warn" : "info";
	size_t len = strlen(event->text);

	while (len > 0 && (event->text[len - 1] == '\n' || event->text[len - 1] == ' '))
		len--;
	if (len == 0 && event->kind != AGENT_TOOL)
		return;
	CLEANUP(mem) char *text = mem_strndup(event->text, len);
	switch (event->kind) {
	case AGENT_TOOL:
		boxes_log(drive->boxes, drive->row.box_id, level, "agent", "%s: %s",
			event->tool, text);
		break;
	case AGENT_TEXT:
	case AGENT_NOTICE:
	case AGENT_ERROR:
		boxes_log(drive->boxes, drive->row.box_id, level, "agent", "%s", text);
		break;
	case AGENT_START:
	case AGENT_THINKING:
	case AGENT_TOOL_RESULT:
	case AGENT_USAGE:
	case AGENT_OTHER:
	case AGENT_DONE: break;
	}
}

static void on_event(void *arg, const struct agent_event *event)
{
	struct box_drive *drive = arg;
	struct agent_drive *agent = drive->agent;
	CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT(8 * LIMIT_STORE_TEXT);

	agent_frame_event(&frame, event);
	drive_sink_write(agent->sink, false, strbuf_str(&frame), frame.len);
	if (event->kind == AGENT_TEXT && !event->nested)
		strbuf_adds(&agent->said, event->text);
	if ((event->kind == AGENT_DONE || event->kind == AGENT_ERROR) &&
		!agent->told_end) {
		agent->told_end = true;
		drive->timeout_at = clock_mono_ms() + LIMIT_AGENT_LINGER_MS;
	}
	if (event->kind == AGENT_ERROR)
		str_copy(agent->reported, sizeof agent->reported, event->text);
	log_event(drive, event);
}

static void on_stderr(void *arg, const char *line)
{
	struct box_drive *drive = arg;
	struct agent_drive *agent = drive->agent;

	agent->stderr_lines++;
	if (agent->stderr_lines <= LIMIT_BOX_STDERR_LINES)
		boxes_log(drive->boxes, drive->row.box_id, "warn", "agent", "%s", line);
	if (agent->stderr_lines == LIMIT_BOX_STDERR_LINES)
		boxes_log(drive->boxes, drive->row.box_id, "warn", "system",
			"further lines of the agent's stderr are not logged");
}

/* ---- what is kept for a restart -------------------------------------------------------- */

static json_t *usage_json(const struct relay_usage *usage)
{
	json_t *json = json_object();

	json_put(json, "calls", json_integer(usage->calls));
	json_put(json, "input", json_integer(usage->input_tokens));
	json_put(json, "output", json_integer(usage->output_tokens));
	json_put(json, "cached", json_integer(usage->cached_tokens));
	json_put(json, "cache_write", json_integer(usage->cache_write_tokens));
	json_put(json, "microusd", json_integer(usage->cost_microusd));
	return json;
}

static struct relay_usage usage_from(const json_t *json)
{
	return (struct relay_usage){
		.calls = json_or_int(json, "calls", 0),
		.input_tokens = json_or_int(json, "input", 0),
		.output_tokens = json_or_int(json, "output", 0),
		.cached_tokens = json_or_int(json, "cached", 0),
		.cache_write_tokens = json_or_int(json, "cache_write", 0),
		.cost_microusd = json_or_int(json, "microusd", 0),
	};
}

static void save(struct box_drive *drive, bool now)
{
	struct agent_drive *agent = drive->agent;
	CLEANUP(strbuf) struct strbuf state = STRBUF_INIT(LIMIT_AGENT_STATE);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(2 * LIMIT_AGENT_STATE);
	CLEANUP(json) json_t *json = json_object();
	struct relay_usage used = agent->spent;
	struct err err = {0};

	if (!now && clock_mono_ms() - agent->saved_ms < SAVE_MS)
		return;
	agent->saved_ms = clock_mono_ms();
	if (agent->lease)
		relay_lease_usage(agent->lease, &used);
	agent_reader_save(agent->reader, &state);
	json_t *reader = json_parse(strbuf_str(&state), state.len, &err);
	if (!reader)
		return;
	json_put(json, "reader", reader);
	json_put(json, "name", json_str(drive->name));
	json_put(json, "attempt", json_integer(agent->attempt));
	json_put(json, "port", json_integer(agent->port));
	json_put(json, "usage", usage_json(&used));
	if (json_print(&text, json, &err) < 0)
		return;
	uint64_t offset = agent_reader_offset(agent->reader);
	if (store_box_run_progress(drive->boxes->options.store, drive->row.id,
		    (int64_t)offset, strbuf_str(&text), NULL, drive->boxes->stop,
		    &err) == 0 &&
		drive->run)
		run_ack(drive->run, offset);
}

/* ---- following ------------------------------------------------------------------------- */

enum followed { FOLLOWED_EXIT, FOLLOWED_LOST, FOLLOWED_STOPPING };

static void on_time(struct box_drive *drive)
{
	struct agent_drive *agent = drive->agent;

	if (agent->told_end) { /* it has said its last word and does not go */
		drive_kill(drive, DRIVE_STOP_GRACE_MS);
		return;
	}
	drive->timed_out = true;
	drive_kill(drive, DRIVE_STOP_GRACE_MS);
}

static enum followed follow(
	struct box_drive *drive, struct run_event *ret_exit, struct err *err)
{
	struct agent_drive *agent = drive->agent;

	for (;;) {
		struct run_event event;
		enum drive_read how = drive_read(drive, agent->sink, &event, err);

		if (how == DRIVE_STOPPING) {
			save(drive, true);
			return FOLLOWED_STOPPING;
		}
		if (how == DRIVE_LOST)
			return FOLLOWED_LOST;
		if (how == DRIVE_TIMEOUT) {
			on_time(drive);
			continue;
		}
		if (event.kind == RUN_EXIT) {
			*ret_exit = event;
			return event.exit_code < 0 ? FOLLOWED_LOST : FOLLOWED_EXIT;
		}
		bool out = event.kind == RUN_STDOUT;
		if (!out)
			agent_feed_stderr(
				agent->reader, event.data, event.len, on_stderr, drive);
		agent_feed(agent->reader, out ? event.data : NULL, out ? event.len : 0,
			event.offset, on_event, drive);
		if (!agent->told_end && !drive->timeout_ms)
			drive->timeout_at = clock_mono_ms() + LIMIT_AGENT_QUIET_MS;
		save(drive, false);
	}
}

/* ---- ending ---------------------------------------------------------------------------- */

/* What a program of the box claims goes into sums that limits are held against: nothing
 * below zero, and nothing that a sum could not bear. */
static int64_t claimed_tokens(int64_t n)
{
	return n < 0 ? 0 : n > CLAIM_TOKENS ? CLAIM_TOKENS : n;
}

static double claimed_usd(double usd)
{
	return usd > CLAIM_USD ? CLAIM_USD : usd > 0 ? usd : 0;
}

static void take_usage(struct agent_drive *agent, const struct agent_result *result,
	struct store_box_run_end *row)
{
	struct relay_usage used = agent->spent;

	if (agent->lease)
		relay_lease_usage(agent->lease, &used);
	if (used.calls > 0) {
		row->tokens_in = used.input_tokens + used.cache_write_tokens;
		row->tokens_out = used.output_tokens;
		row->tokens_cached = used.cached_tokens;
		row->tokens_usd = (double)used.cost_microusd / 1e6;
		return;
	}
	/* An agent that reached a model by itself brings its own figures. */
	row->tokens_in = claimed_tokens(result->usage.input_tokens);
	row->tokens_out = claimed_tokens(result->usage.output_tokens);
	row->tokens_cached = claimed_tokens(result->usage.cached_tokens);
	row->tokens_usd = claimed_usd(result->usage.cost_usd);
}

/* An answer that is the sum of the texts may be longer than the reader keeps. */
static const char *full_answer(
	const struct agent_drive *agent, const struct agent_result *result)
{
	size_t len = strlen(result->answer);

	if (agent->said.len > len && len > LIMIT_AGENT_EVENT - 8 &&
		strncmp(strbuf_str(&agent->said), result->answer, len) == 0)
		return strbuf_str(&agent->said);
	return result->answer;
}

static void settle(struct box_drive *drive, struct store_box_run_end *row,
	const char *error, struct box_run_end *end)
{
	row->state = error ? STORE_BOX_RUN_FAILED : STORE_BOX_RUN_COMPLETED;
	row->error = error;
	end->cpu_us = row->cpu_us;
	end->memory_peak = row->memory_peak;
	drive_settle(drive, row);
	bool ended = drive_was_ended(drive);
	if (ended)
		error = drive->end_reason;
	if (error) {
		end->failed = true;
		snprintf(end->error, sizeof end->error, "%s", error);
	}
	send_end(drive, row, error, row->session_id);
}

/* The same session is told what was wrong; without a session, all of it again. */
static bool ask_again(struct box_drive *drive, const struct agent_result *result,
	const struct err *why, struct err *err)
{
	struct agent_drive *agent = drive->agent;
	CLEANUP(strbuf) struct strbuf schema = STRBUF_INIT(2 * LIMIT_AGENT_SCHEMA);
	bool session = !str_empty(result->session_id);

	if (json_print(&schema, json_object_get(agent->detail, "schema"), err) < 0)
		return false;
	char *prompt = mem_printf(
		"%s%sThe last answer was not what was asked for: %s. Answer with nothing "
		"but JSON that keeps to this JSON Schema, without a code fence:\n%s",
		session         ? ""
		: agent->prompt ? agent->prompt
				: drive->row.prompt,
		session ? "" : "\n\n", why->text, strbuf_str(&schema));
	free(agent->prompt);
	agent->prompt = prompt;
	if (session) {
		free(agent->session);
		agent->session = mem_strdup(result->session_id);
	}
	boxes_log(drive->boxes, drive->row.box_id, "warn", "system",
		"the agent is asked again: its answer: %s", why->text);
	run_done(TAKE(drive->run));
	agent_reader_free(TAKE(agent->reader));
	agent->reader = agent_reader_new(agent->harness, NULL);
	strbuf_reset(&agent->said);
	agent->attempt = 1;
	agent->told_end = false;
	drive->timeout_at = 0;
	drive->offset = drive->acked = 0;
	lock_take(drive_lock(drive));
	snprintf(drive->name, sizeof drive->name, "%.40s-2", drive->row.id);
	lock_give(drive_lock(drive));
	return agent_start(drive, err) == 0;
}

/* How a whole attempt ended: 1 to follow the next one, else it is settled. */
static int conclude(struct box_drive *drive, const struct run_event *last,
	struct store_box_run_end *row, struct box_run_end *end)
{
	struct agent_drive *agent = drive->agent;
	const json_t *schema = json_object_get(agent->detail, "schema");
	CLEANUP(agent_result) struct agent_result result = {0};
	CLEANUP(mem) char *json = NULL;
	struct err why = {0}, err = {0};
	char text[480] = "";
	bool custom = str_eq(harness_name(agent->harness), "custom");

	row->cpu_us += last->cpu_us;
	if (last->peak_bytes > row->memory_peak)
		row->memory_peak = last->peak_bytes;
	int rc = agent_finish(agent->reader, last->exit_code, &result, &why);
	take_usage(agent, &result, row);
	row->exit_code = last->exit_code;
	row->session_id = str_empty(result.session_id) ? NULL : result.session_id;
	row->output = full_answer(agent, &result);
	if (rc < 0) {
		snprintf(text, sizeof text, "%s",
			drive->timed_out
				? "the agent was stopped: it took longer than its "
				  "timeout, or said nothing for too long"
			: *agent->reported && custom ? agent->reported
						     : why.text);
	} else if (schema) {
		json = agent_schema_answer(row->output, schema, &why);
		if (json)
			row->output = json;
		else if (agent->attempt == 0 && !drive_was_ended(drive) &&
			 ask_again(drive, &result, &why, &err))
			return 1;
		else
			snprintf(text, sizeof text,
				"the agent's answer does not keep to json_schema: %.400s",
				err.text[0] ? err.text : why.text);
	}
	settle(drive, row, text[0] ? text : NULL, end);
	return 0;
}

static bool prepare(struct box_drive *drive, struct err *err)
{
	struct agent_drive *agent = drive->agent;

	if (agent->attached)
		return true;
	send_start(drive);
	if (agent->fail)
		return err_set(err, ERR_UNABLE, "%s", agent->fail), false;
	agent->reader = agent_reader_new(agent->harness, NULL);
	boxes_log(drive->boxes, drive->row.box_id, "info", "system", "%s begins: run %s",
		harness_name(agent->harness), drive->row.id);
	if (agent_start(drive, err) < 0)
		return false;
	save(drive, true);
	return true;
}

void agent_pump(
	struct box_drive *drive, const struct box_sink *sink, struct box_run_end *end)
{
	struct agent_drive *agent = drive->agent;
	struct store_box_run_end row = {.exit_code = -1};
	struct drive_sink to;
	struct run_event last;
	struct err err = {0};

	drive_sink_start(&to, sink);
	agent->sink = &to;
	bool good = prepare(drive, &err);
	if (!drive->timeout_at)
		drive->timeout_at =
			clock_mono_ms() +
			(drive->timeout_ms ? drive->timeout_ms : LIMIT_AGENT_QUIET_MS);
	for (bool more = good; more;) {
		switch (follow(drive, &last, &err)) {
		case FOLLOWED_EXIT: more = conclude(drive, &last, &row, end) == 1; break;
		case FOLLOWED_LOST:
			more = good = false;
			if (!err.text[0])
				err_set(&err, ERR_TRANSIENT, "the box was stopped");
			err_wrap(&err, "the agent's run was lost");
			break;
		case FOLLOWED_STOPPING:
			end->failed = true;
			snprintf(end->error, sizeof end->error,
				"the service is stopping; the agent goes on in its box");
			agent_hang_up(drive);
			return;
		}
	}
	if (!good) {
		struct agent_result none = {0};
		if (cancel_fired(drive->boxes->stop)) { /* its start was cut off */
			end->failed = true;
			agent_hang_up(drive);
			return;
		}
		take_usage(agent, &none, &row);
		if (!agent->fail) /* a start that was cut off may have begun */
			drive_kill(drive, 0);
		settle(drive, &row, err.text, end);
	}
	agent_hang_up(drive);
}

/* ---- after a restart ------------------------------------------------------------------- */

int agent_recover(struct box_drive *drive, struct err *err)
{
	struct agent_drive *agent = mem_zalloc(sizeof *agent);
	const char *text = drive->row.detail ? drive->row.detail : "{}";
	const char *saved = drive->row.reader;
	CLEANUP(json) json_t *state = NULL;
	CLEANUP(strbuf) struct strbuf reader = STRBUF_INIT(2 * LIMIT_AGENT_STATE);

	drive->agent = agent;
	strbuf_init(&agent->said, LIMIT_BOX_RUN_OUTPUT);
	agent->attached = true;
	agent->detail = json_parse(text, strlen(text), err);
	if (!agent->detail)
		return -1;
	agent->harness = harness_find(json_or_string(agent->detail, "harness", ""));
	if (!agent->harness)
		return err_set(err, ERR_INTERNAL, "the run's agent is not known");
	agent->session = mem_strdup(drive->work.row.session_id);
	if (str_empty(saved)) {
		agent->reader = agent_reader_new(agent->harness, NULL);
		return agent_listen(drive, AGENT_PORT, err);
	}
	state = json_parse(saved, strlen(saved), err);
	if (!state || json_print(&reader, json_object_get(state, "reader"), err) < 0)
		return -1;
	agent->reader = agent_reader_load(agent->harness, strbuf_str(&reader), err);
	if (!agent->reader)
		return -1;
	agent->attempt = (int)json_or_int(state, "attempt", 0);
	agent->spent = usage_from(json_object_get(state, "usage"));
	str_copy(drive->name, sizeof drive->name,
		json_or_string(state, "name", drive->row.id));
	drive->offset = drive->acked = agent_reader_offset(agent->reader);
	return agent_listen(drive, (uint16_t)json_or_int(state, "port", AGENT_PORT), err);
}

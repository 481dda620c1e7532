/* SPDX-License-Identifier: MIT */
/*
 * /v2/box: looking at boxes and running commands in them, in the words of the published
 * box client.
 */
#include "service/http/handlers.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/boxcore.h"
#include "service/store/store_event.h"
#include "service/task/task.h"

#include <stdio.h>
#include <string.h>

/* NULL after answering 503 when there is no engine. */
static struct boxcore *need_core(struct request *request)
{
	struct boxcore *core = request_app(request)->core;

	if (!core)
		reply_error(request, 503, "no_engine", "No Docker Engine is connected.");
	return core;
}

/* ---- boxes ------------------------------------------------------------------------------- */

static const char *status_word(enum box_state state)
{
	switch (state) {
	case BOX_RUNNING: return "idle";
	case BOX_PAUSED: return "paused";
	case BOX_FAILED: return "error";
	}
	return "error";
}

static json_t *box_json(const struct box_info *box)
{
	json_t *o = json_object();

	json_put(o, "id", json_str(box->id));
	json_put(o, "name", json_str(box->id));
	json_put(o, "status", json_str(status_word(box->state)));
	json_put(o, "created_at", json_integer(box->created_s));
	json_put(o, "updated_at", json_integer(box->created_s));
	return o;
}

static int newest_first(const void *a, const void *b)
{
	const struct box_info *one = a, *other = b;

	if (one->created_s != other->created_s)
		return one->created_s < other->created_s ? 1 : -1;
	return strcmp(one->id, other->id);
}

void handle_box_list(struct request *request)
{
	struct boxcore *core = need_core(request);
	CLEANUP(mem) struct box_info *boxes = NULL;
	struct err err = {0};
	size_t count = 0;

	if (!core)
		return;
	if (box_list(core, &boxes, &count, request_cancel(request), &err)) {
		reply_err(request, &err);
		return;
	}
	if (count > 0)
		qsort(boxes, count, sizeof(*boxes), newest_first);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, box_json(&boxes[i]));
	reply_json(request, 200, list);
}

void handle_box_get(struct request *request)
{
	struct boxcore *core = need_core(request);
	struct box_info box;
	struct err err = {0};

	if (!core)
		return;
	if (box_get(core, request_param(request, 0), &box, request_cancel(request), &err))
		reply_err(request, &err);
	else
		reply_json(request, 200, box_json(&box));
}

void handle_box_delete(struct request *request)
{
	struct boxcore *core = need_core(request);
	const char *id = request_param(request, 0);
	struct box_info box;
	struct err err = {0};

	if (!core)
		return;
	/* boxcore takes a missing box for deleted; a client wants to know. */
	if (box_get(core, id, &box, request_cancel(request), &err) ||
		box_delete(core, id, request_cancel(request), &err))
		reply_err(request, &err);
	else
		reply_json(request, 200, json_object());
}

static json_t *log_json(const struct store_event *event)
{
	bool agent = !str_eq(event->kind, "error") && !str_eq(event->kind, "prepare") &&
		     !str_eq(event->kind, "collect") && !str_eq(event->kind, "publish");
	json_t *o = json_object();

	json_put(o, "timestamp", json_integer(event->at_ms / 1000));
	json_put(o, "level", json_str(str_eq(event->kind, "error") ? "error" : "info"));
	json_put(o, "source", json_str(agent ? "agent" : "system"));
	json_put(o, "message", json_str(event->text));
	return o;
}

/* The log of a box is that of its task, also when the box itself is gone. */
void handle_box_logs(struct request *request)
{
	CLEANUP(store_events) struct store_events events = {0};
	int64_t task = task_of_box(request_param(request, 0)), offset, limit;
	struct err err = {0};

	if (task == 0) {
		reply_error(request, 404, "not_found",
			"There is no log of this box: only boxes of tasks (task-41) have "
			"one.");
		return;
	}
	if (request_query_int(request, "offset", 0, INT64_MAX, 0, &offset, &err) ||
		request_query_int(request, "limit", 1, STORE_PAGE_MAX, STORE_PAGE_MAX,
			&limit, &err) ||
		store_events_read(request_app(request)->store, task, offset, (int)limit,
			&events, &err)) {
		reply_err(request, &err);
		return;
	}
	json_t *logs = json_array();
	for (size_t i = 0; i < events.count; i++)
		json_array_append_new(logs, log_json(&events.rows[i]));
	json_t *body = json_object();
	json_put(body, "logs", logs);
	reply_json(request, 200, body);
}

/* ---- commands ---------------------------------------------------------------------------- */

/* A request's command; the strings are the body's. */
struct command_line {
	json_t *body;
	const char **argv;
	struct run_spec spec;
};

static void command_line_release(struct command_line *line)
{
	json_decref(line->body);
	free(line->argv);
}
DEFINE_CLEANUP(command_line, struct command_line, command_line_release(value))

/* C strings cannot hold a NUL, so such a word would be another one. */
static const char *whole_string(const json_t *json)
{
	const char *s = json_string_value(json);

	return s && strlen(s) == json_string_length(json) ? s : NULL;
}

static int read_argv(struct command_line *line, struct err *err)
{
	const json_t *command = json_at(line->body, "command");
	size_t count = json_array_size(command);

	if (count == 0)
		return err_set(err, ERR_INPUT,
			"`command` must be a list of strings, the program first");
	line->argv = mem_array(count + 1, sizeof(*line->argv));
	for (size_t i = 0; i < count; i++) {
		line->argv[i] = whole_string(json_array_get(command, i));
		if (!line->argv[i])
			return err_set(err, ERR_INPUT,
				"`command` must be a list of strings without NUL");
	}
	if (str_empty(line->argv[0]))
		return err_set(err, ERR_INPUT, "`command` names no program");
	return 0;
}

static int read_command(
	struct request *request, struct command_line *line, struct err *err)
{
	line->body = request_json(request, err);
	if (!line->body || read_argv(line, err))
		return -1;
	const json_t *folder = json_at(line->body, "folder");
	line->spec.argv = line->argv;
	if (!folder)
		return 0;
	line->spec.cwd = whole_string(folder);
	if (!line->spec.cwd || strlen(line->spec.cwd) > LIMIT_PATH)
		return err_set(err, ERR_INPUT,
			"`folder` must be a path of at most %d bytes", LIMIT_PATH);
	return 0;
}

void handle_box_exec(struct request *request)
{
	struct boxcore *core = need_core(request);
	CLEANUP(command_line) struct command_line line = {0};
	CLEANUP(run_result)
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_EXEC_OUTPUT),
		.err_out = STRBUF_INIT(LIMIT_EXEC_OUTPUT),
	};
	struct err err = {0};

	if (!core)
		return;
	if (read_command(request, &line, &err) ||
		run_capture(core, request_param(request, 0), &line.spec, NULL, 0, &result,
			request_cancel(request), &err)) {
		reply_err(request, &err);
		return;
	}
	json_t *body = json_object();
	json_put(body, "exit_code", json_integer(result.exit_code));
	json_put(body, "output", json_text(strbuf_str(&result.out), result.out.len));
	json_put(body, "error",
		json_text(strbuf_str(&result.err_out), result.err_out.len));
	reply_json(request, 200, body);
}

/* The last frame of the stream, whose two lines the client must read at once. */
static void close_exited(struct request *request, const struct run_event *event)
{
	char frame[128];
	int n = snprintf(frame, sizeof(frame),
		"event: exit\ndata: {\"exit_code\":%d,\"cpu_ns\":%lld}\n\n",
		event->exit_code, (long long)event->cpu_us * 1000);

	reply_pipe_close(request, frame, (size_t)n);
}

static void close_failed(struct request *request, const struct err *err)
{
	CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT(4096);
	CLEANUP(json) json_t *body = json_object();
	struct err ignored = {0};

	json_put(body, "error", json_str(err->text));
	strbuf_adds(&frame, "event: error\ndata: ");
	json_print(&frame, body, &ignored);
	strbuf_adds(&frame, "\n\n");
	reply_pipe_close(request, strbuf_str(&frame), frame.len);
}

static void stream_run(struct request *request, struct run *run)
{
	struct run_event event;
	struct err err = {0};

	reply_pipe_open(request, "text/event-stream");
	for (;;) {
		if (run_read(run, &event, request_cancel(request), &err)) {
			close_failed(request, &err);
			return;
		}
		if (event.kind == RUN_EXIT) {
			close_exited(request, &event);
			return;
		}
		if (reply_pipe_write(request, event.data, event.len, &err)) {
			reply_pipe_close(request, NULL, 0);
			return;
		}
	}
}

void handle_box_exec_stream(struct request *request)
{
	struct boxcore *core = need_core(request);
	CLEANUP(command_line) struct command_line line = {0};
	CLEANUP(run) struct run *run = NULL;
	struct err err = {0};

	if (!core)
		return;
	if (read_command(request, &line, &err) ||
		run_start(core, request_param(request, 0), &line.spec, &run,
			request_cancel(request), &err))
		reply_err(request, &err);
	else
		stream_run(request, run);
}

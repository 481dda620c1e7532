/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/exec, code, their streams, and runs: commands in boxes. */
#include "boxcore/base/limits.h"
#include "boxcore/base/strbuf.h"
#include "service/box/box_run.h"
#include "service/http/box_call.h"
#include "service/http/neutral.h"
#include "service/http/spaces.h"

#include <stdio.h>

static struct box_drive *start(struct box_call *call, enum box_run_kind kind)
{
	struct box_drive *drive = NULL;

	if (boxes_exec(call->boxes, call->who, call->box, kind, call->body, &drive,
		    call->cancel, &call->err) == 0)
		return drive;
	box_call_end(call, 200, -1);
	return NULL;
}

/* ---- in one piece ------------------------------------------------------------------------ */

/* A command that could not be run to its end; after the head has gone its status is lost, so
 * the sentence goes where people look for a command's own. */
static json_t *failure_json(const struct box_run_end *end)
{
	json_t *answer = json_object();

	json_put(answer, "exit_code", json_integer(-1));
	json_put(answer, "output", json_str(""));
	json_put(answer, "error", json_str(end->error));
	return answer;
}

static void run_whole(struct request *request, enum box_run_kind kind)
{
	struct spaces spaces = {.request = request};
	struct box_sink sink = spaces_sink(&spaces);
	struct box_run_end end;
	struct box_call call;

	if (box_call_begin(&call, request))
		return;
	struct box_drive *drive = start(&call, kind);
	if (!drive)
		return;
	box_drive_collect(drive, &sink, &call.answer, &end);
	if (end.failed && !spaces.open) {
		reply_error(request, 503, "unfinished", "%s", end.error);
	} else {
		spaces_reply(&spaces, end.failed ? failure_json(&end) : call.answer);
		call.answer = NULL;
	}
	box_call_drop(&call);
}

void handle_box_exec(struct request *request)
{
	run_whole(request, BOX_RUN_EXEC);
}

void handle_box_code(struct request *request)
{
	run_whole(request, BOX_RUN_CODE);
}

/* ---- as it comes ------------------------------------------------------------------------- */

struct out_stream {
	struct request *request;
	struct neutral neutral;
};

static int stream_write(void *arg, bool err_out, const void *data, size_t len)
{
	struct out_stream *stream = arg;
	const char *at = data;
	struct err ignored = {0};

	(void)err_out;
	while (len > 0) {
		bool space;
		size_t n = neutral_next(&stream->neutral, at, len, &space);
		if (reply_pipe_write(stream->request, at, n, &ignored) ||
			(space && reply_pipe_write(stream->request, " ", 1, &ignored)))
			return -1;
		at += n;
		len -= n;
	}
	return 0;
}

/* The last frame, whose two lines the client must read at once. */
static void close_exited(struct request *request, const struct box_run_end *end)
{
	char frame[128];
	int n = snprintf(frame, sizeof(frame),
		"event: exit\ndata: {\"exit_code\":%d,\"cpu_ns\":%lld}\n\n",
		end->exit_code, (long long)end->cpu_us * 1000);

	reply_pipe_close(request, frame, (size_t)n);
}

static void close_failed(struct request *request, const char *sentence)
{
	CLEANUP(strbuf) struct strbuf frame = STRBUF_INIT(4096);
	CLEANUP(json) json_t *body = json_object();
	struct err ignored = {0};

	json_put(body, "error", json_str(sentence));
	strbuf_adds(&frame, "event: error\ndata: ");
	json_print(&frame, body, &ignored);
	strbuf_adds(&frame, "\n\n");
	reply_pipe_close(request, strbuf_str(&frame), frame.len);
}

static void run_streamed(struct request *request, enum box_run_kind kind)
{
	struct out_stream stream = {request, NEUTRAL_INIT};
	struct box_sink sink = {.write = stream_write, .arg = &stream};
	struct box_run_end end;
	struct box_call call;

	if (box_call_begin(&call, request))
		return;
	struct box_drive *drive = start(&call, kind);
	if (!drive)
		return;
	reply_pipe_open(request, "text/event-stream", -1);
	box_drive_pump(drive, &sink, &end);
	if (end.failed)
		close_failed(request, end.error);
	else
		close_exited(request, &end);
	box_call_drop(&call);
}

void handle_box_exec_stream(struct request *request)
{
	run_streamed(request, BOX_RUN_EXEC);
}

void handle_box_code_stream(struct request *request)
{
	run_streamed(request, BOX_RUN_CODE);
}

/* ---- the list ---------------------------------------------------------------------------- */

void handle_run_list(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_runs(
				call.boxes, call.who, call.box, &call.answer, &call.err));
}

void handle_run_get(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_run_get(call.boxes, call.who, call.box,
				request_param(request, 1), &call.answer, &call.err));
}

void handle_run_cancel(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_run_cancel(call.boxes, call.who, call.box,
				request_param(request, 1), call.cancel, &call.err));
}

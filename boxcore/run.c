/* SPDX-License-Identifier: MIT */
/* Runs: starting, taking up, reading, signalling. */
#include "boxcore/run-internal.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/boxcore-internal.h"
#include "boxcore/link/link.h"

#include <stdlib.h>
#include <string.h>

struct run {
	struct boxcore *core;
	struct link *link; /* pinned */
	struct stream *stream;
	char id[64];
	uint32_t pid;
	bool keep;
	bool ended;
	uint64_t taken; /* what the caller has acknowledged */
	uint64_t acked; /* and the box was told */
};

#define ACK_EVERY (256 * LIMIT_KIB) /* each is a message through the Engine of its own */

/* ---- requests -------------------------------------------------------------------------- */

static void add_u32(struct strbuf *sb, uint32_t value)
{
	uint8_t bytes[4];

	wire_set_u32(bytes, value);
	strbuf_add(sb, bytes, sizeof bytes);
}

static void add_text(struct strbuf *sb, const char *text)
{
	add_u32(sb, (uint32_t)strlen(text));
	strbuf_adds(sb, text);
}

static void add_list(struct strbuf *sb, const char *const *list)
{
	uint32_t count = 0;

	while (list && list[count])
		count++;
	add_u32(sb, count);
	for (uint32_t i = 0; i < count; i++)
		add_text(sb, list[i]);
}

static int encode_start(struct strbuf *sb, const char *id, const struct run_spec *spec,
	bool self, struct err *err)
{
	uint8_t head[5] = {0};

	if (!spec->argv || !spec->argv[0])
		return err_set(err, ERR_INPUT, "a run needs a program");
	if (spec->cwd && (spec->cwd[0] != '/' || strlen(spec->cwd) >= LIMIT_PATH))
		return err_set(err, ERR_INPUT,
			"the folder of a run must be an absolute path of less than %d "
			"bytes",
			LIMIT_PATH);
	head[0] = (uint8_t)((spec->root ? PROTO_RUN_ROOT : 0) |
			    (spec->pty ? PROTO_RUN_PTY : 0) |
			    (spec->stdin_open || spec->pty ? PROTO_RUN_STDIN : 0) |
			    (spec->keep ? PROTO_RUN_KEEP : 0) |
			    (self ? PROTO_RUN_SELF : 0));
	wire_set_u16(head + 1, spec->rows);
	wire_set_u16(head + 3, spec->cols);
	add_text(sb, id);
	strbuf_add(sb, head, sizeof head);
	add_text(sb, spec->cwd ? spec->cwd : "");
	add_list(sb, spec->argv);
	add_list(sb, spec->env);
	return strbuf_check(sb, "the run's arguments and environment", err);
}

/* ---- starting and taking up ------------------------------------------------------------ */

static struct run *run_new(struct boxcore *core, const char *id, bool keep)
{
	struct run *run = mem_zalloc(sizeof *run);

	run->core = core;
	run->keep = keep;
	str_copy(run->id, sizeof run->id, id);
	return run;
}

/* A box that is paused has no runs, and to ask for one is no reason to wake it. */
static int link_for_run(struct boxcore *core, const char *box, const char *id,
	struct link **ret_link, struct cancel *cancel, struct err *err)
{
	struct err why = {0};

	if (core_link_get(core, box, false, ret_link, cancel, &why) == 0)
		return 0;
	if (why.kind == ERR_CONFLICT)
		return err_set(err, ERR_NOT_FOUND,
			"box %s is paused, which ended its run %s", box, id);
	*err = why;
	return -1;
}

/* Sends the opening message and waits for OPENED. */
static int open_stream(struct run *run, const char *box, enum proto_type type,
	const struct strbuf *request, struct cancel *cancel, struct err *err)
{
	struct stream_event event;

	if (type == PROTO_START
			? core_link_get(run->core, box, true, &run->link, cancel, err) < 0
			: link_for_run(run->core, box, run->id, &run->link, cancel, err) <
				  0)
		return -1;
	if (stream_open(run->link, type, request->data, request->len, &run->stream, err) <
			0 ||
		stream_read(run->stream, &event, cancel, err) < 0)
		return -1;
	if (event.type != PROTO_OPENED)
		return err_set(err, ERR_INTERNAL,
			"the box answers the opening of a run with message %u",
			event.type);
	struct wire wire = {.at = event.data, .left = event.len};
	run->pid = wire_u32(&wire);
	return 0;
}

int run_begin(struct boxcore *core, const char *box, const struct run_spec *spec,
	bool self, struct run **ret_run, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf request = STRBUF_INIT(LIMIT_RUN_ARGS);
	char made[20] = "r-";
	const char *id = spec->id ? spec->id : made;

	crypto_random_hex(made + 2, 8);
	if (core_check_id(id, "the id of a run", err) < 0 ||
		encode_start(&request, id, spec, self, err) < 0)
		return -1;
	CLEANUP(run) struct run *run = run_new(core, id, spec->keep);
	if (open_stream(run, box, PROTO_START, &request, cancel, err) < 0)
		return err_wrap(err, "start %.80s in box %s", spec->argv[0], box);
	*ret_run = TAKE(run);
	return 0;
}

int run_start(struct boxcore *core, const char *box, const struct run_spec *spec,
	struct run **ret_run, struct cancel *cancel, struct err *err)
{
	return run_begin(core, box, spec, false, ret_run, cancel, err);
}

int run_attach(struct boxcore *core, const char *box, const char *id, uint64_t offset,
	struct run **ret_run, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf request = STRBUF_INIT(256);
	uint8_t bytes[8];

	if (core_check_id(id, "the id of a run", err) < 0)
		return -1;
	add_text(&request, id);
	wire_set_u64(bytes, offset);
	strbuf_add(&request, bytes, sizeof bytes);
	CLEANUP(run) struct run *run = run_new(core, id, true);
	run->taken = run->acked = offset;
	if (open_stream(run, box, PROTO_ATTACH, &request, cancel, err) < 0)
		return err_wrap(err, "take up run %s in box %s", id, box);
	*ret_run = TAKE(run);
	return 0;
}

const char *run_id(const struct run *run)
{
	return run->id;
}

/* After the exit the stream is closed; what is left goes with run_forget(). */
static void send_ack(struct run *run)
{
	struct err ignored = {0};
	uint8_t bytes[8];

	if (run->taken <= run->acked || run->ended)
		return;
	run->acked = run->taken;
	wire_set_u64(bytes, run->taken);
	stream_send(run->stream, PROTO_ACK, bytes, sizeof bytes, &ignored);
}

uint32_t run_pid(const struct run *run)
{
	return run->pid;
}

void run_close(struct run *run)
{
	if (!run)
		return;
	if (run->keep && run->stream)
		send_ack(run);
	if (run->stream)
		stream_close(run->stream);
	if (run->link)
		core_link_put(run->core, run->link);
	free(run);
}

/* The answer has nowhere to go and is dropped when it comes. */
static void forget_unheard(struct run *run)
{
	CLEANUP(strbuf) struct strbuf request = STRBUF_INIT(256);
	struct stream *stream = NULL;
	struct err ignored = {0};

	add_text(&request, run->id);
	if (stream_open(run->link, PROTO_FORGET, request.data, request.len, &stream,
		    &ignored) == 0)
		stream_close(stream);
}

void run_done(struct run *run)
{
	if (run && run->keep && run->ended && run->link)
		forget_unheard(run);
	run_close(run);
}

/* ---- reading --------------------------------------------------------------------------- */

static int on_output(
	const struct stream_event *event, struct run_event *ret_event, struct err *err)
{
	if (event->len < PROTO_RECORD_HEADER)
		return err_set(
			err, ERR_INTERNAL, "the box sent output without an offset");
	*ret_event = (struct run_event){
		.kind = event->type == PROTO_OUT ? RUN_STDOUT : RUN_STDERR,
		.offset = wire_get_u64(event->data),
		.data = (const char *)event->data + PROTO_RECORD_HEADER,
		.len = event->len - PROTO_RECORD_HEADER,
	};
	return 0;
}

static int on_exit_event(
	const struct stream_event *event, struct run_event *ret_event, struct err *err)
{
	struct wire wire = {.at = event->data, .left = event->len};

	*ret_event = (struct run_event){.kind = RUN_EXIT, .data = ""};
	ret_event->offset = wire_u64(&wire);
	ret_event->exit_code = (int)wire_u32(&wire);
	ret_event->signal = (int)wire_u32(&wire);
	ret_event->cpu_us = (int64_t)wire_u64(&wire);
	ret_event->peak_bytes = (int64_t)wire_u64(&wire);
	if (wire.bad)
		return err_set(err, ERR_INTERNAL, "the box sent a malformed exit");
	return 0;
}

int run_read(struct run *run, struct run_event *ret_event, struct cancel *cancel,
	struct err *err)
{
	struct stream_event event;

	if (run->ended)
		return err_set(
			err, ERR_INTERNAL, "run %s was read past its exit", run->id);
	if (stream_read(run->stream, &event, cancel, err) < 0)
		return err_wrap(err, "read run %s", run->id);
	if (event.type == PROTO_OUT || event.type == PROTO_ERR)
		return on_output(&event, ret_event, err);
	run->ended = true;
	if (event.type == PROTO_EXIT)
		return on_exit_event(&event, ret_event, err);
	return err_set(err, ERR_CONFLICT,
		"run %s was forgotten, or its output dropped, by another reader",
		run->id);
}

void run_ack(struct run *run, uint64_t offset)
{
	if (!run->keep || run->ended || offset <= run->taken)
		return;
	run->taken = offset;
	if (offset >= run->acked + ACK_EVERY)
		send_ack(run);
}

/* ---- writing --------------------------------------------------------------------------- */

int run_write(struct run *run, const void *data, size_t len, struct cancel *cancel,
	struct err *err)
{
	return stream_write(run->stream, data, len, cancel, err);
}

int run_close_stdin(struct run *run, struct cancel *cancel, struct err *err)
{
	if (cancel_check(cancel, err) < 0)
		return -1;
	return stream_send(run->stream, PROTO_EOF, NULL, 0, err);
}

int run_resize(struct run *run, uint16_t rows, uint16_t cols, struct err *err)
{
	uint8_t size[4];

	wire_set_u16(size, rows);
	wire_set_u16(size + 2, cols);
	return stream_send(run->stream, PROTO_RESIZE, size, sizeof size, err);
}

/* ---- by name --------------------------------------------------------------------------- */

/* One request that begins with the run's id. */
static int call_by_id(struct boxcore *core, const char *box, enum proto_type type,
	const char *id, const uint8_t *more, size_t len, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf request = STRBUF_INIT(256);
	struct link *link;

	if (core_check_id(id, "the id of a run", err) < 0)
		return -1;
	add_text(&request, id);
	strbuf_add(&request, more, len);
	if (link_for_run(core, box, id, &link, cancel, err) < 0)
		return -1;
	int rc = link_call(link, type, request.data, request.len, NULL, cancel, err);
	core_link_put(core, link);
	return rc;
}

int run_signal(struct boxcore *core, const char *box, const char *id, int signal,
	struct cancel *cancel, struct err *err)
{
	uint8_t number = (uint8_t)signal;

	if (signal < 1 || signal > 64)
		return err_set(err, ERR_INPUT, "there is no signal %d", signal);
	return call_by_id(core, box, PROTO_SIGNAL, id, &number, 1, cancel, err);
}

int run_stop(struct boxcore *core, const char *box, const char *id, int64_t grace_ms,
	struct cancel *cancel, struct err *err)
{
	uint8_t grace[4];

	wire_set_u32(grace, grace_ms < 0         ? 0
			    : grace_ms > 3600000 ? 3600000
						 : (uint32_t)grace_ms);
	return call_by_id(core, box, PROTO_STOP, id, grace, sizeof grace, cancel, err);
}

int run_forget(struct boxcore *core, const char *box, const char *id,
	struct cancel *cancel, struct err *err)
{
	return call_by_id(core, box, PROTO_FORGET, id, NULL, 0, cancel, err);
}

/* ---- all kept ones --------------------------------------------------------------------- */

static bool read_info(struct wire *wire, struct run_info *info)
{
	struct err ignored = {0};

	*info = (struct run_info){0};
	wire_string(wire, info->id, sizeof info->id);
	info->exited = wire_u8(wire) != 0;
	info->exit_code = (int)wire_u32(wire);
	info->first = wire_u64(wire);
	info->end = wire_u64(wire);
	return !wire->bad && core_check_id(info->id, "the id of a run", &ignored) == 0 &&
	       info->first <= info->end;
}

static int read_infos(const struct strbuf *reply, struct run_info **ret_infos,
	size_t *ret_count, struct err *err)
{
	struct wire wire = {.at = (const uint8_t *)strbuf_str(reply), .left = reply->len};
	CLEANUP(mem) struct run_info *infos = mem_array(LIMIT_BOX_RUNS, sizeof *infos);
	size_t count = 0;

	for (; wire.left > 0; count++) {
		if (count == LIMIT_BOX_RUNS || !read_info(&wire, &infos[count]))
			return err_set(err, ERR_INTERNAL,
				"the box sent a malformed list of runs");
	}
	*ret_infos = TAKE(infos);
	*ret_count = count;
	return 0;
}

int run_list(struct boxcore *core, const char *box, struct run_info **ret_infos,
	size_t *ret_count, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf reply = STRBUF_INIT(LIMIT_LINK_REPLY);
	struct link *link = NULL;

	if (core_link_get(core, box, false, &link, cancel, err) < 0)
		return -1;
	int rc = link_call(link, PROTO_LIST, NULL, 0, &reply, cancel, err);
	core_link_put(core, link);
	if (rc < 0 || read_infos(&reply, ret_infos, ret_count, err) < 0)
		return err_wrap(err, "runs of box %s", box);
	return 0;
}

/* ---- to the end ------------------------------------------------------------------------ */

void run_result_release(struct run_result *result)
{
	strbuf_release(&result->out);
	strbuf_release(&result->err_out);
}

/* Input that has not been sent yet. */
struct feed {
	const char *data;
	size_t left;
};

static int feed_some(struct run *run, struct feed *feed, struct err *err)
{
	size_t n = stream_write_now(run->stream, feed->data, feed->left);

	feed->data += n;
	feed->left -= n;
	return feed->left == 0 ? stream_send(run->stream, PROTO_EOF, NULL, 0, err) : 0;
}

static int take_event(
	struct run_result *result, const struct run_event *event, struct err *err)
{
	struct strbuf *err_out = &result->err_out;
	size_t space = err_out->max - err_out->len;

	if (event->kind == RUN_STDERR) {
		strbuf_add(err_out, event->data, event->len < space ? event->len : space);
	} else if (event->kind == RUN_STDOUT) {
		strbuf_add(&result->out, event->data, event->len);
		return strbuf_check(&result->out, "the run's output", err);
	} else {
		result->exit_code = event->exit_code;
		result->cpu_us = event->cpu_us;
		result->peak_bytes = event->peak_bytes;
	}
	return 0;
}

/* Reads and writes in turn: a program may well write before it has read all. */
static int capture(struct run *run, struct feed *feed, struct run_result *result,
	struct cancel *cancel, struct err *err)
{
	struct run_event event = {.kind = RUN_STDOUT};

	while (event.kind != RUN_EXIT) {
		struct stream_turn turn;

		if (stream_wait(run->stream, feed->left > 0, &turn, cancel, err) < 0)
			return -1;
		if (turn.writable && feed_some(run, feed, err) < 0)
			return -1;
		if (turn.readable && (run_read(run, &event, cancel, err) < 0 ||
					     take_event(result, &event, err) < 0))
			return -1;
	}
	return 0;
}

int run_capture(struct boxcore *core, const char *box, const struct run_spec *spec,
	const void *input, size_t input_len, struct run_result *result,
	struct cancel *cancel, struct err *err)
{
	struct run_spec with_input = *spec;
	struct feed feed = {.data = input, .left = input ? input_len : 0};

	with_input.stdin_open = feed.left > 0;
	CLEANUP(run) struct run *run = NULL;
	if (run_begin(core, box, &with_input, false, &run, cancel, err) < 0)
		return -1;
	return capture(run, &feed, result, cancel, err);
}

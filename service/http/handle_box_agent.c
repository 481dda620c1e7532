/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/run and run/stream: agents in boxes. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/box_run.h"
#include "service/http/box_call.h"
#include "service/http/multipart.h"
#include "service/http/spaces.h"

#include <string.h>

/* ---- a prompt as a form ------------------------------------------------------------------ */

/* What a request of either type holds. */
struct prompt {
	struct box_prompt_file files[LIMIT_PROMPT_FILES];
	size_t count;
	const char *at; /* of the body, while it is read */
	size_t left;
};

static void prompt_release(struct prompt *prompt)
{
	for (size_t i = 0; i < prompt->count; i++) {
		union {
			const void *from;
			void *to;
		} name = {prompt->files[i].name}, type = {prompt->files[i].type},
		  data = {prompt->files[i].data};
		free(name.to);
		free(type.to);
		free(data.to);
	}
}
DEFINE_CLEANUP(prompt, struct prompt, prompt_release(value))

static ssize_t from_body(void *arg, void *buf, size_t size, struct err *err)
{
	struct prompt *prompt = arg;
	size_t n = prompt->left < size ? prompt->left : size;

	(void)err;
	memcpy(buf, prompt->at, n);
	prompt->at += n;
	prompt->left -= n;
	return (ssize_t)n;
}

static int read_part(struct multipart *form, const struct multipart_part *part,
	struct strbuf *out, struct err *err)
{
	ssize_t n;

	do {
		char *room = strbuf_room(out, 16384);
		if (!room)
			return err_set(err, ERR_LIMIT,
				"The part `%s` of the form is larger than %zu bytes",
				part->name, out->max - 16384);
		n = multipart_read(form, room, 16384, err);
		strbuf_grown(out, n > 0 ? (size_t)n : 0);
	} while (n > 0);
	return n < 0 ? -1 : 0;
}

static int take_file(struct prompt *prompt, struct multipart *form,
	const struct multipart_part *part, struct err *err)
{
	CLEANUP(strbuf) struct strbuf data = STRBUF_INIT(LIMIT_PROMPT_FILE + 16384);

	if (prompt->count == LIMIT_PROMPT_FILES)
		return err_set(err, ERR_LIMIT, "A prompt takes at most %d files",
			LIMIT_PROMPT_FILES);
	if (read_part(form, part, &data, err))
		return -1;
	if (data.len > LIMIT_PROMPT_FILE)
		return err_set(err, ERR_LIMIT,
			"A file of a prompt is larger than %lu bytes", LIMIT_PROMPT_FILE);
	size_t len = data.len;
	prompt->files[prompt->count++] = (struct box_prompt_file){
		.name = mem_strdup(part->filename),
		.type = mem_strdup(part->type),
		.data = strbuf_take(&data),
		.len = len,
	};
	return 0;
}

/* Members that are no strings come as JSON. */
static int take_member(json_t *body, struct multipart *form,
	const struct multipart_part *part, struct err *err)
{
	static const char *const objects[] = {
		"json_schema", "agent_options", "webhook", "files"};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_API_BODY);

	if (read_part(form, part, &text, err))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		if (!str_eq(part->name, objects[i]))
			continue;
		json_t *value = json_parse(strbuf_str(&text), text.len, err);
		if (!value)
			return err_wrap(err, "`%s`", part->name);
		json_put(body, part->name, value);
		return 0;
	}
	if (!str_is_utf8(strbuf_str(&text), text.len))
		return err_set(err, ERR_INPUT, "`%s` is not UTF-8", part->name);
	json_put(body, part->name, json_text(strbuf_str(&text), text.len));
	return 0;
}

static json_t *read_form(struct request *request, struct prompt *prompt, struct err *err)
{
	CLEANUP(json) json_t *body = json_object();
	CLEANUP(multipart) struct multipart *form = NULL;
	struct multipart_part part;
	int rc;

	prompt->at = request_body(request, &prompt->left);
	form = multipart_new(request_boundary(request), from_body, prompt);
	while ((rc = multipart_next(form, &part, err)) > 0) {
		int taken = part.is_file && str_eq(part.name, "files")
				    ? take_file(prompt, form, &part, err)
				    : take_member(body, form, &part, err);
		if (taken)
			return NULL;
	}
	return rc < 0 ? NULL : TAKE(body);
}

/* Starts the run that the request asks for; NULL after answering. */
static struct box_drive *start(struct box_call *call, struct request *request)
{
	CLEANUP(prompt) struct prompt prompt = {.count = 0};
	struct box_drive *drive = NULL;

	if (box_call_open(call, request))
		return NULL;
	call->body = *request_boundary(request) ? read_form(request, &prompt, &call->err)
						: request_json_take(request, &call->err);
	if (call->body &&
		boxes_agent(call->boxes, call->who, call->box, call->body, prompt.files,
			prompt.count, &drive, call->cancel, &call->err) == 0)
		return drive;
	box_call_end(call, 200, -1);
	return NULL;
}

/* ---- the stream -------------------------------------------------------------------------- */

/* Whole frames come; each leaves as it is. */
static int stream_write(void *arg, bool err_out, const void *data, size_t len)
{
	struct err ignored = {0};

	return err_out ? 0 : reply_pipe_write(arg, data, len, &ignored);
}

static int stream_silent(void *arg)
{
	static const char ping[] = ": ping\n\n";
	struct err ignored = {0};

	return reply_pipe_write(arg, ping, sizeof(ping) - 1, &ignored);
}

void handle_agent_stream(struct request *request)
{
	struct box_sink sink = {.write = stream_write,
		.silent = stream_silent,
		.silence_ms = LIMIT_HTTP_PING_MS,
		.arg = request};
	struct box_run_end end;
	struct box_call call;
	struct box_drive *drive = start(&call, request);

	if (!drive)
		return;
	reply_pipe_open(request, "text/event-stream", -1);
	box_drive_pump(drive, &sink, &end);
	reply_pipe_close(request, NULL, 0);
	box_call_drop(&call);
}

/* ---- without a stream -------------------------------------------------------------------- */

static void accept_run(struct request *request, struct box_drive *drive)
{
	json_t *answer = json_object();

	json_put(answer, "run_id", json_str(box_drive_id(drive)));
	json_put(answer, "status", json_str("accepted"));
	box_drive_detach(drive);
	reply_json(request, 200, answer);
}

/* The run's row in the words of an answer. */
static json_t *answer_of(const char *id, const json_t *row)
{
	static const char *const counts[] = {
		"input_tokens", "output_tokens", "cached_input_tokens"};
	json_t *answer = json_object(), *metadata = json_object();

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		json_put(metadata, counts[i],
			json_integer(json_or_int(row, counts[i], 0)));
	json_put(answer, "run_id", json_str(id));
	json_put(answer, "status", json_str(json_or_string(row, "status", "failed")));
	json_put(answer, "output", json_str(json_or_string(row, "output", "")));
	json_put(answer, "metadata", metadata);
	const char *error = json_or_string(row, "error_message", NULL);
	if (error)
		json_put(answer, "error", json_str(error));
	return answer;
}

static void run_to_the_end(struct box_call *call, struct box_drive *drive)
{
	struct spaces spaces = {.request = call->request};
	struct box_sink sink = spaces_sink(&spaces);
	CLEANUP(mem) char *id = mem_strdup(box_drive_id(drive));
	CLEANUP(json) json_t *row = NULL;
	struct box_run_end end;
	struct err ignored = {0};

	box_drive_pump(drive, &sink, &end);
	boxes_run_get(call->boxes, call->who, call->box, id, &row, &ignored);
	if (end.failed && !row && !spaces.open)
		reply_error(call->request, 503, "unfinished", "%s", end.error);
	else
		spaces_reply(&spaces, answer_of(id, row));
}

/* With a webhook at once; without one the answer is the run's. */
void handle_agent_run(struct request *request)
{
	struct box_call call;
	struct box_drive *drive = start(&call, request);

	if (!drive)
		return;
	if (json_at(call.body, "webhook"))
		accept_run(request, drive);
	else
		run_to_the_end(&call, drive);
	box_call_drop(&call);
}

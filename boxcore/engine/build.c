/* SPDX-License-Identifier: MIT */
/* Images that are made, and what pull, import and build have in common: they answer 200 before
 * they have done anything, and what counts is the stream of JSON lines that follows. */
#include "boxcore/engine/engine-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <string.h>

/* ---- streams of JSON lines ------------------------------------------------------------- */

struct progress {
	struct strbuf line;
	engine_on_progress on_progress;
	void *arg;
	char status[ENGINE_ID_SIZE]; /* the last one: import tells the image's id so */
	char said[LIMIT_ENGINE_MESSAGE +
		  1]; /* the last line of a build that says something */
	char error[LIMIT_ENGINE_MESSAGE + 1];
};

static void tell(struct progress *p, const char *text)
{
	if (p->on_progress && *text)
		p->on_progress(p->arg, text);
}

/* What a build prints comes in pieces that may hold several lines, and colours. */
static void tell_stream(struct progress *p, const char *text)
{
	char line[LIMIT_ENGINE_MESSAGE + 1];

	while (*text) {
		size_t len = strcspn(text, "\r\n"), n = 0;
		for (size_t i = 0; i < len && n < sizeof line - 1; i++) {
			if ((unsigned char)text[i] >= ' ' && text[i] != 0x7f)
				line[n++] = text[i];
		}
		line[n] = '\0';
		line[str_utf8_cut(line, n)] = '\0';
		if (strspn(line, " ") < strlen(line)) {
			str_copy(p->said, sizeof p->said, line);
			tell(p, line);
		}
		text += len + (text[len] != '\0');
	}
}

static void read_line(struct progress *p)
{
	struct err ignored = {0};
	CLEANUP(json) json_t *json = NULL;

	if (p->line.len > 0)
		json = json_parse(p->line.data, p->line.len, &ignored);
	strbuf_reset(&p->line);
	const char *error = json_or_string(json, "errorDetail.message", NULL);
	const char *status = json_or_string(json, "status", NULL);
	if (!error)
		error = json_or_string(json, "error", NULL);
	if (error && !p->error[0])
		str_copy(p->error, sizeof p->error, error);
	if (status) {
		str_copy(p->status, sizeof p->status, status);
		tell(p, status);
	}
	tell_stream(p, json_or_string(json, "stream", ""));
}

static int take_lines(void *arg, const void *data, size_t len, struct err *err)
{
	struct progress *p = arg;
	const char *at = data;

	while (len > 0) {
		const char *end = memchr(at, '\n', len);
		size_t n = end ? (size_t)(end - at) : len;
		strbuf_add(&p->line, at, n);
		if (strbuf_check(&p->line, "a line of the engine's progress", err) < 0)
			return -1;
		if (end)
			read_line(p);
		n += end != NULL;
		at += n;
		len -= n;
	}
	return 0;
}

static int follow(struct engine *engine, struct engine_call *call, struct progress *p,
	struct cancel *cancel, struct err *err)
{
	strbuf_init(&p->line, LIMIT_API_BODY);
	call->sink = take_lines;
	call->sink_arg = p;
	call->max = SIZE_MAX; /* a line at a time; nothing is kept */
	if (call->total_ms == 0)
		call->total_ms = -1;
	call->silence_ms = LIMIT_ENGINE_SILENCE_MS;
	int rc = engine_call(engine, call, NULL, NULL, cancel, err);
	if (rc == 0)
		read_line(p); /* the last may have no line end */
	strbuf_release(&p->line);
	return rc;
}

int engine_follow(struct engine *engine, struct engine_call *call,
	engine_on_progress on_progress, void *arg, char last[ENGINE_ID_SIZE],
	struct cancel *cancel, struct err *err)
{
	struct progress p = {.on_progress = on_progress, .arg = arg};

	if (follow(engine, call, &p, cancel, err) < 0)
		return -1;
	if (p.error[0])
		return engine_refused_text(call->what, p.error, err);
	if (last)
		str_copy(last, ENGINE_ID_SIZE, p.status);
	return 0;
}

/* ---- build ----------------------------------------------------------------------------- */

static int add_pairs(
	struct strbuf *path, const char *key, const char *const *pairs, struct err *err)
{
	CLEANUP(json) json_t *object = json_object();
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4 * LIMIT_KIB);

	for (; pairs && *pairs; pairs++) {
		const char *equals = strchr(*pairs, '=');
		char name[128];
		size_t len = equals ? (size_t)(equals - *pairs) : 0;
		if (len == 0 || len >= sizeof name)
			return err_set(
				err, ERR_INPUT, "build: `%.100s` is not K=V", *pairs);
		memcpy(name, *pairs, len);
		name[len] = '\0';
		json_put(object, name, json_str(equals + 1));
	}
	if (json_print(&text, object, err) < 0)
		return -1;
	engine_path_query(path, key, strbuf_str(&text));
	return 0;
}

int engine_image_build(struct engine *engine, const struct engine_build *build,
	engine_on_progress on_progress, void *arg, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	struct progress p = {.on_progress = on_progress, .arg = arg};
	struct engine_call call = {.method = "POST",
		.what = "build an image",
		.path = &path,
		.bytes = build->context,
		.bytes_len = build->context_len,
		.total_ms = LIMIT_ENGINE_BUILD_MS};

	strbuf_adds(&path, "/build?rm=1&forcerm=1");
	for (const char *const *tag = build->tags; *tag; tag++)
		engine_path_query(&path, "t", *tag);
	if (add_pairs(&path, "buildargs", build->args, err) < 0 ||
		add_pairs(&path, "labels", build->labels, err) < 0 ||
		follow(engine, &call, &p, cancel, err) < 0)
		return err_wrap(err, "image %s", build->tags[0]);
	if (!p.error[0])
		return 0;
	engine_refused_text(call.what, p.error, err);
	if (err->kind == ERR_TRANSIENT) /* a step's own failure: again would fail again */
		err->kind = ERR_INPUT;
	if (p.said[0])
		return err_set(err, err->kind, "image %s: %.200s; it said: %.160s",
			build->tags[0], p.error, p.said);
	return err_wrap(err, "image %s", build->tags[0]);
}

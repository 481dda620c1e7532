/* SPDX-License-Identifier: MIT */
/* Lines out of bytes, events out of lines, and how it all ended. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

struct agent_reader *agent_reader_new(
	const struct harness *harness, const struct agent_usage *earlier)
{
	struct agent_reader *reader = mem_zalloc(sizeof *reader);

	reader->harness = harness;
	strbuf_init(&reader->line, LIMIT_AGENT_LINE);
	strbuf_init(&reader->answer, LIMIT_AGENT_EVENT);
	strbuf_init(&reader->reason, LIMIT_AGENT_REASON);
	strbuf_init(&reader->stderr_line, LIMIT_AGENT_STDERR);
	if (earlier)
		reader->earlier = *earlier;
	return reader;
}

void agent_reader_free(struct agent_reader *reader)
{
	if (!reader)
		return;
	strbuf_release(&reader->line);
	strbuf_release(&reader->answer);
	strbuf_release(&reader->reason);
	strbuf_release(&reader->stderr_line);
	free(reader);
}

uint64_t agent_reader_offset(const struct agent_reader *reader)
{
	return reader->anchor;
}

void agent_reader_rewind(struct agent_reader *reader)
{
	strbuf_reset(&reader->line);
	reader->fed = reader->anchor;
	reader->to_skip = reader->skip;
}

/* ---- lines ----------------------------------------------------------------------------- */

static void on_line(struct agent_reader *reader, const char *line, size_t len)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(3 * LIMIT_AGENT_LINE);

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (str_is_utf8(line, len)) {
		strbuf_add(&clean, line, len);
	} else {
		str_clean_utf8(&clean, line, len, true);
	}
	reader->harness->line(reader, strbuf_str(&clean), clean.len);
}

static void cut_line(struct agent_reader *reader)
{
	CLEANUP(mem)
	char *text =
		mem_printf("a line longer than %lu bytes was skipped", LIMIT_AGENT_LINE);

	strbuf_reset(&reader->line);
	reader->discarding = true;
	reader_say(reader, AGENT_NOTICE, text, true);
}

/* Takes one piece that ends in a newline (`whole`) or at the end of what there is. */
static void take_piece(
	struct agent_reader *reader, const char *data, size_t len, bool whole)
{
	if (!reader->discarding && len > LIMIT_AGENT_LINE - reader->line.len)
		cut_line(reader);
	if (reader->discarding) {
		reader->discarding = !whole;
		return;
	}
	if (whole && reader->line.len == 0) {
		on_line(reader, data, len);
		return;
	}
	strbuf_add(&reader->line, data, len);
	if (!whole)
		return;
	on_line(reader, strbuf_str(&reader->line), reader->line.len);
	strbuf_release(&reader->line); /* a long line's memory is not kept */
}

/* Drops what was read before a restart; returns how many bytes of these. */
static size_t skip_again(struct agent_reader *reader, size_t len)
{
	size_t n = len < reader->to_skip ? len : (size_t)reader->to_skip;

	reader->to_skip -= n;
	return n;
}

/*
 * Where a restart goes on: behind the last newline.  Offsets are known only at the ends of
 * events, so the place is an offset and a number of bytes of stdout behind it.
 */
void agent_feed(struct agent_reader *reader, const char *data, size_t len,
	uint64_t offset, agent_on_event on_event, void *arg)
{
	uint64_t before = reader->fed;
	size_t at = skip_again(reader, data ? len : 0);

	reader->on_event = on_event;
	reader->on_event_arg = arg;
	while (data && at < len) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t n = end ? (size_t)(end - (data + at)) : len - at;
		take_piece(reader, data + at, n, end != NULL);
		at += n + (end ? 1 : 0);
		if (end) {
			reader->anchor = before;
			reader->skip = at;
		}
	}
	reader->fed = offset;
	if (reader->to_skip == 0 && reader->line.len == 0) {
		reader->anchor = offset;
		reader->skip = 0;
	}
	reader->on_event = NULL;
}

/* ---- saving ---------------------------------------------------------------------------- */

static json_t *usage_json(const struct agent_usage *usage)
{
	json_t *json = json_object();

	json_put(json, "input", json_integer(usage->input_tokens));
	json_put(json, "output", json_integer(usage->output_tokens));
	json_put(json, "cached", json_integer(usage->cached_tokens));
	json_put(json, "cache_write", json_integer(usage->cache_write_tokens));
	json_put(json, "cost", json_real(usage->cost_usd));
	return json;
}

static struct agent_usage usage_from(const json_t *json)
{
	return (struct agent_usage){
		.input_tokens = json_or_int(json, "input", 0),
		.output_tokens = json_or_int(json, "output", 0),
		.cached_tokens = json_or_int(json, "cached", 0),
		.cache_write_tokens = json_or_int(json, "cache_write", 0),
		.cost_usd = json_or_real(json, "cost", 0),
	};
}

void agent_reader_save(const struct agent_reader *reader, struct strbuf *out)
{
	CLEANUP(json) json_t *json = json_object();
	struct err ignored = {0}; /* it sticks in `out`, which the caller checks */

	json_put(json, "harness", json_str(reader->harness->name));
	json_put(json, "offset", json_integer((json_int_t)reader->anchor));
	json_put(json, "skip", json_integer((json_int_t)reader->skip));
	json_put(json, "discarding", json_boolean(reader->discarding));
	json_put(json, "session", json_str(reader->session_id));
	json_put(json, "answer",
		json_text(strbuf_str(&reader->answer), reader->answer.len));
	json_put(json, "reason",
		json_text(strbuf_str(&reader->reason), reader->reason.len));
	json_put(json, "reason_kind", json_integer(reader->reason_kind));
	json_put(json, "end", json_integer(reader->end));
	json_put(json, "started", json_boolean(reader->started));
	json_put(json, "frame", json_str(reader->frame));
	json_put(json, "turns", json_integer(reader->turns));
	json_put(json, "stderr", json_str(reader->last_words));
	json_put(json, "told_error", json_boolean(reader->told_error));
	json_put(json, "usage", usage_json(&reader->usage));
	json_put(json, "earlier", usage_json(&reader->earlier));
	json_print(out, json, &ignored);
}

static void load_into(struct agent_reader *reader, const json_t *json)
{
	int64_t offset = json_or_int(json, "offset", 0);
	int64_t skip = json_or_int(json, "skip", 0);

	reader->anchor = reader->fed = offset > 0 ? (uint64_t)offset : 0;
	reader->skip = reader->to_skip = skip > 0 ? (uint64_t)skip : 0;
	reader->discarding = json_or_bool(json, "discarding", false);
	reader_set_session(reader, json_or_string(json, "session", ""));
	reader_set_answer(reader, json_or_string(json, "answer", ""));
	reader->end = (enum agent_end)json_or_int(json, "end", AGENT_OPEN);
	const char *reason = json_or_string(json, "reason", "");
	if (*reason)
		reader_set_reason(reader,
			(enum err_kind)json_or_int(json, "reason_kind", ERR_INTERNAL),
			reason);
	reader->started = json_or_bool(json, "started", false);
	str_copy(reader->frame, sizeof reader->frame, json_or_string(json, "frame", ""));
	reader->turns = (int)json_or_int(json, "turns", 0);
	str_copy(reader->last_words, sizeof reader->last_words,
		json_or_string(json, "stderr", ""));
	reader->told_error = json_or_bool(json, "told_error", false);
	reader->usage = usage_from(json_at(json, "usage"));
	reader->earlier = usage_from(json_at(json, "earlier"));
}

struct agent_reader *agent_reader_load(
	const struct harness *harness, const char *saved, struct err *err)
{
	CLEANUP(json) json_t *json = json_parse(saved, strlen(saved), err);

	if (!json)
		return NULL;
	if (!str_eq(json_or_string(json, "harness", ""), harness->name)) {
		err_set(err, ERR_INTERNAL,
			"a saved state of harness %s cannot go on as %s",
			json_or_string(json, "harness", "?"), harness->name);
		return NULL;
	}
	struct agent_reader *reader = agent_reader_new(harness, NULL);
	load_into(reader, json);
	return reader;
}

bool agent_ended(const struct agent_reader *reader)
{
	return reader->end != AGENT_OPEN;
}

/* ---- the end --------------------------------------------------------------------------- */

int agent_finish(struct agent_reader *reader, int exit_code,
	struct agent_result *ret_result, struct err *err)
{
	/* A last line may lack its newline when the program was killed: what it says is not
	 * counted, but told. */
	agent_feed_stderr(reader, "\n", 1, NULL, NULL);
	*ret_result = (struct agent_result){
		.answer = mem_strdup(strbuf_str(&reader->answer)),
		.session_id = mem_strdup(reader->session_id),
		.usage = reader->usage,
		.turns = reader->turns,
	};
	return reader->harness->finish(reader, exit_code, err);
}

void agent_result_release(struct agent_result *result)
{
	free(result->answer);
	free(result->session_id);
	*result = (struct agent_result){0};
}

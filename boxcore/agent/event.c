/* SPDX-License-Identifier: MIT */
/* What the readers of all harnesses say, and how they make foreign text fit to say. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

const char *agent_event_name(enum agent_event_kind kind)
{
	switch (kind) {
	case AGENT_START: return "start";
	case AGENT_TEXT: return "text";
	case AGENT_THINKING: return "thinking";
	case AGENT_TOOL: return "tool";
	case AGENT_TOOL_RESULT: return "tool_result";
	case AGENT_USAGE: return "usage";
	case AGENT_NOTICE: return "notice";
	case AGENT_ERROR: return "error";
	case AGENT_DONE: return "done";
	case AGENT_OTHER: return "other";
	}
	return "unknown";
}

/* ---- text ------------------------------------------------------------------------------ */

void reader_text(struct strbuf *out, const char *text, size_t len)
{
	static const char note[] = "\n[cut]";
	size_t room = out->max - out->len;
	size_t most = len > room ? str_utf8_cut(text, room - strlen(note)) : len;

	for (size_t i = 0; i < most; i++)
		strbuf_addc(out, text[i] ? text[i] : ' ');
	if (most < len)
		strbuf_adds(out, note);
}

void reader_json_text(struct strbuf *out, const json_t *string)
{
	if (json_is_string(string))
		reader_text(out, json_string_value(string), json_string_length(string));
}

static bool is_surrogate(const char *p, const char *end, bool low)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || (p[2] != 'd' && p[2] != 'D'))
		return false;
	bool is_low = strchr("cdefCDEF", p[3]) != NULL;
	bool is_high = strchr("89abAB", p[3]) != NULL;
	return p[3] && (low ? is_low : is_high);
}

/* JavaScript writes half a character as \udXXX, which no other parser accepts. */
static void mend_surrogates(char *text, size_t len)
{
	char *end = text + len;

	for (char *p = text; p < end; p++) {
		if (*p != '\\')
			continue;
		if (is_surrogate(p, end, false) && is_surrogate(p + 6, end, true)) {
			p += 11;
			continue;
		}
		if (is_surrogate(p, end, false) || is_surrogate(p, end, true))
			memcpy(p + 2, "fffd", 4);
		p++; /* what is escaped is not looked at: it may be a backslash */
	}
}

json_t *reader_parse(const char *line, size_t len)
{
	struct err err = {0};

	/* Programs print other things on stdout too; none of it is an error. */
	if (len == 0 || line[0] != '{')
		return NULL;
	json_t *json = json_parse(line, len, &err);
	if (!json && memmem(line, len, "\\ud", 3)) {
		CLEANUP(strbuf) struct strbuf copy = STRBUF_INIT(3 * LIMIT_AGENT_LINE);
		strbuf_add(&copy, line, len);
		mend_surrogates(copy.data, copy.len);
		json = json_parse(copy.data, copy.len, &err);
	}
	if (json && !json_is_object(json)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* ---- events ---------------------------------------------------------------------------- */

void reader_emit(struct agent_reader *reader, struct agent_event *event)
{
	const char **texts[] = {&event->text, &event->tool, &event->tool_id,
		&event->input, &event->session_id};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!*texts[i])
			*texts[i] = "";
	}
	if (reader->on_event)
		reader->on_event(reader->on_event_arg, event);
}

void reader_say(struct agent_reader *reader, enum agent_event_kind kind, const char *text,
	bool is_error)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_AGENT_EVENT);

	reader_text(&clean, text, strlen(text));
	struct agent_event event = {
		.kind = kind,
		.text = strbuf_str(&clean),
		.session_id = reader->session_id,
		.usage = reader->usage,
		.is_error = is_error,
	};
	reader_emit(reader, &event);
}

static const char *first_member(const json_t *input)
{
	static const char *const names[] = {"command", "cmd", "file_path", "filePath",
		"path", "pattern", "url", "query", "description"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = json_or_string(input, names[i], "");
		if (*value)
			return value;
	}
	return NULL;
}

/* Codex's file_change: the paths, a space between. */
static void add_changes(struct strbuf *out, const json_t *changes)
{
	size_t i;
	json_t *change;

	json_array_foreach (changes, i, change) {
		if (out->len > 300)
			break;
		strbuf_addf(out, "%s%s %s", i ? ", " : "",
			json_or_string(change, "kind", ""),
			json_or_string(change, "path", ""));
	}
}

/* What people see of a tool call: the command, the path, or the arguments. */
static void agent_summary(struct strbuf *out, const char *tool, const json_t *input)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_LINE);
	struct err ignored = {0};
	const char *member = first_member(input);

	if (member)
		strbuf_adds(&text, member);
	else if (json_at(input, "changes"))
		add_changes(&text, json_at(input, "changes"));
	else if (json_object_size(input) > 0)
		json_print(&text, input, &ignored);
	strbuf_adds(out, tool);
	if (text.len == 0)
		return;
	size_t len = text.len > 400 ? str_utf8_cut(text.data, 400) : text.len;
	strbuf_adds(out, ": ");
	for (size_t i = 0; i < len; i++)
		strbuf_addc(out, (unsigned char)text.data[i] < ' ' ? ' ' : text.data[i]);
	if (len < text.len)
		strbuf_adds(out, "...");
}

void reader_tool(struct agent_reader *reader, const char *id, const char *tool,
	const json_t *input, bool nested)
{
	CLEANUP(strbuf) struct strbuf name = STRBUF_INIT(LIMIT_AGENT_NAME);
	CLEANUP(strbuf) struct strbuf call = STRBUF_INIT(LIMIT_AGENT_NAME);
	CLEANUP(strbuf) struct strbuf summary = STRBUF_INIT(LIMIT_AGENT_EVENT);
	CLEANUP(strbuf) struct strbuf printed = STRBUF_INIT(LIMIT_AGENT_EVENT);
	struct err ignored = {0};

	reader_text(&name, tool, strlen(tool));
	reader_text(&call, id, strlen(id));
	agent_summary(&summary, strbuf_str(&name), input);
	if (!input || json_print(&printed, input, &ignored) < 0)
		strbuf_reset(&printed);
	struct agent_event event = {
		.kind = AGENT_TOOL,
		.tool = strbuf_str(&name),
		.tool_id = strbuf_str(&call),
		.text = strbuf_str(&summary),
		.input = printed.len ? strbuf_str(&printed) : "",
		.nested = nested,
	};
	reader_emit(reader, &event);
}

void reader_tool_result(struct agent_reader *reader, const char *id, const char *text,
	bool is_error, bool nested)
{
	CLEANUP(strbuf) struct strbuf call = STRBUF_INIT(LIMIT_AGENT_NAME);

	reader_text(&call, id, strlen(id));
	struct agent_event event = {
		.kind = AGENT_TOOL_RESULT,
		.tool_id = strbuf_str(&call),
		.text = text,
		.is_error = is_error,
		.nested = nested,
	};
	reader_emit(reader, &event);
}

/* ---- what is remembered ---------------------------------------------------------------- */

/* It becomes an argument of the next run, so its characters are those of an id. */
void reader_set_session(struct agent_reader *reader, const char *id)
{
	for (const char *p = id; *p; p++) {
		bool fine = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			    (*p >= '0' && *p <= '9') || strchr("._:-", *p) != NULL;
		if (!fine)
			return;
	}
	if (*id && *id != '-' && strlen(id) < sizeof reader->session_id)
		str_copy(reader->session_id, sizeof reader->session_id, id);
}

void reader_set_answer(struct agent_reader *reader, const char *text)
{
	strbuf_reset(&reader->answer);
	reader_text(&reader->answer, text, strlen(text));
}

void reader_set_reason(struct agent_reader *reader, enum err_kind kind, const char *text)
{
	bool known = kind > ERR_NONE && kind <= ERR_INTERNAL;

	reader->reason_kind = known ? kind : ERR_INTERNAL;
	strbuf_reset(&reader->reason);
	reader_text(&reader->reason, text, strlen(text));
}

void reader_end(struct agent_reader *reader, enum agent_end end)
{
	/* Once given up it cannot have gone well. */
	if (reader->end == AGENT_ENDED_BADLY)
		return;
	reader->end = end;
	reader_say(reader, AGENT_USAGE, "", false);
	if (end == AGENT_ENDED_WELL)
		reader_say(reader, AGENT_DONE, strbuf_str(&reader->answer), false);
	else
		reader_say(reader, AGENT_ERROR, strbuf_str(&reader->reason), true);
}

enum err_kind reader_status_kind(int status)
{
	switch (status) {
	case 401:
	case 403: return ERR_DENIED;
	case 402: return ERR_LIMIT; /* how the relay says that the budget is spent */
	case 413: return ERR_LIMIT;
	case 400:
	case 404:
	case 422: return ERR_INPUT;
	default: return ERR_TRANSIENT;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * An agent's events as frames of server-sent events.
 *
 * The client's parser takes "event: " and "data: " with the space, one line of data, and
 * drops what is otherwise; compact JSON has no line ends of its own.
 */
#include "service/box/agent.h"

#include <string.h>

void agent_frame(struct strbuf *out, const char *name, const json_t *data)
{
	struct err ignored = {0};

	strbuf_addf(out, "event: %s\ndata: ", name);
	json_print(out, data, &ignored);
	strbuf_adds(out, "\n\n");
}

static void text_frame(struct strbuf *out, const char *name, const char *text)
{
	CLEANUP(json) json_t *data = json_object();

	if (!*text)
		return;
	json_put(data, "text", json_str(text));
	agent_frame(out, name, data);
}

static void tool_frame(struct strbuf *out, const struct agent_event *event)
{
	CLEANUP(json) json_t *data = json_object();
	struct err ignored = {0};
	json_t *input = *event->input
				? json_parse(event->input, strlen(event->input), &ignored)
				: NULL;

	json_put(data, "name", json_str(event->tool));
	json_put(data, "input", input ? input : json_object());
	json_put(data, "tool_call_id", json_str(event->tool_id));
	agent_frame(out, "tool", data);
}

static void result_frame(struct strbuf *out, const struct agent_event *event)
{
	CLEANUP(json) json_t *data = json_object();

	json_put(data, "tool_call_id", json_str(event->tool_id));
	json_put(data, "output", json_str(event->text));
	agent_frame(out, "tool_result", data);
}

static void other_frame(struct strbuf *out, const struct agent_event *event)
{
	struct err ignored = {0};
	CLEANUP(json)
	json_t *data = json_parse(event->input, strlen(event->input), &ignored);

	if (data)
		agent_frame(out, event->tool, data);
}

void agent_frame_event(struct strbuf *out, const struct agent_event *event)
{
	switch (event->kind) {
	case AGENT_TEXT: /* a helper's words are not the answer */
		text_frame(out, event->nested ? "thinking" : "text", event->text);
		break;
	case AGENT_THINKING: text_frame(out, "thinking", event->text); break;
	case AGENT_TOOL: tool_frame(out, event); break;
	case AGENT_TOOL_RESULT: result_frame(out, event); break;
	case AGENT_OTHER: other_frame(out, event); break;
	case AGENT_START:
	case AGENT_USAGE:
	case AGENT_NOTICE:
	case AGENT_ERROR:
	case AGENT_DONE: break; /* told when the run has ended */
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * Output of an agent: byte 0 chooses the harness, byte 1 the size of the pieces.  Whatever
 * the pieces, and with a restart after each of them, the events must be the same.
 */
#include "boxcore/agent/harness.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	int events;
	struct strbuf text;
};

static void note(void *arg, const struct agent_event *event)
{
	struct seen *seen = arg;
	const char *texts[] = {event->text, event->tool, event->tool_id, event->input,
		event->session_id};

	seen->events++;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!str_is_utf8(texts[i], strlen(texts[i])) ||
			strlen(texts[i]) > LIMIT_AGENT_EVENT)
			abort();
	}
	strbuf_addf(
		&seen->text, "%d %s %s\n", (int)event->kind, event->text, event->input);
}

static struct agent_reader *restart(
	struct agent_reader *reader, const struct harness *harness)
{
	CLEANUP(strbuf) struct strbuf saved = STRBUF_INIT(LIMIT_AGENT_STATE);
	struct err err = {0};

	agent_reader_save(reader, &saved);
	if (strbuf_failed(&saved))
		abort();
	agent_reader_free(reader);
	reader = agent_reader_load(harness, strbuf_str(&saved), &err);
	if (!reader)
		abort();
	return reader;
}

static int play(const struct harness *harness, const char *data, size_t size,
	size_t piece, struct seen *seen, bool restarts)
{
	struct agent_reader *reader = agent_reader_new(harness, NULL);
	struct agent_result result = {0};
	struct err err = {0};

	for (size_t at = 0; at < size;) {
		size_t n = size - at < piece ? size - at : piece;
		agent_feed(reader, data + at, n, at + n, note, seen);
		at += n;
		/* A restart in the middle of a line begins again before it, so the pieces
		 * grow until a line fits. */
		if (restarts) {
			reader = restart(reader, harness);
			at = agent_reader_offset(reader);
			piece += 16;
			if (size - at < piece)
				restarts = false;
		}
	}
	int rc = agent_finish(reader, 0, &result, &err);
	agent_result_release(&result);
	agent_reader_free(reader);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 64 * LIMIT_KIB)
		return 0;
	const struct harness *harness = harness_at(data[0] % 4);
	const char *bytes = (const char *)data + 2;
	size_t piece = (size_t)data[1] + 1;
	struct seen whole = {.text = STRBUF_INIT(LIMIT_AGENT_LINE)};
	struct seen pieces = {.text = STRBUF_INIT(LIMIT_AGENT_LINE)};
	struct seen restarted = {.text = STRBUF_INIT(LIMIT_AGENT_LINE)};
	int rc = play(harness, bytes, size - 2, size, &whole, false);

	if (play(harness, bytes, size - 2, piece, &pieces, false) != rc ||
		play(harness, bytes, size - 2, piece, &restarted, true) != rc)
		abort();
	if (strcmp(strbuf_str(&whole.text), strbuf_str(&pieces.text)) != 0 ||
		strcmp(strbuf_str(&whole.text), strbuf_str(&restarted.text)) != 0)
		abort();
	strbuf_release(&whole.text);
	strbuf_release(&pieces.text);
	strbuf_release(&restarted.text);
	return 0;
}

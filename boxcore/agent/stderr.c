/* SPDX-License-Identifier: MIT */
/* What a program writes on stderr, and what is said of one that ends without a result. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/str.h"

#include <string.h>

/* Usage, hints and stack traces follow the line that says what is wrong. */
static bool speaks_of_error(const char *line)
{
	static const char *const words[] = {"error", "fatal", "panic", "not found"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasestr(line, words[i]))
			return true;
	return false;
}

static void on_line(struct agent_reader *reader, agent_on_stderr on_stderr, void *arg)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(4 * LIMIT_AGENT_STDERR);
	struct strbuf *line = &reader->stderr_line;

	while (line->len > 0 && strchr(" \t\r", line->data[line->len - 1]))
		line->data[--line->len] = '\0';
	if (line->len == 0)
		return;
	str_clean_utf8(&clean, line->data, line->len, false);
	strbuf_reset(line);
	bool error = speaks_of_error(strbuf_str(&clean));
	if (error || !reader->told_error) {
		size_t len = str_utf8_cut(
			strbuf_str(&clean), clean.len < sizeof reader->last_words - 1
						    ? clean.len
						    : sizeof reader->last_words - 1);
		memcpy(reader->last_words, clean.data, len);
		reader->last_words[len] = '\0';
		reader->told_error = error;
	}
	if (on_stderr)
		on_stderr(arg, strbuf_str(&clean));
}

void agent_feed_stderr(struct agent_reader *reader, const char *data, size_t len,
	agent_on_stderr on_stderr, void *arg)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			on_line(reader, on_stderr, arg);
		else if (reader->stderr_line.len < reader->stderr_line.max)
			strbuf_addc(&reader->stderr_line, data[i] ? data[i] : ' ');
	}
}

const char *reader_last_words(const struct agent_reader *reader)
{
	return *reader->last_words ? reader->last_words : "it wrote nothing on stderr";
}

int reader_no_result(const struct agent_reader *reader, const char *name, int exit_code,
	struct err *err)
{
	if (exit_code >= 128)
		return err_set(err, ERR_TRANSIENT, "%s was ended by signal %d", name,
			exit_code - 128);
	if (exit_code < 0)
		return err_set(err, ERR_TRANSIENT, "%s was lost with its box", name);
	if (exit_code == 127 && !reader->started)
		return err_set(err, ERR_INPUT,
			"%s is not in this image: there is no program `%s`", name,
			reader->harness->program);
	return err_set(err, exit_code ? ERR_INPUT : ERR_INTERNAL,
		"%s ended without a result (exit %d): %s", name, exit_code,
		reader_last_words(reader));
}

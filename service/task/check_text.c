/* SPDX-License-Identifier: MIT */
/* What a check said, kept in bounded memory, and results in words. */
#include "service/task/check_text.h"

#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"

#include <stdio.h>
#include <string.h>

#define END_SHOWN 3000              /* bytes of a failed check's end in a pull request */
#define NAME_SHOWN 120              /* bytes of a command in a line */
#define REPORT_MAX (48 * LIMIT_KIB) /* the custom agent takes its prompt as an argument */

void check_release(struct check *check)
{
	free(check->command);
	free(check->output);
	*check = (struct check){0};
}

void checks_release(struct checks *checks)
{
	for (size_t i = 0; i < checks->count; i++)
		check_release(&checks->rows[i]);
	free(checks->rows);
	*checks = (struct checks){0};
}

void checks_add(struct checks *checks, struct check *row)
{
	checks->rows = mem_grow(checks->rows, checks->count + 1, sizeof *checks->rows);
	checks->failed += row->state != CHECK_PASSED;
	checks->rows[checks->count++] = *row;
	*row = (struct check){0};
}

/* ---- output ---------------------------------------------------------------------------- */

void check_output_add(struct check_output *output, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++, output->total++) {
		if (output->total < sizeof output->head)
			output->head[output->total] = data[i];
		else
			output->tail[output->total % sizeof output->tail] = data[i];
	}
}

/* What moves a terminal's cursor or its colours is left out. */
size_t check_escape_len(const char *s, size_t len)
{
	size_t i = 2;

	if (len < 2)
		return 1;
	if (s[1] == '[') {
		while (i < len && (unsigned char)s[i] >= 0x20 &&
			(unsigned char)s[i] < 0x40)
			i++;
		return i < len ? i + 1 : len;
	}
	if (s[1] != ']')
		return 2;
	for (; i < len; i++) {
		if (s[i] == '\a')
			return i + 1;
		if (s[i] == '\033' && i + 1 < len && s[i + 1] == '\\')
			return i + 2;
		if (s[i] == '\n') /* it has no end: it is none */
			return 2;
	}
	return 2;
}

/* A bar that redraws its line by carriage returns becomes lines. */
static void add_plain(struct strbuf *out, const char *text, size_t len)
{
	CLEANUP(strbuf) struct strbuf visible = STRBUF_INIT(LIMIT_CHECK_OUTPUT * 2);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_CHECK_OUTPUT * 6);

	for (size_t i = 0; i < len;) {
		if (text[i] == '\033') {
			i += check_escape_len(text + i, len - i);
			continue;
		}
		if (text[i] == '\r')
			strbuf_addc(&visible,
				i + 1 < len && text[i + 1] == '\n' ? ' ' : '\n');
		else if (text[i] == '\n' || text[i] == '\t' ||
			 ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f))
			strbuf_addc(&visible, text[i]);
		i++;
	}
	str_clean_utf8(&clean, strbuf_str(&visible), visible.len, false);
	secret_redact(out, strbuf_str(&clean), clean.len);
}

void check_output_text(const struct check_output *output, struct strbuf *out)
{
	const size_t size = LIMIT_CHECK_OUTPUT;
	uint64_t behind = output->total > size ? output->total - size : 0;
	size_t kept = behind < size ? (size_t)behind : size;
	size_t first = output->total < size ? (size_t)output->total : size;
	char all[2 * LIMIT_CHECK_OUTPUT];

	memcpy(all, output->head, first);
	for (size_t i = 0; i < kept; i++)
		all[first + i] = output->tail[(output->total - kept + i) % size];
	if (behind <= size) { /* whole: a character may lie across the seam */
		add_plain(out, all, first + kept);
		return;
	}
	add_plain(out, all, first);
	strbuf_addf(out, "\n[... %llu bytes are left out here ...]\n",
		(unsigned long long)(behind - kept));
	add_plain(out, all + first, kept);
}

/* ---- rows ------------------------------------------------------------------------------ */

static const char *const words[] = {
#define X(name, word) word,
	CHECK_STATES(X)
#undef X
};

int check_print(const struct check *check, struct strbuf *out, struct err *err)
{
	CLEANUP(json) json_t *o = json_object();

	json_put(o, "command", json_str(check->command));
	json_put(o, "state", json_str(words[check->state]));
	json_put(o, "exit", json_integer(check->exit_code));
	json_put(o, "ms", json_integer(check->ms));
	json_put(o, "output", json_str(check->output ? check->output : ""));
	return json_print(out, o, err);
}

int check_parse(const char *text, struct check *ret, struct err *err)
{
	CLEANUP(json) json_t *o = json_parse(text, strlen(text), err);
	const char *state = o ? json_need_string(o, "state", err) : NULL;
	const char *command = state ? json_need_string(o, "command", err) : NULL;

	if (!command)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq(words[i], state))
			continue;
		*ret = (struct check){
			.command = mem_strdup(command),
			.state = (enum check_state)i,
			.exit_code = (int)json_or_int(o, "exit", 0),
			.ms = json_or_int(o, "ms", 0),
			.output = mem_strdup(json_or_string(o, "output", "")),
		};
		return 0;
	}
	return err_set(err, ERR_INPUT, "a check's row has the state %.20s", state);
}

/* ---- words ----------------------------------------------------------------------------- */

void check_words(const struct check *check, char ret[100])
{
	double seconds = (double)check->ms / 1000;

	switch (check->state) {
	case CHECK_PASSED:
	case CHECK_FAILED:
		snprintf(ret, 100, "exit %d, %.1f s", check->exit_code, seconds);
		break;
	case CHECK_TIMEOUT:
		snprintf(ret, 100, "stopped after %.1f s: the time for checks was up",
			seconds);
		break;
	case CHECK_SKIPPED:
		snprintf(ret, 100, "not run: the time for checks was up");
		break;
	case CHECK_LOST: snprintf(ret, 100, "could not be run"); break;
	}
}

void checks_words(const struct checks *checks, struct strbuf *out)
{
	const char *s = checks->count == 1 ? "" : "s";

	if (checks->failed > 0)
		strbuf_addf(out, "%zu of %zu check%s failed", checks->failed,
			checks->count, s);
	else
		strbuf_addf(out, "%zu check%s passed", checks->count, s);
}

/* A command as code in a line.  It comes from the repository's file. */
static void add_command(const char *command, struct strbuf *out)
{
	CLEANUP(strbuf) struct strbuf told = STRBUF_INIT(LIMIT_COMMENT);
	size_t len = strcspn(command, "\n");

	secret_redact(&told, command, str_utf8_cut(command, len));
	if (command[len] && command[len + 1])
		strbuf_adds(&told, " ...");
	github_text_code(out, strbuf_str(&told), told.len, NAME_SHOWN);
}

void checks_list(const struct checks *checks, struct strbuf *out)
{
	for (size_t i = 0; i < checks->count; i++) {
		const struct check *check = &checks->rows[i];
		char told[100];

		check_words(check, told);
		strbuf_adds(out,
			check->state == CHECK_PASSED ? "- passed: " : "- **failed**: ");
		add_command(check->command, out);
		strbuf_addf(out, " (%s)\n", told);
	}
}

/* The end, from the beginning of a line where there is one near. */
static const char *end_of(const char *text, size_t most)
{
	size_t len = strlen(text);

	if (len <= most)
		return text;
	const char *from = text + len - most;
	const char *line = strchr(from, '\n');
	while (((unsigned char)*from & 0xc0) == 0x80)
		from++;
	return line && (size_t)(line - from) < most / 2 ? line + 1 : from;
}

void checks_outputs(const struct checks *checks, struct strbuf *out)
{
	size_t began = out->len;

	for (size_t i = 0; i < checks->count; i++) {
		const struct check *check = &checks->rows[i];
		CLEANUP(strbuf) struct strbuf fence = STRBUF_INIT(LIMIT_COMMENT);
		CLEANUP(strbuf) struct strbuf safe = STRBUF_INIT(LIMIT_COMMENT * 2);
		CLEANUP(strbuf) struct strbuf told = STRBUF_INIT(LIMIT_COMMENT * 2);

		if (check->state == CHECK_PASSED || str_empty(check->output))
			continue;
		const char *end = end_of(check->output, END_SHOWN);
		github_text_fence(&fence, NULL, end, strlen(end));
		github_text_safe(&safe, strbuf_str(&fence), fence.len);
		secret_redact(&told, strbuf_str(&safe), safe.len);
		if (out->len - began + told.len > LIMIT_CHECKS_TEXT) {
			strbuf_adds(out,
				"\n(The output of further checks is left out here.)\n");
			return;
		}
		strbuf_addf(out,
			"\n<details>\n<summary>The end of what check %zu "
			"said</summary>\n\n"
			"%s\n</details>\n",
			i + 1, strbuf_str(&told));
	}
}

void checks_report(const struct checks *checks, struct strbuf *out)
{
	for (size_t i = 0; i < checks->count && out->len < REPORT_MAX; i++) {
		const struct check *check = &checks->rows[i];
		char told[100];

		if (check->state == CHECK_PASSED)
			continue;
		check_words(check, told);
		size_t room = REPORT_MAX - out->len;
		strbuf_addf(out, "$ %.*s\n(%s)\n%s\n\n",
			(int)str_utf8_cut(check->command, strnlen(check->command, 500)),
			check->command, told,
			end_of(check->output, room < 12000 ? room : 12000));
	}
}

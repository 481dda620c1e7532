/* SPDX-License-Identifier: MIT */
/* The one JSON object in an agent's answer: looked for in its fences, then bare. */
#include "service/task/review_parse.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

#define TRIES_MAX 32 /* places where an object may begin; each is parsed to its end */

static const char *const names[] = {
#define X(name, word) [REVIEW_##name] = word,
	REVIEW_SEVERITIES(X)
#undef X
};

const char *review_severity_name(enum review_severity severity)
{
	return names[severity];
}

void review_release(struct review *review)
{
	for (size_t i = 0; i < review->count; i++) {
		free(review->rows[i].path);
		free(review->rows[i].text);
	}
	free(review->rows);
	free(review->summary);
	*review = (struct review){0};
}

/* ---- finding the object ---------------------------------------------------------------- */

/* The object at `text`, if it is one of the form; the caller's reference. */
static json_t *object_of(const char *text, size_t len)
{
	struct err ignored = {0};
	json_t *root = json_parse(text, len, &ignored);

	if (json_is_array(json_at(root, "findings")))
		return root;
	json_decref(root);
	return NULL;
}

static const char *line_end(const char *s, const char *end)
{
	const char *stop = memchr(s, '\n', (size_t)(end - s));

	return stop ? stop : end;
}

static bool is_fence(const char *s, const char *end)
{
	while (s < end && *s == ' ')
		s++;
	return end - s >= 3 && (memcmp(s, "```", 3) == 0 || memcmp(s, "~~~", 3) == 0);
}

/* The last block between two fences that holds the form. */
static json_t *in_fence(const char *text, const char *end)
{
	json_t *found = NULL;
	const char *inside = NULL;
	int tries = 0;

	for (const char *s = text; s < end && tries < TRIES_MAX;) {
		const char *stop = line_end(s, end);

		if (is_fence(s, stop) && !inside) {
			inside = stop < end ? stop + 1 : end;
		} else if (is_fence(s, stop)) {
			json_t *root = object_of(inside, (size_t)(s - inside));
			if (root) {
				json_decref(found);
				found = root;
			}
			inside = NULL;
			tries++;
		}
		s = stop < end ? stop + 1 : end;
	}
	return found;
}

/* From a brace at the beginning of a line to the last brace of all. */
static json_t *bare(const char *text, const char *end)
{
	const char *last = memrchr(text, '}', (size_t)(end - text));
	int tries = 0;

	if (!last)
		return NULL;
	for (const char *s = text; s < last && tries < TRIES_MAX;) {
		const char *stop = line_end(s, end), *first = s;

		while (first < stop && (*first == ' ' || *first == '\t'))
			first++;
		if (first < last && *first == '{') {
			json_t *root = object_of(first, (size_t)(last + 1 - first));
			if (root)
				return root;
			tries++;
		}
		s = stop < end ? stop + 1 : end;
	}
	return NULL;
}

/* ---- reading it ------------------------------------------------------------------------ */

static size_t without_space(const char *s, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", s[len - 1]))
		len--;
	return len;
}

/* A member's text without white space around it, cut; free(). */
static char *text_of(const json_t *o, const char *name, size_t most)
{
	const json_t *value = json_is_object(o) ? json_object_get(o, name) : NULL;
	const char *s = json_string_value(value);

	if (!s)
		return mem_strdup("");
	s += strspn(s, " \t\r\n"); /* what stands behind a NUL is left out */
	size_t len = strlen(s);
	return mem_strndup(s, without_space(s, len > most ? str_utf8_cut(s, most) : len));
}

/* Also "12", as some models write numbers. */
static int64_t line_of(const json_t *o, const char *name)
{
	const json_t *value = json_is_object(o) ? json_object_get(o, name) : NULL;
	int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;

	if (json_is_string(value) &&
		!str_to_i64(json_string_value(value), 1, INT32_MAX, &n))
		return 0;
	return n >= 1 && n <= INT32_MAX ? n : 0;
}

static enum review_severity severity_of(const json_t *o)
{
	CLEANUP(mem) char *word = text_of(o, "severity", 40);

	if (str_eq_nocase(word, "critical") || str_eq_nocase(word, "high"))
		return REVIEW_ERROR;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(word, names[i]))
			return (enum review_severity)i;
	return str_eq_nocase(word, "info") || str_eq_nocase(word, "low") ||
			       str_eq_nocase(word, "nit")
		       ? REVIEW_NOTE
		       : REVIEW_WARNING;
}

static bool read_finding(const json_t *o, struct review_finding *ret)
{
	CLEANUP(mem) char *path = text_of(o, "path", LIMIT_PATH);
	char *text = text_of(o, "text", REVIEW_TEXT_MAX);

	if (str_empty(text)) {
		free(text);
		return false;
	}
	const char *from = path;
	while (str_starts(from, "./"))
		from += 2;
	*ret = (struct review_finding){
		.path = mem_strdup(from),
		.line = line_of(o, "line"),
		.start = line_of(o, "start_line"),
		.severity = severity_of(o),
		.text = text,
	};
	if (str_empty(ret->path))
		ret->line = 0;
	if (ret->start >= ret->line)
		ret->start = 0;
	return true;
}

static void read_findings(const json_t *list, struct review *ret)
{
	size_t count = json_array_size(list);

	ret->rows = mem_array(count < REVIEW_FINDINGS_MAX ? count : REVIEW_FINDINGS_MAX,
		sizeof *ret->rows);
	for (size_t i = 0; i < count; i++)
		if (ret->count == REVIEW_FINDINGS_MAX ||
			!read_finding(json_array_get(list, i), &ret->rows[ret->count]))
			ret->dropped++;
		else
			ret->count++;
}

static void order(struct review *review)
{
	struct review_finding *sorted = mem_array(review->count, sizeof *sorted);
	size_t n = 0;

	for (size_t s = 0; s < ARRAY_LEN(names); s++)
		for (size_t i = 0; i < review->count; i++)
			if (review->rows[i].severity == (enum review_severity)s)
				sorted[n++] = review->rows[i];
	free(review->rows);
	review->rows = sorted;
}

void review_parse(const char *answer, size_t len, struct review *ret)
{
	const char *end = answer + len;
	CLEANUP(json) json_t *root = in_fence(answer, end);

	*ret = (struct review){0};
	if (!root)
		root = bare(answer, end);
	if (root) {
		ret->form = !json_or_bool(root, "no_form", false);
		ret->summary = text_of(root, "summary", REVIEW_SUMMARY_MAX);
		read_findings(json_object_get(root, "findings"), ret);
		ret->dropped += (size_t)(json_or_int(root, "dropped", 0) & 0xffff);
		order(ret);
		return;
	}
	CLEANUP(json) json_t *words = json_object();
	json_put(words, "text", json_text(answer, len));
	ret->summary = text_of(words, "text", REVIEW_SUMMARY_MAX);
}

void review_print(const struct review *review, struct strbuf *out)
{
	CLEANUP(json) json_t *root = json_object();
	json_t *list = json_array();
	struct err ignored = {0};

	json_put(root, "summary", json_str(review->summary));
	json_put(root, "findings", list);
	if (!review->form)
		json_put(root, "no_form", json_true());
	if (review->dropped > 0)
		json_put(root, "dropped", json_integer((json_int_t)review->dropped));
	for (size_t i = 0; i < review->count; i++) {
		const struct review_finding *row = &review->rows[i];
		json_t *o = json_object();

		json_put(o, "path", json_str(row->path));
		if (row->line > 0)
			json_put(o, "line", json_integer(row->line));
		if (row->start > 0)
			json_put(o, "start_line", json_integer(row->start));
		json_put(o, "severity", json_str(names[row->severity]));
		json_put(o, "text", json_str(row->text));
		json_array_append_new(list, o);
	}
	json_print(out, root, &ignored);
}

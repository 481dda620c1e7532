/* SPDX-License-Identifier: MIT */
/* A unified diff, read line by line with the counts of its hunks. */
#include "service/task/review_diff.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

struct reader {
	const char *at, *end;
	struct diff *diff;
	size_t hunks;
	int64_t old_left, new_left; /* of the hunk that is being read */
	bool deleted;               /* the file's new side is /dev/null */
};

static void file_release(struct diff_file *file)
{
	free(file->path);
	free(file->hunks);
}

void diff_release(struct diff *diff)
{
	for (size_t i = 0; i < diff->count; i++)
		file_release(&diff->files[i]);
	free(diff->files);
	*diff = (struct diff){0};
}

static struct diff_file *last_file(struct diff *diff)
{
	return diff->count > 0 ? &diff->files[diff->count - 1] : NULL;
}

static struct diff_file *add_file(struct diff *diff)
{
	if (diff->count == DIFF_FILES_MAX)
		return NULL;
	if ((diff->count & (diff->count - 1)) == 0) /* at 0, 1, 2, 4, ... */
		diff->files = mem_grow(diff->files, diff->count ? diff->count * 2 : 1,
			sizeof *diff->files);
	diff->files[diff->count] = (struct diff_file){.path = mem_strdup("")};
	return &diff->files[diff->count++];
}

static bool add_hunk(struct diff_file *file, int64_t first, int64_t last)
{
	if ((file->nhunks & (file->nhunks - 1)) == 0)
		file->hunks = mem_grow(file->hunks, file->nhunks ? file->nhunks * 2 : 1,
			sizeof *file->hunks);
	file->hunks[file->nhunks++] = (struct diff_hunk){first, last};
	return true;
}

/* ---- names ----------------------------------------------------------------------------- */

/* One escape of a quoted name at `s` (behind the backslash); returns the bytes it took. */
static size_t unescape(const char *s, const char *end, char *ret)
{
	static const char from[] = "abtnvfr\"\\", to[] = "\a\b\t\n\v\f\r\"\\";
	const char *c = s < end && *s ? strchr(from, *s) : NULL;

	if (c) {
		*ret = to[c - from];
		return 1;
	}
	if (end - s < 3)
		return 0;
	unsigned value = 0;
	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '7')
			return 0;
		value = value * 8 + (unsigned)(s[i] - '0');
	}
	*ret = (char)(value & 0xff);
	return value > 0 && value < 256 ? 3 : 0;
}

static bool unquote(const char *s, const char *end, struct strbuf *out)
{
	for (s++; s < end && *s != '"'; s++) {
		char c = *s;

		if (c == '\\') {
			size_t took = unescape(s + 1, end, &c);
			if (took == 0)
				return false;
			s += took;
		}
		strbuf_addc(out, c);
	}
	return s < end;
}

/* "b/src/x.c", quoted or with a tab behind it; NULL for /dev/null and what is no name. */
static char *name_of(const char *s, const char *end)
{
	CLEANUP(strbuf) struct strbuf name = STRBUF_INIT(LIMIT_PATH);

	if (s < end && *s == '"') {
		if (!unquote(s, end, &name))
			return NULL;
	} else {
		const char *tab = memchr(s, '\t', (size_t)(end - s));
		strbuf_add(&name, s, (size_t)((tab ? tab : end) - s));
	}
	const char *text = strbuf_str(&name);
	if (strbuf_failed(&name) || strlen(text) != name.len ||
		!str_is_utf8(text, name.len) ||
		(!str_starts(text, "a/") && !str_starts(text, "b/")) || !text[2])
		return NULL;
	return mem_strdup(text + 2);
}

static void take_name(struct diff_file *file, char *name)
{
	if (!name)
		return;
	free(file->path);
	file->path = name;
}

/* ---- hunks ----------------------------------------------------------------------------- */

/* A number of at most nine digits at *at. */
static bool take_number(const char **at, const char *end, int64_t *ret)
{
	const char *s = *at;

	*ret = 0;
	while (s < end && *s >= '0' && *s <= '9' && s - *at < 9)
		*ret = *ret * 10 + (*s++ - '0');
	bool some = s > *at;
	*at = s;
	return some;
}

/* "12,3" or "12" */
static bool take_range(const char **at, const char *end, int64_t *first, int64_t *count)
{
	*count = 1;
	if (!take_number(at, end, first))
		return false;
	if (*at == end || **at != ',')
		return true;
	(*at)++;
	return take_number(at, end, count);
}

static bool take_word(const char **at, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *at) < len || memcmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

/* "@@ -1,2 +1,3 @@ where" */
static bool begin_hunk(struct reader *r, const char *s, const char *end)
{
	struct diff_file *file = last_file(r->diff);
	int64_t old_first, new_first, old_count, new_count;

	if (!file || !take_word(&s, end, "@@ -") ||
		!take_range(&s, end, &old_first, &old_count) ||
		!take_word(&s, end, " +") ||
		!take_range(&s, end, &new_first, &new_count) ||
		!take_word(&s, end, " @@"))
		return false;
	r->old_left = old_count;
	r->new_left = new_count;
	if (new_count == 0 || new_first == 0 || r->deleted)
		return true;
	return r->hunks++ < DIFF_HUNKS_MAX &&
	       add_hunk(file, new_first, new_first + new_count - 1);
}

/* A line inside a hunk. */
static bool count_off(struct reader *r, const char *s, const char *end)
{
	struct diff_file *file = last_file(r->diff);
	char kind = s < end ? *s : ' '; /* some tools drop the blank of an empty line */

	if (kind == '\\')
		return true;
	if (kind != '+' && kind != '-' && kind != ' ')
		return false;
	r->old_left -= kind != '+';
	r->new_left -= kind != '-';
	file->added += kind == '+';
	file->removed += kind == '-';
	return r->old_left >= 0 && r->new_left >= 0;
}

/* ---- lines ----------------------------------------------------------------------------- */

/* The name of a file that has no --- and +++ (binary, renamed only): "diff --git a/x b/x"
 * tells it when both are the same. */
static char *name_of_head(const char *s, const char *end)
{
	size_t len = (size_t)(end - s);

	if (s < end && *s == '"') {
		for (const char *q = s + 1; q + 2 < end; q++)
			if (q[0] == '"' && q[1] == ' ')
				return name_of(q + 2, end);
		return NULL;
	}
	if (len < 7 || len % 2 == 0 || s[len / 2] != ' ' ||
		memcmp(s + 2, s + len / 2 + 3, len / 2 - 2) != 0)
		return NULL;
	return name_of(s + len / 2 + 1, end);
}

static bool begin_file(struct reader *r, const char *s, const char *end)
{
	struct diff_file *file = add_file(r->diff);

	r->deleted = false;
	if (!file)
		return false;
	take_name(file, name_of_head(s, end));
	return true;
}

/* "+++ b/x": without a name for a removed file, which keeps that of its old side. */
static void new_side(struct reader *r, const char *s, const char *end)
{
	char *name = name_of(s, end);

	r->deleted = !name;
	take_name(last_file(r->diff), name);
}

static bool take_line(struct reader *r, const char *s, const char *end)
{
	struct diff_file *file = last_file(r->diff);

	if (r->old_left > 0 || r->new_left > 0 || (s < end && *s == '\\'))
		return count_off(r, s, end);
	if (take_word(&s, end, "diff --git "))
		return begin_file(r, s, end);
	if (!file)
		return s == end; /* an empty diff */
	if (take_word(&s, end, "--- "))
		take_name(file, name_of(s, end));
	else if (take_word(&s, end, "+++ "))
		new_side(r, s, end);
	else if (take_word(&s, end, "rename to ") || take_word(&s, end, "copy to ")) {
		CLEANUP(strbuf) struct strbuf name = STRBUF_INIT(LIMIT_PATH);
		strbuf_addf(&name, "%sb/", s < end && *s == '"' ? "\"" : "");
		strbuf_add(&name, s + (s < end && *s == '"'),
			(size_t)(end - s) - (s < end && *s == '"'));
		const char *text = strbuf_str(&name);
		take_name(file, name_of(text, text + name.len));
	} else if (end - s > 2 && s[0] == '@' && s[1] == '@')
		return begin_hunk(r, s, end);
	return true; /* index, mode, similarity, Binary files, a patch of a binary */
}

void diff_parse(const char *text, size_t len, struct diff *ret)
{
	struct reader r = {.at = text, .end = text + len, .diff = ret};

	*ret = (struct diff){0};
	while (r.at < r.end) {
		const char *line = r.at;
		const char *stop = memchr(line, '\n', (size_t)(r.end - line));
		const char *end = stop ? stop : r.end;

		r.at = stop ? stop + 1 : r.end;
		if (!take_line(&r, line, end)) {
			ret->broken = true;
			return;
		}
	}
	ret->broken = r.old_left > 0 || r.new_left > 0;
}

/* ---- questions ------------------------------------------------------------------------- */

bool diff_has(const struct diff *diff, const char *path, int64_t start, int64_t line)
{
	if (line < 1 || start < 0 || start > line)
		return false;
	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_file *file = &diff->files[i];

		if (!str_eq(file->path, path))
			continue;
		for (size_t h = 0; h < file->nhunks; h++)
			if (line <= file->hunks[h].last &&
				(start > 0 ? start : line) >= file->hunks[h].first)
				return true;
	}
	return false;
}

void diff_list(const struct diff *diff, size_t most, struct strbuf *out)
{
	for (size_t i = 0; i < diff->count && i < most; i++)
		strbuf_addf(out, "%s (+%lld -%lld)\n", diff->files[i].path,
			(long long)diff->files[i].added,
			(long long)diff->files[i].removed);
	if (diff->count > most)
		strbuf_addf(out, "and %zu more\n", diff->count - most);
}

/* {"files": [["src/x.c", [[1, 7], [20, 31]]], ...]} */
int diff_print(const struct diff *diff, struct strbuf *out, struct err *err)
{
	CLEANUP(json) json_t *root = json_object();
	json_t *files = json_array();

	json_put(root, "files", files);
	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_file *file = &diff->files[i];
		json_t *row = json_array(), *hunks = json_array();

		json_array_append_new(row, json_str(file->path));
		json_array_append_new(row, hunks);
		json_array_append_new(files, row);
		for (size_t h = 0; h < file->nhunks; h++) {
			json_t *pair = json_array();
			json_array_append_new(pair, json_integer(file->hunks[h].first));
			json_array_append_new(pair, json_integer(file->hunks[h].last));
			json_array_append_new(hunks, pair);
		}
	}
	return json_print(out, root, err);
}

int diff_load(const char *text, struct diff *ret, struct err *err)
{
	CLEANUP(json) json_t *root = json_parse(text, strlen(text), err);
	size_t i, h;
	json_t *row, *pair;

	*ret = (struct diff){0};
	if (!root)
		return -1;
	json_array_foreach (json_at(root, "files"), i, row) {
		struct diff_file *file = add_file(ret);
		const char *path = json_string_value(json_array_get(row, 0));

		if (!file || !path) {
			diff_release(ret);
			return err_set(err, ERR_INPUT, "a row's diff has no path");
		}
		take_name(file, mem_strdup(path));
		json_array_foreach (json_array_get(row, 1), h, pair)
			add_hunk(file, json_integer_value(json_array_get(pair, 0)),
				json_integer_value(json_array_get(pair, 1)));
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Files of a box as the API reads and writes them in one JSON text; files_list.c has what is
 * said of them, files_stream.c whole files. */
#include "service/box/box_files.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/boxes-internal.h"
#include "service/box/files-internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- arguments ------------------------------------------------------------------------- */

char *files_path(const char *path, const char *member, struct err *err)
{
	if (str_empty(path)) {
		err_set(err, ERR_INPUT, "`%s` must be the path of a file in the box",
			member);
		return NULL;
	}
	return boxes_path(path, member, err);
}

/* A member of a body or query; "" when it is missing, NULL with err when it is no text. */
static const char *files_text(const json_t *args, const char *member, struct err *err)
{
	const json_t *value = json_object_get(args, member);
	const char *text = json_string_value(value);

	if (value && !json_is_null(value) && !text) {
		err_set(err, ERR_INPUT, "`%s` must be text", member);
		return NULL;
	}
	if (text && strlen(text) != json_string_length(value)) {
		err_set(err, ERR_INPUT, "`%s` must hold no NUL character", member);
		return NULL;
	}
	return text ? text : "";
}

char *files_path_of(const json_t *args, const char *member, struct err *err)
{
	const char *text = files_text(args, member, err);

	return text ? files_path(text, member, err) : NULL;
}

/* ---- read ------------------------------------------------------------------------------ */

struct reader {
	const char *path;
	int64_t offset, length; /* length < 0: to the end */
	struct strbuf bytes;
};

static int too_large(const struct reader *reader, int64_t size, struct err *err)
{
	return err_set(err, ERR_LIMIT,
		"%.150s is too large to read at once (%lld bytes; %lu are allowed): read "
		"parts of it with `offset` and `length`, or download it",
		reader->path, (long long)size, LIMIT_FILE_READ);
}

static int on_read_info(void *arg, const struct file_info *info, struct err *err)
{
	const struct reader *reader = arg;
	int64_t left = info->size - reader->offset;

	if (S_ISDIR(info->mode))
		return err_set(err, ERR_INPUT,
			"%.300s is a folder: list it, or download it as a tar archive",
			reader->path);
	if (reader->length >= 0 && left > reader->length)
		left = reader->length;
	return left > (int64_t)LIMIT_FILE_READ ? too_large(reader, left, err) : 0;
}

/* The size that was told is no promise: files grow, and those of /proc say 0. */
static int on_read_bytes(void *arg, const void *data, size_t len, struct err *err)
{
	struct reader *reader = arg;

	if (reader->bytes.len + len > LIMIT_FILE_READ)
		return too_large(reader, (int64_t)(reader->bytes.len + len), err);
	strbuf_add(&reader->bytes, data, len);
	return 0;
}

/* As it will stand in JSON: a file of control characters is six times as long there. */
static size_t json_size(const struct strbuf *text)
{
	size_t size = text->len;

	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];

		size += c < 0x20 ? 5 : c == '"' || c == '\\';
	}
	return size;
}

static json_t *text_json(const struct reader *reader, struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_HTTP_ANSWER - LIMIT_KIB);

	str_clean_utf8(&clean, strbuf_str(&reader->bytes), reader->bytes.len, true);
	if (strbuf_failed(&clean) || json_size(&clean) > clean.max) {
		err_set(err, ERR_LIMIT,
			"%.150s is no text, and would be longer than %lu bytes as such: "
			"read it with encoding=base64, or download it",
			reader->path, (unsigned long)clean.max);
		return NULL;
	}
	return json_stringn(strbuf_str(&clean), clean.len);
}

static json_t *content_json(const struct reader *reader, bool base64, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(2 * LIMIT_FILE_READ);

	if (!base64)
		return text_json(reader, err);
	str_base64(&text, strbuf_str(&reader->bytes), reader->bytes.len);
	return json_stringn(strbuf_str(&text), text.len);
}

static int read_answer(
	const struct reader *reader, bool base64, json_t **ret, struct err *err)
{
	json_t *content = content_json(reader, base64, err);

	if (!content)
		return -1;
	*ret = json_object();
	json_put(*ret, "content", content);
	return 0;
}

int boxes_file_read(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *path, bool base64, int64_t offset, int64_t length, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};
	CLEANUP(mem) char *full = files_path(path, "path", err);
	/* One byte more tells that it is too much. */
	int64_t most = (int64_t)LIMIT_FILE_READ + 1;

	if (!full)
		return -1;
	if (offset < 0)
		return err_set(err, ERR_INPUT, "`offset` must not be negative");
	if (box_work_begin(boxes, who, box, BOX_WORK_QUIET, "a file was read", &work,
		    cancel, err) < 0)
		return -1;
	struct reader reader = {.path = full,
		.offset = offset,
		.length = length,
		.bytes = STRBUF_INIT(LIMIT_FILE_READ)};
	int rc = box_file_fetch(boxes->options.core, work.row.id, full, offset,
		length < 0 || length > most ? most : length, on_read_info, on_read_bytes,
		&reader, cancel, err);
	if (rc == 0)
		rc = read_answer(&reader, base64, ret, err);
	strbuf_release(&reader.bytes);
	return rc;
}

/* ---- write ----------------------------------------------------------------------------- */

/* The bytes of `content`; into `decoded` when they are written as base64. */
static const char *content_of(
	const json_t *body, struct strbuf *decoded, size_t *ret_len, struct err *err)
{
	const json_t *content = json_object_get(body, "content");
	const char *encoding = files_text(body, "encoding", err);
	const char *text = json_string_value(content);

	if (!encoding)
		return NULL;
	bool base64 = str_eq(encoding, "base64");
	if (!base64 && *encoding && !str_eq_nocase(encoding, "utf-8") &&
		!str_eq_nocase(encoding, "utf8")) {
		err_set(err, ERR_INPUT, "`encoding` must be base64, utf-8 or missing");
		return NULL;
	}
	if (!text) {
		err_set(err, ERR_INPUT, "`content` must be text, base64 for other bytes");
		return NULL;
	}
	*ret_len = json_string_length(content);
	if (base64 && !str_unbase64(decoded, text, *ret_len) && !strbuf_failed(decoded)) {
		err_set(err, ERR_INPUT, "`content` is not base64");
		return NULL;
	}
	if (base64)
		*ret_len = decoded->len;
	if (strbuf_failed(decoded) || *ret_len > LIMIT_FILE_WRITE) {
		err_set(err, ERR_LIMIT,
			"`content` has more than %lu bytes: upload the file instead",
			LIMIT_FILE_WRITE);
		return NULL;
	}
	return base64 ? strbuf_str(decoded) : text;
}

int boxes_file_write(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *body, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf decoded = STRBUF_INIT(LIMIT_FILE_WRITE);
	CLEANUP(box_work) struct box_work work = {0};
	size_t len = 0;

	if (boxes_may_write(who, err) < 0)
		return -1;
	CLEANUP(mem) char *path = files_path_of(body, "path", err);
	if (!path)
		return -1;
	const char *content = content_of(body, &decoded, &len, err);
	if (!content || box_work_begin(boxes, who, box, BOX_WORK_QUIET,
				"a file was written", &work, cancel, err) < 0)
		return -1;
	return box_file_put(
		boxes->options.core, work.row.id, path, 0, content, len, cancel, err);
}

/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/files/...: files of a box. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "service/box/box_files.h"
#include "service/http/box_call.h"
#include "service/http/multipart.h"

#include <string.h>

/* ---- in one piece ------------------------------------------------------------------------ */

static const char *need_query(struct box_call *call, const char *name)
{
	const char *value = request_query(call->request, name);

	if (str_empty(value)) {
		err_set(&call->err, ERR_INPUT, "`%s` is missing: a path", name);
		return NULL;
	}
	return value;
}

static int read_encoding(struct box_call *call, bool *ret_base64)
{
	const char *encoding = request_query(call->request, "encoding");

	*ret_base64 = str_eq(encoding, "base64");
	if (!*ret_base64 && !str_empty(encoding) && !str_eq(encoding, "utf-8") &&
		!str_eq(encoding, "utf8"))
		return err_set(&call->err, ERR_INPUT,
			"`encoding` must be \"base64\", or absent for text");
	return 0;
}

static int read_file(struct box_call *call)
{
	const char *path = need_query(call, "path");
	int64_t offset, length;
	bool base64;

	if (!path || read_encoding(call, &base64) ||
		request_query_int(
			call->request, "offset", 0, INT64_MAX, 0, &offset, &call->err) ||
		request_query_int(
			call->request, "length", 0, INT64_MAX, -1, &length, &call->err))
		return -1;
	return boxes_file_read(call->boxes, call->who, call->box, path, base64, offset,
		length, &call->answer, call->cancel, &call->err);
}

void handle_file_read(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200, read_file(&call));
}

void handle_file_write(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_file_write(call.boxes, call.who, call.box, call.body,
				call.cancel, &call.err));
}

void handle_file_list(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_file_list(call.boxes, call.who, call.box,
				request_query(request, "folder"), &call.answer,
				call.cancel, &call.err));
}

/* The pattern's last word; the arguments are the body's members or the query's. */
static int file_verb(struct box_call *call)
{
	const char *verb = strrchr(request_pattern(call->request), '/') + 1;

	if (json_object_size(call->body) == 0) {
		json_decref(call->body);
		call->body = request_query_json(call->request);
	}
	return boxes_file_verb(call->boxes, call->who, call->box, verb, call->body,
		&call->answer, call->cancel, &call->err);
}

void handle_file_verb(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200, file_verb(&call));
}

/* ---- upload ------------------------------------------------------------------------------ */

/* A form of pairs: the n-th `paths` says where the n-th `files` goes, and comes first.  The
 * files' own names are not trusted. */
struct upload {
	struct box_call *call;
	struct multipart *form;
	char *paths
		[LIMIT_UPLOAD_FILES]; /* those that wait for their file, from `next` on */
	size_t count, next;
};

static void upload_release(struct upload *upload)
{
	multipart_free(upload->form);
	for (size_t i = 0; i < upload->count; i++)
		free(upload->paths[i]);
}
DEFINE_CLEANUP(upload, struct upload, upload_release(value))

static ssize_t from_request(void *arg, void *buf, size_t size, struct err *err)
{
	return request_body_read(arg, buf, size, err);
}

static ssize_t from_part(void *arg, void *buf, size_t size, struct err *err)
{
	return multipart_read(arg, buf, size, err);
}

static int take_path(struct upload *upload)
{
	struct err *err = &upload->call->err;
	char path[LIMIT_PATH + 1];
	size_t len = 0;
	ssize_t n;

	while ((n = multipart_read(upload->form, path + len, sizeof(path) - len, err)) >
		0) {
		len += (size_t)n;
		if (len == sizeof(path))
			return err_set(err, ERR_INPUT,
				"`paths` has a path of more than %d bytes", LIMIT_PATH);
	}
	if (n < 0)
		return -1;
	if (len == 0 || memchr(path, '\0', len))
		return err_set(
			err, ERR_INPUT, "`paths` has a path that is empty or has a NUL");
	if (upload->count == LIMIT_UPLOAD_FILES)
		return err_set(err, ERR_LIMIT, "An upload takes at most %d files",
			LIMIT_UPLOAD_FILES);
	upload->paths[upload->count++] = mem_strndup(path, len);
	return 0;
}

static int take_file(struct upload *upload, const struct multipart_part *part)
{
	struct box_call *call = upload->call;

	if (upload->next == upload->count)
		return err_set(&call->err, ERR_INPUT,
			"The file \"%.100s\" comes before its `paths`: each file needs a "
			"part `paths` in front of it that says where it goes",
			part->filename);
	return boxes_file_upload(call->boxes, call->who, call->box,
		upload->paths[upload->next++], from_part, upload->form, call->cancel,
		&call->err);
}

static int take_part(struct upload *upload, const struct multipart_part *part)
{
	if (part->is_file && str_eq(part->name, "files"))
		return take_file(upload, part);
	if (!part->is_file && str_eq(part->name, "paths"))
		return take_path(upload);
	return 0; /* unknown ones are passed over, as unknown members are */
}

static int take_form(struct upload *upload)
{
	struct err *err = &upload->call->err;
	struct multipart_part part;
	int rc;

	while ((rc = multipart_next(upload->form, &part, err)) > 0)
		if (take_part(upload, &part))
			return -1;
	if (rc < 0)
		return -1;
	if (upload->next == 0)
		return err_set(err, ERR_INPUT,
			"The form has no file: it needs pairs of `paths` and `files`");
	if (upload->next < upload->count)
		return err_set(err, ERR_INPUT, "`paths` has more entries than `files`");
	upload->call->answer = json_object();
	json_put(
		upload->call->answer, "uploaded", json_integer((json_int_t)upload->next));
	return 0;
}

void handle_file_upload(struct request *request)
{
	CLEANUP(upload) struct upload upload = {.count = 0};
	struct box_call call;

	if (box_call_open(&call, request))
		return;
	if (!*request_boundary(request)) {
		err_set(&call.err, ERR_INPUT,
			"An upload must be multipart/form-data with pairs of `paths` and "
			"`files`");
		box_call_end(&call, 200, -1);
		return;
	}
	upload.call = &call;
	upload.form = multipart_new(request_boundary(request), from_request, request);
	box_call_end(&call, 200, take_form(&upload));
}

/* ---- download ---------------------------------------------------------------------------- */

/* Small files are answered in one piece, which keeps the connection; large ones, and those
 * whose size is not known, as they come. */
struct download {
	struct request *request;
	struct strbuf kept;
	int64_t size;
	bool begun, open;
};

static int begin(void *arg, bool tar, int64_t size, struct err *err)
{
	struct download *down = arg;

	(void)err;
	down->begun = true;
	down->size = size;
	if (size >= 0 && size <= (int64_t)LIMIT_DOWNLOAD_KEPT)
		return 0;
	down->open = true;
	reply_pipe_open(down->request,
		tar ? "application/x-tar" : "application/octet-stream", size);
	return 0;
}

static int more(void *arg, const void *data, size_t len, struct err *err)
{
	struct download *down = arg;

	if (down->size >= 0 && (int64_t)len > down->size)
		return err_set(
			err, ERR_CONFLICT, "The file grew while it was being read");
	if (down->size >= 0)
		down->size -= (int64_t)len;
	if (down->open)
		return reply_pipe_write(down->request, data, len, err);
	strbuf_add(&down->kept, data, len);
	return 0;
}

static void end_download(struct download *down, struct box_call *call, int rc)
{
	if (down->open && (rc || down->size > 0)) {
		reply_pipe_cut(down->request);
	} else if (down->open) {
		reply_pipe_close(down->request, NULL, 0);
	} else if (rc == 0 && down->begun && down->size <= 0) {
		reply_text(down->request, 200, "application/octet-stream",
			strbuf_str(&down->kept), down->kept.len);
	} else {
		if (rc == 0)
			err_set(&call->err, ERR_CONFLICT,
				"The file changed while it was being read");
		reply_err(down->request, &call->err);
	}
}

void handle_file_download(struct request *request)
{
	struct download down = {
		.request = request, .kept = STRBUF_INIT(LIMIT_DOWNLOAD_KEPT)};
	struct box_download how = {.begin = begin, .sink = more, .arg = &down};
	struct box_call call;

	if (box_call_open(&call, request))
		return;
	const char *path = request_query(request, "folder");
	if (!path)
		path = request_query(request, "path");
	if (str_empty(path)) {
		err_set(&call.err, ERR_INPUT, "`folder` is missing: the path of a file");
		box_call_end(&call, 200, -1);
		return;
	}
	int rc = boxes_file_download(
		call.boxes, call.who, call.box, path, &how, call.cancel, &call.err);
	end_download(&down, &call, rc);
	strbuf_release(&down.kept);
	box_call_drop(&call);
}

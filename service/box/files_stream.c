/* SPDX-License-Identifier: MIT */
/* Whole files in and out of a box, and folders out of it, in constant memory. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/box_files.h"
#include "service/box/boxes-internal.h"
#include "service/box/files-internal.h"

#include <stdlib.h>
#include <sys/stat.h>

int boxes_file_upload(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *path, box_source source, void *arg, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};

	if (boxes_may_write(who, err) < 0)
		return -1;
	CLEANUP(mem) char *full = files_path(path, "paths", err);
	if (!full || box_work_begin(boxes, who, box, BOX_WORK_QUIET,
			     "a file was uploaded", &work, cancel, err) < 0)
		return -1;
	return box_file_write(
		boxes->options.core, work.row.id, full, 0, source, arg, cancel, err);
}

/* ---- download -------------------------------------------------------------------------- */

struct sending {
	const struct box_download *to;
	const char *path;
	bool folder;
	bool begun;
	bool enough; /* as much as was announced has gone */
	int64_t size, sent;
};

/* A size of 0 is not believed until the file has ended: those of /proc say so too. */
static int begin(struct sending *sending, int64_t size, struct err *err)
{
	if (sending->begun)
		return 0;
	sending->begun = true;
	return sending->to->begin(sending->to->arg, sending->folder, size, err);
}

static int on_info(void *arg, const struct file_info *info, struct err *err)
{
	struct sending *sending = arg;

	sending->folder = S_ISDIR(info->mode);
	sending->size = info->size;
	if (sending->folder || info->size == 0)
		return 0;
	return begin(sending, info->size, err);
}

static int on_bytes(void *arg, const void *data, size_t len, struct err *err)
{
	struct sending *sending = arg;

	if (begin(sending, -1, err) < 0)
		return -1;
	if (sending->size > 0 && (int64_t)len > sending->size - sending->sent)
		len = (size_t)(sending->size - sending->sent);
	if (len > 0 && sending->to->sink(sending->to->arg, data, len, err) < 0)
		return -1;
	sending->sent += (int64_t)len;
	if (sending->size == 0 || sending->sent < sending->size)
		return 0;
	/* It may be growing: more would not fit what was announced. */
	sending->enough = true;
	return err_set(err, ERR_CONFLICT, "as much as was announced has been sent");
}

static int send_file(struct boxes *boxes, const char *id, struct sending *sending,
	struct cancel *cancel, struct err *err)
{
	struct err ended = {0};

	if (box_file_fetch(boxes->options.core, id, sending->path, 0, -1, on_info,
		    on_bytes, sending, cancel, &ended) < 0 &&
		!sending->enough) {
		*err = ended;
		return -1;
	}
	if (sending->folder)
		return 0;
	if (sending->sent < sending->size)
		return err_set(err, ERR_CONFLICT,
			"%.300s became shorter while it was read", sending->path);
	return begin(sending, 0, err);
}

/* ---- a folder -------------------------------------------------------------------------- */

/* tar says 1 when a file changed while it was read: the archive is good. */
static int tar_ended(const struct run_event *event, const struct sending *sending,
	const struct strbuf *said, struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(4 * LIMIT_KIB);

	if (event->exit_code == 0 || event->exit_code == 1)
		return 0;
	str_clean_utf8(&clean, strbuf_str(said), said->len, false);
	return err_set(err, event->exit_code == 127 ? ERR_UNABLE : ERR_CONFLICT,
		"tar of %.150s in the box ended with %d: %.250s", sending->path,
		event->exit_code, strbuf_str(&clean));
}

static int pass_tar(struct run *run, struct sending *sending, struct strbuf *said,
	struct cancel *cancel, struct err *err)
{
	struct run_event event;

	for (;;) {
		if (run_read(run, &event, cancel, err) < 0)
			return -1;
		if (event.kind == RUN_EXIT)
			return tar_ended(&event, sending, said, err);
		if (event.kind == RUN_STDERR) {
			size_t space = said->max - said->len;
			strbuf_add(
				said, event.data, event.len < space ? event.len : space);
			continue;
		}
		if (begin(sending, -1, err) < 0 ||
			sending->to->sink(sending->to->arg, event.data, event.len, err) <
				0)
			return -1;
	}
}

static int send_folder(struct boxes *boxes, const char *id, struct sending *sending,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf said = STRBUF_INIT(LIMIT_KIB);
	CLEANUP(run) struct run *run = NULL;
	const char *argv[] = {"tar", "-c", "-f", "-", "-C", sending->path, ".", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};

	if (run_start(boxes->options.core, id, &spec, &run, cancel, err) < 0)
		return -1;
	return pass_tar(run, sending, &said, cancel, err);
}

int boxes_file_download(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *path, const struct box_download *download,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};
	CLEANUP(mem) char *full = files_path(path, "folder", err);

	if (!full || box_work_begin(boxes, who, box, BOX_WORK_QUIET,
			     "a file was downloaded", &work, cancel, err) < 0)
		return -1;
	struct sending sending = {.to = download, .path = full};
	if (send_file(boxes, work.row.id, &sending, cancel, err) < 0)
		return -1;
	return sending.folder ? send_folder(boxes, work.row.id, &sending, cancel, err)
			      : 0;
}

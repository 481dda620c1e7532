/* SPDX-License-Identifier: MIT */
/*
 * Files of a box.  Paths are absolute, or relative to /workspace/home; nothing is confined
 * but to the box.  Everything happens with the rights of the box's user.
 */
#ifndef SERVICE_BOX_BOX_FILES_H
#define SERVICE_BOX_BOX_FILES_H

#include "service/box/boxes.h"

/* {content}: text with replacement characters, or base64; length < 0: to the end; at most
 * LIMIT_FILE_READ bytes, else ERR_LIMIT which names offset and length as the way out.  A
 * folder, FIFO or device is ERR_INPUT. */
int boxes_file_read(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *path, bool base64, int64_t offset, int64_t length, json_t **ret,
	struct cancel *cancel, struct err *err);
/* {path, content, encoding?}: text, or bytes with encoding "base64"; at most LIMIT_FILE_WRITE
 * bytes.  Parents are made; a file that exists keeps its mode. */
int boxes_file_write(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *body, struct cancel *cancel, struct err *err);
/* {files: [{name, path, size, is_dir, mod_time}]} of one folder, by name; NULL: the home. */
int boxes_file_list(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *folder, json_t **ret, struct cancel *cancel, struct err *err);
/* "stat" {path, follow?} -> a FileEntry with type ("file", "directory", "symlink", "other"),
 * mode, inode and version, a word that changes when the file does; links are not followed
 * unless `follow`.  "mkdir" {path, parents?}, "rename" {from, to}, "remove" {path,
 * recursive?} -> {path}.  `args` is the body or the query: true may be the text "true". */
int boxes_file_verb(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *verb, const json_t *args, json_t **ret, struct cancel *cancel,
	struct err *err);
/* One file of an upload, streamed. */
int boxes_file_upload(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *path, box_source source, void *arg, struct cancel *cancel,
	struct err *err);
/* A file's bytes, or a folder as a tar stream.  begin() is called once with the size (-1:
 * not known) before the first byte; errors before it are the call's. */
struct box_download {
	int (*begin)(void *arg, bool tar, int64_t size, struct err *err);
	box_sink sink;
	void *arg;
};
int boxes_file_download(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *path, const struct box_download *download,
	struct cancel *cancel, struct err *err);

#endif

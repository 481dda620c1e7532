/* SPDX-License-Identifier: MIT */
/* What is said of files and folders of a box, and what changes their names. */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/box_files.h"
#include "service/box/boxes-internal.h"
#include "service/box/files-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- entries --------------------------------------------------------------------------- */

/* Years that RFC 3339 can write; a box's files may say anything. */
#define YEAR_1000_S (-30610224000LL)
#define YEAR_9999_S 253402300799LL

static json_t *time_json(int64_t mtime_s)
{
	char text[CLOCK_ISO_SIZE];

	if (mtime_s < YEAR_1000_S)
		mtime_s = YEAR_1000_S;
	if (mtime_s > YEAR_9999_S)
		mtime_s = YEAR_9999_S;
	return json_str(clock_iso(mtime_s, text, sizeof text));
}

static json_t *entry_json(const struct file_info *info)
{
	json_t *entry = json_object();

	json_put(entry, "name", json_str(info->name));
	json_put(entry, "path", json_str(info->path));
	json_put(entry, "size", json_integer(info->size));
	json_put(entry, "is_dir", json_boolean(S_ISDIR(info->mode)));
	json_put(entry, "mod_time", time_json(info->mtime_s));
	return entry;
}

static const char *type_of(uint32_t mode)
{
	return S_ISREG(mode)   ? "file"
	       : S_ISDIR(mode) ? "directory"
	       : S_ISLNK(mode) ? "symlink"
			       : "other";
}

static json_t *stat_json(const struct file_info *info)
{
	json_t *entry = entry_json(info);
	char text[80];

	json_put(entry, "type", json_str(type_of(info->mode)));
	snprintf(text, sizeof text, "%04o", info->mode & 07777);
	json_put(entry, "mode", json_str(text));
	json_put(entry, "inode", json_integer((json_int_t)(info->inode & INT64_MAX)));
	snprintf(text, sizeof text, "%llx-%llx.%llx-%llx",
		(unsigned long long)info->inode, (unsigned long long)info->mtime_s,
		(unsigned long long)info->mtime_ns, (unsigned long long)info->size);
	json_put(entry, "version", json_str(text));
	return entry;
}

/* ---- list ------------------------------------------------------------------------------ */

int boxes_file_list(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *folder, json_t **ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};
	CLEANUP(mem) char *path = boxes_path(folder, "folder", err);
	struct file_info *infos = NULL;
	size_t count = 0;

	if (!path || box_work_begin(boxes, who, box, BOX_WORK_QUIET,
			     "a folder was listed", &work, cancel, err) < 0)
		return -1;
	if (box_file_list(boxes->options.core, work.row.id, path, &infos, &count, cancel,
		    err) < 0) {
		if (err->kind == ERR_LIMIT)
			err_set(err, ERR_LIMIT,
				"%.250s has too many entries for one answer (%lu bytes "
				"with their paths are allowed): run find or ls in it",
				path, LIMIT_FILE_LIST);
		return -1;
	}
	json_t *files = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(files, entry_json(&infos[i]));
	file_infos_free(infos, count);
	*ret = json_object();
	json_put(*ret, "files", files);
	return 0;
}

/* ---- verbs ----------------------------------------------------------------------------- */

/* What a verb does, once its box is awake: all that can be wrong with its arguments is
 * known by then. */
struct file_verb {
	const char *name;
	const char *first, *second; /* members that are paths */
	bool write;
	int (*run)(struct boxcore *core, const char *box, const char *path,
		const char *other, bool flag, json_t **ret, struct cancel *cancel,
		struct err *err);
	const char *flag;
};

static int run_stat(struct boxcore *core, const char *box, const char *path,
	const char *other, bool follow, json_t **ret, struct cancel *cancel,
	struct err *err)
{
	struct file_info info;

	(void)other;
	int rc = follow ? box_file_stat(core, box, path, &info, cancel, err)
			: box_file_lstat(core, box, path, &info, cancel, err);
	if (rc < 0)
		return -1;
	*ret = stat_json(&info);
	file_info_release(&info);
	return 0;
}

static int run_mkdir(struct boxcore *core, const char *box, const char *path,
	const char *other, bool parents, json_t **ret, struct cancel *cancel,
	struct err *err)
{
	(void)other;
	(void)ret;
	return parents ? box_file_mkdir(core, box, path, cancel, err)
		       : box_file_mkdir_one(core, box, path, cancel, err);
}

static int run_rename(struct boxcore *core, const char *box, const char *path,
	const char *other, bool flag, json_t **ret, struct cancel *cancel,
	struct err *err)
{
	(void)flag;
	(void)ret;
	return box_file_rename(core, box, path, other, cancel, err);
}

static int run_remove(struct boxcore *core, const char *box, const char *path,
	const char *other, bool recursive, json_t **ret, struct cancel *cancel,
	struct err *err)
{
	(void)other;
	(void)ret;
	return box_file_remove(core, box, path, recursive, cancel, err);
}

static const struct file_verb verbs[] = {
	{"stat", "path", NULL, false, run_stat, "follow"},
	{"mkdir", "path", NULL, true, run_mkdir, "parents"},
	{"rename", "from", "to", true, run_rename, ""},
	{"remove", "path", NULL, true, run_remove, "recursive"},
};

/* true, or in a query the word; anything else is false. */
static bool flag_of(const json_t *args, const char *member)
{
	const json_t *value = json_object_get(args, member);
	const char *word = json_string_value(value);

	return json_is_true(value) || str_eq(word, "true") || str_eq(word, "1");
}

static int run_verb(struct boxes *boxes, const struct box_caller *who, const char *box,
	const struct file_verb *verb, const json_t *args, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};

	if (verb->write && boxes_may_write(who, err) < 0)
		return -1;
	CLEANUP(mem) char *path = files_path_of(args, verb->first, err);
	CLEANUP(mem)
	char *other =
		path && verb->second ? files_path_of(args, verb->second, err) : NULL;
	if (!path || (verb->second && !other))
		return -1;
	if (verb->write && (str_eq(path, "/") || str_eq(other, "/")))
		return err_set(err, ERR_INPUT, "the root folder is left as it is");
	if (box_work_begin(boxes, who, box, BOX_WORK_QUIET, "a file was changed", &work,
		    cancel, err) < 0 ||
		verb->run(boxes->options.core, work.row.id, path, other,
			flag_of(args, verb->flag), ret, cancel, err) < 0)
		return -1;
	if (!*ret) {
		*ret = json_object();
		json_put(*ret, "path", json_str(other ? other : path));
	}
	return 0;
}

int boxes_file_verb(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *verb, const json_t *args, json_t **ret, struct cancel *cancel,
	struct err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (str_eq(verbs[i].name, verb))
			return run_verb(
				boxes, who, box, &verbs[i], args, ret, cancel, err);
	}
	return err_set(err, ERR_NOT_FOUND, "files have no verb %.40s", verb);
}

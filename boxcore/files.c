/* SPDX-License-Identifier: MIT */
/*
 * Files of a box: runs of `boxinit file ...` as the box's user (boxcore/init/file.c is
 * their other half).  What they print is a box's word and is parsed as such.
 */
#include "boxcore/run-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/link/proto.h"

#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define ERROR_TEXT (4 * LIMIT_KIB)
#define RECORD_FIELDS 6
#define RECORD_MAX (4 * LIMIT_PATH)

static int check_path(const char *path, struct err *err)
{
	if (!path || path[0] != '/')
		return err_set(err, ERR_INPUT, "a path in a box must be absolute: %.200s",
			path ? path : "");
	if (strlen(path) >= LIMIT_PATH)
		return err_set(err, ERR_INPUT, "a path in a box is longer than %d bytes",
			LIMIT_PATH - 1);
	return 0;
}

static int begin(struct boxcore *core, const char *box, const char *const *argv,
	bool stdin_open, struct run **ret_run, struct cancel *cancel, struct err *err)
{
	struct run_spec spec = {.argv = argv, .cwd = "/", .stdin_open = stdin_open};

	return run_begin(core, box, &spec, true, ret_run, cancel, err);
}

/* ---- outcome --------------------------------------------------------------------------- */

static enum err_kind kind_of_exit(int code)
{
	switch (code - PROTO_FILE_EXIT) {
	case PROTO_FAIL_INPUT: return ERR_INPUT;
	case PROTO_FAIL_DENIED: return ERR_DENIED;
	case PROTO_FAIL_NOT_FOUND: return ERR_NOT_FOUND;
	case PROTO_FAIL_CONFLICT: return ERR_CONFLICT;
	case PROTO_FAIL_LIMIT: return ERR_LIMIT;
	case PROTO_FAIL_TRANSIENT: return ERR_TRANSIENT;
	default: return ERR_INTERNAL;
	}
}

/* 0 for exit code 0, else what the verb printed on stderr. */
static int outcome(const char *verb, int code, const struct strbuf *text, struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(ERROR_TEXT * 4);

	if (code == 0)
		return 0;
	str_clean_utf8(&clean, strbuf_str(text), text->len, false);
	while (clean.len > 0 && clean.data[clean.len - 1] == '\n')
		clean.data[--clean.len] = '\0';
	return err_set(err, kind_of_exit(code), "%s in the box: %.380s", verb,
		clean.len > 0 ? clean.data : "it was killed");
}

struct reading {
	box_sink sink; /* NULL: output is dropped */
	void *arg;
	struct strbuf text; /* of stderr */
};

/* Reads to the exit; the verb's failure is ours. */
static int finish(struct run *run, const char *verb, struct reading *reading,
	struct cancel *cancel, struct err *err)
{
	struct run_event event;

	for (;;) {
		if (run_read(run, &event, cancel, err) < 0)
			return -1;
		if (event.kind == RUN_EXIT)
			return outcome(verb, event.exit_code, &reading->text, err);
		size_t space = reading->text.max - reading->text.len;
		if (event.kind == RUN_STDERR)
			strbuf_add(&reading->text, event.data,
				event.len < space ? event.len : space);
		else if (reading->sink &&
			 reading->sink(reading->arg, event.data, event.len, err) < 0)
			return -1;
	}
}

static int perform(struct boxcore *core, const char *box, const char *const *argv,
	box_sink sink, void *arg, struct cancel *cancel, struct err *err)
{
	CLEANUP(run) struct run *run = NULL;
	struct reading reading = {
		.sink = sink, .arg = arg, .text = STRBUF_INIT(ERROR_TEXT)};

	if (begin(core, box, argv, false, &run, cancel, err) < 0)
		return -1;
	int rc = finish(run, argv[2], &reading, cancel, err);
	strbuf_release(&reading.text);
	return rc;
}

/* ---- bytes ----------------------------------------------------------------------------- */

static int read_by(struct boxcore *core, const char *box, const char *verb,
	const char *path, int64_t offset, int64_t length, box_sink sink, void *arg,
	struct cancel *cancel, struct err *err)
{
	char from[24], most[24];

	if (check_path(path, err) < 0)
		return -1;
	if (offset < 0)
		return err_set(
			err, ERR_INPUT, "an offset in a file must not be negative");
	snprintf(from, sizeof from, "%lld", (long long)offset);
	snprintf(most, sizeof most, "%lld", length < 0 ? -1LL : (long long)length);
	const char *argv[] = {PROTO_INIT_PATH, "file", verb, path, from, most, NULL};
	return perform(core, box, argv, sink, arg, cancel, err);
}

int box_file_read(struct boxcore *core, const char *box, const char *path, int64_t offset,
	int64_t length, box_sink sink, void *arg, struct cancel *cancel, struct err *err)
{
	return read_by(core, box, "read", path, offset, length, sink, arg, cancel, err);
}

/* The end of stdin would be the end of the file: half a file is taken back by a signal. */
static void take_back(
	struct boxcore *core, const char *box, struct run *run, struct cancel *cancel)
{
	struct run_event event = {.kind = RUN_STDOUT};
	struct err ignored = {0};

	if (run_signal(core, box, run_id(run), SIGTERM, cancel, &ignored) < 0)
		return;
	while (event.kind != RUN_EXIT && run_read(run, &event, cancel, &ignored) == 0)
		;
}

/* 0 at the end of the source; 1 when the box has ended the run meanwhile. */
static int send_source(struct boxcore *core, const char *box, struct run *run,
	box_source source, void *arg, struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *buf = mem_alloc(LIMIT_FRAME);

	for (;;) {
		ssize_t n = source(arg, buf, LIMIT_FRAME, err);
		struct err gone = {0};

		if (n < 0) {
			take_back(core, box, run, cancel);
			return -1;
		}
		if (n == 0)
			return run_close_stdin(run, cancel, err);
		if (run_write(run, buf, (size_t)n, cancel, &gone) == 0)
			continue;
		if (gone.kind == ERR_CONFLICT)
			return 1; /* its exit says why */
		*err = gone;
		return -1;
	}
}

int box_file_write(struct boxcore *core, const char *box, const char *path, uint32_t mode,
	box_source source, void *arg, struct cancel *cancel, struct err *err)
{
	CLEANUP(run) struct run *run = NULL;
	struct reading reading = {.text = STRBUF_INIT(ERROR_TEXT)};
	char octal[16];

	if (check_path(path, err) < 0)
		return -1;
	snprintf(octal, sizeof octal, "%o", mode & 07777);
	const char *argv[] = {PROTO_INIT_PATH, "file", "write", path, octal, NULL};
	if (begin(core, box, argv, true, &run, cancel, err) < 0 ||
		send_source(core, box, run, source, arg, cancel, err) < 0)
		return -1;
	int rc = finish(run, "write", &reading, cancel, err);
	strbuf_release(&reading.text);
	return rc;
}

struct memory {
	const char *data;
	size_t left;
};

static ssize_t read_memory(void *arg, void *buf, size_t size, struct err *err)
{
	struct memory *memory = arg;
	size_t n = memory->left < size ? memory->left : size;

	(void)err;
	if (n > 0)
		memcpy(buf, memory->data, n);
	memory->data += n;
	memory->left -= n;
	return (ssize_t)n;
}

int box_file_put(struct boxcore *core, const char *box, const char *path, uint32_t mode,
	const void *data, size_t len, struct cancel *cancel, struct err *err)
{
	struct memory memory = {.data = data, .left = len};

	return box_file_write(core, box, path, mode, read_memory, &memory, cancel, err);
}

/* ---- records --------------------------------------------------------------------------- */

static int gather(void *arg, const void *data, size_t len, struct err *err)
{
	struct strbuf *sb = arg;

	strbuf_add(sb, data, len);
	return strbuf_check(sb, "the list of a folder", err);
}

/* The next field of the text, which ends with NUL. */
static const char *field(const char **at, const char *end)
{
	const char *start = *at;
	const char *nul = start < end ? memchr(start, '\0', (size_t)(end - start)) : NULL;

	*at = nul ? nul + 1 : end;
	return nul ? start : NULL;
}

static int malformed(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "the box sent a malformed file record");
}

static bool parse_record(const char **at, const char *end, struct file_info *ret_info)
{
	const char *mode = field(at, end);
	const char *size = field(at, end);
	const char *seconds = field(at, end);
	const char *nanoseconds = field(at, end);
	const char *inode = field(at, end);
	const char *path = field(at, end);
	char *stop;
	struct file_info info = {0};

	if (!path || path[0] != '/' || strlen(path) >= 2 * LIMIT_PATH ||
		!str_to_i64(size, 0, INT64_MAX, &info.size) ||
		!str_to_i64(seconds, INT64_MIN, INT64_MAX, &info.mtime_s) ||
		!str_to_i64(nanoseconds, 0, 999999999, &info.mtime_ns) ||
		!str_to_u64(inode, 0, UINT64_MAX, &info.inode))
		return false;
	info.mode = (uint32_t)strtoul(mode, &stop, 8);
	if (*stop || stop == mode)
		return false;
	const char *slash = strrchr(path, '/');
	info.path = mem_strdup(path);
	info.name = mem_strdup(slash[1] ? slash + 1 : "/");
	*ret_info = info;
	return true;
}

void file_info_release(struct file_info *info)
{
	free(info->path);
	free(info->name);
	*info = (struct file_info){0};
}

void file_infos_free(struct file_info *infos, size_t count)
{
	for (size_t i = 0; i < count; i++)
		file_info_release(&infos[i]);
	free(infos);
}

static int stat_by(struct boxcore *core, const char *box, const char *verb,
	const char *path, struct file_info *ret_info, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(RECORD_MAX);
	const char *argv[] = {PROTO_INIT_PATH, "file", verb, path, NULL};

	if (check_path(path, err) < 0 ||
		perform(core, box, argv, gather, &text, cancel, err) < 0)
		return -1;
	const char *at = strbuf_str(&text);
	if (!parse_record(&at, at + text.len, ret_info))
		return malformed(err);
	return 0;
}

int box_file_stat(struct boxcore *core, const char *box, const char *path,
	struct file_info *ret_info, struct cancel *cancel, struct err *err)
{
	return stat_by(core, box, "stat", path, ret_info, cancel, err);
}

int box_file_lstat(struct boxcore *core, const char *box, const char *path,
	struct file_info *ret_info, struct cancel *cancel, struct err *err)
{
	return stat_by(core, box, "lstat", path, ret_info, cancel, err);
}

/* A record, and behind it the bytes of the file. */
struct fetch {
	struct strbuf record;
	bool told;
	box_on_info on_info;
	box_sink sink;
	void *arg;
};

/* Where the bytes begin: behind the record's last NUL; 0 while that has not come. */
static size_t record_length(const char *data, size_t len)
{
	int fields = 0;

	for (size_t i = 0; i < len; i++)
		if (data[i] == '\0' && ++fields == RECORD_FIELDS)
			return i + 1;
	return 0;
}

static int take_fetch(void *arg, const void *data, size_t len, struct err *err)
{
	struct fetch *fetch = arg;
	struct file_info info;

	if (fetch->told)
		return fetch->sink(fetch->arg, data, len, err);
	if (fetch->record.len > RECORD_MAX)
		return malformed(err);
	strbuf_add(&fetch->record, data, len);
	const char *at = strbuf_str(&fetch->record);
	size_t n = record_length(at, fetch->record.len);
	if (n == 0)
		return strbuf_check(&fetch->record, "a file record", err);
	if (!parse_record(&at, at + n, &info))
		return malformed(err);
	fetch->told = true;
	int rc = fetch->on_info(fetch->arg, &info, err);
	file_info_release(&info);
	if (rc < 0 || fetch->record.len == n)
		return rc;
	return fetch->sink(
		fetch->arg, fetch->record.data + n, fetch->record.len - n, err);
}

int box_file_fetch(struct boxcore *core, const char *box, const char *path,
	int64_t offset, int64_t length, box_on_info on_info, box_sink sink, void *arg,
	struct cancel *cancel, struct err *err)
{
	struct fetch fetch = {.record = STRBUF_INIT(RECORD_MAX + LIMIT_FRAME),
		.on_info = on_info,
		.sink = sink,
		.arg = arg};

	int rc = read_by(core, box, "fetch", path, offset, length, take_fetch, &fetch,
		cancel, err);
	strbuf_release(&fetch.record);
	if (rc == 0 && !fetch.told)
		return malformed(err);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct file_info *left = a, *right = b;

	return strcmp(left->name, right->name);
}

int box_file_list(struct boxcore *core, const char *box, const char *path,
	struct file_info **ret_infos, size_t *ret_count, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_FILE_LIST);
	const char *argv[] = {PROTO_INIT_PATH, "file", "list", path, NULL};
	struct file_info *infos = NULL;
	size_t count = 0, cap = 0;

	if (check_path(path, err) < 0 ||
		perform(core, box, argv, gather, &text, cancel, err) < 0)
		return -1;
	const char *at = strbuf_str(&text), *end = at + text.len;
	while (at < end) {
		if (count == cap) {
			cap = cap ? cap * 2 : 32;
			infos = mem_grow(infos, cap, sizeof *infos);
		}
		if (!parse_record(&at, end, &infos[count])) {
			file_infos_free(infos, count);
			return malformed(err);
		}
		count++;
	}
	if (count > 0)
		qsort(infos, count, sizeof *infos, by_name);
	*ret_infos = infos;
	*ret_count = count;
	return 0;
}

/* ---- names ----------------------------------------------------------------------------- */

int box_file_mkdir(struct boxcore *core, const char *box, const char *path,
	struct cancel *cancel, struct err *err)
{
	const char *argv[] = {PROTO_INIT_PATH, "file", "mkdir", path, NULL};

	if (check_path(path, err) < 0)
		return -1;
	return perform(core, box, argv, NULL, NULL, cancel, err);
}

int box_file_mkdir_one(struct boxcore *core, const char *box, const char *path,
	struct cancel *cancel, struct err *err)
{
	const char *argv[] = {PROTO_INIT_PATH, "file", "mkdir", path, "one", NULL};

	if (check_path(path, err) < 0)
		return -1;
	return perform(core, box, argv, NULL, NULL, cancel, err);
}

int box_file_rename(struct boxcore *core, const char *box, const char *from,
	const char *to, struct cancel *cancel, struct err *err)
{
	const char *argv[] = {PROTO_INIT_PATH, "file", "rename", from, to, NULL};

	if (check_path(from, err) < 0 || check_path(to, err) < 0)
		return -1;
	return perform(core, box, argv, NULL, NULL, cancel, err);
}

int box_file_remove(struct boxcore *core, const char *box, const char *path,
	bool recursive, struct cancel *cancel, struct err *err)
{
	const char *argv[] = {PROTO_INIT_PATH, "file", "remove", path,
		recursive ? "recursive" : NULL, NULL};

	if (check_path(path, err) < 0)
		return -1;
	return perform(core, box, argv, NULL, NULL, cancel, err);
}

/* SPDX-License-Identifier: MIT */
/* boxwright box files ...: ls, cat, stat, put, get, mkdir, mv, rm. */
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/box_cmd.h"
#include "service/cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct files {
	const char *verb, *box;
	struct words words; /* VERB BOX PATH... */
	bool recursive, json;
};

/* ---- looking --------------------------------------------------------------------------- */

static json_t *get(const struct files *f, const char *tail, const char *name,
	const char *value, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(2 * LIMIT_PATH);
	CLEANUP(mem) char *start = box_path(f->box, tail);

	strbuf_adds(&path, start);
	if (value)
		cli_query_add(&path, name, value);
	return cli_ask("GET", strbuf_str(&path), NULL, err);
}

static int files_ls(const struct files *f)
{
	const char *folder = f->words.count > 2 ? f->words.items[2] : NULL;
	struct err err = {0};
	CLEANUP(json) json_t *answer = get(f, "/files/list", "folder", folder, &err);
	size_t i;
	json_t *entry;

	if (!answer)
		return cli_fail(&err);
	if (f->json)
		return cli_print_json(answer);
	json_array_foreach (json_object_get(answer, "files"), i, entry)
		printf("%12lld %-25s %s%s\n", (long long)json_or_int(entry, "size", 0),
			json_or_string(entry, "mod_time", ""),
			terminal_line(entry, "name", "?"),
			json_or_bool(entry, "is_dir", false) ? "/" : "");
	return CLI_OK;
}

static int files_stat(const struct files *f)
{
	struct err err = {0};
	CLEANUP(json)
	json_t *answer = get(f, "/files/stat", "path", f->words.items[2], &err);

	return answer ? cli_print_json(answer) : cli_fail(&err);
}

/* ---- out of the box -------------------------------------------------------------------- */

static int to_file(void *arg, const void *data, size_t len, struct err *err)
{
	FILE *out = arg;

	if (fwrite(data, 1, len, out) != len)
		return err_errno(err, errno, "write");
	return 0;
}

static int fetch(const struct files *f, FILE *out)
{
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(2 * LIMIT_PATH);
	CLEANUP(mem) char *start = box_path(f->box, "/files/download");
	struct err err = {0};
	CLEANUP(api) struct api *api = api_open(&err);

	strbuf_adds(&path, start);
	cli_query_add(&path, "folder", f->words.items[2]);
	struct api_raw call = {
		.method = "GET", .path = strbuf_str(&path), .sink = to_file, .arg = out};
	if (!api || api_raw(api, &call, &err) < 0)
		return cli_fail(&err);
	if (fflush(out) != 0) {
		err_errno(&err, errno, "write");
		return cli_fail(&err);
	}
	return CLI_OK;
}

/* Whole or not at all: it gets its name when everything is there. */
static int files_get(const struct files *f)
{
	const char *to = f->words.count > 3 ? f->words.items[3] : "-";
	struct err err = {0};

	if (str_eq(to, "-"))
		return fetch(f, stdout);
	CLEANUP(mem) char *part = mem_printf("%s.part", to);
	CLEANUP(file) FILE *out = fopen(part, "wbe");
	if (!out) {
		err_errno(&err, errno, "open %s", part);
		return cli_fail(&err);
	}
	int rc = fetch(f, out);
	if (rc == CLI_OK && rename(part, to) < 0) {
		err_errno(&err, errno, "rename %s to %s", part, to);
		rc = cli_fail(&err);
	}
	if (rc != CLI_OK)
		unlink(part);
	return rc;
}

/* ---- into the box ---------------------------------------------------------------------- */

/* One multipart body out of three pieces: head, file, tail. */
struct upload {
	const char *head, *tail;
	size_t head_left, tail_left;
	FILE *in;
};

static ssize_t upload_source(void *arg, void *buf, size_t size, struct err *err)
{
	struct upload *u = arg;
	size_t n;

	if (u->head_left > 0) {
		n = u->head_left < size ? u->head_left : size;
		memcpy(buf, u->head, n);
		u->head += n;
		u->head_left -= n;
		return (ssize_t)n;
	}
	n = fread(buf, 1, size, u->in);
	if (n > 0)
		return (ssize_t)n;
	if (ferror(u->in))
		return err_errno(err, errno, "read");
	n = u->tail_left < size ? u->tail_left : size;
	memcpy(buf, u->tail, n);
	u->tail += n;
	u->tail_left -= n;
	return (ssize_t)n;
}

static int files_put(const struct files *f)
{
	struct err err = {0};
	struct stat st;
	char boundary[33];

	if (f->words.count < 4)
		return cli_usage("box files put BOX LOCAL PATH");
	const char *local = f->words.items[2], *to = f->words.items[3];
	CLEANUP(file) FILE *in = fopen(local, "rbe");
	if (!in || fstat(fileno(in), &st) < 0) {
		err_errno(&err, errno, "open %s", local);
		return cli_fail(&err);
	}
	if (!S_ISREG(st.st_mode))
		return cli_usage("%s is no regular file", local);
	crypto_random_hex(boundary, 16);
	CLEANUP(mem)
	char *head = mem_printf("--%s\r\nContent-Disposition: form-data; "
				"name=\"paths\"\r\n\r\n%s\r\n--%s\r\n"
				"Content-Disposition: form-data; name=\"files\"; "
				"filename=\"file\"\r\n"
				"Content-Type: application/octet-stream\r\n\r\n",
		boundary, to, boundary);
	CLEANUP(mem) char *tail = mem_printf("\r\n--%s--\r\n", boundary);
	CLEANUP(mem)
	char *type = mem_printf("multipart/form-data; boundary=%s", boundary);
	CLEANUP(mem) char *path = box_path(f->box, "/files/upload");
	CLEANUP(api) struct api *api = api_open(&err);
	struct upload upload = {.head = head,
		.tail = tail,
		.head_left = strlen(head),
		.tail_left = strlen(tail),
		.in = in};
	struct api_raw call = {.method = "POST",
		.path = path,
		.content_type = type,
		.source = upload_source,
		.source_len = (int64_t)(strlen(head) + strlen(tail)) + st.st_size,
		.arg = &upload};
	if (!api || api_raw(api, &call, &err) < 0)
		return cli_fail(&err);
	printf("%s %lld bytes\n", to, (long long)st.st_size);
	return CLI_OK;
}

/* ---- the rest -------------------------------------------------------------------------- */

static int files_change(const struct files *f)
{
	json_t *body = json_object();
	bool move = str_eq(f->verb, "mv");
	const char *tail =
		move ? "/files/rename"
		     : (str_eq(f->verb, "rm") ? "/files/remove" : "/files/mkdir");

	if (move && f->words.count < 4) {
		json_decref(body);
		return cli_usage("box files mv BOX FROM TO");
	}
	json_put(body, move ? "from" : "path", json_str(f->words.items[2]));
	if (move)
		json_put(body, "to", json_str(f->words.items[3]));
	if (f->recursive)
		json_put(body, "recursive", json_true());
	CLEANUP(mem) char *path = box_path(f->box, tail);
	return box_call("POST", path, body, f->json, NULL, NULL);
}

int box_files_cmd(int argc, char **argv)
{
	struct files f = {0};
	const struct option_def defs[] = {{"recursive", OPTION_FLAG, &f.recursive},
		{"json", OPTION_FLAG, &f.json}, {NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &f.words);

	if (rc != 0)
		return rc;
	if (f.words.count < 2)
		return cli_usage("box files needs a verb and a box");
	f.verb = f.words.items[0];
	f.box = f.words.items[1];
	if (str_eq(f.verb, "ls"))
		return files_ls(&f);
	if (f.words.count < 3)
		return cli_usage("box files %s needs a path", f.verb);
	if (str_eq(f.verb, "cat"))
		return fetch(&f, stdout);
	if (str_eq(f.verb, "stat"))
		return files_stat(&f);
	if (str_eq(f.verb, "put"))
		return files_put(&f);
	if (str_eq(f.verb, "get"))
		return files_get(&f);
	if (str_eq(f.verb, "mkdir") || str_eq(f.verb, "mv") || str_eq(f.verb, "rm"))
		return files_change(&f);
	return cli_usage("unknown command \"box files %s\"", f.verb);
}

/* SPDX-License-Identifier: MIT */
/* Files by the API's verbs, in a real boxinit. */
#include "tests/unit/service/box/fake_work.h"

#include "boxcore/base/thread.h"
#include "service/box/box_files.h"

#include <fcntl.h>
#include <utime.h>

static json_t *answer;

static const char *content(void)
{
	return json_or_string(answer, "content", "(none)");
}

static int read_file(const char *path, bool base64, int64_t offset, int64_t length)
{
	json_decref(TAKE(answer));
	return boxes_file_read(
		&boxes, &full, "test", path, base64, offset, length, &answer, NULL, E);
}

static int write_file(const char *path, json_t *text, const char *encoding)
{
	CLEANUP(json) json_t *body = json_object();

	json_put(body, "path", json_str(path));
	json_put(body, "content", text);
	if (encoding)
		json_put(body, "encoding", json_str(encoding));
	return boxes_file_write(&boxes, &full, "test", body, NULL, E);
}

static int verb(const char *name, const char *args)
{
	CLEANUP(json) json_t *parsed = json_parse(args, strlen(args), E);

	assert_non_null(parsed);
	json_decref(TAKE(answer));
	return boxes_file_verb(&boxes, &full, "test", name, parsed, &answer, NULL, E);
}

static void make(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchown(fd, 1000, 1000), 0);
	close(fd);
}

/* ---- text and bytes -------------------------------------------------------------------- */

static void test_text(void **state)
{
	(void)state;
	OK(write_file(in_folder("a/b/t.txt"), json_str("h\xc3\xa9llo\n"), NULL));
	OK(read_file(in_folder("a/b/t.txt"), false, 0, -1));
	assert_string_equal(content(), "h\xc3\xa9llo\n");
	OK(read_file(in_folder("a/b/t.txt"), true, 0, -1));
	assert_string_equal(content(), "aMOpbGxvCg==");
	OK(write_file(in_folder("bytes"), json_str("AP+AYQ=="), "base64"));
	OK(read_file(in_folder("bytes"), true, 0, -1));
	assert_string_equal(content(), "AP+AYQ==");
	OK(read_file(in_folder("bytes"), false, 0, -1));
	assert_int_equal(json_string_length(json_object_get(answer, "content")), 8);
	assert_memory_equal(content(),
		"\0\xef\xbf\xbd\xef\xbf\xbd"
		"a",
		8);
	OK(write_file(in_folder("nul"), json_stringn("a\0b", 3), NULL));
	OK(read_file(in_folder("nul"), true, 0, -1));
	assert_string_equal(content(), "YQBi");
	OK(write_file(in_folder("empty"), json_str(""), NULL));
	OK(read_file(in_folder("empty"), false, 0, -1));
	assert_string_equal(content(), "");
}

static void test_ranges(void **state)
{
	(void)state;
	make(in_folder("range"), "0123456789", 10);
	OK(read_file(in_folder("range"), false, 3, 4));
	assert_string_equal(content(), "3456");
	OK(read_file(in_folder("range"), false, 8, 100));
	assert_string_equal(content(), "89");
	OK(read_file(in_folder("range"), false, 4, -1));
	assert_string_equal(content(), "456789");
	OK(read_file(in_folder("range"), false, 0, 0));
	assert_string_equal(content(), "");
	OK(read_file(in_folder("range"), false, 50, -1));
	assert_string_equal(content(), "");
	FAILS(ERR_INPUT, "`offset`", read_file(in_folder("range"), false, -1, 1));
}

/* A file larger than may be read at once; its parts may. */
static void test_large(void **state)
{
	int fd = open(in_folder("large"), O_RDWR | O_CREAT, 0644);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)LIMIT_FILE_READ + 1), 0);
	FAILS(ERR_LIMIT, "`offset` and `length`",
		read_file(in_folder("large"), true, 0, -1));
	OK(read_file(in_folder("large"), true, 1, -1));
	assert_int_equal(strlen(content()), (LIMIT_FILE_READ + 2) / 3 * 4);
	OK(read_file(in_folder("large"), false, (int64_t)LIMIT_FILE_READ, 1000));
	assert_int_equal(json_string_length(json_object_get(answer, "content")), 1);
	FAILS(ERR_LIMIT, "encoding=base64",
		read_file(in_folder("large"), false, 1, -1)); /* NULs are \u0000 */
	close(fd);
	unlink(in_folder("large"));
}

static void test_what_cannot_be_read(void **state)
{
	(void)state;
	FAILS(ERR_NOT_FOUND, "/none", read_file(in_folder("none"), false, 0, -1));
	FAILS(ERR_INPUT, "is a folder", read_file(folder, false, 0, -1));
	FAILS(ERR_DENIED, "/etc/shadow", read_file("/etc/shadow", false, 0, -1));
	FAILS(ERR_INPUT, "`path`", read_file("", false, 0, -1));
	FAILS(ERR_INPUT, "`path`", read_file(NULL, false, 0, -1));
	assert_int_equal(mkfifo(in_folder("fifo"), 0666), 0);
	FAILS(ERR_INPUT, "/fifo", read_file(in_folder("fifo"), false, 0, -1));
	FAILS(ERR_INPUT, "/dev/zero", read_file("/dev/zero", false, 0, -1));
	OK(read_file("/proc/self/status", false, 0, -1)); /* whose size is 0 */
	assert_non_null(strstr(content(), "Name:"));
	assert_int_equal(symlink("/etc/shadow", in_folder("sly")), 0);
	FAILS(ERR_DENIED, "/sly", read_file(in_folder("sly"), false, 0, -1));
}

static void test_what_cannot_be_written(void **state)
{
	CLEANUP(json) json_t *body = json_pack("{s:s}", "path", "/tmp/x");

	(void)state;
	FAILS(ERR_INPUT, "`content`",
		boxes_file_write(&boxes, &full, "test", body, NULL, E));
	FAILS(ERR_INPUT, "base64", write_file(in_folder("w"), json_str("***"), "base64"));
	FAILS(ERR_INPUT, "`encoding`", write_file(in_folder("w"), json_str(""), "hex"));
	FAILS(ERR_INPUT, "`content`", write_file(in_folder("w"), json_integer(1), NULL));
	FAILS(ERR_INPUT, "`path`", write_file("", json_str(""), NULL));
	FAILS(ERR_DENIED, "/etc/bw-x", write_file("/etc/bw-x", json_str(""), NULL));
	FAILS(ERR_CONFLICT, "EISDIR", write_file(folder, json_str(""), NULL));
	assert_int_equal(mkfifo(in_folder("pipe"), 0666), 0);
	FAILS(ERR_INPUT, "/pipe", write_file(in_folder("pipe"), json_str(""), NULL));
	FAILS(ERR_DENIED, "", boxes_file_write(&boxes, &looker, "test", body, NULL, E));
	json_put(body, "path", json_stringn("/tmp/a\0b", 8));
	json_put(body, "content", json_str(""));
	FAILS(ERR_INPUT, "NUL", boxes_file_write(&boxes, &full, "test", body, NULL, E));
	char *long_text = mem_alloc(LIMIT_FILE_WRITE + 1);
	memset(long_text, 'x', LIMIT_FILE_WRITE + 1);
	FAILS(ERR_LIMIT, "upload",
		write_file(in_folder("w"), json_stringn(long_text, LIMIT_FILE_WRITE + 1),
			NULL));
	free(long_text);
	assert_int_equal(access(in_folder("w"), F_OK), -1);
}

/* ---- lists ----------------------------------------------------------------------------- */

static int list(const char *path)
{
	json_decref(TAKE(answer));
	return boxes_file_list(&boxes, &full, "test", path, &answer, NULL, E);
}

static const json_t *entry(size_t i)
{
	return json_array_get(json_object_get(answer, "files"), i);
}

static void test_list(void **state)
{
	struct utimbuf times = {1000000000, 1000000000};

	(void)state;
	assert_int_equal(mkdir(in_folder("l"), 0755), 0);
	assert_int_equal(mkdir(in_folder("l/sub"), 0755), 0);
	make(in_folder("l/new\nline"), "123", 3);
	make(in_folder("l/\xff\xfe"), "", 0);
	assert_int_equal(symlink("sub", in_folder("l/to-sub")), 0);
	assert_int_equal(symlink("/nowhere", in_folder("l/to-nothing")), 0);
	assert_int_equal(utime(in_folder("l/new\nline"), &times), 0);
	OK(list(in_folder("l")));
	assert_int_equal(json_array_size(json_object_get(answer, "files")), 5);
	assert_string_equal(json_or_string(entry(0), "name", ""), "new\nline");
	assert_string_equal(
		json_or_string(entry(0), "path", ""), in_folder("l/new\nline"));
	assert_int_equal(json_or_int(entry(0), "size", -1), 3);
	assert_string_equal(
		json_or_string(entry(0), "mod_time", ""), "2001-09-09T01:46:40Z");
	assert_true(json_is_false(json_object_get(entry(0), "is_dir")));
	assert_string_equal(json_or_string(entry(1), "name", ""), "sub");
	assert_true(json_is_true(json_object_get(entry(1), "is_dir")));
	assert_true(json_is_false(json_object_get(entry(2), "is_dir")));
	assert_true(json_is_true(json_object_get(entry(3), "is_dir"))); /* to-sub */
	assert_string_equal(
		json_or_string(entry(4), "name", ""), "\xef\xbf\xbd\xef\xbf\xbd");
	FAILS(ERR_NOT_FOUND, "/none", list(in_folder("none")));
	assert_int_equal(chmod(in_folder("l/sub"), 0), 0);
	FAILS(ERR_DENIED, "/l/sub", list(in_folder("l/sub")));
}

static void test_many_entries(void **state)
{
	char name[200];

	(void)state;
	assert_int_equal(mkdir(in_folder("many"), 0755), 0);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "%s/many/%06d", folder, i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	int64_t began = clock_mono_ms();
	OK(list(in_folder("many")));
	printf("100000 entries: %lld ms\n", (long long)(clock_mono_ms() - began));
	assert_int_equal(json_array_size(json_object_get(answer, "files")), 100000);
	assert_string_equal(json_or_string(entry(99999), "name", ""), "099999");
	/* Names so long that their list is too. */
	char *longer = mem_printf("%s/%0150d", folder, 0);
	assert_int_equal(rename(in_folder("many"), longer), 0);
	FAILS(ERR_LIMIT, "too many entries", list(longer));
	free(longer);
}

/* ---- verbs ----------------------------------------------------------------------------- */

static char *args(const char *member, const char *path, const char *more)
{
	static char text[2 * LIMIT_PATH];

	snprintf(text, sizeof text, "{\"%s\": \"%s\"%s}", member, path, more);
	return text;
}

static void test_stat(void **state)
{
	(void)state;
	make(in_folder("st"), "12345", 5);
	assert_int_equal(chmod(in_folder("st"), 0640), 0);
	assert_int_equal(symlink("st", in_folder("st-link")), 0);
	OK(verb("stat", args("path", in_folder("st"), "")));
	assert_string_equal(json_or_string(answer, "type", ""), "file");
	assert_string_equal(json_or_string(answer, "mode", ""), "0640");
	assert_int_equal(json_or_int(answer, "size", 0), 5);
	assert_true(json_or_int(answer, "inode", 0) > 0);
	char *version = mem_strdup(json_or_string(answer, "version", ""));
	assert_true(*version);
	make(in_folder("st"), "123456", 6);
	OK(verb("stat", args("path", in_folder("st"), "")));
	assert_string_not_equal(json_or_string(answer, "version", ""), version);
	free(version);
	OK(verb("stat", args("path", in_folder("st-link"), "")));
	assert_string_equal(json_or_string(answer, "type", ""), "symlink");
	OK(verb("stat", args("path", in_folder("st-link"), ", \"follow\": \"true\"")));
	assert_string_equal(json_or_string(answer, "type", ""), "file");
	OK(verb("stat", args("path", folder, ", \"follow\": true")));
	assert_string_equal(json_or_string(answer, "type", ""), "directory");
	OK(verb("stat", "{\"path\": \"/dev/null\"}"));
	assert_string_equal(json_or_string(answer, "type", ""), "other");
	FAILS(ERR_NOT_FOUND, "/none", verb("stat", args("path", in_folder("none"), "")));
	FAILS(ERR_INPUT, "`path`", verb("stat", "{}"));
	FAILS(ERR_INPUT, "`path`", verb("stat", "{\"path\": 7}"));
	FAILS(ERR_NOT_FOUND, "chmod", verb("chmod", "{}"));
}

static void test_changes(void **state)
{
	(void)state;
	OK(verb("mkdir", args("path", in_folder("d"), "")));
	FAILS(ERR_CONFLICT, "/d", verb("mkdir", args("path", in_folder("d"), "")));
	FAILS(ERR_NOT_FOUND, "", verb("mkdir", args("path", in_folder("e/f"), "")));
	OK(verb("mkdir", args("path", in_folder("e/f"), ", \"parents\": true")));
	OK(verb("mkdir", args("path", in_folder("e/f"), ", \"parents\": true")));
	make(in_folder("e/f/x"), "x", 1);
	char *both = mem_printf(
		"{\"from\": \"%s\", \"to\": \"%s\"}", in_folder("e/f"), in_folder("d/g"));
	OK(verb("rename", both));
	assert_string_equal(json_or_string(answer, "path", ""), in_folder("d/g"));
	FAILS(ERR_NOT_FOUND, "/e/f", verb("rename", both));
	free(both);
	assert_int_equal(access(in_folder("d/g/x"), F_OK), 0);
	FAILS(ERR_CONFLICT, "/d", verb("remove", args("path", in_folder("d"), "")));
	OK(verb("remove", args("path", in_folder("d"), ", \"recursive\": true")));
	assert_int_equal(access(in_folder("d"), F_OK), -1);
	FAILS(ERR_NOT_FOUND, "/d", verb("remove", args("path", in_folder("d"), "")));
	FAILS(ERR_INPUT, "root",
		verb("remove", "{\"path\": \"/../\", \"recursive\": true}"));
	FAILS(ERR_INPUT, "`to`", verb("rename", args("from", in_folder("e"), "")));
	CLEANUP(json) json_t *body = json_pack("{s:s}", "path", in_folder("e"));
	FAILS(ERR_DENIED, "",
		boxes_file_verb(
			&boxes, &looker, "test", "remove", body, &answer, NULL, E));
	assert_int_equal(access(in_folder("e"), F_OK), 0);
}

/* A move to another file system is a copy. */
static void test_rename_over_devices(void **state)
{
	struct stat here, there;
	char target[100];

	(void)state;
	snprintf(target, sizeof target, "/dev/shm/bw-%d", (int)getpid());
	if (stat(folder, &here) < 0 || stat("/dev/shm", &there) < 0 ||
		here.st_dev == there.st_dev)
		skip();
	make(in_folder("mv"), "moved", 5);
	char *both =
		mem_printf("{\"from\": \"%s\", \"to\": \"%s\"}", in_folder("mv"), target);
	OK(verb("rename", both));
	free(both);
	assert_int_equal(access(in_folder("mv"), F_OK), -1);
	OK(read_file(target, false, 0, -1));
	assert_string_equal(content(), "moved");
	unlink(target);
}

/* ---- streams --------------------------------------------------------------------------- */

struct taken {
	int begun;
	bool tar;
	int64_t size;
	struct strbuf bytes;
	const char *grow, *cut; /* files that change when the first bytes come */
};

static int on_begin(void *arg, bool tar, int64_t size, struct err *err)
{
	struct taken *taken = arg;

	(void)err;
	taken->begun++;
	taken->tar = tar;
	taken->size = size;
	return 0;
}

static int on_take(void *arg, const void *data, size_t len, struct err *err)
{
	struct taken *taken = arg;

	assert_int_equal(taken->begun, 1);
	if (taken->grow) {
		int fd = open(TAKE(taken->grow), O_WRONLY | O_APPEND);
		assert_int_equal(write(fd, "more", 4), 4);
		close(fd);
	}
	if (taken->cut)
		assert_int_equal(truncate(TAKE(taken->cut), 10), 0);
	strbuf_add(&taken->bytes, data, len);
	return strbuf_check(&taken->bytes, "the test's file", err);
}

static int download(const char *path, struct taken *taken)
{
	struct box_download to = {.begin = on_begin, .sink = on_take, .arg = taken};

	taken->begun = 0;
	strbuf_reset(&taken->bytes);
	return boxes_file_download(&boxes, &full, "test", path, &to, NULL, E);
}

static ssize_t counting_source(void *arg, void *buf, size_t size, struct err *err)
{
	int64_t *left = arg;
	size_t n = (int64_t)size < *left ? size : (size_t)*left;

	(void)err;
	for (size_t i = 0; i < n; i++)
		((unsigned char *)buf)[i] =
			(unsigned char)((*left - (int64_t)i) * 31 >> 3);
	*left -= (int64_t)n;
	return (ssize_t)n;
}

static void test_up_and_down(void **state)
{
	int64_t size = 20 * LIMIT_MIB + 3, left = size;
	struct taken taken = {.bytes = STRBUF_INIT(64 * LIMIT_MIB)};

	(void)state;
	OK(boxes_file_upload(&boxes, &full, "test", in_folder("up/load"), counting_source,
		&left, NULL, E));
	OK(download(in_folder("up/load"), &taken));
	assert_false(taken.tar);
	assert_int_equal(taken.size, size);
	assert_int_equal(taken.bytes.len, size);
	for (int64_t i = 0; i < size; i++)
		if ((unsigned char)taken.bytes.data[i] !=
			(unsigned char)((size - i) * 31 >> 3))
			fail_msg("byte %lld differs", (long long)i);
	OK(download("/proc/self/status", &taken));
	assert_int_equal(taken.size, -1);
	assert_true(taken.bytes.len > 100);
	make(in_folder("up/empty"), "", 0);
	OK(download(in_folder("up/empty"), &taken));
	assert_int_equal(taken.size, 0);
	assert_int_equal(taken.begun, 1);
	FAILS(ERR_NOT_FOUND, "/none", download(in_folder("none"), &taken));
	FAILS(ERR_DENIED, "/etc/shadow", download("/etc/shadow", &taken));
	FAILS(ERR_INPUT, "/dev/zero", download("/dev/zero", &taken));
	assert_int_equal(taken.begun, 0);
	FAILS(ERR_DENIED, "",
		boxes_file_upload(&boxes, &looker, "test", in_folder("up/no"),
			counting_source, &left, NULL, E));
	strbuf_release(&taken.bytes);
}

static void test_changing_file(void **state)
{
	CLEANUP(mem) char *data = mem_zalloc(8 * LIMIT_MIB);
	struct taken taken = {.bytes = STRBUF_INIT(64 * LIMIT_MIB)};

	(void)state;
	make(in_folder("changes"), data, 8 * LIMIT_MIB);
	taken.grow = in_folder("changes");
	OK(download(in_folder("changes"), &taken));
	assert_int_equal(taken.size, 8 * LIMIT_MIB);
	assert_int_equal(taken.bytes.len, 8 * LIMIT_MIB);
	taken.cut = in_folder("changes");
	FAILS(ERR_CONFLICT, "became shorter", download(in_folder("changes"), &taken));
	assert_int_equal(taken.begun, 1);
	strbuf_release(&taken.bytes);
}

static void test_folder_as_tar(void **state)
{
	struct taken taken = {.bytes = STRBUF_INIT(64 * LIMIT_MIB)};
	char *command = NULL;

	(void)state;
	assert_int_equal(mkdir(in_folder("-tar"), 0755), 0);
	make(in_folder("-tar/one"), "1", 1);
	make(in_folder("-tar/--two"), "22", 2);
	OK(download(in_folder("-tar"), &taken));
	assert_true(taken.tar);
	assert_int_equal(taken.size, -1);
	make(in_folder("out.tar"), taken.bytes.data, taken.bytes.len);
	command = mem_printf(
		"cd %s && mkdir out && tar -xf out.tar -C out && diff -r ./-tar "
		"out",
		folder);
	assert_int_equal(system(command), 0);
	free(command);
	/* Half an archive is no success. */
	make(in_folder("-tar/secret"), "x", 1);
	assert_int_equal(chmod(in_folder("-tar/secret"), 0), 0);
	assert_int_equal(chown(in_folder("-tar/secret"), 0, 0), 0);
	FAILS(ERR_CONFLICT, "secret", download(in_folder("-tar"), &taken));
	assert_int_equal(chmod(in_folder("-tar"), 0), 0);
	FAILS(ERR_DENIED, "/-tar", download(in_folder("-tar"), &taken));
	assert_int_equal(taken.begun, 0);
	strbuf_release(&taken.bytes);
}

static int after(void **state)
{
	json_decref(TAKE(answer));
	return fake_check(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_text, after),
		cmocka_unit_test_teardown(test_ranges, after),
		cmocka_unit_test_teardown(test_large, after),
		cmocka_unit_test_teardown(test_what_cannot_be_read, after),
		cmocka_unit_test_teardown(test_what_cannot_be_written, after),
		cmocka_unit_test_teardown(test_list, after),
		cmocka_unit_test_teardown(test_many_entries, after),
		cmocka_unit_test_teardown(test_stat, after),
		cmocka_unit_test_teardown(test_changes, after),
		cmocka_unit_test_teardown(test_rename_over_devices, after),
		cmocka_unit_test_teardown(test_up_and_down, after),
		cmocka_unit_test_teardown(test_changing_file, after),
		cmocka_unit_test_teardown(test_folder_as_tar, after),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}

/* SPDX-License-Identifier: MIT */
/* Files of the host: bounds, atomic writes, trees with links; digests and random bytes. */
#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[] = "/tmp/boxwright-file.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct err err = {0};

	(void)state;
	return file_remove_tree(dir, &err);
}

static char *in(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static void reads_what_was_written(void **state)
{
	CLEANUP(mem) char *path = in("a");
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(100000);
	CLEANUP(mem) char *large = mem_zalloc(90000);
	struct err err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(file_write(path, "", 0, 0640, &err), 0);
	assert_int_equal(file_read(&text, path, &err), 0);
	assert_int_equal(text.len, 0);
	memset(large, 'x', 90000);
	assert_int_equal(file_write(path, large, 90000, 0640, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(file_read(&text, path, &err), 0);
	assert_int_equal(text.len, 90000);
	assert_true(file_exists(path));
}

static void the_maximum_is_exact(void **state)
{
	CLEANUP(mem) char *path = in("b");
	CLEANUP(strbuf) struct strbuf fits = STRBUF_INIT(5);
	CLEANUP(strbuf) struct strbuf small = STRBUF_INIT(4);
	struct err err = {0};

	(void)state;
	assert_int_equal(file_write(path, "12345", 5, 0600, &err), 0);
	assert_int_equal(file_read(&fits, path, &err), 0);
	assert_string_equal(strbuf_str(&fits), "12345");
	assert_int_equal(file_read(&small, path, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, path));
}

static void only_regular_files(void **state)
{
	CLEANUP(mem) char *fifo = in("fifo");
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(10);
	struct err err = {0};

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(
		file_read(&text, fifo, &err), -1); /* does not wait for a writer */
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(file_read(&text, "/dev/zero", &err), -1);
	assert_int_equal(file_read(&text, dir, &err), -1);
	assert_int_equal(file_read(&text, "/nonexistent/x", &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void a_failed_write_leaves_the_old_file_alone(void **state)
{
	CLEANUP(mem) char *path = in("folder");
	struct err err = {0};
	struct dirent *entry;
	int beside = 0;

	(void)state;
	assert_int_equal(file_mkdirs(path, 0755, &err), 0);
	CLEANUP(mem) char *inside = in("folder/x");
	assert_int_equal(file_write(inside, "1", 1, 0600, &err), 0);
	assert_int_equal(
		file_write(path, "1", 1, 0600, &err), -1); /* a folder is there */
	assert_true(file_exists(inside));
	DIR *d = opendir(dir);
	while ((entry = readdir(d)))
		beside += str_starts(entry->d_name, "folder.");
	closedir(d);
	assert_int_equal(beside, 0); /* nothing temporary is left */
	assert_int_equal(file_write("/nonexistent/x", "1", 1, 0600, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void folders_with_parents(void **state)
{
	CLEANUP(mem) char *deep = in("p/q/r");
	CLEANUP(mem) char *slashes = in("p//q/s/");
	CLEANUP(mem) char *file = in("p/file");
	CLEANUP(mem) char *below = in("p/file/x");
	struct err err = {0};

	(void)state;
	assert_int_equal(file_mkdirs(deep, 0755, &err), 0);
	assert_int_equal(file_mkdirs(deep, 0755, &err), 0);
	assert_int_equal(file_mkdirs(slashes, 0755, &err), 0);
	assert_int_equal(file_write(file, "", 0, 0600, &err), 0);
	assert_int_equal(file_mkdirs(file, 0755, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(file_mkdirs(below, 0755, &err), -1);
	assert_int_equal(file_mkdirs("", 0755, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(file_mkdirs("/", 0755, &err), 0);
}

static void removing_a_tree_follows_no_link(void **state)
{
	CLEANUP(mem) char *tree = in("tree");
	CLEANUP(mem) char *below = in("tree/a/b");
	CLEANUP(mem) char *kept = in("kept");
	CLEANUP(mem) char *kept_file = in("kept/file");
	CLEANUP(mem) char *link = in("tree/a/link");
	CLEANUP(mem) char *dangling = in("tree/dangling");
	struct err err = {0};

	(void)state;
	assert_int_equal(file_mkdirs(below, 0755, &err), 0);
	assert_int_equal(file_mkdirs(kept, 0755, &err), 0);
	assert_int_equal(file_write(kept_file, "1", 1, 0600, &err), 0);
	assert_int_equal(symlink(kept, link), 0);
	assert_int_equal(symlink("/nonexistent", dangling), 0);
	assert_int_equal(file_remove_tree(tree, &err), 0);
	assert_false(file_exists(tree));
	assert_true(file_exists(kept_file));
	assert_int_equal(file_remove_tree(tree, &err), 0); /* missing is fine */
	assert_int_equal(symlink(kept, tree), 0);
	assert_int_equal(file_remove_tree(tree, &err), 0); /* the link itself */
	assert_true(file_exists(kept_file));
}

static void all_bytes_reach_a_pipe(void **state)
{
	size_t len = 300000;
	CLEANUP(mem) char *data = mem_zalloc(len);
	struct err err = {0};
	int ends[2], status = 0;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char buf[1000];
		size_t sum = 0;
		ssize_t n;
		close(ends[1]);
		while ((n = read(ends[0], buf, sizeof buf)) > 0)
			sum += (size_t)n;
		_exit(sum == len ? 0 : 1);
	}
	close(ends[0]);
	assert_int_equal(file_write_all(ends[1], data, len, &err), 0);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(file_write_all(-1, data, 1, &err), -1);
}

static void digests(void **state)
{
	char hex[SHA256_HEX_SIZE];
	uint8_t mac[SHA256_SIZE];

	(void)state;
	crypto_sha256_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypto_sha256_hex("", 0, hex);
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	/* GitHub's own example. */
	crypto_hmac_sha256("It's a Secret to Everybody", 26, "Hello, World!", 13, mac);
	str_hex(mac, sizeof mac, hex);
	assert_string_equal(
		hex, "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
	crypto_hmac_sha256("", 0, "", 0, mac);
	str_hex(mac, sizeof mac, hex);
	assert_string_equal(
		hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	assert_true(crypto_equal("abc", "abd", 2));
	assert_false(crypto_equal("abc", "abd", 3));
	assert_true(crypto_equal("", "x", 0));
}

static void random_bytes(void **state)
{
	char a[65], b[65];
	uint8_t big[5000] = {0};
	size_t zeros = 0;

	(void)state;
	crypto_random_hex(a, 32);
	crypto_random_hex(b, 32);
	assert_int_equal(strlen(a), 64);
	assert_int_equal(strspn(a, "0123456789abcdef"), 64);
	assert_string_not_equal(a, b);
	crypto_random(big, sizeof big);
	for (size_t i = 0; i < sizeof big; i++)
		zeros += big[i] == 0;
	assert_true(zeros < 100); /* about 20 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(the_maximum_is_exact),
		cmocka_unit_test(only_regular_files),
		cmocka_unit_test(a_failed_write_leaves_the_old_file_alone),
		cmocka_unit_test(folders_with_parents),
		cmocka_unit_test(removing_a_tree_follows_no_link),
		cmocka_unit_test(all_bytes_reach_a_pipe),
		cmocka_unit_test(digests),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

/* SPDX-License-Identifier: MIT */
/* Files and connections of a box, in a real boxinit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"
#include "tests/lib/init_box.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fake_core *fake;
static struct boxcore *core;
static char folder[64];

static __thread struct err failed;
#define E (&failed)
#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, failed.text);          \
	} while (0)
#define FAILS(expected, call)                                                            \
	do {                                                                             \
		assert_int_equal((call), -1);                                            \
		assert_int_equal(failed.kind, (expected));                               \
	} while (0)

static int setup(void **state)
{
	(void)state;
	if (!init_box_possible())
		return -1;
	snprintf(folder, sizeof folder, "/tmp/bw-files-XXXXXX");
	if (!mkdtemp(folder) || chown(folder, 1000, 1000) < 0)
		return -1;
	fake = fake_core_new();
	core = fake_core(fake);
	return 0;
}

static int teardown(void **state)
{
	struct err err = {0};

	(void)state;
	if (!fake)
		return 0;
	fake_core_free(fake);
	return file_remove_tree(folder, &err);
}

static char *in_folder(const char *name)
{
	static __thread char path[2][LIMIT_PATH];
	static __thread int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static int gather(void *arg, const void *data, size_t len, struct err *err)
{
	struct strbuf *sb = arg;

	strbuf_add(sb, data, len);
	return strbuf_check(sb, "the test's file", err);
}

static void expect_content(
	const char *path, int64_t offset, int64_t length, const void *data, size_t len)
{
	CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(64 * LIMIT_MIB);

	OK(box_file_read(core, "test", path, offset, length, gather, &got, NULL, E));
	assert_int_equal(got.len, len);
	if (len > 0)
		assert_memory_equal(got.data, data, len);
}

static void test_round_trip(void **state)
{
	static const char *const names[] = {"plain", "with space", "-dash", "new\nline",
		"\xc3\xa9\xe2\x82\xac", "\xff\xfe", "a/b/c/deep", "quote'\"$(x)`"};
	size_t len = LIMIT_MIB + 12345;
	char *data = mem_alloc(len);

	(void)state;
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		OK(box_file_put(
			core, "test", in_folder(names[i]), 0640, data, len, NULL, E));
		expect_content(in_folder(names[i]), 0, -1, data, len);
	}
	expect_content(in_folder("plain"), 1000, 500, data + 1000, 500);
	expect_content(in_folder("plain"), (int64_t)len - 5, 500, data + len - 5, 5);
	expect_content(in_folder("plain"), (int64_t)len + 5, 500, "", 0);
	expect_content(in_folder("plain"), 0, 0, "", 0);
	OK(box_file_put(core, "test", in_folder("empty"), 0, "", 0, NULL, E));
	expect_content(in_folder("empty"), 0, -1, "", 0);
	free(data);
}

static void test_stat_and_list(void **state)
{
	struct file_info info, *infos = NULL;
	size_t count = 0;

	(void)state;
	OK(box_file_mkdir(core, "test", in_folder("list/sub/sub"), NULL, E));
	OK(box_file_mkdir(core, "test", in_folder("list/sub/sub"), NULL, E));
	OK(box_file_put(core, "test", in_folder("list/b"), 0755, "12345", 5, NULL, E));
	OK(box_file_put(core, "test", in_folder("list/a b\n"), 0, "", 0, NULL, E));
	assert_int_equal(symlink("/nowhere", in_folder("list/link")), 0);
	OK(box_file_stat(core, "test", in_folder("list/b"), &info, NULL, E));
	assert_string_equal(info.name, "b");
	assert_string_equal(info.path, in_folder("list/b"));
	assert_int_equal(info.size, 5);
	assert_int_equal(info.mode, S_IFREG | 0755);
	assert_true(info.mtime_s > 1600000000);
	file_info_release(&info);
	OK(box_file_list(core, "test", in_folder("list"), &infos, &count, NULL, E));
	assert_int_equal(count, 4);
	assert_string_equal(infos[0].name, "a b\n");
	assert_int_equal(infos[0].mode, S_IFREG | 0644);
	assert_string_equal(infos[1].path, in_folder("list/b"));
	assert_true(S_ISLNK(infos[2].mode));
	assert_true(S_ISDIR(infos[3].mode));
	file_infos_free(infos, count);
	OK(box_file_list(
		core, "test", in_folder("list/sub/sub"), &infos, &count, NULL, E));
	assert_int_equal(count, 0);
	file_infos_free(infos, count);
	OK(box_file_stat(core, "test", "/", &info, NULL, E));
	assert_string_equal(info.name, "/");
	file_info_release(&info);
}

static void test_names(void **state)
{
	(void)state;
	OK(box_file_put(core, "test", in_folder("n/old"), 0, "x", 1, NULL, E));
	OK(box_file_rename(
		core, "test", in_folder("n/old"), in_folder("n/new/name"), NULL, E));
	expect_content(in_folder("n/new/name"), 0, -1, "x", 1);
	FAILS(ERR_NOT_FOUND, box_file_rename(core, "test", in_folder("n/old"),
				     in_folder("n/x"), NULL, E));
	FAILS(ERR_CONFLICT,
		box_file_remove(core, "test", in_folder("n"), false, NULL, E));
	assert_int_equal(symlink(folder, in_folder("n/new/up")), 0);
	OK(box_file_remove(core, "test", in_folder("n"), true, NULL, E));
	assert_int_equal(access(in_folder("n"), F_OK), -1);
	assert_int_equal(access(folder, F_OK), 0);
	FAILS(ERR_NOT_FOUND,
		box_file_remove(core, "test", in_folder("n"), true, NULL, E));
}

/* A link stays a link; the target is written, its mode kept. */
static void test_write_through_link(void **state)
{
	struct stat st;

	(void)state;
	OK(box_file_put(core, "test", in_folder("target"), 0600, "old", 3, NULL, E));
	assert_int_equal(symlink("target", in_folder("alias")), 0);
	OK(box_file_put(core, "test", in_folder("alias"), 0, "new", 3, NULL, E));
	assert_int_equal(lstat(in_folder("alias"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(in_folder("target"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	expect_content(in_folder("target"), 0, -1, "new", 3);
}

static void test_refusals(void **state)
{
	struct file_info info;
	CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(64);
	char long_path[LIMIT_PATH + 10];

	(void)state;
	FAILS(ERR_NOT_FOUND,
		box_file_stat(core, "test", in_folder("none"), &info, NULL, E));
	assert_non_null(strstr(failed.text, "ENOENT"));
	FAILS(ERR_INPUT, box_file_stat(core, "test", "relative", &info, NULL, E));
	memset(long_path, 'a', sizeof long_path);
	long_path[0] = '/';
	long_path[sizeof long_path - 1] = '\0';
	FAILS(ERR_INPUT, box_file_stat(core, "test", long_path, &info, NULL, E));
	FAILS(ERR_DENIED,
		box_file_read(core, "test", "/etc/shadow", 0, -1, gather, &got, NULL, E));
	FAILS(ERR_DENIED, box_file_put(core, "test", "/etc/bw-x", 0, "x", 1, NULL, E));
	FAILS(ERR_CONFLICT, box_file_put(core, "test", folder, 0, "x", 1, NULL, E));
	FAILS(ERR_CONFLICT,
		box_file_read(core, "test", folder, 0, -1, gather, &got, NULL, E));
	/* Neither a FIFO nor an endless device is waited for. */
	assert_int_equal(mkfifo(in_folder("fifo"), 0666), 0);
	FAILS(ERR_INPUT, box_file_read(core, "test", in_folder("fifo"), 0, -1, gather,
				 &got, NULL, E));
	FAILS(ERR_INPUT,
		box_file_read(core, "test", "/dev/zero", 0, -1, gather, &got, NULL, E));
	/* A large write that cannot succeed ends with the reason. */
	CLEANUP(mem) char *data = mem_zalloc(4 * LIMIT_MIB);
	FAILS(ERR_DENIED,
		box_file_put(core, "test", "/etc/bw-x", 0, data, 4 * LIMIT_MIB, NULL, E));
}

/* The source fails in the middle: no file, no rest of it. */
static ssize_t failing_source(void *arg, void *buf, size_t size, struct err *err)
{
	if ((*(int *)arg)++ < 3) {
		memset(buf, 'x', size);
		return (ssize_t)size;
	}
	return err_set(err, ERR_LIMIT, "the source has had enough");
}

static void test_broken_source(void **state)
{
	int calls = 0;
	struct file_info *infos = NULL;
	size_t count = 0;

	(void)state;
	OK(box_file_mkdir(core, "test", in_folder("broken"), NULL, E));
	FAILS(ERR_LIMIT, box_file_write(core, "test", in_folder("broken/f"), 0,
				 failing_source, &calls, NULL, E));
	OK(box_file_list(core, "test", in_folder("broken"), &infos, &count, NULL, E));
	assert_int_equal(count, 0);
	file_infos_free(infos, count);
}

/* ---- what a file is, and its bytes ------------------------------------------------------ */

struct fetched {
	struct strbuf bytes;
	int64_t size;
	uint32_t mode;
	int told;
	bool refuse;
};

static int on_info(void *arg, const struct file_info *info, struct err *err)
{
	struct fetched *fetched = arg;

	assert_int_equal(fetched->bytes.len, 0);
	fetched->told++;
	fetched->size = info->size;
	fetched->mode = info->mode;
	return fetched->refuse ? err_set(err, ERR_LIMIT, "too large") : 0;
}

static int on_bytes(void *arg, const void *data, size_t len, struct err *err)
{
	struct fetched *fetched = arg;

	assert_int_equal(fetched->told, 1);
	strbuf_add(&fetched->bytes, data, len);
	return strbuf_check(&fetched->bytes, "the test's file", err);
}

static int fetch(
	const char *path, int64_t offset, int64_t length, struct fetched *fetched)
{
	return box_file_fetch(
		core, "test", path, offset, length, on_info, on_bytes, fetched, NULL, E);
}

static void test_fetch(void **state)
{
	size_t len = 3 * LIMIT_MIB + 7;
	CLEANUP(mem) char *data = mem_zalloc(len);
	struct fetched all = {.bytes = STRBUF_INIT(8 * LIMIT_MIB)};

	(void)state;
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 2654435761u >> 11);
	OK(box_file_put(core, "test", in_folder("fetch"), 0600, data, len, NULL, E));
	OK(fetch(in_folder("fetch"), 0, -1, &all));
	assert_int_equal(all.size, len);
	assert_int_equal(all.mode, S_IFREG | 0600);
	assert_int_equal(all.bytes.len, len);
	assert_memory_equal(all.bytes.data, data, len);
	all.told = 0;
	strbuf_reset(&all.bytes);
	OK(fetch(in_folder("fetch"), 10, 5, &all));
	assert_int_equal(all.bytes.len, 5);
	assert_memory_equal(all.bytes.data, data + 10, 5);
	all.told = 0;
	strbuf_reset(&all.bytes);
	OK(fetch(folder, 0, -1, &all));
	assert_true(S_ISDIR(all.mode));
	assert_int_equal(all.bytes.len, 0);
	all.told = 0;
	OK(fetch("/proc/self/status", 0, -1, &all));
	assert_int_equal(all.size, 0);
	assert_true(all.bytes.len > 100);
	all = (struct fetched){.bytes = all.bytes, .refuse = true};
	strbuf_reset(&all.bytes);
	FAILS(ERR_LIMIT, fetch(in_folder("fetch"), 0, -1, &all));
	assert_int_equal(all.bytes.len, 0);
	all.told = 0;
	FAILS(ERR_NOT_FOUND, fetch(in_folder("none"), 0, -1, &all));
	FAILS(ERR_INPUT, fetch("/dev/null", 0, -1, &all));
	assert_int_equal(all.told, 0);
	strbuf_release(&all.bytes);
}

static void test_links_and_single_folders(void **state)
{
	struct file_info info;

	(void)state;
	OK(box_file_put(core, "test", in_folder("pointed"), 0, "123", 3, NULL, E));
	assert_int_equal(symlink("pointed", in_folder("pointer")), 0);
	OK(box_file_lstat(core, "test", in_folder("pointer"), &info, NULL, E));
	assert_true(S_ISLNK(info.mode));
	file_info_release(&info);
	OK(box_file_stat(core, "test", in_folder("pointer"), &info, NULL, E));
	assert_true(S_ISREG(info.mode));
	assert_int_equal(info.size, 3);
	assert_true(info.inode > 0);
	file_info_release(&info);
	OK(box_file_mkdir_one(core, "test", in_folder("single"), NULL, E));
	FAILS(ERR_CONFLICT,
		box_file_mkdir_one(core, "test", in_folder("single"), NULL, E));
	FAILS(ERR_NOT_FOUND,
		box_file_mkdir_one(core, "test", in_folder("no/single"), NULL, E));
}

/* ---- connections ----------------------------------------------------------------------- */

static struct run *start(const char *script)
{
	const char *argv[] = {"python3", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .root = true};
	struct run *run = NULL;

	OK(run_start(core, "test", &spec, &run, NULL, E));
	return run;
}

static void wait_line(struct run *run)
{
	struct run_event event;

	OK(run_read(run, &event, NULL, E));
	if (event.kind != RUN_STDOUT)
		fail_msg("%.*s", (int)event.len, event.data);
}

static void *send_all(void *arg)
{
	static char data[5 * LIMIT_MIB];
	struct err err = {0};
	int fd = *(int *)arg;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i >> 8);
	assert_int_equal(file_write_all(fd, data, sizeof data, &err), 0);
	shutdown(fd, SHUT_WR);
	return NULL;
}

/* Sends 5 MiB, ends its half, and expects all of it back. */
static void expect_echo(int fd)
{
	static char buf[65536];
	size_t got = 0;
	pthread_t thread;
	ssize_t n;

	OK(thread_start(&thread, "send", send_all, &fd, E));
	while ((n = recv(fd, buf, sizeof buf, 0)) > 0) {
		for (ssize_t i = 0; i < n; i++, got++)
			if (buf[i] != (char)(got >> 8))
				fail_msg("byte %zu differs", got);
	}
	thread_join(thread);
	assert_int_equal(got, 5 * LIMIT_MIB);
	close(fd);
}

static void test_connect(void **state)
{
	struct run *run = start(
		"import socket,threading\n"
		"s=socket.create_server(('127.0.0.1',8123))\n"
		"print('up',flush=True)\n"
		"def f(c):\n"
		" while (b:=c.recv(65536)): c.sendall(b)\n"
		" c.close()\n"
		"while 1: threading.Thread(target=f,args=(s.accept()[0],)).start()\n");
	int fds[3];

	(void)state;
	wait_line(run);
	for (int i = 0; i < 3; i++)
		OK(box_connect(core, "test", 8123, &fds[i], NULL, E));
	for (int i = 0; i < 3; i++)
		expect_echo(fds[i]);
	FAILS(ERR_TRANSIENT, box_connect(core, "test", 8124, &fds[0], NULL, E));
	/* An end that is simply dropped. */
	OK(box_connect(core, "test", 8123, &fds[0], NULL, E));
	close(fds[0]);
	run_close(run);
}

static void *echo_thread(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[65536];
	struct err err = {0};
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		file_write_all(fd, buf, (size_t)n, &err);
	close(fd);
	return NULL;
}

static void on_accept(void *arg, const char *box, int fd)
{
	pthread_t thread;
	struct err err = {0};

	assert_string_equal(box, "test");
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
	if (thread_start(&thread, "echo", echo_thread, (void *)(intptr_t)fd, &err) == 0)
		pthread_detach(thread);
}

static const char client[] =
	"import socket,threading\n"
	"d=bytes(range(256))*20000\n"
	"c=socket.create_connection(('127.0.0.1',8200))\n"
	"threading.Thread(target=lambda:(c.sendall(d),c.shutdown(1))).start()\n"
	"r=b''\n"
	"while (b:=c.recv(65536)): r+=b\n"
	"print('same' if r==d else len(r),flush=True)\n";

static void expect_client(const char *expected)
{
	const char *argv[] = {"python3", "-c", client, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};

	OK(run_capture(core, "test", &spec, NULL, 0, &result, NULL, E));
	if (strcmp(strbuf_str(&result.out), expected) != 0)
		fail_msg("%s %s", strbuf_str(&result.out), strbuf_str(&result.err_out));
	run_result_release(&result);
}

static void test_listen(void **state)
{
	int first = 0, second = 0;

	(void)state;
	OK(box_listen(core, "test", 8200, on_accept, &first, NULL, E));
	expect_client("same\n");
	OK(box_listen(core, "test", 8200, on_accept, &second, NULL, E));
	expect_client("same\n");
	assert_int_equal(first, 1);
	assert_int_equal(second, 1);
	/* The service is killed; who connects meanwhile waits, and is served afterwards. */
	fake_core_lose_link(fake);
	expect_client("same\n");
	assert_int_equal(second, 2);
	box_unlisten(core, "test", 8200);
	const char *argv[] = {"python3", "-c", client, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};
	OK(run_capture(core, "test", &spec, NULL, 0, &result, NULL, E));
	assert_int_not_equal(result.exit_code, 0);
	assert_non_null(strstr(strbuf_str(&result.err_out), "refused"));
	run_result_release(&result);
	box_unlisten(core, "test", 8200);
}

/* The port stays while no host is there, and the connection that waits gets its answer. */
static void test_listen_over_restart(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_MIB);
	char script[1024];
	struct run *run = NULL;
	struct run_event event = {.kind = RUN_STDOUT};
	int count = 0;

	(void)state;
	OK(box_listen(core, "test", 8200, on_accept, &count, NULL, E));
	snprintf(script, sizeof script,
		"import os,time\nwhile not os.path.exists('%s'): time.sleep(.01)\n%s",
		in_folder("go"), client);
	const char *argv[] = {"python3", "-c", script, NULL};
	struct run_spec spec = {.id = "waits", .argv = argv, .cwd = "/", .keep = true};
	OK(run_start(core, "test", &spec, &run, NULL, E));
	run_close(run);
	fake_core_lose_link(fake);
	/* Now it connects, with nobody attached. */
	OK(file_write(in_folder("go"), "", 0, 0644, E));
	usleep(100000); /* only makes it likelier that it waits already */
	OK(run_attach(core, "test", "waits", 0, &run, NULL, E));
	while (event.kind != RUN_EXIT) {
		OK(run_read(run, &event, NULL, E));
		strbuf_add(&out, event.data, event.len);
	}
	assert_string_equal(strbuf_str(&out), "same\n");
	run_close(run);
	box_unlisten(core, "test", 8200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_stat_and_list),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_write_through_link),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_broken_source),
		cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_links_and_single_folders),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_listen_over_restart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

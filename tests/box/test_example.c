/* SPDX-License-Identifier: MIT */
/* The example that embeds libboxcore does what it says (built by `make example-build`). */
#include "boxcore/base/str.h"
#include "tests/lib/real_box.h"

#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

/* build/<variant>/tests/box/test_example -> build/<variant>/tests/example/example */
static void example_path(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 32);

	assert_true(n > 0);
	path[n] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(path, '/') = '\0';
	n = (ssize_t)strlen(path);
	snprintf(path + n, size - (size_t)n, "/example/example");
}

static int run_example(const char *image, char *out, size_t size)
{
	char path[600];
	char image_arg[256];
	char *argv[] = {path, image_arg, NULL};
	posix_spawn_file_actions_t actions;
	size_t len = 0;
	pid_t pid = 0;
	int fds[2], status = 0;

	example_path(path, sizeof path);
	str_copy(image_arg, sizeof image_arg, image);
	assert_int_equal(pipe(fds), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	int rc = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (rc != 0)
		fail_msg("%s: %s; make example-build makes it", path, strerror(rc));
	for (ssize_t n; (n = read(fds[0], out + len, size - 1 - len)) > 0;)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void the_example_works(void **state)
{
	char out[4096];

	(void)state;
	assert_int_equal(run_example(real_image(), out, sizeof out), 0);
	assert_string_equal(out, "Linux\nexit code 3\nLinux\n");
	assert_int_not_equal(
		run_example("boxwright/no-such-image:1", out, sizeof out), 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

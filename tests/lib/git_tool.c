/* SPDX-License-Identifier: MIT */
/* Running the real git. */
#include "tests/lib/git_tool.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 64

static void die(const char *what)
{
	fprintf(stderr, "test tool: %s: %s\n", what, strerror(errno));
	abort();
}

static void slurp(int fd, char **ret_out, size_t *ret_len)
{
	size_t len = 0, room = 65536;
	char *out = mem_alloc(room + 1);
	ssize_t n;

	while ((n = read(fd, out + len, room - len)) > 0) {
		len += (size_t)n;
		if (len == room)
			out = mem_grow(out, (room *= 2) + 1, 1);
	}
	out[len] = '\0';
	*ret_out = out;
	*ret_len = len;
}

int tool_run(const char *const *argv, const char *const *env, int input, int quiet,
	char **ret_out, size_t *ret_len)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	posix_spawn_file_actions_init(&actions);
	if (input >= 0)
		posix_spawn_file_actions_adddup2(&actions, input, 0);
	else
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	if (quiet)
		posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	int rc = posix_spawnp(&pid, argv[0], &actions, NULL,
		(char *const *)(uintptr_t)argv,
		env ? (char *const *)(uintptr_t)env : environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc != 0) {
		errno = rc;
		die(argv[0]);
	}
	close(ends[1]);
	slurp(ends[0], ret_out, ret_len);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

static int input_file(const void *data, size_t len)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, data, len, 0) != (ssize_t)len)
		die("input");
	return fd;
}

int git_pipe(
	const struct git_io *io, const char *const *argv, char **ret_out, size_t *ret_len)
{
	static const char *const fixed[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"HOME=/nonexistent",
		"LC_ALL=C",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Test",
		"GIT_AUTHOR_EMAIL=test@example.com",
		"GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Test",
		"GIT_COMMITTER_EMAIL=test@example.com",
		"GIT_COMMITTER_DATE=1700000000 +0000",
	};
	const char *env[ARGS_MAX] = {0}, *args[ARGS_MAX] = {0};
	CLEANUP(fd) int input = io->input ? input_file(io->input, io->input_len) : -1;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		env[n++] = fixed[i];
	for (size_t i = 0; io->env && io->env[i] && n < ARGS_MAX - 1; i++)
		env[n++] = io->env[i];
	n = 0;
	args[n++] = "git";
	if (io->folder) {
		args[n++] = "-C";
		args[n++] = io->folder;
	}
	args[n++] = "-c";
	args[n++] = "init.defaultBranch=main";
	for (size_t i = 0; argv[i] && n < ARGS_MAX - 1; i++)
		args[n++] = argv[i];
	return tool_run(args, env, input, 0, ret_out, ret_len);
}

static int run_list(const char *folder, char **ret_out, const char *arg, va_list ap)
{
	const char *argv[ARGS_MAX] = {arg};
	struct git_io io = {.folder = folder};
	size_t n = 1, len;

	while (n < ARGS_MAX - 1 && (argv[n] = va_arg(ap, const char *)) != NULL)
		n++;
	int status = git_pipe(&io, argv, ret_out, &len);
	if (len > 0 && (*ret_out)[len - 1] == '\n')
		(*ret_out)[len - 1] = '\0';
	return status;
}

char *git_run(const char *folder, const char *arg, ...)
{
	char *out = NULL;
	va_list ap;

	va_start(ap, arg);
	int status = run_list(folder, &out, arg, ap);
	va_end(ap);
	if (status != 0) {
		fprintf(stderr, "git -C %s %s: status %d\n", folder ? folder : ".", arg,
			status);
		abort();
	}
	return out;
}

int git_try(const char *folder, char **ret_out, const char *arg, ...)
{
	va_list ap;

	va_start(ap, arg);
	int status = run_list(folder, ret_out, arg, ap);
	va_end(ap);
	return status;
}

static char *place(const char *root, const char *path)
{
	char *full = mem_printf("%s/%s", root, path);

	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/'));
		slash++) {
		*slash = '\0';
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			die(full);
		*slash = '/';
	}
	return full;
}

void put_file(
	const char *root, const char *path, const void *data, size_t len, mode_t mode)
{
	CLEANUP(mem) char *full = place(root, path);
	CLEANUP(fd) int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) < 0)
		die(full);
}

void put_text(const char *root, const char *path, const char *text)
{
	put_file(root, path, text, strlen(text), 0644);
}

void put_link(const char *root, const char *path, const char *target)
{
	CLEANUP(mem) char *full = place(root, path);

	if (symlink(target, full) < 0)
		die(full);
}

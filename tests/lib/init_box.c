/* SPDX-License-Identifier: MIT */
/* boxinit in namespaces, and a core of one such box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/init_box.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* $BOXINIT, or the one that was built beside this test. */
static void boxinit_path(char *path, size_t size)
{
	const char *given = getenv("BOXINIT");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (given) {
		snprintf(path, size, "%s", given);
		return;
	}
	assert_true(n > 0);
	self[n] = '\0';
	char *tests = strstr(self, "/tests/");
	assert_non_null(tests);
	snprintf(path, size, "%.*s/boxinit", (int)(tests - self), self);
}

/* Spawns `unshare`; fd >= 0 becomes its stdin and stdout. */
static pid_t spawn_unshared(const char *program, int fd)
{
	const char *argv[] = {"unshare", "--pid", "--fork", "--kill-child", "--mount",
		"--net", "--mount-proc", program, NULL};
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that aborts leaves nothing */
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
	}
	execvp(argv[0], (char **)(uintptr_t)argv);
	_exit(127);
}

bool init_box_possible(void)
{
	pid_t pid = geteuid() == 0 ? spawn_unshared("true", -1) : -1;
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void init_box_start(struct init_box *box)
{
	char path[PATH_MAX];
	int fds[2];

	boxinit_path(path, sizeof path);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	box->pid = spawn_unshared(path, fds[1]);
	assert_true(box->pid > 0);
	close(fds[1]);
	box->fd = fds[0];
}

void init_box_end(struct init_box *box)
{
	kill(box->pid, SIGKILL);
	waitpid(box->pid, NULL, 0);
	close(box->fd);
}

/* ---- links ----------------------------------------------------------------------------- */

static ssize_t io_read(void *arg, void *buf, size_t size)
{
	return recv(*(int *)arg, buf, size, MSG_DONTWAIT);
}

static ssize_t io_write(void *arg, const void *data, size_t len)
{
	return send(*(int *)arg, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void io_close(void *arg)
{
	close(*(int *)arg);
	free(arg);
}

struct link_io init_box_io(int fd)
{
	int *arg = malloc(sizeof *arg);

	assert_non_null(arg);
	*arg = fd;
	return (struct link_io){.arg = arg,
		.fd = fd,
		.read = io_read,
		.write = io_write,
		.close = io_close};
}

struct link *init_box_link(struct init_box *box, struct link_loop *loop)
{
	struct link_options options = {.name = "test"};
	struct link_io io = init_box_io(fcntl(box->fd, F_DUPFD_CLOEXEC, 0));
	struct link *link = NULL;
	struct err err = {0};

	if (link_open(loop, &io, &options, &link, NULL, &err) < 0)
		fail_msg("%s", err.text);
	if (!link_network_ready(link) &&
		link_network_setup(link, PROTO_NETWORK_TUNNEL, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return link;
}

/* SPDX-License-Identifier: MIT */
/*
 * fork and exec of the git child.
 *
 * Between fork and exec the child of a process with threads may only make system calls, so
 * everything it needs is prepared before.
 */
#include "service/repo/spawn.h"

#include "service/repo/worker.h"

#include "boxcore/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(FUZZING)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define FILES_MAX 256 /* open files of a child; a mirror with packs needs some dozen */

static void set_limit(__rlimit_resource_t what, rlim_t value)
{
	struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	/* SIGXCPU at the soft limit tells what happened; at the hard one it is SIGKILL. */
	if (what == RLIMIT_CPU)
		limit.rlim_max += 5;
	if (setrlimit(what, &limit) < 0)
		_exit(126);
}

struct plan {
	const char *program;
	char *argv[3];
	char *envp[4];
	int fds[3]; /* the child's ends of the pipes */
	pid_t parent;
	const struct spawn_limits *limits;
};

__attribute__((noreturn)) static void become_worker(const struct plan *p)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t none;

	setpgid(0, 0);
	/* The signal comes when the *thread* that forked ends; that thread waits for us. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != p->parent)
		_exit(126);
	for (int i = 0; i < 3; i++)
		if (dup2(p->fds[i], i) < 0)
			_exit(126);
	if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0)
		for (int fd = 3; fd < 65536; fd++)
			close(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A file that is too large is then an error of write(), not a death. */
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	set_limit(RLIMIT_CORE, 0); /* a core holds the token */
	set_limit(RLIMIT_NOFILE, FILES_MAX);
	set_limit(RLIMIT_CPU, (rlim_t)p->limits->cpu_s);
	set_limit(RLIMIT_FSIZE, p->limits->file_bytes);
	if (!SANITIZED)
		set_limit(RLIMIT_AS, p->limits->memory);
	execve(p->program, p->argv, p->envp);
	_exit(127);
}

static int make_pipe(int *ours, int *theirs, int our_end, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, errno, "make a pipe to a git child");
	*ours = ends[our_end];
	*theirs = ends[1 - our_end];
	if (fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
		return err_errno(err, errno, "make a pipe to a git child");
	return 0;
}

/* dup2() onto 0..2 must not meet one of the ends there. */
static int raise_fd(int *fd, struct err *err)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (high < 0)
		return err_errno(err, errno, "make a pipe to a git child");
	close(*fd);
	*fd = high;
	return 0;
}

static int fork_worker(struct spawned *ret, struct plan *p, struct err *err)
{
	p->parent = getpid();
	/* allowed: limits are set between fork and exec */
	pid_t pid = fork();
	if (pid < 0)
		return err_errno(err, errno, "start a git child");
	if (pid == 0)
		become_worker(p);
	setpgid(pid, pid); /* whoever is first; both fail later */
	ret->pid = pid;
	ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
	if (ret->pidfd < 0)
		return err_errno(err, errno, "watch a git child");
	return 0;
}

int spawn_worker(struct spawned *ret, const char *program,
	const struct spawn_limits *limits, struct err *err)
{
	CLEANUP(fd) int in = -1;
	CLEANUP(fd) int out = -1;
	CLEANUP(fd) int complaint = -1;
	CLEANUP(mem) char *name = mem_strdup(program ? program : "boxwright");
	char verb[] = REPO_WORKER_VERB;
	char path[] = "PATH=/usr/bin:/bin", home[] = "HOME=/nonexistent",
	     lang[] = "LC_ALL=C";
	struct plan plan = {
		.program = program ? program : "/proc/self/exe",
		.argv = {name, verb, NULL},
		.envp = {path, home, lang, NULL},
		.limits = limits,
	};

	if (make_pipe(&ret->in, &in, 1, err) < 0 ||
		make_pipe(&ret->out, &out, 0, err) < 0 ||
		make_pipe(&ret->complaint, &complaint, 0, err) < 0)
		return -1;
	if (raise_fd(&in, err) < 0 || raise_fd(&out, err) < 0 ||
		raise_fd(&complaint, err) < 0)
		return -1;
	plan.fds[0] = in;
	plan.fds[1] = out;
	plan.fds[2] = complaint;
	return fork_worker(ret, &plan, err);
}

void spawn_kill(const struct spawned *child)
{
	kill(-child->pid, SIGKILL);
	kill(child->pid, SIGKILL);
}

int spawn_end(struct spawned *child)
{
	int *fds[] = {&child->pidfd, &child->in, &child->out, &child->complaint};
	int status = 0;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	if (child->pid <= 0)
		return 0;
	spawn_kill(child);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	child->pid = 0;
	return status;
}

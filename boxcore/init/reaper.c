/* SPDX-License-Identifier: MIT */
/*
 * The process between PID 1 and a run.
 *
 * It is a subreaper: whatever the run starts, also in a session of its own and after its
 * parent has died, stays below it and is found by walking the parents in /proc.  It ends
 * when the last of these processes has.  It is root and cannot be signalled or traced by
 * the box's user; walking /proc here keeps PID 1 from waiting.
 */
#include "boxcore/init/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILL_AGAIN_MS 50

static struct {
	int ctl;
	pid_t child; /* the run's own process */
	bool exited;
	int stage;       /* of stopping: the next of stop_signals[] */
	int64_t next_at; /* 0: nothing is due */
	uint32_t grace_ms;
} reaper;

static const int stop_signals[] = {SIGINT, SIGTERM, SIGKILL};
enum { STAGE_KILL = 2 };

static void report(struct reaper_event *event)
{
	if (reaper.ctl >= 0)
		while (send(reaper.ctl, event, sizeof *event, MSG_NOSIGNAL) < 0 &&
			errno == EINTR)
			continue;
}

/* ---- the processes of the run ---------------------------------------------------------- */

struct process {
	pid_t pid, parent;
	bool ours;
};

/* State and parent of a process; false when it is gone or dead. */
static bool parent_of(const char *pid, pid_t *ret_parent)
{
	char path[32], text[512];
	char state;
	int parent;

	snprintf(path, sizeof path, "/proc/%.12s/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	char *end = strrchr(text, ')'); /* the name before may hold anything */
	if (!end || sscanf(end + 1, " %c %d", &state, &parent) != 2 || state == 'Z' ||
		state == 'X')
		return false;
	*ret_parent = parent;
	return true;
}

static struct process *list_processes(size_t *ret_count)
{
	DIR *dir = opendir("/proc");
	struct process *list = NULL;
	size_t count = 0, cap = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t parent;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			!parent_of(entry->d_name, &parent))
			continue;
		if (count == cap) {
			cap = cap ? cap * 2 : 64;
			list = realloc(list, cap * sizeof *list);
			if (!list)
				_exit(70);
		}
		list[count++] =
			/* allowed: a name that /proc made */
			(struct process){.pid = atoi(entry->d_name), .parent = parent};
	}
	if (dir)
		closedir(dir);
	*ret_count = count;
	return list;
}

/* A zombie that has children left does not occur: they come to us when it dies. */
static void mark_ours(struct process *list, size_t count)
{
	pid_t self = getpid();
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < count; i++) {
			bool below = list[i].parent == self;

			for (size_t k = 0; !below && !list[i].ours && k < count; k++)
				below = list[k].ours && list[k].pid == list[i].parent;
			if (below && !list[i].ours)
				changed = list[i].ours = true;
		}
	}
}

static void sweep(int number)
{
	size_t count;
	struct process *list = list_processes(&count);

	mark_ours(list, count);
	for (size_t i = 0; i < count; i++)
		if (list[i].ours)
			kill(list[i].pid, number);
	if (number != SIGKILL && number != SIGCONT && number != SIGSTOP)
		for (size_t i = 0; i < count; i++)
			if (list[i].ours)
				kill(list[i].pid,
					SIGCONT); /* a stopped one would not see it */
	free(list);
}

/* ---- orders ---------------------------------------------------------------------------- */

/* The next signal of a stop.  KILL is repeated: what was being forked meanwhile. */
static void stop_step(void)
{
	sweep(stop_signals[reaper.stage]);
	if (reaper.stage == STAGE_KILL) {
		reaper.next_at = init_now_ms() + KILL_AGAIN_MS;
	} else {
		reaper.stage++;
		reaper.next_at = init_now_ms() + reaper.grace_ms;
	}
}

static void take_order(void)
{
	struct reaper_order order;
	ssize_t n = recv(reaper.ctl, &order, sizeof order, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof order) {
		close(reaper.ctl); /* the run is forgotten; we go on reaping */
		reaper.ctl = -1;
		return;
	}
	if (order.signal == SIGKILL) {
		reaper.stage = STAGE_KILL;
		stop_step();
	} else if (order.signal > 0) {
		sweep(order.signal);
	} else if (reaper.next_at == 0) {
		reaper.grace_ms = order.grace_ms;
		stop_step();
	}
}

static void report_exit(int status, const struct rusage *usage)
{
	struct reaper_event event = {
		.kind = REAPER_EXITED,
		.value = status,
		.cpu_us = ((int64_t)usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) *
				  1000000 +
			  usage->ru_utime.tv_usec + usage->ru_stime.tv_usec,
		.peak_bytes = (int64_t)usage->ru_maxrss * 1024,
	};

	reaper.exited = true;
	report(&event);
}

static void reap_all(void)
{
	struct rusage usage;
	int status;

	for (;;) {
		pid_t pid = wait4(-1, &status, WNOHANG, &usage);

		if (pid == 0 || (pid < 0 && errno == EINTR))
			return;
		if (pid < 0)
			_exit(0); /* nothing is left of the run */
		if (pid == reaper.child && !reaper.exited)
			report_exit(status, &usage);
	}
}

static void on_child(int number)
{
	(void)number; /* it only ends ppoll() */
}

static _Noreturn void watch(void)
{
	sigset_t waiting;

	sigfillset(&waiting);
	sigdelset(&waiting, SIGCHLD);
	for (;;) {
		struct pollfd poll_fd = {.fd = reaper.ctl, .events = POLLIN};
		int64_t left = reaper.next_at ? reaper.next_at - init_now_ms() : 0;
		struct timespec timeout = {
			.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};

		reap_all();
		if (reaper.next_at && left <= 0) {
			stop_step();
			continue;
		}
		if (ppoll(&poll_fd, 1, reaper.next_at ? &timeout : NULL, &waiting) > 0)
			take_order();
	}
}

/* ---- start ----------------------------------------------------------------------------- */

/* The descriptors of the run at 0, 1, 2, ours behind, nothing else of PID 1's. */
static void arrange(const struct launch *launch)
{
	int from[] = {launch->in, launch->out, launch->err, launch->ctl, init_self_fd};
	int high[5];

	for (int i = 0; i < 5; i++)
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16);
	for (int i = 0; i < 5; i++)
		dup3(high[i], i, i < 3 ? 0 : O_CLOEXEC);
	if (syscall(SYS_close_range, 5, ~0U, 0) < 0)
		for (int fd = 5; fd < 65536; fd++) /* Linux before 5.9 */
			close(fd);
	reaper.ctl = 3;
	init_self_fd = 4;
}

/* Else nobody would see the end of the run's output while we live. */
static void let_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(init_self_fd);
}

static void start_signals(void)
{
	struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	sigaction(SIGCHLD, &action, NULL);
}

_Noreturn void reaper_main(const struct launch *launch)
{
	static struct spawn spawn;
	struct wire wire = {.at = launch->payload, .left = launch->len};
	struct reaper_event event = {.kind = REAPER_STARTED};
	const char *what = "read the request";
	char id[64];

	start_signals();
	arrange(launch);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, "boxinit-run");
	wire_string(&wire, id, sizeof id);
	errno = EINVAL;
	pid_t pid = spawn_parse(&wire, &spawn) ? spawn_execute(&spawn, &what) : -1;
	int errnum = errno;
	let_go();
	if (pid < 0) {
		event = (struct reaper_event){.kind = REAPER_FAILED, .value = errnum};
		snprintf(event.what, sizeof event.what, "%s", what);
		report(&event);
		_exit(0);
	}
	reaper.child = pid;
	event.value = pid;
	report(&event);
	watch();
}

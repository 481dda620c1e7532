/* SPDX-License-Identifier: MIT */
/* boxinit: start as PID 1, the loop, signals, orderly stop. */
#include "boxcore/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* TERM, then what ignores it gets HUP (interactive shells do), then KILL: within the 5 s
 * that box_pause() gives us. */
static const struct {
	int signal;
	int64_t wait_ms;
} stop_steps[] = {{SIGTERM, 1500}, {SIGHUP, 1500}, {SIGKILL, 1000}};

int init_self_fd = -1;
uint32_t init_self_crc;
uint8_t init_boot_id[16];

static int epoll_fd = -1;
static struct source signals = {.fd = -1};
static int64_t wake_at;    /* 0: not needed */
static int64_t stop_until; /* 0: not stopping */
static size_t stop_step;

struct later {
	struct later *next;
	void *p;
};
static struct later *laters;

void *init_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		init_log("out of memory", "");
		_exit(70);
	}
	return p;
}

void init_free_later(void *p)
{
	struct later *later = init_alloc(sizeof *later);

	*later = (struct later){.next = laters, .p = p};
	laters = later;
}

static void free_laters(void)
{
	while (laters) {
		struct later *later = laters;

		laters = later->next;
		free(later->p);
		free(later);
	}
}

int64_t init_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void init_wake_in(int64_t ms)
{
	int64_t at = init_now_ms() + ms;

	if (wake_at == 0 || at < wake_at)
		wake_at = at;
}

void init_log(const char *text, const char *detail)
{
	dprintf(2, "boxinit: %s%s%s\n", text, *detail ? ": " : "", detail);
}

bool source_add(struct source *source, int fd, void (*fn)(struct source *, uint32_t))
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = source};

	source->fd = fd;
	source->fn = fn;
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void source_forget(struct source *source)
{
	if (source->fd >= 0)
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->fd = -1;
}

void source_close(struct source *source)
{
	int fd = source->fd;

	if (fd < 0)
		return;
	source_forget(source);
	close(fd);
}

/* ---- signals --------------------------------------------------------------------------- */

static void next_stop_step(void)
{
	if (stop_step == sizeof stop_steps / sizeof *stop_steps)
		_exit(0);
	kill(-1, stop_steps[stop_step].signal);
	kill(-1, SIGCONT);
	stop_until = init_now_ms() + stop_steps[stop_step].wait_ms;
	init_wake_in(stop_steps[stop_step].wait_ms);
	stop_step++;
}

/* Orphans and reapers.  What a run's own process did is told by its reaper. */
static void reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		continue;
	if (pid < 0 && errno == ECHILD && stop_until)
		_exit(0);
}

static void on_signal(struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if ((info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) &&
			!stop_until)
			next_stop_step();
	}
	reap();
}

static void stop_tick(void)
{
	if (!stop_until)
		return;
	reap();
	int64_t left = stop_until - init_now_ms();
	if (left > 0)
		init_wake_in(left);
	else
		next_stop_step();
}

static void signals_start(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	source_add(&signals, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal);
}

/* ---- start and loop -------------------------------------------------------------------- */

static void self_start(void)
{
	static uint8_t part[16384];
	ssize_t n;

	init_self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	while (init_self_fd >= 0 && (n = read(init_self_fd, part, sizeof part)) > 0)
		init_self_crc = frame_crc(init_self_crc, part, (size_t)n);
	if (getrandom(init_boot_id, sizeof init_boot_id, 0) !=
		(ssize_t)sizeof init_boot_id)
		init_log("no random bytes for the boot id", strerror(errno));
}

static int wait_ms(void)
{
	if (stream_pump_left() || output_work_left() || session_read_left() ||
		gate_work_left())
		return 0;
	if (wake_at == 0)
		return -1;
	int64_t left = wake_at - init_now_ms();
	return left < 0 ? 0 : (int)left;
}

static void work(void)
{
	session_read();
	output_work();
	stream_pump();
	gate_work();
	out_flush();
}

static _Noreturn void loop(void)
{
	struct epoll_event events[64];

	for (;;) {
		int n = epoll_wait(epoll_fd, events, 64, wait_ms());

		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			if (source->fd >= 0)
				source->fn(source, events[i].events);
		}
		if (wake_at && init_now_ms() >= wake_at) {
			wake_at = 0;
			stop_tick();
			session_tick();
			output_tick();
		} else if (stop_until) {
			stop_tick();
		}
		work();
		free_laters();
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "file") == 0)
		return file_main(argc - 1, argv + 1);
	if (getpid() != 1) {
		init_log("this is the first process of a box", "it must be PID 1");
		return 2;
	}
	umask(022);
	prctl(PR_SET_DUMPABLE, 0); /* nobody traces us or reads our memory */
	prctl(PR_SET_NAME, "boxinit");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	self_start();
	spawn_limits();
	spawn_capabilities();
	signals_start();
	out_start(1);
	session_start(0);
	loop();
}

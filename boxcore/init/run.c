/* SPDX-License-Identifier: MIT */
/* Runs: the table, starting, what their reapers report, input, end. */
#include "boxcore/init/init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MAX (4 * LIMIT_STREAM_CREDIT) /* of one run, over several attaches */

static struct run *runs;
static size_t run_count;

struct run *run_find(const char *id)
{
	for (struct run *at = runs; at; at = at->next)
		if (strcmp(at->id, id) == 0)
			return at;
	return NULL;
}

struct run *run_each(struct run *after)
{
	return after ? after->next : runs;
}

struct stream *run_reader(struct run *run, struct stream *after)
{
	struct stream *at = stream_each(after);

	while (at && (at->kind != STREAM_RUN || at->run != run))
		at = stream_each(at);
	return at;
}

/* ---- end ------------------------------------------------------------------------------- */

static void answer_stops(struct run *run)
{
	struct stream *next;

	for (struct stream *at = stream_each(NULL); at; at = next) {
		next = stream_each(at);
		if (at->kind != STREAM_STOP || at->run != run)
			continue;
		out_reply(at->id, NULL, 0);
		stream_free(at);
	}
}

/* Its processes, if there are any left, go on with their reaper. */
void run_forget(struct run *run)
{
	struct stream *reader;

	while ((reader = run_reader(run, NULL))) {
		session_closed(reader, PROTO_FAIL_NOT_FOUND);
		stream_free(reader);
	}
	answer_stops(run);
	for (struct run **at = &runs; *at; at = &(*at)->next) {
		if (*at == run) {
			*at = run->next;
			run_count--;
			break;
		}
	}
	output_leave(run);
	source_close(&run->in);
	source_close(&run->ctl);
	writer_clear(&run->writer);
	spool_release(&run->spool);
	free(run->held);
	run->held = NULL;
	run->filling = false;
	init_free_later(run);
}

/* Kept runs that nobody forgets must not fill the box: the oldest that has been taken
 * wholly goes first. */
static void prune_kept(void)
{
	struct run *taken = NULL, *oldest = NULL;
	size_t count = 0;

	for (struct run *at = runs; at; at = at->next) {
		if (!at->keep || !at->finished)
			continue;
		count++;
		if (!oldest)
			oldest = at;
		if (!taken && at->spool.first == at->spool.end)
			taken = at;
	}
	if (count > LIMIT_BOX_KEPT)
		run_forget(taken ? taken : oldest);
}

void run_settle(struct run *run)
{
	if (run->gone)
		answer_stops(run);
	if (!run->finished)
		return;
	source_close(&run->in);
	writer_clear(&run->writer);
	if (run->keep)
		prune_kept();
	else if (run->gone && !run_reader(run, NULL))
		run_forget(run);
}

void run_detach(struct stream *stream)
{
	struct run *run = stream->run;

	writer_disown(&run->writer, stream->id);
	if (run->keep || run->finished)
		return;
	if (run->exited)
		output_leave(run);
	else
		run_tell(run, SIGKILL, 0);
}

/* ---- the reaper ------------------------------------------------------------------------ */

bool run_tell(struct run *run, int32_t signal_number, uint32_t grace_ms)
{
	struct reaper_order order = {.signal = signal_number, .grace_ms = grace_ms};

	return run->ctl.fd >= 0 && send(run->ctl.fd, &order, sizeof order,
					   MSG_DONTWAIT) == (ssize_t)sizeof order;
}

static void on_started(struct run *run, pid_t pid)
{
	struct stream *reader = run_reader(run, NULL);
	uint8_t payload[4];

	run->started = true;
	run->pid = pid;
	if (!reader)
		return;
	wire_set_u32(payload, (uint32_t)pid);
	out_frame(PROTO_OPENED, reader->id, payload, sizeof payload);
	stream_ready(reader);
}

static void on_failed(struct run *run, const struct reaper_event *event)
{
	struct stream *reader = run_reader(run, NULL);

	if (reader) {
		out_fail_errno(reader->id, event->value, event->what);
		stream_free(reader);
	}
	run_forget(run);
}

static void on_exited(struct run *run, const struct reaper_event *event)
{
	int status = event->value;

	run->exited = true;
	run->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	run->code = run->signal ? 128 + run->signal : WEXITSTATUS(status);
	run->cpu_us = event->cpu_us;
	run->peak_bytes = event->peak_bytes;
	output_exited(run);
}

/* The reaper is gone.  Without a word only when a root process of the box killed it. */
static void on_gone(struct run *run)
{
	struct reaper_event killed = {.value = SIGKILL};

	source_close(&run->ctl);
	if (!run->started) {
		killed.value = EIO;
		snprintf(killed.what, sizeof killed.what, "start");
		on_failed(run, &killed);
		return;
	}
	if (!run->exited)
		on_exited(run, &killed);
	run->gone = true;
	run_settle(run);
}

static void on_ctl(struct source *source, uint32_t events)
{
	struct run *run = CONTAINER_OF(source, struct run, ctl);
	struct reaper_event event;

	(void)events;
	while (run->ctl.fd >= 0) {
		ssize_t n = recv(run->ctl.fd, &event, sizeof event, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n != (ssize_t)sizeof event) {
			on_gone(run);
			return;
		}
		event.what[sizeof event.what - 1] = '\0';
		if (event.kind == REAPER_STARTED)
			on_started(run, event.value);
		else if (event.kind == REAPER_EXITED)
			on_exited(run, &event);
		else
			on_failed(run, &event);
	}
}

/* ---- input ----------------------------------------------------------------------------- */

static void input_done(struct run *run)
{
	if (!run->writer.eof || run->writer.head || run->in.fd < 0)
		return;
	if (run->pty && write(run->in.fd, "\x04", 1) < 0)
		init_log("end of terminal input", strerror(errno));
	source_close(&run->in);
}

static void on_input(struct source *source, uint32_t events)
{
	struct run *run = CONTAINER_OF(source, struct run, in);

	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	writer_flush(&run->writer, run->in.fd);
	input_done(run);
}

void run_input(struct run *run, uint32_t stream, const uint8_t *data, size_t len)
{
	if (run->writer.eof || run->writer.bytes > INPUT_MAX)
		run->writer.broken = true;
	writer_add(&run->writer, run->in.fd, stream, data, len);
}

void run_input_end(struct run *run)
{
	run->writer.eof = true;
	input_done(run);
}

void run_resize(struct run *run, uint16_t rows, uint16_t cols)
{
	struct winsize size = {.ws_row = rows, .ws_col = cols};

	if (run->pty && run->out[OUT].fd >= 0)
		ioctl(run->out[OUT].fd, TIOCSWINSZ, &size);
}

/* ---- start ----------------------------------------------------------------------------- */

static void take_ends(struct run *run, struct ends *ends)
{
	if (ends->ours[0] >= 0)
		source_add(&run->in, ends->ours[0], on_input);
	output_start(run, OUT, ends->ours[1]);
	if (ends->ours[2] >= 0)
		output_start(run, ERR, ends->ours[2]);
}

/* Forks the reaper; -1 with errno. */
static int launch(struct run *run, struct ends *ends, const uint8_t *payload, size_t len)
{
	int ctl[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl) < 0)
		return -1;
	bool pty = run->pty;
	struct launch launch = {
		.payload = payload,
		.len = len,
		.in = ends->theirs[0],
		.out = ends->theirs[pty ? 0 : 1],
		.err = ends->theirs[pty ? 0 : 2],
		.ctl = ctl[1],
	};
	pid_t pid = fork();
	if (pid == 0)
		reaper_main(&launch);
	close(ctl[1]);
	if (pid < 0) {
		close(ctl[0]);
		return -1;
	}
	source_add(&run->ctl, ctl[0], on_ctl);
	return 0;
}

static struct run *run_new(const char *id, uint8_t flags)
{
	struct run *run = init_alloc(sizeof *run);
	struct run **tail = &runs;

	snprintf(run->id, sizeof run->id, "%s", id);
	run->keep = flags & PROTO_RUN_KEEP;
	run->pty = flags & PROTO_RUN_PTY;
	run->ctl.fd = run->in.fd = run->out[OUT].fd = run->out[ERR].fd = -1;
	writer_start(&run->writer);
	spool_start(&run->spool);
	while (*tail)
		tail = &(*tail)->next;
	*tail = run;
	run_count++;
	return run;
}

/* Runs whose end was reported, but which left processes behind, may make room. */
static bool make_room(void)
{
	for (struct run *at = runs; at && run_count >= LIMIT_BOX_RUNS; at = at->next) {
		if (!at->finished || at->keep)
			continue;
		run_forget(at);
		break;
	}
	return run_count < LIMIT_BOX_RUNS;
}

/* May this START be served?  Else FAIL has been sent. */
static bool admit(uint32_t stream, const struct wire *wire, const char *id)
{
	if (wire->bad || !id[0])
		out_fail(stream, PROTO_FAIL_INPUT, "malformed request to start a run");
	else if (!net_is_set())
		out_fail(stream, PROTO_FAIL_CONFLICT,
			"the box's network is not set up yet");
	else if (run_find(id))
		out_fail(stream, PROTO_FAIL_CONFLICT, "the box has a run %s already", id);
	else if (!make_room())
		out_fail(stream, PROTO_FAIL_LIMIT, "more than %d runs in the box",
			LIMIT_BOX_RUNS);
	else
		return true;
	return false;
}

void run_start(uint32_t id, const uint8_t *payload, size_t len)
{
	struct wire wire = {.at = payload, .left = len};
	struct ends ends;
	char name[64];

	wire_string(&wire, name, sizeof name);
	uint8_t flags = wire_u8(&wire);
	uint16_t rows = wire_u16(&wire), cols = wire_u16(&wire);
	if (!admit(id, &wire, name))
		return;
	struct stream *stream = stream_new(id, STREAM_RUN);
	if (!stream) {
		out_fail(
			id, PROTO_FAIL_LIMIT, "more than %d streams", LIMIT_LINK_STREAMS);
		return;
	}
	struct run *run = run_new(name, flags);
	stream->run = run;
	int made = ends_make(&ends, flags, rows, cols);
	if (made < 0 || launch(run, &ends, payload, len) < 0) {
		out_fail_errno(id, errno, "start a process");
		ends_close(ends.ours);
		ends_close(ends.theirs);
		stream_free(stream);
		run_forget(run);
		return;
	}
	ends_close(ends.theirs);
	take_ends(run, &ends);
}

void run_attach(struct stream *stream, struct run *run, uint64_t offset)
{
	uint8_t *room = out_room();
	uint8_t kind;

	if (offset < run->spool.first) {
		out_fail(stream->id, PROTO_FAIL_CONFLICT,
			"output of the run %s before offset %llu was acknowledged and "
			"dropped",
			run->id, (unsigned long long)run->spool.first);
		stream_free(stream);
		return;
	}
	if (offset != run->spool.end &&
		spool_read(&run->spool, offset, room, &kind) < 0) {
		out_fail(stream->id, PROTO_FAIL_INPUT,
			"offset %llu of the run %s does not follow an event",
			(unsigned long long)offset, run->id);
		stream_free(stream);
		return;
	}
	stream->run = run;
	stream->offset = offset;
	if (!run->started)
		return; /* answered when it has */
	wire_set_u32(room, (uint32_t)run->pid);
	out_commit(PROTO_OPENED, stream->id, 4);
	stream_ready(stream);
}

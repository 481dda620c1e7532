/* SPDX-License-Identifier: MIT */
/*
 * A run's output: from its pipes to the host, by way of the spool when it is kept.
 *
 * When the direct child has exited, what lies in the pipes at that moment is still the
 * run's; then comes EXIT.  What its background processes write later is read and dropped,
 * so that they never die or hang of it.
 */
#include "boxcore/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READS_A_ROUND 8
#define PTY_DRAIN (1 * LIMIT_MIB) /* a terminal does not say how much it holds */
#define DISK_RETRY_MS 500

static uint8_t scratch[PROTO_DATA_MAX];
static bool work_left;
static bool disk_full;

/* ---- what nobody reads any more -------------------------------------------------------- */

struct drain {
	struct source source;
	struct drain *next;
	bool readable;
};
static struct drain *drains;

static void on_drain(struct source *source, uint32_t events)
{
	(void)events;
	CONTAINER_OF(source, struct drain, source)->readable = true;
	work_left = true;
}

static void drain_start(int fd)
{
	struct drain *drain = init_alloc(sizeof *drain);

	drain->next = drains;
	drains = drain;
	source_add(&drain->source, fd, on_drain);
}

static void drain_work(void)
{
	for (struct drain **at = &drains; *at;) {
		struct drain *drain = *at;

		if (!drain->readable) {
			at = &drain->next;
			continue;
		}
		ssize_t n = read(drain->source.fd, scratch, sizeof scratch);
		if (n > 0 || (n < 0 && errno == EINTR)) {
			work_left = true; /* one read a round: an endless writer waits */
			at = &drain->next;
		} else if (n < 0 && errno == EAGAIN) {
			drain->readable = false;
			at = &drain->next;
		} else {
			*at = drain->next;
			source_close(&drain->source);
			init_free_later(drain);
		}
	}
}

void output_leave(struct run *run)
{
	for (int i = 0; i < 2; i++) {
		int fd = run->out[i].fd;

		if (fd < 0)
			continue;
		source_forget(&run->out[i]);
		drain_start(fd);
	}
	run->finished = true;
}

/* ---- reading --------------------------------------------------------------------------- */

static bool wants(const struct run *run, int which)
{
	return run->out[which].fd >= 0 &&
	       (run->exited ? run->drain[which] > 0 : run->readable[which]);
}

static void source_ended(struct run *run, int which)
{
	run->readable[which] = false;
	run->drain[which] = 0;
}

/* Reads what belongs to the run: a count, 0 when there is nothing for now. */
static size_t take(struct run *run, int which, uint8_t *buf, size_t most)
{
	if (run->exited && most > run->drain[which])
		most = run->drain[which];
	ssize_t n = read(run->out[which].fd, buf, most);
	if (n > 0) {
		if (run->exited)
			run->drain[which] -= (size_t)n;
		return (size_t)n;
	}
	if (n < 0 && errno == EINTR)
		return 0;
	if (n == 0 || errno != EAGAIN)
		source_close(&run->out[which]); /* a terminal ends with EIO */
	source_ended(run, which);
	return 0;
}

/* Whose turn it is among stdout and stderr; -1 when neither has anything. */
static int next_turn(struct run *run)
{
	for (int i = 0; i < 2; i++) {
		run->turn = !run->turn;
		if (wants(run, run->turn))
			return run->turn;
	}
	return -1;
}

static bool all_taken(const struct run *run)
{
	return run->exited && !wants(run, OUT) && !wants(run, ERR);
}

static void wake_readers(struct run *run)
{
	for (struct stream *at = run_reader(run, NULL); at; at = run_reader(run, at))
		stream_ready(at);
}

/* ---- kept: into the spool -------------------------------------------------------------- */

static bool spool_held(struct run *run)
{
	if (!run->held)
		return true;
	if (spool_append(&run->spool, run->held_kind, run->held, run->held_len) < 0) {
		disk_full = true;
		init_wake_in(DISK_RETRY_MS);
		return false;
	}
	free(run->held);
	run->held = NULL;
	return true;
}

static void spool_put(struct run *run, int which, size_t len)
{
	uint8_t kind = which == OUT ? PROTO_OUT : PROTO_ERR;

	if (spool_append(&run->spool, kind, scratch, len) == 0)
		return;
	run->held = init_alloc(len);
	memcpy(run->held, scratch, len);
	run->held_len = len;
	run->held_kind = kind;
	disk_full = true;
	init_wake_in(DISK_RETRY_MS);
}

/* Reads at most `most` bytes into the spool. */
static void take_into_spool(struct run *run, int which, size_t most)
{
	size_t room = most < sizeof scratch ? most : sizeof scratch;
	uint8_t *place = spool_place(&run->spool, &room);

	if (place) {
		size_t n = take(run, which, place, room);
		if (n > 0)
			spool_placed(
				&run->spool, which == OUT ? PROTO_OUT : PROTO_ERR, n);
		return;
	}
	size_t n = take(run, which, scratch, room);
	if (n > 0)
		spool_put(run, which, n);
}

static void fill(struct run *run)
{
	uint64_t before = run->spool.end;
	int which = -1;

	run->filling = false;
	for (int i = 0; i < READS_A_ROUND && spool_held(run); i++) {
		size_t most = spool_space(&run->spool);

		which = most > 0 ? next_turn(run) : -1;
		if (which < 0)
			break;
		take_into_spool(run, which, most);
	}
	if (which >= 0 && !run->held)
		work_left = run->filling = true;
	if (!run->held && all_taken(run) && !run->finished) {
		output_leave(run);
		wake_readers(run);
		run_settle(run);
	} else if (run->spool.end != before) {
		wake_readers(run);
	}
}

void output_acked(struct run *run, uint64_t offset)
{
	if (!run->keep)
		return;
	spool_ack(&run->spool, offset);
	if (!run->finished)
		work_left = run->filling = true;
}

/* ---- events ---------------------------------------------------------------------------- */

static void output_ready(struct run *run)
{
	if (run->keep)
		work_left = run->filling = true;
	else
		wake_readers(run);
}

static void on_out(struct source *source, uint32_t events)
{
	struct run *run = CONTAINER_OF(source, struct run, out[OUT]);

	(void)events;
	run->readable[OUT] = true;
	output_ready(run);
}

static void on_err(struct source *source, uint32_t events)
{
	struct run *run = CONTAINER_OF(source, struct run, out[ERR]);

	(void)events;
	run->readable[ERR] = true;
	output_ready(run);
}

void output_start(struct run *run, int which, int fd)
{
	source_add(&run->out[which], fd, which == OUT ? on_out : on_err);
}

void output_exited(struct run *run)
{
	for (int i = 0; i < 2; i++) {
		int held = 0;

		if (run->out[i].fd < 0)
			continue;
		if (run->pty)
			run->drain[i] = PTY_DRAIN;
		else if (ioctl(run->out[i].fd, FIONREAD, &held) == 0 && held > 0)
			run->drain[i] = (size_t)held;
	}
	if (!run->keep && !run_reader(run, NULL)) {
		output_leave(run);
		run_settle(run);
	} else {
		output_ready(run);
	}
}

void output_work(void)
{
	struct run *next;

	if (!work_left)
		return;
	work_left = false;
	for (struct run *run = run_each(NULL); run; run = next) {
		next = run_each(run);
		if (run->filling)
			fill(run);
	}
	drain_work();
}

bool output_work_left(void)
{
	return work_left;
}

void output_tick(void)
{
	if (!disk_full)
		return;
	disk_full = false;
	for (struct run *run = run_each(NULL); run; run = run_each(run))
		if (run->held)
			work_left = run->filling = true;
}

/* ---- to the host ----------------------------------------------------------------------- */

static void send_exit(struct stream *stream)
{
	struct run *run = stream->run;
	uint8_t payload[32];

	wire_set_u64(payload, stream->offset);
	wire_set_u32(payload + 8, (uint32_t)run->code);
	wire_set_u32(payload + 12, (uint32_t)run->signal);
	wire_set_u64(payload + 16, (uint64_t)run->cpu_us);
	wire_set_u64(payload + 24, (uint64_t)run->peak_bytes);
	out_frame(PROTO_EXIT, stream->id, payload, sizeof payload);
	stream_free(stream);
	run_settle(run);
}

static bool produce_kept(struct stream *stream)
{
	struct run *run = stream->run;
	uint8_t *room = out_room();
	uint8_t kind;

	if (stream->offset == run->spool.end) {
		if (run->finished)
			send_exit(stream);
		return false;
	}
	ssize_t n = spool_read(&run->spool, stream->offset, room, &kind);
	if (n < 0) {
		/* Another reader has acknowledged what this one has not seen. */
		session_closed(stream, PROTO_FAIL_CONFLICT);
		stream_free(stream);
		return false;
	}
	if (n > stream_room(stream))
		return false; /* CREDIT makes it ready again */
	stream->offset += PROTO_RECORD_HEADER + (size_t)n;
	wire_set_u64(room, stream->offset);
	out_commit(kind, stream->id, PROTO_RECORD_HEADER + (size_t)n);
	stream_spent(stream, PROTO_RECORD_HEADER + (size_t)n);
	return true;
}

static bool produce_live(struct stream *stream)
{
	struct run *run = stream->run;
	int64_t most = stream_room(stream);
	int which = most > 0 ? next_turn(run) : -1;

	if (which >= 0) {
		uint8_t *room = out_room();
		size_t n = take(run, which, room + PROTO_RECORD_HEADER, (size_t)most);

		if (n == 0)
			return true;
		stream->offset += n;
		wire_set_u64(room, stream->offset);
		out_commit(which == OUT ? PROTO_OUT : PROTO_ERR, stream->id,
			PROTO_RECORD_HEADER + n);
		stream_spent(stream, PROTO_RECORD_HEADER + n);
		return true;
	}
	if (all_taken(run)) {
		output_leave(run);
		send_exit(stream);
	}
	return false;
}

bool output_produce(struct stream *stream)
{
	if (!stream->run->started)
		return false;
	return stream->run->keep ? produce_kept(stream) : produce_live(stream);
}

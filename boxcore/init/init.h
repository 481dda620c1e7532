/* SPDX-License-Identifier: MIT */
/*
 * What the files of boxinit share.  boxinit is PID 1 of a box: one thread, one epoll
 * loop, which never blocks; everything that may block (looking up users, executing,
 * sweeping processes, files) is done by the processes that it starts.
 *
 *	main.c     start, the loop, signals, orderly stop
 *	out.c      what goes to the host, fairly
 *	session.c  what comes from the host
 *	stream.c   credit, input queues, the table of streams
 *	run.c      runs; ends.c: their pipes; output.c: their output; spool.c: the kept
 *	           part of it
 *	reaper.c   the process that stands between us and each run; spawn.c: executing
 *	tcp.c stats.c file.c
 *	net.c      the network's modes; route.c: its routes; nft.c: its packet rules;
 *	           cut.c: connections of a former mode
 *	gate.c     connections and names of a box with a policy; dns.c: questions
 *
 * Out of memory ends the process and with it the box; so all that is kept is bounded.
 */
#ifndef BOXCORE_INIT_INIT_H
#define BOXCORE_INIT_INIT_H

#include "boxcore/link/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTAINER_OF(p, type, member)                                                    \
	((type *)(void *)((char *)(p)-offsetof(type, member)))

/* ---- main.c ---------------------------------------------------------------------------- */

/* A descriptor in the loop, edge-triggered.  Part of a larger object. */
struct source {
	int fd; /* -1: none */
	void (*fn)(struct source *source, uint32_t events);
};
bool source_add(struct source *source, int fd, void (*fn)(struct source *, uint32_t));
void source_forget(
	struct source *source);           /* out of the loop; the descriptor stays open */
void source_close(struct source *source); /* and closes it; none is fine */

void *init_alloc(size_t size); /* zeroed; never NULL */
void init_free_later(void *p); /* after this round of events, which may still name it */
int64_t init_now_ms(void);
void init_wake_in(int64_t ms); /* runs init_work() again then at the latest */
void init_log(const char *text, const char *detail);

extern int init_self_fd;       /* our own executable */
extern uint32_t init_self_crc; /* of its contents */
extern uint8_t init_boot_id[16];

/* ---- out.c ----------------------------------------------------------------------------- */

void out_start(int fd);
void out_session(uint32_t session); /* of all later frames; what was queued is dropped */
/* A control frame. */
void out_frame(enum proto_type type, uint32_t stream, const void *payload, size_t len);
void out_fail(uint32_t stream, enum proto_fail kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void out_fail_errno(uint32_t stream, int errnum, const char *what);
void out_reply(uint32_t stream, const void *payload, size_t len); /* of any length */
/* Room for the payload of a data frame, then the frame. */
uint8_t *out_room(void);
void out_commit(enum proto_type type, uint32_t stream, size_t len);
bool out_full(void);  /* no more data frames now */
bool out_stuck(void); /* so much waits that no more requests are taken */
void out_flush(void);
enum proto_fail fail_of_errno(int errnum);

/* ---- stream.c -------------------------------------------------------------------------- */

/* Bytes on their way from the host into a descriptor. */
struct chunk;
struct writer {
	struct chunk *head, **tail;
	size_t bytes;
	bool eof;    /* nothing comes behind what is queued */
	bool broken; /* the reader is gone: what comes is dropped */
};

enum stream_kind { STREAM_RUN, STREAM_STOP, STREAM_TCP, STREAM_LISTEN, STREAM_GATE };

struct run;
struct stream {
	uint32_t id;
	enum stream_kind kind;
	struct stream *next;       /* of all */
	struct stream *next_ready; /* of those with something to send */
	bool ready;
	int64_t credit;    /* what we may send */
	int64_t window;    /* what the host may send */
	uint32_t consumed; /* not granted again yet */

	struct run *run; /* RUN, STOP */
	uint64_t offset; /* RUN: sent so far */

	struct source source; /* TCP, LISTEN */
	struct writer writer; /* TCP */
	bool connecting, readable, sent_eof;
	bool offered; /* by ACCEPT; the host has not taken it yet */
	bool gated;   /* of the gate */
	uint16_t port;
};

struct stream *stream_new(uint32_t id, enum stream_kind kind); /* NULL: too many */
struct stream *stream_find(uint32_t id);
struct stream *stream_each(struct stream *after); /* NULL starts */
void stream_free(struct stream *stream);          /* its objects have been dealt with */
void stream_ready(struct stream *stream);
void stream_pump(void); /* sends what is ready as far as there is room */
bool stream_pump_left(void);
int64_t stream_room(const struct stream *stream); /* data bytes that credit allows */
void stream_spent(struct stream *stream, size_t payload);
/* DATA has come: false when it is more than was granted. */
bool stream_received(struct stream *stream, size_t payload);

void writer_start(struct writer *writer);
/* Writes or queues; the cost is granted to the stream again when it has been written. */
void writer_add(
	struct writer *writer, int fd, uint32_t stream, const uint8_t *data, size_t len);
void writer_flush(struct writer *writer, int fd); /* as far as fd takes it */
void writer_clear(struct writer *writer);
void writer_disown(struct writer *writer, uint32_t stream); /* the stream is gone */

/* ---- spool.c --------------------------------------------------------------------------- */

struct spool {
	uint8_t *
		ring; /* all of first to end; NULL while it lies in the file, or at first */
	size_t ring_size;
	int fd;         /* -1: none yet */
	uint64_t first; /* what lies before was acknowledged */
	uint64_t end;
};
void spool_start(struct spool *spool);
void spool_release(struct spool *spool);
size_t spool_space(const struct spool *spool); /* output that may be appended */
/* 0, or -1 when the disk is full: try again later. */
int spool_append(struct spool *spool, uint8_t kind, const uint8_t *data, size_t len);
/* Where the output of the next record may be put directly, at most *most bytes of it (cut to
 * what is there); NULL: by spool_append() alone.  spool_placed() makes it a record. */
uint8_t *spool_place(struct spool *spool, size_t *most);
void spool_placed(struct spool *spool, uint8_t kind, size_t len);
/* The record at `offset` with its header into buf (PROTO_RECORD_HEADER + PROTO_DATA_MAX);
 * returns the length of its output, or -1 when there is none. */
ssize_t spool_read(
	const struct spool *spool, uint64_t offset, uint8_t *buf, uint8_t *ret_kind);
void spool_ack(struct spool *spool, uint64_t offset);

/* ---- run.c, output.c ------------------------------------------------------------------- */

enum { OUT, ERR };

struct run {
	struct run *next; /* oldest first */
	char id[64];
	bool keep, pty;
	bool started;  /* executed */
	bool exited;   /* the direct child has */
	bool finished; /* and all of its output is taken: nothing comes any more */
	bool gone;     /* and no process is left */
	bool filling;  /* output.c: has more to read now */
	pid_t pid;
	struct source ctl;
	struct source in;
	struct writer writer;
	struct source out[2];
	bool readable[2];
	size_t drain[2]; /* after the exit: bytes that still belong to the run */
	int turn;
	struct spool spool; /* keep */
	uint8_t *held;      /* read, but the disk was full */
	size_t held_len;
	uint8_t held_kind;
	int32_t code, signal;
	int64_t cpu_us, peak_bytes;
};

void run_start(uint32_t stream, const uint8_t *payload, size_t len);
void run_attach(struct stream *stream, struct run *run, uint64_t offset);
struct run *run_find(const char *id);
struct run *run_each(struct run *after);
bool run_tell(struct run *run, int32_t signal, uint32_t grace_ms); /* signal 0: stop */
void run_input(struct run *run, uint32_t stream, const uint8_t *data, size_t len);
void run_input_end(struct run *run);
void run_resize(struct run *run, uint16_t rows, uint16_t cols);
/* A stream goes away: ends a run that nobody reads any more. */
void run_detach(struct stream *stream);
void run_settle(struct run *run); /* frees what is not needed any more */
void run_forget(struct run *run);
struct stream *run_reader(
	struct run *run, struct stream *after); /* its streams in turn */

void output_start(struct run *run, int which, int fd);
void output_exited(struct run *run);
/* A stream of a run sends something; false when there is nothing for now. */
bool output_produce(struct stream *stream);
void output_acked(struct run *run, uint64_t offset);
void output_leave(struct run *run); /* finished: what is still written is drained */
void output_tick(void);
void output_work(void); /* reading that was put off for fairness */
bool output_work_left(void);

/* ---- ends.c ---------------------------------------------------------------------------- */

/* The two ends of each way: ours[i] non-blocking, theirs[i]; -1 where there is none.  Of a
 * terminal theirs[0] is all three, ours[0] and ours[1] are for writing and reading. */
struct ends {
	int ours[3], theirs[3];
};
/* 0, or -1 with errno; what was made stands in *ends in any case. */
int ends_make(struct ends *ends, uint8_t flags, uint16_t rows, uint16_t cols);
void ends_close(int fds[3]);

/* ---- reaper.c, spawn.c ----------------------------------------------------------------- */

enum { REAPER_STARTED = 1, REAPER_FAILED, REAPER_EXITED };

struct reaper_event { /* reaper to us */
	int32_t kind;
	int32_t value; /* pid, errno, wait status */
	int64_t cpu_us, peak_bytes;
	char what[64]; /* FAILED: what failed */
};
struct reaper_order { /* us to reaper; signal 0: stop with grace */
	int32_t signal;
	uint32_t grace_ms;
};

struct launch {
	const uint8_t *payload; /* of START */
	size_t len;
	int in, out, err; /* the child's ends; all the same for a terminal */
	int ctl;
};
_Noreturn void reaper_main(const struct launch *launch);

struct spawn {
	bool root, pty, self;
	char cwd[LIMIT_PATH];
	char **argv, **env;
};
bool spawn_parse(struct wire *wire, struct spawn *spawn); /* behind the id */
/* Executes in a child that shares our memory until then: the pid, or -1 with errno. */
pid_t spawn_execute(struct spawn *spawn, const char **ret_what);
void spawn_limits(void);       /* remembers, raises ours */
void spawn_capabilities(void); /* children can never have more than these */

/* ---- session.c ------------------------------------------------------------------------- */

void session_start(int fd);
void session_drop(void); /* the host is gone: ends all streams */
void session_tick(void);
bool session_read_left(void);
void session_read(void);
/* A CLOSE of ours, the last message of a stream. */
void session_closed(struct stream *stream, enum proto_fail kind);

/* ---- the rest -------------------------------------------------------------------------- */

void tcp_connect(uint32_t stream, uint16_t port);
void tcp_listen(uint32_t stream, uint16_t port);
bool tcp_produce(struct stream *stream);
void tcp_data(struct stream *stream, const uint8_t *data, size_t len);
void tcp_eof(struct stream *stream);
void tcp_taken(struct stream *stream);
/* `keep` what the next host can take up: ports, and connections that nobody took. */
void tcp_drop(struct stream *stream, bool keep);

/* Offers a connection to the host by an ACCEPT of this payload; false: closed, for there
 * are too many streams. */
bool tcp_offer(int fd, const uint8_t *payload, size_t len, bool gated);
void tcp_end_gated(void); /* cuts all connections of the gate */
/* Cuts the oldest one that the host has ended and the box has not; false: there is none. */
bool tcp_end_stale(void);

bool net_is_set(void);
bool net_is_gated(void);
void net_setup(uint32_t stream, struct wire *wire);

/* 0, or -1 with errno (route.c). */
int route_unreachable(const char *cidr, bool on);
int route_all_local(bool on);                            /* every address is this box */
int route_default(uint32_t gateway, uint32_t interface); /* network byte order */

struct nft_gate {
	uint16_t tcp_port, dns_port; /* of 127.0.0.1 */
	uint32_t own[4];             /* addresses of the box; reached as ever */
	size_t own_count;
};
int nft_gate(const struct nft_gate *gate); /* 0, or -1 with errno; all or nothing */
int nft_clear(void);
void cut_connections(void);

/* 0, or -1 with errno; open already is fine. */
int gate_open(uint16_t *ret_tcp_port, uint16_t *ret_dns_port);
void gate_close(void);
void gate_listen(uint32_t stream); /* GATE */
void gate_drop(void);              /* its stream goes */
void gate_ended(void);             /* a connection of it has */
bool gate_keep(int fd);            /* one that nobody took, for the next host */
void gate_work(void);
bool gate_work_left(void);

void stats_reply(uint32_t stream);
int file_main(int argc, char **argv);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The messages of a link: the manual of what host and boxinit say to each other.
 *
 * The way there is the container's stdin, the way back its stdout.  Each message is one
 * frame (frame.h), or several with FRAME_MORE on all but the last where that is said.
 *
 * Attach.  The host sends PROTO_PREAMBLE zero bytes, which complete and thereby spoil
 * whatever frame a former host was killed in the middle of, then HELLO with a random
 * nonce; the first four bytes of the nonce are the session of every later frame both
 * ways. The box drops all streams of the former attach and answers HELLO_ACK with the
 * nonce. The host discards everything before that.  Frames of another session are ignored
 * by both.  A box that loses sync says LOST, and the host attaches again.
 *
 * Streams.  The host opens odd numbers, always ascending, with one of the opening
 * messages; the box opens even ones with ACCEPT.  Each stream opened by either side ends
 * with exactly one final message of the box: FAIL, REPLY, EXIT or CLOSE.  The host may
 * send CLOSE at any time and still gets one.  Frames to a stream that has ended are
 * ignored by the box (they crossed); to the host they are an offence that ends the link.
 *
 * Credit.  A side may send DATA, OUT and ERR on a stream while the sum of their costs
 * (payload + FRAME_HEADER_SIZE) stays within what the other side granted: at first
 * LIMIT_STREAM_CREDIT, later what CREDIT adds, which the receiver sends as its user takes
 * the data.  Other messages are free.  A box that sends more ends the link.
 *
 * Life.  The host sends PING at least every PROTO_PING_MS; a box that hears nothing at
 * all for PROTO_SILENCE_MS takes the host for dead and drops the attach.
 */
#ifndef BOXCORE_LINK_PROTO_H
#define BOXCORE_LINK_PROTO_H

#include "boxcore/link/frame.h"

#define PROTO_VERSION 1
#define PROTO_NONCE_SIZE 16
#define PROTO_PREAMBLE FRAME_SIZE_MAX
#define PROTO_DATA_MAX (LIMIT_FRAME - 64) /* bytes in one DATA, OUT or ERR */
#define PROTO_PING_MS 20000
#define PROTO_SILENCE_MS 90000

/* Where boxinit lies in a box, read-only, and what argv[0] names it.  The file verbs are
 * runs of it; boxinit executes its own open file, whatever is at this path. */
#define PROTO_INIT_PATH "/.boxwright/boxinit"
#define PROTO_HOME "/workspace/home" /* default folder of a run */

enum proto_type {
	/* Stream 0, host to box */
	PROTO_HELLO = 1, /* u16 version, 16 bytes nonce */
	PROTO_PING = 3,  /* u64 anything */
	/* Stream 0, box to host */
	PROTO_HELLO_ACK = 2, /* u16 version, nonce, 16 bytes boot id, u32 CRC of boxinit's
				file, u8 flags: 1 network is set up, 2 it is gated */
	PROTO_PONG = 4,      /* the same u64 */
	PROTO_LOST = 5,      /* text: why */

	/* Opening, host to box.  Until NETWORK has succeeded once since the box was
	 * started, START, CONNECT and LISTEN FAIL with PROTO_FAIL_CONFLICT. */
	PROTO_START = 16,  /* (MORE) a run; fields at struct proto_start.  OPENED u32 pid,
			      or  FAIL; then OUT, ERR, at last EXIT */
	PROTO_ATTACH = 17, /* text run id, u64 offset: a kept run.  OPENED u32 pid; then
			      as START */
	PROTO_CONNECT =
		18, /* u16 port of 127.0.0.1.  OPENED; DATA and EOF both ways; CLOSE */
	PROTO_LISTEN = 19, /* u16 port of 127.0.0.1.  OPENED; the stream stays open for as
			      long as the host listens and carries nothing.  Connections
			      come as ACCEPT.  CLOSE by the host closes the port; when the
			      host dies the port stays open and connections wait in its
			      queue for the next LISTEN */
	PROTO_SIGNAL =
		20,      /* text run id, u8 signal: to every process of the run.  REPLY */
	PROTO_STOP = 21, /* text run id, u32 grace_ms: INT, TERM after the grace, KILL
			    after it once more.  REPLY when no process is left */
	PROTO_FORGET = 22, /* text run id: a finished kept run.  REPLY */
	PROTO_LIST = 23, /* REPLY (MORE): for each kept run: text id, u8 state (0 running,
			    1 exited), i32 exit code, u64 first offset, u64 end offset */
	PROTO_STATS = 24,   /* REPLY: i64 cpu_us, i64 memory, i64 peak, u32 processes */
	PROTO_NETWORK = 25, /* u8 enum proto_network, u32 count, texts (CIDRs that become
			       unreachable).  REPLY.  ALL and GATED may follow each other
			       while the box runs; connections of the former mode are cut.
			       After a FAIL nothing is started until one succeeds */
	PROTO_GATE =
		26, /* of a gated box: as LISTEN, for all connections that are made to
			       anywhere but the box itself.  Their ACCEPT says where to; at
			       most LIMIT_EGRESS_CONNECTIONS at a time, the others wait in
			       the box, as all do while nobody asks for them */

	/* Opening, box to host, stream even */
	PROTO_ACCEPT =
		32, /* u32 stream of the LISTEN; of a GATE also u32 IPv4 address, u16 port,
			      text name: that the box asked for when it was given a made-up
			      address, which is 0 then.  The host answers OPENED, before which
			      nothing is read from the connection, or CLOSE; then as
			      CONNECT.  One that no host has answered is offered again
			      after the next LISTEN */

	/* On an open stream, both ways */
	PROTO_DATA = 40,   /* bytes: to a run its stdin */
	PROTO_EOF = 41,    /* the sender sends no more DATA */
	PROTO_CREDIT = 42, /* u32 more bytes */
	PROTO_CLOSE = 43,  /* host: drop it; a run without keep is killed.  Box: final; u8
			      enum proto_fail or 0 */
	/* On an open stream, host to box */
	PROTO_RESIZE = 44, /* u16 rows, u16 cols */
	PROTO_ACK = 45,    /* u64 offset: what lies before is not asked for any more */
	/* On an open stream, box to host */
	PROTO_OPENED = 48, /* as the opening message says; by the host after ACCEPT */
	PROTO_FAIL = 49,   /* final; u8 enum proto_fail, text */
	PROTO_REPLY = 50,  /* final (with its last frame); as the opening message says */
	PROTO_OUT = 51,  /* u64 offset behind it, bytes of stdout (or of the terminal) */
	PROTO_ERR = 52,  /* as OUT, of stderr */
	PROTO_EXIT = 53, /* final; u64 offset, i32 exit code (128 + signal), i32 signal,
			    i64 cpu_us, i64 peak_bytes */
};

/* START: text run id, u8 flags, u16 rows, u16 cols, text cwd ("" for PROTO_HOME),
 * u32 argc, argc texts, u32 envc, envc texts "K=V".  At most LIMIT_RUN_ARGS in all. */
enum proto_start_flag {
	PROTO_RUN_ROOT = 1,
	PROTO_RUN_PTY = 2,
	PROTO_RUN_STDIN = 4, /* else /dev/null */
	PROTO_RUN_KEEP = 8,
	PROTO_RUN_SELF = 16, /* executes boxinit itself */
};

enum proto_network {
	PROTO_NETWORK_ALL = 0,    /* the interface it has, less the given CIDRs */
	PROTO_NETWORK_TUNNEL = 1, /* loopback alone */
	PROTO_NETWORK_GATED = 2,  /* loopback alone; TCP and names end at boxinit */
};

enum proto_fail {
	PROTO_FAIL_INPUT = 1,
	PROTO_FAIL_DENIED = 2,
	PROTO_FAIL_NOT_FOUND = 3,
	PROTO_FAIL_CONFLICT = 4,
	PROTO_FAIL_LIMIT = 5,
	PROTO_FAIL_TRANSIENT = 6,
	PROTO_FAIL_INTERNAL = 7,
};

/* The spool of a kept run is a sequence of records: a header of PROTO_RECORD_HEADER bytes
 * and the output; offsets count both, so that one number orders stdout and stderr.  Only
 * offsets that came with an event are good for ATTACH; any other is refused. */
#define PROTO_RECORD_HEADER 8

/* Exit codes of `boxinit file ...`: enum proto_fail + PROTO_FILE_EXIT; stderr has one
 * line "ERRNONAME path: text". */
#define PROTO_FILE_EXIT 64

#endif

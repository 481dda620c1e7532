/* SPDX-License-Identifier: MIT */
/*
 * libboxcore: durable boxes on a Docker Engine.
 *
 * A box is a container with a file system of its own, its own processes and network, that
 * lasts until it is deleted.  Commands in it are runs: they go on when the caller goes away,
 * even when the whole calling process dies, and their output can be taken up again at the
 * last byte that was seen.  A snapshot holds a box's files and starts further boxes.
 *
 * Everything is addressed by the box's id, so no handle of a box is ever held; the links to
 * boxes are kept inside and made anew when needed.  All functions are thread-safe, block at
 * most as long as their cancel allows, and return 0 or -1 with err.  Strings given are
 * copied.  Strings returned belong to the structure that they stand in.
 *
 * A box's bytes are hostile: all that comes out of a box is bounded and never trusted.
 *
 * See tests/example/ for a program of a page that uses it all.
 */
#ifndef BOXCORE_BOXCORE_H
#define BOXCORE_BOXCORE_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the core -------------------------------------------------------------------------- */

struct boxcore;

struct egress_verdict {
	const char *name; /* that the box asked for; "" when it named an address only */
	const char
		*address; /* that was connected to or asked for; "" when none was known */
	uint16_t port;
	bool allowed;
	const char *reason; /* of a refusal, for people */
};

struct boxcore_options {
	const char *
		engine; /* "unix:///var/run/docker.sock", "tcp://host:2376"; NULL: $DOCKER_HOST
	                         or the first */
	const char *tls_dir; /* ca.pem, cert.pem, key.pem for tcp:// */
	const char *
		instance; /* [a-z0-9-]{1,32}: boxes of another instance are never touched */
	const char *runtime; /* OCI runtime of boxes; NULL: the Engine's own default */
	const char *box_network; /* bridge for boxes with a network; NULL: "boxwright" */
	/* What was decided about a connection of a gated box; NULL: nobody is told.  Runs on a
	 * thread of the gate and must not block.  The same destination with the same outcome
	 * is told once in some seconds, and a box at most so often a minute
	 * (LIMIT_EGRESS_TOLD), so what is done with it needs no bound of its own. */
	void (*on_egress)(
		void *arg, const char *box, const struct egress_verdict *verdict);
	void *on_egress_arg;
};

/* Connects, negotiates the version (1.41 to 1.44 is spoken), makes sure that boxinit is on
 * the engine and that the box network exists.  boxcore_close() ends the links; boxes and
 * their runs go on. */
int boxcore_open(struct boxcore **ret_core, const struct boxcore_options *options,
	struct cancel *cancel, struct err *err);
void boxcore_close(struct boxcore *core);
DEFINE_CLEANUP(boxcore, struct boxcore *, boxcore_close(*value))

struct engine; /* boxcore/engine/engine.h, for images and diagnosis */
struct engine *boxcore_engine(struct boxcore *core); /* borrowed */
/* As opened; what is named on the Engine for all to see has it in its name.  Borrowed. */
const char *boxcore_instance(const struct boxcore *core);

/* ---- boxes ----------------------------------------------------------------------------- */

enum box_network {
	BOX_NETWORK_ALL,    /* outward all but the host, private ranges and other boxes */
	BOX_NETWORK_TUNNEL, /* no interface; only what box_listen() offers over the link */
	BOX_NETWORK_GATED, /* names resolve to made-up addresses, TCP ends at the gate, which
	                       judges each connection by the policy; nothing else goes out */
};

/* Who a box with a policy may reach.  ALL: the lists are not looked at.  GATED: TCP to a name
 * of `allowed_domains` ("example.com": that alone; "*.example.com": what is below it, not it
 * itself), or to an address, or a name that resolves to one, within `allowed_cidrs`; what lies
 * in `denied_cidrs` is refused before that.  Nothing listed: nothing is reached (deny-all).
 * The host, private, link-local and metadata addresses are refused whatever is listed.
 *
 * A TLS connection is judged by the server name of its hello and cut after it, plain HTTP
 * by each request's Host.  With `allowed_cidrs` a name that is not listed is looked up by
 * the host to see where it leads, which tells name servers; without them it is not. */
struct box_policy {
	enum box_network mode;              /* ALL or GATED */
	const char *const *allowed_domains; /* each list NULL-ended; NULL: empty */
	const char *const *allowed_cidrs;
	const char *const *denied_cidrs;
};
/* ERR_INPUT names the entry, ERR_LIMIT the list that is too long.  Pure. */
int box_policy_check(const struct box_policy *policy, struct err *err);

struct box_spec {
	const char *
		id; /* [a-z0-9-]{1,63}, the caller's; the container's name follows from it */
	const char *image;    /* reference, or a snapshot's id */
	double cpus;          /* 0: 2 */
	int64_t memory_bytes; /* 0: 4 GiB */
	int64_t pids_max;     /* 0: 2048 */
	int64_t disk_bytes;   /* 0: no limit; enforced where the storage driver can */
	enum box_network network;
	/* A box whose network can be changed by box_network_set(), with its first policy;
	 * NULL: what `network` says (not GATED), for good.  Copied. */
	const struct box_policy *policy;
	const char *const *labels; /* "key=value", NULL-ended; beside our own */
};

enum box_state { BOX_RUNNING, BOX_PAUSED, BOX_FAILED };

/* How a box that does not run came to stop.  All but FRESH keep their files, and any may be
 * resumed. */
enum box_end {
	BOX_END_NONE,   /* it runs */
	BOX_END_PAUSED, /* in order: by box_pause() or the Engine's stop */
	BOX_END_FRESH,  /* was made and never started: a create that was cut off */
	BOX_END_MEMORY, /* its first process was killed for want of memory */
	BOX_END_KILLED, /* from outside: the Engine or the machine went down, or docker kill */
};

struct box_info {
	char id[64];
	char container[80];
	enum box_state state;
	enum box_end end;
	int exit_code; /* of its first process, while it does not run */
	int64_t created_s;
	char image[160];
};

/* Creates, starts, attaches and sets up the network before anything else runs.  A box of
 * that id that exists already is ERR_CONFLICT. */
int box_create(struct boxcore *core, const struct box_spec *spec, struct cancel *cancel,
	struct err *err);
/* Stops all processes (TERM, then KILL after 5 s), keeps the files, frees the rest. */
int box_pause(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err);
/* Starts a paused box; a running one is fine.  run_start(), run_capture(), the file verbs,
 * box_connect() and box_listen() wake a paused box themselves; nothing else does. */
int box_resume(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err);
int box_delete(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err);
int box_get(struct boxcore *core, const char *id, struct box_info *ret_info,
	struct cancel *cancel, struct err *err);
/* All boxes of this instance, by label; free() the array. */
int box_list(struct boxcore *core, struct box_info **ret_infos, size_t *ret_count,
	struct cancel *cancel, struct err *err);
/* What the box has changed over its image, in bytes of its files; of a paused one too.  The
 * Engine walks the box's own layer for it: 1 ms for a small one, growing with its files. */
int box_disk(struct boxcore *core, const char *id, int64_t *ret_changed_bytes,
	struct cancel *cancel, struct err *err);

/* ---- images ---------------------------------------------------------------------------- */

struct runtime; /* boxcore/runtime.h: the table of languages */

struct image_want {
	const struct runtime
		*runtime;  /* one of ours: built when it is not there.  Or NULL: */
	const char *image; /* a reference */
	const char *base;  /* of a runtime; NULL: RUNTIME_BASE, what images.sh makes */
	bool pull;         /* an image (or a base) that is not there may be pulled */
};

#define IMAGE_REF_SIZE 256

/* Makes sure that the image is on the Engine, and tells what to give to box_spec.image.  At
 * once when it is there; else it is built or pulled, which takes minutes: on_progress (may be
 * NULL; borrowed text, one line, of the Engine or the package manager: untrusted) is called
 * now and then by the calling thread.  Several callers at a time for one image: one works,
 * the others wait for it.  ERR_NOT_FOUND when it is not there and may not be pulled. */
typedef void (*image_on_progress)(void *arg, const char *line);
int image_ensure(struct boxcore *core, const struct image_want *want,
	char ret_image[IMAGE_REF_SIZE], image_on_progress on_progress, void *arg,
	struct cancel *cancel, struct err *err);
/* Whether image_ensure() would return at once. */
int image_exists(struct boxcore *core, const struct image_want *want, bool *ret_exists,
	struct cancel *cancel, struct err *err);

/* The policy of a box that was made with one: at once if it runs, else from its next start.
 * Connections through the gate that are open are cut; those that were open when the network
 * was ALL too.  It is remembered in this process alone: a new process says it again for each
 * such box.  Until then a box that runs keeps its mode, one that is started is gated, and what
 * connects to the gate waits.  ERR_CONFLICT for a box that was made without a policy. */
int box_network_set(struct boxcore *core, const char *box,
	const struct box_policy *policy, struct cancel *cancel, struct err *err);

/* ---- snapshots ------------------------------------------------------------------------- */

struct snapshot_info {
	char image[80]; /* "sha256:..." : give it to box_spec.image */
	int64_t size_bytes;
	int layers;
};

/* Files only: no process, no environment, nothing of ours.  `tag` ("boxwright-snap:NAME")
 * names the image and makes a repeat find it instead of making another. */
int box_snapshot(struct boxcore *core, const char *id, const char *tag,
	struct snapshot_info *ret_info, struct cancel *cancel, struct err *err);
int snapshot_find(struct boxcore *core, const char *tag, struct snapshot_info *ret_info,
	struct cancel *cancel, struct err *err); /* ERR_NOT_FOUND */
int snapshot_delete(
	struct boxcore *core, const char *image, struct cancel *cancel, struct err *err);
/* The names of this instance's snapshots that begin with `prefix`; free() the array. */
#define SNAPSHOT_NAME_SIZE 256
int snapshot_list(struct boxcore *core, const char *prefix,
	char (**ret_names)[SNAPSHOT_NAME_SIZE], size_t *ret_count, struct cancel *cancel,
	struct err *err);
/* For whoever makes a box only to keep it as `tag`: returns when no other thread is between
 * these two for that tag, so that snapshot_find() then sees what another has made.  Each
 * enter that returned 0 has its leave.  Within it any other verb may be called. */
int snapshot_make_enter(
	struct boxcore *core, const char *tag, struct cancel *cancel, struct err *err);
void snapshot_make_leave(struct boxcore *core, const char *tag);

/* ---- runs ------------------------------------------------------------------------------ */

struct run_spec {
	const char *id; /* [a-z0-9-]{1,63}, unique in the box; NULL: one is made */
	const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH */
	const char *cwd;         /* NULL: /workspace/home */
	const char *const *env;  /* "K=V", NULL-ended, over the box's defaults */
	bool root;               /* else uid 1000, boxuser */
	bool pty;                /* one terminal instead of two pipes */
	uint16_t rows, cols;     /* of the terminal */
	bool stdin_open;         /* else /dev/null */
	bool keep; /* spool the output and survive us (detached run); else the run
	                             is killed when its last reader goes away */
};

enum run_event_kind { RUN_STDOUT, RUN_STDERR, RUN_EXIT };

struct run_event {
	enum run_event_kind kind;
	const char *data; /* borrowed until the next run_read() */
	size_t len;
	uint64_t offset; /* of the spool after this event: what to give to run_attach() */
	/* RUN_EXIT only: */
	int exit_code; /* 0-255; 128 + signal when a signal ended it; -1: lost with the box */
	int signal;
	int64_t cpu_us; /* user and system time of the run and its waited-for children */
	int64_t peak_bytes; /* largest resident set */
};

struct run;

/* Starts a run and attaches to it.  A keep-run whose id exists already is ERR_CONFLICT: a
 * caller that is not sure attaches first. */
int run_start(struct boxcore *core, const char *box, const struct run_spec *spec,
	struct run **ret_run, struct cancel *cancel, struct err *err);
/* Takes up a kept run behind `offset`; ERR_NOT_FOUND when the box does not know it, or is
 * paused, for then its runs have ended.  As all that names a run, it does not wake the box. */
int run_attach(struct boxcore *core, const char *box, const char *run_id, uint64_t offset,
	struct run **ret_run, struct cancel *cancel, struct err *err);
const char *run_id(const struct run *run);
uint32_t run_pid(
	const struct run *run); /* of its first process, in the box's numbering */

/* The next event; blocks.  After RUN_EXIT, which comes after all output, there is no more.
 * What has been read may be dropped from the spool once run_ack() says so; the box is told
 * every 256 KiB, so it may keep a little more, and call it as often as you like. */
int run_read(struct run *run, struct run_event *ret_event, struct cancel *cancel,
	struct err *err);
void run_ack(struct run *run, uint64_t offset);
int run_write(struct run *run, const void *data, size_t len, struct cancel *cancel,
	struct err *err);
int run_close_stdin(struct run *run, struct cancel *cancel, struct err *err);
int run_resize(struct run *run, uint16_t rows, uint16_t cols, struct err *err);
void run_close(struct run *run); /* detaches; see run_spec.keep */
/* Closes a kept run and, after RUN_EXIT has been read, forgets it without waiting for the
 * box's answer: what run_forget() and run_close() do, but for a round trip.  Call it when the
 * result is stored.  What the run left behind in the background lives on. */
void run_done(struct run *run);
DEFINE_CLEANUP(run, struct run *, run_close(*value))

/* Signals every process that the run started, also those in sessions of their own. */
int run_signal(struct boxcore *core, const char *box, const char *run_id, int signal,
	struct cancel *cancel, struct err *err);
/* INT, then TERM after grace_ms, then KILL, to all of the run. */
int run_stop(struct boxcore *core, const char *box, const char *run_id, int64_t grace_ms,
	struct cancel *cancel, struct err *err);
/* Forgets a finished kept run and its spool. */
int run_forget(struct boxcore *core, const char *box, const char *run_id,
	struct cancel *cancel, struct err *err);

struct run_info {
	char id[64];
	bool exited;    /* the direct child has; output may still lie in the spool */
	int exit_code;  /* once exited */
	uint64_t first; /* spool offset of the oldest output that is kept */
	uint64_t end;   /* and behind the newest */
};
/* The kept runs of a box, oldest first; free() the array.  Does not wake a paused box, which
 * is ERR_CONFLICT (it has no runs). */
int run_list(struct boxcore *core, const char *box, struct run_info **ret_infos,
	size_t *ret_count, struct cancel *cancel, struct err *err);

struct run_result {
	int exit_code;
	struct strbuf out;     /* set max before; ERR_LIMIT when the run writes more */
	struct strbuf err_out; /* cut silently at its max */
	int64_t cpu_us;
	int64_t peak_bytes;
};
void run_result_release(struct run_result *result);
DEFINE_CLEANUP(run_result, struct run_result, run_result_release(value))

/* Runs to the end with `input` on stdin (may be NULL).  A non-zero exit is a success. */
int run_capture(struct boxcore *core, const char *box, const struct run_spec *spec,
	const void *input, size_t input_len, struct run_result *result,
	struct cancel *cancel, struct err *err);

/* ---- files ----------------------------------------------------------------------------- */

/* As the box's user unless root.  Paths are absolute, at most LIMIT_PATH bytes. */

struct file_info {
	char *path; /* absolute */
	char *name;
	int64_t size;
	int64_t mtime_s;
	int64_t mtime_ns; /* below the second */
	uint64_t inode;
	uint32_t mode; /* as st_mode */
};

typedef int (*box_sink)(void *arg, const void *data, size_t len, struct err *err);
typedef ssize_t (*box_source)(void *arg, void *buf, size_t size, struct err *err);

/* length < 0: to the end. */
int box_file_read(struct boxcore *core, const char *box, const char *path, int64_t offset,
	int64_t length, box_sink sink, void *arg, struct cancel *cancel, struct err *err);
/* As box_file_read(), but on_info is told first what the file is, and may refuse.  A folder
 * is told and has no bytes; a FIFO or device is ERR_INPUT. */
typedef int (*box_on_info)(void *arg, const struct file_info *info, struct err *err);
int box_file_fetch(struct boxcore *core, const char *box, const char *path,
	int64_t offset, int64_t length, box_on_info on_info, box_sink sink, void *arg,
	struct cancel *cancel, struct err *err);
/* Makes parent folders; writes beside and renames over. */
int box_file_write(struct boxcore *core, const char *box, const char *path, uint32_t mode,
	box_source source, void *arg, struct cancel *cancel, struct err *err);
int box_file_put(struct boxcore *core, const char *box, const char *path, uint32_t mode,
	const void *data, size_t len, struct cancel *cancel, struct err *err);
int box_file_stat(struct boxcore *core, const char *box, const char *path,
	struct file_info *ret_info, struct cancel *cancel, struct err *err);
/* Of a link itself. */
int box_file_lstat(struct boxcore *core, const char *box, const char *path,
	struct file_info *ret_info, struct cancel *cancel, struct err *err);
int box_file_list(struct boxcore *core, const char *box, const char *path,
	struct file_info **ret_infos, size_t *ret_count, struct cancel *cancel,
	struct err *err);
int box_file_mkdir(struct boxcore *core, const char *box, const char *path,
	struct cancel *cancel, struct err *err); /* with parents */
/* Without: ERR_CONFLICT when it exists, ERR_NOT_FOUND without its parent. */
int box_file_mkdir_one(struct boxcore *core, const char *box, const char *path,
	struct cancel *cancel, struct err *err);
int box_file_rename(struct boxcore *core, const char *box, const char *from,
	const char *to, struct cancel *cancel, struct err *err);
int box_file_remove(struct boxcore *core, const char *box, const char *path,
	bool recursive, struct cancel *cancel, struct err *err);
void file_info_release(struct file_info *info);
void file_infos_free(struct file_info *infos, size_t count);

/* ---- connections over the link --------------------------------------------------------- */

/* Connects to 127.0.0.1:port inside the box.  The result is an ordinary stream socket that
 * the caller owns; the link moves its bytes. */
int box_connect(struct boxcore *core, const char *box, uint16_t port, int *ret_fd,
	struct cancel *cancel, struct err *err);

/* Makes the box listen on 127.0.0.1:port; each connection made in the box is handed to
 * on_accept as an ordinary stream socket, which then owns it.  on_accept runs on the link's
 * thread and must not block.  A second call for a port replaces the handler; it lasts until
 * box_unlisten(), over lost links and restarts of the box. */
typedef void (*box_on_accept)(void *arg, const char *box, int fd);
int box_listen(struct boxcore *core, const char *box, uint16_t port,
	box_on_accept on_accept, void *arg, struct cancel *cancel, struct err *err);
/* Returns when no call of on_accept is running any more. */
void box_unlisten(struct boxcore *core, const char *box, uint16_t port);

/* ---- metering -------------------------------------------------------------------------- */

struct box_stats {
	char boot[33]; /* names the box's present life: another one after each start */
	/* The control group's own counter, so of all processes that ever ran in this life.  It
	 * starts again at 0 with each: a box's sum is that of the last reading of each boot. */
	int64_t cpu_us;
	int64_t memory_bytes;      /* without the cache of files that could go */
	int64_t memory_peak_bytes; /* of this life */
	int processes;             /* boxinit and the reapers of runs are among them */
};
/* Of a running box; a paused one is ERR_CONFLICT and is not woken.  What was used up to a
 * box_pause() is told by box_pause_stats(). */
int box_stats(struct boxcore *core, const char *box, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err);
/* box_pause(), with the last reading before the stop (for a box that did not run, boot is
 * ""). */
int box_pause_stats(struct boxcore *core, const char *id, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err);

#endif

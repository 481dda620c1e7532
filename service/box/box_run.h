/* SPDX-License-Identifier: MIT */
/*
 * Runs of a box: commands, code and agents.
 *
 * A run has a row from its start to the box's end.  A started run is driven by exactly one
 * thread, in straight-line code: box_drive_pump() reads its output to the end and finishes
 * the row.  The caller's thread drives it and passes the output on; when the client goes
 * away the pump goes on without it, so that the run ends in the list as it should.  A driver
 * without a client is handed to a thread of ours by box_drive_detach().  Every run is kept
 * by its box (run_spec.keep): after a restart of the service boxes_open() takes it up.
 */
#ifndef SERVICE_BOX_BOX_RUN_H
#define SERVICE_BOX_BOX_RUN_H

#include "service/box/boxes.h"

struct box_drive;

enum box_run_kind { BOX_RUN_EXEC, BOX_RUN_CODE };

/* Starts {command, folder?} or {code, language, timeout?, folder?}. */
int boxes_exec(struct boxes *boxes, const struct box_caller *who, const char *box,
	enum box_run_kind kind, const json_t *body, struct box_drive **ret_drive,
	struct cancel *cancel, struct err *err);

/* A file that came with a prompt; `data` is borrowed during the call. */
struct box_prompt_file {
	const char *name, *type;
	const void *data;
	size_t len;
};

/* Starts an agent: {prompt, folder?, json_schema?, agent_options?, files?, webhook?}. */
int boxes_agent(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *body, const struct box_prompt_file *files, size_t nfiles,
	struct box_drive **ret_drive, struct cancel *cancel, struct err *err);

/* Of the run; it can be listed and cancelled by it.  Lives as long as the drive. */
const char *box_drive_id(const struct box_drive *drive);

/* What the pump does with a run's output.  Calls come from the pumping thread. */
struct box_sink {
	/* A command's bytes (`err_out`: of stderr), an agent's whole frames of server-sent
	 * events (err_out false).  -1: the client is gone; it is not called again. */
	int (*write)(void *arg, bool err_out, const void *data, size_t len);
	/* Nothing has come for `silence_ms`; called again after each further such time.
	 * May be NULL.  -1 as above. */
	int (*silent)(void *arg);
	int64_t silence_ms;
	void *arg;
};

struct box_run_end {
	int exit_code; /* of a command; 124: its timeout */
	int64_t cpu_us;
	int64_t memory_peak;
	bool failed; /* the command could not be run to its end; `error` says why */
	char error
		[480]; /* also of an agent that failed; its error frame is written already */
};

/* Drives to the end (NULL sink: nobody listens) and frees the drive.  Only a stop of the
 * service ends it earlier: the run goes on in its box and is taken up at the next start;
 * then `failed` is set, as for a client that is still there nothing else is true. */
void box_drive_pump(struct box_drive *drive, const struct box_sink *sink,
	struct box_run_end *ret_end);

/* As box_drive_pump() for an answer in one piece: {exit_code, output, error}.  `sink` may be
 * NULL; only its `silent` is called.  Of output and error LIMIT_EXEC_OUTPUT bytes together
 * are kept, the first ones; what came behind is counted in a last line of `error`, and the
 * exit code stays the command's own.  With ret_end->failed *ret_answer is NULL. */
void box_drive_collect(struct box_drive *drive, const struct box_sink *sink,
	json_t **ret_answer, struct box_run_end *ret_end);
/* Hands it to a thread of ours; the drive is gone for the caller. */
void box_drive_detach(struct box_drive *drive);

/* {runs: [...]}, newest first; without output of commands. */
int boxes_runs(struct boxes *boxes, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err);
int boxes_run_get(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *run, json_t **ret, struct err *err);
/* Ends all processes of a running run; one that has ended is fine. */
int boxes_run_cancel(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *run, struct cancel *cancel, struct err *err);

/* ---- sessions -------------------------------------------------------------------------- */

/* An interactive command of a WebSocket: the caller drives `run` itself (run_read() on one
 * thread, run_write() and run_resize() on another) and ends the session. */
struct box_session {
	struct boxes *boxes;
	struct run *run;
	char run_id[64];
	uint32_t pid; /* in the box's own numbering; > 0 */
	bool tty;
	struct box_drive *drive; /* private */
};

/* {argv|cmd, cwd, tty?, rows?, cols?, env?: ["K=V"]} */
int boxes_session(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *start, struct box_session *ret_session, struct cancel *cancel,
	struct err *err);
/* "TERM", "INT", ...: to every process of the session. */
int box_session_signal(struct box_session *session, const char *signal,
	struct cancel *cancel, struct err *err);
/* "terminate": TERM to every process, KILL after grace_ms (< 0: 5 s).  Returns at once; the
 * exit comes by run_read().  Only the first call counts. */
int box_session_terminate(struct box_session *session, int64_t grace_ms,
	struct cancel *cancel, struct err *err);
/* Kills what still runs, writes the run's row, frees.  `last` is the RUN_EXIT event, or NULL
 * when none was read (the client went away, the box was stopped). */
void box_session_end(struct box_session *session, const struct run_event *last);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the files of runs share: a run that is driven, the table of them, their end.
 *
 * A drive is in the table from before its row is written until the row is settled, so that
 * lists and cancels see it all the time.  One thread drives it; others only mark it as ended
 * by somebody and stop its processes in the box, and the driver then sees the exit.
 */
#ifndef SERVICE_BOX_DRIVE_H
#define SERVICE_BOX_DRIVE_H

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/box_run.h"
#include "service/box/boxes-internal.h"
#include "service/store/store_box_run.h"

#include <sys/socket.h>

#define DRIVE_STOP_GRACE_MS 2000 /* an agent writes its last line within that */

struct agent_drive; /* agent.h */

enum drive_kind { DRIVE_SHELL, DRIVE_AGENT, DRIVE_SESSION };

struct box_drive {
	struct boxes *boxes;
	enum drive_kind kind;
	struct box_work
		work; /* holds the box awake; for a session and a recovered run too */
	struct store_box_run row;
	struct run *run;
	char name
		[64]; /* of the run in its box; the row's id, "-2" behind for a second try */
	uint64_t offset; /* behind what was read */
	uint64_t acked;
	struct cancel *prepare; /* of what comes before the run; child of boxes->stop */
	struct cancel *wait;    /* of reading; child of boxes->stop */
	int64_t timeout_ms;     /* 0: none */
	int64_t timeout_at;     /* clock_mono_ms(); 0: none, or it has passed */
	bool timed_out;
	char *temp_file;   /* in the box, removed when the run did not do it itself */
	int preset_exit;   /* > 0: there is no run, this is how it ended, */
	char *preset_text; /* with this on its stderr */
	struct agent_drive *agent;

	/* Under drives->lock */
	int refs;
	uint16_t port; /* taken in the box for the agent's model; 0: none */
	bool listed;
	bool started; /* the run is in the box: it is ended by stopping it there */
	bool ended;   /* by somebody */
	enum store_box_run_state end_state;
	char end_reason[160];
	struct box_drive *next;
};

/* ---- drive.c --------------------------------------------------------------------------- */

/* Takes the work over.  The row has an id, and what belongs to every run. */
struct box_drive *drive_new(
	struct boxes *boxes, enum drive_kind kind, struct box_work *work);
void drive_unref(struct box_drive *drive);
struct box_drive *drive_ref(struct box_drive *drive);
/* 0 once it has left the table, -1 when it has not within that time. */
int drive_wait_unlisted(struct box_drive *drive, int64_t wait_ms);
DEFINE_CLEANUP(drive, struct box_drive *, if (*value) drive_unref(*value))
/* Puts it into the table, which has a reference of its own: ERR_QUOTA when the box has
 * LIMIT_BOX_DRIVES, ERR_TRANSIENT while the service stops. */
int drive_list(struct box_drive *drive, struct err *err);
/* Off the table, the work is let go: after the row is settled. */
void drive_unlist(struct box_drive *drive);
/* The run is in its box now; false: somebody ended it meanwhile. */
bool drive_started(struct box_drive *drive);
bool drive_was_ended(struct box_drive *drive);
struct lock *drive_lock(struct box_drive *drive);
/* A port for the agent's model that no other drive of the box has and that was not given to
 * this one before (`wanted`: exactly that); 0: there is none left. */
uint16_t drive_take_port(struct box_drive *drive, uint16_t wanted);
void drive_give_port(struct box_drive *drive);
/* Whether another run without a client may be started. */
int drives_room(struct boxes *boxes, struct err *err);
/* Writes the row's end, the log's line, lets the box forget the run, has it metered. */
void drive_settle(struct box_drive *drive, struct store_box_run_end *end);
/* Runs `fn(drive)` on a thread of ours, which gets the caller's reference. */
int drive_thread(
	struct box_drive *drive, void (*fn)(struct box_drive *drive), struct err *err);
/* Runs fn(boxes, arg) on a thread of ours; `run`: it drives a run, of which there is a
 * maximum (ERR_QUOTA). */
int drives_spawn(struct boxes *boxes, bool run,
	void (*fn)(struct boxes *boxes, void *arg), void *arg, struct err *err);
/* Takes the webhook of a run: false when somebody has it, or too many are on their way. */
bool drives_posting(struct boxes *boxes, const char *run_id);
void drives_posted(struct boxes *boxes, const char *run_id);
/* What a run is stopped by when the box of a drive is paused or deleted. */
void drives_stop(struct boxes *boxes, const char *box_id, const char *run_id,
	enum store_box_run_state state, const char *reason, int64_t wait_ms,
	struct cancel *cancel, size_t *ret_found);
/* Rows of the runs that are driven in this box now; the caller releases them. */
void drives_rows(
	struct boxes *boxes, const char *box_id, struct store_box_runs *ret_runs);
/* Whether a run of this name in its box is driven now. */
bool drives_have(struct boxes *boxes, const char *box_id, const char *name);
int64_t drives_opened_ms(struct boxes *boxes);
bool drives_has_schedule(struct boxes *boxes, const char *schedule_id);
void drive_copy_row(struct store_box_run *to, const struct store_box_run *from);

/* ---- pump.c ---------------------------------------------------------------------------- */

/* A sink that may go away, and the silence of its run. */
struct drive_sink {
	const struct box_sink *sink;
	bool gone;
	int64_t last_ms;
};

void drive_sink_start(struct drive_sink *to, const struct box_sink *sink);
void drive_sink_write(struct drive_sink *to, bool err_out, const void *data, size_t len);

enum drive_read {
	DRIVE_EVENT,
	DRIVE_TIMEOUT,  /* drive->timeout_at has come; it is 0 now */
	DRIVE_LOST,     /* with err: the run cannot be read any more */
	DRIVE_STOPPING, /* the service is */
};
/* The next event, over lost links. */
enum drive_read drive_read(struct box_drive *drive, struct drive_sink *sink,
	struct run_event *ret_event, struct err *err);
/* Stops all of the run's processes: after a timeout, or when nobody can say what it does. */
void drive_kill(struct box_drive *drive, int64_t grace_ms);
/* Starts the run of drive->name, or finds it when the link was lost in between. */
int drive_start(struct box_drive *drive, const struct run_spec *spec,
	struct cancel *cancel, struct err *err);

/* ---- agent_pump.c ---------------------------------------------------------------------- */

void agent_pump(struct box_drive *drive, const struct box_sink *sink,
	struct box_run_end *ret_end);
void agent_drive_free(struct agent_drive *agent);
/* An agent of a former process: from the row's detail and reader. */
int agent_recover(struct box_drive *drive, struct err *err);

/* ---- exec.c, agent.c ------------------------------------------------------------------- */

/* As boxes_exec() and boxes_agent() in a box that is held already, for a schedule. */
int exec_begin(struct boxes *boxes, struct box_work *work, enum box_run_kind kind,
	const json_t *body, const char *schedule_id, struct box_drive **ret_drive,
	struct cancel *cancel, struct err *err);
int agent_begin(struct boxes *boxes, struct box_work *work, const json_t *body,
	const struct box_prompt_file *files, size_t nfiles, const char *schedule_id,
	struct box_drive **ret_drive, struct cancel *cancel, struct err *err);

/* ---- webhook.c ------------------------------------------------------------------------- */

/* {url, headers?}; `member` names it in errors.  Sealed text, or NULL. */
char *webhook_seal(
	struct boxes *boxes, const json_t *webhook, const char *member, struct err *err);
int webhook_check(
	const char *url, const json_t *headers, const char *member, struct err *err);
/* webhook_reach.c: why a webhook may not go there, or NULL; and whose may go all the same. */
const char *webhook_refuse(const struct sockaddr *address);
bool webhook_goes_anywhere(const struct boxes *boxes, const char *account);
/* Sends what is due, on a thread of ours. */
void webhooks_kick(struct boxes *boxes);

#endif

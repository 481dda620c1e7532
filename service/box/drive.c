/* SPDX-License-Identifier: MIT */
/* The table of runs that are driven now, their threads, and how a run's row is ended. */
#include "service/box/agent.h"
#include "service/box/drive.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/log.h"
#include "boxcore/base/pool.h"
#include "service/store/store_box_schedule.h"

#include <signal.h>
#include <string.h>

#define METER_WAIT_MS 300 /* a burst of commands is one reading */
#define END_WAIT_MS 3000 /* for processes that are asked to end, before they are killed */

struct meter_wish {
	char box[64];
	struct meter_wish *next;
};

struct drives {
	struct lock lock;
	struct cond changed; /* a drive has left */
	struct box_drive *list;
	int alive; /* drives that are not freed */
	bool closing;
	int64_t opened_ms;    /* wall; rows made before are of a former process */
	struct pool *threads; /* each drives a run without a client */
	struct pool *others;  /* webhooks, ends of sessions, recovery */
	char posting[LIMIT_WEBHOOKS_AT_ONCE][64]; /* webhooks on their way; "" is free */
	struct cond meter_work;
	struct meter_wish *wishes;
	pthread_t meter_thread;
};

/* ---- a drive --------------------------------------------------------------------------- */

struct box_drive *drive_new(
	struct boxes *boxes, enum drive_kind kind, struct box_work *work)
{
	struct box_drive *drive = mem_zalloc(sizeof *drive);
	char id[32] = "run-";

	crypto_random_hex(id + 4, 10);
	drive->boxes = boxes;
	drive->kind = kind;
	drive->work = *work;
	*work = (struct box_work){0};
	drive->refs = 1;
	drive->row = (struct store_box_run){
		.id = mem_strdup(id),
		.box_id = mem_strdup(drive->work.row.id),
		.account = mem_strdup(drive->work.row.account),
		.type = kind == DRIVE_AGENT ? STORE_BOX_RUN_AGENT : STORE_BOX_RUN_SHELL,
		.state = STORE_BOX_RUN_RUNNING,
		.exit_code = -1,
		.created_ms = clock_wall_ms(),
	};
	str_copy(drive->name, sizeof drive->name, id);
	drive->prepare = cancel_new(boxes->stop);
	drive->wait = cancel_new(boxes->stop);
	LOCKED(&boxes->drives->lock);
	boxes->drives->alive++;
	return drive;
}

static void drive_free(struct box_drive *drive)
{
	agent_drive_free(drive->agent);
	run_close(drive->run);
	box_work_release(&drive->work);
	store_box_run_release(&drive->row);
	cancel_free(drive->prepare);
	cancel_free(drive->wait);
	free(drive->temp_file);
	free(drive->preset_text);
	free(drive);
}

void drive_unref(struct box_drive *drive)
{
	struct drives *drives = drive->boxes->drives;

	lock_take(&drives->lock);
	bool last = --drive->refs == 0;
	lock_give(&drives->lock);
	if (!last)
		return;
	drive_free(drive);
	LOCKED(&drives->lock);
	drives->alive--;
	cond_wake_all(&drives->changed);
}

struct box_drive *drive_ref(struct box_drive *drive)
{
	LOCKED(&drive->boxes->drives->lock);
	drive->refs++;
	return drive;
}

const char *box_drive_id(const struct box_drive *drive)
{
	return drive->row.id;
}

/* ---- the table ------------------------------------------------------------------------- */

int drive_list(struct box_drive *drive, struct err *err)
{
	struct drives *drives = drive->boxes->drives;
	int here = 0;

	LOCKED(&drives->lock);
	if (drives->closing)
		return err_set(err, ERR_TRANSIENT, "the service is stopping");
	for (struct box_drive *at = drives->list; at; at = at->next)
		here += str_eq(at->row.box_id, drive->row.box_id);
	if (here >= LIMIT_BOX_DRIVES)
		return err_set(err, ERR_QUOTA,
			"box %s has %d runs that have not ended, as many as it may have "
			"at a time",
			drive->row.box_id, here);
	drive->listed = true;
	drive->refs++;
	drive->next = drives->list;
	drives->list = drive;
	return 0;
}

void drive_unlist(struct box_drive *drive)
{
	struct drives *drives = drive->boxes->drives;

	box_work_release(&drive->work);
	lock_take(&drives->lock);
	bool was = drive->listed;
	for (struct box_drive **at = &drives->list; *at; at = &(*at)->next) {
		if (*at == drive) {
			*at = drive->next;
			break;
		}
	}
	drive->listed = false;
	cond_wake_all(&drives->changed);
	lock_give(&drives->lock);
	if (was)
		drive_unref(drive);
}

bool drive_started(struct box_drive *drive)
{
	LOCKED(&drive->boxes->drives->lock);
	drive->started = true;
	return !drive->ended;
}

struct lock *drive_lock(struct box_drive *drive)
{
	return &drive->boxes->drives->lock;
}

bool drive_was_ended(struct box_drive *drive)
{
	LOCKED(&drive->boxes->drives->lock);
	return drive->ended;
}

void drive_copy_row(struct store_box_run *to, const struct store_box_run *from)
{
	*to = *from;
	to->id = mem_strdup(from->id);
	to->box_id = mem_strdup(from->box_id);
	to->account = mem_strdup(from->account);
	to->schedule_id = mem_strdup(from->schedule_id);
	to->prompt = mem_strdup(from->prompt);
	to->model = mem_strdup(from->model);
	to->session_id = mem_strdup(from->session_id);
	to->output = to->error = to->detail = to->reader = to->sealed = NULL;
}

void drives_rows(struct boxes *boxes, const char *box_id, struct store_box_runs *ret_runs)
{
	struct drives *drives = boxes->drives;

	LOCKED(&drives->lock);
	for (struct box_drive *at = drives->list; at; at = at->next) {
		if (!str_eq(at->row.box_id, box_id))
			continue;
		ret_runs->rows = mem_grow(
			ret_runs->rows, ret_runs->count + 1, sizeof *ret_runs->rows);
		drive_copy_row(&ret_runs->rows[ret_runs->count++], &at->row);
	}
}

bool drives_have(struct boxes *boxes, const char *box_id, const char *name)
{
	struct drives *drives = boxes->drives;

	LOCKED(&drives->lock);
	for (struct box_drive *at = drives->list; at; at = at->next)
		if (str_eq(at->row.box_id, box_id) &&
			(str_eq(at->name, name) || str_eq(at->row.id, name)))
			return true;
	return false;
}

int64_t drives_opened_ms(struct boxes *boxes)
{
	return boxes->drives->opened_ms;
}

bool drives_has_schedule(struct boxes *boxes, const char *schedule_id)
{
	struct drives *drives = boxes->drives;

	LOCKED(&drives->lock);
	for (struct box_drive *at = drives->list; at; at = at->next)
		if (str_eq(at->row.schedule_id, schedule_id))
			return true;
	return false;
}

/* ---- ports of agents -------------------------------------------------------------------- */

uint16_t drive_take_port(struct box_drive *drive, uint16_t wanted)
{
	struct drives *drives = drive->boxes->drives;
	uint16_t first = wanted ? wanted : AGENT_PORT;
	uint16_t end = (uint16_t)(wanted ? wanted + 1 : AGENT_PORT + LIMIT_BOX_AGENTS);

	LOCKED(&drives->lock);
	if (drive->port >= first) /* that one is somebody's whom we do not know */
		first = (uint16_t)(drive->port + 1);
	drive->port = 0;
	for (uint16_t port = first; port < end; port++) {
		bool taken = false;

		for (struct box_drive *at = drives->list; at && !taken; at = at->next)
			taken = at->port == port &&
				str_eq(at->row.box_id, drive->row.box_id);
		if (taken)
			continue;
		drive->port = port;
		return port;
	}
	return 0;
}

void drive_give_port(struct box_drive *drive)
{
	LOCKED(&drive->boxes->drives->lock);
	drive->port = 0;
}

/* ---- ending by somebody ---------------------------------------------------------------- */

/* Marks the box's drives (or one) as ended; *ret has a reference to each. */
static size_t mark(struct drives *drives, const char *box_id, const char *run_id,
	enum store_box_run_state state, const char *reason, struct box_drive ***ret)
{
	size_t count = 0;

	LOCKED(&drives->lock);
	for (struct box_drive *at = drives->list; at; at = at->next) {
		if (!str_eq(at->row.box_id, box_id) ||
			(run_id && !str_eq(at->row.id, run_id)))
			continue;
		if (!at->ended) {
			at->ended = true;
			at->end_state = state;
			str_copy(at->end_reason, sizeof at->end_reason, reason);
		}
		at->refs++;
		*ret = mem_grow(*ret, count + 1, sizeof(struct box_drive *));
		(*ret)[count++] = at;
	}
	return count;
}

static bool any_listed(struct box_drive **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i]->listed)
			return true;
	return false;
}

/* Until all of them have left the table; false: not within `wait_ms`. */
static bool wait_gone(
	struct drives *drives, struct box_drive **list, size_t count, int64_t wait_ms)
{
	int64_t until = clock_mono_ms() + wait_ms;

	LOCKED(&drives->lock);
	while (any_listed(list, count)) {
		int64_t left = until - clock_mono_ms();
		if (left <= 0)
			return false;
		cond_wait_ms(&drives->changed, &drives->lock, left);
	}
	return true;
}

enum ask {
	ASK_SIGNAL, /* and no more: the box is stopped soon */
	ASK_STOP,   /* until no process is left, also of those that it left behind */
	ASK_KILL,
};

static void ask_end(struct box_drive *drive, enum ask how, struct cancel *cancel)
{
	struct boxes *boxes = drive->boxes;
	struct boxcore *core = boxes->options.core;
	bool agent = drive->kind == DRIVE_AGENT;
	struct err ignored = {0};
	char name[64];

	lock_take(&boxes->drives->lock);
	bool started = drive->started, listed = drive->listed;
	str_copy(name, sizeof name, drive->name);
	lock_give(&boxes->drives->lock);
	if (!listed)
		return;
	if (!started)
		cancel_fire(drive->prepare, "the run was cancelled");
	else if (how == ASK_STOP)
		run_stop(core, drive->row.box_id, name,
			agent ? DRIVE_STOP_GRACE_MS : DRIVE_STOP_GRACE_MS / 4, cancel,
			&ignored);
	else
		run_signal(core, drive->row.box_id, name,
			how == ASK_KILL ? SIGKILL
			: agent         ? SIGINT
					: SIGTERM,
			cancel, &ignored);
}

int drive_wait_unlisted(struct box_drive *drive, int64_t wait_ms)
{
	return wait_gone(drive->boxes->drives, &drive, 1, wait_ms) ? 0 : -1;
}

void drives_stop(struct boxes *boxes, const char *box_id, const char *run_id,
	enum store_box_run_state state, const char *reason, int64_t wait_ms,
	struct cancel *cancel, size_t *ret_found)
{
	struct drives *drives = boxes->drives;
	CLEANUP(cancel) struct cancel *limit = cancel_new(cancel);
	CLEANUP(mem) struct box_drive **list = NULL;
	size_t count = mark(drives, box_id, run_id, state, reason, &list);

	cancel_deadline(limit, wait_ms + 10000, "the limit for ending a run");
	for (size_t i = 0; i < count; i++)
		ask_end(list[i], run_id ? ASK_STOP : ASK_SIGNAL, limit);
	if (!wait_gone(drives, list, count, wait_ms)) {
		for (size_t i = 0; i < count; i++)
			ask_end(list[i], ASK_KILL, limit);
		wait_gone(drives, list, count, 5000);
	}
	for (size_t i = 0; i < count; i++)
		drive_unref(list[i]);
	if (ret_found)
		*ret_found = count;
}

void drives_end_box(struct boxes *boxes, const char *box_id, const char *reason,
	struct cancel *cancel)
{
	CLEANUP(mem) char *why = mem_printf("its box was stopped: %s", reason);

	drives_stop(boxes, box_id, NULL, STORE_BOX_RUN_FAILED, why, END_WAIT_MS, cancel,
		NULL);
}

/* ---- the end of a row ------------------------------------------------------------------ */

static void log_end(struct box_drive *drive, const struct store_box_run_end *end)
{
	const struct store_box_run *row = &drive->row;
	long long ms = end->completed_ms - row->created_ms;
	bool agent = drive->kind == DRIVE_AGENT;
	const char *what = agent                          ? "agent"
			   : drive->kind == DRIVE_SESSION ? "session"
							  : "command";
	size_t len = str_utf8_cut(row->prompt, strnlen(row->prompt, 400));
	CLEANUP(mem) char *text = mem_strndup(row->prompt, len);

	if (end->state == STORE_BOX_RUN_CANCELLED)
		boxes_log(drive->boxes, row->box_id, "warn", "system",
			"%s cancelled after %lld ms: %s", what, ms, text);
	else if (end->error && (agent || end->exit_code < 0))
		boxes_log(drive->boxes, row->box_id, "error", "system",
			"%s failed: %s (%s)", what, end->error, text);
	else if (agent)
		boxes_log(drive->boxes, row->box_id, "info", "system",
			"agent finished after %lld ms: %s", ms, text);
	else
		boxes_log(drive->boxes, row->box_id, end->exit_code ? "warn" : "info",
			"user", "%s: exit %lld after %lld ms: %s", what,
			(long long)end->exit_code, ms, text);
}

static void tell_schedule(struct box_drive *drive, const struct store_box_run_end *end)
{
	struct err err = {0};
	const char *status =
		end->state == STORE_BOX_RUN_COMPLETED ? "completed" : "failed";

	if (!drive->row.schedule_id)
		return;
	if (store_box_schedule_ran(drive->boxes->options.store, drive->row.schedule_id,
		    drive->row.id, status, drive->row.created_ms, NULL, &err) < 0)
		log_line(LOG_WARN, "runs", "schedule %s: %s", drive->row.schedule_id,
			err.text);
}

/* The row, or what a task's box has instead: nothing. */
static bool write_end(struct box_drive *drive, const struct store_box_run_end *end)
{
	struct err err = {0};

	if (store_box_run_finish(
		    drive->boxes->options.store, drive->row.id, end, NULL, &err) == 0 ||
		err.kind == ERR_NOT_FOUND || err.kind == ERR_CONFLICT)
		return true;
	log_line(LOG_WARN, "runs", "the end of run %s is not stored: %s", drive->row.id,
		err.text);
	return false;
}

/* Has the box's counters read soon. */
static void drives_meter(struct boxes *boxes, const char *box_id)
{
	struct drives *drives = boxes->drives;

	LOCKED(&drives->lock);
	for (struct meter_wish *at = drives->wishes; at; at = at->next)
		if (str_eq(at->box, box_id))
			return;
	struct meter_wish *wish = mem_zalloc(sizeof *wish);
	str_copy(wish->box, sizeof wish->box, box_id);
	wish->next = drives->wishes;
	drives->wishes = wish;
	cond_wake_one(&drives->meter_work);
}

void drive_settle(struct box_drive *drive, struct store_box_run_end *end)
{
	struct boxes *boxes = drive->boxes;
	char reason[sizeof drive->end_reason];

	lock_take(&boxes->drives->lock);
	bool ended = drive->ended;
	str_copy(reason, sizeof reason, drive->end_reason);
	enum store_box_run_state state = drive->end_state;
	lock_give(&boxes->drives->lock);
	if (ended) {
		end->state = state;
		end->error = reason;
		if (state == STORE_BOX_RUN_FAILED)
			end->exit_code = -1;
	}
	end->compute_usd = boxes_compute_usd(boxes, end->cpu_us);
	end->completed_ms = clock_wall_ms();
	end->webhook = drive->row.sealed != NULL;
	log_end(drive, end);
	bool stored = write_end(drive, end);
	if (stored && drive->run)
		run_done(TAKE(drive->run));
	tell_schedule(drive, end);
	drives_meter(boxes, drive->row.box_id);
	if (end->webhook)
		webhooks_kick(boxes);
}

/* ---- threads --------------------------------------------------------------------------- */

struct spawned {
	struct boxes *boxes;
	struct box_drive *drive;
	void (*fn)(struct box_drive *drive);
	void (*other)(struct boxes *boxes, void *arg); /* instead */
	void *arg;
};

static void run_spawned(void *arg)
{
	CLEANUP(mem) struct spawned *what = arg;

	if (what->other)
		what->other(what->boxes, what->arg);
	else
		what->fn(what->drive);
}

int drives_room(struct boxes *boxes, struct err *err)
{
	if (pool_load(boxes->drives->threads) < LIMIT_BOX_DETACHED)
		return 0;
	return err_set(err, ERR_QUOTA,
		"%d runs without a client are under way, as many as this server drives "
		"at a time",
		LIMIT_BOX_DETACHED);
}

static int spawn(struct pool *pool, const struct spawned *what, struct err *err)
{
	struct spawned *copy = mem_zalloc(sizeof *copy);

	*copy = *what;
	if (pool_submit(pool, run_spawned, copy))
		return 0;
	free(copy);
	return err_set(err, ERR_QUOTA,
		"as much is under way as this server does at a time; try again later");
}

int drive_thread(
	struct box_drive *drive, void (*fn)(struct box_drive *drive), struct err *err)
{
	struct spawned what = {.boxes = drive->boxes, .drive = drive, .fn = fn};

	return spawn(drive->boxes->drives->threads, &what, err);
}

int drives_spawn(struct boxes *boxes, bool run,
	void (*fn)(struct boxes *boxes, void *arg), void *arg, struct err *err)
{
	struct spawned what = {.boxes = boxes, .other = fn, .arg = arg};
	struct drives *drives = boxes->drives;

	return spawn(run ? drives->threads : drives->others, &what, err);
}

bool drives_posting(struct boxes *boxes, const char *run_id)
{
	struct drives *drives = boxes->drives;
	char *free_one = NULL;

	LOCKED(&drives->lock);
	for (int i = 0; i < LIMIT_WEBHOOKS_AT_ONCE; i++) {
		if (str_eq(drives->posting[i], run_id))
			return false;
		if (!drives->posting[i][0])
			free_one = drives->posting[i];
	}
	if (free_one)
		str_copy(free_one, sizeof drives->posting[0], run_id);
	return free_one != NULL;
}

void drives_posted(struct boxes *boxes, const char *run_id)
{
	struct drives *drives = boxes->drives;

	LOCKED(&drives->lock);
	for (int i = 0; i < LIMIT_WEBHOOKS_AT_ONCE; i++)
		if (str_eq(drives->posting[i], run_id))
			drives->posting[i][0] = '\0';
}

static void pump_alone(struct box_drive *drive)
{
	struct box_run_end end;

	box_drive_pump(drive, NULL, &end);
}

void box_drive_detach(struct box_drive *drive)
{
	struct err err = {0};

	/* Without a thread the run is driven here, as late as that makes its caller: it is
	 * what is left to do. */
	if (drive_thread(drive, pump_alone, &err) < 0)
		pump_alone(drive);
}

/* ---- metering -------------------------------------------------------------------------- */

static void *meter_main(void *arg)
{
	struct boxes *boxes = arg;
	struct drives *drives = boxes->drives;
	struct err ignored = {0};

	for (;;) {
		lock_take(&drives->lock);
		while (!drives->wishes && !drives->closing)
			cond_wait(&drives->meter_work, &drives->lock);
		bool closing = drives->closing && !drives->wishes;
		lock_give(&drives->lock);
		if (closing)
			return NULL;
		cancel_sleep(boxes->stop, METER_WAIT_MS, &ignored);
		lock_take(&drives->lock);
		struct meter_wish *list = drives->wishes;
		drives->wishes = NULL;
		lock_give(&drives->lock);
		while (list) {
			struct meter_wish *wish = list;

			list = wish->next;
			if (!cancel_fired(boxes->stop))
				boxes_meter(boxes, wish->box, boxes->stop);
			free(wish);
		}
	}
}

/* ---- opening and closing --------------------------------------------------------------- */

/* The pools first: what still runs in them takes the lock. */
static void drives_free(struct drives *drives)
{
	pool_free(drives->threads);
	pool_free(drives->others);
	cond_release(&drives->changed);
	cond_release(&drives->meter_work);
	lock_release(&drives->lock);
	free(drives);
}

int drives_open(struct boxes *boxes, struct err *err)
{
	struct drives *drives = mem_zalloc(sizeof *drives);

	lock_init(&drives->lock);
	cond_init(&drives->changed);
	cond_init(&drives->meter_work);
	drives->opened_ms = clock_wall_ms();
	drives->threads = pool_new("box-run", LIMIT_BOX_DETACHED, 0, 0);
	drives->others =
		pool_new("box-after", LIMIT_BOX_AFTER, LIMIT_BOX_AFTER_WAITING, 0);
	boxes->drives = drives;
	if (thread_start(&drives->meter_thread, "box-meter", meter_main, boxes, err) == 0)
		return 0;
	boxes->drives = NULL;
	drives_free(drives);
	return -1;
}

void drives_close(struct boxes *boxes)
{
	struct drives *drives = boxes->drives;

	if (!drives)
		return;
	lock_take(&drives->lock);
	drives->closing = true;
	cond_wake_all(&drives->meter_work);
	while (drives->alive > 0)
		cond_wait(&drives->changed, &drives->lock);
	lock_give(&drives->lock);
	thread_join(drives->meter_thread);
	drives_free(drives);
	boxes->drives = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * Interactive commands.  They are not kept: who closes one ends all of it.  The caller's
 * threads read and write; the row is written here.
 */
#include "service/box/drive.h"

#include <signal.h>
#include <string.h>

#define TERMINATE_MS 5000
#define ROWS_MAX 1000

struct wish {
	const char **argv;
	char *cwd;
	char **env; /* own strings of the JSON, NULL-ended */
	bool tty;
	uint16_t rows, cols;
};

static void wish_release(struct wish *wish)
{
	free(wish->argv);
	free(wish->cwd);
	free(wish->env);
}
DEFINE_CLEANUP(wish, struct wish, wish_release(value))

/* ---- the start message ----------------------------------------------------------------- */

static const char *plain(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static int read_argv(struct wish *wish, const json_t *start, struct err *err)
{
	const json_t *argv = json_object_get(start, "argv");
	const json_t *cmd = json_object_get(start, "cmd");
	size_t count = json_array_size(argv);

	wish->argv = mem_array((count > 3 ? count : 3) + 1, sizeof *wish->argv);
	if (json_is_array(argv) && count > 0) {
		for (size_t i = 0; i < count; i++) {
			wish->argv[i] = plain(json_array_get(argv, i));
			if (!wish->argv[i])
				return err_set(err, ERR_INPUT,
					"`argv[%zu]` must be a string without a NUL", i);
		}
		if (!*wish->argv[0])
			return err_set(err, ERR_INPUT, "`argv[0]` names no program");
		return 0;
	}
	const char *line = plain(cmd);
	if (str_empty(line))
		return err_set(err, ERR_INPUT,
			"a session needs `argv`, a list of strings, or `cmd`, a string");
	wish->argv[0] = "bash";
	wish->argv[1] = "-lc";
	wish->argv[2] = line;
	return 0;
}

static int read_size(const json_t *start, const char *member, uint16_t usual,
	uint16_t *ret, struct err *err)
{
	const json_t *value = json_object_get(start, member);

	*ret = usual;
	if (!value || json_is_null(value))
		return 0;
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : 0;
	if (n < 1 || n > ROWS_MAX)
		return err_set(err, ERR_INPUT, "`%s` must be a number from 1 to %d",
			member, ROWS_MAX);
	*ret = (uint16_t)n;
	return 0;
}

static bool is_blocked(const char *entry)
{
	static const char *const names[] = {
		"PATH=", "HOME=", "LD_PRELOAD=", "LD_LIBRARY_PATH=", "NODE_OPTIONS="};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_starts(entry, names[i]))
			return true;
	return false;
}

static bool is_entry(const char *entry)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_";
	size_t len = strspn(entry, name);

	return len > 0 && entry[len] == '=' && !(entry[0] >= '0' && entry[0] <= '9');
}

/* The box's variables, then the session's, which win; blocked ones are dropped. */
static int read_env(
	struct wish *wish, const json_t *start, char **box_env, struct err *err)
{
	const json_t *env = json_object_get(start, "env");
	size_t own = 0, n = 0;

	if (env && !json_is_null(env) && !json_is_array(env))
		return err_set(err, ERR_INPUT, "`env` must be a list of \"NAME=value\"");
	if (json_array_size(env) > LIMIT_BOX_ENVS)
		return err_set(err, ERR_LIMIT, "`env` has more than %d variables",
			LIMIT_BOX_ENVS);
	while (box_env && box_env[own])
		own++;
	wish->env = mem_array(own + json_array_size(env) + 1, sizeof *wish->env);
	for (size_t i = 0; i < own; i++)
		wish->env[n++] = box_env[i];
	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *entry = plain(json_array_get(env, i));

		if (!entry || !is_entry(entry))
			return err_set(
				err, ERR_INPUT, "`env[%zu]` must be \"NAME=value\"", i);
		if (!is_blocked(entry))
			wish->env[n++] = (char *)(uintptr_t)entry;
	}
	return 0;
}

static int read_start(
	struct wish *wish, const json_t *start, char **box_env, struct err *err)
{
	const json_t *cwd = json_object_get(start, "cwd");

	if (cwd && !json_is_null(cwd) && !plain(cwd))
		return err_set(err, ERR_INPUT, "`cwd` must be a string without a NUL");
	wish->tty = json_or_bool(start, "tty", false);
	if (read_argv(wish, start, err) < 0 ||
		read_size(start, "rows", 24, &wish->rows, err) < 0 ||
		read_size(start, "cols", 80, &wish->cols, err) < 0 ||
		read_env(wish, start, box_env, err) < 0)
		return -1;
	wish->cwd = boxes_path(plain(cwd), "cwd", err);
	return wish->cwd ? 0 : -1;
}

static char *shown(const char **argv)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_RUN_ARGS);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(4 * LIMIT_BOX_RUN_PROMPT);

	for (size_t i = 0; argv[i]; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", argv[i]);
	size_t len = text.len;
	if (len > LIMIT_BOX_RUN_PROMPT)
		len = str_utf8_cut(strbuf_str(&text), LIMIT_BOX_RUN_PROMPT);
	secret_redact(&clean, strbuf_str(&text), len);
	return mem_strdup(strbuf_str(&clean));
}

/* ---- beginning ------------------------------------------------------------------------- */

static int start_run(struct box_drive *drive, const struct wish *wish,
	struct cancel *cancel, struct err *err)
{
	struct run_spec spec = {
		.argv = wish->argv,
		.cwd = wish->cwd,
		.env = (const char *const *)wish->env,
		.pty = wish->tty,
		.rows = wish->rows,
		.cols = wish->cols,
		.stdin_open = true,
	};

	if (drive_list(drive, err) < 0)
		return -1;
	store_box_run_add_async(drive->boxes->options.store, &drive->row);
	if (drive_start(drive, &spec, cancel, err) == 0)
		return 0;
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_FAILED, .exit_code = -1, .error = err->text};
	drive_settle(drive, &end);
	drive_unlist(drive);
	return -1;
}

int boxes_session(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *start, struct box_session *ret_session, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};
	CLEANUP(wish) struct wish check = {0};
	CLEANUP(wish) struct wish wish = {0};

	if (boxes_may_write(who, err) < 0 || read_start(&check, start, NULL, err) < 0 ||
		box_work_begin(boxes, who, box, BOX_WORK_RUN, "a session", &work, cancel,
			err) < 0)
		return -1;
	CLEANUP(json) json_t *vars = boxes_env(boxes, &work.row, err);
	CLEANUP(mem) char **box_env = vars ? boxes_env_list(vars) : NULL;
	if (!vars || read_start(&wish, start, box_env, err) < 0)
		return -1;
	CLEANUP(drive) struct box_drive *drive = drive_new(boxes, DRIVE_SESSION, &work);
	drive->row.prompt = shown(wish.argv);
	if (start_run(drive, &wish, cancel, err) < 0)
		return -1;
	*ret_session = (struct box_session){.boxes = boxes,
		.run = drive->run,
		.pid = run_pid(drive->run),
		.tty = wish.tty};
	str_copy(ret_session->run_id, sizeof ret_session->run_id, drive->row.id);
	if (!drive_started(drive))
		drive_kill(drive, 0);
	ret_session->drive = TAKE(drive);
	return 0;
}

/* ---- signals --------------------------------------------------------------------------- */

int box_session_signal(struct box_session *session, const char *signal,
	struct cancel *cancel, struct err *err)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {{"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT},
		{"HUP", SIGHUP}, {"TSTP", SIGTSTP}, {"QUIT", SIGQUIT}, {"USR1", SIGUSR1},
		{"USR2", SIGUSR2}, {"CONT", SIGCONT}, {"STOP", SIGSTOP}};
	const char *name = signal ? signal : "";

	if (str_starts(name, "SIG"))
		name += 3;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (str_eq(name, signals[i].name))
			return run_signal(session->boxes->options.core,
				session->drive->row.box_id, session->drive->name,
				signals[i].number, cancel, err);
	return err_set(err, ERR_INPUT,
		"`signal` must be TERM, KILL, INT, HUP, TSTP, QUIT, USR1 or USR2");
}

struct terminate {
	struct box_drive *drive;
	int64_t grace_ms;
};

static void terminate(struct boxes *boxes, void *arg)
{
	struct terminate *what = arg;
	struct box_drive *drive = what->drive;
	CLEANUP(cancel) struct cancel *limit = cancel_new(boxes->stop);
	struct err ignored = {0};

	cancel_deadline(limit, what->grace_ms + 10000, "the limit for ending a session");
	run_signal(boxes->options.core, drive->row.box_id, drive->name, SIGTERM, limit,
		&ignored);
	if (drive_wait_unlisted(drive, what->grace_ms) != 0)
		run_signal(boxes->options.core, drive->row.box_id, drive->name, SIGKILL,
			limit, &ignored);
	drive_unref(drive);
	free(what);
}

int box_session_terminate(struct box_session *session, int64_t grace_ms,
	struct cancel *cancel, struct err *err)
{
	struct box_drive *drive = session->drive;

	(void)cancel;
	if (drive->timed_out) /* the first call counts */
		return 0;
	drive->timed_out = true;
	struct terminate *what = mem_zalloc(sizeof *what);
	*what = (struct terminate){.drive = drive_ref(drive),
		.grace_ms = grace_ms < 0                      ? TERMINATE_MS
			    : grace_ms > LIMIT_BOX_TIMEOUT_MS ? LIMIT_BOX_TIMEOUT_MS
							      : grace_ms};
	if (drives_spawn(session->boxes, false, terminate, what, err) == 0)
		return 0;
	drive_unref(what->drive);
	free(what);
	return -1;
}

/* ---- the end --------------------------------------------------------------------------- */

void box_session_end(struct box_session *session, const struct run_event *last)
{
	struct box_drive *drive = session->drive;
	bool exited = last && last->kind == RUN_EXIT;
	struct store_box_run_end end = {
		.state = exited && last->exit_code == 0 ? STORE_BOX_RUN_COMPLETED
							: STORE_BOX_RUN_FAILED,
		.exit_code = exited ? last->exit_code : -1,
		.cpu_us = exited ? last->cpu_us : 0,
		.memory_peak = exited ? last->peak_bytes : 0,
		.error =
			exited ? NULL : "the session was closed before its command ended",
	};

	if (!drive)
		return;
	/* Also what the command left behind: a session ends as a whole. */
	drive_kill(drive, 0);
	run_close(TAKE(drive->run));
	session->run = NULL;
	drive_settle(drive, &end);
	drive_unlist(drive);
	drive_unref(drive);
	session->drive = NULL;
}

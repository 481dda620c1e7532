/* SPDX-License-Identifier: MIT */
/*
 * Starting a command or a piece of code.
 *
 * A command's argv goes to the box as it came.  Code is given on stdin to a small fixed
 * script in the box, which puts it beside the code's folder, so that imports resolve there,
 * runs it with what the image has for the language, and removes it.
 */
#include "service/box/drive.h"

#include "boxcore/base/log.h"

#include <string.h>

/* $1: the file, $2: the language. */
static const char code_script[] =
	"f=$1\n"
	"(: >\"$f\") 2>/dev/null || f=/tmp/${f##*/}\n"
	"cat >\"$f\" || exit 126\n"
	"exec </dev/null\n"
	"if [ -x /opt/runner/run ]; then /opt/runner/run \"$f\"\n"
	"elif [ \"$2\" = ts ] && command -v tsx >/dev/null; then tsx \"$f\"\n"
	"else node \"$f\"\n"
	"fi\n"
	"c=$?\n"
	"rm -f \"$f\"\n"
	"exit $c\n";

struct exec {
	const char *argv_code[8];
	char **argv_own; /* of a command; the strings are the body's */
	const char *const *argv;
	const char *input; /* of code */
	size_t input_len;
	char *folder;
	char *file; /* the code's, in the box */
	int64_t timeout_ms;
};

static void exec_release(struct exec *x)
{
	free(x->argv_own);
	free(x->folder);
	free(x->file);
}
DEFINE_CLEANUP(exec, struct exec, exec_release(value))

/* ---- the request ----------------------------------------------------------------------- */

static int read_folder(struct exec *x, const json_t *body, struct err *err)
{
	const json_t *folder = json_object_get(body, "folder");

	if (folder && !json_is_null(folder) && !json_is_string(folder))
		return err_set(err, ERR_INPUT, "`folder` must be a string");
	if (json_is_string(folder) &&
		strlen(json_string_value(folder)) != json_string_length(folder))
		return err_set(err, ERR_INPUT, "`folder` must not hold a NUL");
	x->folder = boxes_path(json_string_value(folder), "folder", err);
	return x->folder ? 0 : -1;
}

static int read_command(struct exec *x, const json_t *body, struct err *err)
{
	const json_t *command = json_object_get(body, "command");
	size_t count = json_array_size(command), total = 0;

	if (!json_is_array(command) || count == 0)
		return err_set(err, ERR_INPUT,
			"`command` must be a list of strings, the program first");
	x->argv_own = mem_array(count + 1, sizeof *x->argv_own);
	for (size_t i = 0; i < count; i++) {
		const json_t *word = json_array_get(command, i);

		if (!json_is_string(word))
			return err_set(
				err, ERR_INPUT, "`command[%zu]` must be a string", i);
		size_t len = json_string_length(word);
		if (strlen(json_string_value(word)) != len)
			return err_set(
				err, ERR_INPUT, "`command[%zu]` must not hold a NUL", i);
		total += len + 8;
		if (total > LIMIT_RUN_ARGS)
			return err_set(err, ERR_LIMIT,
				"`command` must have at most %lu bytes", LIMIT_RUN_ARGS);
		x->argv_own[i] = (char *)(uintptr_t)json_string_value(word);
	}
	if (!*x->argv_own[0])
		return err_set(err, ERR_INPUT, "`command[0]` names no program");
	x->argv = (const char *const *)x->argv_own;
	return 0;
}

static int read_timeout(struct exec *x, const json_t *body, struct err *err)
{
	const json_t *timeout = json_object_get(body, "timeout");

	if (!timeout || json_is_null(timeout))
		return 0;
	double ms = json_is_number(timeout) ? json_number_value(timeout) : 0;
	if (!(ms >= 1 && ms <= LIMIT_BOX_TIMEOUT_MS))
		return err_set(err, ERR_INPUT,
			"`timeout` must be a number of milliseconds from 1 to %d",
			LIMIT_BOX_TIMEOUT_MS);
	x->timeout_ms = (int64_t)ms;
	return 0;
}

static int read_code(struct exec *x, const json_t *body, const char *id, struct err *err)
{
	const json_t *code = json_object_get(body, "code");
	const char *language = json_or_string(body, "language", "");
	bool python = str_eq(language, "python");

	if (!json_is_string(code))
		return err_set(err, ERR_INPUT, "`code` must be a string");
	x->input = json_string_value(code);
	x->input_len = json_string_length(code);
	if (x->input_len > LIMIT_BOX_CODE)
		return err_set(err, ERR_LIMIT, "`code` must have at most %lu bytes",
			LIMIT_BOX_CODE);
	if (!python && !str_eq(language, "js") && !str_eq(language, "ts"))
		return err_set(err, ERR_INPUT,
			"`language` must be \"js\", \"ts\" or \"python\"");
	if (python) { /* the program is read wholly before it runs */
		x->argv_code[0] = "python3";
		x->argv_code[1] = "-u";
		x->argv_code[2] = "-";
	} else {
		x->file = mem_printf("%s/.boxwright-%s.%s",
			str_eq(x->folder, "/") ? "" : x->folder, id, language);
		x->argv_code[0] = "sh";
		x->argv_code[1] = "-c";
		x->argv_code[2] = code_script;
		x->argv_code[3] = "code";
		x->argv_code[4] = x->file;
		x->argv_code[5] = language;
	}
	x->argv = x->argv_code;
	return read_timeout(x, body, err);
}

static int read_body(struct exec *x, enum box_run_kind kind, const json_t *body,
	const char *id, struct err *err)
{
	if (!json_is_object(body))
		return err_set(err, ERR_INPUT, "the body must be an object");
	if (read_folder(x, body, err) < 0)
		return -1;
	return kind == BOX_RUN_CODE ? read_code(x, body, id, err)
				    : read_command(x, body, err);
}

/* What the list of runs shows: argv joined by spaces, or the code. */
static char *shown(const struct exec *x)
{
	CLEANUP(strbuf)
	struct strbuf joined = STRBUF_INIT(LIMIT_RUN_ARGS + LIMIT_BOX_CODE);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(4 * LIMIT_BOX_RUN_PROMPT);

	if (x->input)
		strbuf_add(&joined, x->input, x->input_len);
	else
		for (size_t i = 0; x->argv[i]; i++)
			strbuf_addf(&joined, "%s%s", i ? " " : "", x->argv[i]);
	size_t len = joined.len;
	if (len > LIMIT_BOX_RUN_PROMPT)
		len = str_utf8_cut(strbuf_str(&joined), LIMIT_BOX_RUN_PROMPT);
	secret_redact(&clean, strbuf_str(&joined), len);
	return mem_strdup(strbuf_str(&clean));
}

/* What a restarted service has to know of it. */
static char *make_detail(const struct exec *x)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4 * LIMIT_PATH + LIMIT_KIB);
	CLEANUP(json) json_t *detail = json_object();
	struct err ignored = {0};

	if (x->timeout_ms)
		json_put(detail, "timeout", json_integer(x->timeout_ms));
	if (x->file)
		json_put(detail, "file", json_str(x->file));
	json_print(&text, detail, &ignored);
	return mem_strdup(strbuf_str(&text));
}

/* ---- starting -------------------------------------------------------------------------- */

/* The box said no: is it the folder, or the program?  A program that is not there is an exit
 * code, as a shell has it; a folder that is not there is the caller's mistake. */
static int not_started(struct box_drive *drive, const struct exec *x,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(cancel) struct cancel *limit = cancel_new(cancel);
	struct file_info info = {0};
	struct err why = {0};

	if (err->kind != ERR_NOT_FOUND && err->kind != ERR_DENIED)
		return -1;
	cancel_deadline(limit, 10000, "the limit for looking at a folder");
	int rc = box_file_stat(drive->boxes->options.core, drive->row.box_id, x->folder,
		&info, limit, &why);
	bool folder = rc == 0 && (info.mode & 0170000U) == 0040000U;
	file_info_release(&info);
	if (rc < 0 && why.kind != ERR_NOT_FOUND)
		return -1;
	if (!folder)
		return err_set(err, ERR_INPUT,
			"`folder`: there is no folder %.300s in the box", x->folder);
	drive->preset_exit = err->kind == ERR_NOT_FOUND ? 127 : 126;
	drive->preset_text = mem_printf("%.200s: %s\n", x->argv[0],
		drive->preset_exit == 127 ? "command not found" : "permission denied");
	return 0;
}

static int give_input(struct box_drive *drive, const struct exec *x, struct err *err)
{
	if (!x->input)
		return 0;
	if (run_write(drive->run, x->input, x->input_len, drive->prepare, err) < 0 ||
		run_close_stdin(drive->run, drive->prepare, err) < 0)
		return err_wrap(err, "give the box its code");
	return 0;
}

static int start(struct box_drive *drive, const struct exec *x, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(json) json_t *vars = boxes_env(drive->boxes, &drive->work.row, err);
	if (!vars)
		return -1;
	CLEANUP(mem) char **env = boxes_env_list(vars);
	struct run_spec spec = {
		.argv = x->argv,
		.cwd = x->folder,
		.env = (const char *const *)env,
		.stdin_open = x->input != NULL,
		.keep = true,
	};

	if (drive_start(drive, &spec, cancel, err) < 0)
		return not_started(drive, x, cancel, err);
	if (give_input(drive, x, err) < 0)
		return -1;
	if (x->timeout_ms)
		drive->timeout_at = clock_mono_ms() + x->timeout_ms;
	if (!drive_started(drive))
		drive_kill(drive, 0);
	return 0;
}

static void fail_row(struct box_drive *drive, const struct err *err)
{
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_FAILED, .exit_code = -1, .error = err->text};

	/* A start that was cut off may have begun. */
	if (drive->run || err->kind == ERR_CANCELLED || err->kind == ERR_TRANSIENT)
		drive_kill(drive, 0);
	drive_settle(drive, &end);
	drive_unlist(drive);
}

int exec_begin(struct boxes *boxes, struct box_work *work, enum box_run_kind kind,
	const json_t *body, const char *schedule_id, struct box_drive **ret_drive,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(drive) struct box_drive *drive = drive_new(boxes, DRIVE_SHELL, work);
	CLEANUP(exec) struct exec x = {0};

	if (read_body(&x, kind, body, drive->row.id, err) < 0)
		return -1;
	drive->row.prompt = shown(&x);
	drive->row.detail = make_detail(&x);
	drive->row.schedule_id = mem_strdup(schedule_id);
	drive->timeout_ms = x.timeout_ms;
	const json_t *webhook = json_object_get(body, "webhook");
	if (schedule_id && webhook) { /* callers of exec have the answer itself */
		drive->row.sealed = webhook_seal(boxes, webhook, "webhook", err);
		if (!drive->row.sealed)
			return -1;
	}
	drive->temp_file = TAKE(x.file);
	if (drive_list(drive, err) < 0)
		return -1;
	store_box_run_add_async(boxes->options.store, &drive->row);
	if (start(drive, &x, cancel, err) < 0) {
		if (!schedule_id) {
			fail_row(drive, err);
			return -1;
		}
		/* Nobody waits for an answer: a run that failed, and not none. */
		drive->preset_exit = 126;
		drive->preset_text = mem_printf("%s\n", err->text);
	}
	*ret_drive = TAKE(drive);
	return 0;
}

/* A request that is malformed must not wake the box. */
static int check_body(enum box_run_kind kind, const json_t *body, struct err *err)
{
	CLEANUP(exec) struct exec x = {0};

	return read_body(&x, kind, body, "check", err);
}

int boxes_exec(struct boxes *boxes, const struct box_caller *who, const char *box,
	enum box_run_kind kind, const json_t *body, struct box_drive **ret_drive,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};

	if (boxes_may_write(who, err) < 0 || check_body(kind, body, err) < 0 ||
		box_work_begin(boxes, who, box, BOX_WORK_RUN, "a command", &work, cancel,
			err) < 0)
		return -1;
	return exec_begin(boxes, &work, kind, body, NULL, ret_drive, cancel, err);
}

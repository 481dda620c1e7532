/* SPDX-License-Identifier: MIT */
/*
 * A prompt's request: what is malformed is refused before the box is woken, what cannot be
 * run here becomes a run that fails with an `error` event.
 */
#include "service/box/agent.h"

#include "boxcore/base/log.h"

#include <string.h>

#define FILES_DIR "/home/boxuser/.boxwright/files"

struct ask {
	const char *prompt;
	char *folder;
	const json_t *schema, *options, *webhook;
	const json_t *files; /* of a JSON body */
};

static void ask_release(struct ask *ask)
{
	free(ask->folder);
}
DEFINE_CLEANUP(ask, struct ask, ask_release(value))

/* ---- the body -------------------------------------------------------------------------- */

static int read_object(
	const json_t *body, const char *member, const json_t **ret, struct err *err)
{
	const json_t *value = json_object_get(body, member);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return err_set(err, ERR_INPUT, "`%s` must be an object", member);
	*ret = value;
	return 0;
}

static int read_prompt(struct ask *ask, const json_t *body, struct err *err)
{
	const json_t *prompt = json_object_get(body, "prompt");
	size_t len = json_string_length(prompt);

	if (!json_is_string(prompt) || len == 0)
		return err_set(
			err, ERR_INPUT, "`prompt` must be a text that is not empty");
	ask->prompt = json_string_value(prompt);
	if (strlen(ask->prompt) != len)
		return err_set(err, ERR_INPUT, "`prompt` must not hold a NUL");
	if (len > LIMIT_PROMPT)
		return err_set(err, ERR_LIMIT, "`prompt` must have at most %lu bytes",
			LIMIT_PROMPT);
	return 0;
}

static int check_schema(const struct ask *ask, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_SCHEMA);
	struct err too_long = {0};

	if (ask->schema && json_print(&text, ask->schema, &too_long) < 0)
		return err_set(err, ERR_LIMIT,
			"`json_schema` must have at most %lu bytes", LIMIT_AGENT_SCHEMA);
	return 0;
}

static int read_ask(struct ask *ask, const json_t *body, struct err *err)
{
	const char *folder = json_or_string(body, "folder", NULL);

	if (!json_is_object(body))
		return err_set(err, ERR_INPUT, "the body must be an object");
	if (read_prompt(ask, body, err) < 0 ||
		read_object(body, "json_schema", &ask->schema, err) < 0 ||
		read_object(body, "agent_options", &ask->options, err) < 0 ||
		read_object(body, "webhook", &ask->webhook, err) < 0 ||
		check_schema(ask, err) < 0)
		return -1;
	if (ask->webhook &&
		webhook_check(json_or_string(ask->webhook, "url", NULL),
			json_object_get(ask->webhook, "headers"), "webhook", err) < 0)
		return -1;
	ask->files = json_object_get(body, "files");
	if (ask->files && !json_is_null(ask->files) && !json_is_array(ask->files))
		return err_set(err, ERR_INPUT, "`files` must be a list");
	ask->folder = boxes_path(folder, "folder", err);
	return ask->folder ? 0 : -1;
}

/* ---- files ----------------------------------------------------------------------------- */

/* A name that is a name in any folder: no slash, no dots alone, nothing to be quoted. */
static char *file_name(const char *given, size_t number)
{
	CLEANUP(strbuf) struct strbuf name = STRBUF_INIT(256);
	const char *base = given ? strrchr(given, '/') : NULL;

	base = base ? base + 1 : given ? given : "";
	for (const char *p = base; *p && name.len < 120; p++)
		strbuf_addc(&name,
			strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789._-",
				*p)
				? *p
				: '_');
	if (name.len == 0 || name.data[0] == '.')
		return mem_printf("file-%zu%s", number, strbuf_str(&name));
	return mem_printf("%zu-%s", number, strbuf_str(&name));
}

static int put_file(struct box_drive *drive, const struct box_prompt_file *file,
	size_t number, struct strbuf *names, struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *name = file_name(file->name, number);
	CLEANUP(mem)
	char *path = mem_printf(FILES_DIR "/%s/%s", drive->row.id, name);

	if (file->len > LIMIT_BOX_PROMPT_FILE)
		return err_set(err, ERR_LIMIT, "`files[%zu]` has more than %lu MiB",
			number - 1, LIMIT_BOX_PROMPT_FILE / LIMIT_MIB);
	if (box_file_put(drive->boxes->options.core, drive->row.box_id, path, 0644,
		    file->data, file->len, cancel, err) < 0)
		return err_wrap(err, "write `files[%zu]` into the box", number - 1);
	strbuf_addf(names, "- %s", path);
	if (!str_empty(file->type))
		strbuf_addf(names, " (%.100s)", file->type);
	strbuf_addc(names, '\n');
	return 0;
}

static int put_json_file(struct box_drive *drive, const json_t *file, size_t number,
	struct strbuf *names, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf data = STRBUF_INIT(LIMIT_BOX_PROMPT_FILE + 4);
	const json_t *text = json_object_get(file, "data");

	if (!json_is_string(text))
		return err_set(
			err, ERR_INPUT, "`files[%zu].data` must be base64", number - 1);
	bool good =
		str_unbase64(&data, json_string_value(text), json_string_length(text));
	if (strbuf_failed(&data) || data.len > LIMIT_BOX_PROMPT_FILE)
		return err_set(err, ERR_LIMIT, "`files[%zu]` has more than %lu MiB",
			number - 1, LIMIT_BOX_PROMPT_FILE / LIMIT_MIB);
	if (!good)
		return err_set(
			err, ERR_INPUT, "`files[%zu].data` is no base64", number - 1);
	struct box_prompt_file one = {.name = json_or_string(file, "filename", NULL),
		.type = json_or_string(file, "media_type", NULL),
		.data = strbuf_str(&data),
		.len = data.len};
	return put_file(drive, &one, number, names, cancel, err);
}

static int put_files(struct box_drive *drive, const struct ask *ask,
	const struct box_prompt_file *files, size_t nfiles, struct strbuf *names,
	struct cancel *cancel, struct err *err)
{
	size_t listed = json_array_size(ask->files);

	if (listed + nfiles > LIMIT_BOX_PROMPT_FILES)
		return err_set(err, ERR_INPUT, "`files` has more than %d files",
			LIMIT_BOX_PROMPT_FILES);
	for (size_t i = 0; i < listed; i++)
		if (put_json_file(drive, json_array_get(ask->files, i), i + 1, names,
			    cancel, err) < 0)
			return -1;
	for (size_t i = 0; i < nfiles; i++)
		if (put_file(drive, &files[i], listed + i + 1, names, cancel, err) < 0)
			return -1;
	return 0;
}

/* ---- the run --------------------------------------------------------------------------- */

/* What the row needs to be taken up again. */
static json_t *make_detail(const struct store_box *row, const struct ask *ask,
	const char *model, const char *provider)
{
	json_t *detail = json_object();

	json_put(detail, "harness", json_str(row->agent));
	json_put(detail, "folder", json_str(ask->folder));
	json_put(detail, "provider", json_str(provider));
	if (model)
		json_put(detail, "model", json_str(model));
	if (ask->schema)
		json_put(detail, "schema", json_incref((json_t *)(uintptr_t)ask->schema));
	if (ask->options)
		json_put(detail, "options",
			json_incref((json_t *)(uintptr_t)ask->options));
	return detail;
}

/* Who runs it, or why nobody can. */
static void choose(struct agent_drive *agent, const struct store_box *row,
	const char **ret_model, const char **ret_provider)
{
	struct err why = {0};

	*ret_model = NULL;
	*ret_provider = "";
	agent->harness = harness_find(row->agent);
	if (!agent->harness) {
		agent->fail = mem_printf("the agent %.60s is not offered by this server; "
					 "use claude-code, codex, opencode or custom",
			row->agent);
		return;
	}
	if (agent_model(row->agent, row->model, ret_model, ret_provider, &why) < 0)
		agent->fail = mem_strdup(why.text);
}

static int make_agent(struct box_drive *drive, const struct ask *ask, struct err *err)
{
	const struct store_box *row = &drive->work.row;
	struct agent_drive *agent = mem_zalloc(sizeof *agent);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4 * LIMIT_AGENT_SCHEMA);
	const char *model, *provider;

	drive->agent = agent;
	strbuf_init(&agent->said, LIMIT_BOX_RUN_OUTPUT);
	choose(agent, row, &model, &provider);
	agent->detail = make_detail(row, ask, model, provider);
	if (drive->timeout_ms)
		json_put(agent->detail, "timeout", json_integer(drive->timeout_ms));
	agent->session = mem_strdup(row->session_id);
	if (agent->harness && harness_check(agent->harness, ask->options, NULL, err) < 0)
		return -1;
	if (json_print(&text, agent->detail, err) < 0)
		return -1;
	free(drive->row.detail);
	drive->row.detail = strbuf_take(&text);
	drive->row.model = mem_strdup(row->model);
	return 0;
}

static void set_prompt(
	struct box_drive *drive, const struct ask *ask, const struct strbuf *names)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(4 * LIMIT_BOX_RUN_PROMPT);
	size_t len = strlen(ask->prompt);

	if (len > LIMIT_BOX_RUN_PROMPT)
		len = str_utf8_cut(ask->prompt, LIMIT_BOX_RUN_PROMPT);
	secret_redact(&clean, ask->prompt, len);
	free(drive->row.prompt);
	drive->row.prompt = mem_strdup(strbuf_str(&clean));
	if (names->len)
		drive->agent->prompt =
			mem_printf("%s\n\nThese files came with this message:\n%s",
				ask->prompt, strbuf_str(names));
	else
		drive->agent->prompt = mem_strdup(ask->prompt);
}

static int no_agent(struct err *err)
{
	return err_set(err, ERR_INPUT,
		"this box has no agent: set one with PUT config/model, or create the box "
		"with `agent`");
}

int agent_begin(struct boxes *boxes, struct box_work *work, const json_t *body,
	const struct box_prompt_file *files, size_t nfiles, const char *schedule_id,
	struct box_drive **ret_drive, struct cancel *cancel, struct err *err)
{
	CLEANUP(ask) struct ask ask = {0};
	CLEANUP(strbuf) struct strbuf names = STRBUF_INIT(LIMIT_PATH * 16);

	if (read_ask(&ask, body, err) < 0)
		return -1;
	if (str_empty(work->row.agent))
		return no_agent(err);
	CLEANUP(drive) struct box_drive *drive = drive_new(boxes, DRIVE_AGENT, work);
	drive->row.schedule_id = mem_strdup(schedule_id);
	drive->timeout_ms = json_or_int(body, "timeout", 0);
	if (drive->timeout_ms < 0 || drive->timeout_ms > LIMIT_BOX_TIMEOUT_MS)
		drive->timeout_ms = LIMIT_BOX_TIMEOUT_MS;
	if (make_agent(drive, &ask, err) < 0)
		return -1;
	if (ask.webhook) {
		drive->row.sealed = webhook_seal(boxes, ask.webhook, "webhook", err);
		if (!drive->row.sealed || drives_room(boxes, err) < 0)
			return -1;
	}
	if (put_files(drive, &ask, files, nfiles, &names, cancel, err) < 0)
		return -1;
	set_prompt(drive, &ask, &names);
	if (drive_list(drive, err) < 0)
		return -1;
	if (store_box_run_add(boxes->options.store, &drive->row, cancel, err) < 0 &&
		err->kind != ERR_NOT_FOUND) {
		drive_unlist(drive);
		return -1;
	}
	*ret_drive = TAKE(drive);
	return 0;
}

int boxes_agent(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *body, const struct box_prompt_file *files, size_t nfiles,
	struct box_drive **ret_drive, struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(ask) struct ask ask = {0};

	if (boxes_may_write(who, err) < 0 || read_ask(&ask, body, err) < 0 ||
		boxes_find(boxes, who, box, &row, err) < 0)
		return -1;
	if (str_empty(row.agent))
		return no_agent(err);
	if (json_array_size(ask.files) + nfiles > LIMIT_BOX_PROMPT_FILES)
		return err_set(err, ERR_INPUT, "`files` has more than %d files",
			LIMIT_BOX_PROMPT_FILES);
	if (box_work_begin(boxes, who, box, BOX_WORK_RUN, "an agent run", &work, cancel,
		    err) < 0)
		return -1;
	return agent_begin(
		boxes, &work, body, files, nfiles, NULL, ret_drive, cancel, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * Starting an agent: its way to the model, its files, its run.
 *
 * Each agent run has a relay lease and a port of its own, so that what it uses is counted
 * for it alone, however many agents work in a box.
 */
#include "service/box/agent.h"

#include <string.h>

#define PREPARE_MS 120000

/* ---- the way to the model -------------------------------------------------------------- */

struct keys {
	struct secret own[RELAY_PROVIDERS];
};

static void keys_release(struct keys *keys)
{
	for (int i = 0; i < RELAY_PROVIDERS; i++)
		secret_release(&keys->own[i]);
}
DEFINE_CLEANUP(keys, struct keys, keys_release(value))

static const char *const provider_names[RELAY_PROVIDERS] = {
	[RELAY_ANTHROPIC] = "anthropic", [RELAY_OPENAI] = "openai"};

/* The box's keys; a provider that the agent needs and nobody has a key for is ERR_UNABLE. */
static int find_keys(
	struct box_drive *drive, const char *provider, struct keys *keys, struct err *err)
{
	struct boxes *boxes = drive->boxes;
	struct relay *relay = boxes->options.relay;

	for (int i = 0; i < RELAY_PROVIDERS; i++) {
		bool needed = str_eq(provider, provider_names[i]);
		struct err why = {0};

		if (!needed && !str_empty(provider))
			continue;
		if (boxes_agent_key(boxes, &drive->work.row, provider_names[i],
			    &keys->own[i], &why) < 0 &&
			needed) {
			*err = why;
			return -1;
		}
		if (needed && !secret_is_set(&keys->own[i]) &&
			!relay_has_key(relay, (enum relay_provider_id)i))
			return err_set(err, ERR_UNABLE,
				"there is no key for the model: create the box with "
				"agent_api_key, or set %s on the server",
				relay_key_setting(relay, (enum relay_provider_id)i));
	}
	return 0;
}

/* Whether a provider that the run may call would be paid by the server. */
static bool is_ours(
	struct box_drive *drive, const char *provider, const struct keys *keys)
{
	for (int i = 0; i < RELAY_PROVIDERS; i++) {
		bool allowed = str_empty(provider) || str_eq(provider, provider_names[i]);

		if (allowed && !secret_is_set(&keys->own[i]) &&
			relay_has_key(
				drive->boxes->options.relay, (enum relay_provider_id)i))
			return true;
	}
	return false;
}

/* By the row: its policy may change while the run goes on.  What cannot be read is a no. */
static bool reaches_all(void *arg)
{
	const struct box_drive *drive = arg;
	const char *setting = drive->boxes->options.config->model_hosted_tools;
	CLEANUP(store_box) struct store_box row = {0};
	struct err err = {0};

	if (!str_eq(setting, "as-network"))
		return str_eq(setting, "always");
	if (store_box_get(drive->boxes->options.store, drive->row.box_id, &row, &err) < 0)
		return false;
	CLEANUP(json)
	json_t *network = json_parse(row.network, strlen(row.network), &err);
	return str_eq(json_or_string(network, "mode", ""), "allow-all");
}

static struct relay_lease *make_lease(struct box_drive *drive, const char *provider,
	const struct keys *keys, bool nothing_left)
{
	struct agent_drive *agent = drive->agent;
	CLEANUP(mem)
	char *name =
		mem_printf("a run in %s (box.agent_cost_usd, box.agent_cost_usd_day)",
			drive->row.box_id);
	struct relay_lease_spec spec = {
		.name = name,
		.spent = agent->spent,
		.reaches_all = reaches_all,
		.reach_arg = drive,
		.cancel = drive->boxes->stop,
	};

	for (int i = 0; i < RELAY_PROVIDERS; i++) {
		spec.allow[i] =
			str_empty(provider) || str_eq(provider, provider_names[i]);
		spec.key[i] = &keys->own[i];
	}
	if (is_ours(drive, provider, keys)) {
		agent->money = agent_money_new(
			drive->boxes, drive->row.account, agent->spent.cost_microusd);
		agent_money_put(agent->money, nothing_left, &spec);
	}
	struct relay_lease *lease = relay_lease_new(drive->boxes->options.relay, &spec);
	if (agent->money)
		agent_money_lease(agent->money, lease);
	return lease;
}

int agent_listen(struct box_drive *drive, uint16_t port, struct err *err)
{
	struct agent_drive *agent = drive->agent;
	const char *provider = json_or_string(agent->detail, "provider", "");
	CLEANUP(keys) struct keys keys = {0};

	if (find_keys(drive, provider, &keys, err) < 0)
		return -1;
	/* A run that is taken up goes on: its next call sees the limit.  A custom program may
	 * have a model of its own, so only its calls of ours are refused. */
	struct err spent = {0};
	bool nothing_left =
		!agent->attached && is_ours(drive, provider, &keys) &&
		agent_money_check(drive->boxes, drive->row.account, &spent) < 0;
	if (nothing_left && !str_empty(provider)) {
		*err = spent;
		return -1;
	}
	agent->lease = make_lease(drive, provider, &keys, nothing_left);
	/* A port that a program of the box has taken is passed over. */
	for (int i = 0; i < LIMIT_BOX_AGENTS; i++) {
		struct err why = {0};
		uint16_t taken = drive_take_port(drive, port);

		if (!taken)
			break;
		if (box_listen(drive->boxes->options.core, drive->row.box_id, taken,
			    relay_accept, agent->lease, drive->prepare, &why) == 0) {
			agent->port = taken;
			return 0;
		}
		*err = why;
		if (port || why.kind != ERR_CONFLICT)
			return err_wrap(err, "offer the model to the box");
	}
	if (err->kind == ERR_NONE)
		err_set(err, ERR_QUOTA,
			"%d agents work in this box already, as many as it may have at a "
			"time",
			LIMIT_BOX_AGENTS);
	return -1;
}

void agent_hang_up(struct box_drive *drive)
{
	struct agent_drive *agent = drive->agent;

	if (agent->port)
		box_unlisten(drive->boxes->options.core, drive->row.box_id, agent->port);
	agent->port = 0;
	relay_lease_free(TAKE(agent->lease));
	agent_money_free(TAKE(agent->money));
	drive_give_port(drive);
}

/* ---- the command ----------------------------------------------------------------------- */

static bool same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

static bool is_named(char **list, const char *entry)
{
	for (; list && *list; list++)
		if (same_name(*list, entry))
			return true;
	return false;
}

/* The box's variables and the harness's.  Where both have a name the harness wins, for it
 * knows where the model is; a custom program that was given its own address or key of a
 * model keeps it. */
static char **merge_env(char **box, char **plan, bool custom)
{
	size_t count = 0, n = 0;

	for (char **at = box; at && *at; at++)
		count++;
	for (char **at = plan; at && *at; at++)
		count++;
	char **all = mem_array(count + 1, sizeof *all);
	for (char **at = box; at && *at; at++)
		if (custom || !is_named(plan, *at))
			all[n++] = *at;
	for (char **at = plan; at && *at; at++)
		if (!custom || !is_named(box, *at))
			all[n++] = *at;
	return all;
}

/* command and args of the box's custom_runner, NULL-ended; the strings are the JSON's. */
static const char **runner_argv(const json_t *runner)
{
	const char *command = json_or_string(runner, "command", NULL);
	const json_t *args = json_object_get(runner, "args");
	size_t count = json_array_size(args), n = 0;

	if (!command)
		return NULL;
	const char **argv = mem_array(count + 2, sizeof *argv);
	argv[n++] = command;
	for (size_t i = 0; i < count; i++) {
		const char *arg = json_string_value(json_array_get(args, i));
		if (arg)
			argv[n++] = arg;
	}
	return argv;
}

/* With the headers that stand sealed; a new reference, NULL for none. */
static json_t *servers(struct box_drive *drive, struct err *err)
{
	const char *text = drive->work.row.mcp;
	CLEANUP(json) json_t *sealed = NULL;
	json_t *server;
	size_t i;

	if (str_empty(text) || str_eq(text, "[]"))
		return NULL;
	json_t *list = json_parse(text, strlen(text), err);
	sealed = list ? boxes_unseal(drive->boxes, drive->work.row.sealed, err) : NULL;
	const json_t *headers = json_object_get(sealed, "mcp_headers");
	json_array_foreach (list, i, server) {
		json_t *its = json_is_array(headers)
				      ? json_array_get(headers, i)
				      : json_object_get(headers,
						json_or_string(server, "name", ""));
		if (json_is_object(its))
			json_put(server, "headers", json_incref(its));
	}
	return list;
}

static int put_files(struct box_drive *drive, const struct agent_plan *plan,
	struct cancel *cancel, struct err *err)
{
	for (size_t i = 0; i < plan->nfiles; i++) {
		const struct agent_file *file = &plan->files[i];

		if (box_file_put(drive->boxes->options.core, drive->row.box_id,
			    file->path, file->mode, file->content, file->len, cancel,
			    err) < 0)
			return err_wrap(err, "write %s into the box", file->path);
	}
	return 0;
}

static int start_run(struct box_drive *drive, const struct agent_plan *plan,
	struct cancel *cancel, struct err *err)
{
	bool custom = str_eq(harness_name(drive->agent->harness), "custom");
	CLEANUP(json) json_t *vars = boxes_env(drive->boxes, &drive->work.row, err);
	if (!vars)
		return -1;
	CLEANUP(mem) char **box_env = boxes_env_list(vars);
	CLEANUP(mem) char **env = merge_env(box_env, plan->env, custom);
	struct run_spec spec = {
		.argv = (const char *const *)plan->argv,
		.env = (const char *const *)env,
		.cwd = plan->cwd,
		.stdin_open = plan->input != NULL,
		.keep = true,
	};

	if (drive_start(drive, &spec, cancel, err) < 0)
		return -1;
	if (plan->input &&
		(run_write(drive->run, plan->input, plan->input_len, cancel, err) < 0 ||
			run_close_stdin(drive->run, cancel, err) < 0))
		return err_wrap(err, "give the agent its prompt");
	return 0;
}

/* What a program that is not there means depends on whose it is. */
static int no_program(
	struct box_drive *drive, const struct agent_plan *plan, struct err *err)
{
	const char *program = harness_program(drive->agent->harness);

	if (err->kind != ERR_NOT_FOUND && err->kind != ERR_DENIED)
		return err_wrap(err, "start the agent");
	if (program)
		return err_set(err, ERR_UNABLE,
			"%s cannot be started: the box's image has no program `%s`, or "
			"there is no folder %.200s",
			harness_name(drive->agent->harness), program, plan->cwd);
	return err_set(err, ERR_UNABLE,
		"the custom harness cannot be started: %.200s is not in the box or not "
		"executable, or there is no folder %.200s",
		plan->argv[0], plan->cwd);
}

int agent_start(struct box_drive *drive, struct err *err)
{
	struct agent_drive *agent = drive->agent;
	const json_t *detail = agent->detail;
	CLEANUP(cancel) struct cancel *cancel = cancel_new(drive->prepare);
	CLEANUP(agent_plan) struct agent_plan plan = {0};
	CLEANUP(strbuf) struct strbuf schema = STRBUF_INIT(2 * LIMIT_AGENT_SCHEMA);
	const char *runner_text = drive->work.row.runner;
	CLEANUP(json)
	json_t *runner =
		runner_text ? json_parse(runner_text, strlen(runner_text), err) : NULL;
	CLEANUP(mem) const char **argv = runner_argv(runner);
	CLEANUP(json) json_t *mcp = servers(drive, err);

	cancel_deadline(cancel, PREPARE_MS, "the limit for starting an agent");
	if (!agent->lease && agent_listen(drive, 0, err) < 0)
		return -1;
	if (json_object_get(detail, "schema") &&
		json_print(&schema, json_object_get(detail, "schema"), err) < 0)
		return -1;
	struct agent_request request = {
		.prompt = agent->prompt,
		.model = json_or_string(detail, "model", NULL),
		.session_id = agent->session,
		.folder = json_or_string(detail, "folder", BOX_HOME),
		.relay_port = agent->port,
		.command = argv,
		.provider = json_or_string(detail, "provider", NULL),
		.json_schema = schema.len ? strbuf_str(&schema) : NULL,
		.options = json_object_get(detail, "options"),
		.mcp = mcp,
	};
	if (str_empty(request.provider))
		request.provider = NULL;
	if (harness_plan(agent->harness, &request, &plan, err) < 0 ||
		put_files(drive, &plan, cancel, err) < 0)
		return -1;
	if (start_run(drive, &plan, cancel, err) < 0)
		return no_program(drive, &plan, err);
	if (!drive_started(drive))
		drive_kill(drive, DRIVE_STOP_GRACE_MS);
	return 0;
}

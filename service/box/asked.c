/* SPDX-License-Identifier: MIT */
/* The body of create and from-snapshot. */
#include "service/box/asked.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/names.h"
#include "service/box/parts.h"

#include <string.h>

#define AGENT_KEY_OURS "UPSTASH_KEY" /* the service's own, as without any */

void asked_release(struct asked *asked)
{
	store_box_release(&asked->row);
	json_decref(asked->secrets);
	free(asked->clone_repo);
	free(asked->snapshot_id);
	*asked = (struct asked){0};
}

static bool given(const json_t *body, const char *member)
{
	const json_t *value = json_object_get(body, member);

	return value && !json_is_null(value);
}

static int not_built(const json_t *body, struct err *err)
{
	if (json_is_true(json_object_get(body, "browser")))
		return err_set(err, ERR_UNSUPPORTED,
			"`browser`: a headless browser is not supported by this server");
	if (given(body, "attach_headers") &&
		json_object_size(json_object_get(body, "attach_headers")) > 0)
		return err_set(err, ERR_UNSUPPORTED,
			"`attach_headers`: attached headers are not supported by this "
			"server yet");
	return 0;
}

static int read_labels(const json_t *body, char **ret, struct err *err)
{
	const json_t *list = json_object_get(body, "labels");
	CLEANUP(json) json_t *kept = json_array();

	if (given(body, "labels") && !json_is_array(list))
		return err_set(err, ERR_INPUT, "`labels` must be a list of texts");
	if (json_array_size(list) > LIMIT_BOX_LABELS)
		return err_set(err, ERR_INPUT, "`labels` has more than %d entries",
			LIMIT_BOX_LABELS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *label = json_array_get(list, i);
		bool again = false;

		if (asked_label(label, err) < 0)
			return err_wrap(err, "`labels`");
		for (size_t k = 0; k < i; k++)
			again = again || json_equal(label, json_array_get(list, k));
		if (!again)
			json_array_append(kept, label);
	}
	*ret = json_dumps(kept, JSON_COMPACT);
	return 0;
}

static int read_skills(const json_t *body, char **ret, struct err *err)
{
	const json_t *list = json_object_get(body, "skills");

	if (given(body, "skills") &&
		(!json_is_array(list) || json_array_size(list) > LIMIT_BOX_SKILLS))
		return err_set(err, ERR_INPUT,
			"`skills` must be a list of at most %d texts", LIMIT_BOX_SKILLS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (asked_skill(json_string_value(json_array_get(list, i)), "skills",
			    err) < 0)
			return -1;
	}
	*ret = json_is_array(list) ? json_dumps(list, JSON_COMPACT) : mem_strdup("[]");
	return 0;
}

static int read_plain(const json_t *body, struct store_box *row, struct err *err)
{
	if (asked_text(body, "name", LIMIT_BOX_WORD, &row->name, err) < 0 ||
		(row->name && name_check(row->name, err) < 0) ||
		asked_text(body, "size", LIMIT_BOX_WORD, &row->size, err) < 0 ||
		asked_text(body, "runtime", LIMIT_BOX_WORD, &row->runtime, err) < 0 ||
		asked_text(body, "git_user_name", LIMIT_BOX_WORD, &row->git_name, err) <
			0 ||
		asked_text(body, "git_user_email", LIMIT_BOX_WORD, &row->git_email, err) <
			0 ||
		asked_lines(body, "init_command", LIMIT_BOX_INIT, &row->init_command,
			err) < 0 ||
		asked_bool(body, "keep_alive", &row->keep_alive, err) < 0 ||
		asked_bool(body, "ephemeral", &row->ephemeral, err) < 0 ||
		read_labels(body, &row->labels, err) < 0)
		return -1;
	return read_skills(body, &row->skills, err);
}

static int read_ttl(const json_t *body, struct asked *asked, struct err *err)
{
	const json_t *ttl = json_object_get(body, "ttl");

	asked->ttl_s = asked->row.ephemeral ? LIMIT_BOX_TTL_S : 0;
	if (!given(body, "ttl"))
		return 0;
	if (!asked->row.ephemeral)
		return err_set(err, ERR_INPUT, "`ttl` is for boxes with ephemeral: true");
	if (!json_is_integer(ttl) || json_integer_value(ttl) < 1 ||
		json_integer_value(ttl) > LIMIT_BOX_TTL_S)
		return err_set(err, ERR_INPUT,
			"`ttl` must be a whole number of seconds from 1 to %d",
			LIMIT_BOX_TTL_S);
	asked->ttl_s = json_integer_value(ttl);
	return 0;
}

static int read_agent(const json_t *body, struct asked *asked, struct err *err)
{
	struct store_box *row = &asked->row;
	CLEANUP(mem) char *key = NULL;

	if (asked_text(body, "agent", LIMIT_BOX_NAME, &row->agent, err) < 0 ||
		asked_text(body, "model", LIMIT_BOX_WORD, &row->model, err) < 0 ||
		asked_text(body, "agent_api_key", LIMIT_PATH, &key, err) < 0)
		return -1;
	if (str_empty(row->agent)) {
		free(row->agent);
		row->agent = mem_strdup(
			str_empty(row->model) ? NULL : asked_harness(row->model));
	}
	bool custom = str_eq(row->agent, "custom");
	if (given(body, "custom_runner")) {
		if (row->agent && !custom)
			return err_set(err, ERR_INPUT,
				"`custom_runner` is for agent custom, not for %s",
				row->agent);
		if (!str_empty(key))
			return err_set(err, ERR_INPUT,
				"`agent_api_key` is not for a custom runner: put what it "
				"needs into env_vars");
		if (asked_runner(json_object_get(body, "custom_runner"), &row->runner,
			    err) < 0)
			return -1;
		free(row->agent);
		row->agent = mem_strdup("custom");
		custom = true;
	}
	if (custom && str_empty(row->model)) {
		free(row->model);
		row->model = mem_strdup("custom");
	}
	if (!str_empty(key) && !str_eq(key, AGENT_KEY_OURS))
		json_put(asked->secrets, "agent_key", json_str(key));
	return 0;
}

static int read_secrets(const json_t *body, struct asked *asked, struct err *err)
{
	CLEANUP(mem) char *token = NULL;
	CLEANUP(json) json_t *headers = NULL;
	json_t *env = json_object_get(body, "env_vars");

	if (boxes_env_check(env, "env_vars", err) < 0 ||
		asked_text(body, "github_token", LIMIT_PATH, &token, err) < 0 ||
		asked_mcp(json_object_get(body, "mcp_servers"), &asked->row.mcp, &headers,
			err) < 0)
		return -1;
	if (json_is_object(env))
		json_put(asked->secrets, "env", json_deep_copy(env));
	if (!str_empty(token))
		json_put(asked->secrets, "github_token", json_str(token));
	if (json_object_size(headers) > 0)
		json_put(asked->secrets, "mcp_headers", TAKE(headers));
	return 0;
}

static int read_network(const json_t *body, struct store_box *row, struct err *err)
{
	const json_t *policy = json_object_get(body, "network_policy");
	CLEANUP(network) struct network network = {0};

	if (network_read(policy, &network, err) < 0)
		return -1;
	row->network = network_text(policy);
	return 0;
}

int asked_read(const json_t *body, bool from_snapshot, struct asked *ret, struct err *err)
{
	CLEANUP(asked) struct asked asked = {.secrets = json_object()};

	if (body && !json_is_object(body))
		return err_set(err, ERR_INPUT, "the body must be a JSON object");
	if (not_built(body, err) < 0 || read_plain(body, &asked.row, err) < 0 ||
		read_ttl(body, &asked, err) < 0 || read_agent(body, &asked, err) < 0 ||
		read_secrets(body, &asked, err) < 0 ||
		read_network(body, &asked.row, err) < 0 ||
		asked_text(body, "clone_repo", LIMIT_PATH, &asked.clone_repo, err) < 0 ||
		asked_text(body, "snapshot_id", LIMIT_BOX_WORD, &asked.snapshot_id, err) <
			0)
		return -1;
	if (from_snapshot && str_empty(asked.snapshot_id))
		return err_set(err, ERR_INPUT, "`snapshot_id` is missing");
	*ret = asked;
	memset(&asked, 0, sizeof asked);
	return 0;
}

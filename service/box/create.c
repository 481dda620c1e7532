/* SPDX-License-Identifier: MIT */
/* Creating boxes, afresh and from snapshots: row first, then the container. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/asked.h"
#include "service/box/catalog.h"
#include "service/box/making.h"
#include "service/box/names.h"
#include "service/box/parts.h"

#include <string.h>

#define EPHEMERAL_WAIT_MS 240000 /* clients do not poll; they give up after 300 s */
#define IDS_TRIED 10

/* ---- what the row is ------------------------------------------------------------------- */

static void give_text(char **place, const char *text)
{
	if (!str_empty(*place) || str_empty(text))
		return;
	free(*place);
	*place = mem_strdup(text);
}

/* Variables of a lower right go below those that are there. */
static void give_env(json_t *secrets, json_t *lower)
{
	json_t *env = json_object_get(secrets, "env");

	if (!env) {
		env = json_object();
		json_put(secrets, "env", env);
	}
	json_object_update_missing(env, lower);
}

/* A restored box has what its snapshot had, unless the request says otherwise. */
static int take_over(struct boxes *boxes, const struct box_caller *who,
	struct asked *asked, struct err *err)
{
	CLEANUP(store_box_snapshot) struct store_box_snapshot snapshot = {0};
	struct store_box *row = &asked->row;

	if (store_box_snapshot_get(boxes->options.store, who->account, asked->snapshot_id,
		    &snapshot, err) < 0)
		return -1;
	if (snapshot.state == STORE_SNAPSHOT_DELETING)
		return err_set(err, ERR_NOT_FOUND, "there is no snapshot %.80s",
			asked->snapshot_id);
	if (snapshot.state != STORE_SNAPSHOT_READY)
		return err_set(err, ERR_CONFLICT, "snapshot %s is not usable: it is %s",
			snapshot.id, store_snapshot_state_name(snapshot.state));
	CLEANUP(json) json_t *secrets = boxes_unseal(boxes, snapshot.sealed, err);
	if (!secrets)
		return -1;
	if (!row->agent || str_eq(row->agent, snapshot.agent)) {
		give_text(&row->agent, snapshot.agent);
		give_text(&row->model, snapshot.model);
		give_text(&row->runner, snapshot.runner);
		json_t *key = json_object_get(secrets, "agent_key");
		if (key && !json_object_get(asked->secrets, "agent_key"))
			json_put(asked->secrets, "agent_key", json_incref(key));
	}
	if (str_eq(row->mcp, "[]")) {
		json_t *headers = json_object_get(secrets, "mcp_headers");
		free(row->mcp);
		row->mcp = mem_strdup(snapshot.mcp);
		if (headers)
			json_put(asked->secrets, "mcp_headers", json_incref(headers));
	}
	if (str_eq(row->skills, "[]")) {
		free(row->skills);
		row->skills = mem_strdup(snapshot.skills);
	}
	give_text(&row->git_name, snapshot.git_name);
	give_text(&row->git_email, snapshot.git_email);
	free(row->runtime);
	row->runtime = mem_strdup(snapshot.runtime);
	row->image = mem_strdup(snapshot.image);
	row->snapshot_id = mem_strdup(snapshot.id);
	if (json_object_get(secrets, "env"))
		give_env(asked->secrets, json_object_get(secrets, "env"));
	return 0;
}

static int check_offer(struct boxes *boxes, struct store_box *row, struct err *err)
{
	struct catalog_size size;

	give_text(&row->size, "small");
	give_text(&row->runtime, "node");
	if (catalog_size(boxes->catalog, row->size, &size, err) < 0 ||
		catalog_fits(&size, boxes->host_cpus, boxes->host_memory, err) < 0)
		return -1;
	if (row->snapshot_id)
		return 0;
	if (catalog_runtime(boxes->catalog, row->runtime, err) < 0)
		return -1;
	const char *image = catalog_image(boxes->catalog, row->runtime);
	row->image = image ? mem_strdup(image) : mem_printf("runtime:%s", row->runtime);
	return 0;
}

static int check_quota(struct boxes *boxes, const struct box_caller *who, struct err *err)
{
	int64_t most = boxes->options.config->box_max_per_account, count = 0;

	if (store_box_count(
		    boxes->options.store, who->account, STORE_BOX_ANY, &count, err) < 0)
		return -1;
	if (count < most)
		return 0;
	return err_set(err, ERR_QUOTA,
		"this account has %lld boxes, and %lld are allowed "
		"(box.max_per_account): "
		"delete one first",
		(long long)count, (long long)most);
}

static int add_row(struct boxes *boxes, const struct box_caller *who, struct asked *asked,
	struct cancel *cancel, struct err *err)
{
	struct store_box *row = &asked->row;
	CLEANUP(store_box) struct store_box taken = {0};
	char id[BOX_ID_SIZE];
	int64_t now = clock_wall_ms();

	for (int i = 0; i < IDS_TRIED; i++) {
		struct err missing = {0};

		name_make(id);
		if (store_box_get(boxes->options.store, id, &taken, &missing) < 0)
			break;
	}
	row->id = mem_strdup(id);
	row->account = mem_strdup(who->account);
	row->state = STORE_BOX_CREATING;
	row->sealed = boxes_seal(boxes, asked->secrets);
	row->created_ms = row->updated_ms = row->active_ms = now;
	if (row->ephemeral)
		row->expires_ms = now + asked->ttl_s * 1000;
	return store_box_add(boxes->options.store, row, cancel, err);
}

static int prepare(struct boxes *boxes, const struct box_caller *who, const json_t *body,
	bool from_snapshot, struct asked *asked, struct cancel *cancel, struct err *err)
{
	if (boxes_may_write(who, err) < 0 ||
		asked_read(body, from_snapshot, asked, err) < 0 ||
		(from_snapshot && take_over(boxes, who, asked, err) < 0) ||
		check_offer(boxes, &asked->row, err) < 0)
		return -1;
	CLEANUP(json) json_t *account_env = env_of_account(boxes, who->account, err);
	if (!account_env)
		return -1;
	give_env(asked->secrets, account_env);
	if (boxes_env_check(json_object_get(asked->secrets, "env"), "env_vars", err) <
			0 ||
		check_quota(boxes, who, err) < 0)
		return -1;
	return add_row(boxes, who, asked, cancel, err);
}

/* ---- create ---------------------------------------------------------------------------- */

/* The caller is told why; nothing stays. */
static int give_up(struct boxes *boxes, const char *id)
{
	struct err ignored = {0};

	if (box_condemn(boxes, id, &ignored) == 0)
		box_remove(boxes, id, &ignored);
	return -1;
}

int boxes_create(struct boxes *boxes, const struct box_caller *who, const json_t *body,
	bool from_snapshot, json_t **ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(asked) struct asked asked = {0};
	CLEANUP(store_box) struct store_box row = {0};
	struct making *making = NULL;

	if (prepare(boxes, who, body, from_snapshot, &asked, cancel, err) < 0)
		return -1;
	const char *id = asked.row.id;
	if (making_start(boxes, id, who->account, asked.clone_repo, asked.row.created_ms,
		    &making, err) < 0)
		return give_up(boxes, id);
	int rc = making_wait(making,
		asked.row.ephemeral ? EPHEMERAL_WAIT_MS : LIMIT_BOX_CREATE_MS, cancel,
		err);
	if (rc < 0)
		return cancel_fired(boxes->stop) ? -1 : give_up(boxes, id);
	if (store_box_get(boxes->options.store, id, &row, err) < 0)
		return -1;
	*ret = box_json(boxes, &row);
	return 0;
}

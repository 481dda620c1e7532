/* SPDX-License-Identifier: MIT */
/* What of a box may be changed after its creation. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/asked.h"
#include "service/box/parts.h"

#include <string.h>

#define GIT_MS 20000

/* One call, and what it works with. */
struct change {
	struct boxes *boxes;
	struct store_box row;
	const char *method, *tail;
	const json_t *body;
	json_t **ret;
	struct cancel *cancel;
};
DEFINE_CLEANUP(change, struct change, store_box_release(&value->row))

static struct store *store_of(const struct change *change)
{
	return change->boxes->options.store;
}

static int done(const struct change *change, int rc)
{
	if (rc == 0)
		*change->ret = json_object();
	return rc;
}

static int no_verb(const struct change *change, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s is not possible here", change->method);
}

/* ---- startup --------------------------------------------------------------------------- */

static int startup(struct change *change, struct err *err)
{
	CLEANUP(mem) char *command = NULL;

	if (str_eq(change->method, "GET")) {
		*change->ret = json_object();
		json_put(
			*change->ret, "init_command", json_str(change->row.init_command));
		return 0;
	}
	if (str_eq(change->method, "PUT")) {
		if (asked_lines(change->body, "init_command", LIMIT_BOX_INIT, &command,
			    err) < 0)
			return -1;
		if (!command)
			return err_set(err, ERR_INPUT, "`init_command` is missing");
	} else if (!str_eq(change->method, "DELETE")) {
		return no_verb(change, err);
	}
	return done(change,
		store_box_set_init(store_of(change), change->row.id,
			command ? command : "", clock_wall_ms(), change->cancel, err));
}

/* ---- the agent ------------------------------------------------------------------------- */

static int set_model(struct change *change, struct err *err)
{
	CLEANUP(mem) char *model = NULL;
	const struct store_box *row = &change->row;

	if (asked_text(change->body, "model", LIMIT_BOX_WORD, &model, err) < 0)
		return -1;
	if (str_empty(model))
		return err_set(err, ERR_INPUT, "`model` is missing");
	return done(change, store_box_set_agent(store_of(change), row->id,
				    row->agent ? row->agent : asked_harness(model), model,
				    row->runner, clock_wall_ms(), change->cancel, err));
}

static int set_runner(struct change *change, struct err *err)
{
	CLEANUP(mem) char *runner = NULL;
	const struct store_box *row = &change->row;

	if (row->agent && !str_eq(row->agent, "custom"))
		return err_set(err, ERR_CONFLICT,
			"a custom runner is for boxes with agent custom; this one has %s",
			row->agent);
	if (asked_runner(json_object_get(change->body, "custom_runner"), &runner, err) <
		0)
		return -1;
	return done(change, store_box_set_agent(store_of(change), row->id, "custom",
				    str_empty(row->model) ? "custom" : row->model, runner,
				    clock_wall_ms(), change->cancel, err));
}

/* ---- network --------------------------------------------------------------------------- */

/* The row first: a box that does not take it now (it starts, it is lost) takes it when it
 * wakes. */
static int set_network(struct change *change, struct err *err)
{
	CLEANUP(network) struct network network = {0};
	struct boxes *boxes = change->boxes;
	const char *id = change->row.id;

	if (!change->body)
		return err_set(err, ERR_INPUT, "the body must be a network policy");
	if (network_read(change->body, &network, err) < 0)
		return -1;
	if (change->row.state != STORE_BOX_READY && change->row.state != STORE_BOX_PAUSED)
		return err_set(err, ERR_CONFLICT,
			"the network of box %s cannot be changed: its status is %s", id,
			store_box_state_name(change->row.state));
	CLEANUP(mem) char *text = network_text(change->body);
	if (store_box_set_network(store_of(change), id, text, clock_wall_ms(),
		    change->cancel, err) < 0 ||
		box_renew_network(boxes, id, err) < 0)
		return -1;
	boxes_log(boxes, id, "info", "system", "network policy: %s",
		json_or_string(change->body, "mode", "allow-all"));
	return done(change, 0);
}

/* ---- git identity ---------------------------------------------------------------------- */

static int set_one(struct boxes *boxes, const char *id, const char *key,
	const char *value, struct cancel *cancel, struct err *err)
{
	const char *const argv[] = {"git", "config", "--global", key, value, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	CLEANUP(run_result)
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_GIT_TALK),
		.err_out = STRBUF_INIT(LIMIT_GIT_TALK),
	};

	if (str_empty(value))
		return 0;
	if (run_capture(boxes->options.core, id, &spec, NULL, 0, &result, cancel, err) <
		0)
		return -1;
	if (result.exit_code != 0)
		return err_set(err, ERR_CONFLICT, "git config %s: %.200s", key,
			strbuf_str(&result.err_out));
	return 0;
}

int box_set_git_identity(struct boxes *boxes, const char *id, const char *name,
	const char *email, struct cancel *cancel, struct err *err)
{
	CLEANUP(cancel) struct cancel *patience = cancel_new(cancel);

	cancel_deadline(patience, GIT_MS, "the time for git config");
	if (set_one(boxes, id, "user.name", name, patience, err) < 0)
		return -1;
	return set_one(boxes, id, "user.email", email, patience, err);
}

static const char *or_default(const char *given, const char *kept, const char *fallback)
{
	if (given)
		return given;
	return str_empty(kept) ? fallback : kept;
}

static int set_git(struct change *change, const struct box_caller *who, struct err *err)
{
	CLEANUP(mem) char *name = NULL;
	CLEANUP(mem) char *email = NULL;
	CLEANUP(box_work) struct box_work work = {0};
	const struct store_box *row = &change->row;

	if (asked_text(change->body, "git_user_name", LIMIT_BOX_WORD, &name, err) < 0 ||
		asked_text(change->body, "git_user_email", LIMIT_BOX_WORD, &email, err) <
			0)
		return -1;
	if ((name && !*name) || (email && !*email))
		return err_set(err, ERR_INPUT,
			"`git_user_name` and `git_user_email` cannot be empty");
	if ((name || email) &&
		(box_work_begin(change->boxes, who, row->id, BOX_WORK_QUIET,
			 "a change of the git identity", &work, change->cancel,
			 err) < 0 ||
			box_set_git_identity(change->boxes, row->id, name, email,
				change->cancel, err) < 0 ||
			store_box_set_git(store_of(change), row->id, name, email,
				clock_wall_ms(), change->cancel, err) < 0))
		return -1;
	*change->ret = json_object();
	json_put(*change->ret, "git_user_name",
		json_str(or_default(name, row->git_name, BOX_GIT_NAME)));
	json_put(*change->ret, "git_user_email",
		json_str(or_default(email, row->git_email, BOX_GIT_EMAIL)));
	return 0;
}

/* ---- lists ----------------------------------------------------------------------------- */

static size_t place_of(const json_t *list, const char *text)
{
	size_t i = 0;

	while (i < json_array_size(list) &&
		!str_eq(json_string_value(json_array_get(list, i)), text))
		i++;
	return i;
}

/* Adds or takes off; taking off what is not there is fine. */
static int edit(struct change *change, json_t *list, const char *text, size_t most,
	const char *what, struct err *err)
{
	size_t at = place_of(list, text);

	if (str_eq(change->method, "DELETE")) {
		json_array_remove(list, at);
		return 0;
	}
	if (!str_eq(change->method, "POST"))
		return no_verb(change, err);
	if (at < json_array_size(list))
		return 0;
	if (json_array_size(list) >= most)
		return err_set(err, ERR_INPUT, "a box has at most %zu %s", most, what);
	json_array_append_new(list, json_str(text));
	return 0;
}

static int edit_skills(struct change *change, struct err *err)
{
	CLEANUP(json)
	json_t *list = json_parse(change->row.skills, strlen(change->row.skills), err);
	const json_t *given = json_object_get(change->body, "skill_id");
	const char *skill = change->tail ? change->tail : json_string_value(given);

	if (!list || asked_skill(skill, "skill_id", err) < 0 ||
		edit(change, list, skill, LIMIT_BOX_SKILLS, "skills", err) < 0)
		return -1;
	CLEANUP(mem) char *text = json_dumps(list, JSON_COMPACT);
	return done(change, store_box_set_skills(store_of(change), change->row.id, text,
				    clock_wall_ms(), change->cancel, err));
}

static int edit_labels(struct change *change, struct err *err)
{
	CLEANUP(json)
	json_t *list = json_parse(change->row.labels, strlen(change->row.labels), err);
	CLEANUP(json)
	json_t *label = change->tail
				? json_str(change->tail)
				: json_incref(json_object_get(change->body, "label"));

	if (!list || asked_label(label, err) < 0 ||
		edit(change, list, json_string_value(label), LIMIT_BOX_LABELS, "labels",
			err) < 0)
		return -1;
	CLEANUP(mem) char *text = json_dumps(list, JSON_COMPACT);
	if (store_box_set_labels(store_of(change), change->row.id, text, clock_wall_ms(),
		    change->cancel, err) < 0)
		return -1;
	*change->ret = json_object();
	json_put(*change->ret, "labels", TAKE(list));
	return 0;
}

/* Two who change one list at a time: the second sees what the first one wrote. */
static int edited(struct change *change,
	int (*fn)(struct change *change, struct err *err), struct err *err)
{
	struct boxes *boxes = change->boxes;
	CLEANUP(store_box) struct store_box row = {0};
	char id[64];

	str_copy(id, sizeof id, change->row.id);
	if (active_seize(boxes->active, id, false, change->cancel, err) < 0)
		return -1;
	int rc = store_box_get(boxes->options.store, id, &row, err);
	if (rc == 0) {
		store_box_release(&change->row);
		change->row = row;
		memset(&row, 0, sizeof row);
		rc = fn(change, err);
	}
	active_yield(boxes->active, id);
	return rc;
}

/* ---- the door -------------------------------------------------------------------------- */

static int put_only(struct change *change, const struct box_caller *who, const char *path,
	struct err *err)
{
	if (!str_eq(change->method, "PUT"))
		return no_verb(change, err);
	if (str_eq(path, "config/model"))
		return set_model(change, err);
	if (str_eq(path, "config/custom-runner"))
		return set_runner(change, err);
	if (str_eq(path, "config/network-policy"))
		return set_network(change, err);
	if (str_eq(path, "config/git") || str_eq(path, "git-config"))
		return set_git(change, who, err);
	return err_set(err, ERR_NOT_FOUND, "a box has no %s", path);
}

int boxes_config(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *method, const char *path, const char *tail, const json_t *body,
	json_t **ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(change)
	struct change change = {
		.boxes = boxes,
		.method = method,
		.tail = tail,
		.body = body,
		.ret = ret,
		.cancel = cancel,
	};

	if ((!str_eq(method, "GET") && boxes_may_write(who, err) < 0) ||
		boxes_find(boxes, who, box, &change.row, err) < 0)
		return -1;
	if (box_is_of_task(change.row.id))
		return err_set(err, ERR_CONFLICT,
			"box %s belongs to a task, whose settings it has", change.row.id);
	if (str_eq(path, "startup"))
		return startup(&change, err);
	if (str_eq(path, "config/skills"))
		return edited(&change, edit_skills, err);
	if (str_eq(path, "config/labels"))
		return edited(&change, edit_labels, err);
	return put_only(&change, who, path, err);
}

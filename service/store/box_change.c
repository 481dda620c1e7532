/* SPDX-License-Identifier: MIT */
/* Boxes: their state and their configuration, each verb only its own columns. */
#include "boxcore/base/mem.h"
#include "service/store/store-internal.h"
#include "service/store/store_box.h"

/* ---- state ----------------------------------------------------------------------------- */

struct moving {
	const char *id;
	const struct store_box_move *move;
};

static int check_state(struct conn *conn, const struct moving *moving, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_BOX_STATE, V_TEXT(moving->id)));
	const struct store_box_move *move = moving->move;
	int rc = stmt_step(&q, err);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, ERR_NOT_FOUND, "no such box");
	CLEANUP(mem) char *word = stmt_get_text(&q);
	int64_t active_ms = stmt_get_int(&q);
	int state = words_find(words_box_state, word);
	if (state < 0 || !(move->from & STORE_BOX_IN(state)))
		return err_set(err, ERR_CONFLICT, "the box is %s", word);
	if (move->unless_active_after_ms && active_ms > move->unless_active_after_ms)
		return err_set(err, ERR_CONFLICT, "the box has been used meanwhile");
	return 0;
}

static int run_move(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct moving *moving = arg;
	const struct store_box_move *move = moving->move;

	(void)store;
	if (check_state(conn, moving, err) < 0)
		return -1;
	return query_run(conn,
		       QUERY(STMT_BOX_SET_STATE, V_TEXT(words_box_state[move->to]),
			       V_OPT(move->error), V_OPT(move->pause_reason),
			       V_OPT(move->wake_reason), V_INT(move->now_ms),
			       V_TEXT(moving->id)),
		       err) < 0
		       ? -1
		       : 0;
}

int store_box_set_state(struct store *store, const char *id,
	const struct store_box_move *move, struct cancel *cancel, struct err *err)
{
	struct moving moving = {id, move};

	return store_write(store, run_move, &moving, cancel, err);
}

/* ---- configuration --------------------------------------------------------------------- */

static int set_text(struct store *store, enum stmt_id statement, const char *id,
	const char *text, int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(statement, V_TEXT(text), V_INT(now_ms), V_TEXT(id)), "box", cancel,
		err);
}

int store_box_set_labels(struct store *store, const char *id, const char *labels,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return set_text(store, STMT_BOX_SET_LABELS, id, labels, now_ms, cancel, err);
}

int store_box_set_network(struct store *store, const char *id, const char *network,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return set_text(store, STMT_BOX_SET_NETWORK, id, network, now_ms, cancel, err);
}

int store_box_set_init(struct store *store, const char *id, const char *init_command,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return set_text(store, STMT_BOX_SET_INIT, id, init_command, now_ms, cancel, err);
}

int store_box_set_skills(struct store *store, const char *id, const char *skills,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return set_text(store, STMT_BOX_SET_SKILLS, id, skills, now_ms, cancel, err);
}

int store_box_set_sealed(struct store *store, const char *id, const char *sealed,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return set_text(store, STMT_BOX_SET_SEALED, id, sealed, now_ms, cancel, err);
}

int store_box_set_git(struct store *store, const char *id, const char *name,
	const char *email, int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_BOX_SET_GIT, V_OPT(name), V_OPT(email), V_INT(now_ms),
			V_TEXT(id)),
		"box", cancel, err);
}

int store_box_set_agent(struct store *store, const char *id, const char *agent,
	const char *model, const char *runner, int64_t now_ms, struct cancel *cancel,
	struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_BOX_SET_AGENT, V_OPT(agent), V_OPT(model), V_OPT(runner),
			V_INT(now_ms), V_TEXT(id)),
		"box", cancel, err);
}

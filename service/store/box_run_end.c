/* SPDX-License-Identifier: MIT */
/* Runs of boxes: settled once, with what they used; cancelled. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_box_run.h"

#include <string.h>

struct ending {
	const char *id;
	const struct store_box_run_end *end;
	const char *output, *error; /* cleaned; NULL for none */
};

/* Whose it was. */
struct owner {
	char *box_id, *account, *type;
};

static void owner_release(struct owner *owner)
{
	free(owner->box_id);
	free(owner->account);
	free(owner->type);
}
DEFINE_CLEANUP(owner, struct owner, owner_release(value))

/* Why a run could not be settled. */
static int tell_why(struct conn *conn, const char *id, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_BOX_RUN_STATE, V_TEXT(id)));
	int rc = stmt_step(&q, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no such run");
	CLEANUP(mem) char *state = stmt_get_text(&q);
	return err_set(err, ERR_CONFLICT, "the run has ended: %s", state);
}

static int settle(struct conn *conn, const struct ending *ending, struct owner *ret,
	struct err *err)
{
	const struct store_box_run_end *end = ending->end;
	CLEANUP(stmt)
	struct stmt q = query_use(
		conn, QUERY(STMT_BOX_RUN_FINISH, V_TEXT(words_box_run_state[end->state]),
			      V_INT(end->completed_ms), V_INT(end->exit_code),
			      V_OPT(ending->output), V_OPT(ending->error),
			      V_OPT(end->session_id), V_INT(end->tokens_in),
			      V_INT(end->tokens_out), V_INT(end->tokens_cached),
			      V_REAL(end->tokens_usd), V_REAL(end->compute_usd),
			      V_INT(end->cpu_us), V_INT(end->memory_peak),
			      V_INT(end->webhook), V_TEXT(ending->id)));
	int rc = stmt_step(&q, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return tell_why(conn, ending->id, err);
	ret->box_id = stmt_get_text(&q);
	ret->account = stmt_get_text(&q);
	ret->type = stmt_get_text(&q);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

static int run_finish(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct ending *ending = arg;
	const struct store_box_run_end *end = ending->end;
	struct store_usage usage = {.runs = 1,
		.tokens_in = end->tokens_in,
		.tokens_out = end->tokens_out,
		.tokens_usd = end->tokens_usd};
	CLEANUP(owner) struct owner owner = {0};

	(void)store;
	if (settle(conn, ending, &owner, err) < 0)
		return -1;
	if (query_run(conn,
		    QUERY(STMT_BOX_ADD_RUN, V_INT(end->cpu_us), V_INT(end->tokens_in),
			    V_INT(end->tokens_out), V_INT(end->tokens_cached),
			    V_REAL(end->tokens_usd), V_INT(str_eq(owner.type, "agent")),
			    V_OPT(end->session_id), V_TEXT(owner.box_id)),
		    err) < 0)
		return -1;
	return account_usage_insert(conn, owner.account, &usage, end->completed_ms, err);
}

/* NULL stays NULL. */
static const char *cleaned(struct strbuf *into, const char *text)
{
	if (!text)
		return NULL;
	text_clean(into, text, LIMIT_BOX_RUN_OUTPUT, true);
	return strbuf_str(into);
}

int store_box_run_finish(struct store *store, const char *id,
	const struct store_box_run_end *end, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf output = {0};
	CLEANUP(strbuf) struct strbuf error = {0};
	struct ending ending = {id, end, NULL, NULL};

	if (end->state == STORE_BOX_RUN_RUNNING || end->state == STORE_BOX_RUN_SKIPPED)
		return err_set(err, ERR_INTERNAL, "a run cannot end as %s",
			words_box_run_state[end->state]);
	ending.output = cleaned(&output, end->output);
	ending.error = cleaned(&error, end->error);
	return store_write(store, run_finish, &ending, cancel, err);
}

int store_box_run_cancel(struct store *store, const char *id, const char *reason,
	int64_t now_ms, bool *ret_was, struct cancel *cancel, struct err *err)
{
	int rows = store_update(store,
		QUERY(STMT_BOX_RUN_CANCEL, V_OPT(reason), V_INT(now_ms), V_TEXT(id)),
		cancel, err);

	if (rows < 0)
		return -1;
	*ret_was = rows > 0;
	return 0;
}

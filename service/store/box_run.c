/* SPDX-License-Identifier: MIT */
/* Runs of boxes: begun, read along, found; box_run_end.c ends them. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_box_run.h"

#include <string.h>

/* ---- beginning ------------------------------------------------------------------------- */

/* Old runs are looked for once in so many new ones, and go so many at a time. */
#define PRUNE_EVERY 256
#define PRUNE_STEP 512

struct adding {
	struct store_box_run run; /* of its texts, those that a new one has */
	enum store_box_run_state state;
	int64_t completed_ms;
	const char *error;
};

static int insert(
	struct conn *conn, const struct adding *adding, int64_t *ret_row, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_BOX_RUN_ADD);
	int rc;

	row_bind(&q, &table_box_run_given, &adding->run);
	stmt_text(&q, words_box_run_state[adding->state]);
	stmt_int(&q, adding->state != STORE_BOX_RUN_RUNNING); /* settled */
	stmt_int(&q, adding->completed_ms);
	stmt_optional(&q, adding->error);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no such box");
	if (rc > 0)
		*ret_row = stmt_get_int(&q);
	return rc < 0 || stmt_run(&q, err) < 0 ? -1 : 0;
}

static int run_add(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct adding *adding = arg;
	int64_t row = 0;

	(void)store;
	if (insert(conn, adding, &row, err) < 0)
		return -1;
	if (row % PRUNE_EVERY != 0)
		return 0;
	return query_run(conn,
		       QUERY(STMT_BOX_RUN_PRUNE, V_TEXT(adding->run.box_id),
			       V_INT(LIMIT_BOX_RUN_ROWS - 1), V_INT(PRUNE_STEP)),
		       err) < 0
		       ? -1
		       : 0;
}

/* Borrows all but the prompt, which the caller frees. */
static struct adding prepare(const struct store_box_run *run)
{
	CLEANUP(strbuf) struct strbuf prompt = {0};
	const char *text = str_or_empty(run->prompt);
	struct adding adding = {.state = STORE_BOX_RUN_RUNNING};
	static char nothing[] = "{}";

	text_clean(&prompt, text, LIMIT_BOX_RUN_PROMPT, true);
	adding.run.id = run->id;
	adding.run.box_id = run->box_id;
	adding.run.account = run->account;
	adding.run.type = run->type;
	adding.run.schedule_id = run->schedule_id;
	adding.run.prompt = mem_strdup(strbuf_str(&prompt));
	adding.run.model = run->model;
	adding.run.session_id = run->session_id;
	adding.run.detail = run->detail ? run->detail : nothing;
	adding.run.sealed = run->sealed;
	adding.run.created_ms = run->created_ms;
	return adding;
}

int store_box_run_add(struct store *store, const struct store_box_run *run,
	struct cancel *cancel, struct err *err)
{
	struct adding adding = prepare(run);
	int rc = store_write(store, run_add, &adding, cancel, err);

	free(adding.run.prompt);
	return rc;
}

int store_box_run_add_skipped(struct store *store, const struct store_box_run *run,
	const char *error, struct cancel *cancel, struct err *err)
{
	struct adding adding = prepare(run);
	int rc;

	adding.state = STORE_BOX_RUN_SKIPPED;
	adding.completed_ms = run->created_ms;
	adding.error = error;
	rc = store_write(store, run_add, &adding, cancel, err);
	free(adding.run.prompt);
	return rc;
}

static void adding_free(void *arg)
{
	struct adding *adding = arg;

	row_release(&table_box_run, &adding->run);
	free(adding);
}

void store_box_run_add_async(struct store *store, const struct store_box_run *run)
{
	struct adding *adding = mem_zalloc(sizeof *adding);
	struct adding borrowed = prepare(run);
	size_t bytes = row_copy(&table_box_run, &adding->run, &borrowed.run);

	free(borrowed.run.prompt);
	adding->state = borrowed.state;
	store_queue(store, "note a run of a box", run_add, adding, adding_free,
		sizeof *adding + bytes);
}

/* ---- reading along --------------------------------------------------------------------- */

int store_box_run_progress(struct store *store, const char *id, int64_t offset,
	const char *reader, const char *session_id, struct cancel *cancel,
	struct err *err)
{
	int rows = store_update(store,
		QUERY(STMT_BOX_RUN_PROGRESS, V_INT(offset), V_OPT(reader),
			V_OPT(session_id), V_TEXT(id)),
		cancel, err);

	if (rows == 0)
		return err_set(err, ERR_CONFLICT, "the run has ended, or is gone");
	return rows < 0 ? -1 : 0;
}

/* ---- finding --------------------------------------------------------------------------- */

int store_box_run_get(struct store *store, const char *box_id, const char *id,
	struct store_box_run *ret, struct err *err)
{
	return store_read_row(store, QUERY(STMT_BOX_RUN_GET, V_TEXT(id), V_TEXT(box_id)),
		&table_box_run, ret, "run", err);
}

static int read_runs(struct store *store, const struct query *query, size_t most,
	struct store_box_runs *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, query, &table_box_run, most, &rows, &ret->count, err) <
		0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_box_run_list(struct store *store, const char *box_id, int limit,
	struct store_box_runs *ret, struct err *err)
{
	return read_runs(store,
		QUERY(STMT_BOX_RUN_LIST, V_TEXT(box_id), V_INT(page_limit(limit, 100))),
		LIMIT_STORE_PAGE_BYTES, ret, err);
}

int store_box_run_list_open(struct store *store, const char *box_id,
	struct store_box_runs *ret, struct err *err)
{
	if (!box_id)
		return read_runs(store,
			&(const struct query){.statement = STMT_BOX_RUN_LIST_OPEN_ALL},
			SIZE_MAX, ret, err);
	return read_runs(
		store, QUERY(STMT_BOX_RUN_LIST_OPEN, V_TEXT(box_id)), SIZE_MAX, ret, err);
}

int store_box_run_list_webhooks(struct store *store, int64_t now_ms, int limit,
	struct store_box_runs *ret, struct err *err)
{
	return read_runs(store,
		QUERY(STMT_BOX_RUN_LIST_WEBHOOKS, V_INT(now_ms),
			V_INT(LIMIT_WEBHOOKS_OF_ONE), V_INT(page_limit(limit, 50))),
		SIZE_MAX, ret, err);
}

int store_box_run_set_webhook(struct store *store, const char *id,
	enum store_webhook_state state, int64_t at_ms, struct cancel *cancel,
	struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_BOX_RUN_SET_WEBHOOK, V_TEXT(words_webhook_state[state]),
			V_INT(at_ms), V_TEXT(id)),
		"run", cancel, err);
}

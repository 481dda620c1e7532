/* SPDX-License-Identifier: MIT */
/* Logs of boxes. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_box_log.h"

/* Old lines are removed once in so many new ones. */
#define PRUNE_EVERY 128

struct line {
	char *box_id;
	struct store_box_log log;
};

static void line_free(void *arg)
{
	struct line *line = arg;

	free(line->box_id);
	row_release(&table_box_log, &line->log);
	free(line);
}

/* The number that the line got; 0 when the box has no row. */
static int insert(
	struct conn *conn, const struct line *line, int64_t *ret_seq, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(
		conn, QUERY(STMT_BOX_LOG_ADD, V_TEXT(line->box_id),
			      V_INT(line->log.at_ms), V_TEXT(line->log.level),
			      V_TEXT(line->log.source), V_TEXT(line->log.message)));
	int rc = stmt_step(&q, err);

	*ret_seq = rc > 0 ? stmt_get_int(&q) : 0;
	return rc < 0 || (rc > 0 && stmt_run(&q, err) < 0) ? -1 : 0;
}

static int run_append(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct line *line = arg;
	int64_t seq;

	(void)store;
	if (insert(conn, line, &seq, err) < 0)
		return -1;
	if (seq % PRUNE_EVERY != 0 || seq <= LIMIT_BOX_LOG_ROWS)
		return 0;
	return query_run(conn,
		       QUERY(STMT_BOX_LOG_PRUNE, V_TEXT(line->box_id),
			       V_INT(seq - LIMIT_BOX_LOG_ROWS)),
		       err) < 0
		       ? -1
		       : 0;
}

void store_box_log_append(
	struct store *store, const char *box_id, const struct store_box_log *log)
{
	CLEANUP(strbuf) struct strbuf text = {0};
	const char *message = str_or_empty(log->message);
	struct line *line = mem_zalloc(sizeof *line);
	struct store_box_log given = *log; /* borrows */
	size_t bytes;

	text_clean(&text, message, LIMIT_LOG_LINE, false);
	line->box_id = mem_strdup(box_id);
	given.message = text.data;
	bytes = row_copy(&table_box_log, &line->log, &given);
	store_queue(store, "write a box's log", run_append, line, line_free,
		sizeof *line + bytes);
}

int store_box_log_list(struct store *store, const char *box_id, int64_t offset,
	int64_t limit, struct store_box_logs *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store,
		    QUERY(STMT_BOX_LOG_LIST, V_TEXT(box_id),
			    V_INT(limit > 0 ? limit : -1),
			    V_INT(offset > 0 ? offset : 0)),
		    &table_box_log, LIMIT_STORE_PAGE_BYTES, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

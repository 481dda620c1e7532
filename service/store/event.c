/* SPDX-License-Identifier: MIT */
/* Events: appended together with the offset that they were read up to. */
#include "service/store/store_event.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

struct append {
	struct store_task *task;
	const struct store_event_batch *what;
	struct strbuf *texts; /* of each event, cleaned */
	int64_t run_offset, tokens_in, tokens_out, tokens_cached;
	double cost_usd;
};

static int move_task(struct append *append, struct conn *conn, struct err *err)
{
	const struct store_event_batch *what = append->what;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_PROGRESS);
	int rc;

	stmt_int(&q, what->run_offset);
	stmt_int(&q, what->tokens_in);
	stmt_int(&q, what->tokens_out);
	stmt_int(&q, what->tokens_cached);
	stmt_real(&q, what->cost_usd);
	stmt_int(&q, append->task->id);
	stmt_text(&q, append->task->lease);
	stmt_optional(&q, append->what->run_state);
	rc = stmt_step(&q, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return task_lease_lost(append->task->id, err);
	append->run_offset = stmt_get_int(&q);
	append->tokens_in = stmt_get_int(&q);
	append->tokens_out = stmt_get_int(&q);
	append->tokens_cached = stmt_get_int(&q);
	append->cost_usd = stmt_get_real(&q);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

static int last_seq(struct conn *conn, int64_t task_id, int64_t *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_EVENT_LAST);

	stmt_int(&q, task_id);
	if (stmt_step(&q, err) <= 0)
		return -1;
	*ret = stmt_get_int(&q);
	return 0;
}

static int add_one(
	struct append *append, size_t i, int64_t seq, struct conn *conn, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_EVENT_ADD);

	stmt_int(&q, append->task->id);
	stmt_int(&q, seq);
	stmt_int(&q, append->what->events[i].at_ms);
	stmt_text(&q, append->what->events[i].kind);
	stmt_text_n(&q, strbuf_str(&append->texts[i]), append->texts[i].len);
	return stmt_run(&q, err);
}

static int run_append(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct append *append = arg;
	int64_t seq = 0;

	if (move_task(append, conn, err) < 0 ||
		last_seq(conn, append->task->id, &seq, err) < 0)
		return -1;
	for (size_t i = 0; i < append->what->count && seq < LIMIT_TASK_EVENTS; i++)
		if (add_one(append, i, ++seq, conn, err) < 0)
			return -1;
	store_note(store, STORE_CHANGE_TASK_EVENTS, append->task->id);
	return 0;
}

/* On the caller's thread.  Text from a box may hold anything. */
static struct strbuf *clean(const struct store_event_batch *what)
{
	struct strbuf *texts = mem_array(what->count, sizeof *texts);

	for (size_t i = 0; i < what->count; i++) {
		const struct store_event_new *event = &what->events[i];
		size_t len = event->text_len;

		strbuf_init(&texts[i], 3 * LIMIT_TASK_EVENT); /* U+FFFD has 3 bytes */
		if (len > LIMIT_TASK_EVENT)
			len = str_utf8_cut(event->text, LIMIT_TASK_EVENT);
		str_clean_utf8(&texts[i], event->text, len, false);
	}
	return texts;
}

int store_events_append(struct store *store, struct store_task *task,
	const struct store_event_batch *what, struct cancel *cancel, struct err *err)
{
	struct append append = {.task = task, .what = what};
	int rc;

	if (what->count > STORE_PAGE_MAX)
		return err_set(err, ERR_LIMIT, "events: %zu at once, at most %d",
			what->count, STORE_PAGE_MAX);
	append.texts = clean(what);
	rc = store_write(store, run_append, &append, cancel, err);
	if (rc == 0) {
		task->run_offset = append.run_offset;
		if (what->run_state)
			store_set(&task->run_state, what->run_state);
		task->tokens_in = append.tokens_in;
		task->tokens_out = append.tokens_out;
		task->tokens_cached = append.tokens_cached;
		task->cost_usd = append.cost_usd;
	}
	for (size_t i = 0; i < what->count; i++)
		strbuf_release(&append.texts[i]);
	free(append.texts);
	return rc;
}

/* A page ends by bytes too: 500 events of the largest size are 96 MiB. */
static int read_page(struct stmt *q, struct store_events *list, struct err *err)
{
	size_t bytes = 0, cap = 0;
	int rc;

	while (bytes < LIMIT_STORE_PAGE_BYTES && (rc = stmt_step(q, err)) != 0) {
		if (rc < 0)
			return -1;
		if (list->count == cap) {
			cap = cap ? cap * 2 : 16;
			list->rows = mem_grow(list->rows, cap, sizeof *list->rows);
		}
		struct store_event *row = &list->rows[list->count++];
		memset(row, 0, sizeof *row);
		if (row_read(q, &table_event, row, err) < 0)
			return -1;
		bytes += strlen(row->text);
	}
	return 0;
}

int store_events_read(struct store *store, int64_t task_id, int64_t after_seq, int limit,
	struct store_events *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	struct store_events list = {0};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_EVENT_READ);
	stmt_int(&q, task_id);
	stmt_int(&q, after_seq);
	stmt_int(&q, page_limit(limit, 100));
	if (read_page(&q, &list, err) < 0) {
		store_events_release(&list);
		return -1;
	}
	*ret = list;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Deliveries: one transaction with what they make; bodies are zstd frames. */
#include "service/store/store_delivery.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <stdatomic.h>
#include <string.h>
#include <zstd.h>

#define OWNED_MAX 32

struct add {
	struct job job; /* of the form that does not wait */
	struct store_delivery_new what;
	struct store_task_new task;
	struct store_command_new command;
	void *packed;
	size_t packed_len;
	struct store_delivery_added added;
	store_delivery_done_fn done;
	void *arg;
	char *owned[OWNED_MAX];
	size_t nowned;
	struct belongs belongs;
};

static void add_release(struct add *add)
{
	for (size_t i = 0; i < add->nowned; i++)
		free(add->owned[i]);
	free(add->packed);
	free(add->belongs.lane);
}

static int check(const struct store_delivery_new *what, struct err *err)
{
	if (str_empty(what->id) || strlen(what->id) > LIMIT_DELIVERY_ID)
		return err_set(err, ERR_INPUT, "delivery: id must have 1 to %d bytes",
			LIMIT_DELIVERY_ID);
	if (str_empty(what->event) || strlen(what->event) > LIMIT_EVENT_NAME)
		return err_set(err, ERR_INPUT, "delivery: event must have 1 to %d bytes",
			LIMIT_EVENT_NAME);
	if (what->body_len > LIMIT_DELIVERY_BODY)
		return err_set(err, ERR_LIMIT,
			"delivery: body of %zu bytes is over the limit of %lu",
			what->body_len, LIMIT_DELIVERY_BODY);
	if (what->task && what->command)
		return err_set(err, ERR_INTERNAL, "delivery: both task and command");
	if (what->command && command_new_check(what->command, err) < 0)
		return -1;
	return what->task ? task_new_check(what->task, err) : 0;
}

/* A compressor's tables cost more than a common body: the one that is free is used again. */
static ZSTD_CCtx *packer_take(struct store *store)
{
	ZSTD_CCtx *packer = atomic_exchange(&store->packer, NULL);

	return packer ? packer : ZSTD_createCCtx();
}

static void packer_put(struct store *store, ZSTD_CCtx *packer)
{
	ZSTD_freeCCtx(atomic_exchange(&store->packer, packer));
}

void delivery_packer_free(struct store *store)
{
	packer_put(store, NULL);
}

/* On the caller's thread: the store's thread has the disk to wait for. */
static int pack(struct store *store, struct add *add, struct err *err)
{
	size_t bound = ZSTD_compressBound(add->what.body_len);
	ZSTD_CCtx *packer = packer_take(store);
	size_t n;

	if (!packer)
		return err_set(err, ERR_INTERNAL, "delivery: no compressor");
	add->packed = mem_alloc(bound);
	n = ZSTD_compressCCtx(packer, add->packed, bound,
		add->what.body ? add->what.body : "", add->what.body_len, 1);
	packer_put(store, packer);
	if (ZSTD_isError(n))
		return err_set(err, ERR_INTERNAL, "delivery: compress: %s",
			ZSTD_getErrorName(n));
	add->packed_len = n;
	return 0;
}

static enum store_delivery_state state_of(const struct store_delivery_new *what)
{
	if (what->task)
		return STORE_DELIVERY_TASK;
	if (what->command)
		return STORE_DELIVERY_COMMAND;
	return what->unparsed ? STORE_DELIVERY_UNPARSED : STORE_DELIVERY_IGNORED;
}

static int insert(struct add *add, struct conn *conn, struct err *err)
{
	const struct store_delivery_new *what = &add->what;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_DELIVERY_ADD);

	stmt_text(&q, what->id);
	stmt_text(&q, what->event);
	stmt_optional(&q, what->action);
	stmt_int(&q, what->received_ms);
	stmt_int(&q, (int64_t)what->body_len);
	stmt_text(&q, words_delivery_state[add->added.state]);
	stmt_text(
		&q, add->added.reason_code ? add->added.reason_code : what->reason_code);
	stmt_text(&q, add->added.reason ? add->added.reason : what->reason);
	stmt_blob(&q, add->packed, add->packed_len);
	return stmt_run(&q, err);
}

static int find_duplicate(struct add *add, struct conn *conn, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_DELIVERY_STATE);
	CLEANUP(mem) char *word = NULL;
	int state;

	stmt_text(&q, add->what.id);
	if (stmt_step(&q, err) <= 0)
		return -1;
	word = stmt_get_text(&q);
	state = words_find(words_delivery_state, word);
	if (state < 0)
		return err_set(err, ERR_INTERNAL, "store: unknown state of a delivery");
	add->added.duplicate = true;
	add->added.reason_code = add->added.reason = NULL;
	add->added.state = (enum store_delivery_state)state;
	add->added.task_id = stmt_get_int(&q);
	return 0;
}

/* ---- which conversation, and whether it counts ------------------------------------------ */

static int find_conversation(struct add *add, struct conn *conn, struct err *err)
{
	const struct store_delivery_new *what = &add->what;
	int64_t repo_id = what->task ? what->task->repo_id : what->command->repo_id;

	free(TAKE(add->belongs.lane));
	add->belongs = (struct belongs){0};
	return conversation_of_pull(
		conn, repo_id, what->pull_number, what->branch, &add->belongs, err);
}

/* Into the lane of the conversation; an event that knew only the branch learns the number. */
static void join_conversation(struct add *add)
{
	const struct belongs *belongs = &add->belongs;

	if (!belongs->id)
		return;
	if (add->what.task) {
		add->task = *add->what.task;
		add->task.lane = belongs->lane;
		if (add->task.number == 0 && belongs->pr_number > 0) {
			add->task.number = belongs->pr_number;
			add->task.is_pull = true;
		}
		add->what.task = &add->task;
	} else {
		add->command = *add->what.command;
		add->command.lane = belongs->lane;
		if (add->command.number == 0 && belongs->pr_number > 0) {
			add->command.number = belongs->pr_number;
			add->command.is_pull = true;
		}
		add->what.command = &add->command;
	}
}

static bool is_ours(const struct add *add)
{
	bool repair = add->what.task && str_eq(add->what.task->verb, "repair");

	return add->belongs.id && (add->belongs.ours || (repair && add->belongs.pushed));
}

static int waits_already(
	const struct store_task_new *task, struct conn *conn, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q =
		query_use(conn, QUERY(STMT_TASK_WAITING_ALREADY, V_TEXT(task->lane),
					V_TEXT(task->verb), V_TEXT(task->about)));

	return stmt_step(&q, err);
}

static void ignore(struct add *add, const char *code, const char *reason)
{
	add->added.state = STORE_DELIVERY_IGNORED;
	add->added.reason_code = code;
	add->added.reason = reason;
}

static int judge(struct add *add, struct conn *conn, struct err *err)
{
	int rc;

	add->added.state = state_of(&add->what);
	if (!add->what.task && !add->what.command)
		return 0;
	if (find_conversation(add, conn, err) < 0)
		return -1;
	join_conversation(add);
	if (add->what.only_ours && !is_ours(add)) {
		ignore(add, "not_ours",
			"This only counts on a pull request that this service works on.");
		return 0;
	}
	if (!add->what.coalesce || !add->what.task)
		return 0;
	rc = waits_already(add->what.task, conn, err);
	if (rc > 0)
		ignore(add, "waiting_already",
			"A task for the same commit waits already: it will see to it.");
	return rc < 0 ? -1 : 0;
}

/* ---- what is written -------------------------------------------------------------------- */

static int add_url(const struct add *add, struct conn *conn, struct err *err)
{
	const struct store_delivery_new *what = &add->what;

	if (str_empty(what->url) || strlen(what->url) > LIMIT_DELIVERY_URL)
		return 0;
	return query_run(conn,
		QUERY(STMT_DELIVERY_URL_ADD, V_TEXT(what->url), V_INT(what->received_ms),
			V_TEXT(what->id)),
		err);
}

static int add_task(
	struct add *add, struct store *store, struct conn *conn, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_DELIVERY_SET_TASK);
	int64_t id = 0;

	if (task_insert(store, conn, add->what.task, add->what.id, &id, err) < 0)
		return -1;
	stmt_int(&q, id);
	stmt_text(&q, add->what.id);
	if (stmt_run(&q, err) < 0)
		return -1;
	add->added.task_id = id;
	return 0;
}

static int run_add(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct add *add = arg;
	int rows;

	if (judge(add, conn, err) < 0)
		return -1;
	rows = insert(add, conn, err);
	if (rows < 0)
		return -1;
	if (rows == 0)
		return find_duplicate(add, conn, err);
	if (add_url(add, conn, err) < 0)
		return -1;
	if (add->added.state == STORE_DELIVERY_TASK)
		return add_task(add, store, conn, err);
	if (add->added.state == STORE_DELIVERY_COMMAND)
		return command_insert(store, conn, add->what.command, add->what.id, err);
	return 0;
}

int store_delivery_add(struct store *store, const struct store_delivery_new *delivery,
	struct store_delivery_added *ret, struct cancel *cancel, struct err *err)
{
	struct add add = {.what = *delivery};
	int rc = check(delivery, err);

	if (rc == 0)
		rc = pack(store, &add, err);
	if (rc == 0)
		rc = store_write(store, run_add, &add, cancel, err);
	if (rc == 0)
		*ret = add.added;
	add_release(&add);
	return rc;
}

/* ---- without waiting ------------------------------------------------------------------ */

static void own(struct add *add, const char **text)
{
	if (!*text)
		return;
	if (add->nowned == OWNED_MAX)
		abort(); /* a new field: make OWNED_MAX larger */
	add->owned[add->nowned] = mem_strdup(*text);
	*text = add->owned[add->nowned++];
}

static void own_row(struct add *add, const struct table *table, void *row)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->fields[i].kind == FIELD_TEXT)
			own(add, (const char **)(void *)((char *)row +
							 table->fields[i].offset));
}

static void own_all(struct add *add)
{
	struct store_delivery_new *what = &add->what;

	own(add, &what->id);
	own(add, &what->event);
	own(add, &what->action);
	own(add, &what->reason_code);
	own(add, &what->reason);
	own(add, &what->url);
	own(add, &what->branch);
	what->body = NULL; /* packed already */
	if (what->task) {
		add->task = *what->task;
		own_row(add, &table_task_given, &add->task);
		own(add, &add->task.step);
		own(add, &add->task.default_branch);
		what->task = &add->task;
	}
	if (what->command) {
		add->command = *what->command;
		own_row(add, &table_command_given, &add->command);
		what->command = &add->command;
	}
}

static void on_done(struct job *job)
{
	struct add *add = job->arg;

	if (job->rc < 0)
		add->done(add->arg, NULL, &job->err);
	else
		add->done(add->arg, &add->added, NULL);
	add_release(add);
	free(add);
}

int store_delivery_add_async(struct store *store,
	const struct store_delivery_new *delivery, store_delivery_done_fn done, void *arg,
	struct err *err)
{
	struct add *add;
	int rc;

	if (check(delivery, err) < 0)
		return -1;
	add = mem_zalloc(sizeof *add);
	add->what = *delivery;
	add->done = done;
	add->arg = arg;
	rc = pack(store, add, err);
	if (rc == 0) {
		own_all(add);
		add->job = (struct job){.run = run_add,
			.arg = add,
			.done = on_done,
			.bytes = sizeof *add + add->packed_len};
		rc = store_write_async(store, &add->job, err);
	}
	if (rc < 0) {
		add_release(add);
		free(add);
	}
	return rc;
}

/* SPDX-License-Identifier: MIT */
/* service/store/stmts.def and migrations.c: all SQL is known, used, and needs no scan. */
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];
static char path[96];

static int set_up(void **state)
{
	FILE *f;

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/boxwright-stmts-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/db", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	return 0;
}

static int tear_down(void **state)
{
	struct err err = {0};

	(void)state;
	return file_remove_tree(dir, &err);
}

/* Why a statement may read a whole table, or sort what it reads: it does not grow, or the read
 * is bounded. */
static const struct {
	const char *statement, *plan, *why;
} exceptions[] = {
	{"TALLY", "SCAN tally", "a row a state"},
	{"PAGES", "SCAN pragma_", "a row a pragma"},
	{"TASK_LIST", "", "newest first by the key, with a limit"},
	{"DELIVERY_LIST", "SCAN delivery USING INDEX delivery_received",
		"newest first by an index, with a limit"},
	{"TASK_NEXT_DUE", "SCAN task USING INDEX task_ready",
		"the first row of an index"},
	{"COMMAND_RECOVER", "SCAN command USING INDEX command_taken",
		"a partial index: taken rows only"},
	{"TASK_RECOVER_FAIL", "SCAN task USING INDEX task_running_repo",
		"a partial index: running rows only"},
	{"TASK_RECOVER_WORST", "SCAN task USING INDEX task_running_repo",
		"a partial index: running rows only"},
	{"TASK_RECOVER_READY", "SCAN task USING INDEX task_running_repo",
		"a partial index: running rows only"},
	{"TASK_CLAIM", "SCAN c", "at most 100 rows"},
	{"TASK_CLAIM", "SCAN s USING INDEX task_running_repo",
		"a partial index: running rows only"},
	{"STEP_LIST", "SCAN ", "a page"},
	{"BOX_RUN_LIST_OPEN_ALL", "SCAN box_run USING INDEX box_run_open",
		"a partial index: runs that have not ended"},
	{"BOX_SCHEDULE_NEXT", "SCAN box_schedule USING COVERING INDEX box_schedule_due",
		"the first row of an index"},
	{"BOX_PREVIEW_LIST_ALL", "SCAN box_preview", "all of them, once at start"},
	{"KEY_LIST_ALL", "SCAN api_key USING INDEX api_key_account",
		"all of them, for the operator"},
	{"BOX_RUN_LIST_WEBHOOKS", "SCAN (subquery", "webhooks that are due, by an index"},
	{"DELIVERY_LIST_URL", "SCAN (subquery", "a page"},
	{"REPOSITORY_LIST_LOOKED", "SCAN repository USING INDEX repository_looked",
		"in the order of an index, with a limit"},
	{"PRUNE_EVENTS", "SCAN (subquery", "a page"},
	{"TASK_CLAIM", "USE TEMP B-TREE", "at most 100 rows"},
	{"STEP_LIST", "USE TEMP B-TREE", "a page"},
	{"DELIVERY_LIST_URL", "USE TEMP B-TREE", "what happened on one issue"},
	{"CONVERSATION_BELONGS_BRANCH", "USE TEMP B-TREE", "those of one branch"},
	{"REPOSITORY_FIND", "USE TEMP B-TREE", "those that had one name"},
	{"BOX_LIST_IDLE", "USE TEMP B-TREE", "boxes that run"},
	{"BOX_RUN_LIST_WEBHOOKS", "USE TEMP B-TREE", "a page"},
};

static bool is_excepted(const char *statement, const char *plan)
{
	for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
		if (str_eq(exceptions[i].statement, statement) &&
			str_starts(plan, exceptions[i].plan))
			return true;
	return false;
}

static void check_plan(struct conn *conn, const struct stmt_def *def)
{
	char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", def->sql);
	sqlite3_stmt *q = NULL;

	assert_int_equal(sqlite3_prepare_v2(conn->db, sql, -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW) {
		const char *plan = (const char *)sqlite3_column_text(q, 3);

		if (str_starts(plan, "SCAN CONSTANT ROW"))
			continue;
		if ((str_starts(plan, "SCAN") || strstr(plan, "AUTOMATIC") ||
			    str_starts(plan, "USE TEMP B-TREE")) &&
			!is_excepted(def->name, plan))
			fail_msg("%s: %s", def->name, plan);
	}
	sqlite3_finalize(q);
	sqlite3_free(sql);
}

static void test_no_statement_scans_what_grows(void **state)
{
	struct conn conn = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(conn_open(&conn, path, true, &err), 0);
	assert_int_equal(migrations_run(&conn, migrations_count, &err), 0);
	if (conn_prepare(&conn, BOTH, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < STMT_COUNT; i++)
		check_plan(&conn, &stmt_defs[i]);
	conn_close(&conn);
}

/* The claim is the hottest: it must go by the partial indexes. */
static void test_the_claim_goes_by_its_indexes(void **state)
{
	CLEANUP(strbuf) struct strbuf plan = STRBUF_INIT(LIMIT_LOG_LINE);
	struct conn conn = {0};
	struct err err = {0};
	sqlite3_stmt *q = NULL;
	char *sql;

	(void)state;
	assert_int_equal(conn_open(&conn, path, true, &err), 0);
	assert_int_equal(migrations_run(&conn, migrations_count, &err), 0);
	sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", stmt_defs[STMT_TASK_CLAIM].sql);
	assert_int_equal(sqlite3_prepare_v2(conn.db, sql, -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW)
		strbuf_addf(&plan, "%s\n", sqlite3_column_text(q, 3));
	sqlite3_finalize(q);
	sqlite3_free(sql);
	conn_close(&conn);
	assert_non_null(strstr(plan.data, "INDEX task_ready (run_at_ms<?)"));
	assert_non_null(strstr(plan.data, "INDEX task_running_lane (lane=?)"));
	assert_non_null(strstr(plan.data, "INDEX task_running_repo (repo_id=?)"));
	assert_non_null(strstr(plan.data, "SEARCH task USING INTEGER PRIMARY KEY"));
}

/* Every STMT_ of the table is used by some file of the store, and nobody writes SQL
 * elsewhere. */
static void test_the_table_is_complete(void **state)
{
	CLEANUP(strbuf) struct strbuf all = STRBUF_INIT(LIMIT_MIB);
	DIR *folder = opendir("service/store");
	struct dirent *entry;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		char name[300];

		if (!str_ends(entry->d_name, ".c"))
			continue;
		snprintf(name, sizeof name, "service/store/%s", entry->d_name);
		struct err err = {0};
		assert_int_equal(file_read(&all, name, &err), 0);
	}
	closedir(folder);
	for (int i = 0; i < STMT_COUNT; i++) {
		char name[64];
		int n = snprintf(name, sizeof name, "STMT_%s", stmt_defs[i].name);
		const char *at = all.data;
		bool used = false;

		while (!used && (at = strstr(at, name))) {
			at += n;
			used = strchr("),; }", *at) && *at;
		}
		if (!used)
			fail_msg("%s is used nowhere", name);
	}
	assert_null(strstr(all.data, "\"SELECT "));
	assert_null(strstr(all.data, "\"INSERT "));
	assert_null(strstr(all.data, "\"UPDATE "));
	assert_null(strstr(all.data, "\"DELETE "));
}

static void dump(const char *file, struct strbuf *out)
{
	struct conn conn = {0};
	struct err err = {0};
	sqlite3_stmt *q = NULL;

	assert_int_equal(conn_open(&conn, file, true, &err), 0);
	assert_int_equal(sqlite3_prepare_v2(conn.db,
				 "SELECT type||' '||name||' '||coalesce(sql,'') FROM "
				 "sqlite_schema ORDER BY type,name",
				 -1, &q, NULL),
		SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW)
		strbuf_addf(out, "%s\n", sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	conn_close(&conn);
}

/* From every older version, one step at a time, the tables end up the same. */
static void test_migrated_equals_fresh(void **state)
{
	CLEANUP(strbuf) struct strbuf fresh = STRBUF_INIT(LIMIT_MIB);
	struct conn conn = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(conn_open(&conn, path, true, &err), 0);
	assert_int_equal(migrations_run(&conn, migrations_count, &err), 0);
	conn_close(&conn);
	dump(path, &fresh);
	assert_non_null(strstr(fresh.data, "CREATE TABLE task("));
	for (int from = 0; from <= migrations_count; from++) {
		CLEANUP(strbuf) struct strbuf moved = STRBUF_INIT(LIMIT_MIB);
		char other[128];
		FILE *f;

		snprintf(other, sizeof other, "%s/from-%d", dir, from);
		f = fopen(other, "w");
		assert_non_null(f);
		fclose(f);
		for (int to = from; to <= migrations_count; to++) {
			assert_int_equal(conn_open(&conn, other, true, &err), 0);
			assert_int_equal(migrations_run(&conn, to, &err), 0);
			conn_close(&conn);
		}
		dump(other, &moved);
		assert_string_equal(moved.data, fresh.data);
	}
}

/* What stood in a database of the second version stands in the third. */
static void test_rows_come_along(void **state)
{
	struct conn conn = {0};
	struct err err = {0};
	CLEANUP(strbuf) struct strbuf found = STRBUF_INIT(LIMIT_MIB);
	sqlite3_stmt *q = NULL;
	static const char rows[] =
		"INSERT INTO "
		"task(lane,verb,text,repo_id,installation_id,owner,repo,number,"
		"is_pull,title,issue_body,issue_author_login,requester_id,requester_"
		"login,"
		"comment_id,comment_url,trigger_kind,created_ms,run_at_ms,step,"
		"default_branch,pr_number,branch,base_oid,commit_oid,state,finished_ms)"
		" VALUES"
		"('1/12','fix','',1,7,'o','r',12,0,'','','',5,'x',0,'','',10,10,'',"
		"'main',13,'bw/1','b1','c1','done',20),"
		"('1/12','fix','',1,7,'o','r',12,0,'','','',5,'x',0,'','',30,30,'',"
		"'main',14,'bw/2','b2','c2','done',40),"
		"('1/12','fix','',1,7,'o','r',12,0,'','','',5,'x',0,'','',50,50,'',"
		"'main',0,NULL,NULL,NULL,'ready',0),"
		"('1/20','fix','',1,7,'o','r',20,0,'','','',5,'x',0,'','',50,50,'',"
		"'main',0,NULL,NULL,NULL,'failed',60);"
		"INSERT INTO "
		"command(lane,verb,word,text,repo_id,installation_id,owner,repo,"
		"number,is_pull,requester_id,requester_login,comment_id,delivery_id,"
		"created_ms,run_at_ms)"
		" VALUES('1/12','help','','',1,7,'o','r',12,0,5,'x',0,'d',1,1);";

	(void)state;
	assert_int_equal(conn_open(&conn, path, true, &err), 0);
	assert_int_equal(migrations_run(&conn, 2, &err), 0);
	assert_int_equal(conn_exec(&conn, rows, &err), 0);
	if (migrations_run(&conn, migrations_count, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(
		sqlite3_prepare_v2(conn.db,
			"SELECT 'task '||id||' '||conversation_id||' '||attempts"
			"||' '||waits||' '||about||state FROM task UNION ALL "
			"SELECT 'conversation '||id||' '||lane||' '||pr_number||' '"
			"||ours||' '||branch||' '||target||' '||base_oid||' '"
			"||head_oid||' '||state||' '||used_ms FROM conversation "
			"UNION ALL SELECT 'command '||id||' '||about FROM command "
			"UNION ALL SELECT tbl||' '||state||' '||n FROM tally WHERE "
			"tbl='conversation'",
			-1, &q, NULL),
		SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW)
		strbuf_addf(&found, "%s\n", sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	conn_close(&conn);
	assert_string_equal(found.data,
		"task 1 1 1 0 done\n"
		"task 2 1 1 0 done\n"
		"task 3 1 1 0 ready\n"
		"task 4 0 1 0 failed\n"
		"conversation 1 1/12 14 1 bw/2 main b2 c2 open 40\n"
		"command 1 \n"
		"conversation open 1\n");
}

/* Each file of the folder is in the list, in order. */
static void test_every_migration_is_compiled_in(void **state)
{
	DIR *folder = opendir("service/store/migrations");
	struct dirent *entry;
	int found = 0;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder)))
		found += str_ends(entry->d_name, ".sql");
	closedir(folder);
	assert_int_equal(found, migrations_count);
	for (int i = 0; i < migrations_count; i++) {
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);
		struct err err = {0};
		char name[128];

		assert_int_equal(atoi(migrations[i].name), i + 1);
		snprintf(name, sizeof name, "service/store/migrations/%s.sql",
			migrations[i].name);
		assert_int_equal(file_read(&text, name, &err), 0);
		assert_string_equal(text.data, migrations[i].sql);
	}
}

static void test_a_failed_migration_leaves_nothing(void **state)
{
	struct conn conn = {0};
	struct err err = {0};
	CLEANUP(strbuf) struct strbuf tables = STRBUF_INIT(LIMIT_MIB);

	(void)state;
	/* A table that stands in the way makes the first step fail in its middle. */
	assert_int_equal(conn_open(&conn, path, true, &err), 0);
	assert_int_equal(conn_exec(&conn, "CREATE TABLE prepared(x)", &err), 0);
	assert_int_equal(migrations_run(&conn, migrations_count, &err), -1);
	assert_non_null(strstr(err.text, "migration 0001_start"));
	conn_close(&conn);
	dump(path, &tables);
	assert_string_equal(tables.data, "table prepared CREATE TABLE prepared(x)\n");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_statement_scans_what_grows),
		TEST(test_the_claim_goes_by_its_indexes),
		TEST(test_the_table_is_complete),
		TEST(test_migrated_equals_fresh),
		TEST(test_rows_come_along),
		TEST(test_every_migration_is_compiled_in),
		TEST(test_a_failed_migration_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* service/store/migrations.c: a database that the first release left, opened by today's. */
#include "boxcore/base/file.h"
#include "service/store/store-internal.h"
#include "service/store/store_conversation.h"
#include "service/store/store_task.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_world world;

#define TASK                                                                             \
	"INSERT INTO task(id,lane,verb,text,repo_id,installation_id,owner,repo,number,"  \
	"is_pull,title,issue_body,issue_author_login,requester_id,requester_login,"      \
	"comment_id,comment_url,trigger_kind,created_ms,run_at_ms,step,default_branch,"  \
	"state,lease,pr_number,pr_url,branch,base_oid,commit_oid,finished_ms,started_"   \
	"ms)VALUES"

/* As the first release wrote them: one that made a pull request, one in the middle, one that
 * waits behind it, and what belongs to them. */
static const char *const old_rows = TASK
	"(1,'1#12','fix','do',1,7,'octo','hello',12,0,'T','B','a',3,'p',9,'u','command',"
	"1000,1000,'report','main','done',NULL,13,'https://github.com/octo/hello/pull/"
	"13',"
	"'boxwright/12-t','aaaa','bbbb',2000,1000);" TASK
	"(2,'1#20','fix','do',1,7,'octo','hello',20,0,'T','B','a',3,'p',9,'u','command',"
	"3000,3000,'work','main','running','old:1',0,NULL,NULL,NULL,NULL,0,3000);" TASK
	"(3,'1#20','fix','do',1,7,'octo','hello',20,0,'T','B','a',3,'p',9,'u','command',"
	"4000,4000,'gate','main','ready',NULL,0,NULL,NULL,NULL,NULL,0,0);"
	"INSERT INTO step VALUES(2,1,'gate',1,'done',3000,3001,'');"
	"INSERT INTO task_event VALUES(2,1,3000,'text','hello');"
	"INSERT INTO effect VALUES(1,'pr','','done','x',1500,'13',NULL,NULL);"
	"INSERT INTO delivery VALUES('d1','push','',1000,2,'task','task','',1,x'00');"
	"INSERT INTO command(lane,verb,word,text,repo_id,installation_id,owner,repo,"
	"number,is_pull,requester_id,requester_login,comment_id,delivery_id,created_ms,"
	"run_at_ms) VALUES('1#20','status','status','',1,7,'octo','hello',20,0,3,'p',11,"
	"'d2',5000,5000);"
	"INSERT INTO prepared VALUES('k',1,'aaaa','i','s','snap','ready',1,1,1000,1000);"
	"INSERT INTO setting VALUES('instance','abcd');";

static int set_up(void **state)
{
	char path[128];
	struct err err = {0};
	sqlite3 *db = NULL;
	char *why = NULL;

	(void)state;
	snprintf(world.dir, sizeof world.dir, "/tmp/boxwright-store-XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	snprintf(path, sizeof path, "%s/boxwright.db", world.dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, migrations[0].sql, NULL, NULL, &why) != SQLITE_OK ||
		sqlite3_exec(db, old_rows, NULL, NULL, &why) != SQLITE_OK ||
		sqlite3_exec(db, "PRAGMA user_version=1", NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
	if (store_open(&world.store, world.dir, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_world_stop(&world); /* with SQLite's own check */
	return 0;
}

static void test_nothing_is_lost(void **state)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct store_figures figures;
	struct err err = {0};

	(void)state;
	assert_int_equal(store_task_get(world.store, 1, &task, &err), 0);
	assert_int_equal(task.state, STORE_TASK_DONE);
	assert_int_equal(task.pr_number, 13);
	/* Its pull request is a conversation now, so that the next comment finds its branch. */
	assert_int_equal(store_conversation_find(world.store, 1, 13, &row, &err), 0);
	assert_string_equal(row.lane, "1#12");
	assert_string_equal(row.branch, "boxwright/12-t");
	assert_true(row.ours);
	assert_null(row.box_id);
	assert_int_equal(store_figures(world.store, &figures, &err), 0);
	assert_true(figures.ncounts > 0);
}

static void test_what_was_under_way_goes_on(void **state)
{
	CLEANUP(store_task) struct store_task task = {0};
	struct store_recovered recovered = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		store_recover(world.store, "new-process", 10000, &recovered, NULL, &err),
		0);
	assert_int_equal(recovered.ready, 1);
	assert_int_equal(store_world_claim(&world, "new-process:1", 10000, &task), 2);
	assert_string_equal(task.step, "work");
	/* The lane's other task waits for it. */
	assert_int_equal(store_world_claim(&world, "new-process:2", 10000, &task), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_is_lost),
		TEST(test_what_was_under_way_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The verbs of files and git without a store: one box, "test", which is a boxinit on this
 * machine and always awake.  Included by one file of a test program.
 */
#ifndef TESTS_UNIT_SERVICE_BOX_FAKE_WORK_H
#define TESTS_UNIT_SERVICE_BOX_FAKE_WORK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/boxes-internal.h"
#include "tests/lib/init_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fake_core *fake;
static struct boxes boxes;
static char folder[64];
static _Atomic int works; /* that have begun and not been released */
static struct store_box box_row = {.git_name = (char[]){"Ann"},
	.git_email = (char[]){"ann@example.com"},
	.sealed = (char[]){""},
	.network = (char[]){""}};

static const struct box_caller full = {.account = "a", .write = true};
static const struct box_caller looker = {.account = "a"};

static __thread struct err failed;
#define E (&failed)
#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, failed.text);          \
	} while (0)
#define FAILS(expected, part, call)                                                      \
	do {                                                                             \
		assert_int_equal((call), -1);                                            \
		if (failed.kind != (expected) || !strstr(failed.text, part))             \
			fail_msg("%s:%d: %d %s", __FILE__, __LINE__, failed.kind,        \
				failed.text);                                            \
	} while (0)

/* In place of service/box/work.c, find.c and log.c. */
int box_work_begin(struct boxes *in, const struct box_caller *who, const char *box,
	enum box_work_kind kind, const char *why, struct box_work *ret_work,
	struct cancel *cancel, struct err *err)
{
	(void)who;
	(void)cancel;
	assert_non_null(why);
	if (!str_eq(box, "test"))
		return err_set(err, ERR_NOT_FOUND, "there is no box %s", box);
	works++;
	*ret_work = (struct box_work){
		.boxes = in, .row = box_row, .kind = kind, .held = true};
	ret_work->row.id = (char *)(uintptr_t) "test";
	return 0;
}

void box_work_release(struct box_work *work)
{
	works -= work->held;
	*work = (struct box_work){0};
}

int boxes_may_write(const struct box_caller *who, struct err *err)
{
	return who->write ? 0 : err_set(err, ERR_DENIED, "this key may only look");
}

void boxes_log(struct boxes *in, const char *box_id, const char *level,
	const char *source, const char *fmt, ...)
{
	(void)in;
	(void)box_id;
	(void)level;
	(void)source;
	(void)fmt;
}

/* In place of env.c and of the store: one row in memory. */
json_t *boxes_env(struct boxes *in, const struct store_box *row, struct err *err)
{
	(void)in;
	(void)row;
	(void)err;
	return json_pack("{s:s}", "FROM_THE_BOX", "yes");
}

int store_box_get(
	struct store *store, const char *id, struct store_box *ret, struct err *err)
{
	(void)store;
	(void)err;
	assert_string_equal(id, "test");
	*ret = box_row;
	ret->id = (char *)(uintptr_t) "test";
	return 0;
}

void store_box_release(struct store_box *row)
{
	(void)row;
}

static char sealed_row[4096];

int store_box_set_sealed(struct store *store, const char *id, const char *sealed,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	(void)store;
	(void)now_ms;
	(void)cancel;
	(void)err;
	assert_string_equal(id, "test");
	assert_true(str_copy(sealed_row, sizeof sealed_row, sealed));
	box_row.sealed = sealed_row;
	return 0;
}

static int fake_setup(void **state)
{
	(void)state;
	if (!init_box_possible())
		return -1;
	snprintf(folder, sizeof folder, "/tmp/bw-box-XXXXXX");
	if (!mkdtemp(folder) || chown(folder, 1000, 1000) < 0)
		return -1;
	fake = fake_core_new();
	boxes.options.core = fake_core(fake);
	return 0;
}

static int fake_teardown(void **state)
{
	struct err err = {0};

	(void)state;
	if (!fake)
		return 0;
	fake_core_free(fake);
	return file_remove_tree(folder, &err);
}

/* Every verb lets go of its box, whatever became of it. */
static int fake_check(void **state)
{
	(void)state;
	return works == 0 ? 0 : -1;
}

static char *in_folder(const char *name)
{
	static __thread char path[4][LIMIT_PATH];
	static __thread int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

#endif

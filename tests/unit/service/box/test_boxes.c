/* SPDX-License-Identifier: MIT */
/* The life of boxes over a real store and a core of paper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "service/box/box_keys.h"
#include "service/box/boxes.h"
#include "service/box/parts.h"
#include "tests/lib/store_world.h"
#include "tests/unit/service/box/paper_core.h"

#include <stdatomic.h>
#include <time.h>

static struct store_world world;
static struct config config;
static struct cancel *stop;
static struct boxes *boxes;
static int64_t ahead_ms; /* of the real clock */

static const struct box_caller owner = {.account = "acme", .write = true};
static const struct box_caller looker = {.account = "acme"};
static const struct box_caller other = {.account = "else", .write = true};
static const struct box_caller master = {
	.account = BOX_OPERATOR, .write = true, .operator= true };

static int64_t clock_ahead(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 +
	       __atomic_load_n(&ahead_ms, __ATOMIC_RELAXED);
}

static void open_boxes(void)
{
	struct boxes_options options = {
		.config = &config,
		.store = world.store,
		.state_dir = world.dir,
	};
	struct err err = {0};

	stop = cancel_new(NULL);
	options.stop = stop;
	if (boxes_open(&boxes, &options, &err) < 0)
		fail_msg("%s", err.text);
}

static void close_boxes(void)
{
	cancel_fire(stop, "the test ends");
	boxes_close(boxes);
	boxes = NULL;
	cancel_free(stop);
}

static int set_up(void **state)
{
	(void)state;
	paper_clear();
	__atomic_store_n(&ahead_ms, 0, __ATOMIC_RELAXED);
	config_defaults(&config);
	store_world_start(&world);
	open_boxes();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_boxes();
	store_world_stop(&world);
	config_release(&config);
	return 0;
}

/* ---- calls ----------------------------------------------------------------------------- */

static json_t *body_of(const char *text)
{
	struct err err = {0};
	json_t *body = json_parse(text, strlen(text), &err);

	if (!body)
		fail_msg("%s: %s", text, err.text);
	return body;
}

static json_t *create(const char *text)
{
	CLEANUP(json) json_t *body = body_of(text);
	struct err err = {0};
	json_t *box = NULL;

	if (boxes_create(boxes, &owner, body,
		    json_object_get(body, "snapshot_id") != NULL, &box, NULL, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return box;
}

static void create_fails(const char *text, enum err_kind kind)
{
	CLEANUP(json) json_t *body = body_of(text);
	struct err err = {0};
	json_t *box = NULL;

	assert_int_equal(
		boxes_create(boxes, &owner, body,
			json_object_get(body, "snapshot_id") != NULL, &box, NULL, &err),
		-1);
	if (err.kind != kind)
		fail_msg("%s: %s", text, err.text);
}

static json_t *get(const char *box)
{
	struct err err = {0};
	json_t *ret = NULL;

	if (boxes_get(boxes, &owner, box, &ret, &err) < 0)
		fail_msg("%s", err.text);
	return ret;
}

static void check_text(const char *box, const char *member, const char *want)
{
	CLEANUP(json) json_t *now = get(box);

	assert_string_equal(json_or_string(now, member, "(none)"), want);
}

static size_t listed(const char *label)
{
	struct err err = {0};
	CLEANUP(json) json_t *list = NULL;

	assert_int_equal(boxes_list(boxes, &owner, label, &list, &err), 0);
	return json_array_size(list);
}

static bool logged(const char *box, const char *words)
{
	/* Lines are queued; a write behind them tells that they are there. */
	struct err err = {0};
	CLEANUP(json) json_t *logs = NULL;

	assert_int_equal(store_setting_put(world.store, "test", "", NULL, &err), 0);
	assert_int_equal(boxes_logs(boxes, &owner, box, 0, 0, &logs, &err), 0);
	const json_t *lines = json_object_get(logs, "logs");
	for (size_t i = 0; i < json_array_size(lines); i++) {
		if (strstr(json_or_string(json_array_get(lines, i), "message", ""),
			    words))
			return true;
	}
	return false;
}

static bool comes(bool (*fn)(const char *), const char *arg)
{
	struct err err = {0};

	for (int i = 0; i < 2000; i++) {
		if (fn(arg))
			return true;
		cancel_sleep(NULL, 5, &err);
	}
	return false;
}

static bool is_paused(const char *box)
{
	CLEANUP(json) json_t *now = get(box);

	return str_eq(json_or_string(now, "status", ""), "paused");
}

static bool is_gone(const char *box)
{
	CLEANUP(json) json_t *now = NULL;
	struct err err = {0};

	return boxes_get(boxes, &owner, box, &now, &err) < 0 && err.kind == ERR_NOT_FOUND;
}

static bool none_is_left(const char *unused)
{
	(void)unused;
	return paper_count() == 0;
}

static void tick(void)
{
	boxes_tick(boxes, clock_wall_ms(), NULL);
}

/* ---- life ------------------------------------------------------------------------------ */

static void a_box_lives_and_dies(void **state)
{
	CLEANUP(json)
	json_t *box =
		create("{\"name\":\"one\",\"labels\":[\"x\"],\"model\":\"openai/m\"}");
	struct err err = {0};

	(void)state;
	assert_string_equal(json_or_string(box, "status", ""), "idle");
	assert_string_equal(json_or_string(box, "agent", ""), "codex");
	assert_string_equal(json_or_string(box, "size", ""), "small");
	assert_string_equal(json_or_string(box, "runtime", ""), "node");
	assert_true(json_or_int(box, "created_at", 0) > 1700000000);
	assert_true(json_or_int(box, "created_at", 0) < 100000000000);
	assert_int_equal(listed(NULL), 1);
	assert_int_equal(listed("x"), 1);
	assert_int_equal(listed("y"), 0);
	assert_true(logged("one", "paper is cut"));
	assert_true(logged("one", "box is ready"));
	assert_int_equal(boxes_pause(boxes, &owner, "one", NULL, &err), 0);
	check_text("one", "status", "paused");
	check_text("one", "pause_reason", "asked by the API");
	assert_int_equal(boxes_pause(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(boxes_resume(boxes, &owner, "one", NULL, &err), 0);
	check_text("one", "status", "idle");
	check_text("one", "wake_reason", "resume by the API");
	assert_int_equal(boxes_delete(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(boxes_delete(boxes, &owner, "one", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(listed(NULL), 0);
	assert_int_equal(paper_count(), 0);
}

static void others_see_and_touch_nothing(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	CLEANUP(json) json_t *ret = NULL;
	const char *id = json_or_string(box, "id", "");
	const struct box_caller *strangers[] = {&other, &master};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		struct err err[6] = {0};

		assert_int_equal(boxes_get(boxes, strangers[i], id, &ret, &err[0]), -1);
		assert_int_equal(boxes_pause(boxes, strangers[i], id, NULL, &err[1]), -1);
		assert_int_equal(
			boxes_resume(boxes, strangers[i], id, NULL, &err[2]), -1);
		assert_int_equal(
			boxes_delete(boxes, strangers[i], id, NULL, &err[3]), -1);
		assert_int_equal(
			boxes_logs(boxes, strangers[i], id, 0, 0, &ret, &err[4]), -1);
		assert_int_equal(boxes_config(boxes, strangers[i], id, "GET", "startup",
					 NULL, NULL, &ret, NULL, &err[5]),
			-1);
		for (int k = 0; k < 6; k++)
			assert_int_equal(err[k].kind, ERR_NOT_FOUND);
	}
	check_text("one", "status", "idle");
}

static void a_key_that_may_only_look_changes_nothing(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	CLEANUP(json) json_t *ret = NULL;
	CLEANUP(box_work) struct box_work work = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(boxes_get(boxes, &looker, "one", &ret, &err), 0);
	assert_int_equal(boxes_create(boxes, &looker, NULL, false, &ret, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_int_equal(boxes_pause(boxes, &looker, "one", NULL, &err), -1);
	assert_int_equal(boxes_delete(boxes, &looker, "one", NULL, &err), -1);
	assert_int_equal(
		boxes_snapshot(boxes, &looker, "one", NULL, &ret, NULL, &err), -1);
	assert_int_equal(boxes_config(boxes, &looker, "one", "DELETE", "startup", NULL,
				 NULL, &ret, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_int_equal(boxes_pause(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(box_work_begin(boxes, &looker, "one", BOX_WORK_QUIET, "a look",
				 &work, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_DENIED);
	check_text("one", "status", "paused");
}

static void work_wakes_and_holds(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	struct box_work work = {0}, again = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(boxes_pause(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(box_work_begin(boxes, &owner, "one", BOX_WORK_RUN, "exec", &work,
				 NULL, &err),
		0);
	check_text("one", "status", "running");
	check_text("one", "wake_reason", "exec");
	assert_int_equal(box_work_begin(boxes, &owner, "one", BOX_WORK_RUN, "exec",
				 &again, NULL, &err),
		0);
	box_work_release(&work);
	check_text("one", "status", "running");
	__atomic_store_n(&ahead_ms, 3600 * 1000, __ATOMIC_RELAXED);
	tick();
	assert_int_equal(boxes_held_count(boxes, again.row.id), 1);
	check_text("one", "status", "running");
	box_work_release(&again);
	box_work_release(&again);
	check_text("one", "status", "idle");
}

static void idle_boxes_fall_asleep(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	CLEANUP(json) json_t *kept = create("{\"name\":\"kept\",\"keep_alive\":true}");
	CLEANUP(json) json_t *now = NULL;
	struct err err = {0};

	(void)state;
	now = get("one");
	assert_int_equal(
		json_or_int(now, "pauses_at", 0) - json_or_int(now, "idle_since", 0),
		1800);
	tick();
	check_text("one", "status", "idle");
	__atomic_store_n(&ahead_ms, 31 * 60 * 1000, __ATOMIC_RELAXED);
	tick();
	assert_true(comes(is_paused, "one"));
	check_text("one", "pause_reason", "idle for 30 minutes");
	check_text("kept", "status", "idle");
	assert_int_equal(boxes_pause(boxes, &owner, "kept", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
}

static void ephemeral_boxes_expire(void **state)
{
	CLEANUP(json)
	json_t *box = create("{\"name\":\"e\",\"ephemeral\":true,\"ttl\":60}");

	(void)state;
	assert_int_equal(
		json_or_int(box, "expires_at", 0) - json_or_int(box, "created_at", 0),
		60);
	assert_true(json_or_bool(box, "ephemeral", false));
	tick();
	check_text("e", "status", "idle");
	__atomic_store_n(&ahead_ms, 61 * 1000, __ATOMIC_RELAXED);
	tick();
	assert_true(comes(is_gone, "e"));
	assert_true(comes(none_is_left, NULL));
}

static void cpu_survives_pauses(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	CLEANUP(json) json_t *usage = NULL;
	struct err err = {0};

	(void)state;
	for (int i = 1; i <= 3; i++) {
		lock_take(&paper.lock);
		paper_find(json_or_string(box, "id", ""))->cpu_us = 1000000 * i;
		lock_give(&paper.lock);
		boxes_meter(boxes, json_or_string(box, "id", ""), NULL);
		assert_int_equal(boxes_pause(boxes, &owner, "one", NULL, &err), 0);
		assert_int_equal(boxes_resume(boxes, &owner, "one", NULL, &err), 0);
	}
	CLEANUP(json) json_t *now = get("one");
	/* 1 + 2 + 3 seconds, and the 1 ms of the boot that runs now */
	assert_int_equal(json_or_int(now, "total_cpu_ns", 0), 6001000000);
	assert_int_equal(boxes_delete(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(boxes_usage(boxes, &owner, &usage, NULL, &err), 0);
	assert_int_equal(json_or_int(usage, "total.cpu_ns", 0), 6001000000);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	(void)state;
	paper.fail_create = ERR_TRANSIENT;
	create_fails("{\"name\":\"one\"}", ERR_TRANSIENT);
	assert_int_equal(listed(NULL), 0);
	paper.fail_create = ERR_NONE;
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	create_fails("{\"name\":\"one\"}", ERR_CONFLICT);
	create_fails("{\"size\":\"large\"}", ERR_UNABLE);
	create_fails("{\"size\":\"vast\"}", ERR_INPUT);
	create_fails("{\"runtime\":\"cobol\"}", ERR_INPUT);
	create_fails("{\"snapshot_id\":\"snap-0\"}", ERR_NOT_FOUND);
	config.box_max_per_account = 1;
	create_fails("{}", ERR_QUOTA);
	assert_int_equal(listed(NULL), 1);
	assert_int_equal(paper_count(), 1);
}

static void a_box_is_deleted_while_it_is_made(void **state)
{
	CLEANUP(cancel) struct cancel *patience = cancel_new(NULL);
	CLEANUP(json) json_t *box = NULL;
	CLEANUP(json) json_t *body = body_of("{\"name\":\"slow\"}");
	CLEANUP(box_work) struct box_work work = {0};
	struct err err = {0};

	(void)state;
	paper.create_ms = 60000;
	cancel_deadline(patience, 50, "the test's patience");
	assert_int_equal(
		boxes_create(boxes, &owner, body, false, &box, patience, &err), 0);
	assert_string_equal(json_or_string(box, "status", ""), "creating");
	assert_int_equal(box_work_begin(boxes, &owner, "slow", BOX_WORK_RUN, "exec",
				 &work, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err.text, "creating"));
	assert_int_equal(boxes_delete(boxes, &owner, "slow", NULL, &err), 0);
	assert_true(is_gone("slow"));
	assert_true(comes(none_is_left, NULL));
}

static void the_init_command_runs_at_each_start(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\",\"init_command\":\"x\"}");
	struct err err = {0};

	(void)state;
	assert_int_equal(boxes_pause(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(boxes_resume(boxes, &owner, "one", NULL, &err), 0);
	lock_take(&paper.lock);
	int runs = paper.runs;
	lock_give(&paper.lock);
	assert_int_equal(runs, 2);
	close_boxes(); /* waits for its readers */
	open_boxes();
	assert_true(logged("one", "init: a line"));
	assert_true(logged("one", "ended with exit code 0"));
}

static void env_comes_from_account_snapshot_and_request(void **state)
{
	CLEANUP(json)
	json_t *env = body_of("{\"env_vars\":{\"A\":\"account\",\"B\":\"account\","
			      "\"C\":\"account-long-value-1\"}}");
	CLEANUP(json) json_t *ret = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		boxes_account_env(boxes, &owner, "PUT", NULL, env, &ret, NULL, &err), 0);
	CLEANUP(json) json_t *listed_env = NULL;
	assert_int_equal(boxes_account_env(boxes, &owner, "GET", NULL, NULL, &listed_env,
				 NULL, &err),
		0);
	assert_string_equal(json_or_string(listed_env, "env_vars.C", ""), "acco****");
	assert_string_equal(json_or_string(listed_env, "env_vars.A", ""), "****");
	CLEANUP(json)
	json_t *box =
		create("{\"name\":\"one\",\"env_vars\":{\"B\":\"box\"},"
		       "\"agent\":\"codex\",\"model\":\"m\",\"agent_api_key\":\"k1\","
		       "\"github_token\":\"ghp\"}");
	CLEANUP(json) json_t *named = body_of("{\"name\":\"s\"}");
	CLEANUP(json) json_t *snapshot = NULL;
	if (boxes_snapshot(boxes, &owner, "one", named, &snapshot, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(json_or_string(snapshot, "status", ""), "ready");
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1000);
	strbuf_addf(&text,
		"{\"name\":\"two\",\"snapshot_id\":\"%s\",\"env_vars\":{\"D\":\"new\"}}",
		json_or_string(snapshot, "id", ""));
	CLEANUP(json) json_t *restored = create(strbuf_str(&text));
	assert_string_equal(json_or_string(restored, "agent", ""), "codex");
	assert_string_equal(json_or_string(restored, "model", ""), "m");
	CLEANUP(store_box) struct store_box row = {0};
	assert_int_equal(boxes_find(boxes, &owner, "two", &row, &err), 0);
	CLEANUP(json) json_t *secrets = boxes_unseal(boxes, row.sealed, &err);
	assert_string_equal(json_or_string(secrets, "env.A", ""), "account");
	assert_string_equal(json_or_string(secrets, "env.B", ""), "box");
	assert_string_equal(json_or_string(secrets, "env.D", ""), "new");
	assert_string_equal(json_or_string(secrets, "agent_key", ""), "k1");
	assert_null(json_object_get(secrets, "github_token"));
	assert_null(strstr(row.sealed, "account"));
}

static void images_go_with_their_last_user(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	CLEANUP(json) json_t *named = body_of("{\"name\":\"s\"}");
	CLEANUP(json) json_t *snapshot = NULL;
	CLEANUP(json) json_t *list = NULL;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1000);
	struct err err = {0};

	(void)state;
	assert_int_equal(
		boxes_snapshot(boxes, &owner, "one", named, &snapshot, NULL, &err), 0);
	strbuf_addf(&text, "{\"name\":\"two\",\"snapshot_id\":\"%s\"}",
		json_or_string(snapshot, "id", ""));
	CLEANUP(json) json_t *restored = create(strbuf_str(&text));
	assert_int_equal(boxes_delete(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(boxes_snapshot_list(boxes, &owner, json_or_string(box, "id", ""),
				 &list, &err),
		0);
	assert_int_equal(json_array_size(json_object_get(list, "snapshots")), 1);
	assert_int_equal(
		boxes_snapshot_delete(boxes, &other, json_or_string(box, "id", ""),
			json_or_string(snapshot, "id", ""), NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(
		boxes_snapshot_delete(boxes, &owner, json_or_string(box, "id", ""),
			json_or_string(snapshot, "id", ""), NULL, &err),
		0);
	assert_int_equal(paper.nimages, 1); /* two stands on it */
	assert_int_equal(boxes_delete(boxes, &owner, "two", NULL, &err), 0);
	assert_int_equal(paper.nimages, 0);
}

static void a_snapshot_of_a_paused_box_does_not_wake_it(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	CLEANUP(json) json_t *named = body_of("{\"name\":\"s\"}");
	CLEANUP(json) json_t *snapshot = NULL;
	CLEANUP(json) json_t *all = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(boxes_pause(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(
		boxes_snapshot(boxes, &owner, "one", named, &snapshot, NULL, &err), 0);
	assert_string_equal(json_or_string(snapshot, "status", ""), "ready");
	check_text("one", "status", "paused");
	assert_int_equal(
		boxes_snapshot_delete_many(boxes, &owner, NULL, &all, NULL, &err), 0);
	assert_int_equal(json_or_int(all, "deleted", 0), 1);
	assert_int_equal(paper.nimages, 0);
}

static void configuration_changes(void **state)
{
	static const struct {
		const char *method, *path, *tail, *body;
		enum err_kind kind;
	} calls[] = {
		{"POST", "config/labels", NULL, "{\"label\":\"a:b\"}", ERR_NONE},
		{"POST", "config/labels", NULL, "{\"label\":\"a b\"}", ERR_INPUT},
		{"POST", "config/labels", NULL, "{}", ERR_INPUT},
		{"DELETE", "config/labels", "zzz", NULL, ERR_NONE},
		{"POST", "config/skills", NULL, "{\"skill_id\":\"o/r/s\"}", ERR_NONE},
		{"POST", "config/skills", NULL, "{\"skill_id\":\"o\"}", ERR_INPUT},
		{"DELETE", "config/skills", "o/r/none", NULL, ERR_NONE},
		{"PUT", "config/model", NULL, "{\"model\":\"openai/m\"}", ERR_NONE},
		{"PUT", "config/model", NULL, "{}", ERR_INPUT},
		{"PUT", "config/custom-runner", NULL,
			"{\"custom_runner\":{\"command\":\"x\"}}", ERR_CONFLICT},
		{"PUT", "startup", NULL, "{\"init_command\":\"echo 1\"}", ERR_NONE},
		{"PUT", "startup", NULL, "{}", ERR_INPUT},
		{"PUT", "config/network-policy", NULL, "{\"mode\":\"deny-all\"}",
			ERR_NONE},
		{"PUT", "config/network-policy", NULL, "{\"mode\":\"x\"}", ERR_INPUT},
		{"PUT", "config/git", NULL, "{\"git_user_name\":\"Ann\"}", ERR_NONE},
		{"PUT", "git-config", NULL, "{\"git_user_email\":1}", ERR_INPUT},
		{"PUT", "config/none", NULL, "{}", ERR_NOT_FOUND},
		{"GET", "config/model", NULL, NULL, ERR_INPUT},
	};
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		CLEANUP(json)
		json_t *body = calls[i].body ? body_of(calls[i].body) : NULL;
		CLEANUP(json) json_t *ret = NULL;
		struct err err = {0};

		boxes_config(boxes, &owner, "one", calls[i].method, calls[i].path,
			calls[i].tail, body, &ret, NULL, &err);
		if (err.kind != calls[i].kind)
			fail_msg("%s %s %s: %s", calls[i].method, calls[i].path,
				calls[i].body ? calls[i].body : "", err.text);
		assert_int_equal(ret != NULL, err.kind == ERR_NONE);
	}
	check_text("one", "agent", "codex");
	check_text("one", "model", "openai/m");
	check_text("one", "network_policy.mode", "deny-all");
	CLEANUP(json) json_t *now = get("one");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(now, "labels"), 0)),
		"a:b");
	assert_int_equal(json_array_size(json_object_get(now, "enabled_skills")), 1);
}

static void many_are_deleted_at_once(void **state)
{
	CLEANUP(json) json_t *ids = body_of("{\"ids\":[\"b0\",\"b1\",\"b2\",\"none\"]}");
	CLEANUP(json) json_t *wrong = body_of("{\"ids\":[1]}");
	CLEANUP(json) json_t *ret = NULL;
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		char text[32];
		snprintf(text, sizeof text, "{\"name\":\"b%d\"}", i);
		json_decref(create(text));
	}
	assert_int_equal(boxes_delete_many(boxes, &owner, wrong, &ret, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(boxes_delete_many(boxes, &owner, NULL, &ret, NULL, &err), -1);
	assert_int_equal(boxes_delete_many(boxes, &owner, ids, &ret, NULL, &err), 0);
	assert_int_equal(json_or_int(ret, "deleted", 0), 3);
	assert_int_equal(listed(NULL), 1);
	assert_int_equal(paper_count(), 1);
}

/* ---- restarts -------------------------------------------------------------------------- */

static void add_row(const char *id, enum store_box_state state)
{
	char text[64], small[] = "small", node[] = "node",
		       net[] = "{\"mode\":\"allow-all\"}", account[] = "acme",
		       image[] = "runtime:node";
	struct store_box row = {.id = text,
		.account = account,
		.state = state,
		.runtime = node,
		.image = image,
		.size = small,
		.network = net,
		.created_ms = 1,
		.active_ms = clock_wall_ms()};
	struct err err = {0};

	str_copy(text, sizeof text, id);
	if (store_box_add(world.store, &row, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

static bool is_idle(const char *box)
{
	CLEANUP(json) json_t *now = get(box);

	return str_eq(json_or_string(now, "status", ""), "idle");
}

static bool has_no_box(const char *id)
{
	LOCKED(&paper.lock);
	return paper_find(id) == NULL;
}

static void a_restart_finishes_what_was_begun(void **state)
{
	(void)state;
	close_boxes();
	add_row("new-one-10000", STORE_BOX_CREATING);
	add_row("half-one-10001", STORE_BOX_CREATING);
	paper_put("half-one-10001", false);
	add_row("old-one-10002", STORE_BOX_DELETING);
	paper_put("old-one-10002", true);
	paper_put("nobodys-10003", true);
	paper_put("task-41", true);
	open_boxes();
	assert_true(comes(is_idle, "new-one-10000"));
	assert_true(comes(is_idle, "half-one-10001"));
	assert_true(comes(has_no_box, "old-one-10002"));
	assert_true(comes(has_no_box, "nobodys-10003"));
	assert_false(has_no_box("task-41"));
}

static void a_box_that_died_is_found_and_wakes(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	CLEANUP(box_work) struct box_work work = {0};
	struct err err = {0};

	(void)state;
	lock_take(&paper.lock);
	paper_find(json_or_string(box, "id", ""))->running = false;
	paper_find(json_or_string(box, "id", ""))->end = BOX_END_MEMORY;
	lock_give(&paper.lock);
	tick();
	assert_true(comes(is_paused, "one"));
	check_text("one", "pause_reason", "it ran out of memory");
	assert_int_equal(box_work_begin(boxes, &owner, "one", BOX_WORK_RUN, "exec", &work,
				 NULL, &err),
		0);
	check_text("one", "status", "running");
}

static void a_deletion_that_failed_is_tried_again(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	struct err err = {0};

	(void)state;
	paper.fail_delete = ERR_TRANSIENT;
	assert_int_equal(boxes_delete(boxes, &owner, "one", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_true(is_gone("one"));
	close_boxes();
	paper.fail_delete = ERR_NONE;
	open_boxes();
	assert_true(comes(none_is_left, NULL));
}

/* ---- keys ------------------------------------------------------------------------------ */

static void keys_open_doors_until_revoked(void **state)
{
	CLEANUP(json) json_t *body = body_of("{\"name\":\"ci\",\"scope\":\"read\"}");
	CLEANUP(json) json_t *foreign = body_of("{\"name\":\"x\",\"account\":\"else\"}");
	CLEANUP(json) json_t *key = NULL;
	CLEANUP(json) json_t *list = NULL;
	CLEANUP(json) json_t *none = NULL;
	struct box_key_owner found;
	char hash[65];
	struct err err = {0};

	(void)state;
	assert_int_equal(boxes_key_create(boxes, &owner, body, &key, NULL, &err), 0);
	const char *text = json_or_string(key, "key", "");
	assert_int_equal(strlen(text), 47);
	assert_true(str_starts(text, "box_"));
	crypto_sha256_hex(text, strlen(text), hash);
	for (int i = 0; i < 2; i++) { /* from the row, then from memory */
		assert_int_equal(boxes_key_owner(boxes, hash, &found, &err), 0);
		assert_string_equal(found.account, "acme");
		assert_false(found.write);
	}
	assert_int_equal(boxes_key_list(boxes, &owner, &list, &err), 0);
	CLEANUP(mem) char *dump = json_dumps(list, 0);
	assert_null(strstr(dump, text));
	assert_null(strstr(dump, hash));
	assert_int_equal(boxes_key_create(boxes, &owner, foreign, &none, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_int_equal(boxes_key_list(boxes, &looker, &none, &err), -1);
	const char *id = json_or_string(key, "id", "");
	err = (struct err){0};
	assert_int_equal(boxes_key_revoke(boxes, &other, id, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(boxes_key_revoke(boxes, &owner, id, NULL, &err), 0);
	assert_int_equal(boxes_key_revoke(boxes, &owner, id, NULL, &err), 0);
	assert_int_equal(boxes_key_owner(boxes, hash, &found, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_int_equal(boxes_key_create(boxes, &master, foreign, &none, NULL, &err), 0);
	assert_string_equal(json_or_string(none, "account", ""), "else");
}

static void stored_keys_of_agents(void **state)
{
	CLEANUP(json) json_t *body = body_of("{\"api_key\":\"sk-ant-0123456789abcdef\"}");
	CLEANUP(json)
	json_t *box = create("{\"name\":\"one\",\"agent\":\"codex\",\"model\":\"m\","
			     "\"agent_api_key\":\"STORED_KEY\"}");
	CLEANUP(json) json_t *ret = NULL;
	CLEANUP(json) json_t *list = NULL;
	CLEANUP(json) json_t *env = NULL;
	CLEANUP(json) json_t *wiped = body_of("{\"env_vars\":{}}");
	CLEANUP(secret) struct secret key = {0};
	CLEANUP(store_box) struct store_box row = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(boxes_find(boxes, &owner, "one", &row, &err), 0);
	assert_int_equal(boxes_agent_key(boxes, &row, "openai", &key, &err), -1);
	assert_int_equal(err.kind, ERR_UNABLE);
	assert_non_null(strstr(err.text, "agent-credentials/openai"));
	assert_int_equal(
		boxes_account_key(boxes, &owner, "PUT", "openai", body, &ret, NULL, &err),
		0);
	assert_int_equal(
		boxes_account_env(boxes, &owner, "PUT", NULL, wiped, &env, NULL, &err),
		0);
	assert_int_equal(boxes_agent_key(boxes, &row, "openai", &key, &err), 0);
	assert_string_equal(key.value, "sk-ant-0123456789abcdef");
	assert_int_equal(
		boxes_account_key(boxes, &owner, "GET", NULL, NULL, &list, NULL, &err),
		0);
	assert_string_equal(json_or_string(list, "credentials.openai", ""), "sk-a****");
}

/* ---- everybody at once ------------------------------------------------------------------ */

static atomic_int wrong;

static void *user(void *arg)
{
	(void)arg;
	for (int i = 0; i < 60; i++) {
		CLEANUP(box_work) struct box_work work = {0};
		struct err err = {0};

		if (i % 6 == 5) {
			if (boxes_pause(boxes, &owner, "one", NULL, &err) < 0)
				atomic_fetch_add(&wrong, 1);
			continue;
		}
		if (box_work_begin(boxes, &owner, "one",
			    i % 2 ? BOX_WORK_RUN : BOX_WORK_QUIET, "work", &work, NULL,
			    &err) < 0)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static void work_and_pauses_mix(void **state)
{
	CLEANUP(json) json_t *box = create("{\"name\":\"one\"}");
	pthread_t threads[6];
	struct err err = {0};

	(void)state;
	atomic_store(&wrong, 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(thread_start(&threads[i], "user", user, NULL, &err), 0);
	for (int i = 0; i < 6; i++)
		thread_join(threads[i]);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(boxes_held_count(boxes, json_or_string(box, "id", "")), 0);
	assert_int_equal(boxes_delete(boxes, &owner, "one", NULL, &err), 0);
	assert_int_equal(paper_count(), 0);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE(a_box_lives_and_dies),
		LIFE(others_see_and_touch_nothing),
		LIFE(a_key_that_may_only_look_changes_nothing),
		LIFE(work_wakes_and_holds),
		LIFE(idle_boxes_fall_asleep),
		LIFE(ephemeral_boxes_expire),
		LIFE(cpu_survives_pauses),
		LIFE(what_cannot_be_made_leaves_nothing),
		LIFE(a_box_is_deleted_while_it_is_made),
		LIFE(the_init_command_runs_at_each_start),
		LIFE(env_comes_from_account_snapshot_and_request),
		LIFE(images_go_with_their_last_user),
		LIFE(a_snapshot_of_a_paused_box_does_not_wake_it),
		LIFE(configuration_changes),
		LIFE(many_are_deleted_at_once),
		LIFE(a_restart_finishes_what_was_begun),
		LIFE(a_box_that_died_is_found_and_wakes),
		LIFE(a_deletion_that_failed_is_tried_again),
		LIFE(keys_open_doors_until_revoked),
		LIFE(stored_keys_of_agents),
		LIFE(work_and_pauses_mix),
	};

	clock_set_source(NULL, clock_ahead);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Snapshots on a real engine: all of the files, nothing else, never torn. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "tests/lib/real_box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct boxcore *core;
static struct err err;
static char tag[64];

static int open_core(void **state)
{
	(void)state;
	core = real_core_open();
	snprintf(tag, sizeof tag, "boxwright-snap:%s", real_instance());
	return 0;
}

static void sweep_unnamed(void)
{
	char label[80], (*ids)[ENGINE_ID_SIZE] = NULL;
	size_t count = 0;

	snprintf(label, sizeof label, LABEL_INSTANCE "=%s", real_instance());
	if (engine_image_list_unnamed(
		    core->engine, label, INT64_MAX, &ids, &count, NULL, &err) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		engine_image_remove(core->engine, ids[i], NULL, &err);
	free(ids);
}

static int close_core(void **state)
{
	(void)state;
	sweep_unnamed();
	real_core_close(TAKE(core));
	return 0;
}

static int delete_all(void **state)
{
	struct snapshot_info info;

	(void)state;
	if (real_boxes_delete(core) < 0)
		return -1;
	err = (struct err){0};
	if (snapshot_find(core, tag, &info, NULL, &err) == 0)
		snapshot_delete(core, info.image, NULL, &err);
	err = (struct err){0};
	return 0;
}

static void must(int rc)
{
	if (rc < 0)
		fail_msg("%s", err.text);
}

static void box_of(const char *id, const char *image)
{
	struct box_spec spec = {.id = id,
		.image = image,
		.memory_bytes = 512LL << 20,
		.network = BOX_NETWORK_TUNNEL};

	must(box_create(core, &spec, NULL, &err));
}

/* Every kind of file that a repository or a package may leave behind. */
static const char make_files[] =
	"set -e; mkdir -p /work2/'with space' /work2/empty /work2/deep/er; cd /work2;"
	"echo plain > plain; printf 'a\\000b' > nul; : > nothing; echo x > 'with space/ä "
	"ö';"
	"echo run > exec; chmod 755 exec; echo s > suid; chmod 4755 suid; chmod 1777 "
	"empty;"
	"echo p > private; chmod 600 private; chown 1000:1000 private deep; ln plain "
	"hard;"
	"ln -s plain soft; ln -s /nowhere dangling; truncate -s 5M sparse; mkfifo pipe;"
	"head -c 3000000 /dev/urandom > random; touch -d 2001-02-03T04:05:06Z old;"
	"for i in $(seq 500); do echo $i > deep/er/$i; done;"
	"rm -f /etc/motd; echo changed >> /etc/hosts.allow; rm -rf /usr/share/doc";

static const char list_files[] =
	"cd / && { find work2 etc/motd usr/share/doc 2>/dev/null -printf "
	"'%p %y %m %U %G %s %n %l\\n' | sed 's/ d \\(.*\\) [0-9]* [0-9]* / d \\1 /' | "
	"sort;"
	"find work2 -type f -print0 | sort -z | xargs -0 sha256sum; stat -c %Y work2/old;"
	"cat etc/hosts.allow; }";

static void all_files_come_back_as_they_were(void **state)
{
	size_t size = 200000;
	CLEANUP(mem) char *before = mem_zalloc(size);
	CLEANUP(mem) char *after = mem_zalloc(size);
	struct snapshot_info info = {0};

	(void)state;
	box_of("source", real_image());
	assert_int_equal(real_sh(core, "source", true, make_files, NULL, 0), 0);
	assert_int_equal(real_sh(core, "source", true, list_files, before, size), 0);
	assert_non_null(strstr(before, "work2/suid f 4755 0 0"));
	assert_non_null(strstr(before, "work2/private f 600 1000 1000"));
	assert_true(strlen(before) > 50000);
	must(box_snapshot(core, "source", tag, &info, NULL, &err));
	assert_true(str_starts(info.image, "sha256:"));
	assert_true(info.layers >= 2);
	assert_true(info.size_bytes > 3000000);
	box_of("copy", info.image);
	assert_int_equal(real_sh(core, "copy", true, list_files, after, size), 0);
	assert_string_equal(before, after);
	/* The two go their own ways. */
	assert_int_equal(
		real_sh(core, "copy", true, "echo mine > /work2/plain", NULL, 0), 0);
	assert_int_equal(
		real_sh(core, "source", true, "grep -q plain /work2/plain", NULL, 0), 0);
}

static void a_snapshot_interrupts_nothing(void **state)
{
	struct snapshot_info info = {0};
	char out[32];

	(void)state;
	box_of("busy", real_image());
	assert_int_equal(
		real_sh(core, "busy", false, "sleep 500 >/dev/null 2>&1 &", NULL, 0), 0);
	must(box_snapshot(core, "busy", tag, &info, NULL, &err));
	assert_int_equal(
		real_sh(core, "busy", false, "pgrep -c sleep", out, sizeof out), 0);
	assert_string_equal(out, "1\n");
}

static void a_repeat_finds_the_first(void **state)
{
	struct snapshot_info first = {0}, again = {0};

	(void)state;
	box_of("repeat", real_image());
	must(box_snapshot(core, "repeat", tag, &first, NULL, &err));
	assert_int_equal(
		real_sh(core, "repeat", true, "echo later > /later", NULL, 0), 0);
	must(box_snapshot(core, "repeat", tag, &again, NULL, &err));
	assert_string_equal(first.image, again.image);
	must(snapshot_find(core, tag, &again, NULL, &err));
	assert_string_equal(first.image, again.image);
	assert_int_equal(again.layers, first.layers);
}

static void a_paused_box_can_be_taken_too(void **state)
{
	struct snapshot_info info = {0};
	struct box_info box;

	(void)state;
	box_of("asleep", real_image());
	assert_int_equal(real_sh(core, "asleep", true, "echo here > /here", NULL, 0), 0);
	must(box_pause(core, "asleep", NULL, &err));
	must(box_snapshot(core, "asleep", tag, &info, NULL, &err));
	must(box_get(core, "asleep", &box, NULL, &err));
	assert_int_equal(box.state, BOX_PAUSED); /* not woken for it */
	box_of("awake", info.image);
	assert_int_equal(real_sh(core, "awake", false, "grep -q here /here", NULL, 0), 0);
}

static void nothing_of_ours_is_in_it(void **state)
{
	const char *labels[] = {"task=41", NULL};
	struct box_spec spec = {
		.id = "labelled", .image = real_image(), .labels = labels};
	struct snapshot_info info = {0};
	CLEANUP(engine_image) struct engine_image image = {0}, base = {0};
	CLEANUP(json) json_t *config = json_object();
	CLEANUP(strbuf) struct strbuf tar = STRBUF_INIT(1 << 20);
	char id[ENGINE_ID_SIZE];

	(void)state;
	must(box_create(core, &spec, NULL, &err));
	must(box_snapshot(core, "labelled", tag, &info, NULL, &err));
	must(engine_image_inspect(core->engine, info.image, &image, NULL, &err));
	must(engine_image_inspect(core->engine, real_image(), &base, NULL, &err));
	assert_string_equal(core_label(image.labels, "task"), "");
	assert_string_equal(core_label(image.labels, LABEL_BOX), "");
	assert_string_equal(core_label(image.labels, LABEL_NONCE), "");
	assert_string_equal(core_label(image.labels, LABEL_INSTANCE), real_instance());
	assert_string_equal(core_label(image.labels, LABEL_SNAPSHOT), tag);
	assert_true(json_equal(image.env, base.env));
	/* boxinit came by a volume: a container of the image without it has none. */
	json_put(config, "Image", json_str(info.image));
	must(engine_container_create(
		core->engine, real_instance(), config, id, NULL, &err));
	int rc = engine_archive_get(
		core->engine, id, "/.boxwright/boxinit", &tar, NULL, &err);
	enum err_kind kind = err.kind;
	must(engine_container_remove(core->engine, id, NULL, &err));
	assert_int_equal(rc, -1);
	assert_int_equal(kind, ERR_NOT_FOUND);
}

/* The commit of 400 MB takes two seconds; the caller loses patience at several moments. */
static void an_abandoned_commit_leaves_box_and_name_alone(void **state)
{
	static const int moments[] = {150, 500, 1000};
	struct snapshot_info info = {0};
	struct box_info box;
	int64_t start = 0;

	(void)state;
	box_of("large", real_image());
	assert_int_equal(
		real_sh(core, "large", true,
			"head -c 400000000 /dev/urandom > /large; sync", NULL, 0),
		0);
	for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
		CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
		cancel_deadline(cancel, moments[i], "the test's patience");
		assert_int_equal(
			box_snapshot(core, "large", tag, &info, cancel, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		must(box_get(core, "large", &box, NULL, &err));
		assert_int_equal(box.state, BOX_RUNNING);
		start = clock_mono_ms();
		assert_int_equal(real_sh(core, "large", false, "true", NULL, 0), 0);
		assert_in_range(clock_mono_ms() - start, 0, 3000); /* not frozen */
		assert_int_equal(snapshot_find(core, tag, &info, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_NOT_FOUND);
	}
	start = clock_mono_ms();
	must(box_snapshot(core, "large", tag, &info, NULL, &err));
	print_message(
		"snapshot of 400 MB: %lld ms\n", (long long)(clock_mono_ms() - start));
}

static void what_cannot_be_taken(void **state)
{
	static const char *const bad[] = {"", "name", "name:", ":tag", "UPPER:tag",
		"a b:c", "a:b c", "boxwright-snap:\xc3\xa4"};
	struct snapshot_info info = {0};

	(void)state;
	assert_int_equal(box_snapshot(core, "nobody", tag, &info, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(
			box_snapshot(core, "nobody", bad[i], &info, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void snapshots_are_deleted_with_care(void **state)
{
	struct snapshot_info info = {0};

	(void)state;
	assert_int_equal(snapshot_delete(core, real_image(), NULL, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED); /* not ours */
	box_of("origin", real_image());
	assert_int_equal(real_sh(core, "origin", true, "echo x > /x", NULL, 0), 0);
	must(box_snapshot(core, "origin", tag, &info, NULL, &err));
	box_of("user", info.image);
	must(box_delete(core, "origin", NULL, &err));
	assert_int_equal(snapshot_delete(core, info.image, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(real_sh(core, "user", false, "cat /x", NULL, 0), 0);
	must(box_delete(core, "user", NULL, &err));
	must(snapshot_delete(core, info.image, NULL, &err));
	must(snapshot_delete(core, info.image, NULL, &err));
	assert_int_equal(snapshot_find(core, info.image, &info, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, delete_all)
	const struct CMUnitTest tests[] = {
		T(all_files_come_back_as_they_were),
		T(a_snapshot_interrupts_nothing),
		T(a_repeat_finds_the_first),
		T(a_paused_box_can_be_taken_too),
		T(nothing_of_ours_is_in_it),
		T(an_abandoned_commit_leaves_box_and_name_alone),
		T(what_cannot_be_taken),
		T(snapshots_are_deleted_with_care),
	};

	return cmocka_run_group_tests(tests, open_core, close_core);
}

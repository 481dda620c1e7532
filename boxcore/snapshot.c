/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: a box's files as an image.
 *
 * The image gets its name only after the commit has answered.  So a name always stands for a
 * whole snapshot: a commit that we lost sight of ends as an image without a name.
 */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

#define SYNC_MS 30000
#define UNNAMED_YOUNG_S 600

static int check_tag(
	const char *tag, char *repo, size_t size, const char **ret_name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_./";
	const char *colon = tag ? strrchr(tag, ':') : NULL;
	size_t len = colon ? (size_t)(colon - tag) : 0;

	if (len == 0 || len >= size || strspn(tag, allowed) != len || !colon[1] ||
		strlen(colon + 1) > 127 ||
		strspn(colon + 1,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(colon + 1))
		return err_set(err, ERR_INPUT,
			"snapshot tag `%.160s` is not repository:name in small letters",
			tag ? tag : "");
	memcpy(repo, tag, len);
	repo[len] = '\0';
	*ret_name = colon + 1;
	return 0;
}

int snapshot_find(struct boxcore *core, const char *tag, struct snapshot_info *ret_info,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_image) struct engine_image image = {0};
	struct snapshot_info info = {0};

	if (engine_image_inspect(core->engine, tag, &image, cancel, err) < 0)
		return -1;
	str_copy(info.image, sizeof info.image, image.id);
	info.size_bytes = image.size_bytes;
	info.layers = image.layers;
	*ret_info = info;
	return 0;
}

/* No box and no image has a gate of such a name. */
static void make_gate(const char *tag, char ret_gate[64])
{
	char digest[SHA256_HEX_SIZE];

	crypto_sha256_hex(tag, strlen(tag), digest);
	snprintf(ret_gate, 64, "snapshot:%.40s", digest);
}

int snapshot_make_enter(
	struct boxcore *core, const char *tag, struct cancel *cancel, struct err *err)
{
	char gate[64];

	make_gate(tag, gate);
	return core_gate_enter(core, gate, cancel, err);
}

void snapshot_make_leave(struct boxcore *core, const char *tag)
{
	char gate[64];

	make_gate(tag, gate);
	core_gate_leave(core, gate);
}

/* The engine merges the container's own Config into what is missing here, so what must not
 * be in the image is named and emptied: above all the labels of the box. */
static json_t *image_config(const struct boxcore *core,
	const struct engine_container *container, const char *tag)
{
	json_t *config = json_object(), *labels = json_object(), *cmd = json_array();
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach (container->labels, key, value)
		json_put(labels, key, json_str(""));
	json_put(labels, LABEL_INSTANCE, json_str(core->instance));
	json_put(labels, LABEL_SNAPSHOT, json_str(tag));
	json_put(config, "Labels", labels);
	json_put(config, "Env", json_array());
	json_put(config, "Entrypoint", json_array());
	json_array_append_new(cmd, json_str("/bin/sh"));
	json_put(config, "Cmd", cmd);
	json_put(config, "WorkingDir", json_str("/"));
	return config;
}

/* What the box has written need not be on its disk: a commit reads through the same cache.
 * It is for a machine that loses power while the image is young.  Best effort: the image may
 * have no such program. */
static int sync_box(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err)
{
	static const char *const argv[] = {"sync", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .root = true};
	CLEANUP(run_result) struct run_result result = {0};
	CLEANUP(cancel) struct cancel *patience = cancel_new(cancel);
	struct err ignored = {0};

	strbuf_init(&result.out, LIMIT_LOG_LINE);
	strbuf_init(&result.err_out, LIMIT_LOG_LINE);
	cancel_deadline(patience, SYNC_MS, "the time for sync");
	run_capture(core, id, &spec, NULL, 0, &result, patience, &ignored);
	return cancel_check(cancel, err);
}

/* Whatever became of the commit: a box does not stay frozen.  Nothing torn can come of it,
 * for an image whose commit we did not see end never gets a name. */
static void thaw(struct boxcore *core, const char *container)
{
	struct err ignored = {0};

	engine_container_unpause(core->engine, container, NULL, &ignored);
}

static int commit_gated(struct boxcore *core, const char *id, const char *tag,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	CLEANUP(json) json_t *config = NULL;
	char repo[128], image[ENGINE_ID_SIZE];
	const char *name = NULL;
	struct err ignored = {0};

	if (check_tag(tag, repo, sizeof repo, &name, err) < 0 ||
		box_inspect(core, id, &container, cancel, err) < 0)
		return -1;
	config = image_config(core, &container, tag);
	if (engine_container_commit(core->engine, container.id, NULL, NULL, config, image,
		    cancel, err) < 0) {
		thaw(core, container.id);
		return -1;
	}
	if (engine_image_tag(core->engine, image, repo, name, cancel, err) == 0)
		return 0;
	engine_image_remove(core->engine, image, NULL, &ignored);
	return -1;
}

/* An image is without a name for the moment between commit and tag: the young ones stay. */
void snapshots_sweep(struct boxcore *core, struct cancel *cancel)
{
	char label[64], (*ids)[ENGINE_ID_SIZE] = NULL;
	size_t count = 0;
	struct err ignored = {0};

	snprintf(label, sizeof label, LABEL_INSTANCE "=%s", core->instance);
	if (engine_image_list_unnamed(core->engine, label,
		    clock_wall_s() - UNNAMED_YOUNG_S, &ids, &count, cancel, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		engine_image_remove(core->engine, ids[i], cancel, &ignored);
	free(ids);
}

_Static_assert(SNAPSHOT_NAME_SIZE == ENGINE_IMAGE_NAME_SIZE, "one size of names");

int snapshot_list(struct boxcore *core, const char *prefix,
	char (**ret_names)[SNAPSHOT_NAME_SIZE], size_t *ret_count, struct cancel *cancel,
	struct err *err)
{
	char label[64];

	snprintf(label, sizeof label, LABEL_INSTANCE "=%s", core->instance);
	return engine_image_list_named(
		core->engine, label, prefix, ret_names, ret_count, cancel, err);
}

int box_snapshot(struct boxcore *core, const char *id, const char *tag,
	struct snapshot_info *ret_info, struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	char repo[128];
	const char *name = NULL;
	struct err missing = {0};

	if (check_tag(tag, repo, sizeof repo, &name, err) < 0)
		return -1;
	if (snapshot_find(core, tag, ret_info, cancel, &missing) == 0)
		return 0;
	if (box_inspect(core, id, &container, cancel, err) < 0)
		return -1;
	if (container.state == ENGINE_RUNNING && sync_box(core, id, cancel, err) < 0)
		return -1;
	if (core_gate_enter(core, id, cancel, err) < 0)
		return -1;
	int rc = commit_gated(core, id, tag, cancel, err);
	core_gate_leave(core, id);
	if (rc < 0)
		return err_wrap(err, "snapshot of box %s", id);
	return snapshot_find(core, tag, ret_info, cancel, err);
}

int snapshot_delete(
	struct boxcore *core, const char *image, struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_image) struct engine_image found = {0};
	struct err missing = {0};
	const json_t *tag = NULL;
	size_t i = 0;

	if (engine_image_inspect(core->engine, image, &found, cancel, &missing) < 0) {
		if (missing.kind == ERR_NOT_FOUND)
			return 0;
		*err = missing;
		return -1;
	}
	if (!str_eq(core_label(found.labels, LABEL_INSTANCE), core->instance) ||
		!core_label(found.labels, LABEL_SNAPSHOT))
		return err_set(err, ERR_DENIED,
			"image %s is no snapshot of this instance", image);
	json_array_foreach (found.tags, i, tag) {
		const char *name = json_string_value(tag);
		if (name && engine_image_remove(core->engine, name, cancel, err) < 0)
			return -1;
	}
	return engine_image_remove(core->engine, found.id, cancel, err);
}

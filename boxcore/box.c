/* SPDX-License-Identifier: MIT */
/* The life of a box.  All that changes its container happens within its gate. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/link/link.h"
#include "boxcore/networks-internal.h"
#include "boxcore/tunnel-internal.h"

#include <stdio.h>

#define STOP_GRACE_S 7 /* boxinit ends its runs within 5 */
#define LAST_STATS_MS 2000
#define EXIT_NO_MEMORY 70 /* boxinit's own */

void box_container_name(
	const struct boxcore *core, const char *id, char ret_name[BOX_CONTAINER_SIZE])
{
	snprintf(ret_name, BOX_CONTAINER_SIZE, "boxwright-%s-%s", core->instance, id);
}

/* Names alone do not tell: instance a with box b-c has the name of instance a-b with c, and
 * whoever starts a container from a snapshot's image inherits its labels. */
static bool is_ours(const struct boxcore *core, const struct engine_container *container,
	const char *id)
{
	char name[BOX_CONTAINER_SIZE];
	const char *instance = core_label(container->labels, LABEL_INSTANCE);
	const char *box = core_label(container->labels, LABEL_BOX);

	if (!instance || !box || !str_eq(instance, core->instance))
		return false;
	box_container_name(core, box, name);
	return str_eq(name, container->name) && (!id || str_eq(id, box));
}

int box_inspect(struct boxcore *core, const char *id,
	struct engine_container *ret_container, struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	char name[BOX_CONTAINER_SIZE];
	struct err why = {0};

	if (core_check_id(id, "a box's id", err) < 0)
		return -1;
	box_container_name(core, id, name);
	if (engine_container_inspect(core->engine, name, &container, cancel, &why) < 0 &&
		why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	if (why.kind == ERR_NOT_FOUND || !is_ours(core, &container, id))
		return err_set(err, ERR_NOT_FOUND, "there is no box %s", id);
	*ret_container = container;
	container = (struct engine_container){0};
	return 0;
}

/* ---- create ---------------------------------------------------------------------------- */

/* After a failure: whatever of this very attempt is there goes away, cancelled or not. */
static void undo_create(struct boxcore *core, const char *id, const char *nonce)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	struct err ignored = {0};

	if (box_inspect(core, id, &container, NULL, &ignored) < 0 ||
		!str_eq(core_label(container.labels, LABEL_NONCE), nonce))
		return;
	core_link_drop(core, id, "the box could not be made");
	engine_container_remove(core->engine, container.id, NULL, &ignored);
}

static int make_container(struct boxcore *core, const struct box_spec *spec,
	const char *nonce, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *config = box_config(core, spec, nonce, err);
	char name[BOX_CONTAINER_SIZE], container[ENGINE_ID_SIZE];
	CLEANUP(cancel) struct cancel *patience = cancel_new(NULL);

	if (!config || cancel_check(cancel, err) < 0)
		return -1;
	box_container_name(core, spec->id, name);
	/* An engine goes on making a container whose maker hung up, and nobody would know of it
	 * then.  So this answer (10 to 30 ms) is waited for even after a cancel. */
	cancel_deadline(
		patience, LIMIT_ENGINE_WORK_MS, "the engine's time to make a container");
	int rc = engine_container_create(
		core->engine, name, config, container, patience, err);
	if (rc == 0)
		return 0;
	if (err->kind == ERR_CONFLICT)
		return err_set(err, ERR_CONFLICT, "there is a box %s already", spec->id);
	return -1;
}

static int create_gated(struct boxcore *core, const struct box_spec *spec,
	struct cancel *cancel, struct err *err)
{
	char nonce[17];
	struct link *link = NULL;

	crypto_random_hex(nonce, 8);
	if (core_starts_enter(core, cancel, err) < 0)
		return -1;
	int rc = make_container(core, spec, nonce, cancel, err);
	core_starts_leave(core);
	if (rc < 0) {
		/* Without an answer it may have been made all the same. */
		if (err->kind == ERR_TRANSIENT || err->kind == ERR_CANCELLED)
			undo_create(core, spec->id, nonce);
		return -1;
	}
	/* Before its first start, so that it comes up as it is to be. */
	if ((spec->policy && networks_remember(core, spec->id, spec->policy, err) < 0) ||
		core_link_attach(core, spec->id, true, &link, cancel, err) < 0) {
		undo_create(core, spec->id, nonce);
		networks_forget(core, spec->id);
		return -1;
	}
	core_link_put(core, link);
	return 0;
}

int box_create(struct boxcore *core, const struct box_spec *spec, struct cancel *cancel,
	struct err *err)
{
	if (core_check_id(spec->id, "a box's id", err) < 0 ||
		core_gate_enter(core, spec->id, cancel, err) < 0)
		return -1;
	int rc = create_gated(core, spec, cancel, err);
	core_gate_leave(core, spec->id);
	return rc < 0 ? err_wrap(err, "create box %s", spec->id) : 0;
}

/* ---- pause, resume, delete ------------------------------------------------------------- */

/* What the box has used until now.  It is stopped all the same when it does not say. */
static void last_stats(struct boxcore *core, const char *id, struct box_stats *ret_stats,
	struct cancel *cancel)
{
	CLEANUP(cancel) struct cancel *patience = cancel_new(cancel);
	struct link *link = NULL;
	struct err ignored = {0};

	cancel_deadline(patience, LAST_STATS_MS, "the time for a last reading");
	if (core_link_attach(core, id, false, &link, patience, &ignored) < 0)
		return;
	box_link_stats(link, ret_stats, patience, &ignored);
	core_link_put(core, link);
}

static int pause_gated(struct boxcore *core, const char *id, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};

	if (box_inspect(core, id, &container, cancel, err) < 0)
		return -1;
	if (ret_stats && container.state == ENGINE_RUNNING)
		last_stats(core, id, ret_stats, cancel);
	if (container.state == ENGINE_PAUSED &&
		engine_container_unpause(core->engine, container.id, cancel, err) < 0)
		return -1; /* frozen, boxinit could not end its runs in order */
	if (engine_container_stop(core->engine, container.id, STOP_GRACE_S, cancel, err) <
		0)
		return -1;
	/* Only now, for until then readers of runs get the last of their output. */
	core_link_drop(core, id, "the box was paused");
	return 0;
}

static int pause_box(struct boxcore *core, const char *id, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err)
{
	if (core_check_id(id, "a box's id", err) < 0 ||
		core_gate_enter(core, id, cancel, err) < 0)
		return -1;
	int rc = pause_gated(core, id, ret_stats, cancel, err);
	core_gate_leave(core, id);
	return rc < 0 ? err_wrap(err, "pause box %s", id) : 0;
}

int box_pause(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err)
{
	return pause_box(core, id, NULL, cancel, err);
}

int box_pause_stats(struct boxcore *core, const char *id, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err)
{
	*ret_stats = (struct box_stats){0};
	return pause_box(core, id, ret_stats, cancel, err);
}

int box_resume(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err)
{
	struct link *link = NULL;

	if (core_link_get(core, id, true, &link, cancel, err) < 0)
		return err_wrap(err, "resume box %s", id);
	core_link_put(core, link);
	return 0;
}

static int delete_gated(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	struct err why = {0};

	if (box_inspect(core, id, &container, cancel, &why) < 0) {
		if (why.kind != ERR_NOT_FOUND)
			*err = why;
		else
			core_link_drop(core, id, "the box was deleted");
		return why.kind == ERR_NOT_FOUND ? 0 : -1;
	}
	core_link_drop(core, id, "the box was deleted");
	return engine_container_remove(core->engine, container.id, cancel, err);
}

int box_delete(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err)
{
	if (core_check_id(id, "a box's id", err) < 0 ||
		core_gate_enter(core, id, cancel, err) < 0)
		return -1;
	int rc = delete_gated(core, id, cancel, err);
	if (rc == 0)
		tunnel_forget(core, id);
	if (rc == 0)
		networks_forget(core, id);
	core_gate_leave(core, id);
	return rc < 0 ? err_wrap(err, "delete box %s", id) : 0;
}

/* ---- looking --------------------------------------------------------------------------- */

static enum box_state state_of(enum engine_state state)
{
	switch (state) {
	case ENGINE_RUNNING:
	case ENGINE_PAUSED: return BOX_RUNNING; /* frozen for a commit */
	case ENGINE_CREATED:
	case ENGINE_EXITED: return BOX_PAUSED;
	case ENGINE_OTHER: break;
	}
	return BOX_FAILED;
}

static enum box_end end_of(const struct engine_container *container)
{
	switch (container->state) {
	case ENGINE_RUNNING:
	case ENGINE_PAUSED: return BOX_END_NONE;
	case ENGINE_CREATED: return BOX_END_FRESH;
	case ENGINE_EXITED:
	case ENGINE_OTHER: break;
	}
	/* A stop in order is boxinit's own exit; that some process of the box was killed for
	 * want of memory says nothing unless the first was killed too. */
	if (container->exit_code == 0)
		return BOX_END_PAUSED;
	if (container->exit_code == EXIT_NO_MEMORY || container->oom_killed)
		return BOX_END_MEMORY;
	return BOX_END_KILLED;
}

static void fill_info(struct box_info *info, const struct engine_container *container)
{
	str_copy(info->id, sizeof info->id, core_label(container->labels, LABEL_BOX));
	str_copy(info->container, sizeof info->container, container->id);
	str_copy(info->image, sizeof info->image, container->image);
	info->state = state_of(container->state);
	info->end = end_of(container);
	info->exit_code = container->exit_code;
	info->created_s = container->created_s;
}

/* A commit that was cut off leaves its box frozen.  If nobody of ours is at work on the box,
 * nobody else will thaw it. */
static void thaw_if_left(struct boxcore *core, const char *id, const char *container,
	struct cancel *cancel)
{
	struct err ignored = {0};

	if (!core_gate_try(core, id))
		return;
	engine_container_unpause(core->engine, container, cancel, &ignored);
	core_gate_leave(core, id);
}

int box_get(struct boxcore *core, const char *id, struct box_info *ret_info,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};

	if (box_inspect(core, id, &container, cancel, err) < 0)
		return -1;
	if (container.state == ENGINE_PAUSED)
		thaw_if_left(core, id, container.id, cancel);
	fill_info(ret_info, &container);
	return 0;
}

int box_disk(struct boxcore *core, const char *id, int64_t *ret_changed_bytes,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};

	if (box_inspect(core, id, &container, cancel, err) < 0)
		return -1;
	return engine_container_size(
		core->engine, container.id, ret_changed_bytes, cancel, err);
}

/* The list does not tell about memory; few boxes end so that it matters. */
static void look_closer(
	struct boxcore *core, struct box_info *info, struct cancel *cancel)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	struct err ignored = {0};

	if (info->end == BOX_END_KILLED &&
		box_inspect(core, info->id, &container, cancel, &ignored) == 0)
		fill_info(info, &container);
}

int box_list(struct boxcore *core, struct box_info **ret_infos, size_t *ret_count,
	struct cancel *cancel, struct err *err)
{
	char label[64];
	const char *labels[] = {label, LABEL_BOX, NULL};
	struct engine_container *all = NULL;
	size_t count = 0, kept = 0;

	snprintf(label, sizeof label, LABEL_INSTANCE "=%s", core->instance);
	if (engine_container_list(core->engine, labels, &all, &count, cancel, err) < 0)
		return -1;
	struct box_info *infos = mem_array(count ? count : 1, sizeof *infos);
	for (size_t i = 0; i < count; i++) {
		if (!is_ours(core, &all[i], NULL))
			continue;
		fill_info(&infos[kept], &all[i]);
		look_closer(core, &infos[kept++], cancel);
	}
	engine_containers_free(all, count);
	*ret_infos = infos;
	*ret_count = kept;
	return 0;
}

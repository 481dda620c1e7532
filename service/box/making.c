/* SPDX-License-Identifier: MIT */
/* The making of containers. */
#include "service/box/making.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/runtime.h"
#include "service/box/box_git.h"
#include "service/box/catalog.h"
#include "service/box/parts.h"

#include <string.h>

#define GIT_MS 20000
#define WAIT_STEP_MS 200

struct making {
	struct boxes *boxes;
	char id[64], account[64];
	char *clone_repo;
	int64_t asked_ms;
	struct cancel *cancel;
	int shares; /* the thread's and the caller's; under makings->lock */
	bool done, waited_for;
	struct err err;
	struct making *next;
};

struct makings {
	struct lock lock;
	struct cond changed;
	struct making *head;
};

struct makings *makings_new(void)
{
	struct makings *makings = mem_zalloc(sizeof *makings);

	lock_init(&makings->lock);
	cond_init(&makings->changed);
	return makings;
}

void makings_free(struct makings *makings)
{
	if (!makings)
		return;
	cond_release(&makings->changed);
	lock_release(&makings->lock);
	free(makings);
}

static void drop_share(struct making *making)
{
	struct makings *makings = making->boxes->makings;

	lock_take(&makings->lock);
	bool last = --making->shares == 0;
	if (last) {
		struct making **at = &makings->head;

		while (*at != making)
			at = &(*at)->next;
		*at = making->next;
	}
	lock_give(&makings->lock);
	if (!last)
		return;
	cancel_free(making->cancel);
	free(making->clone_repo);
	free(making);
}

void making_stop(struct boxes *boxes, const char *id)
{
	struct making *found = NULL;

	lock_take(&boxes->makings->lock);
	for (struct making *m = boxes->makings->head; m && !found; m = m->next) {
		if (str_eq(m->id, id)) {
			m->shares++;
			found = m;
		}
	}
	lock_give(&boxes->makings->lock);
	if (!found)
		return;
	cancel_fire(found->cancel, "the box was deleted");
	drop_share(found);
}

/* ---- steps ----------------------------------------------------------------------------- */

struct progress {
	struct boxes *boxes;
	const char *id;
};

static void on_progress(void *arg, const char *line)
{
	const struct progress *progress = arg;

	boxes_log(progress->boxes, progress->id, "info", "system", "image: %s", line);
}

/* What the box is made of; built or pulled when it is not there. */
static int ensure_image(struct making *making, const struct store_box *row,
	char ret_image[IMAGE_REF_SIZE], struct err *err)
{
	struct boxes *boxes = making->boxes;
	struct progress progress = {boxes, row->id};
	struct image_want want = {.image = catalog_image(boxes->catalog, row->runtime)};

	if (row->snapshot_id) {
		str_copy(ret_image, IMAGE_REF_SIZE, row->image);
		return 0;
	}
	want.pull = want.image != NULL;
	if (!want.image) {
		want.runtime = runtime_find(row->runtime);
		if (!want.runtime)
			return err_set(err, ERR_UNABLE,
				"runtime %s is not offered any more", row->runtime);
		if (runtime_is_substitute(row->runtime))
			boxes_log(boxes, row->id, "info", "system",
				"runtime %s: the Debian image of %s is used",
				row->runtime, want.runtime->name);
	}
	return image_ensure(boxes->options.core, &want, ret_image, on_progress, &progress,
		making->cancel, err);
}

static int make_container(
	struct making *making, const struct store_box *row, struct err *err)
{
	struct boxes *boxes = making->boxes;
	char image[IMAGE_REF_SIZE];
	struct catalog_size size;
	CLEANUP(json) json_t *json = NULL;
	CLEANUP(network) struct network network = {0};

	if (catalog_size(boxes->catalog, row->size, &size, err) < 0 ||
		ensure_image(making, row, image, err) < 0)
		return -1;
	json = json_parse(row->network, strlen(row->network), err);
	if (!json || network_read(json, &network, err) < 0)
		return -1;
	struct box_spec spec = {
		.id = row->id,
		.image = image,
		.cpus = size.cpus,
		.memory_bytes = size.memory_bytes,
		.disk_bytes = size.disk_bytes,
		.network = network.policy.mode,
		.policy = &network.policy,
	};
	if (box_create(boxes->options.core, &spec, making->cancel, err) == 0)
		return 0;
	if (err->kind != ERR_CONFLICT)
		return -1;
	/* A former process came this far. */
	*err = (struct err){0};
	if (box_network_set(boxes->options.core, row->id, &network.policy, making->cancel,
		    err) < 0)
		return -1;
	return box_resume(boxes->options.core, row->id, making->cancel, err);
}

static int become_ready(
	struct making *making, const struct store_box *row, struct err *err)
{
	struct boxes *boxes = making->boxes;
	struct store_box_move move = {
		.from = STORE_BOX_IN(STORE_BOX_CREATING),
		.to = STORE_BOX_READY,
		.now_ms = clock_wall_ms(),
	};
	struct err ignored = {0};

	/* The row has to know the boot before anybody looks: another one is a restart. */
	boxes_meter(boxes, row->id, making->cancel);
	if (store_box_set_state(boxes->options.store, row->id, &move, boxes->stop, err) <
		0) {
		/* Deleted meanwhile: what was made goes. */
		box_delete(boxes->options.core, row->id, NULL, &ignored);
		return -1;
	}
	if (making->asked_ms > 0)
		boxes_log(boxes, row->id, "info", "system", "box is ready after %lld ms",
			(long long)(move.now_ms - making->asked_ms));
	else
		boxes_log(boxes, row->id, "info", "system",
			"box is ready; its making was taken up after a restart");
	return 0;
}

static void clone_repo(struct making *making)
{
	struct boxes *boxes = making->boxes;
	const struct box_caller who = {.account = making->account, .write = true};
	CLEANUP(json) json_t *args = json_object();
	CLEANUP(json) json_t *answer = NULL;
	struct err err = {0};

	if (!making->clone_repo)
		return;
	json_put(args, "repo", json_str(making->clone_repo));
	if (boxes_git(boxes, &who, making->id, "clone", args, &answer, making->cancel,
		    &err) < 0)
		boxes_log(boxes, making->id, "error", "system",
			"`clone_repo` could not be cloned: %s", err.text);
}

static int make(struct making *making, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	struct boxes *boxes = making->boxes;
	struct err ignored = {0};

	if (cancel_check(making->cancel, err) < 0 ||
		store_box_get(boxes->options.store, making->id, &row, err) < 0)
		return -1;
	if (row.state != STORE_BOX_CREATING)
		return err_set(err, ERR_CONFLICT, "box %s is %s by now", row.id,
			store_box_state_name(row.state));
	if (make_container(making, &row, err) < 0 || become_ready(making, &row, err) < 0)
		return -1;
	if (box_set_git_identity(boxes, row.id, row.git_name, row.git_email,
		    making->cancel, &ignored) < 0)
		boxes_log(boxes, row.id, "warn", "system",
			"the git identity could not be set: %s", ignored.text);
	box_init_start(boxes, &row);
	clone_repo(making);
	return 0;
}

/* ---- the thread ------------------------------------------------------------------------ */

/* Nobody waits: the row tells. */
static void note_failure(struct making *making, const struct err *why)
{
	struct boxes *boxes = making->boxes;
	struct store_box_move move = {
		.from = STORE_BOX_IN(STORE_BOX_CREATING),
		.to = STORE_BOX_ERROR,
		.error = why->text,
		.now_ms = clock_wall_ms(),
	};
	struct err ignored = {0};

	if (cancel_fired(boxes->stop))
		return; /* the next process takes it up */
	if (store_box_set_state(
		    boxes->options.store, making->id, &move, boxes->stop, &ignored) < 0)
		return;
	boxes_log(boxes, making->id, "error", "system", "the box could not be made: %s",
		why->text);
	box_delete(boxes->options.core, making->id, boxes->stop, &ignored);
}

static void making_main(void *arg)
{
	struct making *making = arg;
	struct makings *makings = making->boxes->makings;
	struct err err = {0};

	int rc = make(making, &err);
	lock_take(&makings->lock);
	making->done = true;
	making->err = err;
	bool waited_for = making->waited_for;
	cond_wake_all(&makings->changed);
	lock_give(&makings->lock);
	if (rc < 0 && !waited_for)
		note_failure(making, &err);
	drop_share(making);
}

int making_start(struct boxes *boxes, const char *id, const char *account,
	const char *clone_repo, int64_t asked_ms, struct making **ret_making,
	struct err *err)
{
	struct making *making = mem_zalloc(sizeof *making);

	making->boxes = boxes;
	str_copy(making->id, sizeof making->id, id);
	str_copy(making->account, sizeof making->account, account);
	making->clone_repo = mem_strdup(str_empty(clone_repo) ? NULL : clone_repo);
	making->asked_ms = asked_ms;
	making->cancel = cancel_new(boxes->stop);
	making->shares = 2;
	making->waited_for = true;
	lock_take(&boxes->makings->lock);
	making->next = boxes->makings->head;
	boxes->makings->head = making;
	lock_give(&boxes->makings->lock);
	if (crew_run(boxes->crew, CREW_MAKE, making_main, making, err) < 0) {
		drop_share(making);
		drop_share(making);
		return -1;
	}
	*ret_making = making;
	return 0;
}

/* Until it is done, the time is over, or the caller is gone: then nobody waits any more. */
static bool wait_done(struct making *making, int64_t ms, struct cancel *cancel)
{
	struct makings *makings = making->boxes->makings;
	int64_t until = clock_mono_ms() + ms;

	LOCKED(&makings->lock);
	while (!making->done && clock_mono_ms() < until && !cancel_fired(cancel)) {
		int64_t left = until - clock_mono_ms();
		cond_wait_ms(&makings->changed, &makings->lock,
			left < WAIT_STEP_MS ? left : WAIT_STEP_MS);
	}
	if (!making->done)
		making->waited_for = false;
	return making->done;
}

int making_wait(struct making *making, int64_t ms, struct cancel *cancel, struct err *err)
{
	int rc = 0;

	if (wait_done(making, ms, cancel)) {
		rc = making->err.kind == ERR_NONE ? 1 : -1;
		if (rc < 0)
			*err = making->err;
	}
	drop_share(making);
	return rc;
}

void making_forget(struct making *making)
{
	struct err ignored = {0};

	making_wait(making, 0, NULL, &ignored);
}

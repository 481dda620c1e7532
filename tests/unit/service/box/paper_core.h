/* SPDX-License-Identifier: MIT */
/*
 * A core of paper: boxes, snapshots and one kind of run that exist in a table.  It stands in
 * the place of boxcore's own functions; included by one file of a test program.
 */
#ifndef TESTS_UNIT_SERVICE_BOX_PAPER_CORE_H
#define TESTS_UNIT_SERVICE_BOX_PAPER_CORE_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/boxcore.h"
#include "boxcore/engine/engine.h"

#include <stdio.h>
#include <string.h>

#define PAPER_MAX 64

struct paper_box {
	char id[64];
	char image[IMAGE_REF_SIZE];
	bool there, running;
	int boots;
	int64_t cpu_us; /* of this boot */
	enum box_end end;
};

static struct {
	struct lock lock;
	struct paper_box boxes[PAPER_MAX];
	char images[PAPER_MAX][160]; /* tags of snapshots */
	int nimages;
	enum err_kind fail_create, fail_pause, fail_delete;
	int create_ms;
	int runs; /* that were started */
} paper = {.lock = LOCK_INIT};

static struct paper_box *paper_find(const char *id)
{
	for (int i = 0; i < PAPER_MAX; i++) {
		if (paper.boxes[i].there && str_eq(paper.boxes[i].id, id))
			return &paper.boxes[i];
	}
	return NULL;
}

static struct paper_box *paper_need(const char *id, struct err *err)
{
	struct paper_box *box = paper_find(id);

	if (!box)
		err_set(err, ERR_NOT_FOUND, "there is no box %s", id);
	return box;
}

static int paper_count(void)
{
	int count = 0;

	LOCKED(&paper.lock);
	for (int i = 0; i < PAPER_MAX; i++)
		count += paper.boxes[i].there;
	return count;
}

static void start(struct paper_box *box)
{
	if (box->running)
		return;
	box->running = true;
	box->end = BOX_END_NONE;
	box->boots++;
	box->cpu_us = 1000;
}

/* A container that is there already. */
static void paper_put(const char *id, bool running)
{
	LOCKED(&paper.lock);
	for (int i = 0; i < PAPER_MAX; i++) {
		if (paper.boxes[i].there)
			continue;
		paper.boxes[i] = (struct paper_box){.there = true, .end = BOX_END_FRESH};
		str_copy(paper.boxes[i].id, sizeof paper.boxes[i].id, id);
		if (running)
			start(&paper.boxes[i]);
		return;
	}
}

static void paper_clear(void)
{
	LOCKED(&paper.lock);
	memset(paper.boxes, 0, sizeof paper.boxes);
	paper.nimages = paper.runs = paper.create_ms = 0;
	paper.fail_create = paper.fail_pause = paper.fail_delete = ERR_NONE;
}

/* ---- boxes ----------------------------------------------------------------------------- */

int box_create(struct boxcore *core, const struct box_spec *spec, struct cancel *cancel,
	struct err *err)
{
	(void)core;
	if (paper.create_ms > 0 && cancel_sleep(cancel, paper.create_ms, err) < 0)
		return -1;
	if (paper.fail_create != ERR_NONE)
		return err_set(err, paper.fail_create, "paper tears");
	lock_take(&paper.lock);
	bool there = paper_find(spec->id) != NULL;
	lock_give(&paper.lock);
	if (there)
		return err_set(err, ERR_CONFLICT, "there is a box %s", spec->id);
	paper_put(spec->id, true);
	LOCKED(&paper.lock);
	str_copy(paper_find(spec->id)->image, IMAGE_REF_SIZE, spec->image);
	return 0;
}

int box_pause_stats(struct boxcore *core, const char *id, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	LOCKED(&paper.lock);
	struct paper_box *box = paper_need(id, err);
	if (!box)
		return -1;
	if (paper.fail_pause != ERR_NONE)
		return err_set(err, paper.fail_pause, "paper burns");
	*ret_stats = (struct box_stats){.cpu_us = box->cpu_us, .memory_peak_bytes = 5};
	if (box->running)
		snprintf(ret_stats->boot, sizeof ret_stats->boot, "boot-%d", box->boots);
	box->running = false;
	box->end = BOX_END_PAUSED;
	return 0;
}

int box_resume(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	LOCKED(&paper.lock);
	struct paper_box *box = paper_need(id, err);
	if (!box)
		return -1;
	start(box);
	return 0;
}

int box_delete(
	struct boxcore *core, const char *id, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	LOCKED(&paper.lock);
	struct paper_box *box = paper_find(id);
	if (paper.fail_delete != ERR_NONE)
		return err_set(err, paper.fail_delete, "paper sticks");
	if (box)
		box->there = false;
	return 0;
}

static void tell(const struct paper_box *box, struct box_info *info)
{
	*info = (struct box_info){
		.state = box->running ? BOX_RUNNING : BOX_PAUSED, .end = box->end};
	str_copy(info->id, sizeof info->id, box->id);
}

int box_get(struct boxcore *core, const char *id, struct box_info *ret_info,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	LOCKED(&paper.lock);
	struct paper_box *box = paper_need(id, err);
	if (box)
		tell(box, ret_info);
	return box ? 0 : -1;
}

int box_list(struct boxcore *core, struct box_info **ret_infos, size_t *ret_count,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	(void)err;
	LOCKED(&paper.lock);
	*ret_infos = mem_array(PAPER_MAX, sizeof **ret_infos);
	*ret_count = 0;
	for (int i = 0; i < PAPER_MAX; i++) {
		if (paper.boxes[i].there)
			tell(&paper.boxes[i], &(*ret_infos)[(*ret_count)++]);
	}
	return 0;
}

int box_disk(struct boxcore *core, const char *id, int64_t *ret_changed_bytes,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)id;
	(void)cancel;
	(void)err;
	*ret_changed_bytes = 10 << 20;
	return 0;
}

int box_stats(struct boxcore *core, const char *id, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	LOCKED(&paper.lock);
	struct paper_box *box = paper_need(id, err);
	if (!box)
		return -1;
	if (!box->running)
		return err_set(err, ERR_CONFLICT, "box %s is paused", id);
	*ret_stats = (struct box_stats){.cpu_us = box->cpu_us, .memory_peak_bytes = 7};
	snprintf(ret_stats->boot, sizeof ret_stats->boot, "boot-%d", box->boots);
	return 0;
}

int box_network_set(struct boxcore *core, const char *id, const struct box_policy *policy,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)id;
	(void)policy;
	(void)cancel;
	(void)err;
	return 0;
}

int box_policy_check(const struct box_policy *policy, struct err *err)
{
	(void)policy;
	(void)err;
	return 0;
}

/* ---- images ---------------------------------------------------------------------------- */

int image_ensure(struct boxcore *core, const struct image_want *want,
	char ret_image[IMAGE_REF_SIZE], image_on_progress on_progress, void *arg,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	(void)err;
	on_progress(arg, "paper is cut");
	str_copy(ret_image, IMAGE_REF_SIZE, want->image ? want->image : "paper:latest");
	return 0;
}

static int paper_image(const char *image)
{
	for (int i = 0; i < paper.nimages; i++) {
		if (str_eq(paper.images[i], image))
			return i;
	}
	return -1;
}

int box_snapshot(struct boxcore *core, const char *id, const char *tag,
	struct snapshot_info *ret_info, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	LOCKED(&paper.lock);
	if (!paper_need(id, err))
		return -1;
	str_copy(paper.images[paper.nimages++], sizeof paper.images[0], tag);
	*ret_info = (struct snapshot_info){.size_bytes = 1000};
	str_copy(ret_info->image, sizeof ret_info->image, tag);
	return 0;
}

int snapshot_find(struct boxcore *core, const char *tag, struct snapshot_info *ret_info,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	LOCKED(&paper.lock);
	if (paper_image(tag) < 0)
		return err_set(err, ERR_NOT_FOUND, "no image %s", tag);
	*ret_info = (struct snapshot_info){.size_bytes = 1000};
	str_copy(ret_info->image, sizeof ret_info->image, tag);
	return 0;
}

int snapshot_delete(
	struct boxcore *core, const char *image, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)cancel;
	(void)err;
	LOCKED(&paper.lock);
	int at = paper_image(image);
	if (at >= 0)
		str_copy(paper.images[at], sizeof paper.images[0],
			paper.images[--paper.nimages]);
	return 0;
}

/* ---- runs: each says one line and ends -------------------------------------------------- */

struct run {
	int step;
};

int run_start(struct boxcore *core, const char *box, const struct run_spec *spec,
	struct run **ret_run, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)spec;
	(void)cancel;
	(void)err;
	LOCKED(&paper.lock);
	paper.runs++;
	*ret_run = mem_zalloc(sizeof **ret_run);
	return 0;
}

int run_attach(struct boxcore *core, const char *box, const char *id, uint64_t offset,
	struct run **ret_run, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)offset;
	(void)ret_run;
	(void)cancel;
	return err_set(err, ERR_NOT_FOUND, "there is no run %s", id);
}

int run_read(struct run *run, struct run_event *ret_event, struct cancel *cancel,
	struct err *err)
{
	(void)cancel;
	(void)err;
	*ret_event = (struct run_event){
		.kind = run->step++ == 0 ? RUN_STDOUT : RUN_EXIT, .data = "a line\n"};
	ret_event->len = ret_event->kind == RUN_STDOUT ? strlen(ret_event->data) : 0;
	return 0;
}

void run_close(struct run *run)
{
	free(run);
}

void run_done(struct run *run)
{
	free(run);
}

int run_list(struct boxcore *core, const char *box, struct run_info **ret_infos,
	size_t *ret_count, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)cancel;
	(void)err;
	*ret_infos = NULL;
	*ret_count = 0;
	return 0;
}

int run_capture(struct boxcore *core, const char *box, const struct run_spec *spec,
	const void *input, size_t input_len, struct run_result *result,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)spec;
	(void)input;
	(void)input_len;
	(void)cancel;
	(void)err;
	result->exit_code = 0;
	return 0;
}

void run_result_release(struct run_result *result)
{
	strbuf_release(&result->out);
	strbuf_release(&result->err_out);
}

#define NOT_ON_PAPER err_set(err, ERR_UNSUPPORTED, "not on paper")

void run_ack(struct run *run, uint64_t offset)
{
	(void)run;
	(void)offset;
}
const char *run_id(const struct run *run)
{
	(void)run;
	return "run";
}
uint32_t run_pid(const struct run *run)
{
	(void)run;
	return 1;
}
int run_write(struct run *run, const void *data, size_t len, struct cancel *cancel,
	struct err *err)
{
	(void)run;
	(void)data;
	(void)len;
	(void)cancel;
	return NOT_ON_PAPER;
}
int run_close_stdin(struct run *run, struct cancel *cancel, struct err *err)
{
	(void)run;
	(void)cancel;
	return NOT_ON_PAPER;
}
int run_resize(struct run *run, uint16_t rows, uint16_t cols, struct err *err)
{
	(void)run;
	(void)rows;
	(void)cols;
	return NOT_ON_PAPER;
}
int run_signal(struct boxcore *core, const char *box, const char *id, int signal,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)id;
	(void)signal;
	(void)cancel;
	return NOT_ON_PAPER;
}
int run_stop(struct boxcore *core, const char *box, const char *id, int64_t grace_ms,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)id;
	(void)grace_ms;
	(void)cancel;
	return NOT_ON_PAPER;
}
int run_forget(struct boxcore *core, const char *box, const char *id,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)id;
	(void)cancel;
	(void)err;
	return 0;
}

/* ---- files and connections ------------------------------------------------------------- */

int box_file_fetch(struct boxcore *core, const char *box, const char *path,
	int64_t offset, int64_t length, box_on_info on_info, box_sink sink, void *arg,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)offset;
	(void)length;
	(void)on_info;
	(void)sink;
	(void)arg;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_list(struct boxcore *core, const char *box, const char *path,
	struct file_info **ret_infos, size_t *ret_count, struct cancel *cancel,
	struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)ret_infos;
	(void)ret_count;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_lstat(struct boxcore *core, const char *box, const char *path,
	struct file_info *ret_info, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)ret_info;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_mkdir(struct boxcore *core, const char *box, const char *path,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_mkdir_one(struct boxcore *core, const char *box, const char *path,
	struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_put(struct boxcore *core, const char *box, const char *path, uint32_t mode,
	const void *data, size_t len, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)mode;
	(void)data;
	(void)len;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_remove(struct boxcore *core, const char *box, const char *path,
	bool recursive, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)recursive;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_rename(struct boxcore *core, const char *box, const char *from,
	const char *to, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)from;
	(void)to;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_stat(struct boxcore *core, const char *box, const char *path,
	struct file_info *ret_info, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)ret_info;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_file_write(struct boxcore *core, const char *box, const char *path, uint32_t mode,
	box_source source, void *arg, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)path;
	(void)mode;
	(void)source;
	(void)arg;
	(void)cancel;
	return NOT_ON_PAPER;
}

int box_listen(struct boxcore *core, const char *box, uint16_t port,
	box_on_accept on_accept, void *arg, struct cancel *cancel, struct err *err)
{
	(void)core;
	(void)box;
	(void)port;
	(void)on_accept;
	(void)arg;
	(void)cancel;
	return NOT_ON_PAPER;
}

void box_unlisten(struct boxcore *core, const char *box, uint16_t port)
{
	(void)core;
	(void)box;
	(void)port;
}

void file_info_release(struct file_info *info)
{
	(void)info;
}
void file_infos_free(struct file_info *infos, size_t count)
{
	(void)infos;
	(void)count;
}

/* ---- the engine ------------------------------------------------------------------------ */

struct engine *boxcore_engine(struct boxcore *core)
{
	(void)core;
	return NULL;
}

int engine_info(struct engine *engine, struct engine_info *ret_info,
	struct cancel *cancel, struct err *err)
{
	(void)engine;
	(void)cancel;
	(void)err;
	*ret_info = (struct engine_info){.cpus = 4, .memory_bytes = 9LL << 30};
	return 0;
}

#endif

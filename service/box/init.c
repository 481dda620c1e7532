/* SPDX-License-Identifier: MIT */
/*
 * The init command: once at each start of a box, in the background, its output in the box's
 * log.  It is a kept run: it goes on when the service stops, and is read on when it starts.
 */
#include "service/box/boxes-internal.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <string.h>

#define RUN_PREFIX "init-"
#define LINES_MAX 1000 /* in the log, of one start */
#define AGAIN_MS 500   /* after a lost link */
#define TRIES 20

/* bash where there is one: people write for it. */
#define SHELL                                                                            \
	"if command -v bash >/dev/null 2>&1; then exec bash -c \"$0\"; "                 \
	"else exec sh -c \"$0\"; fi"

struct init {
	struct boxes *boxes;
	char box[64], run_id[64];
	struct run *run; /* NULL: to be attached */
	uint64_t offset;
	int lines;
	struct strbuf line[2]; /* of stdout and stderr, not ended yet */
};

static void init_free(struct init *init)
{
	run_close(init->run);
	strbuf_release(&init->line[0]);
	strbuf_release(&init->line[1]);
	free(init);
}

static struct init *init_new(struct boxes *boxes, const char *box, const char *run_id)
{
	struct init *init = mem_zalloc(sizeof *init);

	init->boxes = boxes;
	str_copy(init->box, sizeof init->box, box);
	str_copy(init->run_id, sizeof init->run_id, run_id);
	strbuf_init(&init->line[0], LIMIT_BOX_LOG);
	strbuf_init(&init->line[1], LIMIT_BOX_LOG);
	return init;
}

/* ---- its output ------------------------------------------------------------------------ */

static void log_output(struct init *init, int which)
{
	struct strbuf *line = &init->line[which];

	if (init->lines < LINES_MAX && line->len > 0)
		boxes_log(init->boxes, init->box, which ? "warn" : "info", "user",
			"init: %s", strbuf_str(line));
	if (line->len > 0 && ++init->lines == LINES_MAX)
		boxes_log(init->boxes, init->box, "info", "system",
			"init: further output of this start is not kept");
	strbuf_reset(line);
}

static void on_output(struct init *init, int which, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			log_output(init, which);
		else if (data[i] != '\0' && data[i] != '\r')
			strbuf_addc(&init->line[which], data[i]); /* cut at its max */
	}
}

static void on_exit_event(struct init *init, const struct run_event *event)
{
	log_output(init, 0);
	log_output(init, 1);
	boxes_log(init->boxes, init->box, event->exit_code ? "error" : "info", "system",
		"the init command ended with exit code %d", event->exit_code);
	run_done(TAKE(init->run));
}

/* -1 when there is no more to be had over this run's stream. */
static int read_on(struct init *init, bool *ret_ended, struct err *err)
{
	struct run_event event;

	for (;;) {
		if (run_read(init->run, &event, init->boxes->stop, err) < 0)
			return -1;
		init->offset = event.offset;
		if (event.kind == RUN_EXIT) {
			on_exit_event(init, &event);
			*ret_ended = true;
			return 0;
		}
		on_output(init, event.kind == RUN_STDERR, event.data, event.len);
		run_ack(init->run, event.offset);
	}
}

static void init_main(void *arg)
{
	struct init *init = arg;
	struct boxes *boxes = init->boxes;
	bool ended = false;

	for (int tries = 0; !ended && tries < TRIES && !cancel_fired(boxes->stop);) {
		struct err err = {0};

		if (!init->run &&
			run_attach(boxes->options.core, init->box, init->run_id,
				init->offset, &init->run, boxes->stop, &err) < 0) {
			/* A box that was paused or deleted has ended it. */
			if (err.kind != ERR_TRANSIENT ||
				cancel_sleep(boxes->stop, AGAIN_MS, &err) < 0)
				break;
			tries++;
			continue;
		}
		if (read_on(init, &ended, &err) < 0) {
			run_close(TAKE(init->run));
			tries++;
		}
	}
	init_free(init);
}

/* ---- starting -------------------------------------------------------------------------- */

static int start_run(struct init *init, const struct store_box *row, struct err *err)
{
	struct boxes *boxes = init->boxes;
	const char *const argv[] = {"sh", "-c", SHELL, row->init_command, NULL};
	CLEANUP(json) json_t *env = boxes_env(boxes, row, err);

	if (!env)
		return -1;
	CLEANUP(mem) char **list = boxes_env_list(env);
	struct run_spec spec = {
		.id = init->run_id,
		.argv = argv,
		.cwd = BOX_HOME,
		.env = (const char *const *)list,
		.keep = true,
	};
	return run_start(
		boxes->options.core, row->id, &spec, &init->run, boxes->stop, err);
}

void box_init_start(struct boxes *boxes, const struct store_box *row)
{
	char id[32] = RUN_PREFIX;
	struct err err = {0};

	if (str_empty(row->init_command))
		return;
	crypto_random_hex(id + strlen(RUN_PREFIX), 6);
	struct init *init = init_new(boxes, row->id, id);
	if (start_run(init, row, &err) == 0) {
		boxes_log(boxes, row->id, "info", "system", "the init command starts");
		if (crew_run(boxes->crew, CREW_INIT, init_main, init, &err) == 0)
			return;
	}
	boxes_log(boxes, row->id, "error", "system",
		"the init command could not be started: %s", err.text);
	init_free(init);
}

void box_init_recover(struct boxes *boxes, const struct store_box *row)
{
	CLEANUP(mem) struct run_info *runs = NULL;
	size_t count = 0;
	struct err err = {0};

	if (str_empty(row->init_command) || run_list(boxes->options.core, row->id, &runs,
						    &count, boxes->stop, &err) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!str_starts(runs[i].id, RUN_PREFIX))
			continue;
		struct init *init = init_new(boxes, row->id, runs[i].id);
		init->offset = runs[i].first;
		if (crew_run(boxes->crew, CREW_INIT, init_main, init, &err) < 0)
			init_free(init);
	}
}

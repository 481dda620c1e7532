/* SPDX-License-Identifier: MIT */
/*
 * Boxes beside docker and the Engine's own calls, in one run, taking turns: a command, a
 * cold box, a file of 1 MiB in both directions.
 *
 *	bench_box <instance> <image> <scratch folder> <rows file>
 *
 * Appends a row for each comparison to the rows file.  Everything that it makes carries
 * boxwright.instance=<instance> or the label boxwright.bench=<instance>, and is gone when it
 * ends; tests/bench/run.sh removes what a killed one left.
 */
#include "tests/bench/bench.h"
#include "tests/bench/peer.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/boxcore.h"

#define BOX "warm"
#define CALL_MS 60000          /* of any one call of ours */
#define BOX_BRIDGE "boxwright" /* boxcore_options.box_network's default */
#define IN_BOX "/tmp/bench-file"

struct world {
	struct boxcore *core;
	struct engine *engine;
	const char *instance, *image;
	char container[80];       /* of the warm box */
	char *data;               /* 1 MiB */
	char *file, *target;      /* the same on the host; what is copied back */
	enum box_network network; /* of cold boxes and containers */
	int made;
};

/* ---- ours ------------------------------------------------------------------------------- */

static int64_t our_command(void *arg, struct err *err)
{
	static const char *const argv[] = {"true", NULL};
	const struct run_spec spec = {.argv = argv};
	const struct world *w = arg;
	CLEANUP(run_result) struct run_result result = {0};
	CLEANUP(cancel) struct cancel *patience = cancel_new(NULL);

	strbuf_init(&result.out, LIMIT_KIB);
	strbuf_init(&result.err_out, LIMIT_KIB);
	cancel_deadline(patience, CALL_MS, "the bench's patience");
	int64_t began = clock_mono_us();
	if (run_capture(w->core, BOX, &spec, NULL, 0, &result, patience, err) < 0)
		return -1;
	if (result.exit_code != 0)
		return err_set(err, ERR_INTERNAL, "true ended with %d", result.exit_code);
	return clock_mono_us() - began;
}

static int first_output(
	struct boxcore *core, const char *box, struct cancel *cancel, struct err *err)
{
	static const char *const argv[] = {"echo", "hello", NULL};
	const struct run_spec spec = {.argv = argv};
	struct run_event event = {.kind = RUN_EXIT};
	CLEANUP(run) struct run *run = NULL;

	if (run_start(core, box, &spec, &run, cancel, err) < 0 ||
		run_read(run, &event, cancel, err) < 0)
		return -1;
	if (event.kind != RUN_STDOUT)
		return err_set(err, ERR_INTERNAL, "the command says nothing");
	return 0;
}

static int64_t our_cold_box(void *arg, struct err *err)
{
	struct world *w = arg;
	char id[32];
	struct box_spec spec = {.id = id, .image = w->image, .network = w->network};
	CLEANUP(cancel) struct cancel *patience = cancel_new(NULL);
	struct err ignored = {0};

	snprintf(id, sizeof id, "cold-%d", w->made++);
	cancel_deadline(patience, CALL_MS, "the bench's patience");
	int64_t began = clock_mono_us();
	int rc = box_create(w->core, &spec, patience, err);
	if (rc == 0)
		rc = first_output(w->core, id, patience, err);
	int64_t took = clock_mono_us() - began;
	if (box_delete(w->core, id, NULL, rc < 0 ? &ignored : err) < 0)
		return -1;
	return rc < 0 ? -1 : took;
}

static int64_t our_write(void *arg, struct err *err)
{
	const struct world *w = arg;
	CLEANUP(cancel) struct cancel *patience = cancel_new(NULL);

	cancel_deadline(patience, CALL_MS, "the bench's patience");
	int64_t began = clock_mono_us();
	if (box_file_put(w->core, BOX, IN_BOX, 0644, w->data, LIMIT_MIB, patience, err) <
		0)
		return -1;
	return clock_mono_us() - began;
}

static int take(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	strbuf_add(arg, data, len);
	return 0;
}

static int64_t our_read(void *arg, struct err *err)
{
	const struct world *w = arg;
	CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(2 * LIMIT_MIB);
	CLEANUP(cancel) struct cancel *patience = cancel_new(NULL);

	cancel_deadline(patience, CALL_MS, "the bench's patience");
	int64_t began = clock_mono_us();
	if (box_file_read(w->core, BOX, IN_BOX, 0, -1, take, &got, patience, err) < 0)
		return -1;
	int64_t took = clock_mono_us() - began;
	if (got.len != LIMIT_MIB || memcmp(got.data, w->data, LIMIT_MIB) != 0)
		return err_set(err, ERR_INTERNAL, "the file came back changed");
	return took;
}

/* ---- peers ------------------------------------------------------------------------------ */

static int64_t cli_exec(void *arg, struct err *err)
{
	const struct world *w = arg;
	const char *const argv[] = {
		"docker", "exec", "--user", "1000", w->container, "true", NULL};

	return peer_docker(argv, false, err);
}

static int64_t engine_exec(void *arg, struct err *err)
{
	const struct world *w = arg;

	return peer_exec(w->engine, w->container, err);
}

static const char *engine_default(const struct world *w)
{
	return w->network == BOX_NETWORK_TUNNEL ? "none" : "bridge";
}

static int64_t cli_run(void *arg, struct err *err)
{
	struct world *w = arg;
	char name[64], label[64];
	const char *const argv[] = {"docker", "run", "--name", name, "--label", label,
		"--network", engine_default(w), w->image, "echo", "hello", NULL};
	struct err ignored = {0};

	snprintf(name, sizeof name, "boxwright-%s-run-%d", w->instance, w->made++);
	snprintf(label, sizeof label, "boxwright.bench=%s", w->instance);
	int64_t us = peer_docker(argv, true, err);
	engine_container_remove(w->engine, name, NULL, &ignored);
	return us;
}

static int64_t create_start(struct world *w, const char *network, struct err *err)
{
	char name[64], id[ENGINE_ID_SIZE];
	CLEANUP(json)
	json_t *config = json_pack("{s:s, s:[ss], s:{s:s}, s:{s:s}}", "Image", w->image,
		"Cmd", "sleep", "60", "Labels", "boxwright.bench", w->instance,
		"HostConfig", "NetworkMode", network);
	struct err ignored = {0};

	snprintf(name, sizeof name, "boxwright-%s-api-%d", w->instance, w->made++);
	int64_t began = clock_mono_us();
	int rc = engine_container_create(w->engine, name, config, id, NULL, err);
	if (rc == 0)
		rc = engine_container_start(w->engine, id, NULL, err);
	int64_t took = clock_mono_us() - began;
	engine_container_remove(w->engine, name, NULL, &ignored);
	return rc < 0 ? -1 : took;
}

/* As the Engine does it when it is not told anything of networks. */
static int64_t engine_plain(void *arg, struct err *err)
{
	return create_start(arg, engine_default(arg), err);
}

/* On the network that boxes are on: a bridge of its own costs the Engine a resolver. */
static int64_t engine_same_network(void *arg, struct err *err)
{
	return create_start(arg, BOX_BRIDGE, err);
}

static int64_t cp_in(void *arg, struct err *err)
{
	const struct world *w = arg;
	char target[160];
	const char *const argv[] = {"docker", "cp", w->file, target, NULL};

	snprintf(target, sizeof target, "%s:" IN_BOX "-cp", w->container);
	return peer_docker(argv, false, err);
}

static int64_t cp_out(void *arg, struct err *err)
{
	const struct world *w = arg;
	char source[160];
	const char *const argv[] = {"docker", "cp", source, w->target, NULL};

	snprintf(source, sizeof source, "%s:" IN_BOX "-cp", w->container);
	return peer_docker(argv, false, err);
}

/* ---- the measurements ------------------------------------------------------------------- */

static int commands(struct world *w, FILE *out, struct err *err)
{
	struct bench bench = {.subject = "a command (true) in a box that runs",
		.sides = {{.what = "run_capture", .once = our_command, .arg = w},
			{.what = "docker exec",
				.name = "command beside docker exec",
				.aim = 0.1,
				.once = cli_exec,
				.arg = w},
			{.what = "Engine exec create, start, inspect",
				.name = "command beside Engine exec",
				.aim = 0.1,
				.once = engine_exec,
				.arg = w}},
		.count = 3,
		.rounds = 25,
		.batch = 4};

	return bench_run(&bench, out, err);
}

static int cold(struct world *w, FILE *out, struct err *err)
{
	struct bench bench = {.subject = "a cold box without an interface",
		.sides = {{.what = "box_create to first output",
				  .once = our_cold_box,
				  .arg = w},
			{.what = "docker run to first output",
				.name = "cold box beside docker run",
				.once = cli_run,
				.arg = w},
			{.what = "Engine create and start",
				.name = "cold box beside Engine create and start",
				.aim = 1.2,
				.once = engine_plain,
				.arg = w}},
		.count = 3,
		.rounds = 20,
		.batch = 1};

	w->network = BOX_NETWORK_TUNNEL;
	return bench_run(&bench, out, err);
}

static int cold_with_network(struct world *w, FILE *out, struct err *err)
{
	struct bench bench = {.subject = "a cold box with a network",
		.sides = {{.what = "box_create to first output",
				  .once = our_cold_box,
				  .arg = w},
			{.what = "docker run to first output, default bridge",
				.name = "cold box with network beside docker run",
				.once = cli_run,
				.arg = w},
			{.what = "Engine create and start, same bridge",
				.name = "cold box with network beside Engine create and "
					"start",
				.aim = 1.2,
				.once = engine_same_network,
				.arg = w},
			{.what = "Engine create and start, default bridge",
				.name = "cold box with network beside Engine, default "
					"bridge",
				.once = engine_plain,
				.arg = w}},
		.count = 4,
		.rounds = 20,
		.batch = 1};

	w->network = BOX_NETWORK_ALL;
	return bench_run(&bench, out, err);
}

static int files(struct world *w, FILE *out, struct err *err)
{
	struct bench write = {.subject = "1 MiB into a box",
		.sides = {{.what = "box_file_put", .once = our_write, .arg = w},
			{.what = "docker cp into the container",
				.name = "file write 1 MiB beside docker cp",
				.once = cp_in,
				.arg = w}},
		.count = 2,
		.rounds = 20,
		.batch = 5};
	struct bench read = {.subject = "1 MiB out of a box",
		.sides = {{.what = "box_file_read", .once = our_read, .arg = w},
			{.what = "docker cp out of the container",
				.name = "file read 1 MiB beside docker cp",
				.once = cp_out,
				.arg = w}},
		.count = 2,
		.rounds = 20,
		.batch = 5};

	return bench_run(&write, out, err) < 0 || bench_run(&read, out, err) < 0 ? -1 : 0;
}

static int measure(struct world *w, FILE *out, struct err *err)
{
	if (commands(w, out, err) < 0 || files(w, out, err) < 0)
		return -1;
	return cold(w, out, err) < 0 ? -1 : cold_with_network(w, out, err);
}

/* ---- the world -------------------------------------------------------------------------- */

static int open_world(struct world *w, const char *scratch, struct err *err)
{
	struct boxcore_options options = {
		.instance = w->instance, .box_network = BOX_BRIDGE};
	struct box_spec spec = {
		.id = BOX, .image = w->image, .network = BOX_NETWORK_TUNNEL};
	struct box_info info = {0};

	w->file = mem_printf("%s/file", scratch);
	w->target = mem_printf("%s/copied", scratch);
	w->data = mem_zalloc(LIMIT_MIB);
	for (size_t i = 0; i < LIMIT_MIB; i++)
		w->data[i] = (char)(i * 2654435761U >> 13);
	FILE *file = fopen(w->file, "we");
	if (!file || fwrite(w->data, 1, LIMIT_MIB, file) != LIMIT_MIB ||
		fclose(file) != 0)
		return err_set(err, ERR_INTERNAL, "%s: %s", w->file, strerror(errno));
	if (boxcore_open(&w->core, &options, NULL, err) < 0)
		return -1;
	w->engine = boxcore_engine(w->core);
	if (box_create(w->core, &spec, NULL, err) < 0 ||
		box_get(w->core, BOX, &info, NULL, err) < 0)
		return -1;
	snprintf(w->container, sizeof w->container, "%s", info.container);
	return 0;
}

static int close_world(struct world *w, struct err *err)
{
	struct box_info *boxes = NULL;
	size_t count = 0;
	int rc = 0;

	if (w->core)
		rc = box_list(w->core, &boxes, &count, NULL, err);
	for (size_t i = 0; i < count; i++)
		rc = box_delete(w->core, boxes[i].id, NULL, err) < 0 ? -1 : rc;
	free(boxes);
	boxcore_close(w->core);
	free(w->data);
	free(w->file);
	free(w->target);
	return rc;
}

int main(int argc, char **argv)
{
	struct world w = {0};
	struct err err = {0}, at_end = {0};

	log_open();
	signal(SIGPIPE, SIG_IGN);
	json_object_seed(0);
	if (argc != 5) {
		fprintf(stderr,
			"usage: %s <instance> <image> <scratch folder> <rows file>\n",
			argv[0]);
		return 2;
	}
	w.instance = argv[1];
	w.image = argv[2];
	FILE *out = fopen(argv[4], "ae");
	if (!out) {
		fprintf(stderr, "%s: %s\n", argv[4], strerror(errno));
		return 1;
	}
	int rc = open_world(&w, argv[3], &err);
	if (rc == 0)
		rc = measure(&w, out, &err);
	if (rc < 0)
		fprintf(stderr, "bench_box: %s\n", err.text);
	if (close_world(&w, &at_end) < 0)
		fprintf(stderr, "bench_box: %s\n", at_end.text);
	fclose(out);
	return rc < 0 || at_end.kind != 0;
}

/* SPDX-License-Identifier: MIT */
/* libboxcore in a page: a box, a command, a file, a snapshot, a second box.
 *	example IMAGE        (the engine is $DOCKER_HOST's or the usual one) */
#include "boxcore/boxcore.h"

#include <stdio.h>
#include <string.h>

static int to_stdout(void *arg, const void *data, size_t len, struct err *err)
{
	(void)arg;
	return fwrite(data, 1, len, stdout) == len ? 0
						   : err_set(err, ERR_INTERNAL, "stdout");
}

static int use(struct boxcore *core, const char *image, struct err *err)
{
	struct box_spec first = {.id = "first", .image = image};
	struct box_spec second = {.id = "second"};
	const char *argv[] = {"sh", "-c", "uname -s | tee name; exit 3", NULL};
	struct run_spec spec = {.argv = argv};
	CLEANUP(run) struct run *run = NULL;
	struct run_event event = {.kind = RUN_STDOUT};
	struct snapshot_info snapshot;

	if (box_create(core, &first, NULL, err) < 0 ||
		run_start(core, "first", &spec, &run, NULL, err) < 0)
		return -1;
	while (event.kind != RUN_EXIT) {
		if (run_read(run, &event, NULL, err) < 0)
			return -1;
		fwrite(event.data, 1, event.len, stdout);
	}
	printf("exit code %d\n", event.exit_code);
	if (box_snapshot(core, "first", "boxwright-snap:example", &snapshot, NULL, err) <
		0)
		return -1;
	second.image = snapshot.image;
	if (box_create(core, &second, NULL, err) < 0 ||
		box_file_read(core, "second", "/workspace/home/name", 0, -1, to_stdout,
			NULL, NULL, err) < 0 ||
		box_delete(core, "first", NULL, err) < 0 ||
		box_delete(core, "second", NULL, err) < 0)
		return -1;
	return snapshot_delete(core, snapshot.image, NULL, err);
}

int main(int argc, char **argv)
{
	struct boxcore_options options = {.instance = "example"};
	CLEANUP(boxcore) struct boxcore *core = NULL;
	struct err err = {0};

	if (boxcore_open(&core, &options, NULL, &err) == 0 && argc == 2 &&
		use(core, argv[1], &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", argc == 2 ? err.text : "usage: example IMAGE");
	return 1;
}

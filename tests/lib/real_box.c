/* SPDX-License-Identifier: MIT */
/* Boxes on a real engine: what every test of them does. */
#include "tests/lib/real_box.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

const char *real_image(void)
{
	const char *image = getenv("BOXWRIGHT_TEST_IMAGE");

	return str_empty(image) ? "boxwright/base:latest" : image;
}

const char *real_instance(void)
{
	static char name[24];
	char hex[13];

	if (!name[0]) {
		crypto_random_hex(hex, 6);
		snprintf(name, sizeof name, "test-%s", hex);
	}
	return name;
}

struct boxcore *real_core_open(void)
{
	struct boxcore_options options = {.instance = real_instance()};
	struct boxcore *core = NULL;
	struct err err = {0};

	if (boxcore_open(&core, &options, NULL, &err) < 0)
		fail_msg("boxcore_open: %s", err.text);
	return core;
}

int real_boxes_delete(struct boxcore *core)
{
	struct box_info *boxes = NULL;
	size_t count = 0;
	struct err err = {0};

	if (!core || box_list(core, &boxes, &count, NULL, &err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		box_delete(core, boxes[i].id, NULL, &err);
	free(boxes);
	return 0;
}

void real_core_close(struct boxcore *core)
{
	real_boxes_delete(core);
	boxcore_close(core);
}

void real_box(struct boxcore *core, const char *id, enum box_network network)
{
	struct box_spec spec = {.id = id,
		.image = real_image(),
		.memory_bytes = 512LL << 20,
		.network = network};
	struct err err = {0};

	if (box_create(core, &spec, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

int real_sh(struct boxcore *core, const char *box, bool root, const char *script,
	char *out, size_t size)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .root = root};
	CLEANUP(run_result) struct run_result result = {0};
	struct err err = {0};

	strbuf_init(&result.out, 1 << 20);
	strbuf_init(&result.err_out, 1 << 16);
	if (run_capture(core, box, &spec, NULL, 0, &result, NULL, &err) < 0)
		fail_msg("%s: %s", script, err.text);
	if (result.exit_code != 0 && result.err_out.len > 0)
		print_message("%s: %s", script, strbuf_str(&result.err_out));
	if (out)
		str_copy(out, size, strbuf_str(&result.out));
	return result.exit_code;
}

/* SPDX-License-Identifier: MIT */
/*
 * Boxes on a real Docker Engine, for tests/box.  The engine is $DOCKER_HOST's; the image is
 * $BOXWRIGHT_TEST_IMAGE or boxwright/base.  Each test program has an instance of its own, so
 * programs may run side by side, and real_core_close() deletes whatever of it is left.
 */
#ifndef TESTS_LIB_REAL_BOX_H
#define TESTS_LIB_REAL_BOX_H

#include "boxcore/boxcore.h"

const char *real_image(void);
const char *real_instance(void); /* "test-" and random digits, one a process */

/* Fails the test with the error's text when there is no engine. */
struct boxcore *real_core_open(void);
void real_core_close(struct boxcore *core); /* deletes this instance's boxes */

/* Deletes this instance's boxes; -1 when they cannot be listed. */
int real_boxes_delete(struct boxcore *core);

/* Creates a box of the base image; fails the test when that fails. */
void real_box(struct boxcore *core, const char *id, enum box_network network);

/* Runs `sh -c script` as root or boxuser and returns its exit code; what it wrote to stdout
 * goes to out (may be NULL), NUL-terminated and cut.  Fails the test when it cannot run. */
int real_sh(struct boxcore *core, const char *box, bool root, const char *script,
	char *out, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A Docker Engine of paper: a unix socket that gives the answers that a test wrote down.
 *
 * The script is a list of exchanges in any order of kinds; each request takes the first
 * unused line whose method and target match (a target that ends with * matches as a
 * prefix).  /version is answered without a line.  What no line fits is answered 418 and
 * counted as a surprise.
 */
#ifndef TESTS_LIB_FAKE_ENGINE_H
#define TESTS_LIB_FAKE_ENGINE_H

#include <stddef.h>

struct fake_line {
	const char *method;
	const char *target; /* with the version: "/v1.41/containers/x/start" */
	int status;         /* 0: hang; -1: close; 101: upgrade, then say and echo */
	const char *body;
};

struct fake_engine;
struct fake_engine *fake_engine_start(
	const char *path, const char *version_answer, const struct fake_line *script);
void fake_engine_stop(struct fake_engine *fake);
int fake_engine_surprises(struct fake_engine *fake);
int fake_engine_unused(struct fake_engine *fake); /* lines that nobody asked for */
/* Method, target and body of the latest request but /version; borrowed. */
const char *fake_engine_last(struct fake_engine *fake);

#endif

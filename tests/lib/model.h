/* SPDX-License-Identifier: MIT */
/*
 * A scripted model (tests/model/main.mjs) as a process of its own.  Tests run in the
 * repository's root.
 */
#ifndef TESTS_LIB_MODEL_H
#define TESTS_LIB_MODEL_H

struct model;

/* provider: "anthropic" or "openai"; script: JSON, see tests/model/server.mjs.  Fails the test
 * when it does not start. */
struct model *model_start(const char *provider, const char *key, const char *script);
const char *model_url(const struct model *model);
void model_stop(struct model *model);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A job's settings as they stand in its row: canonical JSON, and what is read from it.
 *
 * Pure and thread-safe.
 */
#ifndef SERVICE_JOBS_SPEC_H
#define SERVICE_JOBS_SPEC_H

#include "boxcore/base/crypto.h"
#include "boxcore/base/json.h"
#include "service/config/schedule_config.h"

/* Strings are borrowed from the JSON and never NULL but for those marked (null). */
struct spec {
	json_t *json;
	const char *name, *when;
	const char *prompt;          /* (null) */
	const char *use;             /* (null) */
	const json_t *run;           /* (null) list of texts */
	const json_t *options;       /* (null) object of texts */
	const json_t *labels;        /* (null) list of texts */
	const char *title;           /* "" */
	const char *harness, *model; /* "" */
	int64_t minutes;             /* 0 */
	double cost_usd;             /* 0 */
	bool enabled;                /* false: it is kept, and never due */
};
void spec_release(struct spec *spec);
DEFINE_CLEANUP(spec, struct spec, spec_release(value))

/* The text, and its hash: another one means that the job is another. */
char *spec_text(const struct config_schedule *job, char ret_hash[SHA256_HEX_SIZE]);

/* What spec_text() made; ERR_INTERNAL for anything else. */
int spec_read(struct spec *ret, const char *text, struct err *err);

/* An option of the ready job; NULL when it was not given. */
const char *spec_option(const struct spec *spec, const char *name);

/* Whether an agent works, which costs money; else commands alone. */
bool spec_has_agent(const struct spec *spec);

/* The title of its pull request: what was said, or one made of the name; free(). */
char *spec_title(const struct spec *spec);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Scheduled maintenance jobs as they are written: `schedules:` of .github/boxwright.yml and
 * `jobs:` of the service's own configuration.
 *
 *	schedules:
 *	  - name: tidy                   # [a-z0-9-], at most 40, once in the list
 *	    when: weekly on monday around 6:00   # or five fields of cron
 *	    timezone: Europe/Berlin      # IANA; else UTC
 *	    scatter: false               # true: cron's minute is chosen by hash
 *	    run: [npm ci, npm run tidy]  # commands, no model; or
 *	    prompt: Remove dead code.    # an agent's work; or
 *	    use: dependencies            # a ready job, with its options
 *	    with: {ecosystem: npm}
 *	    title: Tidy the code         # of the pull request; else made of the name
 *	    labels: [chore]
 *	    enabled: true
 *	    harness: claude-code         # of a prompt, over `agent` and `limits`
 *	    model: haiku
 *	    minutes: 20
 *	    cost_usd: 1.5
 *
 * The operator's have `repository: owner/name` (or `owner/` and an asterisk: all of that owner) besides.
 *
 * Lists are those of settings.h: the bytes are hostile, errors are ERR_INPUT with line and
 * column.  Pure and thread-safe.
 */
#ifndef SERVICE_CONFIG_SCHEDULE_CONFIG_H
#define SERVICE_CONFIG_SCHEDULE_CONFIG_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULES_MAX 50 /* of a repository; STORE_JOBS_MAX says the same */
#define SCHEDULE_NAME_MAX 40
#define SCHEDULE_OPTIONS_MAX 8
#define SCHEDULE_COMMANDS_MAX 50

struct schedule_option {
	char *name, *value;
};

/* Strings are never NULL but for those marked (null). */
struct config_schedule {
	char *repository; /* (null) "owner/name", "owner/\*": the operator's alone */
	char *name;
	char *when;
	char *timezone;
	bool scatter;
	bool enabled;
	/* One of the three */
	char *prompt; /* (null) */
	char *use;    /* (null) a ready job */
	char **run;   /* commands; `nrun` 0: none */
	size_t nrun;
	struct schedule_option *options; /* of the ready job */
	size_t noptions;
	char *title; /* (null) */
	char **labels;
	size_t nlabels;
	char *harness;   /* (null): the repository's */
	char *model;     /* (null): likewise */
	int64_t minutes; /* 0: likewise */
	double cost_usd; /* 0: likewise */
};

struct config_schedules {
	struct config_schedule *items;
	size_t count;
};
void config_schedules_release(struct config_schedules *list);

/* The ready jobs and their options, for documentation and errors; NULL name ends it. */
struct schedule_ready {
	const char *name;
	const char *options; /* with a space between; a `!` behind one that is needed */
	bool prompt;         /* an agent's work; else commands alone */
	const char *sentence;
};
extern const struct schedule_ready schedule_ready[];

/* Reads a list out of the YAML; `operators`: repository is needed, else it is refused.  The
 * error begins with its line and column (settings.h puts the file's name and key before). */
struct yaml_node;
int schedules_read(struct config_schedules *ret, const struct yaml_node *node, size_t max,
	bool operators, struct err *err);

#endif

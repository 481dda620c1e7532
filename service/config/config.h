/* SPDX-License-Identifier: MIT */
/*
 * The configuration of the service: one YAML file, overridden by the environment.
 *
 * Every setting is a line of config.def, from which the structure below, the parser,
 * `--help`, the dump at start and the README's table are made.  The member of a setting is
 * its field there: config.github_api_url is `api_url` below `github` in the file and
 * BOXWRIGHT_GITHUB_API_URL in the environment.
 *
 * An unknown key, a value of the wrong type and one out of its range are ERR_INPUT, naming
 * the key, the limit, and the line and column.  Secrets are never in the file: a key that
 * ends in _file names a file that holds one, or the environment holds it.
 *
 * The structure owns what is in it.  It is filled once at start and only read afterwards,
 * by any thread.
 */
#ifndef SERVICE_CONFIG_CONFIG_H
#define SERVICE_CONFIG_CONFIG_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/strbuf.h"
#include "service/config/schedule_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list of texts; `items` ends with NULL, so that it may serve as an argv.  NULL when
 * the list is empty. */
struct config_list {
	char **items;
	size_t count;
};

struct config_secrets {
	struct secret *items;
	size_t count;
};

/* Dollars for a million tokens. */
struct config_price {
	char *model; /* the beginning of a model's name */
	double input, output;
	double cache_read, cache_write; /* when left out: a tenth, and 1.25 times input */
};
struct config_prices {
	struct config_price *items;
	size_t count;
};

typedef char *config_type_TEXT;   /* never NULL */
typedef char *config_type_CHOICE; /* never NULL */
typedef int64_t config_type_INT;
typedef double config_type_REAL;
typedef bool config_type_BOOL;
typedef struct config_list config_type_LIST;
typedef struct config_list config_type_ARGV;
typedef struct secret config_type_SECRET;
typedef struct config_secrets config_type_SECRETS;
typedef struct config_prices config_type_PRICES;
typedef struct config_schedules config_type_SCHEDULES;

struct config {
#define PARAM(field, path, type, def, min, max, flags, sentence) config_type_##type field;
#include "service/config/config.def"
#undef PARAM
};

void config_release(struct config *config); /* zeroed is fine */
DEFINE_CLEANUP(config, struct config, config_release(value))

/* The defaults alone. */
void config_defaults(struct config *ret);

/* The file that config_load(path) reads: path, else $BOXWRIGHT_CONFIG, else ./boxwright.yml or
 * /etc/boxwright/boxwright.yml when there is one, else NULL.  Borrowed. */
const char *config_path(const char *path);

/* Reads that file, then the environment, then the files of secrets, and checks what belongs
 * together with config_check().  Variables that held secrets are wiped and removed from the
 * environment, also when this fails; before threads start.  A variable BOXWRIGHT_* that is no setting is an error too, but
 * for BOXWRIGHT_CONFIG and those that begin with BOXWRIGHT_TEST_ or BOXWRIGHT_DEMO_. */
int config_load(struct config *ret, const char *path, struct err *err);

/* For tests: the text of a file alone over the defaults: no environment, files of secrets are not
 * read, nothing is checked across keys.  `name` stands in errors. */
int config_parse(struct config *ret, const char *name, const char *text, size_t len,
	struct err *err);

/* What `boxwright config check` and config_load() find: what is needed but missing, and
 * settings that do not fit together. */
int config_check(const struct config *config, struct err *err);

/* Appends a line a setting: YAML path, value, where secrets are "(set)" or "(not set)". */
void config_dump(const struct config *config, struct strbuf *out);

/* Appends the text for --help: YAML path, variable, default, sentence. */
void config_help(struct strbuf *out);

/* Appends the table for the README (Markdown); for tests, which hold the page against it. */
void config_table(struct strbuf *out);

#endif

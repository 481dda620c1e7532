/* SPDX-License-Identifier: MIT */
/*
 * Filling a structure from YAML and text by a table: the machinery below config.h and
 * repo_config.h.  Only for the files of this folder.
 *
 * A table is made from a .def file of PARAM lines (see config.def).  `base` is the
 * structure that the offsets belong to.  Every error names the key and what was expected.
 */
#ifndef SERVICE_CONFIG_SETTINGS_H
#define SERVICE_CONFIG_SETTINGS_H

#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"
#include "service/config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
	SETTING_TEXT,
	SETTING_CHOICE,
	SETTING_INT,
	SETTING_REAL,
	SETTING_BOOL,
	SETTING_LIST,
	SETTING_ARGV,
	SETTING_SECRET,
	SETTING_SECRETS,
	SETTING_PRICES,
	SETTING_SCHEDULES,
};

/* Flags of a setting. */
#define CONFIG_NEEDED 0x01   /* config_check() wants it set */
#define CONFIG_URL 0x02      /* http:// or https://, no name or password in it */
#define CONFIG_REF 0x04      /* may begin the name of a git branch */
#define CONFIG_IMAGE 0x08    /* name of an image */
#define CONFIG_OPERATOR 0x20 /* schedules: the operator's, each with its repository */
#define CONFIG_LINES 0x10    /* items may have several lines and 8 KiB: shell commands */
#define CONFIG_ID 0x40       /* items are numbers of users */

#define SETTING_ITEM_MAX 1024 /* bytes of an item of a list */
#define SETTING_LINES_MAX 8192

struct setting {
	const char *field;
	const char *path; /* "github.api_url" */
	enum setting_type type;
	size_t offset;
	const char *text; /* default of TEXT; words of CHOICE, or of a LIST's items */
	double number;    /* default of INT, REAL, BOOL */
	double min, max;
	unsigned flags;
	const char *sentence;
};

/* PARAM for the rows of a table over `struct STRUCT`; the default of each type goes into
 * the member that fits it. */
#define SETTING_DEFAULT_TEXT(def) .text = def
#define SETTING_DEFAULT_CHOICE(def) .text = def
#define SETTING_DEFAULT_INT(def) .number = (double)(def)
#define SETTING_DEFAULT_REAL(def) .number = (double)(def)
#define SETTING_DEFAULT_BOOL(def) .number = (def) ? 1 : 0
#define SETTING_DEFAULT_LIST(def) .text = def
#define SETTING_DEFAULT_ARGV(def) .text = def
#define SETTING_DEFAULT_SECRET(def) .text = def
#define SETTING_DEFAULT_SECRETS(def) .text = def
#define SETTING_DEFAULT_PRICES(def) .text = def
#define SETTING_DEFAULT_SCHEDULES(def) .text = def
#define SETTING_ROW(STRUCT, fld, pth, typ, def, lo, hi, flg, sent)                       \
	{.field = #fld,                                                                  \
		.path = pth,                                                             \
		.type = SETTING_##typ,                                                   \
		.offset = offsetof(struct STRUCT, fld),                                  \
		SETTING_DEFAULT_##typ(def),                                              \
		.min = (double)(lo),                                                     \
		.max = (double)(hi),                                                     \
		.flags = (flg),                                                          \
		.sentence = sent},

struct settings {
	const struct setting *rows;
	size_t count;
	/* Called for a file of secrets that the YAML names; NULL: they are refused. */
	int (*on_file)(void *arg, const struct setting *setting, const char *path,
		struct err *err);
	void *arg;
};

/* What the YAML said: the line and column of each row's key, or 0. */
struct setting_place {
	int line, column;
};

void settings_default(const struct setting *setting, void *base);
void settings_release(const struct setting *rows, size_t count, void *base);

/* Reads the document into base.  `places` (count elements, zeroed; may be NULL) tells
 * what it had. */
int settings_read(const struct settings *settings, void *base, const char *name,
	const char *text, size_t len, struct setting_place *places, struct err *err);

/* One value as text: from the environment.  The error says what was expected, not whose
 * value it was. */
int settings_set(
	const struct setting *setting, void *base, const char *text, struct err *err);

/* One secret a line (or between commas); blank ones are passed over. */
int settings_set_secrets(const struct setting *setting, void *base, const char *text,
	size_t len, struct err *err);

/* "a whole number from 1 to 64", "one of: a, b": for errors and documentation. */
void settings_expected(const struct setting *setting, struct strbuf *out);
/* The first word of a CHOICE, or the whole default as text. */
void settings_default_text(const struct setting *setting, struct strbuf *out);
/* The present value as text; secrets are "(set)" or "(not set)". */
void settings_value(const struct setting *setting, const void *base, struct strbuf *out);

/* Checks the item and adds it to a list of the setting's kind. */
int settings_add_item(const struct setting *setting, struct config_list *list,
	const char *item, size_t len, struct err *err);

void settings_list_add(struct config_list *list, const char *item, size_t len);
void settings_list_copy(struct config_list *dst, const struct config_list *src);
void settings_list_release(struct config_list *list);

#endif

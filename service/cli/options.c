/* SPDX-License-Identifier: MIT */
/* Reading options; see options.h. */
#include "service/cli/options.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"
#include "service/cli/cli.h"

#include <string.h>

static const struct option_def *find(
	const struct option_def *defs, const char *name, size_t n)
{
	for (; defs->name; defs++)
		if (strlen(defs->name) == n && memcmp(defs->name, name, n) == 0)
			return defs;
	return NULL;
}

static int take_value(const struct option_def *def, const char *value)
{
	struct option_list *list = def->to;

	if (def->kind == OPTION_TEXT) {
		*(const char **)def->to = value;
		return 0;
	}
	if (list->count == ARRAY_LEN(list->items))
		return cli_usage(
			"--%s stands more than %d times", def->name, OPTION_VALUES_MAX);
	list->items[list->count++] = value;
	return 0;
}

/* One option at argv[*at], which moves behind its value. */
static int read_one(int argc, char **argv, const struct option_def *defs, int *at)
{
	const char *name = argv[*at] + 2;
	size_t n = strcspn(name, "=");
	const struct option_def *def = find(defs, name, n);

	if (!def)
		return cli_usage("unknown option \"%s\"", argv[*at]);
	*at += 1;
	if (def->kind == OPTION_FLAG) {
		*(bool *)def->to = true;
		return name[n] ? cli_usage("--%s takes no value", def->name) : 0;
	}
	if (name[n])
		return take_value(def, name + n + 1);
	if (*at == argc)
		return cli_usage("--%s needs a value", def->name);
	*at += 1;
	return take_value(def, argv[*at - 1]);
}

int options_read(int argc, char **argv, const struct option_def *defs, int stop_after,
	struct words *ret_words)
{
	bool words_only = false;

	ret_words->count = 0;
	for (int at = 0; at < argc;) {
		if (!words_only && str_eq(argv[at], "--")) {
			words_only = true;
			at++;
			continue;
		}
		if (!words_only && str_starts(argv[at], "--")) {
			int rc = read_one(argc, argv, defs, &at);
			if (rc != 0)
				return rc;
			continue;
		}
		if (ret_words->count == (int)ARRAY_LEN(ret_words->items))
			return cli_usage(
				"more than %zu words", ARRAY_LEN(ret_words->items));
		ret_words->items[ret_words->count++] = argv[at++];
		if (stop_after >= 0 && ret_words->count > stop_after)
			words_only = true;
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The settings for people: --help, the dump at start, the README's table. */
#include "service/config/config-internal.h"

#include <string.h>

void config_dump(const struct config *config, struct strbuf *out)
{
	for (size_t i = 0; i < config_settings_count; i++) {
		strbuf_addf(out, "%s: ", config_settings[i].path);
		settings_value(&config_settings[i], config, out);
		strbuf_addc(out, '\n');
	}
}

static bool has_default(const struct setting *setting)
{
	size_t before;
	struct strbuf text = STRBUF_INIT(1024);

	settings_default_text(setting, &text);
	before = text.len;
	strbuf_release(&text);
	return before > 0 && !(setting->flags & CONFIG_NEEDED);
}

/* "BOXWRIGHT_X", or with _FILE for secrets, or "" for what only the file can hold. */
static void add_variable(const struct setting *setting, struct strbuf *out)
{
	char name[CONFIG_VARIABLE_SIZE];

	if (setting->type == SETTING_PRICES || setting->type == SETTING_SCHEDULES)
		return;
	config_variable(setting, name);
	strbuf_adds(out, name);
}

void config_help(struct strbuf *out)
{
	for (size_t i = 0; i < config_settings_count; i++) {
		const struct setting *setting = &config_settings[i];

		strbuf_addf(out, "  %s", setting->path);
		if (setting->type != SETTING_PRICES &&
			setting->type != SETTING_SCHEDULES) {
			strbuf_adds(out, "  ");
			add_variable(setting, out);
		}
		strbuf_adds(out, "\n      ");
		strbuf_adds(out, setting->sentence);
		strbuf_adds(out, "\n      ");
		settings_expected(setting, out);
		if (setting->flags & CONFIG_NEEDED) {
			strbuf_adds(out, "; needed");
		} else if (has_default(setting)) {
			strbuf_adds(out, "; default ");
			settings_default_text(setting, out);
		}
		strbuf_adds(out, "\n");
	}
}

/* A bar would end the cell. */
static void add_cell(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *text);
	}
}

void config_table(struct strbuf *out)
{
	strbuf_adds(out, "| In the file | In the environment | Default | What it is |\n"
			 "|---|---|---|---|\n");
	for (size_t i = 0; i < config_settings_count; i++) {
		const struct setting *setting = &config_settings[i];

		strbuf_addf(out, "| `%s` | ", setting->path);
		if (setting->type != SETTING_PRICES &&
			setting->type != SETTING_SCHEDULES) {
			strbuf_addc(out, '`');
			add_variable(setting, out);
			strbuf_addc(out, '`');
		}
		strbuf_adds(out, " | ");
		if (setting->flags & CONFIG_NEEDED) {
			strbuf_adds(out, "needed");
		} else if (has_default(setting)) {
			strbuf_addc(out, '`');
			settings_default_text(setting, out);
			strbuf_addc(out, '`');
		}
		strbuf_adds(out, " | ");
		add_cell(out, setting->sentence);
		strbuf_adds(out, " |\n");
	}
}

/* SPDX-License-Identifier: MIT */
/* Settings in words: what is expected, the default, the present value. */
#include "service/config/settings.h"

#include <string.h>

/* "4" and "0.1", not "4.000000". */
static void add_number(struct strbuf *out, double number)
{
	if (number >= -1e15 && number <= 1e15 && (double)(int64_t)number == number)
		strbuf_addf(out, "%lld", (long long)number);
	else
		strbuf_addf(out, "%g", number);
}

static void add_range(const struct setting *setting, struct strbuf *out)
{
	add_number(out, setting->min);
	strbuf_adds(out, " to ");
	add_number(out, setting->max);
}

static void expected_text(const struct setting *setting, struct strbuf *out)
{
	if (setting->flags & CONFIG_URL)
		strbuf_adds(out, "an http:// or https:// address without user or query "
				 "of ");
	else if (setting->flags & CONFIG_REF)
		strbuf_adds(out, "the beginning of a branch name (letters, digits, "
				 "- _ . /) of ");
	else if (setting->flags & CONFIG_IMAGE)
		strbuf_adds(out, "the name of an image of ");
	else
		strbuf_adds(out, "a text without control characters of ");
	add_range(setting, out);
	strbuf_adds(out, " bytes");
}

static void expected_choice(const struct setting *setting, struct strbuf *out)
{
	const char *words = setting->text;

	strbuf_adds(out, "one of: ");
	for (;;) {
		size_t len = strcspn(words, "|");

		strbuf_add(out, words, len);
		if (!words[len])
			return;
		if (len)
			strbuf_adds(out, ", ");
		words += len + 1;
	}
}

void settings_expected(const struct setting *setting, struct strbuf *out)
{
	switch (setting->type) {
	case SETTING_TEXT: expected_text(setting, out); break;
	case SETTING_CHOICE: expected_choice(setting, out); break;
	case SETTING_INT:
		strbuf_adds(out, "a whole number from ");
		add_range(setting, out);
		break;
	case SETTING_REAL:
		strbuf_adds(out, "a number from ");
		add_range(setting, out);
		break;
	case SETTING_BOOL: strbuf_adds(out, "true or false"); break;
	case SETTING_LIST:
	case SETTING_ARGV:
		strbuf_addf(out, "a list of at most %d texts", (int)setting->max);
		break;
	case SETTING_SECRET: strbuf_adds(out, "the path of a file"); break;
	case SETTING_SECRETS:
		strbuf_addf(out, "the path of a file with at most %d lines",
			(int)setting->max);
		break;
	case SETTING_PRICES:
		strbuf_addf(out,
			"a list of at most %d prices {model, input, output, cache_read, "
			"cache_write}",
			(int)setting->max);
		break;
	case SETTING_SCHEDULES:
		strbuf_addf(out,
			"a list of at most %d jobs {name, when, one of run, prompt and "
			"use}",
			(int)setting->max);
		break;
	}
}

void settings_default_text(const struct setting *setting, struct strbuf *out)
{
	switch (setting->type) {
	case SETTING_TEXT: strbuf_adds(out, setting->text); break;
	case SETTING_CHOICE:
		strbuf_add(out, setting->text, strcspn(setting->text, "|"));
		break;
	case SETTING_INT:
	case SETTING_REAL: add_number(out, setting->number); break;
	case SETTING_BOOL:
		strbuf_adds(out, setting->number > 0 ? "true" : "false");
		break;
	case SETTING_LIST:
	case SETTING_ARGV:
	case SETTING_SECRET:
	case SETTING_SECRETS:
	case SETTING_PRICES:
	case SETTING_SCHEDULES: break;
	}
}

static void list_value(const struct config_list *list, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		if (i)
			strbuf_adds(out, ", ");
		strbuf_adds(out, list->items[i]);
	}
	strbuf_addc(out, ']');
}

static void prices_value(const struct config_prices *prices, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t i = 0; i < prices->count; i++)
		strbuf_addf(out, "%s%s %g/%g", i ? ", " : "", prices->items[i].model,
			prices->items[i].input, prices->items[i].output);
	strbuf_addc(out, ']');
}

static void schedules_value(const struct config_schedules *list, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", list->items[i].name);
	strbuf_addc(out, ']');
}

void settings_value(const struct setting *setting, const void *base, struct strbuf *out)
{
	const void *at = (const char *)base + setting->offset;

	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_CHOICE: strbuf_adds(out, *(char *const *)at); break;
	case SETTING_INT:
		strbuf_addf(out, "%lld", (long long)*(const int64_t *)at);
		break;
	case SETTING_REAL: add_number(out, *(const double *)at); break;
	case SETTING_BOOL: strbuf_adds(out, *(const bool *)at ? "true" : "false"); break;
	case SETTING_LIST:
	case SETTING_ARGV: list_value(at, out); break;
	case SETTING_SECRET:
		strbuf_adds(out, secret_is_set(at) ? "(set)" : "(not set)");
		break;
	case SETTING_SECRETS:
		if (((const struct config_secrets *)at)->count)
			strbuf_addf(out, "(%zu set)",
				((const struct config_secrets *)at)->count);
		else
			strbuf_adds(out, "(not set)");
		break;
	case SETTING_PRICES: prices_value(at, out); break;
	case SETTING_SCHEDULES: schedules_value(at, out); break;
	}
}

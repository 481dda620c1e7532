/* SPDX-License-Identifier: MIT */
/* One value: checked, set, shown, released; by its type. */
#include "service/config/settings.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <ctype.h>
#include <string.h>

static void *member(const struct setting *setting, void *base)
{
	return (char *)base + setting->offset;
}

/* ---- lists ---------------------------------------------------------------------------- */

void settings_list_add(struct config_list *list, const char *item, size_t len)
{
	list->items = mem_grow(list->items, list->count + 2, sizeof *list->items);
	list->items[list->count++] = mem_strndup(item, len);
	list->items[list->count] = NULL;
}

void settings_list_release(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){0};
}

void settings_list_copy(struct config_list *dst, const struct config_list *src)
{
	settings_list_release(dst);
	for (size_t i = 0; i < src->count; i++)
		settings_list_add(dst, src->items[i], strlen(src->items[i]));
}

static void release_secrets(struct config_secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++)
		secret_release(&secrets->items[i]);
	free(secrets->items);
	*secrets = (struct config_secrets){0};
}

static void release_prices(struct config_prices *prices)
{
	for (size_t i = 0; i < prices->count; i++)
		free(prices->items[i].model);
	free(prices->items);
	*prices = (struct config_prices){0};
}

static void release_one(const struct setting *setting, void *at)
{
	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_CHOICE:
		free(*(char **)at);
		*(char **)at = NULL;
		break;
	case SETTING_INT:
	case SETTING_REAL:
	case SETTING_BOOL: break;
	case SETTING_LIST:
	case SETTING_ARGV: settings_list_release(at); break;
	case SETTING_SECRET: secret_release(at); break;
	case SETTING_SECRETS: release_secrets(at); break;
	case SETTING_PRICES: release_prices(at); break;
	case SETTING_SCHEDULES: config_schedules_release(at); break;
	}
}

void settings_release(const struct setting *rows, size_t count, void *base)
{
	for (size_t i = 0; i < count; i++)
		release_one(&rows[i], member(&rows[i], base));
}

/* ---- what is right -------------------------------------------------------------------- */

static bool is_url(const char *text)
{
	const char *host = text;

	if (str_starts(text, "https://"))
		host += 8;
	else if (str_starts(text, "http://"))
		host += 7;
	else
		return false;
	if (!isalnum((unsigned char)*host) && *host != '[')
		return false;
	for (const char *c = host; *c; c++)
		if (*c <= ' ' || *c == 0x7f || strchr("\"<>\\^`{|}@?#", *c))
			return false;
	return true;
}

static bool is_ref(const char *text)
{
	if (*text == '/' || *text == '-' || *text == '.' || strstr(text, "..") ||
		strstr(text, "//") || strstr(text, "/.") || strstr(text, ".lock/"))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_./", *text))
			return false;
	return true;
}

static bool is_image(const char *text)
{
	if (!isalnum((unsigned char)*text))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_./:@", *text))
			return false;
	return true;
}

static bool is_clean(const char *text, size_t len, bool lines)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == 0x7f || (c < ' ' && !(lines && (c == '\n' || c == '\t'))))
			return false;
	}
	return str_is_utf8(text, len);
}

static bool is_choice(const char *words, const char *text)
{
	size_t len = strlen(text);

	for (;;) {
		size_t word = strcspn(words, "|");

		if (word == len && !memcmp(words, text, len))
			return true;
		if (!words[word])
			return false;
		words += word + 1;
	}
}

static int wrong(const struct setting *setting, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_LOG_LINE);

	settings_expected(setting, &text);
	return err_set(err, ERR_INPUT, "must be %s", strbuf_str(&text));
}

/* ---- setting -------------------------------------------------------------------------- */

static int set_text(
	const struct setting *setting, char **at, const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len < (size_t)setting->min || len > (size_t)setting->max ||
		!is_clean(text, len, false) ||
		(len && (setting->flags & CONFIG_URL) && !is_url(text)) ||
		(len && (setting->flags & CONFIG_REF) && !is_ref(text)) ||
		(len && (setting->flags & CONFIG_IMAGE) && !is_image(text)))
		return wrong(setting, err);
	while ((setting->flags & CONFIG_URL) && len && text[len - 1] == '/')
		len--;
	free(*at);
	*at = mem_strndup(text, len);
	return 0;
}

static int set_number(
	const struct setting *setting, void *at, const char *text, struct err *err)
{
	int64_t whole;
	double real;

	if (setting->type == SETTING_INT) {
		if (!str_to_i64(
			    text, (int64_t)setting->min, (int64_t)setting->max, &whole))
			return wrong(setting, err);
		*(int64_t *)at = whole;
		return 0;
	}
	if (!str_to_double(text, setting->min, setting->max, &real))
		return wrong(setting, err);
	*(double *)at = real;
	return 0;
}

static int set_bool(
	const struct setting *setting, bool *at, const char *text, struct err *err)
{
	if (!str_eq(text, "true") && !str_eq(text, "false"))
		return wrong(setting, err);
	*at = str_eq(text, "true");
	return 0;
}

/* Of a table's words, or a user's number, where the list is one of those. */
static bool is_item(const struct setting *setting, const char *item, size_t len)
{
	CLEANUP(mem) char *text = mem_strndup(item, len);
	int64_t id;

	if (setting->flags & CONFIG_ID)
		return str_to_i64(text, 1, INT64_MAX, &id);
	return str_empty(setting->text) || (len > 0 && is_choice(setting->text, text));
}

static int wrong_item(const struct setting *setting, struct err *err)
{
	if (setting->flags & CONFIG_ID)
		return err_set(err, ERR_INPUT, "an item must be the number of a user");
	return err_set(err, ERR_INPUT, "an item must be one of: %s", setting->text);
}

int settings_add_item(const struct setting *setting, struct config_list *list,
	const char *item, size_t len, struct err *err)
{
	bool lines = setting->flags & CONFIG_LINES;
	size_t max = lines ? SETTING_LINES_MAX : SETTING_ITEM_MAX;

	if (list->count == (size_t)setting->max)
		return wrong(setting, err);
	if (!is_item(setting, item, len))
		return wrong_item(setting, err);
	if (!len || len > max || !is_clean(item, len, lines))
		return err_set(err, ERR_INPUT,
			"an item must be a text of 1 to %zu bytes without %s", max,
			lines ? "control characters but line ends and tabs"
			      : "control characters");
	settings_list_add(list, item, len);
	return 0;
}

static int set_list(const struct setting *setting, struct config_list *list,
	const char *text, struct err *err)
{
	const char *between = setting->type == SETTING_ARGV ? " \t\n" : ",";

	settings_list_release(list);
	while (*text) {
		size_t len = strcspn(text, between);
		const char *item = text;
		size_t trimmed = len;

		while (trimmed && *item == ' ') {
			item++;
			trimmed--;
		}
		while (trimmed && item[trimmed - 1] == ' ')
			trimmed--;
		if (trimmed && settings_add_item(setting, list, item, trimmed, err) < 0)
			return -1;
		text += len;
		if (*text)
			text++;
	}
	return 0;
}

int settings_set_secrets(const struct setting *setting, void *base, const char *text,
	size_t len, struct err *err)
{
	struct config_secrets *secrets = member(setting, base);
	const char *end = text + len;

	release_secrets(secrets);
	while (text < end) {
		size_t n = 0;

		while (text + n < end && !strchr(",\r\n", text[n]) && text[n])
			n++;
		if (n) {
			if (secrets->count == (size_t)setting->max)
				return wrong(setting, err);
			secrets->items = mem_grow(secrets->items, secrets->count + 1,
				sizeof *secrets->items);
			secrets->items[secrets->count] = (struct secret){0};
			secret_set(&secrets->items[secrets->count++], text, n);
		}
		text += n + 1;
	}
	return 0;
}

int settings_set(
	const struct setting *setting, void *base, const char *text, struct err *err)
{
	void *at = member(setting, base);

	switch (setting->type) {
	case SETTING_TEXT: return set_text(setting, at, text, err);
	case SETTING_CHOICE:
		if (!is_choice(setting->text, text))
			return wrong(setting, err);
		free(*(char **)at);
		*(char **)at = mem_strdup(text);
		return 0;
	case SETTING_INT:
	case SETTING_REAL: return set_number(setting, at, text, err);
	case SETTING_BOOL: return set_bool(setting, at, text, err);
	case SETTING_LIST:
	case SETTING_ARGV: return set_list(setting, at, text, err);
	case SETTING_SECRET:
		secret_release(at);
		if (*text)
			secret_set(at, text, strlen(text));
		return 0;
	case SETTING_SECRETS:
		return settings_set_secrets(setting, base, text, strlen(text), err);
	case SETTING_PRICES:
	case SETTING_SCHEDULES:
		return err_set(err, ERR_INPUT, "can be set in the file only");
	}
	return err_set(err, ERR_INTERNAL, "setting of an unknown type");
}

void settings_default(const struct setting *setting, void *base)
{
	void *at = member(setting, base);

	switch (setting->type) {
	case SETTING_TEXT: *(char **)at = mem_strdup(setting->text); break;
	case SETTING_CHOICE:
		*(char **)at = mem_strndup(setting->text, strcspn(setting->text, "|"));
		break;
	case SETTING_INT: *(int64_t *)at = (int64_t)setting->number; break;
	case SETTING_REAL: *(double *)at = setting->number; break;
	case SETTING_BOOL: *(bool *)at = setting->number > 0; break;
	case SETTING_LIST:
	case SETTING_ARGV:
	case SETTING_SECRET:
	case SETTING_SECRETS:
	case SETTING_PRICES:
	case SETTING_SCHEDULES: break; /* zeroed: empty */
	}
}

/* SPDX-License-Identifier: MIT */
/* The headers of a delivery; see delivery.h. */
#include "webhooks/delivery.h"

#include "boxcore/base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ID_MIN 8

/* ASCII whatever the locale. */
static bool is_id_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F') || c == '-';
}

static bool is_event_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool all(const char *s, bool (*test)(char))
{
	while (*s && test(*s))
		s++;
	return *s == '\0';
}

static const char *skip_blank(const char *s)
{
	return s + strspn(s, " \t");
}

/* What follows the media type: nothing, or one charset=utf-8. */
static bool is_utf8_charset(const char *s)
{
	static const char *const forms[] = {"charset=utf-8", "charset=\"utf-8\""};

	s = skip_blank(s);
	if (*s == '\0')
		return true;
	if (*s != ';')
		return false;
	s = skip_blank(s + 1);
	if (*s == '\0')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		size_t n = strlen(forms[i]);
		if (strncasecmp(s, forms[i], n) == 0 && *skip_blank(s + n) == '\0')
			return true;
	}
	return false;
}

static bool has_type(const char *content_type, const char *type, const char **ret_rest)
{
	size_t n = strlen(type);

	if (strncasecmp(content_type, type, n) != 0 ||
		!strchr("; \t", content_type[n])) /* also at the end */
		return false;
	*ret_rest = content_type + n;
	return true;
}

enum delivery_content delivery_content(const char *content_type)
{
	const char *rest = "";

	if (!content_type)
		return DELIVERY_OTHER;
	if (has_type(content_type, "application/json", &rest))
		return is_utf8_charset(rest) ? DELIVERY_JSON : DELIVERY_OTHER;
	if (has_type(content_type, "application/x-www-form-urlencoded", &rest))
		return DELIVERY_FORM;
	return DELIVERY_OTHER;
}

static int parse_target(
	const struct delivery_headers *headers, int64_t *ret, struct err *err)
{
	int64_t id = 0;

	if (!headers->target_id)
		return 0;
	if (!str_to_i64(headers->target_id, 1, INT64_MAX, &id))
		return err_set(err, ERR_INPUT,
			"X-GitHub-Hook-Installation-Target-ID must be a positive "
			"number");
	if (str_eq(headers->target_type, "integration"))
		*ret = id;
	return 0;
}

int delivery_parse(
	const struct delivery_headers *headers, struct delivery *ret, struct err *err)
{
	struct delivery out = {0};

	if (str_empty(headers->id))
		return err_set(err, ERR_INPUT, "The header X-GitHub-Delivery is missing");
	if (strlen(headers->id) < ID_MIN ||
		!str_copy(out.id, sizeof(out.id), headers->id) ||
		!all(headers->id, is_id_char))
		return err_set(err, ERR_INPUT,
			"X-GitHub-Delivery must be %d to %d hex digits and hyphens",
			ID_MIN, LIMIT_DELIVERY_ID);
	if (str_empty(headers->event))
		return err_set(err, ERR_INPUT, "The header X-GitHub-Event is missing");
	if (!str_copy(out.event, sizeof(out.event), headers->event) ||
		!all(headers->event, is_event_char))
		return err_set(err, ERR_INPUT,
			"X-GitHub-Event must be at most %d lower-case letters, digits "
			"and underscores",
			LIMIT_EVENT_NAME);
	if (parse_target(headers, &out.target_id, err))
		return -1;
	*ret = out;
	return 0;
}

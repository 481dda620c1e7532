/* SPDX-License-Identifier: MIT */
/* Takes a request target apart, once and strictly; see target.h. */
#include "service/http/target.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdbool.h>
#include <string.h>

/* What may stand in a path or query of RFC 3986, and the brackets and bars that browsers
 * leave as they are. */
static bool is_uri_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("-._~!$&'()*+,;=:@%/?[]|", c);
}

static int check_chars(const char *raw, size_t len, struct err *err)
{
	if (len > LIMIT_HTTP_TARGET)
		return err_set(err, ERR_LIMIT,
			"The request target is longer than %lu bytes", LIMIT_HTTP_TARGET);
	if (len == 0 || raw[0] != '/')
		return err_set(err, ERR_INPUT, "The request target must begin with /");
	for (size_t i = 0; i < len; i++)
		if (!is_uri_char(raw[i]))
			return err_set(err, ERR_INPUT,
				"The request target has a byte that may not stand there: "
				"0x%02x",
				(unsigned)(unsigned char)raw[i]);
	return 0;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static int decode(char *s, bool plus, struct err *err)
{
	if (!str_url_decode(s, plus))
		return err_set(err, ERR_INPUT, "The request target has a bad %% escape");
	if (!str_is_utf8(s, strlen(s)))
		return err_set(err, ERR_INPUT, "The request target is not UTF-8");
	return 0;
}

static int decode_segment(char *s, struct err *err)
{
	if (*s == '\0')
		return err_set(err, ERR_INPUT, "The path has an empty segment");
	if (decode(s, false, err))
		return -1;
	if (has_control(s) || strpbrk(s, "/\\") || str_eq(s, ".") || str_eq(s, ".."))
		return err_set(err, ERR_INPUT, "The path has a segment that is refused");
	return 0;
}

static int split_path(struct target *target, char *path, struct err *err)
{
	char *rest = path + 1;

	if (*rest == '\0')
		return 0;
	while (rest) {
		char *segment = strsep(&rest, "/");
		if (target->segment_count == TARGET_SEGMENTS_MAX)
			return err_set(err, ERR_LIMIT,
				"The path has more than %d segments",
				TARGET_SEGMENTS_MAX);
		if (decode_segment(segment, err))
			return -1;
		target->segments[target->segment_count++] = segment;
	}
	return 0;
}

static int split_query(struct target *target, char *query, struct err *err)
{
	while (query) {
		char *value = strsep(&query, "&");
		if (*value == '\0')
			continue;
		if (target->query_count == TARGET_QUERIES_MAX)
			return err_set(err, ERR_LIMIT, "The query has more than %d parts",
				TARGET_QUERIES_MAX);
		struct target_query *part = &target->queries[target->query_count++];
		part->name = strsep(&value, "=");
		part->value = value ? value : part->name + strlen(part->name);
		if (decode(part->name, true, err) ||
			(value && decode(part->value, true, err)))
			return -1;
	}
	return 0;
}

int target_parse(struct target *ret, const char *raw, size_t len, struct err *err)
{
	CLEANUP(target) struct target target = {0};
	char *query;

	if (check_chars(raw, len, err))
		return -1;
	target.text = mem_strndup(raw, len);
	query = strchr(target.text, '?');
	if (query)
		*query++ = '\0';
	if (split_path(&target, target.text, err) || split_query(&target, query, err))
		return -1;
	*ret = target;
	target.text = NULL;
	return 0;
}

void target_release(struct target *target)
{
	free(target->text);
	memset(target, 0, sizeof(*target));
}

char *target_tail(const struct target *target, size_t from)
{
	CLEANUP(strbuf) struct strbuf tail = STRBUF_INIT(LIMIT_HTTP_TARGET);

	for (size_t i = from; i < target->segment_count; i++)
		strbuf_addf(&tail, "%s%s", i > from ? "/" : "", target->segments[i]);
	return strbuf_take(&tail);
}

const char *target_query(const struct target *target, const char *name)
{
	for (size_t i = 0; i < target->query_count; i++)
		if (str_eq(target->queries[i].name, name))
			return target->queries[i].value;
	return NULL;
}

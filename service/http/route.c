/* SPDX-License-Identifier: MIT */
/* Finds the route of a request; see route.h. */
#include "service/http/route.h"

#include "boxcore/base/str.h"

#include <string.h>

static bool segment_fits(const char *pattern, size_t len, const char *segment)
{
	if (pattern[0] == ':')
		return true;
	return strlen(segment) == len && memcmp(pattern, segment, len) == 0;
}

static bool pattern_fits(
	const char *pattern, const struct target *target, struct route_found *found)
{
	size_t n = 0;

	found->param_count = 0;
	for (const char *at = pattern + 1; *at; n++) {
		size_t len = strcspn(at, "/");
		if (n == target->segment_count ||
			!segment_fits(at, len, target->segments[n]))
			return false;
		if (*at == ':' && found->param_count < ROUTE_PARAMS_MAX)
			found->params[found->param_count++] = target->segments[n];
		at += len;
		if (*at == '/')
			at++;
	}
	return n == target->segment_count;
}

struct route_found route_match(const struct route *routes, const char *method,
	const struct target *target, struct strbuf *allow)
{
	struct route_found found = {0};

	for (const struct route *route = routes; route->method; route++) {
		if (!pattern_fits(route->pattern, target, &found))
			continue;
		if (str_eq(route->method, method)) {
			found.route = route;
			strbuf_reset(allow);
			return found;
		}
		strbuf_addf(allow, "%s%s", allow->len ? ", " : "", route->method);
	}
	found.param_count = 0;
	return found;
}

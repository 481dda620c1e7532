/* SPDX-License-Identifier: MIT */
/* Finds the route of a request; see route.h. */
#include "service/http/route.h"

#include "boxcore/base/str.h"

#include <string.h>

/* A pattern that fits: the higher the rank, the earlier are its fixed parts. */
struct fit {
	struct route_found found;
	unsigned rank;
};

static bool take_segment(
	struct fit *fit, const char *part, size_t len, const char *segment, size_t n)
{
	if (part[0] == ':') {
		if (fit->found.param_count < ROUTE_PARAMS_MAX)
			fit->found.params[fit->found.param_count++] = segment;
		return true;
	}
	fit->rank |= 1u << (TARGET_SEGMENTS_MAX - n);
	return strlen(segment) == len && memcmp(part, segment, len) == 0;
}

static bool pattern_fits(
	const char *pattern, const struct target *target, struct fit *fit)
{
	size_t n = 0;

	memset(fit, 0, sizeof(*fit));
	for (const char *at = pattern + 1; *at; n++) {
		size_t len = strcspn(at, "/");
		if (n == target->segment_count)
			return false;
		if (*at == '*') {
			fit->found.tail = n;
			return true;
		}
		if (!take_segment(fit, at, len, target->segments[n], n))
			return false;
		at += len;
		if (*at == '/')
			at++;
	}
	return n == target->segment_count;
}

struct route_found route_match(const struct route *routes, const char *method,
	const struct target *target, struct strbuf *allow)
{
	struct fit best = {0}, fit;
	bool any = false;

	for (const struct route *route = routes; route->method; route++) {
		if (!pattern_fits(route->pattern, target, &fit))
			continue;
		if (any && fit.rank < best.rank)
			continue;
		if (!any || fit.rank > best.rank) {
			best = fit;
			strbuf_reset(allow);
		}
		any = true;
		if (str_eq(route->method, method)) {
			best = fit;
			best.found.route = route;
		}
		strbuf_addf(allow, "%s%s", allow->len ? ", " : "", route->method);
	}
	if (best.found.route)
		strbuf_reset(allow);
	else
		best.found.param_count = 0;
	return best.found;
}

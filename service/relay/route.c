/* SPDX-License-Identifier: MIT */
/* Which requests of a box the relay offers to pass on, by method, path and query. */
#include "service/relay/impl.h"

#include "boxcore/base/str.h"

#include <string.h>

static const struct relay_route routes[] = {
	{"HEAD", "/", RELAY_ANTHROPIC, ROUTE_LOCAL},
	{"POST", "/messages", RELAY_ANTHROPIC, ROUTE_CALL},
	{"POST", "/messages/count_tokens", RELAY_ANTHROPIC, ROUTE_FREE},
	{"POST", "/responses", RELAY_OPENAI, ROUTE_CALL},
	{"POST", "/chat/completions", RELAY_OPENAI, ROUTE_CALL},
	{"GET", "/models", RELAY_ANTHROPIC, ROUTE_FREE},
	{"GET", "/models", RELAY_OPENAI, ROUTE_FREE},
};

/* /models is the one path that both have. */
static bool provider_fits(const struct relay_route *route,
	const struct relay_lease *lease, const struct call *call)
{
	if (!slice_eq(call->head.path, "/v1/models") &&
		!slice_eq(call->head.path, "/models"))
		return true;
	bool anthropic = relay_head_find(&call->head, "anthropic-version") != NULL;
	if (!lease->allow[!anthropic ? RELAY_OPENAI : RELAY_ANTHROPIC])
		anthropic = !anthropic;
	return (route->provider == RELAY_ANTHROPIC) == anthropic;
}

static int check_call(const struct relay_lease *lease, struct call *call,
	const struct relay_route *route, struct err *err)
{
	const struct relay_head *head = &call->head;

	if (head->query.n && !slice_eq(head->query, "beta=true"))
		return err_set(err, ERR_NOT_FOUND, "the relay passes no query on"), 404;
	if (route->kind != ROUTE_LOCAL && !lease->allow[route->provider])
		return err_set(err, ERR_DENIED, "this task may not use this provider"),
		       403;
	const struct slice *coding = relay_head_find(head, "content-encoding");
	if (coding && !slice_eq_nocase(*coding, "identity"))
		return err_set(err, ERR_INPUT, "a packed request cannot be read"), 415;
	if (head->method.n == 3 && (head->chunked || head->content_length))
		return err_set(err, ERR_INPUT, "a GET has no body"), 400;
	return 0;
}

const struct relay_route *relay_route_find(const struct relay_lease *lease,
	struct call *call, int *ret_status, struct err *err)
{
	struct slice path = call->head.path;
	bool known = false;

	if (path.n > 3 && memcmp(path.p, "/v1/", 4) == 0) {
		path.p += 3;
		path.n -= 3;
	}
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct relay_route *route = &routes[i];
		if (!slice_eq(path, route->path) || !provider_fits(route, lease, call))
			continue;
		known = true;
		call->provider =
			route->kind == ROUTE_LOCAL ? call->provider : route->provider;
		if (!slice_eq(call->head.method, route->method))
			continue;
		*ret_status = check_call(lease, call, route, err);
		return *ret_status ? NULL : route;
	}
	if (call->head.upgrade && known) {
		/* With this Codex falls back to plain requests at once. */
		*ret_status = 426;
		err_set(err, ERR_INPUT,
			"WebSockets are not spoken here; use plain requests");
		return NULL;
	}
	*ret_status = known ? 405 : 404;
	err_set(err, ERR_NOT_FOUND, "the relay does not offer %.*s %.*s",
		(int)(call->head.method.n < 20 ? call->head.method.n : 20),
		call->head.method.p, (int)(path.n < 200 ? path.n : 200), path.p);
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * Pages of other origins: only those that api.cors_origins names may call, and a browser is
 * told so.  "*" may be named because a key is a header that no page sends by itself.
 */
#include "service/http/internal.h"

#include "boxcore/base/str.h"

#define ALLOWED_HEADERS                                                                  \
	"X-Box-Api-Key, Authorization, Content-Type, Accept, Upstash-Telemetry-Sdk, "    \
	"Upstash-Telemetry-Runtime, Upstash-Telemetry-Platform"

bool cors_names(const struct http_app *app, const char *origin)
{
	for (size_t i = 0; i < app->cors_count; i++)
		if (str_eq(app->cors_origins[i], origin))
			return true;
	return false;
}

/* Called when the head is there.  What is answered is the setting's own word, never the
 * header's. */
void cors_look(struct request *request)
{
	const struct http_app *app = request->server->app;
	const char *origin;

	if (app->cors_count == 0)
		return;
	origin = request_header(request, "Origin");
	for (size_t i = 0; origin && i < app->cors_count; i++)
		if (str_eq(app->cors_origins[i], origin) ||
			str_eq(app->cors_origins[i], "*"))
			request->origin = app->cors_origins[i];
}

void cors_preflight(struct request *request)
{
	if (!str_eq(request->method, "OPTIONS") ||
		!request_header(request, "Access-Control-Request-Method") ||
		!request->origin)
		return;
	reply_header(
		request, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
	reply_header(request, "Access-Control-Allow-Headers", ALLOWED_HEADERS);
	reply_header(request, "Access-Control-Max-Age", "600");
	reply_text(request, 204, "text/plain", "", 0);
}

void cors_headers(struct request *request)
{
	if (request->server->app->cors_count == 0)
		return;
	reply_header(request, "Vary", "Origin");
	if (!request->origin)
		return;
	reply_header(request, "Access-Control-Allow-Origin", request->origin);
	reply_header(request, "Access-Control-Expose-Headers", "Retry-After, Allow");
}
